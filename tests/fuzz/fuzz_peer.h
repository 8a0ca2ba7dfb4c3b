// SPDX-License-Identifier: MIT
// One engine of ours against a hostile peer, with an owner that does what core
// does: it reads requests or responses, cuts messages, gives credit, answers.
//
// A smooth owner is the same however the input is cut; the input is then run
// whole and in pieces, and both give the same events and the same output. A
// rough one does at random all that the interface allows: it leaves output
// unsent, keeps streams, resets, asks for more, fails to get memory.
//
//   input: PEER_HEAD bytes that choose (peer_choose), then the peer's bytes. A
//   flood is made of few of them: they can be given many times over.

#ifndef TESTS_FUZZ_FUZZ_PEER_H
#define TESTS_FUZZ_FUZZ_PEER_H

#include "base/arena.h"
#include "core/deframe.h"
#include "core/headers.h"
#include "core/percent.h"
#include "core/request.h"
#include "core/response.h"
#include "core/timeout.h"
#include "h2/h2_limits.h"
#include "tests/fuzz/fuzz_wire.h"

enum {
    PEER_HEAD = 6,
    PEER_FLOOD = 40,
    PEER_FLOOD_MAX = 2000, // bytes of an input that is given so often
    PEER_OWNERS = 160,     // more than streams at once
    PEER_REPLY = 20000,
    PEER_MEMORY = 16 << 20, // bytes: nothing costs more
};

// What the head of an input chooses.
struct peer_choice {
    struct h2_options options;
    uint8_t cut;
    uint8_t fail_at; // allocation that fails, of a rough run
    uint8_t random;
    uint32_t requests; // that a client makes
    uint32_t requests_first;
    bool rough;
    bool handshake; // preface and SETTINGS come before the input
    bool early;     // answers a request at its headers
    bool large;     // messages that do not fit into a frame
    bool wants;     // opens a stream's window with h2_want
    bool ends;      // the input ends with the peer's end
    size_t times;   // that the input is given
};

// The owner of one stream.
struct peer_owner {
    struct h2_stream *stream; // NULL: free
    grpc_arena arena;
    struct deframe deframe;
    struct deframe_spare spare;
    bool deframing; // no fault was found so far
    size_t unread;
    size_t kept; // of them, credited to the connection alone
    uint64_t data_digest;
    uint64_t messages;
    bool data_sent;
    bool end_sent;
    bool end_seen;
    bool ending; // trailers wait for WRITABLE
};

struct peer {
    const struct peer_choice *choice;
    struct test_heap heap;
    struct h2_shared shared;
    struct h2_conn conn;
    struct wire wire;
    struct peer_owner owners[PEER_OWNERS];
    uint64_t random;
    uint64_t digest;
    hpack_hint hints[9];
    uint32_t requests_left;
    bool closed;
};

static uint8_t peer_reply[DEFRAME_HEAD + PEER_REPLY];

static inline uint32_t peer_dice(struct peer *peer, uint32_t below)
{
    return test_random(&peer->random) % below;
}

static inline void peer_note(struct peer *peer, uint64_t number)
{
    peer->digest = fuzz_digest_number(peer->digest, number);
}

// ---- Output -----------------------------------------------------------------

static inline void peer_drain(struct peer *peer, size_t most)
{
    FUZZ_CHECK(h2_queued_in_all(&peer->conn) < PEER_MEMORY);
    struct view views[4];
    size_t count;
    while (most > 0 && (count = h2_output_peek(&peer->conn, views, 4)) > 0) {
        size_t n = 0;
        for (size_t i = 0; i < count && most > 0; i++) {
            size_t part = views[i].size < most ? views[i].size : most;
            wire_watch(&peer->wire, view_of(views[i].data, part));
            n += part;
            most -= part;
        }
        h2_output_consume(&peer->conn, n);
    }
    h2_check(&peer->conn);
}

// ---- Owners -----------------------------------------------------------------

static inline struct peer_owner *peer_owner_new(struct peer *peer,
                                                struct h2_stream *stream)
{
    struct peer_owner *owner = peer->owners;
    while (owner->stream != NULL) {
        owner++;
        FUZZ_CHECK(owner < peer->owners + PEER_OWNERS);
    }
    memset(owner, 0, sizeof *owner);
    owner->stream = stream;
    owner->deframing = true;
    owner->data_digest = FUZZ_DIGEST;
    arena_bind(&owner->arena, &peer->heap.allocator);
    deframe_init(&owner->deframe, &owner->spare, 100000);
    stream->owner = owner;
    return owner;
}

static inline void peer_owner_free(struct peer *peer, struct peer_owner *owner)
{
    peer_note(peer, owner->data_digest);
    peer_note(peer, owner->messages);
    deframe_fini(&owner->deframe, &owner->arena);
    deframe_spare_fini(&owner->spare, &owner->arena.allocator);
    arena_check(&owner->arena);
    grpc_arena_free(&owner->arena);
    owner->stream = NULL;
}

static inline void peer_release(struct peer *peer, struct peer_owner *owner)
{
    h2_release(&peer->conn, owner->stream);
    peer_owner_free(peer, owner);
}

static inline void peer_credit(struct peer *peer, struct peer_owner *owner,
                               size_t n)
{
    n = n < owner->unread ? n : owner->unread;
    owner->unread -= n;
    h2_credit(&peer->conn, owner->stream, n);
}

// peer_keep gives credit to the connection alone, or ends that.
static inline void peer_keep(struct peer *peer, struct peer_owner *owner,
                             size_t n)
{
    if (owner->kept > 0 && n % 2 == 0) {
        n = n < owner->kept ? n : owner->kept;
        owner->kept -= n;
        h2_credit_stream(&peer->conn, owner->stream, n);
        return;
    }
    n = n < owner->unread ? n : owner->unread;
    owner->unread -= n;
    owner->kept += n;
    h2_credit_connection(&peer->conn, owner->stream, n);
}

static inline bool peer_can_send(const struct peer_owner *owner)
{
    return owner->stream->state != H2_STATE_CLOSED && !owner->end_sent;
}

// ---- Sending ----------------------------------------------------------------

// peer_headers sends a block of one to three fields that come again, and
// perhaps a text that does not.
static inline void peer_headers(struct peer *peer, struct peer_owner *owner,
                                size_t first, struct view text, bool end)
{
    static const struct {
        const char *name;
        const char *value;
    } rows[] = {
        {":status", "200"},  {"content-type", "application/grpc"},
        {NULL, NULL},        {"grpc-status", "3"},
        {NULL, NULL},        {":method", "POST"},
        {":scheme", "http"}, {":path", "/fuzz.Fuzz/Call"},
        {NULL, NULL},
    };
    struct h2_field fields[4];
    size_t count = 0;
    for (size_t i = first; rows[i].name != NULL; i++) {
        struct view name = view_of(rows[i].name, strlen(rows[i].name));
        struct view value = view_of(rows[i].value, strlen(rows[i].value));
        hpack_hint *hint = &peer->hints[i];
        fields[count++] = headers_field(name, value, 0, hint);
    }
    if (text.size > 0) {
        fields[count++] = headers_passing(VIEW("grpc-message"), text, 0);
    }
    owner->end_sent = end;
    if (!h2_send_headers(&peer->conn, owner->stream, fields, count, end)) {
        FUZZ_CHECK(peer->heap.fail_at != 0);
        FUZZ_CHECK(peer->conn.state == H2_CONN_CLOSED);
    }
}

static inline void peer_data(struct peer *peer, struct peer_owner *owner,
                             bool end)
{
    size_t size = peer->choice->large ? PEER_REPLY : 5;
    peer_reply[3] = (uint8_t)(size >> 8);
    peer_reply[4] = (uint8_t)size;
    bool sent = h2_send_data(&peer->conn, owner->stream,
                             view_of(peer_reply, size + DEFRAME_HEAD), end);
    FUZZ_CHECK(sent || peer->heap.fail_at != 0);
    owner->data_sent = true;
    owner->end_sent = end && sent;
}

// peer_trailers ends an answer when its data has left.
static inline void peer_trailers(struct peer *peer, struct peer_owner *owner,
                                 struct view text)
{
    if (!peer_can_send(owner)) {
        return;
    }
    if (h2_queued_bytes(owner->stream) > 0) {
        owner->ending = true;
        h2_want_writable(owner->stream);
        return;
    }
    peer_headers(peer, owner, 3, text, true);
}

// peer_answer is a whole reply, or a refusal that says why.
static inline void peer_answer(struct peer *peer, struct peer_owner *owner,
                               struct view fault)
{
    if (!peer_can_send(owner) || owner->ending || owner->data_sent) {
        return;
    }
    peer_headers(peer, owner, 0, view_of(NULL, 0), false);
    if (fault.size == 0 && peer_can_send(owner)) {
        peer_data(peer, owner, false);
    }
    peer_trailers(peer, owner, fault);
}

// peer_open makes a request; every other one stays open.
static inline void peer_open(struct peer *peer)
{
    if (peer->requests_left == 0 || !h2_can_open(&peer->conn)) {
        return;
    }
    uint32_t number = peer->requests_left--;
    struct h2_stream *stream = h2_open(&peer->conn, NULL);
    if (stream == NULL) {
        FUZZ_CHECK(peer->heap.fail_at != 0);
        return;
    }
    struct peer_owner *owner = peer_owner_new(peer, stream);
    peer_headers(peer, owner, 5, view_of(NULL, 0), number % 4 == 0);
    if (peer_can_send(owner) && number % 4 != 1) {
        peer_data(peer, owner, number % 2 == 0);
    }
}

// ---- Events -----------------------------------------------------------------

// peer_text writes a peer's text as we send it back, and reads it again.
static inline struct view peer_text(struct view text, char out[512])
{
    char back[512];
    size_t size = percent_encode(text, out, 512);
    FUZZ_CHECK(size <= 512);
    size_t decoded = percent_decode(view_of(out, size), back);
    FUZZ_CHECK(decoded <= size);
    return view_of(out, size);
}

static inline void peer_on_request(struct peer *peer,
                                   const struct h2_event *event)
{
    static const struct compress_registry compress;
    struct request request;
    char text[512];
    struct peer_owner *owner = peer_owner_new(peer, event->stream);
    request_parse(&request, event->block, &compress);
    peer_note(peer, request.code);
    peer_note(peer, request.timeout_ms);
    struct view fault = view_of(NULL, 0);
    if (request.code != GRPC_OK) {
        FUZZ_CHECK(request.reason != NULL);
        fault = peer_text(request.detail, text);
        fault = fault.size > 0 ? fault : VIEW("refused");
    } else {
        FUZZ_CHECK(request.path != NULL);
    }
    if (peer->choice->wants) {
        h2_want(&peer->conn, event->stream, 100000);
    }
    if (fault.size > 0 || peer->choice->early) {
        peer_answer(peer, owner, fault);
    }
}

static inline void peer_on_response(struct peer *peer,
                                    const struct h2_event *event)
{
    struct response response;
    response_parse(&response, event->block);
    peer_note(peer, response.is_grpc);
    peer_note(peer, event->http_status);
    FUZZ_CHECK(event->http_status >= 100 && event->http_status <= 999);
    if (response.message.size <= 8192) {
        char text[8192];
        size_t size = percent_decode(response.message, text);
        FUZZ_CHECK(size <= response.message.size);
    }
}

static inline void peer_on_headers(struct peer *peer,
                                   const struct h2_event *event)
{
    for (size_t i = 0; i < event->block->count; i++) {
        const struct hpack_field *field = &event->block->fields[i];
        peer->digest = fuzz_digest(peer->digest, field->name);
        peer->digest = fuzz_digest(peer->digest, field->value);
        if (field->memo != NULL) {
            // The owner's bits stay with the entry.
            uintptr_t mark = (uintptr_t)(field->name.size * 2 + 2);
            uintptr_t memo = *field->memo & ~H2_MEMO_VALID;
            FUZZ_CHECK(memo == 0 || memo == mark);
            *field->memo |= mark;
        }
    }
    peer_note(peer, event->headers);
    peer_note(peer, event->block->over_limit);
    if (event->headers == H2_HEADERS_REQUEST) {
        FUZZ_CHECK(peer->conn.is_server && event->stream->owner == NULL);
        peer_on_request(peer, event);
        return;
    }
    FUZZ_CHECK(event->stream->owner != NULL);
    if (event->headers != H2_HEADERS_TRAILERS) {
        FUZZ_CHECK(!peer->conn.is_server);
        peer_on_response(peer, event);
    }
}

static inline void peer_deframe(struct peer *peer, struct peer_owner *owner,
                                struct view data)
{
    enum deframe_result result = DEFRAME_MESSAGE;
    struct view message;
    while (owner->deframing && result == DEFRAME_MESSAGE) {
        result = deframe_next(&owner->deframe, &owner->arena, &data, &message);
        if (result == DEFRAME_MESSAGE) {
            owner->messages++;
        }
    }
    if (result != DEFRAME_MORE) {
        owner->deframing = false;
    }
    FUZZ_CHECK(result != DEFRAME_NO_MEMORY || peer->heap.fail_at != 0);
}

static inline void peer_on_data(struct peer *peer, struct peer_owner *owner,
                                const struct h2_event *event)
{
    FUZZ_CHECK(event->data.size > 0 || event->end_stream);
    FUZZ_CHECK(!owner->end_seen);
    owner->unread += event->data.size;
    owner->data_digest = fuzz_digest(owner->data_digest, event->data);
    peer_deframe(peer, owner, event->data);
    if (peer->choice->rough && peer_dice(peer, 2) == 0) {
        peer_credit(peer, owner, peer_dice(peer, 1000));
    }
}

// peer_on_end: the peer has sent all of a stream.
static inline void peer_on_end(struct peer *peer, struct peer_owner *owner)
{
    FUZZ_CHECK(!owner->end_seen);
    owner->end_seen = true;
    if (!peer->choice->rough || peer_dice(peer, 2) == 0) {
        peer_credit(peer, owner, SIZE_MAX);
    }
    if (peer->conn.is_server) {
        bool good = owner->deframing && deframe_is_between(&owner->deframe);
        peer_answer(peer, owner, good ? view_of(NULL, 0) : VIEW("bad"));
    } else if (peer_can_send(owner)) {
        peer_data(peer, owner, true);
    }
}

static inline void peer_on_stream(struct peer *peer,
                                  const struct h2_event *event)
{
    struct peer_owner *owner = event->stream->owner;
    FUZZ_CHECK(owner != NULL && owner->stream == event->stream);
    if (event->type == H2_EVENT_DATA) {
        peer_on_data(peer, owner, event);
    }
    if (event->type == H2_EVENT_WRITABLE && owner->ending) {
        owner->ending = false;
        peer_trailers(peer, owner, view_of(NULL, 0));
    }
    if (event->end_stream) {
        peer_on_end(peer, owner);
    }
    bool over = event->type == H2_EVENT_RESET ||
                event->stream->state == H2_STATE_CLOSED;
    if (over && (!peer->choice->rough || peer_dice(peer, 2) == 0)) {
        peer_release(peer, owner);
    }
}

static inline void peer_trace(const struct h2_event *event)
{
    if (!fuzz_trace()) {
        return;
    }
    bool told = event->type == H2_EVENT_RESET ||
                event->type == H2_EVENT_CLOSED ||
                event->type == H2_EVENT_GOAWAY;
    bool data = event->type == H2_EVENT_DATA;
    (void)fprintf(
        stderr, "event %d stream %lu end %d data %lu: %s\n", (int)event->type,
        (unsigned long)(event->stream != NULL ? event->stream->id : 0),
        event->end_stream, (unsigned long)(data ? event->data.size : 0),
        told ? event->reason : "");
}

static inline void peer_event(struct peer *peer, const struct h2_event *event)
{
    FUZZ_CHECK(event->type != H2_EVENT_NONE && !peer->closed);
    peer_trace(event);
    bool partial = event->type == H2_EVENT_DATA && !event->end_stream;
    if (!partial) {
        peer_note(peer, event->type);
        peer_note(peer, event->stream != NULL ? event->stream->id : 0);
        peer_note(peer, event->end_stream);
    }
    if (event->type == H2_EVENT_HEADERS) {
        peer_on_headers(peer, event);
    }
    if (event->type == H2_EVENT_RESET || event->type == H2_EVENT_CLOSED ||
        event->type == H2_EVENT_GOAWAY) {
        FUZZ_CHECK(event->reason != NULL && h2_code_name(event->code) != NULL);
        peer_note(peer, event->code);
        peer->digest = fuzz_digest(
            peer->digest, view_of(event->reason, strlen(event->reason)));
    }
    if (event->type == H2_EVENT_GOAWAY) {
        peer->digest = fuzz_digest(peer->digest, event->debug);
    }
    peer->closed = event->type == H2_EVENT_CLOSED;
    FUZZ_CHECK(!peer->closed || peer->conn.state == H2_CONN_CLOSED);
    if (event->stream != NULL) {
        peer_on_stream(peer, event);
    }
    if (!peer->conn.is_server && !partial) {
        peer_open(peer);
    }
}

// ---- What a rough owner does ------------------------------------------------

static inline void peer_rough_stream(struct peer *peer,
                                     struct peer_owner *owner)
{
    switch (peer_dice(peer, 9)) {
    case 0:
        h2_reset(&peer->conn, owner->stream, H2_CANCEL);
        break;
    case 1:
        peer_release(peer, owner);
        break;
    case 2:
        h2_want(&peer->conn, owner->stream, peer_dice(peer, 200000));
        break;
    case 3:
        h2_want_writable(owner->stream);
        break;
    case 4:
        peer_answer(peer, owner, view_of(NULL, 0));
        break;
    case 5:
        peer_keep(peer, owner, peer_dice(peer, 2000));
        break;
    case 6:
        if (owner->data_sent && peer_can_send(owner) && !owner->ending) {
            peer_data(peer, owner, peer_dice(peer, 4) == 0);
        }
        break;
    default:
        peer_credit(peer, owner, peer_dice(peer, 70000));
        break;
    }
}

static inline void peer_rough_conn(struct peer *peer)
{
    static const uint8_t ping[8] = {0};
    struct h2_settings settings = peer->choice->options.local;
    bool done = true;
    switch (peer_dice(peer, 16)) {
    case 0:
        done = h2_ping(&peer->conn, ping);
        break;
    case 1:
        done = h2_goaway(&peer->conn, peer->conn.last_peer_id, H2_NO_ERROR,
                         VIEW("rough"));
        break;
    case 2:
        // False also while earlier ones are not acknowledged.
        settings.initial_window_size = peer_dice(peer, 3) * 30000;
        settings.header_table_size = peer_dice(peer, 3) * 2000;
        settings.max_concurrent_streams = peer_dice(peer, 100);
        (void)!h2_update_settings(&peer->conn, &settings);
        break;
    case 3:
        if (peer_dice(peer, 16) == 0) {
            h2_close_input(&peer->conn, "rough");
        } else if (peer_dice(peer, 16) == 0) {
            h2_close(&peer->conn, H2_ENHANCE_YOUR_CALM, "rough");
        }
        break;
    default:
        peer_drain(peer,
                   peer_dice(peer, 3) == 0 ? SIZE_MAX : peer_dice(peer, 100));
        break;
    }
    FUZZ_CHECK(done || peer->heap.fail_at != 0);
}

static inline void peer_rough(struct peer *peer)
{
    for (uint32_t i = peer_dice(peer, 3); i > 0; i--) {
        struct peer_owner *owner = &peer->owners[peer_dice(peer, 8)];
        if (owner->stream != NULL && peer_dice(peer, 2) == 0) {
            peer_rough_stream(peer, owner);
        } else {
            peer_rough_conn(peer);
        }
        h2_check(&peer->conn);
    }
}

// ---- A run ------------------------------------------------------------------

// peer_recv gives one piece; in memory of its own, so that a view that is kept
// is found.
static inline void peer_recv(struct peer *peer, struct view piece)
{
    uint8_t *copy = fuzz_copy(piece);
    struct view rest = view_of(copy, piece.size);
    enum h2_result result;
    do {
        struct h2_event event;
        size_t used = 0;
        result = h2_recv(&peer->conn, rest, &used, &event);
        FUZZ_CHECK(used <= rest.size);
        rest = view_skip(rest, used);
        h2_check(&peer->conn);
        if (result == H2_EVENT) {
            peer_event(peer, &event);
        } else {
            FUZZ_CHECK(event.type == H2_EVENT_NONE);
            FUZZ_CHECK(result == H2_BLOCKED || rest.size == 0);
        }
        h2_check(&peer->conn);
        if (result == H2_BLOCKED) {
            FUZZ_CHECK(h2_output_size(&peer->conn) > 0);
            peer_drain(peer, SIZE_MAX);
        } else if (peer->choice->rough) {
            peer_rough(peer);
        } else {
            peer_drain(peer, SIZE_MAX);
        }
    } while (result != H2_IDLE);
    free(copy);
}

static inline void peer_handshake(struct peer *peer)
{
    if (peer->conn.is_server) {
        peer_recv(peer, VIEW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    }
    peer_recv(peer, VIEW("\0\0\0\4\0\0\0\0\0\0\0\0\4\1\0\0\0\0"));
}

static inline void peer_input(struct peer *peer, struct view input,
                              struct fuzz_cut cut)
{
    if (peer->choice->handshake) {
        peer_handshake(peer);
    }
    for (uint32_t i = 0; i < peer->choice->requests_first; i++) {
        peer_open(peer);
    }
    while (input.size > 0) {
        peer_recv(peer, fuzz_take(&input, fuzz_cut_next(&cut, input.size)));
    }
    if (peer->choice->ends) {
        h2_close_input(&peer->conn, "end of input");
        peer_recv(peer, view_of(NULL, 0));
        FUZZ_CHECK(peer->closed);
    }
}

// peer_due_acks is how many SETTINGS and PING frames a peer's bytes hold that
// are to be acknowledged: by their heads alone, so that an engine that takes a
// byte for part of another frame is found.
static inline uint32_t peer_due_acks(const struct peer_choice *choice,
                                     struct view input)
{
    uint32_t count = choice->handshake ? 1 : 0;
    if (choice->options.is_server && !choice->handshake) {
        (void)fuzz_take(&input, WIRE_MAGIC);
    }
    while (input.size >= H2_HEAD_SIZE) {
        struct h2_frame frame = h2_frame_read(input.data);
        size_t whole = H2_HEAD_SIZE + (size_t)frame.length;
        if (fuzz_take(&input, whole).size == whole &&
            (frame.type == H2_FRAME_SETTINGS || frame.type == H2_FRAME_PING)) {
            count += (frame.flags & H2_FLAG_ACK) == 0;
        }
    }
    return count;
}

static inline void peer_fini(struct peer *peer)
{
    peer_drain(peer, SIZE_MAX);
    FUZZ_CHECK(peer->wire.size == 0 || peer->wire.lenient);
    h2_conn_fini(&peer->conn);
    for (size_t i = 0; i < PEER_OWNERS; i++) {
        if (peer->owners[i].stream != NULL) {
            peer_owner_free(peer, &peer->owners[i]);
        }
    }
}

// peer_run gives a digest of everything that could be seen.
static inline uint64_t peer_run(const struct peer_choice *choice,
                                struct view input, uint8_t cut)
{
    static struct peer peer;
    if (fuzz_trace()) {
        (void)fprintf(stderr, "---- a run, cut %u\n", cut);
    }
    memset(&peer, 0, sizeof peer);
    test_heap_init(&peer.heap);
    peer.choice = choice;
    peer.random = choice->random;
    peer.digest = FUZZ_DIGEST;
    peer.requests_left = choice->options.is_server ? 0 : choice->requests;
    peer.heap.fail_at = choice->rough ? choice->fail_at : 0;
    wire_init(&peer.wire, choice->options.is_server);
    peer.wire.lenient = peer.heap.fail_at != 0;
    h2_shared_init(&peer.shared, &peer.heap.allocator);
    if (h2_conn_init(&peer.conn, &peer.shared, &choice->options)) {
        peer_input(&peer, input, fuzz_cut_of(cut));
        bool all = !choice->rough && peer.conn.state != H2_CONN_CLOSED;
        peer_fini(&peer);
        FUZZ_CHECK(!all || peer.wire.acks == peer_due_acks(choice, input));
    } else {
        FUZZ_CHECK(peer.heap.fail_at != 0);
    }
    h2_shared_fini(&peer.shared);
    FUZZ_CHECK(test_heap_is_clean(&peer.heap));
    FUZZ_CHECK(peer.heap.peak_bytes < PEER_MEMORY);
    return fuzz_digest_number(peer.digest, peer.wire.digest);
}

// peer_limits are the usual ones, or small ones that are met soon.
static inline const grpc_limits *peer_limits(bool rough, bool small)
{
    static grpc_limits limits;
    limits = *h2_limits_default();
    if (!rough) {
        // How DATA is cut depends on when output leaves, once this is met.
        limits.output_bytes = 1 << 30;
    }
    if (small) {
        limits.induced_bytes = 1024;
        limits.output_bytes = rough ? 3000 : limits.output_bytes;
        limits.queued_bytes = 30000;
        limits.continuation_frames = 2;
        limits.settings_entries = 6;
        limits.informational_responses = 2;
        limits.encoder_table_bytes = 200;
    }
    return &limits;
}

static inline struct h2_options peer_options(bool is_server, bool rough,
                                             uint8_t options)
{
    static const uint32_t windows[] = {65535, 0, 1000, 200000};
    static const uint32_t tables[] = {4096, 0, 100, HPACK_TABLE_MAX};
    struct h2_options out =
        h2_options_make(is_server, peer_limits(rough, (options & 128) != 0));
    out.local.initial_window_size = windows[options & 3];
    out.local.header_table_size = tables[options >> 2 & 3];
    if ((options & 16) != 0) {
        out.connection_window = 65535;
        out.local.max_frame_size = 40000;
    }
    if ((options & 32) != 0) {
        out.header_limits = (struct hpack_limits){.list_bytes = 200,
                                                  .list_fields = 6,
                                                  .hard_bytes = 400,
                                                  .hard_fields = 12};
    }
    if ((options & 64) != 0 && is_server) {
        out.local.max_concurrent_streams = 2;
    }
    return out;
}

static inline struct peer_choice peer_choose(bool is_server, struct view *input)
{
    uint8_t options = fuzz_byte(input);
    uint8_t flags = fuzz_byte(input);
    struct peer_choice choice = {
        .options = peer_options(is_server, (flags & 1) != 0, options),
        .rough = (flags & 1) != 0,
        .handshake = (flags & 2) == 0,
        .early = (flags & 4) != 0,
        .large = (flags & 8) != 0,
        .wants = (flags & 16) != 0,
        .ends = (flags & 32) != 0,
        .times = (flags & 192) == 192 ? PEER_FLOOD : 1,
    };
    choice.cut = fuzz_byte(input);
    choice.fail_at = fuzz_byte(input);
    choice.random = fuzz_byte(input);
    uint8_t requests = fuzz_byte(input);
    choice.requests_first = requests & 7;
    choice.requests = choice.requests_first + (requests >> 3);
    return choice;
}

// peer_repeat gives what is behind a start as often as was chosen, in *memory;
// how long the start is is said by the first byte.
static inline struct view peer_repeat(struct view input, size_t times,
                                      uint8_t *memory)
{
    if (times == 1 || input.size > PEER_FLOOD_MAX) {
        return input;
    }
    struct view start = fuzz_take(&input, fuzz_byte(&input));
    size_t size = 0;
    for (size_t i = 0; i <= times; i++) {
        struct view part = i == 0 ? start : input;
        if (part.size > 0) {
            memcpy(memory + size, part.data, part.size);
        }
        size += part.size;
    }
    return view_of(memory, size);
}

static inline void peer_fuzz(bool is_server, const uint8_t *data, size_t size)
{
    static uint8_t memory[(PEER_FLOOD + 1) * PEER_FLOOD_MAX];
    struct view input = view_of(data, size);
    const struct peer_choice choice = peer_choose(is_server, &input);
    input = peer_repeat(input, choice.times, memory);
    uint64_t digest = peer_run(&choice, input, choice.cut);
    if (!choice.rough) {
        FUZZ_CHECK(peer_run(&choice, input, choice.cut == 0 ? 1 : 0) == digest);
    }
}

#endif
