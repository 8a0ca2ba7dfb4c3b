// SPDX-License-Identifier: MIT
// HTTP/2 (RFC 9113), client and server in one engine. Sans-I/O: it takes bytes
// and gives back events and bytes. It never calls upward, never blocks, never
// reads a clock and never touches the process heap.
//
//   input bytes --h2_recv()--> one event at a time
//   h2_send_...() ------------> output bytes: h2_output_peek / _consume
//
//   h2_frame.{c,h}     frame heads and payloads <-> structs, size rules  (4, 6)
//   h2_conn.{c,h}      connection: life, errors, ping, goaway, output (3, 5.4)
//   h2_settings.{c,h}  SETTINGS, theirs and ours                      (6.5)
//   h2_recv.c          the receive machine, and DATA
//   h2_handle.{c,h}    a table of handlers for all other frames
//   h2_stream.{c,h}    stream states (5.1), lookup by id
//   h2_flow.{c,h}      windows, both ways (5.2, 6.9)
//   h2_bdp.{c,h}       how large windows have to be, by PINGs
//   h2_send.{c,h}      HEADERS, DATA, RST_STREAM; the DATA scheduler
//   h2_fields.{c,h}    what makes a header block malformed (8)
//   h2_check.c         the invariants of all of it
//   h2_limits.{c,h}    every bound on what a peer may cost us, with its reason

#ifndef H2_H2_H
#define H2_H2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunk.h"
#include "base/linkage.h"
#include "base/list.h"
#include "base/slab.h"
#include "base/view.h"
#include "grpc.h"
#include "h2/h2_bdp.h"
#include "h2/h2_fields.h"
#include "h2/h2_frame.h"
#include "hpack/hpack.h"

// Error codes of RFC 9113 section 7; a peer may send others.
enum h2_code {
    H2_NO_ERROR = 0x0,
    H2_PROTOCOL_ERROR = 0x1,
    H2_INTERNAL_ERROR = 0x2,
    H2_FLOW_CONTROL_ERROR = 0x3,
    H2_SETTINGS_TIMEOUT = 0x4,
    H2_STREAM_CLOSED = 0x5,
    H2_FRAME_SIZE_ERROR = 0x6,
    H2_REFUSED_STREAM = 0x7,
    H2_CANCEL = 0x8,
    H2_COMPRESSION_ERROR = 0x9,
    H2_CONNECT_ERROR = 0xa,
    H2_ENHANCE_YOUR_CALM = 0xb,
    H2_INADEQUATE_SECURITY = 0xc,
    H2_HTTP_1_1_REQUIRED = 0xd,
};

// h2_code_name is a static string such as "CANCEL"; "unknown" for others.
INTERNAL const char *h2_code_name(uint32_t code);

// One end's settings (RFC 9113 section 6.5.2).
struct h2_settings {
    uint32_t header_table_size;      // bytes
    uint32_t enable_push;            // 0 or 1
    uint32_t max_concurrent_streams; // UINT32_MAX: no limit
    uint32_t initial_window_size;    // bytes, at most 2^31-1
    uint32_t max_frame_size;         // bytes, 16384 to 2^24-1
    uint32_t max_header_list_size;   // bytes, UINT32_MAX: no limit
};

// Of ours, what has to hold on arrival, and so from its acknowledgement on.
struct h2_settings_local {
    uint32_t header_table_size;
    uint32_t initial_window_size;
    uint32_t max_frame_size;
};

// What all connections of a loop share: memory that none holds while at rest.
struct h2_shared {
    const grpc_allocator *allocator; // borrowed
    struct slab chunks;              // of struct chunk
    struct slab streams;             // of struct h2_stream
    struct slab sets;                // of struct h2_stream_set
    struct slab tables;              // of struct h2_bucket_table, all empty
    struct chunk_lender lender;      // of DATA that is sent from where it is
    struct hpack_block block;        // fields of the event being handled
    // What h2_fields_check said of the block in that role, if checked:
    struct h2_fields fields;
    enum h2_fields_role fields_role;
    bool fields_checked;
    // The owner's word on the block, set to 0 whenever the block is another one.
    uintptr_t block_memo;
    // The time, for measuring round trips: the owner writes it before it calls.
    uint64_t now_us;
};

INTERNAL void h2_shared_init(struct h2_shared *shared,
                             const grpc_allocator *allocator);
// h2_shared_fini: all connections are finished, and all releases that were due
// have been taken, before.
INTERNAL void h2_shared_fini(struct h2_shared *shared);

struct h2_options {
    bool is_server;
    struct h2_settings local;   // what we announce; see h2_options_default
    uint32_t connection_window; // bytes we let the peer send in all, unread
    struct hpack_limits header_limits;
    const grpc_limits *limits; // resolved; borrowed for the connection's life
};

// h2_options_make: what those limits, resolved, say for that role.
INTERNAL struct h2_options h2_options_make(bool is_server,
                                           const grpc_limits *limits);
// h2_options_default: the defaults of h2_limits.h.
INTERNAL struct h2_options h2_options_default(bool is_server);

// Stream states of RFC 9113 section 5.1, without the reserved ones: we never
// push and tell the peer not to. An idle stream has no object, and a closed one
// only until its owner releases it.
enum h2_stream_state {
    H2_STATE_IDLE,
    H2_STATE_OPEN,
    H2_STATE_HALF_CLOSED_LOCAL,  // we have sent END_STREAM
    H2_STATE_HALF_CLOSED_REMOTE, // the peer has
    H2_STATE_CLOSED,
};

struct h2_stream {
    // Read by the owner:
    uint32_t id; // a client's stream gets its id with its first HEADERS; 0
    uint32_t extra_bytes; // h2's: the receive window has grown by so much
    void *owner;          // the owner's own; h2 never reads it. NULL at first

    // h2's own:
    struct h2_conn *conn;
    struct h2_stream *next_in_bucket;
    struct list_link link_sendable; // has DATA: in conn->sendable or stalled
    struct list_link link_due;      // an event waits: in conn->due
    struct list_link link_all;
    struct chunk_queue out; // DATA payload that waits for window or room
    int64_t send_delta;     // send window = peer's initial + send_delta
    int64_t receive_delta;  // receive window = our initial + receive_delta
    int64_t unread_bytes;   // received and not yet credited
    int64_t kept_bytes;     // credited to the connection alone
    int64_t credit_bytes;   // credited and not yet announced
    int64_t ahead_bytes;    // announced by h2_want before they were credited
    int64_t content_left;   // what content-length promised; -1: nothing
    uint8_t state;          // enum h2_stream_state; read by the owner
    uint8_t informational;  // 1xx responses seen
    bool end_queued;        // END_STREAM goes out with the last byte of out
    bool headers_received;  // a request, or a final response
    bool headers_sent;
    bool writable_wanted; // an H2_EVENT_WRITABLE is due when out is empty
    bool refused_due : 1; // a GOAWAY left it out: an H2_EVENT_RESET is due
    bool is_bulk : 1;     // a WINDOW_UPDATE was sent for it
    bool reset;           // RST_STREAM sent or received
};

enum h2_event_type {
    H2_EVENT_NONE,
    // The peer's first SETTINGS, or later ones, are in force (conn->peer).
    H2_EVENT_SETTINGS,
    // A header block: request, response, informational response or trailers,
    // by event.headers. On a server the stream is new with the request.
    H2_EVENT_HEADERS,
    // A piece of DATA in event.data; may be empty with end_stream.
    H2_EVENT_DATA,
    // The peer reset the stream, or we did because of what the peer sent
    // (event.code, event.reason; event.by_peer tells which).
    H2_EVENT_RESET,
    // The peer will take no more streams above event.last_stream_id. Streams
    // above it were not processed: each is told by an H2_EVENT_RESET with
    // H2_REFUSED_STREAM and by_peer before this event.
    H2_EVENT_GOAWAY,
    // All DATA that was given for this stream is in the output.
    H2_EVENT_WRITABLE,
    // Our PING came back: event.ping. Those of h2_bdp.c are not told.
    H2_EVENT_PING_ACK,
    // Server: a PING came, and its acknowledgement is in the output. Whether any
    // HEADERS or DATA were sent since the last one is told by h2_spoke.
    H2_EVENT_PING,
    // The connection is over: code and reason. Given once; then only
    // H2_EVENT_NONE. Output (a GOAWAY) may still wait to be sent.
    H2_EVENT_CLOSED,
};

enum h2_headers_kind {
    H2_HEADERS_REQUEST,
    H2_HEADERS_RESPONSE,      // final: has a :status of 200 and above
    H2_HEADERS_INFORMATIONAL, // 1xx
    H2_HEADERS_TRAILERS,
};

// An event and its views are valid until the next h2_recv on that connection;
// sends and resets made meanwhile do not move them. The block of a HEADERS
// event is shared: it ends with the next h2_recv on any connection of the same
// h2_shared. Only type, stream, end_stream and the members named for the
// event's type are set; the others hold anything.
struct h2_event {
    enum h2_event_type type;
    struct h2_stream *stream; // NULL for events of the connection
    bool end_stream;          // the peer sends no more on this stream
    // HEADERS:
    enum h2_headers_kind headers;
    const struct hpack_block *block; // over_limit: fields were left out
    uint16_t http_status;            // of a response, 100 to 999
    // DATA:
    struct view data;
    // RESET, GOAWAY, CLOSED:
    uint32_t code;
    const char *reason; // static text, for people
    bool by_peer;
    uint32_t last_stream_id; // GOAWAY
    struct view debug;       // GOAWAY: the peer's text, at most 256 bytes
    // PING_ACK:
    uint8_t ping[8];
};

// Bit 0 of a field's memo (hpack_field.memo) is h2's: the field has been found
// valid before, and h2 need not look at it again. The other bits are the
// owner's.
#define H2_MEMO_VALID ((uintptr_t)1)

enum h2_conn_state {
    H2_CONN_PREFACE, // waiting for the peer's preface and first SETTINGS
    H2_CONN_OPEN,
    H2_CONN_DRAINING, // a GOAWAY was sent or received: no new streams
    H2_CONN_CLOSED,
};

// Where the receive machine is within a frame (h2_recv.c).
enum h2_step {
    H2_STEP_MAGIC,
    H2_STEP_HEAD,
    H2_STEP_PAYLOAD,    // being gathered, because it is needed whole
    H2_STEP_PAD_LENGTH, // of DATA
    H2_STEP_DATA,
    H2_STEP_SKIP,
};

// Streams are found by id in a few buckets of the connection's own; one with
// many streams has a larger table from the loop's slab for as long as any is
// left.
enum { H2_BUCKETS = 8, H2_BUCKETS_MANY = 256, H2_BUCKETS_FULL = 32 };

struct h2_bucket_table {
    struct h2_stream *buckets[H2_BUCKETS_MANY];
};

// What a connection needs as long as it has streams; from the loop's slab, and
// empty when it goes back there.
struct h2_stream_set {
    struct list_link streams;  // all, by link_all
    struct list_link sendable; // by link_sendable: DATA, and perhaps window
    struct list_link stalled;  // by link_sendable: DATA, but no stream window
    struct list_link due;      // by link_due: an event is due
    size_t queued_bytes;       // DATA that waits in all streams
    int64_t send_delta_max;    // no open stream's send_delta is above
    uint32_t extra_bytes;      // sum over the streams
    uint32_t announced;        // what the connection let the peer send; wraps
    struct h2_bdp_round round; // dropped with the set
    struct h2_bucket_table *many; // used instead of buckets unless NULL
    struct h2_stream *buckets[H2_BUCKETS];
};

// One connection. The owner embeds it; all fields but those said to be
// readable are h2's own. At rest it holds no memory beside itself and the two
// HPACK tables.
//
// There may be many: members stand by size, and flags share a byte.
struct h2_conn {
    // Readable:
    uint8_t state;      // enum h2_conn_state
    uint8_t close_code; // enum h2_code of the first connection error; sticky
    bool goaway_received : 1;
    bool goaway_sent : 1;
    // The engine's own:
    bool goaway_due : 1;       // its event
    bool closed_given : 1;     // H2_EVENT_CLOSED
    bool settings_unacked : 1; // wanted is not yet in force; readable
    bool spill_used : 1;       // the last event's views point into spill
    bool spoke : 1;            // HEADERS or DATA went out since h2_spoke
    uint8_t step;              // enum h2_step
    uint8_t block_flags;       // of the HEADERS of the block being gathered
    uint8_t block_frames;      // its CONTINUATION frames
    uint8_t block_empty;       // of them, without a payload
    uint8_t head_size;         // bytes of head that have come

    // Readable:
    struct h2_settings_local local; // as acknowledged
    struct h2_settings peer;        // the peer's, as last received
    uint32_t stream_count;          // streams with an object
    uint32_t open_count;            // of them, not yet closed (RFC 9113 5.1.2)
    uint32_t last_peer_id;          // highest stream id the peer has opened
    uint32_t next_local_id;         // id of the next stream that we open
    uint32_t rest_ms; // low bits of the time when the last stream was released
    const char *close_reason; // static text

    // What the owner may set a rate to; both wrap. Glitches: frames without
    // use, weighted. Resets: streams that we refused or reset because of what
    // the peer did; the owner adds those that the peer reset too early.
    uint32_t glitches;
    uint32_t resets;

    // The engine's own:
    struct h2_shared *shared;  // borrowed
    const grpc_limits *limits; // borrowed
    struct h2_stream_set *set; // NULL: there is no stream
    struct h2_settings wanted; // ours, as last sent
    uint32_t resets_left;      // RST_STREAM frames that are no glitches
    uint16_t idle_left;        // frames so far that would be no glitches
    bool is_server;            // readable
    bool settings_received;    // readable
    struct hpack_decoder decoder;
    struct hpack_encoder encoder;

    // Bit n of the two words stands for the n-th stream before the newest that
    // was opened: whether it ever was, and whether we ended it, so that late
    // frames on it are no error.
    uint64_t recent_used;
    uint64_t recent_ended;

    // Windows (h2_flow.c).
    int32_t send_window;
    int32_t receive_window;     // what the peer may still send
    int32_t unread_bytes;       // sum over all streams
    uint32_t connection_window; // most unread bytes; with all growth
    uint32_t growth_own; // by which connection_window has grown for itself

    // Input (h2_recv.c).
    union {
        struct h2_frame frame;      // being received
        uint8_t head[H2_HEAD_SIZE]; // before: its head, cut by the input
    };
    uint32_t data_left;  // payload bytes of it, to be handed through
    uint32_t skip_left;  // payload bytes of it, to be skipped
    uint32_t block_size; // first bytes of spill: fragments of a header block
    uint32_t block_id;   // its stream; 0: none is being gathered
    uint32_t spill_capacity; // bytes
    uint32_t spill_size;     // bytes
    uint8_t *spill;          // what is needed whole and was cut

    // Output (h2_conn.c). induced_bytes counts what the peer made us queue, in
    // two generations; the older is dropped when its last byte has left.
    struct chunk_queue out;
    uint32_t induced_bytes;   // both generations
    uint32_t induced_old;     // the older
    uint32_t induced_old_end; // output bytes up to the end of the older
    uint32_t induced_end;     // output bytes up to the end of the newer
    uint64_t left_bytes;      // output that was consumed; readable

    // GOAWAY.
    uint32_t goaway_sent_id;     // lowest last_stream_id sent
    uint32_t goaway_received_id; // lowest received
    struct h2_bdp bdp;           // of windows (h2_flow.c)
};

// h2_conn_init writes our preface and SETTINGS into the output. False without
// memory; then nothing is held.
INTERNAL MUST_CHECK bool h2_conn_init(struct h2_conn *conn,
                                      struct h2_shared *shared,
                                      const struct h2_options *options);

// h2_conn_fini releases everything, streams included: their pointers are dead.
INTERNAL void h2_conn_fini(struct h2_conn *conn);

enum h2_result {
    H2_IDLE,    // all input is used, no event is due
    H2_EVENT,   // *event is filled; call again, with the rest of the input
    H2_BLOCKED, // no room for the worst reply: send output first, then call
                // again with the same rest
};

// h2_recv takes input and gives at most one event. *used is how many bytes of
// input it has taken. Input may be empty: events that are already due are
// given. Views of the event may point into the input.
INTERNAL MUST_CHECK enum h2_result h2_recv(struct h2_conn *conn,
                                           struct view input, size_t *used,
                                           struct h2_event *event);

// h2_close closes the connection for a reason of the owner's (static text),
// which the peer is told in a GOAWAY: the next h2_recv gives H2_EVENT_CLOSED.
INTERNAL void h2_close(struct h2_conn *conn, enum h2_code code,
                       const char *reason);

// h2_close_input says that the peer's bytes have ended: the next h2_recv gives
// H2_EVENT_CLOSED with that reason (static text) unless one was given before.
INTERNAL void h2_close_input(struct h2_conn *conn, const char *reason);

// ---- Sending. Nothing here gives an event or moves a view of one. ----------
//
// On a stream that is closed (the peer may have reset it) or a connection that
// is closed, all of it does nothing and is true.

struct h2_field {
    struct hpack_field field;
    enum hpack_mode mode;
    hpack_hint *hint; // may be NULL
};

// h2_can_open: a client may open a stream now: the connection is open and the
// peer's MAX_CONCURRENT_STREAMS (100 before its first SETTINGS) and the ids
// allow it.
INTERNAL bool h2_can_open(const struct h2_conn *conn);

// h2_open makes a stream of the client's, in state idle and without an id
// until its HEADERS are sent; NULL without memory. h2_can_open is true.
INTERNAL MUST_CHECK struct h2_stream *h2_open(struct h2_conn *conn,
                                              void *owner);

// h2_send_headers encodes a block straight into the output: request, response
// or trailers; CONTINUATION when it is longer than a frame. The stream's DATA
// queue is empty (trailers wait for H2_EVENT_WRITABLE). False without memory:
// the connection is then closed, because the HPACK tables may disagree. The
// engine does not know that a request was HEAD: no content-length is expected
// to be without content.
INTERNAL MUST_CHECK bool h2_send_headers(struct h2_conn *conn,
                                         struct h2_stream *stream,
                                         const struct h2_field *fields,
                                         size_t count, bool end_stream);

// h2_send_data copies payload: as much as windows and room allow into the
// output, the rest into the stream's queue. False without memory: then nothing
// was taken.
INTERNAL MUST_CHECK bool h2_send_data(struct h2_conn *conn,
                                      struct h2_stream *stream,
                                      struct view payload, bool end_stream);

// h2_send_data_lent sends prefix, at most CHUNK_PREFIX bytes, which are copied,
// and then payload, which stays where it is until its last byte has been sent
// or dropped; only a short one is copied. Then release is due, once, with
// argument: the engine never calls it, h2_take_returned gives it. On a stream
// or connection that is closed nothing is taken, and release is due at once.
// False without memory: then nothing was taken, and release is not due.
INTERNAL MUST_CHECK bool h2_send_data_lent(struct h2_conn *conn,
                                           struct h2_stream *stream,
                                           struct view prefix,
                                           struct view payload,
                                           void (*release)(void *argument),
                                           void *argument, bool end_stream);

// h2_take_returned takes one release that is due, on any connection of shared,
// the oldest first; false when there is none. To be called until then after
// whatever sends, drops or finishes: nothing else calls a release.
static inline MUST_CHECK bool h2_take_returned(
    struct h2_shared *shared, void (**out_release)(void *argument),
    void **out_argument)
{
    // Asked in each turn, and lending is rare.
    return !list_is_empty(&shared->lender.returned) &&
           chunk_take_returned(&shared->lender, out_release, out_argument);
}

// h2_queued_bytes: DATA of this stream that is not yet in the output.
// h2_queued_in_all: of all streams.
INTERNAL size_t h2_queued_bytes(const struct h2_stream *stream);
INTERNAL size_t h2_queued_in_all(const struct h2_conn *conn);

// h2_want_writable asks for one H2_EVENT_WRITABLE when the queue is empty.
INTERNAL void h2_want_writable(struct h2_stream *stream);

// h2_reset sends RST_STREAM and drops what is queued. The stream is closed.
// On a stream that is closed already, or never left idle, it sends nothing.
INTERNAL void h2_reset(struct h2_conn *conn, struct h2_stream *stream,
                       enum h2_code code);

// h2_release gives the stream object back; its pointer is dead. A stream that
// is not closed is reset with H2_CANCEL first.
INTERNAL void h2_release(struct h2_conn *conn, struct h2_stream *stream);

// h2_credit: the application has taken n bytes of DATA of this stream; the
// peer may send as many more.
INTERNAL void h2_credit(struct h2_conn *conn, struct h2_stream *stream,
                        size_t n);

// h2_credit_connection: the owner keeps n bytes of DATA of this stream for
// later. Other streams are not held up by them: the peer may send as many more
// on the connection, but not on this stream. h2_credit_stream ends that, and
// the stream's credit follows. h2_credit is both at once.
INTERNAL void h2_credit_connection(struct h2_conn *conn,
                                   struct h2_stream *stream, size_t n);
INTERNAL void h2_credit_stream(struct h2_conn *conn, struct h2_stream *stream,
                               size_t n);

// h2_update_settings announces other settings of ours, which are in force when
// the peer has acknowledged them. False without memory, while earlier ones are
// not acknowledged, or when a stream's window would pass 2^31-1.
INTERNAL MUST_CHECK bool h2_update_settings(struct h2_conn *conn,
                                            const struct h2_settings *settings);

// h2_want grants the stream's window so far that n more bytes can arrive
// without further credit: a message larger than the window completes.
INTERNAL void h2_want(struct h2_conn *conn, struct h2_stream *stream, size_t n);

// h2_ping sends a PING with the given payload, which is none of h2_bdp.c.
INTERNAL MUST_CHECK bool h2_ping(struct h2_conn *conn,
                                 const uint8_t payload[8]);

// h2_spoke: HEADERS or DATA were put into the output since it was asked last.
static inline bool h2_spoke(struct h2_conn *conn)
{
    bool spoke = conn->spoke;
    conn->spoke = false;
    return spoke;
}

// h2_goaway tells the peer to open no more streams; those up to last_stream_id
// go on. debug is text for people, may be empty. May be called again with a
// lower id.
INTERNAL MUST_CHECK bool h2_goaway(struct h2_conn *conn,
                                   uint32_t last_stream_id, enum h2_code code,
                                   struct view debug);

// ---- Output -----------------------------------------------------------------

// h2_output_size: bytes that wait to be sent.
INTERNAL size_t h2_output_size(const struct h2_conn *conn);

// h2_output_peek fills up to max views and returns how many.
INTERNAL size_t h2_output_peek(const struct h2_conn *conn, struct view *views,
                               size_t max);

// h2_output_consume: n bytes have been sent. Queued DATA takes their room, and
// WRITABLE events may become due: call h2_recv with empty input.
INTERNAL void h2_output_consume(struct h2_conn *conn, size_t n);

// h2_output_end is the place where the next frame will begin, counted from the
// connection's first byte. h2_has_left: something that began at that place has
// been sent, if only in part.
static inline uint64_t h2_output_end(const struct h2_conn *conn)
{
    return conn->left_bytes + conn->out.size;
}

static inline bool h2_has_left(const struct h2_conn *conn, uint64_t place)
{
    return place < conn->left_bytes;
}

// h2_drop_output: what is in the output will never be sent.
INTERNAL void h2_drop_output(struct h2_conn *conn);

// h2_take_back drops what was put into the output from that place on, where a
// frame begins that has not left. The connection is over: if that is for an
// error, the peer is still told.
INTERNAL void h2_take_back(struct h2_conn *conn, uint64_t place);

// h2_check asserts all invariants; for tests, fuzzers and the simulation.
INTERNAL void h2_check(const struct h2_conn *conn);

#endif
