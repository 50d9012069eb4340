/*
 * A JSON Pointer of a configuration: what it is split into can be put together again, and a
 * text that is none gets a reason.
 */
#include "fuzz.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/json_pointer.h"
#include "base/text.h"

static void put_token(struct buf *buf, const struct json_pointer_token *token)
{
    buf_putc(buf, '/');
    for (size_t i = 0; i < token->len; i++) {
        char c = token->name[i];

        if (c == '~' || c == '/')
            buf_puts(buf, c == '~' ? "~0" : "~1");
        else
            buf_putc(buf, c);
    }
}

static void check_token(const struct json_pointer_token *token)
{
    char text[32];

    MUST(strlen(token->name) == token->len);
    if (token->index == JSON_POINTER_NO_INDEX)
        return;
    snprintf(text, sizeof(text), "%zu", token->index);
    MUST(strcmp(text, token->name) == 0);
}

static void check_pointer(const struct json_pointer *pointer, const char *text)
{
    struct buf again;

    MUST(strcmp(json_pointer_text(pointer), text) == 0);
    MUST(pointer->count >= 1 && pointer->count <= JSON_POINTER_TOKENS_MAX);
    buf_init(&again, JSON_POINTER_LEN_MAX);
    for (size_t i = 0; i < pointer->count; i++) {
        check_token(&pointer->tokens[i]);
        put_token(&again, &pointer->tokens[i]);
    }
    MUST(strcmp(buf_text(&again), text) == 0);
    buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = piece_text((struct piece){(const char *)data, size});
    struct json_pointer *pointer = NULL;
    struct reason reason = {""};

    if (json_pointer_new(text, &reason, &pointer) == ERR_OK) {
        MUST(text[0] == '/' && reason.text[0] == '\0');
        check_pointer(pointer, text);
    } else {
        MUST(pointer == NULL && reason.text[0] != '\0');
        MUST(text_is_utf8(reason.text, strlen(reason.text)));
        MUST(text[0] != '/' || strstr(reason.text, "begins with") == NULL);
    }
    json_pointer_free(pointer);
    free(text);
    return 0;
}
