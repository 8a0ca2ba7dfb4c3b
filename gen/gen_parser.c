// SPDX-License-Identifier: MIT
// The parser: files, messages, enums, services. As in protobuf's own compiler,
// a statement is known by its first word; what starts with no keyword is a
// field.

#include "gen/gen_parser.h"

#include <stdio.h>
#include <string.h>

void gen_parse_trailing(const struct gen_parser *parser,
                        struct gen_piece *comment)
{
    if (comment->text == NULL) {
        *comment = parser->lexer.token.trailing;
    }
}

// The end of a statement, whose comment may stand behind it.
static bool parse_end(struct gen_parser *parser, struct gen_piece *comment)
{
    if (!gen_parse_symbol(parser, ';')) {
        return false;
    }
    gen_parse_trailing(parser, comment);
    return true;
}

// ---- Reserved and extension ranges ------------------------------------------

bool gen_parse_ranges(struct gen_parser *parser, int64_t low, int64_t high,
                      gen_ranges *ranges)
{
    do {
        struct gen_range *range = gen_alloc(parser->memory, sizeof *range);
        range->spot = gen_lexer_spot(&parser->lexer);
        if (!gen_parse_integer(parser, low, high, "a number", &range->first)) {
            return false;
        }
        range->last = range->first;
        if (gen_parse_take(parser, "to")) {
            if (gen_parse_take(parser, "max")) {
                range->last = high;
            } else if (!gen_parse_integer(parser, low, high,
                                          "a number or \"max\"",
                                          &range->last)) {
                return false;
            }
        }
        if (range->last < range->first) {
            return gen_parse_fail_at(parser, range->spot,
                                     "this range ends before it starts");
        }
        GEN_APPEND(*ranges, range);
    } while (gen_parse_take_symbol(parser, ','));
    return true;
}

static bool parse_is_identifier(const char *name, size_t size)
{
    static const char first[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    bool is_good = size > 0 && strlen(name) == size;
    return is_good && strchr(first, name[0]) != NULL &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == size;
}

static bool parse_reserved_names(struct gen_parser *parser,
                                 gen_reserved_names *names)
{
    do {
        struct gen_reserved *item = gen_alloc(parser->memory, sizeof *item);
        size_t size;
        item->spot = gen_lexer_spot(&parser->lexer);
        item->name = gen_parse_string(parser, &size, "a name in quotes");
        if (item->name == NULL) {
            return false;
        }
        if (!parse_is_identifier(item->name, size)) {
            return gen_parse_fail_at(parser, item->spot,
                                     "this reserved name is no identifier");
        }
        GEN_APPEND(*names, item);
    } while (gen_parse_take_symbol(parser, ','));
    return gen_parse_symbol(parser, ';');
}

bool gen_parse_reserved(struct gen_parser *parser, int64_t low, int64_t high,
                        gen_ranges *ranges, gen_reserved_names *names)
{
    gen_lexer_next(&parser->lexer);
    if (parser->lexer.token.kind == GEN_TOKEN_STRING) {
        return parse_reserved_names(parser, names);
    }
    if (parser->lexer.token.kind == GEN_TOKEN_NAME) {
        return gen_parse_fail(parser, "a number, or a name in quotes");
    }
    return gen_parse_ranges(parser, low, high, ranges) &&
           gen_parse_symbol(parser, ';');
}

// ---- Enums ------------------------------------------------------------------

static bool parse_value(struct gen_parser *parser, struct gen_enum *parent)
{
    struct gen_value *value = gen_alloc(parser->memory, sizeof *value);
    int64_t number = 0;
    value->spot = gen_lexer_spot(&parser->lexer);
    value->comment = parser->lexer.token.leading;
    value->name = gen_parse_name(parser, "the name of an enum value");
    if (value->name == NULL || !gen_parse_symbol(parser, '=')) {
        return false;
    }
    value->number_spot = gen_lexer_spot(&parser->lexer);
    if (!gen_parse_integer(parser, INT32_MIN, INT32_MAX, "a number", &number) ||
        !gen_parse_brackets(parser, &value->options) ||
        !parse_end(parser, &value->comment)) {
        return false;
    }
    value->number = (int32_t)number;
    value->is_deprecated = gen_option_is_true(&value->options, "deprecated");
    GEN_APPEND(parent->values, value);
    return true;
}

static bool parse_enum_statement(struct gen_parser *parser,
                                 struct gen_enum *parent)
{
    if (gen_parse_take_symbol(parser, ';')) {
        return true;
    }
    if (gen_parse_is(parser, "option")) {
        return gen_parse_option(parser, &parent->options);
    }
    if (gen_parse_is(parser, "reserved")) {
        return gen_parse_reserved(parser, INT32_MIN, INT32_MAX,
                                  &parent->reserved, &parent->reserved_names);
    }
    return parse_value(parser, parent);
}

bool gen_parse_enum(struct gen_parser *parser, struct gen_message *parent)
{
    struct gen_enum *item = gen_alloc(parser->memory, sizeof *item);
    item->comment = parser->lexer.token.leading;
    gen_lexer_next(&parser->lexer);
    item->spot = gen_lexer_spot(&parser->lexer);
    item->file = parser->file;
    item->name = gen_parse_name(parser, "the name of an enum");
    if (item->name == NULL || !gen_parse_symbol(parser, '{')) {
        return false;
    }
    gen_parse_trailing(parser, &item->comment);
    while (!gen_parse_take_symbol(parser, '}')) {
        if (!parse_enum_statement(parser, item)) {
            return false;
        }
    }
    item->is_deprecated = gen_option_is_true(&item->options, "deprecated");
    if (parent != NULL) {
        GEN_APPEND(parent->enums, item);
    } else {
        GEN_APPEND(parser->file->enums, item);
    }
    return true;
}

// ---- Messages ---------------------------------------------------------------

struct gen_message *gen_parse_new_message(struct gen_parser *parser,
                                          struct gen_message *parent,
                                          const char *name,
                                          struct gen_spot spot)
{
    struct gen_message *message = gen_alloc(parser->memory, sizeof *message);
    message->name = name;
    message->spot = spot;
    message->parent = parent;
    message->file = parser->file;
    if (parent != NULL) {
        GEN_APPEND(parent->messages, message);
    } else {
        GEN_APPEND(parser->file->messages, message);
    }
    return message;
}

static bool parse_named_message(struct gen_parser *parser,
                                struct gen_message *parent)
{
    struct gen_piece comment = parser->lexer.token.leading;
    gen_lexer_next(&parser->lexer);
    struct gen_spot spot = gen_lexer_spot(&parser->lexer);
    const char *name = gen_parse_name(parser, "the name of a message");
    if (name == NULL) {
        return false;
    }
    struct gen_message *message =
        gen_parse_new_message(parser, parent, name, spot);
    message->comment = comment;
    return gen_parse_message(parser, message);
}

static bool parse_oneof_statement(struct gen_parser *parser,
                                  struct gen_message *parent,
                                  struct gen_oneof *oneof)
{
    if (gen_parse_is(parser, "option")) {
        return gen_parse_option(parser, &oneof->options);
    }
    return gen_parse_field(parser, parent, oneof, &parent->fields);
}

static bool parse_oneof(struct gen_parser *parser, struct gen_message *parent)
{
    struct gen_oneof *oneof = gen_alloc(parser->memory, sizeof *oneof);
    oneof->comment = parser->lexer.token.leading;
    gen_lexer_next(&parser->lexer);
    oneof->spot = gen_lexer_spot(&parser->lexer);
    oneof->name = gen_parse_name(parser, "the name of a oneof");
    if (oneof->name == NULL || !gen_parse_symbol(parser, '{')) {
        return false;
    }
    gen_parse_trailing(parser, &oneof->comment);
    GEN_APPEND(parent->oneofs, oneof);
    while (!gen_parse_is_symbol(parser, '}')) {
        if (!parse_oneof_statement(parser, parent, oneof)) {
            return false;
        }
    }
    if (oneof->field_count == 0) {
        return gen_parse_fail(parser, "a field: a oneof has at least one");
    }
    gen_lexer_next(&parser->lexer);
    return true;
}

static bool parse_extensions(struct gen_parser *parser,
                             struct gen_message *parent)
{
    gen_options ignored = {NULL, NULL, 0};
    if (parser->file->syntax == GEN_PROTO3) {
        return gen_parse_fail_at(parser, gen_lexer_spot(&parser->lexer),
                                 "extension ranges are not allowed in proto3");
    }
    gen_lexer_next(&parser->lexer);
    return gen_parse_ranges(parser, 1, GEN_MAX_NUMBER, &parent->extensions) &&
           gen_parse_brackets(parser, &ignored) &&
           gen_parse_symbol(parser, ';');
}

static bool parse_message_statement(struct gen_parser *parser,
                                    struct gen_message *message)
{
    if (gen_parse_take_symbol(parser, ';')) {
        return true;
    }
    if (gen_parse_is(parser, "message") || gen_parse_is(parser, "enum") ||
        gen_parse_is(parser, "extend")) {
        return gen_parse_nested(parser, message);
    }
    if (gen_parse_is(parser, "oneof")) {
        return parse_oneof(parser, message);
    }
    if (gen_parse_is(parser, "option")) {
        return gen_parse_option(parser, &message->options);
    }
    if (gen_parse_is(parser, "reserved")) {
        return gen_parse_reserved(parser, 1, GEN_MAX_NUMBER, &message->reserved,
                                  &message->reserved_names);
    }
    if (gen_parse_is(parser, "extensions")) {
        return parse_extensions(parser, message);
    }
    return gen_parse_field(parser, message, NULL, &message->fields);
}

bool gen_parse_message(struct gen_parser *parser, struct gen_message *message)
{
    if (++parser->depth > GEN_MAX_NESTING) {
        return gen_parse_fail_at(parser, message->spot,
                                 "messages are nested too deep");
    }
    if (!gen_parse_symbol(parser, '{')) {
        return false;
    }
    gen_parse_trailing(parser, &message->comment);
    while (!gen_parse_take_symbol(parser, '}')) {
        if (!parse_message_statement(parser, message)) {
            return false;
        }
    }
    message->is_deprecated =
        gen_option_is_true(&message->options, "deprecated");
    parser->depth--;
    return true;
}

bool gen_parse_extend(struct gen_parser *parser, struct gen_message *parent)
{
    struct gen_extend *extend = gen_alloc(parser->memory, sizeof *extend);
    gen_lexer_next(&parser->lexer);
    extend->type_spot = gen_lexer_spot(&parser->lexer);
    extend->type_name = gen_parse_path(parser, true, "the name of a message");
    if (extend->type_name == NULL || !gen_parse_symbol(parser, '{')) {
        return false;
    }
    do {
        if (!gen_parse_field(parser, parent, NULL, &extend->fields)) {
            return false;
        }
    } while (!gen_parse_take_symbol(parser, '}'));
    if (parent != NULL) {
        GEN_APPEND(parent->extends, extend);
    } else {
        GEN_APPEND(parser->file->extends, extend);
    }
    return true;
}

bool gen_parse_nested(struct gen_parser *parser, struct gen_message *parent)
{
    if (gen_parse_is(parser, "message")) {
        return parse_named_message(parser, parent);
    }
    if (gen_parse_is(parser, "enum")) {
        return gen_parse_enum(parser, parent);
    }
    return gen_parse_extend(parser, parent);
}

// ---- Services ---------------------------------------------------------------

// (stream Type): behind the bracket, stream is always the keyword.
static bool parse_method_type(struct gen_parser *parser, bool *is_streamed,
                              const char **name, struct gen_spot *spot)
{
    if (!gen_parse_symbol(parser, '(')) {
        return false;
    }
    *is_streamed = gen_parse_take(parser, "stream");
    *spot = gen_lexer_spot(&parser->lexer);
    *name = gen_parse_path(parser, true, "the name of a message");
    return *name != NULL && gen_parse_symbol(parser, ')');
}

static bool parse_method_options(struct gen_parser *parser,
                                 struct gen_method *method)
{
    while (!gen_parse_take_symbol(parser, '}')) {
        if (gen_parse_take_symbol(parser, ';')) {
            continue;
        }
        if (!gen_parse_is(parser, "option")) {
            return gen_parse_fail(parser, "\"option\" or \"}\"");
        }
        if (!gen_parse_option(parser, &method->options)) {
            return false;
        }
    }
    return true;
}

static bool parse_method(struct gen_parser *parser, struct gen_service *service)
{
    struct gen_method *method = gen_alloc(parser->memory, sizeof *method);
    method->comment = parser->lexer.token.leading;
    if (!gen_parse_take(parser, "rpc")) {
        return gen_parse_fail(parser, "\"rpc\", \"option\" or \"}\"");
    }
    method->spot = gen_lexer_spot(&parser->lexer);
    method->name = gen_parse_name(parser, "the name of an rpc");
    if (method->name == NULL ||
        !parse_method_type(parser, &method->streams_requests,
                           &method->request_name, &method->request_spot)) {
        return false;
    }
    if (!gen_parse_take(parser, "returns")) {
        return gen_parse_fail(parser, "\"returns\"");
    }
    if (!parse_method_type(parser, &method->streams_replies,
                           &method->reply_name, &method->reply_spot)) {
        return false;
    }
    method->place = service->methods.count;
    GEN_APPEND(service->methods, method);
    if (!gen_parse_take_symbol(parser, '{')) {
        return parse_end(parser, &method->comment);
    }
    gen_parse_trailing(parser, &method->comment);
    bool is_good = parse_method_options(parser, method);
    gen_parse_trailing(parser, &method->comment);
    method->is_deprecated = gen_option_is_true(&method->options, "deprecated");
    return is_good;
}

static bool parse_service(struct gen_parser *parser)
{
    struct gen_service *service = gen_alloc(parser->memory, sizeof *service);
    service->comment = parser->lexer.token.leading;
    gen_lexer_next(&parser->lexer);
    service->spot = gen_lexer_spot(&parser->lexer);
    service->name = gen_parse_name(parser, "the name of a service");
    if (service->name == NULL || !gen_parse_symbol(parser, '{')) {
        return false;
    }
    gen_parse_trailing(parser, &service->comment);
    while (!gen_parse_take_symbol(parser, '}')) {
        bool is_good;
        if (gen_parse_take_symbol(parser, ';')) {
            is_good = true;
        } else if (gen_parse_is(parser, "option")) {
            is_good = gen_parse_option(parser, &service->options);
        } else {
            is_good = parse_method(parser, service);
        }
        if (!is_good) {
            return false;
        }
    }
    service->is_deprecated =
        gen_option_is_true(&service->options, "deprecated");
    GEN_APPEND(parser->file->services, service);
    return true;
}

// ---- Files ------------------------------------------------------------------

// Names of files become names of files that are written, so they stay inside
// their directory.
static bool parse_is_file_name(const char *name, size_t size)
{
    if (size == 0 || size > GEN_MAX_NAME || strlen(name) != size ||
        name[0] == '/' || name[size - 1] == '/') {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c < 0x20 || c == 0x7f || strchr("\"\\<>?*|:", c) != NULL) {
            return false;
        }
    }
    return strstr(name, "//") == NULL && strncmp(name, "./", 2) != 0 &&
           strncmp(name, "../", 3) != 0 && strstr(name, "/./") == NULL &&
           strstr(name, "/../") == NULL && gen_is_utf8(name, size);
}

static bool parse_import(struct gen_parser *parser)
{
    struct gen_import *import = gen_alloc(parser->memory, sizeof *import);
    size_t size = 0;
    gen_lexer_next(&parser->lexer);
    import->is_public = gen_parse_take(parser, "public");
    import->is_weak = !import->is_public && gen_parse_take(parser, "weak");
    import->spot = gen_lexer_spot(&parser->lexer);
    import->name =
        gen_parse_string(parser, &size, "the name of a file in quotes");
    if (import->name == NULL) {
        return false;
    }
    if (!parse_is_file_name(import->name, size)) {
        return gen_parse_fail_at(parser, import->spot,
                                 "the name of an imported file is a path "
                                 "such as \"a/b.proto\", without \"..\"");
    }
    GEN_APPEND(parser->file->imports, import);
    return gen_parse_symbol(parser, ';');
}

static bool parse_package(struct gen_parser *parser)
{
    if (parser->has_package) {
        return gen_parse_fail_at(parser, gen_lexer_spot(&parser->lexer),
                                 "there is a package line before this one");
    }
    gen_lexer_next(&parser->lexer);
    parser->has_package = true;
    parser->file->package_spot = gen_lexer_spot(&parser->lexer);
    const char *name = gen_parse_path(parser, false, "the name of a package");
    if (name == NULL) {
        return false;
    }
    parser->file->package = name;
    return gen_parse_symbol(parser, ';');
}

static bool parse_edition(struct gen_parser *parser, const char *edition)
{
    struct gen_file *file = parser->file;
    file->syntax = GEN_EDITIONS;
    return gen_parse_fail_at(
        parser, file->syntax_spot,
        gen_print(parser->memory,
                  "edition \"%.40s\" is not supported: expected "
                  "syntax = \"proto3\"",
                  edition));
}

// syntax = "proto3";   When it is missing, the file is proto2.
static bool parse_syntax(struct gen_parser *parser)
{
    struct gen_file *file = parser->file;
    size_t size = 0;
    file->syntax = GEN_PROTO2;
    file->syntax_name = "proto2";
    bool is_edition = gen_parse_is(parser, "edition");
    if (!is_edition && !gen_parse_is(parser, "syntax")) {
        return true;
    }
    file->comment = parser->lexer.token.leading;
    gen_lexer_next(&parser->lexer);
    if (!gen_parse_symbol(parser, '=')) {
        return false;
    }
    file->syntax_spot = gen_lexer_spot(&parser->lexer);
    const char *name = gen_parse_string(parser, &size, "\"proto3\" in quotes");
    if (name == NULL) {
        return false;
    }
    if (is_edition) {
        return parse_edition(parser, name);
    }
    if (strcmp(name, "proto3") != 0 && strcmp(name, "proto2") != 0) {
        return gen_parse_fail_at(
            parser, file->syntax_spot,
            gen_print(parser->memory,
                      "expected \"proto3\" or \"proto2\", found \"%.40s\"",
                      name));
    }
    file->syntax = name[5] == '3' ? GEN_PROTO3 : GEN_PROTO2;
    file->syntax_name = name;
    return gen_parse_symbol(parser, ';');
}

static bool parse_file_statement(struct gen_parser *parser)
{
    if (gen_parse_take_symbol(parser, ';')) {
        return true;
    }
    if (gen_parse_is(parser, "message") || gen_parse_is(parser, "enum") ||
        gen_parse_is(parser, "extend")) {
        return gen_parse_nested(parser, NULL);
    }
    if (gen_parse_is(parser, "service")) {
        return parse_service(parser);
    }
    if (gen_parse_is(parser, "option")) {
        return gen_parse_option(parser, &parser->file->options);
    }
    if (gen_parse_is(parser, "import")) {
        return parse_import(parser);
    }
    if (gen_parse_is(parser, "package")) {
        return parse_package(parser);
    }
    if (gen_parse_is(parser, "syntax") || gen_parse_is(parser, "edition")) {
        return gen_parse_fail_at(parser, gen_lexer_spot(&parser->lexer),
                                 "the syntax line is the first statement");
    }
    return gen_parse_fail(parser, "\"message\", \"enum\", \"service\", "
                                  "\"extend\", \"import\", \"package\" or "
                                  "\"option\"");
}

bool gen_parse(struct gen_memory *memory, struct gen_report *report,
               struct gen_file *file)
{
    struct gen_parser parser = {
        .memory = memory, .report = report, .file = file};
    file->package = "";
    gen_lexer_init(&parser.lexer, &file->source, memory, report);
    bool is_good = parse_syntax(&parser);
    while (is_good && parser.lexer.token.kind != GEN_TOKEN_END) {
        is_good = parse_file_statement(&parser);
    }
    return is_good;
}
