/*
 * A name is taken as bytes with their length: one with a NUL in it must not become the part before
 * it, which may be somebody else.
 */
#include "middleware/certificate_user.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/check.h"
#include "exchange/request.h"
#include "jose/jwt.h"

_Static_assert(CERTIFICATE_USER_MAX == REQUEST_USER_MAX, "a user fits a request");

static bool take(const unsigned char *text, int len, char out[CERTIFICATE_USER_MAX + 1])
{
    if (len <= 0 || !user_is_valid((const char *)text, (size_t)len))
        return false;
    memcpy(out, text, (size_t)len);
    out[len] = '\0';
    return true;
}

static bool take_common_name(const X509_NAME_ENTRY *entry, char out[CERTIFICATE_USER_MAX + 1])
{
    unsigned char *utf8 = NULL;
    const int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
    const bool good = take(utf8, len, out);
    OPENSSL_free(utf8);
    return good;
}

static bool take_name(const GENERAL_NAME *name, char out[CERTIFICATE_USER_MAX + 1])
{
    int type;
    const ASN1_STRING *text = GENERAL_NAME_get0_value(name, &type);
    return take(ASN1_STRING_get0_data(text), ASN1_STRING_length(text), out);
}

static bool take_alternative(const X509 *certificate, char out[CERTIFICATE_USER_MAX + 1])
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool good = false;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_EMAIL && name->type != GEN_URI)
            continue;
        good = take_name(name, out);
        break;
    }
    GENERAL_NAMES_free(names);
    return good;
}

static bool take_user(const X509 *certificate, char out[CERTIFICATE_USER_MAX + 1])
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    const int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (first < 0)
        return take_alternative(certificate, out);
    return X509_NAME_get_index_by_NID(subject, NID_commonName, first) < 0 &&
           take_common_name(X509_NAME_get_entry(subject, first), out);
}

bool certificate_user(const unsigned char *der, size_t len, char out[CERTIFICATE_USER_MAX + 1])
{
    X509 *certificate = len <= LONG_MAX ? d2i_X509(NULL, &der, (long)len) : NULL;
    out[0] = '\0';
    const bool good = certificate != NULL && take_user(certificate, out);
    X509_free(certificate);
    ERR_clear_error();
    return good;
}
