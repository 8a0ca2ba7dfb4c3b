// SPDX-License-Identifier: MIT
// Flow control (RFC 9113 sections 5.2 and 6.9), both ways.

#ifndef H2_H2_FLOW_H
#define H2_H2_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "h2/h2.h"

// Windows of a stream; they may be negative.
static inline int64_t h2_flow_send_window(const struct h2_stream *stream)
{
    return (int64_t)stream->conn->peer.initial_window_size + stream->send_delta;
}

static inline int64_t h2_flow_receive_window(const struct h2_stream *stream)
{
    return (int64_t)stream->conn->local.initial_window_size +
           stream->receive_delta;
}

// h2_flow_init prepares the growth of windows, with the initial window of a
// stream.
INTERNAL void h2_flow_init(struct h2_conn *conn, uint32_t initial);

// h2_flow_growth is by how much all windows together have grown, and
// h2_flow_growth_max by how much they may.
INTERNAL uint32_t h2_flow_growth(const struct h2_conn *conn);
INTERNAL uint32_t h2_flow_growth_max(const struct h2_conn *conn);

// h2_flow_measured takes the acknowledgement of a PING; false when that PING
// was none of flow control.
INTERNAL bool h2_flow_measured(struct h2_conn *conn, const uint8_t *payload);

// h2_flow_begin announces the connection's whole window, with the preface.
INTERNAL void h2_flow_begin(struct h2_conn *conn);

// h2_flow_received counts n bytes of DATA payload that the owner gets to see.
INTERNAL void h2_flow_received(struct h2_conn *conn, struct h2_stream *stream,
                               uint32_t n);

// h2_flow_dropped counts n bytes that nobody gets to see: padding, or DATA of
// a stream that is gone (stream is NULL). They are credited at once.
INTERNAL void h2_flow_dropped(struct h2_conn *conn, struct h2_stream *stream,
                              uint32_t n);

// h2_flow_announce sends the WINDOW_UPDATE frames that are worth sending, for
// the connection and, unless NULL, for the stream.
INTERNAL void h2_flow_announce(struct h2_conn *conn, struct h2_stream *stream);

// h2_flow_announce_all does it for every stream: what was not worth sending is
// all that there is when our initial window has shrunk.
INTERNAL void h2_flow_announce_all(struct h2_conn *conn);

// h2_flow_forget gives the unread bytes of a stream back to the connection.
INTERNAL void h2_flow_forget(struct h2_conn *conn, struct h2_stream *stream);

// h2_flow_grow_connection and _grow_stream take a WINDOW_UPDATE; false when
// the window would pass 2^31-1, and then it is as it was.
INTERNAL MUST_CHECK bool h2_flow_grow_connection(struct h2_conn *conn,
                                                 uint32_t increment);
INTERNAL MUST_CHECK bool h2_flow_grow_stream(struct h2_stream *stream,
                                             uint32_t increment);

// h2_flow_own_initial_fits: no stream's receive window passes 2^31-1 with that
// SETTINGS_INITIAL_WINDOW_SIZE of ours.
INTERNAL bool h2_flow_own_initial_fits(const struct h2_conn *conn,
                                       uint32_t initial);

// h2_flow_initial_fits: no stream's send window passes 2^31-1 with that
// SETTINGS_INITIAL_WINDOW_SIZE.
INTERNAL bool h2_flow_initial_fits(struct h2_conn *conn, uint32_t initial);

#endif
