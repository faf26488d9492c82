/* What survives of a run: every finished round, in one append-only, checksummed file. (reliability §3)
 *
 * One writer, rank 0. Header: mark, version, digest of the settings, seed. One record a round: its number, then what
 * the round's tasks answered, in task order, or what a whole fold of tasks was reduced to. No clock, host, rank count
 * or path is in it, so it is the same bytes for any number of ranks. Resume is replay: the search runs again and is
 * answered from the journal until it ends. */
#ifndef RESULTS_JOURNAL_H
#define RESULTS_JOURNAL_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "results/record.h"

struct journal; /* in the arena */

struct journal_header {
  struct digest settings;
  uint64_t seed;
  uint32_t answer_version; /* of the algorithms: changes when answers may */
};

/* What was found when an existing journal was opened. */
struct journal_state {
  bool existed;
  uint64_t n_rounds;   /* good records */
  uint64_t torn_bytes; /* cut from a torn tail; under salvage, kept as journal.damaged */
  uint64_t torn_offset;
  bool salvaged; /* the torn bytes were kept, as journal.damaged or journal.damaged-N */
};

/* Opens DIR/journal for appending, under the folder's lock (lock.h): a new file gets the header; an existing one is
 * checked whole (every CRC, rounds numbered 0, 1, 2, …, every length and index in range), a torn tail is cut, damage
 * before the tail is refused with both offsets (STATUS_ENVIRONMENT) unless `salvage`, which keeps the rest as
 * journal.damaged. A file that ends inside a header equal to ours so far counts as new; any other damage to the header
 * is refused, or kept aside whole under `salvage`. Other settings, seed, answer version or number of axes:
 * STATUS_INPUT. The valid prefix is copied to a new inode first, so that a forgotten writer of an earlier launch harms
 * nobody. `n_axes` says how many indices of a point are stored; the journal lives in `arena`. */
bool journal_open(const char *folder, const struct journal_header *header, size_t n_axes, bool salvage,
                  struct arena *arena, struct journal **journal, struct journal_state *state, struct error *error);
/* The settings digest and seed of an existing journal, without opening it for writing; for `dse resume`. */
bool journal_peek(const char *folder, struct journal_header *header, struct error *error);
/* Records of round `round` if the journal holds it (in the arena, count in *n); *records = NULL if it does not. Rounds
 * asked for in order cost one reading of the file altogether. */
bool journal_replay(struct journal *journal, uint64_t round, struct arena *arena, struct record **records, size_t *n,
                    struct error *error);
/* The same for a round that is a fold. Asking for the one where the journal holds the other is STATUS_ENVIRONMENT:
 * another program wrote it. */
bool journal_replay_fold(struct journal *journal, uint64_t round, struct arena *arena, uint64_t **words,
                         size_t *n_words, struct error *error);
uint64_t journal_rounds(const struct journal *journal); /* held by now */
/* Appends one round, the next after those held, by one write call; syncs when a second has passed since the last sync.
 * A failed append or sync is final: every later call fails too. Records out of range (record.h) are a bug. */
bool journal_append(struct journal *journal, uint64_t round, const struct record *records, size_t n,
                    struct error *error);
bool journal_append_fold(struct journal *journal, uint64_t round, const uint64_t *words, size_t n_words,
                         struct error *error);
bool journal_sync(struct journal *journal, struct error *error);
bool journal_close(struct journal *journal, struct error *error); /* syncs */

#endif
