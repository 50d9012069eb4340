/*
 * What the files of jose/ say of a token and of a key: signatures (jws.h) and claims (jwt.h) share
 * one list of results and their limits; and the reasons for which an identity is rejected, which
 * the access line and a metric name.
 */
#ifndef JOSE_RESULT_H
#define JOSE_RESULT_H

/* The longest token that is looked at, in bytes. */
#define JWT_TOKEN_MAX 8192
/* The most keys tried for one token. */
#define JWT_KEYS_TRIED 8

/*
 * The reasons, for operators: a caller is not told. A row's index is the cell of
 * METRIC_IDENTITY_REJECTED that counts it. No token has IDENTITY_ABSENT: it is a request's.
 */
#define IDENTITY_REASONS(X)                                                                        \
    X(IDENTITY_ABSENT, "absent")                                                                   \
    X(IDENTITY_MALFORMED, "malformed")                                                             \
    X(IDENTITY_SIGNATURE, "signature")                                                             \
    X(IDENTITY_EXPIRED, "expired")                                                                 \
    X(IDENTITY_NOT_YET, "not_yet")                                                                 \
    X(IDENTITY_AUDIENCE, "audience")                                                               \
    X(IDENTITY_ISSUER, "issuer")                                                                   \
    X(IDENTITY_ALGORITHM, "algorithm")                                                             \
    X(IDENTITY_UNKNOWN_KEY, "unknown_key")                                                         \
    X(IDENTITY_CLAIM, "claim")

enum identity_reason {
#define IDENTITY_REASON_ENUM(reason, text) reason,
    IDENTITY_REASONS(IDENTITY_REASON_ENUM)
#undef IDENTITY_REASON_ENUM
        IDENTITY_REASON_COUNT,
    IDENTITY_NOT_REJECTED = IDENTITY_REASON_COUNT
};

/* The word for it; never NULL. Not for IDENTITY_NOT_REJECTED. Any thread. */
const char *identity_reason_text(enum identity_reason reason);

/* The table: name, reason, and a phrase for a debug line. */
#define JWT_TABLE(X)                                                                               \
    X(JWT_OK, IDENTITY_NOT_REJECTED, "verified")                                                   \
    X(JWT_MALFORMED, IDENTITY_MALFORMED, "not a well-formed JWT in compact serialization")         \
    X(JWT_CRITICAL, IDENTITY_MALFORMED, "has a crit header, and no extension is understood")       \
    X(JWT_ALGORITHM, IDENTITY_ALGORITHM, "signed with an algorithm that is not allowed")           \
    X(JWT_NO_KEY, IDENTITY_UNKNOWN_KEY, "no key matches its kid and alg")                          \
    X(JWT_SIGNATURE, IDENTITY_SIGNATURE, "the signature does not verify")                          \
    X(JWT_DATE, IDENTITY_MALFORMED, "has no exp, or exp or nbf is no number")                      \
    X(JWT_EXPIRED, IDENTITY_EXPIRED, "expired")                                                    \
    X(JWT_NOT_YET, IDENTITY_NOT_YET, "not valid yet")                                              \
    X(JWT_LIFETIME, IDENTITY_CLAIM, "exp lies further ahead than max_lifetime allows")             \
    X(JWT_ISSUER, IDENTITY_ISSUER, "iss is not the configured issuer")                             \
    X(JWT_AUDIENCE, IDENTITY_AUDIENCE, "aud holds none of the configured audiences")               \
    X(JWT_USER, IDENTITY_CLAIM,                                                                    \
      "the claim of the user is not 1 to 128 printable ASCII characters, or has outer spaces")     \
    X(JWT_FORBIDDEN, IDENTITY_CLAIM, "a required claim is missing, or has another value")

enum jwt_result {
#define JWT_ENUM(name, reason, text) name,
    JWT_TABLE(JWT_ENUM)
#undef JWT_ENUM
};

#endif
