// SPDX-License-Identifier: MIT
// Windows are 64 bits wide, so that no sum of legal steps overflows. Those of
// a stream are kept as a difference to the initial window of SETTINGS, so that
// a change of that setting touches no stream.
//
// What we let the peer send, invariants (h2_check):
//   1. per stream: receive_delta + unread_bytes + kept_bytes + credit_bytes ==
//      ahead_bytes.
//   2. conn->unread_bytes is the sum over the streams.
// The connection keeps no account of credit: what it owes the peer is
// connection_window - unread_bytes - receive_window.
//
// A WINDOW_UPDATE waits until it is worth half of the window, or the peer has
// none left, so that small calls cost none.

#include "h2/h2_flow.h"

#include "base/assert.h"
#include "h2/h2_conn.h"
#include "h2/h2_send.h"
#include "h2/h2_stream.h"

// flow_owed is what the connection's window lacks; not above 0 when nothing.
static int64_t flow_owed(const struct h2_conn *conn)
{
    return (int64_t)conn->connection_window - conn->unread_bytes -
           conn->receive_window;
}

static void flow_pay(struct h2_conn *conn, int64_t owed)
{
    conn->receive_window += owed;
    h2_conn_word(conn, H2_FRAME_WINDOW_UPDATE, 0, (uint32_t)owed);
}

static void flow_announce_connection(struct h2_conn *conn)
{
    int64_t owed = flow_owed(conn);
    if (owed > 0 && owed * 2 >= conn->receive_window + owed) {
        flow_pay(conn, owed);
    }
}

void h2_flow_begin(struct h2_conn *conn)
{
    int64_t owed = flow_owed(conn);
    if (owed > 0) {
        flow_pay(conn, owed);
    }
}

// flow_most is the largest window that a stream may have now: none passes the
// maximum when the peer applies our SETTINGS that are on their way.
static int64_t flow_most(const struct h2_conn *conn)
{
    int64_t growth = (int64_t)conn->wanted.initial_window_size -
                     (int64_t)conn->local.initial_window_size;
    return H2_WINDOW_MAX - (growth > 0 ? growth : 0);
}

// flow_grant announces n bytes more on a stream.
static void flow_grant(struct h2_conn *conn, struct h2_stream *stream,
                       int64_t n)
{
    ASSERT(n > 0);
    ASSERT(n <= flow_most(conn) - h2_flow_receive_window(stream));
    stream->receive_delta += n;
    h2_conn_word(conn, H2_FRAME_WINDOW_UPDATE, stream->id, (uint32_t)n);
}

static void flow_announce_stream(struct h2_conn *conn, struct h2_stream *stream)
{
    int64_t credit = stream->credit_bytes;
    if (credit == 0 || !h2_stream_can_receive(stream)) {
        return;
    }
    int64_t window = h2_flow_receive_window(stream);
    if ((credit * 2 < (int64_t)conn->local.initial_window_size && window > 0) ||
        credit > flow_most(conn) - window) {
        return;
    }
    stream->credit_bytes = 0;
    flow_grant(conn, stream, credit);
}

void h2_flow_announce(struct h2_conn *conn, struct h2_stream *stream)
{
    if (conn->state == H2_CONN_CLOSED) {
        return;
    }
    flow_announce_connection(conn);
    if (stream != NULL) {
        flow_announce_stream(conn, stream);
    }
}

void h2_flow_announce_all(struct h2_conn *conn)
{
    if (conn->set == NULL) {
        return;
    }
    LIST_FOREACH (cursor, after, &conn->set->streams) {
        h2_flow_announce(conn, LIST_OWNER(cursor, struct h2_stream, link_all));
    }
}

void h2_flow_received(struct h2_conn *conn, struct h2_stream *stream,
                      uint32_t n)
{
    conn->receive_window -= n;
    conn->unread_bytes += n;
    stream->receive_delta -= n;
    stream->unread_bytes += n;
}

void h2_flow_dropped(struct h2_conn *conn, struct h2_stream *stream, uint32_t n)
{
    conn->receive_window -= n;
    if (stream != NULL) {
        stream->receive_delta -= n;
        stream->credit_bytes += n;
    }
}

void h2_flow_forget(struct h2_conn *conn, struct h2_stream *stream)
{
    stream->credit_bytes += stream->unread_bytes;
    conn->unread_bytes -= stream->unread_bytes;
    stream->unread_bytes = 0;
    h2_flow_announce(conn, NULL);
}

// flow_credit moves n kept bytes of a stream to its credit, less what was
// announced ahead of them.
static void flow_credit(struct h2_stream *stream, int64_t n)
{
    int64_t ahead = stream->ahead_bytes < n ? stream->ahead_bytes : n;
    stream->kept_bytes -= n;
    stream->ahead_bytes -= ahead;
    stream->credit_bytes += n - ahead;
}

static void flow_keep(struct h2_conn *conn, struct h2_stream *stream, int64_t n)
{
    ASSERT(n <= stream->unread_bytes);
    stream->unread_bytes -= n;
    stream->kept_bytes += n;
    conn->unread_bytes -= n;
}

void h2_credit(struct h2_conn *conn, struct h2_stream *stream, size_t n)
{
    flow_keep(conn, stream, (int64_t)n);
    flow_credit(stream, (int64_t)n);
    h2_flow_announce(conn, stream);
}

void h2_credit_connection(struct h2_conn *conn, struct h2_stream *stream,
                          size_t n)
{
    flow_keep(conn, stream, (int64_t)n);
    h2_flow_announce(conn, NULL);
}

void h2_credit_stream(struct h2_conn *conn, struct h2_stream *stream, size_t n)
{
    ASSERT((int64_t)n <= stream->kept_bytes);
    flow_credit(stream, (int64_t)n);
    h2_flow_announce(conn, stream);
}

void h2_want(struct h2_conn *conn, struct h2_stream *stream, size_t n)
{
    int64_t window = h2_flow_receive_window(stream);
    int64_t most = flow_most(conn);
    int64_t wanted = (uint64_t)n > (uint64_t)most ? most : (int64_t)n;
    if (wanted <= window || conn->state == H2_CONN_CLOSED ||
        !h2_stream_can_receive(stream)) {
        return;
    }
    int64_t credit = stream->credit_bytes;
    int64_t grant = wanted - window;
    if (grant < credit && credit <= most - window) {
        grant = credit;
    }
    int64_t from_credit = grant < credit ? grant : credit;
    stream->credit_bytes -= from_credit;
    stream->ahead_bytes += grant - from_credit;
    // Far below zero (our setting shrank) takes more than one frame holds.
    while (grant > H2_WINDOW_MAX) {
        flow_grant(conn, stream, H2_WINDOW_MAX);
        grant -= H2_WINDOW_MAX;
    }
    flow_grant(conn, stream, grant);
}

bool h2_flow_grow_connection(struct h2_conn *conn, uint32_t increment)
{
    if ((int64_t)increment > H2_WINDOW_MAX - conn->send_window) {
        return false;
    }
    conn->send_window += increment;
    return true;
}

bool h2_flow_grow_stream(struct h2_stream *stream, uint32_t increment)
{
    struct h2_conn *conn = stream->conn;
    if ((int64_t)increment > H2_WINDOW_MAX - h2_flow_send_window(stream)) {
        return false;
    }
    stream->send_delta += increment;
    if (stream->send_delta > conn->set->send_delta_max) {
        conn->set->send_delta_max = stream->send_delta;
    }
    if (list_is_linked(&stream->link_sendable)) {
        list_remove(&stream->link_sendable);
        list_append(&conn->set->sendable, &stream->link_sendable);
    }
    return true;
}

bool h2_flow_own_initial_fits(const struct h2_conn *conn, uint32_t initial)
{
    if (conn->set == NULL) {
        return true;
    }
    LIST_FOREACH (cursor, after, &conn->set->streams) {
        const struct h2_stream *stream =
            LIST_OWNER(cursor, struct h2_stream, link_all);
        if (stream->state != H2_STATE_CLOSED &&
            (int64_t)initial + stream->receive_delta > H2_WINDOW_MAX) {
            return false;
        }
    }
    return true;
}

bool h2_flow_initial_fits(struct h2_conn *conn, uint32_t initial)
{
    if (conn->set == NULL ||
        (int64_t)initial + conn->set->send_delta_max <= H2_WINDOW_MAX) {
        return true;
    }
    // send_delta_max is only a bound: look closely, and make it exact, so that
    // it is not looked at again for the same streams.
    int64_t most = 0;
    LIST_FOREACH (cursor, after, &conn->set->streams) {
        const struct h2_stream *stream =
            LIST_OWNER(cursor, struct h2_stream, link_all);
        if (stream->state != H2_STATE_CLOSED && stream->send_delta > most) {
            most = stream->send_delta;
        }
    }
    conn->set->send_delta_max = most;
    return (int64_t)initial + most <= H2_WINDOW_MAX;
}
