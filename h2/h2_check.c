// SPDX-License-Identifier: MIT
// Every invariant that the files of h2 state in their heads.

#include "h2/h2.h"

#include "base/assert.h"
#include "h2/h2_flow.h"
#include "h2/h2_stream.h"

// What is summed up over the streams.
struct h2check_sums {
    uint32_t streams;
    uint32_t open;
    uint32_t queued; // streams with DATA
    size_t queued_bytes;
    int64_t unread;
    uint64_t extra;
};

static void h2check_stream(const struct h2_conn *conn,
                           const struct h2_stream *stream,
                           struct h2check_sums *sums)
{
    bool closed = stream->state == H2_STATE_CLOSED;
    ASSERT(stream->conn == conn);
    chunk_queue_check(&stream->out);
    ASSERT(stream->id == 0 || h2_stream_find(conn, stream->id) == stream);
    ASSERT(stream->id != 0 || stream->state == H2_STATE_IDLE || closed);
    ASSERT((stream->out.size > 0) == list_is_linked(&stream->link_sendable));
    ASSERT(!closed || stream->out.size == 0);
    ASSERT(!stream->end_queued || stream->out.size > 0);
    ASSERT(!stream->writable_wanted || stream->out.size > 0);
    ASSERT(!stream->reset || closed);
    ASSERT(!stream->refused_due || list_is_linked(&stream->link_due));
    ASSERT(stream->unread_bytes >= 0);
    ASSERT(stream->credit_bytes >= 0);
    ASSERT(stream->ahead_bytes >= 0);
    ASSERT(stream->kept_bytes >= 0);
    ASSERT(stream->receive_delta + stream->unread_bytes + stream->kept_bytes +
               stream->credit_bytes ==
           stream->ahead_bytes + stream->extra_bytes);
    ASSERT(closed || h2_flow_receive_window(stream) <= H2_WINDOW_MAX);
    ASSERT(closed || h2_flow_send_window(stream) <= H2_WINDOW_MAX);
    ASSERT(closed || stream->send_delta <= conn->set->send_delta_max);
    (void)conn;
    sums->streams++;
    sums->open += closed ? 0 : 1;
    sums->queued += stream->out.size > 0 ? 1 : 0;
    sums->queued_bytes += stream->out.size;
    sums->unread += stream->unread_bytes;
    sums->extra += stream->extra_bytes;
}

static void h2check_streams(const struct h2_conn *conn)
{
    const struct h2_stream_set *set = conn->set;
    struct h2check_sums sums = {.streams = 0};
    ASSERT((set == NULL) == (conn->stream_count == 0));
    if (set == NULL) {
        ASSERT(conn->open_count == 0);
        ASSERT(conn->unread_bytes == 0);
        return;
    }
    LIST_EACH (cursor, after, &set->streams) {
        h2check_stream(conn, LIST_OWNER(cursor, struct h2_stream, link_all),
                       &sums);
    }
    ASSERT(sums.streams == conn->stream_count);
    ASSERT(sums.open == conn->open_count);
    ASSERT(sums.unread == conn->unread_bytes);
    ASSERT(sums.extra == set->extra_bytes);
    ASSERT(set->round.state == H2_BDP_REST ||
           conn->bdp.window < conn->limits->window_bytes_max);
    ASSERT(sums.queued_bytes == set->queued_bytes);
    LIST_EACH (sendable, sendable_after, &set->sendable) {
        sums.queued--;
    }
    LIST_EACH (stalled, stalled_after, &set->stalled) {
        sums.queued--;
    }
    ASSERT(sums.queued == 0);
}

static void h2check_input(const struct h2_conn *conn)
{
    ASSERT((conn->spill == NULL) == (conn->spill_capacity == 0));
    ASSERT(conn->block_size <= conn->spill_size);
    ASSERT(conn->spill_size <= conn->spill_capacity);
    ASSERT(conn->block_size == 0 || conn->block_id != 0);
    if (conn->state == H2_CONN_CLOSED) {
        return;
    }
    ASSERT(conn->spill == NULL || conn->step == H2_STEP_PAYLOAD ||
           conn->block_id != 0 || conn->spill_used || conn->goaway_due);
    ASSERT(conn->data_left == 0 || conn->step == H2_STEP_DATA);
    ASSERT(conn->skip_left == 0 || conn->step == H2_STEP_DATA ||
           conn->step == H2_STEP_SKIP);
}

static void h2check_output(const struct h2_conn *conn)
{
    chunk_queue_check(&conn->out);
    chunk_lender_check(&conn->shared->lender);
    ASSERT(conn->induced_old <= conn->induced_bytes);
    ASSERT(conn->induced_old_end <= conn->out.size);
    ASSERT(conn->induced_end <= conn->out.size);
    ASSERT(conn->induced_bytes == 0 || conn->induced_end > 0);
}

// h2check_growth: what was announced for a stream that has ended remains with
// the peer, within the bound of all growth.
static void h2check_growth(const struct h2_conn *conn)
{
    uint32_t growth = h2_flow_growth(conn);
    uint32_t max = h2_flow_growth_max(conn);
    int64_t most = (int64_t)conn->connection_window - growth + max;
    ASSERT(most <= H2_WINDOW_MAX);
    ASSERT(growth <= max);
    ASSERT(conn->receive_window <= H2_WINDOW_DEFAULT ||
           (int64_t)conn->receive_window + conn->unread_bytes <= most);
    ASSERT(!conn->bdp.grown ||
           conn->bdp.window <= conn->limits->window_bytes_max);
    (void)growth;
    (void)max;
    (void)most;
}

void h2_check(const struct h2_conn *conn)
{
    ASSERT((conn->close_reason != NULL) == (conn->state == H2_CONN_CLOSED));
    ASSERT(!conn->closed_given || conn->state == H2_CONN_CLOSED);
    ASSERT(conn->state != H2_CONN_OPEN || conn->settings_received);
    ASSERT(conn->send_window >= 0);
    ASSERT(conn->unread_bytes >= 0);
    ASSERT(conn->receive_window >= 0);
    h2check_growth(conn);
    h2check_streams(conn);
    h2check_input(conn);
    h2check_output(conn);
}
