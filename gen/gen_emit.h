// SPDX-License-Identifier: MIT
// Writes the C of one file: x.pb.h and x.pb.c.

#ifndef GEN_EMIT_H
#define GEN_EMIT_H

#include "gen/gen_ast.h"

struct gen_emit {
    struct gen_memory *memory;
    const struct gen_file *file;
    const char *include; // of the library, with its quotes or brackets
    struct gen_buffer *out;
};

INTERNAL void gen_emit_header(struct gen_emit *emit);
INTERNAL void gen_emit_source(struct gen_emit *emit);

// gen_emit_comment writes a comment as lines that begin with an indent and //.
// Nothing in the comment can end it or reach beyond it.
INTERNAL void gen_emit_comment(struct gen_emit *emit, struct gen_piece comment,
                               const char *indent);

// gen_emit_next walks all messages of a file, outer ones before inner ones:
// NULL starts, NULL ends.
INTERNAL const struct gen_message *gen_emit_next(
    const struct gen_file *file, const struct gen_message *message);

#endif
