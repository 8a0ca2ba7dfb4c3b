// SPDX-License-Identifier: MIT

#include "gen/gen_emit.h"

#include <stdlib.h>
#include <string.h>

#include "gen/gen_method.h"
#include "gen/gen_names.h"

// The greatest part of a struct that one field can take.
enum { SOURCE_FIELD_BYTES = 32 };

static const char *source_type(enum gen_type type)
{
    static const char *const names[] = {
        [GEN_TYPE_DOUBLE] = "DOUBLE",     [GEN_TYPE_FLOAT] = "FLOAT",
        [GEN_TYPE_INT64] = "INT64",       [GEN_TYPE_UINT64] = "UINT64",
        [GEN_TYPE_INT32] = "INT32",       [GEN_TYPE_FIXED64] = "FIXED64",
        [GEN_TYPE_FIXED32] = "FIXED32",   [GEN_TYPE_BOOL] = "BOOL",
        [GEN_TYPE_STRING] = "STRING",     [GEN_TYPE_MESSAGE] = "MESSAGE",
        [GEN_TYPE_BYTES] = "BYTES",       [GEN_TYPE_UINT32] = "UINT32",
        [GEN_TYPE_ENUM] = "ENUM",         [GEN_TYPE_SFIXED32] = "SFIXED32",
        [GEN_TYPE_SFIXED64] = "SFIXED64", [GEN_TYPE_SINT32] = "SINT32",
        [GEN_TYPE_SINT64] = "SINT64",
    };
    return names[type];
}

static const char *source_kind(const struct gen_field *field)
{
    if (field->is_map) {
        return "MAP";
    }
    if (field->label == GEN_LABEL_REPEATED) {
        return field->is_packed ? "PACKED" : "REPEATED";
    }
    if (field->oneof != NULL) {
        return "ONEOF";
    }
    return field->c_has != NULL ? "OPTIONAL" : "IMPLICIT";
}

// ---- Tables of a message ----------------------------------------------------

static int source_compare(const void *left, const void *right)
{
    const struct gen_field *const *a = left;
    const struct gen_field *const *b = right;
    return ((*a)->number > (*b)->number) - ((*a)->number < (*b)->number);
}

// The fields by ascending number.
static const struct gen_field **source_sorted(struct gen_emit *emit,
                                              const struct gen_message *message)
{
    size_t count = 0;
    const struct gen_field **fields = gen_alloc(
        emit->memory, (message->fields.count + 1) * sizeof(struct gen_field *));
    for (struct gen_field *i = message->fields.first; i != NULL; i = i->next) {
        fields[count++] = i;
    }
    if (count > 1) {
        qsort(fields, count, sizeof(struct gen_field *), source_compare);
    }
    return fields;
}

// The types of the fields that are messages, each once: their place in the
// list is kept in the map, counted from 1.
struct source_types {
    struct gen_map places;
    const struct gen_message **types;
    size_t *numbers; // 1, 2, 3, ...: what the map's values point to
    size_t count;
};

static void source_collect(struct gen_emit *emit, struct source_types *types,
                           const struct gen_field *const *fields, size_t count)
{
    types->types =
        gen_alloc(emit->memory, (count + 1) * sizeof(struct gen_message *));
    types->numbers = gen_alloc(emit->memory, (count + 1) * sizeof(size_t));
    for (size_t i = 0; i < count; i++) {
        const struct gen_message *type = fields[i]->message;
        types->numbers[types->count] = types->count;
        if (type != NULL &&
            gen_map_add(emit->memory, &types->places, type->full_name,
                        strlen(type->full_name),
                        &types->numbers[types->count]) == NULL) {
            types->types[types->count++] = type;
        }
    }
}

static size_t source_place(const struct source_types *types,
                           const struct gen_message *type)
{
    const size_t *place = type == NULL
                              ? NULL
                              : gen_map_find(&types->places, type->full_name,
                                             strlen(type->full_name));
    return place == NULL ? 0 : *place;
}

static void source_field(struct gen_emit *emit,
                         const struct gen_message *message,
                         const struct gen_field *field, size_t place)
{
    struct gen_buffer *out = emit->out;
    const char *name = message->c_name;
    gen_buffer_print(out, "    {%lu, offsetof(%s, %s%s%s), ",
                     (unsigned long)field->number, name,
                     field->oneof != NULL ? field->oneof->c_name : "",
                     field->oneof != NULL ? "." : "", field->c_name);
    if (field->oneof != NULL) {
        gen_buffer_print(out, "offsetof(%s, %s), ", name, field->oneof->c_case);
    } else if (field->c_has != NULL) {
        gen_buffer_print(out, "offsetof(%s, %s), ", name, field->c_has);
    } else {
        gen_buffer_print(out, "0, ");
    }
    gen_buffer_print(out, "GRPC_TYPE_%s, GRPC_FIELD_%s, %lu},\n",
                     source_type(field->type), source_kind(field),
                     (unsigned long)place);
}

// Strings point to something even when they are empty.
static bool source_is_text(const struct gen_field *field)
{
    return field->label != GEN_LABEL_REPEATED && field->oneof == NULL &&
           (field->type == GEN_TYPE_STRING || field->type == GEN_TYPE_BYTES);
}

static bool source_empty(struct gen_emit *emit,
                         const struct gen_message *message)
{
    bool has_text = false;
    for (struct gen_field *i = message->fields.first; i != NULL; i = i->next) {
        if (!source_is_text(i)) {
            continue;
        }
        if (!has_text) {
            gen_buffer_print(emit->out,
                             "\nstatic const %s %s_message_empty = {\n",
                             message->c_name, message->c_name);
        }
        has_text = true;
        gen_buffer_print(emit->out, "    .%s = {\"\", 0},\n", i->c_name);
    }
    gen_buffer_print(emit->out, has_text ? "};\n" : "");
    return has_text;
}

static void source_fields(struct gen_emit *emit,
                          const struct gen_message *message,
                          const struct source_types *types,
                          const struct gen_field *const *fields)
{
    struct gen_buffer *out = emit->out;
    size_t count = message->fields.count;
    const char *name = message->c_name;
    if (types->count > 0) {
        gen_buffer_print(
            out,
            "\nstatic const grpc_message *const %s_message_messages[] = {\n",
            name);
        for (size_t i = 0; i < types->count; i++) {
            gen_buffer_print(out, "    &%s_message,\n",
                             types->types[i]->c_name);
        }
        gen_buffer_print(out, "};\n");
    }
    if (count * SOURCE_FIELD_BYTES + SOURCE_FIELD_BYTES > UINT16_MAX) {
        gen_buffer_print(out,
                         "\n_Static_assert(sizeof(%s) <= UINT16_MAX,\n"
                         "    \"this message has too many fields\");\n",
                         name);
    }
    if (count > 0) {
        gen_buffer_print(
            out, "\nstatic const grpc_field %s_message_fields[] = {\n", name);
        for (size_t i = 0; i < count; i++) {
            source_field(emit, message, fields[i],
                         source_place(types, fields[i]->message));
        }
        gen_buffer_print(out, "};\n");
    }
}

static void source_functions(struct gen_emit *emit,
                             const struct gen_message *message)
{
    const char *name = message->c_name;
    gen_buffer_print(
        emit->out,
        "\ngrpc_result %s_decode(%s *message,\n"
        "    grpc_arena *arena, const void *data, size_t size)\n"
        "{\n"
        "    return grpc_message_decode(&%s_message, message,\n        "
        "arena, data, size);\n"
        "}\n",
        name, name, name);
    gen_buffer_print(
        emit->out,
        "\ngrpc_str %s_encode(const %s *message,\n"
        "    grpc_arena *arena)\n"
        "{\n"
        "    return grpc_message_encode(&%s_message, message,\n        "
        "arena);\n"
        "}\n",
        name, name, name);
}

static void source_message(struct gen_emit *emit,
                           const struct gen_message *message)
{
    struct gen_buffer *out = emit->out;
    const char *name = message->c_name;
    size_t count = message->fields.count;
    const struct gen_field **fields = source_sorted(emit, message);
    struct source_types types = {{NULL, 0, 0}, NULL, NULL, 0};
    source_collect(emit, &types, fields, count);
    source_fields(emit, message, &types, fields);
    bool has_empty = source_empty(emit, message);
    size_t dense = 0;
    while (dense < count && fields[dense]->number == dense + 1) {
        dense++;
    }
    gen_buffer_print(out,
                     "\nconst grpc_message %s_message = {\n"
                     "    .name = \"%s\",\n",
                     name, message->full_name);
    if (count > 0) {
        gen_buffer_print(out, "    .fields = %s_message_fields,\n", name);
    }
    if (types.count > 0) {
        gen_buffer_print(out, "    .messages = %s_message_messages,\n", name);
    }
    if (has_empty) {
        gen_buffer_print(out, "    .empty = &%s_message_empty,\n", name);
    }
    gen_buffer_print(out,
                     "    .size = sizeof(%s),\n"
                     "    .field_count = %lu,\n"
                     "    .dense_count = %lu,\n"
                     "    .unknown = offsetof(%s, unknown_fields),\n"
                     "};\n",
                     name, (unsigned long)count, (unsigned long)dense, name);
    source_functions(emit, message);
}

// ---- Services ---------------------------------------------------------------

// Those functions of a method that are, or are not, of the source alone.
static void source_method(struct gen_emit *emit,
                          const struct gen_service *service,
                          const struct gen_method *method,
                          enum gen_method_sort sort)
{
    struct gen_buffer *out = emit->out;
    for (const struct gen_method_part *i = gen_method_next(method, NULL);
         i != NULL; i = gen_method_next(method, i)) {
        if (i->sort == sort) {
            gen_buffer_print(out, "\n");
            gen_method_print(out, service, method, i->head);
            gen_buffer_print(out, "\n{\n");
            gen_method_print(out, service, method, i->body);
            gen_buffer_print(out, "}\n");
        }
    }
}

static void source_row(struct gen_emit *emit, const struct gen_service *service,
                       const struct gen_method *method)
{
    struct gen_buffer *out = emit->out;
    gen_buffer_print(out, "    {\n        .path = \"/%s/%s\",\n",
                     service->full_name, method->name);
    gen_method_print(out, service, method,
                     "        .codec = &grpc_protobuf,\n"
                     "        .request = &$Q_message,\n"
                     "        .reply = &$P_message,\n"
                     "        .request_size = sizeof($Q),\n"
                     "        .reply_size = sizeof($P),\n"
                     "        .handle = $M_handle,\n"
                     "        .done = $M_finish,\n");
    if (method->streams_requests) {
        gen_method_print(out, service, method,
                         "        .on_request = $M_on_request,\n"
                         "        .streams_requests = true,\n");
    }
    if (method->streams_replies) {
        gen_method_print(out, service, method,
                         "        .on_reply = $M_on_reply,\n"
                         "        .streams_replies = true,\n");
    }
    gen_buffer_print(out, "    },\n");
}

static void source_table(struct gen_emit *emit,
                         const struct gen_service *service)
{
    struct gen_buffer *out = emit->out;
    const char *name = service->c_name;
    if (service->methods.first != NULL) {
        gen_buffer_print(out,
                         "\nstatic const grpc_method %s_service_methods[] = "
                         "{\n",
                         name);
    }
    for (struct gen_method *i = service->methods.first; i != NULL;
         i = i->next) {
        source_row(emit, service, i);
    }
    gen_buffer_print(out, service->methods.first != NULL ? "};\n" : "");
    gen_buffer_print(out,
                     "\nconst grpc_service %s_service = {\n"
                     "    .name = \"%s\",\n",
                     name, service->full_name);
    if (service->methods.first != NULL) {
        gen_buffer_print(out, "    .methods = %s_service_methods,\n", name);
    }
    gen_buffer_print(out,
                     "    .method_count = %lu,\n"
                     "    .handlers_size = sizeof(%s),\n"
                     "};\n",
                     (unsigned long)service->methods.count, name);
}

static void source_service(struct gen_emit *emit,
                           const struct gen_service *service)
{
    const char *name = service->c_name;
    for (struct gen_method *i = service->methods.first; i != NULL;
         i = i->next) {
        source_method(emit, service, i, GEN_METHOD_STATIC);
    }
    source_table(emit, service);
    gen_buffer_print(emit->out,
                     "\ngrpc_result %s_serve(grpc_server *server, "
                     "const %s *handlers,\n    void *self)\n"
                     "{\n"
                     "    return grpc_server_serve(server, &%s_service, "
                     "handlers, self);\n"
                     "}\n",
                     name, name, name);
    for (struct gen_method *i = service->methods.first; i != NULL;
         i = i->next) {
        source_method(emit, service, i, GEN_METHOD_FUNCTION);
    }
}

void gen_emit_source(struct gen_emit *emit)
{
    const struct gen_file *file = emit->file;
    const char *header = gen_names_output(emit->memory, file->name, ".pb.h");
    const char *slash = strrchr(header, '/');
    gen_buffer_print(emit->out,
                     "// Generated by cgrpc-gen. Do not edit.\n\n"
                     "#include \"%s\"\n\n#include <stddef.h>\n",
                     slash == NULL ? header : slash + 1);
    for (const struct gen_message *m = gen_emit_next(file, NULL); m != NULL;
         m = gen_emit_next(file, m)) {
        source_message(emit, m);
    }
    for (struct gen_service *s = file->services.first; s != NULL; s = s->next) {
        source_service(emit, s);
    }
}
