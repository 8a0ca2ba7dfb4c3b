// SPDX-License-Identifier: MIT

#include "core/user_io.h"

#include <stdio.h>

#include "base/alloc.h"

_Static_assert((int)GRPC_READABLE == (int)LOOP_READABLE &&
                   (int)GRPC_WRITABLE == (int)LOOP_WRITABLE &&
                   (int)GRPC_FAILED == (int)LOOP_FAILED,
               "the public events are the loop's");

struct grpc_timer {
    struct grpc_loop *loop;
    struct loop_timer timer;
    struct list_link link_loop;
    void (*run)(void *argument);
    void *argument;
};

struct grpc_watch {
    struct grpc_loop *loop;
    struct loop_source source;
    struct list_link link_loop;
    void (*ready)(void *argument, unsigned events);
    void *argument;
};

grpc_timer *grpc_timer_start(grpc_loop *loop, uint32_t delay_ms,
                             void (*run)(void *argument), void *argument)
{
    if (loop == NULL || run == NULL) {
        return NULL;
    }
    struct grpc_timer *timer = alloc_zeroed(&loop->allocator, sizeof *timer);
    if (timer == NULL) {
        return NULL;
    }
    timer->loop = loop;
    timer->timer.kind = RUN_USER;
    timer->run = run;
    timer->argument = argument;
    list_append(&loop->user_timers, &timer->link_loop);
    loop_timer_start(&loop->loop, &timer->timer, run_due(loop, delay_ms));
    return timer;
}

void grpc_timer_stop(grpc_timer *timer)
{
    if (timer == NULL) {
        return;
    }
    struct grpc_loop *loop = timer->loop;
    loop_timer_stop(&loop->loop, &timer->timer);
    list_remove(&timer->link_loop);
    alloc_free(&loop->allocator, timer, sizeof *timer);
}

void user_io_on_timer(struct loop_timer *due)
{
    struct grpc_timer *timer = LIST_OWNER(due, struct grpc_timer, timer);
    void (*run)(void *argument) = timer->run;
    void *argument = timer->argument;
    grpc_timer_stop(timer);
    run(argument);
}

grpc_watch *grpc_watch_start(grpc_loop *loop, int fd, unsigned events,
                             void (*ready)(void *argument, unsigned events),
                             void *argument)
{
    if (loop == NULL) {
        return NULL;
    }
    if (ready == NULL || fd < 0) {
        run_set_error(loop, loop->error, "watch %d: %s", fd,
                      ready == NULL ? "no function" : "not a descriptor");
        return NULL;
    }
    struct grpc_watch *watch = alloc_zeroed(&loop->allocator, sizeof *watch);
    if (watch == NULL) {
        run_set_error(loop, loop->error, "watch %d: out of memory", fd);
        return NULL;
    }
    watch->loop = loop;
    watch->source = (struct loop_source){.kind = RUN_USER, .fd = fd};
    watch->ready = ready;
    watch->argument = argument;
    list_append(&loop->user_watches, &watch->link_loop);
    if (grpc_watch_change(watch, events) != GRPC_OK) {
        list_remove(&watch->link_loop);
        alloc_free(&loop->allocator, watch, sizeof *watch);
        return NULL;
    }
    return watch;
}

grpc_result grpc_watch_change(grpc_watch *watch, unsigned events)
{
    if (watch == NULL) {
        return GRPC_EINVAL;
    }
    struct grpc_loop *loop = watch->loop;
    if (!loop_watch(&loop->loop, &watch->source,
                    events & (LOOP_READABLE | LOOP_WRITABLE))) {
        char text[128];
        socket_error_text(loop->loop.error, text, sizeof text);
        run_set_error(loop, loop->error, "watch %d: %s", watch->source.fd,
                      text);
        return GRPC_ESYSTEM;
    }
    return GRPC_OK;
}

void grpc_watch_stop(grpc_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    struct grpc_loop *loop = watch->loop;
    loop_unwatch(&loop->loop, &watch->source);
    list_remove(&watch->link_loop);
    alloc_free(&loop->allocator, watch, sizeof *watch);
}

void user_io_on_source(struct loop_source *source, unsigned ready)
{
    struct grpc_watch *watch = LIST_OWNER(source, struct grpc_watch, source);
    watch->ready(watch->argument, ready);
}

void user_io_free_all(struct grpc_loop *loop)
{
    LIST_EACH (timer_link, timer_after, &loop->user_timers) {
        grpc_timer_stop(LIST_OWNER(timer_link, struct grpc_timer, link_loop));
    }
    LIST_EACH (watch_link, watch_after, &loop->user_watches) {
        grpc_watch_stop(LIST_OWNER(watch_link, struct grpc_watch, link_loop));
    }
}
