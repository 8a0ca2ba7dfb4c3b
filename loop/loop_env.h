// SPDX-License-Identifier: MIT
// The environment of the process: what says which proxy to use, and whom to
// trust. Nothing else in the library asks for it. The values are copied, because
// a program may change its environment, and are read again for every channel.

#ifndef LOOP_LOOP_ENV_H
#define LOOP_LOOP_ENV_H

#include <stdbool.h>

#include "base/linkage.h"
#include "grpc.h"

// Each is owned and ends with a NUL; NULL: not set, or empty.
struct loop_env {
    char *https_proxy;   // HTTPS_PROXY, or else https_proxy
    char *no_proxy;      // NO_PROXY, or else no_proxy
    char *ssl_cert_file; // SSL_CERT_FILE, as OpenSSL and Go have it
};

// loop_env_init is false without memory; env is then as after loop_env_fini.
INTERNAL MUST_CHECK bool loop_env_init(struct loop_env *env,
                                       const grpc_allocator *allocator);
INTERNAL void loop_env_fini(struct loop_env *env,
                            const grpc_allocator *allocator);

#endif
