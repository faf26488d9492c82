/* See zhang_engine.h. Products of whole numbers come first, so that results are the published program's in every bit.
 */
#include "arch/zhang_engine.h"

#include "base/checked.h"

double zhang_engine_s(const struct zhang_engine *engine, const struct zhang_layer *layer, uint64_t element_bytes) {
  const uint64_t m = engine->tile_m, n = engine->tile_n, r = engine->tile_r, c = engine->tile_c;
  const uint64_t window = sat_mul(layer->kernel, layer->kernel), cell = sat_mul(sat_mul(m, n), window);
  const double rate = engine->port_bytes_per_s;
  const double weights_s = (double)sat_mul(cell, element_bytes) / rate;
  const double inputs_s = (double)sat_mul(sat_mul(n, sat_mul(r, c)), element_bytes) / rate;
  const double outputs_s = (double)sat_mul(sat_mul(m, sat_mul(r, c)), element_bytes) / rate;
  const double compute_s = (double)sat_mul(sat_mul(2, sat_mul(r, c)), cell) / (engine->gops * 1e9);
  const uint64_t tiles =
      sat_mul(sat_mul(ceil_div(layer->out_rows, r), ceil_div(layer->out_cols, c)), ceil_div(layer->out_channels, m));
  return (double)tiles * ((double)ceil_div(layer->in_channels, n) * (weights_s + inputs_s + compute_s) + outputs_s);
}

uint64_t zhang_compat_input_elements(const struct zhang_layer *layer) {
  return sat_mul(layer->in_channels, sat_mul(sat_mul(2, layer->out_rows), sat_mul(2, layer->out_cols)));
}
