/*
 * Requests that libmicrohttpd 0.9.75 accepts and that must not be served. Of two Content-Lengths it
 * takes the first; it keeps Content-Length beside Transfer-Encoding; it takes "xchunked" for
 * chunked; and a folded field such as "Content-Length:\r\n 37" becomes a field with the name
 * "Content-Length37", whose body then counts as a second request. So every name that begins like a
 * framing field is treated as one, and all of them are rejected except one exact
 * "Content-Length: 0". A request that announces a body loses its connection whatever its response
 * is: a lookup has no body, and the daemon does not guess where the next request begins.
 *
 * What 0.9 drops without notice is found by positions in memory. It parses in place, so in a header
 * section that it has shown completely, each name, value and line end stands right behind the one
 * before it. A NUL that cut a value, a line that ended in LF alone or a second space in the request
 * line leave a gap, or pieces that are not adjacent. Such a request is served as it was parsed, and
 * its connection is closed: the bytes that follow were written by a sender who may read them
 * differently. A folded field is copied out of the header section; such a request is rejected. A
 * version of 0.9 that parses in another way would close more connections, never fewer.
 *
 * 1.x rejects all of these itself, and leaves other bytes in memory: nothing is looked for there
 * (front/mhd.h).
 */
#include "front/guard.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "exchange/response.h"
#include "front/mhd.h"

struct header_section {
    unsigned framing;      /* fields that begin like Content-Length or Transfer-Encoding */
    unsigned empty_length; /* of these, the exact "Content-Length: 0" */
    unsigned sound;        /* of these, those with a length, or with "chunked" alone */
    unsigned hosts;
    bool bad_host;
    unsigned cookies;
    unsigned credentials; /* Authorization */
    unsigned connections; /* Connection fields */
    const char *broken;   /* the first fault found in a field, for people; NULL: none */
    /* Found in the memory of 0.9. */
    const char *begin, *end; /* the header section lies between these */
    const char *next;        /* where the next field begins, when nothing was dropped */
    bool gap;                /* something was */
    bool cut;                /* a value is followed by something else than CR LF */
    bool loose_line;         /* between the fields nothing was, but before or behind them */
    bool folded;             /* a field was copied out of the header section */
};

static bool is_value(const char *value)
{
    return text_is_all(value, strlen(value), TEXT_NOT(TEXT_CONTROL) | TEXT_TAB);
}

/* Behind what can be a registered name or an IPv4 address (RFC 3986, section 3.2.2). */
static const char *skip_reg_name(const char *text)
{
    for (;;) {
        text += text_span(text, TEXT_UNRESERVED | TEXT_SUB_DELIM);
        if (*text != '%' || text_span(text + 1, TEXT_HEX) < 2)
            return text;
        text += strlen("%xx");
    }
}

/*
 * Host = uri-host [":" port] (RFC 9110, section 7.2). It may be empty: that is what a client with
 * no authority to name has to send. White space behind it is no part of it (section 5.5).
 */
static bool is_host(const char *value)
{
    const char *end = value;
    if (*end == '[') {
        end += 1 + text_span(end + 1, TEXT_HEX | TEXT_COLON | TEXT_DOT);
        if (end == value + 1 || *end++ != ']')
            return false;
    } else {
        end = skip_reg_name(end);
    }
    if (*end == ':')
        end += 1 + text_span(end + 1, TEXT_DIGIT);
    return end[text_span(end, TEXT_BLANK)] == '\0';
}

/* libmicrohttpd makes NULs of CR and LF; any other byte stood in the place of one. */
static bool is_line_end(const char *end)
{
    return end[0] == '\0' && end[1] == '\0';
}

/*
 * Does the field stand where it should: NAME ":" blanks VALUE CR LF? Behind each value there are
 * two bytes of the header section at least: the end of its own line, and of the empty one.
 */
static void follow(struct header_section *section, const char *name, const char *value)
{
    const char *at = name + strlen(name) + 1;
    section->folded = section->folded || name < section->begin || name >= section->end;
    if (name != section->next)
        section->gap = true;
    if (section->gap)
        return;
    at += text_span(at, TEXT_BLANK);
    section->gap = at != value;
    section->cut = section->cut || !is_line_end(value + strlen(value));
    section->next = value + strlen(value) + strlen("\r\n");
}

static bool is_sound_framing(const char *name, const char *value)
{
    if (text_equal_ci(name, "content-length"))
        return value[0] != '\0' && value[text_span(value, TEXT_DIGIT)] == '\0';
    return text_equal_ci(name, "transfer-encoding") && text_equal_ci(value, "chunked");
}

static enum MHD_Result look_at(void *arg, enum MHD_ValueKind kind, const char *name,
                               const char *value)
{
    struct header_section *section = arg;
    (void)kind;
    if (request_is_placeholder(value))
        return MHD_YES;
    if (value == NULL)
        value = "";
    if (section->begin != NULL)
        follow(section, name, value);
    if (text_starts_ci(name, "content-length") || text_starts_ci(name, "transfer-encoding")) {
        section->framing++;
        section->empty_length += text_equal_ci(name, "content-length") && strcmp(value, "0") == 0;
        section->sound += is_sound_framing(name, value);
    }
    if (text_equal_ci(name, "host")) {
        section->hosts++;
        section->bad_host = section->bad_host || !is_host(value);
    }
    section->cookies += text_equal_ci(name, "cookie");
    section->credentials += text_equal_ci(name, "authorization");
    section->connections += text_equal_ci(name, "connection");
    if (!text_is_token(name, strlen(name)))
        section->broken = "A header field's name holds a character that is not allowed there.";
    else if (!is_value(value))
        section->broken = "A header field's value holds a control character.";
    return MHD_YES;
}

/*
 * Was the request line METHOD SP TARGET SP VERSION, and nothing else? The size of the header
 * section is counted from the method on, and `end` is where its last, empty line begins.
 */
static bool is_tight_line(const struct request *request, const char *end)
{
    size_t line = strlen(request->method) + strlen(request->target) + strlen("  ");
    return request_header_size(request) ==
               line + (size_t)(end - request->version) + strlen("\r\n") &&
           is_line_end(end);
}

/* Only under 0.9: its request line ends where its version does. */
static void begin_to_follow(struct header_section *section, const struct request *request)
{
    const char *line_end = request->version + strlen(request->version);
    section->begin = request->version;
    section->end = request->version + request_header_size(request);
    section->next = line_end + strlen("\r\n");
    section->cut = !is_line_end(line_end);
}

static struct header_section read_section(const struct request *request)
{
    struct header_section section = {.begin = NULL};
    if (mhd_generation() == MHD_GENERATION_0_9)
        begin_to_follow(&section, request);
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, look_at, &section);
    if (section.begin != NULL)
        section.loose_line = !section.gap && (section.cut || !is_tight_line(request, section.next));
    return section;
}

static bool announces_body(const struct header_section *section)
{
    return section->framing > 0 && !(section->framing == 1 && section->empty_length == 1);
}

static bool is_lookup_method(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static const char *fault_in_framing(const struct request *request,
                                    const struct header_section *section)
{
    if (section->framing > 1)
        return "The length of the body is given twice, or in two ways.";
    if (announces_body(section) && is_lookup_method(request->method))
        return "A lookup has no body: leave out Content-Length and Transfer-Encoding.";
    if (section->framing == 1 && section->sound == 0)
        return "The Content-Length is not a number, or the Transfer-Encoding is not chunked.";
    return NULL;
}

static const char *fault_in_section(const struct request *request,
                                    const struct header_section *section)
{
    if (section->broken != NULL)
        return section->broken;
    if (!text_is_token(request->method, strlen(request->method)))
        return "The method is not a token.";
    if (section->folded)
        return "A header field is folded onto a second line; write it on one line.";
    if (section->loose_line)
        return "The request line is not separated by single spaces, or the header section holds a "
               "NUL.";
    if (strcmp(request->version, "HTTP/1.1") != 0 && strcmp(request->version, "HTTP/1.0") != 0)
        return "The version is neither HTTP/1.1 nor HTTP/1.0.";
    if (section->hosts > 1)
        return "There are two Host fields.";
    if (section->bad_host)
        return "The Host field is not a host with an optional port.";
    if (section->hosts == 0 && strcmp(request->version, "HTTP/1.1") == 0)
        return "There is no Host field.";
    if (section->cookies > 1)
        return "There are two Cookie fields: put all cookies into one.";
    if (section->credentials > 1)
        return "There are two Authorization fields.";
    return NULL;
}

/* The path of a target in absolute form that names our own authority, or NULL (RFC 9112, 3.2.2). */
static const char *absolute_path(struct request *request)
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

void guard_read(struct request *request)
{
    struct header_section section = read_section(request);
    request->announces_body = announces_body(&section);
    request->close = section.gap || request->announces_body;
    request->plain_keep = section.connections == 0 && strcmp(request->version, "HTTP/1.1") == 0;
    request->fault = fault_in_framing(request, &section);
    if (request->fault == NULL)
        request->fault = fault_in_section(request, &section);
}

void guard_reject_at_once(struct request *request)
{
    const char *detail = "The header section is malformed. A Content-Length must be a number.";
    if (request_header(request, "Host") == NULL)
        detail = "There is no Host field.";
    response_problem_at_once(request, PROBLEM_BAD_REQUEST, detail);
}

void guard_check(struct request *request)
{
    const char *fault = request->fault != NULL ? request->fault : fault_in_target(request);
    if (fault == NULL)
        return;
    request->close = true;
    response_plain_problem(request, PROBLEM_BAD_REQUEST, "%s", fault);
}
