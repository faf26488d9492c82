/* See strategies.h. */
#include "dse/system/strategies.h"

#include "base/checked.h"
#include "base/text.h"

enum { MOST_STRATEGIES = 1000000 };

static const char *const sequence_names[] = {"off", "on", "both", NULL};
const char *const kinds_names[] = {"homogeneous", "heterogeneous", "joint", NULL};

#define SYSTEM(member) offsetof(struct system_settings, member)
const struct field_table *system_fields(void) {
  static const struct field list[] = {
      {"devices", FIELD_UINT_LIST, "", 1, 1e6, "[1]",
       "devices of the whole system: numbers to choose from; [1]: a single device", SYSTEM(devices), ROLE_ANSWER, NULL},
      {"global_batch", FIELD_UINT, "samples", 0, 1e9, "0",
       "samples of one iteration of the whole system; 0: as many as `batch`", SYSTEM(global_batch), ROLE_ANSWER, NULL},
      {"tensor", FIELD_UINT_LIST, "", 1, 1024, "[1, 2, 4, 8]", "tensor-parallel degrees to try", SYSTEM(tensor),
       ROLE_ANSWER, NULL},
      {"context", FIELD_UINT_LIST, "", 1, 1024, "[1]", "context-parallel degrees to try", SYSTEM(context), ROLE_ANSWER,
       NULL},
      {"expert", FIELD_UINT_LIST, "", 1, 1024, "[1]", "expert-parallel degrees to try (within data)", SYSTEM(expert),
       ROLE_ANSWER, NULL},
      {"pipeline", FIELD_UINT_LIST, "", 1, 1024, "[1, 2, 4, 8, 16]", "numbers of pipeline stages to try",
       SYSTEM(pipeline), ROLE_ANSWER, NULL},
      {"microbatch", FIELD_UINT_LIST, "samples", 1, 65536, "[1, 2, 4]", "sizes of a microbatch to try",
       SYSTEM(microbatch), ROLE_ANSWER, NULL},
      {"chunks", FIELD_UINT_LIST, "", 1, 64, "[1]", "chunks of layers on one device to try (interleaved schedules)",
       SYSTEM(chunks), ROLE_ANSWER, NULL},
      {"schedule", FIELD_CHOICE_LIST, "", 0, 0, "[\"1f1b\"]", "pipeline schedules to try (dse list pipelines)",
       SYSTEM(schedule), ROLE_ANSWER, pipeline_schedule_names},
      {"recompute", FIELD_CHOICE_LIST, "", 0, 0, "[\"none\", \"selective\", \"full\"]",
       "what of the forward pass may be computed again backwards instead of kept", SYSTEM(recompute), ROLE_ANSWER,
       recompute_names},
      {"zero", FIELD_UINT_LIST, "", 0, 3, "[1]",
       "what data-parallel devices share: 0 nothing, 1 optimizer state, 2 and gradients, 3 and weights", SYSTEM(zero),
       ROLE_ANSWER, NULL},
      {"sequence", FIELD_CHOICE, "", 0, 0, "\"on\"",
       "whether a tensor group also shares norms, dropout and residuals, by sequence", SYSTEM(sequence), ROLE_ANSWER,
       sequence_names},
      {"partition", FIELD_CHOICE, "", 0, 0, "\"balanced\"",
       "layers to stages: balanced (the most work of a stage is least) or equal (in number)", SYSTEM(partition),
       ROLE_ANSWER, system_partition_names},
      {"pad_heads", FIELD_BOOL, "", 0, 0, "false", "pad attention heads that the tensor degree does not divide",
       SYSTEM(pad_heads), ROLE_ANSWER, NULL},
      {"power_w", FIELD_REAL, "w", 0, 1e12, "0.0", "most that the TDP of all devices may add up to; 0: no limit",
       SYSTEM(power_w), ROLE_ANSWER, NULL},
      {"money_usd", FIELD_REAL, "usd", 0, 1e15, "0.0", "most that all devices may cost (dies and memory); 0: no limit",
       SYSTEM(money_usd), ROLE_ANSWER, NULL},
      {"kinds", FIELD_CHOICE, "", 0, 0, "\"heterogeneous\"",
       "homogeneous: one design for all stages; heterogeneous: also one design for each; joint: also the layers of "
       "each",
       SYSTEM(kinds), ROLE_ANSWER, kinds_names},
      {"max_designs", FIELD_UINT, "", 0, 1024, "0", "different designs in one system; 0: as many as there are stages",
       SYSTEM(max_designs), ROLE_ANSWER, NULL},
      {"top_k", FIELD_UINT_LIST, "", 1, 10000, "[10]",
       "how many best designs of each stage enter the choice of whole systems; several: a table of what k changes",
       SYSTEM(top_k), ROLE_ANSWER, NULL},
  };
  static const struct field_table table = {"system", "how a training job is spread over many devices", list,
                                           sizeof list / sizeof *list};
  return &table;
}

bool system_is_asked_for(const struct system_settings *settings) {
  return settings->devices.n > 1 || (settings->devices.n == 1 && settings->devices.values[0] > 1);
}

/* --- combinations ---------------------------------------------------------------------------------------------------
 */

struct listing {
  const struct system_settings *settings;
  struct strategy *all; /* NULL: only counted */
  size_t n;
};

static void add(struct listing *listing, const struct strategy *strategy) {
  if (listing->all != NULL) listing->all[listing->n] = *strategy;
  listing->n++;
}

/* The innermost lists: what changes no operator. */
static void list_savings(struct listing *listing, struct strategy *strategy) {
  const struct system_settings *settings = listing->settings;
  for (size_t r = 0; r < settings->recompute.n; r++) {
    strategy->recompute = settings->recompute.values[r];
    for (size_t z = 0; z < settings->zero.n; z++) {
      strategy->zero = settings->zero.values[z];
      if (strategy->degrees.data * strategy->degrees.context == 1 && z > 0) continue; /* nobody to share with */
      add(listing, strategy);
    }
  }
}

/* On a single stage all schedules are one: the first of the list that knows no chunks, else 1F1B. */
static uint64_t schedule_alone(const struct system_settings *settings) {
  for (size_t s = 0; s < settings->schedule.n; s++) {
    if (!pipeline_schedules[settings->schedule.values[s]]->has_chunks) return settings->schedule.values[s];
  }
  for (uint64_t s = 0; s < n_pipeline_schedules; s++) {
    if (pipeline_schedules[s] == &pipeline_1f1b) return s;
  }
  BUG("no schedule 1f1b");
}

static void list_ways(struct listing *listing, struct strategy *strategy) {
  const struct system_settings *settings = listing->settings;
  if (strategy->degrees.pipeline == 1) {
    strategy->n_chunks = 1;
    strategy->schedule = schedule_alone(settings);
    list_savings(listing, strategy);
    return;
  }
  for (size_t c = 0; c < settings->chunks.n; c++) {
    strategy->n_chunks = settings->chunks.values[c];
    for (size_t s = 0; s < settings->schedule.n; s++) {
      strategy->schedule = settings->schedule.values[s];
      if (pipeline_schedules[strategy->schedule]->has_chunks != (strategy->n_chunks > 1)) continue;
      list_savings(listing, strategy);
    }
  }
}

static void list_sequences(struct listing *listing, struct strategy *strategy) {
  const enum sequence_choice choice = (enum sequence_choice)listing->settings->sequence;
  for (unsigned on = 0; on < 2; on++) {
    if (choice != SEQUENCE_BOTH && on != (choice == SEQUENCE_ON)) continue;
    if (strategy->degrees.tensor == 1 && on != (choice == SEQUENCE_ON)) continue;
    strategy->degrees.sequence = on && strategy->degrees.tensor > 1;
    list_ways(listing, strategy);
  }
}

static void list_batches(struct listing *listing, struct strategy *strategy) {
  const struct system_settings *settings = listing->settings;
  for (size_t e = 0; e < settings->expert.n; e++) {
    strategy->degrees.expert = settings->expert.values[e];
    if (strategy->degrees.data % strategy->degrees.expert != 0) continue;
    for (size_t b = 0; b < settings->microbatch.n; b++) {
      strategy->microbatch = settings->microbatch.values[b];
      uint64_t pass;
      if (!checked_mul(strategy->degrees.data, strategy->microbatch, &pass)) continue;
      if (strategy->global_batch % pass != 0) continue;
      list_sequences(listing, strategy);
    }
  }
}

static void list_degrees(struct listing *listing, struct strategy *strategy) {
  const struct system_settings *settings = listing->settings;
  for (size_t n = 0; n < settings->devices.n; n++) {
    for (size_t t = 0; t < settings->tensor.n; t++) {
      for (size_t c = 0; c < settings->context.n; c++) {
        for (size_t p = 0; p < settings->pipeline.n; p++) {
          struct split_degrees *degrees = &strategy->degrees;
          *degrees = (struct split_degrees){.tensor = settings->tensor.values[t],
                                            .context = settings->context.values[c],
                                            .pipeline = settings->pipeline.values[p],
                                            .pad_heads = settings->pad_heads};
          const uint64_t others = degrees->tensor * degrees->context * degrees->pipeline; /* ≤ 2³⁰ by their ranges */
          if (settings->devices.values[n] % others != 0) continue;
          degrees->data = settings->devices.values[n] / others;
          list_batches(listing, strategy);
        }
      }
    }
  }
}

bool strategies_list(const struct system_settings *settings, uint64_t batch, struct arena *arena,
                     struct strategies *strategies, struct error *error) {
  struct strategy strategy = {.global_batch = settings->global_batch > 0 ? settings->global_batch : batch,
                              .partition = settings->partition};
  struct listing listing = {.settings = settings};
  list_degrees(&listing, &strategy);
  if (listing.n == 0) {
    return error_add(error, STATUS_INPUT,
                     "system: no degrees of the lists go together: tensor, context, pipeline must divide devices, and "
                     "data · microbatch the global batch (%llu)",
                     (unsigned long long)strategy.global_batch);
  }
  if (listing.n > MOST_STRATEGIES) {
    return error_add(error, STATUS_INPUT, "system: %zu strategies are more than %d: shorten the lists", listing.n,
                     MOST_STRATEGIES);
  }
  listing.all = ARENA_NEW(arena, struct strategy, listing.n);
  listing.n = 0;
  list_degrees(&listing, &strategy);
  *strategies = (struct strategies){listing.all, listing.n};
  return true;
}
