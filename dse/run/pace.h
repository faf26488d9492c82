/* How fast is a run, and how long will it still take? And the line that says so. Pure: times are handed in. */
#ifndef DSE_PACE_H
#define DSE_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PACE_SAMPLES = 16 };

/* What was done, and when: the last half minute, or the last rounds if they are longer. */
struct pace {
  struct pace_sample {
    double at_s;
    uint64_t done;
  } begin, samples[PACE_SAMPLES], last; /* begin: of new work; samples: a ring, the oldest is at `next` when full */
  size_t n_samples, next;
  bool begun;
};

/* New work begins with `done` done already (replayed, or in an earlier launch): that is not counted. */
void pace_begin(struct pace *pace, double now_s, uint64_t done);
/* `done` by now. Less than before begins anew. */
void pace_add(struct pace *pace, double now_s, uint64_t done);
/* Of late, a second; 0 while unknown. */
double pace_per_s(const struct pace *pace);
/* Seconds until `total`, if it is reached at all; negative while unknown: before a twentieth of the work or half a
 * minute. */
double pace_eta_s(const struct pace *pace, double now_s, uint64_t total);

/* What a progress line tells. */
struct progress_facts {
  const char *phase;            /* replay, search, prove, stages, tenants, importance, write */
  uint64_t evaluations, most;   /* most: the budget, or the space if that is smaller */
  uint64_t n_done, n_total;     /* of what the phase does in place of evaluations; 0, 0: nothing */
  double per_s, n_per_s, eta_s; /* of evaluations, of n_done; 0, 0, negative: unknown */
  bool has_best, has_bound;     /* has_bound: also the gap */
  double best, bound, gap;      /* gap relative */
  const char *unit;             /* of the metric */
};

enum { PROGRESS_LINE_BYTES = 256 };

/* One line of at most `width` columns (ASCII, without its end); what matters least goes first where it does not fit. */
void progress_line(const struct progress_facts *facts, size_t width, char line[PROGRESS_LINE_BYTES]);
/* "45 s", "3 min 20 s", "2 h 05 min", "3 d 04 h". */
void pace_duration(double seconds, char text[32]);

#endif
