// SPDX-License-Identifier: MIT
// The rules that a .proto file must keep beyond its grammar: numbers, names,
// labels, options. Run when all names are resolved.

#ifndef GEN_CHECK_H
#define GEN_CHECK_H

#include "gen/gen_resolve.h"

// gen_check_file reports what is wrong in a file.
INTERNAL void gen_check_file(struct gen_program *program,
                             struct gen_file *file);

// gen_check_wanted reports why no code can be generated for a file that is
// right: proto2, streams, types of files that have no code.
INTERNAL void gen_check_wanted(struct gen_program *program,
                               struct gen_file *file);

#endif
