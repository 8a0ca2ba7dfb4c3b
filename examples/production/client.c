// Lesson: a channel that outlives servers and networks.
// client [target [calls [think_ms]]]
#include <stdlib.h>

#include "lesson.h"
#include "production.pb.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND }; // in milliseconds

struct buyer {
    grpc_loop *loop;
    grpc_channel *channel;
    int left; // calls to make
    int answered;
    int failed;
    uint32_t think_ms;
};
static struct buyer buyer; // static: the signal has to find it

// on_state is for people that look after this: calls need not ask for the state.
static void on_state(grpc_channel *channel, grpc_connectivity state, void *self)
{
    (void)self;
    printf("channel: %s", grpc_connectivity_name(state));
    if (state == GRPC_TRANSIENT_FAILURE) {
        printf(", %s", grpc_channel_failure(channel));
    }
    printf("\n");
    fflush(stdout);
}

// The network has come back: whoever learns of that, here by a signal, need not
// wait until it is time for the next attempt.
static void try_now(void *argument)
{
    (void)argument;
    grpc_channel_reset_backoff(buyer.channel);
}

static void on_sighup(int number)
{
    signal(number, on_sighup); // ISO C has it called once
    // This may be called from anywhere.
    grpc_loop_post(buyer.loop, try_now, NULL);
}

static void ask(void *argument);

static void on_offer(grpc_call *call, const grpc_status *status,
                     const production_Offer *offer, void *self)
{
    (void)call;
    (void)self;
    (void)offer;
    if (failed(status)) { // its message says what and where
        buyer.failed++;
    } else {
        buyer.answered++;
    }
    if (--buyer.left == 0 ||
        grpc_timer_start(buyer.loop, 50, ask, NULL) == NULL) {
        grpc_loop_stop(buyer.loop);
    }
}

static void ask(void *argument)
{
    (void)argument;
    const production_Article tea = {
        .name = GRPC_STR("tea"),
        .think_ms = buyer.think_ms,
    };
    // Without wait_for_ready it would fail as long as there is no connection,
    // and without a deadline it might wait for ever.
    const grpc_call_options options = {
        .wait_for_ready = true,
        .timeout_ms = 30 * SECOND,
    };
    if (production_Shop_Price_start(buyer.channel, &tea, on_offer, NULL,
                                    &options) == NULL) {
        fprintf(stderr, "%s\n", grpc_channel_error(buyer.channel));
        grpc_loop_stop(buyer.loop);
    }
}

static grpc_channel *new_channel(grpc_loop *loop, const char *target)
{
    const grpc_channel_options options = {
        .loop = loop,
        // A connection that was cut without a word is found in 80 s at most.
        // The server allows that (keepalive_min_ms): on its defaults it would
        // not.
        .keepalive_ms = 1 * MINUTE,
        .keepalive_timeout_ms = 20 * SECOND,
        .keepalive_without_calls = true,
        // Our servers are near, and a restart takes seconds.
        .connect_timeout_ms = 5 * SECOND,
        .backoff = {.max_ms = 10 * SECOND},
        .idle_timeout_ms = 10 * MINUTE,
    };
    return grpc_channel_new(target, &options);
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    buyer.left = argc > 2 ? atoi(argv[2]) : 20;
    buyer.think_ms = argc > 3 ? (uint32_t)atoi(argv[3]) : 0;
    buyer.loop = grpc_loop_new(NULL);
    buyer.channel = new_channel(buyer.loop, target);
    grpc_channel_watch(buyer.channel, on_state, NULL);
    signal(SIGHUP, on_sighup);
    ask(NULL);
    if (grpc_loop_run(buyer.loop) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_loop_error(buyer.loop));
    }
    signal(SIGHUP, SIG_IGN);
    printf("%d answered, %d failed\n", buyer.answered, buyer.failed);
    grpc_channel_free(buyer.channel);
    grpc_loop_free(buyer.loop);
    return buyer.failed == 0 && buyer.left == 0 ? 0 : 1;
}
