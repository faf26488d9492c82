/* What commands about partitions share: the instance with what --set says, a warning, and the judge. */
#ifndef DSE_PARTITION_JUDGE_H
#define DSE_PARTITION_JUDGE_H

#include "dse/commands/command.h"
#include "search/partition/partition.h"

/* The instance words[1], with --set key=value of its own keys: those without a group in front. */
bool partition_open(struct invocation *invocation, struct partition_problem *problem, struct error *error);
/* Says when one group makes the path rule useless (partition §13). */
void partition_warn(const struct invocation *invocation, const struct partition_graph *graph);
/* dse judge partition. */
enum status partition_judge(struct invocation *invocation, struct error *error);

#endif
