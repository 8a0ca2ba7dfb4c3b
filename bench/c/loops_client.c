// SPDX-License-Identifier: MIT
// Keeps one thread of loops_server busy. The system spreads connections by
// chance, so it opens some until it has enough of that thread's.
//
//     loops_client TARGET THREAD CONNECTIONS CALLS MS
//
// with so many calls at a time on each connection, for so long after a quarter
// of that to warm up. It prints the calls, the nanoseconds of CPU time that the
// thread has used for them, and the calls that have warmed it up.

#include <stdio.h>
#include <stdlib.h>

#include "grpc.h"
#include "helloworld.pb.h"

enum { CONNECTIONS_MAX = 64, TRIES_MAX = 2000 };

struct load {
    grpc_loop *loop;
    grpc_channel *channels[CONNECTIONS_MAX];
    int connections;
    int open; // calls
    bool over;
    unsigned long ended;
};

// A call is taken up again where the one before it has ended.
struct lane {
    struct load *load;
    grpc_channel *channel;
};

static void load_fail(const char *why)
{
    fprintf(stderr, "loops_client: %s\n", why);
    exit(1);
}

static void lane_told(grpc_call *call, const grpc_status *status,
                      const helloworld_HelloReply *reply, void *self);

static void lane_start(struct lane *lane)
{
    const helloworld_HelloRequest request = {.name = GRPC_STR("world12345")};
    if (helloworld_Greeter_SayHello_start(lane->channel, &request, lane_told,
                                          lane, NULL) == NULL) {
        load_fail(grpc_channel_error(lane->channel));
    }
    lane->load->open++;
}

static void lane_told(grpc_call *call, const grpc_status *status,
                      const helloworld_HelloReply *reply, void *self)
{
    struct lane *lane = self;
    struct load *load = lane->load;
    (void)call;
    if (status->code != GRPC_OK || reply->message.size != 16) {
        load_fail(status->message);
    }
    load->open--;
    load->ended++;
    if (!load->over) {
        lane_start(lane);
    } else if (load->open == 0) {
        grpc_loop_stop(load->loop);
    }
}

static void load_is_over(void *argument)
{
    struct load *load = argument;
    load->over = true;
}

// load_run calls for so long, and returns how many calls that were.
static unsigned long load_run(struct load *load, struct lane *lanes, int calls,
                              uint32_t ms)
{
    load->over = false;
    load->ended = 0;
    for (int i = 0; i < load->connections; i++) {
        lanes[i] = (struct lane){.load = load, .channel = load->channels[i]};
        for (int k = 0; k < calls; k++) {
            lane_start(&lanes[i]);
        }
    }
    if (grpc_timer_start(load->loop, ms, load_is_over, load) == NULL ||
        grpc_loop_run(load->loop) != GRPC_OK) {
        load_fail("the loop does not run");
    }
    return load->ended;
}

// ask returns the number that a raw method answers with.
static long long ask(grpc_channel *channel, const char *method)
{
    grpc_arena arena = {0};
    grpc_str reply;
    grpc_status status =
        grpc_raw_unary(channel, &arena, method, GRPC_STR(""), &reply, NULL);
    if (status.code != GRPC_OK) {
        load_fail(status.message);
    }
    long long number = atoll(reply.data);
    grpc_arena_free(&arena);
    return number;
}

// load_connect finds connections of the thread, and leaves those of others.
static void load_connect(struct load *load, const char *target, int thread,
                         int wanted)
{
    const grpc_channel_options options = {.loop = load->loop};
    for (int i = 0; i < TRIES_MAX && load->connections < wanted; i++) {
        grpc_channel *channel = grpc_channel_new(target, &options);
        if (channel == NULL) {
            load_fail("no channel");
        }
        if (ask(channel, "/loops/Thread") == thread) {
            load->channels[load->connections++] = channel;
        } else {
            grpc_channel_free(channel);
        }
    }
    if (load->connections < wanted) {
        load_fail("no connection gets there");
    }
}

int main(int argc, char **argv)
{
    if (argc != 6 || atoi(argv[3]) < 1 || atoi(argv[3]) > CONNECTIONS_MAX) {
        fprintf(stderr,
                "usage: loops_client TARGET THREAD CONNECTIONS CALLS MS\n");
        return 2;
    }
    struct load load = {.loop = grpc_loop_new(NULL)};
    struct lane lanes[CONNECTIONS_MAX];
    int calls = atoi(argv[4]);
    uint32_t ms = (uint32_t)atoi(argv[5]);
    load_connect(&load, argv[1], atoi(argv[2]), atoi(argv[3]));
    unsigned long warm = load_run(&load, lanes, calls, ms / 4);
    long long before = ask(load.channels[0], "/loops/Time");
    unsigned long ended = load_run(&load, lanes, calls, ms);
    long long after = ask(load.channels[0], "/loops/Time");
    printf("%lu %lld %lu\n", ended, after - before, warm);
    for (int i = 0; i < load.connections; i++) {
        grpc_channel_free(load.channels[i]);
    }
    grpc_loop_free(load.loop);
    return 0;
}
