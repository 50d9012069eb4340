/*
 * One value: from the text in a file to the field in struct config, by the kind of its key, and
 * back to the text that would be written for it.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "config/config.h"
#include "config/faults.h"
#include "config/table.h"

/* What a kind's parser is given, beside the field. */
struct value_input {
    const struct config_key *key;
    const char *text;      /* not empty; NULL for a SECRET */
    struct secret *secret; /* SECRET alone */
    const char *dir;       /* what a relative path is relative to */
    bool credentials_optional;
    bool secrets_anywhere; /* [server] secret_files = any */
    /* Told each file that a value names, whether or not it can be used; NULL: nobody. */
    void (*names_file)(void *arg, const char *path);
    void *names_arg;
    /* For faults. */
    struct config_faults *faults;
    struct config_place place;
    const char *section; /* as faults show it: "upstream location" */
    const char *name;    /* the key's, as faults show it: "auth_param.resource" */
};

/*
 * Parses into the key's field and appends to `shown` the text that would give the same value from
 * any file: units in their plainest form, paths absolute. False with a fault made.
 */
bool value_parse(const struct value_input *in, void *field, struct buf *shown);

/* The same for one auth_param.NAME. */
bool value_parse_param(const struct value_input *in, const char *name, struct config_params *out);

/* Frees and wipes the key's field and leaves it unset. */
void value_fini(const struct config_key *key, void *field);

/* A fault about this value. Always false, so that a parser can return it. */
bool value_wrong(const struct value_input *in, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Worth saying, no fault. */
void value_note(const struct value_input *in, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Notes that quotes, or what seems a comment, are part of a value that is good otherwise. */
void value_judge_form(const struct value_input *in);
/* The same as value_wrong: "is not understood; must be ..." as the table has it. */
bool value_not_allowed(const struct value_input *in);

/*
 * A file that holds a secret: `what` is it ("this file", "/etc/k"), and others can read it. False
 * when that is a fault.
 */
bool value_others_read(const struct value_input *in, const char *what, const char *path,
                       mode_t mode);

/* The next item of a list with commas, blanks around it gone; NULL at the end. Caller frees. */
char *value_next_item(const char **rest);

/* Where `text` stands among words parted by a space, in any case; NULL when it is none of them. */
const char *value_find_word(const char *words, const char *text);

/* The parsers that have files of their own. */
typedef bool value_parser(const struct value_input *in, void *field, struct buf *shown);
value_parser value_parse_addresses, value_parse_url, value_parse_header, value_parse_path,
    value_parse_file, value_parse_keyfile, value_parse_secrets, value_parse_secret;
void value_fini_addresses(void *field);
void value_fini_keyfile(void *field);
void value_fini_secrets(void *field);

/* No control character in it: what a header, a form and a log line need. */
bool value_is_plain(const char *text, size_t len);

/* localhost, or a number of this machine's own. */
bool value_host_is_loopback(const char *host);

/* Whether a URL that value_parse_url took leads to this machine. */
bool value_url_is_loopback(const char *url);
bool value_url_is_plaintext(const char *url);

#endif
