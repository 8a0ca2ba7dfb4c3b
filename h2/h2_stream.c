// SPDX-License-Identifier: MIT
// States of a stream (RFC 9113 section 5.1, without the reserved ones):
//
//   IDLE --HEADERS--> OPEN --END_STREAM sent--> HALF_CLOSED_LOCAL --+
//     |                 |                                           |
//     |                 +--END_STREAM received--> HALF_CLOSED_REMOTE+
//     |                 |                                           |
//     |                 +--RST_STREAM either way--+                 |
//     v                                           v                 v
//   CLOSED <--------------------------------------+-----------------+
//
// Invariants (h2_check):
//   1. a stream is in its bucket exactly when its id is not 0.
//   2. open_count counts the objects that are not closed; idle ones too, as
//      each has been promised a place among the peer's concurrent streams.
//   3. a closed stream has no queued DATA and waits for no turn.

#include "h2/h2_stream.h"

#include "base/assert.h"

enum { H2STREAM_REMEMBERED = 64 }; // bits of recent_used and recent_ended

// h2stream_legal[from] has bit `to` set where that step exists.
static const uint8_t h2stream_legal[] = {
    [H2_STATE_IDLE] = 1 << H2_STATE_OPEN | 1 << H2_STATE_CLOSED,
    [H2_STATE_OPEN] = 1 << H2_STATE_HALF_CLOSED_LOCAL |
                      1 << H2_STATE_HALF_CLOSED_REMOTE | 1 << H2_STATE_CLOSED,
    [H2_STATE_HALF_CLOSED_LOCAL] = 1 << H2_STATE_CLOSED,
    [H2_STATE_HALF_CLOSED_REMOTE] = 1 << H2_STATE_CLOSED,
    [H2_STATE_CLOSED] = 0,
};

// h2stream_bucket: the connection has a set.
static struct h2_stream **h2stream_bucket(const struct h2_conn *conn,
                                          uint32_t id)
{
    struct h2_stream_set *set = conn->set;
    return set->many != NULL
               ? &set->many->buckets[(id >> 1) & (H2_BUCKETS_MANY - 1)]
               : &set->buckets[(id >> 1) & (H2_BUCKETS - 1)];
}

// h2stream_newest is the ordinal of the newest stream: ids 1, 3, 5 are 1, 2,
// 3; 0 when there was none.
static uint32_t h2stream_newest(const struct h2_conn *conn)
{
    return conn->is_server ? (conn->last_peer_id + 1) / 2
                           : conn->next_local_id / 2;
}

struct h2_stream *h2_stream_find(const struct h2_conn *conn, uint32_t id)
{
    if (conn->set == NULL) {
        return NULL;
    }
    struct h2_stream *stream = *h2stream_bucket(conn, id);
    while (stream != NULL && stream->id != id) {
        stream = stream->next_in_bucket;
    }
    return stream;
}

enum h2_stream_kind h2_stream_kind_of(const struct h2_conn *conn, uint32_t id,
                                      struct h2_stream **out_stream)
{
    struct h2_stream *stream = h2_stream_find(conn, id);
    if (LIKELY(stream != NULL && stream->state != H2_STATE_CLOSED)) {
        *out_stream = stream;
        return H2_STREAM_KIND_LIVE;
    }
    if (h2_stream_is_idle(conn, id)) {
        return H2_STREAM_KIND_IDLE;
    }
    uint32_t age = h2stream_newest(conn) - (id + 1) / 2;
    if (age >= H2STREAM_REMEMBERED) {
        return H2_STREAM_KIND_ENDED;
    }
    uint64_t bit = (uint64_t)1 << age;
    if ((conn->recent_ended & bit) != 0) {
        return H2_STREAM_KIND_ENDED;
    }
    return (conn->recent_used & bit) != 0 ? H2_STREAM_KIND_CLOSED
                                          : H2_STREAM_KIND_SKIPPED;
}

void h2_stream_opened(struct h2_conn *conn, uint32_t id)
{
    uint32_t newest = h2stream_newest(conn);
    ASSERT(id % 2 == 1 && (id + 1) / 2 > newest);
    uint32_t shift = (id + 1) / 2 - newest;
    bool far = shift >= H2STREAM_REMEMBERED;
    conn->recent_used = (far ? 0 : conn->recent_used << shift) | 1;
    conn->recent_ended = far ? 0 : conn->recent_ended << shift;
    conn->resets_left++;
    if (conn->is_server) {
        conn->last_peer_id = id;
    } else {
        conn->next_local_id = id + 2;
    }
}

void h2_stream_ended(struct h2_conn *conn, uint32_t id)
{
    uint32_t age = h2stream_newest(conn) - (id + 1) / 2;
    if (age < H2STREAM_REMEMBERED) {
        conn->recent_ended |= (uint64_t)1 << age;
    }
}

// h2stream_need_set gives the connection a set; false without memory.
static bool h2stream_need_set(struct h2_conn *conn)
{
    if (conn->set != NULL) {
        return true;
    }
    struct h2_stream_set *set = slab_take(&conn->shared->sets);
    if (set == NULL) {
        return false;
    }
    // One that was used before is empty already; a new one is zeroed.
    if (UNLIKELY(!list_is_linked(&set->streams))) {
        list_init(&set->streams);
        list_init(&set->sendable);
        list_init(&set->stalled);
        list_init(&set->due);
    }
    conn->set = set;
    return true;
}

static void h2stream_drop_set(struct h2_conn *conn)
{
    struct h2_stream_set *set = conn->set;
    ASSERT(list_is_empty(&set->streams));
    ASSERT(set->queued_bytes == 0);
    ASSERT(list_is_empty(&set->due));
    set->send_delta_max = 0;
    set->extra_bytes = 0;
    set->round.state = H2_BDP_REST;
    set->round.skip = 0;
    if (set->many != NULL) {
        slab_give(&conn->shared->tables, set->many);
        set->many = NULL;
    }
    slab_give(&conn->shared->sets, set);
    conn->set = NULL;
}

struct h2_stream *h2_stream_new(struct h2_conn *conn)
{
    if (!h2stream_need_set(conn)) {
        return NULL;
    }
    struct h2_stream *stream = slab_take(&conn->shared->streams);
    if (stream == NULL) {
        if (conn->stream_count == 0) {
            h2stream_drop_set(conn);
        }
        return NULL;
    }
    *stream = (struct h2_stream){
        .state = H2_STATE_IDLE,
        .conn = conn,
        .out = {.pool = &conn->shared->chunks},
        .content_left = -1,
    };
    list_append(&conn->set->streams, &stream->link_all);
    conn->stream_count++;
    conn->open_count++;
    return stream;
}

static void h2stream_enter_bucket(struct h2_stream *stream)
{
    struct h2_stream **bucket = h2stream_bucket(stream->conn, stream->id);
    stream->next_in_bucket = *bucket;
    *bucket = stream;
}

// h2stream_spread moves the streams into the larger table. Without memory for
// one the chains are long, and all is right.
static void h2stream_spread(struct h2_conn *conn)
{
    struct h2_bucket_table *table = slab_take(&conn->shared->tables);
    if (table == NULL) {
        return;
    }
    conn->set->many = table;
    memset(conn->set->buckets, 0, sizeof conn->set->buckets);
    LIST_EACH (cursor, after, &conn->set->streams) {
        struct h2_stream *stream =
            LIST_OWNER(cursor, struct h2_stream, link_all);
        if (stream->id != 0) {
            h2stream_enter_bucket(stream);
        }
    }
}

void h2_stream_name(struct h2_stream *stream, uint32_t id)
{
    ASSERT(stream->id == 0 && id != 0);
    struct h2_conn *conn = stream->conn;
    if (UNLIKELY(conn->stream_count > H2_BUCKETS_FULL &&
                 conn->set->many == NULL)) {
        h2stream_spread(conn);
    }
    stream->id = id;
    h2stream_enter_bucket(stream);
}

void h2_stream_set_state(struct h2_stream *stream, enum h2_stream_state state)
{
    ASSERT((h2stream_legal[stream->state] & 1u << state) != 0);
    (void)h2stream_legal;
    stream->state = (uint8_t)state;
    if (state != H2_STATE_CLOSED) {
        return;
    }
    ASSERT(stream->conn->open_count > 0);
    stream->conn->open_count--;
    if (stream->out.size > 0) {
        stream->conn->set->queued_bytes -= stream->out.size;
        chunk_queue_clear(&stream->out);
    }
    stream->end_queued = false;
    stream->writable_wanted = false;
    list_remove(&stream->link_sendable);
}

void h2_stream_end_local(struct h2_stream *stream)
{
    h2_stream_set_state(stream, stream->state == H2_STATE_OPEN
                                    ? H2_STATE_HALF_CLOSED_LOCAL
                                    : H2_STATE_CLOSED);
}

void h2_stream_end_remote(struct h2_stream *stream)
{
    h2_stream_set_state(stream, stream->state == H2_STATE_OPEN
                                    ? H2_STATE_HALF_CLOSED_REMOTE
                                    : H2_STATE_CLOSED);
}

static void h2stream_leave_bucket(struct h2_stream *stream)
{
    struct h2_stream **at = h2stream_bucket(stream->conn, stream->id);
    while (*at != stream) {
        ASSERT(*at != NULL);
        at = &(*at)->next_in_bucket;
    }
    *at = stream->next_in_bucket;
}

void h2_stream_free(struct h2_stream *stream)
{
    struct h2_conn *conn = stream->conn;
    if (stream->id != 0) {
        h2stream_leave_bucket(stream);
    }
    if (stream->state != H2_STATE_CLOSED) {
        h2_stream_set_state(stream, H2_STATE_CLOSED);
    }
    list_remove(&stream->link_due);
    list_remove(&stream->link_all);
    conn->stream_count--;
    if (conn->stream_count == 0) {
        conn->rest_ms = (uint32_t)(conn->shared->now_us / 1000);
        h2stream_drop_set(conn);
    }
    slab_give(&conn->shared->streams, stream);
}
