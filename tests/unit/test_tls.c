/*
 * Certificates for callers: what is a fault of the files and what is worth a note; and which user
 * a caller's certificate names.
 */
#include "front/tls.h"

#include <check.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "certificates.h"
#include "config_fixture.h"
#include "front/tls_internal.h"
#include "middleware/certificate_user.h"
#include "suite.h"

/* ---- the snapshot ---- */

#define DAY ((int64_t)24 * HOUR)

static struct tls *loaded;

static void look(void *arg, struct config *config, struct config_faults *found)
{
    (void)arg;
    loaded = tls_new(config, found);
}

/* A configuration with these lines in [server]; all that is said of it. */
static const char *say(const char *lines)
{
    char *text = mem_printf("[server]\nlisten = tls:127.0.0.1:1\n%s\n" WHOLE, lines);
    char *path = scratch_path("p.ini");

    tls_unref(loaded);
    loaded = NULL;
    scratch_write("p.ini", text, strlen(text), 0640);
    config_faults_fini(&faults);
    struct config *config = config_load(NULL, path, false, look, NULL, &faults);
    ck_assert((config == NULL) == (faults.faults > 0));
    ck_assert((loaded == NULL) == (config == NULL));
    config_unref(config);
    mem_free(path);
    mem_free(text);
    return fault_lines();
}

static void forget(void)
{
    tls_unref(loaded);
    loaded = NULL;
    teardown();
}

/* Files of the scratch directory one after the other, as another one. */
static void join(const char *name, const char *const *parts)
{
    char *to = scratch_path(name);
    FILE *out = fopen(to, "w");

    ck_assert_ptr_nonnull(out);
    for (; *parts != NULL; parts++) {
        char bytes[8192];
        char *from = scratch_path(*parts);
        FILE *in = fopen(from, "r");
        ck_assert_ptr_nonnull(in);
        size_t len = fread(bytes, 1, sizeof(bytes), in);
        ck_assert_uint_eq(fwrite(bytes, 1, len, out), len);
        fclose(in);
        mem_free(from);
    }
    fclose(out);
    chmod(to, 0600);
    mem_free(to);
}
#define JOIN(name, ...) join(name, (const char *const[]){__VA_ARGS__, NULL})

static void make(const char *name, long days, char *phrase)
{
    struct files files = make_files(name, "DNS:localhost", days, phrase);

    chmod(files.key, 0600);
    mem_free(files.certificate);
    mem_free(files.key);
}

START_TEST(good_pair)
{
    make("a", 90, NULL);
    ck_assert_str_eq(say("tls_certificate = a.crt\ntls_key = a.key"), "");
    ck_assert(!tls_verifies(loaded));
    const int64_t left = tls_expiry(loaded).ns - wall_now().ns;
    ck_assert(left > 89 * DAY && left <= 90 * DAY);
}
END_TEST

/* One file may hold both; the key is not looked for in tls_certificate. */
START_TEST(pair_in_one_file)
{
    make("a", 90, NULL);
    JOIN("both", "a.key", "a.crt");
    ck_assert_str_eq(say("tls_certificate = both\ntls_key = both"), "");
}
END_TEST

START_TEST(with_authorities)
{
    make("a", 90, NULL);
    make("b", 90, NULL);
    JOIN("ca", "a.crt", "b.crt");
    ck_assert_str_eq(say("tls_certificate = a.crt\ntls_key = a.key\ntls_client_ca = ca"), "");
    ck_assert(tls_verifies(loaded));
}
END_TEST

#define S "[server] tls_"

START_TEST(bad_files)
{
    make("a", 90, NULL);
    make("b", 90, NULL);
    make("locked", 90, "xyzzy");
    JOIN("swapped", "b.crt", "a.crt");
    write_mode("empty", "", 0640);
    write_mode("noise", "noise", 0640);
    write_mode("garbage", "-----BEGIN CERTIFICATE-----\nxxxx\n-----END CERTIFICATE-----\n", 0640);
    JOIN("cut", "a.crt", "garbage");
    ck_assert_str_eq(say("tls_certificate = a.crt\ntls_key = b.key"),
                     "p.ini:4: " S "key: does not belong to the certificate in tls_certificate; "
                     "replace both together\n");
    ck_assert_str_eq(say("tls_certificate = swapped\ntls_key = a.key"),
                     "p.ini:3: " S "certificate: the certificate of tls_key is number 2 in the "
                     "file; it must be the first, followed by the one that signed it\n");
    ck_assert_str_eq(say("tls_certificate = empty\ntls_key = a.key"),
                     "p.ini:3: " S
                     "certificate: empty contains no PEM certificate; it must hold one, "
                     "which begins with -----BEGIN CERTIFICATE-----\n");
    ck_assert_str_eq(say("tls_certificate = garbage\ntls_key = a.key"),
                     "p.ini:3: " S "certificate: garbage: certificate 1 cannot be read; it must be "
                     "one in PEM\n");
    ck_assert_str_eq(say("tls_certificate = cut\ntls_key = a.key"),
                     "p.ini:3: " S "certificate: cut: certificate 2 cannot be read; it must be one "
                     "in PEM\n");
    ck_assert_str_eq(say("tls_certificate = locked.crt\ntls_key = locked.key"),
                     "p.ini:4: " S "key: is encrypted, and nobody can be asked for its password; "
                     "write it without one: openssl pkey -in locked.key -out NEW\n");
    ck_assert_str_eq(say("tls_certificate = a.crt\ntls_key = noise"),
                     "p.ini:4: " S "key: is not a private key in PEM; noise must hold one, which "
                     "begins with -----BEGIN PRIVATE KEY-----\n");
    ck_assert_str_eq(say("tls_certificate = a.crt\ntls_key = a.key\ntls_client_ca = empty"),
                     "p.ini:5: " S
                     "client_ca: empty contains no PEM certificate; it must hold one, "
                     "which begins with -----BEGIN CERTIFICATE-----\n");
}
END_TEST

#define SWAPPED "are tls_certificate and tls_key swapped?\n"

/* What a file holds is looked at before its mode: a certificate may be read by all. */
START_TEST(swapped)
{
    make("a", 90, NULL);
    JOIN("both", "a.key", "a.crt");
    ck_assert_str_eq(say("tls_certificate = a.key\ntls_key = a.crt"),
                     "p.ini:3: " S
                     "certificate: a.key holds a private key and no certificate; " SWAPPED
                     "p.ini:4: " S "key: a.crt holds a certificate and no private key; " SWAPPED);
    ck_assert_str_eq(say("tls_certificate = a.crt\ntls_key = a.key\ntls_client_ca = a.key"),
                     "p.ini:5: " S "client_ca: a.key holds a private key and no certificate; it "
                     "must hold CA certificates\n");
    for (size_t i = 0; i < 2; i++) {
        const char *name = i == 0 ? "both" : "a.key";
        char *path = scratch_path(name);
        chmod(path, 0644);
        char *lines = mem_printf("tls_certificate = a.crt\ntls_key = %s", name);
        char *expected =
            mem_printf("p.ini:4: " S "key: others can read %s (mode 0644); chmod 0640 %s, or set "
                       "[server] secret_files = any where its mode cannot be changed\n",
                       name, name);
        ck_assert_str_eq(say(lines), expected);
        mem_free(expected);
        mem_free(lines);
        mem_free(path);
    }
    /* Nor is it forgotten when there is no certificate to go with it. */
    ck_assert_ptr_nonnull(strstr(say("tls_key = a.key"), "others can read a.key"));
}
END_TEST

/* NAME.der of what NAME.crt and NAME.key hold. */
static void make_der(const char *name)
{
    for (size_t i = 0; i < 2; i++) {
        char *from = path_of(name, i == 0 ? "crt" : "key");
        char *to = path_of(name, i == 0 ? "crt.der" : "key.der");
        FILE *in = fopen(from, "r"), *out = fopen(to, "w");
        ck_assert(in != NULL && out != NULL);
        if (i == 0) {
            X509 *one = PEM_read_X509(in, NULL, NULL, NULL);
            ck_assert_int_eq(i2d_X509_fp(out, one), 1);
            X509_free(one);
        } else {
            EVP_PKEY *key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
            ck_assert_int_eq(i2d_PrivateKey_fp(out, key), 1);
            EVP_PKEY_free(key);
        }
        fclose(in);
        fclose(out);
        chmod(to, 0640);
        mem_free(from);
        mem_free(to);
    }
}

/* locked.der of what NAME.key holds. */
static void make_encrypted_der(const char *name)
{
    char *from = path_of(name, "key"), *to = scratch_path("locked.der");
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    char phrase[] = "xyzzy";

    ck_assert(in != NULL && out != NULL);
    EVP_PKEY *key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
    ck_assert_int_eq(i2d_PKCS8PrivateKey_fp(out, key, EVP_aes_128_cbc(), phrase, 5, NULL, NULL), 1);
    EVP_PKEY_free(key);
    fclose(in);
    fclose(out);
    chmod(to, 0640);
    mem_free(from);
    mem_free(to);
}

START_TEST(in_der)
{
    make("a", 90, NULL);
    make_der("a");
    ck_assert_str_eq(say("tls_certificate = a.crt.der\ntls_key = a.key.der"),
                     "p.ini:3: " S "certificate: a.crt.der is a certificate in DER; make one in "
                     "PEM: openssl x509 -inform der -in a.crt.der -out NEW\n"
                     "p.ini:4: " S "key: is a private key in DER; make one in PEM: openssl pkey "
                     "-inform der -in a.key.der -out NEW\n");
    make_encrypted_der("a");
    ck_assert_str_eq(say("tls_certificate = a.crt\ntls_key = locked.der"),
                     "p.ini:4: " S "key: is a private key in DER; make one in PEM: openssl pkey "
                     "-inform der -in locked.der -out NEW\n");
    ck_assert_str_eq(
        say("tls_certificate = a.key.der\ntls_key = a.crt.der"),
        "p.ini:3: " S "certificate: a.key.der holds a private key and no certificate; " SWAPPED
        "p.ini:4: " S "key: a.crt.der holds a certificate and no private key; " SWAPPED);
}
END_TEST

static void make_key(const char *name, EVP_PKEY *key)
{
    char *path = scratch_path(name);
    FILE *out = fopen(path, "w");

    ck_assert_ptr_nonnull(key);
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(out);
    chmod(path, 0600);
    EVP_PKEY_free(key);
    mem_free(path);
}

#define USED " ECDSA on P-256 or P-384, or RSA of 2048 bits or more\n"

START_TEST(keys_that_are_not_used)
{
    make("a", 90, NULL);
    make_key("small", EVP_RSA_gen(1024));
    make_key("curve", EVP_EC_gen("secp256k1"));
    make_key("ed", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
    make_key("x", EVP_PKEY_Q_keygen(NULL, NULL, "ED448"));
    ck_assert_str_eq(say("tls_certificate = a.crt\ntls_key = small"),
                     "p.ini:4: " S "key: is an RSA key of 1024 bits, which is too short; use" USED);
    ck_assert_str_eq(say("tls_certificate = a.crt\ntls_key = curve"),
                     "p.ini:4: " S
                     "key: is an EC key on secp256k1, which is not supported; use" USED);
    ck_assert_str_eq(say("tls_certificate = a.crt\ntls_key = ed"),
                     "p.ini:4: " S "key: is an Ed25519 key, which is not supported; use" USED);
    ck_assert_str_eq(say("tls_certificate = a.crt\ntls_key = x"),
                     "p.ini:4: " S "key: is a key of type ED448, which is not supported; use" USED);
}
END_TEST

/* GnuTLS may pass a signature that holds anything. */
START_TEST(signature_that_fails)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    gnutls_privkey_t key = tls_key_new(pair);
    const gnutls_datum_t data = {(unsigned char *)"text", 4};
    gnutls_datum_t signature = {(unsigned char *)"not to be freed", 15};

    ck_assert_ptr_nonnull(key);
    ck_assert_int_lt(gnutls_privkey_sign_data2(key, GNUTLS_SIGN_ECDSA_SHA512, 0, &data, &signature),
                     0);
    ck_assert_int_eq(gnutls_privkey_sign_data2(key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &signature),
                     0);
    gnutls_free(signature.data);
    gnutls_privkey_deinit(key);
    EVP_PKEY_free(pair);
}
END_TEST

/* That the daemon cannot sign is not the caller's fault. */
START_TEST(key_that_cannot_sign)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    unsigned char *der = NULL;
    const int len = i2d_PUBKEY(pair, &der);
    const unsigned char *at = der;
    EVP_PKEY *half = d2i_PUBKEY(NULL, &at, len);
    gnutls_privkey_t key = tls_key_new(half);
    const gnutls_datum_t data = {(unsigned char *)"text", 4};
    gnutls_datum_t signature;

    ck_assert_ptr_nonnull(key);
    ck_assert(!tls_key_has_failed());
    ck_assert_int_lt(gnutls_privkey_sign_data2(key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &signature),
                     0);
    ck_assert(tls_key_has_failed());
    ck_assert(!tls_key_has_failed());
    gnutls_privkey_deinit(key);
    OPENSSL_free(der);
    EVP_PKEY_free(half);
    EVP_PKEY_free(pair);
}
END_TEST

static char *date_in(int64_t days)
{
    static char text[CLOCK_TEXT];

    wall_format((struct wall_time){.ns = wall_now().ns + days * DAY}, text);
    text[10] = '\0';
    return text;
}

START_TEST(worth_saying)
{
    make("old", -2, NULL);
    make("soon", 6, NULL);
    make("a", 90, NULL);
    make("b", 90, NULL);
    JOIN("chain", "a.crt", "b.crt");
    char *lines =
        mem_printf("note p.ini:3: " S "certificate: expired on %s; put a newer one in its "
                   "place\n",
                   date_in(-2));
    ck_assert_str_eq(say("tls_certificate = old.crt\ntls_key = old.key"), lines);
    mem_free(lines);
    lines = mem_printf("note p.ini:3: " S "certificate: expires on %s; put a newer one in its "
                       "place\n",
                       date_in(6));
    ck_assert_str_eq(say("tls_certificate = soon.crt\ntls_key = soon.key"), lines);
    mem_free(lines);
    ck_assert_str_eq(say("tls_certificate = chain\ntls_key = a.key"),
                     "note p.ini:3: " S "certificate: certificate 2 in the file did not sign the "
                     "one before it; callers may not accept the chain\n");
    lines = mem_printf("note p.ini:5: " S "client_ca: certificate 1 expired on %s; put a newer one "
                       "in its place\n",
                       date_in(-2));
    ck_assert_str_eq(say("tls_certificate = a.crt\ntls_key = a.key\ntls_client_ca = old.crt"),
                     lines);
    mem_free(lines);
}
END_TEST

/* Of nobody in particular, no CA, and not signed. */
static X509 *plain(const char *names, EVP_PKEY *key)
{
    X509 *certificate = X509_new();

    ck_assert(key != NULL && certificate != NULL);
    X509_set_version(certificate, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 90L * 86400);
    X509_set_pubkey(certificate, key);
    if (names != NULL)
        add_extension(certificate, NID_subject_alt_name, names);
    return certificate;
}

static void write_pem(const char *name, X509 *certificate, const EVP_MD *digest, EVP_PKEY *key)
{
    char *path = scratch_path(name);
    FILE *out = fopen(path, "w");

    ck_assert_ptr_nonnull(out);
    ck_assert_int_gt(X509_sign(certificate, key, digest), 0);
    ck_assert_int_eq(PEM_write_X509(out, certificate), 1);
    fclose(out);
    mem_free(path);
}

static void set_names(X509 *certificate, const char *subject, const char *issuer)
{
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)subject, -1, -1, 0);
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)issuer, -1, -1, 0);
}

/* What callers reject, though the pair is sound. */
START_TEST(of_no_use_to_callers)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *nameless = plain(NULL, key), *weak = plain("DNS:h", key);
    set_names(nameless, "n", "n");
    set_names(weak, "w", "somebody");
    write_pem("nameless", nameless, EVP_sha256(), key);
    write_pem("weak", weak, EVP_sha1(), key);
    make_key("key", key); /* which takes it */
    make("old", -2, NULL);
    JOIN("chain", "nameless", "old.crt");
    ck_assert_str_eq(say("tls_certificate = nameless\ntls_key = key"),
                     "note p.ini:3: " S "certificate: has no subject alternative name; callers "
                     "will not accept it: have one made with subjectAltName=DNS:HOST\n");
    ck_assert_str_eq(say("tls_certificate = weak\ntls_key = key"),
                     "note p.ini:3: " S "certificate: is signed with SHA1; callers will not accept "
                     "it\n");
    const char *lines = say("tls_certificate = chain\ntls_key = key");
    ck_assert_ptr_nonnull(strstr(lines, "certificate: certificate 2 expired on "));
    ck_assert_int_lt(tls_expiry(loaded).ns, wall_now().ns);
    X509_free(nameless);
    X509_free(weak);
}
END_TEST

static void note_holds(void *arg, const struct config_entry *entry)
{
    if (*entry->holds != '\0')
        buf_printf(arg, "%s: %s\n", entry->key, entry->holds);
}

START_TEST(no_authority)
{
    struct buf holds;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *leaf = plain("DNS:h", key);
    char *path = scratch_path("leaf.crt");
    FILE *out = fopen(path, "w");
    static const char text[] = "[server]\nlisten = tls:127.0.0.1:1\ntls_certificate = a.crt\n"
                               "tls_key = a.key\ntls_client_ca = leaf.crt\n" WHOLE;

    buf_init(&holds, 4096);
    make("a", 90, NULL);
    ck_assert_int_gt(X509_sign(leaf, key, EVP_sha256()), 0);
    ck_assert_int_eq(PEM_write_X509(out, leaf), 1);
    fclose(out);
    mem_free(path);
    path = scratch_path("p.ini");
    scratch_write("p.ini", text, strlen(text), 0640);
    struct config *config = config_load(NULL, path, false, look, NULL, &faults);
    ck_assert_str_eq(fault_lines(), "note p.ini:5: " S "client_ca: certificate 1 is not a CA "
                                    "certificate (basicConstraints CA:TRUE): only that very "
                                    "certificate will be accepted\n");
    config_each(config, note_holds, &holds);
    ck_assert_ptr_nonnull(
        strstr(buf_text(&holds), "tls_client_ca: 0 CA certificates and 1 other\n"));
    config_unref(config);
    buf_fini(&holds);
    mem_free(path);
    X509_free(leaf);
    EVP_PKEY_free(key);
}
END_TEST

/* Outside of systemd, --check looks at no credential. */
START_TEST(credentials_not_looked_at)
{
    char *path = scratch_path("p.ini");
    static const char text[] = "[server]\nlisten = tls:127.0.0.1:1\n"
                               "tls_certificate = credential:tls.crt\n"
                               "tls_key = credential:tls.key\n" WHOLE;

    scratch_write("p.ini", text, strlen(text), 0640);
    config_faults_fini(&faults);
    struct config *config = config_load(NULL, path, true, look, NULL, &faults);
    ck_assert_msg(config != NULL, "%s", fault_lines());
    ck_assert_ptr_null(loaded);
    config_unref(config);
    mem_free(path);
}
END_TEST

/* ---- the user of a caller ---- */

static X509 *named(const char *names)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = plain(names, key);

    EVP_PKEY_free(key);
    return certificate;
}

static void add_name(X509 *certificate, const char *what, const void *text, int len)
{
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), what,
                                                MBSTRING_UTF8, text, len, -1, 0),
                     1);
}

/* The certificate is freed. NULL: it names no user. */
static const char *user_of(X509 *certificate)
{
    static char user[CERTIFICATE_USER_MAX + 1];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    unsigned char *der = NULL;

    ck_assert_int_gt(X509_sign(certificate, key, EVP_sha256()), 0);
    const int len = i2d_X509(certificate, &der);
    ck_assert_int_gt(len, 0);
    const bool good = certificate_user(der, (size_t)len, user);
    ck_assert(good == (user[0] != '\0'));
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    X509_free(certificate);
    return good ? user : NULL;
}

START_TEST(user_is_common_name)
{
    X509 *certificate = named("email:other@example.com");

    add_name(certificate, "O", "Example", -1);
    add_name(certificate, "CN", "Ada Lovelace", -1);
    ck_assert_str_eq(user_of(certificate), "Ada Lovelace");
}
END_TEST

START_TEST(user_is_first_alternative)
{
    ck_assert_str_eq(user_of(named("DNS:h.example,email:ada@example.com,URI:spiffe://h/a")),
                     "ada@example.com");
    ck_assert_str_eq(user_of(named("IP:127.0.0.1,URI:spiffe://h/a,email:ada@example.com")),
                     "spiffe://h/a");
    X509 *certificate = named("email:ada@example.com");
    add_name(certificate, "O", "Example", -1);
    ck_assert_str_eq(user_of(certificate), "ada@example.com");
}
END_TEST

/* What stands first counts, and nothing in its place. */
START_TEST(no_user)
{
    char long_name[65];

    ck_assert_ptr_null(user_of(named(NULL)));
    ck_assert_ptr_null(user_of(named("DNS:h.example")));
    X509 *certificate = named("email:ada@example.com");
    add_name(certificate, "CN", "Ad\xc3\xa4", -1);
    ck_assert_ptr_null(user_of(certificate));
    certificate = named("email:ada@example.com");
    add_name(certificate, "CN", "ada\0.example", 12);
    ck_assert_ptr_null(user_of(certificate));
    certificate = named("email:ada@example.com");
    add_name(certificate, "CN", "ada", -1);
    add_name(certificate, "CN", "bob", -1);
    ck_assert_ptr_null(user_of(certificate));
    certificate = named("email:ada@example.com");
    add_name(certificate, "CN", " ada", -1);
    ck_assert_ptr_null(user_of(certificate));
    memset(long_name, 'a', sizeof(long_name) - 1);
    long_name[64] = '\0';
    char *uri = mem_printf("URI:x://%s%s,email:ada@example.com", long_name, long_name);
    ck_assert_ptr_null(user_of(named(uri)));
    mem_free(uri);
    char user[CERTIFICATE_USER_MAX + 1];
    ck_assert(!certificate_user((const unsigned char *)"\x30\x03xyz", 5, user));
    ck_assert_str_eq(user, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls");
    TCase *files = tcase_create("files");
    TCase *users = tcase_create("users");

    tcase_add_checked_fixture(files, setup, forget);
    tcase_add_test(files, good_pair);
    tcase_add_test(files, pair_in_one_file);
    tcase_add_test(files, with_authorities);
    tcase_add_test(files, bad_files);
    tcase_add_test(files, swapped);
    tcase_add_test(files, in_der);
    tcase_add_test(files, no_authority);
    tcase_add_test(files, keys_that_are_not_used);
    tcase_add_test(files, signature_that_fails);
    tcase_add_test(files, key_that_cannot_sign);
    tcase_add_test(files, worth_saying);
    tcase_add_test(files, of_no_use_to_callers);
    tcase_add_test(files, credentials_not_looked_at);
    tcase_add_test(users, user_is_common_name);
    tcase_add_test(users, user_is_first_alternative);
    tcase_add_test(users, no_user);
    suite_add_tcase(suite, files);
    suite_add_tcase(suite, users);
    return run_suite(suite);
}
