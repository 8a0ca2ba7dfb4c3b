// SPDX-License-Identifier: MIT
// What the receive machine hands to: whole frames, and the spill in which they
// are made whole.

#ifndef H2_H2_HANDLE_H
#define H2_H2_HANDLE_H

#include <stdbool.h>

#include "h2/h2.h"

// h2_handle_frame handles conn->frame, which is of a known type other than
// DATA; true when *event was filled. The connection may have failed.
INTERNAL bool h2_handle_frame(struct h2_conn *conn, struct view payload,
                              struct h2_event *event);

// h2_handle_due takes what waits next, one of conn->due or the GOAWAY behind
// them; true when *event was filled.
INTERNAL bool h2_handle_due(struct h2_conn *conn, struct h2_event *event);

// h2_handle_stream_error resets the stream for what the peer did, and fills in
// the event; it is true.
INTERNAL bool h2_handle_stream_error(struct h2_stream *stream,
                                     enum h2_code code, const char *reason,
                                     struct h2_event *event);

// h2_handle_spill appends to conn->spill. It grows with what has come, not
// with what a head promised. False: the connection has failed.
INTERNAL MUST_CHECK bool h2_handle_spill(struct h2_conn *conn,
                                         struct view bytes);
INTERNAL void h2_handle_drop_spill(struct h2_conn *conn);

#endif
