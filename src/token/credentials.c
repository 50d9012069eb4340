/*
 * The parts are digested, for HKDF's label is of limited length. How the client's secret is sent
 * (auth_client) and how long a request may take are not among them: with those changed a token is
 * as good as before.
 */
#include "token/credentials.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "base/check.h"
#include "base/digest.h"
#include "base/mem.h"

/* Another number when the parts change: then every token of before is somebody else's. */
#define LABEL "postcoded credentials 2"

/* Two lists: their lengths tell where one ends. */
static void add_params(EVP_MD_CTX *digest, const struct config_upstream *upstream)
{
    digest_add_number(digest, (int64_t)upstream->auth_param.count);
    for (size_t i = 0; i < upstream->auth_param.count; i++) {
        digest_add_text(digest, upstream->auth_param.items[i].name);
        digest_add_text(digest, upstream->auth_param.items[i].value);
    }
    for (size_t i = 0; i < upstream->header_count; i++) {
        digest_add_text(digest, upstream->headers[i].name);
        digest_add_text(digest, upstream->headers[i].value);
    }
}

static void add_key(EVP_MD_CTX *digest, const struct secret *key)
{
    if (key != NULL)
        digest_add(digest, secret_bytes(key), secret_len(key));
}

static struct digest digest_parts(const struct config_upstream *upstream)
{
    EVP_MD_CTX *digest = digest_begin();

    digest_add_text(digest, LABEL);
    digest_add_text(digest, upstream->address);
    digest_add_text(digest, upstream->auth_url);
    digest_add_text(digest, upstream->auth_url == NULL ? upstream->auth_path : NULL);
    digest_add_number(digest, upstream->auth_flow);
    digest_add_text(digest, upstream->client_id);
    digest_add_text(digest, upstream->auth_scope);
    digest_add_text(digest, upstream->auth_audience);
    digest_add_text(digest, upstream->auth_subject);
    digest_add_text(digest, upstream->auth_body);
    digest_add_text(digest, upstream->auth_reply.first);
    digest_add_text(digest, upstream->auth_reply.second);
    digest_add_text(digest, upstream->auth_scheme);
    add_key(digest, upstream->auth_key_file.bytes);
    add_params(digest, upstream);
    return digest_end(digest);
}

/* OpenSSL wants pointers that it could write through, and does not. */
static OSSL_PARAM octets(const char *name, const void *bytes, size_t len)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)bytes, len);
}

void credentials_derive(const void *key, size_t key_len, const void *salt, size_t salt_len,
                        const void *label, size_t label_len, unsigned char *out)
{
    char sha256[] = "SHA256";
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, sha256, 0),
        octets(OSSL_KDF_PARAM_KEY, key, key_len),
        octets(OSSL_KDF_PARAM_INFO, label, label_len),
        salt_len > 0 ? octets(OSSL_KDF_PARAM_SALT, salt, salt_len) : OSSL_PARAM_construct_end(),
        OSSL_PARAM_construct_end(),
    };

    MEM_MUST(ctx != NULL && EVP_KDF_derive(ctx, out, CREDENTIALS_KEY, params) == 1);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

struct secret *credentials_key(const struct config_upstream *upstream, size_t which)
{
    unsigned char key[CREDENTIALS_KEY];

    MUST(which < upstream->client_secret_count);
    const struct secret *secret = upstream->client_secrets[which];
    const struct digest parts = digest_parts(upstream);
    credentials_derive(secret_bytes(secret), secret_len(secret), NULL, 0, parts.bytes,
                       sizeof(parts.bytes), key);
    struct secret *made = secret_new(key, sizeof(key));
    wipe(key, sizeof(key));
    return made;
}
