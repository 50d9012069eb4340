/*
 * A first configuration is often written in the form of another program's. Each guess here is
 * checked before it is shown: what is proposed is a value that the key takes.
 */
#include "config/hint.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/units.h"

/* The longest piece of a value that a fault shows. */
#define SHOWN_BYTES 100

void hint_put_value(const char *text, struct buf *out)
{
    size_t len = strlen(text);
    const char *quote = hint_is_quoted(text) ? "" : "\"";

    if (len <= SHOWN_BYTES) {
        buf_printf(out, "%s%s%s", quote, text, quote);
        return;
    }
    len = SHOWN_BYTES;
    /* Not within a character. */
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    buf_printf(out, "\"%.*s...\"", (int)len, text);
}

const char *hint_comment(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (text_is(*p, TEXT_BLANK) && (p[1] == '#' || p[1] == ';'))
            return p + 1;
    }
    return NULL;
}

bool hint_is_quoted(const char *text)
{
    size_t len = strlen(text);

    return len >= 2 && (*text == '"' || *text == '\'') && text[len - 1] == *text;
}

/* The value without quotes and comment. Caller frees. */
static char *bare(const char *text)
{
    const char *comment = hint_comment(text);
    size_t len = comment != NULL ? (size_t)(comment - text) : strlen(text);
    char *inner;

    text_trim(&text, &len);
    inner = mem_strndup(text, len);
    if (hint_is_quoted(inner)) {
        memmove(inner, inner + 1, len - 2);
        inner[len - 2] = '\0';
    }
    return inner;
}

/* Another spelling of a unit. */
struct spelling {
    const char *text;
    const char *unit;
};

static const struct spelling durations[] = {
    {"", "s"},
    {"s", "s"},
    {"sec", "s"},
    {"secs", "s"},
    {"second", "s"},
    {"seconds", "s"},
    {"m", "m"},
    {"min", "m"},
    {"mins", "m"},
    {"minute", "m"},
    {"minutes", "m"},
    {"h", "h"},
    {"hr", "h"},
    {"hrs", "h"},
    {"hour", "h"},
    {"hours", "h"},
    {"ms", "ms"},
    {"msec", "ms"},
    {"msecs", "ms"},
    {"millisecond", "ms"},
    {"milliseconds", "ms"},
};

static const struct spelling sizes[] = {
    {"b", ""},    {"byte", ""}, {"bytes", ""}, {"k", "K"},   {"kb", "K"},
    {"kib", "K"}, {"m", "M"},   {"mb", "M"},   {"mib", "M"},
};

/* Units that there are not, as so many of one that there is. */
struct multiple {
    const char *text;
    const char *unit;
    uint64_t times;
};

static const struct multiple long_durations[] = {
    {"d", "h", 24},  {"day", "h", 24},   {"days", "h", 24},
    {"w", "h", 168}, {"week", "h", 168}, {"weeks", "h", 168},
};

static const struct multiple large_sizes[] = {
    {"g", "M", 1024},
    {"gb", "M", 1024},
    {"gib", "M", 1024},
};

static const char *find_unit(const struct spelling *spellings, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (text_equal_ci(spellings[i].text, text))
            return spellings[i].unit;
    }
    return NULL;
}

typedef bool number_parser(const char *text, int64_t *out);

static bool fits(const struct config_key *key, number_parser *parse, const char *text)
{
    int64_t number;

    if (!parse(text, &number))
        return false;
    return (number >= key->min && number <= key->max) ||
           (number == 0 && strcmp(key->choices, "0s") == 0);
}

/* "1 day" as 24h; NULL: it is none of these. Caller frees. */
static char *multiply(const struct multiple *multiples, size_t count, const char *number,
                      size_t digits, const char *unit)
{
    uint64_t n;

    for (size_t i = 0; i < count; i++) {
        if (text_equal_ci(multiples[i].text, unit) && text_parse_u64(number, digits, &n) &&
            n <= UINT32_MAX)
            return mem_printf("%llu%s", (unsigned long long)n * multiples[i].times,
                              multiples[i].unit);
    }
    return NULL;
}

/* "8KB" as 8K; NULL: it has no unit that is known. Caller frees. */
static char *respell(const char *text, bool duration)
{
    const size_t digits = text_span(text, TEXT_DIGIT);
    const char *rest = text + digits + text_span(text + digits, TEXT_BLANK);
    const char *unit = duration ? find_unit(durations, ARRAY_LEN(durations), rest)
                                : find_unit(sizes, ARRAY_LEN(sizes), rest);

    if (unit != NULL)
        return mem_printf("%.*s%s", (int)digits, text, unit);
    return duration ? multiply(long_durations, ARRAY_LEN(long_durations), text, digits, rest)
                    : multiply(large_sizes, ARRAY_LEN(large_sizes), text, digits, rest);
}

/* Off, where that is 0s. */
static bool put_zero(const struct config_key *key, const char *text, struct buf *out)
{
    static const char *const words[] = {"off", "no", "none", "never", "false", "disabled"};

    for (size_t i = 0; i < ARRAY_LEN(words) && strcmp(key->choices, "0s") == 0; i++) {
        if (!text_equal_ci(words[i], text))
            continue;
        buf_puts(out, "; write 0s");
        return true;
    }
    return false;
}

/* Where the key takes that. */
static bool put_number(const struct config_key *key, const char *text, struct buf *out)
{
    const bool duration = key->kind == KIND_DURATION;
    char *number = respell(text, duration);
    const bool good =
        number != NULL && fits(key, duration ? units_parse_duration : units_parse_size, number);

    if (good)
        buf_printf(out, "; write %s", number);
    mem_free(number);
    return good || put_zero(key, text, out);
}

/* What stands between a number and a unit: "10/sec", "10 per s", "10ps". Nothing: per second. */
static const char *behind_per(const char *text)
{
    text += text_span(text, TEXT_BLANK);
    if (text_starts_ci(text, "per"))
        text += strlen("per");
    else if (*text == '/')
        text++;
    else if (*text != '\0')
        return NULL;
    return text + text_span(text, TEXT_BLANK);
}

/* "10 per minute" as 10/m, where the key takes that. */
static bool put_rate(const struct config_key *key, const char *text, struct buf *out)
{
    const size_t digits = text_span(text, TEXT_DIGIT);
    const char *rest = behind_per(text + digits);
    const char *unit = rest != NULL ? find_unit(durations, ARRAY_LEN(durations), rest) : NULL;
    int64_t count, per;

    if (unit == NULL)
        return false;
    char *rate = mem_printf("%.*s/%s", (int)digits, text, unit);
    const bool good =
        units_parse_rate(rate, &count, &per) && count >= key->min && count <= key->max;
    if (good)
        buf_printf(out, "; write %s", rate);
    mem_free(rate);
    return good;
}

/* 10,000 and 10_000 as 10000. */
static bool put_count(const struct config_key *key, const char *text, struct buf *out)
{
    char *digits = mem_strdup(text);
    size_t len = 0;

    for (const char *p = text; *p != '\0'; p++) {
        if (strchr(",_' ", *p) == NULL)
            digits[len++] = *p;
    }
    digits[len] = '\0';
    bool good = fits(key, units_parse_count, digits);
    if (good)
        buf_printf(out, "; write %s", digits);
    mem_free(digits);
    return good;
}

/* The one word of the key's that begins as the text does, or the text as the word does. */
static bool put_word(const char *words, const char *text, struct buf *out)
{
    while (*text != '\0' && *words != '\0') {
        size_t len = strcspn(words, " ");
        char *word = mem_strndup(words, len);
        bool good = text_starts_ci(word, text) || text_starts_ci(text, word);
        if (good)
            buf_printf(out, "; write %s", word);
        mem_free(word);
        if (good)
            return true;
        words += len + strspn(words + len, " ");
    }
    return false;
}

static bool put_bool(const char *text, struct buf *out)
{
    static const struct spelling words[] = {
        {"1", "on"},    {"enable", "on"},   {"enabled", "on"},   {"y", "on"},
        {"0", "off"},   {"disable", "off"}, {"disabled", "off"}, {"n", "off"},
        {"on", "on"},   {"off", "off"},     {"yes", "on"},       {"no", "off"},
        {"true", "on"}, {"false", "off"},
    };
    const char *word = find_unit(words, ARRAY_LEN(words), text);

    if (word != NULL)
        buf_printf(out, "; write %s", word);
    return word != NULL;
}

/* HOST, for before a port; NULL when it is neither a number nor localhost. */
static const char *host_form(const char *host)
{
    struct in6_addr v6;
    struct in_addr v4;

    if (text_equal_ci(host, "localhost") || inet_pton(AF_INET, host, &v4) == 1)
        return "";
    return inet_pton(AF_INET6, host, &v6) == 1 ? "[" : NULL;
}

/* An address of a proposal: what stands before it, and the port of a host that has none. */
struct proposal {
    const char *before; /* "" or "tls:" */
    const char *port;   /* ":8443" */
};

/* A host alone: "127.0.0.1", "::1", "[::1]". */
static bool put_host(const struct proposal *proposal, const char *text, struct buf *out)
{
    size_t len = strlen(text);
    const bool bare_v6 = len > 2 && *text == '[' && text[len - 1] == ']';
    char *host = bare_v6 ? mem_strndup(text + 1, len - 2) : mem_strdup(text);
    const char *bracket = host_form(host);

    if (bracket != NULL)
        buf_printf(out, "; write %s%s%s%s%s", proposal->before, bracket, host,
                   *bracket != '\0' ? "]" : "", proposal->port);
    mem_free(host);
    return bracket != NULL;
}

static bool is_port(const char *text)
{
    uint64_t port;

    return text_parse_u64(text, strlen(text), &port) && port <= 65535;
}

/* HOST:PORT, [V6]:PORT, or a host alone. */
static bool put_host_port(const struct proposal *proposal, const char *text, struct buf *out)
{
    char *host = mem_strdup(text);
    char *colon = strrchr(host, ':');
    struct proposal whole = *proposal;
    bool good = put_host(proposal, text, out);

    if (!good && colon != NULL && is_port(colon + 1)) {
        *colon = '\0';
        whole.port = text + (colon - host);
        good = put_host(&whole, host, out);
    }
    mem_free(host);
    return good;
}

/* What stands in the place of HOST:PORT: that, "8080", "*:8080", or what is in a URL. */
static bool put_inet(const struct proposal *proposal, const char *text, struct buf *out)
{
    const char *host = *text == '*' ? "0.0.0.0" : "127.0.0.1";
    char *address = mem_strndup(text, strcspn(text, "/"));
    bool good = put_host_port(proposal, address, out);

    if (!good) {
        const char *port = address + (*address == '*');
        port += *port == ':';
        good = is_port(port);
        if (good)
            buf_printf(out, "; write %s%s:%s", proposal->before, host, port);
    }
    mem_free(address);
    return good;
}

/* What stands behind a scheme or a word before the address; NULL: it is another. */
static const char *behind(const char *text, const char *scheme)
{
    if (!text_starts_ci(text, scheme))
        return NULL;
    text += strlen(scheme);
    return text + text_span(text, TEXT_BLANK | TEXT_SLASH);
}

/* "https://127.0.0.1:8443", "TLS:8443", "tls: 127.0.0.1:8443"; such an address without TLS is no
 * substitute, so there is always one with it to show. */
static bool put_tls(const struct config_key *key, const char *text, struct buf *out)
{
    static const struct proposal proposal = {"tls:", ":8443"};
    const char *address = behind(text, "https:");

    if (address == NULL)
        address = behind(text, "tls:");
    if (address == NULL || strcmp(key->choices, "tls") != 0)
        return false;
    if (!put_inet(&proposal, address, out))
        buf_puts(out, ", such as tls:127.0.0.1:8443");
    return true;
}

/* "8080", "*:8080", "/run/x.sock", "http://127.0.0.1:8080". */
static bool put_address(const struct config_key *key, const char *text, struct buf *out)
{
    const struct proposal proposal = {"", strrchr(key->def, ':')};
    const char *address = behind(text, "http:");

    if (*text == '/') {
        buf_printf(out, "; write unix:%s", text);
        return true;
    }
    return put_tls(key, text, out) || put_inet(&proposal, address != NULL ? address : text, out);
}

static bool put_path(const struct config_key *key, const char *text, struct buf *out)
{
    const size_t len = strlen(text);
    const bool prefix = strcmp(key->choices, "prefix") == 0;

    if (len == 0 || *text == '/' || !text_is_all(text, len, TEXT_LABEL | TEXT_SLASH))
        return false;
    buf_printf(out, "; write /%s%s", text, prefix && text[len - 1] != '/' ? "/" : "");
    return true;
}

static bool put_header(const char *text, struct buf *out)
{
    size_t len = strlen(text);
    bool good = len > 1 && text[len - 1] == ':' && text_is_token(text, len - 1);

    if (good)
        buf_printf(out, "; write %.*s", (int)(len - 1), text);
    return good;
}

/* The guess, where there is one. */
static bool put_guess(const struct config_key *key, const char *text, struct buf *out)
{
    switch (key->kind) {
    case KIND_DURATION:
    case KIND_SIZE:
        return put_number(key, text, out);
    case KIND_COUNT:
    case KIND_WORKERS:
        return put_count(key, text, out);
    case KIND_RATE:
        return put_rate(key, text, out);
    case KIND_BOOL:
        return put_bool(text, out);
    case KIND_CHOICE:
        return put_word(key->choices, text, out);
    case KIND_ADDRESSES:
        return put_address(key, text, out);
    case KIND_PATH:
        return put_path(key, text, out);
    case KIND_HEADER:
        return put_header(text, out);
    default:
        return false;
    }
}

void hint_put_instead(const struct config_key *key, const char *text, struct buf *out)
{
    char *inner = bare(text);

    /* The words of these were listed just before. */
    bool listed = key->kind == KIND_BOOL || key->kind == KIND_CHOICE || key->kind == KIND_WORKERS ||
                  key->kind == KIND_RATE || strcmp(key->choices, "0s") == 0;
    if (!put_guess(key, inner, out) && key->def != NULL && !listed)
        buf_printf(out, ", such as %s", key->def);
    mem_free(inner);
}

void hint_put_form(const struct config_key *key, const char *text, struct buf *out)
{
    const char *comment = hint_comment(text);

    if (hint_is_quoted(text) && key->kind != KIND_POINTER)
        buf_puts(out, "; quotes are part of a value: write it without them");
    if (comment == NULL)
        return;
    buf_puts(out, "; ");
    if (key->kind == KIND_URL || key->kind == KIND_PROXY)
        buf_puts(out, "what follows the blank");
    else
        hint_put_value(comment, out);
    buf_puts(out, " is part of the value: a comment stands on a line of its own");
}
