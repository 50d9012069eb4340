/*
 * Two ways to say who we are. HTTP Basic (RFC 7617) takes id and secret as they are. RFC 6749,
 * section 2.3.1, wants both form-encoded before they go into Basic; a server that does not know
 * this sees no difference while they are letters and digits, and rejects the rest. Which one a
 * server wants is configured by auth_flow: `basic` is the plain one.
 *
 * A parameter must not be sent twice (RFC 6749, section 3.2): the configuration has rejected an
 * auth_param by the name of one of ours.
 *
 * Everything is built in memory that is wiped.
 *
 * A server may repeat what it was sent in the text of an error, which is logged and shown to
 * operators. So the file that knows the forms in which a secret travels also finds them in a text.
 * Bytes are marked first and replaced then: a secret that is a part of another one, or overlaps it,
 * leaves nothing of either.
 */
#include "token/request.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"

/* Far over what the configuration can hold. */
#define BODY_MAX (64 * 1024 * 1024)
#define BASIC "Basic "

/* What the encoding of forms leaves as it is. */
#define FORM_CLASSES (TEXT_NAME | TEXT_ASTERISK)

/* RFC 6749, appendix B: the encoding of HTML forms, over UTF-8. */
static void put_encoded(struct buf *out, const char *text, size_t len)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        char escape[] = {'%', hex[c >> 4], hex[c & 15]};

        if (text_is(text[i], FORM_CLASSES))
            buf_putc(out, text[i]);
        else if (c == ' ')
            buf_putc(out, '+');
        else
            buf_append(out, escape, sizeof(escape));
    }
}

static void put_pair(struct buf *out, const char *name, const char *value, size_t value_len)
{
    if (out->len > 0)
        buf_putc(out, '&');
    put_encoded(out, name, strlen(name));
    buf_putc(out, '=');
    put_encoded(out, value, value_len);
}

static void put_text(struct buf *out, const char *name, const char *value)
{
    if (value != NULL)
        put_pair(out, name, value, strlen(value));
}

static void put_body(struct buf *out, const struct config_upstream *upstream,
                     const struct secret *secret)
{
    const struct config_params *params = &upstream->auth_param;

    put_text(out, "grant_type", "client_credentials");
    put_text(out, "scope", upstream->auth_scope);
    put_text(out, "audience", upstream->auth_audience);
    for (size_t i = 0; i < params->count; i++)
        put_text(out, params->items[i].name, params->items[i].value);
    if (upstream->auth_client != AUTH_CLIENT_POST)
        return;
    put_text(out, "client_id", upstream->client_id);
    put_pair(out, "client_secret", secret_text(secret), secret_len(secret));
}

static char *basic(const struct config_upstream *upstream, const struct secret *secret,
                   bool encoded)
{
    const char *id = upstream->client_id;
    struct buf pair;

    buf_init_secret(&pair, BODY_MAX);
    if (encoded) {
        put_encoded(&pair, id, strlen(id));
        buf_putc(&pair, ':');
        put_encoded(&pair, secret_text(secret), secret_len(secret));
    } else {
        buf_puts(&pair, id);
        buf_putc(&pair, ':');
        buf_append(&pair, secret_text(secret), secret_len(secret));
    }
    MEM_MUST(pair.err == ERR_OK); /* its bound is the configuration's */
    char *value = mem_alloc(strlen(BASIC) + (pair.len + 2) / 3 * 4 + 1);
    memcpy(value, BASIC, strlen(BASIC));
    EVP_EncodeBlock((unsigned char *)value + strlen(BASIC), (const unsigned char *)pair.data,
                    (int)pair.len);
    buf_fini(&pair);
    return value;
}

void token_request_init(struct token_request *request, const struct config_upstream *upstream,
                        size_t secret)
{
    bool form = upstream->auth_flow == AUTH_FLOW_CLIENT_CREDENTIALS;

    MUST(secret < upstream->client_secret_count);
    const struct secret *mine = upstream->client_secrets[secret];

    *request = (struct token_request){.content_type = form ? TOKEN_REQUEST_FORM : NULL};
    buf_init_secret(&request->body, BODY_MAX);
    if (form)
        put_body(&request->body, upstream, mine);
    MUST(request->body.err == ERR_OK);
    if (!form || upstream->auth_client == AUTH_CLIENT_BASIC)
        request->authorization = basic(upstream, mine, form);
}

void token_request_fini(struct token_request *request)
{
    wipe_free_text(request->authorization);
    buf_fini(&request->body);
}

/* ---- masking ---- */

/* A server's text, and which of its bytes are not to be repeated. */
struct masked {
    const char *text;
    size_t len;
    bool *hidden;
};

static void hide(struct masked *masked, const char *form, size_t form_len)
{
    const char *end = masked->text + masked->len;
    const char *hit = masked->text;

    while (form_len > 0 && (hit = memmem(hit, (size_t)(end - hit), form, form_len)) != NULL) {
        memset(masked->hidden + (hit - masked->text), true, form_len);
        hit++;
    }
}

static void hide_basic(struct masked *masked, const struct config_upstream *upstream,
                       const struct secret *secret, bool encoded)
{
    char *value = basic(upstream, secret, encoded);
    const char *pair = value + strlen(BASIC);

    hide(masked, pair, strlen(pair));
    hide(masked, pair, strcspn(pair, "="));
    wipe_free_text(value);
}

static void hide_secret(struct masked *masked, const struct config_upstream *upstream,
                        const struct secret *secret)
{
    struct buf form;

    buf_init_secret(&form, BODY_MAX);
    put_encoded(&form, secret_text(secret), secret_len(secret));
    MEM_MUST(form.err == ERR_OK);
    hide(masked, secret_text(secret), secret_len(secret));
    hide(masked, buf_text(&form), form.len);
    hide_basic(masked, upstream, secret, false);
    hide_basic(masked, upstream, secret, true);
    buf_fini(&form);
}

char *token_request_mask(const struct config_upstream *upstream, const char *text)
{
    const size_t len = strlen(text);
    struct masked masked = {.text = text, .len = len, .hidden = mem_zalloc(len + 1)};
    struct buf out;

    for (size_t i = 0; i < upstream->client_secret_count; i++)
        hide_secret(&masked, upstream, upstream->client_secrets[i]);
    buf_init(&out, BODY_MAX);
    for (size_t i = 0; i < len; i++) {
        if (!masked.hidden[i])
            buf_putc(&out, text[i]);
        else if (i == 0 || !masked.hidden[i - 1])
            buf_puts(&out, "***");
    }
    MEM_MUST(out.err == ERR_OK);
    char *copy = mem_strdup(buf_text(&out));
    buf_fini(&out);
    mem_free(masked.hidden);
    return copy;
}
