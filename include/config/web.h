/* Values in the grammars of the web: URLs, header names, paths. */
#ifndef CONFIG_WEB_H
#define CONFIG_WEB_H

#include <stdbool.h>

#include "config/input.h"

/* KIND_URL, KIND_HEADER, KIND_PATH. */
input_parser web_parse_url, web_parse_header, web_parse_path;

/* Whether a URL that web_parse_url took leads to this machine; whether it is http://. */
bool web_url_is_loopback(const char *url);
bool web_url_is_plaintext(const char *url);

#endif
