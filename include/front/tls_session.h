/*
 * TLS on one connection: libmicrohttpd runs the handshake, and reads and writes through it. What is
 * set here is which certificate is shown, what callers must show, and what is heard of a handshake
 * that fails, for libmicrohttpd reports neither the reason nor, to the caller, an alert.
 *
 * Thread: its server's.
 */
#ifndef FRONT_TLS_SESSION_H
#define FRONT_TLS_SESSION_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>

#include "front/tls.h"

/* For MHD_OPTION_HTTPS_PRIORITIES: versions, ciphers with forward secrecy and authentication. */
#define TLS_PRIORITIES                                                                             \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:"            \
    "+CHACHA20-POLY1305:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-MAC-ALL:+AEAD:-SIGN-RSA-SHA1:"            \
    "-SIGN-ECDSA-SHA1:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"

/* Why handshakes fail. A row's index is the cell of METRIC_TLS_FAILED that counts it. */
#define TLS_FAILURES(X)                                                                            \
    X(TLS_CLOSED, "closed")                 /* the caller left */                                  \
    X(TLS_TIMEOUT, "timeout")               /* header_timeout */                                   \
    X(TLS_NOT_TLS, "not_tls")               /* what came is not TLS */                             \
    X(TLS_PROTOCOL, "protocol")             /* no version or cipher in common, or it is broken */  \
    X(TLS_ALERT, "alert")                   /* the caller says no, as to our certificate */        \
    X(TLS_NO_CERTIFICATE, "no_certificate") /* the caller has none */                              \
    X(TLS_CERTIFICATE, "certificate")       /* the caller's is not accepted */

enum tls_failure {
#define TLS_FAILURE_ENUM(id, name) id,
    TLS_FAILURES(TLS_FAILURE_ENUM)
#undef TLS_FAILURE_ENUM
        TLS_FAILURE_COUNT
};

struct tls_session;

/* What the owner of a session is told, within calls of libmicrohttpd. */
struct tls_session_ports {
    void *arg;
    /* It reads or writes. */
    void (*active)(void *arg);
    /* The handshake goes on when more can be read. */
    void (*blocked)(void *arg);
};

/* For MHD_OPTION_HTTPS_CERT_CALLBACK. */
int tls_session_certificate(gnutls_session_t session, const gnutls_datum_t *authorities, int count,
                            const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                            gnutls_pcert_st **chain, unsigned *chain_len, gnutls_privkey_t *key);

/*
 * Before the handshake of `session`, which is libmicrohttpd's and speaks on `fd`. Takes a reference
 * to `tls`.
 */
struct tls_session *tls_session_new(struct tls *tls, gnutls_session_t session, int fd,
                                    const struct tls_session_ports *ports);
/* `session` may be gone by then. NULL is allowed. */
void tls_session_free(struct tls_session *tls);

/*
 * The handshake has just failed: an alert goes to the caller, where none has. `late`: its time was
 * over. *detail: borrowed, for people; NULL: there is none.
 */
enum tls_failure tls_session_failed(struct tls_session *tls, bool late, const char **detail);
/* False once tls_session_failed was called. */
bool tls_session_is_shaking(const struct tls_session *tls);
/* After the handshake, which did not fail: whether the caller has not ended what it sends. */
bool tls_session_is_there(const struct tls_session *tls);
/* Whether its caller was judged by the authorities of `now`. */
bool tls_session_is_current(const struct tls_session *tls, const struct tls *now);
/* Whether its caller was asked for a certificate. */
bool tls_session_verified(const struct tls_session *tls);
/* Whether the caller has sent a byte. */
bool tls_session_has_heard(const struct tls_session *tls);

/*
 * After the handshake, and before libmicrohttpd closes the connection: the user that the caller's
 * certificate names (middleware/certificate_user.h) or "" where it names none that is valid; NULL:
 * callers need no certificate.
 */
const char *tls_session_user(struct tls_session *tls);

#endif
