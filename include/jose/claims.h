/*
 * The claims inside a token, held against the rules. Only for jwt.c, which has made sure that they
 * were signed, or is about to sign them.
 */
#ifndef JOSE_CLAIMS_H
#define JOSE_CLAIMS_H

#include <stddef.h>

#include "base/clock.h"
#include "jose/jwt_rules.h"
#include "jose/result.h"

struct claims_result {
    char user[JWT_USER_MAX + 1];         /* JWT_OK, JWT_FORBIDDEN */
    struct wall_time expires;            /* JWT_OK: as that of jwt_verify */
    const struct jwt_requirement *unmet; /* JWT_FORBIDDEN: the first; borrowed from the rules */
};

/*
 * `json`: the payload, `len` bytes and a NUL that does not count. What makes an identity bad comes
 * before what a good one lacks: JWT_FORBIDDEN is of an identity that is good in all else. Any
 * thread.
 */
enum jwt_result claims_check(const char *json, size_t len, const struct jwt_rules *rules,
                             struct wall_time now, struct claims_result *out);

#endif
