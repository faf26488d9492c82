/* See policy_file.h. */
#include "search/partition/policy_file.h"

#include "base/file.h"
#include <math.h>
#include <string.h>

static const char magic[8] = {'D', 'S', 'E', 'P', 'O', 'L', 'C', 'Y'};
enum header {
  VERSION,
  WIDTH,
  LAYERS,
  HEAD,
  OUTPUTS,
  ATTENTION,
  REFINES,
  SEED,
  UPDATES,
  CORPUS_HIGH,
  CORPUS_LOW,
  N_WEIGHTS,
  HEADER_NUMBERS
};
enum { NUMBER_BYTES = 8, WEIGHT_BYTES = 4, DIGEST_BYTES = 16 };
enum { HEADER_BYTES = sizeof magic + HEADER_NUMBERS * NUMBER_BYTES };

static void put(unsigned char *to, uint64_t value, size_t n_bytes) {
  for (size_t i = 0; i < n_bytes; i++) to[i] = (unsigned char)(value >> 8 * i);
}
static uint64_t take(const unsigned char *from, size_t n_bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < n_bytes; i++) value |= (uint64_t)from[i] << 8 * i;
  return value;
}

unsigned char *policy_file_bytes(const struct policy_net *net, const struct policy_origin *origin, struct arena *arena,
                                 size_t *n) {
  const struct policy_net_shape *const shape = &net->shape;
  const uint64_t numbers[HEADER_NUMBERS] = {[VERSION] = POLICY_FILE_VERSION,   [WIDTH] = shape->width,
                                            [LAYERS] = shape->layers,          [HEAD] = shape->head,
                                            [OUTPUTS] = shape->outputs,        [ATTENTION] = shape->attention,
                                            [REFINES] = shape->refines,        [SEED] = origin->seed,
                                            [UPDATES] = origin->updates,       [CORPUS_HIGH] = origin->corpus.high,
                                            [CORPUS_LOW] = origin->corpus.low, [N_WEIGHTS] = net->n_weights};
  *n = HEADER_BYTES + net->n_weights * WEIGHT_BYTES + DIGEST_BYTES;
  unsigned char *const bytes = ARENA_NEW(arena, unsigned char, *n), *at = bytes;
  memcpy(at, magic, sizeof magic);
  at += sizeof magic;
  for (size_t i = 0; i < HEADER_NUMBERS; i++, at += NUMBER_BYTES) put(at, numbers[i], NUMBER_BYTES);
  for (size_t i = 0; i < net->n_weights; i++, at += WEIGHT_BYTES) {
    const float weight = (float)net->weights[i];
    uint32_t bits;
    memcpy(&bits, &weight, sizeof bits);
    put(at, bits, WEIGHT_BYTES);
  }
  const struct digest digest = digest_of(bytes, (size_t)(at - bytes));
  put(at, digest.high, NUMBER_BYTES);
  put(at + NUMBER_BYTES, digest.low, NUMBER_BYTES);
  return bytes;
}

bool policy_file_write(const struct policy_net *net, const struct policy_origin *origin, const char *path,
                       struct arena *scratch, struct error *error) {
  const struct arena_mark mark = arena_get_mark(scratch);
  size_t n;
  const unsigned char *const bytes = policy_file_bytes(net, origin, scratch, &n);
  const bool written = file_publish(path, bytes, n, error);
  arena_rewind(scratch, mark);
  return written;
}

static bool shape_of(const uint64_t *numbers, struct policy_net_shape *shape) {
  const bool small = numbers[WIDTH] <= POLICY_MAX_WIDTH && numbers[LAYERS] <= POLICY_MAX_LAYERS &&
                     numbers[HEAD] <= POLICY_SOFTMAX && numbers[OUTPUTS] <= PARTITION_MAX_CHIPS &&
                     numbers[ATTENTION] <= 1 && numbers[REFINES] <= 1;
  if (!small) return false;
  *shape = (struct policy_net_shape){.width = (uint32_t)numbers[WIDTH],
                                     .layers = (uint32_t)numbers[LAYERS],
                                     .head = (enum policy_head)numbers[HEAD],
                                     .outputs = (uint32_t)numbers[OUTPUTS],
                                     .attention = numbers[ATTENTION] == 1,
                                     .refines = numbers[REFINES] == 1};
  return policy_net_shape_fits(shape);
}

bool policy_file_parse(const char *name, const unsigned char *bytes, size_t n, struct arena *arena,
                       struct policy_net *net, struct policy_origin *origin, struct error *error) {
  uint64_t numbers[HEADER_NUMBERS];
  struct policy_net_shape shape;
  if (n < HEADER_BYTES + DIGEST_BYTES || memcmp(bytes, magic, sizeof magic) != 0)
    return error_add(error, STATUS_INPUT, "%s: this is no policy: it does not begin with DSEPOLCY and a header", name);
  for (size_t i = 0; i < HEADER_NUMBERS; i++) {
    numbers[i] = take(bytes + sizeof magic + i * NUMBER_BYTES, NUMBER_BYTES);
  }
  if (numbers[VERSION] != POLICY_FILE_VERSION)
    return error_add(error, STATUS_INPUT, "%s: version %llu of the format; this program reads version %d", name,
                     (unsigned long long)numbers[VERSION], POLICY_FILE_VERSION);
  const unsigned char *const end = bytes + n - DIGEST_BYTES;
  const struct digest digest = {take(end, NUMBER_BYTES), take(end + NUMBER_BYTES, NUMBER_BYTES)};
  if (!digest_equal(digest, digest_of(bytes, n - DIGEST_BYTES)))
    return error_add(error, STATUS_INPUT, "%s: its checksum is not that of its content: damaged, or cut short", name);
  if (!shape_of(numbers, &shape))
    return error_add(error, STATUS_INPUT, "%s: sizes that no network of this program has", name);
  const size_t n_weights = policy_net_n_weights(&shape);
  if (numbers[N_WEIGHTS] != n_weights || n != HEADER_BYTES + n_weights * WEIGHT_BYTES + DIGEST_BYTES)
    return error_add(error, STATUS_INPUT, "%s: %llu weights in %zu bytes, its sizes make %zu", name,
                     (unsigned long long)numbers[N_WEIGHTS], n, n_weights);
  policy_net_init(net, &shape, arena);
  for (size_t i = 0; i < n_weights; i++) {
    const uint32_t bits = (uint32_t)take(bytes + HEADER_BYTES + i * WEIGHT_BYTES, WEIGHT_BYTES);
    float weight;
    memcpy(&weight, &bits, sizeof weight);
    if (!isfinite(weight)) return error_add(error, STATUS_INPUT, "%s: weight %zu is not a finite number", name, i);
    net->weights[i] = (real)weight;
  }
  *origin = (struct policy_origin){numbers[SEED], numbers[UPDATES], {numbers[CORPUS_HIGH], numbers[CORPUS_LOW]}};
  return true;
}

bool policy_file_read(const char *path, struct arena *arena, struct policy_net *net, struct policy_origin *origin,
                      struct error *error) {
  char *bytes;
  size_t n;
  return file_read(path, POLICY_FILE_MAX_BYTES, arena, &bytes, &n, error) &&
         policy_file_parse(path, (const unsigned char *)bytes, n, arena, net, origin, error);
}
