// SPDX-License-Identifier: MIT
// What the tests of core share: a service written by hand, a client or server
// that speaks raw HTTP/2 over a socketpair and tells in text what it was sent,
// and records of what handlers and callbacks were told. Header only, because
// the functions under test are static in the amalgamation.

#ifndef TESTS_CORE_KIT_H
#define TESTS_CORE_KIT_H

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/endian.h"
#include "base/linkage.h"
#include "core/call.h"
#include "core/channel.h"
#include "core/conn.h"
#include "core/connectivity.h"
#include "core/limits.h"
#include "core/run.h"
#include "core/server.h"
#include "h2/h2.h"
#include "hpack/hpack.h"
#include "loop/loop_clock.h"

// What we say of compression: that depends on the build.
#if defined(GRPC_WITH_ZLIB)
# define KIT_ENCODINGS "gzip"
# define KIT_ACCEPTS   " grpc-accept-encoding: gzip\n"
#else
# define KIT_ENCODINGS "identity"
# define KIT_ACCEPTS   ""
#endif

// ---- A channel's only address -----------------------------------------------

static MAYBE_UNUSED struct subchannel *kit_subchannel(grpc_channel *channel)
{
    struct list_link *link = list_first(&channel->subchannels);
    assert_non_null(link);
    return LIST_OWNER(link, struct subchannel, link);
}

// kit_skip_backoff makes the next attempt due.
static MAYBE_UNUSED void kit_skip_backoff(grpc_channel *channel)
{
    struct subchannel *subchannel = kit_subchannel(channel);
    assert_int_equal(subchannel->state, GRPC_TRANSIENT_FAILURE);
    assert_true(loop_timer_is_armed(&subchannel->timer));
    loop_timer_start(&channel->loop->loop, &subchannel->timer, 0);
}

// ---- The service ------------------------------------------------------------

// The request and the reply are the same message: one string.
struct kit_hello {
    grpc_str name;
    grpc_str unknown_fields;
};

static MAYBE_UNUSED const grpc_field kit_hello_fields[] = {
    {1, offsetof(struct kit_hello, name), 0, GRPC_TYPE_STRING,
     GRPC_FIELD_IMPLICIT, 0},
};

static MAYBE_UNUSED const struct kit_hello kit_hello_empty = {
    .name = {"", 0},
};

static MAYBE_UNUSED const grpc_message kit_hello_message = {
    .name = "kit.Hello",
    .fields = kit_hello_fields,
    .empty = &kit_hello_empty,
    .size = sizeof(struct kit_hello),
    .field_count = 1,
    .dense_count = 1,
    .unknown = offsetof(struct kit_hello, unknown_fields),
};

typedef void kit_handler(grpc_call *call, const struct kit_hello *request,
                         void *self);
typedef void kit_done(grpc_call *call, const grpc_status *status,
                      const struct kit_hello *reply, void *self);

struct kit_handlers {
    kit_handler *say;
    kit_handler *missing;
};

static MAYBE_UNUSED void kit_handle_say(grpc_call *call, const void *request,
                                        const void *handlers, void *self)
{
    const struct kit_handlers *table = handlers;
    table->say(call, request, self);
}

static MAYBE_UNUSED void kit_handle_missing(grpc_call *call,
                                            const void *request,
                                            const void *handlers, void *self)
{
    const struct kit_handlers *table = handlers;
    if (table->missing == NULL) {
        grpc_call_unimplemented(call);
        return;
    }
    table->missing(call, request, self);
}

static MAYBE_UNUSED void kit_finish(grpc_call *call, const grpc_status *status,
                                    const void *reply, grpc_function *callback,
                                    void *self)
{
    ((kit_done *)callback)(call, status, reply, self);
}

static MAYBE_UNUSED const grpc_method kit_methods[] = {
    {
        .path = "/kit.Greeter/Say",
        .codec = &grpc_protobuf,
        .request = &kit_hello_message,
        .reply = &kit_hello_message,
        .request_size = sizeof(struct kit_hello),
        .reply_size = sizeof(struct kit_hello),
        .handle = kit_handle_say,
        .done = kit_finish,
    },
    {
        .path = "/kit.Greeter/Missing",
        .codec = &grpc_protobuf,
        .request = &kit_hello_message,
        .reply = &kit_hello_message,
        .request_size = sizeof(struct kit_hello),
        .reply_size = sizeof(struct kit_hello),
        .handle = kit_handle_missing,
        .done = kit_finish,
    },
};

static MAYBE_UNUSED const grpc_service kit_service = {
    .name = "kit.Greeter",
    .methods = kit_methods,
    .method_count = 2,
    .handlers_size = sizeof(struct kit_handlers),
};

// ---- What handlers and callbacks were told ----------------------------------

enum { KIT_CALLS = 256 };

// A greeter: how it answers, and what it has seen.
struct kit_greeter {
    bool late;      // keep the calls, answer later
    bool listen;    // ask to be told of their end
    grpc_code fail; // answer with this code instead
    const char *fail_text;
    void (*act)(grpc_call *call, struct kit_greeter *greeter); // or do this
    void *extra;
    int handled;
    int told;
    char name[64]; // of the last request
    size_t name_size;
    grpc_call *calls[KIT_CALLS];
    int count;
};

static MAYBE_UNUSED void kit_told(void *argument)
{
    struct kit_greeter *greeter = argument;
    greeter->told++;
}

static MAYBE_UNUSED grpc_result kit_reply(grpc_call *call, const char *text)
{
    struct kit_hello reply = {.name = grpc_str_z(text)};
    return grpc_call_reply(call, &reply);
}

static MAYBE_UNUSED void kit_say(grpc_call *call,
                                 const struct kit_hello *request, void *self)
{
    struct kit_greeter *greeter = self;
    greeter->handled++;
    greeter->name_size = request->name.size;
    size_t size = request->name.size < sizeof greeter->name
                      ? request->name.size
                      : sizeof greeter->name - 1;
    memcpy(greeter->name, request->name.data, size);
    greeter->name[size] = '\0';
    if (greeter->listen) {
        grpc_call_on_end(call, kit_told, greeter);
    }
    if (greeter->act != NULL) {
        greeter->act(call, greeter);
    } else if (greeter->late) {
        assert_true(greeter->count < KIT_CALLS);
        greeter->calls[greeter->count++] = call;
    } else if (greeter->fail != GRPC_OK) {
        assert_int_equal(
            grpc_call_fail(call, greeter->fail, "%s", greeter->fail_text),
            GRPC_OK);
    } else {
        struct kit_hello reply = {
            .name = grpc_call_printf(call, "Hello %.*s",
                                     GRPC_STR_ARG(request->name)),
        };
        if (reply.name.data != NULL) {
            (void)grpc_call_reply(call, &reply);
        } else {
            (void)grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, "no memory");
        }
    }
}

// What a client's callback was told.
struct kit_result {
    int done; // times it was called
    grpc_code code;
    char text[1024];
    char reply[64];
    size_t reply_size;
    bool has_reply;
    void (*act)(struct kit_result *result);
    void *extra;
};

static MAYBE_UNUSED void kit_record(grpc_call *call, const grpc_status *status,
                                    const struct kit_hello *reply, void *self)
{
    struct kit_result *result = self;
    assert_non_null(call);
    assert_int_equal(strlen(status->message), status->message_size);
    result->done++;
    result->code = status->code;
    (void)snprintf(result->text, sizeof result->text, "%s", status->message);
    result->has_reply = reply != NULL;
    assert_int_equal(reply != NULL, status->code == GRPC_OK);
    if (reply != NULL) {
        result->reply_size = reply->name.size;
        (void)snprintf(result->reply, sizeof result->reply, "%.*s",
                       reply->name.size < 64 ? (int)reply->name.size : 63,
                       reply->name.data);
    }
    if (result->act != NULL) {
        result->act(result);
    }
}

static MAYBE_UNUSED grpc_call *kit_call_with(grpc_channel *channel,
                                             grpc_str name,
                                             struct kit_result *result,
                                             const grpc_call_options *options)
{
    struct kit_hello request = {.name = name};
    return grpc_unary_start(channel, &kit_methods[0], &request,
                            (grpc_function *)kit_record, result, options);
}

static MAYBE_UNUSED grpc_call *kit_call(grpc_channel *channel, const char *name,
                                        struct kit_result *result)
{
    return kit_call_with(channel, grpc_str_z(name), result, NULL);
}

// ---- Loops ------------------------------------------------------------------

static MAYBE_UNUSED const char *const kit_backends[] = {
#if defined(LOOP_HAS_KQUEUE)
    "kqueue",
#endif
#if defined(__linux__)
    "epoll",
#endif
    "poll",
};

enum { KIT_BACKENDS = sizeof kit_backends / sizeof kit_backends[0] };

// The clock of the kit's loops runs as the system's, and may be put forward:
// nothing that takes long is waited for.
static MAYBE_UNUSED uint64_t *kit_skipped_ms(void)
{
    static uint64_t skipped_ms;
    return &skipped_ms;
}

// A clock that is frozen moves by kit_skip alone: rates are then exact, however
// slow the machine is.
static MAYBE_UNUSED bool *kit_clock_is_frozen(void)
{
    static bool is_frozen;
    return &is_frozen;
}

static MAYBE_UNUSED uint64_t kit_now_ms(void *user)
{
    uint64_t base_ms =
        *kit_clock_is_frozen() ? 1000000 : loop_clock_us() / 1000;
    return base_ms + *(const uint64_t *)user;
}

static MAYBE_UNUSED uint64_t kit_now_us(void *user)
{
    return kit_now_ms(user) * 1000;
}

// kit_skip puts the clock forward and lets the loop see what is due then.
static MAYBE_UNUSED void kit_skip(grpc_loop *loop, uint64_t ms)
{
    *kit_skipped_ms() += ms;
    for (int i = 0; i < 12; i++) {
        assert_int_equal(grpc_loop_step(loop, 0), GRPC_OK);
    }
}

static MAYBE_UNUSED const struct loop_port *kit_port(void)
{
    static struct loop_port port;
    port = *loop_system_port();
    port.user = kit_skipped_ms();
    port.now_us = kit_now_us;
    return &port;
}

static MAYBE_UNUSED grpc_loop *kit_loop(struct test_heap *heap,
                                        const char *backend)
{
    const grpc_loop_options options = {
        .allocator = heap->allocator,
        .backend = backend,
    };
    grpc_loop *loop = run_new(&options, kit_port());
    assert_non_null(loop);
    return loop;
}

// kit_turn steps so often that what is under way between sockets of this
// process has arrived; no step waits.
static MAYBE_UNUSED void kit_turn(grpc_loop *loop)
{
    for (int i = 0; i < 12; i++) {
        assert_int_equal(grpc_loop_step(loop, 0), GRPC_OK);
    }
}

// kit_wait steps until *count is target; the test fails when it is not after
// some 10 s of waiting.
static MAYBE_UNUSED void kit_wait(grpc_loop *loop, const int *count, int target)
{
    for (int i = 0; i < 10000 && *count < target; i++) {
        assert_int_equal(grpc_loop_step(loop, 1), GRPC_OK);
    }
    assert_int_equal(*count, target);
}

static MAYBE_UNUSED void kit_pair_of_sockets(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
}

// kit_error is what this system's library calls an errno.
static MAYBE_UNUSED const char *kit_error(int error)
{
    static char text[128];
    socket_error_text(error, text, sizeof text);
    return text;
}

// kit_open_fds counts the descriptors of this process.
static MAYBE_UNUSED int kit_open_fds(void)
{
    int count = 0;
    for (int fd = 0; fd < 512; fd++) {
        count += fcntl(fd, F_GETFD) != -1;
    }
    return count;
}

// ---- A raw peer -------------------------------------------------------------

enum { KIT_INPUT = 1 << 18, KIT_TEXT = 1 << 16 };

// The other end of a connection: it sends what it is told to, and writes down
// the frames that come.
struct kit_peer {
    int fd;
    struct test_heap heap;
    struct hpack_decoder decoder;
    struct hpack_block block;
    uint8_t input[KIT_INPUT];
    size_t input_size;
    char text[KIT_TEXT]; // one line per frame, SETTINGS left out
    size_t text_size;
    uint32_t settings; // frames of that type that were left out
    bool magic_due;    // a server: the client's preface comes first
};

static const char kit_magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static MAYBE_UNUSED void kit_peer_init(struct kit_peer *peer, int fd,
                                       bool is_server)
{
    static const struct hpack_limits limits = {1 << 20, 1 << 20, 1000, 1000};
    peer->fd = fd;
    peer->input_size = 0;
    peer->text_size = 0;
    peer->text[0] = '\0';
    peer->settings = 0;
    peer->magic_due = is_server;
    test_heap_init(&peer->heap);
    hpack_decoder_init(&peer->decoder, &peer->heap.allocator, 4096, &limits);
    hpack_block_init(&peer->block, &peer->heap.allocator);
}

static MAYBE_UNUSED void kit_peer_fini(struct kit_peer *peer)
{
    if (peer->fd >= 0) {
        (void)close(peer->fd);
        peer->fd = -1;
    }
    hpack_decoder_fini(&peer->decoder);
    hpack_block_fini(&peer->block);
    assert_true(test_heap_is_clean(&peer->heap));
}

static MAYBE_UNUSED void kit_send(struct kit_peer *peer, const void *bytes,
                                  size_t size)
{
    ssize_t sent = send(peer->fd, bytes, size, MSG_NOSIGNAL);
    assert_int_equal(sent, (ssize_t)size);
}

static MAYBE_UNUSED void kit_hex(struct kit_peer *peer, const char *hex)
{
    uint8_t bytes[4096];
    kit_send(peer, bytes, test_unhex(hex, bytes, sizeof bytes));
}

static MAYBE_UNUSED void kit_frame(struct kit_peer *peer, uint8_t type,
                                   uint8_t flags, uint32_t id,
                                   struct view payload)
{
    static uint8_t bytes[9 + 65536];
    assert_true(payload.size <= 65536);
    bytes[0] = (uint8_t)(payload.size >> 16);
    bytes[1] = (uint8_t)(payload.size >> 8 & 255);
    bytes[2] = (uint8_t)(payload.size & 255);
    bytes[3] = type;
    bytes[4] = flags;
    store_be32(bytes + 5, id);
    if (payload.size > 0) {
        memcpy(bytes + 9, payload.data, payload.size);
    }
    kit_send(peer, bytes, 9 + payload.size);
}

// kit_put_string writes a string of HPACK, not Huffman-coded.
static MAYBE_UNUSED size_t kit_put_string(uint8_t *out, const char *text,
                                          size_t size)
{
    size_t at = 0;
    if (size < 127) {
        out[at++] = (uint8_t)size;
    } else {
        size_t rest = size - 127;
        out[at++] = 127;
        for (; rest >= 128; rest >>= 7) {
            out[at++] = (uint8_t)(128 | (rest & 127));
        }
        out[at++] = (uint8_t)rest;
    }
    memcpy(out + at, text, size);
    return at + size;
}

// kit_headers sends a block: lines of "name: value". Each is a literal without
// indexing.
static MAYBE_UNUSED void kit_headers(struct kit_peer *peer, uint32_t id,
                                     bool end, const char *lines)
{
    static uint8_t block[16384];
    size_t size = 0;
    while (*lines != '\0') {
        const char *colon = strstr(lines + 1, ": ");
        const char *newline = strchr(lines, '\n');
        assert_non_null(colon);
        assert_non_null(newline);
        assert_true(size + (size_t)(newline - lines) + 16 < sizeof block);
        block[size++] = 0;
        size += kit_put_string(block + size, lines, (size_t)(colon - lines));
        size += kit_put_string(block + size, colon + 2,
                               (size_t)(newline - colon - 2));
        lines = newline + 1;
    }
    kit_frame(peer, 1, end ? 5 : 4, id, view_of(block, size));
}

// kit_message_bytes builds one gRPC message with a kit_hello in it.
static MAYBE_UNUSED size_t kit_message_bytes(const char *name, uint8_t *out)
{
    size_t size = strlen(name);
    assert_true(size < 128);
    size_t length = size == 0 ? 0 : size + 2;
    out[0] = 0;
    store_be32(out + 1, (uint32_t)length);
    if (size > 0) {
        out[5] = 0x0a;
        out[6] = (uint8_t)size;
        memcpy(out + 7, name, size);
    }
    return 5 + length;
}

static MAYBE_UNUSED void kit_message(struct kit_peer *peer, uint32_t id,
                                     bool end, const char *name)
{
    uint8_t bytes[160];
    size_t size = kit_message_bytes(name, bytes);
    kit_frame(peer, 0, end ? 1 : 0, id, view_of(bytes, size));
}

static MAYBE_UNUSED void kit_data_hex(struct kit_peer *peer, uint32_t id,
                                      bool end, const char *hex)
{
    uint8_t bytes[1024];
    size_t size = test_unhex(hex, bytes, sizeof bytes);
    kit_frame(peer, 0, end ? 1 : 0, id, view_of(bytes, size));
}

static MAYBE_UNUSED void kit_rst(struct kit_peer *peer, uint32_t id,
                                 uint32_t code)
{
    uint8_t bytes[4];
    store_be32(bytes, code);
    kit_frame(peer, 3, 0, id, view_of(bytes, 4));
}

static MAYBE_UNUSED void kit_goaway(struct kit_peer *peer, uint32_t last,
                                    uint32_t code, const char *text)
{
    uint8_t bytes[264];
    store_be32(bytes, last);
    store_be32(bytes + 4, code);
    memcpy(bytes + 8, text, strlen(text));
    kit_frame(peer, 7, 0, 0, view_of(bytes, 8 + strlen(text)));
}

// kit_setting sends SETTINGS with one entry.
static MAYBE_UNUSED void kit_setting(struct kit_peer *peer, uint8_t id,
                                     uint32_t value)
{
    uint8_t bytes[6] = {0, id};
    store_be32(bytes + 2, value);
    kit_frame(peer, 4, 0, 0, view_of(bytes, 6));
}

static MAYBE_UNUSED void kit_window(struct kit_peer *peer, uint32_t id,
                                    uint32_t size)
{
    uint8_t bytes[4];
    store_be32(bytes, size);
    kit_frame(peer, 8, 0, id, view_of(bytes, 4));
}

// kit_preface begins HTTP/2: our SETTINGS, and the acknowledgement of theirs.
static MAYBE_UNUSED void kit_preface(struct kit_peer *peer, bool is_client)
{
    if (is_client) {
        kit_send(peer, kit_magic, 24);
    }
    kit_frame(peer, 4, 0, 0, view_of(NULL, 0));
    kit_frame(peer, 4, 1, 0, view_of(NULL, 0));
}

#define KIT_REQUEST                                                       \
 ":method: POST\n:scheme: http\n:path: /kit.Greeter/Say\n:authority: a\n" \
 "content-type: application/grpc\nte: trailers\n"
#define KIT_RESPONSE ":status: 200\ncontent-type: application/grpc\n"

// ---- What the peer was sent -------------------------------------------------

static MAYBE_UNUSED void kit_say_text(struct kit_peer *peer, const char *format,
                                      ...) PRINTF_LIKE(2, 3);

static MAYBE_UNUSED void kit_say_text(struct kit_peer *peer, const char *format,
                                      ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size =
        vsnprintf(peer->text + peer->text_size,
                  sizeof peer->text - peer->text_size, format, arguments);
    va_end(arguments);
    assert_true(size >= 0 &&
                (size_t)size < sizeof peer->text - peer->text_size);
    peer->text_size += (size_t)size;
}

static MAYBE_UNUSED void kit_see_headers(struct kit_peer *peer, uint32_t id,
                                         uint8_t flags, struct view payload)
{
    assert_true((flags & 4) != 0);
    hpack_block_clear(&peer->block);
    assert_int_equal(hpack_decode(&peer->decoder, &peer->block, payload, true),
                     HPACK_OK);
    kit_say_text(peer, "HEADERS %u%s\n", (unsigned)id,
                 (flags & 1) != 0 ? " end" : "");
    for (size_t i = 0; i < peer->block.count; i++) {
        const struct hpack_field *field = &peer->block.fields[i];
        kit_say_text(peer, " %.*s: %.*s\n", (int)field->name.size,
                     (const char *)field->name.data, (int)field->value.size,
                     (const char *)field->value.data);
    }
}

static MAYBE_UNUSED void kit_see_data(struct kit_peer *peer, uint32_t id,
                                      uint8_t flags, struct view payload)
{
    kit_say_text(peer, "DATA %u ", (unsigned)id);
    if (payload.size > 200) {
        kit_say_text(peer, "(%lu bytes)", (unsigned long)payload.size);
    }
    for (size_t i = 0; i < payload.size && payload.size <= 200; i++) {
        kit_say_text(peer, "%02x", payload.data[i]);
    }
    kit_say_text(peer, "%s\n", (flags & 1) != 0 ? " end" : "");
}

static MAYBE_UNUSED void kit_see_frame(struct kit_peer *peer,
                                       const uint8_t *head, struct view payload)
{
    uint8_t flags = head[4];
    uint32_t id = load_be32(head + 5);
    switch (head[3]) {
    case 0:
        kit_see_data(peer, id, flags, payload);
        break;
    case 1:
        kit_see_headers(peer, id, flags, payload);
        break;
    case 3:
        kit_say_text(peer, "RST_STREAM %u %s\n", (unsigned)id,
                     h2_code_name(load_be32(payload.data)));
        break;
    case 4:
        peer->settings++;
        break;
    case 6:
        kit_say_text(peer, "PING %.*s%s\n", (int)payload.size,
                     (const char *)payload.data,
                     (flags & 1) != 0 ? " ack" : "");
        break;
    case 7:
        kit_say_text(peer, "GOAWAY %u %s %.*s\n",
                     (unsigned)load_be32(payload.data),
                     h2_code_name(load_be32(payload.data + 4)),
                     (int)payload.size - 8, (const char *)payload.data + 8);
        break;
    case 8:
        kit_say_text(peer, "WINDOW_UPDATE %u %u\n", (unsigned)id,
                     (unsigned)load_be32(payload.data));
        break;
    default:
        kit_say_text(peer, "FRAME %u\n", (unsigned)head[3]);
        break;
    }
}

// kit_parse takes the whole frames off the input.
static MAYBE_UNUSED void kit_parse(struct kit_peer *peer)
{
    size_t at = 0;
    if (peer->magic_due && peer->input_size >= 24) {
        assert_memory_equal(peer->input, kit_magic, 24);
        peer->magic_due = false;
        at = 24;
    }
    while (!peer->magic_due && peer->input_size - at >= 9) {
        const uint8_t *head = peer->input + at;
        size_t length =
            (size_t)head[0] << 16 | (size_t)head[1] << 8 | (size_t)head[2];
        if (peer->input_size - at - 9 < length) {
            break;
        }
        kit_see_frame(peer, head, view_of(head + 9, length));
        at += 9 + length;
    }
    memmove(peer->input, peer->input + at, peer->input_size - at);
    peer->input_size -= at;
}

// kit_read takes what has come; the text ends with "EOF" or "LOST" when the
// other side has closed.
static MAYBE_UNUSED void kit_read(struct kit_peer *peer)
{
    for (;;) {
        ssize_t size =
            recv(peer->fd, peer->input + peer->input_size,
                 sizeof peer->input - peer->input_size, MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        }
        if (size <= 0) {
            kit_say_text(peer, size == 0 ? "EOF\n" : "LOST\n");
            return;
        }
        peer->input_size += (size_t)size;
        kit_parse(peer);
    }
}

// kit_expect lets the loop work, then compares what the peer was sent since
// the last time.
static MAYBE_UNUSED void kit_expect(struct kit_peer *peer, grpc_loop *loop,
                                    const char *text)
{
    for (int i = 0; i < 12; i++) {
        assert_int_equal(grpc_loop_step(loop, 0), GRPC_OK);
        kit_read(peer);
        if (peer->text_size >= 4 &&
            strcmp(peer->text + peer->text_size - 4, "EOF\n") == 0) {
            break;
        }
    }
    assert_string_equal(peer->text, text);
    peer->text_size = 0;
    peer->text[0] = '\0';
}

// kit_forget drops what the peer was sent.
static MAYBE_UNUSED void kit_forget(struct kit_peer *peer)
{
    kit_read(peer);
    peer->text_size = 0;
    peer->text[0] = '\0';
}

// ---- A server or a channel with a raw peer ----------------------------------

// One side of the library on a loop of its own, and the raw peer.
struct kit_bench {
    struct test_heap heap;
    grpc_loop *loop;
    grpc_server *server; // or
    grpc_channel *channel;
    struct kit_greeter greeter;
    struct kit_peer peer;
};

static MAYBE_UNUSED void kit_serve(grpc_server *server,
                                   struct kit_greeter *greeter)
{
    const struct kit_handlers handlers = {.say = kit_say};
    assert_int_equal(
        grpc_server_serve(server, &kit_service, &handlers, greeter), GRPC_OK);
}

static MAYBE_UNUSED struct kit_bench *kit_bench_server(
    const char *backend, const grpc_server_options *options)
{
    static struct kit_bench bench;
    memset(&bench, 0, sizeof bench);
    test_heap_init(&bench.heap);
    bench.loop = kit_loop(&bench.heap, backend);
    grpc_server_options with_loop =
        options == NULL ? (grpc_server_options){0} : *options;
    with_loop.loop = bench.loop;
    bench.server = grpc_server_new(&with_loop);
    assert_non_null(bench.server);
    kit_serve(bench.server, &bench.greeter);
    int fds[2];
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(bench.server, fds[0]), GRPC_OK);
    kit_peer_init(&bench.peer, fds[1], false);
    kit_preface(&bench.peer, true);
    kit_turn(bench.loop);
    kit_forget(&bench.peer);
    return &bench;
}

// kit_bench_channel: the peer has sent its SETTINGS.
static MAYBE_UNUSED struct kit_bench *kit_bench_channel(
    const char *backend, const grpc_channel_options *options)
{
    static struct kit_bench bench;
    memset(&bench, 0, sizeof bench);
    test_heap_init(&bench.heap);
    bench.loop = kit_loop(&bench.heap, backend);
    grpc_channel_options with_loop =
        options == NULL ? (grpc_channel_options){0} : *options;
    with_loop.loop = bench.loop;
    int fds[2];
    kit_pair_of_sockets(fds);
    bench.channel = grpc_channel_new_fd(fds[0], &with_loop);
    assert_non_null(bench.channel);
    kit_peer_init(&bench.peer, fds[1], true);
    kit_preface(&bench.peer, false);
    kit_turn(bench.loop);
    kit_forget(&bench.peer);
    return &bench;
}

static MAYBE_UNUSED void kit_bench_end(struct kit_bench *bench)
{
    grpc_server_free(bench->server);
    grpc_channel_free(bench->channel);
    assert_int_equal(grpc_loop_free(bench->loop), GRPC_OK);
    assert_true(test_heap_is_clean(&bench->heap));
    kit_peer_fini(&bench->peer);
}

// ---- A server and a channel of ours on one loop -----------------------------

struct kit_both {
    struct test_heap heap;
    grpc_loop *loop;
    grpc_server *server;
    grpc_channel *channel;
    struct kit_greeter greeter;
};

// kit_both_new joins them with a socketpair.
static MAYBE_UNUSED struct kit_both *kit_both_new(const char *backend)
{
    static struct kit_both both;
    memset(&both, 0, sizeof both);
    test_heap_init(&both.heap);
    both.loop = kit_loop(&both.heap, backend);
    both.server = grpc_server_new(&(grpc_server_options){.loop = both.loop});
    assert_non_null(both.server);
    kit_serve(both.server, &both.greeter);
    int fds[2];
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(both.server, fds[0]), GRPC_OK);
    both.channel =
        grpc_channel_new_fd(fds[1], &(grpc_channel_options){.loop = both.loop});
    assert_non_null(both.channel);
    return &both;
}

static MAYBE_UNUSED void kit_both_end(struct kit_both *both)
{
    grpc_channel_free(both->channel);
    grpc_server_free(both->server);
    assert_int_equal(grpc_loop_free(both->loop), GRPC_OK);
    assert_true(test_heap_is_clean(&both->heap));
}

#endif
