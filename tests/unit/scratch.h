/* A folder of the test's own, under TMPDIR where that is set; gone with all that is in it. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

static char dir[256];

static inline void scratch_make(void)
{
    const char *parent = getenv("TMPDIR");

    snprintf(dir, sizeof(dir), "%s/unit.XXXXXX", parent != NULL ? parent : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static inline void scratch_remove(void)
{
    char *command = mem_printf("rm -r '%s'", dir);

    ck_assert_int_eq(system(command), 0);
    mem_free(command);
}

/* mem_free() it. */
static inline char *scratch_path(const char *name)
{
    return mem_printf("%s/%s", dir, name);
}

static inline void scratch_write(const char *name, const void *bytes, size_t len, mode_t mode)
{
    char *path = scratch_path(name);
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, mode), 0);
    mem_free(path);
}

#endif
