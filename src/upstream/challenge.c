/*
 * A field holds challenges with commas between them, and a challenge holds parameters with commas
 * between them. Only what follows a name tells the two apart: a parameter has an equals sign, a
 * scheme has not. A comma in a quoted string separates nothing.
 *
 * Servers write this field by hand. So parameters may also be separated by blanks alone, and what
 * is neither a scheme nor a parameter (the token68 of another scheme among it) is passed over up to
 * the next comma. A scheme begins behind a comma only: a word inside such a piece is none.
 */
#include "upstream/challenge.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

/* A piece of the field: not NUL-terminated. */
struct piece {
    const char *text;
    size_t len;
};

/* Where the reading is. */
struct challenges {
    const char *at;
    bool bearer;    /* the present challenge is of that scheme */
    bool has_error; /* it had a parameter `error`: a second one does not count */
};

static bool piece_is(struct piece piece, const char *word)
{
    return piece.len == strlen(word) && strncasecmp(piece.text, word, piece.len) == 0;
}

static struct piece take_token(struct challenges *challenges)
{
    struct piece piece = {challenges->at, text_span(challenges->at, TEXT_TCHAR)};

    challenges->at += piece.len;
    return piece;
}

/* What a quoted string holds, its quotes off; behind `at` when its end is missing. */
static struct piece take_quoted(struct challenges *challenges)
{
    struct piece piece = {challenges->at + 1, 0};
    const char *end = piece.text;

    while (*end != '\0' && *end != '"')
        end += *end == '\\' && end[1] != '\0' ? 2 : 1;
    piece.len = (size_t)(end - piece.text);
    challenges->at = *end == '"' ? end + 1 : end;
    return piece;
}

static void skip_blanks(struct challenges *challenges)
{
    challenges->at += text_span(challenges->at, TEXT_BLANK);
}

static void skip_to_comma(struct challenges *challenges)
{
    while (*challenges->at != '\0' && *challenges->at != ',') {
        if (*challenges->at == '"')
            take_quoted(challenges);
        else
            challenges->at++;
    }
}

/* Equal with each \c of a quoted string read as c. */
static bool value_is(struct piece value, const char *word)
{
    size_t i = 0;

    while (i < value.len && *word != '\0') {
        if (value.text[i] == '\\' && i + 1 < value.len)
            i++;
        if (value.text[i++] != *word++)
            return false;
    }
    return i == value.len && *word == '\0';
}

/* Behind the equals sign of a parameter. True: it is the one that is looked for. */
static bool read_value(struct challenges *challenges, struct piece name)
{
    struct piece value;

    skip_blanks(challenges);
    if (*challenges->at == '"')
        value = take_quoted(challenges);
    else
        value = take_token(challenges);
    if (!challenges->bearer || challenges->has_error || !piece_is(name, "error"))
        return false;
    challenges->has_error = true;
    return value_is(value, "invalid_token");
}

/* Behind a name with no equals sign, at the beginning of a piece. */
static void begin_challenge(struct challenges *challenges, struct piece scheme)
{
    challenges->bearer = piece_is(scheme, "Bearer");
    challenges->has_error = false;
}

/* Reads on to the next scheme Bearer, or to the next sign of an invalid token. */
static bool find(const char *value, bool invalid_token)
{
    struct challenges challenges = {.at = value};
    bool first = true; /* in its piece between commas */

    while (*challenges.at != '\0') {
        size_t separators = strspn(challenges.at, " \t,");
        first = first || memchr(challenges.at, ',', separators) != NULL;
        challenges.at += separators;
        struct piece name = take_token(&challenges);
        const char *behind = challenges.at;
        skip_blanks(&challenges);
        if (name.len > 0 && *challenges.at == '=') {
            challenges.at++;
            if (read_value(&challenges, name) && invalid_token)
                return true;
        } else if (name.len > 0 && first && (*behind == '\0' || strchr(" \t,", *behind) != NULL)) {
            begin_challenge(&challenges, name);
            if (challenges.bearer && !invalid_token)
                return true;
        } else {
            skip_to_comma(&challenges);
        }
        first = false;
    }
    return false;
}

bool challenge_is_bearer(const char *value)
{
    return value != NULL && find(value, false);
}

bool challenge_says_invalid_token(const char *value)
{
    return value != NULL && find(value, true);
}
