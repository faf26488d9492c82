/* What this program is: version, commit, compiler, libraries. */
#ifndef DSE_VERSION_H
#define DSE_VERSION_H

#include <stdio.h>

const char *dse_version(void);
const char *dse_commit(void);
/* Where the sources lay when this was built: the last place to look for models. */
const char *dse_sources(void);
void version_print(FILE *out);
void version_print_json(FILE *out);

#endif
