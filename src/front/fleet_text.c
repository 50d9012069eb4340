/* The link's error, which names its servers. */
#include "front/fleet_text.h"

#include <stdio.h>

bool fleet_text_store(const struct fleet_link_status *store, char out[FLEET_STORE_TEXT])
{
    out[0] = '\0';
    if (store == NULL || store->error == NULL)
        return false;
    snprintf(out, FLEET_STORE_TEXT, "%.*s", FLEET_STORE_TEXT - 1, store->error);
    return true;
}
