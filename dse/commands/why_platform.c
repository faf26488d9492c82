/* dse why: which limit of platforms lets one in, and what does a platform that is named miss to win? See
 * cosearch_why.h and cosearch_win.h. */
#include "base/text.h"
#include "dse/commands/why_private.h"
#include "dse/cosearch/cosearch_win.h"

#include <math.h>
#include <string.h>

static json_t *tell_move(const struct why *why, const struct cosearch_move *move) {
  struct arena *arena = why->run->invocation->arena;
  struct relaxation relaxation = {.from = move->from, .to = move->to};
  snprintf(relaxation.key, sizeof relaxation.key, "%s", move->key);
  const bool whole = strcmp(move->key, "tenancy.cores") == 0;
  const char *const set = whole ? arena_printf(arena, "%s=%.0f", move->key, move->to) : why_set_of(&relaxation, arena);
  const bool measured = isfinite(move->share); /* else there was no limit */
  if (measured) {
    why_words(why, "  --set %s  (from %.9g, by %.3g %%): %s\n", set, move->from, 100 * move->share, move->admits);
  } else {
    why_words(why, "  --set %s  (from none): %s\n", set, move->admits);
  }
  return json_pack("{ss sf sf so ss}", "set", set, "from", move->from, "to", move->to, "share",
                   measured ? json_real(move->share) : json_null(), "admits", move->admits);
}

bool why_platforms(struct why *why, struct error *error) {
  const struct run *run = why->run;
  struct cosearch_moves moves;
  json_t *told = json_array();
  if (space_size(&run->designs.space) > run->settings.search.bound_points) {
    why_words(why, "\nplatforms: the space has more than search.bound_points designs: not looked through\n");
    return true;
  }
  if (!cosearch_relax(why->run, &moves, error)) return false;
  if (moves.best != NULL) why_words(why, "\nplatforms: the best allowed is %s, %.6g\n", moves.best, moves.value);
  if (moves.best == NULL) {
    why_words(why, moves.smallest < COSEARCH_N_LIMITS ? "\nno platform is allowed; each of these limits helps alone:\n"
                   : moves.needs_joint                ? "\nno platform is allowed; all of these limits together help:\n"
                                       : "\nno platform is allowed, and no limit of platforms alone helps\n");
  }
  for (enum cosearch_limit l = COSEARCH_AREA; l < COSEARCH_N_LIMITS; l++) {
    const bool single = moves.smallest < COSEARCH_N_LIMITS;
    const struct cosearch_move *const move = single ? &moves.single[l] : &moves.joint[l];
    if (move->exists) json_array_append_new(told, tell_move(why, move));
  }
  json_object_set_new(why->object, "co_search",
                      json_pack("{sb so so sb so}", "allowed", moves.best != NULL, "best",
                                moves.best != NULL ? json_string(moves.best) : json_null(), "value",
                                moves.best != NULL ? json_real(moves.value) : json_null(), "together",
                                moves.smallest == COSEARCH_N_LIMITS && moves.needs_joint, "relaxation", told));
  return true;
}

/* --- a platform that is named ----------------------------------------------------------------------------------------
 */

static json_t *tell_moves(const struct why *why, const struct cosearch_move *moves, size_t n) {
  json_t *told = json_array();
  for (size_t i = 0; i < n; i++) {
    if (moves[i].exists) json_array_append_new(told, tell_move(why, &moves[i]));
  }
  return told;
}

static bool any_of(const struct cosearch_move *moves, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (moves[i].exists) return true;
  }
  return false;
}

static json_t *real(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static void say_contest(const struct why *why, const struct cosearch_win *win, double behind) {
  const struct objective *const throughput = &why->run->designs.space.objectives[OBJECTIVE_THROUGHPUT];
  why_words(why, "  it trains %.6g %s, its tenants end after %.6g s (no mapping before %.6g s)\n", win->training,
            text_unit_shown(throughput->name, throughput->unit), win->makespan_s, win->least_makespan_s);
  if (!(win->value > 0)) {
    why_words(why, "  no mapping of its tenants\n");
  } else if (win->wins) {
    why_words(why, "  %s: value %.6g, nothing better was found\n", win->is_allowed ? "it wins" : "then it wins",
              win->value);
  } else {
    why_words(why, "  value %.6g, %.3g %% behind %s with %.6g\n", win->value, 100 * behind, win->best, win->best_value);
  }
}

bool why_platform(struct why *why, const char *text, struct error *error) {
  struct run *run = why->run;
  struct cosearch_win win;
  if (!cosearch_leads(run)) {
    return error_add(error, STATUS_INPUT,
                     "--platform: the run file has no co-search in one search (co_search.metric, co_search.way)");
  }
  if (space_size(&run->designs.space) > run->settings.search.bound_points) {
    return error_add(error, STATUS_INPUT, "--platform: the space has more than search.bound_points designs");
  }
  if (!cosearch_win(run, text, &win, error)) return false;
  const double behind = win.value > 0 && !win.wins ? win.best_value / win.value - 1 : 0;
  why_words(why, "platform %s: %s\n", win.name,
            win.broken != NULL ? win.broken
            : win.is_allowed   ? "keeps all limits"
                               : "to be allowed it needs");
  json_t *needs = tell_moves(why, win.needs, COSEARCH_N_LIMITS);
  if (win.broken == NULL) say_contest(why, &win, behind);
  const bool behind_all = win.broken == NULL && win.value > 0 && !win.wins;
  if (behind_all) {
    why_words(why, any_of(win.moves, COSEARCH_N_KNOBS) ? "  each of these alone lets it win:\n"
                                                       : "  no limit, price or weight alone lets it win\n");
  }
  json_t *moves = tell_moves(why, win.moves, COSEARCH_N_KNOBS);
  json_object_set_new(why->object, "platform",
                      json_pack("{ss so sb so so so so so so so sb so so sI}", "platform", win.name, "broken",
                                win.broken != NULL ? json_string(win.broken) : json_null(), "allowed", win.is_allowed,
                                "needs", needs, "value", real(win.value), "training", real(win.training), "makespan_s",
                                real(win.makespan_s), "least_makespan_s", real(win.least_makespan_s), "best",
                                win.best != NULL ? json_string(win.best) : json_null(), "best_value",
                                real(win.best_value), "wins", win.wins, "behind",
                                behind_all ? real(behind) : json_null(), "moves", moves, "searches",
                                (json_int_t)win.n_searches));
  return true;
}
