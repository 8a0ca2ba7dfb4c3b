// SPDX-License-Identifier: MIT
// A round:
//
//   REST --WINDOW_UPDATE and PING--> PINGED --its acknowledgement--> ACKED
//    ^                                 ^                               |
//    |  (updates are skipped)          |   a WINDOW_UPDATE for DATA    |
//    +---------------------------------+--- that came later <----------+
//
// The rate is what came between two window updates, so that it is right also
// when the peer sends a window at once and then waits; the bytes between a
// PING and its acknowledgement would be half of that. Times the least round
// trip seen it is the product. Updates come for each quarter of a window, so
// one that the peer waits for carries between three quarters of it and all in
// each round trip, less while its last quarter is on the line; one of twice the
// product carries half, and nobody waits. So a window grows to twice the
// product, which is almost twice itself while the peer waits.
//
// The least round trip, because one that was measured behind what the peer has
// queued grows with the window, and the window would grow with it without end.
// The rate has its bound in the link, so the product has, too.
//
// A server of grpc-go allows no PING without DATA of its own since the last one
// came to it: what is behind the acknowledgement of the last is such DATA.
//
// Invariants (h2_bdp_update, h2_bdp_ack):
//   1. one PING of the round is on its way in PINGED, none in the other states.
//      Of a round that was dropped another may be; its time is not waited for.
//   2. window never shrinks, and grows to most at most.
//   3. nothing is sent while window cannot grow.

#include "h2/h2_bdp.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"

enum {
    // Growth by less than this part of a window is noise.
    H2BDP_LITTLE = 8,
    // So many rounds change nothing before updates are skipped: the first
    // after a change saw some of the time before it.
    H2BDP_STEADY = 2,
    // From then on 1, 2, 4... updates are skipped, up to so many: what has
    // become faster meanwhile is found within as many windows.
    H2BDP_SKIP_DOUBLINGS = 5,
};

// A payload is a name and the time when it was sent, cut to what is left: so
// that the acknowledgement of another round's is none of this one.
static const uint8_t h2bdp_name[] = {'b', 'd', 'p'};

enum { H2BDP_NAME = sizeof h2bdp_name };

static void h2bdp_write(uint8_t payload[H2_BDP_PAYLOAD], uint64_t us)
{
    memcpy(payload, h2bdp_name, H2BDP_NAME);
    for (size_t i = H2BDP_NAME; i < H2_BDP_PAYLOAD; i++) {
        payload[i] = (uint8_t)(us & 0xff);
        us >>= 8;
    }
}

void h2_bdp_init(struct h2_bdp *bdp, uint32_t window)
{
    *bdp = (struct h2_bdp){.window = window, .rtt = UINT16_MAX};
}

// h2bdp_since is the time since the round began: 1 where the clock shows none.
static uint32_t h2bdp_since(const struct h2_bdp_round *round, uint64_t now_us)
{
    uint64_t us = now_us > round->began_us ? now_us - round->began_us : 1;
    return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

// h2bdp_product is the bandwidth-delay product, in bytes, when so many came in
// that time.
static uint64_t h2bdp_product(const struct h2_bdp *bdp, uint32_t bytes,
                              uint32_t took_us)
{
    uint32_t rtt_us = (uint32_t)bdp->rtt * H2_BDP_RTT_US;
    // A round takes a round trip, whatever a clock that goes back says.
    uint32_t least_us = rtt_us > took_us ? rtt_us : took_us;
    return (uint64_t)bytes * rtt_us / least_us;
}

// h2bdp_keep: the round has shown that the window is enough.
static void h2bdp_keep(struct h2_bdp *bdp)
{
    if (bdp->steady < H2BDP_STEADY + H2BDP_SKIP_DOUBLINGS) {
        bdp->steady++;
    }
}

// h2bdp_pause is how many updates are skipped before the next round.
static uint8_t h2bdp_pause(const struct h2_bdp *bdp)
{
    if (bdp->steady < H2BDP_STEADY) {
        return 0;
    }
    return (uint8_t)(1u << (bdp->steady - H2BDP_STEADY));
}

// h2bdp_learn takes what a round has measured.
static void h2bdp_learn(struct h2_bdp *bdp, uint32_t most, uint64_t product)
{
    uint64_t wanted = 2 * product;
    uint32_t before = bdp->window;
    if (wanted > before) {
        bdp->window = wanted < most ? (uint32_t)wanted : most;
        bdp->grown = true;
    }
    if (bdp->window - before > before / H2BDP_LITTLE) {
        bdp->steady = 0;
    } else {
        h2bdp_keep(bdp);
    }
}

bool h2_bdp_update(struct h2_bdp *bdp, struct h2_bdp_round *round,
                   uint32_t most, uint32_t received, uint64_t now_us)
{
    if (bdp->window >= most) {
        return false;
    }
    if (round->state == H2_BDP_ACKED && received != round->acked_at) {
        round->state = H2_BDP_REST;
        h2bdp_learn(bdp, most,
                    h2bdp_product(bdp, received - round->began_at,
                                  h2bdp_since(round, now_us)));
        round->skip = h2bdp_pause(bdp);
    }
    if (round->state != H2_BDP_REST || bdp->window >= most) {
        return false;
    }
    if (round->skip > 0) {
        round->skip--;
        return false;
    }
    return true;
}

void h2_bdp_begin(struct h2_bdp_round *round, uint32_t received,
                  uint64_t now_us, uint8_t payload[H2_BDP_PAYLOAD])
{
    ASSERT(round->state == H2_BDP_REST);
    *round = (struct h2_bdp_round){
        .began_us = now_us,
        .began_at = received,
        .state = H2_BDP_PINGED,
    };
    h2bdp_write(payload, now_us);
}

bool h2_bdp_is_ours(const uint8_t *payload)
{
    return memcmp(payload, h2bdp_name, H2BDP_NAME) == 0;
}

bool h2_bdp_ack(struct h2_bdp *bdp, struct h2_bdp_round *round,
                const uint8_t *payload, uint32_t received, uint64_t now_us)
{
    uint8_t sent[H2_BDP_PAYLOAD];
    h2bdp_write(sent, round->began_us);
    if (round->state != H2_BDP_PINGED ||
        memcmp(payload, sent, sizeof sent) != 0) {
        return false;
    }
    uint32_t rtt = (h2bdp_since(round, now_us) - 1) / H2_BDP_RTT_US + 1;
    bdp->rtt = rtt < bdp->rtt ? (uint16_t)rtt : bdp->rtt;
    round->state = H2_BDP_ACKED;
    round->acked_at = received;
    return true;
}
