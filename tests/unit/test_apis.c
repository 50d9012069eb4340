/*
 * Bad input in the shapes of real Location APIs: each body of tests/apis, by the rules of that
 * API's file in conf/examples, cut off at each byte, and with each value in it replaced by one of
 * each other type. Whatever is left must be judged without a crash and with a reason, and no reason
 * may repeat a value: so every text and number of a body is a canary in one of two passes.
 */
#include "lookup/body.h"
#include "lookup/judge.h"

#include <check.h>
#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "config_fixture.h"
#include "suite.h"
#include "token/response.h"
#include "token/response_error.h"

#define APIS_MAX 64
#define FILE_MAX (256 * 1024)
#define CANARY "Xyzzy"
#define CANARY_NUMBER "86753"

static const char *top; /* of the repository */
static char *apis[APIS_MAX];
static size_t api_count;
static size_t played; /* inputs, so that a loop over nothing is noticed */

/* ---- files ---- */

static char *read_file(const char *path, size_t *len)
{
    char *bytes = mem_zalloc(FILE_MAX);
    FILE *file = fopen(path, "r");

    ck_assert_msg(file != NULL, "%s", path);
    *len = fread(bytes, 1, FILE_MAX - 1, file);
    ck_assert(feof(file));
    fclose(file);
    return bytes;
}

/* White space behind a body may be cut off without harm. */
static char *read_body(const char *path, size_t *len)
{
    char *bytes = read_file(path, len);

    while (*len > 0 && strchr(" \r\n\t", bytes[*len - 1]) != NULL)
        (*len)--;
    ck_assert_msg(*len > 1 && strchr("[{", *bytes) != NULL, "%s", path);
    return bytes;
}

/* The example, with what is commented out in it where `all`. */
static struct config *load_example(const char *name, bool all)
{
    char *path = mem_printf("%s/conf/examples/%s.ini", top, name);
    size_t len;
    char *text = read_file(path, &len);

    for (char *p = text; all && (p = strstr(p, "\n#")) != NULL; p++) {
        if (text_is(p[2], TEXT_ALPHA))
            memmove(p + 1, p + 2, strlen(p + 2) + 1);
    }
    write_mode("identity.key", KEY32, 0640);
    write_mode("client.secret", "hush-hush\n", 0640);
    struct config *config = good(text);
    mem_free(text);
    mem_free(path);
    return config;
}

/* ---- one input ---- */

/* What is played now: a body, or a part or a variant of it. */
struct play {
    const struct config_upstream *upstream;
    const char *what; /* NAME/FILE */
    bool token;
    bool cut;    /* a part: never good */
    bool canary; /* values are canaries */
};

static void check_reason(const struct play *play, const char *reason)
{
    ck_assert_msg(text_is_utf8(reason, strlen(reason)), "%s", play->what);
    for (const char *p = reason; *p != '\0'; p++)
        ck_assert_msg(!text_is(*p, TEXT_CONTROL), "%s: %s", play->what, reason);
    if (play->canary)
        ck_assert_msg(strstr(reason, CANARY) == NULL && strstr(reason, CANARY_NUMBER) == NULL,
                      "%s: %s", play->what, reason);
}

static void check_outline(const struct play *play, const char *body, size_t len)
{
    struct buf outline;

    buf_init(&outline, BODY_OUTLINE_MAX);
    body_outline(body, len, &outline);
    ck_assert_int_eq(outline.err, ERR_OK);
    ck_assert_uint_gt(outline.len, 0);
    check_reason(play, buf_text(&outline));
    buf_fini(&outline);
}

static void check_answer(const struct play *play, struct body_answer *answer)
{
    json_t *json = json_loadb(answer->text, answer->len, 0, NULL);
    const json_t *country = json_object_get(json, "country");

    ck_assert_msg(json_object_size(json) == 2, "%s", play->what);
    ck_assert(json_is_string(json_object_get(json, "postcode")));
    ck_assert(json_is_null(country) || json_is_string(country));
    json_decref(json);
    free(answer->text);
}

static enum body_verdict play_lookup(const struct play *play, const char *body, size_t len)
{
    const struct body_rules rules = judge_body_rules(play->upstream);
    struct reason reason = {""};
    struct body_answer answer;
    const enum body_verdict verdict = body_check(&rules, body, len, "M1 1AA", &answer, &reason);

    ck_assert_msg((verdict == BODY_MALFORMED) == (reason.text[0] != '\0'), "%s", play->what);
    ck_assert((answer.text != NULL) == (verdict == BODY_GOOD && rules.address));
    ck_assert_msg(!play->cut || verdict == BODY_MALFORMED, "%s: %zu bytes are enough", play->what,
                  len);
    check_reason(play, reason.text);
    check_outline(play, body, len);
    if (answer.text != NULL)
        check_answer(play, &answer);
    return verdict;
}

static void check_grant(const struct play *play, const struct token_response *reply)
{
    ck_assert_msg(!play->cut, "%s", play->what);
    ck_assert(reply->value != NULL && text_is_visible(reply->value, strlen(reply->value)));
    ck_assert(reply->type != NULL && text_is_token(reply->type, strlen(reply->type)));
    ck_assert(reply->grant.lifetime >= SECOND && reply->grant.lifetime <= TOKEN_LIFETIME_MAX);
}

static bool play_token(const struct play *play, const char *body, size_t len)
{
    /* 2026-01-01, which is before the times in the bodies. */
    const struct token_response_rules rules =
        token_response_rules(play->upstream, (struct wall_time){1767225600 * SECOND});
    struct token_response_error error;
    struct token_response reply;
    const bool granted = token_response_parse(&reply, body, len, &rules) == ERR_OK;

    ck_assert_msg(granted == (reply.reason.text[0] == '\0'), "%s", play->what);
    check_reason(play, reply.reason.text);
    if (granted)
        check_grant(play, &reply);
    token_response_fini(&reply);
    /* What the server says of an error is shown; but never what was cut into pieces. */
    token_response_error(&error, play->upstream, body, len);
    ck_assert_msg(!play->cut || (error.code[0] == '\0' && error.text[0] == '\0'), "%s: %s %s",
                  play->what, error.code, error.text);
    return granted;
}

/* In memory that ends where the body does. True: good. */
static bool play_one(const struct play *play, const char *body, size_t len)
{
    char *exact = malloc(len > 0 ? len : 1);

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, body, len);
    const bool good_one =
        play->token ? play_token(play, exact, len) : play_lookup(play, exact, len) == BODY_GOOD;
    free(exact);
    played++;
    return good_one;
}

static void play_parts(struct play play, const char *body, size_t len)
{
    play.cut = true;
    for (size_t i = 0; i < len; i++)
        play_one(&play, body, i);
}

/* ---- other types ---- */

static void play_json(const struct play *play, const json_t *root)
{
    char *text = json_dumps(root, JSON_COMPACT);

    ck_assert_ptr_nonnull(text);
    play_one(play, text, strlen(text));
    free(text);
}

/* One value of each type, and a few that are nearly right; NULL behind the last. */
static json_t *replacement(size_t i)
{
    static const char *const texts[] = {
        "null", "true", "false", "0",   "-1",       "12.5",           "1e300",
        "\"\"", "[]",   "{}",    "[0]", "[[null]]", "\"" CANARY "\"", "{\"a\":\"" CANARY "\"}",
    };

    return i < ARRAY_LEN(texts) ? json_loads(texts[i], JSON_DECODE_ANY, NULL) : NULL;
}

static void replace_types(const struct play *play, json_t *root, json_t *at);

static void replace_member(const struct play *play, json_t *root, json_t *object, const char *name)
{
    json_t *value = json_incref(json_object_get(object, name));

    json_t *other;

    for (size_t i = 0; (other = replacement(i)) != NULL; i++) {
        json_object_set_new(object, name, other);
        play_json(play, root);
    }
    json_object_set_new(object, name, value);
    replace_types(play, root, value);
}

static void replace_element(const struct play *play, json_t *root, json_t *array, size_t index)
{
    json_t *value = json_incref(json_array_get(array, index));

    json_t *other;

    for (size_t i = 0; (other = replacement(i)) != NULL; i++) {
        json_array_set_new(array, index, other);
        play_json(play, root);
    }
    json_array_set_new(array, index, value);
    replace_types(play, root, value);
}

/* Each value below `at`, which is a part of `root`, is replaced and put back. */
static void replace_types(const struct play *play, json_t *root, json_t *at)
{
    const char *name;
    json_t *value;

    json_object_foreach(at, name, value)
    {
        replace_member(play, root, at, name);
    }
    for (size_t i = 0; i < json_array_size(at); i++)
        replace_element(play, root, at, i);
}

/* The same shape, in which each text and each number can be told from our own words. */
static void put_canaries(json_t *at, int *count)
{
    const char *name;
    json_t *value;
    size_t i;

    if (json_is_string(at)) {
        char *text = mem_printf(CANARY "-%d", ++*count);
        json_string_set(at, text);
        mem_free(text);
    } else if (json_is_integer(at)) {
        json_integer_set(at, 8675300 + ++*count);
    }
    json_object_foreach(at, name, value)
    {
        put_canaries(value, count);
    }
    json_array_foreach(at, i, value)
    {
        put_canaries(value, count);
    }
}

static void play_canaries(struct play play, json_t *root)
{
    int count = 0;

    put_canaries(root, &count);
    char *text = json_dumps(root, JSON_COMPACT);
    play.canary = true;
    play_one(&play, text, strlen(text));
    play_parts(play, text, strlen(text));
    replace_types(&play, root, root);
    free(text);
}

/* ---- all of an API ---- */

/* What the folder says of the body, where it is sent with a 200. */
static void check_meaning(const struct play *play, const json_t *reply, const char *file,
                          bool good_one)
{
    const char *kind = json_string_value(json_object_get(reply, "kind"));
    const bool found = strncmp(file, "found", 5) == 0 || strcmp(file, "many.json") == 0;

    ck_assert_msg(kind != NULL, "%s is not in api.json", play->what);
    if (json_integer_value(json_object_get(reply, "status")) != 200)
        return;
    const bool grant = play->token && strcmp(file, "token-refused.json") != 0;
    ck_assert_msg(good_one == (found || grant), "%s", play->what);
}

static void play_file(struct play play, const json_t *reply, const char *path, const char *file)
{
    size_t len;
    char *body = read_body(path, &len);
    json_t *root = json_loadb(body, len, 0, NULL);
    const char *kind = json_string_value(json_object_get(reply, "kind"));

    ck_assert_msg(root != NULL, "%s", path);
    play.token = kind != NULL && strcmp(kind, "token") == 0;
    check_meaning(&play, reply, file, play_one(&play, body, len));
    play_parts(play, body, len);
    replace_types(&play, root, root);
    play_canaries(play, root);
    json_decref(root);
    mem_free(body);
}

static void play_folder(struct play play, const char *name)
{
    char *folder = mem_printf("%s/tests/apis/%s", top, name);
    char *about = mem_printf("%s/api.json", folder);
    json_t *api = json_load_file(about, 0, NULL);
    const char *file;
    json_t *reply;

    ck_assert_msg(api != NULL, "%s", about);
    json_object_foreach(json_object_get(api, "replies"), file, reply)
    {
        char *path = mem_printf("%s/%s", folder, file);
        play.what = path;
        play_file(play, reply, path, file);
        mem_free(path);
    }
    ck_assert_uint_ge(json_object_size(json_object_get(api, "replies")), 6);
    json_decref(api);
    mem_free(about);
    mem_free(folder);
}

START_TEST(bad_input)
{
    for (int all = 0; all < 2; all++) {
        struct config *config = load_example(apis[_i], all != 0);
        const struct play play = {.upstream = config->upstreams};
        ck_assert(!all || config->upstreams[0].answer == ANSWER_ADDRESS);
        played = 0;
        play_folder(play, apis[_i]);
        ck_assert_uint_gt(played, 1000);
        config_unref(config);
    }
}
END_TEST

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void find_apis(void)
{
    char *path = mem_printf("%s/tests/apis", top);
    DIR *folder = opendir(path);

    MUST(folder != NULL);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strchr(entry->d_name, '.') != NULL)
            continue;
        MUST(api_count < APIS_MAX);
        apis[api_count++] = mem_strdup(entry->d_name);
    }
    closedir(folder);
    qsort(apis, api_count, sizeof(*apis), by_name);
    mem_free(path);
}

int main(void)
{
    Suite *suite = suite_create("apis");
    TCase *tcase = tcase_create("apis");

    token_response_setup();
    top = getenv("TOP") != NULL ? getenv("TOP") : ".";
    find_apis();
    tcase_set_timeout(tcase, 900);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, bad_input, 0, (int)api_count);
    suite_add_tcase(suite, tcase);
    int failed = run_suite(suite);
    for (size_t i = 0; i < api_count; i++)
        mem_free(apis[i]);
    return failed;
}
