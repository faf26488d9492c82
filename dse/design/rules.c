/* Keys that follow from others, and conditions on them. See rules.h. */
#include "dse/design/rules.h"

#include "base/checked.h"
#include <math.h>
#include <string.h>

/* What stands behind the keys of an accelerator in the conditions. */
enum { COST_AREA, COST_TDP, COST_MEMORY, COST_HBM, COST_COMPAT_AREA, N_COSTS };
static const char *const cost_names[N_COSTS] = {"area_mm2", "tdp_w", "memory_bytes", "hbm_bytes", "compat_area_mm2"};

static size_t n_keys(void) { return accelerator_fields.n_fields; }

static double key_value(const struct field *field, const struct accelerator *accelerator) {
  const void *at = (const char *)accelerator + field->offset;
  return field->type == FIELD_REAL ? *(const double *)at : (double)*(const uint64_t *)at;
}

static void set_key(const struct field *field, struct accelerator *accelerator, double value) {
  void *at = (char *)accelerator + field->offset;
  if (field->type == FIELD_REAL) {
    *(double *)at = value;
  } else {
    *(uint64_t *)at = (uint64_t)value;
  }
}

static size_t number_of(const struct field *field) { return (size_t)(field - accelerator_fields.fields); }

/* --- reading --------------------------------------------------------------------------------------------------------
 */

struct reading {
  const struct run_settings *settings;
  struct arena *arena;
  const char **names; /* of keys and costs */
  rules_complain *complain;
  void *context;
  bool good;
};

static void note(struct reading *reading, const char *key, const char *text) {
  reading->complain(reading->context, key, text);
  reading->good = false;
}

static const char *axis_key(const struct reading *reading, const struct field *field) {
  return arena_printf(reading->arena, "space.%s", field->key);
}

/* Moves rules behind those that they need; what is left goes in a circle. */
static void sort_rules(struct reading *reading, struct rules *rules) {
  struct rule *const all = rules->rules;
  for (size_t done = 0; done < rules->n_rules; done++) {
    size_t next = done;
    for (; next < rules->n_rules; next++) {
      bool waits = false;
      for (size_t r = done; r < rules->n_rules; r++) {
        waits = waits || expression_uses(all[next].expression, number_of(all[r].field));
      }
      if (!waits) break;
    }
    if (next == rules->n_rules) {
      for (size_t r = done; r < rules->n_rules; r++) {
        note(reading, axis_key(reading, all[r].field), "the rule depends on its own key");
      }
      return;
    }
    const struct rule first = all[next];
    memmove(&all[done + 1], &all[done], (next - done) * sizeof *all);
    all[done] = first;
  }
}

/* Over the whole space: a rule that no design can follow is a mistake. */
static void check_values(struct reading *reading, struct rules *rules) {
  struct accelerator fixed, least, greatest;
  config_defaults(&accelerator_fields, reading->arena, &fixed);
  struct rules_box box;
  rules_box_init(&box, &fixed);
  const struct field_table *space = run_space_fields(reading->arena);
  for (size_t a = 0; a < N_RUN_AXES; a++) {
    const struct uint_rule *axis = &reading->settings->axes[a];
    if (axis->n == 0) continue;
    rules_box_widen(&box, config_find_field(&accelerator_fields, space->fields[a].key), (double)axis->values[0],
                    (double)axis->values[axis->n - 1]);
  }
  const size_t n = rules->n_rules;
  for (rules->n_rules = 1; rules->n_rules <= n && reading->good; rules->n_rules++) {
    struct rules_box tried = box;
    if (rules_box_close(rules, &tried, &least, &greatest)) continue;
    const struct field *field = rules->rules[rules->n_rules - 1].field;
    note(reading, axis_key(reading, field),
         arena_printf(reading->arena, "the rule gives no value from %.0f to %.0f for any design of the space",
                      field->minimum, field->maximum));
  }
  rules->n_rules = n;
}

static void read_rules(struct reading *reading, struct rules *rules) {
  char problem[EXPRESSION_PROBLEM_BYTES];
  const struct field_table *space = run_space_fields(reading->arena);
  for (size_t a = 0; a < N_RUN_AXES; a++) {
    const char *text = reading->settings->axes[a].rule;
    if (text == NULL) continue;
    const struct field *field = config_find_field(&accelerator_fields, space->fields[a].key);
    const struct expression *expression = expression_parse(text, reading->names, n_keys(), reading->arena, problem);
    if (expression == NULL) {
      note(reading, axis_key(reading, field), problem);
    } else {
      rules->rules[rules->n_rules++] = (struct rule){field, expression};
    }
  }
  if (reading->good) sort_rules(reading, rules);
  if (reading->good) check_values(reading, rules);
}

static void read_constraints(struct reading *reading, struct rules *rules) {
  char problem[EXPRESSION_PROBLEM_BYTES];
  const struct text_list *texts = &reading->settings->limits.constraints;
  rules->constraints = ARENA_NEW(reading->arena, const struct expression *, texts->n);
  for (size_t i = 0; i < texts->n; i++) {
    const struct expression *expression =
        expression_parse(texts->values[i], reading->names, n_keys() + N_COSTS, reading->arena, problem);
    if (expression == NULL) {
      note(reading, arena_printf(reading->arena, "limits.constraints.[%zu]", i), problem);
    } else if (expression_uses(expression, n_keys() + COST_COMPAT_AREA)) {
      rules->see_compat_area = true;
    }
    rules->constraints[rules->n_constraints++] = expression;
  }
}

bool rules_read(const struct run_settings *settings, struct arena *arena, struct rules *rules, rules_complain *complain,
                void *context) {
  REQUIRE(n_keys() + N_COSTS <= RULES_MAX_NAMES);
  struct reading reading = {settings, arena,   ARENA_NEW(arena, const char *, n_keys() + N_COSTS),
                            complain, context, true};
  for (size_t k = 0; k < n_keys(); k++) reading.names[k] = accelerator_fields.fields[k].key;
  for (size_t c = 0; c < N_COSTS; c++) reading.names[n_keys() + c] = cost_names[c];
  *rules = (struct rules){.n_rules = 0};
  read_rules(&reading, rules);
  read_constraints(&reading, rules);
  return reading.good;
}

/* --- at a point -----------------------------------------------------------------------------------------------------
 */

static void key_values(const struct accelerator *accelerator, double *values) {
  for (size_t k = 0; k < n_keys(); k++) values[k] = key_value(&accelerator_fields.fields[k], accelerator);
}

bool rules_apply(const struct rules *rules, struct accelerator *accelerator, uint64_t given) {
  double values[RULES_MAX_NAMES];
  if (rules->n_rules == 0) return true;
  key_values(accelerator, values);
  for (size_t r = 0; r < rules->n_rules; r++) {
    const struct field *field = rules->rules[r].field;
    if (given >> number_of(field) & 1) continue;
    const double value = floor(expression_value(rules->rules[r].expression, values));
    if (!(value >= field->minimum && value <= field->maximum)) return false;
    values[number_of(field)] = value;
    set_key(field, accelerator, value);
  }
  return true;
}

bool rules_need(const struct rules *rules, const char *key, bool (*is_such)(const char *key)) {
  const struct field *field = config_find_field(&accelerator_fields, key);
  for (size_t r = 0; r < rules->n_rules; r++) {
    const char *given = rules->rules[r].field->key;
    if (!expression_uses(rules->rules[r].expression, number_of(field))) continue;
    if (is_such(given) || rules_need(rules, given, is_such)) return true; /* rules go in no circle */
  }
  return false;
}

size_t rules_broken(const struct rules *rules, const struct accelerator *accelerator,
                    const struct stage_cost_of_design *design) {
  double values[RULES_MAX_NAMES];
  if (rules->n_constraints == 0) return 0;
  key_values(accelerator, values);
  double *const costs = values + n_keys();
  costs[COST_AREA] = design->area.total;
  costs[COST_TDP] = design->tdp.total;
  costs[COST_MEMORY] = (double)design->memory_bytes;
  costs[COST_HBM] = (double)design->hbm_bytes;
  costs[COST_COMPAT_AREA] = 0;
  if (rules->see_compat_area) {
    struct area_breakdown area;
    compat_area(accelerator, &area, NULL);
    costs[COST_COMPAT_AREA] = area.total;
  }
  size_t n = 0;
  for (size_t c = 0; c < rules->n_constraints; c++) {
    const double value = expression_value(rules->constraints[c], values);
    n += isnan(value) || value == 0;
  }
  return n;
}

/* --- over boxes -----------------------------------------------------------------------------------------------------
 */

void rules_box_init(struct rules_box *box, const struct accelerator *underived) {
  *box = (struct rules_box){0};
  for (size_t k = 0; k < n_keys(); k++) {
    const double value = key_value(&accelerator_fields.fields[k], underived);
    box->values[k] = (struct interval){value, value, false};
  }
}

void rules_box_widen(struct rules_box *box, const struct field *field, double low, double high) {
  box->values[number_of(field)] = (struct interval){low, high, false};
}

/* An L2 of 0 stands for what follows from the array or the lanes, which grows with them. */
static void derive_l2(struct interval *l2, uint64_t *least, uint64_t *greatest, uint64_t low_kib, uint64_t high_kib) {
  if (l2->low > 0) return;
  l2->low = l2->high > 0 ? 1 : (double)low_kib;
  l2->high = fmax(l2->high, (double)high_kib);
  *least = (uint64_t)l2->low;
  *greatest = (uint64_t)l2->high;
}

bool rules_box_close(const struct rules *rules, struct rules_box *box, struct accelerator *least,
                     struct accelerator *greatest) {
  for (size_t r = 0; r < rules->n_rules; r++) {
    const struct field *field = rules->rules[r].field;
    const struct interval range = expression_range(rules->rules[r].expression, box->values);
    if (range.low > range.high) return false;
    const struct interval whole = {fmax(floor(range.low), field->minimum), fmin(floor(range.high), field->maximum),
                                   false};
    if (whole.low > whole.high) return false;
    box->values[number_of(field)] = whole;
  }
  *least = *greatest = (struct accelerator){0};
  for (size_t k = 0; k < n_keys(); k++) {
    set_key(&accelerator_fields.fields[k], least, box->values[k].low);
    set_key(&accelerator_fields.fields[k], greatest, box->values[k].high);
  }
  struct accelerator small = *least, large = *greatest;
  small.tc_l2_kib = small.vc_l2_kib = large.tc_l2_kib = large.vc_l2_kib = 0;
  derive_l2(&box->values[number_of(config_find_field(&accelerator_fields, "tc_l2_kib"))], &least->tc_l2_kib,
            &greatest->tc_l2_kib, accelerator_tensor_l2_kib(&small), accelerator_tensor_l2_kib(&large));
  derive_l2(&box->values[number_of(config_find_field(&accelerator_fields, "vc_l2_kib"))], &least->vc_l2_kib,
            &greatest->vc_l2_kib, accelerator_vector_l2_kib(&small), accelerator_vector_l2_kib(&large));
  return true;
}

bool rules_box_broken(const struct rules *rules, struct rules_box *box, const struct rules_costs *costs) {
  struct interval *const values = box->values + n_keys();
  values[COST_AREA] = costs->area_mm2;
  values[COST_TDP] = costs->tdp_w;
  values[COST_MEMORY] = costs->memory_bytes;
  values[COST_HBM] = costs->hbm_bytes;
  values[COST_COMPAT_AREA] = costs->compat_area_mm2;
  for (size_t c = 0; c < rules->n_constraints; c++) {
    const struct interval range = expression_range(rules->constraints[c], box->values);
    if (interval_truth(&range) == NEVER_TRUE) return true;
  }
  return false;
}
