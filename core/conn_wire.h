// SPDX-License-Identifier: MIT
// Where a connection's bytes come from and go to: a socket of the loop's port,
// perhaps through TLS (conn_secure.h), or the other end of one that is
// in_process (inproc.h).

#ifndef CORE_CONN_WIRE_H
#define CORE_CONN_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"

struct conn;

enum { CONN_REASON_TEXT = 320 }; // an address, a phase, an errno in words

// conn_wire_read fills the loop's input: an errno, or 0; no bytes are the end,
// for which conn_wire_end_reason has the words (until the connection is closed).
// ECANCELED: it has closed the connection.
INTERNAL MUST_CHECK int conn_wire_read(struct conn *conn, size_t *out_size);
INTERNAL const char *conn_wire_end_reason(const struct conn *conn);

// conn_wire_write sends until all is sent or no more is taken; false when the
// connection is closed. When that fails, it goes on reading: see conn.h.
INTERNAL MUST_CHECK bool conn_wire_write(struct conn *conn);

// conn_wire_has_output: something waits to be written.
INTERNAL bool conn_wire_has_output(const struct conn *conn);

// conn_wire_stop: nothing can be written any more. What the peer has sent before
// is still to be read: it may have said why, or answered. What is sent from now
// on is dropped, and no call begins. False: the connection is closed.
INTERNAL bool conn_wire_stop(struct conn *conn, int error);

// conn_wire_count counts bytes that were written.
INTERNAL void conn_wire_count(struct conn *conn, size_t size);

// conn_wire_watch has the connection be told of LOOP_READABLE and LOOP_WRITABLE.
INTERNAL void conn_wire_watch(struct conn *conn, unsigned events);

// conn_wire_give_up_after has the system give up a peer that acknowledges nothing
// for so long, where it can.
INTERNAL void conn_wire_give_up_after(struct conn *conn, uint32_t timeout_ms);

// conn_wire_close_write tells the peer that nothing more is written.
INTERNAL void conn_wire_close_write(struct conn *conn);
INTERNAL void conn_wire_close(struct conn *conn);

// conn_wire_say puts an errno in words: what failed, with whom, why. EPROTO is
// TLS's, whose reason it is.
// conn_wire_fail closes the connection for it.
INTERNAL void conn_wire_say(const struct conn *conn, const char *phase,
                            int error, char reason[CONN_REASON_TEXT]);
INTERNAL void conn_wire_fail(struct conn *conn, const char *phase, int error);

#endif
