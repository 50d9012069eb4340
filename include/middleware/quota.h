/*
 * [quota] per_user: how many lookups each user may make. Of QUOTA_USERS users is known what they
 * have used up. One more takes the place of the one who asked longest ago: if that one comes back,
 * it begins anew, as after a long pause. So more users than that weaken the quota, and never
 * reject anybody wrongly.
 *
 * One for all workers: a user's lookups are spread over them.
 *
 * The locks. A user's place in the table and its age among the others change together, so a lock is
 * needed. A hash of the user chooses one of QUOTA_SHARDS shards, each a table of its own with a
 * mutex, a share of the users, and an order of age of its own: two workers meet only when they ask
 * for users of one shard in the same moment. The mutex is held for one look-up: a user or two
 * compared, a few pointers set, at most one allocation; the table doubles now and then, which moves
 * at most QUOTA_USERS / QUOTA_SHARDS pointers. Nobody holds two of them, and nothing is called
 * under one that takes a lock (but malloc's), so there is no deadlock.
 *
 * Users are never logged here.
 */
#ifndef MIDDLEWARE_QUOTA_H
#define MIDDLEWARE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/rate.h"

#define QUOTA_USERS 65536
#define QUOTA_SHARDS 64

struct quota;

/* Memory is allocated as users come. */
struct quota *quota_new(void);
void quota_free(struct quota *quota); /* NULL is allowed */

/*
 * One lookup of this user, which is not "". False: the user is over the quota; *retry_after is in
 * how many ns the next one is allowed. Nothing is charged then. A rate that is off allows all, and
 * remembers nobody. The rate may change from call to call (a reload). Any thread.
 */
bool quota_take(struct quota *quota, const struct rate *rate, const char *user,
                struct mono_time now, int64_t *retry_after);

#endif
