// SPDX-License-Identifier: MIT
// The words of a .proto file. One word is seen at a time. Keywords are not
// known here: every one of them may also be a name.

#ifndef GEN_LEXER_H
#define GEN_LEXER_H

#include "gen/gen_text.h"

enum gen_token_kind {
    GEN_TOKEN_END,
    GEN_TOKEN_ERROR, // was reported; nothing follows
    GEN_TOKEN_NAME,
    GEN_TOKEN_INTEGER,
    GEN_TOKEN_FLOAT,
    GEN_TOKEN_STRING,
    GEN_TOKEN_SYMBOL
};

struct gen_token {
    enum gen_token_kind kind;
    uint32_t offset;
    struct gen_piece raw; // as it is written
    uint64_t number;      // INTEGER
    bool is_huge;         // INTEGER: over 64 bits
    const char *string;   // STRING: decoded, with a NUL behind it
    size_t string_size;
    struct gen_piece leading;  // the comment right above
    struct gen_piece trailing; // the comment behind the word before this one
};

struct gen_lexer {
    const struct gen_source *source;
    struct gen_memory *memory;
    struct gen_report *report;
    uint32_t cursor;
    bool has_word;          // there was one already
    struct gen_token token; // the current one
};

// gen_lexer_init starts at the first word of the source.
INTERNAL void gen_lexer_init(struct gen_lexer *lexer,
                             const struct gen_source *source,
                             struct gen_memory *memory,
                             struct gen_report *report);

// gen_lexer_next goes on to the next word. It stays at END and ERROR.
INTERNAL void gen_lexer_next(struct gen_lexer *lexer);

// gen_lexer_spot is the place of the current word.
INTERNAL struct gen_spot gen_lexer_spot(const struct gen_lexer *lexer);

#endif
