// SPDX-License-Identifier: MIT
// A client and a server of ours with TLS between, each on a loop, a heap and a
// log of its own. Between their sockets the test carries the bytes, and may cut,
// change or end them. Header only, because the functions under test are static in
// the amalgamation.

#ifndef TESTS_SECURE_KIT_H
#define TESTS_SECURE_KIT_H

#include "tests/core_kit.h"
#include "tests/toy_tls.h"

enum { SECURE_LOG = 1 << 14, SECURE_BYTES = 1 << 17 };

struct secure_side {
    struct test_heap heap;
    grpc_loop *loop;
    struct toy toy;
    char log[SECURE_LOG]; // a line each
    int fd;               // the other end of its socket; -1: none
    size_t carried;       // bytes that have come from it
    bool ended;           // it has sent an end
};

struct secure_kit {
    struct secure_side server_side;
    struct secure_side client_side;
    grpc_server *server;
    grpc_channel *channel;
    struct kit_greeter greeter;
    struct kit_result result;
    void (*change)(struct secure_kit *kit, struct secure_side *from,
                   uint8_t *bytes, size_t size); // of what is carried
    void *extra;
};

// What a pair is made of. NULL credentials: those of the toy, or none for who is
// plain.
struct secure_how {
    grpc_credentials *client;
    grpc_credentials *server;
    bool client_is_plain;
    bool server_is_plain;
    kit_handler *say;
    grpc_server_options server_options;
    grpc_channel_options channel_options;
};

static MAYBE_UNUSED void secure_log(void *user, grpc_log_level level,
                                    const char *text)
{
    struct secure_side *side = user;
    size_t used = strlen(side->log);
    (void)level;
    (void)snprintf(side->log + used, SECURE_LOG - used, "%s\n", text);
}

static MAYBE_UNUSED void secure_side_init(struct secure_side *side)
{
    test_heap_init(&side->heap);
    const grpc_loop_options options = {
        .allocator = side->heap.allocator,
        .log = secure_log,
        .log_user = side,
        .log_level = GRPC_LOG_INFO,
    };
    side->loop = run_new(&options, kit_port());
    assert_non_null(side->loop);
    side->fd = -1;
}

// secure_init makes the two sides, with no server and no channel.
static MAYBE_UNUSED struct secure_kit *secure_init(void)
{
    static struct secure_kit kit;
    memset(&kit, 0, sizeof kit);
    secure_side_init(&kit.server_side);
    secure_side_init(&kit.client_side);
    return &kit;
}

static MAYBE_UNUSED void secure_serve(struct secure_kit *kit,
                                      const struct secure_how *how)
{
    grpc_server_options options = how->server_options;
    options.loop = kit->server_side.loop;
    options.credentials = how->server_is_plain ? NULL
                          : how->server != NULL
                              ? how->server
                              : toy_server(&kit->server_side.toy);
    kit->server = grpc_server_new(&options);
    assert_non_null(kit->server);
    const struct kit_handlers handlers = {.say = how->say != NULL ? how->say
                                                                  : kit_say};
    assert_int_equal(
        grpc_server_serve(kit->server, &kit_service, &handlers, &kit->greeter),
        GRPC_OK);
}

static MAYBE_UNUSED grpc_channel_options
secure_channel_options(struct secure_kit *kit, const struct secure_how *how)
{
    grpc_channel_options options = how->channel_options;
    options.loop = kit->client_side.loop;
    options.credentials = how->client_is_plain ? NULL
                          : how->client != NULL
                              ? how->client
                              : toy_client(&kit->client_side.toy);
    return options;
}

static MAYBE_UNUSED void secure_step(struct secure_kit *kit)
{
    assert_int_equal(grpc_loop_step(kit->client_side.loop, 0), GRPC_OK);
    assert_int_equal(grpc_loop_step(kit->server_side.loop, 0), GRPC_OK);
}

// secure_accept serves one more socket, and returns its other end.
static MAYBE_UNUSED int secure_accept(struct secure_kit *kit)
{
    int fds[2];
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(kit->server, fds[0]), GRPC_OK);
    return fds[1];
}

static MAYBE_UNUSED void secure_join(struct secure_kit *kit,
                                     const struct secure_how *how)
{
    int fds[2];
    kit_pair_of_sockets(fds);
    const grpc_channel_options options = secure_channel_options(kit, how);
    kit->channel = grpc_channel_new_fd(fds[0], &options);
    assert_non_null(kit->channel);
    kit->client_side.fd = fds[1];
    kit->server_side.fd = secure_accept(kit);
}

static MAYBE_UNUSED struct secure_kit *secure_begin_kit(
    const struct secure_how *how)
{
    static const struct secure_how secure_toys;
    struct secure_kit *kit = secure_init();
    how = how == NULL ? &secure_toys : how;
    secure_serve(kit, how);
    secure_join(kit, how);
    return kit;
}

// secure_carry takes at most so many bytes from one side to the other; how many
// they were.
static MAYBE_UNUSED size_t secure_carry(struct secure_kit *kit, bool to_server,
                                        size_t most)
{
    static uint8_t bytes[SECURE_BYTES];
    struct secure_side *from =
        to_server ? &kit->client_side : &kit->server_side;
    const struct secure_side *to =
        to_server ? &kit->server_side : &kit->client_side;
    if (from->fd < 0 || from->ended || most == 0) {
        return 0;
    }
    size_t room = most < sizeof bytes ? most : sizeof bytes;
    ssize_t size = recv(from->fd, bytes, room, MSG_DONTWAIT | MSG_PEEK);
    if (size < 0) {
        return 0;
    }
    if (size == 0) {
        from->ended = true;
        if (to->fd >= 0) {
            (void)shutdown(to->fd, SHUT_WR);
        }
        return 0;
    }
    from->carried += (size_t)size;
    if (kit->change != NULL) {
        kit->change(kit, from, bytes, (size_t)size);
    }
    if (to->fd >= 0) {
        // What finds no room stays, and is carried later.
        ssize_t sent =
            send(to->fd, bytes, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
        bool is_full = sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        ssize_t taken = is_full ? 0 : sent < 0 ? size : sent;
        from->carried -= (size_t)(size - taken);
        size = taken;
    }
    if (size > 0) {
        assert_int_equal(recv(from->fd, bytes, (size_t)size, MSG_DONTWAIT),
                         size);
    }
    return (size_t)size;
}

// secure_is_busy: one of the loops has something to do, without being told.
static MAYBE_UNUSED bool secure_is_busy(struct secure_kit *kit)
{
    return grpc_loop_timeout(kit->client_side.loop) == 0 ||
           grpc_loop_timeout(kit->server_side.loop) == 0;
}

// secure_idle counts turns in which nothing was carried, and nothing was to do.
static MAYBE_UNUSED int secure_idle(struct secure_kit *kit, int idle,
                                    size_t carried)
{
    return carried > 0 || secure_is_busy(kit) ? 0 : idle + 1;
}

// secure_turn carries all that comes, until nothing does.
static MAYBE_UNUSED void secure_turn(struct secure_kit *kit)
{
    for (int idle = 0; idle < 4;) {
        secure_step(kit);
        size_t size = secure_carry(kit, true, SIZE_MAX);
        size += secure_carry(kit, false, SIZE_MAX);
        idle = secure_idle(kit, idle, size);
    }
}

// secure_rest lets the sides work, and carries nothing.
static MAYBE_UNUSED void secure_rest(struct secure_kit *kit)
{
    for (int i = 0; i < 12 || (secure_is_busy(kit) && i < 1000); i++) {
        secure_step(kit);
    }
}

static MAYBE_UNUSED void secure_call(struct secure_kit *kit)
{
    kit->result.done = 0;
    assert_non_null(kit_call(kit->channel, "Ann", &kit->result));
}

// secure_expect is how the last call ends, or has ended. (That the channel can have
// no other connection is left out.)
static MAYBE_UNUSED void secure_expect(struct secure_kit *kit, grpc_code code,
                                       const char *text)
{
    secure_turn(kit);
    assert_int_equal(kit->result.done, 1);
    char *more = strstr(kit->result.text, "; the channel was made from");
    if (more != NULL) {
        *more = '\0';
    }
    assert_string_equal(kit->result.text, text);
    assert_int_equal(kit->result.code, code);
}

// secure_call_ok is one whole call.
static MAYBE_UNUSED void secure_call_ok(struct secure_kit *kit)
{
    secure_call(kit);
    secure_expect(kit, GRPC_OK, "");
    assert_string_equal(kit->result.reply, "Hello Ann");
}

// secure_hang_up closes the test's end of a side's socket.
static MAYBE_UNUSED void secure_hang_up(struct secure_side *side)
{
    if (side->fd >= 0) {
        (void)close(side->fd);
        side->fd = -1;
    }
}

static MAYBE_UNUSED void secure_side_end(struct secure_side *side)
{
    secure_hang_up(side);
    assert_int_equal(grpc_loop_free(side->loop), GRPC_OK);
    assert_true(test_heap_is_clean(&side->heap));
    assert_int_equal(side->toy.open_sessions, 0);
    assert_int_equal(side->toy.open_contexts, 0);
}

static MAYBE_UNUSED void secure_end_kit(struct secure_kit *kit)
{
    grpc_channel_free(kit->channel);
    grpc_server_free(kit->server);
    secure_side_end(&kit->client_side);
    secure_side_end(&kit->server_side);
}

#endif
