/*
 * Private keys. The first byte chooses what the rest is: a key file as it stands, or the DER of a
 * key, which gets its PEM here, so that what lies behind base64 is reached too. What is taken for a
 * key must sign, in a form that has one spelling; what is not must have a reason of one line.
 */
#include "fuzz.h"

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "base/reason.h"
#include "base/secret.h"
#include "base/text.h"
#include "jose/base64url.h"
#include "jose/signer.h"

static const char *label_of(char c)
{
    return c == '8' ? "PRIVATE KEY" : c == 'r' ? "RSA PRIVATE KEY" : "EC PRIVATE KEY";
}

/* The part before the next dot, or the last one. */
static struct octets decode_part(struct piece *rest)
{
    struct piece part = piece_until(rest, '.');
    struct octets out;
    MUST(base64url_decode(part.data, part.len, &out));
    return out;
}

static size_t shortest_signature(const char *alg)
{
    return strcmp(alg, "ES384") == 0 ? 96 : alg[0] == 'E' ? 64 : 256;
}

static void check_token(const struct jose_signer *signer)
{
    const char *alg = jose_signer_alg(signer), *kid = jose_signer_kid(signer);
    char *token = jose_signer_sign(signer, "{}", 2);
    MUST(token != NULL && (kid == NULL || text_is_utf8(kid, strlen(kid))));
    struct piece rest = {token, strlen(token)};
    struct octets header = decode_part(&rest), body = decode_part(&rest), tail = decode_part(&rest);
    MUST(rest.len == 0 && strstr((const char *)header.bytes, alg) != NULL);
    MUST(body.len == 2 && memcmp(body.bytes, "{}", 2) == 0);
    MUST(tail.len >= shortest_signature(alg));
    octets_fini(&header);
    octets_fini(&body);
    octets_fini(&tail);
    wipe_free_text(token);
}

static void read_text(const char *text, size_t len)
{
    struct reason reason = {.text = ""};
    struct jose_signer *signer = NULL;
    if (jose_signer_new(text, len, NULL, &reason, &signer) == ERR_OK) {
        check_token(signer);
    } else {
        MUST(signer == NULL && memchr(reason.text, '\0', sizeof(reason)) != NULL);
        MUST(reason.text[0] != '\0' &&
             text_is_all(reason.text, strlen(reason.text), TEXT_PRINTABLE));
    }
    jose_signer_free(signer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == 'k') {
        read_text((const char *)data + 1, size - 1);
        return 0;
    }
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    MUST(bio != NULL &&
         PEM_write_bio(bio, label_of((char)data[0]), "", data + 1, (long)size - 1) >= 0);
    long len = BIO_get_mem_data(bio, &text);
    read_text(text, (size_t)len);
    BIO_free(bio);
    return 0;
}
