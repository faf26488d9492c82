/* Which algorithms are wanted, with which keys and budget? See map_algorithms.h. */
#include "dse/map/map_algorithms.h"

#include "base/text.h"
#include <string.h>

enum { SHOWN_BYTES = 80 };
static const uint64_t most_samples = UINT64_C(1000000000000);

static size_t count(const struct map_offer *offer) {
  struct map_algorithm algorithm;
  size_t n = 0;
  while (offer->at(n, &algorithm)) n++;
  return n;
}

static bool can_do(const struct map_offer *offer, size_t i) {
  return offer->applies == NULL || offer->applies(i, offer->problem);
}

/* Its position and record; false with a message: there is none of this name. */
static bool find(const struct map_offer *offer, const char *name, struct arena *arena, size_t *found,
                 struct map_algorithm *algorithm, struct error *error) {
  const size_t n = count(offer);
  const char **const names = ARENA_NEW(arena, const char *, n);
  for (size_t i = 0; offer->at(i, algorithm); i++) {
    names[i] = algorithm->name;
    if (strcmp(algorithm->name, name) != 0) continue;
    *found = i;
    return true;
  }
  char shown[SHOWN_BYTES];
  text_escape(name, shown, sizeof shown);
  const char *const nearest = text_nearest(name, names, n);
  return error_add(error, STATUS_INPUT,
                   "--algorithm: no algorithm \"%s\"%s%s%s (dse list algorithms shows them; all compares them)", shown,
                   nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

static bool read_names(const struct map_offer *offer, const char *text, struct arena *arena, struct map_choice *choice,
                       struct error *error) {
  char *rest = NULL;
  for (char *name = strtok_r(arena_copy_text(arena, text), ",", &rest); name != NULL;
       name = strtok_r(NULL, ",", &rest)) {
    struct map_algorithm algorithm;
    size_t found = 0;
    if (!find(offer, name, arena, &found, &algorithm, error)) return false;
    if (!can_do(offer, found))
      return error_add(error, STATUS_INPUT, "--algorithm: %s cannot do this problem: %s", name, algorithm.doc);
    for (size_t i = 0; i < choice->n; i++) {
      if (choice->algorithm[i] == found)
        return error_add(error, STATUS_INPUT, "--algorithm: %s is named twice", algorithm.name);
    }
    choice->algorithm[choice->n++] = found;
  }
  return choice->n > 0 || error_add(error, STATUS_INPUT, "--algorithm: no name");
}

bool map_read_keys(const struct invocation *invocation, const struct map_offer *offer, const void ***settings,
                   struct error *error) {
  struct arena *const arena = invocation->arena;
  const size_t n_all = count(offer);
  struct config_section *const sections = ARENA_NEW(arena, struct config_section, n_all + 1);
  size_t n = 0;
  *settings = ARENA_NEW(arena, const void *, n_all);
  if (offer->common.table != NULL) sections[n++] = offer->common;
  struct map_algorithm algorithm;
  for (size_t i = 0; offer->at(i, &algorithm); i++) {
    if (algorithm.table == NULL) continue;
    void *const into = arena_alloc(arena, 1, algorithm.settings_bytes);
    (*settings)[i] = into;
    sections[n++] =
        (struct config_section){.group = map_key_group(algorithm.name, arena), .table = algorithm.table, .into = into};
  }
  struct config *config;
  if (!config_open_text("--set", "", 0, offer->sets, offer->n_sets, arena, &config, error)) return false;
  const bool fine = config_apply(config, sections, n, arena, error);
  config_close(config);
  return fine;
}

bool map_choose(const struct invocation *invocation, const struct map_offer *offer, struct map_choice *choice,
                struct error *error) {
  const char *const named = invocation_value(invocation, "algorithm"), *const text = named ? named : offer->fallback;
  const size_t n_all = count(offer);
  *choice = (struct map_choice){.algorithm = ARENA_NEW(invocation->arena, size_t, n_all),
                                .settings = ARENA_NEW(invocation->arena, const void *, n_all)};
  if (strcmp(text, "all") == 0) { /* those that can do this problem */
    for (size_t i = 0; i < n_all; i++) {
      if (can_do(offer, i)) choice->algorithm[choice->n++] = i;
    }
  } else if (!read_names(offer, text, invocation->arena, choice, error)) {
    return false;
  }
  const void **settings;
  if (!map_read_keys(invocation, offer, &settings, error)) return false;
  for (size_t i = 0; i < choice->n; i++) choice->settings[i] = settings[choice->algorithm[i]];
  return true;
}

bool map_refuse_in_contest(const struct invocation *invocation, const char *const *options, size_t n_options,
                           struct error *error) {
  for (size_t i = 0; map_is_contest(invocation) && i < n_options; i++) {
    if (invocation_value(invocation, options[i]) == NULL) continue;
    error_add(error, STATUS_INPUT, "--%s: not where searches are compared (--algorithm all, or several)", options[i]);
  }
  return !error_is_set(error);
}

bool map_read_budget(const struct invocation *invocation, uint64_t default_samples, struct map_budget *budget,
                     struct error *error) {
  if (!map_read_seconds(invocation, &budget->time_s, error)) return false;
  const bool unlimited = budget->time_s > 0 && invocation_value(invocation, "samples") == NULL;
  if (!invocation_u64(invocation, "samples", unlimited ? 0 : default_samples, &budget->samples, error) ||
      !invocation_u64(invocation, "seed", 0, &budget->seed, error))
    return false;
  return unlimited || (budget->samples >= 1 && budget->samples <= most_samples) ||
         error_add(error, STATUS_INPUT, "--samples: 1 to 1e12 are allowed");
}

static bool is_of_algorithm(const struct config_set *set, bool (*at)(size_t i, struct map_algorithm *)) {
  const size_t n = strcspn(set->path, ".");
  struct map_algorithm algorithm;
  for (size_t i = 0; set->path[n] == '.' && at(i, &algorithm); i++) {
    size_t k = 0;
    while (k < n && set->path[k] == (algorithm.name[k] == '-' ? '_' : algorithm.name[k])) k++;
    if (k == n && algorithm.name[n] == '\0') return true;
  }
  return false;
}

size_t map_sets_of_algorithms(const struct invocation *invocation, bool (*at)(size_t i, struct map_algorithm *),
                              struct config_set *list) {
  size_t n = 0;
  for (size_t i = 0; i < invocation->n_sets; i++) {
    if (is_of_algorithm(&invocation->sets[i], at)) list[n++] = invocation->sets[i];
  }
  return n;
}

size_t map_sets_of_problem(const struct invocation *invocation, bool (*at)(size_t i, struct map_algorithm *),
                           const char ***list) {
  size_t n = 0;
  *list = ARENA_NEW(invocation->arena, const char *, invocation->n_sets);
  for (size_t i = 0; i < invocation->n_sets; i++) {
    const struct config_set *const set = &invocation->sets[i];
    if (!is_of_algorithm(set, at)) (*list)[n++] = arena_printf(invocation->arena, "%s=%s", set->path, set->value);
  }
  return n;
}
