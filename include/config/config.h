/*
 * The configuration: read from INI into an immutable, reference-counted snapshot.
 *
 * CONFIG_KEYS, CONFIG_UPSTREAM_KEYS and CONFIG_ROUTE_KEYS are the one table of keys: those of the
 * process, those of each upstream, and those of each route. The parser, the checks, --print-config,
 * `GET /config`, postcoded.ini(5) and conf/postcoded.ini are all made from it, and so are the
 * fields of struct config (a key's field is its section and its name), of struct config_upstream
 * and of struct config_route (a key's field is its name).
 *
 * Threads: a snapshot never changes once config_load has returned it, so that any thread may read
 * it under a reference of its own.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/json_pointer.h"
#include "base/reason.h"
#include "base/secret.h"

/*
 * Kinds of value, and the field each makes:
 *   TEXT       char *, NULL while unset                  (range: longest length in bytes)
 *   DURATION   int64_t nanoseconds; 500ms 30s 5m 12h     (range in ns); `choices` "off" allows the
 *              word off (0)
 *   SIZE       int64_t bytes; 512 64K 1M                 (range in bytes)
 *   COUNT      int64_t                                   (range)
 *   WORKERS    int64_t, "auto" is one a core             (range)
 *   MODE       int64_t, octal                            (range)
 *   BOOL       bool; on, off, yes, no, true, false
 *   CHOICE     int, the index in the words of `choices`, which are separated by spaces
 *   ADDRESSES  struct config_addresses; `choices` "off" allows the word off (count 0);
 *              "unix" allows Unix sockets alone (and off); "tls" allows tls: before a host. HOST is
 *              a number or localhost, which is 127.0.0.1; port 0 is one of the system's choice
 *   URL        char *, http:// or https://, checked with libcurl's URL parser, without userinfo or
 *              fragment; without query and slash at its end unless `choices` is "query"
 *   PROXY      char *, as URL, but a user may stand before an @, percent-encoded; no password
 *   FILE       char *, resolved (contract 6); must be readable
 *   KEYFILE    struct config_file: read whole, rejected when others can read it (secret_files);
 *              where `choices` is "public", that is left to config_judge_mode
 *   PASSWORD   struct config_file: the one line of a file, without its newline, rejected likewise
 *   SECRET     struct secret *, in the file itself
 *   SECRETS    struct config_secrets: the contents of one file, or of two separated by a comma,
 *              without one trailing newline each, rejected when others can read them (secret_files)
 *   HEADER     char *, a field name of RFC 9110 that contract 6 does not forbid
 *   PATH       char *, begins with a slash, made of pchar and slash (RFC 3986, 3.3); a query may
 *              follow where `choices` is "query"; ends with a slash where it is "prefix"
 *   TARGET     struct config_target: a path and perhaps a query (RFC 3986, 3.3 and 3.4) with
 *              {postcode} once
 *   POINTER    struct config_pointer: a JSON Pointer (RFC 6901); or a text in quotes where
 *              `choices` is "constant"
 *   NAMES      struct config_names: one or two names of JSON members, separated by blanks
 *   TOKEN      char *, a token of RFC 9110
 *   LIST       struct config_list: texts with commas between them (range: longest value)
 *   POSTCODES  struct config_list: how postcodes begin, each once, in upper case and without
 * spaces, hyphens and the `*` that may stand at its end (range: longest value) RATE       int64_t
 * nanoseconds from one to the next, rounded up; 10/s 100/m 5000/h (range: the number before the
 * slash); `choices` "off" allows the word off (0) CLAIM      struct config_claim: the name of a
 * member of a JWT's claims, or a JSON Pointer
 *
 * Families of keys, whose name is a prefix and NAME (config/table.h); a field holds them all:
 *   PARAMS     struct config_params: parameters of a form       (range: longest value)
 *   HEADERS    struct config_params: header fields              (range: longest value)
 *   HEADER_FILES  struct config_header_files: header fields from secret files, as PASSWORD
 *   REQUIREMENTS  struct config_requirements: claims and what each must be; a claim is part of the
 *              key's name, and its case counts                  (range: longest value)
 *
 * Flags: RELOADS, what SIGHUP can change; SECRET_VALUE, shown as (set); REQUIRED; RESTRICTS, what
 * the daemon would trust more without: a variable must not make it empty.
 */
#define CONFIG_RELOADS 1u
#define CONFIG_SECRET_VALUE 2u
#define CONFIG_REQUIRED 4u
#define CONFIG_RESTRICTS 8u

/*
 * What a header name may not be: identity, framing and hop-by-hop headers, and those that the
 * daemon sets itself, up or down. Here so that manual and code have it from one place.
 */
#define CONFIG_FORBIDDEN_HEADERS                                                                   \
    "Authorization Cookie Host Content-Length Transfer-Encoding Connection Keep-Alive "            \
    "Proxy-Authenticate Proxy-Authorization Proxy-Connection TE Trailer Upgrade Expect "           \
    "Accept Accept-Encoding User-Agent If-None-Match If-Modified-Since traceparent tracestate "    \
    "Content-Type Cache-Control ETag Last-Modified Date Allow Retry-After WWW-Authenticate "       \
    "Proxy-Status Set-Cookie"

#define CFG_DAY (INT64_C(86400) * 1000000000)
#define CFG_MS INT64_C(1000000)
#define CFG_S INT64_C(1000000000)

/* The address in conf/postcoded.ini, to be replaced: as a value it is a fault. */
#define CONFIG_PLACEHOLDER "https://location.example"

/* X(section, name, field, kind, default, min, max, choices, flags, meaning) */
#define CONFIG_KEYS(X)                                                                             \
    X("server", "listen", server_listen, ADDRESSES, "127.0.0.1:8080", 0, 0, "tls", 0,              \
      "Where lookups are served. HOST is an IPv4 address or localhost; [::]:PORT listens on IPv4 " \
      "too.")                                                                                      \
    X("server", "socket_mode", server_socket_mode, MODE, "0660", 0, 0777, "", 0,                   \
      "Mode of the Unix sockets in listen; a stale socket is removed.")                            \
    X("server", "workers", server_workers, WORKERS, "auto", 1, 256, "", 0,                         \
      "Threads that serve lookups; auto is one for each core.")                                    \
    X("server", "max_connections", server_max_connections, COUNT, "10000", 1, 1000000, "",         \
      CONFIG_RELOADS,                                                                              \
      "Callers' connections at once; one more is closed and counted. Lowered, with "               \
      "a warning, to what the system's limit on descriptors allows.")                              \
    X("server", "max_in_flight", server_max_in_flight, COUNT, "4096", 1, 1000000, "",              \
      CONFIG_RELOADS, "Lookups at once; one more gets 503 overloaded.")                            \
    X("server", "max_header_size", server_max_header_size, SIZE, "8K", 2048, 65536, "", 0,         \
      "Header section of a request, request line included. A larger one gets 414 or 431, and so "  \
      "does one with more than (max_header_size + 3K) / 64 fields.")                               \
    X("server", "header_timeout", server_header_timeout, DURATION, "10s", 10 * CFG_MS, CFG_DAY,    \
      "", CONFIG_RELOADS,                                                                          \
      "Time for the whole header section of a request; then the connection is closed.")            \
    X("server", "idle_timeout", server_idle_timeout, DURATION, "60s", 10 * CFG_MS, CFG_DAY, "",    \
      CONFIG_RELOADS, "How long a connection may wait for its next request.")                      \
    X("server", "request_timeout", server_request_timeout, DURATION, "10s", 10 * CFG_MS, CFG_DAY,  \
      "", CONFIG_RELOADS, "Deadline of a lookup, waiting for a token included.")                   \
    X("server", "drain_delay", server_drain_delay, DURATION, "0s", 0, CFG_DAY, "", CONFIG_RELOADS, \
      "Time from SIGTERM to closing the listeners; /readyz responds 503 meanwhile.")               \
    X("server", "drain_timeout", server_drain_timeout, DURATION, "20s", 0, CFG_DAY, "",            \
      CONFIG_RELOADS, "Time that requests in flight have to end after that.")                      \
    X("server", "secret_files", server_secret_files, CHOICE, "private", 0, 0, "private any",       \
      CONFIG_RELOADS, "private: a secret that others can read is a fault; any: only a note.")      \
    X("server", "reload_on_change", server_reload_on_change, BOOL, "off", 0, 0, "",                \
      CONFIG_RELOADS, "Watch the files of the configuration; a change reloads them, like SIGHUP.") \
    X("server", "tls_certificate", server_tls_certificate, FILE, NULL, 0, 0, "", CONFIG_RELOADS,   \
      "Certificate for the tls: addresses in listen, followed by its chain, in PEM.")              \
    X("server", "tls_key", server_tls_key, KEYFILE, NULL, 0, 65536, "public", CONFIG_RELOADS,      \
      "Private key of tls_certificate, in PEM without a password.")                                \
    X("server", "tls_client_ca", server_tls_client_ca, FILE, NULL, 0, 0, "",                       \
      CONFIG_RELOADS | CONFIG_RESTRICTS,                                                           \
      "CA certificates, in PEM; callers over TLS then need a certificate that one of them "        \
      "signed.")                                                                                   \
    X("metrics", "listen", metrics_listen, ADDRESSES, "127.0.0.1:8081", 0, 0, "off", 0,            \
      "Where the status page, /healthz, /readyz and /metrics are served; HOST as in [server] "     \
      "listen.")                                                                                   \
    X("admin", "listen", admin_listen, ADDRESSES, "unix:/run/postcoded/admin.sock", 0, 0, "unix",  \
      0, "Unix socket for /tokens, /config and all of [metrics]; or off.")                         \
    X("admin", "socket_mode", admin_socket_mode, MODE, "0660", 0, 0777, "", 0,                     \
      "Mode of the admin socket.")                                                                 \
    X("log", "level", log_level, CHOICE, "info", 0, 0, "debug info notice warning error",          \
      CONFIG_RELOADS, "The lowest level that is logged.")                                          \
    X("log", "format", log_format, CHOICE, "text", 0, 0, "text json journal", CONFIG_RELOADS,      \
      "text; json: one object per line; journal: fields of journald, text on stderr without it.")  \
    X("log", "access", log_access, BOOL, "on", 0, 0, "", CONFIG_RELOADS,                           \
      "One line for each request.")                                                                \
    X("log", "postcodes", log_postcodes, CHOICE, "full", 0, 0, "full outward off", CONFIG_RELOADS, \
      "How much of a postcode is logged; outward: all but the last three characters.")             \
    X("tracker", "header", tracker_header, HEADER, "X-GUID", 1, 64, "", CONFIG_RELOADS,            \
      "Header with the GUID in requests, responses and calls to an upstream.")                     \
    X("tracker", "trust_incoming", tracker_trust_incoming, BOOL, "on", 0, 0, "", CONFIG_RELOADS,   \
      "Use a caller's GUID if it is well-formed; off: always make a new one.")                     \
    X("identity", "mode", identity_mode, CHOICE, "jwt", 0, 0, "jwt plain off certificate",         \
      CONFIG_RELOADS,                                                                              \
      "jwt: a signed token; plain: the cookie as it stands, forgeable; off: callers are not "      \
      "authenticated; certificate: the client certificate.")                                       \
    X("identity", "cookie", identity_cookie, TEXT, "identity", 1, 64, "", CONFIG_RELOADS,          \
      "Name of the cookie that holds the identity; case-sensitive.")                               \
    X("identity", "key_file", identity_key_file, KEYFILE, NULL, 0, 65536, "public",                \
      CONFIG_RELOADS,                                                                              \
      "HMAC secret of 32 bytes or more, public key or certificate in PEM, or JWK or JWK set.")     \
    X("identity", "key_url", identity_key_url, URL, NULL, 1, 2048, "query",                        \
      CONFIG_RELOADS | CONFIG_RESTRICTS,                                                           \
      "URL of a JWK set, in the place of key_file; https, or http to loopback.")                   \
    X("identity", "key_ca_file", identity_key_ca_file, FILE, NULL, 0, 0, "",                       \
      CONFIG_RELOADS | CONFIG_RESTRICTS,                                                           \
      "CA certificates to trust for key_url instead of the system's, in PEM.")                     \
    X("identity", "key_refresh", identity_key_refresh, DURATION, NULL, CFG_S, CFG_DAY, "",         \
      CONFIG_RELOADS,                                                                              \
      "How often the set of key_url is fetched at the least; unless set, as often as its "         \
      "Cache-Control: max-age says, or every 1h.")                                                 \
    X("identity", "issuer", identity_issuer, TEXT, NULL, 1, 512, "",                               \
      CONFIG_RELOADS | CONFIG_RESTRICTS, "The iss that a JWT must have.")                          \
    X("identity", "audience", identity_audience, LIST, NULL, 1, 4096, "",                          \
      CONFIG_RELOADS | CONFIG_RESTRICTS,                                                           \
      "The aud that a JWT must have or contain; of several, separated by commas, one.")            \
    X("identity", "user_claim", identity_user_claim, CLAIM, "sub", 1, 1024, "",                    \
      CONFIG_RELOADS | CONFIG_RESTRICTS,                                                           \
      "The claim that names the user: 1 to 128 printable ASCII characters, the first and last "    \
      "not a space.")                                                                              \
    X("identity", "require.CLAIM", identity_require, REQUIREMENTS, NULL, 1, 1024, "",              \
      CONFIG_RELOADS | CONFIG_RESTRICTS,                                                           \
      "What a claim must be, or contain; else 403. CLAIM is a name, whose case counts, or a JSON " \
      "Pointer.")                                                                                  \
    X("identity", "max_lifetime", identity_max_lifetime, DURATION, "off", CFG_S, 366 * CFG_DAY,    \
      "off", CONFIG_RELOADS | CONFIG_RESTRICTS,                                                    \
      "Longest time that a JWT may still be valid for; off: any.")                                 \
    X("identity", "leeway", identity_leeway, DURATION, "30s", 0, 3600 * CFG_S, "", CONFIG_RELOADS, \
      "Clock difference that is allowed when exp and nbf are checked.")                            \
    X("identity", "forward_header", identity_forward_header, HEADER, NULL, 1, 64, "",              \
      CONFIG_RELOADS, "Header that sends the user to the upstream; none unless set.")              \
    X("identity", "unverified_anywhere", identity_unverified_anywhere, BOOL, "off", 0, 0, "",      \
      CONFIG_RELOADS, "Allow modes plain and off on addresses that are not loopback.")             \
    X("lookup", "normalise", lookup_normalise, BOOL, "on", 0, 0, "", CONFIG_RELOADS,               \
      "Trim a postcode, fold pasted spaces and dashes, convert to upper case; off: as received.")  \
    X("quota", "per_user", quota_per_user, RATE, "off", 1, 1000000, "off", CONFIG_RELOADS,         \
      "Lookups that each user may make, such as 100/m; one more gets 429 quota_exceeded.")         \
    X("quota", "burst", quota_burst, COUNT, "10", 1, 100000, "", CONFIG_RELOADS,                   \
      "Lookups that a user may make at once, after a pause.")                                      \
    X("fleet", "servers", fleet_servers, LIST, NULL, 1, 4096, "", CONFIG_RELOADS,                  \
      "The store that a fleet shares: HOST:PORT or unix:PATH of a Redis or Valkey, or of its "     \
      "Sentinels, with commas between them. Unless set there is no fleet.")                        \
    X("fleet", "sentinel", fleet_sentinel, TEXT, NULL, 1, 256, "", CONFIG_RELOADS,                 \
      "Name of the master that the servers, which are Sentinels then, are asked for.")             \
    X("fleet", "tls", fleet_tls, BOOL, "on", 0, 0, "", CONFIG_RELOADS,                             \
      "TLS to the store and its Sentinels. off: on loopback and Unix sockets, or with plaintext.") \
    X("fleet", "plaintext", fleet_plaintext, BOOL, "off", 0, 0, "", CONFIG_RELOADS,                \
      "Allow tls = off to a store that is not on loopback.")                                       \
    X("fleet", "ca_file", fleet_ca_file, FILE, NULL, 0, 0, "", CONFIG_RELOADS | CONFIG_RESTRICTS,  \
      "CA certificates for the store, in PEM; the system's unless set.")                           \
    X("fleet", "client_certificate", fleet_client_certificate, FILE, NULL, 0, 0, "",               \
      CONFIG_RELOADS, "Client certificate for the store, in PEM.")                                 \
    X("fleet", "client_key", fleet_client_key, KEYFILE, NULL, 0, 65536, "", CONFIG_RELOADS,        \
      "Private key of client_certificate, in PEM without a password.")                             \
    X("fleet", "user", fleet_user, TEXT, NULL, 1, 256, "", CONFIG_RELOADS,                         \
      "ACL user at the store; default unless set.")                                                \
    X("fleet", "password_file", fleet_password_file, PASSWORD, NULL, 0, 4096, "", CONFIG_RELOADS,  \
      "File with the password at the store.")                                                      \
    X("fleet", "sentinel_user", fleet_sentinel_user, TEXT, NULL, 1, 256, "", CONFIG_RELOADS,       \
      "ACL user at the Sentinels; default unless set.")                                            \
    X("fleet", "sentinel_password_file", fleet_sentinel_password_file, PASSWORD, NULL, 0, 4096,    \
      "", CONFIG_RELOADS, "File with the password at the Sentinels; none unless set.")             \
    X("fleet", "prefix", fleet_prefix, TEXT, "pc", 1, 32, "", CONFIG_RELOADS,                      \
      "What the keys in the store begin with: letters, digits, '.', '-' and '_'.")                 \
    X("fleet", "key_file", fleet_key_file, KEYFILE, NULL, 0, 4096, "", CONFIG_RELOADS,             \
      "32 random bytes that all members have, mixed into the key that seals the token.")           \
    X("fleet", "timeout", fleet_timeout, DURATION, "500ms", 10 * CFG_MS, 60 * CFG_S, "",           \
      CONFIG_RELOADS, "Time for each reply of the store.")                                         \
    X("fleet", "renew", fleet_renew, COUNT, "50", 10, 95, "", CONFIG_RELOADS,                      \
      "Percent of a token's lifetime after which the fleet renews it.")                            \
    X("fleet", "alone", fleet_alone, COUNT, "60", 0, 1000000, "", CONFIG_RELOADS,                  \
      "Token requests an hour that all members together may make while the store is out.")         \
    X("fleet", "look_interval", fleet_look_interval, DURATION, "5m", CFG_S, CFG_DAY, "",           \
      CONFIG_RELOADS, "How often each member looks for a newer token that it was not told of.")    \
    X("cache", "max_size", cache_max_size, SIZE, "64M", 1048576, INT64_C(1) << 40, "",             \
      CONFIG_RELOADS,                                                                              \
      "Memory for answers; 64M are about 300,000 of them. A change empties the cache.")            \
    X("cache", "as", cache_as, CHOICE, "shared", 0, 0, "shared service", CONFIG_RELOADS,           \
      "shared: keep only what is marked public, s-maxage or must-revalidate; service: also what "  \
      "has private or only max-age, for an API that answers all callers alike.")                   \
    X("cache", "honour", cache_honour, BOOL, "on", 0, 0, "", CONFIG_RELOADS,                       \
      "Heed the upstream's Cache-Control, Expires, Age and Vary; off needs ttl.")                  \
    X("cache", "ttl", cache_ttl, DURATION, "0s", CFG_S, 366 * CFG_DAY, "0s", CONFIG_RELOADS,       \
      "How long an answer is fresh, against the upstream's word; 0s: as the upstream says.")       \
    X("cache", "ttl_max", cache_ttl_max, DURATION, "24h", CFG_S, 366 * CFG_DAY, "",                \
      CONFIG_RELOADS, "How long an answer is fresh at the most, whatever the upstream says.")      \
    X("cache", "negative_ttl", cache_negative_ttl, DURATION, "0s", CFG_S, 366 * CFG_DAY, "0s",     \
      CONFIG_RELOADS,                                                                              \
      "How long a postcode counts as unknown once the upstream did not know it; 0s: not at all.")  \
    X("cache", "stale_if_error", cache_stale_if_error, DURATION, "0s", CFG_S, 366 * CFG_DAY, "0s", \
      CONFIG_RELOADS, "How long past its lifetime an answer is given while the upstream fails.")   \
    X("cache", "stale_while_revalidate", cache_stale_while_revalidate, DURATION, "0s", CFG_S,      \
      366 * CFG_DAY, "0s", CONFIG_RELOADS,                                                         \
      "How long past its lifetime an answer is given at once, while a new one is fetched.")        \
    X("cache", "coalesce", cache_coalesce, BOOL, "on", 0, 0, "", CONFIG_RELOADS,                   \
      "Lookups of the same postcode at the same time share one call to the upstream.")             \
    X("store", "recycle_interval", store_recycle_interval, DURATION, "30s", 10 * CFG_MS, CFG_DAY,  \
      "", CONFIG_RELOADS, "How often expired items are removed from the store.")

/*
 * The keys of each [upstream NAME], in the same form; the fields are those of struct
 * config_upstream.
 */
#define CONFIG_UPSTREAM_KEYS(X)                                                                    \
    X("upstream", "address", address, URL, NULL, 1, 2048, "", CONFIG_RELOADS | CONFIG_REQUIRED,    \
      "The Location API: https://HOST[:PORT][/PREFIX].")                                           \
    X("upstream", "plaintext", plaintext, BOOL, "off", 0, 0, "", CONFIG_RELOADS,                   \
      "Allow http:// to a host that is not loopback.")                                             \
    X("upstream", "lookup_path", lookup_path, PATH, "/api/v1/addresses/", 1, 1024, "",             \
      CONFIG_RELOADS, "Path of a lookup; the postcode is appended.")                               \
    X("upstream", "lookup_target", lookup_target, TARGET, NULL, 1, 2048, "", CONFIG_RELOADS,       \
      "Path and query of a lookup with {postcode} once, in the place of lookup_path. With a ? in " \
      "it, a caller may not send a query.")                                                        \
    X("upstream", "lookup_found", lookup_found, POINTER, NULL, 1, 1024, "", CONFIG_RELOADS,        \
      "JSON Pointer into the body of a 200, which may then be any JSON: what it leads to must "    \
      "not be empty, or the postcode is unknown. Unset: the body must be an object with "          \
      "postcode.")                                                                                 \
    X("upstream", "lookup_failed", lookup_failed, POINTER, NULL, 1, 1024, "", CONFIG_RELOADS,      \
      "JSON Pointer: where it leads to something, a 200 is treated as a 401.")                     \
    X("upstream", "answer", answer, CHOICE, "body", 0, 0, "body address", CONFIG_RELOADS,          \
      "body: the upstream's bytes; address: an object of postcode and country, from the pointers " \
      "below.")                                                                                    \
    X("upstream", "address_postcode", address_postcode, POINTER, "/postcode", 1, 1024, "",         \
      CONFIG_RELOADS,                                                                              \
      "JSON Pointer to the postcode (answer = address); the one asked for where it leads "         \
      "nowhere.")                                                                                  \
    X("upstream", "address_country", address_country, POINTER, "/country", 1, 1024, "constant",    \
      CONFIG_RELOADS, "JSON Pointer to the country, or a country in quotes (answer = address).")   \
    X("upstream", "header.NAME", header, HEADERS, NULL, 0, 4096, "", CONFIG_RELOADS,               \
      "A header field for lookups and token requests.")                                            \
    X("upstream", "header_file.NAME", header_file, HEADER_FILES, NULL, 1, 4096, "",                \
      CONFIG_RELOADS, "The same, its value the content of a file that others cannot read.")        \
    X("upstream", "auth_path", auth_path, PATH, "/auth/v1", 1, 1024, "query", CONFIG_RELOADS,      \
      "Path of the token endpoint on address; a query may follow.")                                \
    X("upstream", "auth_url", auth_url, URL, NULL, 1, 2048, "query", CONFIG_RELOADS,               \
      "Full URL of the token endpoint, if it is not on address.")                                  \
    X("upstream", "auth_flow", auth_flow, CHOICE, "basic", 0, 0,                                   \
      "basic client_credentials jwt_bearer", CONFIG_RELOADS,                                       \
      "basic: HTTP Basic, no body; client_credentials: RFC 6749, section 4.4; jwt_bearer: a "      \
      "signed assertion, RFC 7523, section 2.1.")                                                  \
    X("upstream", "auth_method", auth_method, CHOICE, "post", 0, 0, "post get", CONFIG_RELOADS,    \
      "Method of the token request; get sends the parameters in the query.")                       \
    X("upstream", "auth_client", auth_client, CHOICE, "basic", 0, 0,                               \
      "basic post none tls private_key_jwt", CONFIG_RELOADS,                                       \
      "How the client authenticates: basic, HTTP Basic; post, id and secret in the body; none, "   \
      "the id alone; tls, the id and client_certificate; private_key_jwt, an assertion signed "    \
      "with auth_key_file.")                                                                       \
    X("upstream", "auth_scope", auth_scope, TEXT, NULL, 1, 4096, "", CONFIG_RELOADS,               \
      "Scope to request (client_credentials, jwt_bearer).")                                        \
    X("upstream", "auth_audience", auth_audience, TEXT, NULL, 1, 4096, "", CONFIG_RELOADS,         \
      "Audience to request (client_credentials); audience of the assertion, the endpoint's URL "   \
      "unless set (jwt_bearer).")                                                                  \
    X("upstream", "auth_subject", auth_subject, TEXT, NULL, 1, 1024, "", CONFIG_RELOADS,           \
      "Subject of the assertion, client_id unless set (jwt_bearer).")                              \
    X("upstream", "auth_param.NAME", auth_param, PARAMS, NULL, 0, 4096, "", CONFIG_RELOADS,        \
      "Any further parameter of the token request (client_credentials, jwt_bearer).")              \
    X("upstream", "auth_body", auth_body, TEXT, NULL, 1, 8192, "", CONFIG_RELOADS,                 \
      "Body of the token request in place of the form; {client_id} and {client_secret} are "       \
      "filled in. JSON where it begins with { or [.")                                              \
    X("upstream", "auth_reply", auth_reply, NAMES, "access_token expires_in", 1, 256, "",          \
      CONFIG_RELOADS,                                                                              \
      "Names of the token and of its lifetime in a token response. A lifetime may be a time.")     \
    X("upstream", "auth_scheme", auth_scheme, TOKEN, NULL, 1, 64, "", CONFIG_RELOADS,              \
      "Scheme to send the token with; that of the response's token_type unless set.")              \
    X("upstream", "auth_key_file", auth_key_file, KEYFILE, NULL, 1, 65536, "", CONFIG_RELOADS,     \
      "Private key that signs assertions (private_key_jwt, jwt_bearer): PEM or JWK.")              \
    X("upstream", "auth_key_id", auth_key_id, TEXT, NULL, 1, 256, "", CONFIG_RELOADS,              \
      "kid of assertions, that of the JWK unless set.")                                            \
    X("upstream", "client_id", client_id, TEXT, NULL, 1, 1024, "",                                 \
      CONFIG_RELOADS | CONFIG_REQUIRED, "The client's id at the token endpoint.")                  \
    X("upstream", "client_secret", client_secret, SECRET, NULL, 1, 4096, "",                       \
      CONFIG_RELOADS | CONFIG_SECRET_VALUE, "The client's secret; or use client_secret_file.")     \
    X("upstream", "client_secret_file", client_secret_file, SECRETS, NULL, 1, 4096, "",            \
      CONFIG_RELOADS,                                                                              \
      "File with the secret; two files, separated by a comma, while one secret replaces the "      \
      "other.")                                                                                    \
    X("upstream", "auth_token_key", auth_token_key, TEXT, NULL, 1, 256, "", 0,                     \
      "Key of the token in the store; NAME_auth_token unless set.")                                \
    X("upstream", "auth_token_early_expiry", auth_token_early_expiry, DURATION, "5m", 0, CFG_DAY,  \
      "", CONFIG_RELOADS,                                                                          \
      "How long before its expiry a token is renewed; at most 20 % of its lifetime.")              \
    X("upstream", "auth_token_default_lifetime", auth_token_default_lifetime, DURATION, "5m",      \
      CFG_S, CFG_DAY, "", CONFIG_RELOADS,                                                          \
      "Lifetime where a token response gives none, or one below a second.")                        \
    X("upstream", "auth_prefetch", auth_prefetch, BOOL, "on", 0, 0, "", CONFIG_RELOADS,            \
      "Get a token at start and renew it before it expires, whether or not there are lookups.")    \
    X("upstream", "auth_timeout", auth_timeout, DURATION, "5s", 10 * CFG_MS, CFG_DAY, "",          \
      CONFIG_RELOADS, "Deadline of a token request.")                                              \
    X("upstream", "auth_budget", auth_budget, COUNT, "60", 0, 100000, "", CONFIG_RELOADS,          \
      "Token requests per hour after a 401, by hand, or after a failed token request; 0 allows "   \
      "none.")                                                                                     \
    X("upstream", "connect_timeout", connect_timeout, DURATION, "2s", 10 * CFG_MS, CFG_DAY, "",    \
      CONFIG_RELOADS,                                                                              \
      "Time to connect to the upstream, its name and TLS included. A connection whose path drops " \
      "all packets ends about a second after that time.")                                          \
    X("upstream", "max_connections", max_connections, COUNT, "256", 1, 65536, "", CONFIG_RELOADS,  \
      "Connections to the upstream, over all workers; further lookups wait in a queue.")           \
    X("upstream", "connection_max_age", connection_max_age, DURATION, "5m", CFG_S, CFG_DAY, "",    \
      CONFIG_RELOADS,                                                                              \
      "Longest age of a connection, together with its DNS answer, so that DNS changes take "       \
      "effect.")                                                                                   \
    X("upstream", "retries", retries, COUNT, "1", 0, 10, "", CONFIG_RELOADS,                       \
      "New connections tried when one fails before the first byte of a response.")                 \
    X("upstream", "retry_budget", retry_budget, COUNT, "20", 0, 100, "", CONFIG_RELOADS,           \
      "Calls to this upstream that may be retries and failovers, in percent of its lookups of "    \
      "the last 10 s; 3 within 10 s are always allowed.")                                          \
    X("upstream", "eject_after", eject_after, COUNT, "5", 1, 1000000, "", CONFIG_RELOADS,          \
      "Failures in a row after which a route with another upstream leaves this one out for a "     \
      "while.")                                                                                    \
    X("upstream", "rate", rate, RATE, "off", 1, 1000000, "off", CONFIG_RELOADS,                    \
      "Calls that are made at the most, such as 10/s; further lookups wait for their turn.")       \
    X("upstream", "burst", burst, COUNT, "1", 1, 100000, "", CONFIG_RELOADS,                       \
      "Calls that may be made at once when there were fewer than rate allows.")                    \
    X("upstream", "queue", queue, COUNT, "100", 0, 1000000, "", CONFIG_RELOADS,                    \
      "Lookups that may wait for their turn; one more gets 503 overloaded.")                       \
    X("upstream", "max_response_size", max_response_size, SIZE, "1M", 1024, 64 * 1024 * 1024, "",  \
      CONFIG_RELOADS, "Largest body accepted from the upstream.")                                  \
    X("upstream", "ca_file", ca_file, FILE, NULL, 0, 0, "", CONFIG_RELOADS | CONFIG_RESTRICTS,     \
      "CA certificates to trust instead of the system's, in PEM.")                                 \
    X("upstream", "client_certificate", client_certificate, FILE, NULL, 0, 0, "", CONFIG_RELOADS,  \
      "Client certificate for the upstream, in PEM.")                                              \
    X("upstream", "client_key", client_key, KEYFILE, NULL, 0, 65536, "", CONFIG_RELOADS,           \
      "Private key of client_certificate, in PEM.")                                                \
    X("upstream", "client_key_password_file", client_key_password_file, PASSWORD, NULL, 0, 1000,   \
      "", CONFIG_RELOADS, "File with the password that opens an encrypted client_key.")            \
    X("upstream", "proxy", proxy, PROXY, NULL, 1, 2048, "", CONFIG_RELOADS,                        \
      "HTTP proxy for all calls, http://[USER@]HOST:PORT; the environment's proxy variables are "  \
      "not read.")                                                                                 \
    X("upstream", "proxy_password_file", proxy_password_file, PASSWORD, NULL, 0, 4096, "",         \
      CONFIG_RELOADS, "File with the password of the user in proxy.")

/* Where lookups are, unless a route has another prefix. */
#define CONFIG_ROUTE_PREFIX "/api/v1/addresses/"

/*
 * The keys of each [route NAME], in the same form; the fields are those of struct config_route.
 */
#define CONFIG_ROUTE_KEYS(X)                                                                       \
    X("route", "prefix", prefix, PATH, CONFIG_ROUTE_PREFIX, 1, 1024, "prefix", CONFIG_RELOADS,     \
      "Path that its lookups begin with; the postcode follows. The longest prefix of any route "   \
      "counts.")                                                                                   \
    X("route", "postcodes", postcodes, POSTCODES, NULL, 1, 16384, "", CONFIG_RELOADS,              \
      "How its postcodes begin, such as BT*, GY*; the longest beginning counts. Unset: all "       \
      "postcodes that no other route of this prefix has.")                                         \
    X("route", "upstream", upstream, LIST, NULL, 1, 4096, "", CONFIG_RELOADS | CONFIG_REQUIRED,    \
      "Names of the upstreams, with commas between them: the first is asked, the next when it "    \
      "fails.")

enum config_secret_files { SECRET_FILES_PRIVATE, SECRET_FILES_ANY };
enum config_identity_mode {
    IDENTITY_JWT,
    IDENTITY_PLAIN,
    IDENTITY_OFF,
    IDENTITY_CERTIFICATE,
};
enum config_postcodes { POSTCODES_FULL, POSTCODES_OUTWARD, POSTCODES_OFF };
enum config_cache_as { CACHE_AS_SHARED, CACHE_AS_SERVICE };
enum config_answer { ANSWER_BODY, ANSWER_ADDRESS };
enum config_auth_flow { AUTH_FLOW_BASIC, AUTH_FLOW_CLIENT_CREDENTIALS, AUTH_FLOW_JWT_BEARER };
enum config_auth_method { AUTH_METHOD_POST, AUTH_METHOD_GET };
enum config_auth_client {
    AUTH_CLIENT_BASIC,
    AUTH_CLIENT_POST,
    AUTH_CLIENT_NONE,
    AUTH_CLIENT_TLS,
    AUTH_CLIENT_PRIVATE_KEY_JWT,
};

/* One address to listen on. */
struct config_address {
    /* "127.0.0.1:8080", "tls:[::]:8443", "unix:/run/x.sock": as configured, but paths absolute */
    char *text;
    struct sockaddr_storage addr;
    socklen_t addr_len;
    bool loopback; /* 127.0.0.0/8, ::1 (mapped IPv4 too) or a Unix socket */
    bool tls;      /* callers speak TLS there */
};

bool config_is_loopback(const struct sockaddr *addr);

struct config_addresses {
    struct config_address *items;
    size_t count;
};

struct config_file {
    char *path;           /* resolved; NULL while unset */
    struct secret *bytes; /* NULL for a credential: that was not looked at (config_load) */
    mode_t mode;          /* its permissions when it was read */
};

struct config_secrets {
    struct config_file files[2];
    size_t count;
};

struct config_param {
    char *name;
    char *value;
};

struct config_params {
    struct config_param *items;
    size_t count;
};

struct config_header_files {
    struct config_header_file {
        char *name;
        struct config_file file;
    } * items;
    size_t count;
};

/* What the postcode stands for in the target of a lookup. */
#define CONFIG_POSTCODE "{postcode}"

struct config_target {
    char *text;         /* as configured, with CONFIG_POSTCODE; NULL while unset */
    char *before;       /* what stands before that */
    const char *behind; /* what stands behind it; borrowed from text */
    bool has_query;
};

struct config_pointer {
    struct json_pointer *pointer; /* NULL: unset, or a constant */
    char *constant;               /* NULL: unset, or a pointer */
};

struct config_names {
    char *first;
    char *second; /* NULL: not given */
};

struct config_list {
    char **items; /* a NULL follows the last one; NULL while unset */
    size_t count;
};

/* A value in the claims of a JWT. */
struct config_claim {
    char *name;                   /* as configured; NULL while unset */
    struct json_pointer *pointer; /* NULL: the member of that name */
};

struct config_requirements {
    struct config_requirement {
        struct config_claim claim;
        char *value;
    } * items;
    size_t count;
};

/* A field of header.NAME or header_file.NAME. */
struct config_header {
    const char *name;
    const char *value;
};

/* How many of these an upstream may have. */
#define CONFIG_HEADERS_MAX 32

#define CONFIG_C_TEXT char *
#define CONFIG_C_DURATION int64_t
#define CONFIG_C_SIZE int64_t
#define CONFIG_C_COUNT int64_t
#define CONFIG_C_WORKERS int64_t
#define CONFIG_C_MODE int64_t
#define CONFIG_C_BOOL bool
#define CONFIG_C_CHOICE int
#define CONFIG_C_ADDRESSES struct config_addresses
#define CONFIG_C_URL char *
#define CONFIG_C_PROXY char *
#define CONFIG_C_FILE char *
#define CONFIG_C_KEYFILE struct config_file
#define CONFIG_C_PASSWORD struct config_file
#define CONFIG_C_SECRET struct secret *
#define CONFIG_C_SECRETS struct config_secrets
#define CONFIG_C_HEADER char *
#define CONFIG_C_PATH char *
#define CONFIG_C_TARGET struct config_target
#define CONFIG_C_POINTER struct config_pointer
#define CONFIG_C_NAMES struct config_names
#define CONFIG_C_TOKEN char *
#define CONFIG_C_LIST struct config_list
#define CONFIG_C_POSTCODES struct config_list
#define CONFIG_C_RATE int64_t
#define CONFIG_C_CLAIM struct config_claim
#define CONFIG_C_PARAMS struct config_params
#define CONFIG_C_HEADERS struct config_params
#define CONFIG_C_HEADER_FILES struct config_header_files
#define CONFIG_C_REQUIREMENTS struct config_requirements

/* One [upstream NAME]. It lives as long as the configuration that holds it. */
struct config_upstream {
    char *name;
    /*
     * Its place in the metrics (base/metrics.h), below METRIC_UPSTREAMS. An upstream keeps it over
     * reloads, by its name; a new one has that which was out of use for the longest time.
     */
    size_t index;
#define CONFIG_FIELD(section, name, field, kind, def, min, max, choices, flags, meaning)           \
    CONFIG_C_##kind field;
    CONFIG_UPSTREAM_KEYS(CONFIG_FIELD)
#undef CONFIG_FIELD
    /* auth_client was given: jwt_bearer authenticates the client only then. */
    bool authenticates;
    /*
     * What the client proves itself with, one or two: the secrets in the order configured, from
     * either key. Where none is sent: the key of the assertions (auth_key_file), the key of the
     * certificate (auth_client = tls), or an empty one.
     */
    struct secret *client_secrets[2];
    size_t client_secret_count;
    /* header and header_file in one list; borrowed from them. */
    struct config_header headers[CONFIG_HEADERS_MAX];
    size_t header_count;
};

/* How many upstreams a configuration may have. */
#define CONFIG_UPSTREAMS_MAX 32

/* How many routes. */
#define CONFIG_ROUTES_MAX 1000

/* The longest beginning of a postcode, without spaces and hyphens. */
#define CONFIG_POSTCODES_MAX 16

/*
 * One [route NAME]: which lookups go to which upstreams. Without such a section there is one route,
 * of the built-in prefix and without a name, to the only upstream. It lives as long as the
 * configuration that holds it.
 */
struct config_route {
    char *name; /* "" for the built-in one */
#define CONFIG_FIELD(section, name, field, kind, def, min, max, choices, flags, meaning)           \
    CONFIG_C_##kind field;
    CONFIG_ROUTE_KEYS(CONFIG_FIELD)
#undef CONFIG_FIELD
    /* `upstream` as places in config.upstreams: the first is asked first. */
    size_t upstreams[CONFIG_UPSTREAMS_MAX];
    size_t upstream_count;
};

struct config {
    unsigned magic;
#define CONFIG_FIELD(section, name, field, kind, def, min, max, choices, flags, meaning)           \
    CONFIG_C_##kind field;
    CONFIG_KEYS(CONFIG_FIELD)
#undef CONFIG_FIELD
    /* In the order of the files; one or more in a configuration without faults. */
    struct config_upstream *upstreams;
    size_t upstream_count;
    /* In the order of the files; one or more likewise. config/route.h finds the one that is meant,
     * in the index. */
    struct config_route *routes;
    size_t route_count;
    struct route_index *route_index;
};

/* Faults and notes, gathered: all of them, not only the first. */
struct config_faults {
    struct config_fault {
        char *text; /* "FILE:LINE: [section] key: what is wrong, and what would be right" */
        bool note;  /* worth saying, no fault */
        unsigned file_order; /* its place, for the order of the list: see config/faults.h */
        unsigned line;
    } * items;
    size_t count;  /* faults and notes */
    size_t faults; /* faults alone */
};

void config_faults_fini(struct config_faults *faults);

/*
 * A check by code that knows more of what values mean, so that its faults are reported together
 * with the rest. It is called though there are faults already; a key with a fault is unset.
 */
typedef void config_look(void *arg, struct config *config, struct config_faults *faults);

/*
 * Reads `path` and then `path`.d/ *.ini in name order, each overriding. Faults are appended to
 * `faults`; with one or more of them the result is NULL. One reference, the caller's.
 * Outside systemd (no CREDENTIALS_DIRECTORY) a `credential:` file is a note when
 * `credentials_optional`, else a fault.
 * `before` is what a daemon that reloads runs with, else NULL: keys that cannot reload keep its
 * values, before anything is checked, for it is those that will be in force. config_unreloadable
 * names them. `look` may be NULL.
 */
struct config *config_load(const struct config *before, const char *path, bool credentials_optional,
                           config_look *look, void *arg, struct config_faults *faults);

/*
 * Reads the files again that the client secrets of an upstream and its auth_key_file came from. A
 * configuration with what they hold now, and the same in all else: one reference, the
 * caller's. NULL: nothing changed that can be used; then `reason` says why a file cannot be, or is
 * "".
 */
struct config *config_reread(struct config *config, const struct config_upstream *upstream,
                             struct reason *reason);

struct config *config_ref(struct config *config);
/* NULL is allowed; the last one wipes the secrets. Any thread. */
void config_unref(struct config *config);

/*
 * A fault found later, by code that knows what a value means (a key file that is no key): in the
 * same form, with the file and line the value came from. format says what is wrong and would be
 * right.
 */
void config_fault(struct config_faults *faults, const struct config *config, const char *section,
                  const char *key, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The same for a key of an upstream, which is one of the configuration's. */
void config_upstream_fault(struct config_faults *faults, const struct config *config,
                           const struct config_upstream *upstream, const char *key,
                           const char *format, ...) __attribute__((format(printf, 5, 6)));
void config_upstream_note(struct config_faults *faults, const struct config *config,
                          const struct config_upstream *upstream, const char *key,
                          const char *format, ...) __attribute__((format(printf, 5, 6)));

/* config_fault for what is worth saying and no fault. */
void config_note(struct config_faults *faults, const struct config *config, const char *section,
                 const char *key, const char *format, ...) __attribute__((format(printf, 5, 6)));

/*
 * For a key of the process whose file may hold public keys alone: a fault, or a note, when others
 * can read a `secret` one, or write one that is none.
 */
void config_judge_mode(struct config_faults *faults, const struct config *config,
                       const char *section, const char *key, const struct config_file *file,
                       bool secret);

/*
 * For a config_look alone, while the configuration is its own: what the file that a key of the
 * process names was found to hold, for people ("a JWK set of 2 keys"). Copied.
 */
void config_found(struct config *config, const char *section, const char *key, const char *holds);

/* One key as people are shown it; borrowed. */
struct config_entry {
    const char *section; /* "upstream NAME" or "route NAME" for theirs */
    const char *key;
    const char *value; /* effective, as it would be written; "" while unset, "(set)" for a secret */
    const char *origin; /* "FILE:LINE" or "default" */
    const char *meaning;
    const char *holds; /* config_found; "" where nothing was said */
};

/* Each key in the table's order. A key of a family is visited once for each one given. */
typedef void config_visit(void *arg, const struct config_entry *entry);
void config_each(const struct config *config, config_visit *visit, void *arg);

/* Whether a file gives this key a value; the key must be one of CONFIG_KEYS. */
bool config_is_given(const struct config *config, const char *section, const char *name);

/*
 * The files that the configuration was read from or refers to, as absolute paths in this order: the
 * main file, its directory of drop-ins (named whether or not it exists), the drop-ins that were
 * read, then each file that a value names (secrets, keys, certificates), in the table's order; one
 * that is at fault too.
 * A path may stand twice. Symbolic links in the path given with -c are not resolved, so that a
 * watch can follow one that is replaced. A `credential:` that was not looked at is left out.
 * Borrowed for as long as the reference; never empty.
 */
const char *const *config_files(const struct config *config, size_t *count);

/* --print-config: an INI that config_load would read again, with origins and meanings as comments.
 */
void config_print(const struct config *config, FILE *out);

/*
 * Calls `changed` for each key that cannot reload and is other in the files of `after` than in
 * `before`, whether `after` kept the old value (config_load) or not. An upstream of another name
 * is another one, of which nothing is kept. Sections are as config_each gives them.
 */
void config_unreloadable(const struct config *before, const struct config *after,
                         void (*changed)(void *arg, const char *section, const char *key),
                         void *arg);

#endif
