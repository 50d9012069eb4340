/* Names from the table of states, and the link's error, which names its servers. */
#include "front/fleet_text.h"

#include <stdio.h>

#include "base/check.h"

const char *fleet_text_state(enum fleet_state state)
{
    static const char *const names[] = {
#define STATE_NAME(id, name) [id] = (name),
        FLEET_STATES(STATE_NAME)
#undef STATE_NAME
    };

    MUST(state < ARRAY_LEN(names));
    return names[state];
}

bool fleet_text_store(const struct fleet_link_status *store, char out[FLEET_STORE_TEXT])
{
    out[0] = '\0';
    if (store == NULL || store->error == NULL)
        return false;
    snprintf(out, FLEET_STORE_TEXT, "%.*s", FLEET_STORE_TEXT - 1, store->error);
    return true;
}
