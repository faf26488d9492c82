/* Which jobs should run together, given what each is worth? The pricing problem of B4. Private to the bounds.
 *
 * A job of kind k on group g is worth value[k, g] a cycle. Find a configuration K (at most s_g jobs on group g, at most
 * n_k of kind k, whole numbers) that makes f(K) = Σ value − (R_K/B − 1)⁺ largest. (tenancy §4.)
 *
 * Exact, without rounding bandwidths to buckets. First (R/B − 1)⁺ = Σ (b/B − 1)⁺ + (Σ min(b/B, 1) − 1)⁺ takes the
 * sting out of jobs that alone need more than there is: a fraction of one no longer looks tempting. The linear program
 * over fractions then gives multipliers: θ in [0, 1] of the bandwidth, and π_g ≥ 0 of the places on a group. Any such
 * numbers bound f by
 *   L = θ + Σ_g s_g π_g + Σ_k n_k m_k,   m_k = max(0, max_g gain − π_g),   gain = value − (b/B − 1)⁺ − θ min(b/B, 1),
 * and how far a configuration stays below L is a sum of losses ≥ 0: of what it uses, of what it leaves out, of
 * bandwidth left over or exceeded. So partial configurations (labels) grow kind after kind as long as they stay within
 * a budget of losses; one that another matches or beats in worth and in worth less bandwidth, on the same places, is
 * dropped; and the budget doubles until a whole configuration is found: the first is the best. */
#ifndef SEARCH_TENANCY_TENANCY_PRICING_H
#define SEARCH_TENANCY_TENANCY_PRICING_H

#include "search/tenancy/tenancy_kinds.h"

enum { PRICING_KEEPS = 16 /* configurations of one call */ };

/* Jobs of a kind on a group: entry `at` (kinds_at). */
struct tenancy_part {
  uint32_t at, n_jobs;
};
/* Jobs that run together. */
struct tenancy_configuration {
  double worth; /* f(K) */
  double share; /* R_K / B */
  size_t n_parts;
  const struct tenancy_part *parts; /* at most one a core */
};

struct tenancy_pricing;
/* Holds a GLPK problem: release it. */
/* NULL if the groups have more than 2^16 patterns of free places. */
struct tenancy_pricing *tenancy_pricing_new(const struct tenancy_kinds *kinds, struct arena *arena);
void tenancy_pricing_free(struct tenancy_pricing *pricing);

struct tenancy_priced {
  double most; /* no configuration has a larger f: holds even if the work did not suffice */
  size_t n;    /* the best found, best first */
  struct tenancy_configuration found[PRICING_KEEPS]; /* their parts are the pricing's, until its next call */
};
/* Configurations with f > `above`; at most `work` steps, of which those taken are subtracted. */
void tenancy_price(struct tenancy_pricing *pricing, const double *value, double above, uint64_t *work,
                   struct tenancy_priced *priced);

#endif
