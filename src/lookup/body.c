/*
 * The whole body is checked although only a few values in it matter: the caller gets its bytes
 * unchanged, so they must be JSON that every parser reads alike. One scan does both. The pointers
 * of the rules are laid out before it, and the verdict is read from where they lead.
 */
#include "lookup/body.h"

#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/json_scan.h"
#include "base/json_value.h"

/* The pointers of a check, and where they lead. */
struct reading {
    size_t count;
    const struct json_pointer *pointers[JSON_SCAN_POINTERS_MAX];
    struct json_scan_result results[JSON_SCAN_POINTERS_MAX];
    /* The results by what they are for; NULL: not followed. */
    const struct json_scan_result *failed;
    const struct json_scan_result *found;
    const struct json_scan_result *shape_postcode; /* of the default shape */
    const struct json_scan_result *shape_country;
    const struct json_scan_result *postcode; /* of the answer */
    const struct json_scan_result *country;
};

static const struct json_pointer_token postcode_token = {"postcode", 8, JSON_POINTER_NO_INDEX};
static const struct json_pointer_token country_token = {"country", 7, JSON_POINTER_NO_INDEX};
static const struct json_pointer default_postcode = {"/postcode", 1, &postcode_token};
static const struct json_pointer default_country = {"/country", 1, &country_token};

static const struct json_scan_result *follow(struct reading *reading,
                                             const struct json_pointer *pointer)
{
    MUST(reading->count < JSON_SCAN_POINTERS_MAX);
    reading->pointers[reading->count] = pointer;
    return &reading->results[reading->count++];
}

static void follow_for_answer(struct reading *reading, const struct body_rules *rules)
{
    reading->postcode =
        follow(reading, rules->postcode != NULL ? rules->postcode : &default_postcode);
    if (rules->country_constant == NULL)
        reading->country =
            follow(reading, rules->country != NULL ? rules->country : &default_country);
}

static void follow_rules(struct reading *reading, const struct body_rules *rules)
{
    reading->count = 0;
    reading->failed = rules->failed != NULL ? follow(reading, rules->failed) : NULL;
    if (rules->found != NULL) {
        reading->found = follow(reading, rules->found);
        reading->shape_postcode = reading->shape_country = NULL;
    } else {
        reading->found = NULL;
        reading->shape_postcode = follow(reading, &default_postcode);
        reading->shape_country = follow(reading, &default_country);
    }
    reading->postcode = reading->country = NULL;
    if (rules->address)
        follow_for_answer(reading, rules);
}

/* ---- the verdict ---- */

static bool is_something(const struct json_scan_result *result)
{
    return result->kind == JSON_SCAN_VALUE && result->value.something;
}

static bool is_string(const struct json_scan_result *result)
{
    return result->kind == JSON_SCAN_VALUE && result->value.type == JSON_VALUE_STRING;
}

static const char *type_name(enum json_value_type type)
{
    static const char *const names[] = {
        [JSON_VALUE_NULL] = "null",        [JSON_VALUE_FALSE] = "a boolean",
        [JSON_VALUE_TRUE] = "a boolean",   [JSON_VALUE_NUMBER] = "a number",
        [JSON_VALUE_STRING] = "a string",  [JSON_VALUE_ARRAY] = "an array",
        [JSON_VALUE_OBJECT] = "an object",
    };

    return names[type];
}

static enum body_verdict leads_nowhere(const struct json_pointer *pointer,
                                       const struct json_scan_result *result, struct reason *reason)
{
    const char *name = pointer->tokens[result->depth].name;

    if (result->kind == JSON_SCAN_MISSING_MEMBER)
        reason_set(reason, "%s leads nowhere: the object has no member \"%s\"", pointer->text,
                   name);
    else
        reason_set(reason, "%s leads nowhere: \"%s\" is looked for in %s", pointer->text, name,
                   type_name(result->value.type));
    return BODY_MALFORMED;
}

static enum body_verdict judge_found(const struct json_pointer *pointer,
                                     const struct json_scan_result *result, struct reason *reason)
{
    switch (result->kind) {
    case JSON_SCAN_VALUE:
        return result->value.something ? BODY_GOOD : BODY_UNKNOWN;
    case JSON_SCAN_PAST_END:
    case JSON_SCAN_NOTHING:
        return BODY_UNKNOWN;
    default:
        return leads_nowhere(pointer, result, reason);
    }
}

static enum body_verdict judge_shape(const struct reading *reading, struct reason *reason)
{
    const struct json_scan_result *postcode = reading->shape_postcode;
    const struct json_scan_result *country = reading->shape_country;

    if (!is_string(postcode)) {
        bool object =
            postcode->kind == JSON_SCAN_VALUE || postcode->kind == JSON_SCAN_MISSING_MEMBER;
        reason_set(reason, "%s",
                   object ? "postcode is missing or not a string" : "not a JSON object");
        return BODY_MALFORMED;
    }
    if (country->kind != JSON_SCAN_VALUE || is_string(country) ||
        country->value.type == JSON_VALUE_NULL)
        return BODY_GOOD;
    reason_set(reason, "country is not a string");
    return BODY_MALFORMED;
}

/* ---- the answer ---- */

static void put_string(struct buf *buf, const char *text)
{
    buf_putc(buf, '"');
    json_value_escape(buf, text, strlen(text));
    buf_putc(buf, '"');
}

/* False: it leads to no string with characters, and to no number. */
static bool put_result(struct buf *buf, const struct json_scan_result *result)
{
    const struct json_value *value = &result->value;

    if (is_string(result) && value->something) {
        buf_append(buf, value->text, value->len); /* a JSON string already */
        return true;
    }
    if (result->kind != JSON_SCAN_VALUE || value->type != JSON_VALUE_NUMBER)
        return false;
    buf_putc(buf, '"');
    buf_append(buf, value->text, value->len);
    buf_putc(buf, '"');
    return true;
}

static void put_country(struct buf *buf, const struct reading *reading,
                        const struct body_rules *rules)
{
    if (rules->country_constant != NULL)
        put_string(buf, rules->country_constant);
    else if (!put_result(buf, reading->country))
        buf_puts(buf, "null");
}

/* False: memory was refused. */
static bool make_answer(const struct reading *reading, const struct body_rules *rules,
                        const char *asked, struct body_answer *answer)
{
    struct buf buf;

    buf_init(&buf, SIZE_MAX / 4); /* two values of the body at most, which is bounded */
    buf_puts(&buf, "{\"postcode\":");
    if (!put_result(&buf, reading->postcode))
        put_string(&buf, asked);
    buf_puts(&buf, ",\"country\":");
    put_country(&buf, reading, rules);
    bool good = buf_putc(&buf, '}') == ERR_OK;
    if (good)
        answer->text = buf_take(&buf, &answer->len);
    buf_fini(&buf);
    return good;
}

enum body_verdict body_check(const struct body_rules *rules, const char *body, size_t len,
                             const char *asked, struct body_answer *answer, struct reason *reason)
{
    struct reading reading;
    enum body_verdict verdict;

    *answer = (struct body_answer){0};
    follow_rules(&reading, rules);
    if (json_scan(body, len, reading.pointers, reading.count, reading.results, reason) != ERR_OK)
        return BODY_MALFORMED;
    if (reading.failed != NULL && is_something(reading.failed))
        return BODY_REJECTED;
    verdict = reading.found != NULL ? judge_found(rules->found, reading.found, reason)
                                    : judge_shape(&reading, reason);
    if (verdict != BODY_GOOD || !rules->address || make_answer(&reading, rules, asked, answer))
        return verdict;
    reason_set(reason, "no memory for the answer");
    return BODY_MALFORMED;
}
