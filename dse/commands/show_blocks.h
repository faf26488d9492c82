/* The blocks of a network as a table and as JSON. Used by show.c alone. */
#ifndef DSE_SHOW_BLOCKS_H
#define DSE_SHOW_BLOCKS_H

#include "dse/commands/command.h"
#include "workloads/block.h"
#include <jansson.h>

void show_blocks(const struct invocation *invocation, const struct block_chain *chain);
json_t *show_blocks_json(const struct block_chain *chain);

#endif
