/*
 * The two parts of a configured URL (scheme://host[:port][/path], config kind URL): the origin, for
 * which there is a client, and the path, with which targets begin.
 */
#ifndef UPSTREAM_ORIGIN_H
#define UPSTREAM_ORIGIN_H

/* "https://host:8443"; free it with mem_free. */
char *origin_of(const char *url);
/* "/prefix", or ""; borrowed from the URL. */
const char *origin_prefix(const char *url);

#endif
