/* How does a trained policy travel? A file of weights with what made it. (partition §8.)
 *
 *   DSEPOLCY, then little-endian 64-bit numbers: version, width, layers, head, outputs, attention, refines, seed,
 *   updates, the corpus's digest (two), n_weights; the weights, 32 bits each; XXH3-128 of all before (two numbers)
 *
 * What is read may come from anybody: sizes are checked before anything is allocated, weights must be finite. */
#ifndef SEARCH_PARTITION_POLICY_FILE_H
#define SEARCH_PARTITION_POLICY_FILE_H

#include "base/digest.h"
#include "base/error.h"
#include "search/partition/policy_net.h"

/* Under the data folder. */
#define POLICY_SHIPPED_WEIGHTS "search/partition/weights/policy.weights"

enum { POLICY_FILE_VERSION = 1, POLICY_FILE_MAX_BYTES = 1 << 26 };

struct policy_origin {
  uint64_t seed, updates;
  struct digest corpus;
};
/* The file's bytes, in the arena. */
unsigned char *policy_file_bytes(const struct policy_net *net, const struct policy_origin *origin, struct arena *arena,
                                 size_t *n);
bool policy_file_write(const struct policy_net *net, const struct policy_origin *origin, const char *path,
                       struct arena *scratch, struct error *error);
/* `name` stands for the file in messages. */
bool policy_file_parse(const char *name, const unsigned char *bytes, size_t n, struct arena *arena,
                       struct policy_net *net, struct policy_origin *origin, struct error *error);
bool policy_file_read(const char *path, struct arena *arena, struct policy_net *net, struct policy_origin *origin,
                      struct error *error);

#endif
