// SPDX-License-Identifier: MIT

#include "core/conn_open.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "core/conn.h"
#include "core/conn_life.h"
#include "core/conn_secure.h"
#include "core/conn_wire.h"
#include "core/limits.h"

int conn_connect(struct conn *conn, uint32_t timeout_ms,
                 const struct proxy_tunnel *tunnel)
{
    const struct loop_port *port = conn->loop->loop.port;
    int fd = -1;
    struct socket_address peer;
    if (tunnel != NULL) {
        conn->tunnel = tunnel_new(tunnel, &conn->loop->allocator);
        if (conn->tunnel == NULL) {
            return ENOMEM;
        }
    }
    conn_peer(conn, &peer);
    int error = port->connect(port->user, &peer, &fd);
    if (error != 0 && error != EINPROGRESS) {
        return error;
    }
    conn->source.fd = fd;
    if (!loop_watch(&conn->loop->loop, &conn->source, LOOP_WRITABLE)) {
        conn->source.fd = -1;
        port->close(port->user, fd);
        return conn->loop->loop.error;
    }
    conn_wait_for(conn, CONN_DUE_STATE, timeout_ms);
    return 0;
}

// conn_open_engine is an errno, or 0. What it leaves behind conn_discard takes.
static int conn_open_engine(struct conn *conn, const struct h2_options *options)
{
    if (!options->is_server) {
        conn->client_hints =
            alloc_zeroed(&conn->loop->allocator, sizeof *conn->client_hints);
    }
    bool made = (options->is_server || conn->client_hints != NULL) &&
                h2_conn_init(&conn->h2, &conn->loop->h2, options);
    if (!made) {
        conn->h2.shared = NULL; // there is no engine (conn_has_engine())
        return ENOMEM;
    }
    return 0;
}

// conn_open_begin: the engine is there, and has a preface to send.
static void conn_open_begin(struct conn *conn)
{
    conn_set_state(conn, CONN_HANDSHAKE);
    flood_init(&conn->flood, conn->h2.limits, conn->loop->loop.now_ms);
    if (conn_rules_of(conn)->keepalive_ms != GRPC_NEVER) {
        conn_wire_give_up_after(conn,
                                conn_rules_of(conn)->keepalive_timeout_ms);
    }
    conn_wake(conn);
}

// conn_open_secure is conn_start with TLS first.
static int conn_open_secure(struct conn *conn, int fd,
                            const struct h2_options *options)
{
    struct grpc_loop *loop = conn->loop;
    conn->source.fd = fd;
    if (!loop_watch(&loop->loop, &conn->source, LOOP_READABLE)) {
        conn->source.fd = -1;
        return loop->loop.error;
    }
    conn->secure->options = *options;
    conn_secure_start(conn, view_of(NULL, 0));
    return 0;
}

// conn_open_plain is conn_start without.
static int conn_open_plain(struct conn *conn, int fd,
                           const struct h2_options *options)
{
    struct grpc_loop *loop = conn->loop;
    int error = conn_open_engine(conn, options);
    if (error != 0) {
        return error;
    }
    conn->source.fd = fd;
    if (!conn->in_process &&
        !loop_watch(&loop->loop, &conn->source, LOOP_READABLE)) {
        conn->source.fd = -1;
        h2_conn_fini(&conn->h2);
        return loop->loop.error;
    }
    conn_open_begin(conn);
    return 0;
}

int conn_start(struct conn *conn, int fd, const struct h2_options *options,
               uint32_t timeout_ms)
{
    int error = conn->secure != NULL ? conn_open_secure(conn, fd, options)
                                     : conn_open_plain(conn, fd, options);
    if (error == 0) {
        conn_wait_for(conn, CONN_DUE_STATE, timeout_ms);
    }
    return error;
}

void conn_open_secured(struct conn *conn)
{
    int error = conn_open_engine(conn, &conn->secure->options);
    if (error != 0) {
        conn_wire_fail(conn, "TLS with", error);
        return;
    }
    conn_open_begin(conn);
    if (conn->drain != CONN_DRAIN_NONE) {
        conn_drain_now(conn);
    }
}

const char *conn_open_phase(const struct conn *conn)
{
    return conn->tunnel == NULL ? "connect to" : "connect to proxy";
}

void conn_open_words(const struct conn *conn, char text[CONN_OPEN_WORDS])
{
    char peer[SOCKET_ADDRESS_TEXT];
    conn_peer_text(conn, peer);
    if (conn->state == CONN_CONNECTING) {
        (void)snprintf(text, CONN_OPEN_WORDS, "%s %s: no answer yet",
                       conn_open_phase(conn), peer);
    } else if (conn->state == CONN_TUNNEL) {
        (void)snprintf(text, CONN_OPEN_WORDS, "proxy %s: no answer yet", peer);
    } else if (conn->state == CONN_SECURING) {
        (void)snprintf(text, CONN_OPEN_WORDS, "TLS with %s: no answer yet",
                       peer);
    } else {
        (void)snprintf(text, CONN_OPEN_WORDS, "HTTP/2 with %s: no SETTINGS yet",
                       peer);
    }
}

// conn_open_client: the socket leads to the server. rest is what has come from
// it already.
static void conn_open_client(struct conn *conn, struct view rest)
{
    const char *phase = conn_open_phase(conn);
    struct h2_options options = h2_options_make(false, conn->h2.limits);
    if (conn->secure != NULL) {
        conn->secure->options = options;
        conn_drop_tunnel(conn);
        conn_secure_start(conn, rest);
        return;
    }
    int error = conn_open_engine(conn, &options);
    if (error != 0) {
        conn_wire_fail(conn, phase, error);
        return;
    }
    conn_drop_tunnel(conn); // (held is in its place)
    conn_open_begin(conn);
    if (rest.size > 0) {
        conn_take(conn, rest);
    }
}

// conn_open_tunnel goes on asking the proxy.
static void conn_open_tunnel(struct conn *conn)
{
    const struct tunnel_io io = {conn->loop->loop.port, conn->source.fd,
                                 conn->loop->input, CORE_INPUT_BYTES};
    struct view rest;
    char peer[SOCKET_ADDRESS_TEXT];
    char reason[TUNNEL_REASON];
    enum tunnel_result result = tunnel_step(conn->tunnel, &io, &rest, reason);
    if (result == TUNNEL_FAILED) {
        conn_peer_text(conn, peer);
        conn_close(conn, "proxy %s: %s", peer, reason);
    } else if (result != TUNNEL_READY) {
        conn_wire_watch(conn,
                        result == TUNNEL_SENDS ? LOOP_WRITABLE : LOOP_READABLE);
    } else {
        conn_open_client(conn, rest);
    }
}

// conn_open_connected: a client's socket is connected, or has failed.
static void conn_open_connected(struct conn *conn)
{
    const struct loop_port *port = conn->loop->loop.port;
    int error = port->connected(port->user, conn->source.fd);
    if (error != 0) {
        conn_wire_fail(conn, conn_open_phase(conn), error);
    } else if (conn->tunnel != NULL) {
        conn_set_state(conn, CONN_TUNNEL);
        conn_open_tunnel(conn);
    } else {
        conn_open_client(conn, view_of(NULL, 0));
    }
}

void conn_open_on_source(struct conn *conn, unsigned ready)
{
    if (conn->state == CONN_CONNECTING) {
        conn_open_connected(conn);
    } else if (conn->state == CONN_TUNNEL) {
        conn_open_tunnel(conn);
    } else {
        conn_secure_on_source(conn, ready);
    }
}
