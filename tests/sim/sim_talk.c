// SPDX-License-Identifier: MIT
// The messages of streams. Each side follows its plan: it sends in bursts, goes
// on when it is told that there is room, rests, pauses what comes; and what has
// come is held against what the other side has sent.

#include "tests/sim/sim_cast.h"

#include <stdlib.h>
#include <string.h>

enum {
    TALK_RETRY_MS = 5,      // after an allocation that failed
    TALK_LENT_MOST = 20000, // larger ones are copied, for the sake of speed
};

static grpc_loop *talk_loop(const struct core_call *call, int side)
{
    const struct core *core = call->core;
    return side == CORE_SERVER ? core->loops[0]
                               : core->channels[call->channel].loop;
}

static bool talk_is_raw(const struct core_call *call)
{
    return call->shape == CORE_RAW || call->shape == CORE_UNKNOWN;
}

bool talk_streams(const struct core_call *call, int side)
{
    return call->shape >= CORE_TALK ||
           call->shape == (side == CORE_SERVER ? CORE_MANY : CORE_COLLECT);
}

// ---- What is said -----------------------------------------------------------

size_t talk_size(const struct core_call *call, int side, uint32_t n)
{
    const struct core_half *half = &call->halves[side];
    if (n == 0) {
        return side == CORE_SERVER ? call->reply_size : call->request_size;
    }
    uint64_t state = ((uint64_t)call->salt << 8 | (unsigned)side) * 4099 + n;
    uint32_t dice = test_random(&state);
    if (half->large) {
        return dice % 40000;
    }
    return dice % 32 == 0 ? dice / 32 % 5000 : dice / 32 % 300;
}

grpc_str talk_payload(const struct core_call *call, int side, uint32_t n)
{
    return sim_payload(call->index + n * 53, side == CORE_SERVER,
                       talk_size(call, side, n));
}

void talk_plan(struct core_call *call)
{
    struct core *core = call->core;
    static const uint32_t most[] = {1, 3, 5, 12};
    for (int side = 0; side < CORE_SIDES; side++) {
        struct core_half *half = &call->halves[side];
        if (!talk_streams(call, side)) {
            continue;
        }
        half->to_send = core_random(core, most[core_random(core, 4)] + 1);
        if (core_chance(core, 3)) {
            half->to_send = 20 + core_random(core, 40);
        }
        half->burst = core_chance(core, 30) ? 1 + core_random(core, 4) : 0;
        half->delay_ms = core_random(core, core_chance(core, 80) ? 20 : 200);
        half->pauses = core_chance(core, 25) ? core_random(core, 50) : 0;
        half->lends = core_chance(core, 30) ? 10 + core_random(core, 80) : 0;
        half->large = core_chance(core, 5);
        half->lingers = core_chance(core, 20);
        half->squeezes = core_chance(core, 20);
    }
    if (call->shape < CORE_TALK) {
        return;
    }
    struct core_half *server = &call->halves[CORE_SERVER];
    struct core_half *client = &call->halves[CORE_CLIENT];
    server->follows = core_chance(core, 40);
    client->follows = server->follows && core_chance(core, 40);
    if (server->follows) {
        server->to_send = client->to_send;
    }
}

// ---- Lent bytes -------------------------------------------------------------

// A loan is kept until the end of the run, to be given back once. Its bytes are
// spoilt then, so that whoever still looks at them is found out.
struct core_loan {
    struct core_call *call;
    int side;
    bool out;
    size_t size;
    char bytes[];
};

static void talk_release(void *argument)
{
    struct core_loan *loan = argument;
    SIM_CHECK(loan->out, "call %u: bytes are given back twice",
              loan->call->index);
    struct core_half *half = &loan->call->halves[loan->side];
    if (!half->in_loan) {
        sim_met(half->call != NULL ? SIM_LOAN : SIM_LOAN_OUTLIVES);
    }
    loan->out = false;
    loan->call->core->loans_out--;
    memset(loan->bytes, 0xdd, loan->size);
}

static grpc_result talk_lend(struct core_call *call, int side, uint32_t n)
{
    struct core *core = call->core;
    struct core_half *half = &call->halves[side];
    grpc_str payload = talk_payload(call, side, n);
    struct core_loan *loan =
        malloc(sizeof *loan + payload.size + SIM_ENCODED_MORE);
    SIM_CHECK(loan != NULL, "no memory for the simulation");
    *loan = (struct core_loan){.call = call, .side = side, .out = true};
    if (talk_is_raw(call)) {
        loan->size = payload.size;
        memcpy(loan->bytes, payload.data, payload.size);
    } else {
        loan->size = sim_encode(n, payload, loan->bytes);
    }
    core->loans[core->loan_count++] = loan;
    core->loans_out++;
    half->in_loan = true;
    grpc_result result = grpc_call_send_bytes(
        half->call, (grpc_str){loan->bytes, loan->size}, talk_release, loan);
    half->in_loan = false;
    if (result != GRPC_OK) {
        SIM_CHECK(loan->out, "call %u: what was not taken is given back",
                  call->index);
        loan->out = false;
        core->loans_out--;
    } else {
        half->has_lent = true;
    }
    return result;
}

void talk_check_loans(struct core *core)
{
    SIM_CHECK(core->loans_out == 0, "%zu loans are not given back",
              core->loans_out);
    for (size_t i = 0; i < core->loan_count; i++) {
        SIM_CHECK(!core->loans[i]->out, "a loan is not given back");
        free(core->loans[i]);
    }
    core->loan_count = 0;
}

// ---- Sending ----------------------------------------------------------------

static void talk_pump(struct core_call *call, int side);

static void talk_go_client(void *argument)
{
    struct core_call *call = argument;
    call->halves[CORE_CLIENT].send_timer = NULL;
    talk_pump(call, CORE_CLIENT);
}

static void talk_go_server(void *argument)
{
    struct core_call *call = argument;
    call->halves[CORE_SERVER].send_timer = NULL;
    talk_pump(call, CORE_SERVER);
}

// talk_rest has the side go on later; false: it has to go on now.
static bool talk_rest(struct core_call *call, int side, uint32_t delay_ms)
{
    struct core_half *half = &call->halves[side];
    half->send_timer = grpc_timer_start(
        talk_loop(call, side), delay_ms,
        side == CORE_SERVER ? talk_go_server : talk_go_client, call);
    SIM_CHECK(half->send_timer != NULL || call->core->hungry, "no timer");
    return half->send_timer != NULL;
}

static grpc_result talk_send(struct core_call *call, int side)
{
    struct core *core = call->core;
    struct core_half *half = &call->halves[side];
    uint32_t n = half->sent;
    grpc_str payload = talk_payload(call, side, n);
    if (half->squeezes) {
        grpc_call_compress(half->call, core_chance(core, 80));
    }
    if (core_chance(core, half->lends) && payload.size <= TALK_LENT_MOST &&
        core->loan_count < CORE_LOANS) {
        return talk_lend(call, side, n);
    }
    if (talk_is_raw(call)) {
        return grpc_call_send_bytes(half->call, payload, NULL, NULL);
    }
    const struct sim_message message = {.index = n, .payload = payload};
    return grpc_call_send(half->call, &message);
}

// talk_give_up: there is no memory, not even for waiting.
static void talk_give_up(struct core_call *call, int side)
{
    if (side == CORE_SERVER) {
        core_answer(call);
    } else {
        call->cancelled = true;
        grpc_cancel(call->call);
    }
}

static void talk_close_client(struct core_call *call)
{
    struct core_half *half = &call->halves[CORE_CLIENT];
    if (half->closed || !talk_streams(call, CORE_CLIENT)) {
        return;
    }
    if (half->lingers) {
        half->lingers = false;
        if (talk_rest(call, CORE_CLIENT, half->delay_ms)) {
            return;
        }
    }
    grpc_result result = grpc_call_half_close(half->call);
    SIM_CHECK(result == GRPC_OK || grpc_call_is_over(half->call) ||
                  half->call->status_known,
              "call %u: the half-close is %s", call->index,
              grpc_result_name(result));
    half->closed = result == GRPC_OK;
    SIM_CHECK(grpc_call_half_close(half->call) == GRPC_ESTATE,
              "call %u: is closed twice", call->index);
}

// talk_sent handles what became of a message; true: the next one may be sent.
static bool talk_sent(struct core_call *call, int side, grpc_result result)
{
    struct core_half *half = &call->halves[side];
    if (result == GRPC_OK) {
        half->sent_bytes += (uint32_t)talk_payload(call, side, half->sent).size;
        half->sent++;
        half->in_burst++;
        return true;
    }
    if (result == GRPC_AGAIN) {
        sim_met(side == CORE_SERVER ? SIM_AGAIN_SERVER : SIM_AGAIN_CLIENT);
        half->waits = true;
        return false;
    }
    if (result == GRPC_ESTATE) {
        SIM_CHECK(grpc_call_is_over(half->call) || half->call->status_known,
                  "call %u: side %d may not send", call->index, side);
        sim_met(SIM_SENT_TOO_LATE);
        return false;
    }
    SIM_CHECK(result == GRPC_ENOMEM && call->core->hungry,
              "call %u: side %d cannot send: %s", call->index, side,
              grpc_result_name(result));
    if (!talk_rest(call, side, TALK_RETRY_MS)) {
        talk_give_up(call, side);
    }
    return false;
}

// talk_may_send: there is a message to be sent now.
static bool talk_may_send(struct core_call *call, int side)
{
    struct core_half *half = &call->halves[side];
    uint32_t due = half->to_send;
    if (half->follows) {
        uint32_t came = half->received + (side == CORE_CLIENT ? 1 : 0);
        due = came < due ? came : due;
    }
    if (half->call == NULL || half->waits || half->send_timer != NULL ||
        half->sent >= due || !talk_streams(call, side)) {
        return false;
    }
    if (half->burst > 0 && half->in_burst == half->burst) {
        half->in_burst = 0;
        return !talk_rest(call, side, half->delay_ms);
    }
    return true;
}

static void talk_pump(struct core_call *call, int side)
{
    struct core_half *half = &call->halves[side];
    while (talk_may_send(call, side)) {
        if (!talk_sent(call, side, talk_send(call, side))) {
            break;
        }
    }
    if (half->call == NULL || half->waits || half->send_timer != NULL ||
        half->sent < half->to_send) {
        return;
    }
    if (side == CORE_CLIENT) {
        talk_close_client(call);
    } else {
        core_finish(call);
    }
}

static void talk_writable(struct core_call *call, int side, grpc_call *handle)
{
    struct core_half *half = &call->halves[side];
    SIM_CHECK(half->call == handle, "call %u: side %d is dead, and writable",
              call->index, side);
    SIM_CHECK(half->waits, "call %u: side %d does not wait for room",
              call->index, side);
    sim_met(SIM_WRITABLE);
    half->waits = false;
    talk_pump(call, side);
}

static void talk_writable_client(grpc_call *handle, void *self)
{
    talk_writable(self, CORE_CLIENT, handle);
}

static void talk_writable_server(grpc_call *handle, void *self)
{
    talk_writable(self, CORE_SERVER, handle);
}

// ---- Receiving --------------------------------------------------------------

static void talk_resume(struct core_call *call, int side)
{
    struct core_half *half = &call->halves[side];
    half->pause_timer = NULL;
    half->paused = false;
    if (half->call->inbox.size > 0) {
        sim_met(SIM_INBOX);
    }
    grpc_call_resume(half->call);
}

static void talk_resume_client(void *argument)
{
    talk_resume(argument, CORE_CLIENT);
}

static void talk_resume_server(void *argument)
{
    talk_resume(argument, CORE_SERVER);
}

static void talk_pause(struct core_call *call, int side)
{
    struct core *core = call->core;
    struct core_half *half = &call->halves[side];
    uint32_t ms = core_random(core, core_chance(core, 80) ? 20 : 300);
    half->paused = true;
    grpc_call_pause(half->call);
    sim_met(SIM_HELD_BACK);
    if (core_chance(core, 90)) {
        half->pause_timer = grpc_timer_start(
            talk_loop(call, side), ms,
            side == CORE_SERVER ? talk_resume_server : talk_resume_client,
            call);
    }
    if (half->pause_timer == NULL) {
        talk_resume(call, side);
    }
}

static void talk_got(struct core_call *call, int side, grpc_call *handle,
                     grpc_str payload)
{
    struct core *core = call->core;
    struct core_half *half = &call->halves[side];
    const struct core_half *other = &call->halves[1 - side];
    uint32_t n = half->received++;
    SIM_CHECK(half->call == handle, "call %u: side %d is dead, and gets more",
              call->index, side);
    SIM_CHECK(!half->paused, "call %u: side %d has paused", call->index, side);
    SIM_CHECK(!half->heard_end, "call %u: a message behind the end",
              call->index);
    SIM_CHECK(n < other->sent, "call %u: side %d gets what was not sent",
              call->index, side);
    grpc_str expected = talk_payload(call, 1 - side, n);
    SIM_CHECK(payload.size == expected.size &&
                  memcmp(payload.data, expected.data, expected.size) == 0,
              "call %u: message %u to side %d is not what was sent",
              call->index, n, side);
    if (grpc_call_was_compressed(handle)) {
        sim_met(SIM_COMPRESSED);
    }
    if (core_chance(core, half->pauses)) {
        talk_pause(call, side);
    }
    if (half->follows) {
        talk_pump(call, side);
    }
    if (core_chance(core, 5)) {
        core_react(core);
    }
}

static void talk_got_reply(grpc_call *handle, const struct sim_message *message,
                           void *self)
{
    struct core_call *call = self;
    SIM_CHECK(message->index == call->halves[CORE_CLIENT].received,
              "call %u: replies in another order", call->index);
    talk_got(call, CORE_CLIENT, handle, message->payload);
}

static void talk_got_request(grpc_call *handle,
                             const struct sim_message *message, void *self)
{
    struct core_call *call = self;
    SIM_CHECK(message->index == call->halves[CORE_SERVER].received,
              "call %u: requests in another order", call->index);
    talk_got(call, CORE_SERVER, handle, message->payload);
}

static void talk_got_raw_reply(grpc_call *handle, grpc_str message, void *self)
{
    talk_got(self, CORE_CLIENT, handle, message);
}

static void talk_got_raw_request(grpc_call *handle, grpc_str message,
                                 void *self)
{
    talk_got(self, CORE_SERVER, handle, message);
}

// talk_got_end: the client has sent all its requests.
static void talk_got_end(grpc_call *handle, void *self)
{
    struct core_call *call = self;
    struct core_half *half = &call->halves[CORE_SERVER];
    const struct core_half *client = &call->halves[CORE_CLIENT];
    SIM_CHECK(half->call == handle && !half->heard_end && !half->paused,
              "call %u: the requests end at the wrong time", call->index);
    SIM_CHECK(client->closed && half->received == client->sent,
              "call %u: the requests end behind %u of %u", call->index,
              half->received, client->sent);
    half->heard_end = true;
    if (half->sent < half->to_send) {
        sim_met(SIM_GOES_ON);
    }
    talk_pump(call, CORE_SERVER);
}

// ---- The server -------------------------------------------------------------

static void talk_ask(struct core_call *call)
{
    struct core_half *half = &call->halves[CORE_SERVER];
    half->pause_timer = NULL;
    half->paused = false;
    grpc_result result =
        talk_is_raw(call)
            ? grpc_raw_receive(half->call, talk_got_raw_request, talk_got_end,
                               call)
            : grpc_call_receive(half->call, (grpc_function *)talk_got_request,
                                talk_got_end, call);
    SIM_CHECK(result == GRPC_OK || grpc_call_is_over(half->call),
              "call %u: may not receive: %s", call->index,
              grpc_result_name(result));
}

static void talk_ask_late(void *argument)
{
    sim_met(SIM_ASKED_LATE);
    talk_ask(argument);
}

static void talk_begin(struct core_call *call, grpc_call *answering,
                       struct core_server *server)
{
    struct core *core = call->core;
    struct core_half *half = &call->halves[CORE_SERVER];
    core_begin(call, answering, server);
    grpc_call_on_writable(answering, talk_writable_server, call);
    if (half->squeezes) {
        // Some clients do not accept it, and some builds do not have it.
        (void)grpc_call_set_encoding(answering, "gzip");
    }
    if (!call->listens) {
        // It is not told of an end, so it answers some time, whatever there is.
        call->timer = grpc_timer_start(core->loops[0], call->delay_ms,
                                       core_answer_late, call);
        if (call->timer == NULL) {
            core_listen(call);
        }
    }
    if (talk_streams(call, CORE_CLIENT)) {
        if (call->ask_ms > 0) {
            half->paused = true;
            half->pause_timer = grpc_timer_start(core->loops[0], call->ask_ms,
                                                 talk_ask_late, call);
        }
        if (half->pause_timer == NULL) {
            talk_ask(call);
        }
    } else {
        half->heard_end = true;
    }
    talk_pump(call, CORE_SERVER);
    core_react(core);
}

static void talk_many(grpc_call *answering, const struct sim_message *request,
                      void *self)
{
    struct core_server *server = self;
    struct core_call *call = core_call_of(server->core, answering);
    SIM_CHECK(call->shape == CORE_MANY && request->index == call->index &&
                  sim_payload_is(request->payload, call->index, false,
                                 call->request_size),
              "call %u: the request is not what was sent", call->index);
    talk_begin(call, answering, server);
}

static void talk_collect(grpc_call *answering, void *self)
{
    struct core_server *server = self;
    struct core_call *call = core_call_of(server->core, answering);
    SIM_CHECK(call->shape == CORE_COLLECT, "call %u: another method",
              call->index);
    talk_begin(call, answering, server);
}

static void talk_talk(grpc_call *answering, void *self)
{
    struct core_server *server = self;
    struct core_call *call = core_call_of(server->core, answering);
    SIM_CHECK(call->shape == CORE_TALK, "call %u: another method", call->index);
    talk_begin(call, answering, server);
}

static void talk_raw(grpc_call *answering, void *self)
{
    struct core_server *server = self;
    struct core_call *call = core_call_of(server->core, answering);
    SIM_CHECK(call->shape == CORE_RAW &&
                  strcmp(grpc_call_method(answering), SIM_RAW_PATH) == 0,
              "call %u: another method", call->index);
    sim_met(SIM_RAW);
    talk_begin(call, answering, server);
}

static void talk_catch(grpc_call *answering, void *self)
{
    struct core_server *server = self;
    struct core_call *call = core_call_of(server->core, answering);
    sim_met(SIM_CAUGHT);
    if (call->kind == CORE_ABSENT) {
        grpc_call_unimplemented(answering);
        return;
    }
    SIM_CHECK(call->shape == CORE_UNKNOWN &&
                  strcmp(grpc_call_method(answering), SIM_UNKNOWN_PATH) == 0,
              "call %u: another method", call->index);
    talk_begin(call, answering, server);
}

void talk_serve(struct core_server *server, struct sim_handlers *handlers)
{
    handlers->many = talk_many;
    handlers->collect = talk_collect;
    handlers->talk = talk_talk;
    SIM_CHECK(grpc_server_serve_raw(server->server, SIM_RAW_PATH, talk_raw,
                                    server) == GRPC_OK,
              "%s", grpc_server_error(server->server));
    SIM_CHECK(!server->core->catches ||
                  grpc_server_serve_raw(server->server, NULL, talk_catch,
                                        server) == GRPC_OK,
              "%s", grpc_server_error(server->server));
}

// ---- The client -------------------------------------------------------------

static void talk_headers(grpc_call *handle, void *self)
{
    struct core_call *call = self;
    struct core_half *half = &call->halves[CORE_CLIENT];
    SIM_CHECK(half->call == handle && !half->headers && half->received == 0,
              "call %u: headers at the wrong time", call->index);
    half->headers = true;
    core_check_headers(call, handle);
}

static void talk_end(grpc_call *handle, const grpc_status *status, void *self)
{
    core_done(handle, status, NULL, self);
}

static grpc_call *talk_start_raw(struct core_call *call, grpc_channel *channel,
                                 const grpc_call_options *options)
{
    static const grpc_raw_events events = {
        .headers = talk_headers,
        .message = talk_got_raw_reply,
        .writable = talk_writable_client,
        .end = talk_end,
    };
    return grpc_raw_start(
        channel, call->shape == CORE_RAW ? SIM_RAW_PATH : SIM_UNKNOWN_PATH,
        &events, call, options);
}

grpc_call *talk_start(struct core_call *call, grpc_channel *channel,
                      const grpc_call_options *options)
{
    static const int methods[CORE_SHAPES] = {
        [CORE_MANY] = SIM_METHOD_MANY,
        [CORE_COLLECT] = SIM_METHOD_COLLECT,
        [CORE_TALK] = SIM_METHOD_TALK,
    };
    struct core_half *half = &call->halves[CORE_CLIENT];
    const struct sim_message request = {
        .index = call->index,
        .payload = sim_payload(call->index, false, call->request_size),
    };
    const grpc_events events = {
        .headers = talk_headers,
        .message = (grpc_function *)talk_got_reply,
        .writable = talk_writable_client,
        .end = call->shape == CORE_COLLECT ? (grpc_function *)core_done
                                           : (grpc_function *)talk_end,
    };
    grpc_call *handle =
        talk_is_raw(call)
            ? talk_start_raw(call, channel, options)
            : grpc_stream_start(channel, sim_method(methods[call->shape]),
                                call->shape == CORE_MANY ? &request : NULL,
                                &events, call, options);
    half->call = handle;
    call->call = handle;
    if (handle != NULL) {
        half->closed = call->shape == CORE_MANY;
        talk_pump(call, CORE_CLIENT);
    }
    return handle;
}

// ---- The end ----------------------------------------------------------------

void talk_over(struct core_call *call, int side)
{
    struct core_half *half = &call->halves[side];
    grpc_timer_stop(half->send_timer);
    grpc_timer_stop(half->pause_timer);
    half->send_timer = NULL;
    half->pause_timer = NULL;
    half->call = NULL;
}

// talk_check_end: a status that the handler has given stands behind all its
// messages.
void talk_check_end(const struct core_call *call, grpc_code code)
{
    const struct core_half *client = &call->halves[CORE_CLIENT];
    const struct core_half *server = &call->halves[CORE_SERVER];
    bool by_handler =
        call->answered && !call->passes[CORE_SERVER].placed &&
        (code == GRPC_OK || (call->kind == CORE_FAILS && code == call->code));
    SIM_CHECK(!client->paused || !by_handler ||
                  !talk_streams(call, CORE_SERVER),
              "call %u: its end does not wait for it", call->index);
    SIM_CHECK(!by_handler || !talk_streams(call, CORE_SERVER) ||
                  client->received == server->sent,
              "call %u: ends behind %u of %u messages", call->index,
              client->received, server->sent);
    if (code == GRPC_OK && call->shape != CORE_UNARY) {
        static const enum sim_event met[CORE_SHAPES] = {
            [CORE_MANY] = SIM_OK_MANY,       [CORE_COLLECT] = SIM_OK_COLLECT,
            [CORE_TALK] = SIM_OK_TALK,       [CORE_RAW] = SIM_OK_RAW,
            [CORE_UNKNOWN] = SIM_OK_UNKNOWN,
        };
        sim_met(met[call->shape]);
    }
}
