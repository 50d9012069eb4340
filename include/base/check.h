/*
 * Checks of three kinds.
 *
 *   MUST(x)      what cannot happen unless the program is wrong: prints the place and the request
 *                the thread is working on, then aborts.
 *   COSTLY(x)    the same, but dear: only in the sanitizer builds (POSTCODED_COSTLY_CHECKS).
 *   enum err     what may happen (base/err.h).
 *
 * Every struct that travels as void * begins with `unsigned magic`: set by MAGIC_SET, checked on
 * entry by MAGIC_CAST, cleared by MAGIC_CLEAR before it is freed.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stddef.h>

/* Says where and aborts. Any thread. */
_Noreturn void check_failed(const char *what, const char *file, int line);

/*
 * Names the request this thread works on, for check_failed; NULL for none. The string is borrowed
 * and must outlive its time here. This thread only.
 */
void check_request(const char *guid);

#define MUST(x) ((x) ? (void)0 : check_failed(#x, __FILE__, __LINE__))

#ifdef POSTCODED_COSTLY_CHECKS
#define COSTLY(x) MUST(x)
#else
#define COSTLY(x) ((void)0)
#endif

#define MAGIC_SET(p, m) ((p)->magic = (m))
#define MAGIC_CLEAR(p) ((p)->magic = 0)
#define MAGIC_OK(p, m) MUST((p) != NULL && (p)->magic == (m))

/* Declares `to` as the struct behind the void * `from`, checked. */
#define MAGIC_CAST(type, to, from, m)                                                              \
    type *to = (from);                                                                             \
    MAGIC_OK(to, m)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The struct that holds `member` at `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
