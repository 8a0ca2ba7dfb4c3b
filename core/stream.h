// SPDX-License-Identifier: MIT
// A client's streams, as stream.c and raw.c begin them.

#ifndef CORE_STREAM_H
#define CORE_STREAM_H

#include "base/linkage.h"
#include "grpc.h"

// stream_start is grpc_stream_start, with another name for the method unless
// path is NULL.
INTERNAL MUST_CHECK grpc_call *stream_start(
    grpc_channel *channel, const grpc_method *method, const char *path,
    const void *request, const grpc_events *events, void *self,
    const grpc_call_options *options);

// stream_call is grpc_stream_call, likewise.
INTERNAL MUST_CHECK grpc_call *stream_call(
    grpc_channel *channel, grpc_arena *arena, const grpc_method *method,
    const char *path, const void *request, const grpc_call_options *options);

#endif
