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

struct core_call *core_call_of(struct core *core, grpc_call *answering)
{
    uint32_t index = meta_index(answering);
    SIM_CHECK(index < core->call_count, "a request of call %u", index);
    return &core->calls[index];
}

static void core_forget_timer(struct core_call *call)
{
    grpc_timer_stop(call->timer);
    call->timer = NULL;
}

// core_check_children: the calls that were made for one do not outlive it.
static void core_check_children(const struct core_call *call)
{
    for (int i = 0; i < CORE_CHILDREN; i++) {
        struct core_call *child = call->children[i];
        if (child == NULL || child->done) {
            continue;
        }
        SIM_CHECK(child->call->state == CALL_FINISHED,
                  "call %u outlives call %u", child->index, call->index);
    }
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
    talk_over(call, CORE_SERVER);
    call->answering = NULL;
    core_check_children(call);
    sim_note("call %lld: the handler is told", call->index, 0, 0, 0);
}

void core_listen(struct core_call *call)
{
    call->listens = true;
    grpc_call_on_end(call->answering, core_told, call);
}

static grpc_result core_send_answer(const struct core_call *call,
                                    grpc_call *answering)
{
    const struct sim_message reply = {
        .index = call->index,
        .payload = sim_payload(call->index, true, call->reply_size),
    };
    if (call->kind == CORE_FAILS) {
        return grpc_call_fail(answering, call->code, "%s",
                              core_fail_text(call));
    }
    if (call->shape == CORE_UNARY || call->shape == CORE_COLLECT) {
        return grpc_call_reply(answering, &reply);
    }
    return grpc_call_finish(answering, GRPC_OK, NULL);
}

void core_answer(struct core_call *call)
{
    const struct core *core = call->core;
    grpc_call *answering = call->answering;
    SIM_CHECK(!call->answered, "call %u: answered twice", call->index);
    if (grpc_call_is_over(answering)) {
        sim_met(SIM_ORPHAN);
    } else if (call->shape != CORE_UNARY && !call->halves[CORE_CLIENT].closed) {
        sim_met(SIM_ENDED_EARLY);
    }
    call->answering = NULL;
    call->answered = true;
    core_forget_timer(call);
    talk_over(call, CORE_SERVER);
    grpc_result result = core_send_answer(call, answering);
    SIM_CHECK(result == GRPC_OK || core->hungry, "call %u: the answer is %s",
              call->index, grpc_result_name(result));
    core_check_children(call);
    sim_note("call %lld: answered", call->index, 0, 0, 0);
}

void core_answer_late(void *argument)
{
    struct core_call *call = argument;
    call->timer = NULL;
    core_answer(call);
}

// core_finish answers a stream, now or late, when all was said.
void core_finish(struct core_call *call)
{
    const struct core_half *half = &call->halves[CORE_SERVER];
    if (call->kind == CORE_NEVER || call->finishing ||
        (!half->heard_end && !call->early)) {
        return;
    }
    call->finishing = true;
    if (call->late && call->timer == NULL) {
        call->timer = grpc_timer_start(call->core->loops[0], call->delay_ms,
                                       core_answer_late, call);
        if (call->timer != NULL) {
            return;
        }
    }
    core_answer(call);
}

static void core_start_on(struct core *core, int chosen,
                          struct core_call *parent);

// core_nest has a handler make calls of its own.
static void core_nest(struct core_call *call)
{
    struct core *core = call->core;
    for (int i = 0; i < CORE_CHILDREN && call->nests; i++) {
        if (core->inner < 0 || core->ending || core->started == core->last ||
            core->channels[core->inner].channel == NULL) {
            return;
        }
        call->children[i] = &core->calls[core->started];
        core_start_on(core, core->inner, call);
        sim_met(SIM_CHILD);
    }
}

void core_begin(struct core_call *call, grpc_call *answering,
                struct core_server *server)
{
    const struct core *core = call->core;
    call->handled++;
    SIM_CHECK(call->started && call->handled == 1, "call %u: handled %d times",
              call->index, call->handled);
    int64_t left_ms = grpc_call_time_left_ms(answering);
    SIM_CHECK(call->timeout_ms == 0
                  ? left_ms == -1
                  : left_ms >= 0 && left_ms <= call->timeout_ms,
              "call %u: %lld ms are left", call->index, (long long)left_ms);
    SIM_CHECK(!call->passes[CORE_SERVER].struck &&
                  !call->passes[CORE_SERVER].placed &&
                  call->passes[CORE_SERVER].call == NULL,
              "call %u: handled in spite of an interceptor", call->index);
    SIM_CHECK(core->pass_count[CORE_SERVER] == 0 ||
                  call->passes[CORE_SERVER].starts[0] == 1,
              "call %u: handled without its interceptors", call->index);
    call->answering = answering;
    call->server = server;
    call->halves[CORE_SERVER].call = answering;
    sim_note("call %lld: handled", call->index, 0, 0, 0);
    meta_check(call, META_REQUEST, grpc_call_headers(answering));
    safe_check_identity(call, answering);
    meta_add(call, META_HEADERS);
    meta_add(call, META_TRAILERS);
    if (call->listens) {
        core_listen(call);
    }
    core_nest(call);
}

static void core_handle(grpc_call *answering, const struct sim_message *request,
                        void *self)
{
    struct core_server *server = self;
    struct core *core = server->core;
    struct core_call *call = core_call_of(core, answering);
    SIM_CHECK(request->index == call->index, "call %u: a request of call %u",
              call->index, request->index);
    SIM_CHECK(sim_payload_is(request->payload, call->index, false,
                             call->request_size),
              "call %u: the request is not what was sent", call->index);
    SIM_CHECK(request->payload.size <= core->server_max,
              "call %u: the request is over the limit", call->index);
    core_begin(call, answering, server);
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

// core_set_rules gives a side times that are shorter than options may say.
static void core_set_rules(const struct core *core, struct conn_rules *rules,
                           int side)
{
    rules->keepalive_ms = core->times.keepalive_ms[side];
    rules->keepalive_timeout_ms = core->times.timeout_ms[side];
    rules->keepalive_without_calls = core->times.without_calls;
    if (side == CORE_SERVER) {
        rules->keepalive_without_calls = core->times.is_lenient;
        rules->keepalive_min_ms =
            core->times.is_lenient ? 0 : rules->keepalive_min_ms;
    }
}

// core_open begins to serve; the server before stops with its calls.
void core_open(struct core *core)
{
    struct sim_handlers handlers = {.handle = core_handle};
    struct core_server *own = &core->servers[core->server];
    core_feed(core);
    own->server = grpc_server_new(&(grpc_server_options){
        .loop = core->loops[0],
        .max_receive_bytes = core->server_max + 64,
        .max_concurrent_streams = core_chance(core, 20) ? 4 : 0,
        .interceptors = pass_list(core, CORE_SERVER),
        .credentials = safe_credentials(core, CORE_SERVER),
        .max_handshakes = core->is_narrow ? 1 : 0,
        .limits = core->limits[1],
        .max_connection_idle_ms = core->times.max_idle_ms,
        .max_connection_age_ms = core->times.max_age_ms,
        .max_connection_age_grace_ms = core->times.grace_ms,
    });
    own->stopping = false;
    own->due_ms = UINT64_MAX;
    own->core = core;
    core_set_rules(core, &own->server->rules, CORE_SERVER);
    talk_serve(own, &handlers);
    SIM_CHECK(grpc_server_serve(own->server, sim_service(), &handlers, own) ==
                  GRPC_OK,
              "%s", grpc_server_error(own->server));
    sim_listen(core->world, CORE_PORT, own->server);
    sim_listen(core->world, CORE_PORT_OTHER, own->server);
}

void core_unlisten(struct core *core)
{
    sim_unlisten(core->world, CORE_PORT);
    sim_unlisten(core->world, CORE_PORT_OTHER);
}

void core_check_graces(const struct core *core)
{
    for (size_t i = 0; i < CORE_SERVERS; i++) {
        const struct core_server *own = &core->servers[i];
        if (own->server == NULL || own->due_ms == UINT64_MAX) {
            continue;
        }
        uint64_t due_ms = own->due_ms > core->stalled_ms[0]
                              ? own->due_ms
                              : core->stalled_ms[0];
        SIM_CHECK(core_now(core) <= due_ms + 2 ||
                      grpc_server_is_stopped(own->server),
                  "server %zu is there %llu ms behind its grace", i,
                  (unsigned long long)(core_now(core) - due_ms));
    }
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
            talk_over(call, CORE_SERVER);
            call->answering = NULL;
        }
        if (call->passes[CORE_SERVER].call != NULL &&
            call->passes[CORE_SERVER].server == server) {
            pass_forget(call, CORE_SERVER);
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

// core_is_kept: what the client has sent is there to be sent again, but for lent
// bytes and much of it. A message is no longer, as it is sent, than 64 bytes more.
static bool core_is_kept(const struct core_call *call)
{
    const struct core_half *half = &call->halves[CORE_CLIENT];
    return !half->has_lent && !call->core->hungry &&
           half->sent_bytes + 64 * half->sent <= CORE_RESEND_BYTES;
}

// core_was_refused: a call that is refused or left out is tried once more behind
// the user's back; it ends with the second time.
static bool core_was_refused(const struct core_call *call)
{
    const struct core *core = call->core;
    bool goes_away = false;
    for (size_t i = 0; i < CORE_LINKS; i++) {
        const struct core_link *link = &core->links[i];
        // (Where the client was asked none is left out: sim_wire.c.)
        goes_away = goes_away || (link->used && link->wire.left_out != 0 &&
                                  !link->wire.was_asked);
    }
    bool twice = call->retried || !core_is_kept(call);
    return twice && (goes_away || core->refusals != call->refusals);
}

// core_is_late: all has come, but the client had paused, and did not take it
// before the server, which was done, closed the connection.
static bool core_is_late(const struct core_call *call)
{
    return call->answered && call->halves[CORE_CLIENT].paused;
}

static bool core_may_be_unavailable(const struct core_call *call)
{
    const struct core *core = call->core;
    return call->began_failed || core_is_doomed(core, call->channel) ||
           core->channels[call->channel].troubles != call->troubles ||
           core_was_refused(call) || core_is_late(call);
}

static bool core_is_sent(const struct core_call *call, int side)
{
    if (talk_streams(call, side)) {
        return call->halves[side].to_send > 0;
    }
    return side == CORE_CLIENT || call->kind == CORE_REPLIES ||
           call->passes[side].placed;
}

static bool core_is_too_large(const struct core_call *call)
{
    const struct core *core = call->core;
    return (call->request_size > core->server_max &&
            core_is_sent(call, CORE_CLIENT)) ||
           (call->reply_size > core->client_max &&
            core_is_sent(call, CORE_SERVER));
}

// core_is_cut_short: a server that refuses a message while its own still wait
// resets the stream, and cannot say why.
static bool core_is_cut_short(const struct core_call *call)
{
    bool is_refused = call->request_size > call->core->server_max &&
                      core_is_sent(call, CORE_CLIENT);
    return (is_refused || call->core->hungry) &&
           talk_streams(call, CORE_SERVER);
}

// core_is_bereaved: the call that it was made for has ended.
static bool core_is_bereaved(const struct core_call *call)
{
    return call->parent != NULL && (call->parent->answering == NULL ||
                                    grpc_call_is_over(call->parent->answering));
}

static bool core_is_placed(const struct core_call *call)
{
    return call->passes[CORE_CLIENT].placed || call->passes[CORE_SERVER].placed;
}

static bool core_may_be_ok(const struct core_call *call)
{
    bool is_stream = call->shape != CORE_UNARY;
    return core_is_placed(call) ||
           ((call->kind == CORE_REPLIES || call->core->hungry) &&
            call->answered && (is_stream || !core_is_too_large(call)));
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
        return core_may_be_ok(call);
    case GRPC_CANCELLED:
        if (core_is_bereaved(call)) {
            sim_met(SIM_CHILD_ENDED);
        }
        return call->cancelled || core_is_bereaved(call) ||
               core_is_cut_short(call);
    case GRPC_DEADLINE_EXCEEDED:
        return call->is_due ||
               (call->timeout_ms != 0 &&
                core_now(core) >= call->started_ms + call->timeout_ms);
    case GRPC_UNAVAILABLE:
        return core_may_be_unavailable(call);
    case GRPC_RESOURCE_EXHAUSTED:
        return core_is_too_large(call);
    case GRPC_UNIMPLEMENTED:
        return call->kind == CORE_NULL || call->kind == CORE_ABSENT ||
               (call->shape == CORE_UNKNOWN && !core->catches);
    case GRPC_ABORTED:
        return call->passes[CORE_CLIENT].struck ||
               call->passes[CORE_SERVER].struck;
    case GRPC_UNKNOWN:
    case GRPC_INVALID_ARGUMENT:
    case GRPC_NOT_FOUND:
    case GRPC_ALREADY_EXISTS:
    case GRPC_PERMISSION_DENIED:
    case GRPC_FAILED_PRECONDITION:
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
    for (size_t i = 0; i < 3; i++) {
        if (core->loops[i] == channel->loop && core->stalled_ms[i] > latest) {
            latest = core->stalled_ms[i];
        }
    }
    SIM_CHECK(core_now(core) <= latest + 3,
              "call %u: ends %llu ms behind its deadline", call->index,
              (unsigned long long)(core_now(core) - latest));
}

// core_is_of_connecting: the call has failed because there was no connection.
static bool core_is_of_connecting(const char *message)
{
    return strncmp(message, "connect to ", 11) == 0 ||
           strncmp(message, "TLS with ", 9) == 0 ||
           strstr(message, "gave up after") != NULL;
}

static void core_count_end(const struct core_call *call,
                           const grpc_status *status)
{
    if (status->code == GRPC_UNAVAILABLE) {
        sim_met(SIM_UNAVAILABLE);
        if (strstr(status->message, "handshake in time") != NULL) {
            sim_met(SIM_HANDSHAKE_LATE);
        }
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

// core_check_headers: the response's are those that the handler has added, if
// it has been called.
void core_check_headers(struct core_call *call, grpc_call *handle)
{
    grpc_metadata headers = grpc_call_headers(handle);
    if (call->added[0] && !(call->core->hungry && meta_is_none(headers))) {
        meta_check(call, META_HEADERS, headers);
    } else {
        SIM_CHECK(call->handled > 0 || meta_is_none(headers),
                  "call %u: headers that nobody has sent", call->index);
    }
}

// core_check_metadata: where the handler has decided the status, its metadata
// has come whole.
static void core_check_metadata(struct core_call *call, grpc_call *handle,
                                grpc_code code)
{
    grpc_metadata trailers = grpc_call_trailers(handle);
    bool by_handler =
        call->answered && !core_is_placed(call) &&
        (code == GRPC_OK || (call->kind == CORE_FAILS && code == call->code));
    if (!by_handler || call->core->hungry) {
        return;
    }
    SIM_CHECK(call->added[0] && call->added[1],
              "call %u: ends well without its metadata", call->index);
    core_check_headers(call, handle);
    meta_check(call, META_TRAILERS, trailers);
}

static void core_check_reply(const struct core_call *call,
                             const struct sim_message *reply, grpc_code code)
{
    bool has_reply = call->shape == CORE_UNARY || call->shape == CORE_COLLECT;
    SIM_CHECK((reply != NULL) == (code == GRPC_OK && has_reply),
              "call %u: a reply goes with OK alone", call->index);
    SIM_CHECK(reply == NULL || (reply->index == call->index &&
                                sim_payload_is(reply->payload, call->index,
                                               true, call->reply_size)),
              "call %u: the reply is not what was sent", call->index);
}

void core_done(grpc_call *handle, const grpc_status *status,
               const struct sim_message *reply, void *self)
{
    struct core_call *call = self;
    struct core *core = call->core;
    SIM_CHECK(!call->done && call->started, "call %u: ends twice", call->index);
    SIM_CHECK(handle == call->call || call->call == NULL,
              "call %u: another call ends", call->index);
    SIM_CHECK(grpc_call_is_over(handle), "call %u: ends, and is not over",
              call->index);
    SIM_CHECK(strlen(status->message) == status->message_size,
              "call %u: the message is of another size", call->index);
    core_note_refusals(core);
    call->retried = handle->retries > 0;
    SIM_CHECK(handle->retries <= 1, "call %u: tried %d times", call->index,
              handle->retries + 1);
    SIM_CHECK(!call->waits_for_ready || status->code != GRPC_UNAVAILABLE ||
                  !core_is_of_connecting(status->message),
              "call %u was to wait for a connection: %s", call->index,
              status->message);
    SIM_CHECK(core_may_end(call, status->code),
              "call %u of kind %d, shape %d, ends as %s: %s", call->index,
              (int)call->kind, (int)call->shape, grpc_code_name(status->code),
              status->message);
    SIM_CHECK(call->kind != CORE_FAILS || status->code != call->code ||
                  core_is_fail_text(call, status) || core->hungry,
              "call %u fails with another message: %s", call->index,
              status->message);
    core_check_reply(call, reply, status->code);
    core_check_metadata(call, handle, status->code);
    talk_check_end(call, status->code);
    pass_check_end(call, status->code);
    core_check_time(call);
    if (call->retried) {
        sim_met(SIM_RETRY);
    }
    core_count_end(call, status);
    call->done = true;
    call->call = NULL;
    talk_over(call, CORE_CLIENT);
    core->done++;
    sim_note("call %lld: ends with code %lld", call->index, status->code, 0, 0);
    core_react(core);
}

// core_choose_target has the server's address, and perhaps others.
static void core_choose_target(struct core *core, char text[128])
{
    uint16_t ports[CORE_PORT_END - CORE_PORT];
    uint32_t count = 1;
    ports[0] = CORE_PORT;
    for (uint16_t port = CORE_PORT + 1; port < CORE_PORT_END; port++) {
        if (core_chance(core, 25)) {
            uint32_t at = core_random(core, count + 1);
            ports[count] = ports[at < count ? at : 0];
            ports[at < count ? at : count] = port;
            count++;
        }
    }
    int size = snprintf(text, 128, "ipv4:");
    for (uint32_t i = 0; i < count; i++) {
        size += snprintf(text + size, 128 - (size_t)size, "%s127.0.0.1:%u",
                         i == 0 ? "" : ",", (unsigned)ports[i]);
    }
}

static void core_changed(grpc_channel *channel, grpc_connectivity state,
                         void *self)
{
    (void)self;
    if (state == GRPC_IDLE && channel->resolver.state == RESOLVER_STOPPED) {
        sim_met(SIM_IDLED);
        sim_note("a channel is idle", 0, 0, 0, 0);
    } else if (state == GRPC_TRANSIENT_FAILURE) {
        sim_met(SIM_GAVE_UP);
    }
}

void core_dial(struct core *core, int i)
{
    struct core_channel *channel = &core->channels[i];
    char target[128];
    uint32_t patience = core->is_safe ? 6000 : 2000;
    core_feed(core);
    core_choose_target(core, target);
    // Longer than all stalls and pauses: only a connection that is lost takes it.
    channel->channel = grpc_channel_new(
        target, &(grpc_channel_options){
                    .loop = channel->loop,
                    .max_receive_bytes = core->client_max + 64,
                    .interceptors = pass_list(core, CORE_CLIENT),
                    .credentials = safe_credentials(core, CORE_CLIENT),
                    .limits = core->limits[0],
                    .connect_timeout_ms = core_chance(core, 50) ? patience : 0,
                    .idle_timeout_ms = core->times.channel_idle_ms,
                });
    channel->connected = 0;
    SIM_CHECK(channel->channel != NULL, "no channel");
    core_set_rules(core, &channel->channel->rules, CORE_CLIENT);
    grpc_channel_watch(channel->channel, core_changed, core);
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
        if (core->channels[channel].channel->state != GRPC_TRANSIENT_FAILURE) {
            break;
        }
    }
    return found;
}

static grpc_call *core_start_unary(struct core_call *call,
                                   grpc_channel *channel,
                                   const grpc_call_options *options)
{
    static const int methods[CORE_KINDS] = {
        [CORE_NULL] = SIM_METHOD_NULL,
        [CORE_ABSENT] = SIM_METHOD_ABSENT,
    };
    const struct sim_message request = {
        .index = call->index,
        .payload = sim_payload(call->index, false, call->request_size),
    };
    return grpc_unary_start(channel, sim_method(methods[call->kind]), &request,
                            (grpc_function *)core_done, call, options);
}

// core_inherit: a child ends no later than its parent.
static void core_inherit(struct core_call *call, struct core_call *parent)
{
    call->parent = parent;
    int64_t left_ms =
        parent == NULL ? -1 : grpc_call_time_left_ms(parent->answering);
    if (left_ms >= 0 && (call->timeout_ms == 0 || left_ms < call->timeout_ms)) {
        call->timeout_ms = left_ms == 0 ? 1 : (uint32_t)left_ms;
        call->is_due = left_ms == 0; // 0 would be no timeout
    }
}

// core_is_left_alone: every address where there is a server has failed, or has
// twice given up a connection on which nothing was answered, and is left alone
// for now. A call that begins then finds no other, and the channel need not have
// been asked for a connection since: it may be IDLE.
static bool core_is_left_alone(const grpc_channel *channel)
{
    size_t count = 0;
    LIST_EACH (link, after, &channel->subchannels) {
        const struct subchannel *subchannel =
            LIST_OWNER(link, struct subchannel, link);
        uint16_t port = socket_address_port(&subchannel->address);
        bool serves = port == CORE_PORT || port == CORE_PORT_OTHER;
        if (serves && subchannel->state != GRPC_TRANSIENT_FAILURE) {
            return false;
        }
        count += serves ? 1 : 0;
    }
    return count > 0;
}

// core_cannot_connect: that channel, with which something was amiss, has no
// connection, and may get none before it tells its calls so.
static bool core_cannot_connect(const struct core_channel *channel)
{
    grpc_connectivity state = channel->channel->state;
    return state == GRPC_TRANSIENT_FAILURE ||
           (channel->troubles > 0 &&
            (state == GRPC_CONNECTING ||
             (state == GRPC_IDLE && core_is_left_alone(channel->channel))));
}

static void core_start_on(struct core *core, int chosen,
                          struct core_call *parent)
{
    struct core_call *call = &core->calls[core->started++];
    struct core_channel *channel = &core->channels[chosen];
    struct meta_list list;
    uint32_t timeout_ms = call->timeout_ms;
    call->channel = chosen;
    call->started = true;
    call->started_ms = core_now(core);
    call->troubles = channel->troubles;
    call->refusals = core->refusals;
    core_inherit(call, parent);
    grpc_connectivity state = channel->channel->state;
    if (state == GRPC_TRANSIENT_FAILURE && core_chance(core, 80)) {
        call->waits_for_ready = true;
    }
    call->began_failed = core_cannot_connect(channel);
    meta_make(call, META_REQUEST, &list);
    sim_note("call %lld starts on channel %lld, %lld and %lld bytes",
             call->index, call->channel, (long long)call->request_size,
             (long long)call->reply_size);
    const grpc_call_options options = {
        .timeout_ms = timeout_ms,
        .wait_for_ready = call->waits_for_ready,
        .metadata = {list.data, list.count},
        .encoding = core->squeezes && call->halves[CORE_CLIENT].squeezes
                        ? "gzip"
                        : NULL,
        .parent = parent == NULL ? NULL : parent->answering,
    };
    call->call = call->shape == CORE_UNARY
                     ? core_start_unary(call, channel->channel, &options)
                     : talk_start(call, channel->channel, &options);
    if (call->call == NULL) {
        SIM_CHECK(core->hungry, "call %u: does not start: %s", call->index,
                  grpc_channel_error(channel->channel));
        call->done = true;
        core->done++;
    }
}

void core_start(struct core *core)
{
    int chosen = core_some_channel(core);
    if (chosen >= 0) {
        core_start_on(core, chosen, NULL);
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
        .salt = core_random(core, UINT32_C(1) << 30),
        .early = core_chance(core, 15),
        .nests = core_chance(core, 10),
        .ask_ms = core_chance(core, 15) ? 1 + core_random(core, 40) : 0,
    };
    if (call->kind < CORE_NULL && core_chance(core, 50)) {
        call->shape = CORE_MANY + core_random(core, CORE_SHAPES - CORE_MANY);
    }
    talk_plan(call);
    if (call->kind == CORE_NEVER) {
        call->listens = true;
        call->timeout_ms = 1 + core_random(core, 4000);
    } else if (core_chance(core, 20)) {
        call->timeout_ms = 1 + core_random(core, 200);
    }
}
