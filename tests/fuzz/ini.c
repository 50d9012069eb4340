/*
 * A configuration file, whole: the INI parser, variables of the environment, every kind of value,
 * the rules between keys. What loads must print itself as a file that loads to the same.
 */
#include "fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/auth.h"
#include "config/config.h"
#include "config/route.h"

static struct config *load(const char *bytes, size_t len, struct config_faults *faults)
{
    char path[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    MUST(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && fchmod(fd, 0600) == 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    struct config *config = config_load(NULL, path, true, NULL, NULL, faults);
    close(fd);
    return config;
}

static void check_faults(const struct config_faults *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        for (const char *c = faults->items[i].text; *c != '\0'; c++)
            MUST(*c != '\n' && *c != '\r');
}

static char *printed(const struct config *config, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    MUST(out != NULL);
    config_print(config, out);
    fclose(out);
    return text;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void check_upstream(const struct config_upstream *a, const struct config_upstream *b)
{
    MUST(same_text(a->address, b->address));
    MUST(same_text(a->client_id, b->client_id));
    MUST(same_text(a->lookup_path, b->lookup_path));
    MUST(same_text(a->lookup_target.text, b->lookup_target.text));
    MUST(same_text(a->lookup_target.before, b->lookup_target.before));
    MUST(same_text(a->lookup_target.behind, b->lookup_target.behind));
    MUST(same_text(a->address_country.constant, b->address_country.constant));
    MUST(same_text(a->auth_body, b->auth_body));
    MUST(same_text(a->auth_url, b->auth_url));
    MUST(auth_sends_basic(a) == auth_sends_basic(b) && auth_sends_form(a) == auth_sends_form(b));
    MUST(auth_sends_id(a) == auth_sends_id(b) && auth_signs(a) == auth_signs(b));
    MUST(a->header_count == b->header_count);
    for (size_t i = 0; i < a->header_count; i++) {
        MUST(same_text(a->headers[i].name, b->headers[i].name));
        MUST(same_text(a->headers[i].value, b->headers[i].value));
    }
}

static bool same_list(const struct config_list *a, const struct config_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    }
    return true;
}

static void check_routes(const struct config *a, const struct config *b)
{
    MUST(a->route_count == b->route_count && a->upstream_count == b->upstream_count);
    for (size_t i = 0; i < a->route_count; i++) {
        const struct config_route *route = &a->routes[i];
        const struct config_route *other = &b->routes[i];
        MUST(strcmp(route->name, other->name) == 0 && strcmp(route->prefix, other->prefix) == 0);
        MUST(same_list(&route->postcodes, &other->postcodes));
        MUST(route->upstream_count > 0 && route->upstream_count == other->upstream_count);
        for (size_t j = 0; j < route->upstream_count; j++)
            MUST(route->upstreams[j] == other->upstreams[j]);
    }
}

/* Each beginning of postcodes leads to its own route, and so does the prefix alone. */
static void check_ways(const struct config *config)
{
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        const size_t len = strlen(route->prefix);
        MUST(route_find_prefix(config, route->prefix, len) == len);
        if (route->postcodes.count == 0)
            MUST(route_find(config, route->prefix, len, "") == route);
        for (size_t j = 0; j < route->postcodes.count; j++)
            MUST(route_find(config, route->prefix, len, route->postcodes.items[j]) == route);
    }
}

static bool holds_secret(const struct config *config)
{
    for (size_t i = 0; i < config->upstream_count; i++) {
        if (config->upstreams[i].client_secret != NULL)
            return true;
    }
    return false;
}

static void check_round(const struct config *config)
{
    size_t len;
    struct config_faults faults = {.count = 0};
    char *text = printed(config, &len);
    struct config *again = load(text, len, &faults);
    /* A secret in the file is not printed, and so it is missing. */
    MUST(again != NULL || holds_secret(config));
    if (again != NULL) {
        MUST(again->server_max_header_size == config->server_max_header_size);
        MUST(again->server_request_timeout == config->server_request_timeout);
        MUST(strcmp(again->tracker_header, config->tracker_header) == 0);
        check_upstream(&again->upstreams[0], &config->upstreams[0]);
        check_routes(again, config);
    }
    free(text);
    config_unref(again);
    config_faults_fini(&faults);
}

/* What ${V} stands for: blanks, and what must not be looked through again. */
static void make_environment(void)
{
    static bool made;
    if (!made)
        MUST(setenv("V", " ${V} $${ # \xc3\xa9 ", 1) == 0);
    made = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_faults faults = {.count = 0};
    make_environment();
    struct config *config = load((const char *)data, size, &faults);
    MUST((config == NULL) == (faults.faults > 0));
    check_faults(&faults);
    if (config != NULL) {
        check_ways(config);
        check_round(config);
    }
    config_unref(config);
    config_faults_fini(&faults);
    return 0;
}
