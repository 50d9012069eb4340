/*
 * The policy for running out of memory, in one function. With overcommit the kernel hardly ever
 * refuses a small block, and code that unwinds from one it never saw is code nobody has tested: a
 * clean end and a restart by the service manager are the safer way. exit handlers are skipped,
 * for they may want memory too.
 */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_NO_MEMORY 3

_Noreturn void mem_exhausted(void)
{
    static const char text[] = "postcoded: out of memory\n";

    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) {
        /* The exit status says it as well. */
    }
    _exit(EXIT_NO_MEMORY);
}

static void *or_exhausted(void *p)
{
    if (p == NULL)
        mem_exhausted();
    return p;
}

void *mem_alloc(size_t size)
{
    return or_exhausted(malloc(size > 0 ? size : 1));
}

void *mem_zalloc(size_t size)
{
    return or_exhausted(calloc(1, size > 0 ? size : 1));
}

char *mem_strdup(const char *text)
{
    return or_exhausted(strdup(text));
}

char *mem_strndup(const char *text, size_t len)
{
    return or_exhausted(strndup(text, len));
}

char *mem_printf(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = mem_vprintf(format, args);
    va_end(args);
    return text;
}

char *mem_vprintf(const char *format, va_list args)
{
    char *text = NULL;

    if (vasprintf(&text, format, args) < 0)
        mem_exhausted();
    return text;
}

void *mem_grow(void *items, size_t count, size_t size)
{
    size_t bytes;

    if ((count & (count - 1)) != 0)
        return items; /* between two powers of two there is space left */
    if (__builtin_mul_overflow(count > 0 ? count * 2 : 1, size, &bytes) || count > SIZE_MAX / 2)
        mem_exhausted();
    return or_exhausted(mem_try_realloc(items, bytes));
}

void *mem_try_realloc(void *old, size_t size)
{
    return realloc(old, size > 0 ? size : 1);
}

void mem_free(void *p)
{
    free(p);
}
