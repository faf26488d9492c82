/* Where do the files lie that belong to the program: models, catalogue, tables, weights, run files? */
#ifndef DSE_DATA_FOLDER_H
#define DSE_DATA_FOLDER_H

#include "base/arena.h"

/* The folder that holds workloads/models, arch/catalogue and the like; it lives in the arena or as long as the program.
 * In this order: share/dse beside the folder of the running program, wherever that was moved to; where `make install`
 * put it; the sources that this was built from. The environment has no say. Never NULL: where there is none at all, it
 * is the place in which an installation would have it, so that the message of whoever looks there names that. */
const char *data_folder_find(struct arena *arena);

#endif
