/* Values in the grammars of the web: URLs, header names, paths. */
#ifndef CONFIG_WEB_H
#define CONFIG_WEB_H

#include <stdbool.h>

#include "config/input.h"

/* KIND_URL, KIND_PROXY, KIND_HEADER, KIND_PATH, KIND_TARGET. */
input_parser web_parse_url, web_parse_proxy, web_parse_header, web_parse_path, web_parse_target;

/* A field name that an operator may choose (CONFIG_FORBIDDEN_HEADERS). False with a fault made. */
bool web_is_free_header(const struct input *in, const char *name);

/* The user in a URL that web_parse_proxy took, decoded; NULL: none. mem_free() it. */
char *web_url_user(const char *url);
/* The same URL without it. mem_free() it. */
char *web_url_without_user(const char *url);

/* Whether a URL that web_parse_url took leads to this machine; whether it is http://. */
bool web_url_is_loopback(const char *url);
bool web_url_is_plaintext(const char *url);

#endif
