/* How many collectives does the network model price in a second?
 *
 * All kinds and a spread of sizes over groups of 2 to 16,384 ranks, on the default levels, in nodes of eight, and on a
 * torus: each the cheapest of all algorithms that apply, as a search asks for it. Rates are of this machine. */
#include "arch/network.h"
#include "base/clock.h"
#include "base/error.h"
#include <stdio.h>

int main(void) {
  enum { LEAST_CALLS = 200000 };
  static const char *const presets[] = {"\"none\"", "\"dgx-h100\"", "\"tpuv4\""};
  const struct accelerator design = {.link_gbytes_per_s = 300};
  struct arena arena;
  struct error error = {0};
  arena_init(&arena, 1 << 16);
  printf("%-28s %12s %12s\n", "a second and core", "collectives", "floors");
  for (size_t p = 0; p < sizeof presets / sizeof *presets; p++) {
    struct network_settings settings;
    struct network network;
    config_defaults(&network_fields, &arena, &settings);
    REQUIRE(
        config_set_field(config_find_field(&network_fields, "preset"), &settings, presets[p], "bench", &arena, &error));
    network_init(&network, &settings, &design);
    double sum_s = 0, rate[2];
    for (unsigned floors = 0; floors < 2; floors++) {
      uint64_t n = 0;
      const double start_s = clock_processor_s();
      while (n < LEAST_CALLS) {
        for (enum op_kind kind = OP_ALL_REDUCE; kind <= OP_ALL_TO_ALL; kind++) {
          for (uint64_t ranks = 2; ranks <= 16384; ranks *= 2) {
            for (uint64_t bytes = 1000; bytes <= 1000000000; bytes *= 1000, n++) {
              const struct network_group group = {ranks, 1 + n % 2 * 7};
              sum_s += floors ? network_collective_floor_s(&network, kind, bytes, group)
                              : network_collective_s(&network, kind, bytes, group, NULL);
            }
          }
        }
      }
      rate[floors] = (double)n / (clock_processor_s() - start_s);
    }
    REQUIRE(sum_s > 0); /* so that no call can be left out */
    printf("network.preset = %-11s %12.0f %12.0f\n", presets[p], rate[0], rate[1]);
  }
  arena_release(&arena);
  return 0;
}
