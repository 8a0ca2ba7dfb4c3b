// SPDX-License-Identifier: MIT
// Credentials: what options say, the files that they name, and the TLS library's
// context that was made of both. A reload makes a new context; connections that
// were begun with the old one hold it until they end.
//
//   grpc_credentials --current--> context <-- connections
//                                 (older contexts) <-- connections
//
// Invariants:
//   1. current is NULL when nothing good was ever read, and error tells why; and
//      in local ones.
//   2. A context lives as long as it has holders: its credentials, while it is
//      current, and each connection.

#ifndef CORE_CREDENTIALS_H
#define CORE_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "core/run.h"
#include "grpc.h"
#include "loop/loop_file.h"
#include "loop/loop_socket.h"

struct credentials_context {
    uint32_t holders;
    grpc_allocator allocator;
    const grpc_tls_library *library;
    void *context; // the library's own
    // What a connection decides by when the library has verified a chain.
    grpc_tls_check check;
    grpc_tls_clients clients;
    bool allow_no_alpn;
    grpc_result (*verify)(const grpc_identity *peer, char *reason,
                          size_t reason_size, void *self);
    void *self;
};

// A file that the options name, and the option that its content becomes.
struct credentials_file {
    const char *option;
    const char *path;
    grpc_str *into;
    struct loop_file_stamp stamp; // of what was read
};

// Options, copied. files point into options, which stay where they are.
struct credentials_settings {
    grpc_arena arena; // of what they point to
    grpc_tls_options options;
    grpc_tls_identity *more; // options.more
    struct credentials_file *files;
    size_t file_count;
};

struct grpc_credentials {
    uint32_t holders;
    bool is_local;
    bool is_server;
    bool is_stale;   // what was read last was not good: read it again
    bool has_looked; // at the files, after they were read first
    grpc_allocator allocator;
    struct credentials_settings settings;
    struct credentials_context *current;
    uint64_t looked_ms; // when the files were looked at last
    char error[RUN_ERROR_TEXT];
};

// credentials_fault is why a server, or a channel, cannot use them; NULL: it can.
INTERNAL const char *credentials_fault(const struct grpc_credentials *of,
                                       bool is_server);

// credentials_use is the context for a new connection, which holds it until
// credentials_release. (They have no fault.) It may read files that have changed.
// NULL for local ones.
INTERNAL struct credentials_context *credentials_use(
    struct grpc_credentials *credentials, struct grpc_loop *loop);
INTERNAL void credentials_release(struct credentials_context *context);

// credentials_is_tls: the bytes are not those of HTTP/2.
INTERNAL bool credentials_is_tls(const struct grpc_credentials *credentials);

// credentials_server_name is the option; NULL: none.
INTERNAL const char *credentials_server_name(
    const struct grpc_credentials *credentials);

#endif
