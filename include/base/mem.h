/*
 * Memory, and the one policy for running out of it.
 *
 * Small allocations whose size we choose never return NULL: when the system refuses, the process
 * prints one line and exits with status 3. The service manager starts it again, and the tokens
 * survive that. Buffers whose size somebody outside chooses (a body) use mem_try_*: they return
 * NULL, and the request gets an error response.
 *
 * All functions: any thread; free with mem_free (or free()).
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t len);
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *mem_vprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/*
 * An array that grows by one: `items` holds `count` items of `size` bytes, and the result, which
 * takes its place, has space for one more. NULL and 0 begin an array. The space doubles whenever
 * `count` is a power of two, so no capacity is kept, and `items` must have grown here from the
 * first item on. Never NULL.
 */
void *mem_grow(void *items, size_t count, size_t size);

/* May return NULL; `old` then stays as it was. */
void *mem_try_realloc(void *old, size_t size);

/* The policy itself, for memory that comes from elsewhere (mmap). Does not return. */
_Noreturn void mem_exhausted(void);

/* For what a library refuses for want of memory alone: the same policy. */
#define MEM_MUST(condition) ((condition) ? (void)0 : mem_exhausted())

void mem_free(void *p);

#endif
