/*
 * A case of tests/corpus: raw bytes for the daemon, and the verdict that is right for them.
 *
 *     # RFC 9112, 6.3: two lengths that differ
 *     want 400 close
 *     ---
 *     GET /api/v1/addresses/SW1A1AA HTTP/1.1\r\n
 *
 * The verdict: the status of each answer in order (a "-" behind it: it has no body, for the request
 * was a HEAD), then `close` or `open`, what becomes of the connection; several verdicts parted by
 * `|` where either will do; and `by libmicrohttpd` where the refusal is that library's own, which
 * is not a problem in JSON. Where libmicrohttpd 1.x leads to another verdict than 0.9, a line that
 * begins with `want-1.x` follows. Each lookup answered 200 is one that the upstream saw, and it
 * must have seen no other.
 *
 * The bytes: the lines behind `---` without their ends, \r \n \t \\ \xHH as in C, and \{N*TEXT} for
 * N times TEXT.
 */
#ifndef DRIVER_CASE_H
#define DRIVER_CASE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASE_MAX (1u << 20)
#define CASE_ANSWERS 16
#define CASE_VERDICTS 4

struct verdict {
    int status[CASE_ANSWERS];
    bool no_body[CASE_ANSWERS];
    size_t count;
    bool open;
    bool foreign; /* the refusal is libmicrohttpd's */
};

struct raw_case {
    struct verdict verdicts[CASE_VERDICTS];
    size_t verdict_count;
    char *bytes;
    size_t len;
};

/* One word of a `want` line; false when it is none. */
static inline bool case_word(struct raw_case *c, const char *word)
{
    struct verdict *verdict = &c->verdicts[c->verdict_count - 1];
    char *end;
    if (strcmp(word, "|") == 0) {
        c->verdict_count++;
        return c->verdict_count <= CASE_VERDICTS;
    }
    if (strcmp(word, "open") == 0 || strcmp(word, "close") == 0) {
        verdict->open = word[0] == 'o';
        return true;
    }
    if (strcmp(word, "by") == 0)
        return true;
    if (strcmp(word, "libmicrohttpd") == 0) {
        verdict->foreign = true;
        return true;
    }
    if (verdict->count == CASE_ANSWERS)
        return false;
    verdict->status[verdict->count] = (int)strtol(word, &end, 10);
    verdict->no_body[verdict->count++] = *end == '-';
    return end == word + 3;
}

static inline bool case_want(struct raw_case *c, char *line)
{
    char *save = line;
    c->verdict_count = 1;
    for (char *word = strsep(&save, " "); word != NULL; word = strsep(&save, " "))
        if (*word != '\0' && !case_word(c, word))
            return false;
    return true;
}

/* Another verdict in the place of the first. */
static inline bool case_again(struct raw_case *c, char *line)
{
    memset(c->verdicts, 0, sizeof c->verdicts);
    return case_want(c, line);
}

static inline void case_put(struct raw_case *c, const char *text, size_t len)
{
    if (c->len + len > CASE_MAX) {
        fputs("corpus: a case is too large\n", stderr);
        exit(EXIT_FAILURE);
    }
    memcpy(c->bytes + c->len, text, len);
    c->len += len;
}

/* What stands behind a backslash; how much of it was read, 0 when it is no escape. */
static inline size_t case_escape(struct raw_case *c, const char *text)
{
    static const char letters[] = "rnt\\", bytes[] = "\r\n\t\\";
    const char *letter = *text != '\0' ? strchr(letters, *text) : NULL;
    unsigned byte;
    long times;
    int read = 0;
    if (letter != NULL) {
        case_put(c, &bytes[letter - letters], 1);
        return 1;
    }
    if (sscanf(text, "x%2x%n", &byte, &read) == 1 && read == 3) {
        case_put(c, &(char){(char)byte}, 1);
        return 3;
    }
    const char *end = strchr(text, '}');
    if (sscanf(text, "{%ld*%n", &times, &read) != 1 || read == 0 || end == NULL)
        return 0;
    while (times-- > 0)
        case_put(c, text + read, (size_t)(end - text - read));
    return (size_t)(end - text) + 1;
}

static inline bool case_line(struct raw_case *c, const char *line)
{
    while (*line != '\0') {
        size_t plain = strcspn(line, "\\");
        case_put(c, line, plain);
        line += plain;
        if (*line == '\0')
            return true;
        size_t read = case_escape(c, line + 1);
        if (read == 0)
            return false;
        line += 1 + read;
    }
    return true;
}

/* With the verdict for 1.x or 0.9. False when it cannot be read, or is no case. */
static inline bool case_read(struct raw_case *c, const char *path, bool under_1)
{
    FILE *file = fopen(path, "r");
    char line[4096];
    bool good = file != NULL, in_bytes = false;
    *c = (struct raw_case){.bytes = malloc(CASE_MAX)};
    while (good && c->bytes != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (in_bytes)
            good = case_line(c, line);
        else if (strcmp(line, "---") == 0)
            in_bytes = true;
        else if (strncmp(line, "want ", 5) == 0)
            good = case_want(c, line + 5);
        else if (strncmp(line, "want-1.x ", 9) == 0)
            good = !under_1 || case_again(c, line + 9);
        else
            good = line[0] == '#';
    }
    if (file != NULL)
        fclose(file);
    return good && c->verdict_count > 0 && c->len > 0;
}

static inline void case_fini(struct raw_case *c)
{
    free(c->bytes);
}

#endif
