/* The kinds of `dse list`, for those who offer them. */
#ifndef DSE_LIST_H
#define DSE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* The i-th kind; false behind the last. */
bool list_kind(size_t i, const char **name, const char **doc);

#endif
