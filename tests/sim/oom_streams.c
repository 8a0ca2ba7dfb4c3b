// SPDX-License-Identifier: MIT
// What the calls of the sweep do, on either side: they answer, stream, lend,
// pause, are held by interceptors, and end no other way than they may. What has
// no memory gives up, and says so.

#include "tests/sim/oom.h"

#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/server.h"
#include "tests/sim/sim_report.h"
#include "tests/sim/sim_service.h"

// ---- The server -------------------------------------------------------------

void oom_answer(struct oom_call *call)
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
    if ((scenario->ways & OOM_SAFE) != 0) {
        oom_safe_check_identity(oom, answering);
    }
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

grpc_interceptors oom_interceptors(struct oom *oom)
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

grpc_server *oom_serve(struct oom *oom)
{
    const struct sim_handlers handlers = {.handle = oom_handle,
                                          .many = oom_many,
                                          .collect = oom_talk,
                                          .talk = oom_talk};
    grpc_server *server = grpc_server_new(
        &(grpc_server_options){.loop = oom->loops[0],
                               .interceptors = oom_interceptors(oom),
                               .credentials = oom_safe_credentials(oom, 0),
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
    if (!oom->in_process) {
        sim_listen(oom->world, OOM_PORT, server);
    }
    return server;
}

// ---- The client -------------------------------------------------------------

bool oom_may_end(const struct oom_call *call, grpc_code code)
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
    SIM_CHECK((call->scenario->ways & OOM_REFUSED) == 0 ||
                  (status->code != GRPC_OK && call->handled == 0),
              "call %u: of a peer that was to be refused", call->index);
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

struct oom_call *oom_start(struct oom *oom, const grpc_call_options *options)
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

void oom_wait_for(struct oom *oom, uint64_t patience_ms)
{
    uint64_t began_ms = sim_now_ms(oom->world);
    SIM_CHECK(sim_until(oom->world, &oom->done, oom->count),
              "%d of %d calls are stuck", oom->count - oom->done, oom->count);
    SIM_CHECK(sim_now_ms(oom->world) - began_ms <= patience_ms,
              "a call takes %llu ms",
              (unsigned long long)(sim_now_ms(oom->world) - began_ms));
}

void oom_wait(struct oom *oom)
{
    oom_wait_for(oom, OOM_PATIENCE_MS);
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

void oom_start_stream(struct oom *oom, bool cancels)
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

void oom_read_all(struct oom_call *call, grpc_call *handle)
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
