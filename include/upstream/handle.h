/*
 * libcurl as this folder uses it: set up once a process; easy handles, with all that is the same
 * for each call of a client set once, and kept for the next call, because a handle is costly to
 * make; and what libcurl's errors mean. Private to src/upstream.
 *
 * Thread: a client's loop, but for handle_global_start and _stop.
 */
#ifndef UPSTREAM_HANDLE_H
#define UPSTREAM_HANDLE_H

#include <curl/curl.h>

#include "base/err.h"
#include "base/mem.h"
#include "upstream/call.h"

/* client_global_start and client_global_stop (upstream/client.h). */
ERR_CHECKED enum err handle_global_start(void);
void handle_global_stop(void);

/* Setting an option that our libcurl knows fails only when memory is exhausted. */
#define HANDLE_SET(easy, option, value) MEM_MUST(curl_easy_setopt(easy, option, value) == CURLE_OK)

struct handles;

/* NULL when libcurl fails. Copies the settings. */
struct handles *handles_new(const struct client_settings *settings);
/* All handles were given back before. */
void handles_free(struct handles *handles);

/* NULL when libcurl fails. */
CURL *handles_take(struct handles *handles);
void handles_give_back(struct handles *handles, CURL *easy);

/* Of `easy`, after its transfer ended with `code`; `text` is what CURLOPT_ERRORBUFFER got. */
enum client_error handle_error(CURL *easy, CURLcode code, const char *text);

#endif
