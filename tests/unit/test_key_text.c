/*
 * What is no HMAC secret, in every spelling a key file was seen with. That random secrets pass is
 * test_key_text_secrets.
 */
#include <string.h>

#include <check.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/check.h"
#include "base/mem.h"
#include "certificates.h"
#include "jose/base64url.h"
#include "jose/jwt.h"
#include "jose/key_text.h"
#include "jose_forge.h"
#include "private_keys.h"
#include "suite.h"

#define NO_SECRET "a public key is not an HMAC secret"
#define RSA_HEAD "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"
#define PRETTY                                                                                     \
    "{\n  \"keys\": [\n    {\n      \"kty\": \"RSA\",\n      \"n\": \"AAAA\"\n    }\n  ]\n}\n"
#define SSH_BLOB "AAAAC3NzaC1lZDI1NTE5AAAAIGtpbmQgb2YgYSBwdWJsaWMga2V5IGluIGEgdGVzdCE"

/* Never a key. */
static void is_mistaken(const char *name, const char *bytes, size_t len, const char *part)
{
    struct reason reason;
    struct jwt_keys *keys;
    const char *what = key_text_mistaken(bytes, len);

    ck_assert_msg(what != NULL, "%s: taken for a secret", name);
    ck_assert_msg(strstr(what, part) != NULL, "%s: %s", name, what);
    ck_assert_msg(strncmp(what, "it is ", 6) == 0 && strstr(what, "should be") != NULL, "%s: %s",
                  name, what);
    ck_assert_msg(jwt_keys_new(bytes, len, &reason, &keys) == ERR_INVALID, "%s: taken", name);
}

static const struct {
    const char *name;
    const char *text;
    const char *part;
} texts[] = {
    {"PEM", "-----BEGIN CERTIFICATE-----\nMIIB\n", "PEM"},
    {"PEM below a comment", "# key\n\n-----BEGIN EC PRIVATE KEY-----\nMHcC\n", "PEM"},
    {"a line without dashes", "BEGIN PUBLIC KEY\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NO_SECRET},
    {"a line with other dashes",
     "\xe2\x80\x94"
     "BEGIN CERTIFICATE\xe2\x80\x94\nxxx",
     NO_SECRET},
    {"PEM without its first line", "xxxxxxxxxxxxxxxxxxxxx\n-----END X-----\n", "first line"},
    {"PGP", "----BEGIN PGP MESSAGE----\nxxxxxxxxxxxxxxxxxxxx", "PGP"},
    {"RFC 4716", "---- BEGIN SSH2 PUBLIC KEY ----\nAAAAB3NzaC1yc2EAAAADAQAB\n", "SSH"},
    {"PuTTY", "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "PuTTY"},
    {"printed by openssl", "Public-Key: (256 bit)\npub:\n    04:7f:cd:ce:27:70:f6:c4", NO_SECRET},

    {"start of a key", RSA_HEAD, NO_SECRET},
    {"start of a key, base64url", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE_--_", NO_SECRET},
    {"a name before it", "jwt_key: " RSA_HEAD, NO_SECRET},
    {"a comment above it", "# the key of sso\n" RSA_HEAD "\n", NO_SECRET},

    {"id_ed25519.pub", "ssh-ed25519 " SSH_BLOB " ada@host", "OpenSSH"},
    {"authorized_keys", "command=\"x\",no-pty ssh-ed25519 " SSH_BLOB, "OpenSSH"},
    {"known_hosts", "host.example ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ", "OpenSSH"},
    {"ecdsa", "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY", "OpenSSH"},
    {"a key on a stick", "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2g",
     "OpenSSH"},
    {"bare ed25519", SSH_BLOB, "OpenSSH"},
    {"bare RSA", "AAAAB3NzaC1yc2EAAAADAQABAAABgQ", "OpenSSH"},
    {"bare ecdsa", "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAI\n", "OpenSSH"},
    {"inside of id_ed25519", "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ", "OpenSSH"},

    {"array", "[{\"kty\":\"oct\",\"k\":\"AAAA\"}]", "\"keys\""},
    {"array, broken", " \r\n[ { \"kty\" : \"oct\"", "\"keys\""},
    {"array of numbers", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]", "\"keys\""},
    {"object", "{\"kty\":\"oct\",\"k\":\"AAAA\"}", "JSON"},
    {"object with other quotes", "{'kty': 'RSA', 'n': 'AAAA'}", "JSON"},
    {"JSON in quotes", "\"" RSA_HEAD "\\/\\nAB\"", NO_SECRET},
    {"JWK in base64", "eyJrdHkiOiJvY3QiLCJrIjoiQUFBQUFBQUFBQUFBQUFBQUEifQ==", "JSON"},
    {"JWT", A1_TOKEN, "token"},
    {"Bearer JWT", "Bearer " A1_TOKEN, "token"},
    {"XML", "<?xml version=\"1.0\"?><RSAKeyValue>", "XML"},
    {"XML key", "<RSAKeyValue><Modulus>AAAA</Modulus></RSAKeyValue>", "XML"},
    {"page", "\n<!doctype html><html><body>Sign in</body></html>", "HTML"},

    {"https", "https://sso.example/jwks", "key_url"},
    {"HTTP", "HTTP://sso.example/realms/one/protocol/openid-connect/certs", "key_url"},
    {"white space and URL", " \r\n\thttps://sso.example/jwks\n", "key_url"},
    {"URL below a comment", "# keys\nhttps://sso.example/jwks\n", "key_url"},
    {"URL in quotes", "\"https://sso.example/.hidden/jwks\"", "key_url"},
    {"URL without scheme", "sso.example/.well-known/jwks.json", "key_url"},
    {"other URL", "ldap://sso.example/cn=keys,dc=example", "URL"},
    {"path", "/etc/postcoded/keys/jwks.json", "path"},
    {"path of Windows", "C:\\ProgramData\\postcoded\\identity.pem", "path"},
    {"path of systemd", "%d/identity-key-of-postcoded.key\n", "path"},
    {"credential", "credential:identity.key-of-the-daemon", "credential"},

    {"section", "[identity]\nkey_file = secret\n", "configuration"},
    {"line", "key_file = 0123456789abcdef0123456789abcdef", "configuration"},
    {"YAML", "keys:\n  - kty: RSA\n    n: AAAAAAAAAAAAAA", "YAML"},
    {"placeholder", "Change me, and have 32 bytes or more", "placeholder"},
    {"example", "a-string-secret-at-least-256-bits-long", "example"},

    {"printed by openssl, Ed25519", "ED25519 Public-Key:\npub:\n    7f:cd:ce:27:70:f6:c4",
     NO_SECRET},
    {"numbered lines", "     1\t" RSA_HEAD "\n     2\tAAAA", NO_SECRET},
    {"lines in quotes", "\"" RSA_HEAD "\" +\n\"AAAA\" +\n", NO_SECRET},
    {"DKIM", "v=DKIM1; k=rsa; p=" RSA_HEAD, NO_SECRET},
    {"a member", "\"publicKey\": \"" RSA_HEAD "\",", NO_SECRET},
    {"text behind a key", RSA_HEAD " # of sso", NO_SECRET},
    {"a key in other quotes", "\xe2\x80\x9c" RSA_HEAD "\xe2\x80\x9d", NO_SECRET},
    {"xxd", "00000000: 3082 0122 300d 0609 2a86 4886 f70d 0101  0..\"0...*.H.....\n", NO_SECRET},
    {"hexdump", "00000000  30 59 30 13 06 07 2a 86  48 ce 3d 02  |0Y0...*.H.=.|\n", NO_SECRET},
    {"od", "0000000 30 59 30 13 06 07 2a 86 48 ce 3d 02 01 06 08 2a\n", NO_SECRET},
    {"an array in C", "char key[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};",
     NO_SECRET},
    {"modulus", "Modulus=C5A1B2C3D4E5F60718293A4B5C6D7E8F90A1B2C3D4E5F607", NO_SECRET},
    {"minisign", "untrusted comment: minisign public key\nRWQf6LRCGA9i53mlYecO4IzT", NO_SECRET},
    {"fingerprint", "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8", "fingerprint"},
    {"fingerprint of a certificate", "sha256 Fingerprint=AB:CD:EF:01:23:45:67:89:AB:CD:EF",
     "fingerprint"},

    {"set below a comment", "// keys\n{\n  \"keys\": [\n    {\n      \"kty\": \"RSA\"", "JWK"},
    {"set in a program", "const jwks = {keys: [{kty: 'RSA', n: 'AAAA', e: 'AQAB'}]};", "JWK"},
    {"set behind a head", "HTTP/1.1 200 OK\r\n\r\n{\r\n\"keys\": [{\r\n\"kty\":\"RSA\"", "JWK"},
    {"set in percents", "%7B%22keys%22%3A%5B%7B%22kty%22%3A%22RSA%22", "JWK"},
    {"set in YAML", "---\njwks:\n  keys:\n  - kid: a\n    kty: RSA\n", "JWK"},
    {"set in HTML", "<pre>{&quot;keys&quot;:[{&quot;kty&quot;:", "JWK"},
    {"member", "\"issuer\": \"https://sso.example/realms/one\",", "URL"},
    {"URL in a sentence", "the keys are at https://sso.example/jwks", "URL"},
    {"URL with slashes escaped", "https:\\/\\/sso.example\\/realms\\/jwks", "URL"},
    {"URL in percents", "https%3A%2F%2Fsso.example%2Frealms%2Fjwks", "URL"},
    {"URL of Keycloak without scheme", "sso.example/realms/main/protocol/certs", "URL"},
    {"mount", "/run/secrets/postcoded_identity_hmac", "path"},
    {"reference", "op://Private/postcoded/identity-secret", "is kept"},
    {"reference of AWS", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x", "is kept"},
    {"encrypted", "$ANSIBLE_VAULT;1.1;AES256\n61626364656667686970", "is kept"},
    {"gzip", "\x1f\x8b\x08\x08 jwks.json and thirty-two more bytes", "compressed"},

    /* A set with something around it, in its own lines or in one. */
    {"set below #", "# keys\n" PRETTY, "JWK"},
    {"set behind curl -i", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" PRETTY,
     "JWK"},
    {"set in a call", "cb({\"keys\":[{\"kty\":\"RSA\",\"n\":\"AAAA\",\"e\":\"AQAB\"}]})", "JWK"},
    {"set in a variable", "var x = {\"keys\":[{\"use\":\"sig\"}]};", "JWK"},
    {"set behind a guard", ")]}'\n" PRETTY, "JWK"},
    {"set behind a form feed", "\f" PRETTY, "JSON"},
    {"set behind a vertical tab", "\v" PRETTY, "JSON"},
    {"set behind a blank that does not break", "\xc2\xa0" PRETTY, "JWK"},
    {"the same in Latin-1", "\xa0" PRETTY, "JWK"},
    {"set behind two marks", "\xef\xbb\xbf\xef\xbb\xbf" PRETTY, "JWK"},
    {"JWK without its first brace", "\"kty\":\"RSA\",\"n\":\"AAAA\",\"e\":\"AQAB\"}", "JWK"},
    {"JSON of other names", "x={\"realm\":\"one\",\"public_key\":\"AAAA\"}", "JWK"},
    {"one letter", "}, \"x\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "JWK"},
    {"JSON in a string", "json = {\\\"keys\\\":[{\\\"kid\\\":\\\"a\\\"}]}", "JWK"},
    {"JSON in codes", "\\u007b\\u0022keys\\u0022\\u003a\\u005b\\u005d\\u007d", "JWK"},
    {"percents", "%7B%22keys%22%3A%5B%7B%22use%22%3A%22sig%22%7D%5D%7D", "JSON"},
    {"TOML", "[[key]]\nkty = \"RSA\"\nn = \"AAAA\"\n", "JWK"},
    {"YAML below a comment", "# sso\nkeys:\n  - use: sig\n    n: AAAA\n", "several lines"},
    {"CSV", "kid,use,n,e\na,sig,AAAAAAAAAAAA,AQAB\n", "several lines"},
    {"lines that end in CR", "kid a\rmodulus AAAAAAAA\rexponent AQAB\r", "several lines"},
    {"XML behind a mark", "\xef\xbb\xbf <RSAKeyValue><Modulus>AAAA</Modulus></RSAKeyValue>", "XML"},
    {"XML in pieces", "key: <Modulus>AAAA</Modulus><Exponent>AQAB</Exponent>", "XML"},

    /* Files that hold others. */
    {"gzip in base64", "H4sIAAAAAAAAA6tWyk6tLFayio6tBQAqW0mTEAAAAA==", "compressed"},
    {"ZIP", "PK\x03\x04 jwks.json and thirty-two more bytes", "archive"},
    {"ZIP in hex", "504b03040a00000000004d6b7a5900000000000000000000000009001c00", "archive"},

    {"age", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", "age"},

    /* Places. */
    {"URL of this scheme", "//sso.example/realms-one/keys", "URL"},
    {"URL in brackets", "<https://sso.example/discovery/keys>", "key_url"},
    {"data", "data:application/json;base64,AAAABBBBCCCCDDDDEEEEFFFFGGGG", "URL"},
    {"host and path", "login.microsoftonline.com/common/discovery/v2.0/keys", "URL"},
    {"host and other path", "keys.sso.example/one/two/three.four?five=six", "URL"},
    {"host and port", "directory-server.internal-network.example:8443", "URL"},
    {"host", "my-application-for-postcodes.eu.auth0.com", "URL"},
    {"issuer", "https://accounts.sso.example", "key_url"},
    {"address", "keys-of-the-identity-provider@sso.example", "address"},
    {"address and its owner", "Ada Lovelace <keys-for-identities@sso.example>", "address"},
    {"address to click", "mailto:keys-of-the-identity-provider@sso.example", "address"},

    /* Bytes in a program or a dump. */
    {"bytes of C",
     "0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, "
     "0x0d, 0x01, 0x01, 0x01",
     NO_SECRET},
    {"bytes of Python", "\\x30\\x59\\x30\\x13\\x06\\x07\\x2a\\x86\\x48\\xce\\x3d\\x02\\x01\\x06",
     NO_SECRET},
    {"bytes of Java",
     "48,-126,1,34,48,13,6,9,42,-122,72,-122,-9,13,1,1,1,5,0,3,-126,1,15,0,48,-126,"
     "1,10,2,-126,1,1,0",
     NO_SECRET},
    {"bytes in octal",
     "\\060\\052\\060\\005\\006\\003\\053\\145\\160\\003\\041\\000\\001\\002\\003"
     "\\004\\005\\006\\007\\010\\011\\012\\013\\014\\015\\016\\017\\020\\021\\022\\023\\024\\025",
     NO_SECRET},
    {"bytes with blanks", "30 59 30 13 06 07 2a 86 48 ce 3d 02 01 06 08 2a 86 48", NO_SECRET},
    {"bytes with colons", "30:2a:30:05:06:03:2b:65:70:03:21:00:01:02:03", NO_SECRET},
    {"groups", "3082-0122-300d-0609-2a86-4886-f70d-0101-0105", NO_SECRET},
    {"hexdump", "0000000 8230 2201 0d30 0906 862a 8648 0df7 0101\n0000010 0001 8203\n",
     "several lines"},
    {"od", "0000000 101060 021001 006460 004406 103052 103110\n0000020 000401\n", "several lines"},
    {"tail of RSA", "AwEAAaNTMFEwHQIDAQABo1MwUTAdBgNVHQ4EFgQU", NO_SECRET},

    /* What tools print. */
    {"Modulus", "modulus=C5A1B2C3D4E5F60718293A4B5C6D7E8F90A1B2C3D4E5F607", NO_SECRET},
    {"openssl x509 -text", "Certificate:\n    Data:\n        Version: 3 (0x2)\n", "several lines"},
    {"openssl pkey -text", "ED25519 Public-Key:\npub:\n    7f:cd:ce:27:70:f6:c4", NO_SECRET},
    {"ssh-keygen -l", "256 SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8 ada (ED25519)",
     "fingerprint"},
    {"fingerprint, bare", "16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48", "fingerprint"},
    {"ssh-keygen -l -E md5", "2048 MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48 ada (RSA)",
     "fingerprint"},

    /* PEM that lost its form. */
    {"indented", "    -----BEGIN PUBLIC KEY-----\n    AAAA\n", "PEM"},
    {"CR", "-----BEGIN PUBLIC KEY-----\rAAAA\r-----END PUBLIC KEY-----\r", "PEM"},
    {"lower case", "-----begin public key-----\nAAAA\n-----end public key-----\n", "PEM"},
    {"fewer dashes", "---begin public key---\nAAAA\n---end public key---\n", NO_SECRET},
    {"no dashes", "begin public key\nAAAA\nend public key\n", "several lines"},
    {"other words", "-----BEGIN-PUBLIC-KEY-----\nAAAA AAAA\n", "several lines"},
    {"body below other words", "the key:\rMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\r", NO_SECRET},

    {"base64 of PEM", "LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0KTUZrd0V3WUhLb1pJemow", "PEM"},
    {"hex of PEM", "2d2d2d2d2d424547494e205055424c4943204b45592d2d2d2d2d0a4d46", "PEM"},
};

START_TEST(test_texts)
{
    const char *text = texts[_i].text;
    char *marked = mem_printf("\xef\xbb\xbf%s", text);
    size_t bom = key_text_bom(marked, strlen(marked));
    struct reason reason;
    struct jwt_keys *keys;

    is_mistaken(texts[_i].name, text, strlen(text), texts[_i].part);
    ck_assert_uint_eq(bom, 3);
    is_mistaken(texts[_i].name, marked + bom, strlen(marked) - bom, texts[_i].part);
    ck_assert_int_eq(jwt_keys_new(marked, strlen(marked), &reason, &keys), ERR_INVALID);
    mem_free(marked);
}
END_TEST

/* Each character in `width` bytes, with a mark or without. */
static void in_wide(const char *text, size_t width, bool big, bool mark)
{
    size_t units = strlen(text) + (mark ? 1 : 0);
    char *bytes = mem_zalloc(units * width);
    size_t place = big ? width - 1 : 0;

    for (size_t i = 0; i < units; i++) {
        bool is_mark = mark && i == 0;
        bytes[i * width + place] = (char)(is_mark ? 0xff : text[mark ? i - 1 : i]);
        if (is_mark)
            bytes[i * width + (big ? place - 1 : 1)] = (char)0xfe;
    }
    /* 0xfeff in either order */
    if (mark && big) {
        bytes[width - 2] = (char)0xfe;
        bytes[width - 1] = (char)0xff;
    }
    ck_assert_ptr_nonnull(key_text_mistaken(bytes, units * width));
    is_mistaken("wide", bytes, units * width, "UTF-8");
    mem_free(bytes);
}

START_TEST(test_wide_texts)
{
    static const char *const samples[] = {
        "correct horse battery staple correct horse",
        "https://sso.example/jwks\r\n",
        "0123456789abcdef",
    };

    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        for (unsigned how = 0; how < 8; how++)
            in_wide(samples[i], (how & 1) != 0 ? 2 : 4, (how & 2) != 0, (how & 4) != 0);
    }
}
END_TEST

/* Spellings of bytes. */

enum { ENCODED_MAX = 4096 };

static void as_hex(const unsigned char *der, size_t len, const char *digits, char gap, char *out)
{
    for (size_t i = 0; i < len; i++) {
        if (gap != '\0' && i > 0)
            *out++ = gap;
        *out++ = digits[der[i] >> 4];
        *out++ = digits[der[i] & 0xf];
    }
    *out = '\0';
}

/* In lines of 64 characters, with `newline` between. */
static char *as_lines(const char *text, const char *newline)
{
    char *out = mem_strdup("");

    for (size_t at = 0; at < strlen(text); at += 64) {
        char *longer = mem_printf("%s%.64s%s", out, text + at, newline);
        mem_free(out);
        out = longer;
    }
    return out;
}

static void lines_mistaken(const char *name, const char *text)
{
    static const char *const newlines[] = {"\n", "\r\n", "\n    ", "\\n", " "};

    for (size_t i = 0; i < ARRAY_LEN(newlines); i++) {
        char *lines = as_lines(text, newlines[i]);
        char *quoted = mem_printf("\"%s\"", lines);
        is_mistaken(name, lines, strlen(lines), NO_SECRET);
        is_mistaken(name, quoted, strlen(quoted), NO_SECRET);
        mem_free(lines);
        mem_free(quoted);
    }
}

static void hex_mistaken(const char *name, const unsigned char *der, size_t len)
{
    static const char *const digits[] = {"0123456789abcdef", "0123456789ABCDEF"};
    static const char gaps[] = {'\0', ':', ' '};
    char *text = mem_alloc(3 * ENCODED_MAX);

    for (size_t i = 0; i < ARRAY_LEN(digits) * ARRAY_LEN(gaps); i++) {
        as_hex(der, len, digits[i % 2], gaps[i / 2], text);
        is_mistaken(name, text, strlen(text), NO_SECRET);
    }
    mem_free(text);
}

/* DER as it is, and in all that it is passed around in. */
static void der_mistaken(const char *name, const unsigned char *der, int der_len)
{
    size_t len = (size_t)der_len;
    char base64[ENCODED_MAX];
    char *base64url = base64url_encode(der, len);
    char *newline = mem_printf("%s\n", base64url);

    ck_assert_int_gt(der_len, 0);
    ck_assert_uint_lt(len, ENCODED_MAX / 2);
    EVP_EncodeBlock((unsigned char *)base64, der, der_len);
    is_mistaken(name, (const char *)der, len, NO_SECRET);
    is_mistaken(name, base64, strlen(base64), NO_SECRET);
    is_mistaken(name, base64, strcspn(base64, "="), NO_SECRET);
    is_mistaken(name, base64url, strlen(base64url), NO_SECRET);
    is_mistaken(name, newline, strlen(newline), NO_SECRET);
    lines_mistaken(name, base64);
    hex_mistaken(name, der, len);
    /* The last line is missing. */
    if (len > 100)
        is_mistaken(name, base64, strlen(base64) - 48, NO_SECRET);
    mem_free(base64url);
    mem_free(newline);
}

static void key_mistaken(const char *name, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);

    der_mistaken(name, der, len);
    OPENSSL_free(der);
    der = NULL;
    len = i2d_PrivateKey(key, &der);
    der_mistaken(name, der, len);
    OPENSSL_free(der);
    der = NULL;
    X509 *certificate = make_certificate(key, name, "DNS:sso.example", 1);
    len = i2d_X509(certificate, &der);
    der_mistaken(name, der, len);
    OPENSSL_free(der);
    X509_free(certificate);
}

START_TEST(test_keys)
{
    static const char *const names[] = {"P-256", "P-384", "P-521"};
    EVP_PKEY *rsa = rsa_key("RSA", NULL);
    unsigned char *der = NULL;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        EVP_PKEY *key = make_key_of(names[i]);
        key_mistaken(names[i], key);
        EVP_PKEY_free(key);
    }
    key_mistaken("RSA", rsa);
    int len = i2d_PublicKey(rsa, &der); /* PKCS #1: no identifier in it */
    der_mistaken("RSAPublicKey", der, len);
    OPENSSL_free(der);
    EVP_PKEY_free(rsa);
}
END_TEST

START_TEST(test_ed25519)
{
    EVP_PKEY *key = make_key_of("ED25519");
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);

    der_mistaken("Ed25519", der, len);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
}
END_TEST

/* With a byte-order mark, a set is the set, and a secret the secret. */
START_TEST(test_byte_order_mark)
{
    static const char *const files[] = {
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" A1_K "\"}]}",
        " {\"kty\":\"oct\",\"k\":\"" A1_K "\"}",
        SECRET,
    };
    static const char *const kinds[] = {"a JWK set of 1 key", "a JWK (", "an HMAC secret of 32"};

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char *marked = mem_printf("\xef\xbb\xbf%s", files[i]);
        struct jwt_keys *keys = keys_of(marked);
        ck_assert_int_eq(strncmp(jwt_keys_kind(keys), kinds[i], strlen(kinds[i])), 0);
        jwt_keys_unref(keys);
        mem_free(marked);
    }
    struct jwt_keys *keys = keys_of("\xef\xbb\xbf" SECRET);
    const struct jwt_rules rules = {0};
    char user[JWT_USER_MAX + 1];
    struct wall_time expires;
    char *token = forge("{\"alg\":\"HS256\"}", "{\"sub\":\"ada\",\"exp\":1000}");
    ck_assert_int_eq(jwt_verify(keys, &rules, token, strlen(token), at(1), user, &expires), JWT_OK);
    mem_free(token);
    jwt_keys_unref(keys);
    ck_assert_uint_eq(key_text_bom("\xef\xbb", 2), 0);
    ck_assert_uint_eq(key_text_bom("", 0), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("key_text");
    TCase *tcase = tcase_create("key_text");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_texts, 0, (int)ARRAY_LEN(texts));
    tcase_add_test(tcase, test_wide_texts);
    tcase_add_test(tcase, test_keys);
    tcase_add_test(tcase, test_ed25519);
    tcase_add_test(tcase, test_byte_order_mark);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
