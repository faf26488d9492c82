/* How far is a journal to be believed?
 *
 * Source: reliability §3. A record that is not whole is a torn tail only if no whole record follows it anywhere: then
 * nothing but an interrupted write can be lost. Left out: repair, which journal.c does by copying. */
#include "results/journal_scan.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW_BYTES = 1 << 16 };

void journal_reserve(struct journal_reader *reader, size_t bytes) {
  if (bytes <= reader->buffer_bytes) return;
  /* At least doubled, so that what is left behind in the arena is less than what is in use. */
  const size_t least = 2 * reader->buffer_bytes;
  reader->buffer_bytes = bytes > least ? bytes : least;
  reader->buffer = ARENA_NEW(reader->arena, unsigned char, reader->buffer_bytes);
}

bool journal_read_at(const struct journal_reader *reader, uint64_t offset, void *bytes, size_t n, struct error *error) {
  unsigned char *at = bytes;
  while (n > 0) {
    const ssize_t got = pread(reader->fd, at, n, (off_t)offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      return error_add(error, STATUS_ENVIRONMENT, "%s: cannot read at offset %" PRIu64 ": %s", reader->path, offset,
                       got < 0 ? strerror(errno) : "the file became shorter meanwhile");
    at += got;
    n -= (size_t)got;
    offset += (uint64_t)got;
  }
  return true;
}

bool journal_read_record(struct journal_reader *reader, uint64_t offset, struct journal_frame *frame,
                         enum journal_finding *finding, struct error *error) {
  *finding = JOURNAL_BROKEN;
  const uint64_t rest = reader->size_bytes - offset;
  if (rest == 0) *finding = JOURNAL_END;
  if (rest < JOURNAL_FRAME_BYTES) return true;
  unsigned char bytes[JOURNAL_FRAME_BYTES];
  if (!journal_read_at(reader, offset, bytes, sizeof bytes, error)) return false;
  /* The length is checked against the file before anything is allocated for it. */
  if (!journal_decode_frame(bytes, frame) || journal_framed_bytes(frame) > rest) return true;
  const size_t n = journal_framed_bytes(frame);
  journal_reserve(reader, n);
  memcpy(reader->buffer, bytes, sizeof bytes);
  if (!journal_read_at(reader, offset + sizeof bytes, reader->buffer + sizeof bytes, n - sizeof bytes, error))
    return false;
  if (!journal_is_intact(reader->buffer, frame)) return true;
  size_t n_tasks;
  const unsigned char *const payload = reader->buffer + JOURNAL_FRAME_BYTES;
  const bool ours = journal_decode_payload(payload, frame->payload_bytes, reader->n_axes, NULL, 0, &n_tasks) ||
                    journal_decode_fold(payload, frame->payload_bytes, NULL, 0, &n_tasks);
  *finding = ours ? JOURNAL_RECORD : JOURNAL_IMPOSSIBLE;
  return true;
}

/* Offset of a whole record that begins behind `offset`, at any byte; 0 if there is none. */
static bool find_record(struct journal_reader *reader, uint64_t offset, uint64_t *found, struct error *error) {
  unsigned char window[WINDOW_BYTES];
  const size_t n_mark = sizeof journal_record_mark;
  /* A file made to hurt may be full of marks that claim great lengths; so much reading must do, then it is damage. */
  uint64_t budget_bytes = 8 * (reader->size_bytes - offset) + JOURNAL_MAX_PAYLOAD_BYTES;
  *found = 0;
  for (uint64_t from = offset + 1; from + JOURNAL_FRAME_BYTES <= reader->size_bytes;) {
    const uint64_t rest = reader->size_bytes - from;
    const size_t n = rest < sizeof window ? (size_t)rest : sizeof window;
    if (!journal_read_at(reader, from, window, n, error)) return false;
    const unsigned char *at = window;
    while ((at = memmem(at, n - (size_t)(at - window), journal_record_mark, n_mark)) != NULL) {
      const uint64_t candidate = from + (uint64_t)(at - window);
      struct journal_frame frame = {0};
      enum journal_finding finding;
      if (!journal_read_record(reader, candidate, &frame, &finding, error)) return false;
      const uint64_t price_bytes = sizeof frame + (uint64_t)frame.payload_bytes;
      const bool claims_to_fit = frame.payload_bytes <= reader->size_bytes - candidate;
      const bool too_dear = claims_to_fit && price_bytes > budget_bytes;
      if (finding == JOURNAL_RECORD || finding == JOURNAL_IMPOSSIBLE || too_dear) {
        *found = candidate;
        return true;
      }
      if (claims_to_fit) budget_bytes -= price_bytes;
      at++;
    }
    from += n < sizeof window ? n : n - (n_mark - 1); /* a mark may lie across the windows' border */
  }
  return true;
}

bool journal_scan(struct journal_reader *reader, struct journal_extent *extent, struct error *error) {
  *extent = (struct journal_extent){.good_bytes = JOURNAL_HEADER_BYTES};
  for (;;) {
    struct journal_frame frame;
    enum journal_finding finding;
    if (!journal_read_record(reader, extent->good_bytes, &frame, &finding, error)) return false;
    if (finding == JOURNAL_END) return true;
    if (finding == JOURNAL_BROKEN) return find_record(reader, extent->good_bytes, &extent->next_bytes, error);
    if (finding == JOURNAL_IMPOSSIBLE || frame.round != extent->n_rounds) {
      extent->impossible = true;
      return true;
    }
    extent->good_bytes += journal_framed_bytes(&frame);
    extent->n_rounds++;
  }
}
