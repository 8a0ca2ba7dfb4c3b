// SPDX-License-Identifier: MIT
// What the processes of a run of chaos share: one struct in shared memory. The
// driver writes what it does to whom and when, so that a client can tell
// whether a failure has had a cause; servers and clients write their counts.
//
// Every server has two endpoints: a port of its own, and one of a proxy in the
// driver. Calls are known by a slot and a number, so that it is seen when two
// handlers begin for one call.

#ifndef TESTS_CHAOS_BOARD_H
#define TESTS_CHAOS_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    CHAOS_SERVERS = 5, // the last one is grpc-go, where there is one
    CHAOS_ENDPOINTS = 2 * CHAOS_SERVERS,
    CHAOS_CLIENTS = 4,
    CHAOS_CHANNELS = 25, // of one client
    CHAOS_CHAINS = 4,    // calls at a time of one channel
    CHAOS_CALLS = CHAOS_CHANNELS * CHAOS_CHAINS,
    CHAOS_CODES = 17,
};

// What the driver does to an endpoint.
enum chaos_kind {
    CHAOS_KILL,    // SIGKILL
    CHAOS_DOWN,    // nobody listens
    CHAOS_DRAIN,   // stopped, with enough time for every call
    CHAOS_END,     // stopped, with too little
    CHAOS_CUT,     // connections are reset
    CHAOS_IDLE,    // connections are closed when nothing is sent
    CHAOS_SWALLOW, // what is sent gets lost, one way or both
    CHAOS_PAUSE,   // SIGSTOP
    CHAOS_KINDS,
};

// What is found wrong, by whomever.
enum chaos_wrong {
    CHAOS_WRONG_END,     // a call ends in a way that nothing has caused
    CHAOS_WRONG_LOST,    // a call is lost that was promised
    CHAOS_WRONG_CONTENT, // not the messages or the metadata that were sent
    CHAOS_WRONG_TWICE,   // two ends of a call, or two handlers for one
    CHAOS_WRONG_LATE,    // a call ends too late, or not at all
    CHAOS_WRONG_STILL,   // a channel does not get on, with servers at hand
    CHAOS_WRONG_MEMORY,  // memory is not back where it was
    CHAOS_WRONG_FILES,   // descriptors are not
    CHAOS_WRONG_SERVER,  // a server does not account for its calls
    CHAOS_WRONG_DRAIN,   // a server does not end when it should
    CHAOS_WRONG_PROCESS, // a process dies that was not killed, or is left
    CHAOS_WRONGS,
};

struct chaos_endpoint {
    uint16_t port;
    uint8_t server;
    bool is_proxied;
    // When it was last so, in chaos_now_ms(); UINT64_MAX while it is; 0: never.
    _Atomic uint64_t last_ms[CHAOS_KINDS];
};

struct chaos_server_board {
    uint16_t backend_port; // behind the proxy
    bool is_go;
    bool is_strict; // it allows PINGs in 5 minutes, as by default
    atomic_bool is_ready;
    _Atomic uint32_t grace_ms; // of the next drain; GRPC_NEVER: a plain stop
    _Atomic uint64_t begun;    // handlers
    _Atomic uint64_t answered;
    _Atomic uint64_t told;  // that the call was over
    _Atomic uint64_t late;  // handlers of calls that had ended for the client
    _Atomic uint32_t files; // descriptors, when it had begun to listen
};

struct chaos_client_board {
    atomic_bool is_running; // the warming is over
    _Atomic uint64_t started;
    _Atomic uint64_t ended;
    _Atomic uint64_t codes[CHAOS_CODES];
    _Atomic uint64_t handled;    // handlers begun, as seen at the call's end
    _Atomic uint64_t ready;      // times that a channel became READY
    _Atomic uint64_t lost;       // calls that ended as UNAVAILABLE, sent,
    _Atomic uint64_t unsent;     // or not
    _Atomic uint64_t keepalives; // calls that ended with the word keepalive
    _Atomic uint64_t held;
    _Atomic uint64_t resident;
    _Atomic uint32_t files;
    // The number of the call in that slot, and how many handlers it has had: in
    // the low byte.
    _Atomic uint64_t slots[CHAOS_CALLS];
};

struct chaos_board {
    atomic_bool is_over; // no new calls
    _Atomic uint64_t wrong[CHAOS_WRONGS];
    struct chaos_endpoint endpoints[CHAOS_ENDPOINTS];
    struct chaos_server_board servers[CHAOS_SERVERS];
    struct chaos_client_board clients[CHAOS_CLIENTS];
};

uint64_t chaos_now_ms(void);

// chaos_say_wrong counts it, and prints the first ones.
void chaos_say_wrong(struct chaos_board *board, enum chaos_wrong what,
                     const char *format, ...)
    __attribute__((__format__(__printf__, 3, 4)));

const char *chaos_wrong_name(enum chaos_wrong what);

// chaos_files counts the descriptors of a process. chaos_resident is what this
// one takes, in bytes.
uint32_t chaos_files(int pid);
uint64_t chaos_resident(void);

// chaos_endpoint finds the endpoint with that port; NULL: none.
struct chaos_endpoint *chaos_endpoint_of(struct chaos_board *board,
                                         unsigned port);

// chaos_was: the driver did one of these kinds (bits) to the endpoint within the
// last window_ms.
bool chaos_was(const struct chaos_endpoint *endpoint, unsigned kinds,
               uint64_t window_ms);

// chaos_causes looks for the cause of an UNAVAILABLE with this text. was_sent: the
// call has had a connection. NULL: all of it has a cause; else what has none.
// *is_connect: it is about connecting.
const char *chaos_causes(struct chaos_board *board, const char *text,
                         bool was_sent, bool *is_connect);

// The roles. They return an exit status.
int chaos_serve(struct chaos_board *board, int index);
int chaos_call(struct chaos_board *board, int index, uint64_t seed);

#endif
