/* The only file that is compiled again when the commit changes. See version.h. */
#include "dse/commands/version.h"

#include "build_version.h"
#include "cluster/cluster.h"
#include <gsl/gsl_version.h>
#include <jansson.h>
#include <xxhash.h>
#include <zlib.h>

const char *dse_version(void) { return DSE_VERSION; }
const char *dse_commit(void) { return DSE_COMMIT; }
const char *dse_sources(void) { return DSE_SOURCES; }
const char *dse_installed_data(void) { return DSE_DATA; }

void version_print(const char *data_folder, FILE *out) {
  fprintf(out, "dse %s\ncommit %s\ncompiler %s\nflags %s\nmpi %s\n", DSE_VERSION, DSE_COMMIT, __VERSION__, DSE_FLAGS,
          cluster_library());
  fprintf(out, "libraries gsl %s, jansson %s, xxhash %u, zlib %s\n", gsl_version, JANSSON_VERSION, XXH_versionNumber(),
          zlibVersion());
  fprintf(out, "data %s\n", data_folder);
}

void version_print_json(const char *data_folder, FILE *out) {
  json_t *object =
      json_pack("{ss ss ss ss ss s{ss ss si ss} ss}", "version", DSE_VERSION, "commit", DSE_COMMIT, "compiler",
                __VERSION__, "flags", DSE_FLAGS, "mpi", cluster_library(), "libraries", "gsl", gsl_version, "jansson",
                JANSSON_VERSION, "xxhash", (int)XXH_versionNumber(), "zlib", zlibVersion(), "data", data_folder);
  if (object == NULL) return;
  json_dumpf(object, out, JSON_INDENT(1));
  fputc('\n', out);
  json_decref(object);
}
