/* What does a design wait for in the forward pass alone?
 *
 * The forward operators of a training graph as a stage of their own. The backward pass mirrors them, so that the cores
 * the forward pass waits for are those that the whole waits for, at about a third of the price of an evaluation.
 * (accelerator-search §6, "Mirror".) Left out: memory and state of training, which are the whole stage's. */
#ifndef ARCH_STAGE_FORWARD_H
#define ARCH_STAGE_FORWARD_H

#include "arch/stage.h"

/* A stage of the forward operators of `stage`, under its settings, in `arena`. False if there are none, or none but
 * they. */
bool stage_forward_init(struct stage *forward, const struct stage *stage, struct arena *arena, struct arena *scratch);

#endif
