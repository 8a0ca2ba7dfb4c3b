// SPDX-License-Identifier: MIT
// The client that is measured: makes unary calls, so many of them at a time.
//
//     bench_client TARGET CALLS OUTSTANDING
//
// It prints CPU microseconds per call and calls per second.

#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "grpc.h"
#include "helloworld.pb.h"

struct load {
    grpc_loop *loop;
    grpc_channel *channel;
    unsigned long to_start;
    unsigned long to_end;
    unsigned long failed;
};

static void load_told(grpc_call *call, const grpc_status *status,
                      const helloworld_HelloReply *reply, void *self);

static void load_start(struct load *load)
{
    const helloworld_HelloRequest request = {.name = GRPC_STR("world12345")};
    load->to_start--;
    if (helloworld_Greeter_SayHello_start(load->channel, &request, load_told,
                                          load, NULL) == NULL) {
        fprintf(stderr, "%s\n", grpc_channel_error(load->channel));
        exit(1);
    }
}

static void load_told(grpc_call *call, const grpc_status *status,
                      const helloworld_HelloReply *reply, void *self)
{
    struct load *load = self;
    (void)call;
    if (status->code != GRPC_OK || reply->message.size != 16) {
        if (load->failed++ == 0) {
            fprintf(stderr, "%s\n", status->message);
        }
    }
    if (--load->to_end == 0) {
        grpc_loop_stop(load->loop);
    } else if (load->to_start > 0) {
        load_start(load);
    }
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void load_run(struct load *load, unsigned long outstanding)
{
    double calls = (double)load->to_end;
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    double wall = seconds(CLOCK_MONOTONIC);
    for (unsigned long i = 0; i < outstanding && load->to_start > 0; i++) {
        load_start(load);
    }
    grpc_loop_run(load->loop);
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = seconds(CLOCK_MONOTONIC) - wall;
    printf("%.2f %.0f\n", cpu * 1e6 / calls, calls / wall);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bench_client TARGET CALLS OUTSTANDING\n");
        return 2;
    }
    struct load load = {.loop = grpc_loop_new(NULL)};
    const grpc_channel_options options = {.loop = load.loop};
    load.channel =
        load.loop == NULL ? NULL : grpc_channel_new(argv[1], &options);
    if (load.channel == NULL) {
        fprintf(stderr, "no memory or no descriptors\n");
        return 1;
    }
    load.to_start = load.to_end = strtoul(argv[2], NULL, 10);
    load_run(&load, strtoul(argv[3], NULL, 10));
    grpc_channel_free(load.channel);
    grpc_loop_free(load.loop);
    return load.failed == 0 ? 0 : 1;
}
