// Lesson: a client that has heard enough. client [target]
#include "cancellation.pb.h"
#include "lesson.h"

// ---- With callbacks ---------------------------------------------------------

struct listener {
    grpc_loop *loop;
    grpc_code code;
};

static void on_tick(grpc_call *call, const cancellation_Tick *tick, void *self)
{
    (void)self;
    printf("tick %d\n", (int)tick->number);
    if (tick->number == 3) {
        grpc_cancel(call); // no more ticks; on_end is still called
    }
}

static void on_end(grpc_call *call, const grpc_status *status, void *self)
{
    struct listener *listener = self;
    (void)call;
    listener->code = status->code;
    printf("%s\n", grpc_code_name(status->code));
    grpc_loop_stop(listener->loop);
}

static grpc_code with_callbacks(const char *target)
{
    struct listener listener = {grpc_loop_new(NULL), GRPC_UNKNOWN};
    grpc_channel *channel = grpc_channel_new(
        target, &(grpc_channel_options){.loop = listener.loop});
    const cancellation_Clock_Listen_events events = {
        .message = on_tick,
        .end = on_end,
    };
    cancellation_Pace pace = {.tick_ms = 10};
    if (cancellation_Clock_Listen_start(channel, &pace, &events, &listener,
                                        NULL) == NULL) {
        fprintf(stderr, "%s\n", grpc_channel_error(channel));
    } else if (grpc_loop_run(listener.loop) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_loop_error(listener.loop));
    }
    grpc_channel_free(channel);
    grpc_loop_free(listener.loop);
    return listener.code;
}

// ---- With a call that is waited for -----------------------------------------

static grpc_code waiting(const char *target)
{
    grpc_channel *channel = grpc_channel_new(target, NULL);
    grpc_arena arena = {0};
    cancellation_Pace pace = {.tick_ms = 10};
    grpc_call *call =
        cancellation_Clock_Listen_call(channel, &arena, &pace, NULL);
    const cancellation_Tick *tick;
    while (cancellation_Clock_Listen_next(call, &tick) == GRPC_MORE) {
        printf("tick %d\n", (int)tick->number);
        if (tick->number == 2) {
            grpc_cancel(call); // there is no next one any more
        }
    }
    grpc_status status = grpc_call_end(call);
    grpc_code code = status.code;
    printf("%s\n", grpc_code_name(code));
    grpc_arena_free(&arena);
    grpc_channel_free(channel);
    return code;
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    int ok = with_callbacks(target) == GRPC_CANCELLED;
    return waiting(target) == GRPC_CANCELLED && ok ? 0 : 1;
}
