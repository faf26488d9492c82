/* May any words stand in a journal as a sweep's fold?
 *
 * A libFuzzer target (clang -fsanitize=fuzzer,address,undefined); tests/unit/search/test_fuzz_corpus.c replays its
 * corpus. The first byte chooses the space (bits 1–7) and what the rest is: even, the words as they are, little-endian;
 * odd, edits of a true fold's words (see `edit`). What sweep_check accepts must merge, and pack to words that are
 * accepted and merge to the same again; a true fold must be accepted. Left out: whether accepted words are true, which
 * only folding again could tell. */
#include "search/space/sweep.h"
#include "tests/synthetic_space.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_input);

enum { FUZZ_SPACES = 6, FUZZ_MOST_POINTS = 150, FUZZ_TOP_K = 7, FUZZ_MOST_BYTES = 8192, EDIT_BYTES = 11 };

/* For those who replay the corpus: does it reach both answers? */
static struct { unsigned long accepted, refused; } fuzz_seen;

struct fuzzed {
  struct arena arena;
  struct synthetic synthetic;
  struct sweep_settings settings;
  struct sweep *sweep;
  uint64_t *words; /* of the whole space */
  size_t n_words;
};

static uint64_t *pack_copy(struct sweep *sweep, size_t *n_words) {
  const uint64_t *packed = sweep_pack(sweep, n_words);
  uint64_t *words = malloc(*n_words * sizeof *words);
  if (words == NULL) abort();
  memcpy(words, packed, *n_words * sizeof *words);
  return words;
}

static void fold_whole(struct fuzzed *fuzzed, uint64_t task) {
  arena_init(&fuzzed->arena, 1 << 16);
  struct synthetic *synthetic = &fuzzed->synthetic;
  synthetic_draw(synthetic, 2385, task, FUZZ_MOST_POINTS);
  synthetic_draw_more(synthetic, 2385, task);
  const struct space *space = &synthetic->space;
  fuzzed->settings = (struct sweep_settings){.block = FUZZ_MOST_POINTS, .prune = true, .front = true};
  const struct sweep_known known = {
      .topk = topk_new(&fuzzed->arena, &space->objectives[space->metric], space->metric, FUZZ_TOP_K),
      .front = pareto_new(&fuzzed->arena, space->objectives, space->n_front_objectives),
      .evaluated = point_set_new(&fuzzed->arena)};
  fuzzed->sweep = sweep_new(space, &fuzzed->settings, &known, FUZZ_TOP_K, &fuzzed->arena);
  sweep_fold(fuzzed->sweep, 0, space_size(space));
  fuzzed->words = pack_copy(fuzzed->sweep, &fuzzed->n_words);
  if (!sweep_check(fuzzed->sweep, fuzzed->words, fuzzed->n_words, space_size(space))) abort();
}

/* Built by the first input, and kept; nothing is feasible in the first, all others have records. */
static struct fuzzed *space_number(size_t number) {
  static const uint64_t tasks[FUZZ_SPACES] = {3, 18, 21, 32, 43, 57};
  static struct fuzzed spaces[FUZZ_SPACES];
  if (spaces[number].words == NULL) fold_whole(&spaces[number], tasks[number]);
  return &spaces[number];
}

static uint64_t get_le(const uint8_t *at, size_t n) {
  uint64_t value = 0;
  for (size_t i = n; i-- > 0;) value = value << 8 | at[i];
  return value;
}

/* u16 place, u8 what, u64 operand: sets, flips, adds to, or copies to the word there. */
static void edit(uint64_t *words, size_t n_words, const uint8_t *at) {
  uint64_t *word = &words[get_le(at, 2) % n_words];
  const uint64_t operand = get_le(at + 3, 8);
  switch (at[2] % 4) {
  case 0:
    *word = operand;
    break;
  case 1:
    *word ^= operand;
    break;
  case 2:
    *word += operand;
    break;
  default:
    *word = words[operand % n_words];
  }
}

static void judge(struct fuzzed *fuzzed, const uint64_t *words, size_t n_words) {
  struct sweep *sweep = fuzzed->sweep;
  const uint64_t n_points = space_size(&fuzzed->synthetic.space);
  if (!sweep_check(sweep, words, n_words, n_points)) {
    fuzz_seen.refused++;
    return;
  }
  fuzz_seen.accepted++;
  sweep_clear(sweep);
  sweep_merge(sweep, words, n_words);
  size_t n_first, n_second;
  uint64_t *first = pack_copy(sweep, &n_first);
  if (!sweep_check(sweep, first, n_first, n_points)) abort();
  sweep_clear(sweep);
  sweep_merge(sweep, first, n_first);
  const uint64_t *second = sweep_pack(sweep, &n_second);
  if (n_first != n_second || memcmp(first, second, n_first * sizeof *first) != 0) abort();
  free(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_input) {
  if (n_input < 2 || n_input > FUZZ_MOST_BYTES) return 0;
  struct fuzzed *fuzzed = space_number((input[0] >> 1) % FUZZ_SPACES);
  const bool edits = input[0] & 1;
  /* Room for just these words, so that reading beyond them is noticed; the second byte of edits shortens the fold. */
  size_t n_words = (n_input - 1) / 8;
  if (edits) n_words = input[1] < fuzzed->n_words ? fuzzed->n_words - input[1] : 1;
  uint64_t *words = malloc(n_words * sizeof *words);
  if (words == NULL && n_words > 0) abort();
  if (edits) {
    memcpy(words, fuzzed->words, n_words * sizeof *words);
    for (size_t at = 2; at + EDIT_BYTES <= n_input; at += EDIT_BYTES) edit(words, n_words, input + at);
  } else {
    for (size_t w = 0; w < n_words; w++) words[w] = get_le(input + 1 + 8 * w, 8);
  }
  judge(fuzzed, words, n_words);
  free(words);
  return 0;
}
