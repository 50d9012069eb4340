/*
 * A snapshot of certificate, key and authorities, in the form that GnuTLS takes. All of it is read
 * by several threads at once, which GnuTLS allows for what nobody changes.
 */
#include "front/tls.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "front/tls_internal.h"

#define TLS_MAGIC 0x544c5330u

/* A credential that config_load did not look at: its name stands in the place of a path. */
static bool is_unseen(const char *path)
{
    return strncmp(path, "credential:", strlen("credential:")) == 0;
}

/* What OpenSSL has read, GnuTLS reads. */
static bool add_to_chain(struct tls *tls, X509 *certificate)
{
    unsigned char *der = NULL;
    const int len = i2d_X509(certificate, &der);
    if (len <= 0)
        return false;
    const gnutls_datum_t datum = {der, (unsigned)len};
    const bool good = gnutls_pcert_import_x509_raw(&tls->chain[tls->chain_len], &datum,
                                                   GNUTLS_X509_FMT_DER, 0) == 0;
    OPENSSL_free(der);
    tls->chain_len += good;
    return good;
}

static gnutls_x509_crt_t make_authority(X509 *certificate)
{
    unsigned char *der = NULL;
    gnutls_x509_crt_t made = NULL;
    const int len = i2d_X509(certificate, &der);
    const gnutls_datum_t datum = {der, len > 0 ? (unsigned)len : 0};
    MEM_MUST(gnutls_x509_crt_init(&made) == 0);
    const bool good = len > 0 && gnutls_x509_crt_import(made, &datum, GNUTLS_X509_FMT_DER) == 0;
    OPENSSL_free(der);
    if (good)
        return made;
    gnutls_x509_crt_deinit(made);
    return NULL;
}

static bool add_authority(struct tls *tls, X509 *certificate)
{
    gnutls_x509_crt_t authority = make_authority(certificate);
    return authority != NULL &&
           gnutls_x509_trust_list_add_cas(tls->authorities, &authority, 1, 0) == 1;
}

static struct wall_time earliest_end(X509 *const *chain, size_t count)
{
    struct wall_time earliest = {.ns = INT64_MAX};
    for (size_t i = 0; i < count; i++) {
        const struct wall_time end = tls_time(X509_get0_notAfter(chain[i]));
        if (end.ns < earliest.ns)
            earliest = end;
    }
    return earliest;
}

static void load_pair(struct tls *tls, struct config *config, struct config_faults *faults)
{
    X509 *chain[TLS_CHAIN_MAX];
    struct reason reason;
    const size_t count = tls_read_certificates(config->server_tls_certificate, TLS_SWAPPED, chain,
                                               TLS_CHAIN_MAX, &reason);
    if (count == 0)
        config_fault(faults, config, "server", "tls_certificate", "%s", reason.text);
    EVP_PKEY *key = tls_read_key(&config->server_tls_key, &reason);
    if (key == NULL)
        config_fault(faults, config, "server", "tls_key", "%s", reason.text);
    if (count > 0 && key != NULL) {
        bool good = true;
        tls_judge_pair(config, chain, count, key, faults);
        for (size_t i = 0; i < count; i++)
            good = good && add_to_chain(tls, chain[i]);
        tls->key = tls_key_new(key);
        if (!good || tls->key == NULL)
            config_fault(faults, config, "server", "tls_certificate", "GnuTLS cannot use it");
        tls->expiry = earliest_end(chain, count);
    }
    tls_free_certificates(chain, count);
    EVP_PKEY_free(key);
}

static struct digest digest_of(X509 *const *list, size_t count)
{
    EVP_MD_CTX *digest = digest_begin();
    for (size_t i = 0; i < count; i++) {
        unsigned char one[EVP_MAX_MD_SIZE];
        unsigned len = 0;
        MEM_MUST(X509_digest(list[i], EVP_sha256(), one, &len) == 1);
        digest_add(digest, one, len);
    }
    return digest_end(digest);
}

static void load_authorities(struct tls *tls, struct config *config, struct config_faults *faults)
{
    X509 **list = mem_zalloc(TLS_AUTHORITIES_MAX * sizeof(X509 *));
    struct reason reason;
    bool good = true;
    const size_t count =
        tls_read_certificates(config->server_tls_client_ca, "it must hold CA certificates", list,
                              TLS_AUTHORITIES_MAX, &reason);
    MEM_MUST(gnutls_x509_trust_list_init(&tls->authorities, 0) == 0);
    for (size_t i = 0; i < count; i++)
        good = good && add_authority(tls, list[i]);
    tls->authorities_digest = digest_of(list, count);
    if (count == 0)
        config_fault(faults, config, "server", "tls_client_ca", "%s", reason.text);
    else if (!good)
        config_fault(faults, config, "server", "tls_client_ca", "GnuTLS cannot use it");
    else
        tls_judge_authorities(config, list, count, faults);
    tls_free_certificates(list, count);
    mem_free(list);
}

/* A certificate in the place of the key is no secret: what is wrong with it is said by load_pair.
 */
static void judge_mode(const struct config *config, struct config_faults *faults)
{
    const struct config_file *file = &config->server_tls_key;
    if (file->bytes != NULL && !tls_is_public(file->bytes))
        config_judge_mode(faults, config, "server", "tls_key", file, true);
}

struct tls *tls_new(struct config *config, struct config_faults *faults)
{
    const size_t before = faults->faults;
    struct tls *tls = mem_zalloc(sizeof(*tls));
    MAGIC_SET(tls, TLS_MAGIC);
    atomic_init(&tls->refs, 1);
    const bool pair = config->server_tls_certificate != NULL &&
                      config->server_tls_key.bytes != NULL &&
                      !is_unseen(config->server_tls_certificate);
    judge_mode(config, faults);
    if (pair)
        load_pair(tls, config, faults);
    if (config->server_tls_client_ca != NULL && !is_unseen(config->server_tls_client_ca))
        load_authorities(tls, config, faults);
    if (pair && faults->faults == before)
        return tls;
    tls_unref(tls);
    return NULL;
}

struct tls *tls_ref(struct tls *tls)
{
    MAGIC_OK(tls, TLS_MAGIC);
    atomic_fetch_add_explicit(&tls->refs, 1, memory_order_relaxed);
    return tls;
}

void tls_unref(struct tls *tls)
{
    if (tls == NULL)
        return;
    MAGIC_OK(tls, TLS_MAGIC);
    if (atomic_fetch_sub_explicit(&tls->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned i = 0; i < tls->chain_len; i++)
        gnutls_pcert_deinit(&tls->chain[i]);
    if (tls->key != NULL)
        gnutls_privkey_deinit(tls->key);
    if (tls->authorities != NULL)
        gnutls_x509_trust_list_deinit(tls->authorities, 1);
    MAGIC_CLEAR(tls);
    mem_free(tls);
}

struct wall_time tls_expiry(const struct tls *tls)
{
    MAGIC_OK(tls, TLS_MAGIC);
    return tls->expiry;
}

bool tls_verifies(const struct tls *tls)
{
    MAGIC_OK(tls, TLS_MAGIC);
    return tls->authorities != NULL;
}

bool tls_same_authorities(const struct tls *a, const struct tls *b)
{
    MAGIC_OK(a, TLS_MAGIC);
    MAGIC_OK(b, TLS_MAGIC);
    return a == b || digest_same(&a->authorities_digest, &b->authorities_digest);
}
