/*
 * TLS for callers, for the files of front/ that make it up:
 *
 *   tls.c           certificate, key and authorities, as a snapshot
 *   tls_files.c     reads and judges them
 *   tls_key.c       a private key that OpenSSL signs with, for GnuTLS
 *   tls_session.c   one connection's session
 */
#ifndef FRONT_TLS_INTERNAL_H
#define FRONT_TLS_INTERNAL_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/digest.h"
#include "base/reason.h"
#include "base/secret.h"
#include "front/tls.h"

/* Certificates in one file at most, and in what a caller shows. */
#define TLS_CHAIN_MAX 16
#define TLS_AUTHORITIES_MAX 1024

/* Behind a semicolon, of a file that holds the other of the two. */
#define TLS_SWAPPED "are tls_certificate and tls_key swapped?"

struct tls {
    unsigned magic;
    _Atomic unsigned refs;
    gnutls_pcert_st chain[TLS_CHAIN_MAX];
    unsigned chain_len;
    gnutls_privkey_t key;
    gnutls_x509_trust_list_t authorities; /* NULL: callers need no certificate */
    struct digest authorities_digest;     /* zeroed where there are none */
    struct wall_time expiry;
};

/* ---- tls_files.c ---- */

/*
 * The certificates of a PEM file; `list` has room for `max`. 0: `reason` says why not, and `remedy`
 * where it holds a private key in their place.
 */
size_t tls_read_certificates(const char *path, const char *remedy, X509 **list, size_t max,
                             struct reason *reason);
/* The file was read. NULL: `reason` says why not. */
EVP_PKEY *tls_read_key(const struct config_file *file, struct reason *reason);
/* Certificates, and no private key. */
bool tls_is_public(const struct secret *bytes);
void tls_free_certificates(X509 **list, size_t count);
struct wall_time tls_time(const ASN1_TIME *time);

/* What is wrong with the chain for the key, or with the authorities, goes to `faults`. */
void tls_judge_pair(struct config *config, X509 *const *chain, size_t count, EVP_PKEY *key,
                    struct config_faults *faults);
void tls_judge_authorities(struct config *config, X509 *const *list, size_t count,
                           struct config_faults *faults);

/* ---- tls_key.c ---- */

/* Takes a reference to `key`. NULL: GnuTLS refuses it. */
gnutls_privkey_t tls_key_new(EVP_PKEY *key);
/* Whether a signature of this thread's has failed since this was last asked. */
bool tls_key_has_failed(void);
/* Whether TLS is spoken with such a key; else `reason` says what it must be. */
bool tls_key_is_usable(const EVP_PKEY *key, struct reason *reason);

#endif
