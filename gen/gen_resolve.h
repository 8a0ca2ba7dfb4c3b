// SPDX-License-Identifier: MIT
// A program is the set of files that were read: those that were asked for and
// all that they import. Here files are loaded, and names find what they mean.

#ifndef GEN_RESOLVE_H
#define GEN_RESOLVE_H

#include "gen/gen_ast.h"

// gen_read finds and reads the file with a name as it is imported, and fills
// *source, which lives in the memory. NULL is success; else why it failed.
typedef const char *gen_read(void *user, struct gen_memory *memory,
                             const char *name, struct gen_source *source);

enum gen_symbol_kind {
    GEN_SYMBOL_PACKAGE,
    GEN_SYMBOL_MESSAGE,
    GEN_SYMBOL_ENUM,
    GEN_SYMBOL_VALUE,
    GEN_SYMBOL_FIELD,
    GEN_SYMBOL_ONEOF,
    GEN_SYMBOL_SERVICE,
    GEN_SYMBOL_METHOD,
    GEN_SYMBOL_EXTENSION
};

struct gen_symbol {
    enum gen_symbol_kind kind;
    const char *name; // full
    struct gen_spot spot;
    struct gen_file *file;        // the first one, for a package
    struct gen_message *message;  // MESSAGE
    struct gen_enum *enumeration; // ENUM
};

struct gen_program {
    struct gen_memory *memory;
    struct gen_report *report;
    gen_read *read;
    void *read_user;
    GEN_LIST(gen_file) files;  // what a file imports stands before it
    struct gen_map file_names; // name -> gen_file
    struct gen_map symbols;    // full name -> gen_symbol
    struct gen_map c_names;    // name of C -> who has it
    struct gen_map extensions; // extendee and number -> gen_field
};

// gen_load reads a file and what it imports. NULL when that failed, which was
// reported; spot is where the file was asked for.
INTERNAL struct gen_file *gen_load(struct gen_program *program,
                                   const char *name, struct gen_spot spot);

// gen_resolve gives all files their symbols, resolves every name in them and
// runs the checks of gen_check.h. False when something was wrong.
INTERNAL bool gen_resolve(struct gen_program *program);

// A name, and where it stands.
struct gen_query {
    struct gen_file *file;
    const char *scope; // full name, "" for none
    const char *name;  // as written
    bool types_only;   // pass over what is no message or enum
    struct gen_spot spot;
};

// gen_lookup finds what a name means: the innermost scope that knows its first
// part decides. NULL when there is nothing, which is reported.
INTERNAL struct gen_symbol *gen_lookup(struct gen_program *program,
                                       const struct gen_query *query);

#endif
