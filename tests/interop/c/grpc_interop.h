// SPDX-License-Identifier: MIT
// What our client and server of the interop suite share: numbers of the suite,
// flags, zeros.

#ifndef TESTS_INTEROP_C_GRPC_INTEROP_H
#define TESTS_INTEROP_C_GRPC_INTEROP_H

#include <stdbool.h>
#include <stddef.h>

#include "grpc.h"

#define INTEROP_ECHO_INITIAL  "x-grpc-test-echo-initial"
#define INTEROP_ECHO_TRAILING "x-grpc-test-echo-trailing-bin"

// Payloads are zeros, up to so many.
enum { INTEROP_ZEROS_MAX = 16 * 1024 * 1024 };

// interop_zeros: size zeros, size at most INTEROP_ZEROS_MAX.
grpc_str interop_zeros(size_t size);
bool interop_is_zeros(grpc_str text);

// A flag has one of these, which it sets.
struct interop_flag {
    const char *name;
    const char **text;
    long *number;
    bool *truth;
};

// interop_flags reads --name=value, --name value and, for a truth, --name; with
// one dash as well, as Go's programs. False, and a message on stderr: a flag
// that is not in the list, or a value that is none.
bool interop_flags(int argc, char **argv, const struct interop_flag *flags,
                   size_t count);

#endif
