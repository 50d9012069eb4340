/*
 * What went wrong with an attempt, from libcurl's codes to ours. Private to src/upstream.
 */
#ifndef UPSTREAM_ERRORS_H
#define UPSTREAM_ERRORS_H

#include <curl/curl.h>
#include <stdbool.h>

#include "upstream/client.h"

/* `easy` after its transfer ended with `code`; `text` is what CURLOPT_ERRORBUFFER got. */
enum client_error error_from_curl(CURL *easy, CURLcode code, const char *text);

/*
 * Whether a fresh connection may do better. Not where the name does not resolve, where the
 * certificate is refused, and where the fault is ours.
 */
bool error_worth_retry(enum client_error error);

#endif
