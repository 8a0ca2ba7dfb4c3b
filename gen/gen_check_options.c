// SPDX-License-Identifier: MIT

#include "gen/gen_check_options.h"

#include <string.h>

// The options of descriptor.proto, and which of them are bools.
static const struct {
    unsigned char of; // enum gen_options_of
    bool is_bool;
    const char *name;
} options_known[] = {
    {GEN_OPTIONS_FILE, false, "java_package"},
    {GEN_OPTIONS_FILE, false, "java_outer_classname"},
    {GEN_OPTIONS_FILE, true, "java_multiple_files"},
    {GEN_OPTIONS_FILE, true, "java_generate_equals_and_hash"},
    {GEN_OPTIONS_FILE, true, "java_string_check_utf8"},
    {GEN_OPTIONS_FILE, false, "optimize_for"},
    {GEN_OPTIONS_FILE, false, "go_package"},
    {GEN_OPTIONS_FILE, true, "cc_generic_services"},
    {GEN_OPTIONS_FILE, true, "java_generic_services"},
    {GEN_OPTIONS_FILE, true, "py_generic_services"},
    {GEN_OPTIONS_FILE, true, "php_generic_services"},
    {GEN_OPTIONS_FILE, true, "deprecated"},
    {GEN_OPTIONS_FILE, true, "cc_enable_arenas"},
    {GEN_OPTIONS_FILE, false, "objc_class_prefix"},
    {GEN_OPTIONS_FILE, false, "csharp_namespace"},
    {GEN_OPTIONS_FILE, false, "swift_prefix"},
    {GEN_OPTIONS_FILE, false, "php_class_prefix"},
    {GEN_OPTIONS_FILE, false, "php_namespace"},
    {GEN_OPTIONS_FILE, false, "php_metadata_namespace"},
    {GEN_OPTIONS_FILE, false, "ruby_package"},
    {GEN_OPTIONS_MESSAGE, true, "message_set_wire_format"},
    {GEN_OPTIONS_MESSAGE, true, "no_standard_descriptor_accessor"},
    {GEN_OPTIONS_MESSAGE, true, "deprecated"},
    {GEN_OPTIONS_MESSAGE, true, "map_entry"},
    {GEN_OPTIONS_MESSAGE, true, "deprecated_legacy_json_field_conflicts"},
    {GEN_OPTIONS_FIELD, false, "ctype"},
    {GEN_OPTIONS_FIELD, true, "packed"},
    {GEN_OPTIONS_FIELD, false, "jstype"},
    {GEN_OPTIONS_FIELD, true, "lazy"},
    {GEN_OPTIONS_FIELD, true, "unverified_lazy"},
    {GEN_OPTIONS_FIELD, true, "deprecated"},
    {GEN_OPTIONS_FIELD, true, "weak"},
    {GEN_OPTIONS_FIELD, true, "debug_redact"},
    {GEN_OPTIONS_FIELD, false, "retention"},
    {GEN_OPTIONS_FIELD, false, "targets"},
    {GEN_OPTIONS_FIELD, false, "edition_defaults"},
    {GEN_OPTIONS_FIELD, false, "feature_support"},
    {GEN_OPTIONS_FIELD, false, "default"},
    {GEN_OPTIONS_FIELD, false, "json_name"},
    {GEN_OPTIONS_ENUM, true, "allow_alias"},
    {GEN_OPTIONS_ENUM, true, "deprecated"},
    {GEN_OPTIONS_ENUM, true, "deprecated_legacy_json_field_conflicts"},
    {GEN_OPTIONS_VALUE, true, "deprecated"},
    {GEN_OPTIONS_VALUE, true, "debug_redact"},
    {GEN_OPTIONS_VALUE, false, "feature_support"},
    {GEN_OPTIONS_SERVICE, true, "deprecated"},
    {GEN_OPTIONS_METHOD, true, "deprecated"},
    {GEN_OPTIONS_METHOD, false, "idempotency_level"},
};

// The place of an option in the table; -1 when it is not there. Of a name with
// points, the first part counts.
static int options_find(const char *name, enum gen_options_of of)
{
    size_t size = strcspn(name, ".");
    for (size_t i = 0; i < sizeof options_known / sizeof options_known[0];
         i++) {
        if (options_known[i].of == (unsigned char)of &&
            strlen(options_known[i].name) == size &&
            memcmp(options_known[i].name, name, size) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static bool options_is_bool(const struct gen_option *option)
{
    return option->kind == GEN_VALUE_NAME && !option->is_negative &&
           (strcmp(option->text, "true") == 0 ||
            strcmp(option->text, "false") == 0);
}

static bool options_is_repeatable(const char *name)
{
    return strcmp(name, "targets") == 0 ||
           strcmp(name, "edition_defaults") == 0;
}

static void options_check(struct gen_program *program,
                          const struct gen_option *option,
                          enum gen_options_of of)
{
    int place = options_find(option->name, of);
    if (place < 0) {
        gen_error(program->report, option->spot,
                  "there is no option \"%s\" here; the name of a custom one "
                  "stands in parentheses",
                  option->name);
    } else if (options_known[place].is_bool && !options_is_bool(option)) {
        gen_error(program->report, option->value_spot,
                  "expected true or false as the value of \"%s\"",
                  option->name);
    } else if (strcmp(option->name, "map_entry") == 0) {
        gen_error(program->report, option->spot,
                  "map_entry is not set by hand: write map<Key, Value>");
    }
}

void gen_check_options(struct gen_program *program, const gen_options *options,
                       enum gen_options_of of)
{
    struct gen_map seen = {NULL, 0, 0};
    for (struct gen_option *i = options->first; i != NULL; i = i->next) {
        if (i->name[0] == '(') {
            continue;
        }
        options_check(program, i, of);
        if (!options_is_repeatable(i->name) &&
            gen_map_add(program->memory, &seen, i->name, strlen(i->name), i)) {
            gen_error(program->report, i->spot,
                      "the option \"%s\" is set twice", i->name);
        }
    }
}

static bool extend_has_number(const struct gen_message *extendee,
                              uint32_t number)
{
    for (struct gen_range *i = extendee->extensions.first; i != NULL;
         i = i->next) {
        if (number >= i->first && number <= i->last) {
            return true;
        }
    }
    return false;
}

static bool extend_is_options(const char *name)
{
    size_t size = strlen(name);
    return strncmp(name, "google.protobuf.", 16) == 0 && size > 7 &&
           strcmp(name + size - 7, "Options") == 0;
}

void gen_check_extend(struct gen_program *program, const struct gen_file *file,
                      const struct gen_extend *extend)
{
    const struct gen_message *extendee = extend->extendee;
    if (extendee == NULL) {
        return;
    }
    if (file->syntax == GEN_PROTO3 && !extend_is_options(extendee->full_name)) {
        gen_error(program->report, extend->type_spot,
                  "proto3 can extend the options of google.protobuf alone");
        return;
    }
    for (struct gen_field *i = extend->fields.first; i != NULL; i = i->next) {
        const char *key =
            gen_print(program->memory, "%s %lu", extendee->full_name,
                      (unsigned long)i->number);
        const struct gen_field *other = gen_map_add(
            program->memory, &program->extensions, key, strlen(key), i);
        if (!extend_has_number(extendee, i->number)) {
            gen_error(program->report, i->number_spot,
                      "\"%s\" has no extension number %lu", extendee->full_name,
                      (unsigned long)i->number);
        } else if (other != NULL) {
            gen_error(program->report, i->number_spot,
                      "extension number %lu of \"%s\" is already used by "
                      "\"%s\"",
                      (unsigned long)i->number, extendee->full_name,
                      other->name);
        }
        if (i->label == GEN_LABEL_REQUIRED) {
            gen_error(program->report, i->spot,
                      "an extension cannot be required");
        }
    }
}
