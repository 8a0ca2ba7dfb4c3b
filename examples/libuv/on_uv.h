// cgrpc on a loop of libuv: copy it. Everything of cgrpc that is on `loop`, be it
// servers or channels, then runs in uv_run().

#ifndef EXAMPLES_ON_UV_H
#define EXAMPLES_ON_UV_H

#include <stdio.h>
#include <uv.h>

#include "grpc.h"

struct on_uv {
    grpc_loop *loop;
    uv_poll_t ready;      // grpc_loop_fd(): something has happened
    uv_timer_t due;       // grpc_loop_timeout(): something has become due
    uv_prepare_t prepare; // before libuv waits
    uv_check_t check;     // after it
};

// These two only have to end libuv's wait.
static inline void on_uv_ready(uv_poll_t *handle, int status, int events)
{
    (void)handle;
    (void)status;
    (void)events;
}
static inline void on_uv_due(uv_timer_t *handle)
{
    (void)handle;
}

// Whatever was done since, such as a call that a timer of libuv has started,
// has changed how long libuv may wait.
static inline void on_uv_prepare(uv_prepare_t *handle)
{
    struct on_uv *on = handle->data;
    int timeout_ms = grpc_loop_timeout(on->loop);
    if (timeout_ms < 0) {
        uv_timer_stop(&on->due);
    } else {
        uv_timer_start(&on->due, on_uv_due, (uint64_t)timeout_ms, 0);
    }
}

static inline void on_uv_check(uv_check_t *handle)
{
    struct on_uv *on = handle->data;
    if (grpc_loop_step(on->loop, 0) != GRPC_OK) { // does what is due
        fprintf(stderr, "%s\n", grpc_loop_error(on->loop));
    }
}

// on_uv_start: 0, or an error of libuv's.
static inline int on_uv_start(struct on_uv *on, uv_loop_t *uv, grpc_loop *loop)
{
    on->loop = loop;
    on->prepare.data = on;
    on->check.data = on;
    uv_timer_init(uv, &on->due);
    uv_prepare_init(uv, &on->prepare);
    uv_prepare_start(&on->prepare, on_uv_prepare);
    uv_check_init(uv, &on->check);
    uv_check_start(&on->check, on_uv_check);
    int error = uv_poll_init(uv, &on->ready, grpc_loop_fd(loop));
    return error != 0 ? error
                      : uv_poll_start(&on->ready, UV_READABLE, on_uv_ready);
}

// on_uv_stop: uv_run() then ends, unless there is more on it. Free what is on
// the loop, and the loop, after that.
static inline void on_uv_stop(struct on_uv *on)
{
    uv_close((uv_handle_t *)&on->ready, NULL);
    uv_close((uv_handle_t *)&on->due, NULL);
    uv_close((uv_handle_t *)&on->prepare, NULL);
    uv_close((uv_handle_t *)&on->check, NULL);
}

#endif
