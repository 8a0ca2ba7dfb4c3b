// Lesson: late answers, and a deadline that a second call inherits.
// server [address]
#include "deadline.pb.h"
#include "lesson.h"

// ---- The kitchen answers late -----------------------------------------------

struct dish {
    grpc_call *call;
    grpc_timer *timer;
    grpc_str name;
};

static void cooked(void *argument)
{
    struct dish *dish = argument;
    deadline_Plate plate = {
        .text = grpc_call_printf(dish->call, "hot %s", dish->name.data),
    };
    // From here on the call and all its memory are gone, the dish included.
    deadline_Kitchen_Cook_reply(dish->call, &plate);
}

// given_up is called when nobody waits any more: the deadline has passed, the
// client has cancelled, or the connection is lost.
static void given_up(void *argument)
{
    struct dish *dish = argument;
    grpc_timer_stop(dish->timer);
    printf("kitchen: nobody waits for %s\n", dish->name.data);
    fflush(stdout);
}

static void cook(grpc_call *call, const deadline_Dish *request, void *self)
{
    (void)self;
    struct dish *dish = grpc_call_alloc(call, sizeof *dish);
    if (dish != NULL) {
        // The request lives as long as the call.
        *dish = (struct dish){.call = call, .name = request->name};
        dish->timer = grpc_timer_start(grpc_call_loop(call), request->cook_ms,
                                       cooked, dish);
    }
    if (dish == NULL || dish->timer == NULL) {
        grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    grpc_call_on_end(call, given_up, dish);
    // The handler returns without an answer: that comes from cooked().
}

// ---- The waiter asks the kitchen --------------------------------------------

static void on_plate(grpc_call *asked, const grpc_status *status,
                     const deadline_Plate *plate, void *self)
{
    grpc_call *call = self; // the waiter's, which waits for this
    (void)asked;
    if (status->code == GRPC_OK) {
        deadline_Waiter_Serve_reply(call, plate);
    } else {
        grpc_call_fail_status(call, status);
    }
}

static void serve_dish(grpc_call *call, const deadline_Dish *dish, void *self)
{
    grpc_channel *kitchen = *(grpc_channel **)self;
    // A parent's deadline and its cancellation hold for the second call, too.
    grpc_call_options options = {.parent = call};
    if (deadline_Kitchen_Cook_start(kitchen, dish, on_plate, call, &options) ==
        NULL) {
        grpc_call_fail(call, GRPC_INTERNAL, "%s", grpc_channel_error(kitchen));
    }
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "localhost:50051";
    grpc_loop *loop = grpc_loop_new(NULL);
    grpc_server *kitchen =
        grpc_server_new(&(grpc_server_options){.loop = loop});
    grpc_result added = deadline_Kitchen_serve(
        kitchen, &(deadline_Kitchen){.Cook = cook}, NULL);
    if (added != GRPC_OK ||
        grpc_server_listen(kitchen, "127.0.0.1:0", NULL) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(kitchen));
        return 1;
    }
    // Server and channel share the loop, so that a handler can make calls.
    char target[32];
    snprintf(target, sizeof target, "127.0.0.1:%u",
             (unsigned)grpc_server_port(kitchen));
    grpc_channel *channel =
        grpc_channel_new(target, &(grpc_channel_options){.loop = loop});
    grpc_server *waiter = grpc_server_new(&(grpc_server_options){.loop = loop});
    added = deadline_Waiter_serve(
        waiter, &(deadline_Waiter){.Serve = serve_dish}, &channel);
    int result = serve(waiter, added, address);
    grpc_channel_free(channel);
    grpc_server_free(kitchen);
    grpc_loop_free(loop);
    return result;
}
