/* How does a problem get out, so that it reads back equal? As one JSON file with its tables in it. See
 * placement_read.h. Numbers have as many digits as they need, 17 at most. */
#include "search/placement/placement_read.h"

#include "search/text_file.h"
#include <inttypes.h>
#include <math.h>

/* Left out if it is what a missing key means. */
static void put_field(FILE *out, const char *key, double value, double usual) {
  if (value >= usual && value <= usual) return;
  fprintf(out, ", \"%s\": ", key);
  text_file_number(out, value);
}

static void put_settings(const struct placement_problem *p, FILE *out) {
  static const char *const transfers[] = {"all", "cut"}, *const timings[] = {"serial", "delay", "contention"};
  static const char *const objectives[] = {"makespan", "period", "energy"}, *const memories[] = {"pin", "hard", "none"};
  fputs("{\n \"format\": \"dse.placement/1\",\n \"name\": ", out);
  text_file_json(out, p->name);
  fprintf(out,
          ",\n \"transfers\": \"%s\",\n \"timing\": \"%s\",\n \"objective\": \"%s\",\n \"memory\": \"%s\",\n"
          " \"granule_bytes\": %" PRIu64 ",\n \"contiguous\": %s,\n",
          transfers[p->transfers], timings[p->timing], objectives[p->objective], memories[p->memory], p->granule_bytes,
          p->contiguous ? "true" : "false");
  if (p->adjacent_residency) fputs(" \"residency\": \"adjacent\",\n", out);
  fprintf(out, " \"host\": {\"prefetch_layers\": %" PRIu64 ", \"duplex\": \"%s\"", p->host.prefetch_layers,
          p->host.half_duplex ? "half" : "full");
  put_field(out, "out_bytes_per_s", p->host.out_bytes_per_s, INFINITY);
  put_field(out, "in_bytes_per_s", p->host.in_bytes_per_s, INFINITY);
  put_field(out, "transfer_j_per_byte", p->host.transfer_j_per_byte, 0);
  fputs("},\n", out);
}

static void put_devices(const struct placement_problem *p, FILE *out) {
  fputs(" \"devices\": [", out);
  for (size_t d = 0; d < p->n_devices; d++) {
    const struct placement_device *device = &p->devices[d];
    fputs(d > 0 ? ",\n  {\"name\": " : "\n  {\"name\": ", out);
    text_file_json(out, device->name);
    if (device->host) fputs(", \"host\": true", out);
    if (device->dram_bytes != UINT64_MAX) fprintf(out, ", \"dram_bytes\": %" PRIu64, device->dram_bytes);
    put_field(out, "pin_share", device->pin_share, 0.5);
    put_field(out, "link_bytes_per_s", device->link_bytes_per_s, INFINITY);
    put_field(out, "link_latency_s", device->link_latency_s, 0);
    put_field(out, "active_w", device->active_w, 0);
    put_field(out, "idle_w", device->idle_w, 0);
    putc('}', out);
  }
  fputs("\n ],\n", out);
}

static void put_links(const struct placement_problem *p, FILE *out) {
  if (p->mesh_bytes_per_s == NULL) return;
  const size_t n = p->n_devices;
  bool any = false;
  for (size_t i = 0; i < n * n; i++) {
    if (!(p->mesh_bytes_per_s[i] > 0)) continue;
    fputs(any ? ",\n  {\"from\": " : " \"links\": [\n  {\"from\": ", out);
    any = true;
    text_file_json(out, p->devices[i / n].name);
    fputs(", \"to\": ", out);
    text_file_json(out, p->devices[i % n].name);
    fputs(", \"bytes_per_s\": ", out);
    text_file_number(out, p->mesh_bytes_per_s[i]);
    put_field(out, "latency_s", p->mesh_latency_s[i], 0);
    putc('}', out);
  }
  if (any) fputs("\n ],\n", out);
}

static void put_layers(const struct placement_problem *p, FILE *out) {
  fprintf(out,
          " \"layers\": {\"columns\": [\"layer\", \"kind\", \"weight_bytes\", \"input_bytes\", \"output_bytes\"%s],\n"
          "  \"rows\": [",
          p->group != NULL ? ", \"group\"" : "");
  for (size_t l = 0; l < p->n_layers; l++) {
    fputs(l > 0 ? ",\n   [" : "\n   [", out);
    text_file_json(out, p->layer_names[l]);
    fputs(", ", out);
    text_file_json(out, p->kinds[p->kind[l]]);
    fprintf(out, ", %" PRIu64 ", %" PRIu64 ", %" PRIu64, p->weight_bytes[l], p->input_bytes[l], p->output_bytes[l]);
    if (p->group != NULL && p->group[l] != PLACEMENT_NONE) fprintf(out, ", \"g%u\"", p->group[l]);
    if (p->group != NULL && p->group[l] == PLACEMENT_NONE) fputs(", \"\"", out);
    putc(']', out);
  }
  fputs("\n  ]},\n", out);
}

static void put_edges(const struct placement_problem *p, FILE *out) {
  fputs(" \"edges\": {\"columns\": [\"from\", \"to\", \"bytes\", \"transfer_s\"],\n  \"rows\": [", out);
  for (size_t e = 0; e < p->n_edges; e++) {
    const struct placement_edge *edge = &p->edges[e];
    fputs(e > 0 ? ",\n   [" : "\n   [", out);
    text_file_json(out, p->layer_names[edge->from]);
    fputs(", ", out);
    text_file_json(out, p->layer_names[edge->to]);
    fprintf(out, ", %" PRIu64 ", ", edge->bytes);
    if (isnan(edge->transfer_s))
      fputs("null", out);
    else
      text_file_number(out, edge->transfer_s);
    putc(']', out);
  }
  fputs("\n  ]},\n", out);
}

static void put_costs(const struct placement_problem *p, FILE *out) {
  fprintf(out, " \"costs\": {\"columns\": [\"layer\", \"class\", \"compute_s\"%s],\n  \"rows\": [",
          p->energy_j != NULL ? ", \"energy_j\"" : "");
  bool any = false;
  for (size_t l = 0; l < p->n_layers; l++) {
    for (size_t d = 0; d < p->n_devices; d++) {
      if (!placement_can_run(p, l, d)) continue;
      fputs(any ? ",\n   [" : "\n   [", out);
      any = true;
      text_file_json(out, p->layer_names[l]);
      fputs(", ", out);
      text_file_json(out, p->devices[d].name);
      fputs(", ", out);
      text_file_number(out, p->compute_s[placement_at(p, l, d)]);
      if (p->energy_j != NULL) fputs(", ", out);
      if (p->energy_j != NULL) text_file_number(out, p->energy_j[placement_at(p, l, d)]);
      putc(']', out);
    }
  }
  fputs("\n  ]}\n}\n", out);
}

bool placement_write(const struct placement_problem *problem, const char *path, struct error *error) {
  struct text_file file;
  if (!text_file_open(&file, path, error)) return false;
  FILE *const out = file.out;
  put_settings(problem, out);
  put_devices(problem, out);
  put_links(problem, out);
  put_layers(problem, out);
  put_edges(problem, out);
  put_costs(problem, out);
  return text_file_publish(&file, error);
}
