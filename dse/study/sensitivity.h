/* What moves the result of a run: which axes, which of the model's constants, and do these change the winner?
 *
 * (a) Sobol' indices of every objective to the axes, twice. Over the *box*: every combination of axis values is equally
 * likely, limits set aside, as the indices' textbook definition wants it: what drives the model. Over the designs that
 * limits *allow* (area, power, memory; not the throughput floor, which is a limit on the result): what an architect
 * still has in hand within the budget; the limits tie axes together, for which the indices are those of Kucherenko et
 * al. (search/space/sobol_indices.h). Points come from a quasi-random sequence; those that limits exclude are left out
 * of the second.
 * (b) The same to the uncertain constants (arch/uncertainty.def), of the winning design, drawn independently from their
 * ranges as `dse evaluate --uncertainty` does.
 * (c) With the constants drawn, the winner is looked for anew. Limits are judged in two ways: with the nominal
 * constants (does another design win among the same ones?) and with the drawn ones (does the winner still fit?).
 *
 * Objectives are analysed as logarithms: they span orders of magnitude, and architects compare by ratios; --linear
 * takes them as they are. Left out: constants that err together; second-order indices. */
#ifndef DSE_SENSITIVITY_H
#define DSE_SENSITIVITY_H

#include "dse/design/drawn_space.h"
#include "search/space/sobol_indices.h"

enum {
  SENSITIVITY_MAX_SAMPLES = 65536,
  SENSITIVITY_MAX_DRAWS = 65536,
  SENSITIVITY_MAX_DESIGNS = 32, /* that are judged in every draw */
};

enum sensitivity_part { PART_BOX, PART_ALLOWED, PART_CONSTANTS, N_SENSITIVITY_PARTS };
extern const char *const sensitivity_part_names[N_SENSITIVITY_PARTS];

struct sensitivity_request {
  uint64_t n_samples, n_draws; /* 0: without this part */
  double scale;                /* of the constants' ranges, as in struct uncertainty_request */
  bool linear;
  bool metric_alone; /* of the run's objectives; pages show no other */
};

struct sensitivity_input {
  const char *name;
  double low, high; /* an axis: its ends, NaN if it is of categories; a constant: factors on the value in force */
};

/* Indices of all objectives to one set of inputs. */
struct sensitivity_indices {
  const char *none; /* why there are none; NULL: there are */
  size_t n_inputs;
  const struct sensitivity_input *inputs;
  uint64_t evaluations;
  double share; /* of the points tried that limits allow; 1 where there are none */
  struct sobol_indices of[SCORE_MAX_OBJECTIVES];
};

/* One design over all draws. */
struct sensitivity_design {
  struct point point;
  uint64_t wins, fits, within_1_percent; /* in how many draws it is best, within limits, at most 1 % from the best */
  double nominal;                        /* metric with nominal constants; NaN: limits exclude it then */
  double regret_median, regret_95;       /* relative loss against each draw's best, where it fits; NaN: nowhere */
};

struct sensitivity_winner {
  enum drawn_limits limits;
  uint64_t n_draws, n_feasible; /* draws in which some design fits */
  uint64_t n_proven;            /* draws whose best is proven over the whole space */
  uint64_t n_winners;           /* different designs that win some draw */
  uint64_t evaluations;
  uint64_t broken[N_REASONS]; /* draws in which the nominal winner breaks this limit (the first that it breaks) */
  size_t n_designs;
  const struct sensitivity_design *designs; /* the nominal winner, then by wins */
};
enum { N_SENSITIVITY_WINNERS = 2 };

struct sensitivity {
  struct run *run;
  struct sensitivity_request request;
  struct drawn_base base;
  const struct space *within; /* of (a) the second: base.allowed's, or with the ways to spread a job as further axes */
  struct record nominal;      /* the winning design */
  bool proven;
  struct sensitivity_indices indices[N_SENSITIVITY_PARTS];
  struct sensitivity_winner winners[N_SENSITIVITY_WINNERS]; /* limits nominal, drawn */
  bool has_constants;                                       /* the provider's constants have ranges */
};

/* All of it, as the options of the run's invocation say; the problem is made. Collective. */
bool sensitivity_analyse(struct sensitivity *sensitivity, struct error *error);
/* (a) and (b). Collective. */
bool sensitivity_of_axes(struct sensitivity *sensitivity, struct error *error);
/* Of (a) the second alone. False: failed, or run->rounds.stopped. */
bool sensitivity_of_allowed(struct sensitivity *sensitivity, struct error *error);
bool sensitivity_of_constants(struct sensitivity *sensitivity, struct error *error);
/* (c); the run's top-k is there. Collective. */
bool sensitivity_of_winner(struct sensitivity *sensitivity, enum drawn_limits limits, struct sensitivity_winner *winner,
                           struct error *error);

/* (c) in one sentence. */
const char *sensitivity_sentence(const struct sensitivity *sensitivity, const struct sensitivity_winner *winner);
void sensitivity_say(const struct sensitivity *sensitivity);
void sensitivity_json(const struct sensitivity *sensitivity);
bool sensitivity_csv(const struct sensitivity *sensitivity, const char *path, struct error *error);
bool sensitivity_html(const struct sensitivity *sensitivity, const char *path, struct error *error);
/* What pages show of a part that has indices. */
struct report_bars;
struct report_table;
void sensitivity_page_part(const struct sensitivity *sensitivity, enum sensitivity_part part, struct report_bars *bars,
                           struct report_table *table, struct arena *arena);
/* Inputs of a part by total effect on an objective, largest first; NaN last, ties as they come. */
const size_t *sensitivity_order(const struct sensitivity_indices *indices, size_t objective, struct arena *arena);
/* How many of them move it: a total effect of at least a thousandth. */
size_t sensitivity_moving(const struct sensitivity_indices *indices, size_t objective);

#endif
