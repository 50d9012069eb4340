/*
 * The table of algorithms, and questions to it. What a key is for is decided by its kind and its
 * own alg, never by a token: so everything here starts from the key.
 */
#include "jose/jws_alg.h"

#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"

static const struct {
    struct jws_alg_facts facts;
    enum key_kind first;
    enum key_kind last;
} rows[JWS_ALG_COUNT] = {
#define JWS_ALG_ROW(alg, name, first, last, digest, digest_len)                                    \
    [alg] = {{name, digest, digest_len}, first, last},
    JWS_ALG_TABLE(JWS_ALG_ROW)
#undef JWS_ALG_ROW
};

const struct jws_alg_facts *jws_alg_facts(enum jws_alg alg)
{
    MUST(alg < JWS_ALG_COUNT);
    return &rows[alg].facts;
}

unsigned jws_alg_named(const char *name)
{
    for (unsigned i = 0; i < JWS_ALG_COUNT; i++) {
        if (strcmp(name, rows[i].facts.name) == 0)
            return JWS_BIT(i);
    }
    return 0;
}

unsigned jws_algs_for(enum key_kind kind)
{
    unsigned algs = 0;

    for (unsigned i = 0; i < JWS_ALG_COUNT; i++) {
        if (kind >= rows[i].first && kind <= rows[i].last)
            algs |= JWS_BIT(i);
    }
    return algs;
}

enum jws_alg jws_alg_first(unsigned algs)
{
    MUST(algs != 0);
    return (enum jws_alg)__builtin_ctz(algs);
}

/* Whether the one before it in the set is of the same family: the first two letters. */
static bool continues(unsigned algs, unsigned alg)
{
    unsigned before = algs & (JWS_BIT(alg) - 1);

    if (before == 0)
        return false;
    unsigned last = 31 - (unsigned)__builtin_clz(before);
    return strncmp(rows[last].facts.name, rows[alg].facts.name, 2) == 0;
}

char *jws_algs_text(unsigned algs)
{
    struct buf text;

    buf_init(&text, 256);
    for (unsigned i = 0; i < JWS_ALG_COUNT; i++) {
        const char *name = rows[i].facts.name;
        if ((algs & JWS_BIT(i)) == 0)
            continue;
        if (continues(algs, i))
            buf_printf(&text, "/%s", name + 2);
        else
            buf_printf(&text, "%s%s", text.len > 0 ? ", " : "", name);
    }
    MEM_MUST(text.err == ERR_OK && text.data != NULL);
    return buf_take(&text, NULL);
}

const char *key_kind_name(enum key_kind kind)
{
    static const char *const names[] = {
#define KEY_KIND_NAME(kind, name) name,
        KEY_KIND_TABLE(KEY_KIND_NAME)
#undef KEY_KIND_NAME
    };

    MUST(kind < ARRAY_LEN(names));
    return names[kind];
}

size_t key_kind_half(enum key_kind kind)
{
    switch (kind) {
    case KEY_P256:
        return 32;
    case KEY_P384:
        return 48;
    case KEY_P521:
        return 66;
    case KEY_HMAC:
    case KEY_RSA:
    case KEY_RSA_PSS:
    case KEY_ED25519:
        break;
    }
    return 0;
}
