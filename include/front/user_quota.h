/*
 * The step of a lookup that judges its user by [quota] per_user.
 *
 * Thread: the request's worker's.
 */
#ifndef FRONT_USER_QUOTA_H
#define FRONT_USER_QUOTA_H

#include <stdbool.h>

#include "exchange/request.h"
#include "middleware/quota.h"

/*
 * Takes one lookup of the request's user, and counts it in METRIC_QUOTA. False: the user is over
 * the quota; the request is settled with 429. A request without a user is not judged.
 */
bool user_quota_take(struct quota *quota, struct request *request);

#endif
