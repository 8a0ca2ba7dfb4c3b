// SPDX-License-Identifier: MIT
// Source texts, places in them, and what is said about them.

#ifndef GEN_TEXT_H
#define GEN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen/gen_memory.h"

// A file that was read. text has a NUL behind its end.
struct gen_source {
    const char *path; // as it is shown in messages
    const char *text;
    uint32_t size;
};

// A place in a file. source is NULL where there is none.
struct gen_spot {
    const struct gen_source *source;
    uint32_t offset;
};

// A piece of the source text, borrowed from it.
struct gen_piece {
    const char *text;
    uint32_t size;
};

struct gen_place {
    uint32_t line;   // from 1
    uint32_t column; // from 1, in bytes
};

INTERNAL struct gen_place gen_place_of(struct gen_spot spot);

// Errors and warnings, as lines of text. All but the first
// GEN_MAX_MESSAGES are counted and dropped.
enum { GEN_MAX_MESSAGES = 50 };

struct gen_report {
    struct gen_buffer text;
    size_t errors;
    size_t warnings;
};

// gen_error adds "path:line:column: error: ..." and a newline.
INTERNAL void gen_error(struct gen_report *report, struct gen_spot spot,
                        const char *format, ...) PRINTF_LIKE(3, 4);
INTERNAL void gen_warn(struct gen_report *report, struct gen_spot spot,
                       const char *format, ...) PRINTF_LIKE(3, 4);

// gen_is_utf8 tells whether a text is well-formed UTF-8.
INTERNAL bool gen_is_utf8(const char *text, size_t size);

// gen_utf8_size is the length of the well-formed UTF-8 sequence that text
// starts with; 0 when there is none.
INTERNAL size_t gen_utf8_size(const char *text, size_t size);

#endif
