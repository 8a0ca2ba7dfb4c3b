// SPDX-License-Identifier: MIT

#include "core/run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/heap.h"
#include "core/call.h"
#include "core/channel.h"
#include "core/connectivity.h"
#include "core/client_call.h"
#include "core/conn.h"
#include "core/conn_secure.h"
#include "core/limits.h"
#include "core/listener.h"
#include "core/receive.h"
#include "core/server.h"
#include "core/user_io.h"

// ---- Words ------------------------------------------------------------------

// run_clean takes the control characters out of what may quote a peer: a log
// line is one line.
static void run_clean(char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f) {
            *text = '?';
        }
    }
}

static void run_log_text(struct grpc_loop *loop, grpc_log_level level,
                         const char *text)
{
    if (loop->log != NULL && level <= loop->log_level) {
        loop->log(loop->log_user, level, text);
    }
}

void run_log(struct grpc_loop *loop, grpc_log_level level, const char *format,
             ...)
{
    if (loop->log == NULL || level > loop->log_level) {
        return;
    }
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    run_clean(text);
    run_log_text(loop, level, text);
}

void run_set_error(struct grpc_loop *loop, char text[RUN_ERROR_TEXT],
                   const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, RUN_ERROR_TEXT, format, arguments);
    va_end(arguments);
    run_clean(text);
    run_log_text(loop, GRPC_LOG_ERROR, text);
}

uint64_t run_now(struct grpc_loop *loop)
{
    if (!loop->stepping) {
        loop_refresh(&loop->loop);
        loop->h2.now_us = loop->loop.now_us;
    }
    return loop->loop.now_ms;
}

uint64_t run_now_us(struct grpc_loop *loop)
{
    (void)run_now(loop);
    return loop->loop.now_us;
}

uint64_t run_clock_us(const struct grpc_loop *loop)
{
    return loop_clock(&loop->loop);
}

uint64_t run_due(struct grpc_loop *loop, uint64_t delay_ms)
{
    const uint64_t never = UINT64_MAX;
    uint64_t now = run_now(loop);
    return delay_ms < never - 2 - now ? now + delay_ms + 1 : never - 1;
}

uint32_t run_random(struct grpc_loop *loop)
{
    // splitmix64
    loop->random += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = loop->random;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) >> 32);
}

// ---- Life -------------------------------------------------------------------

static void run_init(struct grpc_loop *loop, const grpc_loop_options *options)
{
    h2_shared_init(&loop->h2, &loop->allocator);
    slab_init(&loop->calls, &loop->allocator, sizeof(struct grpc_call),
              CORE_CALLS_SPARE, call_slab_fini);
    encoded_init(&loop->encoded, &loop->allocator);
    arena_bind(&loop->scratch, &loop->allocator);
    compress_init(&loop->compress, &loop->allocator);
    loop->random = loop->loop.now_ms ^ (uint64_t)(uintptr_t)loop << 20;
    list_init(&loop->servers);
    list_init(&loop->channels);
    list_init(&loop->user_timers);
    list_init(&loop->user_watches);
    list_init(&loop->ready);
    list_init(&loop->finished);
    list_init(&loop->changed);
    list_init(&loop->dirty);
    list_init(&loop->dead);
    list_init(&loop->securing);
    loop->log = options->log;
    loop->log_user = options->log_user;
    loop->log_level =
        options->log_level != 0 ? options->log_level : GRPC_LOG_WARNING;
}

grpc_loop *run_new(const grpc_loop_options *options,
                   const struct loop_port *port)
{
    grpc_allocator allocator = heap_or_default(&options->allocator);
    struct grpc_loop *loop = alloc_zeroed(&allocator, sizeof *loop);
    if (loop == NULL) {
        return NULL;
    }
    loop->allocator = allocator;
    loop->input = alloc_new(&allocator, CORE_INPUT_BYTES);
    if (loop->input == NULL ||
        !loop_init(&loop->loop, &loop->allocator, port, options->backend)) {
        errno = loop->input == NULL ? ENOMEM : loop->loop.error;
        alloc_free(&allocator, loop->input, CORE_INPUT_BYTES);
        alloc_free(&allocator, loop, sizeof *loop);
        return NULL;
    }
    run_init(loop, options);
    return loop;
}

grpc_loop *grpc_loop_new(const grpc_loop_options *options)
{
    static const grpc_loop_options run_defaults = {.backend = NULL};
    return run_new(options == NULL ? &run_defaults : options,
                   loop_system_port());
}

grpc_loop *run_choose(grpc_loop *users, const grpc_allocator *allocator)
{
    if (users != NULL) {
        return users;
    }
    return grpc_loop_new(&(grpc_loop_options){.allocator = *allocator});
}

static void run_free(struct grpc_loop *loop)
{
    grpc_allocator allocator = loop->allocator;
    user_io_free_all(loop);
    lookup_fini(&loop->lookup);
    slab_fini(&loop->calls);
    arena_reset(&loop->scratch, 0);
    deframe_spare_fini(&loop->spare_body, &loop->allocator);
    compress_fini(&loop->compress);
    h2_shared_fini(&loop->h2);
    encoded_fini(&loop->encoded);
    loop_fini(&loop->loop);
    alloc_free(&allocator, loop->input, CORE_INPUT_BYTES);
    if (loop->secure != NULL) {
        alloc_wipe(loop->secure, CORE_SECURE_BYTES);
        alloc_free(&allocator, loop->secure, CORE_SECURE_BYTES);
    }
    alloc_free(&allocator, loop, sizeof *loop);
}

grpc_result grpc_loop_free(grpc_loop *loop)
{
    if (loop == NULL) {
        return GRPC_OK;
    }
    if (loop->stepping) {
        run_set_error(loop, loop->error, "free: the loop is being stepped");
        return GRPC_ESTATE;
    }
    run_settle(loop);
    if (!list_is_empty(&loop->servers) || !list_is_empty(&loop->channels)) {
        run_set_error(loop, loop->error,
                      "free: servers or channels are left on the loop");
        return GRPC_ESTATE;
    }
    run_free(loop);
    return GRPC_OK;
}

// run_leave frees a private loop that was given up, when nobody runs it any
// more and nothing of the user's is left on it.
static void run_leave(struct grpc_loop *loop)
{
    if (loop->orphaned && !loop->running && !loop->stepping &&
        list_is_empty(&loop->servers) && list_is_empty(&loop->channels)) {
        loop->orphaned = false;
        (void)grpc_loop_free(loop);
    }
}

void run_give_up(struct grpc_loop *loop)
{
    loop->orphaned = true;
    run_leave(loop);
}

// ---- A step -----------------------------------------------------------------

static void run_conn_source(struct loop_source *source, unsigned ready)
{
    conn_on_source(LIST_OWNER(source, struct conn, source), ready);
}

static void run_listener_source(struct loop_source *source, unsigned ready)
{
    (void)ready;
    listener_on_source(LIST_OWNER(source, struct listener, source));
}

static void run_on_source(struct loop_source *source, unsigned ready)
{
    static void (*const run_sources[RUN_KINDS])(struct loop_source * source,
                                                unsigned ready) = {
        [RUN_CONN] = run_conn_source,
        [RUN_LISTENER] = run_listener_source,
        [RUN_USER] = user_io_on_source,
    };
    run_sources[source->kind](source, ready);
}

static void run_conn_timer(struct loop_timer *timer)
{
    conn_on_timer(LIST_OWNER(timer, struct conn, timer));
}

static void run_listener_timer(struct loop_timer *timer)
{
    listener_resume(LIST_OWNER(timer, struct listener, timer));
}

static void run_channel_timer(struct loop_timer *timer)
{
    channel_on_timer(LIST_OWNER(timer, struct grpc_channel, timer));
}

static void run_resolver_timer(struct loop_timer *timer)
{
    resolver_on_timer(LIST_OWNER(timer, struct resolver, timer));
}

static void run_policy_timer(struct loop_timer *timer)
{
    struct policy *policy = LIST_OWNER(timer, struct policy, timer);
    policy->class->on_timer(policy);
}

static void run_subchannel_timer(struct loop_timer *timer)
{
    subchannel_on_timer(LIST_OWNER(timer, struct subchannel, timer));
}

static void run_server_timer(struct loop_timer *timer)
{
    server_on_timer(LIST_OWNER(timer, struct grpc_server, timer));
}

static void run_call_timer(struct loop_timer *timer)
{
    call_on_timer(LIST_OWNER(timer, struct grpc_call, timer));
}

static void run_on_timer(struct loop_timer *timer)
{
    static void (*const run_timers[RUN_KINDS])(struct loop_timer * timer) = {
        [RUN_CONN] = run_conn_timer,
        [RUN_LISTENER] = run_listener_timer,
        [RUN_CHANNEL] = run_channel_timer,
        [RUN_RESOLVER] = run_resolver_timer,
        [RUN_POLICY] = run_policy_timer,
        [RUN_SUBCHANNEL] = run_subchannel_timer,
        [RUN_SERVER] = run_server_timer,
        [RUN_CALL] = run_call_timer,
        [RUN_USER] = user_io_on_timer,
    };
    run_timers[timer->kind](timer);
}

// A task without a function is the stop of a server: two words have room for
// its number, and run_dispatch knows its loop.
bool run_post_stop(struct grpc_loop *loop, uintptr_t number)
{
    return loop_post(&loop->loop, NULL, (void *)number);
}

bool run_wake(struct grpc_loop *loop)
{
    return run_post_stop(loop, 0); // no server's number
}

static void run_on_task(struct grpc_loop *loop, const struct loop_task *task)
{
    if (task->run == NULL) {
        server_on_stop(loop, (uintptr_t)task->argument);
    } else {
        task->run(task->argument);
    }
}

static void run_dispatch(struct grpc_loop *loop)
{
    struct loop_event event;
    while (loop_next(&loop->loop, &event)) {
        switch (event.type) {
        case LOOP_EVENT_FD:
            run_on_source(event.source, event.ready);
            break;
        case LOOP_EVENT_TIMER:
            run_on_timer(event.timer);
            break;
        case LOOP_EVENT_TASK:
            run_on_task(loop, &event.task);
            break;
        case LOOP_EVENT_NONE:
            break;
        }
    }
}

// run_deliver calls the callbacks that were due when it began; those that they
// cause come in the next round, so that a loop of calls cannot starve sockets.
static void run_deliver(struct grpc_loop *loop)
{
    struct list_link due;
    list_init(&due);
    list_move(&due, &loop->finished);
    struct list_link *link;
    while ((link = list_first(&due)) != NULL) {
        client_call_deliver(LIST_OWNER(link, struct grpc_call, link));
    }
}

// run_give gives messages that have waited, likewise.
static void run_give(struct grpc_loop *loop)
{
    struct list_link due;
    list_init(&due);
    list_move(&due, &loop->ready);
    struct list_link *link;
    while ((link = list_take(&due)) != NULL) {
        receive_go_on(LIST_OWNER(link, struct grpc_call, link_ready));
    }
}

// run_tell calls watchers, likewise.
static void run_tell(struct grpc_loop *loop)
{
    struct list_link due;
    list_init(&due);
    list_move(&due, &loop->changed);
    struct list_link *link;
    while ((link = list_take(&due)) != NULL) {
        channel_tell(LIST_OWNER(link, struct grpc_channel, link_changed));
    }
}

// run_return gives lent memory back to whom it belongs.
static void run_return(struct grpc_loop *loop)
{
    void (*release)(void *argument);
    void *argument;
    while (h2_take_returned(&loop->h2, &release, &argument)) {
        release(argument);
    }
}

static void run_flush(struct grpc_loop *loop)
{
    struct list_link due;
    list_init(&due);
    list_move(&due, &loop->dirty);
    struct list_link *link;
    while ((link = list_take(&due)) != NULL) {
        conn_flush(LIST_OWNER(link, struct conn, link_work));
    }
}

static void run_free_marked(struct grpc_loop *loop)
{
    loop->freeing = false;
    LIST_EACH (server_link, server_after, &loop->servers) {
        struct grpc_server *server =
            LIST_OWNER(server_link, struct grpc_server, link_loop);
        if (server->freed && !server->running) {
            server_reap(server);
        }
    }
    LIST_EACH (channel_link, channel_after, &loop->channels) {
        struct grpc_channel *channel =
            LIST_OWNER(channel_link, struct grpc_channel, link_loop);
        if (channel->freed && channel->blocking == 0) {
            channel_reap(channel);
        }
    }
}

static void run_reap(struct grpc_loop *loop)
{
    if (loop->freeing) {
        run_free_marked(loop);
    }
    struct list_link *link;
    while ((link = list_take(&loop->dead)) != NULL) {
        conn_free(LIST_OWNER(link, struct conn, link_work));
    }
}

void run_keep_chunks(struct grpc_loop *loop, size_t size)
{
    // As many go the other way, or wait in a connection's output.
    size_t count = 2 * (size / CHUNK_CAPACITY + 1);
    count = count < CORE_CHUNKS_SPARE ? count : CORE_CHUNKS_SPARE;
    if (count > loop->h2.chunks.spare_max) {
        loop->h2.chunks.spare_max = count;
    }
}

// run_trim gives back what large messages made buffers grow to, when no call is
// left.
static void run_trim(struct grpc_loop *loop)
{
    // No callback is running that has put something there.
    if (loop->scratch.cursor != NULL) {
        arena_reset(&loop->scratch, CORE_SCRATCH_KEEP_BYTES);
    }
    if (loop->calls.taken > 0) {
        return;
    }
    encoded_trim(&loop->encoded, CORE_ENCODED_KEEP_BYTES);
    deframe_spare_fini(&loop->spare_body, &loop->allocator);
    if (loop->scratch.held_bytes > CORE_ENCODED_KEEP_BYTES) {
        arena_reset(&loop->scratch, CORE_ENCODED_KEEP_BYTES);
    }
    compress_trim(&loop->compress, CORE_ENCODED_KEEP_BYTES);
    loop->h2.chunks.spare_max = H2_LIMIT_SPARE_CHUNKS;
    slab_trim(&loop->h2.chunks, H2_LIMIT_SPARE_CHUNKS);
}

static void run_settle_once(struct grpc_loop *loop)
{
    if (!list_is_empty(&loop->ready)) {
        run_give(loop);
    }
    if (!list_is_empty(&loop->finished)) {
        run_deliver(loop);
    }
    if (!list_is_empty(&loop->changed)) {
        run_tell(loop);
    }
    if (!list_is_empty(&loop->dirty)) {
        run_flush(loop);
    }
    if (loop->freeing || !list_is_empty(&loop->dead)) {
        run_reap(loop);
    }
    run_return(loop);
    run_trim(loop);
}

void run_settle(struct grpc_loop *loop)
{
    if (loop->stepping) {
        return;
    }
    (void)run_now(loop);
    loop->stepping = true;
    do {
        run_settle_once(loop);
    } while (loop->freeing || !list_is_empty(&loop->dead));
    loop->stepping = false;
    run_leave(loop);
}

static bool run_has_work(const struct grpc_loop *loop)
{
    return !list_is_empty(&loop->ready) || !list_is_empty(&loop->finished) ||
           !list_is_empty(&loop->changed) || !list_is_empty(&loop->dirty) ||
           !list_is_empty(&loop->dead) || !list_is_empty(&loop->securing) ||
           loop->freeing;
}

// run_secure has one handshake do one step: everybody waits for it.
static void run_secure(struct grpc_loop *loop)
{
    struct list_link *link = list_take(&loop->securing);
    if (link != NULL) {
        conn_secure_step(LIST_OWNER(link, struct conn, link_work));
    }
}

// run_apply_stops finds a grpc_server_stop whose post found the pipe full. That
// is after the wait: the time is new, and what was in the pipe has been read.
static void run_apply_stops(struct grpc_loop *loop)
{
    LIST_EACH (link, after, &loop->servers) {
        server_apply_stops(LIST_OWNER(link, struct grpc_server, link_loop));
    }
}

grpc_result run_step(struct grpc_loop *loop, int timeout_ms)
{
    ASSERT(!loop->stepping);
    loop->stepping = true;
    // Work that is done before the wait may be what the caller waits for. The
    // last step may have been long ago.
    if (run_has_work(loop)) {
        loop_refresh(&loop->loop);
        loop->h2.now_us = loop->loop.now_us;
        timeout_ms = 0;
        run_settle_once(loop);
    }
    grpc_result result = GRPC_OK;
    if (loop_wait(&loop->loop, timeout_ms)) {
        loop->h2.now_us = loop->loop.now_us;
        run_dispatch(loop);
        run_apply_stops(loop);
        run_secure(loop);
        run_settle_once(loop);
    } else {
        char text[128];
        socket_error_text(loop->loop.error, text, sizeof text);
        run_set_error(loop, loop->error, "wait for events: %s", text);
        result = GRPC_ESYSTEM;
    }
    loop->stepping = false;
    return result;
}

// ---- The public functions ---------------------------------------------------

static grpc_result run_refuse_nested(grpc_loop *loop)
{
    run_set_error(loop, loop->error,
                  "step: the loop is being stepped already; this is one of its "
                  "callbacks");
    return GRPC_ESTATE;
}

grpc_result grpc_loop_step(grpc_loop *loop, int timeout_ms)
{
    if (loop == NULL) {
        return GRPC_EINVAL;
    }
    if (loop->stepping) {
        return run_refuse_nested(loop);
    }
    grpc_result result = run_step(loop, timeout_ms);
    run_leave(loop);
    return result;
}

grpc_result grpc_loop_run(grpc_loop *loop)
{
    if (loop == NULL) {
        return GRPC_EINVAL;
    }
    if (loop->stepping || loop->running) {
        return run_refuse_nested(loop);
    }
    grpc_result result = GRPC_OK;
    loop->running = true;
    while (result == GRPC_OK && !loop->stop && !loop->orphaned) {
        result = run_step(loop, -1);
    }
    loop->stop = false;
    loop->running = false;
    run_leave(loop);
    return result;
}

void grpc_loop_stop(grpc_loop *loop)
{
    if (loop != NULL) {
        loop->stop = true;
    }
}

int grpc_loop_fd(const grpc_loop *loop)
{
    return loop == NULL ? -1 : loop_fd(&loop->loop);
}

int grpc_loop_timeout(grpc_loop *loop)
{
    if (loop == NULL) {
        return -1;
    }
    return run_has_work(loop) ? 0 : loop_timeout_ms(&loop->loop);
}

const char *grpc_loop_error(const grpc_loop *loop)
{
    return loop == NULL ? "no loop" : loop->error;
}

grpc_result grpc_loop_post(grpc_loop *loop, void (*run)(void *argument),
                           void *argument)
{
    if (loop == NULL || run == NULL) {
        return GRPC_EINVAL;
    }
    return loop_post(&loop->loop, run, argument) ? GRPC_OK : GRPC_AGAIN;
}

uint64_t grpc_loop_now(const grpc_loop *loop)
{
    return loop == NULL ? 0 : loop->loop.now_ms;
}
