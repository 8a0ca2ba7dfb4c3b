// Lesson: work that stops when its client does not want it any more.
// server [address]
#include "cancellation.pb.h"
#include "lesson.h"

struct clock {
    grpc_call *call;
    grpc_timer *timer;
    uint32_t tick_ms;
    int32_t ticks;
};

static void tick(void *argument);

static void wind(struct clock *clock)
{
    clock->timer = grpc_timer_start(grpc_call_loop(clock->call), clock->tick_ms,
                                    tick, clock);
    if (clock->timer == NULL) {
        grpc_call_fail(clock->call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
    }
}

static void tick(void *argument)
{
    struct clock *clock = argument;
    cancellation_Tick message = {.number = clock->ticks + 1};
    // A tick for which there is no room is left out: late ticks are useless.
    if (cancellation_Clock_Listen_send(clock->call, &message) == GRPC_OK) {
        clock->ticks++;
    }
    wind(clock);
}

// stop is called once, when the call ends before we have ended it. Whatever
// works for it, here a timer, is stopped now: the call is dead afterwards.
static void stop(void *argument)
{
    struct clock *clock = argument;
    grpc_timer_stop(clock->timer);
    printf("the clock stops\n");
    fflush(stdout);
}

static void listen_to(grpc_call *call, const cancellation_Pace *pace,
                      void *self)
{
    (void)self;
    struct clock *clock = grpc_call_alloc(call, sizeof *clock);
    if (clock == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    *clock = (struct clock){.call = call, .tick_ms = pace->tick_ms};
    grpc_call_on_end(call, stop, clock);
    wind(clock);
}

int main(int argc, char **argv)
{
    grpc_server *server = grpc_server_new(NULL);
    grpc_result added = cancellation_Clock_serve(
        server, &(cancellation_Clock){.Listen = listen_to}, NULL);
    return serve(server, added, argc > 1 ? argv[1] : "localhost:50051");
}
