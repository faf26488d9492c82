/* How does a run write down its rounds so that no death can take them back?
 *
 * Source: reliability §3 and §4: one write call a record, a sync each second, a copy of the valid prefix to a new inode
 * at every launch. Left out: the lock (lock.c), the bytes (journal_format.c), what is good (journal_scan.c). */
#include "results/journal.h"
#include "results/journal_scan.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { COPY_BYTES = 1 << 16, MAX_DAMAGED = 1000, SYNC_INTERVAL_NS = 1000000000 };

struct journal {
  struct journal_reader reader; /* path, descriptor, size and buffer; read from and appended to */
  const char *folder;
  uint64_t n_rounds;
  uint64_t cursor_round, cursor_offset; /* where that round's record begins, for replay in order */
  int64_t synced_ns;
  bool failed;
};

static int64_t now_ns(void) {
  struct timespec now;
  REQUIRE(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool write_all(int fd, const void *bytes, size_t n) {
  const unsigned char *at = bytes;
  while (n > 0) {
    const ssize_t written = write(fd, at, n);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    at += written;
    n -= (size_t)written;
  }
  return true;
}

static bool sync_folder(const char *folder) {
  const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool good = fsync(fd) == 0;
  return close(fd) == 0 && good;
}

/* --- opening --- */

/* The existing journal for reading; fd = −1 and true if there is none. */
static bool open_existing(struct journal_reader *reader, struct error *error) {
  /* O_NONBLOCK: opening a FIFO must not wait for its writer. */
  reader->fd = open(reader->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (reader->fd < 0 && errno == ENOENT) return true;
  if (reader->fd < 0)
    return error_add(error, STATUS_ENVIRONMENT, "%s: cannot open the journal: %s", reader->path,
                     errno == ELOOP ? "it is a symbolic link" : strerror(errno));
  struct stat status;
  if (fstat(reader->fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(reader->fd);
    return error_add(error, STATUS_INPUT, "%s: the journal is not a regular file", reader->path);
  }
  reader->size_bytes = (uint64_t)status.st_size;
  return true;
}

static bool same_run(const char *path, const struct journal_header *theirs, size_t their_axes,
                     const struct journal_header *ours, size_t our_axes, struct error *error) {
  bool same = true;
  if (!digest_equal(theirs->settings, ours->settings)) {
    char their_hex[DIGEST_HEX_BYTES], our_hex[DIGEST_HEX_BYTES];
    digest_print(theirs->settings, their_hex);
    digest_print(ours->settings, our_hex);
    same = error_add(error, STATUS_INPUT,
                     "%s: the journal is of a run with other settings (digest %s, now %s): choose another folder, or "
                     "start afresh with --fresh",
                     path, their_hex, our_hex);
  }
  if (theirs->seed != ours->seed)
    same = error_add(error, STATUS_INPUT, "%s: the journal is of a run with seed %" PRIu64 ", now %" PRIu64, path,
                     theirs->seed, ours->seed);
  if (theirs->answer_version != ours->answer_version)
    same = error_add(error, STATUS_INPUT,
                     "%s: the journal is of answer version %" PRIu32 ", this program computes version %" PRIu32
                     ": use the release that wrote it, or start afresh with --fresh",
                     path, theirs->answer_version, ours->answer_version);
  if (same && their_axes != our_axes)
    same = error_add(error, STATUS_INPUT, "%s: the journal is of a space with %zu axes, now %zu", path, their_axes,
                     our_axes);
  return same;
}

/* Is it ours, and how much of it is good? What may not be cut is an error. */
static bool examine(struct journal_reader *reader, const struct journal_header *ours, bool salvage,
                    struct journal_extent *extent, const char *folder, struct error *error) {
  unsigned char expected[JOURNAL_HEADER_BYTES], bytes[JOURNAL_HEADER_BYTES];
  journal_encode_header(ours, reader->n_axes, expected);
  const size_t n = reader->size_bytes < sizeof bytes ? (size_t)reader->size_bytes : sizeof bytes;
  *extent = (struct journal_extent){0};
  if (!journal_read_at(reader, 0, bytes, n, error)) return false;
  if (n < sizeof bytes && memcmp(bytes, expected, n) == 0) return true; /* our own first write, cut off */
  struct journal_header theirs;
  size_t their_axes;
  struct error bad = {0};
  if (!journal_decode_header(reader->path, bytes, n, &theirs, &their_axes, &bad)) {
    if (salvage && bad.status == STATUS_ENVIRONMENT) return true;
    error_join(error, &bad);
    return false;
  }
  if (!same_run(reader->path, &theirs, their_axes, ours, reader->n_axes, error)) return false;
  if (!journal_scan(reader, extent, error)) return false;
  if (salvage || (extent->next_bytes == 0 && !extent->impossible)) return true;
  if (extent->impossible)
    return error_add(error, STATUS_ENVIRONMENT,
                     "%s: the journal is damaged: the record at offset %" PRIu64 " (round %" PRIu64
                     ") holds values out of range; `dse resume %s --salvage` cuts it there",
                     reader->path, extent->good_bytes, extent->n_rounds, folder);
  return error_add(error, STATUS_ENVIRONMENT,
                   "%s: the journal is damaged: a bad record at offset %" PRIu64 " (round %" PRIu64
                   "), yet a good one follows at offset %" PRIu64 "; `dse resume %s --salvage` cuts it at the first",
                   reader->path, extent->good_bytes, extent->n_rounds, extent->next_bytes, folder);
}

/* --- copying --- */

static bool copy_range(const struct journal_reader *from, uint64_t begin, uint64_t end, int to, const char *to_path,
                       struct error *error) {
  unsigned char block[COPY_BYTES];
  while (begin < end) {
    const size_t n = end - begin < sizeof block ? (size_t)(end - begin) : sizeof block;
    if (!journal_read_at(from, begin, block, n, error)) return false;
    if (!write_all(to, block, n))
      return error_add(error, STATUS_ENVIRONMENT, "%s: cannot write %" PRIu64 " bytes: %s", to_path, end - begin,
                       strerror(errno));
    begin += n;
  }
  return true;
}

/* Keeps what salvage cuts off, under a name that nothing has yet. */
static bool keep_damaged(const struct journal_reader *reader, uint64_t good_bytes, struct error *error) {
  char path[4096];
  int fd = -1;
  for (int i = 1; fd < 0 && i <= MAX_DAMAGED; i++) {
    const int n = i == 1 ? snprintf(path, sizeof path, "%s.damaged", reader->path)
                         : snprintf(path, sizeof path, "%s.damaged-%d", reader->path, i);
    REQUIRE(n > 0 && (size_t)n < sizeof path); /* the journal beside it could be opened */
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0 && errno != EEXIST) break;
  }
  if (fd < 0) return error_add(error, STATUS_ENVIRONMENT, "%s: cannot keep what is damaged: %s", path, strerror(errno));
  bool good = copy_range(reader, good_bytes, reader->size_bytes, fd, path, error);
  if (good && fsync(fd) != 0) good = error_add(error, STATUS_ENVIRONMENT, "%s: cannot sync: %s", path, strerror(errno));
  if (close(fd) != 0 && good)
    good = error_add(error, STATUS_ENVIRONMENT, "%s: cannot close: %s", path, strerror(errno));
  if (!good) unlink(path);
  return good;
}

/* The header and good_bytes of `old` (fd < 0: none) as a new file under the journal's name; its descriptor or −1. */
static int renew(const struct journal_reader *old, const struct journal_header *header, uint64_t good_bytes,
                 const char *folder, struct error *error) {
  char temporary[4096];
  const int length = snprintf(temporary, sizeof temporary, "%s.tmp", old->path);
  if (length < 0 || (size_t)length >= sizeof temporary) {
    error_add(error, STATUS_ENVIRONMENT, "%s: the path is too long", old->path);
    return -1;
  }
  /* The lock is ours, so an older temporary is a dead launch's. O_EXCL keeps us from writing through a planted link. */
  unlink(temporary);
  const int fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd < 0) {
    error_add(error, STATUS_ENVIRONMENT, "%s: cannot make the journal: %s", temporary, strerror(errno));
    return -1;
  }
  unsigned char bytes[JOURNAL_HEADER_BYTES];
  journal_encode_header(header, old->n_axes, bytes);
  bool good = write_all(fd, bytes, sizeof bytes);
  if (!good)
    error_add(error, STATUS_ENVIRONMENT, "%s: cannot write %zu bytes: %s", temporary, sizeof bytes, strerror(errno));
  if (good && good_bytes > sizeof bytes) good = copy_range(old, sizeof bytes, good_bytes, fd, temporary, error);
  if (good && (fdatasync(fd) != 0 || rename(temporary, old->path) != 0 || !sync_folder(folder)))
    good = error_add(error, STATUS_ENVIRONMENT, "%s: cannot put the journal in place: %s", old->path, strerror(errno));
  if (good) return fd;
  close(fd);
  unlink(temporary);
  return -1;
}

bool journal_open(const char *folder, const struct journal_header *header, size_t n_axes, bool salvage,
                  struct arena *arena, struct journal **journal, struct journal_state *state, struct error *error) {
  REQUIRE(n_axes <= POINT_MAX_AXES);
  struct journal *const new = ARENA_NEW(arena, struct journal, 1);
  struct journal_reader *const reader = &new->reader;
  *state = (struct journal_state){0};
  *reader =
      (struct journal_reader){.path = arena_printf(arena, "%s/journal", folder), .n_axes = n_axes, .arena = arena};
  new->folder = arena_copy_text(arena, folder);
  if (!open_existing(reader, error)) return false;
  struct journal_extent extent = {0};
  bool good = true;
  state->existed = reader->fd >= 0;
  if (state->existed) {
    good = examine(reader, header, salvage, &extent, folder, error);
    if (good) {
      state->n_rounds = extent.n_rounds;
      state->torn_offset = extent.good_bytes;
      state->torn_bytes = reader->size_bytes - extent.good_bytes;
    }
    if (good && salvage && state->torn_bytes > 0)
      good = state->salvaged = keep_damaged(reader, extent.good_bytes, error);
  }
  const int fd = good ? renew(reader, header, extent.good_bytes, folder, error) : -1;
  if (state->existed) close(reader->fd);
  if (fd < 0) return false;
  reader->fd = fd;
  reader->size_bytes = extent.good_bytes > 0 ? extent.good_bytes : JOURNAL_HEADER_BYTES;
  new->n_rounds = extent.n_rounds;
  new->cursor_offset = JOURNAL_HEADER_BYTES;
  new->synced_ns = now_ns();
  *journal = new;
  return true;
}

bool journal_peek(const char *folder, struct journal_header *header, struct error *error) {
  char path[4096];
  const int length = snprintf(path, sizeof path, "%s/journal", folder);
  if (length < 0 || (size_t)length >= sizeof path)
    return error_add(error, STATUS_ENVIRONMENT, "%s: the path is too long", folder);
  struct journal_reader reader = {.path = path};
  if (!open_existing(&reader, error)) return false;
  if (reader.fd < 0)
    return error_add(error, STATUS_ENVIRONMENT, "%s: there is no journal: nothing has been run here", path);
  unsigned char bytes[JOURNAL_HEADER_BYTES];
  size_t n_axes;
  const size_t n = reader.size_bytes < sizeof bytes ? (size_t)reader.size_bytes : sizeof bytes;
  const bool good =
      journal_read_at(&reader, 0, bytes, n, error) && journal_decode_header(path, bytes, n, header, &n_axes, error);
  close(reader.fd);
  return good;
}

/* --- reading and writing --- */

uint64_t journal_rounds(const struct journal *journal) { return journal->n_rounds; }

/* Reads the record of a round that the journal holds into the reader's buffer; the cursor stays at it. */
static bool seek_round(struct journal *journal, uint64_t round, struct journal_frame *frame, struct error *error) {
  struct journal_reader *const reader = &journal->reader;
  if (round < journal->cursor_round) {
    journal->cursor_round = 0;
    journal->cursor_offset = JOURNAL_HEADER_BYTES;
  }
  for (; journal->cursor_round < round; journal->cursor_round++) {
    unsigned char bytes[JOURNAL_FRAME_BYTES];
    if (!journal_read_at(reader, journal->cursor_offset, bytes, sizeof bytes, error)) return false;
    if (!journal_decode_frame(bytes, frame)) break; /* reading it whole, below, says so */
    journal->cursor_offset += journal_framed_bytes(frame);
  }
  enum journal_finding finding;
  if (!journal_read_record(reader, journal->cursor_offset, frame, &finding, error)) return false;
  if (finding == JOURNAL_RECORD && frame->round == round) return true;
  return error_add(error, STATUS_ENVIRONMENT,
                   "%s: the record at offset %" PRIu64 " (round %" PRIu64 ") was good and is not any more",
                   reader->path, journal->cursor_offset, round);
}

static void pass_round(struct journal *journal, const struct journal_frame *frame) {
  journal->cursor_round++;
  journal->cursor_offset += journal_framed_bytes(frame);
}

static bool refuse_kind(const struct journal *journal, uint64_t round, const char *kind, struct error *error) {
  return error_add(error, STATUS_ENVIRONMENT,
                   "%s: the record at offset %" PRIu64 " (round %" PRIu64
                   ") is no %s, as this program expects there; it was written by another version. Start again with "
                   "--fresh",
                   journal->reader.path, journal->cursor_offset, round, kind);
}

bool journal_replay(struct journal *journal, uint64_t round, struct arena *arena, struct record **records, size_t *n,
                    struct error *error) {
  struct journal_reader *const reader = &journal->reader;
  struct journal_frame frame = {0};
  *records = NULL;
  *n = 0;
  if (round >= journal->n_rounds) return true;
  if (!seek_round(journal, round, &frame, error)) return false;
  const unsigned char *const payload = reader->buffer + JOURNAL_FRAME_BYTES;
  size_t count = 0;
  if (!journal_decode_payload(payload, frame.payload_bytes, reader->n_axes, NULL, 0, &count))
    return refuse_kind(journal, round, "list of designs", error);
  *records = ARENA_NEW(arena, struct record, count);
  REQUIRE(journal_decode_payload(payload, frame.payload_bytes, reader->n_axes, *records, count, n));
  pass_round(journal, &frame);
  return true;
}

bool journal_replay_fold(struct journal *journal, uint64_t round, struct arena *arena, uint64_t **words,
                         size_t *n_words, struct error *error) {
  struct journal_frame frame = {0};
  *words = NULL;
  *n_words = 0;
  if (round >= journal->n_rounds) return true;
  if (!seek_round(journal, round, &frame, error)) return false;
  const unsigned char *const payload = journal->reader.buffer + JOURNAL_FRAME_BYTES;
  size_t count = 0;
  if (!journal_decode_fold(payload, frame.payload_bytes, NULL, 0, &count))
    return refuse_kind(journal, round, "fold", error);
  *words = ARENA_NEW(arena, uint64_t, count + 1);
  REQUIRE(journal_decode_fold(payload, frame.payload_bytes, *words, count, n_words));
  pass_round(journal, &frame);
  return true;
}

static bool refuse_after_failure(const struct journal *journal, struct error *error) {
  return error_add(error, STATUS_ENVIRONMENT, "%s: not used any more after the failure before", journal->reader.path);
}

/* Writes the record that the reader's buffer holds. */
static bool append_buffer(struct journal *journal, size_t bytes, struct error *error) {
  struct journal_reader *const reader = &journal->reader;
  if (!write_all(reader->fd, reader->buffer, bytes)) {
    journal->failed = true;
    return error_add(error, STATUS_ENVIRONMENT,
                     "%s: cannot append %zu bytes: %s; the %" PRIu64
                     " rounds before are kept: make room, then go on with `dse resume %s`",
                     reader->path, bytes, strerror(errno), journal->n_rounds, journal->folder);
  }
  reader->size_bytes += bytes;
  journal->n_rounds++;
  return now_ns() - journal->synced_ns < SYNC_INTERVAL_NS || journal_sync(journal, error);
}

bool journal_append(struct journal *journal, uint64_t round, const struct record *records, size_t n,
                    struct error *error) {
  struct journal_reader *const reader = &journal->reader;
  REQUIRE(round == journal->n_rounds);
  if (journal->failed) return refuse_after_failure(journal, error);
  const size_t bytes = journal_record_bytes(records, n, reader->n_axes);
  if (bytes == 0)
    return error_add(error, STATUS_INPUT,
                     "%s: round %" PRIu64 " of %zu tasks takes more than %d bytes: choose smaller rounds", reader->path,
                     round, n, JOURNAL_MAX_PAYLOAD_BYTES);
  journal_reserve(reader, bytes);
  journal_encode_record(round, records, n, reader->n_axes, reader->buffer);
  return append_buffer(journal, bytes, error);
}

bool journal_append_fold(struct journal *journal, uint64_t round, const uint64_t *words, size_t n_words,
                         struct error *error) {
  struct journal_reader *const reader = &journal->reader;
  REQUIRE(round == journal->n_rounds);
  if (journal->failed) return refuse_after_failure(journal, error);
  const size_t bytes = journal_fold_bytes(n_words);
  if (bytes == 0)
    return error_add(error, STATUS_INPUT,
                     "%s: round %" PRIu64 ", a fold to %zu words, takes more than %d bytes: choose smaller rounds",
                     reader->path, round, n_words, JOURNAL_MAX_PAYLOAD_BYTES);
  journal_reserve(reader, bytes);
  journal_encode_fold(round, words, n_words, reader->buffer);
  return append_buffer(journal, bytes, error);
}

bool journal_sync(struct journal *journal, struct error *error) {
  const struct journal_reader *const reader = &journal->reader;
  if (journal->failed) return refuse_after_failure(journal, error);
  struct stat status;
  const bool done = fdatasync(reader->fd) == 0 && fstat(reader->fd, &status) == 0;
  /* Final in both cases: the kernel may have dropped the pages; and another's folder is not ours to write. */
  journal->failed = !done || status.st_nlink == 0;
  journal->synced_ns = now_ns();
  if (!done)
    return error_add(error, STATUS_ENVIRONMENT, "%s: cannot sync: %s; go on with `dse resume %s`", reader->path,
                     strerror(errno), journal->folder);
  if (journal->failed)
    return error_add(error, STATUS_ENVIRONMENT,
                     "%s: the file was removed or replaced during the run (by another launch in this folder?)",
                     reader->path);
  return true;
}

bool journal_close(struct journal *journal, struct error *error) {
  bool good = journal->failed || journal_sync(journal, error); /* a failure has been reported already */
  if (close(journal->reader.fd) != 0 && good)
    good = error_add(error, STATUS_ENVIRONMENT, "%s: cannot close: %s", journal->reader.path, strerror(errno));
  journal->reader.fd = -1;
  return good;
}
