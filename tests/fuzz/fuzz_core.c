// SPDX-License-Identifier: MIT
// All of the library but the network: a server, or a channel with calls, whose
// peer's bytes are the input. They come through a socketpair, the clock is the
// target's. With TLS by the toy of tests/toy_tls.h they are cipher text, or the
// plain text of records that are made of them.
//
//   input: flags, cut, number of the allocation that fails (0: none), a byte
//   for chance, then the peer's bytes.

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/run.h"
#include "h2/h2_limits.h"
#include "tests/fuzz/fuzz_wire.h"
#include "tests/pb_samples.h"
#include "tests/toy_tls.h"

enum {
    CORE_CALLS = 8,
    CORE_KEPT = 64,
    CORE_STEPS = 3, // of the loop, for each piece of input
    CORE_SERVER = 1,
    CORE_HANDSHAKE = 2,
    CORE_SMALL = 4,   // limits
    CORE_LATE = 8,    // answers later
    CORE_PAUSES = 16, // time passes
    CORE_DEAF = 32,   // the peer does not read
    CORE_SAFE = 64,   // TLS
    CORE_PLAIN = 128, // with it: the input is plain text
};

// A call of the client's.
struct core_call {
    grpc_call *call; // NULL: it has ended
    int ended;
    bool started;
};

static struct core {
    struct test_heap heap;
    struct loop_port port;
    uint64_t now_ms;
    grpc_loop *loop;
    grpc_server *server;
    grpc_channel *channel;
    struct wire wire;
    uint64_t random;
    uint8_t flags;
    int fd; // the peer's end
    grpc_call *kept[CORE_KEPT];
    size_t kept_count;
    struct core_call calls[CORE_CALLS];
    struct toy toy;
    uint8_t record[TOY_RECORD]; // that the peer is sent
    size_t record_size;
} core;

static uint64_t core_now_us(void *user)
{
    (void)user;
    return core.now_ms * 1000;
}

static uint32_t core_dice(uint32_t below)
{
    return test_random(&core.random) % below;
}

// ---- The service ------------------------------------------------------------

static void core_told(void *argument)
{
    grpc_call **place = argument;
    *place = NULL;
}

static void core_answer(grpc_call *call, const struct sample_hello *request)
{
    struct sample_hello reply = {.name = request->name};
    grpc_result result =
        core_dice(4) == 0
            ? grpc_call_fail(call, GRPC_NOT_FOUND, "none %s", "\xe2\x82\xac")
            : grpc_call_reply(call, &reply);
    FUZZ_CHECK(result == GRPC_OK || core.heap.fail_at != 0 ||
               (core.flags & CORE_SERVER) != 0);
}

static void core_handle(grpc_call *call, const void *message,
                        const void *handlers, void *self)
{
    const struct sample_hello *request = message;
    (void)handlers;
    (void)self;
    FUZZ_CHECK(request->name.data != NULL);
    if ((core.flags & CORE_LATE) != 0 && core.kept_count < CORE_KEPT) {
        grpc_call **place = &core.kept[core.kept_count++];
        *place = call;
        grpc_call_on_end(call, core_told, place);
        return;
    }
    core_answer(call, request);
}

static void core_done(grpc_call *call, const grpc_status *status,
                      const void *reply, grpc_function *callback, void *self)
{
    struct core_call *mine = self;
    (void)call;
    (void)callback;
    FUZZ_CHECK(mine->ended++ == 0);
    FUZZ_CHECK((reply != NULL) == (status->code == GRPC_OK));
    FUZZ_CHECK(grpc_code_name(status->code) != NULL);
    FUZZ_CHECK(status->message[status->message_size] == '\0');
    mine->call = NULL;
}

// core_callback stands for the user's, which core_done would call.
static void core_callback(void)
{
}

static const grpc_method core_method = {
    .path = "/a.B/",
    .codec = &grpc_protobuf,
    .request = &sample_hello_type,
    .reply = &sample_hello_type,
    .request_size = sizeof(struct sample_hello),
    .reply_size = sizeof(struct sample_hello),
    .handle = core_handle,
    .done = core_done,
};

static const grpc_service core_service = {
    .name = "a.B",
    .methods = &core_method,
    .method_count = 1,
    .handlers_size = 1,
};

// ---- The peer's end ---------------------------------------------------------

static bool core_is_safe(void)
{
    return (core.flags & CORE_SAFE) != 0;
}

// core_see_record: what is in it is the engine's output.
static void core_see_record(void)
{
    uint8_t *content = core.record + TOY_HEAD;
    size_t size = core.record_size - TOY_HEAD;
    FUZZ_CHECK(core.record[0] >= TOY_HELLO && core.record[0] <= TOY_ANSWER);
    for (size_t i = 0; i < size; i++) {
        content[i] ^= 0x5a;
    }
    if (core.record[0] == TOY_DATA) {
        FUZZ_CHECK(size > 0);
        wire_watch(&core.wire, view_of(content, size));
    }
    core.record_size = 0;
}

// core_see is what the peer is sent: records, which are well-formed too.
static void core_see(struct view bytes)
{
    if (!core_is_safe()) {
        wire_watch(&core.wire, bytes);
        return;
    }
    while (bytes.size > 0) {
        core.record[core.record_size++] = fuzz_byte(&bytes);
        size_t size = (size_t)core.record[1] << 8 | core.record[2];
        if (core.record_size >= TOY_HEAD) {
            FUZZ_CHECK(size <= GRPC_TLS_RECORD_BYTES);
            if (core.record_size == TOY_HEAD + size) {
                core_see_record();
            }
        }
    }
}

static void core_read_all(void)
{
    uint8_t bytes[16384];
    ssize_t n;
    while ((n = read(core.fd, bytes, sizeof bytes)) > 0) {
        core_see(view_of(bytes, (size_t)n));
    }
}

static void core_step(void)
{
    for (int i = 0; i < CORE_STEPS; i++) {
        FUZZ_CHECK(grpc_loop_step(core.loop, 0) == GRPC_OK);
    }
    if ((core.flags & CORE_DEAF) == 0 || core_dice(8) == 0) {
        core_read_all();
    }
}

// core_owner is what the program does between two turns of the loop.
static void core_owner(void)
{
    static const uint32_t pauses[] = {1, 50, 1000, 70000};
    struct sample_hello empty = {.name = {"", 0}};
    if ((core.flags & CORE_PAUSES) != 0) {
        core.now_ms += pauses[core_dice(4)];
    }
    if (core.kept_count > 0) {
        grpc_call **place = &core.kept[core_dice((uint32_t)core.kept_count)];
        grpc_call *call = *place;
        *place = NULL;
        if (call != NULL) {
            core_answer(call, &empty);
        }
    }
    struct core_call *mine = &core.calls[core_dice(CORE_CALLS)];
    if (mine->call != NULL && core_dice(16) == 0) {
        grpc_cancel(mine->call);
    }
}

static void core_give_bytes(struct view piece)
{
    while (piece.size > 0) {
        ssize_t n = send(core.fd, piece.data, piece.size, MSG_NOSIGNAL);
        if (n <= 0) {
            break; // it was closed, or does not read
        }
        piece = view_skip(piece, (size_t)n);
        core_step();
        core_owner();
    }
}

static void core_give_record(uint8_t type, struct view content)
{
    uint8_t record[TOY_RECORD];
    FUZZ_CHECK(content.size <= GRPC_TLS_RECORD_BYTES);
    record[0] = type;
    record[1] = (uint8_t)(content.size >> 8);
    record[2] = (uint8_t)(content.size & 255);
    for (size_t i = 0; i < content.size; i++) {
        record[TOY_HEAD + i] = content.data[i] ^ 0x5a;
    }
    core_give_bytes(view_of(record, TOY_HEAD + content.size));
}

static void core_give(struct view piece)
{
    if (core_is_safe() && (core.flags & CORE_PLAIN) != 0) {
        core_give_record(TOY_DATA, piece);
    } else {
        core_give_bytes(piece);
    }
}

// core_shake_hands is the peer's part of TLS's handshake.
static void core_shake_hands(bool is_server)
{
    if (is_server) {
        core_give_record(TOY_HELLO, VIEW("localhost"));
        core_give_record(TOY_DONE, view_of(NULL, 0));
    } else {
        core_give_record(TOY_HELLO, VIEW("h2"));
    }
}

static void core_input(struct view input, struct fuzz_cut cut)
{
    bool is_server = core.server != NULL;
    if (core_is_safe() && ((core.flags & CORE_HANDSHAKE) == 0 ||
                           (core.flags & CORE_PLAIN) != 0)) {
        core_shake_hands(is_server);
    }
    if ((core.flags & CORE_HANDSHAKE) == 0 &&
        (!core_is_safe() || (core.flags & CORE_PLAIN) != 0)) {
        if (is_server) {
            core_give(VIEW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
        }
        core_give(VIEW("\0\0\0\4\0\0\0\0\0\0\0\0\4\1\0\0\0\0"));
    }
    while (input.size > 0) {
        core_give(fuzz_take(&input, fuzz_cut_next(&cut, input.size)));
    }
    if (core_dice(2) == 0) {
        (void)shutdown(core.fd, SHUT_WR);
        core_step();
    }
}

// ---- Begin and end ----------------------------------------------------------

static grpc_limits core_limits(void)
{
    grpc_limits limits = {0};
    if ((core.flags & CORE_SMALL) != 0) {
        limits.header_bytes = 1024;
        limits.header_fields = 16;
        limits.continuation_frames = 1;
        limits.output_bytes = 1;
        limits.queued_bytes = 1;
        limits.assembly_bytes = 1;
        limits.induced_bytes = 1024;
        limits.settings_entries = 6;
        limits.informational_responses = 1;
        limits.streams_per_turn = 1;
        limits.reset_budget = 1;
        limits.glitch_burst = 100;
        limits.glitches_per_second = 1;
    }
    return limits;
}

// core_credentials are NULL without TLS.
static grpc_credentials *core_credentials(bool is_server)
{
    const grpc_tls_options options = {
        .identity = {.certificate = is_server ? GRPC_STR("certificate")
                                              : (grpc_str){NULL, 0},
                     .key = is_server ? GRPC_STR("key") : (grpc_str){NULL, 0}},
        .roots = is_server ? (grpc_str){NULL, 0} : GRPC_STR("roots"),
        .server_name = is_server ? NULL : "localhost",
        .allocator = core.heap.allocator,
        .library = &toy_tls,
        .library_data = &core.toy,
    };
    if (!core_is_safe()) {
        return NULL;
    }
    core.toy.allocator = &core.heap.allocator;
    return is_server ? grpc_tls_server(&options) : grpc_tls_client(&options);
}

static bool core_begin_server(int fd)
{
    static const uint8_t handlers[1] = {0};
    const grpc_server_options options = {.loop = core.loop,
                                         .max_receive_bytes = 20000,
                                         .max_concurrent_streams = 20,
                                         .credentials = core_credentials(true),
                                         .limits = core_limits()};
    core.server = grpc_server_new(&options);
    return core.server != NULL &&
           grpc_server_serve(core.server, &core_service, handlers, NULL) ==
               GRPC_OK &&
           grpc_server_serve_fd(core.server, fd) == GRPC_OK;
}

static bool core_begin_channel(int fd)
{
    const grpc_channel_options options = {
        .loop = core.loop,
        .max_receive_bytes = 20000,
        .credentials = core_credentials(false),
        .limits = core_limits(),
    };
    const struct sample_hello request = {.name = {"hello", 5}};
    core.channel = grpc_channel_new_fd(fd, &options);
    if (core.channel == NULL) {
        return false;
    }
    uint32_t count = 1 + core_dice(CORE_CALLS);
    for (uint32_t i = 0; i < count; i++) {
        const grpc_call_options timeout = {.timeout_ms = i % 3 * 1000};
        struct core_call *mine = &core.calls[i];
        mine->call = grpc_unary_start(core.channel, &core_method, &request,
                                      core_callback, mine, &timeout);
        mine->started = mine->call != NULL;
        FUZZ_CHECK(mine->started || core.heap.fail_at != 0);
    }
    return true;
}

static void core_end(void)
{
    grpc_channel_free(core.channel);
    grpc_server_free(core.server);
    for (int i = 0; i < CORE_STEPS; i++) {
        FUZZ_CHECK(grpc_loop_step(core.loop, 0) == GRPC_OK);
    }
    FUZZ_CHECK(grpc_loop_free(core.loop) == GRPC_OK);
    for (size_t i = 0; i < CORE_CALLS; i++) {
        FUZZ_CHECK(core.calls[i].ended == core.calls[i].started);
    }
    for (size_t i = 0; i < core.kept_count; i++) {
        FUZZ_CHECK(core.kept[i] == NULL);
    }
}

static void core_run(struct view input, struct fuzz_cut cut)
{
    int fds[2];
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    core.fd = fds[0];
    bool is_server = (core.flags & CORE_SERVER) != 0;
    bool ready =
        is_server ? core_begin_server(fds[1]) : core_begin_channel(fds[1]);
    FUZZ_CHECK(ready || core.heap.fail_at != 0);
    if (ready) {
        core_input(input, cut);
    } else {
        (void)close(fds[1]);
    }
    core_end();
    core_read_all();
    (void)close(fds[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view input = view_of(data, size);
    memset(&core, 0, sizeof core);
    test_heap_init(&core.heap);
    core.flags = fuzz_byte(&input);
    struct fuzz_cut cut = fuzz_cut_of(fuzz_byte(&input));
    core.heap.fail_at = fuzz_byte(&input);
    core.random = fuzz_byte(&input);
    core.now_ms = 1000;
    core.port = *loop_system_port();
    core.port.now_us = core_now_us;
    wire_init(&core.wire, (core.flags & CORE_SERVER) != 0);
    core.wire.lenient = core.heap.fail_at != 0;
    const grpc_loop_options options = {.allocator = core.heap.allocator,
                                       .backend = "poll"};
    core.loop = run_new(&options, &core.port);
    if (core.loop != NULL) {
        core_run(input, cut);
    }
    FUZZ_CHECK(core.loop != NULL || core.heap.fail_at != 0);
    FUZZ_CHECK(core.toy.open_contexts == 0 && core.toy.open_sessions == 0);
    FUZZ_CHECK(test_heap_is_clean(&core.heap));
    return 0;
}
