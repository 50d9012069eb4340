/*
 * One response for every reason: a caller that tries out identities learns nothing from the way
 * they are rejected. Operators find the reason in the access line and in a metric, and a debug line
 * says more. A 403 is another response, and only for an identity that is good in all else.
 */
#include "middleware/identity.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/text.h"
#include "exchange/response.h"
#include "jose/jwt.h"
#include "jose/key_public.h"

#define IDENTITY_MAGIC 0x49444e54u

_Static_assert(JWT_USER_MAX == REQUEST_USER_MAX, "a user fits a request");

struct identity {
    unsigned magic;
    _Atomic unsigned refs;
    struct config *config;
    struct jwt_keys *keys;  /* NULL in the modes that have none */
    struct jwt_rules rules; /* borrows from the configuration, and these: */
    struct jwt_requirement *requirements;
    char *required; /* what a 403 says of them; NULL where there are none */
};

static struct jwt_claim claim_of(const struct config_claim *claim)
{
    return (struct jwt_claim){.name = claim->name, .pointer = claim->pointer};
}

/* `"scope" with "postcodes" and "/realm_access/roles" with "lookup"`. */
static char *describe(const struct config_requirements *require)
{
    char *text = mem_strdup("");

    for (size_t i = 0; i < require->count; i++) {
        char *before = text;
        text = mem_printf("%s%s\"%s\" with \"%s\"", before, i > 0 ? " and " : "",
                          require->items[i].claim.name, require->items[i].value);
        mem_free(before);
    }
    return text;
}

/* Made once, so that a request finds all of it ready. */
static void make_rules(struct identity *identity)
{
    const struct config *config = identity->config;
    const struct config_requirements *require = &config->identity_require;

    if (require->count > 0) {
        identity->requirements = mem_alloc(require->count * sizeof(*identity->requirements));
        identity->required = describe(require);
    }
    for (size_t i = 0; i < require->count; i++)
        identity->requirements[i] = (struct jwt_requirement){
            .claim = claim_of(&require->items[i].claim), .value = require->items[i].value};
    identity->rules = (struct jwt_rules){
        .issuer = config->identity_issuer,
        .audiences = (const char *const *)config->identity_audience.items,
        .user = claim_of(&config->identity_user_claim),
        .requirements = identity->requirements,
        .requirement_count = require->count,
        .leeway = config->identity_leeway,
        .max_lifetime = config->identity_max_lifetime,
    };
}

/* Others may read public keys. */
static void judge_mode(const struct config *config, struct config_faults *faults)
{
    const struct config_file *file = &config->identity_key_file;
    if (file->bytes != NULL)
        config_judge_mode(faults, config, "identity", "key_file", file,
                          !key_public_only(secret_text(file->bytes), secret_len(file->bytes)));
}

struct identity *identity_new(struct config *config, struct config_faults *faults)
{
    struct jwt_keys *keys = NULL;
    judge_mode(config, faults);
    if (config->identity_mode == IDENTITY_JWT && config->identity_key_file.bytes != NULL) {
        struct reason reason;
        const struct secret *bytes = config->identity_key_file.bytes;
        if (jwt_keys_new(secret_text(bytes), secret_len(bytes), &reason, &keys) != ERR_OK) {
            config_fault(faults, config, "identity", "key_file", "%s", reason.text);
            return NULL;
        }
        config_found(config, "identity", "key_file", jwt_keys_kind(keys));
        if (jwt_keys_note(keys)[0] != '\0')
            config_note(faults, config, "identity", "key_file", "%s", jwt_keys_note(keys));
    }
    struct identity *identity = mem_zalloc(sizeof(*identity));
    MAGIC_SET(identity, IDENTITY_MAGIC);
    atomic_init(&identity->refs, 1);
    identity->config = config_ref(config);
    identity->keys = keys;
    make_rules(identity);
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
    mem_free(identity->requirements);
    mem_free(identity->required);
    config_unref(identity->config);
    MAGIC_CLEAR(identity);
    mem_free(identity);
}

const struct jwt_keys *identity_keys(const struct identity *identity)
{
    MAGIC_OK(identity, IDENTITY_MAGIC);
    return identity->keys;
}

bool identity_has_url(const struct config *config)
{
    return config->identity_mode == IDENTITY_JWT && config->identity_key_url != NULL;
}

/* ---- a worker's side ---- */

static struct key_view view_of(const struct identity *identity, const struct key_view *view)
{
    if (identity_has_url(identity->config))
        return key_view_copy(view);
    return key_view_copy(&(struct key_view){.keys = identity->keys});
}

void identity_worker_init(struct identity_worker *worker, struct identity *identity)
{
    *worker = (struct identity_worker){
        .identity = identity_ref(identity),
        .view = view_of(identity, &(struct key_view){.keys = NULL}),
        .verified = verified_tokens_new(),
    };
}

void identity_worker_fini(struct identity_worker *worker)
{
    MUST(!worker->asking.under_way);
    key_view_fini(&worker->view);
    identity_unref(worker->identity);
    verified_tokens_free(worker->verified);
}

void identity_worker_use(struct identity_worker *worker, struct identity *identity,
                         const struct key_view *view)
{
    struct identity *before = worker->identity;
    key_view_fini(&worker->view);
    worker->identity = identity_ref(identity);
    worker->view = view_of(identity, view);
    verified_tokens_clear(worker->verified);
    identity_unref(before);
}

/* Keys on their way to a worker. */
struct delivery {
    struct mail mail;
    struct identity_worker *worker;
    struct key_view view;
};

static void delivered(struct mail *mail)
{
    struct delivery *delivery = CONTAINER_OF(mail, struct delivery, mail);
    struct identity_worker *worker = delivery->worker;
    if (delivery->view.keys != worker->view.keys)
        verified_tokens_clear(worker->verified);
    key_view_fini(&worker->view);
    worker->view = delivery->view;
    mem_free(delivery);
}

void identity_worker_publish(struct identity_worker *worker, const struct key_view *view)
{
    struct delivery *delivery = mem_alloc(sizeof(*delivery));
    MUST(worker->asking.loop != NULL);
    *delivery = (struct delivery){
        .mail = {.deliver = delivered}, .worker = worker, .view = key_view_copy(view)};
    loop_mail(worker->asking.loop, &delivery->mail);
}

void identity_worker_connect(struct identity_worker *worker, struct loop *loop,
                             struct loop *main_loop, void (*asked)(void *arg), void *arg)
{
    worker->asking =
        (struct identity_asking){.loop = loop, .main_loop = main_loop, .asked = asked, .arg = arg};
}

static void asking_returned(struct mail *mail)
{
    struct identity_asking *asking = CONTAINER_OF(mail, struct identity_asking, mail);
    asking->under_way = false;
}

/* On the main loop. */
static void asking_delivered(struct mail *mail)
{
    struct identity_asking *asking = CONTAINER_OF(mail, struct identity_asking, mail);
    asking->asked(asking->arg);
    mail->deliver = asking_returned;
    loop_mail(asking->loop, mail);
}

/* The lookup does not wait for what comes of it. */
static void ask(struct identity_worker *worker)
{
    struct identity_asking *asking = &worker->asking;
    if (asking->loop == NULL || asking->under_way)
        return;
    asking->under_way = true;
    asking->mail.deliver = asking_delivered;
    loop_mail(asking->main_loop, &asking->mail);
}

/* ---- a request ---- */

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

/* RFC 6750, section 3.1. What the identity has instead is not said. */
static void forbid(struct request *request, const struct identity *identity)
{
    const struct response_header headers[] = {
        {"WWW-Authenticate", "Bearer realm=\"postcoded\", error=\"insufficient_scope\""},
        {NULL, NULL}};
    const struct response_problem problem = {.id = PROBLEM_FORBIDDEN, .headers = headers};
    response_problem(request, &problem,
                     "Your identity is valid, but lacks a claim. It must have: %s. Ask whoever "
                     "issues it.",
                     identity->required);
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

/* Whether another set of key_url may have the key that signed the token. */
static bool is_for_keeper(const struct identity_worker *worker, enum jwt_result result,
                          const char *token, size_t len)
{
    return (result == JWT_NO_KEY || result == JWT_SIGNATURE || result == JWT_ALGORITHM) &&
           identity_has_url(worker->identity->config) &&
           jwt_key_is_unknown(worker->view.keys, token, len);
}

/* The result under the worker's keys; what was verified once is remembered. */
static enum jwt_result verify(struct request *request, struct identity_worker *worker,
                              const char *token, size_t len)
{
    const struct wall_time now = wall_now();
    struct token_digest digest;
    struct wall_time expires;
    bool digested = verified_tokens_digest(worker->verified, token, len, &digest);

    if (digested && verified_tokens_find(worker->verified, &digest, now, request->user))
        return JWT_OK;
    enum jwt_result result = jwt_verify(worker->view.keys, &worker->identity->rules, token, len,
                                        now, request->user, &expires);
    if (result != JWT_OK)
        log_debug(request_guid(request), "identity rejected: %s", jwt_result_text(result));
    else if (digested)
        verified_tokens_add(worker->verified, &digest, request->user, expires);
    if (is_for_keeper(worker, result, token, len))
        ask(worker);
    return result;
}

/* An identity that cannot be judged: there is no key to verify it with. */
static bool lacks_keys(struct request *request, const struct identity_worker *worker,
                       const char *cookie)
{
    size_t len;
    return identity_has_url(worker->identity->config) && worker->view.keys == NULL &&
           (cookie != NULL || bearer(request, &len) != NULL);
}

static void respond_unavailable(struct request *request, const struct key_view *view)
{
    char wait[RESPONSE_RETRY_AFTER];
    response_retry_after(mono_diff(view->retry_at, mono_now()), wait);
    const struct response_header headers[] = {{"Retry-After", wait}, {NULL, NULL}};
    const struct response_problem problem = {
        .id = PROBLEM_IDENTITY_UNAVAILABLE, .proxy_error = view->proxy_status, .headers = headers};
    response_problem(request, &problem,
                     "There are no keys to verify identities with: they could not be fetched. "
                     "Try again in %s s; the log tells why.",
                     wait);
}

/* token: the cookie's value, NULL when there is no such cookie. A 403 settles the request. */
static enum identity_reason judge_jwt(struct request *request, struct identity_worker *worker,
                                      const char *token, size_t len)
{
    if (token == NULL)
        token = bearer(request, &len);
    if (token == NULL)
        return IDENTITY_ABSENT;
    if (worker->view.keys == NULL)
        return IDENTITY_UNKNOWN_KEY;
    enum jwt_result result = verify(request, worker, token, len);
    if (result == JWT_FORBIDDEN)
        forbid(request, worker->identity);
    return jwt_result_reason(result);
}

static enum identity_reason judge_plain(struct request *request, const char *cookie, size_t len)
{
    if (cookie == NULL)
        return IDENTITY_ABSENT;
    if (!user_is_valid(cookie, len))
        return IDENTITY_MALFORMED;
    memcpy(request->user, cookie, len);
    request->user[len] = '\0';
    return IDENTITY_NOT_REJECTED;
}

/*
 * It was verified in the handshake. RFC 9110 wants a challenge in each 401, and no scheme is
 * registered for certificates: the name says what is missing.
 */
static void judge_certificate(struct request *request)
{
    const struct response_header headers[] = {
        {"WWW-Authenticate", "Certificate realm=\"postcoded\""}, {NULL, NULL}};
    const struct response_problem problem = {.id = PROBLEM_UNAUTHORIZED, .headers = headers};
    const char *user = request->certificate_user;
    if (user != NULL && *user != '\0') {
        snprintf(request->user, sizeof(request->user), "%s", user);
        return;
    }
    const enum identity_reason reason = user == NULL ? IDENTITY_ABSENT : IDENTITY_MALFORMED;
    request->rejected = identity_reason_text(reason);
    metric_add(METRIC_IDENTITY_REJECTED, reason, 1);
    response_problem(request, &problem,
                     user == NULL ? "Connect with TLS and a client certificate."
                                  : "Your certificate names no user: its common name, or else its "
                                    "first e-mail address or URI, must be 1 to 128 printable "
                                    "ASCII characters.");
}

void identity_run(struct request *request, struct identity_worker *worker)
{
    const struct identity *identity = worker->identity;
    MAGIC_OK(identity, IDENTITY_MAGIC);
    const struct config *config = identity->config;
    if (config->identity_mode == IDENTITY_OFF && !request->lacks_certificate)
        return;
    if (config->identity_mode == IDENTITY_CERTIFICATE || request->lacks_certificate) {
        judge_certificate(request);
        return;
    }
    const char *cookie;
    size_t len;
    if (request_cookie(request, config->identity_cookie, &cookie, &len) > 1) {
        response_plain_problem(request, PROBLEM_BAD_REQUEST,
                               "There are two cookies \"%s\": send one.", config->identity_cookie);
        return;
    }
    if (lacks_keys(request, worker, cookie)) {
        respond_unavailable(request, &worker->view);
        return;
    }
    enum identity_reason reason = config->identity_mode == IDENTITY_JWT
                                      ? judge_jwt(request, worker, cookie, len)
                                      : judge_plain(request, cookie, len);
    if (reason == IDENTITY_NOT_REJECTED)
        return;
    request->rejected = identity_reason_text(reason);
    metric_add(METRIC_IDENTITY_REJECTED, reason, 1);
    if (!request_is_settled(request))
        reject(request, identity);
}

char *identity_mint(const struct identity *identity, const char *user, int64_t ttl,
                    struct reason *reason)
{
    if (identity_has_url(identity->config)) {
        reason_set(reason, "[identity] key_url has keys that verify, and only a key file can sign; "
                           "use a configuration with key_file");
        return NULL;
    }
    if (identity->keys == NULL) {
        reason_set(reason, "[identity] mode is not jwt, or its key_file cannot be read here");
        return NULL;
    }
    return jwt_mint(identity->keys, &identity->rules, user, ttl, wall_now(), reason);
}
