// SPDX-License-Identifier: MIT
// Loading and resolving. The rules of scopes are those of C++: the first part
// of a name is looked for from the innermost scope outwards, and where it is
// found the rest must be found too.

#include "gen/gen_resolve.h"

#include <string.h>

#include "gen/gen_check.h"
#include "gen/gen_parser.h"
#include "gen/gen_wellknown.h"

// ---- Loading ----------------------------------------------------------------

// "a.proto" imports "b.proto" imports "a.proto"
static void load_report_cycle(struct gen_program *program,
                              struct gen_file *first, struct gen_spot spot)
{
    struct gen_buffer chain = {program->memory, NULL, 0, 0};
    gen_buffer_print(&chain, "\"%s\"", first->name);
    for (const struct gen_file *i = first;;) {
        const char *name = i->cycle->name;
        i = gen_map_find(&program->file_names, name, strlen(name));
        if (i == first) {
            break;
        }
        gen_buffer_print(&chain, " imports \"%s\"", name);
    }
    gen_error(program->report, spot,
              "this import closes a circle: %s imports \"%s\"", chain.data,
              first->name);
    gen_buffer_free(&chain);
}

static struct gen_file *load_file(struct gen_program *program, const char *name,
                                  struct gen_spot spot, unsigned depth);

static bool load_imports(struct gen_program *program, struct gen_file *file,
                         unsigned depth)
{
    bool is_good = true;
    struct gen_map seen = {NULL, 0, 0};
    for (struct gen_import *i = file->imports.first; i != NULL; i = i->next) {
        if (gen_map_add(program->memory, &seen, i->name, strlen(i->name), i)) {
            gen_error(program->report, i->spot, "\"%s\" is imported twice",
                      i->name);
            is_good = false;
            continue;
        }
        file->cycle = i;
        i->file = load_file(program, i->name, i->spot, depth + 1);
        is_good = i->file != NULL && is_good;
    }
    file->cycle = NULL;
    return is_good;
}

static struct gen_file *load_file(struct gen_program *program, const char *name,
                                  struct gen_spot spot, unsigned depth)
{
    struct gen_file *file =
        gen_map_find(&program->file_names, name, strlen(name));
    if (file != NULL && file->is_loading) {
        load_report_cycle(program, file, spot);
        return NULL;
    }
    if (file != NULL) {
        return file->is_broken ? NULL : file;
    }
    if (depth > GEN_MAX_IMPORT_DEPTH) {
        gen_error(program->report, spot, "imports are nested too deep");
        return NULL;
    }
    file = gen_alloc(program->memory, sizeof *file);
    file->name = gen_copy(program->memory, name, strlen(name));
    (void)gen_map_add(program->memory, &program->file_names, file->name,
                      strlen(file->name), file);
    const char *reason = program->read(program->read_user, program->memory,
                                       file->name, &file->source);
    if (reason != NULL) {
        gen_error(program->report, spot, "%s: %s", name, reason);
        file->is_broken = true;
        return NULL;
    }
    file->is_loading = true;
    file->is_broken = !gen_parse(program->memory, program->report, file) ||
                      !load_imports(program, file, depth);
    file->is_loading = false;
    GEN_APPEND(program->files, file);
    return file->is_broken ? NULL : file;
}

struct gen_file *gen_load(struct gen_program *program, const char *name,
                          struct gen_spot spot)
{
    return load_file(program, name, spot, 0);
}

// ---- Symbols ----------------------------------------------------------------

static const char *symbol_join(struct gen_program *program, const char *scope,
                               const char *name)
{
    return *scope == '\0' ? name
                          : gen_print(program->memory, "%s.%s", scope, name);
}

// Adds a symbol; a second one of the same name is an error, unless both are
// packages.
static struct gen_symbol *symbol_add(struct gen_program *program,
                                     struct gen_file *file,
                                     enum gen_symbol_kind kind,
                                     const char *full_name,
                                     struct gen_spot spot)
{
    struct gen_symbol *symbol = gen_alloc(program->memory, sizeof *symbol);
    symbol->kind = kind;
    symbol->name = full_name;
    symbol->spot = spot;
    symbol->file = file;
    const struct gen_symbol *old =
        gen_map_add(program->memory, &program->symbols, full_name,
                    strlen(full_name), symbol);
    if (old == NULL ||
        (old->kind == GEN_SYMBOL_PACKAGE && kind == GEN_SYMBOL_PACKAGE)) {
        return symbol;
    }
    struct gen_place place = gen_place_of(old->spot);
    gen_error(program->report, spot, "\"%s\" is already defined, at %s:%u:%u",
              full_name, old->file->source.path, (unsigned)place.line,
              (unsigned)place.column);
    return symbol;
}

// a, a.b, a.b.c
static void symbol_add_package(struct gen_program *program,
                               struct gen_file *file)
{
    const char *dot = file->package;
    while (*dot != '\0') {
        dot += strcspn(dot + 1, ".") + 1;
        size_t size = (size_t)(dot - file->package);
        const char *name = gen_copy(program->memory, file->package, size);
        (void)symbol_add(program, file, GEN_SYMBOL_PACKAGE, name,
                         file->package_spot);
    }
}

static void symbol_add_enum(struct gen_program *program, struct gen_enum *item,
                            const char *scope)
{
    item->full_name = symbol_join(program, scope, item->name);
    symbol_add(program, item->file, GEN_SYMBOL_ENUM, item->full_name,
               item->spot)
        ->enumeration = item;
    for (struct gen_value *i = item->values.first; i != NULL; i = i->next) {
        // The values of an enum stand beside it, not in it.
        (void)symbol_add(program, item->file, GEN_SYMBOL_VALUE,
                         symbol_join(program, scope, i->name), i->spot);
    }
}

static void symbol_add_fields(struct gen_program *program,
                              struct gen_file *file, enum gen_symbol_kind kind,
                              const gen_fields *fields, const char *scope)
{
    for (struct gen_field *i = fields->first; i != NULL; i = i->next) {
        (void)symbol_add(program, file, kind,
                         symbol_join(program, scope, i->name), i->spot);
    }
}

static void symbol_add_extends(struct gen_program *program,
                               struct gen_file *file,
                               const gen_extends *extends, const char *scope)
{
    for (struct gen_extend *i = extends->first; i != NULL; i = i->next) {
        symbol_add_fields(program, file, GEN_SYMBOL_EXTENSION, &i->fields,
                          scope);
    }
}

static void symbol_add_message(struct gen_program *program,
                               struct gen_message *message, const char *scope)
{
    struct gen_file *file = message->file;
    message->full_name = symbol_join(program, scope, message->name);
    scope = message->full_name;
    symbol_add(program, file, GEN_SYMBOL_MESSAGE, scope, message->spot)
        ->message = message;
    symbol_add_fields(program, file, GEN_SYMBOL_FIELD, &message->fields, scope);
    for (struct gen_oneof *i = message->oneofs.first; i != NULL; i = i->next) {
        (void)symbol_add(program, file, GEN_SYMBOL_ONEOF,
                         symbol_join(program, scope, i->name), i->spot);
    }
    for (struct gen_enum *i = message->enums.first; i != NULL; i = i->next) {
        symbol_add_enum(program, i, scope);
    }
    symbol_add_extends(program, file, &message->extends, scope);
    for (struct gen_message *i = message->messages.first; i != NULL;
         i = i->next) {
        symbol_add_message(program, i, scope);
    }
}

static void symbol_add_service(struct gen_program *program,
                               struct gen_file *file,
                               struct gen_service *service)
{
    service->full_name = symbol_join(program, file->package, service->name);
    (void)symbol_add(program, file, GEN_SYMBOL_SERVICE, service->full_name,
                     service->spot);
    for (struct gen_method *i = service->methods.first; i != NULL;
         i = i->next) {
        (void)symbol_add(program, file, GEN_SYMBOL_METHOD,
                         symbol_join(program, service->full_name, i->name),
                         i->spot);
    }
}

static void symbol_add_file(struct gen_program *program, struct gen_file *file)
{
    symbol_add_package(program, file);
    for (struct gen_enum *i = file->enums.first; i != NULL; i = i->next) {
        symbol_add_enum(program, i, file->package);
    }
    for (struct gen_message *i = file->messages.first; i != NULL; i = i->next) {
        symbol_add_message(program, i, file->package);
    }
    symbol_add_extends(program, file, &file->extends, file->package);
    for (struct gen_service *i = file->services.first; i != NULL; i = i->next) {
        symbol_add_service(program, file, i);
    }
}

// ---- What a file sees -------------------------------------------------------

static void visible_add(struct gen_program *program, struct gen_file *viewer,
                        struct gen_file *file)
{
    // A slash keeps names of files apart from names of packages.
    const char *key = gen_print(program->memory, "/%s", file->name);
    if (gen_map_add(program->memory, &viewer->visible, key, strlen(key),
                    file)) {
        return;
    }
    const char *dot = file->package;
    while (*dot != '\0') {
        dot += strcspn(dot + 1, ".") + 1;
        (void)gen_map_add(program->memory, &viewer->visible, file->package,
                          (size_t)(dot - file->package), file);
    }
    for (struct gen_import *i = file->imports.first; i != NULL; i = i->next) {
        if (i->file != NULL && (file == viewer || i->is_public)) {
            visible_add(program, viewer, i->file);
        }
    }
}

static bool visible_has(const struct gen_file *viewer,
                        const struct gen_symbol *symbol)
{
    if (symbol->kind == GEN_SYMBOL_PACKAGE) {
        return gen_map_find(&viewer->visible, symbol->name,
                            strlen(symbol->name)) != NULL;
    }
    if (symbol->file == viewer) {
        return true;
    }
    char key[GEN_MAX_NAME + 2] = "/";
    size_t size = strlen(symbol->file->name);
    if (size > GEN_MAX_NAME) {
        return false;
    }
    memcpy(key + 1, symbol->file->name, size);
    return gen_map_find(&viewer->visible, key, size + 1) != NULL;
}

// ---- Looking up -------------------------------------------------------------

struct lookup {
    struct gen_program *program;
    const struct gen_query *query;
    struct gen_symbol *hidden; // there is one, in a file that is not imported
    bool is_final; // the first part was found: no outer scope is asked
};

static struct gen_symbol *lookup_full(struct lookup *lookup, const char *name,
                                      size_t size)
{
    struct gen_symbol *symbol =
        gen_map_find(&lookup->program->symbols, name, size);
    if (symbol == NULL) {
        return NULL;
    }
    if (!visible_has(lookup->query->file, symbol)) {
        lookup->hidden = lookup->hidden == NULL ? symbol : lookup->hidden;
        return NULL;
    }
    return symbol;
}

static bool lookup_is_scope(const struct gen_symbol *symbol)
{
    return symbol->kind == GEN_SYMBOL_PACKAGE ||
           symbol->kind == GEN_SYMBOL_MESSAGE ||
           symbol->kind == GEN_SYMBOL_ENUM ||
           symbol->kind == GEN_SYMBOL_SERVICE;
}

static bool lookup_is_type(const struct gen_symbol *symbol)
{
    return symbol->kind == GEN_SYMBOL_MESSAGE ||
           symbol->kind == GEN_SYMBOL_ENUM;
}

// Looks in one scope: the first size bytes of the query's.
static struct gen_symbol *lookup_in(struct lookup *lookup, size_t size)
{
    const struct gen_query *query = lookup->query;
    char full[2 * GEN_MAX_NAME + 8];
    size_t name_size = strlen(query->name);
    size_t first_size = strcspn(query->name, ".");
    if (size + name_size + 1 >= sizeof full) {
        return NULL;
    }
    memcpy(full, query->scope, size);
    if (size > 0) {
        full[size++] = '.';
    }
    memcpy(full + size, query->name, name_size + 1);
    struct gen_symbol *symbol = lookup_full(lookup, full, size + first_size);
    if (symbol == NULL) {
        return NULL;
    }
    if (first_size == name_size) {
        lookup->is_final = !query->types_only || lookup_is_type(symbol);
        return lookup->is_final ? symbol : NULL;
    }
    lookup->is_final = lookup_is_scope(symbol);
    return lookup->is_final ? lookup_full(lookup, full, size + name_size)
                            : NULL;
}

// size is that of the scope where the search ended.
static void lookup_report(const struct lookup *lookup, size_t size)
{
    struct gen_report *report = lookup->program->report;
    const struct gen_query *query = lookup->query;
    const char *name = query->name;
    const char *file = gen_wellknown_file(*name == '.' ? name + 1 : name);
    if (lookup->hidden != NULL && lookup->hidden->kind != GEN_SYMBOL_PACKAGE) {
        const char *known = lookup->hidden->file->name;
        gen_error(report, query->spot,
                  "\"%s\" is defined in \"%s\", which is not imported: add "
                  "import \"%s\";",
                  name, known, known);
    } else if (lookup->is_final) {
        gen_error(report, query->spot,
                  "\"%s\" is not defined: its first part is taken to be "
                  "\"%.*s%s%.*s\"; begin with a point to name it from the "
                  "outermost scope",
                  name, (int)size, query->scope, size > 0 ? "." : "",
                  (int)strcspn(name, "."), name);
    } else if (file != NULL) {
        gen_error(report, query->spot,
                  "\"%s\" is not defined: add import \"%s\";", name, file);
    } else {
        gen_error(report, query->spot, "\"%s\" is not defined", name);
    }
}

struct gen_symbol *gen_lookup(struct gen_program *program,
                              const struct gen_query *query)
{
    struct lookup lookup = {program, query, NULL, false};
    struct gen_symbol *symbol = NULL;
    size_t size = *query->name == '.' ? 0 : strlen(query->scope);
    if (*query->name == '.') {
        symbol = lookup_full(&lookup, query->name + 1, strlen(query->name + 1));
    } else {
        symbol = lookup_in(&lookup, size);
        while (!lookup.is_final && size > 0) {
            do {
                size--;
            } while (size > 0 && query->scope[size] != '.');
            symbol = lookup_in(&lookup, size);
        }
    }
    if (symbol == NULL) {
        lookup_report(&lookup, size);
    }
    return symbol;
}

// ---- Resolving --------------------------------------------------------------

static void resolve_field(struct gen_program *program, struct gen_file *file,
                          const char *scope, struct gen_field *field)
{
    if (field->type != GEN_TYPE_NAMED) {
        return;
    }
    struct gen_query query = {file, scope, field->type_name, true,
                              field->type_spot};
    const struct gen_symbol *symbol = gen_lookup(program, &query);
    if (symbol == NULL) {
        return;
    }
    if (symbol->kind == GEN_SYMBOL_MESSAGE) {
        field->type = GEN_TYPE_MESSAGE;
        field->message = symbol->message;
        if (field->message->is_map_entry) {
            gen_error(program->report, field->type_spot,
                      "\"%s\" belongs to a map and cannot be named",
                      symbol->name);
        }
    } else if (symbol->kind == GEN_SYMBOL_ENUM) {
        field->type = GEN_TYPE_ENUM;
        field->enumeration = symbol->enumeration;
    } else {
        gen_error(program->report, field->type_spot, "\"%s\" is not a type",
                  field->type_name);
    }
}

static void resolve_extends(struct gen_program *program, struct gen_file *file,
                            const gen_extends *extends, const char *scope)
{
    for (struct gen_extend *i = extends->first; i != NULL; i = i->next) {
        struct gen_query query = {file, scope, i->type_name, true,
                                  i->type_spot};
        const struct gen_symbol *symbol = gen_lookup(program, &query);
        if (symbol != NULL && symbol->kind != GEN_SYMBOL_MESSAGE) {
            gen_error(program->report, i->type_spot, "\"%s\" is not a message",
                      i->type_name);
        } else if (symbol != NULL) {
            i->extendee = symbol->message;
        }
        for (struct gen_field *k = i->fields.first; k != NULL; k = k->next) {
            resolve_field(program, file, scope, k);
        }
    }
}

static void resolve_message(struct gen_program *program,
                            struct gen_message *message)
{
    struct gen_file *file = message->file;
    // The fields of a map's entry were written in the message around it.
    const char *scope =
        message->is_map_entry ? message->parent->full_name : message->full_name;
    for (struct gen_field *i = message->fields.first; i != NULL; i = i->next) {
        resolve_field(program, file, scope, i);
    }
    for (struct gen_message *i = message->messages.first; i != NULL;
         i = i->next) {
        resolve_message(program, i);
    }
    resolve_extends(program, file, &message->extends, message->full_name);
}

static struct gen_message *resolve_method_type(struct gen_program *program,
                                               struct gen_file *file,
                                               const char *scope,
                                               const char *name,
                                               struct gen_spot spot)
{
    struct gen_query query = {file, scope, name, false, spot};
    const struct gen_symbol *symbol = gen_lookup(program, &query);
    if (symbol != NULL && symbol->kind != GEN_SYMBOL_MESSAGE) {
        gen_error(program->report, spot, "\"%s\" is not a message", name);
        return NULL;
    }
    return symbol == NULL ? NULL : symbol->message;
}

static void resolve_service(struct gen_program *program, struct gen_file *file,
                            struct gen_service *service)
{
    for (struct gen_method *i = service->methods.first; i != NULL;
         i = i->next) {
        i->request = resolve_method_type(program, file, service->full_name,
                                         i->request_name, i->request_spot);
        i->reply = resolve_method_type(program, file, service->full_name,
                                       i->reply_name, i->reply_spot);
    }
}

static void resolve_file(struct gen_program *program, struct gen_file *file)
{
    visible_add(program, file, file);
    for (struct gen_message *i = file->messages.first; i != NULL; i = i->next) {
        resolve_message(program, i);
    }
    resolve_extends(program, file, &file->extends, file->package);
    for (struct gen_service *i = file->services.first; i != NULL; i = i->next) {
        resolve_service(program, file, i);
    }
}

bool gen_resolve(struct gen_program *program)
{
    size_t errors = program->report->errors;
    for (struct gen_file *i = program->files.first; i != NULL; i = i->next) {
        symbol_add_file(program, i);
    }
    for (struct gen_file *i = program->files.first; i != NULL; i = i->next) {
        resolve_file(program, i);
    }
    for (struct gen_file *i = program->files.first; i != NULL; i = i->next) {
        gen_check_file(program, i);
    }
    return program->report->errors == errors;
}
