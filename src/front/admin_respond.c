/* JSON for people: indented, and with a newline at its end, so that no prompt stands behind it. */
#include "front/admin_respond.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "exchange/response.h"

void admin_respond_text(struct request *request, int status, const char *text)
{
    response_operator(request, status, "text/plain; charset=utf-8", NULL, text, strlen(text));
}

void admin_respond_json(struct request *request, json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    MUST(text != NULL);
    char *line = mem_printf("%s\n", text);
    response_operator(request, 200, "application/json", NULL, line, strlen(line));
    mem_free(line);
    free(text);
    json_decref(value);
}
