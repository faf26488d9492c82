/* Small work on text: suggestions for misspelt names, escaping of hostile names, numbers that read back equal. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The candidate nearest to `word` (Damerau–Levenshtein distance ≤ 2, or ≤ a third of its length), or NULL. Ties go to
 * the earlier candidate. Compares without regard to case. */
const char *text_nearest(const char *word, const char *const *candidates, size_t n_candidates);
/* Copies `text` with control characters, marks that turn the direction of writing and invalid UTF-8 as \xNN, cut to fit
 * (with "…"); for messages, terminals and pages. */
void text_escape(const char *text, char *out, size_t out_bytes);
/* True if every byte belongs to a well-formed UTF-8 character (no surrogates, no overlong forms). */
bool text_is_utf8(const char *text);
/* A column's unit as people read it: what is counted a second has its name (samples/s), which files leave to the
 * column's name (throughput_samples_per_s, 1/s). */
const char *text_unit_shown(const char *column, const char *unit);
/* The shortest decimal form that strtod reads back equal: 15, 16 or 17 digits. `out` holds ≥ 32 bytes. */
void text_from_double(double value, char out[32]);
/* A whole number or number with nothing behind it; false if it does not parse, overflows or is not finite. */
bool text_to_u64(const char *text, uint64_t *value);
bool text_to_double(const char *text, double *value);
/* "96 GiB", "900 GB/s", "1.98 GHz", "45 us" in the unit `unit` ("bytes", "gib", "mib", "kib", "mhz", "gbytes_per_s",
 * "w", "mm2", "s", …, as field tables name them): k = 1000, Ki = 1024, exact in double. A bare number is already in
 * the unit. False if the text is no quantity or its dimension differs. */
bool text_to_quantity(const char *text, const char *unit, double *value);

#endif
