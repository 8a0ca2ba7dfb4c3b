// Lesson: a client inside libuv's loop. client [target]
#include "lesson.h"
#include "libuv.pb.h"
#include "on_uv.h"

struct reader {
    struct on_uv on_uv;
    uv_timer_t clock; // libuv's own
    grpc_channel *channel;
    int64_t level;
    int rises;
    int result;
};

static void leave(struct reader *reader, int result)
{
    reader->result = result;
    uv_close((uv_handle_t *)&reader->clock, NULL);
    on_uv_stop(&reader->on_uv); // uv_run() has nothing left, and returns
}

static void ask(uv_timer_t *clock);

static void on_level(grpc_call *call, const grpc_status *status,
                     const libuv_Level *level, void *self)
{
    struct reader *reader = self;
    (void)call;
    if (failed(status)) {
        leave(reader, 1);
        return;
    }
    if (level->value > reader->level) {
        reader->level = level->value;
        printf("the water rises\n");
        reader->rises++;
    }
    if (reader->rises == 3) {
        leave(reader, 0);
    } else { // ask again in 20 ms
        uv_timer_start(&reader->clock, ask, 20, 0);
    }
}

// ask is called by libuv's timer.
static void ask(uv_timer_t *clock)
{
    struct reader *reader = clock->data;
    const grpc_call_options options = {.timeout_ms = 10000};
    if (libuv_Gauge_Read_start(reader->channel, &(libuv_Nothing){0}, on_level,
                               reader, &options) == NULL) {
        fprintf(stderr, "%s\n", grpc_channel_error(reader->channel));
        leave(reader, 1);
    }
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    uv_loop_t *uv = uv_default_loop();
    grpc_loop *loop = grpc_loop_new(NULL);
    struct reader reader = {
        .channel =
            grpc_channel_new(target, &(grpc_channel_options){.loop = loop}),
        .result = 1,
    };
    int error = on_uv_start(&reader.on_uv, uv, loop);
    if (error != 0) {
        fprintf(stderr, "libuv: %s\n", uv_strerror(error));
        return 1;
    }
    reader.clock.data = &reader;
    uv_timer_init(uv, &reader.clock);
    uv_timer_start(&reader.clock, ask, 0, 0);
    uv_run(uv, UV_RUN_DEFAULT);
    grpc_channel_free(reader.channel);
    grpc_loop_free(loop);
    return reader.result;
}
