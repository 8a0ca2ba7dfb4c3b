// SPDX-License-Identifier: MIT
// How large a receive window has to be: from the bandwidth-delay product, which
// is measured with PINGs. A pure part: it is told the time and how many bytes
// of DATA have come, and says how far windows may grow and when to measure.

#ifndef H2_H2_BDP_H
#define H2_H2_BDP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/linkage.h"

// A round trip is kept in units that make it small in a connection at rest; one
// above a second counts as a second.
enum { H2_BDP_PAYLOAD = 8, H2_BDP_RTT_US = 16 };

enum h2_bdp_state {
    H2_BDP_REST,
    H2_BDP_PINGED, // a PING is on its way
    H2_BDP_ACKED,  // it came back
};

// What is known of a connection.
struct h2_bdp {
    uint32_t window; // what is enough, as far as known; never shrinks
    uint16_t rtt;    // least round trip, in H2_BDP_RTT_US; UINT16_MAX: none
    uint8_t steady;  // rounds one after the other that changed nothing
    bool grown;      // window is more than at first
};

// A measurement, with the streams that it is made for.
struct h2_bdp_round {
    uint64_t began_us; // when its PING was sent
    uint32_t began_at; // bytes received until then; wraps
    uint32_t acked_at; // and until it came back
    uint8_t state;     // enum h2_bdp_state
    uint8_t skip;      // window updates left before the next round
};

// h2_bdp_init begins with windows of that size.
INTERNAL void h2_bdp_init(struct h2_bdp *bdp, uint32_t window);

// h2_bdp_update comes before a WINDOW_UPDATE for what was consumed of a bulk
// transfer. received is the number of bytes of DATA of the connection until
// now, and wraps. It may end the round, and raise bdp->window up to most. True:
// a round may begin; never while the window is at or above most.
INTERNAL bool h2_bdp_update(struct h2_bdp *bdp, struct h2_bdp_round *round,
                            uint32_t most, uint32_t received, uint64_t now_us);

// h2_bdp_estimate is what a window should be; 0 while nothing asks for more.
static inline uint32_t h2_bdp_estimate(const struct h2_bdp *bdp)
{
    return bdp->grown ? bdp->window : 0;
}

// h2_bdp_begin begins a round. A PING with that payload is sent behind the
// WINDOW_UPDATE.
INTERNAL void h2_bdp_begin(struct h2_bdp_round *round, uint32_t received,
                           uint64_t now_us, uint8_t payload[H2_BDP_PAYLOAD]);

// h2_bdp_is_ours: the payload is one of h2_bdp_begin, which no other PING of
// ours may have.
INTERNAL bool h2_bdp_is_ours(const uint8_t *payload);

// h2_bdp_ack takes the acknowledgement of a PING of ours; false when it is not
// the one that is waited for.
INTERNAL bool h2_bdp_ack(struct h2_bdp *bdp, struct h2_bdp_round *round,
                         const uint8_t *payload, uint32_t received,
                         uint64_t now_us);

#endif
