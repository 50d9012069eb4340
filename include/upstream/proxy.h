/*
 * What a client's settings say about its proxy: which requests it gets itself, and as whom it is
 * asked. Private to src/upstream.
 *
 * Thread: any; without state.
 */
#ifndef UPSTREAM_PROXY_H
#define UPSTREAM_PROXY_H

#include <stdbool.h>

#include "upstream/call.h"

/*
 * Whether the proxy gets the requests, in absolute form (http), and responds to them. Otherwise
 * there is none, or it makes a tunnel (https).
 */
bool proxy_is_asked(const struct client_settings *settings);

/* The proxy's URL for libcurl, without its user; "" where there is none. mem_free() it. */
char *proxy_url(const struct client_settings *settings);

/*
 * "Proxy-Authorization: Basic ...", without a line end, for the user in the proxy's URL; NULL:
 * there is none. wipe_free_text() it.
 */
char *proxy_authorization(const struct client_settings *settings);

#endif
