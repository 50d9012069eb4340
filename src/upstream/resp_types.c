/* The texts of an error. */
#include "upstream/resp_types.h"

#include "base/check.h"

static const struct {
    const char *name;
    const char *phrase;
} errors[] = {
#define ERROR_ROW(id, name, phrase) [id] = {name, phrase},
    RESP_ERRORS(ERROR_ROW)
#undef ERROR_ROW
};

const char *resp_error_name(enum resp_error error)
{
    MUST((size_t)error < ARRAY_LEN(errors));
    return errors[error].name;
}

const char *resp_error_phrase(enum resp_error error)
{
    MUST((size_t)error < ARRAY_LEN(errors));
    return errors[error].phrase;
}
