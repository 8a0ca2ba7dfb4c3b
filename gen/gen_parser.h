// SPDX-License-Identifier: MIT
// Reads one .proto file into a tree: the grammar of proto2 and proto3, and
// what can be said without looking at other declarations. Of editions, the
// first line alone is read.

#ifndef GEN_PARSER_H
#define GEN_PARSER_H

#include "gen/gen_ast.h"
#include "gen/gen_lexer.h"

struct gen_parser {
    struct gen_lexer lexer;
    struct gen_memory *memory;
    struct gen_report *report;
    struct gen_file *file;
    unsigned depth;   // of messages or values, at most GEN_MAX_NESTING
    bool has_failed;  // a syntax error was reported; nothing more is
    bool has_package; // was seen
};

// gen_parse reads file->source. file->name is set before. False when there
// was a syntax error.
INTERNAL bool gen_parse(struct gen_memory *memory, struct gen_report *report,
                        struct gen_file *file);

// ---- Shared by the files of the parser --------------------------------------

// gen_parse_fail says what was expected in place of the current word.
INTERNAL bool gen_parse_fail(struct gen_parser *parser, const char *expected);

// gen_parse_fail_at says something about another place.
INTERNAL bool gen_parse_fail_at(struct gen_parser *parser, struct gen_spot spot,
                                const char *what);

// Is the current word this name, this symbol?
INTERNAL bool gen_parse_is(const struct gen_parser *parser, const char *word);
INTERNAL bool gen_parse_is_symbol(const struct gen_parser *parser, char symbol);

// Passes over the word when it is that one.
INTERNAL bool gen_parse_take(struct gen_parser *parser, const char *word);
INTERNAL bool gen_parse_take_symbol(struct gen_parser *parser, char symbol);

// gen_parse_symbol demands a symbol.
INTERNAL bool gen_parse_symbol(struct gen_parser *parser, char symbol);

// gen_parse_name reads one identifier; expected is for the message. NULL
// when there is none.
INTERNAL const char *gen_parse_name(struct gen_parser *parser,
                                    const char *expected);

// gen_parse_path reads names with dots between, and one before them if
// may_lead.
INTERNAL const char *gen_parse_path(struct gen_parser *parser, bool may_lead,
                                    const char *expected);

// gen_parse_string reads strings that stand side by side, joined.
INTERNAL const char *gen_parse_string(struct gen_parser *parser, size_t *size,
                                      const char *expected);

// gen_parse_integer reads a number with an optional minus, between the limits.
INTERNAL bool gen_parse_integer(struct gen_parser *parser, int64_t low,
                                int64_t high, const char *expected,
                                int64_t *number);

// option name = value;   The word "option" is the current one.
INTERNAL bool gen_parse_option(struct gen_parser *parser, gen_options *options);

// [name = value, ...]   Nothing is read when there is no bracket.
INTERNAL bool gen_parse_brackets(struct gen_parser *parser,
                                 gen_options *options);

// gen_option_find returns the last option with that name, or NULL.
INTERNAL const struct gen_option *gen_option_find(const gen_options *options,
                                                  const char *name);

// gen_option_is_true tells whether name = true is among the options.
INTERNAL bool gen_option_is_true(const gen_options *options, const char *name);

// gen_parse_message reads what stands between the braces, and those.
INTERNAL bool gen_parse_message(struct gen_parser *parser,
                                struct gen_message *message);

// gen_parse_new_message makes one and adds it to its parent or the file.
INTERNAL struct gen_message *gen_parse_new_message(struct gen_parser *parser,
                                                   struct gen_message *parent,
                                                   const char *name,
                                                   struct gen_spot spot);

// Declarations that stand in files and in messages. The keyword is current;
// parent is NULL in a file.
INTERNAL bool gen_parse_nested(struct gen_parser *parser,
                               struct gen_message *parent);
INTERNAL bool gen_parse_enum(struct gen_parser *parser,
                             struct gen_message *parent);
INTERNAL bool gen_parse_extend(struct gen_parser *parser,
                               struct gen_message *parent);

// gen_parse_field reads a field of a message, a oneof or an extend block.
INTERNAL bool gen_parse_field(struct gen_parser *parser,
                              struct gen_message *parent,
                              struct gen_oneof *oneof, gen_fields *fields);

// reserved 1, 3 to 5;   reserved "a", "b";   The keyword is current.
INTERNAL bool gen_parse_reserved(struct gen_parser *parser, int64_t low,
                                 int64_t high, gen_ranges *ranges,
                                 gen_reserved_names *names);
INTERNAL bool gen_parse_ranges(struct gen_parser *parser, int64_t low,
                               int64_t high, gen_ranges *ranges);

// gen_parse_comment is the comment of the declaration that starts here;
// gen_parse_trailing takes the one behind the word that was just passed when
// there was none before.
INTERNAL void gen_parse_trailing(const struct gen_parser *parser,
                                 struct gen_piece *comment);

#endif
