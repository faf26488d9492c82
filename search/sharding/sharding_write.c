/* How does a problem get out, so that it reads back equal? As one JSON file with its tables in it. See sharding_read.h.
 * Numbers have as many digits as they need, 17 at most. */
#include "search/sharding/sharding_read.h"

#include "search/text_file.h"
#include <inttypes.h>
#include <math.h>

static void put_field(FILE *out, const char *key, double value) {
  fprintf(out, " \"%s\": ", key);
  text_file_number(out, value);
  fputs(",\n", out);
}

static void put_flag(FILE *out, const char *key, bool value) {
  fprintf(out, " \"%s\": %s,\n", key, value ? "true" : "false");
}

static void put_dims(FILE *out, const char *key, unsigned dims) {
  fprintf(out, " \"%s\": [", key);
  bool any = false;
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    if ((dims >> d & 1U) == 0) continue;
    fprintf(out, "%s\"%s\"", any ? ", " : "", sharding_dim_names[d]);
    any = true;
  }
  fputs("],\n", out);
}

static void put_settings(const struct sharding_problem *p, FILE *out) {
  fputs("{\n \"format\": \"dse.sharding/1\",\n \"name\": ", out);
  text_file_json(out, p->name);
  fprintf(out, ",\n \"element_bytes\": %" PRIu64 ",\n", p->element_bytes);
  put_flag(out, "overlap", p->overlap);
  put_flag(out, "adaptive", p->adaptive);
  put_flag(out, "host_io", p->host_io);
  put_flag(out, "double_buffer", p->double_buffer);
  put_flag(out, "reduce_scatter", p->reduce_scatter);
  put_flag(out, "training", p->training);
  put_field(out, "optimizer_bytes_per_weight", p->optimizer_bytes_per_weight);
  put_field(out, "max_es_dims", p->max_es_dims);
  put_dims(out, "es_dims", p->es_dims);
  put_dims(out, "ss_dims", p->ss_dims);
  put_field(out, "intra_bytes_per_s", p->intra_bytes_per_s);
  put_field(out, "inter_bytes_per_s", p->inter_bytes_per_s);
  put_field(out, "host_bytes_per_s", p->host_bytes_per_s);
  if (p->n_levels == 0) return;
  fputs(" \"level_bytes_per_s\": [", out);
  for (size_t k = 0; k < p->n_levels; k++) {
    if (k > 0) fputs(", ", out);
    text_file_number(out, p->level_bytes_per_s[k]);
  }
  fputs("],\n", out);
}

static void put_boards(const struct sharding_problem *p, FILE *out) {
  fputs(" \"boards\": [", out);
  for (size_t b = 0; b < p->n_boards; b++) {
    fputs(b > 0 ? ",\n  {\"name\": " : "\n  {\"name\": ", out);
    text_file_json(out, p->boards[b].name);
    fputs(", \"group\": ", out);
    text_file_json(out, p->boards[b].group);
    fprintf(out, ", \"dram_bytes\": %" PRIu64, p->boards[b].dram_bytes);
    if (p->boards[b].design != SHARDING_NONE) fputs(", \"design\": ", out);
    if (p->boards[b].design != SHARDING_NONE) text_file_json(out, p->designs[p->boards[b].design].name);
    putc('}', out);
  }
  fputs("\n ],\n", out);
}

static void put_links(const struct sharding_problem *p, FILE *out) {
  if (p->link_bytes_per_s == NULL) return;
  const size_t n = p->n_boards;
  bool any = false;
  fputs(" \"links\": {\"columns\": [\"from\", \"to\", \"bytes_per_s\"], \"rows\": [", out);
  for (size_t i = 0; i < n * n; i++) {
    if (i % (n + 1) == 0 || !(p->link_bytes_per_s[i] > 0)) continue; /* none to itself */
    fputs(any ? ",\n   [" : "\n   [", out);
    any = true;
    text_file_json(out, p->boards[i / n].name);
    fputs(", ", out);
    text_file_json(out, p->boards[i % n].name);
    fputs(", ", out);
    text_file_number(out, p->link_bytes_per_s[i]);
    putc(']', out);
  }
  fputs("\n ]},\n", out);
}

static void put_cycles(const struct sharding_problem *p, const struct sharding_design *d, FILE *out) {
  bool any = false;
  fputs(",\n   \"table\": {\"columns\": [\"layer\", \"p\", \"cycles\"], \"rows\": [", out);
  for (size_t l = 0; l < p->n_layers; l++) {
    for (size_t i = 0; i < d->n_ps; i++) {
      const double cycles = d->cycles[l * d->n_ps + i];
      if (isnan(cycles)) continue;
      fputs(any ? ",\n    [" : "\n    [", out);
      any = true;
      text_file_json(out, p->layers[l].name);
      fprintf(out, ", %u, ", d->p[i]);
      text_file_number(out, cycles);
      putc(']', out);
    }
  }
  fputs("\n   ]}", out);
}

static void put_designs(const struct sharding_problem *p, FILE *out) {
  static const char *const models[] = {"tiled", "systolic", "winograd", "table"};
  fputs(" \"designs\": [", out);
  for (size_t i = 0; i < p->n_designs; i++) {
    const struct sharding_design *d = &p->designs[i];
    fputs(i > 0 ? ",\n  {\"name\": " : "\n  {\"name\": ", out);
    text_file_json(out, d->name);
    fprintf(out, ", \"model\": \"%s\", \"clock_hz\": ", models[d->model]);
    text_file_number(out, d->clock_hz);
    switch (d->model) {
    case SHARDING_TILED:
      fprintf(out,
              ", \"tm\": %" PRIu64 ", \"tn\": %" PRIu64 ", \"tr\": %" PRIu64 ", \"tc\": %" PRIu64
              ", \"ports\": %" PRIu64,
              d->tm, d->tn, d->tr, d->tc, d->ports);
      break;
    case SHARDING_SYSTOLIC:
      fprintf(out, ", \"rows\": %" PRIu64 ", \"columns\": %" PRIu64 ", \"vector\": %" PRIu64, d->rows, d->columns,
              d->vector);
      break;
    case SHARDING_WINOGRAD:
      fprintf(out, ", \"pm\": %" PRIu64 ", \"pn\": %" PRIu64, d->pm, d->pn);
      break;
    case SHARDING_TABLE:
      put_cycles(p, d, out);
      break;
    case SHARDING_PRICED:
      BUG("a priced design has no file form");
    }
    putc('}', out);
  }
  fputs("\n ],\n", out);
}

static void put_layers(const struct sharding_problem *p, FILE *out) {
  static const unsigned order[] = {SHARDING_COUT, SHARDING_CIN, SHARDING_H, SHARDING_W, SHARDING_KH, SHARDING_KW};
  fputs(" \"layers\": {\"columns\": [\"layer\", \"kind\", \"cout\", \"cin\", \"h\", \"w\", \"kh\", \"kw\", \"stride\", "
        "\"pad\", \"batch\"],\n  \"rows\": [",
        out);
  for (size_t l = 0; l < p->n_layers; l++) {
    const struct sharding_layer *layer = &p->layers[l];
    fputs(l > 0 ? ",\n   [" : "\n   [", out);
    text_file_json(out, layer->name);
    fprintf(out, ", \"%s\"", sharding_kinds[layer->kind].name);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) fprintf(out, ", %" PRIu64, layer->size[order[i]]);
    fprintf(out, ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 "]", layer->stride, layer->pad, layer->size[SHARDING_B]);
  }
  fputs("\n  ]},\n", out);
}

static void put_edges(const struct sharding_problem *p, FILE *out) {
  fputs(" \"edges\": {\"columns\": [\"from\", \"to\"], \"rows\": [", out);
  for (size_t e = 0; e < p->n_edges; e++) {
    fputs(e > 0 ? ",\n   [" : "\n   [", out);
    text_file_json(out, p->layers[p->edges[e].from].name);
    fputs(", ", out);
    text_file_json(out, p->layers[p->edges[e].to].name);
    putc(']', out);
  }
  fputs("\n  ]}\n}\n", out);
}

bool sharding_write(const struct sharding_problem *problem, const char *path, struct error *error) {
  struct text_file file;
  if (!text_file_open(&file, path, error)) return false;
  FILE *const out = file.out;
  put_settings(problem, out);
  put_boards(problem, out);
  put_links(problem, out);
  put_designs(problem, out);
  put_layers(problem, out);
  put_edges(problem, out);
  return text_file_publish(&file, error);
}
