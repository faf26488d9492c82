/* What the files of `dse why` share: why.c is the command, of designs; why_platform.c tells of platforms. */
#ifndef DSE_WHY_PRIVATE_H
#define DSE_WHY_PRIVATE_H

#include "dse/design/relax.h"
#include "dse/output/front_folder.h"
#include <jansson.h>

struct why {
  struct run *run;
  const char *folder; /* NULL: a run file was named */
  struct front_folder front;
  bool has_front;
  struct relaxed relaxed;
  json_t *object;
};

/* For people; with --json the object says it all. */
void __attribute__((format(printf, 2, 3))) why_words(const struct why *why, const char *format, ...);
/* key=value as --set takes it. */
const char *why_set_of(const struct relaxation *relaxation, struct arena *arena);
/* Of a co-search: which limit lets a platform in; what a named platform misses to win. */
bool why_platforms(struct why *why, struct error *error);
bool why_platform(struct why *why, const char *text, struct error *error);

#endif
