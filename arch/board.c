/* See board.h. */
#include "arch/board.h"

#include "base/checked.h"
#include "base/csv_cells.h"
#include "base/text.h"
#include <math.h>
#include <string.h>

const char *const board_kind_names[N_BOARD_KINDS] = {"conv", "lstm", "fc", "vector"};

enum { MAX_BOARDS = 1024 };

enum board_kind board_kind_of(enum layer_kind kind) {
  switch (kind) {
  case LAYER_CONV:
    return BOARD_CONV;
  case LAYER_LSTM:
    return BOARD_LSTM;
  case LAYER_FC:
    return BOARD_FC;
  case LAYER_POOL:
  case LAYER_ADD:
  case LAYER_CONCAT:
  case N_LAYER_KINDS:
    break;
  }
  return BOARD_VECTOR;
}

double board_seconds(const struct board *board, const struct layer *layer, uint64_t element_bytes) {
  const enum board_kind kind = board_kind_of(layer->kind);
  const double port_bytes_per_s = board->port_bits * board->clock_mhz * 1e6 / 8;
  const double rate = board->gops * 1e9;
  if (!board->runs[kind]) return NAN;
  const double weights_s = (double)sat_mul(layer->weights, element_bytes) / port_bytes_per_s;
  const double products_s = (double)sat_mul(2, layer->macs) / rate;
  switch (kind) {
  case BOARD_CONV: {
    const struct zhang_engine engine = {.gops = board->gops,
                                        .port_bytes_per_s = port_bytes_per_s,
                                        .tile_m = board->tile_m,
                                        .tile_n = board->tile_n,
                                        .tile_r = board->tile_r,
                                        .tile_c = board->tile_c};
    const struct zhang_layer shape = {.out_channels = layer->out_channels,
                                      .in_channels = layer->in_channels,
                                      .out_rows = layer->out_rows,
                                      .out_cols = layer->out_cols,
                                      .kernel = layer->kernel};
    return zhang_engine_s(&engine, &shape, element_bytes);
  }
  case BOARD_LSTM:
    return products_s + weights_s;
  case BOARD_FC:
    return fmax(products_s, weights_s);
  case BOARD_VECTOR:
  case N_BOARD_KINDS:
    break;
  }
  return (double)sat_mul(sat_add(layer->input_elements, layer->output_elements), element_bytes) / port_bytes_per_s;
}

/* --- the catalogue --------------------------------------------------------------------------------------------------
 */

enum column {
  BOARD_NAME,
  BOARD_SOURCE,
  BOARD_KINDS,
  BOARD_GOPS,
  BOARD_CLOCK,
  BOARD_PORT,
  BOARD_DRAM,
  BOARD_PIN_SHARE,
  BOARD_ACTIVE_W,
  BOARD_TILE_M,
  BOARD_TILE_N,
  BOARD_TILE_R,
  BOARD_TILE_C,
  BOARD_CONFIRMED,
  N_COLUMNS
};
static const char *const columns[N_COLUMNS] = {"board",     "source",     "kinds",     "gops",     "clock_mhz",
                                               "port_bits", "dram_bytes", "pin_share", "active_w", "tile_m",
                                               "tile_n",    "tile_r",     "tile_c",    "confirmed"};

static double read_real(const struct csv_cells *cells, int column, double most) {
  double value;
  if (text_to_double(csv_cells_text(cells, column), &value) && value > 0 && value <= most) return value;
  csv_cells_complain(cells, column, "a number above 0");
  return 1;
}

static void read_kinds(const struct csv_cells *cells, struct arena *arena, struct board *board) {
  char *const text = arena_copy_text(arena, csv_cells_text(cells, BOARD_KINDS)), *rest = NULL;
  for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
    int kind = 0;
    while (kind < N_BOARD_KINDS && strcmp(word, board_kind_names[kind]) != 0) kind++;
    if (kind == N_BOARD_KINDS) {
      csv_cells_complain(cells, BOARD_KINDS, "conv, lstm, fc, vector, blanks between");
    } else {
      board->runs[kind] = true;
    }
  }
}

static uint64_t read_tile(const struct csv_cells *cells, int column, const struct board *board) {
  if (!board->runs[BOARD_CONV] && *csv_cells_text(cells, column) == '\0') return 0;
  return csv_cells_whole(cells, column, 1, 1 << 16, "a whole number from 1 to 65536");
}

bool boards_read(const char *path, struct arena *arena, const struct board **boards, size_t *n, struct error *error) {
  struct csv_cells cells = {.names = columns};
  if (!csv_cells_open(&cells, path, MAX_BOARDS, N_COLUMNS, arena, error)) return false;
  struct board *const read = ARENA_NEW(arena, struct board, cells.csv.n_rows);
  for (; cells.row < cells.csv.n_rows; cells.row++) {
    struct board *const board = &read[cells.row];
    *board =
        (struct board){.name = arena_copy_text(arena, csv_cells_text(&cells, BOARD_NAME)),
                       .source = arena_copy_text(arena, csv_cells_text(&cells, BOARD_SOURCE)),
                       .confirmed = arena_copy_text(arena, csv_cells_text(&cells, BOARD_CONFIRMED)),
                       .gops = read_real(&cells, BOARD_GOPS, 1e9),
                       .clock_mhz = read_real(&cells, BOARD_CLOCK, 1e5),
                       .port_bits = read_real(&cells, BOARD_PORT, 1e6),
                       .pin_share = read_real(&cells, BOARD_PIN_SHARE, 1),
                       .active_w = read_real(&cells, BOARD_ACTIVE_W, 1e6),
                       .dram_bytes = csv_cells_whole(&cells, BOARD_DRAM, 1, UINT64_C(1) << 50, "a number of bytes")};
    read_kinds(&cells, arena, board);
    board->tile_m = read_tile(&cells, BOARD_TILE_M, board);
    board->tile_n = read_tile(&cells, BOARD_TILE_N, board);
    board->tile_r = read_tile(&cells, BOARD_TILE_R, board);
    board->tile_c = read_tile(&cells, BOARD_TILE_C, board);
    for (size_t i = 0; i < cells.row; i++) {
      if (strcmp(read[i].name, board->name) == 0) csv_cells_complain(&cells, BOARD_NAME, "a name that no other has");
    }
  }
  *boards = read, *n = cells.csv.n_rows;
  return !error_is_set(error);
}
