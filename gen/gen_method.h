// SPDX-License-Identifier: MIT
// What C holds for a method: one table from which the header, the source and
// the check for names that clash are made, so that no name is written that was
// not claimed.

#ifndef GEN_METHOD_H
#define GEN_METHOD_H

#include "gen/gen_ast.h"

enum gen_method_sort {
    GEN_METHOD_STATIC,  // a function of the source alone
    GEN_METHOD_TYPE,    // a type of the header
    GEN_METHOD_FUNCTION // declared in the header, defined in the source
};

// The texts are for gen_method_print().
struct gen_method_part {
    unsigned kinds; // of methods that have it: bits that gen_method.c names
    enum gen_method_sort sort;
    const char *suffix; // behind the method's name
    const char *head;   // of a function, without ; behind it; or the type
    const char *body;   // of a function, without its braces
};

// gen_method_next walks the parts of a method, in the order in which they are
// written: NULL starts, NULL ends.
INTERNAL const struct gen_method_part *gen_method_next(
    const struct gen_method *method, const struct gen_method_part *part);

// gen_method_handler is the type of the handler, with $N for its name, and
// gen_method_comment what the header says about the functions.
INTERNAL const char *gen_method_handler(const struct gen_method *method);
INTERNAL const char *gen_method_comment(const struct gen_method *method);

// gen_method_print adds a text in which these stand for names of C:
//   $M the method   $N its handler          $Q the request   $P the reply
//   $S the service  $T its grpc_method      $R the method in the .proto file
INTERNAL void gen_method_print(struct gen_buffer *out,
                               const struct gen_service *service,
                               const struct gen_method *method,
                               const char *text);

#endif
