// SPDX-License-Identifier: MIT

#include "gen/gen_names.h"

#include <stdio.h>
#include <string.h>

#include "gen/gen_method.h"

// ---- Words that are taken ---------------------------------------------------

// Keywords of C (up to C23) and C++ (up to C++20), names that grpc.h's own
// includes define, and macros that systems and compilers define in lower case.
static const char *const names_taken[] = {
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "asm",
    "auto",
    "bitand",
    "bitor",
    "bool",
    "break",
    "case",
    "catch",
    "char",
    "char16_t",
    "char32_t",
    "char8_t",
    "class",
    "co_await",
    "co_return",
    "co_yield",
    "compl",
    "concept",
    "const",
    "const_cast",
    "consteval",
    "constexpr",
    "constinit",
    "continue",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "dynamic_cast",
    "else",
    "enum",
    "explicit",
    "export",
    "extern",
    "false",
    "float",
    "for",
    "friend",
    "goto",
    "if",
    "inline",
    "int",
    "long",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "private",
    "protected",
    "public",
    "register",
    "reinterpret_cast",
    "requires",
    "restrict",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "struct",
    "switch",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "try",
    "typedef",
    "typeid",
    "typename",
    "typeof",
    "typeof_unqual",
    "union",
    "unsigned",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "while",
    "xor",
    "xor_eq",
    "fortran",
    // Types of the headers, which a member would hide in C++.
    "int8_t",
    "int16_t",
    "int32_t",
    "int64_t",
    "uint8_t",
    "uint16_t",
    "uint32_t",
    "uint64_t",
    "intptr_t",
    "uintptr_t",
    "intmax_t",
    "uintmax_t",
    "size_t",
    "ptrdiff_t",
    "max_align_t",
    "nullptr_t",
    // Macros.
    "assert",
    "complex",
    "errno",
    "fpclassify",
    "getc",
    "i386",
    "imaginary",
    "isfinite",
    "isgreater",
    "isinf",
    "isless",
    "isnan",
    "isnormal",
    "isunordered",
    "kill_dependency",
    "linux",
    "major",
    "makedev",
    "math_errhandling",
    "minor",
    "mips",
    "near",
    "far",
    "interface",
    "small",
    "noreturn",
    "offsetof",
    "putc",
    "setjmp",
    "sigsetjmp",
    "signbit",
    "stderr",
    "stdin",
    "stdout",
    "sun",
    "unix",
    "unreachable",
    "va_arg",
    "va_copy",
    "va_end",
    "va_start",
    "vax",
    "sparc",
    "arm",
    "BUFSIZ",
    "BIG_ENDIAN",
    "BYTE_ORDER",
    "CHAR_BIT",
    "DOMAIN",
    "EOF",
    "ERROR",
    "EXIT_FAILURE",
    "EXIT_SUCCESS",
    "FILENAME_MAX",
    "FOPEN_MAX",
    "FILE",
    "HUGE",
    "HUGE_VAL",
    "HUGE_VALF",
    "HUGE_VALL",
    "I",
    "INFINITY",
    "LITTLE_ENDIAN",
    "L_tmpnam",
    "MB_CUR_MAX",
    "MB_LEN_MAX",
    "NAN",
    "NDEBUG",
    "NULL",
    "OVERFLOW",
    "PATH_MAX",
    "NAME_MAX",
    "PDP_ENDIAN",
    "PI",
    "PLOSS",
    "RAND_MAX",
    "SEEK_CUR",
    "SEEK_END",
    "SEEK_SET",
    "SING",
    "TLOSS",
    "TMP_MAX",
    "TRUE",
    "FALSE",
    "UNDERFLOW",
    "DELETE",
    "IN",
    "OUT",
    "OPTIONAL",
    "CONST",
    "VOID",
    "STRICT",
    "IGNORE",
    "DEBUG",
    "SIGABRT",
    "SIGALRM",
    "SIGFPE",
    "SIGHUP",
    "SIGILL",
    "SIGINT",
    "SIGKILL",
    "SIGPIPE",
    "SIGQUIT",
    "SIGSEGV",
    "SIGTERM",
    "SIGUSR1",
    "SIGUSR2",
    "SIG_DFL",
    "SIG_ERR",
    "SIG_IGN",
    "CLOCKS_PER_SEC",
    "TIME_UTC",
    "M_E",
    "M_PI",
};

// Families of macros: a type's name before, a limit behind.
static const char *const names_limit_types[] = {
    "CHAR",       "SCHAR",      "UCHAR",       "SHRT",        "USHRT",
    "INT",        "UINT",       "LONG",        "ULONG",       "LLONG",
    "ULLONG",     "INT8",       "INT16",       "INT32",       "INT64",
    "UINT8",      "UINT16",     "UINT32",      "UINT64",      "INTPTR",
    "UINTPTR",    "INTMAX",     "UINTMAX",     "SIZE",        "SSIZE",
    "PTRDIFF",    "WCHAR",      "WINT",        "SIG_ATOMIC",  "FLT",
    "DBL",        "LDBL",       "INT_FAST8",   "INT_FAST16",  "INT_FAST32",
    "INT_FAST64", "INT_LEAST8", "INT_LEAST16", "INT_LEAST32", "INT_LEAST64",
};

static const char *const names_limits[] = {
    "_MAX",     "_MIN",        "_WIDTH",      "_EPSILON",
    "_DIG",     "_MANT_DIG",   "_TRUE_MIN",   "_MAX_EXP",
    "_MIN_EXP", "_MAX_10_EXP", "_MIN_10_EXP", "_C",
};

// All names of grpc.h but those in capitals, which no package can be made of.
static const char *const names_library[] = {
    "grpc_version",
    "grpc_features",
    "grpc_str",
    "grpc_str_z",
    "grpc_result",
    "grpc_result_name",
    "grpc_code",
    "grpc_code_name",
    "grpc_status",
    "grpc_header",
    "grpc_metadata",
    "grpc_metadata_get",
    "grpc_allocate",
    "grpc_allocator",
    "grpc_arena_block",
    "grpc_arena",
    "grpc_arena_alloc",
    "grpc_arena_printf",
    "grpc_arena_reset",
    "grpc_arena_free",
    "grpc_loop",
    "grpc_log_level",
    "grpc_log",
    "grpc_loop_options",
    "grpc_loop_new",
    "grpc_loop_free",
    "grpc_loop_run",
    "grpc_loop_stop",
    "grpc_loop_step",
    "grpc_loop_fd",
    "grpc_loop_timeout",
    "grpc_loop_error",
    "grpc_loop_post",
    "grpc_loop_now",
    "grpc_timer",
    "grpc_timer_start",
    "grpc_timer_stop",
    "grpc_watch",
    "grpc_watch_start",
    "grpc_watch_change",
    "grpc_watch_stop",
    "grpc_limits",
    "grpc_server",
    "grpc_call",
    "grpc_interceptor",
    "grpc_interceptors",
    "grpc_server_options",
    "grpc_server_new",
    "grpc_server_free",
    "grpc_listen_options",
    "grpc_server_listen",
    "grpc_server_listen_fd",
    "grpc_server_serve_fd",
    "grpc_server_port",
    "grpc_server_run",
    "grpc_server_stop",
    "grpc_server_drain",
    "grpc_server_is_stopped",
    "grpc_server_loop",
    "grpc_server_error",
    "grpc_channel",
    "grpc_connectivity",
    "grpc_connectivity_name",
    "grpc_backoff",
    "grpc_channel_options",
    "grpc_channel_new",
    "grpc_channel_new_fd",
    "grpc_channel_new_inproc",
    "grpc_channel_free",
    "grpc_channel_state",
    "grpc_channel_failure",
    "grpc_channel_connect",
    "grpc_channel_watch",
    "grpc_channel_wait",
    "grpc_channel_wait_ready",
    "grpc_channel_reset_backoff",
    "grpc_channel_loop",
    "grpc_channel_error",
    "grpc_call_options",
    "grpc_cancel",
    "grpc_call_finish",
    "grpc_call_fail",
    "grpc_call_half_close",
    "grpc_call_on_writable",
    "grpc_call_pause",
    "grpc_call_resume",
    "grpc_call_send_bytes",
    "grpc_call_on_end",
    "grpc_call_is_over",
    "grpc_call_identity",
    "grpc_credentials",
    "grpc_security",
    "grpc_tls_name_type",
    "grpc_tls_name",
    "grpc_identity",
    "grpc_tls_sign",
    "grpc_tls_identity",
    "grpc_tls_version",
    "grpc_tls_clients",
    "grpc_tls_check",
    "grpc_tls_library",
    "grpc_tls_options",
    "grpc_call_credentials",
    "grpc_tls_io",
    "grpc_tls_peer",
    "grpc_credentials_keep",
    "grpc_credentials_free",
    "grpc_credentials_error",
    "grpc_credentials_reload",
    "grpc_local",
    "grpc_tls_client",
    "grpc_tls_server",
    "grpc_call_end",
    "grpc_call_headers",
    "grpc_call_trailers",
    "grpc_call_header",
    "grpc_call_trailer",
    "grpc_call_add_header",
    "grpc_call_add_trailer",
    "grpc_call_add_header_bytes",
    "grpc_call_add_trailer_bytes",
    "grpc_call_send_headers",
    "grpc_detail",
    "grpc_message",
    "grpc_call_fail_with",
    "grpc_call_fail_status",
    "grpc_status_detail",
    "grpc_call_set_encoding",
    "grpc_call_compress",
    "grpc_call_was_compressed",
    "grpc_call_proceed",
    "grpc_call_arena",
    "grpc_call_alloc",
    "grpc_call_printf",
    "grpc_call_scratch",
    "grpc_call_set_value",
    "grpc_call_value",
    "grpc_call_method",
    "grpc_call_peer",
    "grpc_call_time_left_ms",
    "grpc_call_elapsed_us",
    "grpc_call_audience",
    "grpc_call_loop",
    "grpc_call_await_headers",
    "grpc_call_has_room",
    "grpc_compressor",
    "grpc_gzip",
    "grpc_loop_add_compressor",
    "grpc_raw",
    "grpc_write",
    "grpc_raw_events",
    "grpc_raw_start",
    "grpc_raw_call",
    "grpc_raw_next",
    "grpc_raw_unary",
    "grpc_server_serve_raw",
    "grpc_raw_receive",
    "grpc_buffer",
    "grpc_codec",
    "grpc_field",
    "grpc_protobuf",
    "grpc_message_decode",
    "grpc_message_encode",
    "grpc_function",
    "grpc_method",
    "grpc_service",
    "grpc_server_serve",
    "grpc_call_reply",
    "grpc_call_unimplemented",
    "grpc_call_send",
    "grpc_call_receive",
    "grpc_unary_start",
    "grpc_unary",
    "grpc_events",
    "grpc_stream_start",
    "grpc_stream_call",
    "grpc_call_next",
    "grpc_call_end_with",
};

static bool names_has(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool names_is_limit(const char *name)
{
    size_t types = sizeof names_limit_types / sizeof names_limit_types[0];
    for (size_t i = 0; i < types; i++) {
        size_t size = strlen(names_limit_types[i]);
        if (strncmp(name, names_limit_types[i], size) == 0 &&
            names_has(names_limits,
                      sizeof names_limits / sizeof names_limits[0],
                      name + size)) {
            return true;
        }
    }
    return false;
}

// Names that begin with an underscore and a capital, or two underscores, belong
// to the compiler.
static bool names_is_reserved(const char *name)
{
    return name[0] == '_' &&
           (name[1] == '_' || (name[1] >= 'A' && name[1] <= 'Z'));
}

bool gen_names_is_taken(const char *name)
{
    return names_has(names_taken, sizeof names_taken / sizeof names_taken[0],
                     name) ||
           names_is_limit(name);
}

bool gen_names_in_library(const char *name)
{
    return names_has(names_library,
                     sizeof names_library / sizeof names_library[0], name);
}

// ---- Names of types ---------------------------------------------------------

// Names of parameters, variables and members where generated code names types:
// a type of that name (which has no package) would be hidden by them.
static const char *const names_parameters[] = {
    "arena",   "argument", "call",    "callback", "channel",  "data",
    "done",    "end",      "events",  "handlers", "headers",  "message",
    "options", "reply",    "request", "result",   "self",     "server",
    "size",    "status",   "table",   "untyped",  "writable",
};

// a.b.C -> a_b_C
static const char *names_global(struct gen_memory *memory, const char *full)
{
    char *name = gen_copy(memory, full, strlen(full));
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '.' ? '_' : *c;
    }
    size_t parameters = sizeof names_parameters / sizeof names_parameters[0];
    return gen_names_is_taken(name) || names_is_reserved(name) ||
                   names_has(names_parameters, parameters, name)
               ? gen_print(memory, "%s_", name)
               : name;
}

// ---- Names of members -------------------------------------------------------

struct names_scope {
    struct gen_memory *memory;
    struct gen_map used;
};

static void names_use(struct names_scope *scope, const char *name)
{
    (void)gen_map_add(scope->memory, &scope->used, name, strlen(name), scope);
}

static bool names_is_used(const struct names_scope *scope, const char *name)
{
    return gen_map_find(&scope->used, name, strlen(name)) != NULL;
}

// The name, with as many underscores behind it as make it free.
static const char *names_free(struct names_scope *scope, const char *name)
{
    while (names_is_used(scope, name) || gen_names_is_taken(name) ||
           gen_names_in_library(name)) {
        name = gen_print(scope->memory, "%s_", name);
    }
    names_use(scope, name);
    return name;
}

// Takes a name that needs no change; NULL when it does need one.
static const char *names_keep(struct names_scope *scope, const char *name)
{
    if (names_is_used(scope, name) || gen_names_is_taken(name) ||
        gen_names_in_library(name) || names_is_reserved(name)) {
        return NULL;
    }
    names_use(scope, name);
    return name;
}

static bool names_wants_has(const struct gen_message *message,
                            const struct gen_field *field)
{
    return field->label == GEN_LABEL_OPTIONAL && field->oneof == NULL &&
           field->type != GEN_TYPE_MESSAGE && field->type != GEN_TYPE_GROUP &&
           message->file->syntax == GEN_PROTO3;
}

// The type of a field in C, as far as it is a name of its own.
static const char *names_type_of(struct gen_memory *memory,
                                 const struct gen_field *field)
{
    const char *full = field->message != NULL ? field->message->full_name
                       : field->enumeration != NULL
                           ? field->enumeration->full_name
                           : NULL;
    return full == NULL ? NULL : names_global(memory, full);
}

// First the members that are made here, then those that keep their names, and
// at last those that must give way.
static void names_members(struct gen_program *program,
                          struct gen_message *message)
{
    struct gen_memory *memory = program->memory;
    struct names_scope scope = {memory, {NULL, 0, 0}};
    names_use(&scope, "unknown_fields");
    for (struct gen_field *i = message->fields.first; i != NULL; i = i->next) {
        const char *type = names_type_of(memory, i);
        if (type != NULL) {
            names_use(&scope, type); // in C++ a member cannot change it
        }
        if (names_wants_has(message, i)) {
            i->c_has = names_free(&scope, gen_print(memory, "has_%s", i->name));
        }
    }
    for (struct gen_oneof *i = message->oneofs.first; i != NULL; i = i->next) {
        i->c_case = names_free(&scope, gen_print(memory, "%s_case", i->name));
    }
    for (struct gen_oneof *i = message->oneofs.first; i != NULL; i = i->next) {
        i->c_name = names_keep(&scope, i->name);
    }
    for (struct gen_field *i = message->fields.first; i != NULL; i = i->next) {
        i->c_name = names_keep(&scope, i->name);
    }
    for (struct gen_oneof *i = message->oneofs.first; i != NULL; i = i->next) {
        i->c_name = i->c_name != NULL
                        ? i->c_name
                        : names_free(&scope, gen_print(memory, "%s_", i->name));
    }
    for (struct gen_field *i = message->fields.first; i != NULL; i = i->next) {
        i->c_name = i->c_name != NULL
                        ? i->c_name
                        : names_free(&scope, gen_print(memory, "%s_", i->name));
    }
}

// ---- Global names -----------------------------------------------------------

static const char *names_under(struct gen_memory *memory, const char *scope,
                               const char *name)
{
    const char *joined = gen_print(memory, "%s_%s", scope, name);
    return gen_names_is_taken(joined) ? gen_print(memory, "%s_", joined)
                                      : joined;
}

static void names_enum(struct gen_program *program, struct gen_enum *item)
{
    item->c_name = names_global(program->memory, item->full_name);
    for (struct gen_value *i = item->values.first; i != NULL; i = i->next) {
        i->c_name = names_under(program->memory, item->c_name, i->name);
    }
}

static void names_message(struct gen_program *program,
                          struct gen_message *message)
{
    struct gen_memory *memory = program->memory;
    message->c_name = names_global(memory, message->full_name);
    names_members(program, message);
    for (struct gen_oneof *i = message->oneofs.first; i != NULL; i = i->next) {
        i->c_none = gen_print(memory, "%s_%s_NONE", message->c_name, i->name);
    }
    for (struct gen_field *i = message->fields.first; i != NULL; i = i->next) {
        if (i->oneof != NULL) {
            bool is_none = strcmp(i->name, "NONE") == 0;
            i->c_constant =
                gen_print(memory, "%s_%s_%s%s", message->c_name, i->oneof->name,
                          i->name, is_none ? "_" : "");
        }
    }
    for (struct gen_enum *i = message->enums.first; i != NULL; i = i->next) {
        names_enum(program, i);
    }
    for (struct gen_message *i = message->messages.first; i != NULL;
         i = i->next) {
        names_message(program, i);
    }
}

static void names_service(struct gen_program *program,
                          struct gen_service *service)
{
    struct gen_memory *memory = program->memory;
    struct names_scope scope = {memory, {NULL, 0, 0}};
    service->c_name = names_global(memory, service->full_name);
    for (struct gen_method *i = service->methods.first; i != NULL;
         i = i->next) {
        i->c_name = names_under(memory, service->c_name, i->name);
        if (i->request != NULL && !i->streams_requests) {
            names_use(&scope, names_global(memory, i->request->full_name));
        }
    }
    for (struct gen_method *i = service->methods.first; i != NULL;
         i = i->next) {
        i->c_member = names_keep(&scope, i->name);
    }
    for (struct gen_method *i = service->methods.first; i != NULL;
         i = i->next) {
        i->c_member =
            i->c_member != NULL
                ? i->c_member
                : names_free(&scope, gen_print(memory, "%s_", i->name));
    }
}

void gen_names_file(struct gen_program *program, struct gen_file *file)
{
    for (struct gen_enum *i = file->enums.first; i != NULL; i = i->next) {
        names_enum(program, i);
    }
    for (struct gen_message *i = file->messages.first; i != NULL; i = i->next) {
        names_message(program, i);
    }
    for (struct gen_service *i = file->services.first; i != NULL; i = i->next) {
        names_service(program, i);
    }
}

// ---- Claims -----------------------------------------------------------------

// Who has a name.
struct names_owner {
    const struct gen_file *file;
    struct gen_spot spot;
    const char *name; // in the .proto file
};

// False when the name was taken, which is reported.
static bool names_claim(struct gen_program *program, struct names_owner owner,
                        const char *name, const char *suffix)
{
    struct gen_memory *memory = program->memory;
    const char *full = gen_print(memory, "%s%s", name, suffix);
    struct names_owner *kept = gen_alloc(memory, sizeof *kept);
    *kept = owner;
    if (owner.file->is_wanted && gen_names_in_library(full)) {
        gen_error(program->report, owner.spot,
                  "\"%s\" is %s in C, which is a name of grpc.h", owner.name,
                  full);
        return false;
    }
    const struct names_owner *other =
        gen_map_add(memory, &program->c_names, full, strlen(full), kept);
    if (other == NULL || !owner.file->is_wanted) {
        return true;
    }
    struct gen_place place = gen_place_of(other->spot);
    gen_error(program->report, owner.spot,
              "\"%s\" is %s in C, and so is \"%s\" at %s:%u:%u", owner.name,
              full, other->name, other->spot.source->path, (unsigned)place.line,
              (unsigned)place.column);
    return false;
}

// Claims a name alone.
static void names_claim_one(struct gen_program *program,
                            const struct gen_file *file, struct gen_spot spot,
                            const char *owner, const char *name)
{
    struct names_owner who = {file, spot, owner};
    (void)names_claim(program, who, name, "");
}

static void names_claim_enum(struct gen_program *program,
                             const struct gen_enum *item)
{
    names_claim_one(program, item->file, item->spot, item->full_name,
                    item->c_name);
    for (struct gen_value *i = item->values.first; i != NULL; i = i->next) {
        names_claim_one(program, item->file, i->spot, i->name, i->c_name);
    }
}

static void names_claim_message(struct gen_program *program,
                                const struct gen_message *message)
{
    static const char *const suffixes[] = {
        "",        "_message",       "_message_fields", "_message_messages",
        "_decode", "_message_empty", "_encode",
    };
    const struct gen_file *file = message->file;
    struct names_owner owner = {file, message->spot, message->full_name};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if (!names_claim(program, owner, message->c_name, suffixes[i])) {
            break;
        }
    }
    for (struct gen_oneof *i = message->oneofs.first; i != NULL; i = i->next) {
        names_claim_one(program, file, i->spot, i->name, i->c_none);
    }
    for (struct gen_field *i = message->fields.first; i != NULL; i = i->next) {
        if (i->c_constant != NULL) {
            names_claim_one(program, file, i->spot, i->name, i->c_constant);
        }
    }
    for (struct gen_enum *i = message->enums.first; i != NULL; i = i->next) {
        names_claim_enum(program, i);
    }
    for (struct gen_message *i = message->messages.first; i != NULL;
         i = i->next) {
        names_claim_message(program, i);
    }
}

static void names_claim_service(struct gen_program *program,
                                const struct gen_file *file,
                                const struct gen_service *service)
{
    static const char *const of_service[] = {"", "_service", "_serve",
                                             "_service_methods"};
    struct names_owner owner = {file, service->spot, service->full_name};
    for (size_t k = 0; k < sizeof of_service / sizeof of_service[0]; k++) {
        if (!names_claim(program, owner, service->c_name, of_service[k])) {
            break;
        }
    }
    for (struct gen_method *i = service->methods.first; i != NULL;
         i = i->next) {
        struct names_owner method = {file, i->spot, i->name};
        for (const struct gen_method_part *k = gen_method_next(i, NULL);
             k != NULL; k = gen_method_next(i, k)) {
            if (!names_claim(program, method, i->c_name, k->suffix)) {
                break;
            }
        }
    }
}

void gen_names_claim(struct gen_program *program, struct gen_file *file)
{
    for (struct gen_enum *i = file->enums.first; i != NULL; i = i->next) {
        names_claim_enum(program, i);
    }
    for (struct gen_message *i = file->messages.first; i != NULL; i = i->next) {
        names_claim_message(program, i);
    }
    for (struct gen_service *i = file->services.first; i != NULL; i = i->next) {
        names_claim_service(program, file, i);
    }
}

// ---- Files ------------------------------------------------------------------

const char *gen_names_output(struct gen_memory *memory, const char *name,
                             const char *ending)
{
    size_t size = strlen(name);
    if (size > 6 && strcmp(name + size - 6, ".proto") == 0) {
        size -= 6;
    }
    return gen_print(memory, "%.*s%s", (int)size, name, ending);
}

// Names of small letters, digits and slashes map one to one; all others carry
// a hash of the name.
const char *gen_names_guard(struct gen_memory *memory, const char *name)
{
    const char *stem = gen_names_output(memory, name, "");
    size_t size = strlen(stem);
    char *guard = gen_copy(memory, stem, size);
    bool is_plain = true;
    for (size_t i = 0; i < size; i++) {
        char c = stem[i];
        bool is_small = c >= 'a' && c <= 'z';
        bool is_digit = c >= '0' && c <= '9';
        bool is_capital = c >= 'A' && c <= 'Z';
        guard[i] = is_small ? (char)(c - 'a' + 'A') : c;
        guard[i] = is_small || is_digit || is_capital ? guard[i] : '_';
        is_plain = is_plain && (is_small || is_digit || c == '/');
    }
    return is_plain ? gen_print(memory, "CGRPC_%s_PB_H", guard)
                    : gen_print(memory, "CGRPC_%s_PB_H_%08x", guard,
                                gen_hash(name, strlen(name)));
}
