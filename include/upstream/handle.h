/*
 * libcurl's easy handles, with all that is the same for each call of a client set once, and kept
 * for the next call: a handle is dear to make. Private to src/upstream.
 */
#ifndef UPSTREAM_HANDLE_H
#define UPSTREAM_HANDLE_H

#include <curl/curl.h>

#include "base/mem.h"
#include "upstream/client.h"

/* An option that our libcurl knows is refused for want of memory alone. */
#define HANDLE_SET(easy, option, value) MEM_MUST(curl_easy_setopt(easy, option, value) == CURLE_OK)

struct handles;

/* NULL when libcurl refuses. Copies the settings. */
struct handles *handles_new(const struct client_settings *settings);
/* All handles are back. */
void handles_free(struct handles *handles);

/* NULL when libcurl refuses. */
CURL *handles_take(struct handles *handles);
void handles_give_back(struct handles *handles, CURL *easy);

#endif
