/* How does some content get its 128-bit name?
 *
 * Source: XXH3-128 with seed 0, Debian's libxxhash. Left out: seeds and secrets, because equal content must have equal
 * names everywhere. */
#include "base/digest.h"
#include "base/error.h"
#include <endian.h>
#include <stdio.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* for the size of the state, which the header's buffer must hold */
#include <xxhash.h>

_Static_assert(sizeof(XXH3_state_t) <= sizeof(struct digest_stream), "the stream's buffer holds the hash's state");
_Static_assert(_Alignof(XXH3_state_t) <= _Alignof(struct digest_stream), "and is aligned for it");

static XXH3_state_t *state_of(struct digest_stream *stream) { return (XXH3_state_t *)(void *)stream->state; }

void digest_begin(struct digest_stream *stream) {
  memset(stream, 0, sizeof *stream);
  REQUIRE(XXH3_128bits_reset(state_of(stream)) == XXH_OK);
}

void digest_add_bytes(struct digest_stream *stream, const void *bytes, size_t n) {
  if (n > 0) REQUIRE(XXH3_128bits_update(state_of(stream), bytes, n) == XXH_OK);
}

void digest_add_u64(struct digest_stream *stream, uint64_t value) {
  const uint64_t little = htole64(value);
  digest_add_bytes(stream, &little, sizeof little);
}

void digest_add_double(struct digest_stream *stream, double value) {
  uint64_t bits = 0;
  if (value != 0) memcpy(&bits, &value, sizeof bits); /* both zeros are equal, so they have one name */
  digest_add_u64(stream, bits);
}

void digest_add_text(struct digest_stream *stream, const char *text) {
  const size_t n = strlen(text);
  digest_add_u64(stream, n);
  digest_add_bytes(stream, text, n);
}

struct digest digest_end(const struct digest_stream *stream) {
  const XXH128_hash_t hash = XXH3_128bits_digest((const XXH3_state_t *)(const void *)stream->state);
  return (struct digest){hash.high64, hash.low64};
}

struct digest digest_of(const void *bytes, size_t n) {
  const XXH128_hash_t hash = XXH3_128bits(bytes, n);
  return (struct digest){hash.high64, hash.low64};
}

void digest_print(struct digest digest, char hex[DIGEST_HEX_BYTES]) {
  snprintf(hex, DIGEST_HEX_BYTES, "%016llx%016llx", (unsigned long long)digest.high, (unsigned long long)digest.low);
}
