/*
 * libcurl keeps parsed certificates for the next connection of the same multi. Connections with TLS
 * have a multi each, and a system's bundle takes some ten milliseconds to parse. So one store is
 * kept here, and each connection's context gets it. The flags are those that libcurl sets.
 *
 * All else about verification is left to libcurl. A store that cannot be read is an error of the
 * connection; one that could be read before stays in use.
 */
#include "upstream/trust.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#define TRUST_MAGIC 0x7a057001u

struct trust {
    unsigned magic;
    char *ca_file; /* NULL: the system's */
    int64_t max_age;
    X509_STORE *store; /* NULL: not read yet */
    struct mono_time read_at;
};

struct trust *trust_new(const char *ca_file, int64_t max_age)
{
    struct trust *trust = mem_zalloc(sizeof(*trust));

    MAGIC_SET(trust, TRUST_MAGIC);
    trust->ca_file = ca_file != NULL ? mem_strdup(ca_file) : NULL;
    trust->max_age = max_age;
    return trust;
}

void trust_free(struct trust *trust)
{
    if (trust == NULL)
        return;
    MAGIC_OK(trust, TRUST_MAGIC);
    X509_STORE_free(trust->store);
    mem_free(trust->ca_file);
    MAGIC_CLEAR(trust);
    mem_free(trust);
}

static bool load(X509_STORE *store, const char *ca_file)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

    if (ca_file != NULL)
        return X509_STORE_load_file(store, ca_file) == 1;
    if (info->cainfo != NULL && access(info->cainfo, R_OK) == 0)
        return X509_STORE_load_file(store, info->cainfo) == 1;
    return info->capath != NULL && X509_STORE_load_path(store, info->capath) == 1;
}

/* NULL when it cannot be read. */
static X509_STORE *read_store(const char *ca_file)
{
    X509_STORE *store = X509_STORE_new();

    if (store != NULL && load(store, ca_file) &&
        X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN) == 1)
        return store;
    X509_STORE_free(store);
    return NULL;
}

X509_STORE *trust_store(struct trust *trust, struct mono_time now)
{
    MAGIC_OK(trust, TRUST_MAGIC);
    if (trust->store != NULL && mono_diff(now, trust->read_at) < trust->max_age)
        return trust->store;
    X509_STORE *fresh = read_store(trust->ca_file);
    ERR_clear_error();
    if (fresh == NULL)
        return trust->store;
    X509_STORE_free(trust->store);
    trust->store = fresh;
    trust->read_at = now;
    return fresh;
}

CURLcode trust_lend(CURL *easy, void *ssl_ctx, void *arg)
{
    MAGIC_CAST(struct trust, trust, arg, TRUST_MAGIC);
    X509_STORE *store = trust_store(trust, mono_now());

    (void)easy;
    if (store == NULL)
        return CURLE_SSL_CACERT_BADFILE;
    SSL_CTX_set1_cert_store(ssl_ctx, store);
    return CURLE_OK;
}
