// SPDX-License-Identifier: MIT

#include "core/inproc.h"

#include <errno.h>

#include "base/assert.h"
#include "core/channel.h"
#include "core/conn.h"
#include "core/connectivity.h"
#include "core/limits.h"
#include "core/server.h"

enum { INPROC_VIEWS = 64 }; // chunks per read

static const char inproc_stopped[] = "the in-process server was stopped";

// ---- Partners ---------------------------------------------------------------

static struct conn *inproc_partner(const struct conn *conn)
{
    struct conn *partner;
    ASSERT(conn->in_process);
    memcpy(&partner, conn->peer_bytes + conn->peer_size, sizeof partner);
    return partner;
}

static void inproc_set_partner(struct conn *conn, struct conn *partner)
{
    memcpy(conn->peer_bytes + conn->peer_size, &partner, sizeof partner);
}

int inproc_dial(struct grpc_channel *channel, struct conn *conn,
                uint32_t timeout_ms)
{
    struct grpc_server *server = channel->server;
    if (server == NULL) {
        channel_note(channel, inproc_stopped);
        return CHANNEL_DIAL_NOTED;
    }
    if (server_may_open(server, "connect to inproc") != GRPC_OK) {
        channel_note(channel, server->error);
        return CHANNEL_DIAL_NOTED;
    }
    if (!server_may_take(server)) {
        channel_note(channel, "connect to inproc: the server has as many "
                              "connections as are allowed");
        return CHANNEL_DIAL_NOTED;
    }
    struct socket_address peer;
    socket_address_inproc(&peer);
    int error = server_accept(server, -1, &peer, NULL);
    if (error != 0) {
        return error;
    }
    struct conn *partner =
        LIST_OWNER(server->conns.prev, struct conn, link_owner);
    struct h2_options options = h2_options_make(false, &channel->rules.limits);
    error = conn_start(conn, -1, &options, timeout_ms);
    if (error != 0) {
        return error; // the partner finds itself alone, and closes
    }
    inproc_set_partner(conn, partner);
    inproc_set_partner(partner, conn);
    server->listening = true;
    return 0;
}

void inproc_leave(struct grpc_server *server)
{
    struct list_link *link;
    while ((link = list_take(&server->channels)) != NULL) {
        struct grpc_channel *channel =
            LIST_OWNER(link, struct grpc_channel, link_server);
        channel->server = NULL;
        channel_lose_hope(channel, inproc_stopped);
    }
}

// ---- Bytes ------------------------------------------------------------------

int inproc_read(struct conn *conn, size_t *out_size)
{
    struct conn *from = inproc_partner(conn);
    *out_size = 0;
    if (from == NULL) {
        return 0;
    }
    if (h2_output_size(&from->h2) == 0) {
        return from->write_shut ? 0 : EAGAIN;
    }
    struct view views[INPROC_VIEWS];
    size_t count = h2_output_peek(&from->h2, views, INPROC_VIEWS);
    size_t size = 0;
    for (size_t i = 0; i < count && size < CORE_INPUT_BYTES; i++) {
        size_t room = CORE_INPUT_BYTES - size;
        size_t part = views[i].size < room ? views[i].size : room;
        memcpy(conn->loop->input + size, views[i].data, part);
        size += part;
    }
    from->written = conn_add(from->written, size);
    h2_output_consume(&from->h2, size);
    *out_size = size;
    return 0;
}

const char *inproc_end_reason(const struct conn *conn)
{
    if (conn->h2.is_server) {
        return "the in-process channel closed the connection";
    }
    const struct grpc_channel *channel = conn->owner;
    return channel->server == NULL
               ? inproc_stopped
               : "the in-process server closed the connection";
}

// inproc_takes: what is read now is dealt with, or kept. Two ends that both hold
// input until the other has taken what they wrote would wait for ever: these
// take it, behind what they hold. It is no more than the other had in memory.
static bool inproc_takes(const struct conn *conn, const struct conn *from)
{
    bool is_paused = (conn->waits & 1u << CONN_DUE_PAUSE) != 0;
    return conn_may_read(conn) ||
           (conn->held != NULL && from->held != NULL && !is_paused);
}

// inproc_may_give: something is to be written that the partner takes.
static bool inproc_may_give(const struct conn *conn)
{
    if (conn->state == CONN_CLOSED || h2_output_size(&conn->h2) == 0) {
        return false;
    }
    const struct conn *partner = inproc_partner(conn);
    return partner != NULL && inproc_takes(partner, conn);
}

// inproc_is_at_end: there will be no more input.
static bool inproc_is_at_end(const struct conn *conn)
{
    const struct conn *from = inproc_partner(conn);
    return from == NULL || (from->write_shut && h2_output_size(&from->h2) == 0);
}

void inproc_write(struct conn *conn)
{
    // No more reads than for what there is now. Callbacks of the partner may
    // make more, which is for the next turn: others have theirs before.
    size_t reads = h2_output_size(&conn->h2) / CORE_INPUT_BYTES + 1;
    for (; reads > 0 && inproc_may_give(conn); reads--) {
        (void)conn_read(inproc_partner(conn));
    }
    if (inproc_may_give(conn)) {
        conn_wake(conn);
    }
    if (conn->state == CONN_CLOSED) {
        return;
    }
    if (inproc_partner(conn) == NULL) {
        h2_drop_output(&conn->h2); // as what a socket does not take
    }
    if (inproc_is_at_end(conn) && conn_may_read(conn)) {
        (void)conn_read(conn);
    }
}

void inproc_watch(struct conn *conn)
{
    if (!conn_may_read(conn)) {
        return;
    }
    struct conn *from = inproc_partner(conn);
    if (from != NULL && h2_output_size(&from->h2) > 0) {
        conn_wake(from);
    } else if (inproc_is_at_end(conn)) {
        conn_wake(conn);
    }
}

void inproc_close_write(struct conn *conn)
{
    struct conn *partner = inproc_partner(conn);
    if (partner != NULL) {
        conn_wake(partner);
    }
}

void inproc_close(struct conn *conn)
{
    struct conn *partner = inproc_partner(conn);
    if (partner != NULL) {
        inproc_set_partner(conn, NULL);
        inproc_set_partner(partner, NULL);
        conn_wake(partner);
    }
}

void inproc_check(const struct conn *conn)
{
    if (conn->state == CONN_CONNECTING || conn->state == CONN_CLOSED) {
        return;
    }
    const struct conn *partner = inproc_partner(conn);
    ASSERT(partner == NULL || inproc_partner(partner) == conn);
    ASSERT(!inproc_may_give(conn) || list_is_linked(&conn->link_work));
    ASSERT(!inproc_is_at_end(conn) || !conn_may_read(conn) ||
           list_is_linked(&conn->link_work));
    (void)partner;
}
