/*
 * How a request can end: the one table of codes (contract 2). The first rows are no problems.
 *
 * A row's index is the cell of METRIC_REQUESTS that counts it.
 */
#ifndef EXCHANGE_PROBLEM_H
#define EXCHANGE_PROBLEM_H

#include "base/log.h"

/* X(id, code, status, title, level of a log line about it, Proxy-Status error or "") */
#define PROBLEMS(X)                                                                                \
    X(ENDED_OK, "ok", 200, "OK", INFO, "")                                                         \
    X(ENDED_NOT_MODIFIED, "ok", 304, "Not Modified", INFO, "")                                     \
    X(ENDED_CANCELLED, "cancelled", 499, "The caller disconnected", INFO, "")                      \
    X(PROBLEM_INVALID_POSTCODE, "invalid_postcode", 400, "Not a postcode", INFO, "")               \
    X(PROBLEM_BAD_REQUEST, "bad_request", 400, "Bad request", INFO, "")                            \
    X(PROBLEM_METHOD_UNKNOWN, "bad_request", 501, "Method not implemented", INFO, "")              \
    X(PROBLEM_VERSION_UNKNOWN, "bad_request", 505, "HTTP version not supported", INFO, "")         \
    X(PROBLEM_UNAUTHORIZED, "unauthorized", 401, "Identity required", INFO, "")                    \
    X(PROBLEM_FORBIDDEN, "forbidden", 403, "Identity lacks a claim", INFO, "")                     \
    X(PROBLEM_UNKNOWN_POSTCODE, "unknown_postcode", 404, "Unknown postcode", INFO, "")             \
    X(PROBLEM_NOT_FOUND, "not_found", 404, "No such path", INFO, "")                               \
    X(PROBLEM_METHOD_NOT_ALLOWED, "method_not_allowed", 405, "Method not allowed", INFO, "")       \
    X(PROBLEM_TARGET_TOO_LARGE, "too_large", 414, "Target too large", INFO, "")                    \
    X(PROBLEM_HEADER_TOO_LARGE, "too_large", 431, "Request header section too large", INFO, "")    \
    X(PROBLEM_RATE_LIMITED, "upstream_rate_limited", 429, "Upstream rate limit", NOTICE, "")       \
    X(PROBLEM_QUOTA_EXCEEDED, "quota_exceeded", 429, "User over quota", INFO, "")                  \
    X(PROBLEM_UNREACHABLE, "upstream_unreachable", 502, "Upstream unreachable", WARNING,           \
      "destination_unavailable")                                                                   \
    X(PROBLEM_UPSTREAM_ERROR, "upstream_error", 502, "Upstream error", WARNING,                    \
      "destination_unavailable")                                                                   \
    X(PROBLEM_MALFORMED, "upstream_malformed", 502, "Upstream response malformed", WARNING,        \
      "http_protocol_error")                                                                       \
    X(PROBLEM_UPSTREAM_UNAUTHORIZED, "upstream_unauthorized", 502, "Upstream rejected the token",  \
      WARNING, "proxy_configuration_error")                                                        \
    X(PROBLEM_TOKEN_UNAVAILABLE, "token_unavailable", 503, "No token", WARNING,                    \
      "destination_unavailable")                                                                   \
    X(PROBLEM_IDENTITY_UNAVAILABLE, "identity_unavailable", 503, "No keys to verify identities",   \
      WARNING, "destination_unavailable")                                                          \
    X(PROBLEM_OVERLOADED, "overloaded", 503, "Too many lookups", NOTICE, "")                       \
    X(PROBLEM_UPSTREAM_UNAVAILABLE, "upstream_unavailable", 503, "Upstream unavailable", WARNING,  \
      "destination_unavailable")                                                                   \
    X(PROBLEM_DEADLINE, "deadline_exceeded", 504, "Deadline exceeded", WARNING,                    \
      "http_response_timeout")

enum problem_id {
#define PROBLEM_ENUM(id, code, status, title, level, proxy_status) id,
    PROBLEMS(PROBLEM_ENUM)
#undef PROBLEM_ENUM
        PROBLEM_COUNT
};

struct problem {
    const char *code;
    int status;
    const char *title;
    enum log_level level;
    const char *proxy_status; /* "" where a Proxy-Status header has no place */
};

const struct problem *problem_of(enum problem_id id);

#endif
