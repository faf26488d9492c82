/* Platforms by name and in words. See platform.h. */
#include "arch/platform.h"

#include "base/checked.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>

const struct platform_entry platform_entries[] = {
#define PLATFORM(name, cores, bandwidths) {#name, cores, bandwidths},
#include "arch/platforms.def"
#undef PLATFORM
};
const size_t n_platform_entries = sizeof platform_entries / sizeof *platform_entries;

static const char grammar[] = "cores are written \"7 dla h128, 1 lb h128 flexible\": how many, 1 to 256 in all; dla, "
                              "shi, eye or lb; h and rows of 64 PEs, 1 to 4096; flexible or nothing";
enum { GROUP_BYTES = 64 };

static bool read_style(const char *word, enum maestro_style lb_style, enum maestro_style *style) {
  *style = lb_style;
  if (strcmp(word, "lb") == 0) return true;
  for (int s = 0; s < N_MAESTRO_STYLES; s++) {
    *style = (enum maestro_style)s;
    if (strcmp(word, maestro_style_names[s]) == 0) return true;
  }
  return false;
}

/* "7 dla h128 flexible" */
static bool read_group(char *text, enum maestro_style lb_style, uint64_t *n, struct platform_core *core) {
  char *place = NULL;
  const char *const count = strtok_r(text, " ", &place), *const style = strtok_r(NULL, " ", &place),
                    *const height = strtok_r(NULL, " ", &place), *const last = strtok_r(NULL, " ", &place);
  if (height == NULL || height[0] != 'h' || (last != NULL && strcmp(last, "flexible") != 0)) return false;
  if (last != NULL && strtok_r(NULL, " ", &place) != NULL) return false;
  core->flexible = last != NULL;
  return text_to_u64(count, n) && *n >= 1 && *n <= PLATFORM_MAX_CORES && read_style(style, lb_style, &core->style) &&
         text_to_u64(height + 1, &core->height) && core->height >= 1 && core->height <= PLATFORM_MAX_HEIGHT;
}

static bool read_cores(const char *text, enum maestro_style lb_style, struct arena *arena, struct platform *platform) {
  struct platform_core *const cores = ARENA_NEW(arena, struct platform_core, PLATFORM_MAX_CORES);
  platform->cores = cores;
  platform->n_cores = 0;
  while (true) {
    char group[GROUP_BYTES];
    const size_t length = strcspn(text, ",");
    if (length >= sizeof group) return false;
    memcpy(group, text, length);
    group[length] = '\0';
    uint64_t n;
    struct platform_core core;
    if (!read_group(group, lb_style, &n, &core) || platform->n_cores + n > PLATFORM_MAX_CORES) return false;
    for (uint64_t i = 0; i < n; i++) cores[platform->n_cores++] = core;
    if (text[length] == '\0') return true;
    text += length + 1;
  }
}

static struct real_list read_bandwidths(const char *text, struct arena *arena) {
  double *const values = ARENA_NEW(arena, double, strlen(text) + 1);
  size_t n = 0;
  char *place = NULL;
  for (char *word = strtok_r(arena_copy_text(arena, text), " ", &place); word != NULL;
       word = strtok_r(NULL, " ", &place)) {
    if (!text_to_double(word, &values[n++])) BUG("platforms.def: bandwidths \"%s\"", text);
  }
  return (struct real_list){n, values};
}

bool platform_read(const char *text, enum maestro_style lb_style, const char *where, struct arena *arena,
                   struct platform *platform, struct error *error) {
  const char **const names = ARENA_NEW(arena, const char *, n_platform_entries);
  for (size_t i = 0; i < n_platform_entries; i++) {
    const struct platform_entry *const entry = &platform_entries[i];
    names[i] = entry->name;
    if (strcmp(text, entry->name) != 0) continue;
    if (!read_cores(entry->cores, lb_style, arena, platform)) BUG("platforms.def: %s", entry->name);
    platform->name = entry->name;
    platform->bandwidths_bytes_per_cycle = read_bandwidths(entry->bandwidths_bytes_per_cycle, arena);
    return true;
  }
  *platform = (struct platform){.name = "custom"};
  if (read_cores(text, lb_style, arena, platform)) return true;
  char shown[120];
  text_escape(text, shown, sizeof shown);
  const char *const nearest = text_nearest(text, names, n_platform_entries);
  return error_add(error, STATUS_INPUT, "%s: \"%s\" is no platform%s%s%s (`dse list platforms`); %s", where, shown,
                   nearest ? ", did you mean " : "", nearest ? nearest : "", nearest ? "?" : "", grammar);
}

void platform_maestro_array(const struct platform_core *core, struct maestro_array *array) {
  *array = (struct maestro_array){.style = core->style,
                                  .n_pes = core->height * MAESTRO_CLUSTER_PES,
                                  .cluster_pes = MAESTRO_CLUSTER_PES,
                                  .flexible = core->flexible};
}

bool platform_accelerator(const struct platform_core *core, const char *where, struct accelerator *accelerator,
                          struct cost_settings *settings, struct arena *arena, struct error *error) {
  /* Scratchpads of 146, 291 and 580 KB for heights 32, 64 and 128 are what we recollect (tenancy §6); lanes for what is
   * no product, one to 16 MACs as in a TPU v2, are our choice. */
  const double glb_kib_a_row = 4.55;
  const uint64_t lanes_a_row = MAESTRO_CLUSTER_PES / 16;
  if (core->style == MAESTRO_EYE) {
    return error_add(error, STATUS_INPUT,
                     "%s: provider physical has no array of style eye (row stationary); allowed are dla and shi, or "
                     "provider compat",
                     where);
  }
  config_defaults(&accelerator_fields, arena, accelerator);
  const bool weights = core->style == MAESTRO_DLA;
  accelerator->tc_count = accelerator->vc_count = 1;
  accelerator->tc_rows = weights ? MAESTRO_CLUSTER_PES : core->height;
  accelerator->tc_cols = weights ? core->height : MAESTRO_CLUSTER_PES;
  accelerator->vc_width = lanes_a_row * core->height;
  accelerator->glb_kib = max_u64(1, (uint64_t)(glb_kib_a_row * (double)core->height + 0.5));
  accelerator->hbm_stacks = accelerator->link_gbytes_per_s = 0;
  accelerator->hbm_bytes_per_cycle = 16;
  accelerator->clock_mhz = 1000;
  accelerator->element_bytes = 1;
  settings->tensor_on = settings->depthwise_on = DEPTHWISE_TC;
  settings->dataflow = core->flexible ? DATAFLOW_ALL : weights ? DATAFLOW_WS : DATAFLOW_OS;
  settings->transpose = core->flexible || settings->transpose;
  return accelerator_derive(accelerator, error);
}
