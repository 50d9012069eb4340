/*
 * What an answer depends on beside the lookup itself. A key that only says how the upstream is
 * reached, and how often, is left out, and so are secrets and certificates, which are replaced in
 * the course of things: each would empty the cache for nothing. What says as whom the daemon asks
 * is in, for an API may answer each of its clients differently.
 *
 * Each part stands behind the one before it, whether it is set or not, so that none can be taken
 * for another.
 */
#include "cache/key.h"

#include "base/json_pointer.h"

static void add_pointer(EVP_MD_CTX *digest, const struct config_pointer *pointer)
{
    digest_add_text(digest, pointer->pointer != NULL ? json_pointer_text(pointer->pointer) : NULL);
    digest_add_text(digest, pointer->constant);
}

/* Where the question goes. */
static void add_place(EVP_MD_CTX *digest, const struct config_upstream *upstream)
{
    digest_add_text(digest, upstream->name);
    digest_add_text(digest, upstream->address);
    digest_add_text(digest, upstream->lookup_path);
    digest_add_text(digest, upstream->lookup_target.text);
    digest_add_number(digest, (int64_t)upstream->header_count);
    for (size_t i = 0; i < upstream->header_count; i++) {
        digest_add_text(digest, upstream->headers[i].name);
        digest_add_text(digest, upstream->headers[i].value);
    }
}

/* As whom the daemon asks. */
static void add_client(EVP_MD_CTX *digest, const struct config_upstream *upstream)
{
    const struct config_params *params = &upstream->auth_param;

    digest_add_text(digest, upstream->client_id);
    digest_add_text(digest, upstream->auth_path);
    digest_add_text(digest, upstream->auth_url);
    digest_add_number(digest, (int64_t)upstream->auth_flow);
    digest_add_text(digest, upstream->auth_scope);
    digest_add_text(digest, upstream->auth_audience);
    digest_add_text(digest, upstream->auth_subject);
    digest_add_text(digest, upstream->auth_body);
    digest_add_number(digest, (int64_t)params->count);
    for (size_t i = 0; i < params->count; i++) {
        digest_add_text(digest, params->items[i].name);
        digest_add_text(digest, params->items[i].value);
    }
}

/* How what comes is read, and what is made of it. */
static void add_reading(EVP_MD_CTX *digest, const struct config_upstream *upstream)
{
    add_pointer(digest, &upstream->lookup_found);
    add_pointer(digest, &upstream->lookup_failed);
    digest_add_number(digest, (int64_t)upstream->answer);
    add_pointer(digest, &upstream->address_postcode);
    add_pointer(digest, &upstream->address_country);
}

/* Whether it may be kept, and for how long: what was judged by other rules is of no use. */
static void add_terms(EVP_MD_CTX *digest, const struct config *config)
{
    digest_add_number(digest, (int64_t)config->cache_as);
    digest_add_number(digest, config->cache_honour);
    digest_add_number(digest, config->cache_ttl);
    digest_add_number(digest, config->cache_ttl_max);
    digest_add_number(digest, config->cache_negative_ttl);
    digest_add_number(digest, config->cache_stale_if_error);
    digest_add_number(digest, config->cache_stale_while_revalidate);
}

/* The fields that differ from lookup to lookup: an upstream's Vary may name them. */
static void add_fields(EVP_MD_CTX *digest, const struct config *config)
{
    digest_add_text(digest, config->tracker_header);
    digest_add_text(digest, config->identity_forward_header);
}

struct digest cache_shape(const struct config *config, const struct config_upstream *upstream)
{
    EVP_MD_CTX *digest = digest_begin();

    add_place(digest, upstream);
    add_client(digest, upstream);
    add_reading(digest, upstream);
    add_terms(digest, config);
    add_fields(digest, config);
    return digest_end(digest);
}
