// SPDX-License-Identifier: MIT
// One handler per frame type, for the frames that are needed whole, and the
// events that they give.
//
// Errors of a peer that the RFC calls stream errors, but that a correct peer
// never makes, close the connection (section 5.4.1 allows it), so that nobody
// can make us send RST_STREAM in a loop.

#include "h2/h2_handle.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/endian.h"
#include "h2/h2_conn.h"
#include "h2/h2_fields.h"
#include "h2/h2_flow.h"
#include "h2/h2_limits.h"
#include "h2/h2_send.h"
#include "h2/h2_settings.h"
#include "h2/h2_stream.h"

enum { H2HANDLE_SPILL_FIRST = 256 }; // bytes; it doubles from there

// ---- Spill ------------------------------------------------------------------

void h2_handle_drop_spill(struct h2_conn *conn)
{
    alloc_free(conn->shared->allocator, conn->spill, conn->spill_capacity);
    conn->spill = NULL;
    conn->spill_size = 0;
    conn->spill_capacity = 0;
    conn->spill_used = false;
}

// h2_handle_spill appends to the spill. It grows with what has come, not with
// what a head promised. False: the connection has failed.
bool h2_handle_spill(struct h2_conn *conn, struct view bytes)
{
    if (bytes.size == 0) {
        return true;
    }
    size_t needed = conn->spill_size + bytes.size;
    if (needed > conn->spill_capacity) {
        size_t capacity = H2HANDLE_SPILL_FIRST;
        while (capacity < needed) {
            capacity *= 2;
        }
        uint8_t *grown = alloc_resize(conn->shared->allocator, conn->spill,
                                      conn->spill_capacity, capacity);
        if (grown == NULL) {
            return h2_conn_no_memory(conn);
        }
        conn->spill = grown;
        conn->spill_capacity = (uint32_t)capacity;
    }
    memcpy(conn->spill + conn->spill_size, bytes.data, bytes.size);
    conn->spill_size = (uint32_t)needed;
    return true;
}

// ---- Events -----------------------------------------------------------------

static bool h2handle_event(struct h2_event *event, enum h2_event_type type,
                           struct h2_stream *stream)
{
    event->type = type;
    event->stream = stream;
    event->end_stream = false;
    return true;
}

static bool h2handle_reset_event(struct h2_event *event,
                                 struct h2_stream *stream,
                                 struct h2_fault fault, bool by_peer)
{
    event->code = fault.code;
    event->reason = fault.reason;
    event->by_peer = by_peer;
    return h2handle_event(event, H2_EVENT_RESET, stream);
}

// h2_handle_stream_error resets the stream for what the peer did.
bool h2_handle_stream_error(struct h2_stream *stream, enum h2_code code,
                            const char *reason, struct h2_event *event)
{
    stream->conn->resets++;
    h2_reset(stream->conn, stream, code);
    return h2handle_reset_event(
        event, stream, (struct h2_fault){.code = code, .reason = reason},
        false);
}

// h2handle_goaway_event: why is the code, and the text behind it.
static bool h2handle_goaway_event(struct h2_conn *conn, struct view why,
                                  struct h2_event *event)
{
    event->code = load_be32(why.data);
    event->reason = "GOAWAY";
    event->by_peer = true;
    event->last_stream_id = conn->goaway_received_id;
    event->debug = view_skip(why, 4);
    return h2handle_event(event, H2_EVENT_GOAWAY, NULL);
}

bool h2_handle_due(struct h2_conn *conn, struct h2_event *event)
{
    struct list_link *link =
        conn->set == NULL ? NULL : list_take(&conn->set->due);
    if (link == NULL) {
        conn->goaway_due = false;
        conn->spill_used = conn->spill != NULL;
        return h2handle_goaway_event(
            conn, view_of(conn->spill, conn->spill_size), event);
    }
    struct h2_stream *stream = LIST_OWNER(link, struct h2_stream, link_due);
    if (stream->refused_due) {
        stream->refused_due = false;
        return h2handle_reset_event(
            event, stream,
            (struct h2_fault){H2_REFUSED_STREAM, "GOAWAY left the stream out"},
            true);
    }
    if (stream->out.size > 0) {
        // More was queued meanwhile.
        stream->writable_wanted = true;
        return false;
    }
    return h2handle_event(event, H2_EVENT_WRITABLE, stream);
}

// ---- Header blocks ----------------------------------------------------------

static bool h2handle_decode(struct h2_conn *conn, struct view block)
{
    struct h2_shared *shared = conn->shared;
    bool repeated = false;
    enum hpack_result result =
        hpack_decode_whole(&conn->decoder, &shared->block, block, &repeated);
    if (!repeated) {
        shared->fields_checked = false;
        shared->block_memo = 0;
    }
    if (LIKELY(result == HPACK_OK)) {
        return true;
    }
    if (result == HPACK_NO_MEMORY) {
        return h2_conn_no_memory(conn);
    }
    return h2_conn_fail(conn,
                        result == HPACK_TOO_LARGE ? H2_ENHANCE_YOUR_CALM
                                                  : H2_COMPRESSION_ERROR,
                        hpack_result_text(result));
}

// h2handle_check checks the block that was decoded, unless it is the same again.
static const struct h2_fields *h2handle_check(struct h2_shared *shared,
                                              enum h2_fields_role role)
{
    if (!shared->fields_checked || shared->fields_role != role) {
        shared->fields = h2_fields_check(&shared->block, role);
        shared->fields_role = role;
        shared->fields_checked = true;
    }
    return &shared->fields;
}

// h2handle_headers_event ends the handling of a block that is well formed.
static bool h2handle_headers_event(struct h2_stream *stream,
                                   enum h2_headers_kind kind, bool end,
                                   struct h2_event *event)
{
    if (end && stream->content_left > 0) {
        return h2_handle_stream_error(stream, H2_PROTOCOL_ERROR,
                                      "content is shorter than content-length",
                                      event);
    }
    if (end) {
        h2_stream_end_remote(stream);
    }
    event->type = H2_EVENT_HEADERS;
    event->stream = stream;
    event->end_stream = end;
    event->headers = kind;
    event->block = &stream->conn->shared->block;
    return true;
}

// h2handle_turn_away ends a request that gets no object.
static bool h2handle_turn_away(struct h2_conn *conn, uint32_t id,
                               enum h2_code code)
{
    // Until it has our SETTINGS, a client cannot know how many it may open.
    *(conn->settings_unacked && code == H2_REFUSED_STREAM ? &conn->glitches
                                                          : &conn->resets) += 1;
    h2_send_reset(conn, id, code);
    return false;
}

static bool h2handle_request(struct h2_conn *conn, uint32_t id, bool end,
                             struct h2_event *event)
{
    h2_stream_opened(conn, id);
    if (id > conn->goaway_sent_id) {
        // The peer has been told that it will not be answered.
        h2_stream_ended(conn, id);
        return false;
    }
    const struct h2_fields *fields =
        h2handle_check(conn->shared, H2_FIELDS_REQUEST);
    if (fields->fault != NULL || (end && fields->content_length > 0)) {
        return h2handle_turn_away(conn, id, H2_PROTOCOL_ERROR);
    }
    if (conn->stream_count >= conn->wanted.max_concurrent_streams) {
        return h2handle_turn_away(conn, id, H2_REFUSED_STREAM);
    }
    struct h2_stream *stream = h2_stream_new(conn);
    if (stream == NULL) {
        return h2_conn_no_memory(conn);
    }
    h2_stream_name(stream, id);
    h2_stream_set_state(stream, H2_STATE_OPEN);
    h2_conn_earn_idle(conn);
    stream->headers_received = true;
    stream->content_left = fields->content_length;
    return h2handle_headers_event(stream, H2_HEADERS_REQUEST, end, event);
}

static bool h2handle_informational(struct h2_stream *stream, bool end,
                                   struct h2_event *event)
{
    if (end) {
        return h2_handle_stream_error(stream, H2_PROTOCOL_ERROR,
                                      "informational response with END_STREAM",
                                      event);
    }
    // Compared before it is counted: the limit may be the most that a byte holds.
    if (stream->informational++ >=
        stream->conn->limits->informational_responses) {
        return h2_handle_stream_error(stream, H2_ENHANCE_YOUR_CALM,
                                      "too many informational responses",
                                      event);
    }
    return h2handle_headers_event(stream, H2_HEADERS_INFORMATIONAL, false,
                                  event);
}

static bool h2handle_response(struct h2_stream *stream, bool end,
                              struct h2_event *event)
{
    const struct h2_fields *fields =
        h2handle_check(stream->conn->shared, H2_FIELDS_RESPONSE);
    if (fields->fault != NULL) {
        return h2_handle_stream_error(stream, H2_PROTOCOL_ERROR, fields->fault,
                                      event);
    }
    event->http_status = fields->status;
    if (fields->status >= 100 && fields->status < 200) {
        return h2handle_informational(stream, end, event);
    }
    stream->headers_received = true;
    // These have no content whatever the length says (RFC 9110, 8.6).
    bool empty = fields->status == 204 || fields->status == 304;
    stream->content_left = empty ? -1 : fields->content_length;
    return h2handle_headers_event(stream, H2_HEADERS_RESPONSE, end, event);
}

static bool h2handle_trailers(struct h2_stream *stream, bool end,
                              struct h2_event *event)
{
    if (!end) {
        return h2_handle_stream_error(stream, H2_PROTOCOL_ERROR,
                                      "second HEADERS without END_STREAM",
                                      event);
    }
    const struct h2_fields *fields =
        h2handle_check(stream->conn->shared, stream->conn->is_server
                                                 ? H2_FIELDS_REQUEST_TRAILERS
                                                 : H2_FIELDS_RESPONSE_TRAILERS);
    if (fields->fault != NULL) {
        return h2_handle_stream_error(stream, H2_PROTOCOL_ERROR, fields->fault,
                                      event);
    }
    return h2handle_headers_event(stream, H2_HEADERS_TRAILERS, true, event);
}

// h2handle_block handles a complete header block. It is decoded also for streams
// that are gone, to keep the table in step.
static bool h2handle_block(struct h2_conn *conn, uint32_t id, uint8_t flags,
                           struct view block, struct h2_event *event)
{
    if (!h2handle_decode(conn, block)) {
        return false;
    }
    bool end = (flags & H2_FLAG_END_STREAM) != 0;
    if (h2_stream_is_idle(conn, id)) {
        return h2handle_request(conn, id, end, event);
    }
    struct h2_stream *stream = NULL;
    if (h2_stream_kind_of(conn, id, &stream) != H2_STREAM_KIND_LIVE) {
        h2_conn_count_idle(conn);
        return false;
    }
    return stream->headers_received ? h2handle_trailers(stream, end, event)
                                    : h2handle_response(stream, end, event);
}

// h2handle_may_have_headers fails the connection where HEADERS has no business.
static bool h2handle_may_have_headers(struct h2_conn *conn, uint32_t id)
{
    if (conn->is_server && id > conn->last_peer_id && id % 2 == 1) {
        return true; // a new request
    }
    struct h2_stream *stream = NULL;
    switch (h2_stream_kind_of(conn, id, &stream)) {
    case H2_STREAM_KIND_IDLE:
        return h2_conn_fail(conn, H2_PROTOCOL_ERROR,
                            "HEADERS on a stream that the peer may not open");
    case H2_STREAM_KIND_LIVE:
        if (h2_stream_can_receive(stream)) {
            return true;
        }
        return h2_conn_fail(conn, H2_STREAM_CLOSED, "HEADERS after END_STREAM");
    case H2_STREAM_KIND_SKIPPED:
        return h2_conn_fail(conn, H2_PROTOCOL_ERROR,
                            "stream id is lower than an earlier one");
    case H2_STREAM_KIND_CLOSED:
        return h2_conn_fail(conn, H2_STREAM_CLOSED,
                            "HEADERS on a closed stream");
    case H2_STREAM_KIND_ENDED:
        break;
    }
    return true;
}

// h2handle_gather keeps a fragment until its block is complete.
static bool h2handle_gather(struct h2_conn *conn, struct view fragment)
{
    if (conn->block_size + fragment.size > conn->decoder.limits.hard_bytes) {
        return h2_conn_fail(conn, H2_ENHANCE_YOUR_CALM,
                            "header block is too large");
    }
    if (conn->spill_size > conn->block_size) {
        // The frame was cut, so it is there already, with its padding.
        memmove(conn->spill + conn->block_size, fragment.data, fragment.size);
        conn->spill_size = conn->block_size + (uint32_t)fragment.size;
    } else if (!h2_handle_spill(conn, fragment)) {
        return false;
    }
    conn->block_size = conn->spill_size;
    return true;
}

static bool h2handle_headers(struct h2_conn *conn, struct view payload,
                             struct h2_event *event)
{
    const struct h2_frame *frame = &conn->frame;
    if (!h2handle_may_have_headers(conn, frame->stream_id)) {
        return false;
    }
    if ((frame->flags & (H2_FLAG_PADDED | H2_FLAG_PRIORITY)) != 0) {
        struct h2_fault fault = h2_frame_strip(frame, payload, &payload);
        if (fault.reason != NULL) {
            return h2_conn_fail(conn, fault.code, fault.reason);
        }
    }
    if ((frame->flags & H2_FLAG_END_HEADERS) != 0) {
        return h2handle_block(conn, frame->stream_id, frame->flags, payload,
                              event);
    }
    conn->block_id = frame->stream_id;
    conn->block_flags = frame->flags;
    conn->block_frames = 0;
    conn->block_empty = 0;
    (void)h2handle_gather(conn, payload);
    return false;
}

static bool h2handle_continuation(struct h2_conn *conn, struct view payload,
                                  struct h2_event *event)
{
    bool is_empty = conn->frame.length == 0;
    if (conn->block_frames++ >= conn->limits->continuation_frames ||
        (is_empty && ++conn->block_empty > H2_LIMIT_EMPTY_CONTINUATIONS)) {
        return h2_conn_fail(conn, H2_ENHANCE_YOUR_CALM,
                            "header block in too many frames");
    }
    if (!h2handle_gather(conn, payload) ||
        (conn->frame.flags & H2_FLAG_END_HEADERS) == 0) {
        return false;
    }
    struct view block = view_of(conn->spill, conn->block_size);
    conn->block_id = 0;
    conn->block_size = 0;
    return h2handle_block(conn, conn->frame.stream_id, conn->block_flags, block,
                          event);
}

// ---- Other frames that are needed whole -------------------------------------

static bool h2handle_unexpected(struct h2_conn *conn, struct view payload,
                                struct h2_event *event)
{
    (void)payload;
    (void)event;
    return h2_conn_fail(conn, H2_PROTOCOL_ERROR,
                        "PUSH_PROMISE, though push is not enabled");
}

static bool h2handle_priority(struct h2_conn *conn, struct view payload,
                              struct h2_event *event)
{
    (void)event;
    conn->glitches++;
    if (h2_frame_depends_on(payload.data) == conn->frame.stream_id) {
        return h2_conn_fail(conn, H2_PROTOCOL_ERROR,
                            "stream depends on itself");
    }
    return false;
}

static bool h2handle_rst_stream(struct h2_conn *conn, struct view payload,
                                struct h2_event *event)
{
    struct h2_stream *stream = NULL;
    enum h2_stream_kind kind =
        h2_stream_kind_of(conn, conn->frame.stream_id, &stream);
    if (kind == H2_STREAM_KIND_IDLE) {
        return h2_conn_fail(conn, H2_PROTOCOL_ERROR,
                            "RST_STREAM on an idle stream");
    }
    // Each stream may be reset once, also when that comes too late.
    if (conn->resets_left > 0) {
        conn->resets_left--;
    } else {
        conn->glitches++;
    }
    if (kind != H2_STREAM_KIND_LIVE) {
        return false;
    }
    stream->reset = true;
    stream->end_queued = false;
    stream->writable_wanted = false;
    list_remove(&stream->link_due);
    h2_stream_set_state(stream, H2_STATE_CLOSED);
    return h2handle_reset_event(
        event, stream, (struct h2_fault){load_be32(payload.data), "RST_STREAM"},
        true);
}

static bool h2handle_settings(struct h2_conn *conn, struct view payload,
                              struct h2_event *event)
{
    h2_conn_count_idle(conn);
    if ((conn->frame.flags & H2_FLAG_ACK) != 0) {
        bool acked = h2_settings_acked(conn);
        (void)acked; // a failure is told by the connection's state
        return false;
    }
    if (!h2_settings_received(conn, payload)) {
        return false;
    }
    return h2handle_event(event, H2_EVENT_SETTINGS, NULL);
}

static bool h2handle_ping(struct h2_conn *conn, struct view payload,
                          struct h2_event *event)
{
    bool is_ack = (conn->frame.flags & H2_FLAG_ACK) != 0;
    bool is_ours = is_ack && h2_bdp_is_ours(payload.data);
    if (is_ours && h2_flow_measured(conn, payload.data)) {
        return false;
    }
    h2_conn_count_idle(conn);
    if (is_ours) {
        return false; // the streams that it was sent for are gone
    }
    if (is_ack) {
        memcpy(event->ping, payload.data, sizeof event->ping);
        return h2handle_event(event, H2_EVENT_PING_ACK, NULL);
    }
    uint8_t *ack = h2_conn_frame(conn, &(struct h2_frame){
                                           .type = H2_FRAME_PING,
                                           .flags = H2_FLAG_ACK,
                                           .length = sizeof event->ping,
                                       });
    if (ack == NULL) {
        return h2_conn_no_memory(conn);
    }
    memcpy(ack, payload.data, sizeof event->ping);
    return conn->is_server && h2handle_event(event, H2_EVENT_PING, NULL);
}

// h2handle_keep_why keeps the code and text of a GOAWAY until its event's turn.
static void h2handle_keep_why(struct h2_conn *conn, struct view why)
{
    if (conn->spill_size == 0) {
        conn->goaway_due = h2_handle_spill(conn, why);
        return; // a failure is told by the connection's state
    }
    memmove(conn->spill, why.data, why.size);
    conn->spill_size = (uint32_t)why.size;
    conn->goaway_due = true;
}

static bool h2handle_goaway(struct h2_conn *conn, struct view payload,
                            struct h2_event *event)
{
    uint32_t last_id = load_be32(payload.data) & H2_STREAM_ID_MAX;
    h2_conn_count_idle(conn);
    if (!h2_conn_goaway_received(conn, last_id)) {
        return false;
    }
    struct view why = view_skip(payload, 4);
    if (why.size > 4 + H2_LIMIT_GOAWAY_TEXT) {
        why.size = 4 + H2_LIMIT_GOAWAY_TEXT;
    }
    if (conn->set == NULL || list_is_empty(&conn->set->due)) {
        return h2handle_goaway_event(conn, why, event);
    }
    h2handle_keep_why(conn, why);
    return false;
}

static bool h2handle_connection_window(struct h2_conn *conn, uint32_t increment)
{
    if (!h2_flow_grow_connection(conn, increment)) {
        return h2_conn_fail(conn, H2_FLOW_CONTROL_ERROR,
                            "connection window is over 2^31-1");
    }
    h2_send_pump(conn);
    return false;
}

static bool h2handle_window_update(struct h2_conn *conn, struct view payload,
                                   struct h2_event *event)
{
    uint32_t increment = load_be32(payload.data) & H2_WINDOW_MAX;
    h2_conn_count_idle(conn);
    if (increment == 0) {
        return h2_conn_fail(conn, H2_PROTOCOL_ERROR, "WINDOW_UPDATE of 0");
    }
    if (conn->frame.stream_id == 0) {
        return h2handle_connection_window(conn, increment);
    }
    struct h2_stream *stream = NULL;
    enum h2_stream_kind kind =
        h2_stream_kind_of(conn, conn->frame.stream_id, &stream);
    if (kind == H2_STREAM_KIND_IDLE) {
        return h2_conn_fail(conn, H2_PROTOCOL_ERROR,
                            "WINDOW_UPDATE on an idle stream");
    }
    if (kind != H2_STREAM_KIND_LIVE) {
        return false;
    }
    if (!h2_flow_grow_stream(stream, increment)) {
        return h2_handle_stream_error(stream, H2_FLOW_CONTROL_ERROR,
                                      "stream window is over 2^31-1", event);
    }
    h2_send_pump(conn);
    return false;
}

typedef bool h2handle_function(struct h2_conn *conn, struct view payload,
                               struct h2_event *event);

// By type; each takes a whole payload and is true when *event was filled.
static h2handle_function *const h2handle_by_type[H2_FRAME_TYPES] = {
    [H2_FRAME_DATA] = NULL, // the only one that comes in pieces
    [H2_FRAME_HEADERS] = h2handle_headers,
    [H2_FRAME_PRIORITY] = h2handle_priority,
    [H2_FRAME_RST_STREAM] = h2handle_rst_stream,
    [H2_FRAME_SETTINGS] = h2handle_settings,
    [H2_FRAME_PUSH_PROMISE] = h2handle_unexpected,
    [H2_FRAME_PING] = h2handle_ping,
    [H2_FRAME_GOAWAY] = h2handle_goaway,
    [H2_FRAME_WINDOW_UPDATE] = h2handle_window_update,
    [H2_FRAME_CONTINUATION] = h2handle_continuation,
};

bool h2_handle_frame(struct h2_conn *conn, struct view payload,
                     struct h2_event *event)
{
    return h2handle_by_type[conn->frame.type](conn, payload, event);
}
