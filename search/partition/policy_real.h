/* Which numbers does the network compute with? Single precision; the test of gradients compiles the same sources with
 * POLICY_REAL double and POLICY_SMOOTH, where nothing has a kink and differences tell. */
#ifndef SEARCH_PARTITION_POLICY_REAL_H
#define SEARCH_PARTITION_POLICY_REAL_H

#ifndef POLICY_REAL
#define POLICY_REAL float
#endif
typedef POLICY_REAL real;

#endif
