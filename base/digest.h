/* A 128-bit name for some content: settings, graphs, operator shapes, results.
 *
 * XXH3-128 from libxxhash (`xxhsum -H2` prints the same for a file). Multi-byte values are fed in little-endian order,
 * so digests agree between machines. Not cryptographic: it guards against mistakes, not against an adversary. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct digest {
  uint64_t high, low;
};

enum { DIGEST_HEX_BYTES = 33 }; /* 32 hexadecimal digits and NUL */

/* Streaming form; the state lives on the caller's stack. */
struct digest_stream {
  _Alignas(64) unsigned char state[640];
};
void digest_begin(struct digest_stream *stream);
void digest_add_bytes(struct digest_stream *stream, const void *bytes, size_t n);
void digest_add_u64(struct digest_stream *stream, uint64_t value);
void digest_add_double(struct digest_stream *stream, double value);   /* its IEEE bits; −0 counts as 0 */
void digest_add_text(struct digest_stream *stream, const char *text); /* with its length, so that "ab","c" ≠ "a","bc" */
struct digest digest_end(const struct digest_stream *stream);

struct digest digest_of(const void *bytes, size_t n);
static inline bool digest_equal(struct digest a, struct digest b) { return a.high == b.high && a.low == b.low; }
void digest_print(struct digest digest, char hex[DIGEST_HEX_BYTES]); /* high first, lower case */

#endif
