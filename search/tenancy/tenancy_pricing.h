/* Which jobs should run together, given what each is worth? The pricing problem of B4. Private to the bounds.
 *
 * A job of kind k on group g is worth value[k, g] a cycle. Find a configuration K (at most s_g jobs on group g, at most
 * n_k of kind k, whole numbers) that makes f(K) = Σ value − (R_K/B − 1)⁺ largest. (tenancy §4.)
 *
 * Exact, without rounding bandwidths to buckets. The linear program over fractions gives multipliers: θ in [0, 1] of
 * the bandwidth, for −(R/B − 1)⁺ ≤ −θ(R/B − 1), and π_g ≥ 0 of the places on a group. Any such numbers bound f by L = θ
 * + Σ_g s_g π_g + Σ_k n_k m_k,   m_k = max(0, max_g value − θ b/B − π_g), and how far a configuration stays below L is
 * a sum of losses ≥ 0: of what it uses, of what it leaves out, of bandwidth left over or exceeded. So all
 * configurations within a budget of losses are enumerated, kind after kind, and the budget doubles until one is found:
 * that is the best. */
#ifndef SEARCH_TENANCY_TENANCY_PRICING_H
#define SEARCH_TENANCY_TENANCY_PRICING_H

#include "search/tenancy/tenancy_kinds.h"

enum { PRICING_KEEPS = 16 /* configurations of one call */, PRICING_MOST_PARTS = TENANCY_MAX_CORES };

/* Jobs that run together: `n_jobs[i]` of the kind and on the group of entry at[i] (kinds_at). */
struct tenancy_configuration {
  double worth; /* f(K) */
  double share; /* R_K / B */
  uint32_t n_parts;
  uint32_t at[PRICING_MOST_PARTS], n_jobs[PRICING_MOST_PARTS];
};

struct tenancy_pricing;
/* Holds a GLPK problem: release it. */
struct tenancy_pricing *tenancy_pricing_new(const struct tenancy_kinds *kinds, struct arena *arena);
void tenancy_pricing_free(struct tenancy_pricing *pricing);

struct tenancy_priced {
  double most; /* no configuration has a larger f: holds even if the work did not suffice */
  size_t n;    /* the best found, best first */
  struct tenancy_configuration found[PRICING_KEEPS];
};
/* Configurations with f > `above`; at most `work` steps, of which those taken are subtracted. */
void tenancy_price(struct tenancy_pricing *pricing, const double *value, double above, uint64_t *work,
                   struct tenancy_priced *priced);

#endif
