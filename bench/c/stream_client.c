// SPDX-License-Identifier: MIT
// The client whose streams are measured: one stream of one kind, with messages
// of one size, of which the first WARM are not counted.
//
//     stream_client TARGET KIND SIZE WARM COUNT SERVER_PID
//
// KIND is down (the server sends), up (the client does) or pingpong. It prints
// CPU microseconds per message of the server's process and of its own, and
// messages per second.

#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "grpc.h"
#include "streams.pb.h"

enum { BODY_MAX = 1 << 20 };
static const char body[BODY_MAX];

struct moment {
    double server; // CPU seconds of the server
    double client; // of this process
    double wall;   // seconds
};

struct load {
    grpc_loop *loop;
    grpc_channel *channel;
    clockid_t server_clock;
    size_t size; // of a message's payload
    unsigned long warm;
    unsigned long count; // in all
    unsigned long moved; // messages so far
    struct moment began; // when the warm ones had moved
    struct moment ended; // when all had
    int failed;
};

// ---- measuring --------------------------------------------------------------

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct moment moment_now(const struct load *load)
{
    return (struct moment){
        .server = seconds(load->server_clock),
        .client = seconds(CLOCK_PROCESS_CPUTIME_ID),
        .wall = seconds(CLOCK_MONOTONIC),
    };
}

// load_moved counts one message; true: that was the last.
static bool load_moved(struct load *load)
{
    load->moved++;
    if (load->moved == load->warm) {
        load->began = moment_now(load);
    }
    return load->moved == load->count;
}

static void load_ended(grpc_call *call, const grpc_status *status, void *self)
{
    struct load *load = self;
    bool was_cancelled =
        status->code == GRPC_CANCELLED && load->moved == load->count;
    (void)call;
    if (status->code != GRPC_OK && !was_cancelled) {
        fprintf(stderr, "%s\n", status->message);
        load->failed = 1;
    }
    grpc_loop_stop(load->loop);
}

static void load_check(struct load *load, size_t size)
{
    if (size != load->size && !load->failed) {
        fprintf(stderr, "a message of %lu bytes\n", (unsigned long)size);
        load->failed = 1;
    }
}

// ---- the three kinds --------------------------------------------------------

static void down_message(grpc_call *call,
                         const grpc_testing_SimpleResponse *response,
                         void *self)
{
    struct load *load = self;
    load_check(load,
               response->payload == NULL ? 0 : response->payload->body.size);
    if (load_moved(load)) {
        load->ended = moment_now(load);
        grpc_cancel(call);
    }
}

static grpc_call *down_start(struct load *load)
{
    const grpc_testing_SimpleRequest request = {.response_size =
                                                    (int32_t)load->size};
    const grpc_testing_BenchmarkService_StreamingFromServer_events events = {
        .message = down_message, .end = load_ended};
    return grpc_testing_BenchmarkService_StreamingFromServer_start(
        load->channel, &request, &events, load, NULL);
}

// up_pour sends until there is no room.
static void up_pour(grpc_call *call, void *self)
{
    struct load *load = self;
    const grpc_testing_Payload payload = {.body = {body, load->size}};
    const grpc_testing_SimpleRequest request = {.payload = &payload};
    while (load->moved < load->count &&
           grpc_testing_BenchmarkService_StreamingFromClient_send(
               call, &request) == GRPC_OK) {
        if (load_moved(load)) {
            grpc_call_half_close(call);
        }
    }
}

static void up_ended(grpc_call *call, const grpc_status *status,
                     const grpc_testing_SimpleResponse *response, void *self)
{
    struct load *load = self;
    (void)response;
    load->ended = moment_now(load);
    load_ended(call, status, self);
}

static grpc_call *up_start(struct load *load)
{
    const grpc_testing_BenchmarkService_StreamingFromClient_events events = {
        .writable = up_pour, .end = up_ended};
    grpc_call *call = grpc_testing_BenchmarkService_StreamingFromClient_start(
        load->channel, &events, load, NULL);
    if (call != NULL) {
        up_pour(call, load);
    }
    return call;
}

static void pingpong_serve(grpc_call *call, struct load *load)
{
    const grpc_testing_Payload payload = {.body = {body, load->size}};
    const grpc_testing_SimpleRequest request = {
        .response_size = (int32_t)load->size, .payload = &payload};
    if (grpc_testing_BenchmarkService_StreamingCall_send(call, &request) !=
        GRPC_OK) {
        load->failed = 1;
        grpc_cancel(call);
    }
}

static void pingpong_message(grpc_call *call,
                             const grpc_testing_SimpleResponse *response,
                             void *self)
{
    struct load *load = self;
    load_check(load,
               response->payload == NULL ? 0 : response->payload->body.size);
    if (load_moved(load)) {
        load->ended = moment_now(load);
        grpc_call_half_close(call);
    } else {
        pingpong_serve(call, load);
    }
}

static grpc_call *pingpong_start(struct load *load)
{
    const grpc_testing_BenchmarkService_StreamingCall_events events = {
        .message = pingpong_message, .end = load_ended};
    grpc_call *call = grpc_testing_BenchmarkService_StreamingCall_start(
        load->channel, &events, load, NULL);
    if (call != NULL) {
        pingpong_serve(call, load);
    }
    return call;
}

static const struct kind {
    const char *name;
    grpc_call *(*start)(struct load *load);
} kinds[] = {
    {"down", down_start}, {"up", up_start}, {"pingpong", pingpong_start}};

// ---- one run ----------------------------------------------------------------

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

static void load_run(struct load *load, const struct kind *kind)
{
    if (kind->start(load) == NULL) {
        fprintf(stderr, "%s\n", grpc_channel_error(load->channel));
        load->failed = 1;
        return;
    }
    grpc_loop_run(load->loop);
    double count = (double)(load->count - load->warm);
    printf("%.3f %.3f %.1f\n",
           (load->ended.server - load->began.server) * 1e6 / count,
           (load->ended.client - load->began.client) * 1e6 / count,
           count / (load->ended.wall - load->began.wall));
}

int main(int argc, char **argv)
{
    const struct kind *kind = argc == 7 ? find_kind(argv[2]) : NULL;
    if (kind == NULL) {
        fprintf(stderr, "usage: stream_client TARGET KIND SIZE WARM COUNT "
                        "SERVER_PID\n");
        return 2;
    }
    struct load load = {
        .loop = grpc_loop_new(NULL),
        .size = strtoul(argv[3], NULL, 10),
        .warm = strtoul(argv[4], NULL, 10),
        .count = strtoul(argv[5], NULL, 10),
    };
    const grpc_channel_options options = {.loop = load.loop};
    load.channel =
        load.loop == NULL ? NULL : grpc_channel_new(argv[1], &options);
    if (load.channel == NULL || load.size > BODY_MAX ||
        load.warm >= load.count ||
        clock_getcpuclockid((pid_t)strtol(argv[6], NULL, 10),
                            &load.server_clock) != 0) {
        fprintf(stderr, "no memory, or no such size, count or process\n");
        return 1;
    }
    load_run(&load, kind);
    grpc_channel_free(load.channel);
    grpc_loop_free(load.loop);
    return load.failed;
}
