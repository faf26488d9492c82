/* In which ways may a training job be spread over how many devices? (accelerator-search §9, "Strategy axes") */
#ifndef DSE_STRATEGIES_H
#define DSE_STRATEGIES_H

#include "dse/system/system.h"

/* Group "system" of run files. A list of degrees names those to try. */
struct system_settings {
  struct uint_list devices; /* of the whole system; [1]: a single device, and no system at all */
  uint64_t global_batch;    /* samples of one iteration; 0: `batch` of the run file */
  struct uint_list tensor, context, expert, pipeline, microbatch, chunks;
  struct uint_list schedule;  /* indices into pipeline_schedules */
  struct uint_list recompute; /* enum recompute */
  struct uint_list zero;
  uint64_t sequence;  /* enum sequence_choice */
  uint64_t partition; /* enum system_partition */
  bool pad_heads;
  double power_w, money_usd; /* most that all devices together may draw and cost; 0: no limit */
  uint64_t kinds;            /* enum system_kinds */
  uint64_t max_designs;      /* different ones in one system; 0: as many as stages */
  struct uint_list top_k;    /* how many designs of each stage's own search enter the choice */
};
enum sequence_choice { SEQUENCE_OFF, SEQUENCE_ON, SEQUENCE_BOTH };
enum system_kinds { KINDS_HOMOGENEOUS, KINDS_HETEROGENEOUS, KINDS_JOINT, N_KINDS };
extern const char *const kinds_names[]; /* ends with NULL */
extern const struct field_table *system_fields(void);
bool system_is_asked_for(const struct system_settings *settings);

struct strategies {
  const struct strategy *all;
  size_t n;
};
/* Every combination whose numbers go together (devices divide, the batch divides, experts lie within data, chunks only
 * where the schedule has them), in the order of the lists. STATUS_INPUT if there is none, or too many. */
bool strategies_list(const struct system_settings *settings, uint64_t batch, struct arena *arena,
                     struct strategies *strategies, struct error *error);

#endif
