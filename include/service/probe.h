/*
 * --probe: one real token request, and one real lookup, told in sentences an operator can act on.
 */
#ifndef SERVICE_PROBE_H
#define SERVICE_PROBE_H

#include "config/config.h"
#include "service/daemon.h"

/* NAME of an upstream and a postcode; or one of them, and NULL; or none. */
#define PROBE_ARGUMENTS 2

/*
 * One argument that names an upstream is NAME, any other a postcode. Where there are several
 * upstreams, NAME must be given.
 *
 * Asks the token endpoint once; prints lifetime, token type, the early expiry that will really
 * apply, and anything odd; with a postcode, asks the upstream for it. Never prints a
 * token. Blocks until both have ended, or their timeouts. EXIT_CONFIGURATION when either fails,
 * EXIT_USAGE for what is no NAME or no postcode.
 */
enum exit_status probe_run(struct config *config, const char *const arguments[PROBE_ARGUMENTS]);

#endif
