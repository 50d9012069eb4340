/* The tokens that are valid now. */
#ifndef STANDIN_TOKENS_H
#define STANDIN_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

struct token;

struct tokens {
    struct token *all;    /* by text */
    struct token *newest; /* NULL when it was revoked or has expired */
};

struct token_issued {
    const char *text; /* owned by the tokens; until the next call */
    double lifetime;  /* seconds */
};

void tokens_init(struct tokens *tokens);
void tokens_fini(struct tokens *tokens);

/* A new token of `size` characters; times are CLOCK_BOOTTIME nanoseconds. */
struct token_issued tokens_issue(struct tokens *tokens, long long now, double lifetime,
                                 size_t size);

/* The newest token again, with what is left of its life in whole seconds; false: none is left. */
bool tokens_again(struct tokens *tokens, long long now, struct token_issued *out);

bool tokens_valid(const struct tokens *tokens, const char *text, long long now);

void tokens_revoke(struct tokens *tokens);

#endif
