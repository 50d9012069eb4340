/*
 * Tokens are opaque: random letters and digits, found again by their text. What has expired is
 * swept when the next one is issued, so the table never holds more than the living and those that
 * died since.
 */
#include "tokens.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uthash.h>

#include "call.h"

struct token {
    UT_hash_handle hh;
    long long expires;
    char text[];
};

void tokens_init(struct tokens *tokens)
{
    *tokens = (struct tokens){0};
}

void tokens_fini(struct tokens *tokens)
{
    tokens_revoke(tokens);
}

static void drop(struct tokens *tokens, struct token *token)
{
    if (tokens->newest == token)
        tokens->newest = NULL;
    HASH_DEL(tokens->all, token);
    free(token);
}

static void sweep(struct tokens *tokens, long long now)
{
    struct token *token, *next;
    HASH_ITER(hh, tokens->all, token, next)
    {
        if (token->expires <= now)
            drop(tokens, token);
    }
}

/* 64 characters, so that each random byte gives one without favouring any. */
static void randomise(char *text, size_t size)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t done = 0; done < size;) {
        ssize_t n = getrandom(text + done, size - done, 0);
        if (n < 0)
            abort();
        done += (size_t)n;
    }
    for (size_t i = 0; i < size; i++)
        text[i] = alphabet[(unsigned char)text[i] % 64];
    text[size] = '\0';
}

struct token_issued tokens_issue(struct tokens *tokens, long long now, double lifetime, size_t size)
{
    sweep(tokens, now);
    struct token *token = must_calloc(1, sizeof *token + size + 1);
    randomise(token->text, size);
    token->expires = now + (long long)(lifetime * 1e9);
    HASH_ADD_KEYPTR(hh, tokens->all, token->text, size, token);
    tokens->newest = token;
    return (struct token_issued){.text = token->text, .lifetime = lifetime};
}

bool tokens_again(struct tokens *tokens, long long now, struct token_issued *out)
{
    sweep(tokens, now);
    if (tokens->newest == NULL)
        return false;
    long long left = (tokens->newest->expires - now) / NS_PER_SECOND;
    *out = (struct token_issued){.text = tokens->newest->text, .lifetime = (double)left};
    return left > 0;
}

bool tokens_valid(const struct tokens *tokens, const char *text, long long now)
{
    struct token *token;
    HASH_FIND(hh, tokens->all, text, strlen(text), token);
    return token != NULL && now < token->expires;
}

void tokens_revoke(struct tokens *tokens)
{
    struct token *token, *next;
    HASH_ITER(hh, tokens->all, token, next)
    {
        drop(tokens, token);
    }
}
