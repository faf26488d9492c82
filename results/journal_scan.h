/* Which part of a journal file is good? (reliability §3, "torn tail")
 *
 * Only for journal.c: reads a file record by record, however long it is, in memory for one record. */
#ifndef RESULTS_JOURNAL_SCAN_H
#define RESULTS_JOURNAL_SCAN_H

#include "results/journal_format.h"

struct journal_reader {
  const char *path;
  int fd;
  uint64_t size_bytes;
  size_t n_axes;
  struct arena *arena;   /* of the buffer */
  unsigned char *buffer; /* the record read last */
  size_t buffer_bytes;
};

enum journal_finding {
  JOURNAL_RECORD,
  JOURNAL_END,        /* the file ends here */
  JOURNAL_BROKEN,     /* no whole record: what a death inside a write leaves, or damage */
  JOURNAL_IMPOSSIBLE, /* a whole record with contents that no run writes: damage or malice, never a torn tail */
};

struct journal_extent {
  uint64_t n_rounds;
  uint64_t good_bytes; /* the valid prefix, header included */
  uint64_t next_bytes; /* offset of a whole record behind the first bad one: damage; 0: none */
  bool impossible;     /* the first bad one is whole, but not ours */
};

/* Makes room for `bytes` in the reader's buffer. */
void journal_reserve(struct journal_reader *reader, size_t bytes);
/* Reads exactly `n` bytes at `offset`; the file must have them. */
bool journal_read_at(const struct journal_reader *reader, uint64_t offset, void *bytes, size_t n, struct error *error);
/* Reads the record at `offset` into the buffer and checks it but for its round; false only if reading fails. */
bool journal_read_record(struct journal_reader *reader, uint64_t offset, struct journal_frame *frame,
                         enum journal_finding *finding, struct error *error);
/* Checks everything behind the header; false only if reading fails. */
bool journal_scan(struct journal_reader *reader, struct journal_extent *extent, struct error *error);

#endif
