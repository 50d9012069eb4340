/*
 * OpenSSL reads any key out of any PEM with one call, and asks for a pass phrase on the terminal
 * where it needs one, or says no more than "no start line". So blocks are taken apart first, with
 * nothing decrypted, and their labels decide: which one is the key, or what stands there instead.
 *
 * The decoded bytes are in memory that OpenSSL overwrites. Its decoder makes a copy of them on the
 * way from DER to a key, which it frees as it is: that one is beyond reach.
 */
#include "jose/pem.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/check.h"
#include "base/mem.h"
#include "jose/key_fault.h"

#define BLOCK_FLAGS (PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE)

/* What a label stands for. */
enum block_kind {
    BLOCK_PKCS8,
    BLOCK_RSA,
    BLOCK_EC,
    BLOCK_ENCRYPTED,
    BLOCK_SSH,
    BLOCK_PUBLIC,
    BLOCK_RSA_PUBLIC,
    BLOCK_CERTIFICATE,
    BLOCK_OTHER,
};

static const struct {
    const char *label;
    enum block_kind kind;
} labels[] = {
    {"PRIVATE KEY", BLOCK_PKCS8},
    {"RSA PRIVATE KEY", BLOCK_RSA},
    {"EC PRIVATE KEY", BLOCK_EC},
    {"ENCRYPTED PRIVATE KEY", BLOCK_ENCRYPTED},
    {"OPENSSH PRIVATE KEY", BLOCK_SSH},
    {"PUBLIC KEY", BLOCK_PUBLIC},
    {"RSA PUBLIC KEY", BLOCK_RSA_PUBLIC},
    {"CERTIFICATE", BLOCK_CERTIFICATE},
    {"X509 CERTIFICATE", BLOCK_CERTIFICATE},
    {"TRUSTED CERTIFICATE", BLOCK_CERTIFICATE},
};

struct block {
    char *label;
    char *header;
    unsigned char *bytes;
    long len;
    enum block_kind kind;
};

static void block_fini(struct block *block)
{
    OPENSSL_secure_free(block->label);
    OPENSSL_secure_free(block->header);
    OPENSSL_secure_clear_free(block->bytes, (size_t)block->len);
    *block = (struct block){0};
}

static enum block_kind kind_of(const struct block *block)
{
    /* The older encryption stands in the lines below the label (RFC 1421, section 4.6.1.1). */
    if (strstr(block->header, "ENCRYPTED") != NULL)
        return BLOCK_ENCRYPTED;
    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        if (strcmp(block->label, labels[i].label) == 0)
            return labels[i].kind;
    }
    return BLOCK_OTHER;
}

/* False at the end of the text, and where a block is damaged. */
static bool block_next(BIO *text, struct block *block)
{
    *block = (struct block){0};
    if (PEM_read_bio_ex(text, &block->label, &block->header, &block->bytes, &block->len,
                        BLOCK_FLAGS) != 1)
        return false;
    block->kind = kind_of(block);
    return true;
}

static bool is_private(enum block_kind kind)
{
    return kind <= BLOCK_SSH;
}

static bool is_public(enum block_kind kind)
{
    return kind == BLOCK_PUBLIC || kind == BLOCK_RSA_PUBLIC || kind == BLOCK_CERTIFICATE;
}

/* Decoding. Neither form is asked for a pass phrase. */

static EVP_PKEY *pkcs8_decode(const unsigned char **at, long len)
{
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, at, len);
    EVP_PKEY *pkey = info != NULL ? EVP_PKCS82PKEY(info) : NULL;

    PKCS8_PRIV_KEY_INFO_free(info);
    return pkey;
}

static EVP_PKEY *certificate_decode(const unsigned char **at, long len)
{
    X509 *certificate = d2i_X509_AUX(NULL, at, len);
    EVP_PKEY *pkey = certificate != NULL ? X509_get_pubkey(certificate) : NULL;

    X509_free(certificate);
    return pkey;
}

static EVP_PKEY *decode_kind(enum block_kind kind, const unsigned char **at, long len)
{
    switch (kind) {
    case BLOCK_PKCS8:
        return pkcs8_decode(at, len);
    case BLOCK_RSA:
        return d2i_PrivateKey(EVP_PKEY_RSA, NULL, at, len);
    case BLOCK_EC:
        return d2i_PrivateKey(EVP_PKEY_EC, NULL, at, len);
    case BLOCK_PUBLIC:
        return d2i_PUBKEY(NULL, at, len);
    case BLOCK_RSA_PUBLIC:
        return d2i_PublicKey(EVP_PKEY_RSA, NULL, at, len);
    case BLOCK_CERTIFICATE:
        return certificate_decode(at, len);
    case BLOCK_ENCRYPTED:
    case BLOCK_SSH:
    case BLOCK_OTHER:
        break;
    }
    return NULL;
}

/* NULL: it is no key, or has bytes behind it. */
static EVP_PKEY *block_decode(const struct block *block)
{
    const unsigned char *at = block->bytes;
    EVP_PKEY *pkey = decode_kind(block->kind, &at, block->len);

    if (pkey == NULL || at == block->bytes + block->len)
        return pkey;
    EVP_PKEY_free(pkey);
    return NULL;
}

static enum err damaged(const char *bytes, size_t len, struct reason *reason)
{
    static const char literal[] = "\\n";

    if (memmem(bytes, len, literal, sizeof(literal) - 1) != NULL)
        return key_fault(reason,
                         "its PEM has \\n in place of line breaks; they should be line breaks");
    return key_fault(reason, "its PEM is damaged; BEGIN and END should have lines of their own, "
                             "with base64 in lines of 64 between them");
}

/* The search. */

static void block_move(struct block *to, struct block *from)
{
    block_fini(to);
    *to = *from;
    *from = (struct block){0};
}

/* The first block of those that `wanted` names, or else the first of all; how many it names. */
static int find_block(BIO *text, bool (*wanted)(enum block_kind kind), struct block *found)
{
    struct block block;
    int count = 0;

    while (block_next(text, &block)) {
        bool fits = wanted(block.kind);
        if (found->label == NULL || (fits && count == 0))
            block_move(found, &block);
        count += fits;
        block_fini(&block);
    }
    return count;
}

/* ERR_OK: the text is whole. *count: blocks that are wanted; the first of them is in *found. */
static enum err search(const char *bytes, size_t len, bool (*wanted)(enum block_kind kind),
                       struct block *found, int *count, struct reason *reason)
{
    BIO *text = BIO_new_mem_buf(bytes, (int)len);

    *found = (struct block){.kind = BLOCK_OTHER};
    MEM_MUST(text != NULL);
    ERR_clear_error();
    *count = find_block(text, wanted, found);
    BIO_free(text);
    /* Else a block was begun and is not whole, or BEGIN stands within a line. */
    bool whole =
        found->label != NULL && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return whole ? ERR_OK : damaged(bytes, len, reason);
}

bool pem_begins(const char *bytes, size_t len)
{
    static const char begin[] = "-----BEGIN ";

    return memmem(bytes, len, begin, sizeof(begin) - 1) != NULL;
}

/* Private keys. */

static enum err is_no_private_key(enum block_kind kind, struct reason *reason)
{
    switch (kind) {
    case BLOCK_ENCRYPTED:
        return key_fault(reason, "the private key is encrypted; it should not be: openssl pkey "
                                 "-in FILE -out NEW_FILE asks for its pass phrase and decrypts "
                                 "it");
    case BLOCK_SSH:
        return key_fault(reason, "the private key is in the format of OpenSSH; it should be in "
                                 "PKCS#8: ssh-keygen -p -m PKCS8 -f COPY converts a copy of it, "
                                 "if it is RSA or EC");
    case BLOCK_PUBLIC:
    case BLOCK_RSA_PUBLIC:
        return key_fault(reason, "it is a public key; it should be the private one, in PEM "
                                 "(BEGIN PRIVATE KEY) or as a JWK");
    case BLOCK_CERTIFICATE:
        return key_fault(reason, "it is a certificate; it should be the private key, in PEM "
                                 "(BEGIN PRIVATE KEY) or as a JWK");
    case BLOCK_PKCS8:
    case BLOCK_RSA:
    case BLOCK_EC:
    case BLOCK_OTHER:
        break;
    }
    return key_fault(reason, "it is PEM without a private key; it should be " KEY_PAIRS
                             " after BEGIN PRIVATE KEY, BEGIN RSA PRIVATE KEY or BEGIN EC "
                             "PRIVATE KEY");
}

static enum err take_block(const struct block *block, bool has_private, struct jose_key *key,
                           struct reason *reason)
{
    EVP_PKEY *pkey = block_decode(block);

    if (pkey == NULL)
        return key_fault(reason, "OpenSSL cannot read the key in its PEM; it should be whole, "
                                 "and " KEY_PAIRS);
    return key_take(pkey, has_private, NULL, key, reason);
}

enum err pem_read_private(const char *bytes, size_t len, struct jose_key *key,
                          struct reason *reason)
{
    struct block found;
    int count;
    enum err err = search(bytes, len, is_private, &found, &count, reason);

    if (err == ERR_OK && count > 1)
        err = key_fault(reason, "it holds several private keys; it should hold one");
    if (err == ERR_OK && found.kind > BLOCK_EC)
        err = is_no_private_key(found.kind, reason);
    if (err == ERR_OK)
        err = take_block(&found, true, key, reason);
    block_fini(&found);
    ERR_clear_error();
    return err;
}

/* Public keys. */

static bool is_any_key(enum block_kind kind)
{
    return is_private(kind) || is_public(kind);
}

/* A file with a private key is no place for what only verifies. */
static enum err is_private_key(struct reason *reason)
{
    return key_fault(reason, "it holds a private key in PEM; it should be the public one: "
                             "openssl pkey -in FILE -pubout; or, for --mint-identity, a JWK "
                             "with its private half");
}

static enum err check_count(const struct block *found, int count, struct reason *reason)
{
    if (count > 1)
        return key_fault(reason,
                         "it holds %d keys or certificates in PEM; it should hold one, "
                         "or be a JWK set",
                         count);
    if (!is_any_key(found->kind))
        return key_fault(reason, "it is PEM without a public key; it should have BEGIN PUBLIC "
                                 "KEY or BEGIN CERTIFICATE");
    return ERR_OK;
}

static enum err read_public(const char *bytes, size_t len, struct block *found,
                            struct reason *reason)
{
    int count;
    enum err err = search(bytes, len, is_private, found, &count, reason);

    if (err == ERR_OK && count > 0)
        err = is_private_key(reason);
    if (err != ERR_OK)
        return err;
    block_fini(found);
    err = search(bytes, len, is_any_key, found, &count, reason);
    return err == ERR_OK ? check_count(found, count, reason) : err;
}

enum err pem_read_public(const char *bytes, size_t len, struct jose_key *key, bool *is_certificate,
                         struct reason *reason)
{
    struct block found;
    enum err err = read_public(bytes, len, &found, reason);

    if (err == ERR_OK)
        err = take_block(&found, false, key, reason);
    *is_certificate = found.kind == BLOCK_CERTIFICATE;
    block_fini(&found);
    ERR_clear_error();
    return err;
}
