/*
 * The daemon as a member of a fleet: its name, and the one link to the store that all its upstreams
 * share. A reload makes a link beside the present one where it would differ; each token service
 * leaves the former for it, and retired ones leave it too, so that it can go at the end.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "config/fleet.h"
#include "service/daemon_internal.h"

/* What the name has of the host's, before a dot and 8 digits. */
#define HOST_PART ((int)UPSTREAMS_MEMBER - 1 - 9)

/* The host's name, and what tells this process from others there and before. */
static void make_name(char out[UPSTREAMS_MEMBER])
{
    char host[HOST_NAME_MAX + 1] = ""; /* where there is no room for all, there is none of it */
    if (gethostname(host, sizeof(host)) != 0)
        host[0] = '\0';
    host[sizeof(host) - 1] = '\0';
    for (char *c = host; *c != '\0'; c++)
        if (!text_is_all(c, 1, TEXT_NAME))
            *c = '-';
    snprintf(out, UPSTREAMS_MEMBER, "%.*s.%08x", HOST_PART, host[0] != '\0' ? host : "host",
             (unsigned)arc4random());
}

static enum err make_link(struct loop *loop, struct config *config, struct fleeting *out)
{
    *out = (struct fleeting){.digest = fleet_link_digest(config)};
    return fleet_link_new(loop, config, &out->link);
}

static void use(struct daemon *daemon, const struct fleeting *fleeting)
{
    if (fleeting->link != NULL && daemon->fleeting.link == NULL)
        log_write_fields(LOG_LEVEL_NOTICE, NULL, &LOG_TEXT("member", daemon->upstreams.member), 1,
                         "the daemon is a member of a fleet, and shares its tokens");
    if (fleeting->link == NULL && daemon->fleeting.link != NULL)
        log_notice(NULL, "the daemon is no member of a fleet any more; its present tokens stay");
    daemon->fleeting = *fleeting;
    daemon->fleet = (struct exposition_fleet){
        .link = fleeting->link, .store = fleet_link_status, .member = token_service_fleet_status};
}

bool fleeting_make(struct daemon *daemon)
{
    struct config *config = daemon->setup.config;
    struct fleeting made = {.link = NULL};
    make_name(daemon->upstreams.member);
    if (config_fleet_is_set(config) && make_link(daemon->loop, config, &made) != ERR_OK)
        return false;
    use(daemon, &made);
    return true;
}

bool fleeting_prepare(const struct daemon *daemon, struct config *config, struct fleeting *out,
                      bool *is_new)
{
    *out = (struct fleeting){.link = NULL};
    *is_new = false;
    if (!config_fleet_is_set(config))
        return true;
    const struct digest digest = fleet_link_digest(config);
    if (daemon->fleeting.link != NULL && digest_same(&digest, &daemon->fleeting.digest)) {
        *out = daemon->fleeting;
        return true;
    }
    *is_new = make_link(daemon->loop, config, out) == ERR_OK;
    if (!*is_new)
        log_error(NULL, "the TLS files of the fleet's store cannot be used: look at [fleet] "
                        "ca_file, client_certificate and client_key");
    return *is_new;
}

void fleeting_use(struct daemon *daemon, const struct fleeting *fleeting)
{
    struct fleet_link *before = daemon->fleeting.link;
    use(daemon, fleeting);
    if (before != fleeting->link)
        fleet_link_free(before);
}

void fleeting_stop(struct daemon *daemon)
{
    fleet_link_free(daemon->fleeting.link);
    daemon->fleeting.link = NULL;
    daemon->fleet.link = NULL;
}
