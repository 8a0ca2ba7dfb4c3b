// SPDX-License-Identifier: MIT
// Interceptors. The outermost watches: each start has its end, in the right
// order. The one behind it lets a call wait, ends it, or replies in the place of
// others. The innermost changes every message; its other half, on the other
// side, undoes that.

#include "tests/sim/sim_cast.h"

#include <string.h>

enum { PASS_WATCH, PASS_HOLD, PASS_SCRAMBLE, PASS_MASK = 0x5a };

static const char pass_key; // its address

static uint32_t pass_dice(const struct core_call *call, int side)
{
    uint64_t state = ((uint64_t)call->salt << 3 | (unsigned)side) * 2 + 1;
    return test_random(&state) % 1000;
}

static bool pass_has_reply(const struct core_call *call)
{
    return call->kind != CORE_ABSENT &&
           (call->shape == CORE_UNARY || call->shape == CORE_COLLECT);
}

// pass_call is the call that a handle belongs to.
static struct core_call *pass_call(struct core *core, int side,
                                   grpc_call *handle)
{
    struct core_call *kept = grpc_call_value(handle, &pass_key);
    struct core_call *call =
        side == CORE_SERVER ? core_call_of(core, handle) : handle->self;
    SIM_CHECK(kept == NULL || kept == call, "call %u: another value is kept",
              call->index);
    return call;
}

// ---- Watching ---------------------------------------------------------------

static void pass_started(struct core_call *call, int side, int which)
{
    struct core_pass *pass = &call->passes[side];
    SIM_CHECK(++pass->starts[which] == 1, "call %u: starts twice", call->index);
    SIM_CHECK(which == 0 || pass->starts[which - 1] == 1,
              "call %u: starts in another order", call->index);
}

static void pass_ended(struct core_call *call, int side, int which,
                       const grpc_status *status)
{
    struct core_pass *pass = &call->passes[side];
    const struct core *core = call->core;
    SIM_CHECK(pass->starts[which] == 1 && ++pass->ends[which] == 1,
              "call %u: interceptor %d ends wrongly", call->index, which);
    bool is_last = which + 1 == (int)core->pass_count[side] ||
                   pass->starts[which + 1] == 0;
    SIM_CHECK(is_last || pass->ends[which + 1] == 1,
              "call %u: ends in another order", call->index);
    pass->code = status->code;
}

static void pass_watch_start(struct core *core, int side, grpc_call *handle)
{
    struct core_call *call = pass_call(core, side, handle);
    pass_started(call, side, PASS_WATCH);
    grpc_result kept = grpc_call_set_value(handle, &pass_key, call);
    grpc_result added = grpc_call_add_header(handle, "sim-pass", "watched");
    if (side == CORE_SERVER) {
        grpc_str value;
        SIM_CHECK(core->hungry || core->pass_count[CORE_CLIENT] == 0 ||
                      grpc_call_header(handle, "sim-pass", &value),
                  "call %u: the client's interceptor has added nothing",
                  call->index);
    }
    SIM_CHECK((kept == GRPC_OK && added == GRPC_OK) || core->hungry,
              "call %u: an interceptor is refused", call->index);
    SIM_CHECK(grpc_call_proceed(handle) == GRPC_OK &&
                  grpc_call_proceed(handle) == GRPC_ESTATE,
              "call %u: does not proceed once", call->index);
}

// ---- Holding, ending, replying ----------------------------------------------

static void pass_strike(struct core_call *call, int side, grpc_call *handle)
{
    bool is_over = grpc_call_is_over(handle);
    call->passes[side].struck = true;
    sim_met(SIM_STRUCK);
    grpc_result result =
        grpc_call_fail(handle, GRPC_ABORTED, "struck by side %d", side);
    SIM_CHECK(result == GRPC_OK || call->core->hungry || is_over,
              "call %u: the interceptor may not fail it: %s", call->index,
              grpc_result_name(result));
}

static void pass_reply(struct core_call *call, int side, grpc_call *handle)
{
    const struct sim_message reply = {
        .index = call->index,
        .payload = sim_payload(call->index, true, call->reply_size),
    };
    bool is_over = grpc_call_is_over(handle);
    call->passes[side].placed = true;
    sim_met(SIM_PLACED);
    grpc_result result = grpc_call_reply(handle, &reply);
    SIM_CHECK(result == GRPC_OK || call->core->hungry || is_over,
              "call %u: the interceptor may not reply: %s", call->index,
              grpc_result_name(result));
}

// pass_decide: what becomes of a call that may go on.
static void pass_decide(struct core_call *call, int side, grpc_call *handle)
{
    uint32_t dice = pass_dice(call, side) / 4 % 100;
    if (dice < 4) {
        pass_strike(call, side, handle);
    } else if (dice < 8 && pass_has_reply(call)) {
        pass_reply(call, side, handle);
    } else {
        bool is_over = grpc_call_is_over(handle);
        grpc_result result = grpc_call_proceed(handle);
        SIM_CHECK(result == GRPC_OK || is_over, "call %u: does not proceed",
                  call->index);
    }
}

static void pass_decide_late(struct core_call *call, int side)
{
    struct core_pass *pass = &call->passes[side];
    grpc_call *handle = pass->call;
    pass->timer = NULL;
    pass->call = NULL;
    sim_met(SIM_HELD);
    if (grpc_call_is_over(handle)) {
        sim_met(SIM_HELD_TOO_LONG);
    }
    pass_decide(call, side, handle);
}

static void pass_decide_client(void *argument)
{
    pass_decide_late(argument, CORE_CLIENT);
}

static void pass_decide_server(void *argument)
{
    pass_decide_late(argument, CORE_SERVER);
}

static void pass_hold_start(struct core *core, int side, grpc_call *handle)
{
    struct core_call *call = pass_call(core, side, handle);
    struct core_pass *pass = &call->passes[side];
    pass_started(call, side, PASS_HOLD);
    if (pass_dice(call, side) % 4 == 0) {
        pass->timer = grpc_timer_start(
            grpc_call_loop(handle), core_random(core, 60),
            side == CORE_SERVER ? pass_decide_server : pass_decide_client,
            call);
    }
    if (pass->timer == NULL) {
        pass_decide(call, side, handle);
        return;
    }
    pass->call = handle;
    pass->server = side == CORE_SERVER ? handle->entry->self : NULL;
    if (core_chance(core, 10)) {
        core_react(core);
    }
}

// pass_hold_end: a client's call is dead soon. A server's, which is still held,
// is the interceptor's to end, now or when its timer says so.
static void pass_hold_end(struct core *core, int side, grpc_call *handle,
                          const grpc_status *status)
{
    struct core_call *call = pass_call(core, side, handle);
    struct core_pass *pass = &call->passes[side];
    pass_ended(call, side, PASS_HOLD, status);
    if (pass->call == NULL) {
        return;
    }
    sim_met(SIM_HELD_OVER);
    if (side == CORE_CLIENT) {
        pass_forget(call, side);
    } else if (core_chance(core, 50)) {
        pass_forget(call, side);
        pass_strike(call, side, handle);
    }
}

void pass_forget(struct core_call *call, int side)
{
    struct core_pass *pass = &call->passes[side];
    grpc_timer_stop(pass->timer);
    pass->timer = NULL;
    pass->call = NULL;
}

// ---- Changing messages ------------------------------------------------------

// Two buffers for each side: a message that is sent lives until the next.
static grpc_str pass_memory(size_t size)
{
    static char memory[2][SIM_PAYLOAD_MAX + 200];
    static int next;
    char *bytes = memory[next];
    next = 1 - next;
    SIM_CHECK(size <= sizeof memory[0], "a message too large to be changed");
    return (grpc_str){bytes, size};
}

static void pass_sent(grpc_call *handle, grpc_str *message, void *self)
{
    grpc_str changed = pass_memory(message->size + 1);
    char *bytes = (char *)(uintptr_t)changed.data;
    (void)handle;
    (void)self;
    bytes[0] = PASS_MASK;
    for (size_t i = 0; i < message->size; i++) {
        bytes[i + 1] = message->data[i] ^ PASS_MASK;
    }
    sim_met(SIM_REPLACED);
    *message = changed;
}

static void pass_received(grpc_call *handle, grpc_str *message, void *self)
{
    SIM_CHECK(message->size > 0 && message->data[0] == PASS_MASK,
              "a message that was not changed on its way");
    grpc_str changed = pass_memory(message->size - 1);
    char *bytes = (char *)(uintptr_t)changed.data;
    (void)handle;
    (void)self;
    for (size_t i = 0; i < changed.size; i++) {
        bytes[i] = message->data[i + 1] ^ PASS_MASK;
    }
    *message = changed;
}

// ---- The tables -------------------------------------------------------------

static void pass_watch_client(grpc_call *handle, void *self)
{
    pass_watch_start(self, CORE_CLIENT, handle);
}

static void pass_watch_server(grpc_call *handle, void *self)
{
    pass_watch_start(self, CORE_SERVER, handle);
}

static void pass_hold_client(grpc_call *handle, void *self)
{
    pass_hold_start(self, CORE_CLIENT, handle);
}

static void pass_hold_server(grpc_call *handle, void *self)
{
    pass_hold_start(self, CORE_SERVER, handle);
}

static void pass_unwatch_client(grpc_call *handle, const grpc_status *status,
                                void *self)
{
    pass_ended(pass_call(self, CORE_CLIENT, handle), CORE_CLIENT, PASS_WATCH,
               status);
}

static void pass_unwatch_server(grpc_call *handle, const grpc_status *status,
                                void *self)
{
    pass_ended(pass_call(self, CORE_SERVER, handle), CORE_SERVER, PASS_WATCH,
               status);
}

static void pass_unhold_client(grpc_call *handle, const grpc_status *status,
                               void *self)
{
    pass_hold_end(self, CORE_CLIENT, handle, status);
}

static void pass_unhold_server(grpc_call *handle, const grpc_status *status,
                               void *self)
{
    pass_hold_end(self, CORE_SERVER, handle, status);
}

static void pass_scramble_start(grpc_call *handle, void *self)
{
    struct core *core = self;
    int side = handle->is_server ? CORE_SERVER : CORE_CLIENT;
    pass_started(pass_call(core, side, handle), side, PASS_SCRAMBLE);
    SIM_CHECK(grpc_call_proceed(handle) == GRPC_OK, "does not proceed");
}

static void pass_scramble_end(grpc_call *handle, const grpc_status *status,
                              void *self)
{
    struct core *core = self;
    int side = handle->is_server ? CORE_SERVER : CORE_CLIENT;
    pass_ended(pass_call(core, side, handle), side, PASS_SCRAMBLE, status);
}

void pass_choose(struct core *core)
{
    core->scrambles = core_chance(core, 15);
    for (int side = 0; side < CORE_SIDES; side++) {
        uint32_t count = core_chance(core, 60) ? 0 : 1 + core_random(core, 2);
        core->pass_count[side] = core->scrambles ? CORE_PASSES : count;
    }
}

// pass_list is for a server or a channel that is made next: the list is copied.
grpc_interceptors pass_list(struct core *core, int side)
{
    static grpc_interceptor made[CORE_PASSES];
    static const grpc_interceptor *list[CORE_PASSES];
    bool server = side == CORE_SERVER;
    made[PASS_WATCH] = (grpc_interceptor){
        .start = server ? pass_watch_server : pass_watch_client,
        .end = server ? pass_unwatch_server : pass_unwatch_client,
    };
    made[PASS_HOLD] = (grpc_interceptor){
        .start = server ? pass_hold_server : pass_hold_client,
        .end = server ? pass_unhold_server : pass_unhold_client,
    };
    made[PASS_SCRAMBLE] = (grpc_interceptor){
        .start = pass_scramble_start,
        .sent = pass_sent,
        .received = pass_received,
        .end = pass_scramble_end,
    };
    for (int i = 0; i < CORE_PASSES; i++) {
        made[i].self = core;
        list[i] = &made[i];
    }
    return (grpc_interceptors){list, core->pass_count[side]};
}

// ---- What has to hold -------------------------------------------------------

void pass_check_end(const struct core_call *call, grpc_code code)
{
    const struct core_pass *pass = &call->passes[CORE_CLIENT];
    for (int i = 0; i < CORE_PASSES; i++) {
        SIM_CHECK(pass->starts[i] == pass->ends[i],
                  "call %u: interceptor %d is not told the end", call->index,
                  i);
    }
    SIM_CHECK(pass->starts[0] == 0 || pass->code == code,
              "call %u: the interceptor is told another end: %s", call->index,
              grpc_code_name(pass->code));
}

void pass_check_rest(const struct core *core)
{
    for (size_t k = 0; k < core->started; k++) {
        const struct core_call *call = &core->calls[k];
        for (int side = 0; side < CORE_SIDES; side++) {
            const struct core_pass *pass = &call->passes[side];
            SIM_CHECK(pass->call == NULL, "call %u: is still held",
                      call->index);
            for (int i = 0; i < CORE_PASSES; i++) {
                SIM_CHECK(pass->starts[i] == pass->ends[i],
                          "call %u: interceptor %d of side %d is not told the "
                          "end",
                          call->index, i, side);
            }
        }
    }
}
