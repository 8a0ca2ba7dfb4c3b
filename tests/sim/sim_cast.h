// SPDX-License-Identifier: MIT
// The simulation of calls through the public API: its cast, and what the files
// of it share.
//
//   sim_core.c   a run: from the seed to the last free
//   sim_calls.c  what handlers and callers do, and what they may be told
//   sim_talk.c   the messages of streams, on either side
//   sim_meta.c   metadata: what is sent, and what has to arrive
//   sim_pass.c   interceptors of both sides
//   sim_acts.c   what is done to them, by weight
//   sim_links.c  the oracle of the wire on each connection
//   sim_safe.c   TLS: credentials, and what befalls connections that have it

#ifndef TESTS_SIM_SIM_CAST_H
#define TESTS_SIM_SIM_CAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/channel.h"
#include "core/conn.h"
#include "core/limits.h"
#include "core/server.h"
#include "tests/sim/sim_net.h"
#include "tests/sim/sim_report.h"
#include "tests/sim/sim_service.h"
#include "tests/sim/sim_tls.h"
#include "tests/sim/sim_wire.h"
#include "tests/support.h"

enum {
    CORE_CALLS_MIN = 50,
    CORE_CALLS_MAX = 90,
    CORE_CHANNELS = 4,
    CORE_SIDES = 2,
    CORE_CLIENT = 0,
    CORE_SERVER = 1,
    CORE_PASSES = 3,   // interceptors of one side, at most
    CORE_CHILDREN = 2, // of one call
    CORE_LOANS = 4096, // of one run
    CORE_LINKS = 48,
    CORE_SERVERS = 6,
    CORE_MUTES = 64, // connections to CORE_PORT_MUTE, at a time
    // The addresses that there are, and what is there.
    CORE_PORT = 80,
    CORE_PORT_OTHER, // the same server
    CORE_PORT_DEAD,  // refuses
    CORE_PORT_DARK,  // does not answer
    CORE_PORT_MUTE,  // accepts, and says nothing
    CORE_PORT_END,
};

enum core_kind {
    CORE_REPLIES,
    CORE_FAILS,
    CORE_NEVER, // answers only when it is told that the call is over
    CORE_NULL,  // its handler is NULL
    CORE_ABSENT,
    CORE_KINDS,
};

enum core_shape {
    CORE_UNARY,
    CORE_MANY,    // replies are streamed
    CORE_COLLECT, // requests are
    CORE_TALK,    // both
    CORE_RAW,     // both, without a codec
    CORE_UNKNOWN, // likewise, of a method that only the catch-all serves
    CORE_SHAPES,
};

// One side's part in a call: what it has sent of its messages, and got of the
// other's.
struct core_half {
    // The plan.
    uint32_t to_send;
    uint32_t burst;    // messages before it takes a rest; 0: all
    uint32_t delay_ms; // how long that is
    uint32_t pauses;   // in percent of the messages that come
    uint32_t lends;    // in percent of the messages that are sent
    bool large;        // some of its messages are
    bool follows;      // each message is sent for one that has come
    bool lingers;      // does not say at once that it has sent all
    bool squeezes;     // its messages are compressed

    grpc_call *call; // NULL: not begun, or dead
    uint32_t sent;
    uint32_t sent_bytes;
    bool has_lent; // some of them
    uint32_t received;
    uint32_t in_burst;
    bool closed;    // it has sent all, and said so
    bool heard_end; // a server: there are no more requests
    bool waits;     // GRPC_AGAIN: writable has to come
    bool paused;
    bool headers; // a client: response headers have come
    bool in_loan; // its call to send is on the stack
    grpc_timer *send_timer;
    grpc_timer *pause_timer;
};

// One side's interceptors, for one call.
struct core_pass {
    grpc_call *call; // while it is held
    grpc_timer *timer;
    const struct core_server *server; // where it is held
    int starts[CORE_PASSES + 1];      // the last stays 0
    int ends[CORE_PASSES + 1];
    grpc_code code; // the outcome that they were told
    bool struck;    // it was ended by one
    bool placed;    // one has replied in the place of others
};

struct core_call {
    struct core *core;
    uint32_t index;
    enum core_kind kind;
    enum core_shape shape;
    struct core_half halves[CORE_SIDES];
    struct core_pass passes[CORE_SIDES];
    uint32_t salt; // of its metadata and the sizes of its messages
    bool early;    // its server does not wait for the end of the requests
    bool nests;    // its handler makes calls of its own
    bool added[2]; // the server's headers, trailers: all were taken
    struct core_call *parent;
    struct core_call *children[CORE_CHILDREN];
    bool finishing;  // its answer waits for a timer
    uint32_t ask_ms; // its handler asks for messages so late
    size_t request_size;
    size_t reply_size;
    grpc_code code; // of CORE_FAILS
    bool late;
    bool listens;
    uint32_t delay_ms; // of a late answer
    uint32_t timeout_ms;
    bool is_due; // less than a millisecond was left when it began
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
    uint64_t due_ms; // when its grace is over; UINT64_MAX: never
};

struct core_channel {
    grpc_channel *channel;
    grpc_loop *loop;
    uint64_t troubles; // things done to it that may cost calls
    uint64_t connected;
    bool *stalled; // its loop's
};

// How long connections live, in milliseconds; GRPC_NEVER and 0 as in options.
struct core_times {
    uint32_t keepalive_ms[CORE_SIDES];
    uint32_t timeout_ms[CORE_SIDES]; // of a PING
    bool without_calls;              // the clients ask then, too
    bool is_lenient;                 // they may as often as they like
    bool is_strict;                  // they may not, and do
    bool is_hasty; // connections may be closed though nothing was done to them
    uint32_t max_idle_ms;
    uint32_t max_age_ms;
    uint32_t grace_ms;
    uint32_t channel_idle_ms;
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
    bool has_flooded;
    bool swallows[2]; // nothing comes to that side any more
    // From when on that side's keepalive counts: it has heard something, what was
    // stuck was taken, or it has got a call; and for how long its process was not run since.
    uint64_t heard_us[2];
    uint64_t stalled_us[2];
    uint32_t pings;  // that its client has sent as an act
    bool is_spoiled; // bytes of it were changed on their way
};

struct core {
    uint64_t random;
    bool thorough;  // look at everything after every step
    bool calm;      // nothing is lost
    bool brutal;    // ends in the midst of calls
    bool hungry;    // allocations fail now and then
    uint32_t storm; // in percent: how many acts are violent
    struct sim_world *world;
    bool is_safe;   // there is TLS,
    bool is_real;   // and it is mbedTLS
    bool is_narrow; // of handshakes there is one at a time
    struct sim_tls tls;
    grpc_credentials *credentials[CORE_SIDES];
    struct test_heap safe_heap; // theirs
    uint32_t reloads;
    struct test_heap heaps[3];
    grpc_loop *loops[3];    // the server's, the clients'
    uint64_t stalled_ms[3]; // until when
    size_t client_loops;
    int inner;    // the channel on the server's loop; -1: none
    bool catches; // the server serves every method
    uint32_t pass_count[CORE_SIDES];
    bool squeezes;  // there is gzip
    bool scrambles; // interceptors change every message
    struct core_loan *loans[CORE_LOANS];
    size_t loan_count;
    size_t loans_out;
    struct core_server servers[CORE_SERVERS];
    size_t server;
    uint32_t server_max;
    uint32_t client_max;
    grpc_limits limits[2]; // the clients', the server's
    struct core_times times;
    int mutes[CORE_MUTES]; // descriptors; 0: none
    struct core_channel channels[CORE_CHANNELS];
    size_t channel_count;
    uint64_t refusals;
    struct core_link links[CORE_LINKS];
    size_t links_used; // none behind has ever been
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
// core_some_opening is one whose handshake of TLS goes on.
struct core_link *core_some_link(struct core *core);
struct core_link *core_some_opening(struct core *core);
// core_tap is told of the plain text of connections with TLS.
struct sim_tls_tap core_tap(struct core *core);
// core_trouble: something was done to that connection, or to all, that may
// cost calls.
void core_trouble(struct core *core, struct core_link *link);
void core_trouble_all(struct core *core);
// core_swallow: nothing comes to that side of the connection any more.
void core_swallow(struct core *core, struct core_link *link, int side);
// core_note_stall: that loop's process is not run for so long.
void core_note_stall(struct core *core, size_t loop, uint64_t us);
// core_hear_mute and core_sweep_mutes: a connection to where nobody speaks
// begins; those that are over are given back.
void core_hear_mute(void *core, int fd);
void core_sweep_mutes(struct core *core);
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
// core_unlisten: nobody is there any more.
void core_unlisten(struct core *core);
// core_check_graces: no server is there for longer than it was given.
void core_check_graces(const struct core *core);
void core_dial(struct core *core, int channel);
void core_hang_up(struct core *core, int channel);
// core_start starts the next call, on some channel.
void core_start(struct core *core);
// core_begin is what a handler does first, and core_answer what it does last.
// core_finish answers when it is time to.
struct core_call *core_call_of(struct core *core, grpc_call *call);
void core_begin(struct core_call *call, grpc_call *answering,
                struct core_server *server);
void core_answer(struct core_call *call);
void core_answer_late(void *call);
// core_listen has a handler told when its call is over.
void core_listen(struct core_call *call);
// core_done is a client's callback for the end.
void core_done(grpc_call *handle, const grpc_status *status,
               const struct sim_message *reply, void *self);
void core_check_headers(struct core_call *call, grpc_call *handle);
void core_finish(struct core_call *call);

// ---- Streams (sim_talk.c) ---------------------------------------------------

void talk_plan(struct core_call *call);
// talk_start begins the client's part; NULL when it could not.
grpc_call *talk_start(struct core_call *call, grpc_channel *channel,
                      const grpc_call_options *options);
// talk_serve has a server serve methods whose messages are streamed.
void talk_serve(struct core_server *server, struct sim_handlers *handlers);
// talk_streams: the side may send many messages.
bool talk_streams(const struct core_call *call, int side);
// talk_size is the size of a side's n-th message, talk_payload what is in it.
size_t talk_size(const struct core_call *call, int side, uint32_t n);
grpc_str talk_payload(const struct core_call *call, int side, uint32_t n);
// talk_over: the side's call is dead, or will be.
void talk_over(struct core_call *call, int side);
// talk_check_end: the client is told how the call has ended.
void talk_check_end(const struct core_call *call, grpc_code code);
// talk_check_loans: everything that was lent has been given back.
void talk_check_loans(struct core *core);

// ---- Metadata (sim_meta.c) --------------------------------------------------

enum meta_place { META_REQUEST, META_HEADERS, META_TRAILERS };
enum { META_MOST = 16, META_TEXT = 16 };

// meta_make is what is sent there.
struct meta_list {
    grpc_header data[META_MOST];
    size_t count;
    char index[META_TEXT];
};
void meta_make(const struct core_call *call, enum meta_place place,
               struct meta_list *list);
// meta_add adds a server's headers or trailers.
void meta_add(struct core_call *call, enum meta_place place);
// meta_check: that, and nothing else, has come.
void meta_check(const struct core_call *call, enum meta_place place,
                grpc_metadata got);
// meta_is_none: nothing of it has come.
bool meta_is_none(grpc_metadata got);
// meta_index is the number in the request's metadata.
uint32_t meta_index(grpc_call *call);

// ---- Interceptors (sim_pass.c) ----------------------------------------------

void pass_choose(struct core *core);
grpc_interceptors pass_list(struct core *core, int side);
// pass_forget: the side's call is dead.
void pass_forget(struct core_call *call, int side);
// pass_check_end: the client is told how the call has ended.
void pass_check_end(const struct core_call *call, grpc_code code);
// pass_check_rest: every start has had its end.
void pass_check_rest(const struct core *core);

// ---- TLS (sim_safe.c) ------------------------------------------------------

// safe_choose decides whether the run has TLS; real: it has mbedTLS.
void safe_choose(struct core *core, bool real);
// safe_credentials are a side's, to give away; NULL: there is no TLS.
grpc_credentials *safe_credentials(const struct core *core, int side);
// safe_look counts what is to be seen of a server.
void safe_look(const struct core *core, const grpc_server *server);
// safe_check_identity: a handler is told that its client has TLS.
void safe_check_identity(const struct core_call *call, grpc_call *handle);
// Acts.
void safe_reload(struct core *core);
void safe_spoil(struct core *core);
void safe_disturb(struct core *core); // a handshake
// safe_end: all of it has been given back.
void safe_end(struct core *core);

// ---- Acts (sim_acts.c) ------------------------------------------------------

void core_act(struct core *core);
// core_feed: from now on there is memory.
void core_feed(struct core *core);
// core_react is what a handler or a callback does besides, from within.
void core_react(struct core *core);
// core_rise: a server listens again, if none does.
void core_rise(struct core *core);

#endif
