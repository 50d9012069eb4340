/*
 * libcurl reads certificates when a connection is made, and so would report a bad file with the
 * first lookup. This reads them beforehand, with the same library, so that --check, a start and a
 * reload can reject them with a reason.
 *
 * An encrypted key needs its password from the configuration: OpenSSL would ask for it on the
 * terminal. Whether OpenSSL asked tells an encrypted key from a plain one, and a wrong password
 * from a file that is no key.
 */
#include "upstream/tls_check.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <string.h>

#include "base/secret.h"

static enum err invalid(struct reason *reason, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum err invalid(struct reason *reason, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    reason_vset(reason, format, args);
    va_end(args);
    return ERR_INVALID;
}

/* OpenSSL's question for a password. */
struct question {
    const struct secret *password; /* NULL: there is none */
    bool asked;
};

static int give_password(char *out, int size, int writing, void *arg)
{
    struct question *question = arg;

    (void)writing;
    question->asked = true;
    if (question->password == NULL || secret_len(question->password) > (size_t)size)
        return 0;
    memcpy(out, secret_bytes(question->password), secret_len(question->password));
    return (int)secret_len(question->password);
}

/* The first certificate of a PEM file; NULL with `reason` set. */
static X509 *read_certificate(const char *what, const char *path, struct reason *reason)
{
    BIO *file = BIO_new_file(path, "r");
    X509 *certificate = NULL;
    struct question none = {.password = NULL};

    if (file == NULL) {
        invalid(reason, "%s: %s: %s", what, path, strerror(errno));
        return NULL;
    }
    certificate = PEM_read_bio_X509(file, NULL, give_password, &none);
    if (certificate == NULL)
        invalid(reason, "%s: %s: contains no PEM certificate", what, path);
    BIO_free(file);
    return certificate;
}

static EVP_PKEY *parse_key(const struct secret *key, struct question *question)
{
    BIO *bytes = NULL;
    EVP_PKEY *pkey = NULL;

    if (secret_len(key) > 0 && secret_len(key) < INT_MAX)
        bytes = BIO_new_mem_buf(secret_bytes(key), (int)secret_len(key));
    if (bytes != NULL)
        pkey = PEM_read_bio_PrivateKey(bytes, NULL, give_password, question);
    BIO_free(bytes);
    return pkey;
}

bool client_key_is_encrypted(const struct secret *key)
{
    struct question question = {.password = NULL};

    EVP_PKEY_free(parse_key(key, &question));
    ERR_clear_error();
    return question.asked;
}

/* NULL with `reason` set; a key may come with a note in it. */
static EVP_PKEY *read_key(const struct client_settings *settings, struct reason *reason)
{
    struct question question = {.password = settings->client_key_password};
    EVP_PKEY *pkey = parse_key(settings->client_key, &question);

    if (pkey == NULL && !question.asked)
        invalid(reason, "client_key: is not a private key in PEM");
    else if (pkey == NULL && question.password == NULL)
        invalid(reason, "client_key: is encrypted; set client_key_password_file = PATH too");
    else if (pkey == NULL)
        invalid(reason, "client_key_password_file: does not open client_key; it must hold the "
                        "password that the key was encrypted with");
    else if (question.password != NULL && !question.asked)
        reason_set(reason,
                   "client_key_password_file: is not used, for client_key is not encrypted");
    return pkey;
}

static enum err check_ca(const char *path, struct reason *reason)
{
    X509 *first = read_certificate("ca_file", path, reason);

    X509_free(first);
    return first != NULL ? ERR_OK : ERR_INVALID;
}

static enum err check_pair(const struct client_settings *settings, struct reason *reason)
{
    enum err err = ERR_INVALID;
    EVP_PKEY *key = NULL;
    X509 *certificate =
        read_certificate("client_certificate", settings->client_certificate, reason);

    if (certificate == NULL)
        goto out;
    key = read_key(settings, reason);
    if (key == NULL)
        goto out;
    err = ERR_OK;
    if (X509_check_private_key(certificate, key) != 1)
        err = invalid(reason, "client_key: does not match client_certificate");
out:
    EVP_PKEY_free(key);
    X509_free(certificate);
    return err;
}

enum err client_check(const struct client_settings *settings, struct reason *reason)
{
    enum err err = ERR_OK;

    reason->text[0] = '\0';
    if (settings->ca_file != NULL)
        err = check_ca(settings->ca_file, reason);
    if (err == ERR_OK && settings->client_certificate != NULL && settings->client_key == NULL)
        err = invalid(reason, "client_certificate: requires client_key");
    if (err == ERR_OK && settings->client_certificate == NULL && settings->client_key != NULL)
        err = invalid(reason, "client_key: requires client_certificate");
    if (err == ERR_OK && settings->client_certificate != NULL)
        err = check_pair(settings, reason);
    ERR_clear_error();
    return err;
}
