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

struct sim_handlers {
    sim_handler *handle;
};

// Methods: the one that is served, one whose handler is NULL, and one that the
// service does not have.
enum { SIM_METHOD_CALL, SIM_METHOD_NULL, SIM_METHOD_ABSENT };
const grpc_method *sim_method(int which);
const grpc_service *sim_service(void);

// sim_payload: size bytes that follow from the number and the direction.
grpc_str sim_payload(uint32_t index, bool is_reply, size_t size);
bool sim_payload_is(grpc_str payload, uint32_t index, bool is_reply,
                    size_t size);

#endif
