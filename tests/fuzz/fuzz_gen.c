// SPDX-License-Identifier: MIT
// The .proto compiler, from text to text. What it accepts it can write; what
// it refuses it says why; the same text gives the same C.
//
//   input: t.proto, and behind a byte 0xff, if there is one, u.proto.

#include "gen/gen_check.h"
#include "gen/gen_emit.h"
#include "gen/gen_names.h"
#include "gen/gen_parser.h"
#include "gen/gen_resolve.h"
#include "tests/fuzz/fuzz_kit.h"

struct gen_fuzz {
    struct gen_memory memory;
    struct gen_report report;
    struct gen_program program;
    struct view files[2];
    uint64_t digest;
};

static const char *gen_fuzz_read(void *user, struct gen_memory *memory,
                                 const char *name, struct gen_source *source)
{
    static const char *const names[2] = {"t.proto", "u.proto"};
    const struct gen_fuzz *fuzz = user;
    for (size_t i = 0; i < 2; i++) {
        if (strcmp(names[i], name) == 0 && fuzz->files[i].data != NULL) {
            struct view text = fuzz->files[i];
            source->path = names[i];
            source->text = gen_copy(memory, (const char *)text.data, text.size);
            source->size = (uint32_t)text.size;
            return NULL;
        }
    }
    return "not found";
}

// gen_fuzz_compile is the way that cgrpc-gen goes; NULL when it was refused.
static struct gen_file *gen_fuzz_compile(struct gen_fuzz *fuzz)
{
    struct gen_spot nowhere = {NULL, 0};
    struct gen_program *program = &fuzz->program;
    struct gen_file *file = gen_load(program, "t.proto", nowhere);
    if (file == NULL) {
        return NULL;
    }
    file->is_wanted = true;
    if (!gen_resolve(program)) {
        return NULL;
    }
    gen_check_wanted(program, file);
    for (struct gen_file *i = program->files.first; i != NULL; i = i->next) {
        gen_names_file(program, i);
    }
    for (struct gen_file *i = program->files.first;
         fuzz->report.errors == 0 && i != NULL; i = i->next) {
        gen_names_claim(program, i);
    }
    return fuzz->report.errors == 0 ? file : NULL;
}

static void gen_fuzz_emit(struct gen_fuzz *fuzz, const struct gen_file *file,
                          void (*write)(struct gen_emit *emit))
{
    struct gen_buffer text = {&fuzz->memory, NULL, 0, 0};
    struct gen_emit emit = {&fuzz->memory, file, "\"grpc.h\"", &text};
    write(&emit);
    FUZZ_CHECK(text.size > 0 && text.data[text.size] == '\0');
    // Nothing of the input makes a byte that C does not have.
    FUZZ_CHECK(memchr(text.data, 0, text.size) == NULL);
    FUZZ_CHECK(memchr(text.data, '\r', text.size) == NULL);
    fuzz->digest = fuzz_digest(fuzz->digest, view_of(text.data, text.size));
    gen_buffer_free(&text);
}

static uint64_t gen_fuzz_run(struct view first, struct view second)
{
    struct gen_fuzz fuzz = {.digest = FUZZ_DIGEST};
    fuzz.files[0] = first;
    fuzz.files[1] = second;
    fuzz.report.text.memory = &fuzz.memory;
    fuzz.program.memory = &fuzz.memory;
    fuzz.program.report = &fuzz.report;
    fuzz.program.read = gen_fuzz_read;
    fuzz.program.read_user = &fuzz;
    const struct gen_file *file = gen_fuzz_compile(&fuzz);
    FUZZ_CHECK((file == NULL) == (fuzz.report.errors > 0));
    if (file != NULL) {
        gen_fuzz_emit(&fuzz, file, gen_emit_header);
        gen_fuzz_emit(&fuzz, file, gen_emit_source);
    }
    fuzz.digest = fuzz_digest(
        fuzz.digest, view_of(fuzz.report.text.data, fuzz.report.text.size));
    gen_buffer_free(&fuzz.report.text);
    gen_memory_free(&fuzz.memory);
    return fuzz.digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view first = view_of(size > 0 ? (const void *)data : "", size);
    struct view second = view_of(NULL, 0);
    const uint8_t *split = memchr(first.data, 0xff, size);
    if (split != NULL) {
        size_t at = (size_t)(split - first.data);
        second = view_skip(first, at + 1);
        first.size = at;
    }
    FUZZ_CHECK(gen_fuzz_run(first, second) == gen_fuzz_run(first, second));
    return 0;
}
