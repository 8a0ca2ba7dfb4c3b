// SPDX-License-Identifier: MIT
// The parser: fields, with maps and groups, which declare a message as well.

#include "gen/gen_parser.h"

#include <string.h>

static const struct {
    const char *name;
    enum gen_type type;
} field_types[] = {
    {"double", GEN_TYPE_DOUBLE},     {"float", GEN_TYPE_FLOAT},
    {"int64", GEN_TYPE_INT64},       {"uint64", GEN_TYPE_UINT64},
    {"int32", GEN_TYPE_INT32},       {"fixed64", GEN_TYPE_FIXED64},
    {"fixed32", GEN_TYPE_FIXED32},   {"bool", GEN_TYPE_BOOL},
    {"string", GEN_TYPE_STRING},     {"group", GEN_TYPE_GROUP},
    {"bytes", GEN_TYPE_BYTES},       {"uint32", GEN_TYPE_UINT32},
    {"sfixed32", GEN_TYPE_SFIXED32}, {"sfixed64", GEN_TYPE_SFIXED64},
    {"sint32", GEN_TYPE_SINT32},     {"sint64", GEN_TYPE_SINT64},
};

// The type at the current word: one of the above, or a name.
static bool field_type(struct gen_parser *parser, struct gen_field *field)
{
    field->type_spot = gen_lexer_spot(&parser->lexer);
    for (size_t i = 0; i < sizeof field_types / sizeof field_types[0]; i++) {
        if (gen_parse_take(parser, field_types[i].name)) {
            field->type = field_types[i].type;
            return true;
        }
    }
    field->type = GEN_TYPE_NAMED;
    field->type_name = gen_parse_path(parser, true, "a type");
    return field->type_name != NULL;
}

static bool field_number(struct gen_parser *parser, struct gen_field *field)
{
    int64_t number = 0;
    if (!gen_parse_symbol(parser, '=')) {
        return false;
    }
    field->number_spot = gen_lexer_spot(&parser->lexer);
    if (!gen_parse_integer(parser, 1, GEN_MAX_NUMBER, "a field number",
                           &number)) {
        return false;
    }
    field->number = (uint32_t)number;
    return true;
}

// foo_bar -> fooBar, or FooBar
static const char *field_camel(struct gen_parser *parser, const char *name,
                               bool is_upper, const char *suffix)
{
    size_t size = strlen(name);
    char *out = gen_alloc(parser->memory, size + strlen(suffix) + 1);
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        if (c == '_') {
            is_upper = true;
            continue;
        }
        bool is_lower = c >= 'a' && c <= 'z';
        out[used++] = is_upper && is_lower ? (char)(c - 'a' + 'A') : c;
        is_upper = false;
    }
    memcpy(out + used, suffix, strlen(suffix) + 1);
    return out;
}

static struct gen_field *field_of_entry(struct gen_parser *parser,
                                        struct gen_message *entry,
                                        const char *name, uint32_t number)
{
    struct gen_field *field = gen_alloc(parser->memory, sizeof *field);
    field->name = name;
    field->json_name = name;
    field->number = number;
    field->spot = gen_lexer_spot(&parser->lexer);
    field->number_spot = field->spot;
    GEN_APPEND(entry->fields, field);
    return field;
}

// <Key, Value>   The word "map" was read.
static bool field_map(struct gen_parser *parser, struct gen_message *parent,
                      struct gen_field *field)
{
    struct gen_message *entry =
        gen_parse_new_message(parser, parent, NULL, field->type_spot);
    entry->is_map_entry = true;
    field->is_map = true;
    field->type = GEN_TYPE_MESSAGE;
    field->message = entry;
    return gen_parse_symbol(parser, '<') &&
           field_type(parser, field_of_entry(parser, entry, "key", 1)) &&
           gen_parse_symbol(parser, ',') &&
           field_type(parser, field_of_entry(parser, entry, "value", 2)) &&
           gen_parse_symbol(parser, '>');
}

// What stands before the name.
static bool field_head(struct gen_parser *parser, struct gen_message *parent,
                       struct gen_field *field)
{
    field->comment = parser->lexer.token.leading;
    struct gen_spot spot = gen_lexer_spot(&parser->lexer);
    if (gen_parse_take(parser, "optional")) {
        field->label = GEN_LABEL_OPTIONAL;
    } else if (gen_parse_take(parser, "required")) {
        field->label = GEN_LABEL_REQUIRED;
    } else if (gen_parse_take(parser, "repeated")) {
        field->label = GEN_LABEL_REPEATED;
    }
    field->type_spot = gen_lexer_spot(&parser->lexer);
    bool is_proto3 = parser->file->syntax == GEN_PROTO3;
    if (is_proto3 && field->label == GEN_LABEL_REQUIRED) {
        return gen_parse_fail_at(parser, spot,
                                 "required fields are not allowed in proto3");
    }
    if (!gen_parse_is(parser, "map")) {
        return field_type(parser, field);
    }
    // A type may be called map, or start with map.
    gen_lexer_next(&parser->lexer);
    if (gen_parse_is_symbol(parser, '<')) {
        if (parent == NULL) {
            return gen_parse_fail_at(parser, field->type_spot,
                                     "an extension cannot be a map");
        }
        return field_map(parser, parent, field);
    }
    field->type_name = "map";
    if (gen_parse_take_symbol(parser, '.')) {
        const char *rest = gen_parse_path(parser, false, "a type");
        field->type_name =
            gen_print(parser->memory, "map.%s", rest == NULL ? "" : rest);
        return rest != NULL;
    }
    return true;
}

static bool field_check_labels(struct gen_parser *parser,
                               const struct gen_field *field,
                               const struct gen_oneof *oneof)
{
    const char *wrong = NULL;
    if (field->is_map && oneof != NULL) {
        wrong = "a oneof cannot have a map";
    } else if (oneof != NULL && field->label != GEN_LABEL_NONE) {
        wrong = "fields of a oneof have no label (optional, repeated)";
    } else if (field->is_map && field->label != GEN_LABEL_NONE) {
        wrong = "a map has no label (optional, repeated)";
    } else if (field->type == GEN_TYPE_GROUP &&
               parser->file->syntax == GEN_PROTO3) {
        wrong = "groups are not allowed in proto3";
    } else if (parser->file->syntax == GEN_PROTO2 && oneof == NULL &&
               !field->is_map && field->label == GEN_LABEL_NONE) {
        wrong = "expected \"optional\", \"required\" or \"repeated\" before "
                "the type: this file is proto2";
    }
    return wrong == NULL || gen_parse_fail_at(parser, field->type_spot, wrong);
}

// A group is a field and a message: the name of the field is in lower case.
static bool field_group(struct gen_parser *parser, struct gen_message *parent,
                        struct gen_field *field)
{
    if (field->name[0] < 'A' || field->name[0] > 'Z') {
        return gen_parse_fail_at(parser, field->spot,
                                 "the name of a group starts with a capital");
    }
    struct gen_message *message =
        gen_parse_new_message(parser, parent, field->name, field->spot);
    message->is_group = true;
    char *lower = gen_copy(parser->memory, field->name, strlen(field->name));
    for (char *c = lower; *c != '\0'; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    }
    field->name = lower;
    field->message = message;
    return gen_parse_message(parser, message);
}

static bool field_json_name(struct gen_parser *parser, struct gen_field *field)
{
    const struct gen_option *option =
        gen_option_find(&field->options, "json_name");
    field->json_name = field_camel(parser, field->name, false, "");
    if (option == NULL) {
        return true;
    }
    if (option->kind != GEN_VALUE_STRING) {
        return gen_parse_fail_at(parser, option->value_spot,
                                 "the value of json_name is a string");
    }
    if (strlen(option->text) != option->text_size) {
        return gen_parse_fail_at(parser, option->value_spot,
                                 "json_name cannot have a NUL");
    }
    size_t size = option->text_size;
    if (size > 1 && option->text[0] == '[' && option->text[size - 1] == ']') {
        return gen_parse_fail_at(parser, option->value_spot,
                                 "json_name cannot be in brackets: that is "
                                 "how extensions are written");
    }
    field->json_name = option->text;
    field->json_spot = option->value_spot;
    return true;
}

bool gen_parse_field(struct gen_parser *parser, struct gen_message *parent,
                     struct gen_oneof *oneof, gen_fields *fields)
{
    struct gen_field *field = gen_alloc(parser->memory, sizeof *field);
    if (!field_head(parser, parent, field) ||
        !field_check_labels(parser, field, oneof)) {
        return false;
    }
    field->spot = gen_lexer_spot(&parser->lexer);
    field->name = gen_parse_name(parser, "the name of a field");
    if (field->name == NULL || !field_number(parser, field) ||
        !gen_parse_brackets(parser, &field->options)) {
        return false;
    }
    if (field->is_map) {
        field->label = GEN_LABEL_REPEATED;
        field->message->name = field_camel(parser, field->name, true, "Entry");
    }
    if (field->type == GEN_TYPE_GROUP) {
        if (!field_group(parser, parent, field)) {
            return false;
        }
    } else if (!gen_parse_symbol(parser, ';')) {
        return false;
    }
    gen_parse_trailing(parser, &field->comment);
    field->is_deprecated = gen_option_is_true(&field->options, "deprecated");
    field->oneof = oneof;
    if (oneof != NULL) {
        oneof->field_count++;
    }
    GEN_APPEND(*fields, field);
    return field_json_name(parser, field);
}
