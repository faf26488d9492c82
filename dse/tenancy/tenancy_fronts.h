/* dse map tenancy --front A,B: mappings that are beaten by no other in two or three objectives at once. See
 * search/tenancy/tenancy_front.h. */
#ifndef DSE_TENANCY_FRONTS_H
#define DSE_TENANCY_FRONTS_H

#include "dse/tenancy/tenancy_beyond.h"

/* `job` is that of one search, its problem and aim opened; names: objectives with commas between. Prints the front and
 * publishes --out (a row of core and priority for each) and --report. Collective. */
enum status tenancy_print_front(const struct invocation *invocation, const struct tenancy_job *job,
                                const struct tenancy_aim *aim, const char *names, struct error *error);

#endif
