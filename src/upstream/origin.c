/* The configuration has checked the URL with libcurl's parser: here it is only cut in two. */
#include "upstream/origin.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

const char *origin_prefix(const char *url)
{
    const char *host = strstr(url, "://");
    MUST(host != NULL);
    host += strlen("://");
    return host + strcspn(host, "/");
}

char *origin_of(const char *url)
{
    return mem_strndup(url, (size_t)(origin_prefix(url) - url));
}
