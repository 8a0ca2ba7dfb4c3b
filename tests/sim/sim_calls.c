// SPDX-License-Identifier: MIT
// A call's fate is held against what was done to it: each status needs its
// cause. A call that nothing has disturbed is answered as its handler meant.

#include "tests/sim/sim_cast.h"

#include <stdio.h>
#include <string.h>

// core_fail_text is the status's message of a call that its handler fails:
// short, or long and with what has to be encoded.
static const char *core_fail_text(const struct core_call *call)
{
    static char text[2000];
    size_t size = (size_t)snprintf(text, sizeof text, "call %u fails",
                                   (unsigned)call->index);
    if (call->index % 8 == 0) {
        size_t most = size + 1 + call->index * 15 % 1200;
        while (size < most) {
            memcpy(text + size, " 5% \xc3\xbc", 6);
            size += 6;
        }
        text[size] = '\0';
    }
    return text;
}

// core_is_fail_text: a very long one may be cut.
static bool core_is_fail_text(const struct core_call *call,
                              const grpc_status *status)
{
    const char *text = core_fail_text(call);
    size_t size = strlen(text);
    return status->message_size <= size &&
           memcmp(status->message, text, status->message_size) == 0 &&
           (status->message_size == size || status->message_size > 900);
}

// ---- The server's part ------------------------------------------------------

static void core_forget_timer(struct core_call *call)
{
    grpc_timer_stop(call->timer);
    call->timer = NULL;
}

static void core_told(void *argument)
{
    struct core_call *call = argument;
    call->told++;
    SIM_CHECK(call->told == 1, "call %u: told %d times", call->index,
              call->told);
    SIM_CHECK(!call->answered, "call %u: told behind its answer", call->index);
    SIM_CHECK(grpc_call_is_over(call->answering), "call %u: told too early",
              call->index);
    sim_met(SIM_TOLD);
    if (!call->done && call->timeout_ms != 0 &&
        core_now(call->core) >= call->started_ms + call->timeout_ms) {
        sim_met(SIM_DEADLINE_SERVER);
    }
    core_forget_timer(call);
    call->answering = NULL;
    sim_note("call %lld: the handler is told", call->index, 0, 0, 0);
}

static void core_answer(struct core_call *call)
{
    const struct core *core = call->core;
    grpc_call *answering = call->answering;
    SIM_CHECK(!call->answered, "call %u: answered twice", call->index);
    if (grpc_call_is_over(answering)) {
        sim_met(SIM_ORPHAN);
    }
    call->answering = NULL;
    call->answered = true;
    grpc_result result;
    if (call->kind == CORE_FAILS) {
        result =
            grpc_call_fail(answering, call->code, "%s", core_fail_text(call));
    } else {
        const struct sim_message reply = {
            .index = call->index,
            .payload = sim_payload(call->index, true, call->reply_size),
        };
        result = grpc_call_reply(answering, &reply);
    }
    SIM_CHECK(result == GRPC_OK || core->hungry, "call %u: the answer is %s",
              call->index, grpc_result_name(result));
    sim_note("call %lld: answered", call->index, 0, 0, 0);
}

static void core_answer_late(void *argument)
{
    struct core_call *call = argument;
    call->timer = NULL;
    core_answer(call);
}

static void core_handle(grpc_call *answering, const struct sim_message *request,
                        void *self)
{
    struct core_server *server = self;
    struct core *core = server->core;
    SIM_CHECK(request->index < core->call_count, "a request of call %u",
              request->index);
    struct core_call *call = &core->calls[request->index];
    call->handled++;
    SIM_CHECK(call->started && call->handled == 1, "call %u: handled %d times",
              call->index, call->handled);
    SIM_CHECK(sim_payload_is(request->payload, call->index, false,
                             call->request_size),
              "call %u: the request is not what was sent", call->index);
    SIM_CHECK(request->payload.size <= core->server_max,
              "call %u: the request is over the limit", call->index);
    int64_t left_ms = grpc_call_time_left_ms(answering);
    SIM_CHECK(call->timeout_ms == 0
                  ? left_ms == -1
                  : left_ms >= 0 && left_ms <= call->timeout_ms,
              "call %u: %lld ms are left", call->index, (long long)left_ms);
    call->answering = answering;
    call->server = server;
    sim_note("call %lld: handled", call->index, 0, 0, 0);
    if (call->listens) {
        grpc_call_on_end(answering, core_told, call);
    }
    if (call->kind == CORE_NEVER) {
        return;
    }
    if (call->late) {
        call->timer = grpc_timer_start(core->loops[0], call->delay_ms,
                                       core_answer_late, call);
    }
    if (call->timer == NULL) {
        core_answer(call);
    }
    core_react(core);
}

// core_open begins to serve; the server before stops with its calls.
void core_open(struct core *core)
{
    const struct sim_handlers handlers = {.handle = core_handle};
    struct core_server *own = &core->servers[core->server];
    core_feed(core);
    own->server = grpc_server_new(&(grpc_server_options){
        .loop = core->loops[0],
        .max_receive_bytes = core->server_max + 64,
        .max_concurrent_streams = core_chance(core, 20) ? 4 : 0,
        .limits = core->limits[1],
    });
    own->stopping = false;
    own->core = core;
    SIM_CHECK(grpc_server_serve(own->server, sim_service(), &handlers, own) ==
                  GRPC_OK,
              "%s", grpc_server_error(own->server));
    sim_listen(core->world, CORE_PORT, own->server);
}

// core_forget_calls: the server's calls die with it.
static void core_forget_calls(struct core *core,
                              const struct core_server *server)
{
    for (size_t i = 0; i < core->call_count; i++) {
        struct core_call *call = &core->calls[i];
        if (call->answering != NULL && call->server == server &&
            !call->listens) {
            core_forget_timer(call);
            call->answering = NULL;
        }
    }
}

void core_free_server(struct core *core, struct core_server *server)
{
    if (server->server != NULL) {
        // It may still hand on what its connections have held back.
        grpc_server_free(server->server);
        core_forget_calls(core, server);
        server->server = NULL;
    }
}

// ---- The clients' part ------------------------------------------------------

// core_was_refused: a stream that is refused or left out is tried once more
// behind the user's back; the call ends with the second time.
static bool core_was_refused(const struct core_call *call)
{
    const struct core *core = call->core;
    bool goes_away = false;
    for (size_t i = 0; i < CORE_LINKS; i++) {
        const struct core_link *link = &core->links[i];
        goes_away = goes_away || (link->used && link->wire.left_out != 0);
    }
    return call->retried && (goes_away || core->refusals != call->refusals);
}

static bool core_may_be_unavailable(const struct core_call *call)
{
    const struct core *core = call->core;
    return call->began_failed || core_is_doomed(core, call->channel) ||
           core->channels[call->channel].troubles != call->troubles ||
           core_was_refused(call);
}

static bool core_is_too_large(const struct core_call *call)
{
    const struct core *core = call->core;
    return call->request_size > core->server_max ||
           (call->kind == CORE_REPLIES && call->reply_size > core->client_max);
}

// core_may_end: has the call had the cause that this status needs?
static bool core_may_end(const struct core_call *call, grpc_code code)
{
    const struct core *core = call->core;
    bool by_hunger = code == GRPC_UNAVAILABLE || code == GRPC_INTERNAL ||
                     code == GRPC_RESOURCE_EXHAUSTED;
    if (core->hungry && by_hunger) {
        return true;
    }
    switch (code) {
    case GRPC_OK:
        return call->kind == CORE_REPLIES && call->answered &&
               !core_is_too_large(call);
    case GRPC_CANCELLED:
        return call->cancelled;
    case GRPC_DEADLINE_EXCEEDED:
        return call->timeout_ms != 0 &&
               core_now(core) >= call->started_ms + call->timeout_ms;
    case GRPC_UNAVAILABLE:
        return core_may_be_unavailable(call);
    case GRPC_RESOURCE_EXHAUSTED:
        return core_is_too_large(call);
    case GRPC_UNIMPLEMENTED:
        return call->kind == CORE_NULL || call->kind == CORE_ABSENT;
    case GRPC_UNKNOWN:
    case GRPC_INVALID_ARGUMENT:
    case GRPC_NOT_FOUND:
    case GRPC_ALREADY_EXISTS:
    case GRPC_PERMISSION_DENIED:
    case GRPC_FAILED_PRECONDITION:
    case GRPC_ABORTED:
    case GRPC_OUT_OF_RANGE:
    case GRPC_INTERNAL:
    case GRPC_DATA_LOSS:
    case GRPC_UNAUTHENTICATED:
        break;
    }
    return call->kind == CORE_FAILS && code == call->code && call->answered;
}

// core_check_time: a deadline is kept, but for a process that does not run.
static void core_check_time(const struct core_call *call)
{
    const struct core *core = call->core;
    const struct core_channel *channel = &core->channels[call->channel];
    if (call->timeout_ms == 0) {
        return;
    }
    uint64_t latest = call->started_ms + call->timeout_ms;
    for (size_t i = 1; i < 3; i++) {
        if (core->loops[i] == channel->loop && core->stalled_ms[i] > latest) {
            latest = core->stalled_ms[i];
        }
    }
    SIM_CHECK(core_now(core) <= latest + 3,
              "call %u: ends %llu ms behind its deadline", call->index,
              (unsigned long long)(core_now(core) - latest));
}

static void core_count_end(const struct core_call *call,
                           const grpc_status *status)
{
    if (status->code == GRPC_UNAVAILABLE) {
        sim_met(SIM_UNAVAILABLE);
    } else if (status->code == GRPC_RESOURCE_EXHAUSTED) {
        sim_met(SIM_TOO_LARGE);
    } else if (status->code == GRPC_DEADLINE_EXCEEDED) {
        bool by_server = strcmp(status->message, "deadline exceeded") == 0;
        sim_met(by_server ? SIM_DEADLINE_SERVER : SIM_DEADLINE_CLIENT);
    } else if (status->code == GRPC_OK) {
        sim_met(SIM_OK);
        if (call->request_size > 65535 || call->reply_size > 65535) {
            sim_met(SIM_LARGE);
        }
    }
}

static void core_done(grpc_call *handle, const grpc_status *status,
                      const struct sim_message *reply, void *self)
{
    struct core_call *call = self;
    struct core *core = call->core;
    SIM_CHECK(!call->done && call->started, "call %u: ends twice", call->index);
    SIM_CHECK(handle == call->call || call->call == NULL,
              "call %u: another call ends", call->index);
    SIM_CHECK((reply != NULL) == (status->code == GRPC_OK),
              "call %u: a reply goes with OK alone", call->index);
    SIM_CHECK(strlen(status->message) == status->message_size,
              "call %u: the message is of another size", call->index);
    core_note_refusals(core);
    call->retried = handle->retries > 0;
    SIM_CHECK(handle->retries <= 1, "call %u: tried %d times", call->index,
              handle->retries + 1);
    SIM_CHECK(core_may_end(call, status->code), "call %u ends as %s: %s",
              call->index, grpc_code_name(status->code), status->message);
    SIM_CHECK(call->kind != CORE_FAILS || status->code != call->code ||
                  core_is_fail_text(call, status) || core->hungry,
              "call %u fails with another message: %s", call->index,
              status->message);
    if (reply != NULL) {
        SIM_CHECK(reply->index == call->index &&
                      sim_payload_is(reply->payload, call->index, true,
                                     call->reply_size),
                  "call %u: the reply is not what was sent", call->index);
    }
    core_check_time(call);
    if (call->retried) {
        sim_met(SIM_RETRY);
    }
    core_count_end(call, status);
    call->done = true;
    call->call = NULL;
    core->done++;
    sim_note("call %lld: ends with code %lld", call->index, status->code, 0, 0);
    core_react(core);
}

void core_dial(struct core *core, int i)
{
    struct core_channel *channel = &core->channels[i];
    core_feed(core);
    // Longer than all stalls and pauses: only a connection that is lost takes it.
    channel->channel = grpc_channel_new(
        "127.0.0.1:80",
        &(grpc_channel_options){
            .loop = channel->loop,
            .max_receive_bytes = core->client_max + 64,
            .limits = core->limits[0],
            .connect_timeout_ms = core_chance(core, 50) ? 2000 : 0,
        });
    channel->connected = 0;
    SIM_CHECK(channel->channel != NULL, "no channel");
}

void core_hang_up(struct core *core, int i)
{
    struct core_channel *channel = &core->channels[i];
    for (size_t k = 0; k < core->call_count; k++) {
        struct core_call *call = &core->calls[k];
        if (call->started && !call->done && call->channel == i) {
            call->cancelled = true;
        }
    }
    // Callbacks that are called now may start calls, but not on this one.
    grpc_channel *freed = channel->channel;
    channel->channel = NULL;
    grpc_channel_free(freed);
}

// core_some_channel: one that waits to connect again is not often chosen. It is
// -1 when there is none.
static int core_some_channel(struct core *core)
{
    int found = -1;
    for (int tries = 0; tries < 4; tries++) {
        int channel = (int)core_random(core, (uint32_t)core->channel_count);
        if (core->channels[channel].channel == NULL) {
            continue;
        }
        found = channel;
        if (core->channels[channel].channel->state != CHANNEL_FAILED) {
            break;
        }
    }
    return found;
}

void core_start(struct core *core)
{
    int chosen = core_some_channel(core);
    if (chosen < 0) {
        return;
    }
    struct core_call *call = &core->calls[core->started++];
    struct core_channel *channel;
    static const int methods[CORE_KINDS] = {
        [CORE_NULL] = SIM_METHOD_NULL,
        [CORE_ABSENT] = SIM_METHOD_ABSENT,
    };
    call->channel = chosen;
    channel = &core->channels[call->channel];
    call->started = true;
    call->started_ms = core_now(core);
    call->troubles = channel->troubles;
    call->refusals = core->refusals;
    enum channel_state state = channel->channel->state;
    if (state == CHANNEL_FAILED && core_chance(core, 80)) {
        call->waits_for_ready = true;
    }
    call->began_failed = state == CHANNEL_FAILED ||
                         (state == CHANNEL_CONNECTING && channel->troubles > 0);
    const struct sim_message request = {
        .index = call->index,
        .payload = sim_payload(call->index, false, call->request_size),
    };
    sim_note("call %lld starts on channel %lld, %lld and %lld bytes",
             call->index, call->channel, (long long)call->request_size,
             (long long)call->reply_size);
    call->call = grpc_unary_start(
        channel->channel, sim_method(methods[call->kind]), &request,
        (grpc_function *)core_done, call,
        &(grpc_call_options){.timeout_ms = call->timeout_ms,
                             .wait_for_ready = call->waits_for_ready});
    if (call->call == NULL) {
        SIM_CHECK(core->hungry, "call %u: does not start", call->index);
        call->done = true;
        core->done++;
    }
}

// ---- What calls there are ---------------------------------------------------

static size_t core_some_size(struct core *core)
{
    uint32_t dice = core_random(core, 1000);
    if (dice < 100) {
        return 0;
    }
    if (dice < 750) {
        return core_random(core, 200);
    }
    if (dice < 950) {
        return core_random(core, 5000);
    }
    if (dice < 990) {
        return core_random(core, 80000);
    }
    return core_random(core, 330000);
}

// core_clear keeps a size off the limit: a message is a little more than its
// payload.
static size_t core_clear(size_t size, uint32_t limit)
{
    return size > limit && size < limit + 100 ? limit : size;
}

void core_plan(struct core *core, uint32_t index)
{
    struct core_call *call = &core->calls[index];
    uint32_t dice = core_random(core, 100);
    *call = (struct core_call){
        .core = core,
        .index = index,
        .kind = dice < 80   ? CORE_REPLIES
                : dice < 90 ? CORE_FAILS
                : dice < 96 ? CORE_NEVER
                : dice < 98 ? CORE_NULL
                            : CORE_ABSENT,
        .request_size = core_clear(core_some_size(core), core->server_max),
        .reply_size = core_clear(core_some_size(core), core->client_max),
        .code = core_chance(core, 50) ? GRPC_NOT_FOUND : GRPC_DATA_LOSS,
        .late = core_chance(core, 35),
        .listens = core_chance(core, 50),
        .delay_ms = core_random(core, core_chance(core, 10) ? 5000 : 60),
        .waits_for_ready = core_chance(core, 20),
    };
    if (call->kind == CORE_NEVER) {
        call->listens = true;
        call->timeout_ms = 1 + core_random(core, 4000);
    } else if (core_chance(core, 20)) {
        call->timeout_ms = 1 + core_random(core, 200);
    }
}
