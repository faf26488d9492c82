/* Over what was a measured run spread, and what do we try where nobody said? See e2e.h.
 *
 * Blank fields (workloads §12 [O]): degrees → the fastest that fit; microbatch → the fastest power of two that fits, or
 * the whole share of a device at once; recomputation → the least that fits, then sharding of the optimizer's state; B →
 * b·d, and 4·p microbatches where there is a pipeline, since nobody runs one of fewer (GPipe, arXiv 1811.06965: bubbles
 * are small from m = 4p on); chunks of interleaved schedules → 2, the least, as torchtitan's own default. Context and
 * experts → 1. Tensor groups of software with fused attention split sequences too, as its defaults do. */
#include "dse/e2e/e2e.h"

#include "base/checked.h"
#include <string.h>

enum { MICROBATCHES_PER_STAGE = 4, WIDEST_GROUP = 16, USUAL_CHUNKS = 2, MOST_MICROBATCH = 4096 };

static uint64_t index_of(const char *name) {
  for (size_t i = 0; i < n_pipeline_schedules; i++)
    if (strcmp(pipeline_schedule_names[i], name) == 0) return i;
  return 0;
}

static uint64_t schedule_of(const struct e2e_row *row, bool chunked) {
  if (e2e_says(row->model, "gpipe") || e2e_says(row->note, "gpipe")) return index_of("gpipe");
  if (e2e_says(row->model, "zb|zbh1|zero bubble") || e2e_says(row->note, "zbh1|zero bubble")) return index_of("zb_h1");
  return index_of(chunked ? "interleaved" : "1f1b");
}

static const char *recompute_of(const struct e2e_row *row, int *recompute) {
  *recompute = -1;
  if (row->recompute[0] == '\0') return NULL;
  if (e2e_says(row->recompute, "full"))
    *recompute = RECOMPUTE_FULL;
  else if (e2e_says(row->recompute, "selective"))
    *recompute = RECOMPUTE_SELECTIVE;
  else if (e2e_says(row->recompute, "none|no|off"))
    *recompute = RECOMPUTE_NONE;
  else
    return "no such recomputation";
  return NULL;
}

static const char *zero_of(const struct e2e_row *row, int *zero) {
  *zero = -1;
  if (row->sharding[0] == '\0') return NULL;
  if (e2e_says(row->sharding, "none|ddp|no"))
    *zero = 0;
  else if (e2e_says(row->sharding, "fsdp|fsdp2|hsdp|zero 3|zero3|zero 3 fsdp"))
    *zero = 3;
  else if (e2e_says(row->sharding, "zero 2|zero2"))
    *zero = 2;
  else if (e2e_says(row->sharding, "zero 1|zero1|distributed optimizer"))
    *zero = 1;
  else
    return "no such sharding";
  return NULL;
}

/* Powers of two up to `most`, or what was published. */
static size_t choices(uint64_t given, uint64_t most, uint64_t *values, size_t room) {
  size_t n = 0;
  values[n++] = given > 0 ? given : 1;
  if (given > 0) return n;
  for (uint64_t value = 2; value <= most && n < room; value *= 2) values[n++] = value;
  return n;
}

/* Products of what was published against devices of chips: the row's own, or parts of chips that software counts. */
static const char *count_devices(const struct e2e_row *row, const struct e2e_hardware *hardware, uint64_t *share) {
  *share = 1;
  if (row->n_devices == 0) return "n_devices unknown";
  if (row->tensor == 0 || row->pipeline == 0 || row->data == 0) return NULL;
  const uint64_t product = sat_mul(sat_mul(row->tensor, row->pipeline), sat_mul(row->data, max_u64(row->context, 1)));
  if (product == row->n_devices) return NULL;
  *share = hardware->cores;
  return product == sat_mul(row->n_devices, hardware->cores) ? NULL : "its degrees do not make n_devices";
}

const char *e2e_degrees_of(const struct e2e_row *row, const struct e2e_work *work, const struct e2e_hardware *hardware,
                           struct e2e_degrees *degrees, uint64_t *share) {
  *degrees = (struct e2e_degrees){0};
  const char *why = count_devices(row, hardware, share);
  if (why == NULL) why = recompute_of(row, &degrees->recompute);
  if (why == NULL) why = zero_of(row, &degrees->zero);
  if (why != NULL) return why;
  if (!work->transformer && (row->tensor > 1 || row->pipeline > 1 || row->context > 1 || row->expert > 1))
    return "only transformers are split over devices";
  const bool interleaved = e2e_says(row->model, "interleaved");
  const uint64_t group = min_u64(hardware->inner_size, WIDEST_GROUP);
  const uint64_t most_tensor = work->transformer ? min_u64(group, row->n_devices) : 1;
  const uint64_t most_pipeline = work->transformer ? min_u64(max_u64(work->layers, 1), row->n_devices) : 1;
  degrees->n_devices = row->n_devices * *share;
  degrees->n_tensor = choices(row->tensor, most_tensor, degrees->tensor, 16);
  degrees->n_pipeline = choices(row->pipeline, most_pipeline, degrees->pipeline, 16);
  if (degrees->n_tensor > 1 || degrees->n_pipeline > 1) degrees->assumed |= E2E_ASSUMED_DEGREES;
  degrees->chunks[degrees->n_chunks++] = max_u64(row->chunks, 1);
  if (row->chunks == 0 && interleaved) {
    degrees->chunks[0] = USUAL_CHUNKS;
    degrees->assumed |= E2E_ASSUMED_CHUNKS;
  }
  degrees->schedule = schedule_of(row, row->chunks > 1 || interleaved);
  if (work->software->schedule != NULL && row->pipeline > 1 && row->chunks == 0) {
    degrees->schedule = index_of(work->software->schedule);
    degrees->chunks[0] = USUAL_CHUNKS;
  }
  degrees->sequence = work->fused_attention || e2e_says(row->recompute, "sequence parallel");
  if (degrees->recompute < 0) {
    if (work->transformer)
      degrees->assumed |= E2E_ASSUMED_RECOMPUTE;
    else
      degrees->recompute = RECOMPUTE_NONE;
  }
  return NULL;
}

static void add_batch(struct e2e_batches *batches, uint64_t microbatch, uint64_t batch) {
  if (batches->n == sizeof batches->microbatch / sizeof *batches->microbatch) return;
  batches->microbatch[batches->n] = microbatch;
  batches->batch[batches->n++] = batch;
}

void e2e_batches_of(const struct e2e_row *row, uint64_t data, uint64_t pipeline, struct e2e_batches *batches) {
  const uint64_t m = pipeline > 1 ? MICROBATCHES_PER_STAGE * pipeline : 1;
  *batches = (struct e2e_batches){0};
  if (row->batch == 0) batches->assumed |= E2E_ASSUMED_BATCH;
  if (row->microbatch > 0) {
    add_batch(batches, row->microbatch, row->batch > 0 ? row->batch : sat_mul(row->microbatch, data * m));
    return;
  }
  batches->assumed |= E2E_ASSUMED_MICROBATCH;
  const uint64_t mine = row->batch / data;
  for (uint64_t b = 1; b <= (row->batch > 0 ? mine : MOST_MICROBATCH); b *= 2) {
    if (row->batch > 0 && mine % b != 0) break;
    add_batch(batches, b, row->batch > 0 ? row->batch : b * data * m);
  }
  if (row->batch > 0 && mine > 1 && (mine & (mine - 1)) != 0) add_batch(batches, mine, row->batch);
}
