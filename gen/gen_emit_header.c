// SPDX-License-Identifier: MIT

#include "gen/gen_emit.h"

#include <string.h>

#include "gen/gen_method.h"
#include "gen/gen_names.h"
#include "grpc.h"

const struct gen_message *gen_emit_next(const struct gen_file *file,
                                        const struct gen_message *message)
{
    if (message == NULL) {
        return file->messages.first;
    }
    if (message->messages.first != NULL) {
        return message->messages.first;
    }
    while (message != NULL && message->next == NULL) {
        message = message->parent;
    }
    return message == NULL ? NULL : message->next;
}

// ---- Comments ---------------------------------------------------------------

// U+202A to U+202E and U+2066 to U+2069.
static bool comment_is_direction(const char *text)
{
    unsigned char last = (unsigned char)text[2];
    return (memcmp(text, "\xE2\x80", 2) == 0 && last >= 0xaa && last <= 0xae) ||
           (memcmp(text, "\xE2\x81", 2) == 0 && last >= 0xa6 && last <= 0xa9);
}

// Characters that would change what a reader or a compiler sees: controls,
// broken UTF-8, and those that change the direction of the text.
static void comment_clean(struct gen_emit *emit, const char *text, size_t size)
{
    while (size > 0) {
        size_t step = gen_utf8_size(text, size);
        unsigned char c = (unsigned char)text[0];
        bool is_control = step == 1 && (c < 0x20 || c == 0x7f) && c != '\t';
        bool is_mark = step == 3 && comment_is_direction(text);
        bool is_c1 = step == 2 && c == 0xc2 && (unsigned char)text[1] < 0xa0;
        if (step == 0 || is_control || is_mark || is_c1) {
            gen_buffer_add(emit->out, "?", 1);
        } else {
            gen_buffer_add(emit->out, text, step);
        }
        text += step == 0 ? 1 : step;
        size -= step == 0 ? 1 : step;
    }
}

// A line comment that ends in a backslash, or in the trigraph for one, would
// go on in the next line.
static size_t comment_trim(const char *text, size_t size)
{
    for (;;) {
        bool is_blank = size > 0 && memchr(" \t\r\v\f\\", text[size - 1], 6);
        bool is_trigraph = size > 2 && memcmp(text + size - 3, "?\?/", 3) == 0;
        if (!is_blank && !is_trigraph) {
            return size;
        }
        size -= is_blank ? 1 : 3;
    }
}

static void comment_line(struct gen_emit *emit, const char *text, size_t size,
                         const char *indent)
{
    size = comment_trim(text, size);
    gen_buffer_print(emit->out, "%s//", indent);
    if (size > 0 && text[0] != ' ' && text[0] != '\t') {
        gen_buffer_add(emit->out, " ", 1);
    }
    comment_clean(emit, text, size);
    gen_buffer_add(emit->out, "\n", 1);
}

// What a line of a comment says, without its marks. *in_block: between /* and
// its end, which the line may open or close.
static void comment_strip(const char **text, size_t *size, bool *in_block)
{
    while (*size > 0 && (**text == ' ' || **text == '\t')) {
        (*text)++;
        (*size)--;
    }
    if (!*in_block && *size >= 2 && **text == '/') {
        *in_block = (*text)[1] == '*';
        *text += 2;
        *size -= 2;
        while (*in_block && *size > 0 && **text == '*' &&
               (*size == 1 || (*text)[1] != '/')) {
            (*text)++;
            (*size)--;
        }
    } else if (*in_block && *size >= 1 && **text == '*' &&
               (*size == 1 || (*text)[1] != '/')) {
        (*text)++;
        (*size)--;
    }
    if (!*in_block) {
        return;
    }
    for (size_t i = 0; i + 1 < *size; i++) {
        if ((*text)[i] == '*' && (*text)[i + 1] == '/') {
            *in_block = false;
            *size = i;
            return;
        }
    }
}

void gen_emit_comment(struct gen_emit *emit, struct gen_piece comment,
                      const char *indent)
{
    const char *text = comment.text;
    const char *end = text == NULL ? NULL : text + comment.size;
    bool in_block = false;
    bool is_first = true;
    while (text != end) {
        const char *line = text;
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t size = (size_t)((newline == NULL ? end : newline) - line);
        text = newline == NULL ? end : newline + 1;
        bool is_mark = in_block || is_first;
        comment_strip(&line, &size, &in_block);
        // The first and the last line of a block are often empty.
        bool is_empty = comment_trim(line, size) == 0;
        if (!(is_mark && is_empty && (is_first || text == end))) {
            comment_line(emit, line, size, indent);
        }
        is_first = false;
    }
}

static void header_comment(struct gen_emit *emit, struct gen_piece comment,
                           bool is_deprecated, const char *indent)
{
    gen_emit_comment(emit, comment, indent);
    if (is_deprecated) {
        gen_buffer_print(emit->out, "%s// Deprecated.\n", indent);
    }
}

// ---- Types ------------------------------------------------------------------

static const char *header_type(const struct gen_field *field)
{
    static const char *const names[] = {
        [GEN_TYPE_DOUBLE] = "double",    [GEN_TYPE_FLOAT] = "float",
        [GEN_TYPE_INT64] = "int64_t",    [GEN_TYPE_UINT64] = "uint64_t",
        [GEN_TYPE_INT32] = "int32_t",    [GEN_TYPE_FIXED64] = "uint64_t",
        [GEN_TYPE_FIXED32] = "uint32_t", [GEN_TYPE_BOOL] = "bool",
        [GEN_TYPE_STRING] = "grpc_str",  [GEN_TYPE_BYTES] = "grpc_str",
        [GEN_TYPE_UINT32] = "uint32_t",  [GEN_TYPE_SFIXED32] = "int32_t",
        [GEN_TYPE_SFIXED64] = "int64_t", [GEN_TYPE_SINT32] = "int32_t",
        [GEN_TYPE_SINT64] = "int64_t",
    };
    if (field->message != NULL) {
        return field->message->c_name;
    }
    return field->enumeration != NULL ? field->enumeration->c_name
                                      : names[field->type];
}

static void header_enum(struct gen_emit *emit, const struct gen_enum *item)
{
    struct gen_buffer *out = emit->out;
    gen_buffer_print(out, "\n");
    header_comment(emit, item->comment, item->is_deprecated, "");
    gen_buffer_print(out, "typedef int32_t %s;\nenum {\n", item->c_name);
    for (struct gen_value *i = item->values.first; i != NULL; i = i->next) {
        header_comment(emit, i->comment, i->is_deprecated, "    ");
        if (i->number == INT32_MIN) {
            gen_buffer_print(out, "    %s = -2147483647 - 1", i->c_name);
        } else {
            gen_buffer_print(out, "    %s = %ld", i->c_name, (long)i->number);
        }
        gen_buffer_print(out, "%s\n", i->next == NULL ? "" : ",");
    }
    gen_buffer_print(out, "};\n");
}

// The constants that say which field of a oneof is set.
static void header_cases(struct gen_emit *emit,
                         const struct gen_message *message,
                         const struct gen_oneof *oneof)
{
    gen_buffer_print(emit->out, "\n// Values of %s.%s.\nenum {\n    %s = 0",
                     message->c_name, oneof->c_case, oneof->c_none);
    for (struct gen_field *i = message->fields.first; i != NULL; i = i->next) {
        if (i->oneof == oneof) {
            gen_buffer_print(emit->out, ",\n    %s = %lu", i->c_constant,
                             (unsigned long)i->number);
        }
    }
    gen_buffer_print(emit->out, "\n};\n");
}

static void header_member(struct gen_emit *emit, const struct gen_field *field,
                          const char *indent)
{
    struct gen_buffer *out = emit->out;
    const char *type = header_type(field);
    header_comment(emit, field->comment, field->is_deprecated, indent);
    if (field->label == GEN_LABEL_REPEATED) {
        gen_buffer_print(out,
                         "%sstruct {\n%s    const %s *data;\n"
                         "%s    size_t count;\n%s} %s;\n",
                         indent, indent, type, indent, indent, field->c_name);
        return;
    }
    if (field->c_has != NULL) {
        gen_buffer_print(out, "%sbool %s;\n", indent, field->c_has);
    }
    gen_buffer_print(
        out, field->message != NULL ? "%sconst %s *%s;\n" : "%s%s %s;\n",
        indent, type, field->c_name);
}

static void header_oneof(struct gen_emit *emit,
                         const struct gen_message *message,
                         const struct gen_oneof *oneof)
{
    gen_emit_comment(emit, oneof->comment, "    ");
    gen_buffer_print(emit->out, "    int32_t %s; // %s, ...\n    union {\n",
                     oneof->c_case, oneof->c_none);
    for (struct gen_field *i = message->fields.first; i != NULL; i = i->next) {
        if (i->oneof == oneof) {
            header_member(emit, i, "        ");
        }
    }
    gen_buffer_print(emit->out, "    } %s;\n", oneof->c_name);
}

static void header_struct(struct gen_emit *emit,
                          const struct gen_message *message)
{
    struct gen_buffer *out = emit->out;
    const char *name = message->c_name;
    for (struct gen_oneof *i = message->oneofs.first; i != NULL; i = i->next) {
        header_cases(emit, message, i);
    }
    gen_buffer_print(out, "\n");
    header_comment(emit, message->comment, message->is_deprecated, "");
    if (message->is_map_entry) {
        gen_buffer_print(out, "// An entry of a map in %s.\n",
                         message->parent->c_name);
    }
    gen_buffer_print(out, "struct %s {\n", name);
    const struct gen_oneof *last = NULL;
    for (struct gen_field *i = message->fields.first; i != NULL; i = i->next) {
        if (i->oneof == NULL) {
            header_member(emit, i, "    ");
        } else if (i->oneof != last) {
            header_oneof(emit, message, i->oneof);
        }
        last = i->oneof;
    }
    gen_buffer_print(out,
                     "    grpc_str unknown_fields;\n};\n"
                     "extern const grpc_message %s_message;\n"
                     "grpc_result %s_decode(%s *message,\n"
                     "    grpc_arena *arena, const void *data, size_t size);\n"
                     "grpc_str %s_encode(const %s *message,\n"
                     "    grpc_arena *arena);\n",
                     name, name, name, name, name);
}

// ---- Services ---------------------------------------------------------------

static void header_handlers(struct gen_emit *emit,
                            const struct gen_service *service)
{
    struct gen_buffer *out = emit->out;
    const char *name = service->c_name;
    gen_buffer_print(out, "\n");
    header_comment(emit, service->comment, service->is_deprecated, "");
    gen_buffer_print(out,
                     "// Handlers: a call without one is answered with "
                     "UNIMPLEMENTED.\n"
                     "typedef struct %s {\n",
                     name);
    for (struct gen_method *i = service->methods.first; i != NULL;
         i = i->next) {
        header_comment(emit, i->comment, i->is_deprecated, "    ");
        gen_buffer_print(out, "    ");
        gen_method_print(out, service, i, gen_method_handler(i));
        gen_buffer_print(out, ";\n");
    }
    if (service->methods.first == NULL) {
        gen_buffer_print(out, "    void *unused; // there are no methods\n");
    }
    gen_buffer_print(out,
                     "} %s;\n"
                     "extern const grpc_service %s_service;\n\n"
                     "// Adds the service to a server, before it listens. "
                     "*handlers is copied.\n"
                     "grpc_result %s_serve(grpc_server *server, "
                     "const %s *handlers,\n    void *self);\n",
                     name, name, name, name);
}

static void header_method(struct gen_emit *emit,
                          const struct gen_service *service,
                          const struct gen_method *method)
{
    struct gen_buffer *out = emit->out;
    gen_buffer_print(out, "\n");
    gen_method_print(out, service, method, gen_method_comment(method));
    for (const struct gen_method_part *i = gen_method_next(method, NULL);
         i != NULL; i = gen_method_next(method, i)) {
        if (i->sort != GEN_METHOD_STATIC) {
            gen_method_print(out, service, method, i->head);
        }
        if (i->sort == GEN_METHOD_FUNCTION) {
            gen_buffer_print(out, ";\n");
        }
    }
}

// ---- The file ---------------------------------------------------------------

struct header_includes {
    struct gen_emit *emit;
    struct gen_map seen;
};

static void header_include(struct header_includes *includes,
                           const struct gen_file *file)
{
    struct gen_emit *emit = includes->emit;
    static char mark[] = "";
    if (file == emit->file ||
        gen_map_add(emit->memory, &includes->seen, file->name,
                    strlen(file->name), mark) != NULL) {
        return;
    }
    gen_buffer_print(emit->out, "#include \"%s\"\n",
                     gen_names_output(emit->memory, file->name, ".pb.h"));
}

// The headers of types that are used here, and what is imported publicly.
// Imports for the sake of options need none.
static void header_imports(struct gen_emit *emit)
{
    struct header_includes includes = {emit, {NULL, 0, 0}};
    const struct gen_file *file = emit->file;
    for (const struct gen_message *m = gen_emit_next(file, NULL); m != NULL;
         m = gen_emit_next(file, m)) {
        for (struct gen_field *i = m->fields.first; i != NULL; i = i->next) {
            if (i->message != NULL) {
                header_include(&includes, i->message->file);
            } else if (i->enumeration != NULL) {
                header_include(&includes, i->enumeration->file);
            }
        }
    }
    for (struct gen_service *s = file->services.first; s != NULL; s = s->next) {
        for (struct gen_method *i = s->methods.first; i != NULL; i = i->next) {
            header_include(&includes, i->request->file);
            header_include(&includes, i->reply->file);
        }
    }
    for (struct gen_import *i = file->imports.first; i != NULL; i = i->next) {
        if (i->is_public && i->file->syntax == GEN_PROTO3) {
            header_include(&includes, i->file);
        }
    }
}

static void header_begin(struct gen_emit *emit)
{
    struct gen_buffer *out = emit->out;
    const char *guard = gen_names_guard(emit->memory, emit->file->name);
    gen_buffer_print(out, "// Generated by cgrpc-gen %s from ", GRPC_VERSION);
    comment_clean(emit, emit->file->name, strlen(emit->file->name));
    gen_buffer_print(out, ". Do not edit.\n");
    if (emit->file->comment.text != NULL) {
        gen_buffer_print(out, "//\n");
        gen_emit_comment(emit, emit->file->comment, "");
    }
    gen_buffer_print(out, "\n#ifndef %s\n#define %s\n\n#include %s\n", guard,
                     guard, emit->include);
    header_imports(emit);
    gen_buffer_print(out,
                     "\n#if GRPC_VERSION_NUM < 0x%06x\n"
                     "# error \"this file needs cgrpc %s or newer\"\n"
                     "#endif\n\n"
                     "#if defined(__cplusplus)\nextern \"C\" {\n#endif\n",
                     (unsigned)GRPC_VERSION_NUM, GRPC_VERSION);
}

void gen_emit_header(struct gen_emit *emit)
{
    const struct gen_file *file = emit->file;
    struct gen_buffer *out = emit->out;
    header_begin(emit);
    const struct gen_message *m = gen_emit_next(file, NULL);
    gen_buffer_print(out, m == NULL ? "" : "\n");
    for (; m != NULL; m = gen_emit_next(file, m)) {
        gen_buffer_print(out, "typedef struct %s %s;\n", m->c_name, m->c_name);
    }
    for (struct gen_enum *i = file->enums.first; i != NULL; i = i->next) {
        header_enum(emit, i);
    }
    for (m = gen_emit_next(file, NULL); m != NULL; m = gen_emit_next(file, m)) {
        for (struct gen_enum *i = m->enums.first; i != NULL; i = i->next) {
            header_enum(emit, i);
        }
    }
    for (m = gen_emit_next(file, NULL); m != NULL; m = gen_emit_next(file, m)) {
        header_struct(emit, m);
    }
    for (struct gen_service *s = file->services.first; s != NULL; s = s->next) {
        header_handlers(emit, s);
        for (struct gen_method *i = s->methods.first; i != NULL; i = i->next) {
            header_method(emit, s, i);
        }
    }
    gen_buffer_print(out, "\n#if defined(__cplusplus)\n}\n#endif\n\n#endif\n");
}
