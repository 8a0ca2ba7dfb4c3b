// SPDX-License-Identifier: MIT
// The connection's own matters, for the other files of h2: errors, control
// frames and the count of what the peer induces.

#ifndef H2_H2_CONN_H
#define H2_H2_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "h2/h2.h"
#include "h2/h2_limits.h"

// h2_conn_set_state is the one place where conn->state changes.
INTERNAL void h2_conn_set_state(struct h2_conn *conn, enum h2_conn_state state);

// h2_conn_fail closes the connection: the first code and reason are kept and
// told to the peer in a GOAWAY if there is memory for it. reason is static
// text. It is false, for the callers' convenience.
INTERNAL bool h2_conn_fail(struct h2_conn *conn, enum h2_code code,
                           const char *reason);

// h2_conn_no_memory is h2_conn_fail for want of memory.
INTERNAL bool h2_conn_no_memory(struct h2_conn *conn);

// h2_conn_frame puts a frame with a payload of frame->length bytes (at most a
// few hundred) into the output and returns where the payload goes; NULL
// without memory. It counts as induced.
INTERNAL MUST_CHECK uint8_t *h2_conn_frame(struct h2_conn *conn,
                                           const struct h2_frame *frame);

// h2_conn_word is h2_conn_frame with a payload of one number. Without memory
// the connection fails.
INTERNAL void h2_conn_word(struct h2_conn *conn, enum h2_frame_type type,
                           uint32_t stream_id, uint32_t word);

// h2_conn_induced counts the last size bytes of the output as induced.
INTERNAL void h2_conn_induced(struct h2_conn *conn, size_t size);

// h2_conn_earn_idle: a stream was opened, or DATA was sent, so the peer may send
// some more frames of its own accord.
static inline void h2_conn_earn_idle(struct h2_conn *conn)
{
    if (conn->idle_left < H2_LIMIT_IDLE_SAVED) {
        conn->idle_left = (uint16_t)(conn->idle_left + H2_LIMIT_IDLE_FRAMES);
    }
}

// h2_conn_count_idle counts a frame that healthy peers send too, along with
// traffic and in bursts as that is; more of them are glitches.
static inline void h2_conn_count_idle(struct h2_conn *conn)
{
    if (conn->idle_left > 0) {
        conn->idle_left--;
    } else {
        conn->glitches++;
    }
}

// h2_conn_goaway_received takes a GOAWAY: streams above last_id are closed and
// their events made due. False: the connection has failed.
INTERNAL MUST_CHECK bool h2_conn_goaway_received(struct h2_conn *conn,
                                                 uint32_t last_id);

#endif
