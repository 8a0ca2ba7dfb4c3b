// SPDX-License-Identifier: MIT

#include "tests/sim/sim_service.h"

#include <string.h>

#include "tests/support.h"

static const grpc_field service_fields[] = {
    {1, offsetof(struct sim_message, index), 0, GRPC_TYPE_UINT32,
     GRPC_FIELD_IMPLICIT, 0},
    {2, offsetof(struct sim_message, payload), 0, GRPC_TYPE_BYTES,
     GRPC_FIELD_IMPLICIT, 0},
};

static const struct sim_message service_empty = {.payload = {"", 0}};

static const grpc_message service_message = {
    .name = "sim.Message",
    .fields = service_fields,
    .empty = &service_empty,
    .size = sizeof(struct sim_message),
    .field_count = 2,
    .dense_count = 2,
    .unknown = offsetof(struct sim_message, unknown_fields),
};

static void service_handle(grpc_call *call, const void *request,
                           const void *handlers, void *self)
{
    const struct sim_handlers *table = handlers;
    table->handle(call, request, self);
}

static void service_refuse(grpc_call *call, const void *request,
                           const void *handlers, void *self)
{
    (void)request;
    (void)handlers;
    (void)self;
    grpc_call_unimplemented(call);
}

static void service_done(grpc_call *call, const grpc_status *status,
                         const void *reply, grpc_function *callback, void *self)
{
    ((sim_done *)callback)(call, status, reply, self);
}

static void service_many(grpc_call *call, const void *request,
                         const void *handlers, void *self)
{
    const struct sim_handlers *table = handlers;
    table->many(call, request, self);
}

static void service_collect(grpc_call *call, const void *request,
                            const void *handlers, void *self)
{
    const struct sim_handlers *table = handlers;
    (void)request;
    table->collect(call, self);
}

static void service_talk(grpc_call *call, const void *request,
                         const void *handlers, void *self)
{
    const struct sim_handlers *table = handlers;
    (void)request;
    table->talk(call, self);
}

static void service_end(grpc_call *call, const grpc_status *status,
                        const void *reply, grpc_function *callback, void *self)
{
    (void)reply;
    ((sim_end_stream *)callback)(call, status, self);
}

static void service_message_of(grpc_call *call, const void *message,
                               grpc_function *callback, void *self)
{
    ((sim_message_of *)callback)(call, message, self);
}

#define SERVICE_METHOD(name, function, end, requests, replies)               \
 {                                                                           \
  .path = "/sim.Simulated/" name, .codec = &grpc_protobuf,                   \
  .request = &service_message, .reply = &service_message,                    \
  .request_size = sizeof(struct sim_message),                                \
  .reply_size = sizeof(struct sim_message), .handle = function, .done = end, \
  .on_request = (requests) ? service_message_of : NULL,                      \
  .on_reply = (replies) ? service_message_of : NULL,                         \
  .streams_requests = requests, .streams_replies = replies,                  \
 }

static const grpc_method service_methods[] = {
    SERVICE_METHOD("Call", service_handle, service_done, false, false),
    SERVICE_METHOD("Null", service_refuse, service_done, false, false),
    SERVICE_METHOD("Many", service_many, service_end, false, true),
    SERVICE_METHOD("Collect", service_collect, service_done, true, false),
    SERVICE_METHOD("Talk", service_talk, service_end, true, true),
    SERVICE_METHOD("Absent", NULL, service_done, false, false),
};

static const grpc_service service_table = {
    .name = "sim.Simulated",
    .methods = service_methods,
    .method_count = 5,
    .handlers_size = sizeof(struct sim_handlers),
};

const grpc_method *sim_method(int which)
{
    return &service_methods[which];
}

const grpc_service *sim_service(void)
{
    return &service_table;
}

enum { SERVICE_SHIFTS = 4096 };

static const char *service_pattern(void)
{
    static char pattern[SIM_PAYLOAD_MAX + 2 * SERVICE_SHIFTS];
    static bool filled;
    uint64_t state = 1;
    for (size_t i = 0; !filled && i < sizeof pattern; i++) {
        pattern[i] = (char)test_random(&state);
    }
    filled = true;
    return pattern;
}

grpc_str sim_payload(uint32_t index, bool is_reply, size_t size)
{
    size_t shift = index * 37 % SERVICE_SHIFTS + (is_reply ? 1711 : 0);
    return (grpc_str){service_pattern() + shift, size};
}

bool sim_payload_is(grpc_str payload, uint32_t index, bool is_reply,
                    size_t size)
{
    grpc_str expected = sim_payload(index, is_reply, size);
    return payload.size == size &&
           memcmp(payload.data, expected.data, size) == 0;
}

static char *service_varint(char *out, size_t value)
{
    while (value >= 128) {
        *out++ = (char)(value | 128);
        value >>= 7;
    }
    *out++ = (char)value;
    return out;
}

size_t sim_encode(uint32_t index, grpc_str payload, char *out)
{
    char *end = out;
    if (index != 0) {
        *end++ = 1 << 3;
        end = service_varint(end, index);
    }
    if (payload.size > 0) {
        *end++ = 2 << 3 | 2;
        end = service_varint(end, payload.size);
        memcpy(end, payload.data, payload.size);
        end += payload.size;
    }
    return (size_t)(end - out);
}
