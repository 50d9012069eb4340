/*
 * What is wrong with the files of a certificate is told before anything is served with them, by
 * --check, a start and a reload. Dates are notes: a daemon that would not start with a certificate
 * that expired yesterday helps nobody, and callers say more of it.
 */
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "config/files.h"
#include "front/tls_internal.h"

/* Bytes of a file; a system's bundle of authorities has some 250 KiB. */
#define FILE_MAX ((size_t)1024 * 1024)

/* "2026-01-31" */
#define DATE 10

/* ---- reading ---- */

/* OpenSSL would ask for a password on the terminal. */
static int give_none(char *out, int size, int writing, void *asked)
{
    (void)out;
    (void)size;
    (void)writing;
    if (asked != NULL)
        *(bool *)asked = true;
    return -1;
}

static bool was_no_more(void)
{
    const unsigned long error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static bool is_der_certificate(const char *bytes, size_t len)
{
    const unsigned char *at = (const void *)bytes;
    X509 *one = d2i_X509(NULL, &at, (long)len);
    const bool good = one != NULL;
    X509_free(one);
    return good;
}

/* An encrypted one too. */
static bool is_der_key(const char *bytes, size_t len)
{
    const unsigned char *at = (const void *)bytes, *again = at;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)len);
    X509_SIG *encrypted = d2i_X509_SIG(NULL, &again, (long)len);
    const bool good = key != NULL || encrypted != NULL;
    EVP_PKEY_free(key);
    X509_SIG_free(encrypted);
    return good;
}

/* `bytes` end with a NUL. "RSA PRIVATE KEY" and "ENCRYPTED PRIVATE KEY" too. */
static bool has_key(const char *bytes, size_t len)
{
    return strstr(bytes, "PRIVATE KEY-----") != NULL || is_der_key(bytes, len);
}

static bool has_certificate(const char *bytes, size_t len)
{
    return strstr(bytes, "CERTIFICATE-----") != NULL || is_der_certificate(bytes, len);
}

bool tls_is_public(const struct secret *bytes)
{
    const char *text = secret_text(bytes);
    const size_t len = secret_len(bytes);
    const bool good = !has_key(text, len) && has_certificate(text, len);
    ERR_clear_error();
    return good;
}

static void tell_no_certificate(const char *path, const char *remedy, const struct buf *bytes,
                                struct reason *reason)
{
    if (is_der_certificate(buf_text(bytes), bytes->len))
        reason_set(reason,
                   "%s is a certificate in DER; make one in PEM: openssl x509 -inform der -in %s "
                   "-out NEW",
                   path, path);
    else if (has_key(buf_text(bytes), bytes->len))
        reason_set(reason, "%s holds a private key and no certificate; %s", path, remedy);
    else
        reason_set(reason,
                   "%s contains no PEM certificate; it must hold one, which begins with "
                   "-----BEGIN CERTIFICATE-----",
                   path);
}

static size_t parse_certificates(const char *path, BIO *bytes, X509 **list, size_t max,
                                 struct reason *reason)
{
    size_t count = 0;
    X509 *one;
    reason->text[0] = '\0';
    while ((one = PEM_read_bio_X509(bytes, NULL, give_none, NULL)) != NULL && count < max)
        list[count++] = one;
    if (one != NULL)
        reason_set(reason, "%s holds more than %zu certificates", path, max);
    else if (!was_no_more())
        reason_set(reason, "%s: certificate %zu cannot be read; it must be one in PEM", path,
                   count + 1);
    const bool good = one == NULL && was_no_more() && count > 0;
    X509_free(one);
    if (good)
        return count;
    tls_free_certificates(list, count);
    return 0;
}

size_t tls_read_certificates(const char *path, const char *remedy, X509 **list, size_t max,
                             struct reason *reason)
{
    struct buf bytes;
    size_t count = 0;
    buf_init_secret(&bytes, FILE_MAX); /* some keep the key in it too */
    enum err err = files_read(path, &bytes, NULL);
    if (err == ERR_OK) {
        ERR_clear_error();
        BIO *bio = BIO_new_mem_buf(buf_text(&bytes), (int)bytes.len);
        MEM_MUST(bio != NULL);
        count = parse_certificates(path, bio, list, max, reason);
        BIO_free(bio);
        if (count == 0 && reason->text[0] == '\0')
            tell_no_certificate(path, remedy, &bytes, reason);
        ERR_clear_error();
    } else {
        char *why = files_explain(err, FILE_MAX);
        reason_set(reason, "%s %s", path, why);
        mem_free(why);
    }
    buf_fini(&bytes);
    return count;
}

void tls_free_certificates(X509 **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        X509_free(list[i]);
}

static void tell_no_key(const struct config_file *file, bool encrypted, struct reason *reason)
{
    if (encrypted)
        reason_set(reason,
                   "is encrypted, and nobody can be asked for its password; write it without one: "
                   "openssl pkey -in %s -out NEW",
                   file->path);
    else if (tls_is_public(file->bytes))
        reason_set(reason, "%s holds a certificate and no private key; " TLS_SWAPPED, file->path);
    else if (is_der_key(secret_text(file->bytes), secret_len(file->bytes)))
        reason_set(reason,
                   "is a private key in DER; make one in PEM: openssl pkey -inform der -in %s -out "
                   "NEW",
                   file->path);
    else
        reason_set(reason,
                   "is not a private key in PEM; %s must hold one, which begins with "
                   "-----BEGIN PRIVATE KEY-----",
                   file->path);
    ERR_clear_error();
}

EVP_PKEY *tls_read_key(const struct config_file *file, struct reason *reason)
{
    const struct secret *pem = file->bytes;
    bool asked = false;
    EVP_PKEY *key = NULL;
    MUST(secret_len(pem) < INT_MAX);
    BIO *bytes = BIO_new_mem_buf(secret_bytes(pem), (int)secret_len(pem));
    MEM_MUST(bytes != NULL);
    key = PEM_read_bio_PrivateKey(bytes, NULL, give_none, &asked);
    BIO_free(bytes);
    ERR_clear_error();
    if (key == NULL)
        tell_no_key(file, asked, reason);
    if (key == NULL || tls_key_is_usable(key, reason))
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

/* ---- judging ---- */

struct wall_time tls_time(const ASN1_TIME *time)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return (struct wall_time){.ns = 0};
    const int64_t seconds = timegm(&tm);
    return (struct wall_time){.ns = seconds < INT64_MAX / SECOND ? seconds * SECOND : INT64_MAX};
}

static void date_of(const ASN1_TIME *time, char out[CLOCK_TEXT])
{
    wall_format(tls_time(time), out);
    out[DATE] = '\0';
}

/* `which` begins the note: "" or "certificate 2 ". */
static void note_dates(const struct config *config, const char *key, const char *which,
                       const X509 *one, struct config_faults *faults)
{
    const int64_t now = wall_now().ns;
    const int64_t end = tls_time(X509_get0_notAfter(one)).ns;
    char date[CLOCK_TEXT];
    date_of(X509_get0_notAfter(one), date);
    if (end <= now)
        config_note(faults, config, "server", key, "%sexpired on %s; put a newer one in its place",
                    which, date);
    else if (end - now < TLS_EXPIRES_SOON)
        config_note(faults, config, "server", key, "%sexpires on %s; put a newer one in its place",
                    which, date);
    date_of(X509_get0_notBefore(one), date);
    if (tls_time(X509_get0_notBefore(one)).ns > now)
        config_note(faults, config, "server", key, "%sis not valid before %s; is the clock right?",
                    which, date);
}

/* The key belongs to the first certificate; where it belongs to another, that is the fault. */
static bool judge_match(const struct config *config, X509 *const *chain, size_t count,
                        EVP_PKEY *key, struct config_faults *faults)
{
    size_t i = 0;
    while (i < count && X509_check_private_key(chain[i], key) != 1)
        i++;
    ERR_clear_error();
    if (i == count)
        config_fault(
            faults, config, "server", "tls_key",
            "does not belong to the certificate in tls_certificate; replace both together");
    else if (i > 0)
        config_fault(faults, config, "server", "tls_certificate",
                     "the certificate of tls_key is number %zu in the file; it must be the first, "
                     "followed by the one that signed it",
                     i + 1);
    return i == 0;
}

static void note_order(const struct config *config, X509 *const *chain, size_t count,
                       struct config_faults *faults)
{
    for (size_t i = 1; i < count; i++)
        if (X509_check_issued(chain[i], chain[i - 1]) != X509_V_OK) {
            config_note(faults, config, "server", "tls_certificate",
                        "certificate %zu in the file did not sign the one before it; callers may "
                        "not accept the chain",
                        i + 1);
            return;
        }
}

/* Of every certificate that callers look at: one that has expired breaks the chain. */
static void note_each(const struct config *config, X509 *const *chain, size_t count,
                      struct config_faults *faults)
{
    for (size_t i = 0; i < count; i++) {
        char which[48] = "";
        int digest = NID_undef;
        if (i > 0)
            snprintf(which, sizeof(which), "certificate %zu ", i + 1);
        note_dates(config, "tls_certificate", which, chain[i], faults);
        X509_get_signature_info(chain[i], &digest, NULL, NULL, NULL);
        if ((digest == NID_md5 || digest == NID_sha1) &&
            X509_check_issued(chain[i], chain[i]) != X509_V_OK)
            config_note(faults, config, "server", "tls_certificate",
                        "%sis signed with %s; callers will not accept it", which,
                        OBJ_nid2sn(digest));
    }
}

/* Callers look for a host in the alternative names alone. */
static void note_names(const struct config *config, X509 *leaf, struct config_faults *faults)
{
    if (X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1) < 0)
        config_note(faults, config, "server", "tls_certificate",
                    "has no subject alternative name; callers will not accept it: have one made "
                    "with subjectAltName=DNS:HOST");
}

static void tell_found(struct config *config, X509 *leaf, size_t count)
{
    char date[CLOCK_TEXT];
    date_of(X509_get0_notAfter(leaf), date);
    char *text = count == 1
                     ? mem_printf("a certificate until %s, without a chain", date)
                     : mem_printf("a certificate until %s, and %zu of its chain", date, count - 1);
    config_found(config, "server", "tls_certificate", text);
    mem_free(text);
}

void tls_judge_pair(struct config *config, X509 *const *chain, size_t count, EVP_PKEY *key,
                    struct config_faults *faults)
{
    if (!judge_match(config, chain, count, key, faults))
        return;
    note_each(config, chain, count, faults);
    note_names(config, chain[0], faults);
    note_order(config, chain, count, faults);
    if (X509_check_purpose(chain[0], X509_PURPOSE_SSL_SERVER, 0) != 1)
        config_note(faults, config, "server", "tls_certificate",
                    "is not for servers, by its key usage; callers may not accept it");
    ERR_clear_error();
    tell_found(config, chain[0], count);
}

static void tell_authorities(struct config *config, size_t authorities, size_t others)
{
    const char *s = authorities == 1 ? "" : "s";
    char *text = others == 0 ? mem_printf("%zu CA certificate%s", authorities, s)
                             : mem_printf("%zu CA certificate%s and %zu other%s", authorities, s,
                                          others, others == 1 ? "" : "s");
    config_found(config, "server", "tls_client_ca", text);
    mem_free(text);
}

void tls_judge_authorities(struct config *config, X509 *const *list, size_t count,
                           struct config_faults *faults)
{
    size_t others = 0;
    for (size_t i = 0; i < count; i++) {
        char which[48];
        snprintf(which, sizeof(which), "certificate %zu ", i + 1);
        note_dates(config, "tls_client_ca", which, list[i], faults);
        if (X509_check_ca(list[i]) != 0)
            continue;
        others++;
        config_note(faults, config, "server", "tls_client_ca",
                    "%sis not a CA certificate (basicConstraints CA:TRUE): only that very "
                    "certificate will be accepted",
                    which);
    }
    ERR_clear_error();
    tell_authorities(config, count - others, others);
}
