/*
 * One response for every reason: a caller that tries out identities learns nothing from the way
 * they are rejected. A debug line says what was wrong.
 */
#include "middleware/identity.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "exchange/response.h"
#include "jose/jwt.h"

#define IDENTITY_MAGIC 0x49444e54u

_Static_assert(JWT_USER_MAX == REQUEST_USER_MAX, "a user fits a request");

struct identity {
    unsigned magic;
    _Atomic unsigned refs;
    struct config *config;
    struct jwt_keys *keys; /* NULL in the modes that have none */
};

struct identity *identity_new(struct config *config, struct config_faults *faults)
{
    struct jwt_keys *keys = NULL;
    if (config->identity_mode == IDENTITY_JWT && config->identity_key_file.bytes != NULL) {
        struct reason reason;
        const struct secret *bytes = config->identity_key_file.bytes;
        if (jwt_keys_new(secret_text(bytes), secret_len(bytes), &reason, &keys) != ERR_OK) {
            config_fault(faults, config, "identity", "key_file", "%s", reason.text);
            return NULL;
        }
    }
    struct identity *identity = mem_zalloc(sizeof(*identity));
    MAGIC_SET(identity, IDENTITY_MAGIC);
    atomic_init(&identity->refs, 1);
    identity->config = config_ref(config);
    identity->keys = keys;
    return identity;
}

struct identity *identity_ref(struct identity *identity)
{
    MAGIC_OK(identity, IDENTITY_MAGIC);
    atomic_fetch_add_explicit(&identity->refs, 1, memory_order_relaxed);
    return identity;
}

void identity_unref(struct identity *identity)
{
    if (identity == NULL)
        return;
    MAGIC_OK(identity, IDENTITY_MAGIC);
    if (atomic_fetch_sub_explicit(&identity->refs, 1, memory_order_acq_rel) != 1)
        return;
    jwt_keys_unref(identity->keys);
    config_unref(identity->config);
    MAGIC_CLEAR(identity);
    mem_free(identity);
}

static struct jwt_keys *keys_of(const struct identity *identity)
{
    return identity->keys != NULL ? jwt_keys_ref(identity->keys) : NULL;
}

void identity_worker_init(struct identity_worker *worker, struct identity *identity)
{
    *worker = (struct identity_worker){
        .identity = identity_ref(identity),
        .keys = keys_of(identity),
        .verified = verified_tokens_new(),
    };
}

void identity_worker_fini(struct identity_worker *worker)
{
    jwt_keys_unref(worker->keys);
    identity_unref(worker->identity);
    verified_tokens_free(worker->verified);
}

void identity_worker_use(struct identity_worker *worker, struct identity *identity)
{
    struct identity_worker before = *worker;
    worker->identity = identity_ref(identity);
    worker->keys = keys_of(identity);
    verified_tokens_clear(worker->verified);
    jwt_keys_unref(before.keys);
    identity_unref(before.identity);
}

static struct jwt_rules rules_of(const struct identity *identity)
{
    const struct config *config = identity->config;
    return (struct jwt_rules){.issuer = config->identity_issuer,
                              .audience = config->identity_audience,
                              .leeway = config->identity_leeway};
}

/* The challenge of the mode: for plain there is only the draft scheme for cookies. */
static void reject(struct request *request, const struct identity *identity)
{
    const struct config *config = identity->config;
    bool jwt = config->identity_mode == IDENTITY_JWT;
    char challenge[160];
    snprintf(challenge, sizeof(challenge), "Cookie realm=\"postcoded\", cookie-name=\"%s\"",
             config->identity_cookie);
    const struct response_header headers[] = {
        {"WWW-Authenticate", jwt ? "Bearer realm=\"postcoded\"" : challenge}, {NULL, NULL}};
    const struct response_problem problem = {.id = PROBLEM_UNAUTHORIZED, .headers = headers};
    if (jwt)
        response_problem(request, &problem,
                         "Send a valid identity: a signed JWT in the cookie \"%s\", or as "
                         "Authorization: Bearer.",
                         config->identity_cookie);
    else
        response_problem(request, &problem, "Send your user name in the cookie \"%s\".",
                         config->identity_cookie);
}

/* RFC 6750, section 2.1; the scheme in any case (RFC 9110, section 11.1). */
static const char *bearer(struct request *request, size_t *len)
{
    const char *value = request_header(request, "Authorization");
    if (value == NULL || !text_starts_ci(value, "bearer "))
        return NULL;
    value += strlen("bearer ");
    value += strspn(value, " ");
    *len = strlen(value);
    return value;
}

/* token: the cookie's value, NULL when there is no such cookie. */
static bool verify_jwt(struct request *request, const struct identity_worker *worker,
                       const char *token, size_t len)
{
    const struct wall_time now = wall_now();
    if (token == NULL)
        token = bearer(request, &len);
    if (token == NULL || worker->keys == NULL)
        return false;
    struct token_digest digest;
    bool digested = verified_tokens_digest(worker->verified, token, len, &digest);
    if (digested && verified_tokens_find(worker->verified, &digest, now, request->user))
        return true;
    const struct jwt_rules rules = rules_of(worker->identity);
    struct wall_time expires;
    enum jwt_result result =
        jwt_verify(worker->keys, &rules, token, len, now, request->user, &expires);
    if (result != JWT_OK)
        log_debug(request_guid(request), "identity rejected: %s", jwt_result_text(result));
    else if (digested)
        verified_tokens_add(worker->verified, &digest, request->user, expires);
    return result == JWT_OK;
}

static bool take_plain(struct request *request, const char *cookie, size_t len)
{
    if (cookie == NULL || !user_is_valid(cookie, len))
        return false;
    memcpy(request->user, cookie, len);
    request->user[len] = '\0';
    return true;
}

void identity_run(struct request *request, struct identity_worker *worker)
{
    const struct identity *identity = worker->identity;
    MAGIC_OK(identity, IDENTITY_MAGIC);
    const struct config *config = identity->config;
    if (config->identity_mode == IDENTITY_OFF)
        return;
    const char *cookie;
    size_t len;
    if (request_cookie(request, config->identity_cookie, &cookie, &len) > 1) {
        response_plain_problem(request, PROBLEM_BAD_REQUEST,
                               "There are two cookies \"%s\": send one.", config->identity_cookie);
        return;
    }
    bool known = config->identity_mode == IDENTITY_JWT ? verify_jwt(request, worker, cookie, len)
                                                       : take_plain(request, cookie, len);
    if (!known)
        reject(request, identity);
}

char *identity_mint(const struct identity *identity, const char *user, int64_t ttl,
                    struct reason *reason)
{
    if (identity->keys == NULL) {
        reason_set(reason, "[identity] mode is not jwt, or its key_file cannot be read here");
        return NULL;
    }
    const struct jwt_rules rules = rules_of(identity);
    return jwt_mint(identity->keys, &rules, user, ttl, wall_now(), reason);
}
