// SPDX-License-Identifier: MIT
// cgrpc-gen: reads .proto files and writes C.

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include "gen/gen_check.h"
#include "gen/gen_emit.h"
#include "gen/gen_names.h"
#include "gen/gen_wellknown.h"
#include "grpc.h"

// A name of the command line.
struct main_name {
    struct main_name *next;
    const char *text;
};
typedef GEN_LIST(main_name) main_names;

// A file that is written: first under a name of its own, which takes the place
// of the real one when everything has gone well.
struct main_output {
    struct main_output *next;
    const char *path;
    const char *temporary;
    bool is_open; // the temporary file exists
};

struct main_state {
    struct gen_memory memory;
    struct gen_report report;
    struct gen_program program;
    main_names directories; // -I
    main_names inputs;
    GEN_LIST(main_output) outputs;
    const char *output_directory;
    const char *include;
    const char *proto_path;
    const char *wellknown;
};

static const char main_help[] =
    "Usage: cgrpc-gen [options] FILE.proto...\n"
    "\n"
    "Writes FILE.pb.h and FILE.pb.c for each .proto file (proto3).\n"
    "\n"
    "  -I DIR             look for imported files in DIR; may be repeated,\n"
    "                     the first one that has the file counts (default: .)\n"
    "  -o DIR             write below DIR (default: .)\n"
    "  --include NAME     what the header includes for the library (default:\n"
    "                     grpc.h; '<cgrpc/grpc.h>' for the installed one)\n"
    "  --proto-path DIR   where google/protobuf/*.proto and "
    "google/rpc/*.proto\n"
    "                     are; the environment variable CGRPC_PROTO_PATH does\n"
    "                     the same\n"
    "  --version          print the version and exit\n"
    "  --help             print this and exit\n";

// ---- Reading ----------------------------------------------------------------

static const char *main_read_stream(FILE *stream, struct gen_memory *memory,
                                    struct gen_source *source)
{
    struct gen_buffer buffer = {memory, NULL, 0, 0};
    char piece[16384];
    const char *reason = NULL;
    size_t size;
    errno = 0;
    while ((size = fread(piece, 1, sizeof piece, stream)) > 0) {
        gen_buffer_add(&buffer, piece, size);
        if (buffer.size > GEN_MAX_FILE_BYTES) {
            reason = "the file is too large";
            break;
        }
    }
    if (ferror(stream)) {
        reason = strerror(errno);
    }
    source->text = gen_copy(memory, buffer.data, buffer.size);
    source->size = (uint32_t)buffer.size;
    gen_buffer_free(&buffer);
    return reason;
}

static const char *main_join(struct gen_memory *memory, const char *directory,
                             const char *name)
{
    size_t size = strlen(directory);
    if (strcmp(directory, ".") == 0) {
        return name;
    }
    return gen_print(memory, "%s%s%s", directory,
                     size > 0 && directory[size - 1] == '/' ? "" : "/", name);
}

static bool main_is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISDIR(status.st_mode);
}

// Where a name that is imported leads; NULL: nowhere.
static const char *main_find(struct main_state *state, const char *name)
{
    for (struct main_name *i = state->directories.first; i != NULL;
         i = i->next) {
        const char *path = main_join(&state->memory, i->text, name);
        if (main_is_file(path)) {
            return path;
        }
    }
    if (state->wellknown == NULL) {
        return NULL;
    }
    const char *path = main_join(&state->memory, state->wellknown, name);
    return main_is_file(path) ? path : NULL;
}

static const char *main_not_found(struct main_state *state)
{
    struct gen_buffer text = {&state->memory, NULL, 0, 0};
    gen_buffer_print(&text, "not found in");
    for (struct main_name *i = state->directories.first; i != NULL;
         i = i->next) {
        gen_buffer_print(&text, " %s,", i->text);
    }
    gen_buffer_print(&text,
                     state->wellknown == NULL ? " and there is no --proto-path"
                                              : " %s",
                     state->wellknown);
    const char *reason = gen_copy(&state->memory, text.data, text.size);
    gen_buffer_free(&text);
    return reason;
}

static const char *main_read(void *user, struct gen_memory *memory,
                             const char *name, struct gen_source *source)
{
    struct main_state *state = user;
    const char *path = main_find(state, name);
    if (path == NULL) {
        return main_not_found(state);
    }
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) {
        return gen_print(memory, "%s: %s", path, strerror(errno));
    }
    source->path = path;
    const char *reason = main_read_stream(stream, memory, source);
    (void)fclose(stream);
    return reason;
}

// ---- Writing ----------------------------------------------------------------

static void main_remove_outputs(void *user)
{
    struct main_state *state = user;
    for (struct main_output *i = state->outputs.first; i != NULL; i = i->next) {
        if (i->is_open) {
            (void)remove(i->temporary);
            i->is_open = false;
        }
    }
}

static bool main_say(struct main_state *state, const char *path)
{
    struct gen_spot nowhere = {NULL, 0};
    gen_error(&state->report, nowhere, "%s: %s", path, strerror(errno));
    return false;
}

// Makes the directories that lead to a path.
static bool main_make_directories(struct main_state *state, const char *path)
{
    char *copy = gen_copy(&state->memory, path, strlen(path));
    for (char *c = copy + 1; *c != '\0'; c++) {
        if (*c != '/') {
            continue;
        }
        *c = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) {
            return main_say(state, copy);
        }
        *c = '/';
    }
    return true;
}

static bool main_write(struct main_state *state, const char *name,
                       const struct gen_buffer *text)
{
    struct main_output *output = gen_alloc(&state->memory, sizeof *output);
    output->path = main_join(&state->memory, state->output_directory, name);
    output->temporary =
        gen_print(&state->memory, "%s.%ld.tmp", output->path, (long)getpid());
    if (!main_make_directories(state, output->path)) {
        return false;
    }
    FILE *stream = fopen(output->temporary, "wb");
    if (stream == NULL) {
        return main_say(state, output->temporary);
    }
    output->is_open = true;
    GEN_APPEND(state->outputs, output);
    bool is_good = fwrite(text->data, 1, text->size, stream) == text->size;
    is_good = fflush(stream) == 0 && is_good;
    if (fclose(stream) != 0 || !is_good) {
        return main_say(state, output->temporary);
    }
    return true;
}

static bool main_emit(struct main_state *state, const struct gen_file *file)
{
    struct gen_buffer text = {&state->memory, NULL, 0, 0};
    struct gen_emit emit = {&state->memory, file, state->include, &text};
    gen_emit_header(&emit);
    bool is_good = main_write(
        state, gen_names_output(&state->memory, file->name, ".pb.h"), &text);
    text.size = 0;
    gen_emit_source(&emit);
    is_good =
        is_good &&
        main_write(state, gen_names_output(&state->memory, file->name, ".pb.c"),
                   &text);
    gen_buffer_free(&text);
    return is_good;
}

static bool main_emit_all(struct main_state *state)
{
    for (struct gen_file *i = state->program.files.first; i != NULL;
         i = i->next) {
        if (i->is_wanted && !main_emit(state, i)) {
            return false;
        }
    }
    for (struct main_output *i = state->outputs.first; i != NULL; i = i->next) {
        if (rename(i->temporary, i->path) != 0) {
            return main_say(state, i->path);
        }
        i->is_open = false;
    }
    return true;
}

// ---- The command line -------------------------------------------------------

static void main_add_name(struct main_state *state, main_names *names,
                          const char *text)
{
    struct main_name *name = gen_alloc(&state->memory, sizeof *name);
    name->text = text;
    GEN_APPEND(*names, name);
}

static int main_usage(const char *what, const char *argument)
{
    (void)fprintf(stderr, "cgrpc-gen: %s%s\nTry 'cgrpc-gen --help'.\n", what,
                  argument);
    return 2;
}

// An option that has a value, in this argument or the next. NULL: it is not
// that option, or the value is missing (then *index is argc).
static const char *main_value(const char *option, int argc, char **argv,
                              int *index)
{
    const char *argument = argv[*index];
    size_t size = strlen(option);
    bool is_long = option[1] == '-';
    if (strncmp(argument, option, size) != 0) {
        return NULL;
    }
    if (argument[size] != '\0') {
        bool has_value = !is_long || argument[size] == '=';
        return has_value ? argument + size + (is_long ? 1 : 0) : NULL;
    }
    (*index)++;
    return *index < argc ? argv[*index] : NULL;
}

static bool main_option(struct main_state *state, int argc, char **argv,
                        int *index)
{
    const char *value = main_value("-I", argc, argv, index);
    if (value != NULL) {
        main_add_name(state, &state->directories, value);
        return true;
    }
    const struct {
        const char *option;
        const char **variable;
    } rows[] = {
        {"-o", &state->output_directory},
        {"--include", &state->include},
        {"--proto-path", &state->proto_path},
    };
    for (size_t i = 0; *index < argc && i < sizeof rows / sizeof rows[0]; i++) {
        value = main_value(rows[i].option, argc, argv, index);
        if (value != NULL) {
            *rows[i].variable = value;
            return true;
        }
    }
    return false;
}

// 0: go on. Else the program ends with that, less one.
static int main_arguments(struct main_state *state, int argc, char **argv)
{
    bool only_files = false;
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        if (only_files || argument[0] != '-' || argument[1] == '\0') {
            main_add_name(state, &state->inputs, argument);
        } else if (strcmp(argument, "--") == 0) {
            only_files = true;
        } else if (strcmp(argument, "--version") == 0) {
            return puts("cgrpc-gen " GRPC_VERSION) < 0 ? 2 : 1;
        } else if (strcmp(argument, "--help") == 0) {
            return fputs(main_help, stdout) < 0 ? 2 : 1;
        } else if (!main_option(state, argc, argv, &i)) {
            return 1 + main_usage(i >= argc ? "a value is missing behind "
                                            : "unknown option ",
                                  argument);
        }
    }
    if (state->inputs.first == NULL) {
        return 1 + main_usage("no .proto file was named", "");
    }
    return 0;
}

// ---- Files that are asked for -----------------------------------------------

static const char *main_skip_dots(const char *path)
{
    while (path[0] == '.' && path[1] == '/') {
        path += 2;
        path += strspn(path, "/");
    }
    return path;
}

// What is left of a path below a directory; NULL when it is not below it.
static const char *main_below(const char *directory, const char *path)
{
    directory = main_skip_dots(directory);
    path = main_skip_dots(path);
    size_t size = strlen(directory);
    while (size > 1 && directory[size - 1] == '/') {
        size--;
    }
    if (strcmp(directory, ".") == 0 || size == 0) {
        return path[0] == '/' || strncmp(path, "../", 3) == 0 ? NULL : path;
    }
    bool is_below = strncmp(path, directory, size) == 0 && path[size] == '/';
    return is_below ? path + size + strspn(path + size, "/") : NULL;
}

static bool main_is_proto(const char *path)
{
    size_t size = strlen(path);
    return size > 6 && strcmp(path + size - 6, ".proto") == 0;
}

// The name that others import a file by.
static const char *main_name_of(struct main_state *state, const char *path)
{
    struct gen_spot nowhere = {NULL, 0};
    if (!main_is_proto(path)) {
        gen_error(&state->report, nowhere, "%s: expected a .proto file", path);
        return NULL;
    }
    for (struct main_name *i = state->directories.first;
         i != NULL && main_is_file(path); i = i->next) {
        const char *name = main_below(i->text, path);
        if (name == NULL) {
            continue;
        }
        const char *found = main_find(state, name);
        if (found != NULL &&
            strcmp(main_skip_dots(found), main_skip_dots(path)) != 0 &&
            strcmp(found, main_join(&state->memory, i->text, name)) != 0) {
            gen_error(&state->report, nowhere,
                      "%s is hidden by %s: change the order of -I", path,
                      found);
            return NULL;
        }
        return name;
    }
    if (!main_is_file(path) && main_find(state, path) != NULL) {
        return path; // named as it is imported
    }
    if (!main_is_file(path)) {
        gen_error(&state->report, nowhere, "%s: no such file", path);
        return NULL;
    }
    const char *slash = strrchr(path, '/');
    gen_error(&state->report, nowhere,
              "%s is in no directory of -I: add -I %.*s", path,
              slash == NULL ? 1 : (int)(slash - path),
              slash == NULL ? "." : path);
    return NULL;
}

static void main_load(struct main_state *state)
{
    struct gen_spot nowhere = {NULL, 0};
    for (struct main_name *i = state->inputs.first; i != NULL; i = i->next) {
        const char *name = main_name_of(state, i->text);
        struct gen_file *file =
            name == NULL ? NULL : gen_load(&state->program, name, nowhere);
        if (file != NULL) {
            file->is_wanted = true;
        }
    }
}

// Names that were claimed by files without code come first, so that a clash is
// told of the file that code is made for.
static void main_names_of_c(struct main_state *state)
{
    struct gen_program *program = &state->program;
    for (struct gen_file *i = program->files.first; i != NULL; i = i->next) {
        gen_names_file(program, i);
    }
    for (int wanted = 0; wanted < 2; wanted++) {
        for (struct gen_file *i = program->files.first; i != NULL;
             i = i->next) {
            if (i->is_wanted == (wanted != 0)) {
                gen_names_claim(program, i);
            }
        }
    }
}

static bool main_run(struct main_state *state)
{
    struct gen_program *program = &state->program;
    main_load(state);
    if (state->report.errors > 0 || !gen_resolve(program)) {
        return false;
    }
    for (struct gen_file *i = program->files.first; i != NULL; i = i->next) {
        if (i->is_wanted) {
            gen_check_wanted(program, i);
        }
    }
    if (state->report.errors > 0) {
        return false;
    }
    main_names_of_c(state);
    return state->report.errors == 0 && main_emit_all(state);
}

static void main_setup(struct main_state *state, const char *program)
{
    if (state->directories.first == NULL) {
        main_add_name(state, &state->directories, ".");
    }
    if (state->include[0] != '<' && state->include[0] != '"') {
        state->include = gen_print(&state->memory, "\"%s\"", state->include);
    }
    state->wellknown =
        gen_wellknown_directory(&state->memory, state->proto_path, program);
    state->memory.exhausted = main_remove_outputs;
    state->memory.user = state;
    state->report.text.memory = &state->memory;
    state->program = (struct gen_program){
        .memory = &state->memory,
        .report = &state->report,
        .read = main_read,
        .read_user = state,
    };
}

int main(int argc, char **argv)
{
    struct main_state state = {.output_directory = ".", .include = "grpc.h"};
    int ending = main_arguments(&state, argc, argv);
    if (ending == 0) {
        main_setup(&state, argv[0]);
        ending = main_run(&state) ? 1 : 2;
        main_remove_outputs(&state);
        if (state.report.text.size > 0) {
            (void)fputs(state.report.text.data, stderr);
        }
        if (state.report.errors > GEN_MAX_MESSAGES) {
            (void)fprintf(
                stderr, "cgrpc-gen: and %lu more errors\n",
                (unsigned long)(state.report.errors - GEN_MAX_MESSAGES));
        }
    }
    gen_buffer_free(&state.report.text);
    gen_memory_free(&state.memory);
    return ending - 1;
}
