// SPDX-License-Identifier: MIT
// A client's blocking unary call, as unary.c and raw.c make it.

#ifndef CORE_UNARY_H
#define CORE_UNARY_H

#include "base/linkage.h"
#include "grpc.h"

// unary_named is grpc_unary, with another name for the method unless path is
// NULL.
INTERNAL MUST_CHECK grpc_status unary_named(grpc_channel *channel,
                                            grpc_arena *arena,
                                            const grpc_method *method,
                                            const char *path,
                                            const void *request, void *reply,
                                            const grpc_call_options *options);

#endif
