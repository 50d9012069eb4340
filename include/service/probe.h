/*
 * --probe: one real token request, and one real lookup, told in sentences an operator can act on.
 */
#ifndef SERVICE_PROBE_H
#define SERVICE_PROBE_H

#include "config/config.h"
#include "service/daemon.h"

/*
 * Asks the token endpoint once; prints lifetime, token type, the early expiry that will really
 * apply, and anything odd; with a postcode (NULL: none), asks the upstream for it. Never prints a
 * token. Blocks until both have ended, or their timeouts. EXIT_CONFIGURATION when either fails,
 * EXIT_USAGE for what is no postcode.
 */
enum exit_status probe_run(struct config *config, const char *postcode);

#endif
