// Lesson: hold back a stream while there is something else to do.
// client [target]
#include "flow_control.pb.h"
#include "lesson.h"

enum { SIPS = 200, MOUTHFUL = 50, REST_MS = 20 };

struct drinker {
    grpc_loop *loop;
    grpc_call *call;
    grpc_timer *rest; // NULL: not resting
    int sips;
    int rests;
    int result;
};

static void rested(void *argument)
{
    struct drinker *drinker = argument;
    drinker->rest = NULL;
    grpc_call_resume(drinker->call);
}

static void on_sip(grpc_call *call, const flow_control_Sip *sip, void *self)
{
    struct drinker *drinker = self;
    (void)sip;
    drinker->sips++;
    if (drinker->sips % MOUTHFUL != 0 || drinker->sips == SIPS) {
        return;
    }
    drinker->rest = grpc_timer_start(drinker->loop, REST_MS, rested, drinker);
    if (drinker->rest == NULL) {
        grpc_cancel(call);
        return;
    }
    // No sip comes until we resume. What the server still sends fills the
    // stream's window, 64 KB; then it has to wait. Other calls would go on.
    grpc_call_pause(call);
    drinker->rests++;
}

static void on_end(grpc_call *call, const grpc_status *status, void *self)
{
    struct drinker *drinker = self;
    (void)call;
    if (drinker->rest != NULL) {
        grpc_timer_stop(drinker->rest); // else it would resume a dead call
    }
    drinker->result = failed(status);
    grpc_loop_stop(drinker->loop);
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    struct drinker drinker = {.loop = grpc_loop_new(NULL), .result = 1};
    grpc_channel *channel =
        grpc_channel_new(target, &(grpc_channel_options){.loop = drinker.loop});
    const flow_control_Spring_Drink_events events = {
        .message = on_sip,
        .end = on_end,
    };
    flow_control_Thirst thirst = {.sips = SIPS};
    drinker.call = flow_control_Spring_Drink_start(channel, &thirst, &events,
                                                   &drinker, NULL);
    if (drinker.call == NULL) {
        fprintf(stderr, "%s\n", grpc_channel_error(channel));
    } else if (grpc_loop_run(drinker.loop) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_loop_error(drinker.loop));
    }
    printf("%d sips, %d rests\n", drinker.sips, drinker.rests);
    grpc_channel_free(channel);
    grpc_loop_free(drinker.loop);
    return drinker.result;
}
