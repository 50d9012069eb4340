/*
 * Certificates made for a test, in its scratch directory: each is its own authority, so that what
 * is wrong with it is the only thing wrong.
 */
#ifndef CERTIFICATES_H
#define CERTIFICATES_H

#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "scratch.h"

struct files {
    char *certificate;
    char *key;
};

static inline char *path_of(const char *name, const char *end)
{
    return mem_printf("%s/%s.%s", dir, name, end);
}

static inline void add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    ck_assert_ptr_nonnull(extension);
    ck_assert_int_eq(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline X509 *make_certificate(EVP_PKEY *key, const char *name, const char *host, long days)
{
    X509 *certificate = X509_new();

    ck_assert_ptr_nonnull(certificate);
    ck_assert_int_eq(X509_set_version(certificate, X509_VERSION_3), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -30L * 86400);
    X509_gmtime_adj(X509_getm_notAfter(certificate), days * 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_set_pubkey(certificate, key);
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, NID_subject_alt_name, host);
    ck_assert_int_gt(X509_sign(certificate, key, EVP_sha256()), 0);
    return certificate;
}

/* NAME.crt and NAME.key; phrase NULL: the key is not encrypted. */
static inline struct files make_files(const char *name, const char *host, long days, char *phrase)
{
    struct files files = {path_of(name, "crt"), path_of(name, "key")};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    ck_assert_ptr_nonnull(key);
    X509 *certificate = make_certificate(key, name, host, days);
    FILE *out = fopen(files.certificate, "w");

    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(PEM_write_X509(out, certificate), 1);
    fclose(out);
    out = fopen(files.key, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(PEM_write_PrivateKey(out, key, phrase != NULL ? EVP_aes_128_cbc() : NULL, NULL,
                                          0, NULL, phrase),
                     1);
    fclose(out);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return files;
}

static inline void free_files(struct files *files)
{
    unlink(files->certificate);
    unlink(files->key);
    mem_free(files->certificate);
    mem_free(files->key);
}

#endif
