// SPDX-License-Identifier: MIT
// How a connection begins: connecting, perhaps through a proxy, until HTTP/2
// does. conn_connect() and conn_start() of conn.h are here too.

#ifndef CORE_CONN_OPEN_H
#define CORE_CONN_OPEN_H

#include "base/linkage.h"
#include "loop/loop_socket.h"

struct conn;

// conn_open_on_source: something has come while the connection was opening.
INTERNAL void conn_open_on_source(struct conn *conn, unsigned ready);

// conn_open_secured: TLS is there, and HTTP/2 begins.
INTERNAL void conn_open_secured(struct conn *conn);

// conn_open_phase is what a client's connection is at before HANDSHAKE, in
// words.
INTERNAL const char *conn_open_phase(const struct conn *conn);

// conn_open_words is what a client's connection that is not READY waits for, and
// of whom, in words.
enum { CONN_OPEN_WORDS = SOCKET_ADDRESS_TEXT + 64 };
INTERNAL void conn_open_words(const struct conn *conn,
                              char text[CONN_OPEN_WORDS]);

#endif
