/*
 * What bites in libmicrohttpd 0.9.75, and is refused here: the first of two Content-Lengths wins;
 * Content-Length beside Transfer-Encoding is kept; "xchunked" counts as chunked; and a folded
 * field such as "Content-Length:\r\n 37" arrives as a field whose name is "Content-Length37", with
 * its body then taken for a second request. So every name that only begins like a framing field is
 * taken for one, and all of them are refused but for one exact "Content-Length: 0". A request that
 * announces a body loses its connection whatever its answer is: a lookup has none, and what
 * follows in the stream is not to be guessed at.
 */
#include "front/guard.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "exchange/reply.h"

struct head {
    unsigned framing;      /* fields that begin like Content-Length or Transfer-Encoding */
    unsigned empty_length; /* of these, the exact "Content-Length: 0" */
    unsigned hosts;
    unsigned cookies;
    unsigned credentials; /* Authorization */
    const char *broken;   /* the first fault found in a field, for people; NULL: none */
};

static bool is_value(const char *value)
{
    for (const unsigned char *c = (const unsigned char *)value; *c != '\0'; c++)
        if ((*c < 0x20 && *c != '\t') || *c == 0x7f)
            return false;
    return true;
}

static enum MHD_Result look_at(void *arg, enum MHD_ValueKind kind, const char *name,
                               const char *value)
{
    struct head *head = arg;
    (void)kind;
    if (value == NULL)
        value = "";
    if (text_starts_ci(name, "content-length") || text_starts_ci(name, "transfer-encoding")) {
        head->framing++;
        head->empty_length += text_equal_ci(name, "content-length") && strcmp(value, "0") == 0;
    }
    head->hosts += text_equal_ci(name, "host");
    head->cookies += text_equal_ci(name, "cookie");
    head->credentials += text_equal_ci(name, "authorization");
    if (!text_is_token(name, strlen(name)))
        head->broken = "A header field's name holds a character that is not allowed there.";
    else if (!is_value(value))
        head->broken = "A header field's value holds a control character.";
    return MHD_YES;
}

static struct head read_head(const struct request *request)
{
    struct head head = {.framing = 0};
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, look_at, &head);
    return head;
}

static bool announces_body(const struct head *head)
{
    return head->framing > 0 && !(head->framing == 1 && head->empty_length == 1);
}

bool guard_announces_body(const struct request *request)
{
    struct head head = read_head(request);
    return announces_body(&head);
}

static bool is_lookup_method(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static const char *fault_in_framing(const struct request *request, const struct head *head)
{
    if (head->framing > 1)
        return "The length of its body is given twice, or in two ways.";
    if (announces_body(head) && is_lookup_method(request->method))
        return "A lookup has no body: leave out Content-Length and Transfer-Encoding.";
    return NULL;
}

static const char *fault_in_head(const struct request *request, const struct head *head)
{
    if (head->broken != NULL)
        return head->broken;
    if (!text_is_token(request->method, strlen(request->method)))
        return "The method is not a token.";
    if (strcmp(request->version, "HTTP/1.1") != 0 && strcmp(request->version, "HTTP/1.0") != 0)
        return "The version is neither HTTP/1.1 nor HTTP/1.0.";
    if (head->hosts > 1)
        return "There are two Host fields.";
    if (head->hosts == 0 && strcmp(request->version, "HTTP/1.1") == 0)
        return "There is no Host field.";
    if (head->cookies > 1)
        return "There are two Cookie fields: put all cookies into one.";
    if (head->credentials > 1)
        return "There are two Authorization fields.";
    return NULL;
}

/* The path of a target in absolute form that names our own authority, or NULL (RFC 9112, 3.2.2). */
static const char *absolute_path(const struct request *request)
{
    const char *host = request_header(request, "Host");
    if (host == NULL || !text_starts_ci(request->target, "http://"))
        return NULL;
    const char *authority = request->target + strlen("http://");
    size_t len = strcspn(authority, "/?");
    if (len == 0 || len != strlen(host) || strncasecmp(authority, host, len) != 0)
        return NULL;
    return authority[len] == '/' ? authority + len : NULL;
}

static const char *fault_in_target(struct request *request)
{
    const char *path = request->target;
    if (!text_is_visible(path, strlen(path)))
        return "The target holds a character that must be percent-encoded.";
    if (path[0] != '/') {
        path = absolute_path(request);
        if (path == NULL)
            return "The target is neither a path nor a URL of this host.";
    }
    request->path = path;
    request->path_len = strcspn(path, "?");
    request->query = path[request->path_len] == '?' ? path + request->path_len + 1 : NULL;
    return NULL;
}

void guard_check(struct request *request)
{
    struct head head = read_head(request);
    const char *fault = fault_in_framing(request, &head);
    if (fault == NULL)
        fault = fault_in_head(request, &head);
    if (fault == NULL)
        fault = fault_in_target(request);
    request->close = fault != NULL || announces_body(&head);
    if (fault != NULL)
        reply_plain_problem(request, PROBLEM_BAD_REQUEST, "%s", fault);
}
