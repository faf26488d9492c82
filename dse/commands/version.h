/* What this program is: version, commit, compiler, libraries. */
#ifndef DSE_VERSION_H
#define DSE_VERSION_H

#include <stdio.h>

const char *dse_version(void);
const char *dse_commit(void);
/* Where the sources lay when this was built ("" in packages), and where an installation of it has its data: the last
 * places to look for models. */
const char *dse_sources(void);
const char *dse_installed_data(void);
/* With where the data of this program lies. */
void version_print(const char *data_folder, FILE *out);
void version_print_json(const char *data_folder, FILE *out);

#endif
