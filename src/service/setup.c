/*
 * What is wrong is told all at once, so each part is asked though another has found a fault
 * already; only a configuration that cannot be read ends the asking.
 */
#include "service/setup.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/fleet.h"
#include "token/assertions.h"
#include "upstream/tls_check.h"

/* A credential that config_load did not look at: its name stands in the place of a path. */
static bool is_unseen(const char *path)
{
    static const char prefix[] = "credential:";

    return path != NULL && strncmp(path, prefix, strlen(prefix)) == 0;
}

/* Settings without the files that were not looked at, and without a pair that lacks one of them. */
static struct client_settings seen_settings(const struct config_upstream *upstream)
{
    struct client_settings settings = client_settings_from(upstream);

    if (is_unseen(upstream->ca_file))
        settings.ca_file = NULL;
    if (is_unseen(upstream->client_certificate) || is_unseen(upstream->client_key.path) ||
        is_unseen(upstream->client_key_password_file.path)) {
        settings.client_certificate = NULL;
        settings.client_key = NULL;
    }
    return settings;
}

/* What a reason of client_check says about its key. */
static const char *behind_key(const struct reason *reason)
{
    return reason->text + strcspn(reason->text, ":") + strlen(": ");
}

/*
 * That certificate, key and CA can be used is for the client to say; whether one of a pair is
 * missing, only when that is not the consequence of another fault.
 */
static void check_tls(const struct config *config, const struct config_upstream *upstream,
                      struct config_faults *faults)
{
    const struct client_settings settings = seen_settings(upstream);
    const bool pair = (settings.client_certificate == NULL) == (settings.client_key == NULL);
    struct reason reason;
    if (faults->faults > 0 && !pair)
        return;
    bool good = client_check(&settings, &reason) == ERR_OK;
    if (reason.text[0] == '\0')
        return;
    char *key = mem_strndup(reason.text, strcspn(reason.text, ":"));
    (good ? config_upstream_note : config_upstream_fault)(faults, config, upstream, key, "%s",
                                                          behind_key(&reason));
    mem_free(key);
}

static void check_key_ca(const struct config *config, struct config_faults *faults)
{
    const struct client_settings settings = {.ca_file = config->identity_key_ca_file};
    struct reason reason;
    if (is_unseen(settings.ca_file) || client_check(&settings, &reason) == ERR_OK)
        return;
    config_fault(faults, config, "identity", "key_ca_file", "%s", behind_key(&reason));
}

/* Of the store, where it is spoken to over TLS. There is no key for a password. */
static void check_fleet(const struct config *config, struct config_faults *faults)
{
    const struct secret *client_key = config->fleet_client_key.bytes;
    struct client_settings settings = {.ca_file = config->fleet_ca_file};
    struct reason reason;
    if (!config_fleet_is_set(config) || !config->fleet_tls)
        return;
    if (is_unseen(settings.ca_file))
        settings.ca_file = NULL;
    if (client_key != NULL && client_key_is_encrypted(client_key)) {
        config_fault(faults, config, "fleet", "client_key",
                     "is encrypted; write it without a password: openssl pkey -in KEY -out FILE");
    } else if (client_key != NULL && config->fleet_client_certificate != NULL &&
               !is_unseen(config->fleet_client_certificate)) {
        settings.client_certificate = config->fleet_client_certificate;
        settings.client_key = client_key;
    }
    if (client_check(&settings, &reason) == ERR_OK)
        return;
    char *key = mem_strndup(reason.text, strcspn(reason.text, ":"));
    config_fault(faults, config, "fleet", key, "%s", behind_key(&reason));
    mem_free(key);
}

static void check_assertions(const struct config *config, const struct config_upstream *upstream,
                             struct config_faults *faults)
{
    struct reason reason;
    if (!assertions_check(upstream, &reason))
        config_upstream_fault(faults, config, upstream, "auth_key_file", "%s", reason.text);
}

/* They outlive a configuration that is dropped for its faults: the remedy comes in one of them. */
static void list_files(struct setup *setup, const struct config *config)
{
    const char *const *files = config_files(config, &setup->file_count);
    setup->files = mem_zalloc((setup->file_count + 1) * sizeof(char *));
    for (size_t i = 0; i < setup->file_count; i++)
        setup->files[i] = mem_strdup(files[i]);
}

struct looking {
    struct setup *setup;
    const struct config *before;
};

static void look(void *arg, struct config *config, struct config_faults *faults)
{
    const struct looking *looking = arg;
    struct setup *setup = looking->setup;
    list_files(setup, config);
    setup->identity = identity_new(config, faults);
    setup->tls = tls_new(config, faults);
    check_key_ca(config, faults);
    check_fleet(config, faults);
    for (size_t i = 0; i < config->upstream_count; i++) {
        check_tls(config, &config->upstreams[i], faults);
        check_assertions(config, &config->upstreams[i], faults);
    }
    if (looking->before != NULL && faults->faults > 0)
        setup_log_kept(looking->before, config);
}

bool setup_read(struct setup *setup, const char *path, const struct config *before,
                bool credentials_optional, struct config_faults *faults)
{
    const size_t faults_before = faults->faults;
    struct looking looking = {setup, before};
    *setup = (struct setup){.config = NULL};
    setup->config = config_load(before, path, credentials_optional, look, &looking, faults);
    return faults->faults == faults_before;
}

/* The directory of a socket's path; NULL when it exists, or cannot be asked about. */
static char *missing_directory(const struct config_address *address)
{
    const struct sockaddr_un *sun = (const void *)&address->addr;
    struct stat st;
    if (address->addr.ss_family != AF_UNIX)
        return NULL;
    char *dir = mem_strndup(sun->sun_path, (size_t)(strrchr(sun->sun_path, '/') - sun->sun_path));
    if (*dir != '\0' && stat(dir, &st) != 0 && errno == ENOENT)
        return dir;
    mem_free(dir);
    return NULL;
}

/* `or` is what else could be done. A unit can have a directory made only below /run. */
static void note_directories(const struct config *config, const char *section,
                             const struct config_addresses *addresses, const char * or,
                             struct config_faults *notes)
{
    static const char run[] = "/run/";
    for (size_t i = 0; i < addresses->count; i++) {
        char *dir = missing_directory(&addresses->items[i]);
        if (dir == NULL)
            continue;
        if (strncmp(dir, run, strlen(run)) == 0)
            config_note(notes, config, section, "listen",
                        "%s does not exist; under systemd RuntimeDirectory=%s makes it, elsewhere "
                        "mkdir %s%s",
                        dir, dir + strlen(run), dir, or);
        else
            config_note(notes, config, section, "listen", "%s does not exist; mkdir %s%s", dir, dir,
                        or);
        mem_free(dir);
    }
}

void setup_note_directories(const struct config *config, struct config_faults *notes)
{
    note_directories(config, "server", &config->server_listen, "", notes);
    note_directories(config, "metrics", &config->metrics_listen, "", notes);
    note_directories(config, "admin", &config->admin_listen, ", or set [admin] listen = off",
                     notes);
}

void setup_note_journal(const struct config *config, struct config_faults *notes)
{
    const int error = config->log_format == LOG_FORMAT_JOURNAL ? log_find_journal() : 0;

    if (error != 0)
        config_note(notes, config, "log", "format",
                    "no journal at " LOG_JOURNAL_SOCKET " (%s); lines are text on standard error "
                    "until there is one",
                    strerrordesc_np(error));
}

void setup_copy(struct setup *setup, const struct setup *other)
{
    *setup = (struct setup){.config = config_ref(other->config)};
    setup->identity = identity_ref(other->identity);
    setup->tls = other->tls != NULL ? tls_ref(other->tls) : NULL;
}

void setup_fini(struct setup *setup)
{
    identity_unref(setup->identity);
    tls_unref(setup->tls);
    config_unref(setup->config);
    for (size_t i = 0; i < setup->file_count; i++)
        mem_free(setup->files[i]);
    mem_free(setup->files);
    *setup = (struct setup){.config = NULL};
}

static void log_kept_key(void *arg, const char *section, const char *key)
{
    (void)arg;
    log_warning(NULL,
                "[%s] %s changed, but it cannot be reloaded: it keeps its value until a restart",
                section, key);
}

void setup_log_kept(const struct config *before, const struct config *config)
{
    config_unreloadable(before, config, log_kept_key, NULL);
}

void setup_log_faults(const struct config_faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct config_fault *fault = &faults->items[i];
        log_write(fault->note ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, NULL, "%s", fault->text);
    }
}
