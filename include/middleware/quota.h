/*
 * [quota] per_user: how many lookups each user may make. Of QUOTA_USERS users is known what they
 * have used up; the one who asked longest ago is forgotten for another, and begins anew.
 *
 * One for all workers: a user's lookups are spread over them.
 */
#ifndef MIDDLEWARE_QUOTA_H
#define MIDDLEWARE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/rate.h"

#define QUOTA_USERS 65536

struct quota;

struct quota *quota_new(void);
void quota_free(struct quota *quota); /* NULL is allowed */

/*
 * One lookup of this user. False: the user is over the quota; *retry_after is in how many ns the
 * next one is allowed. Nothing is charged then. Any thread.
 */
bool quota_take(struct quota *quota, const struct rate *rate, const char *user,
                struct mono_time now, int64_t *retry_after);

#endif
