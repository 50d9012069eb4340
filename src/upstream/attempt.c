/*
 * libcurl repeats a request by itself when a connection that it used again was closed before the
 * answer began. It does so without a word, on whatever connection comes next, and five times.
 * on_send, which libcurl calls before each sending, holds it to our own terms: a fresh connection,
 * and one of `retries`. So there are two ways to another attempt, and both are counted here.
 *
 * on_send is also what makes the time of sending exact: a 401 is judged by it.
 */
#include "upstream/attempt.h"

#include "base/check.h"
#include "base/metrics.h"
#include "upstream/errors.h"

#define ATTEMPT_MAGIC 0xc11e0002u

#define SET(easy, option, value) MUST(curl_easy_setopt(easy, option, value) == CURLE_OK)

/* Each attempt is a call to the upstream in the counters' eyes. */
static void count(const struct attempt *attempt, int status)
{
    if (!attempt->means->counted)
        return;
    metric_add(METRIC_UPSTREAM_REQUESTS, (size_t)status, 1);
    metric_observe(METRIC_UPSTREAM_DURATION, mono_diff(mono_now(), attempt->started));
}

static size_t on_line(char *line, size_t size, size_t number, void *arg)
{
    MAGIC_CAST(struct attempt, attempt, arg, ATTEMPT_MAGIC);

    return answer_line(&attempt->answer, line, size * number) ? size * number : 0;
}

static size_t on_body(char *data, size_t size, size_t number, void *arg)
{
    MAGIC_CAST(struct attempt, attempt, arg, ATTEMPT_MAGIC);

    return answer_body(&attempt->answer, data, size * number) ? size * number : 0;
}

static bool may_repeat(struct attempt *attempt, long connects)
{
    if (connects == attempt->connects || attempt->retries >= attempt->means->retries)
        return false;
    count(attempt, 0);
    attempt->retries++;
    attempt->started = mono_now();
    return true;
}

static int on_send(void *arg, char *remote, char *local, int remote_port, int local_port)
{
    MAGIC_CAST(struct attempt, attempt, arg, ATTEMPT_MAGIC);
    long connects = 0;

    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    (void)curl_easy_getinfo(attempt->easy, CURLINFO_NUM_CONNECTS, &connects);
    if (attempt->sending && !may_repeat(attempt, connects))
        return CURL_PREREQFUNC_ABORT;
    attempt->connects = connects;
    attempt->sending = true;
    attempt->sent = mono_now();
    return CURL_PREREQFUNC_OK;
}

static void set_callbacks(struct attempt *attempt)
{
    CURL *easy = attempt->easy;

    SET(easy, CURLOPT_PRIVATE, attempt);
    SET(easy, CURLOPT_ERRORBUFFER, attempt->text);
    SET(easy, CURLOPT_HEADERFUNCTION, on_line);
    SET(easy, CURLOPT_HEADERDATA, attempt);
    SET(easy, CURLOPT_WRITEFUNCTION, on_body);
    SET(easy, CURLOPT_WRITEDATA, attempt);
    SET(easy, CURLOPT_PREREQFUNCTION, on_send);
    SET(easy, CURLOPT_PREREQDATA, attempt);
}

static void set_request(struct attempt *attempt)
{
    const struct outgoing *request = &attempt->request;
    CURL *easy = attempt->easy;

    if (request->post) {
        SET(easy, CURLOPT_POST, 1L);
        SET(easy, CURLOPT_POSTFIELDS, request->body);
        SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
    } else {
        SET(easy, CURLOPT_HTTPGET, 1L);
    }
    SET(easy, CURLOPT_REQUEST_TARGET, request->target);
    SET(easy, CURLOPT_HTTPHEADER, request->headers);
    SET(easy, CURLOPT_FRESH_CONNECT, request->post || attempt->retries > 0 ? 1L : 0L);
    SET(easy, CURLOPT_FORBID_REUSE, request->post ? 1L : 0L);
}

static bool send_off(struct attempt *attempt)
{
    answer_reset(&attempt->answer);
    attempt->text[0] = '\0';
    attempt->sending = false;
    attempt->started = mono_now();
    attempt->sent = attempt->started;
    set_request(attempt);
    return multi_add(attempt->means->multi, attempt->easy) == ERR_OK;
}

static void give_handle_back(struct attempt *attempt)
{
    handles_give_back(attempt->means->handles, attempt->easy);
    attempt->easy = NULL;
}

void attempt_init(struct attempt *attempt, const struct attempt_means *means,
                  const struct client_request *request)
{
    *attempt = (struct attempt){.means = means};
    MAGIC_SET(attempt, ATTEMPT_MAGIC);
    outgoing_init(&attempt->request, request, handles_prefix(means->handles));
    answer_init(&attempt->answer, request->max_response, request->post);
}

void attempt_fini(struct attempt *attempt)
{
    MAGIC_OK(attempt, ATTEMPT_MAGIC);
    MUST(attempt->easy == NULL);
    outgoing_fini(&attempt->request);
    answer_fini(&attempt->answer);
    MAGIC_CLEAR(attempt);
}

bool attempt_start(struct attempt *attempt)
{
    MAGIC_OK(attempt, ATTEMPT_MAGIC);
    attempt->easy = handles_take(attempt->means->handles);
    if (attempt->easy == NULL)
        return false;
    set_callbacks(attempt);
    if (send_off(attempt))
        return true;
    give_handle_back(attempt);
    return false;
}

struct attempt *attempt_of(CURL *easy)
{
    char *private = NULL;

    MUST(curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private) == CURLE_OK);
    MAGIC_CAST(struct attempt, attempt, (void *)private, ATTEMPT_MAGIC);
    return attempt;
}

static enum client_error judge(struct attempt *attempt, CURLcode code)
{
    enum client_error refused = attempt->answer.refused;

    if (refused != CLIENT_OK || code == CURLE_ABORTED_BY_CALLBACK) {
        /* We stopped it ourselves, and libcurl's words tell no more than that. */
        attempt->text[0] = '\0';
        return refused != CLIENT_OK ? refused : CLIENT_CLOSED;
    }
    /* It is content with a head that ends in the middle. */
    if (code == CURLE_OK && !attempt->answer.head_done)
        return CLIENT_CLOSED;
    return error_from_curl(attempt->easy, code, attempt->text);
}

static bool may_retry(const struct attempt *attempt, enum client_error error)
{
    return error_worth_retry(error) && !attempt->answer.begun && !attempt->request.post &&
           attempt->retries < attempt->means->retries;
}

bool attempt_again(struct attempt *attempt, CURLcode code, enum client_error *error)
{
    MAGIC_OK(attempt, ATTEMPT_MAGIC);
    *error = judge(attempt, code);
    multi_remove(attempt->means->multi, attempt->easy);
    count(attempt, answer_status(&attempt->answer));
    if (may_retry(attempt, *error)) {
        attempt->retries++;
        if (send_off(attempt))
            return true;
    }
    give_handle_back(attempt);
    return false;
}

void attempt_abort(struct attempt *attempt)
{
    MAGIC_OK(attempt, ATTEMPT_MAGIC);
    if (attempt->easy == NULL)
        return;
    count(attempt, 0);
    multi_remove(attempt->means->multi, attempt->easy);
    give_handle_back(attempt);
}
