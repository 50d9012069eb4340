/*
 * What the files of jose/ say of a token and of a key: signatures (jws.h) and claims (jwt.h) share
 * one list of results and their limits.
 */
#ifndef JOSE_RESULT_H
#define JOSE_RESULT_H

/* The longest token that is looked at, in bytes. */
#define JWT_TOKEN_MAX 8192
/* The most keys tried for one token. */
#define JWT_KEYS_TRIED 8

/*
 * The table: name, reason (what the access line and a metric say, "" where there is none to say),
 * and a phrase for a debug line. A caller gets one response for all of them.
 */
#define JWT_TABLE(X)                                                                               \
    X(JWT_OK, "", "verified")                                                                      \
    X(JWT_MALFORMED, "malformed", "not a well-formed JWT in compact serialization")                \
    X(JWT_CRITICAL, "malformed", "has a crit header, and no extension is understood")              \
    X(JWT_ALGORITHM, "algorithm", "signed with an algorithm that is not allowed")                  \
    X(JWT_NO_KEY, "unknown_key", "no key in the key file is for it")                               \
    X(JWT_SIGNATURE, "signature", "the signature does not verify")                                 \
    X(JWT_EXPIRED, "expired", "expired")                                                           \
    X(JWT_NOT_YET, "not_yet", "not valid yet")                                                     \
    X(JWT_ISSUER, "issuer", "iss is not the configured issuer")                                    \
    X(JWT_AUDIENCE, "audience", "aud does not hold the configured audience")                       \
    X(JWT_SUBJECT, "claim", "sub is not 1 to 128 printable ASCII characters")

enum jwt_result {
#define JWT_ENUM(name, reason, text) name,
    JWT_TABLE(JWT_ENUM)
#undef JWT_ENUM
};

#endif
