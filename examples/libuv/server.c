// Lesson: a server, and a channel to another one, inside libuv's loop.
// server [address [target]]     with a target: repeats what that gauge says
#include "libuv.pb.h"
#include "on_uv.h"

struct gauge {
    struct on_uv on_uv;
    uv_timer_t clock; // libuv's own
    uv_signal_t signal;
    grpc_server *server;
    grpc_channel *other; // NULL: we are the one that measures
    int64_t level;
};

static void read_level(grpc_call *call, const libuv_Nothing *nothing,
                       void *self)
{
    struct gauge *gauge = self;
    (void)nothing;
    libuv_Gauge_Read_reply(call, &(libuv_Level){.value = gauge->level});
}

static void on_level(grpc_call *call, const grpc_status *status,
                     const libuv_Level *level, void *self)
{
    struct gauge *gauge = self;
    (void)call;
    if (status->code == GRPC_OK) { // else what we knew has to do
        gauge->level = level->value;
    }
}

// tick is called by libuv, and may call cgrpc as a handler may.
static void tick(uv_timer_t *clock)
{
    struct gauge *gauge = clock->data;
    const grpc_call_options options = {.timeout_ms = 1000};
    if (gauge->other == NULL) {
        gauge->level++;
    } else {
        libuv_Gauge_Read_start(gauge->other, &(libuv_Nothing){0}, on_level,
                               gauge, &options);
    }
    if (grpc_server_is_stopped(gauge->server)) {
        uv_close((uv_handle_t *)&gauge->clock, NULL);
        uv_close((uv_handle_t *)&gauge->signal, NULL);
        on_uv_stop(&gauge->on_uv); // uv_run() has nothing left, and returns
    }
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct gauge *gauge = signal->data;
    (void)number;
    grpc_server_stop(gauge->server); // lets open calls end; then see tick()
}

static int run(struct gauge *gauge, uv_loop_t *uv)
{
    int error = on_uv_start(&gauge->on_uv, uv, grpc_server_loop(gauge->server));
    if (error != 0) {
        fprintf(stderr, "libuv: %s\n", uv_strerror(error));
        return 1;
    }
    gauge->clock.data = gauge;
    uv_timer_init(uv, &gauge->clock);
    uv_timer_start(&gauge->clock, tick, 0, 20);
    gauge->signal.data = gauge;
    uv_signal_init(uv, &gauge->signal);
    uv_signal_start(&gauge->signal, on_signal, SIGTERM);
    return uv_run(uv, UV_RUN_DEFAULT);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "localhost:50051";
    struct gauge gauge = {.server = grpc_server_new(NULL)};
    if (libuv_Gauge_serve(gauge.server, &(libuv_Gauge){.Read = read_level},
                          &gauge) != GRPC_OK ||
        grpc_server_listen(gauge.server, address, NULL) != GRPC_OK) {
        fprintf(stderr, "%s\n", grpc_server_error(gauge.server));
        grpc_server_free(gauge.server);
        return 1;
    }
    if (argc > 2) { // on the same loop
        gauge.other = grpc_channel_new(
            argv[2],
            &(grpc_channel_options){.loop = grpc_server_loop(gauge.server)});
    }
    printf("listening on %s, port %u\n", address,
           (unsigned)grpc_server_port(gauge.server));
    fflush(stdout);
    int result = run(&gauge, uv_default_loop());
    grpc_channel_free(gauge.other);
    grpc_server_free(gauge.server);
    return result;
}
