/* Designs for platforms out of a space that is too large to be looked through. See cosearch.h.
 *
 * The run's own search, with half of its evaluations, tells of good designs for training. Of these the most promising
 * for both are the beginning; then, as long as the best platform improves, the neighbours of what stands on the best
 * platforms are added (one axis one value up or down, or two: where limits bind no single step leads on), which are
 * bounded and priced like all. Where that helps no more, steps get longer, up to MOST_REACH values. A heuristic: its
 * gap holds among the designs looked at. */
#include "dse/cosearch/cosearch_private.h"

#include "base/checked.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_REACH = 3 };

static void hear(void *context, const struct record *record) {
  struct run *const run = context;
  struct cosearch *const own = run->cosearch;
  const bool allowed = record->score.reason == REASON_NONE;
  if (own->n_heard == own->heard_room) {
    const size_t room = 2 * own->heard_room + 256;
    struct cosearch_heard *const heard = ARENA_NEW(run->invocation->arena, struct cosearch_heard, room);
    if (own->n_heard > 0) memcpy(heard, own->heard, own->n_heard * sizeof *heard);
    own->heard = heard, own->heard_room = room;
  }
  if (!point_set_add(own->heard_points, &record->point)) return;
  own->heard[own->n_heard++] =
      (struct cosearch_heard){record->point, allowed ? record->score.objective[OBJECTIVE_THROUGHPUT] : 0};
}

bool cosearch_listens(struct run *run) {
  if (!cosearch_leads(run) || space_size(&run->designs.space) <= run->settings.search.bound_points) return false;
  run->cosearch->grows = true;
  run->cosearch->heard_points = point_set_new(run->invocation->arena);
  run->rounds.heard = hear, run->rounds.heard_context = run;
  return true;
}

struct promising {
  double promise;
  size_t heard;
};
static int by_promise(const void *a, const void *b) {
  const struct promising *const x = a, *const y = b;
  if (x->promise < y->promise || x->promise > y->promise) return x->promise > y->promise ? -1 : 1;
  return (x->heard > y->heard) - (x->heard < y->heard);
}

void cosearch_take_heard(struct run *run) {
  struct cosearch *const own = run->cosearch;
  struct promising *const all = ARENA_NEW(run->invocation->arena, struct promising, own->n_heard + 1);
  struct cosearch_design design;
  size_t n = 0;
  run->rounds.heard = NULL;
  for (size_t i = 0; i < own->n_heard; i++) {
    if (!(own->heard[i].training > 0)) continue;
    REQUIRE(cosearch_take_design(run, &own->heard[i].point, &design));
    const uint32_t most = cosearch_most(own, &design);
    if (most > 0) all[n++] = (struct promising){cosearch_promise(run, &design, most, own->heard[i].training), i};
  }
  qsort(all, n, sizeof *all, by_promise);
  n = min_u64(n, (own->settings->designs + 1) / 2); /* the rest of the room is for neighbours */
  cosearch_make_room(run, n);
  for (size_t i = 0; i < n; i++) {
    const struct cosearch_heard *const heard = &own->heard[all[i].heard];
    REQUIRE(cosearch_take_design(run, &heard->point, &design));
    cosearch_add(run, &design, heard->training, true);
  }
}

/* --- growth ---------------------------------------------------------------------------------------------------------
 */

struct growth {
  struct run *run;
  size_t room;
};

/* What limits allow and is not there yet. */
static void add_point(struct growth *growth, const struct point *point) {
  struct run *const run = growth->run;
  struct cosearch *const own = run->cosearch;
  const struct space *const space = &run->designs.space;
  struct cosearch_design design;
  struct score score;
  if (own->n_designs == growth->room || point_set_has(own->points, point)) return;
  const size_t heard = point_set_number(own->heard_points, point);
  if (heard < own->n_heard && !(own->heard[heard].training > 0)) return;
  space->screen(space->context, point, &score);
  if (score.reason != REASON_NONE || !cosearch_take_design(run, point, &design)) return;
  if (cosearch_most(own, &design) == 0) return;
  const bool trained = heard < own->n_heard;
  cosearch_add(run, &design, trained ? own->heard[heard].training : score.objective[OBJECTIVE_THROUGHPUT], trained);
}

/* False: there is no such value. */
static bool step(const struct space *space, struct point *point, size_t axis, int by) {
  const int64_t value = (int64_t)point->index[axis] + by;
  if (value < 0 || value >= (int64_t)space->axes[axis].n) return false;
  point->index[axis] = (uint16_t)value;
  return true;
}

/* One axis or two changed by at most `reach` values each. */
static void add_neighbours(struct growth *growth, const struct point *of, int reach) {
  const struct space *const space = &growth->run->designs.space;
  for (size_t a = 0; a < space->n_axes; a++) {
    for (int by = -reach; by <= reach; by++) {
      struct point near = *of;
      if (by == 0 || !step(space, &near, a, by)) continue;
      add_point(growth, &near);
      for (size_t b = a + 1; b < space->n_axes; b++) {
        for (int also = -reach; also <= reach; also++) {
          struct point both = near;
          if (also != 0 && step(space, &both, b, also)) add_point(growth, &both);
        }
      }
    }
  }
}

/* By neighbours within own->reach of what `before` found; false: there are none, or no room. */
static bool grow(struct run *run, const struct cosearch *before) {
  struct cosearch *const own = run->cosearch;
  struct growth growth = {run, own->settings->designs};
  cosearch_make_room(run, max_u64(growth.room, before->n_designs));
  for (size_t d = 0; d < before->n_designs; d++) {
    cosearch_add(run, &before->designs[d], before->problem.training[d], before->problem.trained[d]);
  }
  for (size_t i = 0; i < before->n_found && i < own->settings->finalists; i++) {
    const struct joint_platform *const platform = before->found[i];
    for (uint32_t k = 0; k < platform->n_kinds; k++) {
      add_neighbours(&growth, &before->designs[platform->design[k]].point, own->reach);
    }
  }
  if (own->n_designs > before->n_designs) return true;
  const struct cosearch grown = *own;
  *own = *before;
  own->reach = grown.reach, own->last_value = grown.last_value;
  return false;
}

bool cosearch_grow(struct run *run) {
  struct cosearch *const own = run->cosearch;
  const struct cosearch before = *own;
  /* Where the metric allows none yet, those that miss it least come first. */
  const double value = before.best != NULL ? before.best->value : 0;
  own->reach = value > before.last_value ? 1 : before.reach + 1;
  own->last_value = value;
  for (; own->reach <= MOST_REACH; own->reach++) {
    if (grow(run, &before)) return true;
  }
  return false;
}
