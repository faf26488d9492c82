/* What an ONNX file said, for `dse show workload FILE.onnx`. */
#ifndef DSE_SHOW_ONNX_H
#define DSE_SHOW_ONNX_H

#include "dse/commands/command.h"
#include "workloads/onnx.h"
#include <jansson.h>

void show_onnx(const struct invocation *invocation, const struct onnx_notes *notes);
/* A new reference. */
json_t *show_onnx_json(const struct onnx_notes *notes);

#endif
