/*
 * auth_body takes the place of the form, and then auth_flow says only how HTTP Basic is encoded.
 * jwt_bearer sends the assertion alone unless auth_client is given: an assertion names the client.
 */
#include "config/auth.h"

#include <string.h>

bool auth_body_is_json(const struct config_upstream *upstream)
{
    return upstream->auth_body[0] == '{' || upstream->auth_body[0] == '[';
}

bool auth_sends_form(const struct config_upstream *upstream)
{
    return upstream->auth_body == NULL && upstream->auth_flow != AUTH_FLOW_BASIC;
}

/* Whether the request authenticates the client in that way. */
static bool authenticates(const struct config_upstream *upstream, enum config_auth_client way)
{
    bool alone = upstream->auth_flow == AUTH_FLOW_JWT_BEARER && !upstream->authenticates;

    return !alone && upstream->auth_client == (int)way;
}

bool auth_sends_basic(const struct config_upstream *upstream)
{
    bool plain = upstream->auth_flow == AUTH_FLOW_BASIC && upstream->auth_body == NULL;

    return plain || authenticates(upstream, AUTH_CLIENT_BASIC);
}

bool auth_sends_id(const struct config_upstream *upstream)
{
    bool alone = upstream->auth_flow == AUTH_FLOW_JWT_BEARER && !upstream->authenticates;

    return auth_sends_form(upstream) && !alone && !auth_sends_basic(upstream);
}

bool auth_sends_secret(const struct config_upstream *upstream)
{
    if (auth_sends_basic(upstream))
        return true;
    if (upstream->auth_body != NULL)
        return strstr(upstream->auth_body, AUTH_BODY_SECRET) != NULL;
    return auth_sends_form(upstream) && authenticates(upstream, AUTH_CLIENT_POST);
}

bool auth_signs_client(const struct config_upstream *upstream)
{
    return auth_sends_form(upstream) && authenticates(upstream, AUTH_CLIENT_PRIVATE_KEY_JWT);
}

bool auth_signs_grant(const struct config_upstream *upstream)
{
    return auth_sends_form(upstream) && upstream->auth_flow == AUTH_FLOW_JWT_BEARER;
}

bool auth_signs(const struct config_upstream *upstream)
{
    return auth_signs_grant(upstream) || auth_signs_client(upstream);
}
