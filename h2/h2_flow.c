// SPDX-License-Identifier: MIT
// Windows are counted in 64 bits, so that no sum of legal steps overflows. The
// connection's numbers are never below 0 nor above 2^31-1, and kept in 32.
// Windows of a stream are kept as a difference to the initial window of
// SETTINGS, so that a change of that setting touches no stream.
//
// What we let the peer send, invariants (h2_check):
//   1. per stream: receive_delta + unread_bytes + kept_bytes + credit_bytes ==
//      ahead_bytes + extra_bytes.
//   2. conn->unread_bytes is the sum over the streams.
//   3. set->extra_bytes is the sum over the streams. With growth_own it is part
//      of connection_window, and at most h2_flow_growth_max.
// The connection keeps no account of credit: what it owes the peer is
// connection_window - unread_bytes - receive_window.
//
// A WINDOW_UPDATE waits until it is worth half of the window, or the peer has
// none left, so that small calls cost none. From a stream's second one on, a
// quarter is enough: a peer that waits for windows can then use three quarters
// of them at least, and h2_bdp.c can tell that it waits.
//
// Windows grow with the bandwidth-delay product (h2_bdp.c), each when an update
// for what was read is due: streams that are new, small or not read stay at
// SETTINGS_INITIAL_WINDOW_SIZE. What a stream's window grows by is added to the
// connection's: a stream that is no longer read then holds up others no more
// than it did before. When the stream ends it is taken off again; what was
// announced remains with the peer, but is not announced twice.

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
    conn->receive_window += (int32_t)owed;
    if (conn->set != NULL) {
        conn->set->announced += (uint32_t)owed;
    }
    h2_conn_word(conn, H2_FRAME_WINDOW_UPDATE, 0, (uint32_t)owed);
}

// flow_is_worth: n bytes are a quarter of the window of a bulk transfer, or half
// of that of any other.
static inline bool flow_is_worth(int64_t n, int64_t window, bool is_bulk)
{
    return n << (is_bulk ? 2 : 1) >= window;
}

// flow_connection_is_due: an update is worth sending.
static inline bool flow_connection_is_due(const struct h2_conn *conn,
                                          bool is_bulk)
{
    int64_t owed = flow_owed(conn);
    return owed > 0 &&
           flow_is_worth(owed, conn->receive_window + owed, is_bulk);
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
    stream->is_bulk = true;
    h2_conn_word(conn, H2_FRAME_WINDOW_UPDATE, stream->id, (uint32_t)n);
}

static inline bool flow_stream_is_due(const struct h2_conn *conn,
                                      const struct h2_stream *stream)
{
    int64_t credit = stream->credit_bytes;
    if (credit == 0 || !h2_stream_can_receive(stream)) {
        return false;
    }
    int64_t window = h2_flow_receive_window(stream);
    int64_t whole =
        (int64_t)conn->local.initial_window_size + stream->extra_bytes;
    return (window <= 0 || flow_is_worth(credit, whole, stream->is_bulk)) &&
           credit <= flow_most(conn) - window;
}

// ---- Growth -----------------------------------------------------------------

void h2_flow_init(struct h2_conn *conn, uint32_t initial)
{
    uint32_t window =
        initial < conn->connection_window ? initial : conn->connection_window;
    h2_bdp_init(&conn->bdp, window);
}

uint32_t h2_flow_growth(const struct h2_conn *conn)
{
    return conn->growth_own + (conn->set == NULL ? 0 : conn->set->extra_bytes);
}

uint32_t h2_flow_growth_max(const struct h2_conn *conn)
{
    uint32_t at_first = conn->connection_window - h2_flow_growth(conn);
    uint32_t room = H2_WINDOW_MAX - at_first;
    uint32_t max = conn->limits->window_growth_bytes;
    return max < room ? max : room;
}

// flow_received is how many bytes of DATA have come, from any moment on before
// there were streams; it wraps.
static uint32_t flow_received(const struct h2_conn *conn)
{
    return conn->set->announced - (uint32_t)conn->receive_window;
}

bool h2_flow_measured(struct h2_conn *conn, const uint8_t *payload)
{
    return conn->set != NULL &&
           h2_bdp_ack(&conn->bdp, &conn->set->round, payload,
                      flow_received(conn), conn->shared->now_us);
}

// flow_measure sends the PING of a round behind the updates.
static void flow_measure(struct h2_conn *conn)
{
    uint8_t payload[H2_BDP_PAYLOAD];
    h2_bdp_begin(&conn->set->round, flow_received(conn), conn->shared->now_us,
                 payload);
    if (!h2_ping(conn, payload)) {
        // Without memory for it: there will be a next time.
        conn->set->round = (struct h2_bdp_round){.state = H2_BDP_REST};
    }
}

// flow_growth takes up to wanted bytes, and what is left, of what windows may
// grow by.
static uint32_t flow_growth(struct h2_conn *conn, int64_t wanted)
{
    int64_t left =
        (int64_t)h2_flow_growth_max(conn) - (int64_t)h2_flow_growth(conn);
    int64_t growth = wanted < left ? wanted : left;
    return growth > 0 ? (uint32_t)growth : 0;
}

// flow_grow_stream adds to the credit that is about to be announced.
static void flow_grow_stream(struct h2_conn *conn, struct h2_stream *stream)
{
    int64_t wanted = (int64_t)h2_bdp_estimate(&conn->bdp) -
                     (int64_t)conn->local.initial_window_size -
                     stream->extra_bytes;
    int64_t room =
        flow_most(conn) - h2_flow_receive_window(stream) - stream->credit_bytes;
    uint32_t growth = flow_growth(conn, wanted < room ? wanted : room);
    stream->extra_bytes += growth;
    stream->credit_bytes += growth;
    conn->set->extra_bytes += growth;
    conn->connection_window += growth;
}

static void flow_grow_connection(struct h2_conn *conn)
{
    int64_t at_first = (int64_t)conn->connection_window - h2_flow_growth(conn);
    int64_t wanted =
        (int64_t)h2_bdp_estimate(&conn->bdp) - at_first - conn->growth_own;
    uint32_t growth = flow_growth(conn, wanted);
    conn->growth_own += growth;
    conn->connection_window += growth;
}

// flow_measures: what was read of the stream begins a round; it may end one
// before, and raise what windows should be.
static bool flow_measures(struct h2_conn *conn, const struct h2_stream *stream,
                          bool stream_is_due)
{
    return (stream_is_due || stream->is_bulk) &&
           h2_bdp_update(&conn->bdp, &conn->set->round,
                         conn->limits->window_bytes_max, flow_received(conn),
                         conn->shared->now_us);
}

// flow_announce_due sends what is due: for the connection if it is, and for the
// stream. Of a stream that was read the window grows before, and the PING of a
// measurement comes behind.
static void flow_announce_due(struct h2_conn *conn, struct h2_stream *stream,
                              bool stream_is_due, bool is_read)
{
    bool measures = is_read && flow_measures(conn, stream, stream_is_due);
    if (is_read && stream_is_due) {
        flow_grow_stream(conn, stream);
    }
    if (flow_connection_is_due(conn, stream != NULL && stream->is_bulk)) {
        flow_grow_connection(conn);
        flow_pay(conn, flow_owed(conn));
    }
    if (stream_is_due) {
        int64_t credit = stream->credit_bytes;
        stream->credit_bytes = 0;
        flow_grant(conn, stream, credit);
    }
    if (measures && conn->state != H2_CONN_CLOSED) {
        flow_measure(conn);
    }
}

void h2_flow_announce(struct h2_conn *conn, struct h2_stream *stream)
{
    if (conn->state == H2_CONN_CLOSED) {
        return;
    }
    bool stream_is_due = stream != NULL && flow_stream_is_due(conn, stream);
    bool is_bulk = stream != NULL && stream->is_bulk;
    if (UNLIKELY(stream_is_due || flow_connection_is_due(conn, is_bulk))) {
        flow_announce_due(conn, stream, stream_is_due, false);
    }
}

// flow_read follows a change of the credit of a stream.
static void flow_read(struct h2_conn *conn, struct h2_stream *stream)
{
    if (conn->state == H2_CONN_CLOSED) {
        return;
    }
    bool stream_is_due = flow_stream_is_due(conn, stream);
    if (UNLIKELY(stream_is_due ||
                 flow_connection_is_due(conn, stream->is_bulk))) {
        flow_announce_due(conn, stream, stream_is_due, true);
    }
}

void h2_flow_announce_all(struct h2_conn *conn)
{
    if (conn->set == NULL) {
        return;
    }
    LIST_EACH (cursor, after, &conn->set->streams) {
        h2_flow_announce(conn, LIST_OWNER(cursor, struct h2_stream, link_all));
    }
}

void h2_flow_received(struct h2_conn *conn, struct h2_stream *stream,
                      uint32_t n)
{
    conn->receive_window -= (int32_t)n;
    conn->unread_bytes += (int32_t)n;
    stream->receive_delta -= n;
    stream->unread_bytes += n;
}

void h2_flow_dropped(struct h2_conn *conn, struct h2_stream *stream, uint32_t n)
{
    conn->receive_window -= (int32_t)n;
    if (stream != NULL) {
        stream->receive_delta -= n;
        stream->credit_bytes += n;
    }
}

void h2_flow_forget(struct h2_conn *conn, struct h2_stream *stream)
{
    stream->credit_bytes += stream->unread_bytes;
    conn->unread_bytes -= (int32_t)stream->unread_bytes;
    stream->unread_bytes = 0;
    if (UNLIKELY(stream->extra_bytes > 0)) {
        conn->set->extra_bytes -= stream->extra_bytes;
        conn->connection_window -= stream->extra_bytes;
        stream->receive_delta -= stream->extra_bytes;
        stream->extra_bytes = 0;
    }
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
    conn->unread_bytes -= (int32_t)n;
}

void h2_credit(struct h2_conn *conn, struct h2_stream *stream, size_t n)
{
    flow_keep(conn, stream, (int64_t)n);
    flow_credit(stream, (int64_t)n);
    flow_read(conn, stream);
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
    flow_read(conn, stream);
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
    if (increment > (uint32_t)(H2_WINDOW_MAX - conn->send_window)) {
        return false;
    }
    conn->send_window += (int32_t)increment;
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
    LIST_EACH (cursor, after, &conn->set->streams) {
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
    LIST_EACH (cursor, after, &conn->set->streams) {
        const struct h2_stream *stream =
            LIST_OWNER(cursor, struct h2_stream, link_all);
        if (stream->state != H2_STATE_CLOSED && stream->send_delta > most) {
            most = stream->send_delta;
        }
    }
    conn->set->send_delta_max = most;
    return (int64_t)initial + most <= H2_WINDOW_MAX;
}
