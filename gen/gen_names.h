// SPDX-License-Identifier: MIT
// The names that generated C code uses.
//
// A full name has its points replaced by underscores. Names that C, C++ or
// their headers have taken get an underscore behind them, and so do members
// that clash with a member that is made here (has_x, x_case, unknown_fields).
// Global names are never changed silently for the sake of one another: two of
// the same are an error.

#ifndef GEN_NAMES_H
#define GEN_NAMES_H

#include "gen/gen_resolve.h"

// gen_names_file makes the names of a file; gen_names_claim then claims them,
// so that no second thing has the same one. Clashes are reported if the file
// is_wanted.
INTERNAL void gen_names_file(struct gen_program *program,
                             struct gen_file *file);
INTERNAL void gen_names_claim(struct gen_program *program,
                              struct gen_file *file);

// gen_names_is_taken tells whether C, C++ or a common header has the name.
INTERNAL bool gen_names_is_taken(const char *name);

// gen_names_in_library tells whether grpc.h declares the name.
INTERNAL bool gen_names_in_library(const char *name);

// gen_names_output replaces ".proto" by an ending: "a/b.proto" -> "a/b.pb.h".
INTERNAL const char *gen_names_output(struct gen_memory *memory,
                                      const char *name, const char *ending);

// gen_names_guard is the include guard of a file's header. Different files
// have different guards.
INTERNAL const char *gen_names_guard(struct gen_memory *memory,
                                     const char *name);

#endif
