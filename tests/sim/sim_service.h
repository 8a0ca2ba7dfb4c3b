// SPDX-License-Identifier: MIT
// The service that the simulation and the sweep of allocations call: a message
// is the number of its call and some bytes, which follow from that number.

#ifndef TESTS_SIM_SIM_SERVICE_H
#define TESTS_SIM_SIM_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc.h"

struct sim_message {
    uint32_t index;
    grpc_str payload;
    grpc_str unknown_fields;
};

enum { SIM_PAYLOAD_MAX = 400000 };

typedef void sim_handler(grpc_call *call, const struct sim_message *request,
                         void *self);
typedef void sim_done(grpc_call *call, const grpc_status *status,
                      const struct sim_message *reply, void *self);

// A message of a stream, for either side; what streamed requests begin with;
// and the end of a call whose replies are streamed.
typedef void sim_message_of(grpc_call *call, const struct sim_message *message,
                            void *self);
typedef void sim_begin_stream(grpc_call *call, void *self);
typedef void sim_end_stream(grpc_call *call, const grpc_status *status,
                            void *self);

struct sim_handlers {
    sim_handler *handle;
    sim_handler *many;
    sim_begin_stream *collect;
    sim_begin_stream *talk;
};

// Methods: one of each kind, one whose handler is NULL, and one that the service
// does not have. The last kind is served raw, and not part of the service.
enum {
    SIM_METHOD_CALL,
    SIM_METHOD_NULL,
    SIM_METHOD_MANY,
    SIM_METHOD_COLLECT,
    SIM_METHOD_TALK,
    SIM_METHOD_ABSENT,
};
#define SIM_RAW_PATH     "/sim.Raw/Talk"
#define SIM_UNKNOWN_PATH "/sim.Unknown/Talk"
const grpc_method *sim_method(int which);
const grpc_service *sim_service(void);

// sim_payload: size bytes that follow from the number and the direction.
grpc_str sim_payload(uint32_t index, bool is_reply, size_t size);
bool sim_payload_is(grpc_str payload, uint32_t index, bool is_reply,
                    size_t size);

// sim_encode writes such a message as its codec does, and returns its size; out
// has room for the payload's size and SIM_ENCODED_MORE.
enum { SIM_ENCODED_MORE = 16 };
size_t sim_encode(uint32_t index, grpc_str payload, char *out);

#endif
