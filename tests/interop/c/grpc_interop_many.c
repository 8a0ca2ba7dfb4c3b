// SPDX-License-Identifier: MIT
// Cases that have many calls: at the same time, or one after the other for a
// while; and those against a server that misbehaves, which are about what a
// callback is given.

#include "grpc_interop_client.h"

#include <stdio.h>
#include <stdlib.h>

// ---- at the same time -------------------------------------------------------

struct crowd {
    grpc_loop *loop;
    unsigned left;
    bool good;
};

static void crowd_told(grpc_call *call, const grpc_status *status,
                       const grpc_testing_SimpleResponse *reply, void *self)
{
    struct crowd *crowd = self;
    (void)call;
    if (!expect_code(status, GRPC_OK) ||
        !expect_zeros(reply->payload, INTEROP_LARGE_RESPONSE)) {
        crowd->good = false;
    }
    if (--crowd->left == 0) {
        grpc_loop_stop(crowd->loop);
    }
}

bool many_large(struct client *client, unsigned count)
{
    const grpc_call_options options = {.timeout_ms = INTEROP_CROWD_PATIENCE_MS};
    struct crowd crowd = {client->loop, 0, true};
    grpc_testing_Payload payload;
    const grpc_testing_SimpleRequest request = large_request(&payload);
    while (crowd.left < count) {
        if (grpc_testing_TestService_UnaryCall_start(client->channel, &request,
                                                     crowd_told, &crowd,
                                                     &options) == NULL) {
            crowd.good = client_fail("a call did not start: %s",
                                     grpc_channel_error(client->channel));
            break;
        }
        crowd.left++;
    }
    if (crowd.left > 0 && grpc_loop_run(client->loop) != GRPC_OK) {
        return client_fail("%s", grpc_loop_error(client->loop));
    }
    return crowd.good;
}

bool check_concurrent_large_unary(struct client *client)
{
    return many_large(client, 1000);
}

// ---- a server that misbehaves -----------------------------------------------

bool check_goaway(struct client *client)
{
    if (!check_large_unary(client)) {
        return false;
    }
    // So that the GOAWAY arrives, and is read.
    client_pause(client, 1000);
    return check_large_unary(client);
}

bool check_max_streams(struct client *client)
{
    return check_large_unary(client) && many_large(client, 10);
}

struct reset {
    grpc_loop *loop;
    bool good;
};

static void reset_told(grpc_call *call, const grpc_status *status,
                       const grpc_testing_SimpleResponse *reply, void *self)
{
    struct reset *reset = self;
    (void)call;
    // NO_ERROR, with which the server resets, is no outcome of a call.
    reset->good = expect_code(status, GRPC_INTERNAL);
    if (reply != NULL) {
        reset->good = client_fail("a reply was delivered");
    }
    grpc_loop_stop(reset->loop);
}

bool check_reset(struct client *client)
{
    const grpc_call_options options = {.timeout_ms = INTEROP_PATIENCE_MS};
    struct reset reset = {client->loop, false};
    grpc_testing_Payload payload;
    const grpc_testing_SimpleRequest request = large_request(&payload);
    if (grpc_testing_TestService_UnaryCall_start(
            client->channel, &request, reset_told, &reset, &options) == NULL) {
        return client_fail("the call did not start: %s",
                           grpc_channel_error(client->channel));
    }
    grpc_loop_run(client->loop);
    // A client that tries again does so soon.
    client_pause(client, 200);
    return reset.good;
}

// ---- one after the other ----------------------------------------------------
//
// The suite has threads make the calls. Here each "thread" is a chain of calls
// on the one loop: the end of a call starts the next.

struct soak {
    struct client *client;
    bool is_per_channel; // each call has a channel of its own
    uint64_t began_us;
    long *latencies_ms; // of calls that went well
    long successes;
    long failures;
    long chains; // that go on
};

struct chain {
    struct soak *soak;
    grpc_channel *channel;
    uint64_t began_us; // its call
    long left;         // calls to be made
};

static void chain_next(void *argument);

static void chain_end(struct chain *chain)
{
    if (--chain->soak->chains == 0) {
        grpc_loop_stop(chain->soak->client->loop);
    }
}

static void chain_tell(struct chain *chain, const grpc_status *status,
                       const grpc_testing_SimpleResponse *reply)
{
    struct soak *soak = chain->soak;
    const struct soak_flags *flags = &soak->client->soak;
    long ms = (long)((client_now_us() - chain->began_us) / 1000);
    if (!expect_code(status, GRPC_OK) ||
        !expect_zeros(reply->payload, (int32_t)flags->response_size)) {
        soak->failures++;
    } else if (ms > flags->max_latency_ms) {
        client_fail("a call took %ld ms", ms);
        soak->failures++;
    } else {
        soak->latencies_ms[soak->successes++] = ms;
    }
}

static void chain_told(grpc_call *call, const grpc_status *status,
                       const grpc_testing_SimpleResponse *reply, void *self)
{
    struct chain *chain = self;
    struct client *client = chain->soak->client;
    (void)call;
    chain_tell(chain, status, reply);
    uint64_t took_ms = (client_now_us() - chain->began_us) / 1000;
    uint64_t least_ms = (uint64_t)client->soak.min_ms_between_rpcs;
    uint32_t delay_ms = took_ms < least_ms ? (uint32_t)(least_ms - took_ms) : 0;
    if (chain->soak->is_per_channel) {
        grpc_channel_free(chain->channel);
        chain->channel = NULL;
    }
    if (grpc_timer_start(client->loop, delay_ms, chain_next, chain) == NULL) {
        chain_end(chain);
    }
}

static bool chain_is_late(const struct chain *chain)
{
    const struct soak *soak = chain->soak;
    return client_now_us() - soak->began_us >
           (uint64_t)soak->client->soak.overall_timeout_seconds * 1000000;
}

static bool chain_start(struct chain *chain)
{
    const struct client *client = chain->soak->client;
    const grpc_call_options options = {.timeout_ms = INTEROP_PATIENCE_MS};
    const grpc_testing_Payload payload = {
        .body = interop_zeros((size_t)client->soak.request_size)};
    const grpc_testing_SimpleRequest request = {
        .response_size = (int32_t)client->soak.response_size,
        .payload = &payload};
    chain->channel =
        chain->soak->is_per_channel ? client_connect(client) : client->channel;
    return chain->channel != NULL &&
           grpc_testing_TestService_UnaryCall_start(
               chain->channel, &request, chain_told, chain, &options) != NULL;
}

static void chain_next(void *argument)
{
    struct chain *chain = argument;
    if (chain->left == 0 || chain_is_late(chain)) {
        chain_end(chain);
        return;
    }
    chain->left--;
    chain->began_us = client_now_us();
    if (!chain_start(chain)) {
        client_fail("a call did not start");
        chain_end(chain);
    }
}

static int soak_compare(const void *left, const void *right)
{
    long a = *(const long *)left;
    long b = *(const long *)right;
    return (a > b) - (a < b);
}

static void soak_print(struct soak *soak)
{
    static const int percents[] = {0, 50, 90, 99, 100};
    qsort(soak->latencies_ms, (size_t)soak->successes,
          sizeof *soak->latencies_ms, soak_compare);
    printf("%ld calls went well, %ld did not; latencies in ms:",
           soak->successes, soak->failures);
    for (size_t i = 0; soak->successes > 0 && i < 5; i++) {
        printf(" %d%%: %ld", percents[i],
               soak->latencies_ms[(soak->successes - 1) * percents[i] / 100]);
    }
    printf("\n");
}

static bool soak_judge(struct soak *soak)
{
    const struct soak_flags *flags = &soak->client->soak;
    soak_print(soak);
    if (soak->successes + soak->failures != flags->iterations) {
        return client_fail("%ld calls of %ld in %ld s",
                           soak->successes + soak->failures, flags->iterations,
                           flags->overall_timeout_seconds);
    }
    return soak->failures <= flags->max_failures ||
           client_fail("%ld failures, %ld at most", soak->failures,
                       flags->max_failures);
}

static bool soak_run(struct soak *soak, struct chain *chains)
{
    const struct soak_flags *flags = &soak->client->soak;
    soak->began_us = client_now_us();
    soak->chains = flags->threads;
    for (long i = 0; i < flags->threads; i++) {
        chains[i] = (struct chain){.soak = soak,
                                   .left = flags->iterations / flags->threads};
        if (grpc_timer_start(soak->client->loop, 0, chain_next, &chains[i]) ==
            NULL) {
            return client_fail("out of memory");
        }
    }
    grpc_loop_run(soak->client->loop);
    return soak_judge(soak);
}

static bool check_soak(struct client *client, bool is_per_channel)
{
    const struct soak_flags *flags = &client->soak;
    if (flags->threads < 1 || flags->iterations < 1 ||
        flags->iterations % flags->threads != 0 || flags->request_size < 0 ||
        flags->request_size > INTEROP_ZEROS_MAX) {
        return client_fail("soak_iterations, soak_num_threads or "
                           "soak_request_size cannot be had");
    }
    struct chain *chains = calloc((size_t)flags->threads, sizeof *chains);
    struct soak soak = {.client = client, .is_per_channel = is_per_channel};
    soak.latencies_ms =
        calloc((size_t)flags->iterations, sizeof *soak.latencies_ms);
    bool good =
        chains != NULL && soak.latencies_ms != NULL && soak_run(&soak, chains);
    free(chains);
    free(soak.latencies_ms);
    return good;
}

bool check_rpc_soak(struct client *client)
{
    return check_soak(client, false);
}

bool check_channel_soak(struct client *client)
{
    return check_soak(client, true);
}
