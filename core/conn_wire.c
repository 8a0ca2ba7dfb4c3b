// SPDX-License-Identifier: MIT

#include "core/conn_wire.h"

#include <errno.h>
#include <stdio.h>

#include "core/conn.h"
#include "core/conn_secure.h"
#include "core/inproc.h"
#include "core/limits.h"

enum { CONN_WIRE_VIEWS = 64 }; // chunks per write

void conn_wire_say(const struct conn *conn, const char *phase, int error,
                   char reason[CONN_REASON_TEXT])
{
    char peer[SOCKET_ADDRESS_TEXT];
    char text[128];
    conn_peer_text(conn, peer);
    if (error == EPROTO && conn->secure != NULL) {
        (void)snprintf(reason, CONN_REASON_TEXT, "%s %s: TLS: %s", phase, peer,
                       conn_secure_words(conn));
        return;
    }
    socket_error_text(error, text, sizeof text);
    (void)snprintf(reason, CONN_REASON_TEXT, "%s %s: %s", phase, peer, text);
}

void conn_wire_fail(struct conn *conn, const char *phase, int error)
{
    char reason[CONN_REASON_TEXT];
    conn_wire_say(conn, phase, error, reason);
    conn_close(conn, "%s", reason);
}

// conn_wire_read_apart is conn_wire_read where no socket gives plain text.
NOINLINE static int conn_wire_read_apart(struct conn *conn, size_t *out_size)
{
    return conn->in_process ? inproc_read(conn, out_size)
                            : conn_secure_read(conn, out_size);
}

int conn_wire_read(struct conn *conn, size_t *out_size)
{
    if (UNLIKELY(conn->in_process || conn->secure != NULL)) {
        return conn_wire_read_apart(conn, out_size);
    }
    const struct loop_port *port = conn->loop->loop.port;
    return port->read(port->user, conn->source.fd, conn->loop->input,
                      CORE_INPUT_BYTES, out_size);
}

const char *conn_wire_end_reason(const struct conn *conn)
{
    if (conn->secure != NULL) {
        return conn_secure_end_reason(conn);
    }
    if (conn->in_process) {
        return inproc_end_reason(conn);
    }
    return conn->h2.is_server || conn->h2.settings_received
               ? "the peer closed the connection"
               : "the peer closed the connection before HTTP/2 began, as one "
                 "that speaks TLS does";
}

bool conn_wire_has_output(const struct conn *conn)
{
    return h2_output_size(&conn->h2) > 0 ||
           (UNLIKELY(conn->secure != NULL) && conn_secure_has_output(conn));
}

void conn_wire_count(struct conn *conn, size_t size)
{
    conn->written = conn_add(conn->written, size);
    if (UNLIKELY(conn_waits_for(conn, CONN_DUE_WRITE))) {
        // Who takes what was stuck is there, though the PING that asks may
        // still stand behind it.
        conn->keepalive.read_ms = conn_now_ms(conn);
    }
}

bool conn_wire_stop(struct conn *conn, int error)
{
    if (conn_is_over(conn)) {
        conn_wire_fail(conn, "write to", error);
        return false;
    }
    conn->write_error = (uint16_t)error;
    conn->write_shut = true;
    bool told = h2_goaway(&conn->h2, conn->h2.last_peer_id, H2_NO_ERROR,
                          view_of(NULL, 0));
    (void)told; // a call that begins in spite of it is sent again
    h2_drop_output(&conn->h2);
    conn_wait_for(conn, CONN_DUE_WRITE, CORE_LINGER_MS);
    return true;
}

// conn_wire_send is conn_wire_write on a socket.
static bool conn_wire_send(struct conn *conn)
{
    const struct loop_port *port = conn->loop->loop.port;
    while (h2_output_size(&conn->h2) > 0) {
        struct view views[CONN_WIRE_VIEWS];
        size_t count = h2_output_peek(&conn->h2, views, CONN_WIRE_VIEWS);
        size_t sent = 0;
        int error =
            port->write(port->user, conn->source.fd, views, count, &sent);
        if (error == EAGAIN) {
            return true;
        }
        if (error != 0 && error != EINTR) {
            return conn_wire_stop(conn, error);
        }
        conn_wire_count(conn, sent);
        h2_output_consume(&conn->h2, sent);
    }
    return true;
}

// conn_wire_write_apart is conn_wire_write where no socket takes anything.
NOINLINE static bool conn_wire_write_apart(struct conn *conn)
{
    if (conn->in_process) {
        inproc_write(conn);
    } else if (conn->write_shut) {
        h2_drop_output(&conn->h2);
    } else {
        return conn_secure_write(conn);
    }
    return conn->state != CONN_CLOSED;
}

bool conn_wire_write(struct conn *conn)
{
    if (UNLIKELY(conn->in_process || conn->write_shut ||
                 conn->secure != NULL)) {
        return conn_wire_write_apart(conn);
    }
    return conn_wire_send(conn);
}

void conn_wire_watch(struct conn *conn, unsigned events)
{
    if (conn->in_process) {
        inproc_watch(conn);
        return;
    }
    if (conn->source.watched != events || conn->source.slot == 0) {
        if (!loop_watch(&conn->loop->loop, &conn->source, events)) {
            conn_wire_fail(conn, "watch", conn->loop->loop.error);
        }
    }
}

void conn_wire_give_up_after(struct conn *conn, uint32_t timeout_ms)
{
    const struct loop_port *port = conn->loop->loop.port;
    if (!conn->in_process && port->give_up_after != NULL) {
        port->give_up_after(port->user, conn->source.fd, timeout_ms);
    }
}

void conn_wire_close_write(struct conn *conn)
{
    const struct loop_port *port = conn->loop->loop.port;
    if (conn->in_process) {
        inproc_close_write(conn);
    } else {
        if (conn->secure != NULL) {
            conn_secure_close_write(conn);
        }
        port->close_write(port->user, conn->source.fd);
    }
}

void conn_wire_close(struct conn *conn)
{
    const struct loop_port *port = conn->loop->loop.port;
    if (conn->in_process) {
        inproc_close(conn);
        return;
    }
    loop_unwatch(&conn->loop->loop, &conn->source);
    if (conn->source.fd >= 0) {
        if (conn->secure != NULL && !conn->write_shut) {
            conn_secure_close_write(conn);
        }
        port->close(port->user, conn->source.fd);
        conn->source.fd = -1;
    }
}
