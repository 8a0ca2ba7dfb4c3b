// SPDX-License-Identifier: MIT
// A socket and an HTTP/2 engine on it: what the two programs beside this file
// have in common. They have no gRPC above and no loop beneath, only poll().

#ifndef TESTS_H2SPEC_WIRE_H
#define TESTS_H2SPEC_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "h2/h2.h"

struct wire;

// wire_handler is given every event of the engine but NONE and CLOSED.
typedef void wire_handler(struct wire *wire, const struct h2_event *event);

enum wire_state {
    WIRE_OPEN,
    WIRE_LINGERING, // the engine is closed: its last output is sent, and input
                    // is dropped until the peer closes or time is up
    WIRE_OVER,      // nothing is left to be done
};

struct wire {
    struct h2_conn h2;
    wire_handler *handler;
    enum wire_state state;
    int fd;
    const char *reason;  // why it is not open any more
    int64_t linger_ms;   // how long the peer may take to read and close
    int64_t linger_ends; // in milliseconds of wire_now
    struct view rest;    // of input, not yet taken by the engine
    uint8_t input[16384];
};

// wire_now: milliseconds of a clock that never jumps.
int64_t wire_now(void);

// wire_start begins on fd, which is non-blocking and becomes the wire's. handler
// and linger_ms are set before. False without memory.
MUST_CHECK bool wire_start(struct wire *wire, int fd, struct h2_shared *shared,
                           const struct h2_options *options);

// wire_interest is what to poll the socket for.
short wire_interest(const struct wire *wire);

// wire_turn reads, handles events and writes, as far as it goes without
// waiting. ready is what poll() found.
void wire_turn(struct wire *wire, short ready);

// wire_check_time ends a wire that has lingered for long enough.
void wire_check_time(struct wire *wire, int64_t now);

// wire_stop closes the socket and frees the engine.
void wire_stop(struct wire *wire);

#endif
