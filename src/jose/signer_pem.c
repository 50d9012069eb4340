/*
 * OpenSSL reads any key out of any PEM with one call, and asks for a pass phrase on the terminal
 * where it needs one, or says no more than "no start line". So blocks are taken apart first, with
 * nothing decrypted, and their labels decide: which one is the key, or what stands there instead.
 *
 * The decoded bytes are in memory that OpenSSL overwrites. Its decoder makes a copy of them on the
 * way from DER to a key, which it frees as it is: that one is beyond reach.
 */
#include "jose/signer_pem.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/check.h"
#include "base/mem.h"

#define BLOCK_FLAGS (PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE)

/* What a label stands for. */
enum block_kind {
    BLOCK_PKCS8,
    BLOCK_RSA,
    BLOCK_EC,
    BLOCK_ENCRYPTED,
    BLOCK_SSH,
    BLOCK_PUBLIC,
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
    {"RSA PUBLIC KEY", BLOCK_PUBLIC},
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

/* Decoding. Neither form is asked for a pass phrase. */

static EVP_PKEY *pkcs8_decode(const unsigned char **at, long len)
{
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, at, len);
    EVP_PKEY *pkey = info != NULL ? EVP_PKCS82PKEY(info) : NULL;

    PKCS8_PRIV_KEY_INFO_free(info);
    return pkey;
}

static EVP_PKEY *block_decode(const struct block *block)
{
    const unsigned char *at = block->bytes;
    EVP_PKEY *pkey = NULL;

    if (block->kind == BLOCK_PKCS8)
        pkey = pkcs8_decode(&at, block->len);
    else
        pkey = d2i_PrivateKey(block->kind == BLOCK_RSA ? EVP_PKEY_RSA : EVP_PKEY_EC, NULL, &at,
                              block->len);
    if (pkey == NULL || at == block->bytes + block->len)
        return pkey;
    EVP_PKEY_free(pkey);
    return NULL;
}

static enum err block_is_no_key(enum block_kind kind, struct reason *reason)
{
    static const char *const texts[] = {
        [BLOCK_ENCRYPTED] = "the private key is encrypted; it should not be: openssl pkey -in FILE "
                            "-out NEW_FILE asks for its pass phrase and decrypts it",
        [BLOCK_SSH] = "the private key is in the format of OpenSSH; it should be in PKCS#8: "
                      "ssh-keygen -p -m PKCS8 -f COPY converts a copy of it, if it is RSA or EC",
        [BLOCK_PUBLIC] = "it is a public key; it should be the private one, in PEM (BEGIN PRIVATE "
                         "KEY) or as a JWK",
        [BLOCK_CERTIFICATE] = "it is a certificate; it should be the private key, in PEM (BEGIN "
                              "PRIVATE KEY) or as a JWK",
        [BLOCK_OTHER] = "it is PEM without a private key; it should be " SIGNER_KEYS
                        " after BEGIN PRIVATE KEY, BEGIN RSA PRIVATE KEY or BEGIN EC PRIVATE KEY",
    };

    return signer_key_invalid(reason, "%s", texts[kind]);
}

static enum err block_read(const struct block *block, struct signer_key *key, struct reason *reason)
{
    if (block->kind > BLOCK_EC)
        return block_is_no_key(block->kind, reason);
    EVP_PKEY *pkey = block_decode(block);
    if (pkey == NULL)
        return signer_key_invalid(reason, "OpenSSL cannot read the key in its PEM; it should be "
                                          "whole, and " SIGNER_KEYS);
    return signer_key_judge(pkey, NULL, key, reason);
}

static enum err damaged(const char *bytes, size_t len, struct reason *reason)
{
    static const char literal[] = "\\n";

    if (memmem(bytes, len, literal, sizeof(literal) - 1) != NULL)
        return signer_key_invalid(reason, "its PEM has \\n in place of line breaks; they should be "
                                          "line breaks");
    return signer_key_invalid(reason, "its PEM is damaged; BEGIN and END should have lines of "
                                      "their own, with base64 in lines of 64 between them");
}

static void block_move(struct block *to, struct block *from)
{
    block_fini(to);
    *to = *from;
    *from = (struct block){0};
}

/* The only private key, or else the first block. */
static enum err find_block(BIO *text, struct block *found, struct reason *reason)
{
    struct block block;

    while (block_next(text, &block)) {
        bool is_key = is_private(block.kind), had_key = is_private(found->kind);
        if (found->label == NULL || (is_key && !had_key))
            block_move(found, &block);
        block_fini(&block);
        if (is_key && had_key)
            return signer_key_invalid(reason, "it holds several private keys; it should hold one");
    }
    return ERR_OK;
}

enum err signer_pem_read(const char *bytes, size_t len, struct signer_key *key,
                         struct reason *reason)
{
    struct block found = {.kind = BLOCK_OTHER};
    BIO *text = BIO_new_mem_buf(bytes, (int)len);
    enum err err;

    MEM_MUST(text != NULL);
    ERR_clear_error();
    err = find_block(text, &found, reason);
    /* Else a block was begun and is not whole, or BEGIN stands within a line. */
    if (err == ERR_OK &&
        (found.label == NULL || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE))
        err = damaged(bytes, len, reason);
    if (err == ERR_OK)
        err = block_read(&found, key, reason);
    block_fini(&found);
    BIO_free(text);
    ERR_clear_error();
    return err;
}
