// Lesson: many calls at a time, over several channels.
// client [target [channels [calls]]]
#include <stdlib.h>

#include "lesson.h"
#include "threads.pb.h"

enum {
    CHANNELS_MAX = 64,
    AT_A_TIME = 20, // calls of each channel
    THREADS_SEEN = 64,
};

struct asker {
    grpc_loop *loop;
    long long next; // number to ask for
    long long last;
    long long sum;
    int open; // calls that have not ended
    int result;
    int threads;             // that have answered
    bool seen[THREADS_SEEN]; // which
};

// A channel has one connection, and a connection stays with the thread that
// accepted it: to keep all threads busy takes more channels than threads.
struct lane {
    struct asker *asker;
    grpc_channel *channel;
};

static void on_square(grpc_call *call, const grpc_status *status,
                      const threads_Result *result, void *self);

static void ask(struct lane *lane)
{
    struct asker *asker = lane->asker;
    if (asker->next > asker->last) {
        return;
    }
    threads_Number number = {.value = asker->next++};
    if (threads_Squares_Square_start(lane->channel, &number, on_square, lane,
                                     NULL) == NULL) {
        fprintf(stderr, "%s\n", grpc_channel_error(lane->channel));
        asker->result = 1;
        return;
    }
    asker->open++; // it goes out while others are still on their way
}

static void on_square(grpc_call *call, const grpc_status *status,
                      const threads_Result *result, void *self)
{
    struct lane *lane = self;
    struct asker *asker = lane->asker;
    (void)call;
    asker->open--;
    if (failed(status)) {
        asker->result = 1;
    } else {
        asker->sum += result->square;
        int thread = result->thread % THREADS_SEEN;
        asker->threads += !asker->seen[thread];
        asker->seen[thread] = true;
    }
    ask(lane);
    if (asker->open == 0) {
        grpc_loop_stop(asker->loop);
    }
}

// run makes all calls, and returns when the last has ended.
static void run(struct asker *asker, struct lane *lanes, int lane_count)
{
    for (int i = 0; i < AT_A_TIME * lane_count; i++) {
        ask(&lanes[i % lane_count]);
    }
    if (asker->open > 0 && grpc_loop_run(asker->loop) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_loop_error(asker->loop));
        asker->result = 1;
    }
    printf("sum of squares: %lld\n", asker->sum);
    printf("threads that answered: %d\n", asker->threads);
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "127.0.0.1:50051";
    int lane_count = argc > 2 ? atoi(argv[2]) : 8;
    if (lane_count < 1 || lane_count > CHANNELS_MAX) {
        return 2;
    }
    struct asker asker = {
        .loop = grpc_loop_new(NULL),
        .next = 1,
        .last = argc > 3 ? atoll(argv[3]) : 10000,
    };
    const grpc_channel_options options = {.loop = asker.loop};
    struct lane lanes[CHANNELS_MAX];
    for (int i = 0; i < lane_count; i++) {
        lanes[i].asker = &asker;
        lanes[i].channel = grpc_channel_new(target, &options);
    }
    run(&asker, lanes, lane_count);
    for (int i = 0; i < lane_count; i++) {
        grpc_channel_free(lanes[i].channel);
    }
    grpc_loop_free(asker.loop);
    return asker.result;
}
