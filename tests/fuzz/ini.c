/*
 * A configuration file, whole: the INI parser, variables of the environment, every kind of value,
 * the rules between keys. What loads must print itself as a file that loads to the same.
 */
#include "fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"

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

static void check_round(const struct config *config)
{
    size_t len, len_again;
    struct config_faults faults = {.count = 0};
    char *text = printed(config, &len);
    struct config *again = load(text, len, &faults);
    /* A secret is printed as "(set)", which is a secret of its own; nothing else may differ. */
    if (again != NULL) {
        char *text_again = printed(again, &len_again);
        MUST(again->server_max_header_size == config->server_max_header_size);
        MUST(again->server_request_timeout == config->server_request_timeout);
        MUST(strcmp(again->upstreams[0].address, config->upstreams[0].address) == 0);
        MUST(strcmp(again->upstreams[0].lookup_path, config->upstreams[0].lookup_path) == 0);
        MUST(strcmp(again->upstreams[0].client_id, config->upstreams[0].client_id) == 0);
        MUST(strcmp(again->tracker_header, config->tracker_header) == 0);
        free(text_again);
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
    if (config != NULL)
        check_round(config);
    config_unref(config);
    config_faults_fini(&faults);
    return 0;
}
