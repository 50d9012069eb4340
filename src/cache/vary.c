/*
 * What the daemon sends is the same for each lookup of a key: its own fields are constant, and the
 * user of forward_header is part of the key. But for three kinds: "*" stands for what is in no
 * field; GUID and trace are other ones each time; and validators are sent now and then.
 */
#include "cache/vary.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/text.h"

static bool is_named(const char *text, size_t len, const char *name)
{
    return name != NULL && strlen(name) == len && strncasecmp(name, text, len) == 0;
}

static bool changes(const char *name, size_t len, const struct config *config)
{
    const char *const changing[] = {"*",          config->tracker_header, "traceparent",
                                    "tracestate", "If-None-Match",        "If-Modified-Since"};

    for (size_t i = 0; i < ARRAY_LEN(changing); i++)
        if (is_named(name, len, changing[i]))
            return true;
    return false;
}

bool vary_is_satisfied(const char *vary, const struct config *config)
{
    for (const char *text = vary; text != NULL;) {
        const char *name = text, *end = strchrnul(text, ',');
        size_t len = (size_t)(end - text);

        text_trim(&name, &len);
        if (len > 0 && (!text_is_token(name, len) || changes(name, len, config)))
            return false;
        text = *end != '\0' ? end + 1 : NULL;
    }
    return true;
}
