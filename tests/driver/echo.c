/*
 * echo: a token endpoint that refuses each request, and repeats in its error what was secret in it:
 * the target, Authorization, X-Key and the body. How it escapes that is the first segment of the
 * path: /raw as it came, /json as in a JSON string, /form as a form, /url percent-encoded in lower
 * case, %20 for a space, /html; and all that once more in the JSON string which holds it.
 *
 * It prints "echo HOST:PORT" when it is ready, and stays until it is ended.
 */
#include <ctype.h>
#include <strings.h>

#include "serve.h"

#define TEXT_MAX 65536

struct text {
    char bytes[TEXT_MAX];
    size_t len;
};

static struct text request;

static void put(struct text *out, const char *bytes, size_t len)
{
    if (len > sizeof out->bytes - 1 - out->len)
        exit(EXIT_START);
    memcpy(out->bytes + out->len, bytes, len);
    out->len += len;
    out->bytes[out->len] = '\0';
}

static void put_text(struct text *out, const char *text)
{
    put(out, text, strlen(text));
}

/* ---- escapes ---- */

static void raw_char(struct text *out, char c)
{
    put(out, &c, 1);
}

static void json_char(struct text *out, char c)
{
    if (c == '"' || c == '\\')
        put(out, "\\", 1);
    put(out, &c, 1);
}

static void hex_char(struct text *out, char c, const char *digits)
{
    put(out, &digits[(unsigned char)c >> 4], 1);
    put(out, &digits[(unsigned char)c & 15], 1);
}

static void percent_char(struct text *out, char c, const char *digits)
{
    put(out, "%", 1);
    hex_char(out, c, digits);
}

static void form_char(struct text *out, char c)
{
    if (isalnum((unsigned char)c) || strchr("*-._", c) != NULL)
        put(out, &c, 1);
    else if (c == ' ')
        put(out, "+", 1);
    else
        percent_char(out, c, "0123456789ABCDEF");
}

static void url_char(struct text *out, char c)
{
    if (isalnum((unsigned char)c) || strchr("-._~", c) != NULL)
        put(out, &c, 1);
    else
        percent_char(out, c, "0123456789abcdef");
}

static void html_char(struct text *out, char c)
{
    if (strchr("<>&\"'", c) == NULL) {
        put(out, &c, 1);
        return;
    }
    put_text(out, "&#x");
    hex_char(out, c, "0123456789abcdef");
    put_text(out, ";");
}

typedef void put_char(struct text *out, char c);

static put_char *escape_of(const char *target)
{
    static const struct {
        const char *path;
        put_char *put;
    } paths[] = {
        {"/raw", raw_char}, {"/json", json_char}, {"/form", form_char},
        {"/url", url_char}, {"/html", html_char},
    };

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (strncmp(target, paths[i].path, strlen(paths[i].path)) == 0)
            return paths[i].put;
    return raw_char;
}

static void put_escaped(struct text *out, put_char *escape, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        escape(out, bytes[i]);
}

/* ---- the request ---- */

/* The value of a header of the request; "" where there is none. */
static const char *header(const char *name, size_t *len)
{
    for (const char *line = strstr(request.bytes, "\r\n"); line != NULL;
         line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, strlen(name)) != 0)
            continue;
        const char *value = line + 2 + strlen(name);
        *len = strcspn(value, "\r");
        return value;
    }
    *len = 0;
    return "";
}

/* All of it; returns where its body begins. */
static const char *read_request(int caller)
{
    size_t wanted = SIZE_MAX;
    const char *body = NULL;

    while (request.len < wanted) {
        char bytes[4096];
        ssize_t got = recv(caller, bytes, sizeof bytes, 0);
        if (got <= 0)
            exit(0);
        put(&request, bytes, (size_t)got);
        const char *end = strstr(request.bytes, "\r\n\r\n");
        if (end == NULL || body != NULL)
            continue;
        size_t len;
        body = end + 4;
        wanted =
            (size_t)(body - request.bytes) + strtoul(header("Content-Length: ", &len), NULL, 10);
    }
    return body;
}

static void serve(int caller, const char *arg)
{
    static struct text said, escaped, answer;
    const char *body = read_request(caller);
    const char *target = strchr(request.bytes, ' ') + 1;
    size_t key_len, basic_len;
    const char *key = header("X-Key: ", &key_len);
    const char *basic = header("Authorization: ", &basic_len);
    (void)arg;

    put_text(&said, "key ");
    put(&said, key, key_len);
    put_text(&said, ", authorization ");
    put(&said, basic, basic_len);
    put_text(&said, ", target ");
    put(&said, target, strcspn(target, " "));
    put_text(&said, ", body ");
    put_text(&said, body);
    put_escaped(&escaped, escape_of(target), said.bytes, said.len);
    put_text(&answer,
             "HTTP/1.1 401 No\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n"
             "{\"error\":\"invalid_client\",\"error_description\":\"");
    put_escaped(&answer, json_char, escaped.bytes, escaped.len);
    put_text(&answer, "\"}");
    send(caller, answer.bytes, answer.len, MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        usage_fault("usage: echo");
    serve_each(0, serve, NULL);
}
