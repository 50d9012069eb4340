/*
 * Cases for the keys of an upstream: lines behind those that make a configuration whole, and the
 * faults and notes that they give, as whole lines.
 */
#ifndef CONFIG_CASES_H
#define CONFIG_CASES_H

#include "config_fixture.h"

#define AT(line) "p.ini:" #line ": [upstream u] "
#define NOTE(line) "note " AT(line)

#define CHARACTER(part, before)                                                                    \
    " holds a character that a " part " cannot hold, behind \"" before                             \
    "\"; percent-encode it, a space as %20"

struct config_case {
    const char *lines; /* from line 7 of the file on */
    const char *expected;
};

static inline struct config *load_lines(const char *lines)
{
    char *text = mem_printf(WHOLE "%s\n", lines);
    struct config *config = load_text(text);

    mem_free(text);
    return config;
}

static inline struct config *good_lines(const char *lines)
{
    struct config *config = load_lines(lines);

    ck_assert_msg(config != NULL && faults.count == 0, "%s: %s", lines, fault_lines());
    return config;
}

static inline void check_case(const struct config_case *c)
{
    struct config *config = load_lines(c->lines);

    ck_assert_str_eq(fault_lines(), c->expected);
    ck_assert((config != NULL) == (faults.faults == 0));
    config_unref(config);
}

/* With files that keys may name. */
static inline void setup_files(void)
{
    setup();
    write_mode("value", "Xyzzy\n", 0640);
    write_mode("open", "Xyzzy\n", 0644);
    write_mode("empty", "", 0640);
    write_mode("newline", "\n", 0640);
    write_mode("two", "Xyzzy\nPlugh\n", 0640);
}

#endif
