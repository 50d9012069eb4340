/*
 * Prints what is made from the table of keys: conf/postcoded.ini, with --man the section of
 * postcoded.ini(5) about the keys, and with --headers its list of forbidden header names, in mdoc.
 * All are kept in the repository, for neither a build nor an installation should have to run this;
 * a lint compares them with what it prints.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "config/config.h"
#include "config/table.h"

#define WIDTH 100

/* What a first configuration cannot do without, as it might look; routes it can. */
static const struct example {
    const char *section;
    const char *name;
    const char *value;
} examples[] = {
    {"identity", "key_file", "credential:identity.key"},
    {"upstream", "address", CONFIG_PLACEHOLDER},
    {"upstream", "client_id", "postcoded"},
    {"upstream", "client_secret_file", "credential:client.secret"},
    {"route", "upstream", "location"},
};

static const char *example_of(const struct config_key *key)
{
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        if (strcmp(examples[i].section, key->section) == 0 &&
            strcmp(examples[i].name, key->name) == 0)
            return examples[i].value;
    }
    return NULL;
}

/* What is to be known before a section is written at all; NULL: nothing. */
static const char *about_section(const char *section)
{
    return strcmp(section, "cache") == 0
               ? "Off unless this section is there, be it empty. Ask first whether the licence of "
                 "the Location API allows its answers to be kept."
               : NULL;
}

static bool opens_section(size_t i)
{
    return i == 0 || strcmp(config_keys[i].section, config_keys[i - 1].section) != 0;
}

/* Words of `text` in lines that begin with #. */
static void print_comment(const char *text)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (column == 0 || column + 1 + len > WIDTH) {
            printf("%s#", column > 0 ? "\n" : "");
            column = 1;
        }
        printf(" %.*s", (int)len, text);
        column += 1 + len;
        text += len + strspn(text + len, " ");
    }
    putchar('\n');
}

/* "A duration from 10ms to 24h. Changes with a reload." */
static void describe(const struct config_key *key, struct buf *out)
{
    buf_reset(out);
    config_key_allowed(key, out);
    if (out->data[0] >= 'a' && out->data[0] <= 'z')
        out->data[0] = (char)(out->data[0] - 'a' + 'A');
    buf_puts(out, (key->flags & CONFIG_RELOADS) != 0 ? ". Changes with a reload."
                                                     : ". Changes with a restart.");
}

static void print_ini_key(const struct config_key *key, struct buf *text)
{
    const char *example = example_of(key);
    const char *value = example != NULL ? example : key->def;

    describe(key, text);
    putchar('\n');
    print_comment(key->meaning);
    print_comment(buf_text(text));
    printf("%s%s =%s%s\n", example != NULL && key->owner != OWNER_ROUTE ? "" : "#", key->name,
           value != NULL ? " " : "", value != NULL ? value : "");
}

/* A route is not needed with one upstream, and a header of [cache] would turn it on: so these are
 * commented out as well. */
static void print_ini_section(const struct config_key *key)
{
    static const char *const names[OWNER_COUNT] = {"", " location", " all"};

    const bool off = key->owner == OWNER_ROUTE || strcmp(key->section, "cache") == 0;

    printf("\n%s[%s%s]\n", off ? "#" : "", key->section, names[key->owner]);
    if (about_section(key->section) != NULL)
        print_comment(about_section(key->section));
}

static void print_ini(struct buf *text)
{
    print_comment("The configuration of postcoded; postcoded.ini(5) says more. What is commented "
                  "out shows the default, and nothing where a key is unset. Files named *.ini in "
                  "postcoded.ini.d override this one, in the order of their names.");
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (opens_section(i))
            print_ini_section(&config_keys[i]);
        print_ini_key(&config_keys[i], text);
    }
}

/* Text that roff must not take for anything else. */
static void print_roff(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            fputs("\\e", stdout);
        else
            putchar(*text);
    }
    putchar('\n');
}

/* A line of its own for each sentence would need a grammar; one for each text will do. */
static void print_man_key(const struct config_key *key, struct buf *text)
{
    describe(key, text);
    printf(".It Cm %s\n", key->name);
    print_roff(key->meaning);
    print_roff(buf_text(text));
    if (key->def != NULL)
        printf("The default is\n.Ql %s .\n", key->def);
    else if ((key->flags & CONFIG_REQUIRED) != 0)
        puts("Required.");
}

static void print_man_section(const char *section, bool first)
{
    printf("%s.Ss [%s%s]\n", first ? "" : ".El\n", section, config_section_rest(section));
    if (about_section(section) != NULL)
        print_roff(about_section(section));
    puts(".Bl -tag -width Ds");
}

static void print_man(struct buf *text)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (opens_section(i))
            print_man_section(config_keys[i].section, i == 0);
        print_man_key(&config_keys[i], text);
    }
    puts(".El");
}

/* The names that CONFIG_FORBIDDEN_HEADERS separates by spaces, with commas between them. */
static void print_headers(void)
{
    const char *name = CONFIG_FORBIDDEN_HEADERS;

    while (*name != '\0') {
        size_t len = strcspn(name, " ");
        bool last = name[len] == '\0';
        printf(".Ql %.*s %s\n", (int)len, name, last ? "." : ",");
        name += last ? len : len + 1;
    }
}

int main(int argc, char **argv)
{
    struct buf text;

    buf_init(&text, 4096);
    if (argc == 1) {
        print_ini(&text);
    } else if (argc == 2 && strcmp(argv[1], "--man") == 0) {
        print_man(&text);
    } else if (argc == 2 && strcmp(argv[1], "--headers") == 0) {
        print_headers();
    } else {
        fputs("usage: gen-conf [--man | --headers]\n", stderr);
        return 2;
    }
    buf_fini(&text);
    return 0;
}
