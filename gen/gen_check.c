// SPDX-License-Identifier: MIT
// The rules of messages, fields, enums and extensions. Whatever is compared
// with each other is sorted or hashed first, so that a large file takes no
// longer than its size.

#include "gen/gen_check.h"

#include <stdlib.h>
#include <string.h>

#include "gen/gen_check_options.h"
#include "gen/gen_parser.h"

static int check_compare_number(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

// ---- Ranges -----------------------------------------------------------------

struct check_ranges {
    const struct gen_range **sorted;
    size_t count;
};

static int check_compare_ranges(const void *left, const void *right)
{
    const struct gen_range *const *a = left;
    const struct gen_range *const *b = right;
    int order = check_compare_number((*a)->first, (*b)->first);
    return order != 0
               ? order
               : check_compare_number((*a)->spot.offset, (*b)->spot.offset);
}

static struct check_ranges check_sort_ranges(struct gen_program *program,
                                             const gen_ranges *one,
                                             const gen_ranges *other)
{
    struct check_ranges ranges = {NULL, 0};
    size_t count = one->count + (other == NULL ? 0 : other->count);
    ranges.sorted =
        gen_alloc(program->memory, (count + 1) * sizeof *ranges.sorted);
    for (struct gen_range *i = one->first; i != NULL; i = i->next) {
        ranges.sorted[ranges.count++] = i;
    }
    for (struct gen_range *i = other == NULL ? NULL : other->first; i != NULL;
         i = i->next) {
        ranges.sorted[ranges.count++] = i;
    }
    if (count > 1) {
        qsort(ranges.sorted, count, sizeof *ranges.sorted,
              check_compare_ranges);
    }
    return ranges;
}

static void check_overlaps(struct gen_program *program,
                           const struct check_ranges *ranges)
{
    for (size_t i = 1; i < ranges->count; i++) {
        const struct gen_range *a = ranges->sorted[i - 1];
        const struct gen_range *b = ranges->sorted[i];
        if (b->first <= a->last) {
            const struct gen_range *later =
                a->spot.offset > b->spot.offset ? a : b;
            const struct gen_range *earlier = later == a ? b : a;
            gen_error(program->report, later->spot,
                      "the range %lld to %lld overlaps with %lld to %lld",
                      (long long)later->first, (long long)later->last,
                      (long long)earlier->first, (long long)earlier->last);
        }
    }
}

static bool check_in_ranges(const struct check_ranges *ranges, int64_t number)
{
    size_t low = 0;
    size_t high = ranges->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges->sorted[middle]->last < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < ranges->count && ranges->sorted[low]->first <= number;
}

// ---- Enums ------------------------------------------------------------------

static int check_compare_values(const void *left, const void *right)
{
    const struct gen_value *const *a = left;
    const struct gen_value *const *b = right;
    int order = check_compare_number((*a)->number, (*b)->number);
    return order != 0
               ? order
               : check_compare_number((*a)->spot.offset, (*b)->spot.offset);
}

static void check_aliases(struct gen_program *program,
                          const struct gen_enum *item)
{
    size_t count = 0;
    bool has_alias = false;
    bool is_allowed = gen_option_is_true(&item->options, "allow_alias");
    const struct gen_value **values =
        gen_alloc(program->memory, (item->values.count + 1) * sizeof *values);
    for (struct gen_value *i = item->values.first; i != NULL; i = i->next) {
        values[count++] = i;
    }
    if (count > 1) {
        qsort(values, count, sizeof *values, check_compare_values);
    }
    for (size_t i = 1; i < count; i++) {
        if (values[i]->number != values[i - 1]->number) {
            continue;
        }
        has_alias = true;
        if (!is_allowed) {
            gen_error(program->report, values[i]->number_spot,
                      "\"%s\" has the number of \"%s\": set option "
                      "allow_alias = true; in the enum if that is intended",
                      values[i]->name, values[i - 1]->name);
        }
    }
    if (is_allowed && !has_alias) {
        gen_error(program->report,
                  gen_option_find(&item->options, "allow_alias")->spot,
                  "allow_alias is set, but no two values of \"%s\" have the "
                  "same number",
                  item->name);
    }
}

static void check_reserved_names(struct gen_program *program,
                                 const gen_reserved_names *names,
                                 struct gen_map *map)
{
    for (struct gen_reserved *i = names->first; i != NULL; i = i->next) {
        if (gen_map_add(program->memory, map, i->name, strlen(i->name), i)) {
            gen_error(program->report, i->spot,
                      "the name \"%s\" is reserved twice", i->name);
        }
    }
}

static void check_enum(struct gen_program *program, const struct gen_enum *item)
{
    struct gen_map names = {NULL, 0, 0};
    struct check_ranges reserved =
        check_sort_ranges(program, &item->reserved, NULL);
    gen_check_options(program, &item->options, GEN_OPTIONS_ENUM);
    if (item->values.first == NULL) {
        gen_error(program->report, item->spot,
                  "the enum \"%s\" has no values: it needs at least one",
                  item->name);
        return;
    }
    if (item->file->syntax == GEN_PROTO3 && item->values.first->number != 0) {
        gen_error(program->report, item->values.first->number_spot,
                  "the first value of an enum must be 0 in proto3");
    }
    check_aliases(program, item);
    check_overlaps(program, &reserved);
    check_reserved_names(program, &item->reserved_names, &names);
    for (struct gen_value *i = item->values.first; i != NULL; i = i->next) {
        gen_check_options(program, &i->options, GEN_OPTIONS_VALUE);
        if (check_in_ranges(&reserved, i->number)) {
            gen_error(program->report, i->number_spot,
                      "\"%s\" uses the reserved number %ld", i->name,
                      (long)i->number);
        }
        if (gen_map_find(&names, i->name, strlen(i->name)) != NULL) {
            gen_error(program->report, i->spot, "the name \"%s\" is reserved",
                      i->name);
        }
    }
}

// ---- Fields -----------------------------------------------------------------

static bool check_is_packable(const struct gen_field *field)
{
    return field->label == GEN_LABEL_REPEATED &&
           field->type != GEN_TYPE_STRING && field->type != GEN_TYPE_BYTES &&
           field->type != GEN_TYPE_MESSAGE && field->type != GEN_TYPE_GROUP &&
           field->type != GEN_TYPE_NAMED;
}

static bool check_is_64_bits(enum gen_type type)
{
    return type == GEN_TYPE_INT64 || type == GEN_TYPE_UINT64 ||
           type == GEN_TYPE_SINT64 || type == GEN_TYPE_FIXED64 ||
           type == GEN_TYPE_SFIXED64;
}

static void check_packed(struct gen_program *program, enum gen_syntax syntax,
                         struct gen_field *field)
{
    bool is_packable = check_is_packable(field);
    const struct gen_option *option =
        gen_option_find(&field->options, "packed");
    if (option == NULL) {
        field->is_packed = is_packable && syntax == GEN_PROTO3;
        return;
    }
    field->is_packed = gen_option_is_true(&field->options, "packed");
    if (field->is_packed && !is_packable) {
        gen_error(program->report, option->spot,
                  "packed = true is for repeated numbers, bools and enums");
        field->is_packed = false;
    }
}

static void check_field_options(struct gen_program *program,
                                enum gen_syntax syntax, struct gen_field *field)
{
    const gen_options *options = &field->options;
    const struct gen_option *option = gen_option_find(options, "default");
    gen_check_options(program, options, GEN_OPTIONS_FIELD);
    check_packed(program, syntax, field);
    if (option != NULL && syntax == GEN_PROTO3) {
        gen_error(program->report, option->spot,
                  "default values are not allowed in proto3");
    } else if (option != NULL && field->label == GEN_LABEL_REPEATED) {
        gen_error(program->report, option->spot,
                  "a repeated field has no default value");
    }
    option = gen_option_find(options, "jstype");
    if (option != NULL && !check_is_64_bits(field->type)) {
        gen_error(program->report, option->spot,
                  "jstype is for integers of 64 bits");
    }
    option = gen_option_find(options, "lazy");
    if (option != NULL && field->type != GEN_TYPE_MESSAGE) {
        gen_error(program->report, option->spot, "lazy is for messages");
    }
}

static void check_map(struct gen_program *program,
                      const struct gen_field *field)
{
    const struct gen_field *key = field->message->fields.first;
    const struct gen_field *value = key->next;
    switch (key->type) {
    case GEN_TYPE_DOUBLE:
    case GEN_TYPE_FLOAT:
    case GEN_TYPE_BYTES:
    case GEN_TYPE_GROUP:
    case GEN_TYPE_MESSAGE:
    case GEN_TYPE_ENUM:
        gen_error(program->report, key->type_spot,
                  "the key of a map is an integer, a bool or a string");
        break;
    case GEN_TYPE_NAMED: // was reported
    case GEN_TYPE_INT64:
    case GEN_TYPE_UINT64:
    case GEN_TYPE_INT32:
    case GEN_TYPE_FIXED64:
    case GEN_TYPE_FIXED32:
    case GEN_TYPE_BOOL:
    case GEN_TYPE_STRING:
    case GEN_TYPE_UINT32:
    case GEN_TYPE_SFIXED32:
    case GEN_TYPE_SFIXED64:
    case GEN_TYPE_SINT32:
    case GEN_TYPE_SINT64:
        break;
    }
    if (value->type == GEN_TYPE_GROUP) {
        gen_error(program->report, value->type_spot,
                  "the value of a map cannot be a group");
    }
    if (value->enumeration != NULL &&
        value->enumeration->values.first != NULL &&
        value->enumeration->values.first->number != 0) {
        gen_error(program->report, value->type_spot,
                  "the first value of an enum in a map must be 0");
    }
}

static void check_field(struct gen_program *program,
                        const struct gen_file *file, struct gen_field *field)
{
    check_field_options(program, file->syntax, field);
    if (field->is_map) {
        check_map(program, field);
    }
    if (file->syntax == GEN_PROTO3 && field->enumeration != NULL &&
        field->enumeration->file->syntax != GEN_PROTO3) {
        gen_error(program->report, field->type_spot,
                  "\"%s\" is an enum of a proto2 file (%s), which a proto3 "
                  "message cannot use",
                  field->enumeration->full_name,
                  field->enumeration->file->name);
    }
    if (field->number >= 19000 && field->number <= 19999) {
        gen_error(program->report, field->number_spot,
                  "the field numbers 19000 to 19999 belong to protobuf");
    }
}

static void check_json_names(struct gen_program *program,
                             const struct gen_message *message)
{
    struct gen_map names = {NULL, 0, 0};
    for (struct gen_field *i = message->fields.first; i != NULL; i = i->next) {
        const struct gen_field *other = gen_map_add(
            program->memory, &names, i->json_name, strlen(i->json_name), i);
        if (other != NULL) {
            gen_error(program->report,
                      i->json_spot.source != NULL ? i->json_spot : i->spot,
                      "\"%s\" and \"%s\" have the same name in JSON: \"%s\"",
                      i->name, other->name, i->json_name);
        }
    }
}

// ---- Messages ---------------------------------------------------------------

static int check_compare_fields(const void *left, const void *right)
{
    const struct gen_field *const *a = left;
    const struct gen_field *const *b = right;
    int order = check_compare_number((*a)->number, (*b)->number);
    return order != 0
               ? order
               : check_compare_number((*a)->spot.offset, (*b)->spot.offset);
}

static void check_numbers(struct gen_program *program,
                          const struct gen_message *message)
{
    size_t count = 0;
    const struct gen_field **fields = gen_alloc(
        program->memory, (message->fields.count + 1) * sizeof *fields);
    for (struct gen_field *i = message->fields.first; i != NULL; i = i->next) {
        fields[count++] = i;
    }
    if (count > 1) {
        qsort(fields, count, sizeof *fields, check_compare_fields);
    }
    uint32_t free_number = 1;
    for (size_t i = 0; i < count && fields[i]->number <= free_number; i++) {
        free_number = fields[i]->number + 1;
    }
    for (size_t i = 1; i < count; i++) {
        if (fields[i]->number == fields[i - 1]->number) {
            gen_error(program->report, fields[i]->number_spot,
                      "field number %lu is already used by \"%s\"; the next "
                      "free one is %lu",
                      (unsigned long)fields[i]->number, fields[i - 1]->name,
                      (unsigned long)free_number);
        }
    }
}

static void check_reserved(struct gen_program *program,
                           const struct gen_message *message)
{
    struct gen_map names = {NULL, 0, 0};
    struct check_ranges all =
        check_sort_ranges(program, &message->reserved, &message->extensions);
    struct check_ranges reserved =
        check_sort_ranges(program, &message->reserved, NULL);
    check_overlaps(program, &all);
    check_reserved_names(program, &message->reserved_names, &names);
    for (struct gen_field *i = message->fields.first; i != NULL; i = i->next) {
        if (gen_map_find(&names, i->name, strlen(i->name)) != NULL) {
            gen_error(program->report, i->spot, "the name \"%s\" is reserved",
                      i->name);
        }
        if (check_in_ranges(&reserved, i->number)) {
            gen_error(program->report, i->number_spot,
                      "\"%s\" uses the reserved number %lu", i->name,
                      (unsigned long)i->number);
        } else if (check_in_ranges(&all, i->number)) {
            gen_error(program->report, i->number_spot,
                      "\"%s\" uses the number %lu of an extension range",
                      i->name, (unsigned long)i->number);
        }
    }
}

static void check_extends(struct gen_program *program,
                          const struct gen_file *file,
                          const gen_extends *extends)
{
    for (struct gen_extend *i = extends->first; i != NULL; i = i->next) {
        gen_check_extend(program, file, i);
        for (struct gen_field *k = i->fields.first; k != NULL; k = k->next) {
            check_field(program, file, k);
            if (k->json_spot.source != NULL) {
                gen_error(program->report, k->json_spot,
                          "an extension cannot have a json_name");
            }
        }
    }
}

static void check_message(struct gen_program *program,
                          const struct gen_message *message)
{
    gen_check_options(program, &message->options, GEN_OPTIONS_MESSAGE);
    if (message->fields.count > GEN_MAX_FIELDS) {
        gen_error(program->report, message->spot,
                  "\"%s\" has more than %d fields", message->name,
                  (int)GEN_MAX_FIELDS);
    }
    for (struct gen_field *i = message->fields.first; i != NULL; i = i->next) {
        check_field(program, message->file, i);
    }
    for (struct gen_oneof *i = message->oneofs.first; i != NULL; i = i->next) {
        gen_check_options(program, &i->options, GEN_OPTIONS_ONEOF);
    }
    check_numbers(program, message);
    check_reserved(program, message);
    if (message->file->syntax == GEN_PROTO3) {
        check_json_names(program, message);
    }
    for (struct gen_enum *i = message->enums.first; i != NULL; i = i->next) {
        check_enum(program, i);
    }
    check_extends(program, message->file, &message->extends);
    for (struct gen_message *i = message->messages.first; i != NULL;
         i = i->next) {
        check_message(program, i);
    }
}

void gen_check_file(struct gen_program *program, struct gen_file *file)
{
    gen_check_options(program, &file->options, GEN_OPTIONS_FILE);
    for (struct gen_enum *i = file->enums.first; i != NULL; i = i->next) {
        check_enum(program, i);
    }
    for (struct gen_message *i = file->messages.first; i != NULL; i = i->next) {
        check_message(program, i);
    }
    check_extends(program, file, &file->extends);
    for (struct gen_service *i = file->services.first; i != NULL; i = i->next) {
        gen_check_options(program, &i->options, GEN_OPTIONS_SERVICE);
        for (struct gen_method *k = i->methods.first; k != NULL; k = k->next) {
            gen_check_options(program, &k->options, GEN_OPTIONS_METHOD);
        }
    }
}

// ---- What code can be made for ----------------------------------------------

static void wanted_type(struct gen_program *program,
                        const struct gen_message *type, struct gen_spot spot)
{
    if (type != NULL && type->file->syntax != GEN_PROTO3) {
        gen_error(program->report, spot,
                  "\"%s\" is defined in %s, a proto2 file: code is generated "
                  "for proto3 alone",
                  type->full_name, type->file->name);
    }
}

static void wanted_message(struct gen_program *program,
                           const struct gen_message *message)
{
    for (struct gen_field *i = message->fields.first; i != NULL; i = i->next) {
        wanted_type(program, i->message, i->type_spot);
    }
    for (struct gen_message *i = message->messages.first; i != NULL;
         i = i->next) {
        wanted_message(program, i);
    }
}

static void wanted_service(struct gen_program *program,
                           const struct gen_service *service)
{
    for (struct gen_method *i = service->methods.first; i != NULL;
         i = i->next) {
        wanted_type(program, i->request, i->request_spot);
        wanted_type(program, i->reply, i->reply_spot);
    }
}

void gen_check_wanted(struct gen_program *program, struct gen_file *file)
{
    if (file->syntax != GEN_PROTO3) {
        struct gen_spot start = {&file->source, 0};
        bool has_line = file->syntax_spot.source != NULL;
        gen_error(program->report, has_line ? file->syntax_spot : start,
                  has_line ? "this file is proto2: code is generated for "
                             "proto3 alone"
                           : "this file has no syntax line, so it is proto2: "
                             "expected syntax = \"proto3\";");
        return;
    }
    for (struct gen_message *i = file->messages.first; i != NULL; i = i->next) {
        wanted_message(program, i);
    }
    for (struct gen_service *i = file->services.first; i != NULL; i = i->next) {
        wanted_service(program, i);
    }
}
