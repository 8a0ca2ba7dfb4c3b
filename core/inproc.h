// SPDX-License-Identifier: MIT
// A channel and a server of one loop without a socket between them. Each has an
// ordinary connection, with an HTTP/2 engine, limits and times like any other;
// its peer's address is "inproc", and behind that stands its partner, the
// connection at the other end.
//
//   channel -> conn -> engine -> output --loop->input--> engine -> conn -> server
//
// Bytes wait nowhere but in the output of the end that has sent them. When that
// is flushed it has its partner read, which copies a part of the output into the
// loop's input and deals with it as with what a socket gives. A partner that may
// not read now (it holds input back, or slows the peer down) is left alone, and
// wakes the other end when it goes on.
//
// Invariants (inproc_check):
//   1. Two ends name each other, or an end that is left alone has no partner.
//   2. An end that has output its partner would take, or that has yet to notice
//      that there will be no more input, is in loop->dirty: no loop sleeps on it.
//   3. An end never runs the other but from its own conn_flush or timer; what
//      closes only tells the other end to have a look.

#ifndef CORE_INPROC_H
#define CORE_INPROC_H

#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"

struct conn;
struct grpc_channel;
struct grpc_server;

// inproc_dial is the channel_dial of such a channel: the server has one more
// connection.
INTERNAL int inproc_dial(struct grpc_channel *channel, struct conn *conn,
                         uint32_t timeout_ms);

// inproc_leave: the server takes no more connections; its channels know it.
INTERNAL void inproc_leave(struct grpc_server *server);

// For conn_wire.c: what it asks of a port for a socket. inproc_read is EAGAIN, or 0
// with what was copied into loop->input; no bytes are the end, for which
// inproc_end_reason has the words.
INTERNAL int inproc_read(struct conn *conn, size_t *out_size);
INTERNAL const char *inproc_end_reason(const struct conn *conn);

// inproc_write has the partner read, and the end of the input be noticed.
INTERNAL void inproc_write(struct conn *conn);

// inproc_watch: the connection has been flushed, and perhaps reads again.
INTERNAL void inproc_watch(struct conn *conn);

// inproc_close_write: nothing more is written. inproc_close: nor read.
INTERNAL void inproc_close_write(struct conn *conn);
INTERNAL void inproc_close(struct conn *conn);

INTERNAL void inproc_check(const struct conn *conn);

#endif
