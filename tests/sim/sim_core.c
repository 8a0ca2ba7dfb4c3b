// SPDX-License-Identifier: MIT
// Calls through the public API: a server, channels on one or two loops, and a
// world that disturbs them. A run is made of acts at random moments; at its end
// the world is healed, and every call has to end.

#include "tests/sim/sim_core.h"

#include <string.h>

#include "tests/sim/sim_cast.h"

enum {
    CORE_HEALING_MS = 3600000,
    CORE_PATIENCE_MS = 120000, // for a PING
};

// ---- A run ------------------------------------------------------------------

static uint32_t core_one_of(struct core *core, const uint32_t *values,
                            uint32_t count)
{
    return values[core_random(core, count)];
}

// core_choose_limits: half of the sides have the defaults.
static void core_choose_limits(struct core *core, grpc_limits *limits)
{
    static const uint32_t stream_windows[] = {0, 200, 5000, 100000};
    static const uint32_t conn_windows[] = {0, 65535, 300000};
    static const uint32_t tables[] = {0, 1, 100, 10000};
    static const uint32_t outputs[] = {0, 1000, 20000};
    static const uint32_t messages[] = {0, 50000};
    static const uint32_t induced[] = {0, 1024, 5000};
    static const uint32_t turns[] = {0, 1, 3};
    *limits = (grpc_limits){0};
    if (core_chance(core, 50)) {
        return;
    }
    limits->stream_window_bytes = core_one_of(core, stream_windows, 4);
    limits->connection_window_bytes = core_one_of(core, conn_windows, 3);
    limits->frame_bytes = core_chance(core, 50) ? 40000 : 0;
    limits->header_table_bytes = core_one_of(core, tables, 4);
    limits->encoder_table_bytes = core_one_of(core, tables, 4);
    limits->output_bytes = core_one_of(core, outputs, 3);
    limits->induced_bytes = core_one_of(core, induced, 3);
    limits->queued_bytes = core_one_of(core, messages, 2);
    limits->assembly_bytes = core_one_of(core, messages, 2);
    limits->streams_per_turn = core_one_of(core, turns, 3);
}

// core_choose_times: in a calm run a PING may take as long as it likes behind all
// that a slow network still has to carry. In half of the others it may not.
static void core_choose_times(struct core *core)
{
    struct core_times *times = &core->times;
    bool hasty = !core->calm && core_chance(core, 50);
    *times = (struct core_times){.is_hasty = hasty};
    for (int side = 0; side < CORE_SIDES; side++) {
        bool asks = (core->calm || hasty) && core_chance(core, 70);
        times->keepalive_ms[side] =
            asks ? 50 + core_random(core, 900) : GRPC_NEVER;
        times->timeout_ms[side] =
            hasty ? 50 + core_random(core, 1000) : CORE_PATIENCE_MS;
    }
    times->without_calls = core_chance(core, 50);
    // A server on its defaults takes no PING of a client's keepalive, but all that
    // measure the line.
    bool asks = times->keepalive_ms[CORE_CLIENT] != GRPC_NEVER;
    times->is_strict = asks && hasty && core_chance(core, 20);
    times->is_lenient = asks ? !times->is_strict : core_chance(core, 30);
    times->max_idle_ms = core_chance(core, 25) ? 1 + core_random(core, 100) : 0;
    times->max_age_ms = core_chance(core, 25) ? 1 + core_random(core, 300) : 0;
    times->grace_ms =
        hasty && core_chance(core, 50) ? 1 + core_random(core, 100) : 0;
    times->channel_idle_ms =
        core_chance(core, 25) ? 1 + core_random(core, 100) : 0;
}

static void core_setup(struct core *core, uint64_t seed)
{
    static const uint32_t capacities[] = {700, 5000, 16000, 300000};
    core->random = seed * 2 + 1;
    core->calm = core_chance(core, 25);
    core->storm = core->calm ? 0 : 1 + core_random(core, 10);
    core->storm += core->storm > 0 && core->is_real ? 5 : 0; // seeds are few
    core->thorough = core_random(core, 8) == 0;
    core->brutal = !core->calm && core_random(core, 8) == 0;
    core->hungry = !core->calm && core_chance(core, 20);
    core->server_max = core_chance(core, 20) ? 50000 : 400000;
    core_choose_limits(core, &core->limits[0]);
    core_choose_limits(core, &core->limits[1]);
    core_choose_times(core);
    core->client_max = core_chance(core, 20) ? 50000 : 400000;
    core->world = sim_world_new(&(struct sim_options){
        .seed = seed,
        .delay_us = core_random(core, 2000),
        .connect_us = core_random(core, 20000),
        .cut_percent = core_random(core, 100),
        .short_percent = core_random(core, 30),
        .refuse_percent = core->calm ? 0 : core_random(core, 10),
        .lost_percent = core->calm ? 0 : core_random(core, 5),
        .capacity = capacities[core_random(core, 4)],
    });
    sim_clock(&core->world->now_us);
    core->moved_us = core->world->now_us;
    core_watch(core);
    core->client_loops = 1 + core_random(core, 2);
    for (size_t i = 0; i < core->client_loops + 1; i++) {
        test_heap_init(&core->heaps[i]);
        core->loops[i] = sim_loop(core->world, &core->heaps[i].allocator);
        SIM_CHECK(core->loops[i] != NULL, "no loop");
    }
    sim_refuse(core->world, CORE_PORT_DEAD, 0);
    sim_swallow(core->world, CORE_PORT_DARK);
    sim_accept(core->world, CORE_PORT_MUTE, core_hear_mute, core);
    pass_choose(core);
    safe_choose(core, core->is_real);
    core->catches = core_chance(core, 50);
    core->squeezes =
        compress_find(&core->loops[0]->compress, VIEW("gzip")) >= 0;
    core_open(core);
    core->channel_count = 1 + core_random(core, CORE_CHANNELS - 1);
    for (size_t i = 0; i < core->channel_count; i++) {
        core->channels[i].loop =
            core->loops[1 + core_random(core, (uint32_t)core->client_loops)];
        core_dial(core, (int)i);
    }
    core->inner = -1;
    if (core_chance(core, 30)) {
        core->inner = (int)core->channel_count++;
        core->channels[core->inner].loop = core->loops[0];
        core_dial(core, core->inner);
    }
    core->call_count =
        CORE_CALLS_MIN + core_random(core, CORE_CALLS_MAX - CORE_CALLS_MIN + 1);
    core->last = core->call_count;
    for (size_t i = 0; i < core->call_count; i++) {
        core_plan(core, (uint32_t)i);
    }
}

// core_reap frees servers that have stopped.
static void core_reap(struct core *core)
{
    core_check_graces(core);
    for (size_t i = 0; i < CORE_SERVERS; i++) {
        struct core_server *server = &core->servers[i];
        if (server->server != NULL && server->stopping &&
            grpc_server_is_stopped(server->server)) {
            if (server->due_ms != UINT64_MAX) {
                sim_met(core_now(core) < server->due_ms ? SIM_GRACE_KEPT
                                                        : SIM_GRACE_OVER);
            }
            core_free_server(core, server);
        }
    }
    core_sweep_mutes(core);
}

static void core_play(struct core *core)
{
    uint64_t next_us = core->world->now_us;
    while (core->started < core->last) {
        if (core->world->now_us >= next_us) {
            core_act(core);
            core_reap(core);
            next_us = core->world->now_us +
                      core_random(core, core_chance(core, 80) ? 800 : 20000);
        }
        (void)sim_turn(core->world, next_us);
        core_check_progress(core);
    }
}

// core_calm_down: nobody asks any more whether his peer is there.
static void core_calm_down(struct core *core)
{
    enum { DAYS_MS = 1000000000 };
    for (size_t i = 0; i < CORE_SERVERS; i++) {
        if (core->servers[i].server != NULL) {
            core->servers[i].server->rules.keepalive_ms = DAYS_MS;
        }
    }
    for (size_t i = 0; i < core->channel_count; i++) {
        if (core->channels[i].channel != NULL) {
            core->channels[i].channel->rules.keepalive_ms = DAYS_MS;
        }
    }
}

static void core_heal(struct core *core)
{
    struct sim_options *options = &core->world->options;
    core->ending = true;
    core_feed(core);
    options->refuse_percent = 0;
    options->lost_percent = 0;
    options->short_percent = 0;
    core_rise(core);
    uint64_t until = core->world->now_us + UINT64_C(1000) * CORE_HEALING_MS;
    bool more = true;
    while (more && core->done < core->started) {
        more = sim_turn(core->world, until);
        core_reap(core);
        core_check_progress(core);
    }
    for (size_t i = 0; i < core->started; i++) {
        SIM_CHECK(core->calls[i].done, "call %u never ends",
                  core->calls[i].index);
    }
    // Silence is found, late answers of calls that are over, lingering
    // connections; and a client that is silent where its server does not read.
    sim_run(core->world, 3000);
    core_calm_down(core);
    sim_run(core->world, 70000);
    core_reap(core);
    for (size_t i = 0; i < core->started; i++) {
        SIM_CHECK(core->calls[i].answering == NULL,
                  "call %u: its handler was never told", core->calls[i].index);
    }
}

static void core_free_servers(struct core *core)
{
    core_trouble_all(core);
    core_unlisten(core);
    for (size_t i = 0; i < CORE_SERVERS; i++) {
        core_free_server(core, &core->servers[i]);
    }
}

static void core_end(struct core *core)
{
    core->ending = true;
    core_feed(core);
    if (core_chance(core, 30)) {
        core_free_servers(core);
        sim_run(core->world, core_random(core, 50));
    }
    for (size_t i = 0; i < core->channel_count; i++) {
        core_hang_up(core, (int)i);
    }
    core_free_servers(core);
    for (size_t i = 0; i < core->started; i++) {
        SIM_CHECK(core->calls[i].done, "call %u: freed without its end",
                  core->calls[i].index);
        SIM_CHECK(core->calls[i].answering == NULL,
                  "call %u: freed without being told", core->calls[i].index);
    }
    for (size_t i = 0; i < core->client_loops + 1; i++) {
        SIM_CHECK(sim_loop_free(core->world, core->loops[i]) == GRPC_OK,
                  "loop %zu cannot be freed", i);
        SIM_CHECK(test_heap_is_clean(&core->heaps[i]),
                  "loop %zu leaks %zu blocks", i, core->heaps[i].live_blocks);
    }
    if (core->world->forsaken > 0) {
        sim_met(SIM_FORSAKEN);
    }
    pass_check_rest(core);
    talk_check_loans(core);
    safe_end(core);
    sim_world_free(core->world);
    sim_clock(NULL);
}

void sim_core_run(uint64_t seed, struct sim_tally *tally, bool real)
{
    static struct core core;
    static struct core_link links[CORE_LINKS];
    memcpy(links, core.links, sizeof links); // keeps their memory
    memset(&core, 0, sizeof core);
    memcpy(core.links, links, sizeof links);
    for (size_t i = 0; i < CORE_LINKS; i++) {
        core.links[i].used = false;
    }
    core.is_real = real;
    core_setup(&core, seed);
    core_play(&core);
    if (!core.brutal) {
        core_heal(&core);
        core_check_rest(&core);
    }
    core_end(&core);
    tally->calls += core.started;
    tally->checks += core.steps;
}
