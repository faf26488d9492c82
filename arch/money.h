/* What does a die cost in money and carbon, and how many of them work? (cost-model §7)
 *
 *   dies of a wafer  π·150²/A − π·300/√(2A)                      of A mm² on 300 mm
 *   yield            (1 + A·D0/α)^−α                             negative binomial: defects come in clusters
 *   good die         wafer price / (dies · yield)
 *   package          (dies + HBM + substrate) / bond yield^n + socket, shared by its n chiplets; one die bonds well
 *   carbon           A·(kWh·grid + gases + materials) / yield    ACT (Gupta et al., ISCA'22)
 *
 * Harvesting: a die is sold if all of it works but at most `spare_cores` of its cores (money_yield). Wafer prices: Khan
 * & Mann, "AI Chips" (2020); defect densities: ttm-cas, estimated from foundries' slides; HBM: LLMCompass (2023).
 * Nodes that these leave out have unknown prices, which are NaN and never 0. Left out: masks and design, test,
 * packages and interposers, speed bins, margins; carbon of HBM and of use. A search looks at it only where die cost is
 * an objective. */
#ifndef ARCH_MONEY_H
#define ARCH_MONEY_H

#include "arch/technology.h"

/* Group "money" of run files. */
struct money_settings {
  double wafer_usd, defects_per_mm2; /* 0: those of the node */
  double clustering;                 /* α */
  uint64_t spare_cores;              /* of a die */
  double hbm_usd_per_gib;
  double grid_kg_per_kwh, materials_kg_per_cm2;
  double package_usd_per_mm2, bond_yield; /* substrate and assembly by area of dies; of a chiplet put on it */
  double socket_usd;                      /* what a package needs around it */
};
extern const struct field_table money_fields;

struct money { /* of one part: all its dies and HBM, its share of the package; NaN: unknown */
  double die_mm2;
  double dies_per_wafer; /* 0: none fits */
  double yield, yield_without_spares;
  double wafer_usd;
  double die_usd; /* of one good die */
  double hbm_usd;
  double package_usd;   /* its share of substrate, assembly, what bad bonds spoil, and the socket */
  double total_usd;     /* dies, HBM, package */
  double die_carbon_kg; /* of making one good die */
  double carbon_kg;     /* of all dies */
};

/* Of a derived design with that area, of which the L2 of all cores takes core_l2_mm2 (before fill). A spare core is a
 * tensor core with its L2 and its even share of the vector cores (a vector core where there is no array). False if
 * there are not more cores on a die than may be bad. */
bool money_of(const struct money_settings *settings, const struct accelerator *accelerator,
              const struct area_breakdown *area, double core_l2_mm2, struct money *money, struct error *error);

/* The share of dies of `area_mm2` of which everything works but at most `n_spares` of `n_units` units of `unit_mm2`
 * each, at D0 defects a mm² and clustering α. Given the defect density λ of a wafer's region, parts fail
 * independently, each working with probability e^(−λ·its area); λ varies as a Gamma distribution of mean D0 and shape
 * α, which for a die without spares gives the negative binomial above. */
double money_yield(double area_mm2, double unit_mm2, uint64_t n_units, uint64_t n_spares, double defects_per_mm2,
                   double clustering);
double money_dies_per_wafer(double die_mm2);
/* Are the price of a wafer and its defects known? */
bool money_knows_node(const struct money_settings *settings, uint64_t nm);
/* What one chiplet's share of a package adds to `bare_usd`, its dies and HBM, of `area_mm2`. */
double money_package_usd(const struct money_settings *settings, uint64_t chiplets, double area_mm2, double bare_usd);
/* What a good die costs at least, whatever its area above this one and however many of its cores may be bad. */
double money_least_die_usd(const struct money_settings *settings, uint64_t nm, double die_mm2);

#endif
