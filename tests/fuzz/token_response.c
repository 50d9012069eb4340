/* The token endpoint's answer: what is taken can go into a header and has a sane lifetime. */
#include "fuzz.h"

#include "base/text.h"
#include "token/response.h"
#include "token/response_error.h"

static void check_grant(const struct token_response *reply)
{
    MUST(reply->value != NULL && text_is_visible(reply->value, strlen(reply->value)));
    MUST(strlen(reply->value) <= TOKEN_VALUE_MAX);
    MUST(reply->type != NULL && text_is_token(reply->type, strlen(reply->type)));
    MUST(strlen(reply->type) <= TOKEN_TYPE_MAX);
    MUST(!text_equal_ci(reply->type, "bearer") || strcmp(reply->type, "Bearer") == 0);
    MUST(reply->grant.lifetime >= SECOND && reply->grant.lifetime <= TOKEN_LIFETIME_MAX);
    MUST(reply->grant.lifetime % SECOND == 0);
}

static bool is_line(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (text_is(*p, TEXT_CONTROL))
            return false;
    return text_is_utf8(text, strlen(text));
}

/* A secret that each way of escaping changes, so that masking has something to find. */
#define SECRET_TEXT "p\"w\\ <&/+%41"

static const struct config_upstream *client(void)
{
    static struct config_upstream upstream = {.client_id = (char *)(uintptr_t) "the id"};

    if (upstream.client_secret_count == 0)
        upstream.client_secrets[upstream.client_secret_count++] =
            secret_new(SECRET_TEXT, strlen(SECRET_TEXT));
    return &upstream;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct token_response reply;
    struct token_response_error error;
    static bool ready;
    static const struct token_response_rules rules = {.token = "access_token",
                                                      .lifetime = "expires_in",
                                                      .default_lifetime = 300 * SECOND,
                                                      .sent = {1767225600 * SECOND}};
    if (!ready)
        token_response_setup();
    ready = true;
    if (token_response_parse(&reply, (const char *)data, size, &rules) == ERR_OK)
        check_grant(&reply);
    else
        MUST(reply.reason.text[0] != '\0' && is_line(reply.reason.text));
    token_response_fini(&reply);
    token_response_error(&error, client(), (const char *)data, size);
    MUST(is_line(error.code) && is_line(error.text));
    MUST(strstr(error.code, SECRET_TEXT) == NULL && strstr(error.text, SECRET_TEXT) == NULL);
    return 0;
}
