// SPDX-License-Identifier: MIT
// How a client's call begins: from the options to a call whose request is
// encoded. unary.c, stream.c and raw.c are its users.

#ifndef CORE_CLIENT_START_H
#define CORE_CLIENT_START_H

#include "base/linkage.h"
#include "core/call.h"
#include "core/channel.h"
#include "grpc.h"

// client_start_new makes a call, in state QUEUED and held in its channel's list;
// request is NULL where requests are streamed. path is another name for the
// method, copied, or NULL. NULL: *reason, static text or the channel's error,
// says why. options may be NULL.
INTERNAL MUST_CHECK struct grpc_call *client_start_new(
    struct grpc_channel *channel, const grpc_method *method, const char *path,
    const void *request, const grpc_call_options *options, const char **reason);

// client_start_asked is client_start_new for a call with callbacks: on NULL the
// channel tells why. fault is what is wrong already, or NULL.
INTERNAL MUST_CHECK struct grpc_call *client_start_asked(
    struct grpc_channel *channel, const grpc_method *method, const char *path,
    const void *request, const grpc_call_options *options, const char *fault);

// client_start begins the call: its interceptors are called, and it goes to its
// channel.
INTERNAL void client_start(struct grpc_call *call);

#endif
