/* Which cores share one memory, and what are they? (tenancy §6)
 *
 * Platforms known by name are one line each in platforms.def; any other is written in the same words, "7 dla h128, 1 lb
 * h128". A core is a row of arrays of 64 PEs, h of them. It is read in two ways: as MAESTRO sees it (maestro_forms.h),
 * or as an accelerator of ours: the same number of MACs, dataflow fixed likewise, scratchpads of the size that the
 * public platforms are believed to have. Left out: what the memory is. */
#ifndef ARCH_PLATFORM_H
#define ARCH_PLATFORM_H

#include "arch/cost.h"
#include "arch/maestro_forms.h"

enum { PLATFORM_MAX_CORES = 256, PLATFORM_MAX_HEIGHT = 4096 };

struct platform_core {
  enum maestro_style style;
  uint64_t height; /* × 64 PEs */
  bool flexible;
};
struct platform {
  const char *name; /* "custom" if it has none */
  size_t n_cores;
  const struct platform_core *cores;
  struct real_list bandwidths_bytes_per_cycle; /* swept; may be none */
};

struct platform_entry {
  const char *name, *cores, *bandwidths_bytes_per_cycle;
};
extern const struct platform_entry platform_entries[];
extern const size_t n_platform_entries;

/* A platform by name, or cores in words, separated by commas: N, dla|shi|eye|lb, hH, and `flexible` or not. `lb` is
 * what `lb_style` says. Messages (STATUS_INPUT) open with `where`. */
bool platform_read(const char *text, enum maestro_style lb_style, const char *where, struct arena *arena,
                   struct platform *platform, struct error *error);

void platform_maestro_array(const struct platform_core *core, struct maestro_array *array);
/* The same core in our template, derived: of `dla` 64 rows (input channels) × h columns (output channels), weight
 * stationary; of `shi` h rows (pixels) × 64 columns (output channels), output stationary; a flexible core takes the
 * best dataflow either way round. Products and convolutions stay on the array; lanes beside it do the rest. One byte an
 * element, 1 GHz. `settings` are the run's, with the dataflow and these choices changed.
 * False with a message for `eye`, which the template has no form for. */
bool platform_accelerator(const struct platform_core *core, const char *where, struct accelerator *accelerator,
                          struct cost_settings *settings, struct arena *arena, struct error *error);

#endif
