// SPDX-License-Identifier: MIT

#include "tests/sim/sim_cast.h"

enum { ACTS_PINGS = 6000 }; // more answers than a stuck output takes

// ---- Acts -------------------------------------------------------------------

static void core_act_start(struct core *core)
{
    uint32_t burst = core_chance(core, 30) ? 1 + core_random(core, 12) : 1;
    while (burst-- > 0 && core->started < core->last) {
        core_start(core);
    }
}

static void core_act_cancel(struct core *core)
{
    if (core->started == 0) {
        return;
    }
    size_t recent = core->started < 16 ? core->started : 16;
    struct core_call *call =
        &core->calls[core->started - 1 - core_random(core, (uint32_t)recent)];
    if (call->done || call->call == NULL) {
        return;
    }
    if (call->call->state == CALL_QUEUED) {
        sim_met(SIM_CANCEL_EARLY);
    } else if (call->answering != NULL) {
        sim_met(SIM_CANCEL_LATE);
    }
    sim_note("call %lld: cancelled", call->index, 0, 0, 0);
    call->cancelled = true;
    grpc_cancel(call->call);
}

// core_act_break: a server ends a stream in the midst.
static void core_act_break(struct core *core)
{
    uint32_t first = core_random(core, CORE_CALLS_MAX);
    for (uint32_t i = 0; i < core->started; i++) {
        struct core_call *call = &core->calls[(first + i) % core->started];
        if (call->answering != NULL && call->shape != CORE_UNARY &&
            call->kind != CORE_NEVER) {
            sim_met(SIM_BROKEN_OFF);
            core_answer(call);
            return;
        }
    }
}

static void core_act_settings(struct core *core)
{
    static const uint32_t windows[] = {100, 1000, 16384, 65535, 200000};
    static const uint32_t tables[] = {0, 64, 200, 4096, 8192};
    static const uint32_t streams[] = {1, 4, 128};
    struct core_link *link = core_some_link(core);
    if (link == NULL) {
        return;
    }
    int side = (int)core_random(core, 2);
    struct conn *conn = link->conns[side];
    if (conn->h2.settings_unacked) {
        return;
    }
    struct h2_settings settings = conn->h2.wanted;
    settings.initial_window_size = windows[core_random(core, 5)];
    settings.header_table_size = tables[core_random(core, 5)];
    settings.max_frame_size = core_chance(core, 50) ? 16384 : 40000;
    if (side == WIRE_SERVER && core_chance(core, 50)) {
        settings.max_concurrent_streams = streams[core_random(core, 3)];
    }
    SIM_CHECK(h2_update_settings(&conn->h2, &settings) || core->hungry,
              "no SETTINGS");
    conn_wake(conn);
    sim_note("side %lld: SETTINGS, window %lld, table %lld", side,
             settings.initial_window_size, settings.header_table_size, 0);
}

static void core_act_ping(struct core *core)
{
    static const uint8_t payload[8] = {'s', 'i', 'm'};
    struct core_link *link = core_some_link(core);
    if (link == NULL) {
        return;
    }
    int side = (int)core_random(core, 2);
    struct conn *conn = link->conns[side];
    // One side alone: two that flood each other wait for each other to read. And
    // once: more would be punished. Most servers do not let a client ask so often.
    bool flood = side == WIRE_CLIENT && core->times.is_lenient &&
                 core_random(core, 20) == 0 && !link->has_flooded;
    link->has_flooded = link->has_flooded || flood;
    if (side == WIRE_CLIENT && !core->times.is_lenient && link->pings++ >= 2) {
        return;
    }
    uint32_t count = flood ? ACTS_PINGS : 1;
    if (flood) {
        sim_pause(core->world, link->fds[side], 200000);
    }
    for (uint32_t i = 0; i < count; i++) {
        SIM_CHECK(h2_ping(&conn->h2, payload) || core->hungry, "no PING");
    }
    conn_wake(conn);
    sim_met(SIM_PING);
    sim_note("side %lld: %lld PINGs", side, count, 0, 0);
}

static void core_act_pause(struct core *core)
{
    struct core_link *link = core_some_link(core);
    if (link != NULL) {
        int side = (int)core_random(core, 2);
        sim_pause(core->world, link->fds[side], core_random(core, 100000));
        sim_met(SIM_PAUSED);
        sim_note("nothing comes to side %lld for a while", side, 0, 0, 0);
    }
}

static void core_act_stall(struct core *core)
{
    size_t i = core_random(core, (uint32_t)core->client_loops + 1);
    uint64_t us = core_random(core, 300000);
    sim_stall(core->world, core->loops[i], us);
    core->stalled_ms[i] = (core->world->now_us + us) / 1000 + 1;
    core_note_stall(core, i, us);
    sim_met(SIM_STALLED);
    sim_note("loop %lld stalls for %lld us", (long long)i, (long long)us, 0, 0);
}

static bool core_is_within_data(const struct core_link *link)
{
    for (int side = 0; side < 2; side++) {
        const struct wire_side *from = &link->wire.sides[side];
        if (from->data_sent != from->data_taken) {
            return true;
        }
    }
    return false;
}

static void core_act_tear(struct core *core)
{
    struct core_link *link = core_some_link(core);
    if (link == NULL) {
        return;
    }
    sim_met(SIM_TORN);
    if (core_is_within_data(link)) {
        sim_met(SIM_TORN_MESSAGE);
    }
    core_trouble(core, link);
    if (core_chance(core, 25)) {
        sim_met(SIM_CUT_OFF);
        sim_cut_off(core->world, link->fds[core_random(core, 2)]);
        sim_note("connection %lld is cut off in one direction",
                 (long long)(link - core->links), 0, 0, 0);
        return;
    }
    sim_tear(core->world, link->fds[0], core_chance(core, 50));
    sim_note("connection %lld is torn", (long long)(link - core->links), 0, 0,
             0);
}

// core_act_goaway: the server lets a connection finish, or says GOAWAY and
// closes with calls on it.
static void core_act_goaway(struct core *core)
{
    struct core_link *link = core_some_link(core);
    if (link == NULL) {
        return;
    }
    struct conn *conn = link->conns[WIRE_SERVER];
    bool abrupt = !core->calm && core_chance(core, 50);
    sim_note("the server says GOAWAY on connection %lld, abrupt: %lld",
             (long long)(link - core->links), abrupt, 0, 0);
    if (!abrupt) {
        if (core->calm || conn->drain != CONN_DRAIN_NONE ||
            core_chance(core, 50)) {
            conn_drain(conn, CONN_DRAIN_STOP);
        } else { // as other servers do
            conn_finish(conn, view_of(NULL, 0));
        }
        return;
    }
    core_trouble(core, link);
    SIM_CHECK(h2_goaway(&conn->h2, conn->h2.last_peer_id, H2_NO_ERROR,
                        VIEW("simulated")) ||
                  core->hungry,
              "no GOAWAY");
    if (core_chance(core, 50)) {
        conn_wake(conn);
        sim_turn(core->world, core->world->now_us);
    }
    if (link->conns[WIRE_SERVER] == conn) {
        conn_close(conn, "simulated");
    }
}

// core_act_swallow: a silence, where somebody will find it.
static void core_act_swallow(struct core *core)
{
    struct core_link *link = core_some_link(core);
    int side = (int)core_random(core, 2);
    int other = 1 - side;
    if (link == NULL || core->times.keepalive_ms[side] == GRPC_NEVER) {
        return;
    }
    core_swallow(core, link, side);
    if (core->times.keepalive_ms[other] != GRPC_NEVER &&
        core_chance(core, 50)) {
        core_swallow(core, link, other);
    }
}

// core_leave has the server stop, in one way or another.
static void core_leave(struct core *core, struct core_server *own)
{
    own->stopping = true;
    if (core->started > core->done) {
        sim_met(SIM_STOPPED);
    }
    if (core->calm || core_chance(core, 50)) {
        grpc_server_stop(own->server);
    } else {
        uint32_t grace_ms = core_random(core, 300);
        SIM_CHECK(grpc_server_drain(own->server, grace_ms) == GRPC_OK,
                  "no drain");
        own->due_ms = core_now(core) + grace_ms;
    }
    if (!core->calm && core_chance(core, 30)) {
        grpc_server_stop(own->server);
    }
    sim_kick(core->world, core->loops[0]);
}

// core_act_restart: another server takes the ports, and then this one stops. No
// call is lost.
static void core_act_restart(struct core *core)
{
    struct core_server *own = &core->servers[core->server];
    if (core->down || core->server + 1 == CORE_SERVERS) {
        return;
    }
    if (core->started > core->done) {
        sim_met(SIM_RESTARTED);
    }
    if (!core->calm) {
        core_trouble_all(core);
        for (size_t i = 0; i < CORE_LINKS; i++) {
            core->links[i].doomed = core->links[i].used;
        }
    }
    core->server++;
    core_open(core);
    core_leave(core, own);
    sim_note("another server takes over", 0, 0, 0, 0);
}

// core_act_stop: the server stops, another one takes its port at once or a
// little later.
static void core_act_stop(struct core *core)
{
    struct core_server *own = &core->servers[core->server];
    if (core->down || core->server + 1 == CORE_SERVERS) {
        return;
    }
    core_trouble_all(core);
    for (size_t i = 0; i < CORE_LINKS; i++) {
        core->links[i].doomed = core->links[i].used;
    }
    core_unlisten(core);
    core_leave(core, own);
    core->down = true;
    sim_note("the server stops", 0, 0, 0, 0);
}

void core_rise(struct core *core)
{
    if (core->down) {
        core->server++;
        core_open(core);
        core->down = false;
        sim_note("a server starts", 0, 0, 0, 0);
    }
}

static void core_act_hang_up(struct core *core)
{
    int i = (int)core_random(core, (uint32_t)core->channel_count);
    if (core->channels[i].channel == NULL) {
        return; // is being freed
    }
    sim_note("channel %lld is freed, and made anew", i, 0, 0, 0);
    core_hang_up(core, i);
    core_dial(core, i);
}

static void core_act_network(struct core *core)
{
    struct sim_options *options = &core->world->options;
    static const uint32_t delays[] = {0, 10, 1000, 30000};
    options->delay_us = delays[core_random(core, 4)];
    options->cut_percent = core_random(core, 101);
    options->short_percent = core_chance(core, 50) ? core_random(core, 60) : 0;
}

// core_act_hunger: one of the next allocations of a loop fails, or some do.
static void core_act_hunger(struct core *core)
{
    size_t heaps = core->client_loops + 1 + (core->is_safe ? 1 : 0);
    size_t i = core_random(core, (uint32_t)heaps);
    struct test_heap *heap =
        i < core->client_loops + 1 ? &core->heaps[i] : &core->safe_heap;
    heap->fail_at = heap->calls + 1 + core_random(core, 20);
    heap->fail_on = core_chance(core, 10);
    sim_met(SIM_HUNGER);
    sim_note("memory runs out", 0, 0, 0, 0);
}

void core_feed(struct core *core)
{
    for (size_t i = 0; i < core->client_loops + 1; i++) {
        core->heaps[i].fail_at = 0;
        core->heaps[i].fail_on = false;
    }
    core->safe_heap.fail_at = 0;
    core->safe_heap.fail_on = false;
}

// Acts by weight; the second half is for stormy runs alone.
struct core_act {
    void (*act)(struct core *core);
    uint32_t weight;
};

static const struct core_act core_acts[] = {
    {core_act_start, 60},  {core_act_cancel, 6},  {core_act_settings, 6},
    {core_act_ping, 4},    {core_act_pause, 4},   {core_act_stall, 4},
    {core_act_network, 3}, {core_rise, 3},        {core_act_goaway, 1},
    {core_act_break, 4},   {core_act_restart, 1}, {safe_reload, 2},
};
static const struct core_act core_violent_acts[] = {
    {core_act_tear, 5},    {core_act_goaway, 5},  {core_act_stop, 2},
    {core_act_hang_up, 1}, {core_act_swallow, 4}, {safe_spoil, 12},
    {safe_disturb, 10},
};

void core_act(struct core *core)
{
    if (core->hungry && core_chance(core, 15)) {
        core_act_hunger(core);
        return;
    }
    bool violent = core_chance(core, core->storm);
    const struct core_act *acts = violent ? core_violent_acts : core_acts;
    uint32_t total = violent         ? (core->is_safe ? 39 : 17)
                     : core->is_safe ? 98
                                     : 96;
    uint32_t dice = core_random(core, total);
    size_t i = 0;
    while (dice >= acts[i].weight) {
        dice -= acts[i].weight;
        i++;
    }
    acts[i].act(core);
}

void core_react(struct core *core)
{
    uint32_t dice = core_random(core, 1000);
    if (core->ending) {
        return;
    }
    if (dice < 100) {
        if (core->started < core->last) {
            core_start(core);
        }
    } else if (dice < 120) {
        core_act_cancel(core);
    } else if (dice < 120 + core->storm / 3) {
        core_act_hang_up(core);
    } else if (dice < 140 && core->storm > 7) {
        core_act_stop(core);
    }
}
