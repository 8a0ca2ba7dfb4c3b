// SPDX-License-Identifier: MIT
// Raw calls: the public functions for methods that no code was generated for.

#include "core/call.h"
#include "core/server.h"
#include "core/stream.h"
#include "core/unary.h"
#include "grpc.h"

typedef void raw_message(grpc_call *call, grpc_str message, void *argument);
typedef void raw_end(grpc_call *call, const grpc_status *status, void *self);

static void raw_on_message(grpc_call *call, const void *message,
                           grpc_function *callback, void *self)
{
    const grpc_str *bytes = message;
    ((raw_message *)callback)(call, *bytes, self);
}

static void raw_done(grpc_call *call, const grpc_status *status,
                     const void *reply, grpc_function *callback, void *self)
{
    (void)reply;
    if (callback != NULL) {
        ((raw_end *)callback)(call, status, self);
    }
}

static void raw_handle(grpc_call *call, const void *request,
                       const void *handlers, void *self)
{
    const struct raw_handlers *table = handlers;
    (void)request;
    table->handler(call, self);
}

static const grpc_method raw_stream = {
    .codec = &grpc_raw,
    .request_size = sizeof(grpc_str),
    .reply_size = sizeof(grpc_str),
    .handle = raw_handle,
    .done = raw_done,
    .on_request = raw_on_message,
    .on_reply = raw_on_message,
    .streams_requests = true,
    .streams_replies = true,
};

static const grpc_method raw_unary = {
    .codec = &grpc_raw,
    .request_size = sizeof(grpc_str),
    .reply_size = sizeof(grpc_str),
    .done = raw_done,
};

grpc_call *grpc_raw_start(grpc_channel *channel, const char *method,
                          const grpc_raw_events *events, void *self,
                          const grpc_call_options *options)
{
    grpc_events general = {NULL, NULL, NULL, NULL};
    if (events != NULL) {
        general = (grpc_events){
            .headers = events->headers,
            .message = (grpc_function *)events->message,
            .writable = events->writable,
            .end = (grpc_function *)events->end,
        };
    }
    return stream_start(channel, &raw_stream, method == NULL ? "" : method,
                        NULL, &general, self, options);
}

grpc_call *grpc_raw_call(grpc_channel *channel, grpc_arena *arena,
                         const char *method, const grpc_call_options *options)
{
    return stream_call(channel, arena, &raw_stream,
                       method == NULL ? "" : method, NULL, options);
}

grpc_result grpc_raw_next(grpc_call *call, grpc_str *message)
{
    const void *next = NULL;
    if (message == NULL) {
        return GRPC_EINVAL;
    }
    grpc_result result = grpc_call_next(call, &next);
    const grpc_str *bytes = next;
    *message = bytes == NULL ? (grpc_str){"", 0} : *bytes;
    return result;
}

grpc_status grpc_raw_unary(grpc_channel *channel, grpc_arena *arena,
                           const char *method, grpc_str request,
                           grpc_str *reply, const grpc_call_options *options)
{
    return unary_named(channel, arena, &raw_unary, method == NULL ? "" : method,
                       &request, reply, options);
}

grpc_result grpc_raw_receive(grpc_call *call, raw_message *message,
                             void (*end)(grpc_call *call, void *argument),
                             void *argument)
{
    if (call == NULL || call->method->on_request != raw_on_message) {
        return call == NULL ? GRPC_EINVAL : GRPC_ESTATE;
    }
    return grpc_call_receive(call, (grpc_function *)message, end, argument);
}

grpc_result grpc_server_serve_raw(grpc_server *server, const char *method,
                                  void (*handler)(grpc_call *call, void *self),
                                  void *self)
{
    const struct raw_handlers handlers = {handler};
    if (server == NULL || handler == NULL) {
        return GRPC_EINVAL;
    }
    return server_serve_raw(server, &raw_stream, method, &handlers, self);
}
