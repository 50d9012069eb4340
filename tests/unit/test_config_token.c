/*
 * Faults and notes about the keys of a token request: what takes the place of what, and which key
 * is of use beside which.
 */
#include "config/config.h"

#include <check.h>

#include "base/check.h"
#include "config_cases.h"
#include "suite.h"

static const struct config_case cases[] = {
    /* What a token response is called. */
    {"auth_reply = a b c",
     AT(7) "auth_reply: \"a b c\" is not understood; must be one or two names of JSON members, "
           "separated by a space, such as access_token expires_in\n"},
    {"auth_reply =",
     AT(7) "auth_reply: is empty; must be one or two names of JSON members, separated by a space, "
           "such as access_token expires_in\n"},
    {"auth_scheme = a b",
     AT(7) "auth_scheme: \"a b\" is not understood; must be a word of at most 64 letters, digits "
           "and !#$%&'*+-.^_`|~\n"},
    {"auth_scheme = \"Token\"",
     AT(7) "auth_scheme: \"Token\" is not understood; must be a word of at most 64 letters, "
           "digits and !#$%&'*+-.^_`|~; quotes are part of a value: write it without them\n"},

    /* auth_body by itself: it is sent as it stands. */
    {"auth_client = post\nauth_body = {\"a\":\"{client_idd}\",\"b\":\"{client_secret}\"}",
     "note " AT(8) "auth_body: {client_idd} is sent as it stands; only {client_id} and "
                   "{client_secret} are filled in\n"},
    {"auth_client = post\nauth_body = {\"a\":{client_id},\"b\":\"{client_secret}\"}",
     "note " AT(8) "auth_body: begins like JSON, with a fault: not valid JSON: a name in double "
                   "quotes must "
                   "be here, at byte 7\n"},
    /* And what it takes the place of. */
    {"auth_body = a\nauth_scope = s",
     AT(8) "auth_scope: is part of the form, and auth_body takes its place; write it into "
           "auth_body\n"},
    {"auth_audience = s\nauth_body = a",
     AT(7) "auth_audience: is part of the form, and auth_body takes its place; write it into "
           "auth_body\n"},
    {"auth_body = a\nauth_param.x = s",
     AT(8) "auth_param.NAME: is part of the form, and auth_body takes its place; write it into "
           "auth_body\n"},
    {"auth_body = a\nauth_method = get",
     AT(8) "auth_method: get sends no body, and auth_body is set; remove one of the two\n"},
    {"auth_body = a\nauth_client = none",
     NOTE(6) "client_secret_file: is not used: auth_body has no {client_secret}\n"},

    {"auth_body = a={client_secret}\nauth_flow = jwt_bearer\nauth_key_file = value",
     AT(7) "auth_body: has no place for the assertion of auth_flow = jwt_bearer; remove one of the "
           "two\n"},
    {"auth_body = a={client_secret}\nauth_client = private_key_jwt\nauth_key_file = value\n"
     "auth_key_id = k",
     AT(7) "auth_body: has no place for the assertion of auth_client = private_key_jwt; remove one "
           "of the two\n"},
    {"auth_body = a={client_secret}\nauth_key_file = value",
     NOTE(8) "auth_key_file: is not used without auth_client = private_key_jwt or auth_flow = "
             "jwt_bearer\n"},

    /* auth_client with a flow that has no form. */
    {"auth_client = none",
     AT(7) "auth_client: none needs a request with a form; set auth_flow = client_credentials\n"},
    {"auth_client = tls\nclient_certificate = value\nclient_key = value",
     AT(7) "auth_client: tls needs a request with a form; set auth_flow = client_credentials\n"},
    {"auth_client = private_key_jwt\nauth_key_file = value",
     AT(7) "auth_client: private_key_jwt needs a request with a form; set auth_flow = "
           "client_credentials\n"},
    {"auth_client = post", NOTE(7) "auth_client: is not used with auth_flow = basic\n"},

    /* What belongs to one way alone. */
    {"auth_flow = client_credentials\nauth_client = none",
     NOTE(6) "client_secret_file: is not used with auth_flow = client_credentials and auth_client "
             "= none\n"},
    {"auth_flow = jwt_bearer\nauth_key_file = value",
     NOTE(6) "client_secret_file: is not used with auth_flow = jwt_bearer unless auth_client is "
             "set\n"},
    {"auth_flow = jwt_bearer\nauth_key_file = value\nauth_client = none",
     NOTE(6) "client_secret_file: is not used with auth_flow = jwt_bearer and auth_client = "
             "none\n"},
    {"auth_body = a={client_secret}\nauth_client = tls",
     AT(8) "auth_client: tls authenticates the client by its certificate; set client_certificate "
           "and client_key\n"},
    {"auth_key_file = value",
     NOTE(7) "auth_key_file: is not used without auth_client = private_key_jwt or auth_flow = "
             "jwt_bearer\n"},
    {"auth_key_id = k", NOTE(7) "auth_key_id: is not used without auth_key_file\n"},
    {"auth_subject = s", NOTE(7) "auth_subject: is not used without auth_flow = jwt_bearer\n"},
    {"auth_scope = s", NOTE(7) "auth_scope: is not used with auth_flow = basic\n"},
    {"auth_method = put",
     AT(7) "auth_method: \"put\" is not understood; must be one of: post, get\n"},
    {"auth_flow = client_credentials\nauth_param.client_assertion = 1",
     AT(8) "auth_param.client_assertion: the token request sets client_assertion itself; use the "
           "key for it, if there is one\n"},

    /* The endpoint. */
    {"auth_url = https://i/t#x",
     AT(7) "auth_url: a fragment has no place here; end the URL before #\n"},
    {"auth_url = https://i/t?a=b c",
     AT(7) "auth_url: a URL is ASCII without spaces; percent-encode what is not\n"},
    {"auth_url = https://u@i/t?a=b",
     AT(7) "auth_url: a user in a URL is not supported; remove what precedes the @\n"},
    {"auth_url = http://i/t?secret=1",
     AT(7) "auth_url: http://i/t would send secrets in the clear; write https://, or set "
           "plaintext = on\n"},
    {"auth_url = https://i/t\nauth_path = /x",
     NOTE(8) "auth_path: is not used, for auth_url is set\n"},
    {"auth_path = /x?y=z#a", AT(7) "auth_path: \"/x?y=z#a\"" CHARACTER("query", "/x?y=z") "\n"},
};

START_TEST(said_once)
{
    check_case(&cases[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_token");
    TCase *tcase = tcase_create("config_token");

    tcase_set_timeout(tcase, 300);
    tcase_add_checked_fixture(tcase, setup_files, teardown);
    tcase_add_loop_test(tcase, said_once, 0, ARRAY_LEN(cases));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
