/* Keys of a search for training and tenants at once. See cosearch.h. */
#include "dse/cosearch/cosearch_settings.h"

#include "search/joint/joint.h"

const char *const cosearch_metric_names[] = {"none", "joint", "training", "tenants", NULL};
const char *const cosearch_way_names[] = {"together", "sequential", NULL};

#define OFFSET(member) offsetof(struct cosearch_settings, member)
static const struct field fields[] = {
    {"metric", FIELD_CHOICE, "", 0, 0, "\"none\"",
     "what the best platform has most of: joint, throughput^weight times (jobs a second)^(1 - weight); training, "
     "throughput where makespan_s is kept; tenants, jobs a second where training_floor is kept; none: no co-search",
     OFFSET(metric), ROLE_ANSWER, cosearch_metric_names},
    {"weight", FIELD_REAL, "", 0, 1, "0.5", "of training in metric joint", OFFSET(weight), ROLE_ANSWER, NULL},
    {"makespan_s", FIELD_REAL, "s", 0, 1e9, "0.0", "latest end of the tenants' jobs with metric training; 0: any",
     OFFSET(makespan_s), ROLE_ANSWER, NULL},
    {"training_floor", FIELD_REAL, "", 0, 1e30, "0.0",
     "least throughput of the platform with metric tenants, in the unit of the run's throughput",
     OFFSET(training_floor), ROLE_ANSWER, NULL},
    {"money_usd", FIELD_REAL, "usd", 0, 1e12, "0.0", "most that dies and memory of a platform cost; 0: no limit",
     OFFSET(money_usd), ROLE_ANSWER, NULL},
    {"kinds", FIELD_UINT, "", 1, JOINT_MAX_KINDS, "2",
     "different designs on one platform, at most; of whole systems there is one, unless mixed", OFFSET(kinds),
     ROLE_ANSWER, NULL},
    {"way", FIELD_CHOICE, "", 0, 0, "\"together\"",
     "together: designs are chosen by the metric; sequential, for comparison: tenancy.designs of the best by "
     "search.metric are found first, platforms of these come behind",
     OFFSET(way), ROLE_ANSWER, cosearch_way_names},
    {"front", FIELD_BOOL, "", 0, 0, "false",
     "maps every platform whose bounds say that it could be on the front of throughput and makespan", OFFSET(front),
     ROLE_ANSWER, NULL},
    {"mixed", FIELD_BOOL, "", 0, 0, "false",
     "also platforms of systems of several designs, up to `kinds`, as system.kinds (heterogeneous or joint) makes "
     "them: "
     "tenants have a node of it, with as many devices of each design as the system has, or an equal part of that",
     OFFSET(mixed), ROLE_ANSWER, NULL},
    {"designs", FIELD_UINT, "", 1, 1000000, "2000", "most designs that platforms are made of", OFFSET(designs),
     ROLE_ANSWER, NULL},
    {"sets", FIELD_UINT, "", 1, 1e9, "2000000",
     "most sets of designs bounded for each number of kinds; where there are more, only the best designs mix",
     OFFSET(sets), ROLE_ANSWER, NULL},
    {"platforms", FIELD_UINT, "", 1, 1e8, "100000", "most platforms kept for a closer look", OFFSET(platforms),
     ROLE_ANSWER, NULL},
    {"finalists", FIELD_UINT, "", 1, JOINT_MAX_FINALISTS, "4",
     "best platforms that are mapped again, with tenancy.final_samples", OFFSET(finalists), ROLE_ANSWER, NULL},
};
const struct field_table cosearch_fields = {"co_search", "platforms that train well and serve tenants well", fields,
                                            sizeof fields / sizeof *fields};
