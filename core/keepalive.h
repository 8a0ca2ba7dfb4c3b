// SPDX-License-Identifier: MIT
// Is the peer still there, and may it ask us so often whether we are? A pure
// part: it is told the time, and says what is to be done.
//
// Whether the peer is there:
//
//             nothing was read for keepalive_ms: PING
//   QUIET ------------------------------------------------> ASKED
//    ^  |                                                   |   |
//    |  +--without calls (a client)--> DORMANT              |   +--nothing for
//    +-----------a call begins-----------+                  |    keepalive_
//    +--------------------something was read----------------+    timeout_ms:
//                                                                the end
//
// It is lazy: a busy connection stores the time of each read and does nothing
// else. When a time has come, it is found out whether it still is the right one.
// What was read in ASKED, and was not the answer, may then be older than
// keepalive_ms: it stays ASKED, as if the PING had been sent when that was over.
//
// What the peer may (gRFC A8, A9): a PING that comes sooner after the one
// before than is allowed is a strike, and the third one ends the connection.
// Strikes are forgotten when the server has sent HEADERS or DATA, and the PING
// that comes then is none: who measures the line sends them along with DATA.

#ifndef CORE_KEEPALIVE_H
#define CORE_KEEPALIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/linkage.h"
#include "core/rules.h"

// Times are the low bits of a loop's, in milliseconds.
struct keepalive {
    uint32_t read_ms; // when something was read last, or taken that had been
                      // stuck; the owner's to write
    uint32_t ping_ms; // when the peer's last PING came, if pinged
    uint8_t strikes;
    bool pinged : 1;
    bool asked : 1;   // ASKED; anything that is read ends it when due
    bool dormant : 1; // DORMANT; neither: QUIET, or there is no keepalive
};

enum keepalive_answer {
    KEEPALIVE_WAIT, // call keepalive_due again when out_due_ms has passed
    KEEPALIVE_ASK,  // the same, and send a PING
    KEEPALIVE_REST, // keepalive_wake comes first: DORMANT
    KEEPALIVE_GONE, // the peer is
};

// keepalive_due is called when due_ms, which it or keepalive_wake has said, has
// come. may_rest: there is no need to ask, for want of calls.
INTERNAL MUST_CHECK enum keepalive_answer keepalive_due(
    struct keepalive *keepalive, const struct conn_rules *rules, bool may_rest,
    uint32_t due_ms, uint32_t now_ms, uint32_t *out_due_ms);

// keepalive_wake begins, ends DORMANT, or ends ASKED since the PING came back. It
// is WAIT or ASK.
INTERNAL MUST_CHECK enum keepalive_answer keepalive_wake(
    struct keepalive *keepalive, const struct conn_rules *rules,
    uint32_t now_ms, uint32_t *out_due_ms);

// keepalive_pinged takes a PING of the peer. spoke: HEADERS or DATA were sent
// since the one before; has_calls: there is an open stream. True: these are too
// many.
INTERNAL MUST_CHECK bool keepalive_pinged(struct keepalive *keepalive,
                                          const struct conn_rules *rules,
                                          bool spoke, bool has_calls,
                                          uint32_t now_ms);

#endif
