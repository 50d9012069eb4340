/* Why the keeper wants a token requested: what a fleet decides by whose turn it is. */
#ifndef TOKEN_WISH_H
#define TOKEN_WISH_H

enum token_wish {
    TOKEN_WISH_FIRST,     /* there is none */
    TOKEN_WISH_SCHEDULE,  /* the present one is in its refresh window */
    TOKEN_WISH_REFUSED,   /* the upstream rejected the present one */
    TOKEN_WISH_HAND,      /* an operator asked for another one */
    TOKEN_WISH_FORGOTTEN, /* an operator had it forgotten: nobody is to use it any more */
};

#endif
