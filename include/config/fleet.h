/*
 * What [fleet] says of the store's servers, for those who connect to them and for the rules over
 * keys.
 *
 * Any thread.
 */
#ifndef CONFIG_FLEET_H
#define CONFIG_FLEET_H

#include <stdbool.h>

#include "config/config.h"

#define CONFIG_FLEET_UNIX "unix:"
/* How many servers there may be. */
#define CONFIG_FLEET_SERVERS_MAX 16
/* Bytes of key_file. */
#define CONFIG_FLEET_KEY 32

/* There is a fleet: servers are named. */
bool config_fleet_is_set(const struct config *config);

/* In the form of [fleet] servers, this one is a Unix socket. */
bool config_fleet_is_unix(const char *server);

/*
 * What is sent to this server does not leave the machine: a Unix socket, localhost, or a number of
 * the loopback network. In the form of [fleet] servers; a master that a Sentinel named, too.
 */
bool config_fleet_is_local(const char *server);

/* This server is spoken to over TLS: tls is on, and it is no Unix socket. */
bool config_fleet_takes_tls(const struct config *config, const char *server);

/*
 * A connection to this server is allowed: over TLS, on this machine, or with plaintext = on. The
 * rules have made sure of it for the servers; of a master that a Sentinel named nobody else has.
 */
bool config_fleet_may_use(const struct config *config, const char *server);

#endif
