/* An op as it is, as the `dse` group of an exported node. Used by json_graph.c and json_export.c alone. */
#ifndef WORKLOADS_JSON_RECORD_H
#define WORKLOADS_JSON_RECORD_H

#include "workloads/op.h"
#include <jansson.h>

/* A new reference, or NULL if a number is too large for JSON (2⁶³ or more). */
json_t *json_record_new(const struct op *op);
/* False if anything is missing, of the wrong type or out of range. Layer, mirror and followers are not part of it. */
bool json_record_read(const json_t *record, struct op *op);

#endif
