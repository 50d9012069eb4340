/*
 * Entity tags are compared weakly. A tag that lacks its quotes is compared as it stands: an
 * upstream that sends such a one gets it back from its callers.
 *
 * A date that cannot be read is as good as none, and so is one against an answer without
 * Last-Modified: then the caller gets the answer.
 */
#include "cache/conditional.h"

#include <string.h>

#include "base/http_date.h"
#include "base/text.h"

struct tag {
    const char *text; /* without W/ */
    size_t len;
};

static const char *skip_weak(const char *text)
{
    return strncmp(text, "W/\"", 3) == 0 ? text + 2 : text;
}

/* The tag that a text begins with: up to its second quote, for commas may stand between; or, where
 * there are none, up to a comma. */
static struct tag tag_of(const char *text)
{
    struct tag tag = {.text = skip_weak(text)};
    const char *close = *tag.text == '"' ? strchr(tag.text + 1, '"') : NULL;

    tag.len = close != NULL ? (size_t)(close + 1 - tag.text) : strcspn(tag.text, ",");
    while (tag.len > 0 && text_is(tag.text[tag.len - 1], TEXT_BLANK))
        tag.len--;
    return tag;
}

static bool lists(const char *list, const char *etag)
{
    const char *wanted = skip_weak(etag);
    const size_t wanted_len = strlen(wanted);

    while (*list != '\0') {
        list += strspn(list, " \t,");
        const struct tag tag = tag_of(list);

        if (tag.len > 0 && tag.len == wanted_len && memcmp(tag.text, wanted, tag.len) == 0)
            return true;
        list = tag.text + tag.len;
        list += strcspn(list, ",");
    }
    return false;
}

static bool is_any(const char *list)
{
    size_t len = strlen(list);

    text_trim(&list, &len);
    return len == 1 && *list == '*';
}

bool conditional_holds(const char *if_none_match, const char *if_modified_since, const char *etag,
                       const char *last_modified, struct wall_time now)
{
    struct wall_time since, modified;

    if (if_none_match != NULL)
        return is_any(if_none_match) || (etag != NULL && lists(if_none_match, etag));
    if (if_modified_since == NULL || last_modified == NULL ||
        !http_date_parse(if_modified_since, now, &since) ||
        !http_date_parse(last_modified, now, &modified))
        return false;
    return modified.ns <= since.ns;
}
