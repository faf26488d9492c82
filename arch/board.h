/* What does a layer take on an FPGA board of the literature?
 *
 * Twelve boards (arch/boards.csv): what each can run, its rate, its port to its own DRAM. Convolutions run on the tiled
 * engine of zhang_engine.h; a fully connected layer takes the longer of its products and of its weights through the
 * port, an LSTM their sum; pooling, additions and concatenations run on every board at the speed of its DRAM.
 * (placement §9; only the values that the column `confirmed` names have a public source, all others are our choice.)
 * Left out: overlap within a layer, and anything that the host sends. */
#ifndef ARCH_BOARD_H
#define ARCH_BOARD_H

#include "arch/zhang_engine.h"
#include "workloads/layer_table.h"

/* Kinds as boards know them: several of layers' are one. */
enum board_kind { BOARD_CONV, BOARD_LSTM, BOARD_FC, BOARD_VECTOR, N_BOARD_KINDS };
extern const char *const board_kind_names[N_BOARD_KINDS]; /* conv, lstm, fc, vector */
enum board_kind board_kind_of(enum layer_kind kind);

struct board {
  const char *name, *source, *confirmed; /* confirmed: names of columns, blanks between */
  bool runs[N_BOARD_KINDS];
  double gops, clock_mhz, port_bits, pin_share, active_w;
  uint64_t dram_bytes;
  uint64_t tile_m, tile_n, tile_r, tile_c; /* of boards for convolutions */
};

/* DATA_FOLDER/arch/boards.csv, or another file of its columns. */
bool boards_read(const char *path, struct arena *arena, const struct board **boards, size_t *n, struct error *error);
/* Seconds, all operands in the board's own DRAM; NAN: it cannot run such a layer. */
double board_seconds(const struct board *board, const struct layer *layer, uint64_t element_bytes);

#endif
