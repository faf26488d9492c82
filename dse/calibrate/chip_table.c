/* How is a table of real chips read?
 *
 * Cells are numbers or UNKNOWN. What the law needs and the table leaves out is not guessed, with three exceptions of
 * cost-model §8: SRAM lies inside cores if there are GPU cores or there is no memory outside, and is a shared buffer
 * otherwise; a missing clock is 1000 MHz; links too fast for long reach are extra-short ones. Left out: lanes that are
 * unknown, which are a matter of the law that is fitted (chip_fit.c). */
#include "dse/calibrate/chip_table.h"

#include "base/text.h"
#include <math.h>
#include <string.h>

enum { MOST_CHIPS = 500 }; /* every one of them is left out once */

static const double most_value = 1e9, missing_clock_hz = 1e9;
/* Parts up to this year set the constants of power: later ones run well below them (cost-model §6). */
static const uint64_t last_power_year = 2022;
/* 0.10 mm² a GB/s: above this, long-reach links alone would take 200 mm² of the die. */
static const double most_long_reach_gbytes_per_s = 2000;

static const char *const number_columns[] = {"year",
                                             "node_nm",
                                             "die_mm2",
                                             "n_dies",
                                             "tdp_W",
                                             "peak_16b_TFLOPS",
                                             "peak_8b_TOPS",
                                             "clock_MHz",
                                             "phys_16b_MAC_per_clk(or int8)",
                                             "fp32_lanes",
                                             "sram_MiB_excl_L2",
                                             "L2_MiB",
                                             "SM_count",
                                             "hbm_sites",
                                             "mem_GBps",
                                             "scaleup_GBps_per_dir"};
enum column {
  YEAR,
  NODE,
  DIE,
  N_DIES,
  TDP,
  PEAK_16B,
  PEAK_8B,
  CLOCK,
  MACS,
  LANES,
  SRAM,
  L2,
  SMS,
  STACKS,
  MEMORY,
  LINKS,
  N_NUMBERS
};
static const char *const text_columns[] = {"chip", "vendor", "die_qual", "format", "mem_type"};
enum text_column { NAME, VENDOR, DIE_QUALITY, FORMAT, MEMORY_KIND, N_TEXTS };

static const char *const format_names[N_MAC_FORMATS] = {
    [MAC_INT8] = "int8", [MAC_BF16] = "bf16", [MAC_FP16] = "fp16", [MAC_FP32] = "fp32"};
/* DDR3 with its controller: cost-model §5. A memory without a known energy makes a row's TDP unknown. */
static const struct {
  const char *name;
  double pj_per_bit, stack_gbytes_per_s;
  bool hbm;
} memories[] = {{"none", 0, 0, false},     {"DDR3", 20, 0, false},    {"HBM", NAN, 0, true},
                {"HBM2", 5.0, 307, true},  {"HBM2e", 5.0, 461, true}, {"HBM3", 4.2, 819, true},
                {"HBM3e", 3.5, 1229, true}};

struct reader {
  const struct csv *csv;
  size_t numbers[N_NUMBERS], texts[N_TEXTS];
  size_t row;
  struct error *error;
};

static bool is_unknown(const char *text) { return strcmp(text, "UNKNOWN") == 0; }

static const char *text_of(const struct reader *reader, enum text_column column) {
  return csv_cell(reader->csv, reader->row, reader->texts[column]);
}

static void complain(const struct reader *reader, const char *column, const char *text, const char *wanted) {
  char shown[80];
  text_escape(text, shown, sizeof shown);
  error_add(reader->error, STATUS_INPUT, "%s:%u: %s: \"%s\", %s was expected", reader->csv->path,
            reader->csv->line[reader->row], column, shown, wanted);
}

/* NaN: unknown. Years, nodes and counts of dies must be whole. */
static double number_of(const struct reader *reader, enum column column) {
  const char *const text = csv_cell(reader->csv, reader->row, reader->numbers[column]);
  if (is_unknown(text)) return NAN;
  const bool whole = column == YEAR || column == NODE || column == N_DIES;
  double value = NAN;
  if (text_to_double(text, &value) && value >= 0 && value <= most_value &&
      (!whole || (value >= 1 && floor(value) == value)))
    return value;
  complain(reader, number_columns[column], text,
           whole ? "a whole number from 1 to 1e9 or UNKNOWN" : "a number from 0 to 1e9 or UNKNOWN");
  return NAN;
}

static bool find_columns(struct reader *reader) {
  const struct csv *const csv = reader->csv;
  for (size_t c = 0; c < N_NUMBERS + N_TEXTS; c++) {
    const char *const name = c < N_NUMBERS ? number_columns[c] : text_columns[c - N_NUMBERS];
    size_t *const place = c < N_NUMBERS ? &reader->numbers[c] : &reader->texts[c - N_NUMBERS];
    *place = csv_column(csv, name);
    if (*place == SIZE_MAX) error_add(reader->error, STATUS_INPUT, "%s:1: %s: this column is missing", csv->path, name);
  }
  return !error_is_set(reader->error);
}

/* N_MAC_FORMATS: unknown. A list such as int8/fp16 tells which operands there are, not which the counts are of. */
static enum mac_format format_of(const struct reader *reader) {
  const char *const text = text_of(reader, FORMAT);
  for (size_t f = 0; f < N_MAC_FORMATS; f++)
    if (strcmp(text, format_names[f]) == 0) return (enum mac_format)f;
  if (!is_unknown(text) && strchr(text, '/') == NULL)
    complain(reader, text_columns[FORMAT], text, "int8, bf16, fp16, fp32, several with a '/' between, or UNKNOWN");
  return N_MAC_FORMATS;
}

static void read_memory(const struct reader *reader, struct chip_row *row) {
  const char *const text = text_of(reader, MEMORY_KIND);
  row->chip.memory_pj_per_bit = NAN;
  if (is_unknown(text)) return;
  for (size_t m = 0; m < sizeof memories / sizeof *memories; m++) {
    if (strcmp(text, memories[m].name) != 0) continue;
    row->chip.memory_pj_per_bit = memories[m].pj_per_bit;
    row->stack_bytes_per_s = memories[m].stack_gbytes_per_s * 1e9;
    row->in_class = memories[m].hbm && row->chip.hbm_stacks > 0;
    return;
  }
  complain(reader, text_columns[MEMORY_KIND], text, "none, DDR3, HBM, HBM2, HBM2e, HBM3, HBM3e or UNKNOWN");
}

/* What a row would need and has not. */
static const char *area_gap(const struct chip_row *row) {
  const struct chip *const chip = &row->chip;
  if (isnan(row->real[CHIP_AREA])) return "die_mm2 unknown";
  if (row->node_nm == 0) return "node_nm unknown";
  if (chip->node == NULL) return "no constants for this node";
  if (isnan(chip->macs)) return "MACs unknown";
  if (row->format == N_MAC_FORMATS) return "format unknown";
  if (isnan(chip->local_mib) || isnan(chip->shared_mib) || isnan(chip->sliced_mib)) return "SRAM unknown";
  if (isnan(row->simt_cores)) return "SM_count unknown";
  if (isnan(chip->hbm_stacks)) return "hbm_sites unknown";
  return isnan(chip->link_gbytes_per_s) ? "links unknown" : isnan(row->dies) ? "n_dies unknown" : NULL;
}

static const char *tdp_gap(const struct chip_row *row) {
  const struct chip *const chip = &row->chip;
  if (isnan(row->real[CHIP_TDP])) return "tdp_W unknown";
  if (row->node_nm == 0) return "node_nm unknown";
  if (chip->node == NULL) return "no constants for this node";
  if (isnan(chip->mac_per_s)) return "peak unknown";
  if (row->format == N_MAC_FORMATS || isnan(chip->macs)) return "MACs or format unknown";
  if (isnan(row->simt_cores)) return "SM_count unknown";
  if (isnan(chip->memory_bytes_per_s) || isnan(chip->memory_pj_per_bit)) return "memory unknown";
  return isnan(chip->link_gbytes_per_s) ? "links unknown" : isnan(row->dies) ? "n_dies unknown" : NULL;
}

static void read_chip(const struct reader *reader, const double *number, struct chip_row *row) {
  struct chip *const chip = &row->chip;
  const bool simt = number[SMS] > 0;
  const bool local = simt || strcmp(text_of(reader, MEMORY_KIND), "none") == 0;
  row->format = format_of(reader);
  row->simt_cores = number[SMS];
  row->lanes_known = !isnan(number[LANES]);
  row->clock_hz = isnan(number[CLOCK]) ? missing_clock_hz : number[CLOCK] * 1e6;
  *chip = (struct chip){
      .node = technology_find_node(row->node_nm),
      .macs = number[MACS],
      .mac_area_factor = row->format == N_MAC_FORMATS ? NAN : mac_area_factors[row->format],
      .mac_energy_factor = row->format == N_MAC_FORMATS ? NAN : mac_energy_factors[row->format],
      .mac_per_s = number[row->format == MAC_INT8 ? PEAK_8B : PEAK_16B] * 1e12 / 2, /* two operations a MAC */
      .lanes = row->lanes_known ? number[LANES] : 0,
      .local_mib = local ? number[SRAM] : 0,
      .shared_mib = local ? (simt ? 0 : number[L2]) : number[SRAM] + number[L2],
      .sliced_mib = simt ? number[L2] : 0,
      .wired = !simt,
      .hbm_stacks = number[STACKS],
      .memory_bytes_per_s = number[MEMORY] * 1e9,
      .link_gbytes_per_s = number[LINKS],
      .short_links = number[LINKS] > most_long_reach_gbytes_per_s,
  };
  read_memory(reader, row);
}

/* "<625 (published bound)" of 625 mm²; but not "<600 published; 593 measured" of 593. */
static bool states_bound(const char *quality, double mm2) {
  const size_t signs = strspn(quality, "<=");
  char number[32] = "";
  double stated;
  memcpy(number, quality + signs,
         strspn(quality + signs, "0123456789.") < sizeof number ? strspn(quality + signs, "0123456789.") : 0);
  return quality[0] == '<' && text_to_double(number, &stated) && stated == mm2;
}

static void read_row(const struct reader *reader, struct chip_row *row) {
  double number[N_NUMBERS];
  for (size_t c = 0; c < N_NUMBERS; c++) number[c] = number_of(reader, (enum column)c);
  *row = (struct chip_row){.name = text_of(reader, NAME),
                           .vendor = text_of(reader, VENDOR),
                           .year = isnan(number[YEAR]) ? 0 : (uint64_t)number[YEAR],
                           .node_nm = isnan(number[NODE]) ? 0 : (uint64_t)number[NODE],
                           .dies = number[N_DIES],
                           .real = {[CHIP_AREA] = number[DIE], [CHIP_TDP] = number[TDP]},
                           .at_most = states_bound(text_of(reader, DIE_QUALITY), number[DIE])};
  for (size_t q = 0; q < N_CHIP_QUANTITIES; q++) /* nothing is 0 mm² or 0 W: an error would be a division by it */
    if (row->real[q] == 0) complain(reader, q == CHIP_AREA ? "die_mm2" : "tdp_W", "0", "a number above 0 or UNKNOWN");
  if (row->name[0] == '\0') complain(reader, text_columns[NAME], "", "a name");
  read_chip(reader, number, row);
  row->skipped[CHIP_AREA] = area_gap(row);
  row->skipped[CHIP_TDP] = tdp_gap(row);
  row->in_fit[CHIP_AREA] = row->in_class && row->skipped[CHIP_AREA] == NULL;
  row->in_fit[CHIP_TDP] =
      row->in_class && row->skipped[CHIP_TDP] == NULL && row->year > 0 && row->year <= last_power_year;
}

/* Two rows of one maker, node, area and number of MACs are one die sold twice. */
static bool same_die(const struct chip_row *a, const struct chip_row *b) {
  return strcmp(a->vendor, b->vendor) == 0 && a->node_nm == b->node_nm && a->node_nm > 0 &&
         a->real[CHIP_AREA] == b->real[CHIP_AREA] && a->chip.macs == b->chip.macs;
}

bool chip_table_read(const char *path, struct arena *arena, struct chip_table *table, struct error *error) {
  struct csv csv;
  struct reader reader = {.csv = &csv, .error = error};
  if (!csv_read(path, MOST_CHIPS, arena, &csv, error) || !find_columns(&reader)) return false;
  *table = (struct chip_table){.path = path, .rows = ARENA_NEW(arena, struct chip_row, csv.n_rows), .n = csv.n_rows};
  for (; reader.row < csv.n_rows; reader.row++) {
    struct chip_row *const row = &table->rows[reader.row];
    read_row(&reader, row);
    row->die = reader.row;
    for (size_t before = reader.row; before-- > 0;) {
      if (strcmp(table->rows[before].name, row->name) == 0)
        complain(&reader, text_columns[NAME], row->name, "a name that no other row has");
      if (same_die(&table->rows[before], row)) row->die = table->rows[before].die;
    }
  }
  if (csv.n_rows == 0) error_add(error, STATUS_INPUT, "%s: there is no chip in it", path);
  return !error_is_set(error);
}
