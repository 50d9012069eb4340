/*
 * POST {auth_path}: tokens for clients. Two flows: HTTP Basic without a body, and the client
 * credentials grant of RFC 6749, section 4.4, whose client may show itself by Basic, with id and
 * secret form-encoded first (section 2.3.1), or in the body, but not in both.
 */
#include "standin.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "form.h"

#define SECRET_MAX 4096

/* The secret that is right now, without the newline that may end its file; free it. */
static char *read_secret(const struct standin *standin)
{
    if (standin->client_secret_file == NULL)
        return strdup(standin->client_secret);
    int fd = open(standin->client_secret_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    char *secret = must_calloc(1, SECRET_MAX + 1);
    ssize_t n = read(fd, secret, SECRET_MAX);
    close(fd);
    if (n <= 0) {
        free(secret);
        return NULL;
    }
    if (secret[n - 1] == '\n')
        secret[n - 1] = '\0';
    return secret;
}

static bool is_client(const struct standin *standin, const char *id, const char *secret)
{
    char *right = read_secret(standin);
    bool ok = right != NULL && id != NULL && secret != NULL &&
              strcmp(id, standin->client_id) == 0 && strcmp(secret, right) == 0;
    free(right);
    return ok;
}

/* As careless servers do: what came in, as it came and decoded. */
static void refuse_with_echo(struct call *call, const char *secret)
{
    const char *header = call_request_header(call, MHD_HTTP_HEADER_AUTHORIZATION);
    char text[2 * SECRET_MAX];
    snprintf(text, sizeof text, "not the secret: %s; %s; %s", secret != NULL ? secret : "",
             header != NULL ? header : "", call->body != NULL ? call->body : "");
    call_answer_error(call, MHD_HTTP_UNAUTHORIZED, secret != NULL ? secret : "invalid_client",
                      text);
}

static void refuse_client(struct call *call, const char *secret)
{
    if (knobs_on(&call->standin->knobs, KNOB_TOKEN_ECHO))
        refuse_with_echo(call, secret);
    else
        call_answer_error(call, MHD_HTTP_UNAUTHORIZED, "invalid_client",
                          "unknown client, or not its secret");
    call_header(call, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Basic realm=\"location\"");
}

/* Answered when false. `decode`: id and secret are form-encoded within the Basic credentials. */
static bool check_basic(struct call *call, bool decode)
{
    char *secret = NULL;
    char *id = MHD_basic_auth_get_username_password(call->connection, &secret);
    char *plain_id = id != NULL && decode ? form_decode(id, strlen(id)) : NULL;
    char *plain_secret = secret != NULL && decode ? form_decode(secret, strlen(secret)) : NULL;
    bool ok = is_client(call->standin, decode ? plain_id : id, decode ? plain_secret : secret);
    if (!ok)
        refuse_client(call, decode ? plain_secret : secret);
    free(plain_id);
    free(plain_secret);
    MHD_free(id);
    MHD_free(secret);
    return ok;
}

static bool check_post(struct call *call)
{
    char *id = form_get(call->body, "client_id");
    char *secret = form_get(call->body, "client_secret");
    bool ok = is_client(call->standin, id, secret);
    if (!ok)
        refuse_client(call, secret);
    free(id);
    free(secret);
    return ok;
}

static bool is_form(const struct call *call)
{
    static const char form[] = "application/x-www-form-urlencoded";
    const char *type = call_request_header(call, MHD_HTTP_HEADER_CONTENT_TYPE);
    return type != NULL && strncmp(type, form, sizeof form - 1) == 0;
}

/* Each answers when it returns false. */

static bool check_flow_basic(struct call *call)
{
    if (call->body_len > 0) {
        call_answer_error(call, MHD_HTTP_BAD_REQUEST, "invalid_request", "a body is not expected");
        return false;
    }
    return check_basic(call, false);
}

static bool check_flow_client_credentials(struct call *call)
{
    const char *fault = NULL;
    if (!is_form(call) || call->body == NULL || !form_is_valid(call->body))
        fault = "not a form, broken, or a parameter that comes twice";
    bool basic = call_request_header(call, MHD_HTTP_HEADER_AUTHORIZATION) != NULL;
    bool post = fault == NULL && form_has(call->body, "client_secret");
    if (fault == NULL && basic && post)
        fault = "the client shows itself in two ways";
    if (fault != NULL) {
        call_answer_error(call, MHD_HTTP_BAD_REQUEST, "invalid_request", fault);
        return false;
    }
    char *grant = form_get(call->body, "grant_type");
    bool right_grant = grant != NULL && strcmp(grant, "client_credentials") == 0;
    free(grant);
    if (!right_grant) {
        call_answer_error(call, MHD_HTTP_BAD_REQUEST, "unsupported_grant_type",
                          "the grant type is client_credentials");
        return false;
    }
    return post ? check_post(call) : check_basic(call, true);
}

static bool check(struct call *call)
{
    switch (call->standin->flow) {
    case FLOW_BASIC:
        return check_flow_basic(call);
    case FLOW_CLIENT_CREDENTIALS:
        return check_flow_client_credentials(call);
    case FLOW_ANY:
        break;
    }
    return call->body_len > 0 ? check_flow_client_credentials(call) : check_flow_basic(call);
}

static json_t *seconds(double lifetime)
{
    return trunc(lifetime) < lifetime ? json_real(lifetime) : json_integer((json_int_t)lifetime);
}

static void issue(struct call *call)
{
    struct standin *standin = call->standin;
    const struct knobs *knobs = &standin->knobs;
    long long now = now_ns();
    struct token_issued token;
    if (!knobs_on(knobs, KNOB_SAME_TOKEN) || !tokens_again(&standin->tokens, now, &token))
        token = tokens_issue(&standin->tokens, now, knobs->value[KNOB_LIFETIME],
                             (size_t)knobs->value[KNOB_TOKEN_SIZE]);
    standin->counters[COUNTER_TOKENS_ISSUED]++;
    call_answer(call, MHD_HTTP_OK,
                json_pack("{s:s, s:s, s:o, s:s}", "access_token", token.text, "token_type",
                          "Bearer", "expires_in", seconds(token.lifetime), "refresh_token",
                          "not-for-use"));
    call_header(call, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
}

void auth_serve(struct call *call, const char *rest)
{
    (void)rest;
    struct standin *standin = call->standin;
    unsigned status = (unsigned)standin->knobs.value[KNOB_TOKEN_STATUS];
    standin->counters[COUNTER_TOKEN_REQUESTS]++;
    if (knobs_on(&standin->knobs, KNOB_TOKEN_DOWN))
        status = MHD_HTTP_SERVICE_UNAVAILABLE;

    const char *error = status == MHD_HTTP_UNAUTHORIZED ? "invalid_client"
                        : status < 500                  ? "invalid_request"
                                                        : "server_error";
    if (status != 0)
        call_answer_error(call, status, error,
                          status == MHD_HTTP_UNAUTHORIZED ? "the client's secret has been revoked"
                                                          : "the service is not available");
    else if (check(call))
        issue(call);
}
