// Lesson: send no faster than the client reads, and without copying.
// server [address]
#include <stdlib.h>
#include <string.h>

#include "flow_control.pb.h"
#include "lesson.h"

enum { SIP_BYTES = 32768 };

// One message, encoded once, is what all calls send. It is lent to the library
// and may go only when nobody uses it any more.
struct spring {
    grpc_arena arena;
    grpc_str sip;
    long lent; // how often it is lent at this moment
};

struct flow {
    struct spring *spring;
    int32_t left;
    int waited;
};

static void give_back(void *argument)
{
    struct spring *spring = argument;
    spring->lent--;
}

static void flow_on(grpc_call *call, void *argument)
{
    struct flow *flow = argument;
    while (flow->left > 0) {
        // Counted first: give_back may be called before this returns.
        flow->spring->lent++;
        grpc_result result = grpc_call_send_bytes(call, flow->spring->sip,
                                                  give_back, flow->spring);
        if (result != GRPC_OK) {
            flow->spring->lent--; // not taken, and will not be given back
            flow->waited = 1;
            return; // GRPC_AGAIN: flow_on is called when there is room
        }
        flow->left--;
    }
    printf("%s\n", flow->waited ? "done, with waiting" : "done at once");
    fflush(stdout);
    grpc_call_finish(call, GRPC_OK, NULL);
}

static void drink(grpc_call *call, const flow_control_Thirst *thirst,
                  void *self)
{
    struct flow *flow = grpc_call_alloc(call, sizeof *flow);
    if (flow == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    *flow = (struct flow){.spring = self, .left = thirst->sips};
    grpc_call_on_writable(call, flow_on, flow);
    flow_on(call, flow);
}

int main(int argc, char **argv)
{
    static char water[SIP_BYTES];
    memset(water, '~', sizeof water);
    struct spring spring = {.lent = 0};
    flow_control_Sip sip = {.water = {water, sizeof water}};
    spring.sip = flow_control_Sip_encode(&sip, &spring.arena);
    if (spring.sip.data == NULL) {
        fprintf(stderr, "out of memory\n");
        return 1;
    }
    grpc_server *server = grpc_server_new(NULL);
    grpc_result added = flow_control_Spring_serve(
        server, &(flow_control_Spring){.Drink = drink}, &spring);
    int result = serve(server, added, argc > 1 ? argv[1] : "localhost:50051");
    if (spring.lent != 0) {
        fprintf(stderr, "still lent: %ld\n", spring.lent);
        result = 1;
    }
    grpc_arena_free(&spring.arena);
    return result;
}
