/*
 * Whose certificates the upstream's may be signed by. Private to src/upstream.
 */
#ifndef UPSTREAM_TRUST_H
#define UPSTREAM_TRUST_H

#include <curl/curl.h>
#include <stdint.h>

struct trust;

/* ca_file NULL: the system's. The file is read when it is first needed, and again when max_age is
 * over, so that a new one is followed. */
struct trust *trust_new(const char *ca_file, int64_t max_age);
void trust_free(struct trust *trust);

/* For CURLOPT_SSL_CTX_FUNCTION, with the trust as CURLOPT_SSL_CTX_DATA. */
CURLcode trust_lend(CURL *easy, void *ssl_ctx, void *trust);

#endif
