/*
 * 0.9.75 tells its version only as a text (MHD_get_version), so the text is parsed for all.
 *
 * What differs between the generations, and where it is dealt with:
 *   - 0.9 accepts requests that 1.x rejects itself. The guard (front/guard.c) finds these by the
 *     traces that 0.9's parser leaves in memory. It looks for them under 0.9 alone.
 *   - 1.x takes a new connection only in its next run (front/server.c).
 *   - 1.x drops cookies whose values have spaces. Cookies are read from the Cookie field instead
 *     (exchange/cookie.c), under both.
 */
#include "front/mhd.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/*
 * Since 0.9.77; the headers of 0.9.75 and 0.9.76 do not have it. Levels go from -3 to 3, 3 being
 * the strictest.
 */
#define OPTION_CLIENT_DISCIPLINE_LVL ((enum MHD_OPTION)38)
#define STRICTEST 3

/* The first version whose parser leaves the traces that the guard reads. */
#define OLDEST_0_9_PATCH 75

enum mhd_generation mhd_generation_of(const char *version)
{
    unsigned major, minor, patch;
    int end = 0;

    if (version == NULL || sscanf(version, "%3u.%3u.%5u%n", &major, &minor, &patch, &end) != 3)
        return MHD_GENERATION_UNKNOWN;
    /* A distribution may add to it: "1.0.1-dfsg", "1.0.1 beta". */
    if (version[end] != '\0' && strchr("-+~ .", version[end]) == NULL)
        return MHD_GENERATION_UNKNOWN;
    if (major == 1)
        return MHD_GENERATION_1;
    if (major == 0 && minor == 9 && patch >= OLDEST_0_9_PATCH)
        return MHD_GENERATION_0_9;
    return MHD_GENERATION_UNKNOWN;
}

enum mhd_generation mhd_generation(void)
{
    static enum mhd_generation known;

    /* Every thread that comes here writes the same. */
    enum mhd_generation generation = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (generation == MHD_GENERATION_UNKNOWN) {
        generation = mhd_generation_of(MHD_get_version());
        __atomic_store_n(&known, generation, __ATOMIC_RELAXED);
    }
    return generation;
}

/* 0.9 leaves a missing Host and a space in the target to the guard: its own response is faulty. */
enum MHD_OPTION mhd_strictness_option(void)
{
    return mhd_generation() == MHD_GENERATION_1 ? OPTION_CLIENT_DISCIPLINE_LVL
                                                : MHD_OPTION_STRICT_FOR_CLIENT;
}

int mhd_strictness(void)
{
    return mhd_generation() == MHD_GENERATION_1 ? STRICTEST : 0;
}

/* Lines about what does not look like a request: libmicrohttpd 1.x closes without a response. */
static const char *const closings[] = {
    "The request line ",
    "The NUL character is in the request line",
    "Invalid character is in the request line",
    "Bare CR characters are not allowed in the request line",
    "Bare LF characters are not allowed in the request line",
    "Too many meaningless extra empty lines",
    "No space left in the read buffer when receiving",
};

/*
 * Tried with 0.9.75, 1.0.0, 1.0.1 and 1.0.10. Under another text the caller gets what the library
 * sends, and there is no access line for it.
 */
unsigned mhd_rejection_status(const char *line)
{
    unsigned status;

    if (sscanf(line, "Error processing request (HTTP response code is %3u", &status) == 1)
        return status;
    for (size_t i = 0; i < sizeof(closings) / sizeof(closings[0]); i++)
        if (strncmp(line, closings[i], strlen(closings[i])) == 0)
            return MHD_HTTP_BAD_REQUEST;
    return 0;
}

/* Logged in no other case, whatever it says; tried with 0.9.75 and 1.0.1. */
bool mhd_is_failed_handshake(const char *line)
{
    static const char text[] = "Error: received handshake message out of context";

    return strncmp(line, text, strlen(text)) == 0;
}

bool mhd_response_is_lost(const char *line)
{
    static const char start[] = "Closing connection (failed to create response header";
    return strncmp(line, start, strlen(start)) == 0;
}

/*
 * The method stands before the target, with one byte between them, and libmicrohttpd tells it only
 * when the header section is whole. Its memory begins on a boundary of so many bytes, and the
 * request line where its memory begins, as a rule: what lies between a boundary and the target is
 * the request line's.
 */
#define MEMORY_BOUNDARY 16

const char *mhd_method_before(const char *target)
{
    static const char *const usual[] = {"GET", "HEAD"};
    const char *end = target - 1;
    const size_t room = (uintptr_t)end % MEMORY_BOUNDARY;

    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        const size_t len = strlen(usual[i]);
        const char *method = end - len;
        if (len > room || memcmp(method, usual[i], len) != 0)
            continue;
        if (len == room || method[-1] == '\0' || method[-1] == '\n')
            return usual[i];
    }
    return "-";
}
