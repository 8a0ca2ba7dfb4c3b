// SPDX-License-Identifier: MIT
// Usage: oom [--scenario NAME] [--short] [--trace]
// Whole calls in which memory runs out: the n-th allocation of one side fails,
// alone or with all behind it, for every n until there is none. Nothing
// crashes, leaks or is stuck, and when memory is back a new call succeeds.
//
// The calls go over the simulated network, whole or cut, so that a run is the
// same each time and no clock is waited for.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/call.h"
#include "core/channel.h"
#include "core/conn.h"
#include "core/server.h"
#include "tests/sim/sim_net.h"
#include "tests/sim/sim_report.h"
#include "tests/sim/sim_service.h"
#include "tests/support.h"

enum {
    OOM_CALLS = 48,
    OOM_PORT = 80,
    OOM_LEAST = 10, // allocations of a whole call, at least
    // No call takes longer, of virtual time; but one that waits for a
    // connection may, as its backoff or its deadline says.
    OOM_PATIENCE_MS = 2000,
    OOM_PATIENCE_READY_MS = 200000,
};

enum oom_answer {
    OOM_REPLY,
    OOM_FAIL,
    OOM_LATE,  // replies from a timer
    OOM_NEVER, // until told of the end
    OOM_KEEP,  // answers after the end
};

struct oom_call {
    struct oom *oom;
    const struct oom_scenario *scenario; // when it began
    uint32_t index;
    grpc_call *call;
    grpc_call *answering;
    int done;
    int handled;
    int told;
    bool answered;
    bool refused; // it did not start
    grpc_code code;
    // Streams: messages of each side, the client's first.
    int sent[2];
    int received[2];
    bool requests_over;
};

// A call that an interceptor holds.
struct oom_held {
    struct oom *oom;
    grpc_call *call;
    grpc_timer *timer;
};

struct oom {
    const struct oom_scenario *scenario;
    struct sim_world *world;
    struct test_heap heaps[2]; // server, client
    grpc_loop *loops[2];
    grpc_server *server;
    grpc_server *old_server;
    grpc_channel *channel;
    struct oom_call calls[OOM_CALLS];
    int count;
    int done;
    struct oom_held held[2][OOM_CALLS];
    int loans; // not given back yet
};

// A scenario: what is called and done. The statuses that may come of it beside
// those of running out of memory are in codes, as bits.
struct oom_scenario {
    const char *name;
    void (*play)(struct oom *oom);
    enum oom_answer answer;
    size_t request_size;
    size_t reply_size;
    uint32_t codes;
    int method;
    grpc_limits limits; // the server's
    int messages[2];    // of a stream: requests, replies
    unsigned ways;
};

// Ways of streams.
enum {
    OOM_PAUSES = 1,     // the client reads late
    OOM_LENDS = 2,      // messages are lent
    OOM_INTERCEPTS = 4, // both sides' interceptors hold calls, copy messages
    OOM_DETAILS = 8,    // it ends with a status that has details
    OOM_SQUEEZES = 16,  // messages are compressed
};

#define OOM_BIT(code) (UINT32_C(1) << (code))

// ---- The server -------------------------------------------------------------

static void oom_answer(struct oom_call *call)
{
    const struct oom_scenario *scenario = call->scenario;
    grpc_call *answering = call->answering;
    call->answering = NULL;
    call->answered = true;
    if (scenario->answer == OOM_FAIL) {
        (void)grpc_call_fail(answering, GRPC_NOT_FOUND, "call %u: %0400u",
                             (unsigned)call->index, 0u);
        return;
    }
    const struct sim_message reply = {
        .index = call->index,
        .payload = sim_payload(call->index, true, scenario->reply_size),
    };
    (void)grpc_call_reply(answering, &reply);
}

static void oom_answer_late(void *argument)
{
    struct oom_call *call = argument;
    if (call->answering != NULL) {
        oom_answer(call);
    }
}

static void oom_told(void *argument)
{
    struct oom_call *call = argument;
    call->told++;
    SIM_CHECK(call->told == 1 && !call->answered, "call %u: told wrongly",
              call->index);
    call->answering = NULL;
}

static void oom_handle(grpc_call *answering, const struct sim_message *request,
                       void *self)
{
    struct oom *oom = self;
    SIM_CHECK(request->index < OOM_CALLS, "a request of call %u",
              request->index);
    struct oom_call *call = &oom->calls[request->index];
    const struct oom_scenario *scenario = call->scenario;
    SIM_CHECK(++call->handled == 1, "call %u: handled twice", call->index);
    SIM_CHECK(sim_payload_is(request->payload, call->index, false,
                             scenario->request_size),
              "call %u: another request", call->index);
    call->answering = answering;
    if (scenario->answer == OOM_NEVER || scenario->answer == OOM_LATE) {
        grpc_call_on_end(answering, oom_told, call);
    }
    switch (scenario->answer) {
    case OOM_REPLY:
    case OOM_FAIL:
        oom_answer(call);
        break;
    case OOM_LATE:
        if (grpc_timer_start(grpc_call_loop(answering), 50, oom_answer_late,
                             call) == NULL) {
            oom_answer(call);
        }
        break;
    case OOM_NEVER:
    case OOM_KEEP:
        break;
    }
}

// ---- Streams ----------------------------------------------------------------

static bool oom_streams(const struct oom_scenario *scenario, int side)
{
    return scenario->method == SIM_METHOD_TALK ||
           scenario->method == SIM_METHOD_ABSENT || // raw
           scenario->method ==
               (side == 0 ? SIM_METHOD_COLLECT : SIM_METHOD_MANY);
}

static size_t oom_size(const struct oom_call *call, int side)
{
    return side == 0 ? call->scenario->request_size
                     : call->scenario->reply_size;
}

struct oom_loan {
    struct oom *oom;
    char bytes[];
};

static void oom_release(void *argument)
{
    struct oom_loan *loan = argument;
    loan->oom->loans--;
    free(loan);
}

static grpc_result oom_lend(struct oom_call *call, grpc_call *handle,
                            const struct sim_message *message)
{
    struct oom_loan *loan =
        malloc(sizeof *loan + message->payload.size + SIM_ENCODED_MORE);
    SIM_CHECK(loan != NULL, "no memory for the test");
    loan->oom = call->oom;
    loan->oom->loans++;
    size_t size = sim_encode(message->index, message->payload, loan->bytes);
    grpc_result result = grpc_call_send_bytes(
        handle, (grpc_str){loan->bytes, size}, oom_release, loan);
    if (result != GRPC_OK) {
        oom_release(loan);
    }
    return result;
}

static grpc_result oom_send(struct oom_call *call, int side, grpc_call *handle)
{
    const struct sim_message message = {
        .index = (uint32_t)call->sent[side],
        .payload = sim_payload(call->index, side == 1, oom_size(call, side)),
    };
    if (call->scenario->method == SIM_METHOD_ABSENT) {
        return grpc_call_send_bytes(handle, message.payload, NULL, NULL);
    }
    if ((call->scenario->ways & OOM_LENDS) == 0) {
        return grpc_call_send(handle, &message);
    }
    return oom_lend(call, handle, &message);
}

static void oom_end_stream(struct oom_call *call)
{
    grpc_call *answering = call->answering;
    const struct oom_scenario *scenario = call->scenario;
    if (!call->requests_over ||
        (oom_streams(scenario, 1) && call->sent[1] < scenario->messages[1])) {
        return;
    }
    if (scenario->method == SIM_METHOD_COLLECT) {
        oom_answer(call);
        return;
    }
    const grpc_status status = {
        .code = GRPC_NOT_FOUND,
        .message = "it has details",
        .message_size = 14,
        .details = sim_payload(call->index, true, 100),
    };
    call->answering = NULL;
    call->answered = true;
    if ((scenario->ways & OOM_DETAILS) != 0) {
        (void)grpc_call_fail_status(answering, &status);
    } else {
        (void)grpc_call_finish(answering, GRPC_OK, NULL);
    }
}

// oom_push sends what there is room for. Without memory the side gives up.
static void oom_push(struct oom_call *call, int side)
{
    grpc_call *handle = side == 0 ? call->call : call->answering;
    const struct oom_scenario *scenario = call->scenario;
    while (oom_streams(scenario, side) &&
           call->sent[side] < scenario->messages[side]) {
        grpc_result result = oom_send(call, side, handle);
        if (result == GRPC_AGAIN || grpc_call_is_over(handle)) {
            return;
        }
        if (result != GRPC_OK && side == 0) {
            grpc_cancel(handle);
            return;
        }
        if (result != GRPC_OK) {
            call->answering = NULL;
            call->answered = true;
            (void)grpc_call_fail(handle, GRPC_RESOURCE_EXHAUSTED, "gives up");
            return;
        }
        call->sent[side]++;
    }
    if (side == 0 && oom_streams(scenario, 0)) {
        (void)grpc_call_half_close(handle);
    } else if (side == 1) {
        oom_end_stream(call);
    }
}

static void oom_push_server(grpc_call *handle, void *self)
{
    (void)handle;
    oom_push(self, 1);
}

static void oom_push_client(grpc_call *handle, void *self)
{
    (void)handle;
    oom_push(self, 0);
}

static void oom_resume(void *argument)
{
    struct oom_call *call = argument;
    if (call->call != NULL) {
        grpc_call_resume(call->call);
    }
}

static void oom_got(struct oom_call *call, int side, grpc_str payload)
{
    SIM_CHECK(call->received[side]++ < call->sent[1 - side],
              "call %u: a message that was not sent", call->index);
    SIM_CHECK(sim_payload_is(payload, call->index, side == 0,
                             oom_size(call, 1 - side)),
              "call %u: another message", call->index);
    if (side == 0 && (call->scenario->ways & OOM_PAUSES) != 0) {
        grpc_call_pause(call->call);
        if (grpc_timer_start(call->oom->loops[1], 10, oom_resume, call) ==
            NULL) {
            grpc_call_resume(call->call);
        }
    }
}

static void oom_got_request(grpc_call *handle,
                            const struct sim_message *message, void *self)
{
    (void)handle;
    oom_got(self, 1, message->payload);
}

static void oom_got_reply(grpc_call *handle, const struct sim_message *message,
                          void *self)
{
    (void)handle;
    oom_got(self, 0, message->payload);
}

static void oom_got_raw_request(grpc_call *handle, grpc_str message, void *self)
{
    (void)handle;
    oom_got(self, 1, message);
}

static void oom_got_raw_reply(grpc_call *handle, grpc_str message, void *self)
{
    (void)handle;
    oom_got(self, 0, message);
}

static void oom_got_end(grpc_call *handle, void *self)
{
    struct oom_call *call = self;
    (void)handle;
    SIM_CHECK(call->received[1] == call->sent[0], "call %u: %d of %d requests",
              call->index, call->received[1], call->sent[0]);
    call->requests_over = true;
    oom_push(call, 1);
}

// oom_begin is a handler of a stream.
static struct oom_call *oom_begin(struct oom *oom, grpc_call *answering)
{
    grpc_str index;
    grpc_str trace;
    SIM_CHECK(grpc_call_header(answering, "oom-index-bin", &index) &&
                  index.size == sizeof(int) &&
                  grpc_call_header(answering, "oom-trace", &trace) &&
                  strcmp(trace.data, "a trace") == 0,
              "a request without its metadata");
    int number;
    memcpy(&number, index.data, sizeof number);
    struct oom_call *call = &oom->calls[number];
    SIM_CHECK(++call->handled == 1, "call %u: handled twice", call->index);
    call->answering = answering;
    grpc_call_on_end(answering, oom_told, call);
    grpc_call_on_writable(answering, oom_push_server, call);
    (void)grpc_call_add_header(answering, "oom-header", "a header");
    (void)grpc_call_add_trailer_bytes(answering, "oom-bin", "\0\1", 2);
    if ((call->scenario->ways & OOM_SQUEEZES) != 0) {
        (void)grpc_call_set_encoding(answering, "gzip");
    }
    return call;
}

static void oom_many(grpc_call *answering, const struct sim_message *request,
                     void *self)
{
    struct oom_call *call = oom_begin(self, answering);
    SIM_CHECK(request->index == call->index, "another request");
    call->requests_over = true;
    oom_push(call, 1);
}

static void oom_talk(grpc_call *answering, void *self)
{
    struct oom_call *call = oom_begin(self, answering);
    SIM_CHECK(grpc_call_receive(answering, (grpc_function *)oom_got_request,
                                oom_got_end, call) == GRPC_OK,
              "may not receive");
    oom_push(call, 1);
}

static void oom_raw(grpc_call *answering, void *self)
{
    struct oom_call *call = oom_begin(self, answering);
    SIM_CHECK(grpc_raw_receive(answering, oom_got_raw_request, oom_got_end,
                               call) == GRPC_OK,
              "may not receive");
    oom_push(call, 1);
}

// ---- Interceptors -----------------------------------------------------------

static void oom_let_go(void *argument)
{
    struct oom_held *held = argument;
    grpc_call *call = held->call;
    held->call = NULL;
    held->timer = NULL;
    (void)grpc_call_proceed(call);
}

static void oom_hold(grpc_call *call, void *self)
{
    struct oom *oom = self;
    struct oom_held *held = oom->held[call->is_server ? 0 : 1];
    while (held->call != NULL) {
        held++;
    }
    *held = (struct oom_held){.oom = oom, .call = call};
    held->timer = grpc_timer_start(grpc_call_loop(call), 5, oom_let_go, held);
    if (held->timer == NULL) {
        oom_let_go(held);
    }
}

// oom_unhold: a server's call that has ended is still the interceptor's to end.
static void oom_unhold(grpc_call *call, const grpc_status *status, void *self)
{
    struct oom *oom = self;
    struct oom_held *held = oom->held[call->is_server ? 0 : 1];
    for (int i = 0; i < OOM_CALLS; i++) {
        if (held[i].call == call) {
            held[i].call = NULL;
            grpc_timer_stop(held[i].timer);
            (void)grpc_call_fail(call, status->code, NULL);
        }
    }
}

static void oom_copy(grpc_call *call, grpc_str *message, void *self)
{
    (void)self;
    char *copy = grpc_arena_alloc(grpc_call_scratch(call), message->size);
    if (copy != NULL && message->size > 0) {
        memcpy(copy, message->data, message->size);
        message->data = copy;
    }
}

// oom_interceptors is a list that is copied at once.
static grpc_interceptors oom_interceptors(struct oom *oom)
{
    static grpc_interceptor interceptor;
    static const grpc_interceptor *const list[] = {&interceptor};
    interceptor = (grpc_interceptor){.start = oom_hold,
                                     .sent = oom_copy,
                                     .received = oom_copy,
                                     .end = oom_unhold,
                                     .self = oom};
    bool any = (oom->scenario->ways & OOM_INTERCEPTS) != 0;
    return (grpc_interceptors){list, any ? 1 : 0};
}

static grpc_server *oom_serve(struct oom *oom)
{
    const struct sim_handlers handlers = {.handle = oom_handle,
                                          .many = oom_many,
                                          .collect = oom_talk,
                                          .talk = oom_talk};
    grpc_server *server = grpc_server_new(
        &(grpc_server_options){.loop = oom->loops[0],
                               .interceptors = oom_interceptors(oom),
                               .limits = oom->scenario->limits});
    if (server == NULL) {
        return NULL;
    }
    if (server->interceptor_fault != GRPC_OK) {
        grpc_server_free(server); // it would not listen
        return NULL;
    }
    if (grpc_server_serve(server, sim_service(), &handlers, oom) != GRPC_OK ||
        grpc_server_serve_raw(server, SIM_RAW_PATH, oom_raw, oom) != GRPC_OK) {
        SIM_CHECK(grpc_server_error(server)[0] != '\0', "no reason");
        grpc_server_free(server);
        return NULL;
    }
    sim_listen(oom->world, OOM_PORT, server);
    return server;
}

// ---- The client -------------------------------------------------------------

static bool oom_may_end(const struct oom_call *call, grpc_code code)
{
    const uint32_t always = OOM_BIT(GRPC_OK) |
                            OOM_BIT(GRPC_RESOURCE_EXHAUSTED) |
                            OOM_BIT(GRPC_UNAVAILABLE) | OOM_BIT(GRPC_INTERNAL);
    return (unsigned)code < 32 &&
           ((always | call->scenario->codes) & OOM_BIT(code)) != 0;
}

static void oom_done(grpc_call *handle, const grpc_status *status,
                     const struct sim_message *reply, void *self)
{
    struct oom_call *call = self;
    struct oom *oom = call->oom;
    SIM_CHECK(handle != NULL && ++call->done == 1, "call %u: ends twice",
              call->index);
    SIM_CHECK(oom_may_end(call, status->code), "call %u ends as %s: %s",
              call->index, grpc_code_name(status->code), status->message);
    SIM_CHECK((reply != NULL) == (status->code == GRPC_OK),
              "call %u: a reply goes with OK alone", call->index);
    SIM_CHECK(
        reply == NULL ||
            (call->answered && sim_payload_is(reply->payload, call->index, true,
                                              oom->scenario->reply_size)),
        "call %u: another reply", call->index);
    call->code = status->code;
    call->call = NULL;
    oom->done++;
    sim_note("call %lld ends with code %lld", call->index, status->code, 0, 0);
}

static struct oom_call *oom_start(struct oom *oom,
                                  const grpc_call_options *options)
{
    const struct oom_scenario *scenario = oom->scenario;
    struct oom_call *call = &oom->calls[oom->count];
    *call = (struct oom_call){
        .oom = oom, .scenario = oom->scenario, .index = (uint32_t)oom->count};
    oom->count++;
    const struct sim_message request = {
        .index = call->index,
        .payload = sim_payload(call->index, false, scenario->request_size),
    };
    call->call =
        grpc_unary_start(oom->channel, sim_method(scenario->method), &request,
                         (grpc_function *)oom_done, call, options);
    if (call->call == NULL) {
        SIM_CHECK(grpc_channel_error(oom->channel)[0] != '\0', "no reason");
        call->refused = true;
        oom->done++;
    }
    return call;
}

static void oom_wait_for(struct oom *oom, uint64_t patience_ms)
{
    uint64_t began_ms = sim_now_ms(oom->world);
    SIM_CHECK(sim_until(oom->world, &oom->done, oom->count),
              "%d of %d calls are stuck", oom->count - oom->done, oom->count);
    SIM_CHECK(sim_now_ms(oom->world) - began_ms <= patience_ms,
              "a call takes %llu ms",
              (unsigned long long)(sim_now_ms(oom->world) - began_ms));
}

static void oom_wait(struct oom *oom)
{
    oom_wait_for(oom, OOM_PATIENCE_MS);
}

// ---- Scenarios --------------------------------------------------------------

static void oom_play_two(struct oom *oom)
{
    (void)oom_start(oom, NULL);
    oom_wait(oom);
    (void)oom_start(oom, NULL);
    oom_wait(oom);
}

static void oom_play_many(struct oom *oom)
{
    for (int i = 0; i < 40; i++) {
        (void)oom_start(oom, NULL);
    }
    oom_wait(oom);
}

static void oom_play_some(struct oom *oom)
{
    for (int i = 0; i < 4; i++) {
        (void)oom_start(oom, NULL);
    }
    oom_wait(oom);
}

static void oom_play_deadline(struct oom *oom)
{
    const grpc_call_options options = {.timeout_ms = 100};
    (void)oom_start(oom, &options);
    (void)oom_start(oom, &options);
    oom_wait(oom);
}

static void oom_play_cancel(struct oom *oom)
{
    for (int i = 0; i < 4; i++) {
        (void)oom_start(oom, NULL);
    }
    sim_settle(oom->world);
    for (int i = 0; i < 4; i++) {
        if (oom->calls[i].call != NULL) {
            grpc_cancel(oom->calls[i].call);
        }
    }
    oom_wait(oom);
    sim_settle(oom->world);
}

// oom_play_orphan: the answers come when nobody waits for them any more.
static void oom_play_orphan(struct oom *oom)
{
    oom_play_cancel(oom);
    for (int i = 0; i < 4; i++) {
        if (oom->calls[i].answering != NULL) {
            oom_answer(&oom->calls[i]);
        }
    }
}

static void oom_play_reconnect(struct oom *oom)
{
    (void)oom_start(oom, NULL);
    oom_wait(oom);
    for (size_t i = 0; i < oom->world->end_count; i += 2) {
        sim_tear(oom->world, SIM_FD_FIRST + (int)i, true);
    }
    sim_run(oom->world, 5000); // behind a backoff
    (void)oom_start(
        oom, &(grpc_call_options){.wait_for_ready = true, .timeout_ms = 60000});
    oom_wait_for(oom, OOM_PATIENCE_READY_MS);
}

// oom_play_goaway: the server stops with a call on it and another on the way,
// and one more takes its place.
static void oom_play_goaway(struct oom *oom)
{
    const grpc_call_options options = {.wait_for_ready = true,
                                       .timeout_ms = 60000};
    (void)oom_start(oom, &options);
    sim_settle(oom->world);
    (void)oom_start(oom, &options);
    grpc_server_stop(oom->server);
    sim_kick(oom->world, oom->loops[0]);
    oom->old_server = oom->server;
    sim_unlisten(oom->world, OOM_PORT);
    sim_run(oom->world, 10);
    oom->server = oom_serve(oom);
    (void)oom_start(oom, &options);
    oom_wait_for(oom, OOM_PATIENCE_READY_MS);
}

static void oom_play_blocking(struct oom *oom)
{
    for (int i = 0; i < 2; i++) {
        struct oom_call *call = &oom->calls[oom->count];
        *call = (struct oom_call){.oom = oom,
                                  .scenario = oom->scenario,
                                  .index = (uint32_t)oom->count};
        oom->count++;
        oom->done++;
        const struct sim_message request = {
            .index = call->index,
            .payload =
                sim_payload(call->index, false, oom->scenario->request_size),
        };
        struct sim_message reply;
        grpc_arena arena = {0};
        grpc_status status =
            grpc_unary(oom->channel, &arena, sim_method(SIM_METHOD_CALL),
                       &request, &reply, NULL);
        SIM_CHECK(status.message != NULL && oom_may_end(call, status.code),
                  "call %u ends as %s", call->index,
                  grpc_code_name(status.code));
        SIM_CHECK(status.code != GRPC_OK ||
                      sim_payload_is(reply.payload, call->index, true,
                                     oom->scenario->reply_size),
                  "call %u: another reply", call->index);
        grpc_arena_free(&arena);
    }
}

// oom_play_freed: everything is freed in the midst of calls.
static void oom_play_freed(struct oom *oom)
{
    for (int i = 0; i < 4; i++) {
        (void)oom_start(oom, NULL);
    }
    sim_settle(oom->world);
    grpc_channel_free(oom->channel);
    oom->channel = NULL;
    SIM_CHECK(oom->done == oom->count, "freed without an end");
    sim_settle(oom->world);
}

static void oom_stream_done(grpc_call *handle, const grpc_status *status,
                            void *self)
{
    struct oom_call *call = self;
    const struct oom_scenario *scenario = call->scenario;
    bool by_handler = status->code == GRPC_OK ||
                      (status->code == GRPC_NOT_FOUND && call->answered);
    SIM_CHECK(handle != NULL && ++call->done == 1, "call %u: ends twice",
              call->index);
    SIM_CHECK(oom_may_end(call, status->code), "call %u ends as %s: %s",
              call->index, grpc_code_name(status->code), status->message);
    SIM_CHECK(!by_handler || (call->received[1] == scenario->messages[0] &&
                              call->received[0] == scenario->messages[1]),
              "call %u: ends well behind %d and %d messages", call->index,
              call->received[1], call->received[0]);
    call->code = status->code;
    call->call = NULL;
    call->oom->done++;
}

static void oom_collected(grpc_call *handle, const grpc_status *status,
                          const struct sim_message *reply, void *self)
{
    struct oom_call *call = self;
    SIM_CHECK((reply != NULL) == (status->code == GRPC_OK) &&
                  (reply == NULL || reply->index == call->index),
              "call %u: another reply", call->index);
    oom_stream_done(handle, status, self);
}

// oom_play_streams has as many calls at a time as there are channels' hands.
static void oom_start_stream(struct oom *oom, bool cancels)
{
    const struct oom_scenario *scenario = oom->scenario;
    const grpc_events events = {
        .message = (grpc_function *)oom_got_reply,
        .writable = oom_push_client,
        .end = scenario->method == SIM_METHOD_COLLECT
                   ? (grpc_function *)oom_collected
                   : (grpc_function *)oom_stream_done,
    };
    const grpc_raw_events raw = {
        .message = oom_got_raw_reply,
        .writable = oom_push_client,
        .end = oom_stream_done,
    };
    int number = oom->count++;
    struct oom_call *call = &oom->calls[number];
    *call = (struct oom_call){
        .oom = oom, .scenario = scenario, .index = (uint32_t)number};
    const grpc_call_options options = {
        .metadata = GRPC_METADATA({"oom-trace", "a trace", 0},
                                  {"oom-index-bin", &number, sizeof number}),
        .encoding = (scenario->ways & OOM_SQUEEZES) != 0 ? "gzip" : NULL,
    };
    const struct sim_message request = {.index = (uint32_t)number};
    bool is_many = scenario->method == SIM_METHOD_MANY;
    call->call =
        scenario->method == SIM_METHOD_ABSENT
            ? grpc_raw_start(oom->channel, SIM_RAW_PATH, &raw, call, &options)
            : grpc_stream_start(oom->channel, sim_method(scenario->method),
                                is_many ? &request : NULL, &events, call,
                                &options);
    if (call->call == NULL) {
        SIM_CHECK(grpc_channel_error(oom->channel)[0] != '\0', "no reason");
        call->refused = true;
        oom->done++;
        return;
    }
    oom_push(call, 0);
    if (cancels) {
        sim_run(oom->world, 2);
        grpc_cancel(call->call);
    }
}

static void oom_play_streams(struct oom *oom)
{
    for (int i = 0; i < 2; i++) {
        oom_start_stream(oom, false);
        oom_start_stream(oom, false);
        oom_wait(oom);
    }
}

static void oom_play_stream_cancel(struct oom *oom)
{
    oom_start_stream(oom, true);
    oom_start_stream(oom, true);
    oom_wait(oom);
    sim_settle(oom->world);
}

static void oom_read_all(struct oom_call *call, grpc_call *handle)
{
    const void *message;
    bool sends = true;
    while (sends && call->sent[0] < call->scenario->messages[0]) {
        sends = oom_send(call, 0, handle) == GRPC_OK;
        call->sent[0] += sends ? 1 : 0;
    }
    if (!sends) {
        return; // and the server waits for more: the call is cancelled
    }
    (void)grpc_call_half_close(handle);
    while (grpc_call_next(handle, &message) == GRPC_MORE) {
        const struct sim_message *reply = message;
        oom_got(call, 0, reply->payload);
    }
}

static void oom_play_stream_waited_for(struct oom *oom)
{
    for (int i = 0; i < 2; i++) {
        int number = oom->count++;
        struct oom_call *call = &oom->calls[number];
        *call = (struct oom_call){
            .oom = oom, .scenario = oom->scenario, .index = (uint32_t)number};
        oom->done++;
        grpc_arena arena = {0};
        grpc_call *handle = grpc_stream_call(
            oom->channel, &arena, sim_method(SIM_METHOD_TALK), NULL,
            &(grpc_call_options){
                .metadata =
                    GRPC_METADATA({"oom-trace", "a trace", 0},
                                  {"oom-index-bin", &number, sizeof number})});
        if (handle != NULL) {
            oom_read_all(call, handle);
        }
        grpc_status status = grpc_call_end(handle);
        SIM_CHECK(handle == NULL ? status.code == GRPC_FAILED_PRECONDITION
                                 : oom_may_end(call, status.code),
                  "call %u ends as %s: %s", call->index,
                  grpc_code_name(status.code), status.message);
        SIM_CHECK(status.code != GRPC_OK ||
                      call->received[0] == oom->scenario->messages[1],
                  "call %u: %d replies", call->index, call->received[0]);
        grpc_arena_free(&arena);
        sim_settle(oom->world);
    }
}

static const struct oom_scenario oom_scenarios[] = {
    {"small", oom_play_two, OOM_REPLY, 3, 5, 0, SIM_METHOD_CALL, {0}, {0}, 0},
    {"large",
     oom_play_two,
     OOM_REPLY,
     300000,
     300000,
     0,
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"many",
     oom_play_many,
     OOM_REPLY,
     100,
     2000,
     0,
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"error",
     oom_play_two,
     OOM_FAIL,
     3,
     0,
     OOM_BIT(GRPC_NOT_FOUND),
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"unimplemented",
     oom_play_two,
     OOM_REPLY,
     3,
     0,
     OOM_BIT(GRPC_UNIMPLEMENTED),
     SIM_METHOD_ABSENT,
     {0},
     {0},
     0},
    {"late", oom_play_two, OOM_LATE, 3, 20000, 0, SIM_METHOD_CALL, {0}, {0}, 0},
    {"deadline",
     oom_play_deadline,
     OOM_NEVER,
     3,
     0,
     OOM_BIT(GRPC_DEADLINE_EXCEEDED),
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"cancel",
     oom_play_cancel,
     OOM_NEVER,
     3,
     0,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"cancel_large",
     oom_play_cancel,
     OOM_LATE,
     200000,
     300000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"orphan",
     oom_play_orphan,
     OOM_KEEP,
     3,
     3,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"reconnect",
     oom_play_reconnect,
     OOM_REPLY,
     3,
     3,
     OOM_BIT(GRPC_DEADLINE_EXCEEDED),
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"goaway",
     oom_play_goaway,
     OOM_LATE,
     3,
     3,
     OOM_BIT(GRPC_DEADLINE_EXCEEDED),
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"blocking",
     oom_play_blocking,
     OOM_REPLY,
     3,
     70000,
     0,
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"assembly",
     oom_play_some,
     OOM_REPLY,
     150000,
     3,
     0,
     SIM_METHOD_CALL,
     {.assembly_bytes = 200000},
     {0},
     0},
    {"held",
     oom_play_many,
     OOM_FAIL,
     3,
     0,
     OOM_BIT(GRPC_NOT_FOUND),
     SIM_METHOD_CALL,
     {.induced_bytes = 1024},
     {0},
     0},
    {"turns",
     oom_play_many,
     OOM_REPLY,
     3,
     3,
     0,
     SIM_METHOD_CALL,
     {.streams_per_turn = 3, .header_table_bytes = 100},
     {0},
     0},
    {"freed",
     oom_play_freed,
     OOM_NEVER,
     3,
     3,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_CALL,
     {0},
     {0},
     0},
    {"stream_talk",
     oom_play_streams,
     OOM_REPLY,
     30,
     300,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {3, 3},
     0},
    {"stream_many",
     oom_play_streams,
     OOM_REPLY,
     0,
     20000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_MANY,
     {0},
     {0, 12},
     0},
    {"stream_collect",
     oom_play_streams,
     OOM_REPLY,
     20000,
     30,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_COLLECT,
     {0},
     {12, 0},
     0},
    {"stream_large",
     oom_play_streams,
     OOM_REPLY,
     150000,
     150000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {1, 1},
     0},
    {"stream_paused",
     oom_play_streams,
     OOM_REPLY,
     30,
     3000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {2, 8},
     OOM_PAUSES},
    {"stream_lent",
     oom_play_streams,
     OOM_REPLY,
     9000,
     9000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {3, 3},
     OOM_LENDS},
    {"stream_held",
     oom_play_streams,
     OOM_REPLY,
     500,
     500,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {2, 2},
     OOM_INTERCEPTS},
    {"stream_details",
     oom_play_streams,
     OOM_REPLY,
     30,
     30,
     OOM_BIT(GRPC_CANCELLED) | OOM_BIT(GRPC_NOT_FOUND),
     SIM_METHOD_TALK,
     {0},
     {1, 1},
     OOM_DETAILS},
    {"stream_squeezed",
     oom_play_streams,
     OOM_REPLY,
     5000,
     5000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {2, 2},
     OOM_SQUEEZES},
    {"stream_raw",
     oom_play_streams,
     OOM_REPLY,
     30,
     300,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_ABSENT,
     {0},
     {2, 2},
     0},
    {"stream_cancel",
     oom_play_stream_cancel,
     OOM_REPLY,
     3000,
     3000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {8, 8},
     OOM_LENDS},
    {"stream_waited",
     oom_play_stream_waited_for,
     OOM_REPLY,
     300,
     3000,
     OOM_BIT(GRPC_CANCELLED),
     SIM_METHOD_TALK,
     {0},
     {3, 5},
     0},
};

enum { OOM_SCENARIOS = sizeof oom_scenarios / sizeof oom_scenarios[0] };

// ---- A run ------------------------------------------------------------------

static grpc_channel *oom_dial(struct oom *oom)
{
    return grpc_channel_new(
        "127.0.0.1:80",
        &(grpc_channel_options){.loop = oom->loops[1],
                                .interceptors = oom_interceptors(oom)});
}

static void oom_check_conns(const struct list_link *conns)
{
    LIST_FOREACH (cursor, after, conns) {
        const struct conn *conn =
            LIST_OWNER(cursor, const struct conn, link_owner);
        conn_check(conn);
        if (conn->state != CONN_CONNECTING && conn->state != CONN_CLOSED) {
            h2_check(&conn->h2);
        }
    }
}

static void oom_stepped(void *user, grpc_loop *loop)
{
    (void)user;
    LIST_FOREACH (server, server_after, &loop->servers) {
        oom_check_conns(
            &LIST_OWNER(server, const struct grpc_server, link_loop)->conns);
    }
    LIST_FOREACH (channel, channel_after, &loop->channels) {
        oom_check_conns(
            &LIST_OWNER(channel, const struct grpc_channel, link_loop)->conns);
    }
}

static bool oom_setup(struct oom *oom)
{
    for (int i = 0; i < 2; i++) {
        oom->loops[i] = sim_loop(oom->world, &oom->heaps[i].allocator);
        if (oom->loops[i] == NULL) {
            return false;
        }
    }
    oom->server = oom_serve(oom);
    if (oom->server == NULL) {
        return false;
    }
    oom->channel = oom_dial(oom);
    return oom->channel != NULL;
}

// oom_check_healthy: memory is back, and with it the service: at once for a new
// channel, and behind its backoff for the old one.
static void oom_check_healthy(struct oom *oom)
{
    static const struct oom_scenario healthy = {
        .name = "healthy", .answer = OOM_REPLY, .request_size = 1000};
    if (oom->server == NULL) {
        return; // its second one did not come about
    }
    oom->scenario = &healthy;
    grpc_channel *old = oom->channel;
    oom->channel = oom_dial(oom);
    const struct oom_call *call = oom_start(oom, NULL);
    oom_wait(oom);
    SIM_CHECK(call->code == GRPC_OK && call->answered,
              "with memory a new channel fails: %s",
              grpc_code_name(call->code));
    grpc_channel_free(oom->channel);
    oom->channel = old;
    if (old != NULL) {
        call = oom_start(oom, &(grpc_call_options){.wait_for_ready = true});
        oom_wait_for(oom, OOM_PATIENCE_READY_MS);
        SIM_CHECK(call->code == GRPC_OK && call->answered,
                  "with memory the old channel fails: %s",
                  grpc_code_name(call->code));
    }
}

static void oom_end(struct oom *oom)
{
    grpc_channel_free(oom->channel);
    grpc_server_free(oom->old_server);
    grpc_server_free(oom->server);
    for (int i = 0; i < 2; i++) {
        SIM_CHECK(sim_loop_free(oom->world, oom->loops[1 - i]) == GRPC_OK,
                  "a loop cannot be freed");
    }
    for (int i = 0; i < 2; i++) {
        SIM_CHECK(test_heap_is_clean(&oom->heaps[i]), "%s leaks %zu blocks",
                  i == 0 ? "the server" : "the client",
                  oom->heaps[i].live_blocks);
    }
    SIM_CHECK(oom->loans == 0, "%d loans are not given back", oom->loans);
    sim_clock(NULL);
    sim_world_free(oom->world);
}

// One way to run out of memory.
struct oom_way {
    int side;
    bool and_on;
    bool cut; // the network
};

struct oom_options {
    const char *only; // of the scenarios; NULL: all
    bool loud;
    bool quiet;
};

// oom_run is false when the failure came too late to happen.
static bool oom_run(const struct oom_scenario *scenario,
                    const struct oom_way *way, size_t fail_at)
{
    static struct oom oom;
    memset(&oom, 0, sizeof oom);
    oom.scenario = scenario;
    oom.world = sim_world_new(&(struct sim_options){
        .seed = 1,
        .delay_us = 100,
        .cut_percent = way->cut ? 70 : 0,
        .short_percent = way->cut ? 30 : 0,
        .capacity = way->cut ? 30000 : 0,
    });
    sim_clock(&oom.world->now_us);
    oom.world->tap.stepped = oom_stepped;
    for (int i = 0; i < 2; i++) {
        test_heap_init(&oom.heaps[i]);
    }
    struct test_heap *heap = &oom.heaps[way->side];
    heap->fail_at = fail_at;
    heap->fail_on = way->and_on;
    bool ready = oom_setup(&oom);
    if (ready) {
        scenario->play(&oom);
    }
    bool failed = heap->calls >= fail_at;
    heap->fail_at = 0;
    if (ready) {
        oom_check_healthy(&oom);
    }
    oom_end(&oom);
    return failed;
}

static void oom_sweep(const struct oom_scenario *scenario,
                      const struct oom_way *way,
                      const struct oom_options *options,
                      struct sim_tally *tally)
{
    char name[96];
    size_t n = 0;
    (void)snprintf(name, sizeof name, "%s, %s, %s, %s network: allocation",
                   scenario->name, way->side == 0 ? "server" : "client",
                   way->and_on ? "all from one on" : "one alone",
                   way->cut ? "bad" : "good");
    bool failed = true;
    while (failed) {
        n++;
        sim_begin(tally, name, n, options->loud);
        failed = oom_run(scenario, way, n);
        tally->passed++;
    }
    SIM_CHECK(n > OOM_LEAST, "only %zu allocations", n);
    if (!options->quiet) {
        printf("%-60s 1 to %zu\n", name, n - 1);
    }
}

static void oom_sweep_all(const struct oom_options *options,
                          struct sim_tally *tally)
{
    sim_watch_crashes();
    for (int i = 0; i < OOM_SCENARIOS; i++) {
        if (options->only != NULL &&
            strcmp(options->only, oom_scenarios[i].name) != 0) {
            continue;
        }
        for (int k = 0; k < 8; k++) {
            const struct oom_way way = {
                .side = k & 1, .and_on = (k & 2) != 0, .cut = (k & 4) != 0};
            oom_sweep(&oom_scenarios[i], &way, options, tally);
        }
    }
    (void)fflush(stdout);
}

int main(int count, char **arguments)
{
    struct oom_options options = {NULL, false, false};
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--trace") == 0) {
            options.loud = true;
        } else if (strcmp(arguments[i], "--short") == 0) {
            options.quiet = true;
        } else if (strcmp(arguments[i], "--scenario") == 0 && i + 1 < count) {
            options.only = arguments[++i];
        } else {
            fprintf(stderr,
                    "usage: oom [--scenario NAME] [--short] [--trace]\n");
            return 2;
        }
    }
    struct sim_tally *tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tally == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    // In a process of its own, which a crash may end.
    pid_t process = fork();
    if (process == 0) {
        oom_sweep_all(&options, tally);
        _exit(0);
    }
    int status = 1;
    if (process < 0 || waitpid(process, &status, 0) < 0) {
        perror("oom");
    }
    bool good = status == 0 && tally->passed > 0;
    printf("%llu passed, %d failed\n", (unsigned long long)tally->passed,
           good ? 0 : 1);
    return good ? 0 : 1;
}
