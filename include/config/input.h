/*
 * The input of a parser of values: the text with its key and place, what is said about it in faults
 * and notes, and how a text is taken apart.
 */
#ifndef CONFIG_INPUT_H
#define CONFIG_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/secret.h"
#include "config/faults.h"
#include "config/table.h"

/* One value to parse. */
struct input {
    const struct config_key *key;
    const char *text;      /* not empty; NULL for a SECRET */
    struct secret *secret; /* SECRET alone */
    const char *dir;       /* what a relative path is relative to */
    bool credentials_optional;
    bool unused;           /* has no effect beside other keys: a credential may be missing */
    bool secrets_anywhere; /* [server] secret_files = any */
    /* Called for each file that a value names, whether or not it can be used; NULL: not called. */
    void (*names_file)(void *arg, const char *path);
    void *names_arg;
    /* For faults. */
    struct config_faults *faults;
    struct config_place place;
    const char *section; /* as faults show it: "upstream location" */
    const char *name;    /* the key's, as faults show it: "auth_param.resource" */
};

/*
 * A parser of one kind of value. It fills the field and appends to `shown` the text that would give
 * the same value from any file. False with a fault made; what it put in the field is freed all the
 * same.
 */
typedef bool input_parser(const struct input *in, void *field, struct buf *shown);

/* A fault about this value. Always false, so that a parser can return it. */
bool input_wrong(const struct input *in, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same: "is not understood; must be ..." and "is out of range; must be ..." with the table's
 * words. */
bool input_not_allowed(const struct input *in);
bool input_out_of_range(const struct input *in);

/* Worth saying, no fault. */
void input_note(const struct input *in, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Notes that quotes, or what seems a comment, are part of a value that is good otherwise. */
void input_note_form(const struct input *in);

/*
 * A text of at most the key's bytes, without control characters: *out is a copy, the caller's.
 * Appends it to `shown`. False with a fault made.
 */
bool input_take_text(const struct input *in, char **out, struct buf *shown);

/* The next item of a list with commas, blanks around it gone; NULL at the end. Caller frees. */
char *input_next_item(const char **rest);

/* Where `text` stands among words separated by a space, in any case; NULL when it is none of them.
 */
const char *input_find_word(const char *words, const char *text);

/* No control character in it: what a header, a form and a log line need. */
bool input_is_plain(const char *text, size_t len);

#endif
