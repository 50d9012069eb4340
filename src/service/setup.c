/*
 * What is wrong is told all at once, so each part is asked though another has found a fault
 * already; only a configuration that cannot be read ends the asking.
 */
#include "service/setup.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "upstream/client.h"

/* That certificate, key and CA can be used is for the client to say. */
static void check_tls(const struct config *config, struct config_faults *faults)
{
    const struct client_settings settings = client_settings_from(config);
    char problem[CLIENT_PROBLEM];
    if (client_check(&settings, problem) == ERR_OK)
        return;
    size_t key_len = strcspn(problem, ":");
    char *key = mem_strndup(problem, key_len);
    config_fault(faults, config, "upstream", key, "%s", problem + key_len + strlen(": "));
    mem_free(key);
}

bool setup_read(struct setup *setup, const char *path, const struct config *before,
                bool credentials_optional, struct config_faults *faults)
{
    const size_t faults_before = faults->faults;
    *setup = (struct setup){.config = NULL};
    if (before == NULL)
        setup->config = config_load(path, credentials_optional, faults);
    else
        setup->config = config_reload(before, path, credentials_optional, faults);
    if (setup->config != NULL) {
        setup->identity = identity_new(setup->config, faults);
        check_tls(setup->config, faults);
    }
    return faults->faults == faults_before;
}

void setup_copy(struct setup *setup, const struct setup *other)
{
    setup->config = config_ref(other->config);
    setup->identity = identity_ref(other->identity);
}

void setup_fini(struct setup *setup)
{
    identity_unref(setup->identity);
    config_unref(setup->config);
    *setup = (struct setup){.config = NULL};
}

void setup_log_faults(const struct config_faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct config_fault *fault = &faults->items[i];
        log_write(fault->note ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, NULL, "%s", fault->text);
    }
}
