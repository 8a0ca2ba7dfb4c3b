// SPDX-License-Identifier: MIT
// mbedTLS without memory. It has the process's heap, so that is what fails: this
// file's malloc(), while a function of the library is on the stack. With glibc
// alone, and without sanitizers, which have a malloc() of their own.

#ifndef TESTS_SIM_OOM_VENDOR_H
#define TESTS_SIM_OOM_VENDOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc.h"

#if defined(GRPC_WITH_MBEDTLS) && defined(__GLIBC__) && \
    !defined(__SANITIZE_ADDRESS__)
# define OOM_HAS_VENDOR 1
#else
# define OOM_HAS_VENDOR 0
#endif

// Allocations that were reached each by a way of its own: of a handshake's twenty
// thousand, nearly all of bignums, some hundred. Which way that is, its innermost
// callers tell.
enum { OOM_PATHS = 4096 };
struct oom_paths {
    uint64_t known[OOM_PATHS]; // hashes
    size_t at[OOM_PATHS];      // the number of the first by that way
    size_t count;
};

// One side's allocations in mbedTLS, and in ours around it.
struct oom_vendor {
    size_t calls;
    struct oom_paths *paths; // to be found; NULL: none
    size_t fail_at;          // 0: none fails
    bool fail_on;            // nor does any behind it succeed
};

#if OOM_HAS_VENDOR

// oom_vendor_library is tls_mbedtls; library_data is the struct oom_vendor.
extern const grpc_tls_library oom_vendor_library;

// oom_vendor_live counts the process's blocks.
long oom_vendor_live(void);

#endif

#endif
