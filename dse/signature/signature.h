/* Which small runs make the signature? One record a flow, one line in signature_flows.def.
 *
 * A flow is small (a tenth of a second), begins with nothing but the data folder and gives the same digest on every
 * machine and number of ranks: what depends on a clock stays out, and what a mathematical library may round in another
 * way is rounded before. */
#ifndef DSE_SIGNATURE_H
#define DSE_SIGNATURE_H

#include "base/digest.h"
#include "dse/run/run.h"

struct signature_flow {
  const char *name, *doc;
  const char *text; /* its run file */
  /* Adds what came of it. `invocation` is the flow's own: no sets, quiet. Collective. */
  bool (*run)(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
              struct error *error);
};
#define SIGNATURE_FLOW(name) extern const struct signature_flow signature_flow_##name;
#include "dse/signature/signature_flows.def"
#undef SIGNATURE_FLOW

/* Steps 1 to 5 of a run whose file is the flow's text. run_release is the caller's, whatever came of it. */
bool signature_prepare(const struct signature_flow *flow, struct invocation *invocation, struct run *run,
                       struct error *error);

#endif
