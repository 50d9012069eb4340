/*
 * What callers' TLS is made of: certificate with its chain, private key, and the authorities whose
 * certificates callers must show. Read once, judged whole, and never changed: a reload makes
 * another one, and connections that were begun with this one keep it.
 *
 * Thread: any, under a reference; tls_new is for the main one.
 */
#ifndef FRONT_TLS_H
#define FRONT_TLS_H

#include <stdbool.h>

#include "base/clock.h"
#include "config/config.h"

struct tls;

/* A certificate that expires sooner is worth a warning. */
#define TLS_EXPIRES_SOON (7 * 24 * HOUR)

/*
 * Reads what [server] tls_certificate, tls_key and tls_client_ca name. What is wrong with them is
 * appended to `faults`, with notes on what is worth saying, such as a certificate that has expired.
 * NULL: there is no certificate, or a fault. One reference, the caller's.
 */
struct tls *tls_new(struct config *config, struct config_faults *faults);
struct tls *tls_ref(struct tls *tls);
/* NULL is allowed. */
void tls_unref(struct tls *tls);

/* The earliest end of a certificate in the chain. */
struct wall_time tls_expiry(const struct tls *tls);
/* Whether callers need a certificate. */
bool tls_verifies(const struct tls *tls);
/* Whether both judge callers by the same authorities, or both by none. */
bool tls_same_authorities(const struct tls *a, const struct tls *b);

#endif
