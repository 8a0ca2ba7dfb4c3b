// SPDX-License-Identifier: MIT
// Frames are encoded straight into conn->out. Bytes there never move, so the
// length of a frame can be written when its end is known; a frame that cannot
// be finished for want of memory becomes one of a type that every peer ignores.
//
// DATA that finds a window and room goes out at once. What does not waits in
// its stream's queue, copied or lent, and the stream in one of two lists by
// link_sendable:
//
//   sendable  it may have a window; served in turn, one frame each
//   stalled   it had no window of its own; WINDOW_UPDATE or SETTINGS bring it
//             back
//
// DATA that is lent, and too long to be copied, always passes through the queue:
// the pump shares it with the output, frame by frame. Its loan is over when
// neither holds a piece of it.
//
// Invariants (h2_check):
//   1. a stream is in one of the lists exactly when it has queued DATA.
//   2. end_queued only with queued DATA: END_STREAM alone never waits.

#include "h2/h2_send.h"

#include "base/assert.h"
#include "h2/h2_conn.h"
#include "h2/h2_flow.h"
#include "h2/h2_limits.h"
#include "h2/h2_stream.h"

enum {
    // What a field's representation adds to its two strings, at most.
    H2SEND_FIELD_EXTRA = 16,
    // A block of up to so many fields may be h2send_block_short.
    H2SEND_SHORT = 32,
    // Payload up to this is copied beside its head in one piece.
    H2SEND_SMALL = 1024,
    // The largest payload of HEADERS, CONTINUATION and DATA: every peer takes
    // it, and of one that takes more other streams want their turn.
    H2SEND_FRAME = H2_FRAME_SIZE_DEFAULT,
};

// h2send_head leaves room for a head behind the output; NULL without memory.
static uint8_t *h2send_head(struct h2_conn *conn)
{
    uint8_t *head = chunk_queue_reserve(&conn->out, H2_HEAD_SIZE);
    if (head != NULL) {
        chunk_queue_commit(&conn->out, H2_HEAD_SIZE);
    }
    return head;
}

// h2send_void gives a frame up that has length bytes of payload so far.
static void h2send_void(uint8_t *head, size_t length)
{
    h2_frame_write(head, &(struct h2_frame){.type = H2_FRAME_VOID,
                                            .length = (uint32_t)length});
}

// ---- HEADERS ----------------------------------------------------------------

bool h2_can_open(const struct h2_conn *conn)
{
    // Streams without an id yet will take theirs.
    uint32_t ids_left = (H2_STREAM_ID_MAX - conn->next_local_id) / 2;
    return !conn->is_server && !conn->goaway_sent && !conn->goaway_received &&
           (conn->state == H2_CONN_PREFACE || conn->state == H2_CONN_OPEN) &&
           conn->next_local_id <= H2_STREAM_ID_MAX &&
           conn->open_count < conn->peer.max_concurrent_streams &&
           conn->open_count <= ids_left;
}

struct h2_stream *h2_open(struct h2_conn *conn, void *owner)
{
    ASSERT(h2_can_open(conn));
    struct h2_stream *stream = h2_stream_new(conn);
    if (stream != NULL) {
        stream->owner = owner;
    }
    return stream;
}

static bool h2send_fields(struct h2_conn *conn, struct chunk_queue *out,
                          const struct h2_field *fields, size_t count)
{
    if (!hpack_encode_begin(&conn->encoder, out)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!hpack_encode(&conn->encoder, out, &fields[i].field, fields[i].mode,
                          fields[i].hint)) {
            return false;
        }
    }
    return true;
}

// h2send_block_short sends a block of fields that take a byte each, as they do
// from the second call of a kind on. False: it is not one, or there is no
// memory; then nothing was written.
static bool h2send_block_short(struct h2_conn *conn, struct h2_frame frame,
                               const struct h2_field *fields, size_t count)
{
    if (count > H2SEND_SHORT) {
        return false;
    }
    uint8_t *head = chunk_queue_reserve(&conn->out, H2_HEAD_SIZE + count);
    if (head == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!hpack_encode_byte(&conn->encoder, head + H2_HEAD_SIZE + i,
                               &fields[i].field, fields[i].mode,
                               fields[i].hint)) {
            return false;
        }
    }
    frame.length = (uint32_t)count;
    frame.flags |= H2_FLAG_END_HEADERS;
    h2_frame_write(head, &frame);
    chunk_queue_commit(&conn->out, H2_HEAD_SIZE + count);
    return true;
}

// h2send_block_whole encodes a block that fits into one frame.
static bool h2send_block_whole(struct h2_conn *conn, struct h2_frame frame,
                               const struct h2_field *fields, size_t count)
{
    uint8_t *head = h2send_head(conn);
    if (head == NULL) {
        return false;
    }
    size_t start = conn->out.size;
    bool done = h2send_fields(conn, &conn->out, fields, count);
    size_t length = conn->out.size - start;
    if (!done) {
        h2send_void(head, length);
        return false;
    }
    ASSERT(length <= conn->peer.max_frame_size);
    frame.length = (uint32_t)length;
    frame.flags |= H2_FLAG_END_HEADERS;
    h2_frame_write(head, &frame);
    return true;
}

// h2send_block_cut sends an encoded block as HEADERS and CONTINUATION.
static bool h2send_block_cut(struct h2_conn *conn, struct h2_frame frame,
                             struct chunk_queue *block)
{
    do {
        size_t part = block->size < H2SEND_FRAME ? block->size : H2SEND_FRAME;
        frame.length = (uint32_t)part;
        if (part == block->size) {
            frame.flags |= H2_FLAG_END_HEADERS;
        }
        uint8_t *head = h2send_head(conn);
        if (head == NULL) {
            return false;
        }
        if (!chunk_queue_move(&conn->out, block, part)) {
            h2send_void(head, 0);
            return false;
        }
        h2_frame_write(head, &frame);
        frame.type = H2_FRAME_CONTINUATION;
        frame.flags = 0;
    } while (block->size > 0);
    return true;
}

// h2send_block_long encodes a block that may need several frames.
static bool h2send_block_long(struct h2_conn *conn, struct h2_frame frame,
                              const struct h2_field *fields, size_t count)
{
    struct chunk_queue block;
    chunk_queue_init(&block, &conn->shared->chunks);
    bool done = h2send_fields(conn, &block, fields, count) &&
                h2send_block_cut(conn, frame, &block);
    chunk_queue_clear(&block);
    return done;
}

// h2send_bound is what a block takes at most.
static size_t h2send_bound(const struct h2_field *fields, size_t count)
{
    size_t bound = H2SEND_FIELD_EXTRA; // table size updates
    for (size_t i = 0; i < count; i++) {
        bound += fields[i].field.name.size + fields[i].field.value.size +
                 H2SEND_FIELD_EXTRA;
    }
    return bound;
}

static bool h2send_block(struct h2_conn *conn, struct h2_frame frame,
                         const struct h2_field *fields, size_t count)
{
    bool whole = h2send_bound(fields, count) <= H2SEND_FRAME;
    return whole ? h2send_block_whole(conn, frame, fields, count)
                 : h2send_block_long(conn, frame, fields, count);
}

static void h2send_open(struct h2_conn *conn, struct h2_stream *stream)
{
    uint32_t id = conn->next_local_id;
    ASSERT(id <= H2_STREAM_ID_MAX);
    h2_stream_opened(conn, id);
    h2_stream_name(stream, id);
    h2_conn_earn_idle(conn);
    h2_stream_set_state(stream, H2_STATE_OPEN);
}

bool h2_send_headers(struct h2_conn *conn, struct h2_stream *stream,
                     const struct h2_field *fields, size_t count,
                     bool end_stream)
{
    if (conn->state == H2_CONN_CLOSED || stream->state == H2_STATE_CLOSED) {
        return true;
    }
    ASSERT(stream->out.size == 0);
    if (stream->state == H2_STATE_IDLE) {
        h2send_open(conn, stream);
    }
    ASSERT(h2_stream_can_send(stream));
    struct h2_frame frame = {
        .type = H2_FRAME_HEADERS,
        .flags = end_stream ? H2_FLAG_END_STREAM : 0,
        .stream_id = stream->id,
    };
    size_t start = conn->out.size;
    if (!h2send_block_short(conn, frame, fields, count) &&
        !h2send_block(conn, frame, fields, count)) {
        return h2_conn_no_memory(conn);
    }
    stream->headers_sent = true;
    conn->spoke = true;
    if (conn->is_server) {
        // Flow control does not bound replies that are headers alone.
        h2_conn_induced(conn, conn->out.size - start);
    }
    if (end_stream) {
        h2_stream_end_local(stream);
    }
    return true;
}

// ---- DATA -------------------------------------------------------------------

static bool h2send_has_room(const struct h2_conn *conn)
{
    return conn->out.size < conn->limits->output_bytes;
}

// h2send_fits: size bytes may leave as one frame now.
static bool h2send_fits(const struct h2_conn *conn,
                        const struct h2_stream *stream, size_t size)
{
    if (size == 0) {
        return true;
    }
    return size <= H2SEND_FRAME && (int64_t)size <= conn->send_window &&
           (int64_t)size <= h2_flow_send_window(stream) &&
           h2send_has_room(conn);
}

static struct h2_frame h2send_data_frame(const struct h2_stream *stream,
                                         size_t size, bool end)
{
    return (struct h2_frame){
        .type = H2_FRAME_DATA,
        .flags = end ? H2_FLAG_END_STREAM : 0,
        .stream_id = stream->id,
        .length = (uint32_t)size,
    };
}

// h2send_data_sent follows a DATA frame of size bytes into the output.
static void h2send_data_sent(struct h2_conn *conn, struct h2_stream *stream,
                             size_t size, bool end)
{
    conn->send_window -= (int32_t)size;
    stream->send_delta -= (int64_t)size;
    conn->spoke = true;
    h2_conn_earn_idle(conn);
    if (end) {
        stream->end_queued = false;
        h2_stream_end_local(stream);
    }
}

static bool h2send_direct(struct h2_conn *conn, struct h2_stream *stream,
                          struct view payload, bool end)
{
    struct h2_frame frame = h2send_data_frame(stream, payload.size, end);
    if (payload.size <= H2SEND_SMALL) {
        size_t size = H2_HEAD_SIZE + payload.size;
        uint8_t *head = chunk_queue_reserve(&conn->out, size);
        if (head == NULL) {
            return false;
        }
        h2_frame_write(head, &frame);
        if (payload.size > 0) {
            memcpy(head + H2_HEAD_SIZE, payload.data, payload.size);
        }
        chunk_queue_commit(&conn->out, size);
    } else {
        uint8_t *head = h2send_head(conn);
        if (head == NULL) {
            return false;
        }
        if (!chunk_queue_append(&conn->out, payload)) {
            h2send_void(head, 0);
            return false;
        }
        h2_frame_write(head, &frame);
    }
    h2send_data_sent(conn, stream, payload.size, end);
    return true;
}

// h2send_queue_grown follows size more bytes into the stream's queue.
static void h2send_queue_grown(struct h2_conn *conn, struct h2_stream *stream,
                               size_t size, bool end)
{
    stream->end_queued = end;
    conn->set->queued_bytes += size;
    if (!list_is_linked(&stream->link_sendable)) {
        list_append(&conn->set->sendable, &stream->link_sendable);
    }
    h2_send_pump(conn);
}

bool h2_send_data(struct h2_conn *conn, struct h2_stream *stream,
                  struct view payload, bool end_stream)
{
    if (conn->state == H2_CONN_CLOSED || stream->state == H2_STATE_CLOSED) {
        return true;
    }
    ASSERT(h2_stream_can_send(stream));
    ASSERT(stream->headers_sent);
    ASSERT(!stream->end_queued);
    if (payload.size == 0 && !end_stream) {
        return true;
    }
    if (stream->out.size == 0 && h2send_fits(conn, stream, payload.size)) {
        return h2send_direct(conn, stream, payload, end_stream);
    }
    if (!chunk_queue_append(&stream->out, payload)) {
        return false;
    }
    h2send_queue_grown(conn, stream, payload.size, end_stream);
    return true;
}

// ---- DATA that is lent ------------------------------------------------------

static void h2send_put(uint8_t *to, struct view prefix, struct view payload)
{
    memcpy(to, prefix.data, prefix.size);
    if (payload.size > 0) {
        memcpy(to + prefix.size, payload.data, payload.size);
    }
}

// h2send_copied is h2_send_data for a short payload behind a prefix.
static bool h2send_copied(struct h2_conn *conn, struct h2_stream *stream,
                          struct view prefix, struct view payload, bool end)
{
    size_t size = prefix.size + payload.size;
    bool direct = stream->out.size == 0 && h2send_fits(conn, stream, size);
    struct chunk_queue *out = direct ? &conn->out : &stream->out;
    size_t head = direct ? H2_HEAD_SIZE : 0;
    uint8_t *at = chunk_queue_reserve(out, head + size);
    if (at == NULL) {
        return false;
    }
    h2send_put(at + head, prefix, payload);
    chunk_queue_commit(out, head + size);
    if (direct) {
        struct h2_frame frame = h2send_data_frame(stream, size, end);
        h2_frame_write(at, &frame);
        h2send_data_sent(conn, stream, size, end);
    } else {
        h2send_queue_grown(conn, stream, size, end);
    }
    return true;
}

// h2send_lent queues payload where it is; the pump cuts it into frames.
static bool h2send_lent(struct h2_conn *conn, struct h2_stream *stream,
                        struct chunk_loan *loan, struct view prefix,
                        struct view payload, bool end)
{
    if (!chunk_queue_lend(&stream->out, loan, prefix, payload)) {
        return false;
    }
    h2send_queue_grown(conn, stream, prefix.size + payload.size, end);
    return true;
}

static bool h2send_loan(struct h2_conn *conn, struct h2_stream *stream,
                        struct chunk_loan *loan, struct view prefix,
                        struct view payload, bool end)
{
    if (conn->state == H2_CONN_CLOSED || stream->state == H2_STATE_CLOSED) {
        return true;
    }
    ASSERT(h2_stream_can_send(stream));
    ASSERT(stream->headers_sent);
    ASSERT(!stream->end_queued);
    if (payload.size > CHUNK_COPIED) {
        return h2send_lent(conn, stream, loan, prefix, payload, end);
    }
    if (prefix.size > 0) {
        return h2send_copied(conn, stream, prefix, payload, end);
    }
    return h2_send_data(conn, stream, payload, end);
}

bool h2_send_data_lent(struct h2_conn *conn, struct h2_stream *stream,
                       struct view prefix, struct view payload,
                       void (*release)(void *argument), void *argument,
                       bool end_stream)
{
    ASSERT(prefix.size <= CHUNK_PREFIX);
    struct chunk_loan *loan =
        chunk_loan_new(&conn->shared->lender, release, argument);
    if (loan == NULL) {
        return false;
    }
    if (!h2send_loan(conn, stream, loan, prefix, payload, end_stream)) {
        chunk_loan_cancel(loan);
        return false;
    }
    chunk_loan_unref(loan);
    return true;
}

// h2send_queued_size is how much of the queue may leave as one frame.
static size_t h2send_queued_size(const struct h2_conn *conn,
                                 const struct h2_stream *stream)
{
    int64_t size = H2SEND_FRAME;
    int64_t window = h2_flow_send_window(stream);
    size = conn->send_window < size ? conn->send_window : size;
    size = window < size ? window : size;
    if (size <= 0) {
        return 0;
    }
    return stream->out.size < (uint64_t)size ? stream->out.size : (size_t)size;
}

static void h2send_make_due(struct h2_stream *stream)
{
    stream->writable_wanted = false;
    if (!list_is_linked(&stream->link_due)) {
        list_append(&stream->conn->set->due, &stream->link_due);
    }
}

static bool h2send_queued(struct h2_conn *conn, struct h2_stream *stream,
                          size_t size)
{
    bool last = size == stream->out.size;
    bool end = last && stream->end_queued;
    struct h2_frame frame = h2send_data_frame(stream, size, end);
    uint8_t *head = h2send_head(conn);
    if (head == NULL) {
        return false;
    }
    if (!chunk_queue_move(&conn->out, &stream->out, size)) {
        h2send_void(head, 0);
        return false;
    }
    h2_frame_write(head, &frame);
    conn->set->queued_bytes -= size;
    list_remove(&stream->link_sendable);
    if (!last) {
        list_append(&conn->set->sendable, &stream->link_sendable);
    } else if (stream->writable_wanted) {
        h2send_make_due(stream);
    }
    h2send_data_sent(conn, stream, size, end);
    return true;
}

void h2_send_pump(struct h2_conn *conn)
{
    struct h2_stream_set *set = conn->set;
    if (set == NULL) {
        return;
    }
    while (!list_is_empty(&set->sendable) && conn->send_window > 0 &&
           h2send_has_room(conn)) {
        struct h2_stream *stream = LIST_OWNER(list_first(&set->sendable),
                                              struct h2_stream, link_sendable);
        size_t size = h2send_queued_size(conn, stream);
        if (size == 0) {
            list_remove(&stream->link_sendable);
            list_append(&set->stalled, &stream->link_sendable);
        } else if (!h2send_queued(conn, stream, size)) {
            (void)h2_conn_no_memory(conn);
            return;
        }
    }
}

void h2_send_unstall(struct h2_conn *conn)
{
    if (conn->set != NULL) {
        list_move(&conn->set->sendable, &conn->set->stalled);
    }
}

size_t h2_queued_bytes(const struct h2_stream *stream)
{
    return stream->out.size;
}

size_t h2_queued_in_all(const struct h2_conn *conn)
{
    return conn->set == NULL ? 0 : conn->set->queued_bytes;
}

void h2_want_writable(struct h2_stream *stream)
{
    if (stream->state == H2_STATE_CLOSED) {
        return;
    }
    if (stream->out.size == 0) {
        h2send_make_due(stream);
    } else {
        stream->writable_wanted = true;
    }
}

// ---- RST_STREAM -------------------------------------------------------------

void h2_send_reset(struct h2_conn *conn, uint32_t id, enum h2_code code)
{
    h2_stream_ended(conn, id);
    h2_conn_word(conn, H2_FRAME_RST_STREAM, id, code);
}

void h2_reset(struct h2_conn *conn, struct h2_stream *stream, enum h2_code code)
{
    if (stream->state == H2_STATE_CLOSED) {
        return;
    }
    if (stream->state != H2_STATE_IDLE && conn->state != H2_CONN_CLOSED) {
        h2_send_reset(conn, stream->id, code);
    }
    stream->reset = true;
    stream->end_queued = false;
    stream->writable_wanted = false;
    list_remove(&stream->link_due);
    h2_stream_set_state(stream, H2_STATE_CLOSED);
}

void h2_release(struct h2_conn *conn, struct h2_stream *stream)
{
    h2_reset(conn, stream, H2_CANCEL);
    h2_flow_forget(conn, stream);
    h2_stream_free(stream);
}
