/* Values in the grammars of the web: URLs, header names, paths. */
#ifndef CONFIG_WEB_H
#define CONFIG_WEB_H

#include <stdbool.h>

#include "config/input.h"

/* KIND_URL, KIND_HEADER, KIND_PATH, KIND_TARGET. */
input_parser web_parse_url, web_parse_header, web_parse_path, web_parse_target;

/* A field name that an operator may choose (CONFIG_FORBIDDEN_HEADERS). False with a fault made. */
bool web_is_free_header(const struct input *in, const char *name);

/* Whether a URL that web_parse_url took leads to this machine; whether it is http://. */
bool web_url_is_loopback(const char *url);
bool web_url_is_plaintext(const char *url);

#endif
