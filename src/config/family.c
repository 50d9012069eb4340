/*
 * What is wrong with a name is said before its value is looked at. A name that the daemon or HTTP
 * uses itself is rejected here; names that clash with other keys are for rules.c.
 */
#include "config/family.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/credential.h"
#include "config/web.h"

/* RFC 6749, section 8.2, has no bound for a parameter's name, nor has RFC 9110 for a field's. */
#define NAME_MAX_LEN 64

/* What the token request sets by itself. */
#define PARAMS_TAKEN                                                                               \
    "grant_type scope audience client_id client_secret client_assertion_type client_assertion "    \
    "assertion"

/* RFC 6749, section 8.2: param-name. */
static bool is_param_name(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len <= NAME_MAX_LEN && text_is_all(name, len, TEXT_NAME);
}

static void add(struct config_params *params, const char *name, char *value)
{
    params->items = mem_grow(params->items, params->count, sizeof(*params->items));
    params->items[params->count++] =
        (struct config_param){.name = mem_strdup(name), .value = value};
}

bool family_parse_param(const struct input *in, const char *name, void *field, struct buf *shown)
{
    char *value = NULL;

    if (!is_param_name(name))
        return input_wrong(in,
                           "a parameter needs a name of at most %d letters, digits, -, . and _; "
                           "write auth_param.resource = ... for one",
                           NAME_MAX_LEN);
    if (input_find_word(PARAMS_TAKEN, name) != NULL)
        return input_wrong(in,
                           "the token request sets %s itself; use the key for it, if there is "
                           "one",
                           name);
    if (!input_take_text(in, &value, shown))
        return false;
    add(field, name, value);
    return true;
}

static bool is_header_name(const struct input *in, const char *name)
{
    size_t len = strlen(name);

    if (len > NAME_MAX_LEN || !text_is_token(name, len))
        return input_wrong(in,
                           "a header field needs a name of at most %d letters, digits and -; "
                           "write header.X-Api-Version = ... for one",
                           NAME_MAX_LEN);
    return web_is_free_header(in, name);
}

bool family_parse_header(const struct input *in, const char *name, void *field, struct buf *shown)
{
    char *value = NULL;

    if (!is_header_name(in, name) || !input_take_text(in, &value, shown))
        return false;
    add(field, name, value);
    return true;
}

bool family_parse_header_file(const struct input *in, const char *name, void *field,
                              struct buf *shown)
{
    struct config_header_files *files = field;
    struct config_file file = {0};

    if (!is_header_name(in, name))
        return false;
    if (!credential_parse_keyfile(in, &file, shown)) {
        credential_fini_keyfile(&file);
        return false;
    }
    files->items = mem_grow(files->items, files->count, sizeof(*files->items));
    files->items[files->count++] =
        (struct config_header_file){.name = mem_strdup(name), .file = file};
    return true;
}

void family_fini_params(void *field)
{
    struct config_params *params = field;

    for (size_t i = 0; i < params->count; i++) {
        mem_free(params->items[i].name);
        mem_free(params->items[i].value);
    }
    mem_free(params->items);
    *params = (struct config_params){0};
}

void family_fini_header_files(void *field)
{
    struct config_header_files *files = field;

    for (size_t i = 0; i < files->count; i++) {
        mem_free(files->items[i].name);
        credential_fini_keyfile(&files->items[i].file);
    }
    mem_free(files->items);
    *files = (struct config_header_files){0};
}
