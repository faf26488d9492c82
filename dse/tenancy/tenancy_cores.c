/* Cores that jobs run on, and what one operator costs there. See tenancy_table.h.
 *
 * A core is a whole sub-accelerator: an operator has all of its arrays and lanes, as accelerator_even_cores lays them
 * out for one operator after the other, on as many as make it fastest.
 * Found designs come from topk.csv of a results folder, whose columns hold every key of the template that a run may
 * change. Left out: what the search that found them assumed of costs; the groups of this run file count. */
#include "dse/tenancy/tenancy_table.h"

#include "arch/physical.h"
#include "arch/schedule.h"
#include "base/checked.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>

/* Faster than any operator asks for; small enough that no product of it overflows. */
static const double unlimited_bytes_per_cycle = 1e15;
enum { MAX_TOPK_ROWS = 100000, MAX_KINDS = PLATFORM_MAX_CORES };

struct reading {
  const struct tenancy_table_settings *settings;
  const struct tenancy_world *world;
  struct tenancy_cores *cores;
  uint32_t *kind_of;
  const char *place;
  struct error *error;
};

static bool add_cores(struct reading *reading, uint64_t n, uint32_t kind) {
  if (n > PLATFORM_MAX_CORES - reading->cores->n_cores)
    return error_add(reading->error, STATUS_INPUT, "%s: more than %d cores", reading->place, PLATFORM_MAX_CORES);
  for (uint64_t i = 0; i < n; i++) reading->kind_of[reading->cores->n_cores++] = kind;
  return true;
}

static struct tenancy_core_kind *new_kind(struct reading *reading, const char *name) {
  struct tenancy_core_kind *const kind = &reading->cores->kinds[reading->cores->n_kinds++];
  kind->name = name;
  kind->settings = *reading->world->cost;
  return kind;
}

/* A kind whose accelerator and cost settings are known, made ready for prices. */
static void finish_kind(const struct reading *reading, struct tenancy_core_kind *kind) {
  const struct accelerator *const part = &kind->accelerator;
  const struct technology *const technology = reading->world->technology;
  struct accelerator even;
  accelerator_even_cores(part, &even);
  kind->n_pes = sat_mul(part->tc_count, sat_mul(part->tc_rows, part->tc_cols));
  kind->clock_mhz = even.clock_mhz;
  machine_init(&kind->machine, &kind->settings, technology, &even);
  kind->machine.tilings = reading->world->tilings;
  kind->machine.hbm_bytes_per_cycle = unlimited_bytes_per_cycle;
  physical_area(technology, part, &kind->area);
  energy_model_init(&kind->energy, technology, (enum energy_detail)kind->settings.energy_detail);
}

/* --- platforms ------------------------------------------------------------------------------------------------------
 */

static bool same_core(const struct platform_core *a, const struct platform_core *b) {
  return a->style == b->style && a->height == b->height && a->flexible == b->flexible;
}

static bool read_platform(struct reading *reading) {
  const struct tenancy_world *const world = reading->world;
  const bool physical = reading->settings->provider == TENANCY_PHYSICAL;
  struct platform platform;
  if (!platform_read(reading->settings->platform, (enum maestro_style)(MAESTRO_SHI + reading->settings->lb_style),
                     reading->place, world->arena, &platform, reading->error))
    return false;
  reading->cores->name = platform.name;
  reading->cores->bandwidths_bytes_per_cycle = platform.bandwidths_bytes_per_cycle;
  const struct platform_core *firsts[MAX_KINDS];
  for (size_t c = 0; c < platform.n_cores; c++) {
    const struct platform_core *const core = &platform.cores[c];
    size_t k = 0;
    while (k < reading->cores->n_kinds && !same_core(firsts[k], core)) k++;
    if (k == reading->cores->n_kinds) {
      struct tenancy_core_kind *const kind = new_kind(reading, maestro_style_names[core->style]);
      firsts[k] = core;
      platform_maestro_array(core, &kind->array);
      kind->n_pes = kind->array.n_pes;
      kind->clock_mhz = reading->settings->clock_mhz;
      if (physical && !platform_accelerator(core, reading->place, &kind->accelerator, &kind->settings, world->arena,
                                            reading->error))
        return false;
      if (physical) finish_kind(reading, kind);
    }
    if (!add_cores(reading, 1, (uint32_t)k)) return false;
  }
  return true;
}

/* --- accelerators: "4 x NAME", a file, or FOLDER:1..3 ----------------------------------------------------------------
 */

static bool add_accelerator(struct reading *reading, uint64_t n, const char *name,
                            const struct accelerator *accelerator) {
  if (reading->cores->n_kinds == MAX_KINDS)
    return error_add(reading->error, STATUS_INPUT, "%s: more than %d cores", reading->place, MAX_KINDS);
  const uint32_t kind = (uint32_t)reading->cores->n_kinds;
  struct tenancy_core_kind *const made = new_kind(reading, arena_copy_text(reading->world->arena, name));
  made->accelerator = *accelerator;
  if (!accelerator_derive(&made->accelerator, reading->error)) return false;
  finish_kind(reading, made);
  return add_cores(reading, n, kind);
}

/* A design of topk.csv: every key of the template that is a column. */
static bool read_design(struct reading *reading, const struct csv *csv, size_t row, struct accelerator *accelerator) {
  struct arena *const arena = reading->world->arena;
  bool read = true;
  config_defaults(&accelerator_fields, arena, accelerator);
  for (size_t f = 0; f < accelerator_fields.n_fields; f++) {
    const struct field *const field = &accelerator_fields.fields[f];
    const size_t column = csv_column(csv, field->key);
    if (column == SIZE_MAX) continue;
    const char *const cell = csv_cell(csv, row, column);
    const char *const value = field->type == FIELD_CHOICE ? arena_printf(arena, "\"%s\"", cell) : cell;
    const char *const where = arena_printf(arena, "%s:%u", csv->path, csv->line[row]);
    read = config_set_field(field, accelerator, value, where, arena, reading->error) && read;
  }
  return read;
}

/* "FOLDER", "FOLDER:3" or "FOLDER:1..3": ranks of topk.csv, from 1. False if the text has no such form. */
static bool split_ranks(char *text, uint64_t *first, uint64_t *last) {
  char *const colon = strrchr(text, ':');
  *first = *last = 1;
  if (colon == NULL) return true;
  *colon = '\0';
  char *const dots = strstr(colon + 1, "..");
  if (dots != NULL) *dots = '\0';
  return text_to_u64(colon + 1, first) && text_to_u64(dots != NULL ? dots + 2 : colon + 1, last) && *first >= 1 &&
         *last >= *first;
}

static bool add_designs(struct reading *reading, uint64_t n, const char *folder, uint64_t first, uint64_t last) {
  struct arena *const arena = reading->world->arena;
  struct csv csv;
  if (!csv_read(arena_printf(arena, "%s/topk.csv", folder), MAX_TOPK_ROWS, arena, &csv, reading->error)) return false;
  if (last > csv.n_rows)
    return error_add(reading->error, STATUS_INPUT, "%s: %s holds %zu designs, the %llu. was asked for", reading->place,
                     csv.path, csv.n_rows, (unsigned long long)last);
  const size_t name = csv_column(&csv, "design");
  for (uint64_t rank = first; rank <= last; rank++) {
    struct accelerator accelerator;
    if (!read_design(reading, &csv, rank - 1, &accelerator)) return false;
    if (!add_accelerator(reading, n, name == SIZE_MAX ? folder : csv_cell(&csv, rank - 1, name), &accelerator))
      return false;
  }
  return true;
}

static bool read_accelerator(struct reading *reading, const char *text) {
  const struct tenancy_world *const world = reading->world;
  struct arena *const arena = world->arena;
  uint64_t n = 1, first, last;
  const char *const times = strstr(text, " x ");
  if (times != NULL) {
    const char *const count = arena_printf(arena, "%.*s", (int)(times - text), text);
    if (!text_to_u64(count, &n) || n < 1 || n > PLATFORM_MAX_CORES)
      return error_add(reading->error, STATUS_INPUT, "%s: \"%s\": a number from 1 to %d stands before x",
                       reading->place, text, PLATFORM_MAX_CORES);
    text = times + 3;
  }
  char *const folder = arena_copy_text(arena, text);
  if (split_ranks(folder, &first, &last) && file_exists(arena_printf(arena, "%s/topk.csv", folder)))
    return add_designs(reading, n, folder, first, last);
  struct accelerator accelerator;
  config_defaults(&accelerator_fields, arena, &accelerator);
  const bool is_path = strchr(text, '/') != NULL || strchr(text, '.') != NULL;
  const bool found = is_path
                         ? accelerator_read(text, NULL, 0, arena, &accelerator, reading->error)
                         : accelerator_from_catalogue(world->data_folder, text, arena, &accelerator, reading->error);
  return found && add_accelerator(reading, n, text, &accelerator);
}

static bool read_accelerators(struct reading *reading) {
  const struct text_list *const list = &reading->settings->accelerators;
  reading->cores->name = "accelerators";
  if (reading->settings->provider == TENANCY_COMPAT)
    return error_add(reading->error, STATUS_INPUT,
                     "%s: provider compat knows the arrays of platforms alone; allowed is provider physical",
                     reading->place);
  for (size_t i = 0; i < list->n; i++)
    if (!read_accelerator(reading, list->values[i])) return false;
  const struct tenancy_core_kind *const kinds = reading->cores->kinds;
  for (size_t k = 1; k < reading->cores->n_kinds; k++) {
    if (kinds[k].accelerator.element_bytes == kinds[0].accelerator.element_bytes) continue;
    return error_add(reading->error, STATUS_INPUT,
                     "%s: elements of %s have %llu bytes, those of %s %llu; allowed are all alike", reading->place,
                     kinds[k].name, (unsigned long long)kinds[k].accelerator.element_bytes, kinds[0].name,
                     (unsigned long long)kinds[0].accelerator.element_bytes);
  }
  return true;
}

/* --- both -----------------------------------------------------------------------------------------------------------
 */

static bool check_bandwidths(const struct reading *reading) {
  const struct real_list *const own = &reading->settings->bandwidth_bytes_per_cycle;
  struct real_list *const all = &reading->cores->bandwidths_bytes_per_cycle;
  if (own->n > 0) *all = *own;
  if (all->n > 0) return true;
  return error_add(reading->error, STATUS_INPUT, "%s: %s has no bandwidth of its own; give at least one, in B/cycle",
                   tenancy_place(reading->world, "bandwidth_bytes_per_cycle"), reading->cores->name);
}

bool tenancy_check_provider(const struct tenancy_table_settings *settings, const struct tenancy_world *world,
                            const char *key, struct error *error) {
  const struct cost_provider *const provider = cost_providers[world->cost->provider];
  if (settings->provider == TENANCY_COMPAT || (provider->has_bandwidth && provider->load == NULL)) return true;
  return error_add(error, STATUS_INPUT,
                   "%s: cost.provider = \"%s\" does not tell time without stall from bytes; allowed are physical and "
                   "systolic",
                   tenancy_place(world, key), provider->name);
}

bool tenancy_cores_open(const struct tenancy_table_settings *settings, const struct tenancy_world *world,
                        struct tenancy_cores *cores, struct error *error) {
  *cores = (struct tenancy_cores){.kinds = ARENA_NEW(world->arena, struct tenancy_core_kind, MAX_KINDS)};
  const bool named = settings->accelerators.n > 0;
  struct reading reading = {.settings = settings,
                            .world = world,
                            .cores = cores,
                            .kind_of = ARENA_NEW(world->arena, uint32_t, PLATFORM_MAX_CORES),
                            .place = tenancy_place(world, named ? "accelerators" : "platform"),
                            .error = error};
  cores->kind_of = reading.kind_of;
  if (!tenancy_check_provider(settings, world, "provider", error) ||
      !(named ? read_accelerators(&reading) : read_platform(&reading)))
    return false;
  cores->element_bytes = settings->provider == TENANCY_COMPAT ? 1 : cores->kinds[0].accelerator.element_bytes;
  return check_bandwidths(&reading);
}

void tenancy_cores_of(const struct tenancy_table_settings *settings, const struct tenancy_world *world, size_t n,
                      const struct accelerator *designs, const char *const *names, struct tenancy_cores *cores) {
  *cores = (struct tenancy_cores){.name = "found",
                                  .kinds = ARENA_NEW(world->arena, struct tenancy_core_kind, n),
                                  .element_bytes = designs[0].element_bytes,
                                  .bandwidths_bytes_per_cycle = settings->bandwidth_bytes_per_cycle};
  uint32_t *const kind_of = ARENA_NEW(world->arena, uint32_t, n);
  struct reading reading = {.settings = settings, .world = world, .cores = cores, .kind_of = kind_of};
  for (size_t d = 0; d < n; d++) {
    struct tenancy_core_kind *const kind = new_kind(&reading, names[d]);
    kind->accelerator = designs[d];
    finish_kind(&reading, kind);
    kind_of[cores->n_cores++] = (uint32_t)d;
  }
  cores->kind_of = kind_of;
}

/* --- prices ---------------------------------------------------------------------------------------------------------
 */

/* Cores of the classes that an op needs; 0: it cannot run. */
static uint64_t cores_for(const struct machine *machine, unsigned classes) {
  uint64_t n = UINT64_MAX;
  if (classes & 1u << CORE_TENSOR) n = min_u64(n, machine->n_tensor);
  if (classes & 1u << CORE_VECTOR) n = min_u64(n, machine->n_vector);
  return classes == 0 || classes & 1u << CORE_LINK ? 0 : n;
}

/* The fastest of 1, 2, 4, … and all cores; ties: fewer bytes, fewer cores. */
static uint64_t best_cost(const struct cost_provider *provider, const struct machine *machine, const struct op *op,
                          const struct op_follower *followers, struct op_cost *best) {
  const uint64_t n = cores_for(machine, provider->op_classes(machine, op, followers));
  uint64_t best_cores = 0;
  for (uint64_t k = 1; k <= n; k = k < n && 2 * k > n ? n : 2 * k) {
    struct op_cost cost;
    memset(&cost, 0, sizeof cost);
    provider->op_cost(machine, op, followers, k, &cost);
    if (cost.cycles == UINT64_MAX) continue;
    if (best_cores > 0 &&
        (cost.cycles > best->cycles || (cost.cycles == best->cycles && cost.hbm_bytes >= best->hbm_bytes)))
      continue;
    *best = cost;
    best_cores = k;
  }
  return best_cores;
}

void tenancy_price_physical(const struct tenancy_core_kind *kind, uint64_t clock_mhz, const struct op *op,
                            const struct op_follower *followers, struct tenancy_price *price) {
  const struct cost_provider *const provider = cost_providers[kind->settings.provider];
  struct op_cost cost;
  *price = (struct tenancy_price){0};
  const uint64_t n_cores = best_cost(provider, &kind->machine, op, followers, &cost);
  if (n_cores == 0) return;
  /* From cycles of the core to cycles of the table. */
  const uint64_t product = sat_mul(max_u64(cost.cycles, 1), clock_mhz);
  if (product == UINT64_MAX) return;
  const bool tensor = op_kinds[op->kind].class == CLASS_TENSOR && !cost.mapping.on_vector;
  const struct energy_traffic traffic = {.macs = tensor ? op_macs(op) : 0,
                                         .lane_cycles = cost.lane_cycles,
                                         .array_bytes = cost.array_bytes,
                                         .l2_bytes = cost.l2_bytes,
                                         .glb_bytes = cost.glb_bytes,
                                         .hbm_bytes = cost.hbm_bytes,
                                         .seconds = (double)cost.cycles / ((double)kind->clock_mhz * 1e6)};
  price->latency_cycles = ceil_div(product, kind->clock_mhz);
  price->bytes_per_cycle = (double)cost.hbm_bytes / (double)price->latency_cycles;
  price->energy_nj = 1e9 * energy_model_j(&kind->energy, &kind->accelerator, &kind->area, &traffic);
}

void tenancy_price_compat(const struct tenancy_core_kind *kind, enum maestro_bandwidth bandwidth,
                          const struct maestro_layer *layer, struct tenancy_price *price) {
  struct maestro_cost cost;
  *price = (struct tenancy_price){0};
  if (!maestro_cost(&kind->array, layer, bandwidth, &cost)) return;
  price->latency_cycles = cost.latency_cycles;
  price->bytes_per_cycle = cost.bytes_per_cycle;
  price->cluster_pes = cost.cluster_pes;
}
