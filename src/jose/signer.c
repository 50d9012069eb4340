/*
 * A signer: one private key, whichever text it came from, and tokens signed with it.
 */
#include "jose/signer.h"

#include <string.h>

#include <openssl/err.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"
#include "jose/jws.h"
#include "jose/key.h"
#include "jose/key_fault.h"
#include "jose/signer_text.h"

#define SIGNER_MAGIC 0x51673e72u

struct jose_signer {
    unsigned magic;
    struct jose_key key;
};

enum err jose_signer_new(const char *bytes, size_t len, const char *kid, struct reason *reason,
                         struct jose_signer **out)
{
    struct jose_key key = {0};
    enum err err;

    *out = NULL;
    if (kid != NULL && (kid[0] == '\0' || !text_is_utf8(kid, strlen(kid))))
        return key_fault(reason, "the key's id is empty or not UTF-8; it should be the "
                                 "kid under which the server knows the key");
    if (len > JOSE_SIGNER_TEXT_MAX)
        return key_fault(reason, "it has %zu bytes; a private key should have at most %d", len,
                         JOSE_SIGNER_TEXT_MAX);
    err = signer_text_read(bytes, len, kid, &key, reason);
    ERR_clear_error();
    if (err != ERR_OK)
        return err;
    if (kid != NULL) {
        mem_free(key.kid);
        key.kid = mem_strdup(kid);
    }
    *out = mem_zalloc(sizeof(**out));
    MAGIC_SET(*out, SIGNER_MAGIC);
    (*out)->key = key;
    return ERR_OK;
}

void jose_signer_free(struct jose_signer *signer)
{
    if (signer == NULL)
        return;
    MAGIC_OK(signer, SIGNER_MAGIC);
    key_fini(&signer->key);
    MAGIC_CLEAR(signer);
    mem_free(signer);
}

const char *jose_signer_alg(const struct jose_signer *signer)
{
    MAGIC_OK(signer, SIGNER_MAGIC);
    return jws_alg_facts(jws_alg_first(signer->key.algs))->name;
}

const char *jose_signer_kid(const struct jose_signer *signer)
{
    MAGIC_OK(signer, SIGNER_MAGIC);
    return signer->key.kid;
}

char *jose_signer_sign(const struct jose_signer *signer, const char *payload, size_t len)
{
    MAGIC_OK(signer, SIGNER_MAGIC);
    return jws_sign(&signer->key, payload, len);
}
