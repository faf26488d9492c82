/* Rates and times left, from what was done and when.
 *
 * Source: ux.md §7 (rates of the last rounds; unknown before 5 % or 30 s). Left out: searches that end before their
 * budget does, as most do: the time left is that to the budget, "at most". */
#include "dse/run/pace.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Samples so far apart reach back half a minute. */
static const double sample_s = 2;
static const double known_share = 0.05, known_s = 30;

void pace_begin(struct pace *pace, double now_s, uint64_t done) {
  *pace = (struct pace){.begin = {now_s, done}, .last = {now_s, done}, .begun = true};
  pace->samples[pace->next++] = pace->begin;
  pace->n_samples = 1;
}

void pace_add(struct pace *pace, double now_s, uint64_t done) {
  if (!pace->begun || done < pace->last.done) {
    pace_begin(pace, now_s, done);
    return;
  }
  if (done == pace->last.done) return; /* the same round still: its end will tell */
  pace->last = (struct pace_sample){now_s, done};
  const struct pace_sample *newest = &pace->samples[(pace->next + PACE_SAMPLES - 1) % PACE_SAMPLES];
  if (now_s - newest->at_s < sample_s) return;
  pace->samples[pace->next] = pace->last;
  pace->next = (pace->next + 1) % PACE_SAMPLES;
  if (pace->n_samples < PACE_SAMPLES) pace->n_samples++;
}

double pace_per_s(const struct pace *pace) {
  if (!pace->begun) return 0;
  const struct pace_sample *oldest = &pace->samples[pace->n_samples < PACE_SAMPLES ? 0 : pace->next];
  const double seconds = pace->last.at_s - oldest->at_s;
  return seconds > 0 ? (double)(pace->last.done - oldest->done) / seconds : 0;
}

double pace_eta_s(const struct pace *pace, double now_s, uint64_t total) {
  const double per_s = pace_per_s(pace);
  if (!(per_s > 0) || pace->last.done >= total) return -1;
  const double done = (double)(pace->last.done - pace->begin.done), all = (double)(total - pace->begin.done);
  if (done < known_share * all && now_s - pace->begin.at_s < known_s) return -1;
  const double left_s = (double)(total - pace->last.done) / per_s - (now_s - pace->last.at_s);
  return left_s > 0 ? left_s : 0;
}

void pace_duration(double seconds, char text[32]) {
  if (!(seconds < 1e10)) { /* three centuries, or no number */
    snprintf(text, 32, "for ever");
    return;
  }
  const uint64_t s = seconds > 0 ? (uint64_t)(seconds + 0.5) : 0;
  if (s < 60) {
    snprintf(text, 32, "%" PRIu64 " s", s);
  } else if (s < 3600) {
    snprintf(text, 32, "%" PRIu64 " min %02" PRIu64 " s", s / 60, s % 60);
  } else if (s < 86400) {
    snprintf(text, 32, "%" PRIu64 " h %02" PRIu64 " min", s / 3600, s / 60 % 60);
  } else {
    snprintf(text, 32, "%" PRIu64 " d %02" PRIu64 " h", s / 86400, s / 3600 % 24);
  }
}

/* --- the line -------------------------------------------------------------------------------------------------------
 */

enum piece { PHASE, DONE, RATE, BEST, UNIT, BOUND, GAP, ETA, MOST, LEFT, N_PIECES };
/* What goes first where the line is too long; of "at most" a sign is left, for a limit without it would be a promise.
 */
static const enum piece dispensable[] = {UNIT, BOUND, RATE, GAP, DONE, MOST, BEST, ETA};
static const char most_in_full[] = "at most ", most_in_short[] = "<= ";

enum { PIECE_BYTES = 64 };

static void write_pieces(const struct progress_facts *facts, char pieces[N_PIECES][PIECE_BYTES]) {
  const bool counts = facts->n_total > 0;
  const uint64_t done = counts ? facts->n_done : facts->evaluations, total = counts ? facts->n_total : facts->most;
  snprintf(pieces[PHASE], PIECE_BYTES, "%s", facts->phase);
  if (total > 0)
    snprintf(pieces[PHASE], PIECE_BYTES, "%s %.0f %%", facts->phase, floor(100.0 * (double)done / (double)total));
  snprintf(pieces[DONE], PIECE_BYTES, " %" PRIu64 "/%" PRIu64, done, total);
  const double per_s = counts ? facts->n_per_s : facts->per_s;
  if (per_s > 0) snprintf(pieces[RATE], PIECE_BYTES, ", %.*f/s", per_s < 10, per_s);
  snprintf(pieces[BEST], PIECE_BYTES, facts->has_best ? ", best %.6g" : ", none feasible yet", facts->best);
  if (facts->has_best) snprintf(pieces[UNIT], PIECE_BYTES, " %s", facts->unit);
  if (facts->has_bound) {
    snprintf(pieces[BOUND], PIECE_BYTES, ", bound %.6g", facts->bound);
    if (facts->has_best) snprintf(pieces[GAP], PIECE_BYTES, ", gap %.2g %%", 100 * facts->gap);
  }
  char left[32];
  if (facts->eta_s >= 0) pace_duration(facts->eta_s, left);
  snprintf(pieces[ETA], PIECE_BYTES, ", ETA ");
  /* A search ends when nothing better is left, mostly long before its budget. */
  if (!counts && facts->eta_s >= 0) snprintf(pieces[MOST], PIECE_BYTES, "%s", most_in_full);
  snprintf(pieces[LEFT], PIECE_BYTES, "%s", facts->eta_s >= 0 ? left : "unknown");
}

void progress_line(const struct progress_facts *facts, size_t width, char line[PROGRESS_LINE_BYTES]) {
  char pieces[N_PIECES][PIECE_BYTES] = {{0}};
  if (width >= PROGRESS_LINE_BYTES) width = PROGRESS_LINE_BYTES - 1;
  write_pieces(facts, pieces);
  size_t length = 0;
  for (size_t i = 0; i < N_PIECES; i++) length += strlen(pieces[i]);
  for (size_t d = 0; length > width && d < sizeof dispensable / sizeof *dispensable; d++) {
    const enum piece piece = dispensable[d];
    length -= strlen(pieces[piece]);
    const char *const rest = piece == MOST && pieces[MOST][0] != '\0' ? most_in_short : "";
    if (piece == ETA) { /* and with it what is said of it */
      length -= strlen(pieces[MOST]) + strlen(pieces[LEFT]);
      pieces[MOST][0] = pieces[LEFT][0] = '\0';
    }
    length += (size_t)snprintf(pieces[piece], PIECE_BYTES, "%s", rest);
  }
  size_t at = 0;
  line[0] = '\0';
  for (size_t i = 0; i < N_PIECES; i++) at += (size_t)snprintf(line + at, PROGRESS_LINE_BYTES - at, "%s", pieces[i]);
  if (width < at) line[width] = '\0';
}
