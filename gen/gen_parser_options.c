// SPDX-License-Identifier: MIT
// The parser: small steps that all of it shares, and options.

#include "gen/gen_parser.h"

#include <string.h>

bool gen_parse_fail_at(struct gen_parser *parser, struct gen_spot spot,
                       const char *what)
{
    if (!parser->has_failed && parser->lexer.token.kind != GEN_TOKEN_ERROR) {
        gen_error(parser->report, spot, "%s", what);
    }
    parser->has_failed = true;
    return false;
}

bool gen_parse_fail(struct gen_parser *parser, const char *expected)
{
    const struct gen_token *token = &parser->lexer.token;
    struct gen_spot spot = gen_lexer_spot(&parser->lexer);
    bool is_short = token->raw.size <= 60;
    int size = is_short ? (int)token->raw.size : 60;
    if (parser->has_failed || token->kind == GEN_TOKEN_ERROR) {
        parser->has_failed = true;
        return false;
    }
    if (token->kind == GEN_TOKEN_END) {
        gen_error(parser->report, spot,
                  "expected %s, found the end of the file", expected);
    } else if (token->kind == GEN_TOKEN_STRING) {
        gen_error(parser->report, spot, "expected %s, found the string %.*s%s",
                  expected, size, token->raw.text, is_short ? "" : "...");
    } else {
        gen_error(parser->report, spot, "expected %s, found \"%.*s%s\"",
                  expected, size, token->raw.text, is_short ? "" : "...");
    }
    parser->has_failed = true;
    return false;
}

bool gen_parse_is(const struct gen_parser *parser, const char *word)
{
    const struct gen_token *token = &parser->lexer.token;
    return token->kind == GEN_TOKEN_NAME && token->raw.size == strlen(word) &&
           memcmp(token->raw.text, word, token->raw.size) == 0;
}

bool gen_parse_is_symbol(const struct gen_parser *parser, char symbol)
{
    const struct gen_token *token = &parser->lexer.token;
    return token->kind == GEN_TOKEN_SYMBOL && token->raw.text[0] == symbol;
}

bool gen_parse_take(struct gen_parser *parser, const char *word)
{
    if (!gen_parse_is(parser, word)) {
        return false;
    }
    gen_lexer_next(&parser->lexer);
    return true;
}

bool gen_parse_take_symbol(struct gen_parser *parser, char symbol)
{
    if (!gen_parse_is_symbol(parser, symbol)) {
        return false;
    }
    gen_lexer_next(&parser->lexer);
    return true;
}

bool gen_parse_symbol(struct gen_parser *parser, char symbol)
{
    char expected[] = "\"?\"";
    expected[1] = symbol;
    return gen_parse_take_symbol(parser, symbol) ||
           gen_parse_fail(parser, expected);
}

const char *gen_parse_name(struct gen_parser *parser, const char *expected)
{
    const struct gen_token *token = &parser->lexer.token;
    if (token->kind != GEN_TOKEN_NAME) {
        (void)gen_parse_fail(parser, expected);
        return NULL;
    }
    if (token->raw.size > GEN_MAX_NAME / 4) {
        (void)gen_parse_fail_at(parser, gen_lexer_spot(&parser->lexer),
                                "this name is too long");
        return NULL;
    }
    const char *name =
        gen_copy(parser->memory, token->raw.text, token->raw.size);
    gen_lexer_next(&parser->lexer);
    return name;
}

const char *gen_parse_path(struct gen_parser *parser, bool may_lead,
                           const char *expected)
{
    char path[GEN_MAX_NAME + 1];
    size_t size = 0;
    struct gen_spot spot = gen_lexer_spot(&parser->lexer);
    if (may_lead && gen_parse_take_symbol(parser, '.')) {
        path[size++] = '.';
    }
    for (;;) {
        struct gen_piece raw = parser->lexer.token.raw;
        if (parser->lexer.token.kind != GEN_TOKEN_NAME) {
            (void)gen_parse_fail(parser, expected);
            return NULL;
        }
        if (size + raw.size + 1 > GEN_MAX_NAME) {
            (void)gen_parse_fail_at(parser, spot, "this name is too long");
            return NULL;
        }
        memcpy(path + size, raw.text, raw.size);
        size += raw.size;
        gen_lexer_next(&parser->lexer);
        if (!gen_parse_take_symbol(parser, '.')) {
            return gen_copy(parser->memory, path, size);
        }
        path[size++] = '.';
        expected = "a name after the point";
    }
}

const char *gen_parse_string(struct gen_parser *parser, size_t *size,
                             const char *expected)
{
    const struct gen_token *token = &parser->lexer.token;
    if (token->kind != GEN_TOKEN_STRING) {
        (void)gen_parse_fail(parser, expected);
        return NULL;
    }
    const char *first = token->string;
    *size = token->string_size;
    gen_lexer_next(&parser->lexer);
    if (token->kind != GEN_TOKEN_STRING) {
        return first;
    }
    struct gen_buffer joined = {parser->memory, NULL, 0, 0};
    gen_buffer_add(&joined, first, *size);
    while (token->kind == GEN_TOKEN_STRING) {
        gen_buffer_add(&joined, token->string, token->string_size);
        gen_lexer_next(&parser->lexer);
    }
    *size = joined.size;
    first = gen_copy(parser->memory, joined.data, joined.size);
    gen_buffer_free(&joined);
    return first;
}

bool gen_parse_integer(struct gen_parser *parser, int64_t low, int64_t high,
                       const char *expected, int64_t *number)
{
    struct gen_spot spot = gen_lexer_spot(&parser->lexer);
    bool is_negative = gen_parse_take_symbol(parser, '-');
    const struct gen_token *token = &parser->lexer.token;
    if (token->kind != GEN_TOKEN_INTEGER) {
        return gen_parse_fail(parser, expected);
    }
    bool is_huge = token->is_huge || token->number > INT32_MAX + UINT64_C(1);
    int64_t value = is_huge ? INT64_MAX : (int64_t)token->number;
    value = is_negative ? -value : value;
    if (value < low || value > high) {
        return gen_parse_fail_at(
            parser, spot,
            gen_print(parser->memory,
                      "expected %s between %lld and %lld, found %s%.*s",
                      expected, (long long)low, (long long)high,
                      is_negative ? "-" : "", (int)token->raw.size,
                      token->raw.text));
    }
    gen_lexer_next(&parser->lexer);
    *number = value;
    return true;
}

// ---- Values -----------------------------------------------------------------

static bool value_message(struct gen_parser *parser, char close);

static bool value_scalar(struct gen_parser *parser)
{
    if (parser->lexer.token.kind == GEN_TOKEN_STRING) {
        size_t size;
        return gen_parse_string(parser, &size, "a string") != NULL;
    }
    (void)gen_parse_take_symbol(parser, '-');
    switch (parser->lexer.token.kind) {
    case GEN_TOKEN_NAME:
    case GEN_TOKEN_INTEGER:
    case GEN_TOKEN_FLOAT:
        gen_lexer_next(&parser->lexer);
        return true;
    case GEN_TOKEN_END:
    case GEN_TOKEN_ERROR:
    case GEN_TOKEN_STRING:
    case GEN_TOKEN_SYMBOL:
        break;
    }
    return gen_parse_fail(parser, "a value");
}

// A scalar or a message; is_message tells which one was read.
static bool value_element(struct gen_parser *parser, bool *is_message)
{
    *is_message = true;
    if (gen_parse_take_symbol(parser, '{')) {
        return value_message(parser, '}');
    }
    if (gen_parse_take_symbol(parser, '<')) {
        return value_message(parser, '>');
    }
    *is_message = false;
    return value_scalar(parser);
}

static bool value_list(struct gen_parser *parser)
{
    bool is_message;
    if (gen_parse_take_symbol(parser, ']')) {
        return true;
    }
    do {
        if (!value_element(parser, &is_message)) {
            return false;
        }
    } while (gen_parse_take_symbol(parser, ','));
    return gen_parse_symbol(parser, ']');
}

// name, [extension.name] or [host/type.name]
static bool value_field_name(struct gen_parser *parser)
{
    if (!gen_parse_take_symbol(parser, '[')) {
        return gen_parse_name(parser, "a field name") != NULL;
    }
    bool is_path = gen_parse_path(parser, false, "the name of an extension");
    if (is_path && gen_parse_take_symbol(parser, '/')) {
        is_path = gen_parse_path(parser, false, "the name of a message");
    }
    return is_path && gen_parse_symbol(parser, ']');
}

static bool value_field(struct gen_parser *parser)
{
    bool is_message = true;
    if (!value_field_name(parser)) {
        return false;
    }
    bool has_colon = gen_parse_take_symbol(parser, ':');
    struct gen_spot spot = gen_lexer_spot(&parser->lexer);
    if (gen_parse_take_symbol(parser, '[')) {
        if (!value_list(parser)) {
            return false;
        }
    } else if (!value_element(parser, &is_message)) {
        return false;
    }
    if (!has_colon && !is_message) {
        return gen_parse_fail_at(parser, spot, "expected \":\" before a value");
    }
    if (!gen_parse_take_symbol(parser, ',')) {
        (void)gen_parse_take_symbol(parser, ';');
    }
    return true;
}

// The fields of a message in text format, up to its closing bracket.
static bool value_message(struct gen_parser *parser, char close)
{
    if (++parser->depth > GEN_MAX_NESTING) {
        return gen_parse_fail_at(parser, gen_lexer_spot(&parser->lexer),
                                 "values are nested too deep");
    }
    while (!gen_parse_take_symbol(parser, close)) {
        if (!value_field(parser)) {
            return false;
        }
    }
    parser->depth--;
    return true;
}

static bool value_of_option(struct gen_parser *parser,
                            struct gen_option *option)
{
    const struct gen_token *token = &parser->lexer.token;
    option->value_spot = gen_lexer_spot(&parser->lexer);
    if (gen_parse_take_symbol(parser, '{')) {
        option->kind = GEN_VALUE_AGGREGATE;
        return value_message(parser, '}');
    }
    if (token->kind == GEN_TOKEN_STRING) {
        option->kind = GEN_VALUE_STRING;
        option->text = gen_parse_string(parser, &option->text_size, "a string");
        return option->text != NULL;
    }
    option->is_negative = gen_parse_take_symbol(parser, '-');
    if (token->kind == GEN_TOKEN_NAME) {
        option->kind = GEN_VALUE_NAME;
        option->text =
            gen_copy(parser->memory, token->raw.text, token->raw.size);
        option->text_size = token->raw.size;
    } else if (token->kind == GEN_TOKEN_INTEGER) {
        option->kind = GEN_VALUE_INTEGER;
        option->number = token->number;
        option->is_huge = token->is_huge;
    } else if (token->kind == GEN_TOKEN_FLOAT) {
        option->kind = GEN_VALUE_FLOAT;
    } else {
        return gen_parse_fail(parser, "the value of the option");
    }
    gen_lexer_next(&parser->lexer);
    return true;
}

// ---- Options ----------------------------------------------------------------

// name or (path), with points between: "(a.b).c.(d)"
static const char *option_name(struct gen_parser *parser)
{
    struct gen_buffer name = {parser->memory, NULL, 0, 0};
    const char *result = NULL;
    for (;;) {
        bool is_custom = gen_parse_take_symbol(parser, '(');
        const char *part =
            is_custom ? gen_parse_path(parser, true, "the name of an option")
                      : gen_parse_name(parser, "the name of an option");
        if (part == NULL || name.size > GEN_MAX_NAME ||
            (is_custom && !gen_parse_symbol(parser, ')'))) {
            break;
        }
        gen_buffer_print(&name, is_custom ? "(%s)" : "%s", part);
        if (!gen_parse_take_symbol(parser, '.')) {
            result = gen_copy(parser->memory, name.data, name.size);
            break;
        }
        gen_buffer_add(&name, ".", 1);
    }
    if (result == NULL) {
        (void)gen_parse_fail(parser, "a shorter name of an option");
    }
    gen_buffer_free(&name);
    return result;
}

static bool option_assign(struct gen_parser *parser, gen_options *options)
{
    struct gen_option *option = gen_alloc(parser->memory, sizeof *option);
    option->spot = gen_lexer_spot(&parser->lexer);
    option->name = option_name(parser);
    if (option->name == NULL || !gen_parse_symbol(parser, '=') ||
        !value_of_option(parser, option)) {
        return false;
    }
    GEN_APPEND(*options, option);
    return true;
}

bool gen_parse_option(struct gen_parser *parser, gen_options *options)
{
    gen_lexer_next(&parser->lexer);
    return option_assign(parser, options) && gen_parse_symbol(parser, ';');
}

bool gen_parse_brackets(struct gen_parser *parser, gen_options *options)
{
    if (!gen_parse_take_symbol(parser, '[')) {
        return true;
    }
    do {
        if (!option_assign(parser, options)) {
            return false;
        }
    } while (gen_parse_take_symbol(parser, ','));
    return gen_parse_symbol(parser, ']');
}

const struct gen_option *gen_option_find(const gen_options *options,
                                         const char *name)
{
    const struct gen_option *found = NULL;
    for (const struct gen_option *i = options->first; i != NULL; i = i->next) {
        if (strcmp(i->name, name) == 0) {
            found = i;
        }
    }
    return found;
}

bool gen_option_is_true(const gen_options *options, const char *name)
{
    const struct gen_option *option = gen_option_find(options, name);
    return option != NULL && option->kind == GEN_VALUE_NAME &&
           strcmp(option->text, "true") == 0;
}
