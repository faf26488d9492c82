/* What stage.c (evaluations) and stage_bound.c (floors) share; what they see of a design is in stage_seen.c. */
#ifndef ARCH_STAGE_PRIVATE_H
#define ARCH_STAGE_PRIVATE_H

#include "arch/cost_cache.h"
#include "arch/schedule_memo.h"
#include "arch/stage.h"

struct floor_sets; /* stage_bound.c */

/* A design as operators see it, with what is looked up by it. Stages that price side by side are asked for one design
 * after another, so that the last one seen is mostly the next, too. */
struct stage_seen {
  struct accelerator running;
  struct digest rules;
  const struct stage_settings *settings;
  const struct cost_settings *cost;
  const struct technology *technology;
  const struct cost_provider *provider;
  bool is_filled;
  struct machine machine;
  bool has_prices, has_floors;            /* the digests are made when first asked for */
  struct digest full, lanes_only, floors; /* of the machine: of prices, of floors */
  unsigned widths[1 << N_CORE_CLASSES];   /* doublings of cores that an op of these classes may take */
};

struct stage_scratch {
  struct arena arena; /* for schedules; grows to its working size and stays */
  uint8_t *classes;
  uint64_t *cycles;      /* [n_shapes * SCHEDULE_MAX_WIDTHS] */
  struct op_cost *costs; /* the same */
  uint64_t *finish;      /* [n_ops] */
  struct floor_sets *floors;
  uint64_t *least_cycles; /* [n_shapes]: of the floors (stage_bound.h) */
  struct cost_cache *cache;
  struct tilings *tilings;      /* NULL without a cache */
  struct memo *schedules;       /* the same */
  struct digest structure;      /* of the graph, for schedules */
  struct stage_seen *seen;      /* one for all stages side by side */
  struct digest rules, *shapes; /* parts of the cache's keys; shapes: [n_shapes] */
};

/* Floors kept between designs. */
struct floor_sets *floor_sets_new(struct arena *arena, const struct stage *stage);
void floor_sets_clear(struct floor_sets *sets);

/* The design as it runs; valid until the next. */
struct stage_seen *stage_see(const struct stage *stage, const struct accelerator *running,
                             struct stage_scratch *scratch);

/* What derating adds to the energy of these bytes; 0 without. */
double stage_derated_hbm_j(const struct stage *stage, const struct accelerator *running, uint64_t hbm_bytes);
void stage_count_cores(const struct accelerator *accelerator, uint32_t *n_cores);
/* Classes of a shape. An op that the provider gives no core (free ones of `compat`) takes no time: it passes over the
 * link, which compat never occupies, so that the scheduler need not know of classless ops. */
uint8_t stage_classes_of(const struct stage *stage, const struct machine *machine, const struct op *op);
/* Providers without a bandwidth term let every op have the memory to itself. */
bool stage_shares_hbm(const struct stage *stage);

#endif
