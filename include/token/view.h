/* Making a view; what one is stands in token/keeper.h. For the keeper alone. */
#ifndef TOKEN_VIEW_H
#define TOKEN_VIEW_H

#include "token/keeper.h"

/* A copy of `what`, and of its reference to the token, which is given away. One reference. */
struct token_view *token_view_new(const struct token_view *what);

#endif
