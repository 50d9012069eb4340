/*
 * The last words of a program that found itself wrong. They are put together on the stack and
 * written by write(2): the heap, the log's rings and stdio may be what is broken.
 */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static _Thread_local const char *request;

void check_request(const char *guid)
{
    request = guid;
}

_Noreturn void check_failed(const char *what, const char *file, int line)
{
    char text[512];
    int len = snprintf(text, sizeof(text), "postcoded: %s:%d: this cannot happen: !(%s)%s%s\n",
                       file, line, what, request != NULL ? ", at work on " : "",
                       request != NULL ? request : "");

    if (len >= (int)sizeof(text)) {
        len = (int)sizeof(text);
        text[len - 1] = '\n';
    }
    if (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0) {
        /* Nobody is left to be told. */
    }
    abort();
}
