// SPDX-License-Identifier: MIT
// States of a connection:
//
//   PREFACE --the peer's first SETTINGS--> OPEN
//      |                                    |
//      | (a GOAWAY came before)             | GOAWAY sent or received
//      v                                    v
//   DRAINING <------------------------------+
//      |
//      +--> CLOSED, from every state: an error, or the end of the input
//
// Invariants (h2_check):
//   1. close_reason is set exactly when the state is CLOSED.
//   2. induced_old <= induced_bytes, and a generation that is not empty ends
//      within the output that has not left.
//
// Why generations: an exact count needs the place of every induced byte. When
// the last byte of the older generation has left, all of the newer is still
// queued, so the count is exact again, and it is never more than twice of
// what is queued at the worst moment: a peer that reads is not paused for
// what has long left.

#include "h2/h2_conn.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/endian.h"
#include "h2/h2_flow.h"
#include "h2/h2_limits.h"
#include "h2/h2_send.h"
#include "h2/h2_settings.h"
#include "h2/h2_stream.h"

static const char *const h2conn_code_names[] = {
    [H2_NO_ERROR] = "NO_ERROR",
    [H2_PROTOCOL_ERROR] = "PROTOCOL_ERROR",
    [H2_INTERNAL_ERROR] = "INTERNAL_ERROR",
    [H2_FLOW_CONTROL_ERROR] = "FLOW_CONTROL_ERROR",
    [H2_SETTINGS_TIMEOUT] = "SETTINGS_TIMEOUT",
    [H2_STREAM_CLOSED] = "STREAM_CLOSED",
    [H2_FRAME_SIZE_ERROR] = "FRAME_SIZE_ERROR",
    [H2_REFUSED_STREAM] = "REFUSED_STREAM",
    [H2_CANCEL] = "CANCEL",
    [H2_COMPRESSION_ERROR] = "COMPRESSION_ERROR",
    [H2_CONNECT_ERROR] = "CONNECT_ERROR",
    [H2_ENHANCE_YOUR_CALM] = "ENHANCE_YOUR_CALM",
    [H2_INADEQUATE_SECURITY] = "INADEQUATE_SECURITY",
    [H2_HTTP_1_1_REQUIRED] = "HTTP_1_1_REQUIRED",
};

const char *h2_code_name(uint32_t code)
{
    return code <= H2_HTTP_1_1_REQUIRED ? h2conn_code_names[code] : "unknown";
}

// ---- Life -------------------------------------------------------------------

void h2_shared_init(struct h2_shared *shared, const grpc_allocator *allocator)
{
    *shared = (struct h2_shared){.allocator = allocator};
    chunk_pool_init(&shared->chunks, allocator, H2_LIMIT_SPARE_CHUNKS);
    slab_init(&shared->streams, allocator, sizeof(struct h2_stream),
              H2_LIMIT_SPARE_STREAMS, NULL);
    slab_init(&shared->sets, allocator, sizeof(struct h2_stream_set),
              H2_LIMIT_SPARE_SETS, NULL);
    slab_init(&shared->tables, allocator, sizeof(struct h2_bucket_table),
              H2_LIMIT_SPARE_TABLES, NULL);
    chunk_lender_init(&shared->lender, allocator, H2_LIMIT_SPARE_LOANS);
    hpack_block_init(&shared->block, allocator);
}

void h2_shared_fini(struct h2_shared *shared)
{
    hpack_block_fini(&shared->block);
    chunk_lender_fini(&shared->lender);
    slab_fini(&shared->tables);
    slab_fini(&shared->sets);
    slab_fini(&shared->streams);
    slab_fini(&shared->chunks);
}

struct h2_options h2_options_default(bool is_server)
{
    return h2_options_make(is_server, h2_limits_default());
}

struct h2_options h2_options_make(bool is_server, const grpc_limits *limits)
{
    struct h2_options options = {
        .is_server = is_server,
        .local = h2_settings_initial(),
        .connection_window = limits->connection_window_bytes,
        .header_limits = {.list_bytes = limits->header_bytes,
                          .list_fields = (uint16_t)limits->header_fields,
                          .hard_bytes = limits->header_bytes_hard,
                          .hard_fields = (uint16_t)limits->header_fields_hard},
        .limits = limits,
    };
    options.local.header_table_size = limits->header_table_bytes;
    options.local.initial_window_size = limits->stream_window_bytes;
    options.local.max_frame_size = limits->frame_bytes;
    options.local.max_header_list_size = limits->header_bytes;
    if (is_server) {
        options.local.max_concurrent_streams = H2_LIMIT_CONCURRENT_STREAMS;
    } else {
        options.local.enable_push = 0;
    }
    return options;
}

static bool h2conn_send_preface(struct h2_conn *conn,
                                const struct h2_settings *settings)
{
    if (!conn->is_server &&
        !chunk_queue_append(&conn->out,
                            VIEW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))) {
        return false;
    }
    if (!h2_settings_send(conn, settings)) {
        return false;
    }
    h2_flow_begin(conn);
    return conn->state != H2_CONN_CLOSED;
}

bool h2_conn_init(struct h2_conn *conn, struct h2_shared *shared,
                  const struct h2_options *options)
{
    ASSERT(options->connection_window <= H2_WINDOW_MAX);
    *conn = (struct h2_conn){
        .state = H2_CONN_PREFACE,
        .is_server = options->is_server,
        .peer = h2_settings_initial(),
        .next_local_id = 1,
        .idle_left = H2_LIMIT_IDLE_FRAMES,
        .shared = shared,
        .limits = options->limits,
        .wanted = h2_settings_initial(),
        .connection_window = options->connection_window,
        .send_window = H2_WINDOW_DEFAULT,
        .receive_window = H2_WINDOW_DEFAULT,
        .goaway_sent_id = H2_STREAM_ID_MAX,
        .goaway_received_id = H2_STREAM_ID_MAX,
    };
    h2_settings_take_force(conn);
    h2_flow_init(conn, options->local.initial_window_size);
    conn->peer.max_concurrent_streams = H2_LIMIT_STREAMS_BEFORE_SETTINGS;
    chunk_queue_init(&conn->out, &shared->chunks);
    hpack_decoder_init(&conn->decoder, shared->allocator,
                       conn->local.header_table_size, &options->header_limits);
    hpack_encoder_init(&conn->encoder, shared->allocator,
                       conn->limits->encoder_table_bytes);
    if (!h2conn_send_preface(conn, &options->local)) {
        h2_conn_fini(conn);
        return false;
    }
    return true;
}

void h2_conn_fini(struct h2_conn *conn)
{
    while (conn->set != NULL) {
        struct list_link *link = list_first(&conn->set->streams);
        h2_stream_free(LIST_OWNER(link, struct h2_stream, link_all));
    }
    ASSERT(conn->stream_count == 0);
    ASSERT(conn->open_count == 0);
    alloc_free(conn->shared->allocator, conn->spill, conn->spill_capacity);
    conn->spill = NULL;
    conn->spill_capacity = 0;
    chunk_queue_clear(&conn->out);
    hpack_decoder_fini(&conn->decoder);
    hpack_encoder_fini(&conn->encoder);
}

// ---- State and errors -------------------------------------------------------

// h2conn_legal[from] has bit `to` set where that step exists.
static const uint8_t h2conn_legal[] = {
    [H2_CONN_PREFACE] =
        1 << H2_CONN_OPEN | 1 << H2_CONN_DRAINING | 1 << H2_CONN_CLOSED,
    [H2_CONN_OPEN] = 1 << H2_CONN_DRAINING | 1 << H2_CONN_CLOSED,
    [H2_CONN_DRAINING] = 1 << H2_CONN_CLOSED,
    [H2_CONN_CLOSED] = 0,
};

void h2_conn_set_state(struct h2_conn *conn, enum h2_conn_state state)
{
    ASSERT((h2conn_legal[conn->state] & 1u << state) != 0);
    (void)h2conn_legal;
    conn->state = (uint8_t)state;
}

// h2conn_drain follows a GOAWAY of either side.
static void h2conn_drain(struct h2_conn *conn)
{
    if (conn->state == H2_CONN_OPEN) {
        h2_conn_set_state(conn, H2_CONN_DRAINING);
    }
}

bool h2_conn_fail(struct h2_conn *conn, enum h2_code code, const char *reason)
{
    if (conn->state == H2_CONN_CLOSED) {
        return false;
    }
    conn->close_code = (uint8_t)code;
    conn->close_reason = reason;
    bool told = h2_goaway(conn, conn->last_peer_id, code,
                          view_of(reason, strlen(reason)));
    (void)told; // without memory for it the connection just ends
    h2_conn_set_state(conn, H2_CONN_CLOSED);
    return false;
}

bool h2_conn_no_memory(struct h2_conn *conn)
{
    return h2_conn_fail(conn, H2_INTERNAL_ERROR, "out of memory");
}

void h2_close(struct h2_conn *conn, enum h2_code code, const char *reason)
{
    (void)h2_conn_fail(conn, code, reason);
}

void h2_close_input(struct h2_conn *conn, const char *reason)
{
    if (conn->state != H2_CONN_CLOSED) {
        conn->close_code = H2_NO_ERROR;
        conn->close_reason = reason;
        h2_conn_set_state(conn, H2_CONN_CLOSED);
    }
}

// ---- Control frames ---------------------------------------------------------

// h2conn_own_frame is h2_conn_frame for one that the peer has no part in: it
// must not keep us from reading, or two ends that wait for each other to read
// would wait for ever.
static uint8_t *h2conn_own_frame(struct h2_conn *conn,
                                 const struct h2_frame *frame)
{
    size_t size = H2_HEAD_SIZE + (size_t)frame->length;
    uint8_t *head = chunk_queue_reserve(&conn->out, size);
    if (head == NULL) {
        return NULL;
    }
    h2_frame_write(head, frame);
    chunk_queue_commit(&conn->out, size);
    return head + H2_HEAD_SIZE;
}

uint8_t *h2_conn_frame(struct h2_conn *conn, const struct h2_frame *frame)
{
    uint8_t *payload = h2conn_own_frame(conn, frame);
    // A client resets its own streams, as many as its user cancels.
    bool is_own = frame->type == H2_FRAME_RST_STREAM && !conn->is_server;
    if (payload != NULL && !is_own) {
        h2_conn_induced(conn, H2_HEAD_SIZE + (size_t)frame->length);
    }
    return payload;
}

void h2_conn_word(struct h2_conn *conn, enum h2_frame_type type,
                  uint32_t stream_id, uint32_t word)
{
    uint8_t *payload = h2_conn_frame(conn, &(struct h2_frame){
                                               .type = (uint8_t)type,
                                               .stream_id = stream_id,
                                               .length = 4,
                                           });
    if (payload == NULL) {
        (void)h2_conn_no_memory(conn);
        return;
    }
    store_be32(payload, word);
}

bool h2_ping(struct h2_conn *conn, const uint8_t payload[8])
{
    if (conn->state == H2_CONN_CLOSED) {
        return true;
    }
    uint8_t *to = h2conn_own_frame(
        conn, &(struct h2_frame){.type = H2_FRAME_PING, .length = 8});
    if (to == NULL) {
        return false;
    }
    memcpy(to, payload, 8);
    return true;
}

static bool h2conn_put_goaway(struct h2_conn *conn, uint32_t last_stream_id,
                              enum h2_code code, struct view debug)
{
    if (debug.size > H2_LIMIT_GOAWAY_TEXT) {
        debug.size = H2_LIMIT_GOAWAY_TEXT;
    }
    uint8_t *payload = h2_conn_frame(
        conn, &(struct h2_frame){.type = H2_FRAME_GOAWAY,
                                 .length = 8 + (uint32_t)debug.size});
    if (payload == NULL) {
        return false;
    }
    if (last_stream_id < conn->goaway_sent_id) {
        conn->goaway_sent_id = last_stream_id;
    }
    store_be32(payload, conn->goaway_sent_id);
    store_be32(payload + 4, code);
    if (debug.size > 0) {
        memcpy(payload + 8, debug.data, debug.size);
    }
    conn->goaway_sent = true;
    h2conn_drain(conn);
    return true;
}

bool h2_goaway(struct h2_conn *conn, uint32_t last_stream_id, enum h2_code code,
               struct view debug)
{
    return conn->state == H2_CONN_CLOSED ||
           h2conn_put_goaway(conn, last_stream_id, code, debug);
}

bool h2_conn_goaway_received(struct h2_conn *conn, uint32_t last_id)
{
    if (last_id > conn->goaway_received_id) {
        return h2_conn_fail(conn, H2_PROTOCOL_ERROR,
                            "GOAWAY with a higher last stream id than before");
    }
    conn->goaway_received_id = last_id;
    conn->goaway_received = true;
    h2conn_drain(conn);
    if (conn->is_server || conn->set == NULL) {
        return true;
    }
    LIST_EACH (cursor, after, &conn->set->streams) {
        struct h2_stream *stream =
            LIST_OWNER(cursor, struct h2_stream, link_all);
        if (stream->state == H2_STATE_CLOSED ||
            (stream->id != 0 && stream->id <= last_id)) {
            continue;
        }
        if (stream->id != 0) {
            h2_stream_ended(conn, stream->id);
        }
        h2_stream_set_state(stream, H2_STATE_CLOSED);
        stream->refused_due = true;
        list_remove(&stream->link_due);
        list_append(&conn->set->due, &stream->link_due);
    }
    return true;
}

// ---- Output -----------------------------------------------------------------

void h2_conn_induced(struct h2_conn *conn, size_t size)
{
    conn->induced_bytes += (uint32_t)size;
    conn->induced_end = (uint32_t)conn->out.size;
}

static uint32_t h2conn_less(uint32_t value, size_t n)
{
    return value > n ? value - (uint32_t)n : 0;
}

static void h2conn_induced_left(struct h2_conn *conn, size_t n)
{
    conn->induced_end = h2conn_less(conn->induced_end, n);
    conn->induced_old_end = h2conn_less(conn->induced_old_end, n);
    if (conn->induced_old_end == 0) {
        conn->induced_bytes -= conn->induced_old;
        if (conn->induced_end == 0) {
            conn->induced_bytes = 0;
        }
        conn->induced_old = conn->induced_bytes;
        conn->induced_old_end = conn->induced_end;
    }
}

size_t h2_output_size(const struct h2_conn *conn)
{
    return conn->out.size;
}

size_t h2_output_peek(const struct h2_conn *conn, struct view *views,
                      size_t max)
{
    return chunk_queue_peek(&conn->out, views, max);
}

void h2_output_consume(struct h2_conn *conn, size_t n)
{
    chunk_queue_consume(&conn->out, n);
    conn->left_bytes += n;
    if (conn->induced_bytes > 0) {
        h2conn_induced_left(conn, n);
    }
    if (conn->state != H2_CONN_CLOSED) {
        h2_send_pump(conn);
    }
}

void h2_drop_output(struct h2_conn *conn)
{
    chunk_queue_clear(&conn->out);
    conn->induced_bytes = 0;
    conn->induced_old = 0;
    conn->induced_old_end = 0;
    conn->induced_end = 0;
}

void h2_take_back(struct h2_conn *conn, uint64_t place)
{
    ASSERT(!h2_has_left(conn, place));
    if (place >= h2_output_end(conn)) {
        return;
    }
    struct chunk_queue kept;
    size_t size = (size_t)(place - conn->left_bytes);
    chunk_queue_init(&kept, conn->out.pool);
    // Without memory for the cut, what stands before is lost as well.
    bool has_kept = size > 0 && chunk_queue_move(&kept, &conn->out, size);
    h2_drop_output(conn);
    if (has_kept) {
        conn->out = kept;
    }
    if (conn->close_code != H2_NO_ERROR && (size == 0 || has_kept)) {
        bool told = h2conn_put_goaway(
            conn, conn->last_peer_id, (enum h2_code)conn->close_code,
            view_of(conn->close_reason, strlen(conn->close_reason)));
        (void)told;
    }
}
