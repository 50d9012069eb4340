/*
 * An error reply begins with a code in capitals. Redis before version 7 wraps what a command in a
 * script failed with into an error of its own ("ERR Error running script (...): -READONLY ..."), so
 * a code behind a colon and a hyphen is one too.
 *
 * Version 7.0 answers to a command that the ACL denies in a script without a code or the command's
 * name; later ones begin that with NOPERM or "ERR ACL failure in script".
 */
#include "token/fleet_fault.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"

static const struct kind {
    enum resp_error cell;
    const char *phrase;
    const char *advice;
} kinds[] = {
#define FLEET_FAULT_KIND(id, cell, phrase, advice) {cell, phrase, advice},
    FLEET_FAULTS(FLEET_FAULT_KIND)
#undef FLEET_FAULT_KIND
};

_Static_assert(FLEET_FAULT_REFUSED == (int)RESP_REFUSED, "those of upstream/resp.h come first");
_Static_assert(FLEET_FAULT_FILES == (int)RESP_ERROR_COUNT, "and all of them");

enum fleet_fault fleet_fault_of(enum resp_error error)
{
    return (enum fleet_fault)error;
}

enum resp_error fleet_fault_cell(enum fleet_fault fault)
{
    return kinds[fault].cell;
}

const char *fleet_fault_phrase(enum fleet_fault fault)
{
    const struct kind *kind = &kinds[fault];

    return kind->phrase != NULL ? kind->phrase : resp_error_phrase(kind->cell);
}

const char *fleet_fault_advice(enum fleet_fault fault)
{
    return kinds[fault].advice;
}

unsigned fleet_fault_bit(enum fleet_fault fault)
{
    if (fault == FLEET_FAULT_TIMEOUT || fault == FLEET_FAULT_CLOSED)
        fault = FLEET_FAULT_UNREACHABLE;
    return 1u << fault;
}

/* The code stands at the start of `text`, as a whole word. */
static bool begins(const char *text, const char *code)
{
    size_t len = strlen(code);

    return strncmp(text, code, len) == 0 && (text[len] == ' ' || text[len] == '\0');
}

bool fleet_fault_is(const struct resp_reply *reply, const char *code)
{
    if (reply->type != RESP_ERROR)
        return false;
    if (begins(reply->text, code))
        return true;
    for (const char *at = reply->text; (at = strstr(at, ": -")) != NULL;) {
        at += strlen(": -");
        if (begins(at, code))
            return true;
    }
    return false;
}

bool fleet_fault_read(const struct resp_reply *reply, enum fleet_fault *out)
{
    static const struct {
        const char *code;
        enum fleet_fault fault;
    } codes[] = {
        {"READONLY", FLEET_FAULT_READONLY},     {"MOVED", FLEET_FAULT_MOVED},
        {"NOAUTH", FLEET_FAULT_AUTH},           {"LOADING", FLEET_FAULT_NOT_READY},
        {"MASTERDOWN", FLEET_FAULT_NOT_READY},  {"ASK", FLEET_FAULT_NOT_READY},
        {"CLUSTERDOWN", FLEET_FAULT_NOT_READY}, {"TRYAGAIN", FLEET_FAULT_NOT_READY},
    };

    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (fleet_fault_is(reply, codes[i].code)) {
            *out = codes[i].fault;
            return true;
        }
    return false;
}

bool fleet_fault_is_denial(const struct resp_reply *reply)
{
    return fleet_fault_is(reply, "NOPERM") ||
           (reply->type == RESP_ERROR &&
            (strstr(reply->text, "ACL failure in script") != NULL ||
             strstr(reply->text, "The user executing the script can't run") != NULL));
}
