/*
 * Which libmicrohttpd the daemon runs with. Versions 0.9.75 to 1.0.x share one soname, so the one
 * that is loaded may be another than the one that the daemon was built with; two generations of it
 * differ, and what differs asks here.
 *
 * Thread: any.
 */
#ifndef FRONT_MHD_H
#define FRONT_MHD_H

#include <microhttpd.h>
#include <stdbool.h>

enum mhd_generation {
    MHD_GENERATION_UNKNOWN, /* older than 0.9.75, newer than 1.x, or not a version */
    MHD_GENERATION_0_9,     /* 0.9.75 and later 0.9 */
    MHD_GENERATION_1,       /* 1.x */
};

/* That of a version as libmicrohttpd writes it: "0.9.75", "1.0.1". */
enum mhd_generation mhd_generation_of(const char *version);

/* That of the library loaded. */
enum mhd_generation mhd_generation(void);

/* The option that sets how strictly requests are read, and its value; for the library loaded. */
enum MHD_OPTION mhd_strictness_option(void);
int mhd_strictness(void);

/*
 * The status code with which the library rejects a request itself, from the line that it logs
 * before; 400 where it closes the connection without a response; 0 for any other line.
 */
unsigned mhd_rejection_status(const char *line);

/* Whether a line says that a connection's TLS handshake has just failed. */
bool mhd_is_failed_handshake(const char *line);

/*
 * The line that it logs before it closes a connection because the header section of our response
 * found no memory.
 */
bool mhd_response_is_lost(const char *line);

/*
 * The method of the request whose target libmicrohttpd has just shown, by its URI log callback:
 * "GET", "HEAD", or "-" for all others and where it cannot be told.
 */
const char *mhd_method_before(const char *target);

#endif
