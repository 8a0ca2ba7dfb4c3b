// SPDX-License-Identifier: MIT
// What the tests of the generator share: files in memory, and what was said
// about them.

#ifndef TESTS_GEN_KIT_H
#define TESTS_GEN_KIT_H

#include "tests/unit.h"

#include "gen/gen_check.h"
#include "gen/gen_names.h"
#include "gen/gen_parser.h"
#include "gen/gen_resolve.h"

enum { GEN_KIT_FILES = 8 };

struct gen_kit {
    struct gen_memory memory;
    struct gen_report report;
    struct gen_program program;
    const char *names[GEN_KIT_FILES];
    const char *texts[GEN_KIT_FILES];
};

MAYBE_UNUSED static const char *gen_kit_read(void *user,
                                             struct gen_memory *memory,
                                             const char *name,
                                             struct gen_source *source)
{
    const struct gen_kit *kit = user;
    for (size_t i = 0; i < GEN_KIT_FILES && kit->names[i] != NULL; i++) {
        if (strcmp(kit->names[i], name) == 0) {
            size_t size = strlen(kit->texts[i]);
            source->path = name;
            source->text = gen_copy(memory, kit->texts[i], size);
            source->size = (uint32_t)size;
            return NULL;
        }
    }
    return "not found";
}

MAYBE_UNUSED static void gen_kit_init(struct gen_kit *kit)
{
    memset(kit, 0, sizeof *kit);
    kit->report.text.memory = &kit->memory;
    kit->program.memory = &kit->memory;
    kit->program.report = &kit->report;
    kit->program.read = gen_kit_read;
    kit->program.read_user = kit;
}

MAYBE_UNUSED static void gen_kit_free(struct gen_kit *kit)
{
    gen_buffer_free(&kit->report.text);
    gen_memory_free(&kit->memory);
}

// Adds a file.
MAYBE_UNUSED static void gen_kit_add(struct gen_kit *kit, const char *name,
                                     const char *text)
{
    size_t i = 0;
    while (kit->names[i] != NULL) {
        i++;
    }
    assert_true(i + 1 < GEN_KIT_FILES);
    kit->names[i] = name;
    kit->texts[i] = text;
}

// The errors and warnings so far.
MAYBE_UNUSED static const char *gen_kit_said(const struct gen_kit *kit)
{
    return kit->report.text.data == NULL ? "" : kit->report.text.data;
}

// Loads, resolves and checks the first file, as the program does; NULL when
// something was wrong.
MAYBE_UNUSED static struct gen_file *gen_kit_run(struct gen_kit *kit)
{
    struct gen_spot nowhere = {NULL, 0};
    struct gen_program *program = &kit->program;
    struct gen_file *file = gen_load(program, kit->names[0], nowhere);
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
         kit->report.errors == 0 && i != NULL; i = i->next) {
        gen_names_claim(program, i);
    }
    return kit->report.errors == 0 ? file : NULL;
}

// A source over the first size bytes of a text, in memory of just that size, so
// that reading beyond it is noticed.
MAYBE_UNUSED static struct gen_source gen_kit_source(struct gen_memory *memory,
                                                     const char *text,
                                                     size_t size)
{
    struct gen_source source = {"t.proto", gen_copy(memory, text, size),
                                (uint32_t)size};
    return source;
}

#endif
