/*
 * Which authorities may have signed the upstream's certificate. Private to src/upstream.
 *
 * Thread: the client's loop.
 */
#ifndef UPSTREAM_TRUST_H
#define UPSTREAM_TRUST_H

#include <curl/curl.h>
#include <openssl/x509.h>
#include <stdint.h>

#include "base/clock.h"

struct trust;

/*
 * ca_file: PEM; NULL: the system's. It is read when it is first needed, and again by the first use
 * after `max_age` (ns), so that a replaced file is followed.
 */
struct trust *trust_new(const char *ca_file, int64_t max_age);
void trust_free(struct trust *trust); /* NULL is allowed */

/*
 * The authorities as of `now`; NULL: the file could not be read, now or before. One that cannot be
 * read again leaves the present store in use. Borrowed until the next call.
 */
X509_STORE *trust_store(struct trust *trust, struct mono_time now);

/* For CURLOPT_SSL_CTX_FUNCTION, with the trust as CURLOPT_SSL_CTX_DATA. */
CURLcode trust_lend(CURL *easy, void *ssl_ctx, void *trust);

#endif
