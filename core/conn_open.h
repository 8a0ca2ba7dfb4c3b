// SPDX-License-Identifier: MIT
// How a connection begins: connecting, perhaps through a proxy, until HTTP/2
// does. conn_connect() and conn_start() of conn.h are here too.

#ifndef CORE_CONN_OPEN_H
#define CORE_CONN_OPEN_H

#include "base/linkage.h"

struct conn;

// conn_open_on_source: something has come while the connection was opening.
INTERNAL void conn_open_on_source(struct conn *conn);

// conn_open_phase is what a client's connection is at before HANDSHAKE, in
// words.
INTERNAL const char *conn_open_phase(const struct conn *conn);

#endif
