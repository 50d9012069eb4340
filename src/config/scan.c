/*
 * The INI parser. It goes over the bytes line by line: a line becomes a section, a key with its
 * value, or a fault, and no line hides another. A secret goes from the bytes straight to where it
 * is kept, and all other values are overwritten in the end: a secret whose key is misspelt is text
 * like any other here.
 *
 * A broken header still opens a section, under the name it seems to have, or under UNREADABLE:
 * else the keys below it would be taken for the section above and each make a false fault.
 */
#include "config/scan.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/table.h"

/* No section can be called so. */
#define UNREADABLE "?"

/* Names of sections over this are none of ours. */
#define NAME_MAX_BYTES 128
/* A key's may end in the URL that names a claim. */
#define KEY_MAX_BYTES 512

/* A number of the preprocessor as text. */
#define TEXT_(n) #n
#define TEXT(n) TEXT_(n)

/* A piece of the file. */
struct span {
    const char *at;
    size_t len;
};

/* Where the scan stands. */
struct cursor {
    struct scan *scan;
    struct config_faults *faults;
    struct config_place place; /* of the present line */
    size_t items;              /* sections, keys and broken lines so far */
};

static struct span trim(struct span s)
{
    text_trim(&s.at, &s.len);
    return s;
}

static struct span before(struct span s, const char *end)
{
    return trim((struct span){s.at, (size_t)(end - s.at)});
}

static struct span after(struct span s, const char *mark)
{
    return trim((struct span){mark + 1, s.len - (size_t)(mark + 1 - s.at)});
}

static void broken(struct cursor *cursor, const char *reason)
{
    faults_add(cursor->faults, cursor->place, NULL, NULL, "%s", reason);
}

/* What is wrong with the bytes of a line; NULL when nothing is. */
static const char *wrong_bytes(struct span line)
{
    if (line.len > SCAN_MAX_LINE)
        return "the line is longer than " TEXT(SCAN_MAX_LINE) " bytes; shorten it";
    if (memchr(line.at, '\0', line.len) != NULL)
        return "the line holds a NUL byte; remove it";
    if (!text_is_utf8(line.at, line.len))
        return "the line is not valid UTF-8; save the file as UTF-8";
    if (!text_is_all(line.at, line.len, TEXT_NOT(TEXT_CONTROL) | TEXT_TAB))
        return "the line holds a control character; remove it";
    return NULL;
}

/* The name is the scan's from now on. */
static void open_section(struct cursor *cursor, char *name, bool is_broken)
{
    struct scan *scan = cursor->scan;
    size_t first = 0;

    while (first < scan->section_count && !text_equal_ci(scan->sections[first].name, name))
        first++;
    scan->sections = mem_grow(scan->sections, scan->section_count, sizeof(*scan->sections));
    scan->sections[scan->section_count++] = (struct scan_section){
        .name = name,
        .line = cursor->place.line,
        .broken = is_broken,
        .first = first,
    };
}

/* A section's name with single blanks; NULL when it cannot be one. Caller frees. */
static char *section_name(struct span s)
{
    char *name;
    size_t n = 0;

    if (s.len == 0 || s.len > NAME_MAX_BYTES)
        return NULL;
    name = mem_zalloc(s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        char c = text_is(s.at[i], TEXT_BLANK) ? ' ' : s.at[i];
        if (!text_is(c, TEXT_NAME | TEXT_SPACE)) {
            mem_free(name);
            return NULL;
        }
        if (c != ' ' || name[n - 1] != ' ')
            name[n++] = c;
    }
    name[n] = '\0';
    return name;
}

static void scan_header(struct cursor *cursor, struct span line)
{
    struct span inside = {line.at + 1, line.len - 1};
    const char *close = memchr(inside.at, ']', inside.len);
    bool is_broken = true;
    char *name = section_name(close != NULL ? before(inside, close) : trim(inside));

    if (close == NULL)
        broken(cursor, "the section's name has no ] at its end; write [section]");
    else if (after(inside, close).len > 0)
        broken(cursor, "something follows the section's name; comments stand on lines of their "
                       "own");
    else if (name == NULL)
        broken(cursor, "this is not a section name; write [server] or [upstream NAME], without "
                       "quotes; postcoded.ini(5) lists the sections");
    else
        is_broken = false;
    open_section(cursor, name != NULL ? name : mem_strdup(UNREADABLE), is_broken);
}

/*
 * What is wrong with a key; NULL when nothing is. Behind the first dot of a key of a family stands
 * what the file chooses: a claim may be called anything.
 */
static const char *wrong_key(struct span key)
{
    const char *dot = memchr(key.at, '.', key.len);
    size_t own = dot != NULL ? (size_t)(dot - key.at) : key.len;

    if (key.len > KEY_MAX_BYTES)
        return "the key is longer than " TEXT(KEY_MAX_BYTES) " bytes; shorten it";
    if (!text_is_all(key.at, own, TEXT_LABEL))
        return "a key is made of letters, digits, _, - and .; write key = value";
    if (!text_is_all(key.at + own, key.len - own, TEXT_VISIBLE))
        return "a key holds no blank, and ASCII alone; write key = value";
    return NULL;
}

static void take_key(struct cursor *cursor, struct span key, struct span value)
{
    struct scan *scan = cursor->scan;
    char *name = mem_strndup(key.at, key.len);
    bool secret = config_name_is_secret(name);

    scan->keys = mem_grow(scan->keys, scan->key_count, sizeof(*scan->keys));
    scan->keys[scan->key_count++] = (struct scan_key){
        .section = scan->sections[scan->section_count - 1].first,
        .name = name,
        .text = secret ? NULL : mem_strndup(value.at, value.len),
        .secret = secret && value.len > 0 ? secret_new(value.at, value.len) : NULL,
        .line = cursor->place.line,
    };
}

static void scan_key(struct cursor *cursor, struct span line)
{
    const char *equals = memchr(line.at, '=', line.len);
    struct span key = before(line, equals != NULL ? equals : line.at);

    if (equals == NULL)
        broken(cursor, "this is neither [section] nor key = value nor a comment; write key = "
                       "value, all on one line");
    else if (key.len == 0)
        broken(cursor, "there is no key before the equals sign; write key = value");
    else if (wrong_key(key) != NULL)
        broken(cursor, wrong_key(key));
    else if (cursor->scan->section_count == 0)
        broken(cursor, "this key stands before the first section; write its [section] above it");
    else
        take_key(cursor, key, after(line, equals));
}

static void scan_line(struct cursor *cursor, struct span line)
{
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    line = trim(line);
    if (line.len == 0)
        return;

    const char *wrong = wrong_bytes(line);
    bool comment = line.at[0] == '#' || line.at[0] == ';';
    if (wrong == NULL && comment)
        return;
    cursor->items++;
    if (wrong != NULL)
        broken(cursor, wrong);
    if (line.at[0] == '[' && wrong != NULL)
        open_section(cursor, mem_strdup(UNREADABLE), true);
    else if (line.at[0] == '[')
        scan_header(cursor, line);
    else if (wrong == NULL)
        scan_key(cursor, line);
}

/* The line that begins at bytes[*pos], without its end; *pos goes to the next. */
static struct span next_line(const char *bytes, size_t len, size_t *pos)
{
    struct span line = {bytes + *pos, len - *pos};
    const char *end = memchr(line.at, '\n', line.len);

    if (end != NULL)
        line.len = (size_t)(end - line.at);
    *pos += line.len + (end != NULL ? 1 : 0);
    return line;
}

bool scan_bytes(const char *bytes, size_t len, struct config_place place, struct scan *out,
                struct config_faults *faults)
{
    struct cursor cursor = {.scan = out, .faults = faults, .place = place};
    size_t pos = 0;

    *out = (struct scan){0};
    if (len >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0)) {
        faults_add(faults, place, NULL, NULL, "the file is UTF-16; save it as UTF-8");
        return false;
    }
    if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        pos = 3;
    while (pos < len && cursor.items <= SCAN_MAX_ITEMS) {
        cursor.place.line++;
        scan_line(&cursor, next_line(bytes, len, &pos));
    }
    if (cursor.items > SCAN_MAX_ITEMS)
        broken(&cursor, "the file has more than " TEXT(
                            SCAN_MAX_ITEMS) " sections and keys; the rest was not "
                                            "read");
    return true;
}

void scan_fini(struct scan *scan)
{
    for (size_t i = 0; i < scan->section_count; i++)
        mem_free(scan->sections[i].name);
    for (size_t i = 0; i < scan->key_count; i++) {
        mem_free(scan->keys[i].name);
        wipe_free_text(scan->keys[i].text);
        secret_unref(scan->keys[i].secret);
    }
    mem_free(scan->sections);
    mem_free(scan->keys);
    *scan = (struct scan){0};
}
