/*
 * llhttp separates the header section from the body and finds where both end; response.c decides
 * what of it is wanted, and what is too much. llhttp is lenient here about control characters in
 * values, because response.c checks them; it is strict about all that frames a message: two
 * lengths, a length beside chunks, a bare CR.
 *
 * A value comes in pieces for two reasons that must be distinguished: the input ended in its
 * middle, or it continues in a folded line. Only in the first case does one piece reach to the end
 * of an input and the next begin with the next one.
 */
#include "upstream/parse.h"

#include <string.h>

#include "base/check.h"

/* Any return value that llhttp takes for a callback's error. */
#define STOP (-1)

static struct parse *of(llhttp_t *http)
{
    return CONTAINER_OF(http, struct parse, http);
}

static int on_begin(llhttp_t *http)
{
    response_headers_begin(of(http)->response);
    return 0;
}

static int on_name(llhttp_t *http, const char *at, size_t len)
{
    struct parse *parse = of(http);

    if (parse->name_len > PARSE_NAME_MAX || len > PARSE_NAME_MAX - parse->name_len) {
        parse->name_len = PARSE_NAME_MAX + 1;
        return 0;
    }
    memcpy(parse->name + parse->name_len, at, len);
    parse->name_len += len;
    return 0;
}

static int on_name_end(llhttp_t *http)
{
    struct parse *parse = of(http);
    bool known = parse->name_len <= PARSE_NAME_MAX;

    response_field_begins(parse->response, parse->name, known ? parse->name_len : 0);
    parse->name_len = 0;
    parse->end = NULL;
    parse->split = false;
    parse->folded = false;
    return 0;
}

static int on_value(llhttp_t *http, const char *at, size_t len)
{
    struct parse *parse = of(http);

    if (parse->end != NULL && !(parse->split && at == parse->from))
        parse->folded = true;
    parse->end = at + len;
    parse->split = false;
    return response_value(parse->response, at, len) ? 0 : STOP;
}

static int on_value_end(llhttp_t *http)
{
    struct parse *parse = of(http);

    if (!response_field_ends(parse->response))
        return STOP;
    if (parse->folded)
        response_field_is_folded(parse->response);
    return 0;
}

/* 1: no body follows, whatever the header section says (RFC 9112, section 6.3). */
static int on_headers_end(llhttp_t *http)
{
    struct parse *parse = of(http);
    int status = http->status_code;

    if (http->http_major != 1) {
        parse->response->rejected = CLIENT_PROTOCOL;
        return STOP;
    }
    parse->response->framing.old = http->http_minor == 0;
    if (!response_headers_end(parse->response, status))
        return STOP;
    return status < 200 || response_is_bodiless(status);
}

static int on_body(llhttp_t *http, const char *at, size_t len)
{
    return response_add_body(of(http)->response, at, len) ? 0 : STOP;
}

/*
 * Does a response without a body announce one? The peer may then send it: what it sends is not to
 * be read as the next response. The length in a 304 is that of a 200 (RFC 9110, section 8.6).
 */
static bool announces_body(int status, const struct framing *framing)
{
    if (status == 304)
        return framing->fault != NULL || framing->chunked;
    return response_is_bodiless(status) && framing_has_body(framing);
}

/* An interim response is followed by another. */
static int on_end(llhttp_t *http)
{
    struct parse *parse = of(http);

    if (!parse->response->headers_done)
        return 0;
    parse->complete = true;
    parse->keep_alive = llhttp_should_keep_alive(http) != 0 &&
                        !announces_body(http->status_code, &parse->response->framing);
    return HPE_PAUSED;
}

static const llhttp_settings_t callbacks = {
    .on_message_begin = on_begin,
    .on_header_field = on_name,
    .on_header_field_complete = on_name_end,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_end,
    .on_headers_complete = on_headers_end,
    .on_body = on_body,
    .on_message_complete = on_end,
};

void parse_init(struct parse *parse, struct response *response)
{
    llhttp_init(&parse->http, HTTP_RESPONSE, &callbacks);
    llhttp_set_lenient_headers(&parse->http, 1);
    parse->response = response;
    parse->complete = false;
    parse->keep_alive = false;
    parse->name_len = 0;
    parse->end = NULL;
    parse->split = false;
}

/* llhttp looks at the framing itself, and may see a fault earlier. */
static bool is_about_framing(llhttp_errno_t err)
{
    return err == HPE_INVALID_CONTENT_LENGTH || err == HPE_UNEXPECTED_CONTENT_LENGTH ||
           err == HPE_INVALID_TRANSFER_ENCODING;
}

static enum parse_state reject(struct parse *parse, llhttp_errno_t err)
{
    if (parse->response->rejected == CLIENT_OK)
        parse->response->rejected = is_about_framing(err) ? CLIENT_FRAMING : CLIENT_PROTOCOL;
    return PARSE_REJECTED;
}

enum parse_state parse_bytes(struct parse *parse, const char *data, size_t len, size_t *used)
{
    struct response *response = parse->response;
    size_t body = response->body.len;

    response_hear(response);
    parse->from = data;
    llhttp_errno_t err = llhttp_execute(&parse->http, data, len);
    *used = parse->complete ? (size_t)(llhttp_get_error_pos(&parse->http) - data) : len;
    parse->split = parse->end == data + len;
    if (err != HPE_OK && !parse->complete)
        return reject(parse, err);
    if (!response_count_framing(response, *used - (response->body.len - body)))
        return PARSE_REJECTED;
    return parse->complete ? PARSE_COMPLETE : PARSE_MORE;
}

enum parse_state parse_end(struct parse *parse)
{
    (void)llhttp_finish(&parse->http);
    return parse->complete ? PARSE_COMPLETE : PARSE_MORE;
}
