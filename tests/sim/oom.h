// SPDX-License-Identifier: MIT
// The sweep of allocations: what its files share.
//
//   oom.c            a run, from the first allocation to the last free; the sweep
//   oom_streams.c    what calls do: handlers, messages, interceptors, callers
//   oom_scenarios.c  what is called and done, and the table of that
//   oom_safe.c       TLS: credentials
//   oom_vendor.c     and mbedTLS, whose memory is the process's

#ifndef TESTS_SIM_OOM_H
#define TESTS_SIM_OOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc.h"
#include "tests/sim/oom_vendor.h"
#include "tests/sim/sim_net.h"
#include "tests/support.h"
#include "tests/toy_tls.h"

enum {
    OOM_CALLS = 48,
    OOM_PORT = 80,
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
    bool in_process;
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
    struct toy toys[2];
    struct oom_vendor vendors[2];
    grpc_credentials *credentials[2];
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

// Whatever is called.
enum {
    OOM_IN_PROCESS = 32, // both sides are the server's loop, in memory
    OOM_SAFE = 64,       // with TLS
    OOM_VENDOR = 128,    // by mbedTLS, whose allocations are those that fail
    OOM_MUTUAL = 256,    // clients have certificates
    OOM_STRANGER = 512,  // which the server does not trust
    OOM_IMPOSTOR = 1024, // the client does not trust the server's
};

// The peer is one to be refused.
#define OOM_REFUSED (OOM_STRANGER | OOM_IMPOSTOR)

#define OOM_BIT(code) (UINT32_C(1) << (code))

// ---- What calls do (oom_streams.c) ------------------------------------------

// oom_interceptors is a list that is copied at once.
grpc_interceptors oom_interceptors(struct oom *oom);
// oom_serve is a server that listens; NULL without memory.
grpc_server *oom_serve(struct oom *oom);
// oom_answer ends a call as its scenario says.
void oom_answer(struct oom_call *call);

// oom_may_end: the call's scenario, or want of memory, may end it so.
bool oom_may_end(const struct oom_call *call, grpc_code code);
struct oom_call *oom_start(struct oom *oom, const grpc_call_options *options);
// oom_start_stream: a call that cancels does so when its first messages are on
// the way.
void oom_start_stream(struct oom *oom, bool cancels);
// oom_read_all sends all messages of a call that is waited for, and reads all.
void oom_read_all(struct oom_call *call, grpc_call *handle);
// oom_wait: every call ends, and in time.
void oom_wait(struct oom *oom);
void oom_wait_for(struct oom *oom, uint64_t patience_ms);

// ---- TLS (oom_safe.c) -------------------------------------------------------

// oom_safe_begin makes the credentials of both sides; false: one has a fault.
bool oom_safe_begin(struct oom *oom);
// oom_safe_credentials are a side's, to give away; NULL: there is no TLS.
grpc_credentials *oom_safe_credentials(const struct oom *oom, int side);
// oom_safe_reload reads the files again, or more of them.
void oom_safe_reload(struct oom *oom, int side, bool more);
void oom_safe_check_identity(struct oom *oom, grpc_call *call);
void oom_safe_end(struct oom *oom);

// ---- Scenarios (oom_scenarios.c) --------------------------------------------

// oom_scenario is NULL behind the last.
const struct oom_scenario *oom_scenario(size_t index);

#endif
