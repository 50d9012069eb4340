/*
 * The status page: HTML that is complete in one response, with its own style, script and plots.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_STATUS_PAGE_H
#define FRONT_STATUS_PAGE_H

#include "base/buf.h"
#include "front/overview.h"

/*
 * The page is never longer, whatever names and problems it shows. It is below 60 kB with two
 * upstreams that failed for two hours with every code there is, or with four that were well.
 */
#define STATUS_PAGE_MAX (1024 * 1024)

/* The policy names the digests of the page's style and script. */
const char *status_page_policy(void);
void status_page_write(const struct overview *overview, struct buf *out);

#endif
