/* Addresses to listen on, and which of them are this machine's own. */
#ifndef CONFIG_ADDRESS_H
#define CONFIG_ADDRESS_H

#include <stdbool.h>

#include "config/input.h"

/* KIND_ADDRESSES. */
input_parser address_parse;
void address_fini(void *field);

/* localhost, or a number of this machine's own. */
bool address_host_is_loopback(const char *host);

#endif
