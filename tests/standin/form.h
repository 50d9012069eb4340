/* application/x-www-form-urlencoded, as RFC 6749, appendix B uses it. */
#ifndef STANDIN_FORM_H
#define STANDIN_FORM_H

#include <stdbool.h>
#include <stddef.h>

/* Free the result; NULL when a percent sign is not followed by two hex digits, or gives a NUL. */
char *form_decode(const char *text, size_t len);

/* Every name and value decodes, and no name comes twice. */
bool form_is_valid(const char *form);

bool form_has(const char *form, const char *name);
/* The value, decoded; free it. NULL when there is no such name. */
char *form_get(const char *form, const char *name);

#endif
