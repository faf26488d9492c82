/* What `dse sensitivity` says: to people, as JSON, as one CSV. */
#include "dse/study/sensitivity.h"

#include "base/file.h"
#include "base/text.h"
#include "results/table.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

static const char *limits_word(enum drawn_limits limits) { return limits == LIMITS_DRAWN ? "drawn" : "nominal"; }

static bool is_number(double value) { return isfinite(value); }

/* --- (c) in words ---------------------------------------------------------------------------------------------------
 */

static const char *share_text(uint64_t n, uint64_t of, struct arena *arena) {
  return arena_printf(arena, "%.0f %%", 100.0 * (double)n / (double)of);
}

static const char *broken_text(const struct sensitivity *sensitivity, const struct sensitivity_winner *winner) {
  struct arena *arena = sensitivity->run->invocation->arena;
  const char *text = "";
  for (size_t r = 0; r < N_REASONS; r++) {
    if (winner->broken[r] == 0) continue;
    text = arena_printf(arena, "%s%s%s in %s", text, *text ? ", " : "", sensitivity->run->designs.space.reasons[r].name,
                        share_text(winner->broken[r], winner->n_draws, arena));
  }
  return text;
}

const char *sensitivity_sentence(const struct sensitivity *sensitivity, const struct sensitivity_winner *winner) {
  struct arena *arena = sensitivity->run->invocation->arena;
  const struct space *space = &sensitivity->run->designs.space;
  const struct sensitivity_design *nominal = &winner->designs[0];
  const char *metric = space->objectives[space->metric].name;
  const char *head = winner->limits == LIMITS_NOMINAL
                         ? "Among the designs that the nominal model allows"
                         : "With area, power and memory judged by the drawn constants, too";
  const char *broken = winner->n_draws == nominal->fits
                           ? ""
                           : arena_printf(arena, "; it breaks a limit in %s of them (%s)",
                                          share_text(winner->n_draws - nominal->fits, winner->n_draws, arena),
                                          broken_text(sensitivity, winner));
  const char *cost =
      nominal->fits == 0
          ? "; it fits in none"
          : arena_printf(arena,
                         "; keeping to it costs %.2g %% of %s in the median and %.2g %% at the 95th percentile%s",
                         100 * nominal->regret_median, metric, 100 * nominal->regret_95,
                         *broken ? " of those in which it fits" : "");
  return arena_printf(arena,
                      "%s, the winning design stays the best in %s of %" PRIu64 " draws of the constants (%" PRIu64
                      " designs share the wins), and within 1 %% of it in %s%s%s.",
                      head, share_text(nominal->wins, winner->n_draws, arena), winner->n_draws, winner->n_winners,
                      share_text(nominal->within_1_percent, winner->n_draws, arena), cost, broken);
}

/* --- for people -----------------------------------------------------------------------------------------------------
 */

static int name_width(const struct space *space, size_t objective) {
  const int width = (int)strlen(space->objectives[objective].name);
  return width > 8 ? width : 8;
}

/* A part: the metric with intervals, the other objectives' total effects beside it. */
static void say_part(const struct sensitivity *sensitivity, enum sensitivity_part part) {
  const struct invocation *invocation = sensitivity->run->invocation;
  const struct space *space = &sensitivity->run->designs.space;
  const struct sensitivity_indices *indices = &sensitivity->indices[part];
  const size_t *order = sensitivity_order(indices, space->metric, invocation->arena);
  const bool some = part == PART_CONSTANTS && !invocation->verbose;
  const size_t most = some ? sensitivity_moving(indices, space->metric) : SIZE_MAX;
  say(invocation, "  %-20s %-22s %-22s", space->objectives[space->metric].name, "first order", "total effect");
  for (size_t o = 0; o < space->n_objectives; o++) {
    if (o != space->metric) say(invocation, " %*s", name_width(space, o), space->objectives[o].name);
  }
  say(invocation, "\n");
  for (size_t k = 0; k < indices->n_inputs && k < most; k++) {
    const size_t i = order[k];
    const struct sobol_estimate *first = &indices->of[space->metric].first[i];
    const struct sobol_estimate *total = &indices->of[space->metric].total[i];
    say(invocation, "  %-20s %6.3f (%6.3f … %6.3f) %6.3f (%6.3f … %6.3f)", indices->inputs[i].name, first->value,
        first->low, first->high, total->value, total->low, total->high);
    for (size_t o = 0; o < space->n_objectives; o++) {
      const double other = indices->of[o].total[i].value;
      if (o == space->metric) continue;
      if (is_number(other)) {
        say(invocation, " %*.3f", name_width(space, o), other);
      } else {
        say(invocation, " %*s", name_width(space, o), "-");
      }
    }
    say(invocation, "\n");
  }
  if (indices->n_inputs > most) {
    say(invocation, "  … and %zu that move it by less than a thousandth (--verbose shows them)\n",
        indices->n_inputs - most);
  }
}

static void say_winner(const struct sensitivity *sensitivity, const struct sensitivity_winner *winner) {
  const struct invocation *invocation = sensitivity->run->invocation;
  const size_t most = invocation->verbose ? SIZE_MAX : 8;
  say(invocation, "\n%s\n  each draw's best is proven in %" PRIu64 " of %" PRIu64 " draws; %" PRIu64 " evaluations\n",
      sensitivity_sentence(sensitivity, winner), winner->n_proven, winner->n_draws, winner->evaluations);
  say(invocation, "  %5s %5s %9s %8s %8s  %s\n", "wins", "fits", "nominal", "regret", "95 %", "design");
  for (size_t i = 0; i < winner->n_designs && i < most; i++) {
    const struct sensitivity_design *design = &winner->designs[i];
    say(invocation, "  %5" PRIu64 " %5" PRIu64 " ", design->wins, design->fits);
    if (is_number(design->nominal)) {
      say(invocation, "%9.5g ", design->nominal);
    } else {
      say(invocation, "%9s ", "-");
    }
    if (design->fits > 0) {
      say(invocation, "%6.2f %% %6.2f %%", 100 * design->regret_median, 100 * design->regret_95);
    } else {
      say(invocation, "%8s %8s", "-", "-");
    }
    say(invocation, "  %s%s\n", design_text(&sensitivity->run->designs, &design->point, invocation->arena),
        i == 0 ? " (nominal winner)" : "");
  }
  if (winner->n_designs > most) {
    say(invocation, "  … and %zu more (--verbose shows them)\n", winner->n_designs - most);
  }
}

void sensitivity_say(const struct sensitivity *sensitivity) {
  static const char *const titles[N_SENSITIVITY_PARTS] = {
      "axes, over the box: every combination of values, limits set aside", "axes, over the designs that limits allow",
      "constants of the model, at the winning design"};
  const struct run *run = sensitivity->run;
  const struct invocation *invocation = run->invocation;
  const struct space *space = &run->designs.space;
  const struct objective *metric = &space->objectives[space->metric];
  say(invocation, "winning design by %s: %s\n  %.6g %s%s%s\n", metric->name,
      design_text(&run->designs, &sensitivity->nominal.point, invocation->arena),
      sensitivity->nominal.score.objective[space->metric], text_unit_shown(metric->name, metric->unit),
      *metric->unit ? ", " : "", sensitivity->proven ? "proven optimal" : "not proven");
  for (unsigned p = 0; p < N_SENSITIVITY_PARTS; p++) {
    const struct sensitivity_indices *indices = &sensitivity->indices[p];
    say(invocation, "\n%s\n", titles[p]);
    if (indices->none != NULL) {
      say(invocation, "  no indices: %s\n", indices->none);
      continue;
    }
    say(invocation,
        "  Sobol' indices of %s; %" PRIu64 " evaluations; in brackets 95 %% of a bootstrap; right: total effects\n",
        sensitivity->request.linear ? "the objectives" : "the objectives' logarithms", indices->evaluations);
    say_part(sensitivity, (enum sensitivity_part)p);
  }
  for (unsigned w = 0; w < N_SENSITIVITY_WINNERS; w++) {
    if (sensitivity->winners[w].n_draws > 0) say_winner(sensitivity, &sensitivity->winners[w]);
  }
}

/* --- JSON -----------------------------------------------------------------------------------------------------------
 */

static json_t *number_or_null(double value) { return is_number(value) ? json_real(value) : json_null(); }

static json_t *estimate_json(const struct sobol_estimate *estimate) {
  return json_pack("{so so so}", "value", number_or_null(estimate->value), "low", number_or_null(estimate->low), "high",
                   number_or_null(estimate->high));
}

static json_t *indices_json(const struct sensitivity *sensitivity, const struct sensitivity_indices *indices) {
  const struct space *space = &sensitivity->run->designs.space;
  json_t *object = json_pack("{so sI}", "none", indices->none != NULL ? json_string(indices->none) : json_null(),
                             "evaluations", (json_int_t)indices->evaluations);
  json_t *inputs = json_object();
  for (size_t i = 0; indices->none == NULL && i < indices->n_inputs; i++) {
    json_t *outputs = json_object();
    for (size_t o = 0; o < space->n_objectives; o++) {
      json_object_set_new(outputs, space->objectives[o].name,
                          json_pack("{so so}", "first", estimate_json(&indices->of[o].first[i]), "total",
                                    estimate_json(&indices->of[o].total[i])));
    }
    json_object_set_new(inputs, indices->inputs[i].name, outputs);
  }
  json_object_set_new(object, "inputs", inputs);
  return object;
}

static json_t *winner_json(const struct sensitivity *sensitivity, const struct sensitivity_winner *winner) {
  const struct run *run = sensitivity->run;
  json_t *object =
      json_pack("{ss ss sI sI sI sI sI}", "limits", limits_word(winner->limits), "sentence",
                sensitivity_sentence(sensitivity, winner), "draws", (json_int_t)winner->n_draws, "feasible_draws",
                (json_int_t)winner->n_feasible, "proven_draws", (json_int_t)winner->n_proven, "winners",
                (json_int_t)winner->n_winners, "evaluations", (json_int_t)winner->evaluations);
  json_t *broken = json_object(), *designs = json_array();
  for (size_t r = 0; r < N_REASONS; r++) {
    if (winner->broken[r] == 0) continue;
    json_object_set_new(broken, run->designs.space.reasons[r].name, json_integer((json_int_t)winner->broken[r]));
  }
  for (size_t i = 0; i < winner->n_designs; i++) {
    const struct sensitivity_design *design = &winner->designs[i];
    json_array_append_new(designs,
                          json_pack("{ss sI sI sI so so so}", "design",
                                    design_text(&run->designs, &design->point, run->invocation->arena), "wins",
                                    (json_int_t)design->wins, "fits", (json_int_t)design->fits, "within_1_percent",
                                    (json_int_t)design->within_1_percent, "nominal", number_or_null(design->nominal),
                                    "regret_median", number_or_null(design->regret_median), "regret_95",
                                    number_or_null(design->regret_95)));
  }
  json_object_set_new(object, "nominal_winner_breaks", broken);
  json_object_set_new(object, "designs", designs);
  return object;
}

void sensitivity_json(const struct sensitivity *sensitivity) {
  const struct run *run = sensitivity->run;
  const struct space *space = &run->designs.space;
  json_t *object = json_pack(
      "{ss ss sf sb ss sI sI sI sf}", "design",
      design_text(&run->designs, &sensitivity->nominal.point, run->invocation->arena), "metric",
      space->objectives[space->metric].name, "value", sensitivity->nominal.score.objective[space->metric],
      "proven_optimal", sensitivity->proven, "scale_of_objectives", sensitivity->request.linear ? "linear" : "log",
      "samples", (json_int_t)sensitivity->request.n_samples, "draws", (json_int_t)sensitivity->request.n_draws, "seed",
      (json_int_t)run->settings.search.seed, "scale", sensitivity->request.scale);
  REQUIRE(object != NULL);
  json_t *parts = json_object(), *winners = json_array();
  for (unsigned p = 0; p < N_SENSITIVITY_PARTS; p++) {
    json_object_set_new(parts, sensitivity_part_names[p], indices_json(sensitivity, &sensitivity->indices[p]));
  }
  for (unsigned w = 0; w < N_SENSITIVITY_WINNERS; w++) {
    if (sensitivity->winners[w].n_draws == 0) continue;
    json_array_append_new(winners, winner_json(sensitivity, &sensitivity->winners[w]));
  }
  json_object_set_new(object, "indices", parts);
  json_object_set_new(object, "winner", winners);
  json_dumpf(object, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
  putchar('\n');
  json_decref(object);
}

/* --- CSV ------------------------------------------------------------------------------------------------------------
 */

static const struct table_column columns[] = {
    {"part", "", "", "axes over the box or the allowed designs; constants; winner, with nominal or drawn limits"},
    {"input", "", "", "axis, constant, or design (of part winner)"},
    {"output", "", "", "objective"},
    {"low", "", "", "axis: first value; constant: least factor on the value in force"},
    {"high", "", "", "axis: last value; constant: largest factor"},
    {"first", "", "", "first-order Sobol' index"},
    {"first_low", "", "", "lower end of its 95 % interval (bootstrap)"},
    {"first_high", "", "", "upper end of the same"},
    {"total", "", "", "total-effect Sobol' index"},
    {"total_low", "", "", "lower end of its 95 % interval (bootstrap)"},
    {"total_high", "", "", "upper end of the same"},
    {"evaluations", "", "", "of the whole part"},
    {"draws", "", "", "of the constants"},
    {"wins", "", "max", "draws in which the design is the best"},
    {"fits", "", "max", "draws in which limits allow it"},
    {"within_1_percent", "", "max", "draws in which it is at most 1 % from the best"},
    {"nominal", "", "", "the output with nominal constants"},
    {"regret_median", "", "min", "relative loss against each draw's best, where it fits"},
    {"regret_95", "", "min", "95th percentile of the same"},
};
enum { N_COLUMNS = sizeof columns / sizeof *columns, FIRST_OF_DRAWS = 12 };

static void write_estimate(struct table *table, const struct sobol_estimate *estimate) {
  table_double(table, estimate->value);
  table_double(table, estimate->low);
  table_double(table, estimate->high);
}

static void write_indices(const struct sensitivity *sensitivity, enum sensitivity_part part, struct table *table) {
  const struct space *space = &sensitivity->run->designs.space;
  const struct sensitivity_indices *indices = &sensitivity->indices[part];
  for (size_t o = 0; indices->none == NULL && o < space->n_objectives; o++) {
    for (size_t i = 0; i < indices->n_inputs; i++) {
      table_text(table, sensitivity_part_names[part]);
      table_text(table, indices->inputs[i].name);
      table_text(table, space->objectives[o].name);
      table_double(table, indices->inputs[i].low);
      table_double(table, indices->inputs[i].high);
      write_estimate(table, &indices->of[o].first[i]);
      write_estimate(table, &indices->of[o].total[i]);
      table_u64(table, indices->evaluations);
      for (unsigned c = FIRST_OF_DRAWS; c < N_COLUMNS; c++) table_empty(table);
    }
  }
}

static void write_winner(const struct sensitivity *sensitivity, const struct sensitivity_winner *winner,
                         struct table *table) {
  const struct run *run = sensitivity->run;
  const struct space *space = &run->designs.space;
  struct arena *arena = run->invocation->arena;
  for (size_t i = 0; i < winner->n_designs; i++) {
    const struct sensitivity_design *design = &winner->designs[i];
    table_text(table, arena_printf(arena, "winner, %s limits", limits_word(winner->limits)));
    table_text(table, design_text(&run->designs, &design->point, arena));
    table_text(table, space->objectives[space->metric].name);
    for (unsigned c = 3; c < FIRST_OF_DRAWS - 1; c++) table_empty(table);
    table_u64(table, winner->evaluations);
    table_u64(table, winner->n_draws);
    table_u64(table, design->wins);
    table_u64(table, design->fits);
    table_u64(table, design->within_1_percent);
    table_double(table, design->nominal);
    table_double(table, design->regret_median);
    table_double(table, design->regret_95);
  }
}

bool sensitivity_csv(const struct sensitivity *sensitivity, const char *path, struct error *error) {
  struct table *table = table_new(sensitivity->run->invocation->arena, "sensitivity.csv", columns, N_COLUMNS);
  for (unsigned p = 0; p < N_SENSITIVITY_PARTS; p++) write_indices(sensitivity, (enum sensitivity_part)p, table);
  for (unsigned w = 0; w < N_SENSITIVITY_WINNERS; w++) write_winner(sensitivity, &sensitivity->winners[w], table);
  size_t n;
  const char *bytes = table_bytes(table, &n);
  return file_publish(path, bytes, n, error);
}
