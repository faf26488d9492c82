/* Devices that layers run on, and what one layer costs there. See placement_table.h.
 *
 * On an accelerator a layer is the operators below, one after another, each on as many cores as make it fastest. An
 * LSTM is one product of all steps' inputs, then a product and a cell a step; its recurrent weights are read again each
 * step. Left out: fusion, and anything that stays on the chip between layers. */
#include "dse/placement/placement_table.h"

#include "arch/physical.h"
#include "base/checked.h"
#include "base/text.h"
#include <math.h>
#include <string.h>

enum { DEFAULT_ELEMENT_BYTES = 2, LSTM_GATES = 4, LSTM_STATES = 2 };

/* --- operators of a layer ---
 */

struct step {
  struct op op;
  uint64_t times;
};
enum { MAX_STEPS = 3 };

static struct op product(uint64_t m, uint64_t n, uint64_t k, uint64_t element_bytes) {
  struct op op = op_new(OP_GEMM, element_bytes);
  op.dim[DIM_REPS] = 1, op.dim[DIM_M] = m, op.dim[DIM_N] = n, op.dim[DIM_K] = k;
  op.weighted = true;
  op.in_bytes = sat_mul(sat_mul(m, k), element_bytes);
  op.weight_bytes = sat_mul(sat_mul(k, n), element_bytes);
  op.out_bytes = sat_mul(sat_mul(m, n), element_bytes);
  return op;
}

static struct op on_lanes(enum op_kind kind, uint64_t n_elements, uint64_t n_in, uint64_t n_out,
                          uint64_t element_bytes) {
  struct op op = op_new(kind, element_bytes);
  op.dim[DIM_ELEMENTS] = n_elements, op.dim[DIM_ROW] = n_elements;
  op.dim[DIM_X_ELEMENTS] = n_in, op.dim[DIM_X_RANK] = 1, op.dim[DIM_OPERANDS] = 1;
  op.in_bytes = sat_mul(n_in, element_bytes);
  op.out_bytes = sat_mul(n_out, element_bytes);
  return op;
}

static struct op convolution(const struct layer *layer, uint64_t element_bytes) {
  struct op op = op_new(OP_CONV, element_bytes);
  op.dim[DIM_IMAGES] = op.dim[DIM_GROUPS] = op.dim[DIM_DILATION] = 1;
  op.dim[DIM_IN_CHANNELS] = layer->in_channels, op.dim[DIM_OUT_CHANNELS] = layer->out_channels;
  op.dim[DIM_IN_HEIGHT] = layer->in_rows, op.dim[DIM_IN_WIDTH] = layer->in_cols;
  op.dim[DIM_FILTER_HEIGHT] = op.dim[DIM_FILTER_WIDTH] = layer->kernel;
  op.dim[DIM_STRIDE] = layer->stride;
  op.dim[DIM_PAD_HEIGHT] = op.dim[DIM_PAD_WIDTH] = layer->pad;
  op.in_bytes = sat_mul(layer->input_elements, element_bytes);
  op.weight_bytes = sat_mul(layer->weights, element_bytes);
  op.out_bytes = sat_mul(layer->output_elements, element_bytes);
  return op;
}

static size_t steps_of(const struct layer *layer, uint64_t element_bytes, struct step steps[MAX_STEPS]) {
  const uint64_t n_in = layer->input_elements, n_out = layer->output_elements, width = layer->out_cols;
  switch (layer->kind) {
  case LAYER_CONV:
    steps[0] = (struct step){convolution(layer, element_bytes), 1};
    return 1;
  case LAYER_FC:
    /* A table that counts channels only has fewer inputs. */
    steps[0] = (struct step){
        product(1, layer->out_channels, max_u64(layer->weights / layer->out_channels, 1), element_bytes), 1};
    return 1;
  case LAYER_LSTM:
    steps[0] = (struct step){product(layer->in_rows, LSTM_GATES * width, layer->in_cols, element_bytes), 1};
    steps[1] = (struct step){product(1, LSTM_GATES * width, width, element_bytes), layer->in_rows};
    steps[2] =
        (struct step){on_lanes(OP_LSTM_CELL, width, 2 * LSTM_GATES * width + width, LSTM_STATES * width, element_bytes),
                      layer->in_rows};
    return 3;
  case LAYER_POOL:
    steps[0] = (struct step){on_lanes(OP_AVERAGE_POOL, n_out, n_in, n_out, element_bytes), 1};
    steps[0].op.dim[DIM_WINDOW] = sat_mul(layer->kernel, layer->kernel);
    return 1;
  case LAYER_ADD:
    steps[0] = (struct step){on_lanes(OP_ADD, n_out, n_in, n_out, element_bytes), 1};
    return 1;
  case LAYER_CONCAT:
  case N_LAYER_KINDS:
    break;
  }
  steps[0] = (struct step){on_lanes(OP_CONCAT, n_out, n_in, n_out, element_bytes), 1};
  return 1;
}

void placement_price(const struct placement_part *part, const struct layer *layer, uint64_t element_bytes,
                     struct placement_price *price) {
  *price = (struct placement_price){0};
  if (part->board != NULL) {
    price->seconds = board_seconds(part->board, layer, element_bytes);
    price->energy_j = price->seconds * part->board->active_w;
    price->dram_bytes =
        (double)sat_mul(sat_add(layer->weights, sat_add(layer->input_elements, layer->output_elements)), element_bytes);
    return;
  }
  const struct tenancy_core_kind *const kind = part->kind;
  struct step steps[MAX_STEPS];
  const size_t n = steps_of(layer, element_bytes, steps);
  for (size_t i = 0; i < n; i++) {
    struct tenancy_price one;
    tenancy_price_physical(kind, kind->clock_mhz, &steps[i].op, NULL, &one);
    if (one.latency_cycles == 0) {
      price->seconds = NAN;
      return;
    }
    const double times = (double)steps[i].times, cycles = times * (double)one.latency_cycles;
    price->seconds += cycles / ((double)kind->clock_mhz * 1e6);
    price->energy_j += times * one.energy_nj * 1e-9;
    price->dram_bytes += cycles * one.bytes_per_cycle;
  }
}

/* --- reading ---
 */

enum { MOST_DEVICES = PLACEMENT_MAX_DEVICES };

struct reading {
  const struct tenancy_world *world;
  struct placement_devices *devices;
  struct placement_part *parts;
  struct error *error;
};

/* A second one of a name is NAME-2. */
static bool add_device(struct reading *reading, const struct placement_part *part, const char *key) {
  struct placement_devices *const devices = reading->devices;
  struct arena *const arena = reading->world->arena;
  size_t n_alike = 0;
  if (devices->n == MOST_DEVICES) {
    return error_add(reading->error, STATUS_INPUT, "%s: more than %d devices", tenancy_place(reading->world, key),
                     MOST_DEVICES);
  }
  for (size_t i = 0; i < devices->n; i++) n_alike += strcmp(reading->parts[i].name, part->name) == 0;
  devices->names[devices->n] = n_alike == 0 ? part->name : arena_printf(arena, "%s-%zu", part->name, n_alike + 1);
  reading->parts[devices->n++] = *part;
  return true;
}

static bool add_board(struct reading *reading, const struct board *boards, size_t n_boards, const char *text) {
  uint64_t n = 1;
  const char *const times = strstr(text, " x "), *const place = tenancy_place(reading->world, "boards");
  if (times != NULL) {
    const char *const count = arena_printf(reading->world->arena, "%.*s", (int)(times - text), text);
    if (!text_to_u64(count, &n) || n < 1 || n > MOST_DEVICES)
      return error_add(reading->error, STATUS_INPUT, "%s: \"%s\": a number from 1 to %d stands before x", place, text,
                       MOST_DEVICES);
    text = times + 3;
  }
  const char **const names = ARENA_NEW(reading->world->arena, const char *, n_boards);
  const char *all = "";
  for (size_t b = 0; b < n_boards; b++) {
    const struct placement_part part = {boards[b].name, &boards[b], NULL};
    names[b] = boards[b].name;
    all = arena_printf(reading->world->arena, "%s, %s", all, names[b]);
    const bool whole = strcmp(text, "all") == 0;
    if (!whole && strcmp(text, names[b]) != 0) continue;
    for (uint64_t i = 0; i < n; i++) {
      if (!add_device(reading, &part, "boards")) return false;
    }
    if (!whole) return true;
  }
  if (strcmp(text, "all") == 0) return true;
  char shown[80];
  text_escape(text, shown, sizeof shown);
  const char *const nearest = text_nearest(text, names, n_boards);
  return error_add(reading->error, STATUS_INPUT, "%s: no board \"%s\"%s%s%s, allowed are all%s", place, shown,
                   nearest != NULL ? ", did you mean " : "", nearest != NULL ? nearest : "", nearest != NULL ? "?" : "",
                   all);
}

static bool add_boards(struct reading *reading, const struct text_list *wanted, bool everything) {
  const struct board *boards;
  size_t n;
  const char *const path = arena_printf(reading->world->arena, "%s/arch/boards.csv", reading->world->data_folder);
  if (!boards_read(path, reading->world->arena, &boards, &n, reading->error)) return false;
  if (everything) return add_board(reading, boards, n, "all");
  for (size_t i = 0; i < wanted->n; i++) {
    if (!add_board(reading, boards, n, wanted->values[i])) return false;
  }
  return true;
}

/* As cores of multi-tenant mapping are read and priced, but with memory as fast as it is. */
static bool add_accelerators(struct reading *reading, const struct text_list *wanted) {
  const struct tenancy_world *const world = reading->world;
  static const double any_bandwidth = 1; /* wanted there, means nothing here */
  const struct tenancy_table_settings settings = {
      .provider = TENANCY_PHYSICAL, .accelerators = *wanted, .bandwidth_bytes_per_cycle = {1, &any_bandwidth}};
  struct tenancy_cores *const cores = ARENA_NEW(world->arena, struct tenancy_cores, 1);
  if (!tenancy_cores_open(&settings, world, cores, reading->error)) return false;
  for (size_t k = 0; k < cores->n_kinds; k++) {
    struct accelerator even;
    accelerator_even_cores(&cores->kinds[k].accelerator, &even);
    machine_init(&cores->kinds[k].machine, &cores->kinds[k].settings, world->technology, &even);
    cores->kinds[k].machine.tilings = world->tilings;
  }
  for (size_t c = 0; c < cores->n_cores; c++) {
    const struct tenancy_core_kind *const kind = &cores->kinds[cores->kind_of[c]];
    if (!add_device(reading, &(struct placement_part){kind->name, NULL, kind}, "accelerators")) return false;
  }
  reading->devices->element_bytes = cores->element_bytes;
  reading->devices->priced = true;
  return true;
}

bool placement_devices_open(const struct placement_table_settings *settings, const struct tenancy_world *world,
                            struct placement_devices *devices, struct error *error) {
  *devices = (struct placement_devices){.names = ARENA_NEW(world->arena, const char *, MOST_DEVICES),
                                        .element_bytes = DEFAULT_ELEMENT_BYTES};
  struct reading reading = {world, devices, ARENA_NEW(world->arena, struct placement_part, MOST_DEVICES), error};
  devices->parts = reading.parts;
  const bool neither = settings->boards.n == 0 && settings->accelerators.n == 0;
  if ((neither || settings->boards.n > 0) && !add_boards(&reading, &settings->boards, neither)) return false;
  if (settings->accelerators.n > 0 && !add_accelerators(&reading, &settings->accelerators)) return false;
  const uint64_t wanted = settings->element_bytes;
  if (wanted != 0 && devices->priced && wanted != devices->element_bytes) {
    return error_add(error, STATUS_INPUT, "%s: elements of %s have %llu bytes; allowed is the same, or 0",
                     tenancy_place(world, "element_bytes"), settings->accelerators.values[0],
                     (unsigned long long)devices->element_bytes);
  }
  if (wanted != 0) devices->element_bytes = wanted;
  return true;
}
