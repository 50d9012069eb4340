/*
 * A configuration in the test's own directory: sections that make one whole, and what loading it
 * says, as the lines that an operator would read.
 */
#ifndef CONFIG_FIXTURE_H
#define CONFIG_FIXTURE_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/config.h"
#include "scratch.h"

#define KEY32 "0123456789abcdef0123456789abcdef"

/* Sections that make a configuration whole, so that a case shows only its own faults. */
#define IDENTITY "[identity]\nkey_file = key\n"
#define UPSTREAM_HEAD "[upstream u]\naddress = https://h.example\nclient_id = c\n"
#define UPSTREAM UPSTREAM_HEAD "client_secret_file = secret\n"
#define WHOLE IDENTITY UPSTREAM

static struct config_faults faults; /* of the last load */

static inline void write_mode(const char *name, const char *text, mode_t mode)
{
    scratch_write(name, text, strlen(text), mode);
}

static inline void make_dir(const char *name)
{
    char *path = scratch_path(name);

    ck_assert_int_eq(mkdir(path, 0755), 0);
    mem_free(path);
}

static inline void setup(void)
{
    scratch_make();
    unsetenv("CREDENTIALS_DIRECTORY");
    unsetenv("PC_UNSET");
    write_mode("key", KEY32, 0640);
    write_mode("secret", "hush\n", 0640);
}

static inline void teardown(void)
{
    config_faults_fini(&faults);
    scratch_remove();
}

static inline struct config *load_file(const struct config *before, const char *name,
                                       bool credentials_optional)
{
    char *path = scratch_path(name);

    config_faults_fini(&faults);
    struct config *config = config_load(before, path, credentials_optional, NULL, NULL, &faults);
    mem_free(path);
    return config;
}

static inline struct config *load_bytes(const void *bytes, size_t len)
{
    scratch_write("p.ini", bytes, len, 0640);
    return load_file(NULL, "p.ini", false);
}

static inline struct config *load_text(const char *text)
{
    return load_bytes(text, strlen(text));
}

/* All faults and notes as lines, the directory's name taken out. Static. */
static inline const char *fault_lines(void)
{
    static char out[65536];
    size_t n = 0;
    size_t len = strlen(dir) + 1;

    out[0] = '\0';
    for (size_t i = 0; i < faults.count; i++) {
        n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s\n",
                              faults.items[i].note ? "note " : "", faults.items[i].text);
        ck_assert_uint_lt(n, sizeof(out));
    }
    for (char *p = out; (p = strstr(p, dir)) != NULL;)
        memmove(p, p + len, strlen(p + len) + 1);
    return out;
}

/* Loads what must be good. */
static inline struct config *good(const char *text)
{
    struct config *config = load_text(text);

    ck_assert_msg(config != NULL && faults.faults == 0, "%s", fault_lines());
    return config;
}

#endif
