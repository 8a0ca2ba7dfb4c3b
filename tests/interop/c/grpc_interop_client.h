// SPDX-License-Identifier: MIT
// What the files of our interop client share.

#ifndef TESTS_INTEROP_C_GRPC_INTEROP_CLIENT_H
#define TESTS_INTEROP_C_GRPC_INTEROP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "grpc.h"
#include "grpc/testing/test.pb.h"

#include "grpc_interop.h"
#include "interop_tls.h"

// Sizes that the suite has chosen.
enum {
    INTEROP_LARGE_REQUEST = 271828,
    INTEROP_LARGE_RESPONSE = 314159,
    INTEROP_STEPS = 4
};
extern const int32_t interop_request_sizes[INTEROP_STEPS];
extern const int32_t interop_response_sizes[INTEROP_STEPS];

// No call of a case is waited for longer; many at the same time share the machine.
enum { INTEROP_PATIENCE_MS = 20000, INTEROP_CROWD_PATIENCE_MS = 50000 };

struct soak_flags {
    long iterations;
    long max_failures;
    long max_latency_ms;
    long overall_timeout_seconds;
    long min_ms_between_rpcs;
    long request_size;
    long response_size;
    long threads;
};

struct client {
    grpc_loop *loop;
    grpc_channel *channel;
    grpc_arena arena; // of the blocking calls
    const char *target;
    grpc_channel_options channel_options; // its credentials are the client's
    struct interop_tls *tls;
    struct soak_flags soak;
};

// client_connect makes a channel to the server that the flags name.
grpc_channel *client_connect(const struct client *client);

uint64_t client_now_us(void);

// client_pause lets the loop go on for so long.
void client_pause(struct client *client, uint32_t ms);

// client_fail tells why a case failed and is its result.
bool client_fail(const char *format, ...) GRPC_PRINTF(1, 2);

// The expectations tell what is not met.
bool expect_code(const grpc_status *status, grpc_code want);
bool expect_zeros(const grpc_testing_Payload *payload, int32_t size);

// large_request is the request of large_unary; *payload is a part of it.
grpc_testing_SimpleRequest large_request(grpc_testing_Payload *payload);

// many_large makes so many calls of large_unary at the same time.
bool many_large(struct client *client, unsigned count);

// The cases; those of a server that misbehaves have check_http2.
bool check_concurrent_large_unary(struct client *client);
bool check_rpc_soak(struct client *client);
bool check_channel_soak(struct client *client);
bool check_large_unary(struct client *client);
bool check_goaway(struct client *client);
bool check_reset(struct client *client);
bool check_max_streams(struct client *client);

#endif
