/* What are the journal's bytes? (reliability §3)
 *
 * Little-endian, field by field, so that they depend on neither the machine nor the layout of a struct:
 *
 *   file     header (64 bytes), then records without gaps
 *   header   mark 8 · u32 format version · u32 header bytes · settings digest: u64 high, u64 low · u64 seed ·
 *            u32 answer version · u32 axes · 12 zeros · u32 CRC-32 of what is before it
 *   record   u32 mark · u32 payload bytes · u64 round · u32 CRC-32 of payload bytes, round and payload · payload ·
 *            zeros up to a multiple of 8
 *   payload  u32 kind · u32 number, of tasks (kind 1) or words (kind 2, a fold: what many tasks were reduced to; the
 *            meaning of its words is its owner's) · those: words of u64, or per task: u16 index on every axis ·
 *            u16 reason, binding, moves, saturated · u16 mask · the words that the mask names
 *   words    bits 0–7 objectives, 8 bound, 9 excess: IEEE bits, 8 bytes; bits 10–13 moves: worth 8, axis 2, step 2.
 *            A word of zero bits is left out, so an infeasible design takes 30 bytes instead of 130.
 *
 * Everything decoded is hostile: lengths, counts and indices are checked after the checksum too, and there is one
 * spelling for each content (a zero word that is spelt out is refused). */
#ifndef RESULTS_JOURNAL_FORMAT_H
#define RESULTS_JOURNAL_FORMAT_H

#include "results/journal.h"

enum {
  JOURNAL_MARK_BYTES = 8,
  JOURNAL_FORMAT_VERSION = 3, /* 2 had six objectives a score; 1, never released, no folds */
  JOURNAL_HEADER_BYTES = 64,
  JOURNAL_FRAME_BYTES = 20, /* of a record, before its payload */
  JOURNAL_MAX_PAYLOAD_BYTES = 64 << 20,
};
extern const unsigned char journal_record_mark[4];

struct journal_frame {
  uint32_t payload_bytes, crc;
  uint64_t round;
};

void journal_encode_header(const struct journal_header *header, size_t n_axes,
                           unsigned char bytes[JOURNAL_HEADER_BYTES]);
/* Reads a header of the only format version there is. `bytes` holds n ≤ JOURNAL_HEADER_BYTES bytes, the file's first.
 * Failures: not a journal, damaged (STATUS_ENVIRONMENT), another format version (STATUS_INPUT). */
bool journal_decode_header(const char *path, const unsigned char *bytes, size_t n, struct journal_header *header,
                           size_t *n_axes, struct error *error);

/* Bytes that a round takes as a record, or 0 if its payload would be larger than JOURNAL_MAX_PAYLOAD_BYTES. */
size_t journal_record_bytes(const struct record *records, size_t n, size_t n_axes);
size_t journal_fold_bytes(size_t n_words);
/* Writes exactly journal_record_bytes(…) bytes. Records that could not be read back are a bug of the caller. */
void journal_encode_record(uint64_t round, const struct record *records, size_t n, size_t n_axes, unsigned char *bytes);
void journal_encode_fold(uint64_t round, const uint64_t *words, size_t n_words, unsigned char *bytes);

/* False if the mark is missing or the length is not allowed. */
bool journal_decode_frame(const unsigned char bytes[JOURNAL_FRAME_BYTES], struct journal_frame *frame);
/* Bytes of the whole record: frame, payload, zeros. */
size_t journal_framed_bytes(const struct journal_frame *frame);
/* Is this whole record as it was written? Checksum and closing zeros; not its contents. */
bool journal_is_intact(const unsigned char *record, const struct journal_frame *frame);
/* Tasks of a payload, checked in every length, count and index; false if anything is out of range. `records` has room
 * for `room` tasks, or is NULL to check and count only. */
bool journal_decode_payload(const unsigned char *payload, size_t payload_bytes, size_t n_axes, struct record *records,
                            size_t room, size_t *n);
/* Words of a fold's payload, or NULL to check and count only; false if it is none. */
bool journal_decode_fold(const unsigned char *payload, size_t payload_bytes, uint64_t *words, size_t room,
                         size_t *n_words);

#endif
