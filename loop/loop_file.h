// SPDX-License-Identifier: MIT
// Files that the user names: certificates, keys, tokens. Each is read whole into
// memory of ours, with a bound, while the loop waits; no copy of its content is
// left in memory that was given back. Errors are an errno.

#ifndef LOOP_LOOP_FILE_H
#define LOOP_LOOP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "grpc.h"

// What a caller without an opinion takes as the largest size: a system's trusted
// roots are less than 1 MiB.
enum { LOOP_FILE_MAX = 16 * 1024 * 1024 };

// loop_file_read gives all bytes of the file, and a NUL behind them that is not
// counted. Owned: loop_file_free. A file that grows or shrinks meanwhile is
// taken as far as it goes. Whatever can be read like a file is one; nothing is
// waited for: what a pipe does not have yet is EAGAIN. EFBIG: larger than max;
// ENOMEM.
INTERNAL MUST_CHECK int loop_file_read(const char *path, size_t max,
                                       const grpc_allocator *allocator,
                                       char **out_data, size_t *out_size);

// loop_file_free overwrites what was read before it is given back. Accepts NULL.
INTERNAL void loop_file_free(char *data, size_t size,
                             const grpc_allocator *allocator);

// What tells a version of a file from the next. Take it before the file is read:
// a change in between is then seen the next time.
struct loop_file_stamp {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    uint64_t modified_ns; // the content
    uint64_t changed_ns;  // that, or the inode: a time that was set back shows
};

// loop_file_stamp looks at what the path leads to, links followed: where a
// folder is replaced by turning a link to it, as Kubernetes does, each file
// becomes another one. On failure *stamp is that of no file.
INTERNAL MUST_CHECK int loop_file_stamp(const char *path,
                                        struct loop_file_stamp *stamp);

INTERNAL bool loop_file_is_same(const struct loop_file_stamp *a,
                                const struct loop_file_stamp *b);

#endif
