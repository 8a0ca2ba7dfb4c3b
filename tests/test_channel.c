// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/channel.h"
#include "loop/loop_socket.h"
#include "tests/core_kit.h"

// A listening socket that the test accepts from by hand.
struct door {
    int fd;
    uint16_t port;
};

static struct door door_open(void)
{
    struct door door;
    struct socket_address address;
    struct socket_address bound;
    const struct socket_listen_options options = {.backlog = 16};
    assert_true(socket_address_ip(&address, "127.0.0.1", 0));
    assert_int_equal(socket_listen(&address, &options, &door.fd, &bound), 0);
    door.port = socket_address_port(&bound);
    return door;
}

// door_closed is a port that nobody listens on.
static uint16_t door_closed(void)
{
    struct door door = door_open();
    (void)close(door.fd);
    return door.port;
}

static int door_accept(const struct door *door, grpc_loop *loop)
{
    for (int i = 0; i < 2000; i++) {
        struct socket_address peer;
        int fd = -1;
        assert_int_equal(grpc_loop_step(loop, 1), GRPC_OK);
        if (socket_accept(door->fd, &fd, &peer) == 0) {
            return fd;
        }
    }
    fail();
    return -1;
}

struct chan {
    struct test_heap heap;
    grpc_loop *loop;
    grpc_channel *channel;
};

static void chan_begin(struct chan *chan, const char *backend,
                       const char *target, const grpc_channel_options *options)
{
    memset(chan, 0, sizeof *chan);
    test_heap_init(&chan->heap);
    chan->loop = kit_loop(&chan->heap, backend);
    grpc_channel_options with_loop =
        options == NULL ? (grpc_channel_options){0} : *options;
    with_loop.loop = chan->loop;
    chan->channel = grpc_channel_new(target, &with_loop);
    assert_non_null(chan->channel);
}

static void chan_end(struct chan *chan)
{
    grpc_channel_free(chan->channel);
    assert_int_equal(grpc_loop_free(chan->loop), GRPC_OK);
    assert_true(test_heap_is_clean(&chan->heap));
}

static void chan_expect_cause(const char *text, const char *start)
{
    unsigned long ms = 0;
    size_t size = strlen(start);
    if (strncmp(text, start, size) != 0 ||
        sscanf(text + size, "; gave up after %lu ms", &ms) != 1) {
        fail_msg("%s", text);
    }
}

static void test_channel__null(void **state)
{
    struct kit_result result = {0};
    (void)state;
    assert_null(kit_call(NULL, "x", &result));
    assert_null(grpc_channel_loop(NULL));
    assert_string_equal(grpc_channel_error(NULL), "no channel");
    grpc_channel_free(NULL);
}

static void test_channel__bad_target(void **state)
{
    static const struct {
        const char *target;
        const char *text;
    } rows[] = {
        {"", "target \"\": the target is empty"},
        {NULL, "target \"\": the target is empty"},
        {"host:99999",
         "target \"host:99999\": the port is not a number up to 65535"},
        {"a b:1", "target \"a b:1\": neither a host name nor an address"},
    };
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct chan chan;
        struct kit_result result = {0};
        chan_begin(&chan, NULL, rows[i].target, NULL);
        assert_string_equal(grpc_channel_error(chan.channel), rows[i].text);
        assert_non_null(kit_call(chan.channel, "x", &result));
        assert_int_equal(result.done, 0); // from the loop
        kit_turn(chan.loop);
        assert_int_equal(result.done, 1);
        assert_int_equal(result.code, GRPC_INVALID_ARGUMENT);
        assert_string_equal(result.text, rows[i].text);
        chan_end(&chan);
    }
}

static void test_channel__bad_texts(void **state)
{
    static const grpc_channel_options rows[] = {{.authority = "a\nb"},
                                                {.authority = "a b"},
                                                {.user_agent = " a"},
                                                {.user_agent = "caf\xc3\xa9"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct chan chan;
        struct kit_result result = {0};
        chan_begin(&chan, NULL, "localhost:1", &rows[i]);
        assert_non_null(kit_call(chan.channel, "x", &result));
        kit_turn(chan.loop);
        assert_int_equal(result.code, GRPC_INVALID_ARGUMENT);
        assert_string_equal(result.text,
                            "target \"localhost:1\": authority or user_agent "
                            "has a byte that may not stand in a header");
        chan_end(&chan);
    }
}

static void test_channel__start_misuse(void **state)
{
    struct chan chan;
    struct kit_result result = {0};
    struct kit_hello request = {.name = GRPC_STR("x")};
    (void)state;
    chan_begin(&chan, NULL, "localhost:1", NULL);
    grpc_function *callback = (grpc_function *)kit_record;
    assert_null(grpc_unary_start(chan.channel, NULL, &request, callback,
                                 &result, NULL));
    assert_string_equal(grpc_channel_error(chan.channel),
                        "start a call: method, request or callback is NULL");
    assert_null(grpc_unary_start(chan.channel, &kit_methods[0], NULL, callback,
                                 &result, NULL));
    assert_null(grpc_unary_start(chan.channel, &kit_methods[0], &request, NULL,
                                 &result, NULL));
    assert_null(kit_call(chan.channel, "\xff", &result));
    assert_string_equal(grpc_channel_error(chan.channel),
                        "start a call: a string is not UTF-8");
    chan_end(&chan);
    grpc_channel *private = grpc_channel_new("localhost:1", NULL);
    assert_non_null(grpc_channel_loop(private));
    assert_null(kit_call(private, "x", &result));
    assert_string_equal(grpc_channel_error(private),
                        "start a call: the channel has a private loop, which "
                        "only blocking calls run; make it with a loop of your "
                        "own");
    grpc_channel_free(private);
    assert_int_equal(result.done, 0);
}

// ---- Connecting -------------------------------------------------------------

static void test_channel__refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct chan chan;
        char target[64];
        char cause[400];
        struct kit_result first = {0};
        struct kit_result second = {0};
        struct kit_result third = {0};
        (void)snprintf(target, sizeof target, "127.0.0.1:%u",
                       (unsigned)door_closed());
        (void)snprintf(cause, sizeof cause, "connect to %s: Connection refused",
                       target);
        chan_begin(&chan, kit_backends[i], target, NULL);
        assert_non_null(kit_call(chan.channel, "x", &first));
        kit_wait(chan.loop, &first.done, 1);
        assert_int_equal(first.code, GRPC_UNAVAILABLE);
        chan_expect_cause(first.text, cause);
        // Until the backoff is over calls end at once, with that cause.
        assert_non_null(kit_call(chan.channel, "x", &second));
        kit_turn(chan.loop);
        assert_int_equal(second.done, 1);
        assert_int_equal(second.code, GRPC_UNAVAILABLE);
        assert_string_equal(second.text, first.text);
        struct subchannel *subchannel = kit_subchannel(chan.channel);
        assert_int_equal(subchannel->backoff.base_ms, 1000);
        // Then it is tried again, and calls go on failing at once.
        kit_skip_backoff(chan.channel);
        kit_turn(chan.loop);
        assert_int_equal(subchannel->backoff.base_ms, 1600);
        assert_int_equal(grpc_channel_state(chan.channel),
                         GRPC_TRANSIENT_FAILURE);
        assert_non_null(kit_call(chan.channel, "x", &third));
        kit_turn(chan.loop);
        assert_int_equal(third.done, 1);
        assert_int_equal(third.code, GRPC_UNAVAILABLE);
        assert_string_equal(third.text, cause);
        chan_end(&chan);
    }
}

// A target that was read with the end of its line: a cause is one line.
static void test_channel__target_with_a_newline(void **state)
{
    struct chan chan;
    struct kit_result result = {0};
    (void)state;
    chan_begin(&chan, NULL, "localhost:50051\n", NULL);
    assert_non_null(kit_call(chan.channel, "x", &result));
    kit_wait(chan.loop, &result.done, 1);
    assert_int_equal(result.code, GRPC_INVALID_ARGUMENT);
    assert_string_equal(result.text, "target \"localhost:50051?\": the port is "
                                     "not a number up to 65535");
    chan_end(&chan);
}

static void test_channel__wait_for_ready(void **state)
{
    struct chan chan;
    char target[64];
    struct kit_result waiting = {0};
    struct kit_result timed = {0};
    struct kit_greeter greeter = {.late = false};
    uint16_t port = door_closed();
    (void)state;
    (void)snprintf(target, sizeof target, "127.0.0.1:%u", (unsigned)port);
    chan_begin(&chan, NULL, target, NULL);
    const grpc_call_options wait = {.wait_for_ready = true};
    const grpc_call_options wait_5 = {.wait_for_ready = true, .timeout_ms = 5};
    assert_non_null(
        kit_call_with(chan.channel, GRPC_STR("w"), &waiting, &wait));
    assert_non_null(
        kit_call_with(chan.channel, GRPC_STR("t"), &timed, &wait_5));
    kit_wait(chan.loop, &timed.done, 1);
    assert_int_equal(timed.code, GRPC_DEADLINE_EXCEEDED);
    const char start[] = "deadline exceeded while waiting for a connection: "
                         "connect to 127.0.0.1:";
    assert_int_equal(strncmp(timed.text, start, sizeof start - 1), 0);
    assert_int_equal(waiting.done, 0);
    // The server comes.
    grpc_server *server =
        grpc_server_new(&(grpc_server_options){.loop = chan.loop});
    kit_serve(server, &greeter);
    assert_int_equal(grpc_server_listen(server, target, NULL), GRPC_OK);
    kit_skip_backoff(chan.channel);
    kit_wait(chan.loop, &waiting.done, 1);
    assert_int_equal(waiting.code, GRPC_OK);
    assert_string_equal(waiting.reply, "Hello w");
    assert_int_equal(kit_subchannel(chan.channel)->backoff.base_ms, 0);
    grpc_server_free(server);
    chan_end(&chan);
}

static void test_channel__several_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct chan chan;
        char target[96];
        struct kit_result result = {0};
        struct kit_greeter greeter = {.late = false};
        test_heap_init(&chan.heap);
        unsigned dead = door_closed();
        unsigned dead_too = door_closed();
        grpc_loop *loop = kit_loop(&chan.heap, kit_backends[i]);
        grpc_server *server =
            grpc_server_new(&(grpc_server_options){.loop = loop});
        kit_serve(server, &greeter);
        assert_int_equal(grpc_server_listen(server, "127.0.0.1:0", NULL),
                         GRPC_OK);
        (void)snprintf(target, sizeof target,
                       "ipv4:127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u", dead,
                       dead_too, (unsigned)grpc_server_port(server));
        grpc_channel *channel =
            grpc_channel_new(target, &(grpc_channel_options){.loop = loop});
        assert_non_null(kit_call(channel, "x", &result));
        kit_wait(loop, &result.done, 1);
        assert_int_equal(result.code, GRPC_OK);
        grpc_channel_free(channel);
        grpc_server_free(server);
        assert_int_equal(grpc_loop_free(loop), GRPC_OK);
        assert_true(test_heap_is_clean(&chan.heap));
    }
}

// When all fail the call tells of each.
static void test_channel__several_dead_addresses(void **state)
{
    struct chan chan;
    char target[96];
    char cause[400];
    struct kit_result result = {0};
    unsigned first = door_closed();
    unsigned second = door_closed();
    (void)state;
    (void)snprintf(target, sizeof target, "ipv4:127.0.0.1:%u,127.0.0.1:%u",
                   first, second);
    (void)snprintf(cause, sizeof cause,
                   "connect to 127.0.0.1:%u: %s; connect to 127.0.0.1:%u: %s",
                   first, kit_error(ECONNREFUSED), second,
                   kit_error(ECONNREFUSED));
    chan_begin(&chan, NULL, target, NULL);
    assert_non_null(kit_call(chan.channel, "x", &result));
    kit_wait(chan.loop, &result.done, 1);
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    chan_expect_cause(result.text, cause);
    chan_end(&chan);
}

// Somebody who accepts and says nothing, or not HTTP/2, or hangs up.
static void test_channel__no_http2_there(void **state)
{
    static const char *const words[] = {NULL, "HTTP/1.1 400 Bad\r\n\r\n", ""};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct door door = door_open();
        struct chan chan;
        struct kit_result result = {0};
        char target[64];
        char cause[400];
        (void)snprintf(target, sizeof target, "127.0.0.1:%u",
                       (unsigned)door.port);
        chan_begin(
            &chan, NULL, target,
            &(grpc_channel_options){.connect_timeout_ms = i == 0 ? 20 : 20000});
        assert_non_null(kit_call(chan.channel, "x", &result));
        int fd = door_accept(&door, chan.loop);
        if (words[i] != NULL && words[i][0] != '\0') {
            assert_true(send(fd, words[i], strlen(words[i]), 0) > 0);
        } else if (words[i] != NULL) {
            (void)close(fd);
            fd = -1;
        }
        kit_wait(chan.loop, &result.done, 1);
        assert_int_equal(result.code, GRPC_UNAVAILABLE);
        if (i == 0) {
            (void)snprintf(cause, sizeof cause,
                           "HTTP/2 with %s: no SETTINGS in time", target);
            chan_expect_cause(result.text, cause);
        } else {
            (void)snprintf(cause, sizeof cause, "connection to %s closed: %s",
                           target, i == 1 ? "HTTP/2 " : "");
            // A reset may be what is seen of a close with unread input.
            assert_true(
                strncmp(result.text, cause, strlen(cause)) == 0 ||
                (i == 2 && strncmp(result.text, "read from ", 10) == 0));
        }
        if (fd >= 0) {
            (void)close(fd);
        }
        (void)close(door.fd);
        chan_end(&chan);
    }
}

static void test_channel__texts(void **state)
{
    struct kit_bench *bench = kit_bench_channel(
        NULL, &(grpc_channel_options){.authority = "virtual.host",
                                      .user_agent = "app/1.0"});
    struct kit_result result = {0};
    (void)state;
    assert_non_null(kit_call(bench->channel, "", &result));
    kit_expect(&bench->peer, bench->loop,
               "HEADERS 1\n :method: POST\n :scheme: http\n :path: "
               "/kit.Greeter/Say\n :authority: virtual.host\n content-type: "
               "application/grpc\n user-agent: app/1.0 grpc-cgrpc/" GRPC_VERSION
               "\n te: trailers\n" KIT_ACCEPTS "DATA 1 0000000000 end\n");
    kit_bench_end(bench);
    assert_int_equal(result.code, GRPC_CANCELLED);
}

static void test_channel__unix(void **state)
{
    struct chan chan;
    char target[96];
    struct kit_result result = {0};
    (void)state;
    (void)snprintf(target, sizeof target, "unix:///no/such/%ld",
                   (long)getpid());
    chan_begin(&chan, NULL, target, NULL);
    assert_non_null(kit_call(chan.channel, "x", &result));
    kit_wait(chan.loop, &result.done, 1);
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    char cause[400];
    (void)snprintf(cause, sizeof cause,
                   "connect to unix:%s: No such file or directory", target + 7);
    chan_expect_cause(result.text, cause);
    chan_end(&chan);
}

// ---- A descriptor -----------------------------------------------------------

static void test_channel__wrong_descriptor(void **state)
{
    struct door door = door_open();
    int fds[2];
    (void)state;
    int before = kit_open_fds();
    assert_null(grpc_channel_new_fd(-1, NULL));
    assert_null(grpc_channel_new_fd(door.fd, NULL));
    kit_pair_of_sockets(fds);
    // Not ours without memory for all of it.
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        struct test_heap heap;
        test_heap_init(&heap);
        heap.fail_at = n;
        grpc_channel *channel = grpc_channel_new_fd(
            fds[0], &(grpc_channel_options){.allocator = heap.allocator});
        failed = heap.calls >= n;
        assert_int_equal(channel == NULL, failed);
        if (failed) {
            assert_int_not_equal(fcntl(fds[0], F_GETFD), -1);
        }
        grpc_channel_free(channel);
        assert_true(test_heap_is_clean(&heap));
    }
    assert_int_equal(fcntl(fds[0], F_GETFD), -1);
    (void)close(fds[1]);
    assert_int_equal(kit_open_fds(), before);
    (void)close(door.fd);
}

// The connection is gone: such a channel cannot make another.
static void test_channel__descriptor_is_not_dialled(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct kit_result result = {0};
    struct kit_result waiting = {0};
    (void)state;
    (void)close(bench->peer.fd);
    bench->peer.fd = -1;
    kit_turn(bench->loop);
    assert_non_null(kit_call(bench->channel, "x", &result));
    const grpc_call_options wait = {.wait_for_ready = true};
    assert_non_null(
        kit_call_with(bench->channel, GRPC_STR("w"), &waiting, &wait));
    kit_turn(bench->loop);
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    assert_string_equal(result.text,
                        "connection to unix: closed: the peer closed the "
                        "connection; the channel was made from that connection "
                        "and has no other");
    assert_int_equal(waiting.done, 1);
    assert_int_equal(waiting.code, GRPC_UNAVAILABLE);
    kit_bench_end(bench);
}

// ---- Connections that end ---------------------------------------------------

static void chan_serve(struct kit_peer *peer, uint32_t id, const char *reply)
{
    kit_headers(peer, id, false, KIT_RESPONSE);
    kit_message(peer, id, false, reply);
    kit_headers(peer, id, true, "grpc-status: 0\n");
}

// chan_meet accepts a connection of the channel and begins HTTP/2.
static void chan_meet(struct chan *chan, const struct door *door,
                      struct kit_peer *peer)
{
    kit_peer_init(peer, door_accept(door, chan->loop), true);
    int on = 0;
    assert_int_equal(fcntl(peer->fd, F_SETFL, on), 0); // let sends wait
    kit_preface(peer, false);
}

// chan_hear steps until the peer has heard so much.
static void chan_hear(struct chan *chan, struct kit_peer *peer,
                      const char *text)
{
    for (int i = 0; i < 2000 && strstr(peer->text, text) == NULL; i++) {
        assert_int_equal(grpc_loop_step(chan->loop, 1), GRPC_OK);
        kit_read(peer);
    }
    if (strstr(peer->text, text) == NULL) {
        fail_msg("no %s in: %s", text, peer->text);
    }
}

static void test_channel__lost_and_dialled_again(void **state)
{
    static struct kit_peer peers[2];
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct door door = door_open();
        struct chan chan;
        char target[64];
        char cause[400];
        struct kit_result lost = {0};
        struct kit_result good = {0};
        (void)snprintf(target, sizeof target, "127.0.0.1:%u",
                       (unsigned)door.port);
        chan_begin(&chan, kit_backends[i], target, NULL);
        assert_non_null(kit_call(chan.channel, "x", &lost));
        chan_meet(&chan, &door, &peers[0]);
        chan_hear(&chan, &peers[0], "DATA 1 ");
        kit_peer_fini(&peers[0]); // closes
        kit_wait(chan.loop, &lost.done, 1);
        assert_int_equal(lost.code, GRPC_UNAVAILABLE);
        (void)snprintf(cause, sizeof cause,
                       "connection to %s closed: the peer closed the "
                       "connection",
                       target);
        assert_string_equal(lost.text, cause);
        // The next call dials at once.
        assert_non_null(kit_call(chan.channel, "x", &good));
        chan_meet(&chan, &door, &peers[1]);
        chan_hear(&chan, &peers[1], "DATA 1 ");
        chan_serve(&peers[1], 1, "again");
        kit_wait(chan.loop, &good.done, 1);
        assert_string_equal(good.reply, "again");
        kit_peer_fini(&peers[1]);
        (void)close(door.fd);
        chan_end(&chan);
    }
}

// GOAWAY: what is open goes on, what the server leaves out is sent again, and
// what is new goes over a new connection.
static void test_channel__goaway(void **state)
{
    static struct kit_peer peers[2];
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct door door = door_open();
        struct chan chan;
        char target[64];
        struct kit_result stays = {0};
        struct kit_result moves = {0};
        struct kit_result fresh = {0};
        (void)snprintf(target, sizeof target, "127.0.0.1:%u",
                       (unsigned)door.port);
        chan_begin(&chan, kit_backends[i], target, NULL);
        assert_non_null(kit_call(chan.channel, "s", &stays));
        assert_non_null(kit_call(chan.channel, "m", &moves));
        chan_meet(&chan, &door, &peers[0]);
        chan_hear(&chan, &peers[0], "DATA 3 ");
        kit_goaway(&peers[0], 1, H2_NO_ERROR, "max_age");
        chan_meet(&chan, &door, &peers[1]);
        assert_non_null(kit_call(chan.channel, "f", &fresh));
        chan_hear(&chan, &peers[1], "DATA 3 ");
        assert_int_equal(stays.done + moves.done + fresh.done, 0);
        chan_serve(&peers[0], 1, "old");
        kit_wait(chan.loop, &stays.done, 1);
        assert_string_equal(stays.reply, "old");
        chan_hear(&chan, &peers[0], "EOF\n"); // and is left
        chan_serve(&peers[1], 1, "new 1");
        chan_serve(&peers[1], 3, "new 3");
        kit_wait(chan.loop, &fresh.done, 1);
        assert_string_equal(moves.reply, "new 1");
        assert_string_equal(fresh.reply, "new 3");
        kit_peer_fini(&peers[0]);
        kit_peer_fini(&peers[1]);
        (void)close(door.fd);
        chan_end(&chan);
    }
}

// Ids are used up: the connection is replaced, though a call is open on it.
static void test_channel__ids_run_out(void **state)
{
    static struct kit_peer peers[2];
    struct door door = door_open();
    struct chan chan;
    char target[64];
    struct kit_result results[3];
    (void)state;
    memset(results, 0, sizeof results);
    (void)snprintf(target, sizeof target, "127.0.0.1:%u", (unsigned)door.port);
    chan_begin(&chan, NULL, target, NULL);
    assert_non_null(kit_call(chan.channel, "1", &results[0]));
    chan_meet(&chan, &door, &peers[0]);
    chan_hear(&chan, &peers[0], "DATA 1 ");
    channel_ready_conn(chan.channel)->h2.next_local_id = UINT32_C(0x7ffffffd);
    assert_non_null(kit_call(chan.channel, "2", &results[1]));
    assert_non_null(kit_call(chan.channel, "3", &results[2]));
    chan_hear(&chan, &peers[0], "DATA 2147483645 ");
    chan_meet(&chan, &door, &peers[1]);
    chan_hear(&chan, &peers[1], "DATA 1 ");
    chan_serve(&peers[0], UINT32_C(0x7ffffffd), "two");
    chan_serve(&peers[0], 1, "one");
    chan_serve(&peers[1], 1, "three");
    for (int i = 0; i < 3; i++) {
        kit_wait(chan.loop, &results[i].done, 1);
    }
    assert_string_equal(results[0].reply, "one");
    assert_string_equal(results[1].reply, "two");
    assert_string_equal(results[2].reply, "three");
    kit_peer_fini(&peers[0]);
    kit_peer_fini(&peers[1]);
    (void)close(door.fd);
    chan_end(&chan);
}

// A server that takes no call and closes is tried once more at once, but not as
// fast as we can.
static void test_channel__useless_connections_are_followed_by_a_pause(
    void **state)
{
    static struct kit_peer peer;
    struct door door = door_open();
    struct chan chan;
    struct kit_result result = {0};
    struct kit_result waiting = {0};
    char target[64];
    (void)state;
    (void)snprintf(target, sizeof target, "127.0.0.1:%u", (unsigned)door.port);
    chan_begin(&chan, NULL, target, NULL);
    const grpc_call_options wait = {.wait_for_ready = true};
    assert_non_null(kit_call(chan.channel, "x", &result));
    assert_non_null(
        kit_call_with(chan.channel, GRPC_STR("w"), &waiting, &wait));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(result.done, 0);
        kit_peer_init(&peer, door_accept(&door, chan.loop), true);
        kit_setting(&peer, 3, 0); // SETTINGS with MAX_CONCURRENT_STREAMS 0
        kit_goaway(&peer, 0, H2_NO_ERROR, "go");
        chan_hear(&chan, &peer, "EOF\n");
        kit_peer_fini(&peer);
    }
    kit_wait(chan.loop, &result.done, 1);
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    char text[128];
    (void)snprintf(text, sizeof text,
                   "the server, %s, sent GOAWAY NO_ERROR \"go\"", target);
    assert_string_equal(result.text, text);
    assert_int_equal(grpc_channel_state(chan.channel), GRPC_TRANSIENT_FAILURE);
    struct subchannel *subchannel = kit_subchannel(chan.channel);
    assert_int_equal(subchannel->backoff.base_ms, 1000);
    assert_int_equal(waiting.done, 0);
    // After the pause it is tried again, and the call goes through.
    kit_skip_backoff(chan.channel);
    chan_meet(&chan, &door, &peer);
    chan_serve(&peer, 1, "at last");
    kit_wait(chan.loop, &waiting.done, 1);
    assert_string_equal(waiting.reply, "at last");
    assert_int_equal(subchannel->backoff.base_ms, 1600);
    // A connection that was of use ends the row.
    kit_peer_fini(&peer);
    kit_turn(chan.loop);
    assert_int_equal(subchannel->backoff.base_ms, 0);
    chan_end(&chan);
    (void)close(door.fd);
}

// More calls than the server takes at once wait, in order.
static void test_channel__max_concurrent_streams(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct kit_result results[6];
    (void)state;
    memset(results, 0, sizeof results);
    kit_setting(&bench->peer, 3, 2);
    kit_turn(bench->loop);
    for (int i = 0; i < 5; i++) {
        assert_non_null(kit_call(bench->channel, "x", &results[i]));
    }
    kit_turn(bench->loop);
    kit_read(&bench->peer);
    assert_non_null(strstr(bench->peer.text, "DATA 3 "));
    assert_null(strstr(bench->peer.text, "HEADERS 5"));
    chan_serve(&bench->peer, 3, "b");
    kit_turn(bench->loop);
    kit_read(&bench->peer);
    assert_int_equal(results[1].done, 1);
    assert_non_null(strstr(bench->peer.text, "DATA 5 "));
    assert_null(strstr(bench->peer.text, "HEADERS 7"));
    // A call that ends by a reset makes room too.
    kit_rst(&bench->peer, 1, H2_INTERNAL_ERROR);
    kit_turn(bench->loop);
    kit_read(&bench->peer);
    assert_non_null(strstr(bench->peer.text, "DATA 7 "));
    assert_null(strstr(bench->peer.text, "HEADERS 9"));
    // The server takes more.
    kit_setting(&bench->peer, 3, 3);
    kit_turn(bench->loop);
    kit_read(&bench->peer);
    assert_non_null(strstr(bench->peer.text, "DATA 9 "));
    kit_bench_end(bench);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(results[i].done, 1);
    }
}

// ---- Freeing ----------------------------------------------------------------

static void test_channel__free_with_calls(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct kit_result results[4];
    (void)state;
    memset(results, 0, sizeof results);
    kit_setting(&bench->peer, 3, 2);
    kit_turn(bench->loop);
    for (int i = 0; i < 4; i++) {
        assert_non_null(kit_call(bench->channel, "x", &results[i]));
    }
    kit_turn(bench->loop);
    grpc_channel_free(bench->channel);
    bench->channel = NULL;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(results[i].done, 1);
        assert_int_equal(results[i].code, GRPC_CANCELLED);
        assert_string_equal(results[i].text, "the channel was freed");
    }
    kit_bench_end(bench);
}

static void chan_free_within(struct kit_result *result)
{
    struct kit_bench *bench = result->extra;
    struct kit_result other = {0};
    grpc_channel *channel = bench->channel;
    bench->channel = NULL;
    grpc_channel_free(channel);
    // Nothing begins on it any more.
    assert_null(kit_call(channel, "x", &other));
    assert_string_equal(grpc_channel_error(channel),
                        "start a call: the channel was freed");
}

static void test_channel__free_within_callback(void **state)
{
    struct kit_bench *bench = kit_bench_channel(NULL, NULL);
    struct kit_result first = {.act = chan_free_within, .extra = bench};
    struct kit_result second = {0};
    (void)state;
    assert_non_null(kit_call(bench->channel, "x", &first));
    assert_non_null(kit_call(bench->channel, "x", &second));
    kit_turn(bench->loop);
    chan_serve(&bench->peer, 1, "ok");
    kit_turn(bench->loop);
    assert_int_equal(first.code, GRPC_OK);
    assert_int_equal(second.done, 1);
    assert_int_equal(second.code, GRPC_CANCELLED);
    assert_true(list_is_empty(&bench->loop->channels));
    kit_bench_end(bench);
}

static void chan_free_other(struct kit_result *result)
{
    grpc_channel **other = result->extra;
    struct kit_hello request = {.name = GRPC_STR("x")};
    struct kit_hello reply;
    grpc_arena arena = {0};
    if (*other != NULL) {
        grpc_status status =
            grpc_unary(*other, &arena, &kit_methods[0], &request, &reply, NULL);
        assert_int_equal(status.code, GRPC_FAILED_PRECONDITION);
    }
    grpc_channel_free(*other);
    *other = NULL;
}

// Outside of a step one is freed; its callback frees another, that was made
// before it or after. Both are gone when the call returns, and no callback was
// lost or came twice.
static void test_channel__free_within_free(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct test_heap heap;
        struct kit_result results[4];
        grpc_channel *channels[2];
        memset(results, 0, sizeof results);
        test_heap_init(&heap);
        grpc_loop *loop = kit_loop(&heap, NULL);
        for (int n = 0; n < 2; n++) {
            channels[n] = grpc_channel_new(
                "127.0.0.1:1", &(grpc_channel_options){.loop = loop});
        }
        results[0].act = chan_free_other;
        results[0].extra = &channels[1 - i];
        assert_non_null(kit_call(channels[1 - i], "x", &results[1]));
        assert_non_null(kit_call(channels[i], "x", &results[0]));
        assert_non_null(kit_call(channels[1 - i], "x", &results[2]));
        assert_non_null(kit_call(channels[i], "x", &results[3]));
        grpc_channel_free(channels[i]);
        for (int n = 0; n < 4; n++) {
            assert_int_equal(results[n].done, 1);
            assert_int_equal(results[n].code, GRPC_CANCELLED);
        }
        assert_true(list_is_empty(&loop->channels));
        assert_int_equal(grpc_loop_free(loop), GRPC_OK);
        assert_true(test_heap_is_clean(&heap));
    }
}

static void test_channel__free_in_every_state(void **state)
{
    (void)state;
    for (int steps = 0; steps < 10; steps++) {
        struct door door = door_open();
        struct chan chan;
        char target[64];
        struct kit_result result = {0};
        (void)snprintf(target, sizeof target, "127.0.0.1:%u",
                       (unsigned)door.port);
        chan_begin(&chan, NULL, target, NULL);
        assert_non_null(kit_call(chan.channel, "x", &result));
        for (int i = 0; i < steps; i++) {
            assert_int_equal(grpc_loop_step(chan.loop, 0), GRPC_OK);
        }
        chan_end(&chan);
        assert_int_equal(result.done, 1);
        assert_int_equal(result.code, GRPC_CANCELLED);
        (void)close(door.fd);
    }
}

static void test_channel__no_memory(void **state)
{
    (void)state;
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        struct test_heap heap;
        test_heap_init(&heap);
        heap.fail_at = n;
        grpc_channel *channel = grpc_channel_new(
            "localhost:1", &(grpc_channel_options){.allocator = heap.allocator,
                                                   .user_agent = "x"});
        failed = heap.calls >= n;
        assert_int_equal(channel == NULL, failed);
        grpc_channel_free(channel);
        assert_true(test_heap_is_clean(&heap));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channel__null),
        cmocka_unit_test(test_channel__bad_target),
        cmocka_unit_test(test_channel__bad_texts),
        cmocka_unit_test(test_channel__start_misuse),
        cmocka_unit_test(test_channel__refused),
        cmocka_unit_test(test_channel__target_with_a_newline),
        cmocka_unit_test(test_channel__wait_for_ready),
        cmocka_unit_test(test_channel__several_addresses),
        cmocka_unit_test(test_channel__several_dead_addresses),
        cmocka_unit_test(test_channel__no_http2_there),
        cmocka_unit_test(test_channel__texts),
        cmocka_unit_test(test_channel__unix),
        cmocka_unit_test(test_channel__wrong_descriptor),
        cmocka_unit_test(test_channel__descriptor_is_not_dialled),
        cmocka_unit_test(test_channel__lost_and_dialled_again),
        cmocka_unit_test(test_channel__goaway),
        cmocka_unit_test(test_channel__ids_run_out),
        cmocka_unit_test(
            test_channel__useless_connections_are_followed_by_a_pause),
        cmocka_unit_test(test_channel__max_concurrent_streams),
        cmocka_unit_test(test_channel__free_with_calls),
        cmocka_unit_test(test_channel__free_within_callback),
        cmocka_unit_test(test_channel__free_within_free),
        cmocka_unit_test(test_channel__free_in_every_state),
        cmocka_unit_test(test_channel__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
