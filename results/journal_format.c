/* How do finished rounds become bytes, and bytes rounds again?
 *
 * Source: reliability §3; checksums are zlib's CRC-32. Left out: files (journal.c), and what the
 * words of a fold mean. */
#include "results/journal_format.h"
#include <math.h>
#include <string.h>
#include <zlib.h>

_Static_assert(POINT_MAX_AXES == 16 && SCORE_MAX_OBJECTIVES == 8 && SCORE_MAX_MOVES == 4,
               "a change of these is a new format version");

/* A line end of each kind, a control character and a byte that is no ASCII: any transfer as text damages it. */
static const unsigned char file_mark[JOURNAL_MARK_BYTES] = {0x89, 'd', 's', 'e', '\r', '\n', 0x1A, '\n'};
const unsigned char journal_record_mark[4] = {0xD5, 'e', 'R', 0x0A};

enum {
  N_WORDS = SCORE_MAX_OBJECTIVES + 2, /* objectives, bound, excess */
  FIRST_MOVE_BIT = N_WORDS,
  MASK_BITS = N_WORDS + SCORE_MAX_MOVES,
  MOVE_BYTES = 12,
  FIXED_TASK_BYTES = 10, /* reason, binding, moves, saturated, mask */
  KIND_TASKS = 1,
  KIND_FOLD = 2,
  COUNT_BYTES = 8, /* kind and number */
  WORD_BYTES = 8,
  MAX_HEADER_BYTES = 4096, /* that a later version may have */
};

/* --- numbers --- */

static unsigned char *put(unsigned char *at, uint64_t value, size_t n_bytes) {
  for (size_t i = 0; i < n_bytes; i++) at[i] = (unsigned char)(value >> (8 * i));
  return at + n_bytes;
}

static uint64_t get(const unsigned char *at, size_t n_bytes) {
  uint64_t value = 0;
  for (size_t i = n_bytes; i-- > 0;) value = value << 8 | at[i];
  return value;
}

static uint64_t bits_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static double double_of(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint32_t crc_of(const unsigned char *bytes, size_t n) { return (uint32_t)crc32_z(0, bytes, n); }

/* --- the file's header --- */

void journal_encode_header(const struct journal_header *header, size_t n_axes,
                           unsigned char bytes[JOURNAL_HEADER_BYTES]) {
  memset(bytes, 0, JOURNAL_HEADER_BYTES);
  memcpy(bytes, file_mark, sizeof file_mark);
  unsigned char *at = bytes + sizeof file_mark;
  at = put(at, JOURNAL_FORMAT_VERSION, 4);
  at = put(at, JOURNAL_HEADER_BYTES, 4);
  at = put(at, header->settings.high, 8);
  at = put(at, header->settings.low, 8);
  at = put(at, header->seed, 8);
  at = put(at, header->answer_version, 4);
  put(at, n_axes, 4);
  put(bytes + JOURNAL_HEADER_BYTES - 4, crc_of(bytes, JOURNAL_HEADER_BYTES - 4), 4);
}

bool journal_decode_header(const char *path, const unsigned char *bytes, size_t n, struct journal_header *header,
                           size_t *n_axes, struct error *error) {
  const size_t n_mark = n < sizeof file_mark ? n : sizeof file_mark;
  if (memcmp(bytes, file_mark, n_mark) != 0)
    return error_add(error, STATUS_ENVIRONMENT, "%s: this is not a journal: its first bytes are others", path);
  if (n < JOURNAL_HEADER_BYTES)
    return error_add(error, STATUS_ENVIRONMENT,
                     "%s: the journal's header is cut off at offset %zu of %d; it holds no rounds", path, n,
                     JOURNAL_HEADER_BYTES);
  const uint64_t version = get(bytes + 8, 4), header_bytes = get(bytes + 12, 4);
  /* A later version may have a longer header, whose checksum is out of sight: then its own word must do. */
  const bool longer =
      version > JOURNAL_FORMAT_VERSION && header_bytes > JOURNAL_HEADER_BYTES && header_bytes <= MAX_HEADER_BYTES;
  if (!longer && crc_of(bytes, JOURNAL_HEADER_BYTES - 4) != get(bytes + JOURNAL_HEADER_BYTES - 4, 4))
    return error_add(error, STATUS_ENVIRONMENT, "%s: the journal's header is damaged (offsets 0 to %d)", path,
                     JOURNAL_HEADER_BYTES);
  if (version != JOURNAL_FORMAT_VERSION)
    return error_add(error, STATUS_INPUT,
                     "%s: the journal has format version %llu, this program reads version %d: use the release that "
                     "wrote it",
                     path, (unsigned long long)version, JOURNAL_FORMAT_VERSION);
  header->settings = (struct digest){get(bytes + 16, 8), get(bytes + 24, 8)};
  header->seed = get(bytes + 32, 8);
  header->answer_version = (uint32_t)get(bytes + 40, 4);
  *n_axes = get(bytes + 44, 4);
  for (size_t i = 48; i < JOURNAL_HEADER_BYTES - 4; i++)
    if (bytes[i] != 0) *n_axes = SIZE_MAX;
  if (header_bytes != JOURNAL_HEADER_BYTES || *n_axes > POINT_MAX_AXES)
    return error_add(error, STATUS_ENVIRONMENT, "%s: the journal's header holds values out of range", path);
  return true;
}

/* --- scores --- */

static uint64_t *score_words(const struct score *score, uint64_t words[N_WORDS]) {
  for (size_t i = 0; i < SCORE_MAX_OBJECTIVES; i++) words[i] = bits_of(score->objective[i]);
  words[SCORE_MAX_OBJECTIVES] = bits_of(score->bound);
  words[SCORE_MAX_OBJECTIVES + 1] = bits_of(score->excess);
  return words;
}

static bool move_is_zero(const struct move *move) {
  return bits_of(move->worth) == 0 && move->axis == 0 && move->step == 0;
}

/* What neither our own evaluations nor a stranger's file may bring in. */
static bool record_in_range(const struct record *record, size_t n_axes) {
  const struct score *const score = &record->score;
  for (size_t i = n_axes; i < POINT_MAX_AXES; i++)
    if (record->point.index[i] != 0) return false;
  if (score->reason == SCORE_FEASIBLE) {
    for (size_t i = 0; i < SCORE_MAX_OBJECTIVES; i++)
      if (!isfinite(score->objective[i]) || score->objective[i] < 0) return false;
  }
  if (isnan(score->bound) || isnan(score->excess) || score->n_moves > SCORE_MAX_MOVES) return false;
  for (size_t i = 0; i < SCORE_MAX_MOVES; i++) {
    if (score->moves[i].zero != 0) return false;
    if (i < score->n_moves && (score->moves[i].axis >= n_axes || isnan(score->moves[i].worth))) return false;
  }
  return true;
}

static uint64_t score_mask(const struct score *score) {
  uint64_t words[N_WORDS], mask = 0;
  score_words(score, words);
  for (size_t i = 0; i < N_WORDS; i++) mask |= (uint64_t)(words[i] != 0) << i;
  for (size_t i = 0; i < SCORE_MAX_MOVES; i++)
    mask |= (uint64_t)!move_is_zero(&score->moves[i]) << (FIRST_MOVE_BIT + i);
  return mask;
}

static size_t task_bytes(uint64_t mask, size_t n_axes) {
  const uint64_t words = mask & ((1u << N_WORDS) - 1), moves = mask >> FIRST_MOVE_BIT;
  return 2 * n_axes + FIXED_TASK_BYTES + 8 * (size_t)__builtin_popcountll(words) +
         MOVE_BYTES * (size_t)__builtin_popcountll(moves);
}

static unsigned char *encode_task(const struct record *record, size_t n_axes, unsigned char *at) {
  const struct score *const score = &record->score;
  REQUIRE(record_in_range(record, n_axes)); /* it would be refused when the run resumes */
  const uint64_t mask = score_mask(score);
  uint64_t words[N_WORDS];
  score_words(score, words);
  for (size_t i = 0; i < n_axes; i++) at = put(at, record->point.index[i], 2);
  at = put(at, score->reason, 2);
  at = put(at, score->binding, 2);
  at = put(at, score->n_moves, 2);
  at = put(at, score->saturated, 2);
  at = put(at, mask, 2);
  for (size_t i = 0; i < N_WORDS; i++)
    if (mask >> i & 1) at = put(at, words[i], 8);
  for (size_t i = 0; i < SCORE_MAX_MOVES; i++) {
    if (!(mask >> (FIRST_MOVE_BIT + i) & 1)) continue;
    at = put(at, bits_of(score->moves[i].worth), 8);
    at = put(at, score->moves[i].axis, 2);
    at = put(at, (uint16_t)score->moves[i].step, 2);
  }
  return at;
}

/* One task from at most `n` bytes; NULL if they do not hold one. */
static const unsigned char *decode_task(const unsigned char *at, size_t n, size_t n_axes, struct record *record) {
  memset(record, 0, sizeof *record);
  if (n < 2 * n_axes + FIXED_TASK_BYTES) return NULL;
  for (size_t i = 0; i < n_axes; i++, at += 2) record->point.index[i] = (uint16_t)get(at, 2);
  struct score *const score = &record->score;
  score->reason = (uint16_t)get(at, 2);
  score->binding = (uint16_t)get(at + 2, 2);
  score->n_moves = (uint16_t)get(at + 4, 2);
  score->saturated = (uint16_t)get(at + 6, 2);
  const uint64_t mask = get(at + 8, 2);
  at += FIXED_TASK_BYTES;
  if (mask >> MASK_BITS != 0 || n < task_bytes(mask, n_axes)) return NULL;
  double words[N_WORDS] = {0};
  for (size_t i = 0; i < N_WORDS; i++) {
    if (!(mask >> i & 1)) continue;
    words[i] = double_of(get(at, 8));
    at += 8;
  }
  memcpy(score->objective, words, sizeof score->objective);
  score->bound = words[SCORE_MAX_OBJECTIVES];
  score->excess = words[SCORE_MAX_OBJECTIVES + 1];
  for (size_t i = 0; i < SCORE_MAX_MOVES; i++) {
    if (!(mask >> (FIRST_MOVE_BIT + i) & 1)) continue;
    score->moves[i].worth = double_of(get(at, 8));
    score->moves[i].axis = (uint16_t)get(at + 8, 2);
    score->moves[i].step = (int16_t)get(at + 10, 2);
    at += MOVE_BYTES;
  }
  return record_in_range(record, n_axes) && score_mask(score) == mask ? at : NULL;
}

/* --- records --- */

size_t journal_record_bytes(const struct record *records, size_t n, size_t n_axes) {
  size_t payload_bytes = COUNT_BYTES;
  for (size_t i = 0; i < n; i++) {
    payload_bytes += task_bytes(score_mask(&records[i].score), n_axes);
    if (payload_bytes > JOURNAL_MAX_PAYLOAD_BYTES) return 0;
  }
  return journal_framed_bytes(&(struct journal_frame){.payload_bytes = (uint32_t)payload_bytes});
}

size_t journal_fold_bytes(size_t n_words) {
  if (n_words > (JOURNAL_MAX_PAYLOAD_BYTES - COUNT_BYTES) / WORD_BYTES) return 0;
  const size_t payload_bytes = COUNT_BYTES + WORD_BYTES * n_words;
  return journal_framed_bytes(&(struct journal_frame){.payload_bytes = (uint32_t)payload_bytes});
}

static uint32_t record_crc(const unsigned char *record, size_t payload_bytes) {
  const uint32_t crc = crc_of(record + 4, 12); /* payload bytes and round */
  return (uint32_t)crc32_z(crc, record + JOURNAL_FRAME_BYTES, payload_bytes);
}

/* Mark, lengths and checksum around a payload that ends at `end`. */
static void frame_record(uint64_t round, unsigned char *bytes, unsigned char *end) {
  const size_t payload_bytes = (size_t)(end - bytes) - JOURNAL_FRAME_BYTES;
  memcpy(bytes, journal_record_mark, sizeof journal_record_mark);
  put(bytes + 4, payload_bytes, 4);
  put(bytes + 8, round, 8);
  put(bytes + 16, record_crc(bytes, payload_bytes), 4);
  const struct journal_frame frame = {.payload_bytes = (uint32_t)payload_bytes};
  memset(end, 0, journal_framed_bytes(&frame) - (size_t)(end - bytes));
}

void journal_encode_record(uint64_t round, const struct record *records, size_t n, size_t n_axes,
                           unsigned char *bytes) {
  REQUIRE(n_axes <= POINT_MAX_AXES);
  unsigned char *at = put(put(bytes + JOURNAL_FRAME_BYTES, KIND_TASKS, 4), n, 4);
  for (size_t i = 0; i < n; i++) at = encode_task(&records[i], n_axes, at);
  frame_record(round, bytes, at);
}

void journal_encode_fold(uint64_t round, const uint64_t *words, size_t n_words, unsigned char *bytes) {
  unsigned char *at = put(put(bytes + JOURNAL_FRAME_BYTES, KIND_FOLD, 4), n_words, 4);
  for (size_t i = 0; i < n_words; i++) at = put(at, words[i], WORD_BYTES);
  frame_record(round, bytes, at);
}

bool journal_decode_frame(const unsigned char bytes[JOURNAL_FRAME_BYTES], struct journal_frame *frame) {
  frame->payload_bytes = (uint32_t)get(bytes + 4, 4);
  frame->round = get(bytes + 8, 8);
  frame->crc = (uint32_t)get(bytes + 16, 4);
  return memcmp(bytes, journal_record_mark, sizeof journal_record_mark) == 0 && frame->payload_bytes >= COUNT_BYTES &&
         frame->payload_bytes <= JOURNAL_MAX_PAYLOAD_BYTES;
}

size_t journal_framed_bytes(const struct journal_frame *frame) {
  return ((size_t)JOURNAL_FRAME_BYTES + frame->payload_bytes + 7) / 8 * 8;
}

bool journal_is_intact(const unsigned char *record, const struct journal_frame *frame) {
  if (record_crc(record, frame->payload_bytes) != frame->crc) return false;
  for (size_t i = (size_t)JOURNAL_FRAME_BYTES + frame->payload_bytes; i < journal_framed_bytes(frame); i++)
    if (record[i] != 0) return false;
  return true;
}

bool journal_decode_payload(const unsigned char *payload, size_t payload_bytes, size_t n_axes, struct record *records,
                            size_t room, size_t *n) {
  if (payload_bytes < COUNT_BYTES || n_axes > POINT_MAX_AXES) return false;
  const unsigned char *at = payload + COUNT_BYTES, *const end = payload + payload_bytes;
  *n = get(payload + 4, 4);
  if (get(payload, 4) != KIND_TASKS) return false;
  if (*n > (payload_bytes - COUNT_BYTES) / task_bytes(0, n_axes)) return false;
  if (records != NULL && room < *n) return false;
  for (size_t i = 0; i < *n; i++) {
    struct record record;
    at = decode_task(at, (size_t)(end - at), n_axes, &record);
    if (at == NULL) return false;
    if (records != NULL) records[i] = record;
  }
  return at == end;
}

bool journal_decode_fold(const unsigned char *payload, size_t payload_bytes, uint64_t *words, size_t room,
                         size_t *n_words) {
  if (payload_bytes < COUNT_BYTES || get(payload, 4) != KIND_FOLD) return false;
  *n_words = get(payload + 4, 4);
  if (payload_bytes - COUNT_BYTES != WORD_BYTES * *n_words || (words != NULL && room < *n_words)) return false;
  for (size_t i = 0; words != NULL && i < *n_words; i++) words[i] = get(payload + COUNT_BYTES + WORD_BYTES * i, 8);
  return true;
}
