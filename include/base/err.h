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

/*
 * Before each prototype that returns an enum err: the compiler complains where it is ignored. The
 * appending functions of base/buf.h go without: a buffer keeps its first error, to be asked once.
 */
#define ERR_CHECKED __attribute__((warn_unused_result))

/* A result that makes no difference; a comment beside it says why. */
#define ERR_IGNORED(call)                                                                          \
    do {                                                                                           \
        enum err ignored_ = (call);                                                                \
        (void)ignored_;                                                                            \
    } while (0)

#endif
