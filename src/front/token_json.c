/* What does not exist is null, so that a reader finds the same names at all times. */
#include "front/token_json.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "front/fleet_text.h"

json_t *token_json_text(const char *bytes)
{
    struct buf clean;
    size_t left = strlen(bytes);

    buf_init(&clean, left * 3);
    while (left > 0) {
        uint32_t code;
        const size_t n = text_utf8_next(bytes, left, &code);
        const size_t step = n > 0 ? n : 1;

        if (n > 0)
            buf_append(&clean, bytes, n);
        else
            buf_puts(&clean, "\xef\xbf\xbd");
        bytes += step;
        left -= step;
    }
    json_t *value = json_string(buf_text(&clean));
    buf_fini(&clean);
    return value;
}

/* To the millisecond. */
static json_t *seconds(int64_t duration)
{
    int64_t milliseconds = duration / MILLISECOND;

    return json_real((double)milliseconds / 1000.0);
}

static void add_seconds(json_t *token, const char *name, bool known, int64_t duration)
{
    json_object_set_new(token, name, known ? seconds(duration) : json_null());
}

json_t *token_json_fleet(const struct fleet_status *member, const struct fleet_link_status *store)
{
    char error[FLEET_STORE_TEXT];
    const bool out = fleet_text_store(store, error);
    json_t *fleet = json_pack(
        "{s:s, s:o, s:s, s:s?, s:o, s:o}", "state", fleet_state_name(member->state), "generation",
        member->generation > 0 ? json_integer((json_int_t)member->generation) : json_null(),
        "member", member->member, "leader", member->leader[0] != '\0' ? member->leader : NULL,
        "members", member->members > 0 ? json_integer(member->members) : json_null(), "store_error",
        out ? token_json_text(error) : json_null());

    MEM_MUST(fleet != NULL);
    return fleet;
}

json_t *token_json(const struct keeper_status *status)
{
    const bool have = keeper_status_has_token(status);
    const bool failed = status->last_error != NULL;
    json_t *token =
        json_pack("{s:s, s:I, s:i, s:i, s:s?, s:o}", "state", status->state_name, "generation",
                  (json_int_t)status->generation, "requests_last_hour",
                  (int)status->requests_last_hour, "charged_last_hour",
                  (int)status->charged_last_hour, "fingerprint", have ? status->fingerprint : NULL,
                  "last_error", failed ? token_json_text(status->last_error) : json_null());

    MEM_MUST(token != NULL);
    add_seconds(token, "age_seconds", have, status->age);
    add_seconds(token, "lifetime_seconds", have, status->lifetime);
    add_seconds(token, "early_expiry_seconds", have, status->refresh_window);
    add_seconds(token, "expires_in_seconds", have, status->expires_in);
    add_seconds(token, "next_renewal_in_seconds", status->next_request_in >= 0,
                status->next_request_in);
    add_seconds(token, "last_error_age_seconds", failed, status->last_error_age);
    return token;
}
