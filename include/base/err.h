/*
 * Results. A function that can fail for a reason its caller may handle returns one of these;
 * what "cannot happen" goes to MUST() in base/check.h, and running out of memory to base/mem.h.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* The table: name, and a phrase that completes "it failed: ...". */
#define ERR_TABLE(X)                                                                               \
    X(ERR_OK, "no error")                                                                          \
    X(ERR_INVALID, "not valid")                                                                    \
    X(ERR_TOO_LARGE, "larger than allowed")                                                        \
    X(ERR_FULL, "at its limit")                                                                    \
    X(ERR_NOT_FOUND, "not found")                                                                  \
    X(ERR_SYSTEM, "refused by the system")                                                         \
    X(ERR_CANCELLED, "cancelled")

enum err {
#define ERR_ENUM(name, text) name,
    ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
};

/* The phrase of an error; never NULL. */
const char *err_text(enum err err);

#endif
