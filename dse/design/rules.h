/* What follows from the axes of a run, and what must hold between them? (accelerator-search §2)
 *
 * An axis may be given by a rule, "= max(1, tc_rows*tc_cols/64)": it then has no values of its own, and each design
 * computes it, rounded down, from its other keys. `limits.constraints` are conditions on all keys and on what is known
 * of a design before any schedule. Both can be asked about whole boxes. Left out: rules for categories. */
#ifndef DSE_RULES_H
#define DSE_RULES_H

#include "arch/stage.h"
#include "base/expression.h"
#include "dse/run/settings.h"

struct rule {
  const struct field *field; /* of the accelerator, with its range */
  const struct expression *expression;
};

/* Read once; const then. */
struct rules {
  struct rule rules[N_RUN_AXES]; /* each behind those that it needs */
  size_t n_rules, n_constraints;
  const struct expression **constraints;
  bool see_compat_area; /* the public area law's, whatever prices the run */
};

/* A mistake at a key of the run file. */
typedef void rules_complain(void *context, const char *key, const char *text);

/* Reads the texts of the settings: unknown names, circles, rules that give no allowed value for any design. False if
 * there was something to complain about. */
bool rules_read(const struct run_settings *settings, struct arena *arena, struct rules *rules, rules_complain *complain,
                void *context);
/* Fills the keys that follow from others (`given`: bit of the key in accelerator_fields: it is given, and stays). False
 * if one has no allowed value. */
bool rules_apply(const struct rules *rules, struct accelerator *accelerator, uint64_t given);
/* Does a rule need this key, also by way of another rule, for a key of which `is_such` says yes? */
bool rules_need(const struct rules *rules, const char *key, bool (*is_such)(const char *key));
/* How many constraints a derived design breaks; a condition without value (1/0) is broken. */
size_t rules_broken(const struct rules *rules, const struct accelerator *accelerator,
                    const struct stage_cost_of_design *design);

/* What the keys of all designs of a box can be: first a single one, then widened key by key. */
enum { RULES_MAX_NAMES = 40 };
struct rules_box {
  struct interval values[RULES_MAX_NAMES]; /* as accelerator_fields, then costs */
};
void rules_box_init(struct rules_box *box, const struct accelerator *underived);
void rules_box_widen(struct rules_box *box, const struct field *field, double low, double high);
/* Fills what follows from other keys, and the derived designs whose keys are the least and the greatest of the box.
 * False if some rule has no allowed value all over the box. */
bool rules_box_close(const struct rules *rules, struct rules_box *box, struct accelerator *least,
                     struct accelerator *greatest);
/* Is some constraint broken all over a closed box? */
struct rules_costs {
  struct interval area_mm2, tdp_w, memory_bytes, hbm_bytes, compat_area_mm2;
};
bool rules_box_broken(const struct rules *rules, struct rules_box *box, const struct rules_costs *costs);

#endif
