/*
 * The header is made here and not by libcurl: versions differ in whether they decode percent
 * triplets in the user and password that they are given as options, and a password may hold any
 * character. Requests that the daemon writes itself need the same line anyway.
 *
 * It is sent with the first request, not after a 407: which proxy gets the password, and how, is
 * configured, and one round trip is saved.
 */
#include "upstream/proxy.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/secret.h"
#include "config/web.h"

#define NAME "Proxy-Authorization: Basic "
/* Far over what the configuration can hold. */
#define PAIR_MAX (64 * 1024)

bool proxy_is_asked(const struct client_settings *settings)
{
    return settings->proxy != NULL && web_url_is_plaintext(settings->origin);
}

char *proxy_url(const struct client_settings *settings)
{
    return settings->proxy != NULL ? web_url_without_user(settings->proxy) : mem_strdup("");
}

/* RFC 7617, section 2. */
static char *encode(const struct buf *pair)
{
    char *line = mem_alloc(strlen(NAME) + (pair->len + 2) / 3 * 4 + 1);

    memcpy(line, NAME, strlen(NAME));
    EVP_EncodeBlock((unsigned char *)line + strlen(NAME), (const unsigned char *)pair->data,
                    (int)pair->len);
    return line;
}

char *proxy_authorization(const struct client_settings *settings)
{
    const struct secret *password = settings->proxy_password;
    char *user = settings->proxy != NULL ? web_url_user(settings->proxy) : NULL;
    struct buf pair;

    if (user == NULL)
        return NULL;
    buf_init_secret(&pair, PAIR_MAX);
    buf_puts(&pair, user);
    buf_putc(&pair, ':');
    if (password != NULL)
        buf_append(&pair, secret_bytes(password), secret_len(password));
    MEM_MUST(pair.err == ERR_OK); /* its bound is the configuration's */
    char *line = encode(&pair);
    buf_fini(&pair);
    mem_free(user);
    return line;
}
