// SPDX-License-Identifier: MIT
// The receive machine. Each step takes what it can of the input:
//
//   MAGIC --> HEAD --> PAYLOAD --> HEAD             frames needed whole
//              |
//              +--> [PAD_LENGTH] --> DATA --> [SKIP] --> HEAD
//              |                      |        ^
//              |                      +--------+  the stream is gone
//              +--> SKIP --> HEAD                 types that we do not know
//
// Only DATA is handed through piece by piece. Any other frame is parsed in
// the input when it is whole there, and otherwise gathered in conn->spill;
// the fragments of a header block are gathered there too, and decoded at once
// when the block is complete.
//
// Invariants (h2_check):
//   1. spill is NULL at a frame boundary outside a header block, but for the
//      views of an event and the text of a GOAWAY that is due.
//   2. block_size <= spill_size <= spill_capacity.
//   3. data_left is 0 but in DATA; skip_left is 0 in MAGIC, HEAD, PAYLOAD.

#include "h2/h2.h"

#include "base/assert.h"
#include "h2/h2_conn.h"
#include "h2/h2_flow.h"
#include "h2/h2_handle.h"
#include "h2/h2_limits.h"
#include "h2/h2_stream.h"

enum h2recv_outcome {
    H2RECV_AGAIN,
    H2RECV_EVENT,
    H2RECV_STARVED, // more input is needed
    H2RECV_BLOCKED,
};

enum {
    H2RECV_MAGIC_SIZE = 24,
    H2RECV_HEADERS_EXTRA = 1 + 255 + 5, // of HEADERS: padding, priority
};

// ---- Steps ------------------------------------------------------------------

static struct view h2recv_take(struct view *rest, size_t n)
{
    struct view taken = view_of(rest->data, n);
    *rest = view_skip(*rest, n);
    return taken;
}

static size_t h2recv_least(size_t a, size_t b)
{
    return a < b ? a : b;
}

// h2recv_is_tls: a record of TLS (RFC 8446 section 5.1), a handshake or an alert.
// No preface of HTTP/2 begins like that: a SETTINGS frame is not so large.
static bool h2recv_is_tls(const uint8_t *bytes, size_t size)
{
    enum { H2RECV_TLS_ALERT = 21, H2RECV_TLS_HANDSHAKE = 22 };
    return size > 0 &&
           (bytes[0] == H2RECV_TLS_ALERT || bytes[0] == H2RECV_TLS_HANDSHAKE) &&
           (size == 1 || bytes[1] == 3);
}

static enum h2recv_outcome h2recv_step_magic(struct h2_conn *conn,
                                             struct view *rest,
                                             struct h2_event *event)
{
    static const uint8_t magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    (void)event;
    if (!conn->is_server) {
        conn->step = H2_STEP_HEAD;
        return H2RECV_AGAIN;
    }
    size_t n =
        h2recv_least(rest->size, (size_t)H2RECV_MAGIC_SIZE - conn->head_size);
    struct view part = h2recv_take(rest, n);
    if (n > 0 && memcmp(part.data, magic + conn->head_size, n) != 0) {
        bool is_tls = conn->head_size == 0 && h2recv_is_tls(part.data, n);
        (void)h2_conn_fail(conn, H2_PROTOCOL_ERROR,
                           is_tls ? "the client speaks TLS, which this port "
                                    "does not"
                                  : "not the HTTP/2 client preface");
        return H2RECV_AGAIN;
    }
    conn->head_size = (uint8_t)(conn->head_size + n);
    if (conn->head_size < H2RECV_MAGIC_SIZE) {
        return H2RECV_STARVED;
    }
    conn->head_size = 0;
    conn->step = H2_STEP_HEAD;
    return H2RECV_AGAIN;
}

// h2recv_is_http1: the head is "HTTP/" and so on.
static bool h2recv_is_http1(const struct h2_frame *frame)
{
    return frame->length == 0x485454 && frame->type == 'P' &&
           frame->flags == '/';
}

// h2recv_meets_tls: the server answers our preface by an alert, which may be
// less than a frame's head, and all that it says.
static bool h2recv_meets_tls(struct h2_conn *conn, const uint8_t *head,
                             size_t size)
{
    if (conn->is_server || conn->settings_received || size < 2 ||
        !h2recv_is_tls(head, size)) {
        return false;
    }
    (void)h2_conn_fail(conn, H2_PROTOCOL_ERROR,
                       "the server speaks TLS, which this channel does not");
    return true;
}

// h2recv_is_first checks the frame that has to come first.
static bool h2recv_is_first(struct h2_conn *conn)
{
    // (Its length is what the bytes began with; they may be gone.)
    const uint8_t head[] = {(uint8_t)(conn->frame.length >> 16),
                            (uint8_t)(conn->frame.length >> 8)};
    if (h2recv_meets_tls(conn, head, sizeof head)) {
        return false;
    }
    if (conn->frame.type == H2_FRAME_SETTINGS &&
        (conn->frame.flags & H2_FLAG_ACK) == 0) {
        return true;
    }
    return h2_conn_fail(conn, H2_PROTOCOL_ERROR,
                        h2recv_is_http1(&conn->frame)
                            ? "the server speaks HTTP/1"
                            : "the first frame is not SETTINGS");
}

// h2recv_in_order keeps a header block free of other frames.
static bool h2recv_in_order(struct h2_conn *conn)
{
    bool continues = conn->frame.type == H2_FRAME_CONTINUATION;
    if (continues && conn->block_id == 0) {
        return h2_conn_fail(conn, H2_PROTOCOL_ERROR,
                            "CONTINUATION without a header block");
    }
    if (conn->block_id != 0 &&
        (!continues || conn->frame.stream_id != conn->block_id)) {
        return h2_conn_fail(conn, H2_PROTOCOL_ERROR,
                            "a header block is not continued");
    }
    return true;
}

// h2recv_admit holds a head against all rules that need no payload. (head may
// be where the frame is then.)
static bool h2recv_admit(struct h2_conn *conn, const uint8_t *head)
{
    conn->frame = h2_frame_read(head);
    if (!conn->settings_received && !h2recv_is_first(conn)) {
        return false;
    }
    if (!h2recv_in_order(conn)) {
        return false;
    }
    if (LIKELY(h2_frame_is_easy(&conn->frame, conn->local.max_frame_size))) {
        return true;
    }
    struct h2_fault fault =
        h2_frame_check(&conn->frame, conn->local.max_frame_size);
    if (fault.reason != NULL) {
        return h2_conn_fail(conn, fault.code, fault.reason);
    }
    // Here and not when its payload has been gathered.
    if (conn->frame.type == H2_FRAME_CONTINUATION &&
        conn->block_size + conn->frame.length >
            conn->decoder.limits.hard_bytes) {
        return h2_conn_fail(conn, H2_ENHANCE_YOUR_CALM,
                            "header block is too large");
    }
    return true;
}

// h2recv_whole hands a whole payload to its handler.
static enum h2recv_outcome h2recv_whole(struct h2_conn *conn,
                                        struct view payload,
                                        struct h2_event *event)
{
    bool given = h2_handle_frame(conn, payload, event);
    if (UNLIKELY(conn->spill_size > 0) && conn->block_id == 0 &&
        !conn->goaway_due) {
        conn->spill_used = true;
    }
    return given ? H2RECV_EVENT : H2RECV_AGAIN;
}

static enum h2recv_outcome h2recv_data_begin(struct h2_conn *conn,
                                             struct view *rest,
                                             struct h2_event *event);

// h2recv_gather_head completes a head that the input cuts; false while bytes are
// missing.
static bool h2recv_gather_head(struct h2_conn *conn, struct view *rest)
{
    size_t n = h2recv_least(rest->size, (size_t)H2_HEAD_SIZE - conn->head_size);
    if (n > 0) {
        memcpy(conn->head + conn->head_size, rest->data, n);
        *rest = view_skip(*rest, n);
    }
    conn->head_size = (uint8_t)(conn->head_size + n);
    if (conn->head_size < H2_HEAD_SIZE) {
        return false;
    }
    conn->head_size = 0;
    return true;
}

// h2recv_may_gather: our SETTINGS_MAX_FRAME_SIZE is for DATA. What is needed
// whole may not make us gather more than any peer may send at first, or than a
// header block may be, with padding and priority.
static bool h2recv_may_gather(struct h2_conn *conn)
{
    uint32_t most = conn->decoder.limits.hard_bytes + H2RECV_HEADERS_EXTRA;
    if (conn->frame.length <= H2_FRAME_SIZE_DEFAULT ||
        conn->frame.length <= most) {
        return true;
    }
    return h2_conn_fail(conn, H2_ENHANCE_YOUR_CALM,
                        "frame is too large to be gathered");
}

static enum h2recv_outcome h2recv_step_head(struct h2_conn *conn,
                                            struct view *rest,
                                            struct h2_event *event)
{
    if (UNLIKELY(conn->induced_bytes > conn->limits->induced_bytes)) {
        return rest->size > 0 ? H2RECV_BLOCKED : H2RECV_STARVED;
    }
    const uint8_t *head = rest->data;
    if (LIKELY(conn->head_size == 0 && rest->size >= H2_HEAD_SIZE)) {
        *rest = view_of(head + H2_HEAD_SIZE, rest->size - H2_HEAD_SIZE);
    } else if (h2recv_gather_head(conn, rest)) {
        head = conn->head;
    } else {
        return h2recv_meets_tls(conn, conn->head, conn->head_size)
                   ? H2RECV_AGAIN
                   : H2RECV_STARVED;
    }
    if (!h2recv_admit(conn, head)) {
        return H2RECV_AGAIN;
    }
    if (conn->frame.type == H2_FRAME_DATA) {
        return h2recv_data_begin(conn, rest, event);
    }
    if (conn->frame.type >= H2_FRAME_TYPES) {
        conn->glitches++;
        conn->skip_left = conn->frame.length;
        conn->step = H2_STEP_SKIP;
        return H2RECV_AGAIN;
    }
    if (LIKELY(rest->size >= conn->frame.length)) {
        return h2recv_whole(conn, h2recv_take(rest, conn->frame.length), event);
    }
    if (h2recv_may_gather(conn)) {
        conn->step = H2_STEP_PAYLOAD;
    }
    return H2RECV_AGAIN;
}

static enum h2recv_outcome h2recv_step_payload(struct h2_conn *conn,
                                               struct view *rest,
                                               struct h2_event *event)
{
    size_t missing =
        conn->frame.length - (size_t)(conn->spill_size - conn->block_size);
    struct view part = h2recv_take(rest, h2recv_least(missing, rest->size));
    if (!h2_handle_spill(conn, part)) {
        return H2RECV_AGAIN;
    }
    if (part.size < missing) {
        return H2RECV_STARVED;
    }
    conn->step = H2_STEP_HEAD;
    return h2recv_whole(
        conn, view_of(conn->spill + conn->block_size, conn->frame.length),
        event);
}

// ---- DATA -------------------------------------------------------------------

// h2recv_data_skip: nobody wants the rest of this frame.
static void h2recv_data_skip(struct h2_conn *conn)
{
    conn->skip_left += conn->data_left;
    conn->data_left = 0;
    conn->step = H2_STEP_SKIP;
}

// h2recv_data_fault is what a DATA frame as a whole does wrong on its stream.
static struct h2_fault h2recv_data_fault(const struct h2_conn *conn,
                                         const struct h2_stream *stream)
{
    // A window that is below zero does not forbid an empty frame.
    if (conn->frame.length > 0 &&
        (int64_t)conn->frame.length > h2_flow_receive_window(stream)) {
        return (struct h2_fault){H2_FLOW_CONTROL_ERROR,
                                 "DATA is over the stream's window"};
    }
    if (!stream->headers_received) {
        return (struct h2_fault){H2_PROTOCOL_ERROR, "DATA before HEADERS"};
    }
    bool end = (conn->frame.flags & H2_FLAG_END_STREAM) != 0;
    if (stream->content_left >= 0 &&
        (conn->data_left > stream->content_left ||
         (end && conn->data_left < stream->content_left))) {
        return (struct h2_fault){H2_PROTOCOL_ERROR,
                                 "content is not as long as content-length"};
    }
    return (struct h2_fault){H2_NO_ERROR, NULL};
}

// h2recv_data_piece hands on what is there of the payload.
static enum h2recv_outcome h2recv_data_piece(struct h2_stream *stream,
                                             struct view *rest,
                                             struct h2_event *event)
{
    struct h2_conn *conn = stream->conn;
    uint32_t n = (uint32_t)h2recv_least(rest->size, conn->data_left);
    if (n == 0 && conn->data_left > 0) {
        return H2RECV_STARVED;
    }
    h2_flow_received(conn, stream, n);
    conn->data_left -= n;
    if (stream->content_left >= 0) {
        stream->content_left -= n;
    }
    bool last = conn->data_left == 0;
    bool end = last && (conn->frame.flags & H2_FLAG_END_STREAM) != 0;
    if (last) {
        conn->step = (conn->frame.flags & H2_FLAG_PADDED) != 0 ? H2_STEP_SKIP
                                                               : H2_STEP_HEAD;
    }
    if (n == 0 && !end) {
        conn->glitches += H2_LIMIT_EMPTY_DATA_GLITCHES;
        return H2RECV_AGAIN;
    }
    if (end) {
        h2_stream_end_remote(stream);
    }
    event->type = H2_EVENT_DATA;
    event->stream = stream;
    event->end_stream = end;
    event->data = h2recv_take(rest, n);
    return H2RECV_EVENT;
}

// h2recv_data_target finds the live stream of a DATA frame; NULL when the
// frame is to be skipped or the connection has failed.
static struct h2_stream *h2recv_data_target(struct h2_conn *conn)
{
    struct h2_stream *stream = NULL;
    switch (h2_stream_kind_of(conn, conn->frame.stream_id, &stream)) {
    case H2_STREAM_KIND_LIVE:
        if (h2_stream_can_receive(stream)) {
            return stream;
        }
        (void)h2_conn_fail(conn, H2_STREAM_CLOSED, "DATA after END_STREAM");
        return NULL;
    case H2_STREAM_KIND_ENDED:
        h2_conn_count_idle(conn); // it was under way
        return NULL;
    case H2_STREAM_KIND_IDLE:
        (void)h2_conn_fail(conn, H2_PROTOCOL_ERROR, "DATA on an idle stream");
        return NULL;
    case H2_STREAM_KIND_SKIPPED:
    case H2_STREAM_KIND_CLOSED:
        break;
    }
    (void)h2_conn_fail(conn, H2_STREAM_CLOSED, "DATA on a closed stream");
    return NULL;
}

// h2recv_data_start begins the payload when the size of its padding is known:
// padding counts the byte that says so, which has been taken.
static enum h2recv_outcome h2recv_data_start(struct h2_conn *conn,
                                             uint32_t padding,
                                             struct view *rest,
                                             struct h2_event *event)
{
    struct h2_stream *stream = h2recv_data_target(conn);
    if (conn->state == H2_CONN_CLOSED) {
        return H2RECV_AGAIN;
    }
    conn->data_left = conn->frame.length - padding;
    conn->skip_left = padding > 0 ? padding - 1 : 0;
    conn->step = H2_STEP_DATA;
    struct h2_fault fault = {H2_NO_ERROR, NULL};
    if (stream != NULL) {
        fault = h2recv_data_fault(conn, stream);
    }
    bool wanted = stream != NULL && fault.reason == NULL;
    if (padding > 0) {
        h2_flow_dropped(conn, wanted ? stream : NULL, 1);
    }
    if (wanted) {
        return h2recv_data_piece(stream, rest, event);
    }
    h2recv_data_skip(conn);
    if (stream == NULL) {
        return H2RECV_AGAIN;
    }
    (void)h2_handle_stream_error(stream, (enum h2_code)fault.code, fault.reason,
                                 event);
    return H2RECV_EVENT;
}

static enum h2recv_outcome h2recv_step_pad_length(struct h2_conn *conn,
                                                  struct view *rest,
                                                  struct h2_event *event)
{
    if (rest->size == 0) {
        return H2RECV_STARVED;
    }
    uint32_t padding = 1 + (uint32_t)h2recv_take(rest, 1).data[0];
    if (padding > conn->frame.length) {
        (void)h2_conn_fail(conn, H2_PROTOCOL_ERROR,
                           "padding is longer than DATA");
        return H2RECV_AGAIN;
    }
    return h2recv_data_start(conn, padding, rest, event);
}

static enum h2recv_outcome h2recv_data_begin(struct h2_conn *conn,
                                             struct view *rest,
                                             struct h2_event *event)
{
    if ((int64_t)conn->frame.length > conn->receive_window) {
        (void)h2_conn_fail(conn, H2_FLOW_CONTROL_ERROR,
                           "DATA is over the connection's window");
        return H2RECV_AGAIN;
    }
    if ((conn->frame.flags & H2_FLAG_PADDED) == 0) {
        return h2recv_data_start(conn, 0, rest, event);
    }
    if (conn->frame.length == 0) {
        (void)h2_conn_fail(conn, H2_FRAME_SIZE_ERROR,
                           "padded DATA without a payload");
        return H2RECV_AGAIN;
    }
    conn->step = H2_STEP_PAD_LENGTH;
    return H2RECV_AGAIN;
}

// h2recv_live is the stream of the frame being received if it is not gone.
static struct h2_stream *h2recv_live(const struct h2_conn *conn)
{
    struct h2_stream *stream = h2_stream_find(conn, conn->frame.stream_id);
    bool live = stream != NULL && stream->state != H2_STATE_CLOSED;
    return live ? stream : NULL;
}

static enum h2recv_outcome h2recv_step_data(struct h2_conn *conn,
                                            struct view *rest,
                                            struct h2_event *event)
{
    struct h2_stream *stream = h2recv_live(conn);
    if (stream == NULL) {
        h2recv_data_skip(conn);
        return H2RECV_AGAIN;
    }
    return h2recv_data_piece(stream, rest, event);
}

static enum h2recv_outcome h2recv_step_skip(struct h2_conn *conn,
                                            struct view *rest,
                                            struct h2_event *event)
{
    (void)event;
    uint32_t n = (uint32_t)h2recv_least(rest->size, conn->skip_left);
    bool is_data = conn->frame.type == H2_FRAME_DATA;
    struct h2_stream *stream = is_data ? h2recv_live(conn) : NULL;
    *rest = view_skip(*rest, n);
    conn->skip_left -= n;
    if (is_data) {
        h2_flow_dropped(conn, stream, n);
    }
    if (conn->skip_left > 0) {
        return H2RECV_STARVED;
    }
    conn->step = H2_STEP_HEAD;
    if (is_data) {
        h2_flow_announce(conn, stream);
    }
    return H2RECV_AGAIN;
}

// ---- The machine ------------------------------------------------------------

static enum h2recv_outcome h2recv_closed(struct h2_conn *conn,
                                         struct view *rest,
                                         struct h2_event *event)
{
    if (conn->closed_given) {
        *rest = view_skip(*rest, rest->size);
        return H2RECV_STARVED;
    }
    conn->closed_given = true;
    event->code = conn->close_code;
    event->reason = conn->close_reason;
    event->by_peer = false;
    event->type = H2_EVENT_CLOSED;
    event->stream = NULL;
    event->end_stream = false;
    return H2RECV_EVENT;
}

typedef enum h2recv_outcome h2recv_stepper(struct h2_conn *conn,
                                           struct view *rest,
                                           struct h2_event *event);

static h2recv_stepper *const h2recv_steps[] = {
    [H2_STEP_MAGIC] = h2recv_step_magic,
    [H2_STEP_HEAD] = h2recv_step_head,
    [H2_STEP_PAYLOAD] = h2recv_step_payload,
    [H2_STEP_PAD_LENGTH] = h2recv_step_pad_length,
    [H2_STEP_DATA] = h2recv_step_data,
    [H2_STEP_SKIP] = h2recv_step_skip,
};

// h2recv_is_due: an event waits that needs no input.
static inline bool h2recv_is_due(const struct h2_conn *conn)
{
    return conn->goaway_due ||
           (conn->set != NULL && !list_is_empty(&conn->set->due));
}

static enum h2recv_outcome h2recv_turn(struct h2_conn *conn, struct view *rest,
                                       struct h2_event *event)
{
    if (UNLIKELY(conn->spill_used)) {
        h2_handle_drop_spill(conn);
    }
    if (UNLIKELY(conn->state == H2_CONN_CLOSED)) {
        return h2recv_closed(conn, rest, event);
    }
    if (UNLIKELY(h2recv_is_due(conn))) {
        return h2_handle_due(conn, event) ? H2RECV_EVENT : H2RECV_AGAIN;
    }
    return h2recv_steps[conn->step](conn, rest, event);
}

enum h2_result h2_recv(struct h2_conn *conn, struct view input, size_t *used,
                       struct h2_event *event)
{
    static const enum h2_result results[] = {
        [H2RECV_AGAIN] = H2_IDLE, // not seen here
        [H2RECV_EVENT] = H2_EVENT,
        [H2RECV_STARVED] = H2_IDLE,
        [H2RECV_BLOCKED] = H2_BLOCKED,
    };
    struct view rest = input;
    enum h2recv_outcome outcome = H2RECV_AGAIN;
    event->type = H2_EVENT_NONE;
    while (outcome == H2RECV_AGAIN) {
        outcome = h2recv_turn(conn, &rest, event);
    }
    *used = input.size - rest.size;
    return results[outcome];
}
