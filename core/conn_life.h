// SPDX-License-Identifier: MIT
// How long a connection lives: whether its peer is still there (keepalive.h),
// and when a server leaves it. conn.c calls these; see the diagrams there.

#ifndef CORE_CONN_LIFE_H
#define CORE_CONN_LIFE_H

#include "base/linkage.h"
#include "core/conn.h"
#include "h2/h2.h"

// conn_life_begin: the peer's SETTINGS are there, and its times begin.
INTERNAL void conn_life_begin(struct conn *conn);

// conn_drain_now: what was to be drained in its handshake of TLS has it behind it.
INTERNAL void conn_drain_now(struct conn *conn);

// conn_life_on_ping: a client has asked whether we are there, and is answered.
INTERNAL void conn_life_on_ping(struct conn *conn);

// conn_life_on_ping_ack: a PING of ours has come back.
INTERNAL void conn_life_on_ping_ack(struct conn *conn,
                                    const struct h2_event *event);

// What was waited for has come: CONN_DUE_ASK, when all that has arrived is read,
// CONN_DUE_LEAVE and CONN_DUE_AGE.
INTERNAL void conn_life_on_ask_due(struct conn *conn);
INTERNAL void conn_life_on_leave_due(struct conn *conn);
INTERNAL void conn_life_on_age_due(struct conn *conn);

#endif
