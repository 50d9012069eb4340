/*
 * Identities. The first byte chooses what the rest is: a key file; a token as it stands; or header
 * and claims, a line each, that are signed here, so that what lies behind the signature is reached
 * too. A token that was not signed here can never be one.
 */
#include "fuzz.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/mem.h"
#include "jose/jwt.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define NOW (1700000000 * SECOND)

static char *encode(struct piece piece)
{
    char *text = mem_zalloc(piece.len / 3 * 4 + 8);
    EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)piece.data, (int)piece.len);
    text[strcspn(text, "=")] = '\0';
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    return text;
}

static char *sign(struct piece header, struct piece claims)
{
    unsigned char mac[32];
    char *head = encode(header), *body = encode(claims);
    char *input = mem_printf("%s.%s", head, body);
    HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET), (const unsigned char *)input, strlen(input),
         mac, NULL);
    char *tail = encode((struct piece){(const char *)mac, sizeof(mac)});
    char *token = mem_printf("%s.%s", input, tail);
    mem_free(head);
    mem_free(body);
    mem_free(tail);
    mem_free(input);
    return token;
}

static enum jwt_result verify(const struct jwt_keys *keys, const char *token, size_t len)
{
    static const char *const audiences[] = {"you", NULL};
    static const struct jwt_rules rules = {
        .issuer = "me", .audiences = audiences, .leeway = SECOND};
    char user[JWT_USER_MAX + 1] = "";
    struct wall_time expires = {.ns = -1};
    enum jwt_result result =
        jwt_verify(keys, &rules, token, len, (struct wall_time){.ns = NOW}, user, &expires);
    if (result == JWT_OK)
        MUST(user_is_valid(user, strlen(user)) && expires.ns > NOW);
    else
        MUST(user[0] == '\0' && expires.ns == -1);
    return result;
}

/* Claims that lie anywhere, and those that a good identity may lack. */
static void verify_claims(const struct jwt_keys *keys, const char *token, size_t len)
{
    static struct json_pointer *name, *role;
    struct reason reason;
    if (name == NULL)
        MUST(json_pointer_new("/u/name", &reason, &name) == ERR_OK &&
             json_pointer_new("/r/0/x", &reason, &role) == ERR_OK);
    const struct jwt_requirement required[] = {{{"/r/0/x", role}, "42"}, {{"scope", NULL}, "a"}};
    const struct jwt_rules rules = {.user = {"/u/name", name},
                                    .requirements = required,
                                    .requirement_count = ARRAY_LEN(required),
                                    .max_lifetime = 3600 * SECOND};
    char user[JWT_USER_MAX + 1] = "";
    struct wall_time expires = {.ns = -1};
    enum jwt_result result =
        jwt_verify(keys, &rules, token, len, (struct wall_time){.ns = NOW}, user, &expires);
    MUST((result == JWT_OK || result == JWT_FORBIDDEN) == user_is_valid(user, strlen(user)));
    MUST((result == JWT_OK) == (expires.ns > NOW));
}

static struct jwt_keys *own_keys(void)
{
    static struct jwt_keys *keys;
    struct reason reason;
    if (keys == NULL)
        MUST(jwt_keys_new(SECRET, strlen(SECRET), &reason, &keys) == ERR_OK);
    return keys;
}

static void read_key_file(struct piece file)
{
    struct reason reason;
    struct jwt_keys *keys = NULL;
    if (jwt_keys_new(file.data, file.len, &reason, &keys) != ERR_OK) {
        MUST(memchr(reason.text, '\0', sizeof(reason)) != NULL && reason.text[0] != '\0');
        return;
    }
    const struct jwt_rules rules = {.leeway = 0};
    char *token =
        jwt_mint(keys, &rules, "somebody", 60 * SECOND, (struct wall_time){.ns = NOW}, &reason);
    if (token != NULL)
        verify(keys, token, strlen(token));
    mem_free(token);
    jwt_keys_unref(keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct piece rest = {(const char *)data + 1, size - 1};
    if (data[0] == 'k') {
        read_key_file(rest);
    } else if (data[0] == 't') {
        char *token = piece_exact(rest);
        MUST(verify(own_keys(), token, rest.len) != JWT_OK);
        free(token);
    } else {
        struct piece header = piece_until(&rest, '\n');
        char *token = sign(header, rest);
        verify(own_keys(), token, strlen(token));
        verify_claims(own_keys(), token, strlen(token));
        mem_free(token);
    }
    return 0;
}
