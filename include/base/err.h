/*
 * Results. A function that can fail for a reason its caller may handle returns one of these;
 * what "cannot happen" goes to MUST() in base/check.h, and running out of memory to base/mem.h.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
    ERR_OK,
    ERR_INVALID,
    ERR_TOO_LARGE, /* larger than allowed */
    ERR_FULL,      /* at its limit */
    ERR_NOT_FOUND,
    ERR_SYSTEM, /* refused by the system */
};

#endif
