/*
 * What the service manager hands back: the whole as it lies in the descriptor, which the tag
 * refuses nearly always, and the text behind the tag by itself. The same for what the fleet's store
 * has.
 */
#include <string.h>

#include "fuzz.h"

#include "base/text.h"
#include "token/fleet_seal.h"
#include "token/sealed_token.h"

static void look_at(const struct sealed_token *keep)
{
    MUST(text_is_token(keep->grant.type, strlen(keep->grant.type)));
    MUST(text_is_visible(keep->grant.value, strlen(keep->grant.value)));
    MUST(strlen(keep->grant.value) <= TOKEN_VALUE_MAX);
    MUST(keep->grant.lifetime > 0 && keep->grant.lifetime <= TOKEN_LIFETIME_MAX);
    MUST(keep->requested.ns >= 0 && keep->requested.ns <= HOUR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned char boot[SEALED_TOKEN_BOOT] = {0};
    const struct mono_time now = {.ns = HOUR};
    struct secret *key = secret_new("0123456789abcdef0123456789abcdef", 32);
    struct sealed_token keep;
    const struct sealed_token_owner owner = {.key = key, .name = "a", .first = true};
    MUST(sealed_token_open(&keep, data, size, &owner, boot, now) != NULL);
    sealed_token_fini(&keep);
    if (sealed_token_read(&keep, data, size, boot, now) == NULL)
        look_at(&keep);
    sealed_token_fini(&keep);
    MUST(!fleet_open(&keep, data, size, key, "0123456789abcdef0123456789abcdef", 7));
    sealed_token_fini(&keep);
    if (sealed_grant_read(&keep, data, size) == NULL)
        look_at(&keep);
    sealed_token_fini(&keep);
    secret_unref(key);
    return 0;
}
