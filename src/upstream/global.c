/*
 * libcurl's setting up, once a process. It copies tokens: each request's head is put together in a
 * buffer of its own, each answer passes through another. Both are freed without being overwritten,
 * so libcurl is given an allocator that does it. What it frees in a call is some kilobytes; that is
 * what it costs.
 */
#include "upstream/client.h"

#include <curl/curl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

static void *realloc_wiped(void *old, size_t size)
{
    void *p = malloc(size > 0 ? size : 1);

    if (p == NULL || old == NULL)
        return p;
    size_t held = malloc_usable_size(old);
    memcpy(p, old, held < size ? held : size);
    wipe_free_block(old);
    return p;
}

enum err client_global_start(void)
{
    const int needed = CURL_VERSION_ASYNCHDNS | CURL_VERSION_SSL;

    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_free_block, realloc_wiped, strdup,
                             calloc) != CURLE_OK)
        return ERR_SYSTEM;
    if ((curl_version_info(CURLVERSION_NOW)->features & needed) != needed) {
        curl_global_cleanup();
        return ERR_SYSTEM;
    }
    /* With CURLOPT_NOSIGNAL this is left to us. */
    return signal(SIGPIPE, SIG_IGN) != SIG_ERR ? ERR_OK : ERR_SYSTEM;
}

void client_global_stop(void)
{
    curl_global_cleanup();
}
