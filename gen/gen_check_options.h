// SPDX-License-Identifier: MIT
// The rules of options and of extensions, which options are made of.

#ifndef GEN_CHECK_OPTIONS_H
#define GEN_CHECK_OPTIONS_H

#include "gen/gen_resolve.h"

// What options are set on.
enum gen_options_of {
    GEN_OPTIONS_FILE,
    GEN_OPTIONS_MESSAGE,
    GEN_OPTIONS_FIELD,
    GEN_OPTIONS_ONEOF,
    GEN_OPTIONS_ENUM,
    GEN_OPTIONS_VALUE,
    GEN_OPTIONS_SERVICE,
    GEN_OPTIONS_METHOD
};

// gen_check_options reports names that protobuf does not know, options that
// are set twice, and bools that are none. Custom options are passed over.
INTERNAL void gen_check_options(struct gen_program *program,
                                const gen_options *options,
                                enum gen_options_of of);

// gen_check_extend checks the numbers of an extend block. In proto3, options
// alone can be extended.
INTERNAL void gen_check_extend(struct gen_program *program,
                               const struct gen_file *file,
                               const struct gen_extend *extend);

#endif
