/* What a trace says of a schedule beside who was busy when: tiles, what was waited for, bytes. */
#ifndef DSE_SCHEDULE_NOTES_H
#define DSE_SCHEDULE_NOTES_H

#include "arch/stage.h"
#include "results/timeline.h"

/* Adds notes and counters to a timeline whose bars are, class by class and op by op, one for each core that an op owns.
 * Everything new is in `arena`. */
void schedule_notes(const struct stage_detail *detail, struct timeline *timeline, struct arena *arena);

#endif
