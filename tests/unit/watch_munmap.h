/*
 * Sees what a secret's memory holds at the moment it is given back: the test's own munmap stands in
 * front of the C library's.
 */
#ifndef TESTS_UNIT_WATCH_MUNMAP_H
#define TESTS_UNIT_WATCH_MUNMAP_H

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

static _Atomic(const void *) watched; /* the page to look at */
static atomic_bool watched_unmapped;
static atomic_bool watched_wiped;

static void watch_munmap(const void *page)
{
    atomic_store(&watched_unmapped, false);
    atomic_store(&watched_wiped, false);
    atomic_store(&watched, page);
}

int munmap(void *p, size_t len)
{
    int (*real)(void *, size_t);

    *(void **)&real = dlsym(RTLD_NEXT, "munmap");
    if (p == atomic_load(&watched)) {
        const unsigned char *bytes = p;
        bool zero = true;

        for (size_t i = 0; i < len; i++)
            zero = zero && bytes[i] == 0;
        atomic_store(&watched_wiped, zero);
        atomic_store(&watched_unmapped, true);
        atomic_store(&watched, NULL);
    }
    return real(p, len);
}

#endif
