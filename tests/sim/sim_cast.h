// SPDX-License-Identifier: MIT
// The simulation of calls through the public API: its cast, and what the files
// of it share.
//
//   sim_core.c   a run: from the seed to the last free
//   sim_calls.c  what handlers and callers do, and what they may be told
//   sim_acts.c   what is done to them, by weight
//   sim_links.c  the oracle of the wire on each connection

#ifndef TESTS_SIM_SIM_CAST_H
#define TESTS_SIM_SIM_CAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/channel.h"
#include "core/conn.h"
#include "core/server.h"
#include "tests/sim/sim_net.h"
#include "tests/sim/sim_report.h"
#include "tests/sim/sim_service.h"
#include "tests/sim/sim_wire.h"
#include "tests/support.h"

enum {
    CORE_CALLS_MIN = 50,
    CORE_CALLS_MAX = 90,
    CORE_CHANNELS = 3,
    CORE_LINKS = 48,
    CORE_SERVERS = 4,
    CORE_PORT = 80,
};

enum core_kind {
    CORE_REPLIES,
    CORE_FAILS,
    CORE_NEVER, // answers only when it is told that the call is over
    CORE_NULL,  // its handler is NULL
    CORE_ABSENT,
    CORE_KINDS,
};

struct core_call {
    struct core *core;
    uint32_t index;
    enum core_kind kind;
    size_t request_size;
    size_t reply_size;
    grpc_code code; // of CORE_FAILS
    bool late;
    bool listens;
    uint32_t delay_ms; // of a late answer
    uint32_t timeout_ms;
    bool waits_for_ready;

    int channel;
    grpc_call *call; // the client's, until it is done
    bool started;
    bool cancelled;
    bool done;
    bool retried;
    uint64_t started_ms;
    uint64_t troubles; // of its channel when it began
    uint64_t refusals; // likewise
    bool began_failed; // its channel could not connect

    grpc_call *answering; // the server's, until it is answered or gone
    struct core_server *server;
    grpc_timer *timer;
    int handled;
    int told;
    bool answered;
};

struct core_server {
    struct core *core;
    grpc_server *server;
    bool stopping;
};

struct core_channel {
    grpc_channel *channel;
    grpc_loop *loop;
    uint64_t troubles; // things done to it that may cost calls
    uint64_t connected;
    bool *stalled; // its loop's
};

struct core_link {
    struct wire_link wire;
    bool used;
    int fds[2];
    struct conn *conns[2]; // NULL when not known, or over
    bool over[2];
    uint64_t read[2];     // bytes that the side has read
    uint64_t moved_us[2]; // when it has read, written, or got something last
    int channel;
    bool doomed; // something was done to it that may cost calls
};

struct core {
    uint64_t random;
    bool thorough;  // look at everything after every step
    bool calm;      // nothing is lost
    bool brutal;    // ends in the midst of calls
    bool hungry;    // allocations fail now and then
    uint32_t storm; // in percent: how many acts are violent
    struct sim_world *world;
    struct test_heap heaps[3];
    grpc_loop *loops[3];    // the server's, the clients'
    uint64_t stalled_ms[3]; // until when
    size_t client_loops;
    struct core_server servers[CORE_SERVERS];
    size_t server;
    uint32_t server_max;
    uint32_t client_max;
    grpc_limits limits[2]; // the clients', the server's
    struct core_channel channels[CORE_CHANNELS];
    size_t channel_count;
    uint64_t refusals;
    struct core_link links[CORE_LINKS];
    struct core_call calls[CORE_CALLS_MAX];
    size_t call_count;
    size_t last; // so many calls are made
    size_t started;
    size_t done;
    bool ending; // nothing more is started or done to it
    bool down;   // nobody listens
    uint64_t steps;
    uint64_t moved_us; // when something was delivered last
};

static inline uint32_t core_random(struct core *core, uint32_t below)
{
    return test_random(&core->random) % below;
}

static inline bool core_chance(struct core *core, uint32_t percent)
{
    return core_random(core, 100) < percent;
}

static inline uint64_t core_now(const struct core *core)
{
    return sim_now_ms(core->world);
}

// ---- Links (sim_links.c) ----------------------------------------------------

// core_watch has the world tell of every byte and step.
void core_watch(struct core *core);
// core_some_link is a connection that is known at both ends, or NULL.
struct core_link *core_some_link(struct core *core);
// core_trouble: something was done to that connection, or to all, that may
// cost calls.
void core_trouble(struct core *core, struct core_link *link);
void core_trouble_all(struct core *core);
// core_note_refusals: connections that are refused or lost are troubles too.
void core_note_refusals(struct core *core);
// core_is_doomed: some connection of that channel has met with trouble and is
// not yet gone.
bool core_is_doomed(const struct core *core, int channel);
// core_check_progress: no bytes lie unread for long at an end that does not move;
// and where nothing is lost, something moves always.
void core_check_progress(const struct core *core);
// core_check_rest: without calls and bytes both ends of a connection agree.
void core_check_rest(const struct core *core);

// ---- Calls (sim_calls.c) ----------------------------------------------------

void core_plan(struct core *core, uint32_t index);
// core_open begins to serve with core->servers[core->server].
void core_open(struct core *core);
void core_free_server(struct core *core, struct core_server *server);
void core_dial(struct core *core, int channel);
void core_hang_up(struct core *core, int channel);
// core_start starts the next call, on some channel.
void core_start(struct core *core);

// ---- Acts (sim_acts.c) ------------------------------------------------------

void core_act(struct core *core);
// core_feed: from now on there is memory.
void core_feed(struct core *core);
// core_react is what a handler or a callback does besides, from within.
void core_react(struct core *core);
// core_rise: a server listens again, if none does.
void core_rise(struct core *core);

#endif
