// SPDX-License-Identifier: MIT

#include "core/send.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/endian.h"
#include "core/blocking.h"
#include "core/client_call.h"
#include "core/compress.h"
#include "core/limits.h"
#include "core/server_call.h"
#include "core/server_headers.h"

// ---- From a message to its frame --------------------------------------------

// send_head writes the head in front of size bytes at data.
static struct view send_head(uint8_t *data, size_t size, bool is_compressed)
{
    data[-DEFRAME_HEAD] = is_compressed ? 1 : 0;
    store_be32(data - DEFRAME_HEAD + 1, (uint32_t)size);
    return view_of(data - DEFRAME_HEAD, size + DEFRAME_HEAD);
}

// send_is_compressed: empty messages gain nothing.
static bool send_is_compressed(const struct grpc_call *call,
                               struct view message)
{
    return call->send_encoding != CALL_IDENTITY && call->compresses &&
           message.size > 0;
}

static grpc_result send_compressed(struct grpc_call *call, struct view message,
                                   struct view *out_bytes, const char **reason)
{
    struct view packed;
    grpc_result result =
        compress_message(&call->loop->compress, (size_t)call->send_encoding,
                         message, DEFRAME_HEAD, &packed, reason);
    if (result == GRPC_OK) {
        *out_bytes =
            send_head((uint8_t *)(uintptr_t)packed.data, packed.size, true);
    }
    return result;
}

// send_copied puts a message that lies elsewhere into the loop's buffer.
static grpc_result send_copied(struct grpc_call *call, struct view message,
                               struct view *out_bytes, const char **reason)
{
    grpc_buffer *buffer = encoded_begin(&call->loop->encoded);
    const grpc_str bytes = {(const char *)message.data, message.size};
    grpc_result result = grpc_raw.encode(NULL, &bytes, buffer, reason);
    if (result == GRPC_OK) {
        *out_bytes = send_head(buffer->first, message.size, false);
    }
    return result;
}

static grpc_result send_too_large(struct grpc_call *call, size_t size,
                                  const char **reason)
{
    call_set_text(call, "trying to send message larger than max (%lu vs. %lu)",
                  (unsigned long)size, (unsigned long)call->max_send_bytes);
    *reason = call->text;
    return GRPC_ELIMIT;
}

// send_show lets the interceptors see a message. They may send on other calls,
// and must not encode over this one.
static struct view send_show(struct grpc_call *call, struct view message)
{
    grpc_buffer *buffer = &call->loop->encoded.buffer;
    grpc_buffer ours = *buffer;
    *buffer = (grpc_buffer){.allocator = ours.allocator};
    struct view seen = intercept_sent(call, message);
    alloc_free(&buffer->allocator, buffer->base,
               (size_t)(buffer->end - buffer->base));
    *buffer = ours;
    return seen;
}

// send_is_later: what a client sends while an interceptor is waited for is shown,
// and compressed, when all have been started: send_held.
static bool send_is_later(const struct grpc_call *call)
{
    return !call->is_server && !call->begun && call->chain->sees_messages;
}

// send_pack_seen is send_pack where somebody may see or change the message, or
// it has to be moved.
static grpc_result send_pack_seen(struct grpc_call *call, struct view message,
                                  bool in_buffer, struct view *out_bytes,
                                  const char **reason)
{
    grpc_result result = GRPC_OK;
    bool is_later = send_is_later(call);
    if (UNLIKELY(call->chain->sees_messages && !is_later)) {
        struct view seen = send_show(call, message);
        in_buffer = in_buffer && seen.data == message.data;
        message = seen;
    }
    if (UNLIKELY(send_is_compressed(call, message) && !is_later)) {
        result = send_compressed(call, message, out_bytes, reason);
    } else if (message.size > call->max_send_bytes) {
        return send_too_large(call, message.size, reason);
    } else if (LIKELY(in_buffer)) {
        *out_bytes =
            send_head((uint8_t *)(uintptr_t)message.data, message.size, false);
        return GRPC_OK;
    } else {
        result = send_copied(call, message, out_bytes, reason);
    }
    if (result == GRPC_OK &&
        out_bytes->size - DEFRAME_HEAD > call->max_send_bytes) {
        return send_too_large(call, out_bytes->size - DEFRAME_HEAD, reason);
    }
    return result;
}

// send_pack makes a frame of a message; in_buffer: it lies in the loop's buffer
// and has room for the head in front.
static inline grpc_result send_pack(struct grpc_call *call, struct view message,
                                    bool in_buffer, struct view *out_bytes,
                                    const char **reason)
{
    if (LIKELY(in_buffer && !call->chain->sees_messages &&
               call->send_encoding == CALL_IDENTITY &&
               message.size <= call->max_send_bytes)) {
        *out_bytes =
            send_head((uint8_t *)(uintptr_t)message.data, message.size, false);
        return GRPC_OK;
    }
    return send_pack_seen(call, message, in_buffer, out_bytes, reason);
}

grpc_result send_encode(struct grpc_call *call, const void *message,
                        struct view *out_bytes, const char **reason)
{
    const grpc_method *method = call->method;
    grpc_buffer *buffer = encoded_begin(&call->loop->encoded);
    grpc_result result =
        method->codec->encode(call->is_server ? method->reply : method->request,
                              message, buffer, reason);
    if (result != GRPC_OK) {
        return result;
    }
    // The codec leaves GRPC_BUFFER_HEADROOM in front: room for the head.
    size_t size = (size_t)(buffer->end - buffer->first);
    return send_pack(call, view_of(buffer->first, size), true, out_bytes,
                     reason);
}

grpc_result send_request(struct grpc_call *call, struct view message,
                         struct view *out_bytes, const char **reason)
{
    return send_pack(call, message, true, out_bytes, reason);
}

grpc_result send_bytes(struct grpc_call *call, struct view message,
                       struct view *out_bytes, const char **reason)
{
    return send_pack(call, message, false, out_bytes, reason);
}

// ---- From the frame into the stream -----------------------------------------

static bool send_is_streamed(const struct grpc_call *call)
{
    return call->is_server ? call->method->streams_replies
                           : call->method->streams_requests;
}

// send_is_open: the side may send a message of a stream.
static bool send_is_open(const struct grpc_call *call)
{
    if (!send_is_streamed(call) || call->over) {
        return false;
    }
    if (call->is_server) {
        return call->state == CALL_HANDLING;
    }
    return (call->state == CALL_QUEUED || call->state == CALL_SENT) &&
           !call->half_closed;
}

static size_t send_waiting(const struct grpc_call *call)
{
    return call->stream != NULL ? h2_queued_bytes(call->stream)
                                : call->outbox.size;
}

static bool send_has_room(const struct grpc_call *call)
{
    return send_waiting(call) < CORE_SEND_ROOM_BYTES;
}

// send_wait: there is no room; the user is told when there is.
static grpc_result send_wait(struct grpc_call *call)
{
    call->send_waits = true;
    if (call->stream != NULL) {
        h2_want_writable(call->stream);
    }
    return GRPC_AGAIN;
}

static grpc_result send_may(struct grpc_call *call)
{
    if (call == NULL) {
        return GRPC_EINVAL;
    }
    if (!send_is_open(call)) {
        return GRPC_ESTATE;
    }
    if (UNLIKELY(!send_has_room(call))) {
        return send_wait(call);
    }
    if (call->is_server && !call->stream->headers_sent) {
        return server_headers_send(call);
    }
    return GRPC_OK;
}

// send_say tells why a message was not taken.
static grpc_result send_say(struct grpc_call *call, grpc_result result,
                            const char *reason)
{
    if (call->is_server) {
        server_call_say(call, "send a message", reason);
    } else {
        client_call_say(call, "send a message", reason);
    }
    return result;
}

bool send_data(struct grpc_call *call, struct view bytes)
{
    struct h2_conn *h2 = &call->conn->h2;
    struct encoded *encoded = &call->loop->encoded;
    if (LIKELY(bytes.size < CORE_LENT_BYTES) ||
        !encoded_is_lendable(encoded, bytes)) {
        return h2_send_data(h2, call->stream, bytes, false);
    }
    void *lent = encoded_lend(encoded);
    const struct view nothing = view_of(NULL, 0);
    bool taken = h2_send_data_lent(h2, call->stream, nothing, bytes,
                                   encoded_give_back, lent, false);
    if (!taken) {
        encoded_give_back(lent);
    }
    return taken;
}

void send_forget(struct grpc_call *call)
{
    call->outbox_is_whole = false;
    if (UNLIKELY(call->outbox.size > 0)) {
        chunk_queue_clear(&call->outbox);
    }
}

// send_keep keeps a copy of what a client's stream has sent, if that may have to
// be sent again. Without memory it is not.
static void send_keep(struct grpc_call *call, struct view bytes)
{
    if (!call->outbox_is_whole) {
        return;
    }
    if (call->outbox.size + bytes.size > CORE_RESEND_BYTES ||
        !chunk_queue_append(&call->outbox, bytes)) {
        send_forget(call);
    }
}

static grpc_result send_frame(struct grpc_call *call, struct view bytes)
{
    bool taken;
    if (call->stream == NULL) {
        taken = chunk_queue_append(&call->outbox, bytes);
    } else {
        taken = send_data(call, bytes);
        conn_wake(call->conn);
        if (taken && !call->is_server) {
            send_keep(call, bytes);
        }
    }
    if (!taken) {
        return send_say(call, GRPC_ENOMEM, "out of memory");
    }
    if (UNLIKELY(bytes.size > CORE_SEND_ROOM_BYTES)) {
        run_keep_chunks(call->loop, bytes.size);
    }
    return GRPC_OK;
}

// send_packed sends what the packing has made, if it has.
static grpc_result send_packed(struct grpc_call *call, grpc_result result,
                               struct view bytes, const char *reason)
{
    if (result != GRPC_OK) {
        return send_say(call, result, reason);
    }
    // An interceptor may have ended the call.
    return send_is_open(call) ? send_frame(call, bytes) : GRPC_ESTATE;
}

static grpc_result send_now(struct grpc_call *call, const void *message)
{
    grpc_result result = send_may(call);
    if (result != GRPC_OK) {
        return result;
    }
    if (message == NULL) {
        return send_say(call, GRPC_EINVAL, "it is NULL");
    }
    struct view bytes = {NULL, 0};
    const char *reason = "";
    bool entered = call_enter(call);
    result = send_encode(call, message, &bytes, &reason);
    result = send_packed(call, result, bytes, reason);
    call_leave(call, entered);
    return result;
}

// send_take_outbox moves what is in the outbox into memory of the caller's.
static void send_take_outbox(struct grpc_call *call, uint8_t *to)
{
    while (call->outbox.size > 0) {
        struct view piece = {NULL, 0};
        (void)chunk_queue_peek(&call->outbox, &piece, 1);
        memcpy(to, piece.data, piece.size);
        to += piece.size;
        chunk_queue_consume(&call->outbox, piece.size);
    }
}

// send_again packs a message that was taken before; it cannot be refused now
// but with its call.
static void send_again(struct grpc_call *call, struct view message)
{
    struct view bytes;
    const char *reason = "out of memory";
    grpc_result result = send_bytes(call, message, &bytes, &reason);
    if (call->state != CALL_QUEUED) {
        return; // an interceptor has ended it
    }
    if (result == GRPC_OK && !chunk_queue_append(&call->outbox, bytes)) {
        result = GRPC_ENOMEM;
    }
    if (result != GRPC_OK) {
        call_set_text(call, "grpc: error marshalling request: %s", reason);
        client_call_finish(call, GRPC_RESOURCE_EXHAUSTED);
    }
}

bool send_held(struct grpc_call *call)
{
    const size_t size = call->outbox.size;
    if (LIKELY(size == 0 || !call->chain->sees_messages)) {
        return true;
    }
    const grpc_allocator *allocator = &call->loop->allocator;
    uint8_t *held = alloc_new(allocator, size);
    if (held == NULL) {
        client_call_refuse_memory(call);
        return false;
    }
    send_take_outbox(call, held);
    for (size_t at = 0; at < size && call->state == CALL_QUEUED;) {
        size_t length = load_be32(held + at + 1);
        at += DEFRAME_HEAD;
        send_again(call, view_of(held + at, length));
        at += length;
    }
    alloc_free(allocator, held, size);
    return call->state == CALL_QUEUED;
}

// send_kept sends what is in the outbox and leaves it there.
static bool send_kept(struct grpc_call *call)
{
    // (The chunks of an outbox are full, but for the last.)
    struct view pieces[CORE_RESEND_BYTES / CHUNK_CAPACITY + 2];
    size_t count = chunk_queue_peek(&call->outbox, pieces,
                                    sizeof pieces / sizeof pieces[0]);
    size_t sent = 0;
    for (size_t i = 0; i < count; i++) {
        sent += pieces[i].size;
        if (!h2_send_data(&call->conn->h2, call->stream, pieces[i], false)) {
            return false;
        }
    }
    ASSERT(sent == call->outbox.size);
    (void)sent;
    return true;
}

// send_last sends what is in the outbox, which is not needed any more.
static bool send_last(struct grpc_call *call)
{
    call->outbox_is_whole = false;
    while (call->outbox.size > 0) {
        struct view piece = {NULL, 0};
        (void)chunk_queue_peek(&call->outbox, &piece, 1);
        if (!h2_send_data(&call->conn->h2, call->stream, piece, false)) {
            return false;
        }
        chunk_queue_consume(&call->outbox, piece.size);
    }
    return true;
}

bool send_outbox(struct grpc_call *call)
{
    // A call is sent twice at most.
    bool is_kept = call->retries == 0 && call->outbox.size <= CORE_RESEND_BYTES;
    if (!(is_kept ? send_kept(call) : send_last(call))) {
        return false;
    }
    if (call->send_waits) {
        h2_want_writable(call->stream);
    }
    const struct view nothing = view_of(NULL, 0);
    return !call->half_closed ||
           h2_send_data(&call->conn->h2, call->stream, nothing, true);
}

void send_on_writable(struct grpc_call *call)
{
    if (!call->send_waits) {
        return;
    }
    call->send_waits = false;
    if (call->writable != NULL) {
        bool entered = call_enter(call);
        call->writable(call, call->writable_argument);
        call_leave(call, entered);
    }
}

// ---- Lent bytes -------------------------------------------------------------

// send_is_lent: the bytes may stay where they are.
static bool send_is_lent(const struct grpc_call *call, struct view message)
{
    return !call->chain->sees_messages && !send_is_compressed(call, message);
}

static grpc_result send_lent(struct grpc_call *call, struct view message,
                             void (*release)(void *argument), void *argument)
{
    uint8_t head[DEFRAME_HEAD];
    if (message.size > call->max_send_bytes) {
        const char *reason = "";
        grpc_result result = send_too_large(call, message.size, &reason);
        return send_say(call, result, reason);
    }
    struct view prefix = send_head(head + DEFRAME_HEAD, message.size, false);
    prefix.size = DEFRAME_HEAD;
    if (!h2_send_data_lent(&call->conn->h2, call->stream, prefix, message,
                           release, argument, false)) {
        return send_say(call, GRPC_ENOMEM, "out of memory");
    }
    if (!call->is_server) {
        send_forget(call); // what is lent is given back when it was sent
    }
    conn_wake(call->conn);
    return GRPC_OK;
}

static grpc_result send_plain(struct grpc_call *call, struct view message)
{
    struct view bytes = {NULL, 0};
    const char *reason = "";
    grpc_result result = send_bytes(call, message, &bytes, &reason);
    return send_packed(call, result, bytes, reason);
}

static grpc_result send_bytes_now(struct grpc_call *call, struct view message,
                                  void (*release)(void *argument),
                                  void *argument)
{
    grpc_result result = send_may(call);
    if (result == GRPC_OK && release != NULL && call->stream == NULL) {
        result = send_wait(call); // nothing is lent before there is a stream
    }
    if (result != GRPC_OK) {
        return result;
    }
    if (release != NULL && send_is_lent(call, message)) {
        return send_lent(call, message, release, argument);
    }
    bool entered = call_enter(call);
    result = send_plain(call, message);
    call_leave(call, entered);
    if (result == GRPC_OK && release != NULL) {
        release(argument); // they were copied
    }
    return result;
}

// ---- The public functions ---------------------------------------------------

grpc_result grpc_call_send(grpc_call *call, const void *message)
{
    grpc_result result = send_now(call, message);
    while (result == GRPC_AGAIN && blocking_await_room(call)) {
        result = send_now(call, message);
    }
    return result;
}

grpc_result grpc_call_send_bytes(grpc_call *call, grpc_str message,
                                 void (*release)(void *argument),
                                 void *argument)
{
    if (message.data == NULL && message.size > 0) {
        return GRPC_EINVAL;
    }
    const struct view bytes = view_of(message.data, message.size);
    grpc_result result = send_bytes_now(call, bytes, release, argument);
    while (result == GRPC_AGAIN && blocking_await_room(call)) {
        result = send_bytes_now(call, bytes, release, argument);
    }
    return result;
}

bool grpc_call_has_room(grpc_call *call)
{
    if (call == NULL || !send_is_open(call)) {
        return false;
    }
    return send_has_room(call) || send_wait(call) == GRPC_OK;
}

grpc_result grpc_call_half_close(grpc_call *call)
{
    if (call == NULL || call->is_server) {
        return GRPC_EINVAL;
    }
    if (!send_is_open(call)) {
        return GRPC_ESTATE;
    }
    call->half_closed = true;
    call->send_waits = false;
    if (call->stream == NULL) {
        return GRPC_OK;
    }
    const struct view nothing = view_of(NULL, 0);
    if (!h2_send_data(&call->conn->h2, call->stream, nothing, true)) {
        client_call_refuse_memory(call);
        return GRPC_ENOMEM;
    }
    conn_wake(call->conn);
    return GRPC_OK;
}

void grpc_call_on_writable(grpc_call *call,
                           void (*writable)(grpc_call *call, void *argument),
                           void *argument)
{
    if (call != NULL) {
        call->writable = writable;
        call->writable_argument = argument;
    }
}

void grpc_call_compress(grpc_call *call, bool on)
{
    if (call != NULL) {
        call->compresses = on;
    }
}
