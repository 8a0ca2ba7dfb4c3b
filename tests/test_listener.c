// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include "core/listener.h"
#include "tests/core_kit.h"

struct lis {
    struct test_heap heap;
    grpc_loop *loop;
    grpc_server *server;
    struct kit_greeter greeter;
};

static void lis_begin(struct lis *lis, const char *backend,
                      const grpc_server_options *options)
{
    memset(lis, 0, sizeof *lis);
    test_heap_init(&lis->heap);
    lis->loop = kit_loop(&lis->heap, backend);
    grpc_server_options with_loop =
        options == NULL ? (grpc_server_options){0} : *options;
    with_loop.loop = lis->loop;
    lis->server = grpc_server_new(&with_loop);
    assert_non_null(lis->server);
    kit_serve(lis->server, &lis->greeter);
}

static void lis_end(struct lis *lis)
{
    grpc_server_free(lis->server);
    assert_int_equal(grpc_loop_free(lis->loop), GRPC_OK);
    assert_true(test_heap_is_clean(&lis->heap));
}

// lis_call makes one call to target over a channel of its own.
static void lis_call(struct lis *lis, const char *target)
{
    struct kit_result result = {0};
    grpc_channel *channel =
        grpc_channel_new(target, &(grpc_channel_options){.loop = lis->loop});
    assert_non_null(kit_call(channel, "me", &result));
    kit_wait(lis->loop, &result.done, 1);
    if (result.code != GRPC_OK) {
        fail_msg("%s: %s", target, result.text);
    }
    assert_string_equal(result.reply, "Hello me");
    grpc_channel_free(channel);
    kit_turn(lis->loop);
}

static bool lis_has_ip6(void)
{
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    struct socket_address address;
    if (fd < 0) {
        return false;
    }
    assert_true(socket_address_ip(&address, "::1", 0));
    int error =
        bind(fd, (const struct sockaddr *)(const void *)&address.storage,
             address.size);
    (void)close(fd);
    return error == 0;
}

static void test_listener__port_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct lis lis;
        char target[64];
        lis_begin(&lis, kit_backends[i], NULL);
        assert_int_equal(grpc_server_port(lis.server), 0);
        assert_int_equal(grpc_server_listen(lis.server, "127.0.0.1:0", NULL),
                         GRPC_OK);
        uint16_t first = grpc_server_port(lis.server);
        assert_int_not_equal(first, 0);
        assert_int_equal(grpc_server_listen(lis.server, "127.0.0.1:0", NULL),
                         GRPC_OK);
        uint16_t second = grpc_server_port(lis.server);
        assert_int_not_equal(second, first);
        (void)snprintf(target, sizeof target, "127.0.0.1:%u", (unsigned)first);
        lis_call(&lis, target);
        (void)snprintf(target, sizeof target, "ipv4:127.0.0.1:%u",
                       (unsigned)second);
        lis_call(&lis, target);
        assert_int_equal(lis.greeter.handled, 2);
        lis_end(&lis);
    }
}

// "localhost" and "*" are one port on both families.
static void test_listener__both_families(void **state)
{
    static const char *const addresses[] = {"localhost:0", ":0", "*:0"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct lis lis;
        char target[64];
        lis_begin(&lis, NULL, NULL);
        assert_int_equal(grpc_server_listen(lis.server, addresses[i], NULL),
                         GRPC_OK);
        unsigned port = grpc_server_port(lis.server);
        (void)snprintf(target, sizeof target, "127.0.0.1:%u", port);
        lis_call(&lis, target);
        if (lis_has_ip6()) {
            (void)snprintf(target, sizeof target, "[::1]:%u", port);
            lis_call(&lis, target);
        }
        (void)snprintf(target, sizeof target, "localhost:%u", port);
        lis_call(&lis, target);
        lis_end(&lis);
    }
}

static void test_listener__reuse_port(void **state)
{
    struct lis lis;
    char address[64];
    const grpc_listen_options share = {.reuse_port = true, .backlog = 5};
    (void)state;
    lis_begin(&lis, NULL, NULL);
    assert_int_equal(grpc_server_listen(lis.server, "127.0.0.1:0", &share),
                     GRPC_OK);
    (void)snprintf(address, sizeof address, "127.0.0.1:%u",
                   (unsigned)grpc_server_port(lis.server));
    assert_int_equal(grpc_server_listen(lis.server, address, &share), GRPC_OK);
    lis_call(&lis, address);
    lis_end(&lis);
}

static void test_listener__unix(void **state)
{
    struct lis lis;
    char address[96];
    struct stat status;
    (void)state;
    (void)snprintf(address, sizeof address, "unix:listener-%ld.sock",
                   (long)getpid());
    lis_begin(&lis, NULL, NULL);
    assert_int_equal(grpc_server_listen(lis.server, address, NULL), GRPC_OK);
    assert_int_equal(grpc_server_port(lis.server), 0);
    assert_int_equal(stat(address + 5, &status), 0);
    lis_call(&lis, address);
    // Somebody answers there: it is not taken away.
    grpc_server *other = grpc_server_new(NULL);
    assert_int_equal(grpc_server_listen(other, address, NULL), GRPC_ESYSTEM);
    grpc_server_free(other);
    lis_call(&lis, address);
    lis_end(&lis);
    assert_int_equal(stat(address + 5, &status), -1); // removed
}

#if defined(__linux__)
static void test_listener__unix_abstract(void **state)
{
    struct lis lis;
    char address[96];
    (void)state;
    (void)snprintf(address, sizeof address, "unix-abstract:listener-%ld",
                   (long)getpid());
    lis_begin(&lis, NULL, NULL);
    assert_int_equal(grpc_server_listen(lis.server, address, NULL), GRPC_OK);
    lis_call(&lis, address);
    lis_end(&lis);
}
#endif

static void test_listener__descriptor(void **state)
{
    struct lis lis;
    struct socket_address address;
    struct socket_address bound;
    const struct socket_listen_options options = {.backlog = 0};
    char target[64];
    int fd = -1;
    (void)state;
    lis_begin(&lis, NULL, NULL);
    assert_true(socket_address_ip(&address, "127.0.0.1", 0));
    assert_int_equal(socket_listen(&address, &options, &fd, &bound), 0);
    assert_int_equal(grpc_server_listen_fd(lis.server, fd), GRPC_OK);
    assert_int_equal(grpc_server_port(lis.server), socket_address_port(&bound));
    (void)snprintf(target, sizeof target, "127.0.0.1:%u",
                   (unsigned)grpc_server_port(lis.server));
    lis_call(&lis, target);
    lis_end(&lis);
    assert_int_equal(fcntl(fd, F_GETFD), -1); // it was the server's
}

static void test_listener__wrong_descriptor(void **state)
{
    struct lis lis;
    int fds[2];
    int tubes[2];
    char expected[320];
    (void)state;
    lis_begin(&lis, NULL, NULL);
    kit_pair_of_sockets(fds);
    assert_int_equal(pipe(tubes), 0);
    assert_int_equal(grpc_server_listen_fd(lis.server, fds[0]), GRPC_EINVAL);
    (void)snprintf(expected, sizeof expected,
                   "descriptor %d is not a listening socket", fds[0]);
    assert_string_equal(grpc_server_error(lis.server), expected);
    int listening = socket(AF_UNIX, SOCK_STREAM, 0);
    struct socket_address address;
    struct socket_address bound;
    const struct socket_listen_options options = {.backlog = 0};
    (void)close(listening);
    assert_true(socket_address_ip(&address, "127.0.0.1", 0));
    assert_int_equal(socket_listen(&address, &options, &listening, &bound), 0);
    assert_int_equal(grpc_server_serve_fd(lis.server, listening), GRPC_EINVAL);
    (void)snprintf(expected, sizeof expected,
                   "descriptor %d is a listening socket", listening);
    assert_string_equal(grpc_server_error(lis.server), expected);
    assert_int_equal(grpc_server_listen_fd(lis.server, tubes[0]), GRPC_ESYSTEM);
    (void)snprintf(expected, sizeof expected, "listen on a descriptor: %s",
                   kit_error(ENOTSOCK));
    assert_string_equal(grpc_server_error(lis.server), expected);
    assert_int_equal(grpc_server_serve_fd(lis.server, -1), GRPC_ESYSTEM);
    (void)snprintf(expected, sizeof expected, "listen on a descriptor: %s",
                   kit_error(EBADF));
    assert_string_equal(grpc_server_error(lis.server), expected);
    // All of them are still ours.
    assert_int_equal(close(fds[0]) | close(fds[1]) | close(tubes[0]) |
                         close(tubes[1]) | close(listening),
                     0);
    lis_end(&lis);
}

static struct listener *lis_first(const struct lis *lis)
{
    struct list_link *link = list_first(&lis->server->listeners);
    assert_non_null(link);
    return LIST_OWNER(link, struct listener, link_server);
}

// Without descriptors accepting pauses, longer each time, and goes on when
// there are some.
static void test_listener__out_of_descriptors(void **state)
{
    (void)state;
    // Valgrind keeps the limit itself: it accepts, closes, and says EMFILE, so
    // that the waiting connection is gone.
    const char *wrapper = getenv("TEST_WRAPPER");
    if (wrapper != NULL && strstr(wrapper, "valgrind") != NULL) {
        skip();
    }
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct lis lis;
        struct rlimit old;
        struct socket_address address;
        int fd = -1;
        lis_begin(&lis, kit_backends[i], NULL);
        assert_int_equal(grpc_server_listen(lis.server, "127.0.0.1:0", NULL),
                         GRPC_OK);
        assert_true(socket_address_ip(&address, "127.0.0.1",
                                      grpc_server_port(lis.server)));
        struct listener *listener = lis_first(&lis);
        int error = socket_connect(&address, &fd);
        assert_true(error == 0 || error == EINPROGRESS);
        // The next descriptor is one too many.
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
        int next = dup(0);
        assert_true(next >= 0);
        (void)close(next);
        const struct rlimit low = {.rlim_cur = (rlim_t)next,
                                   .rlim_max = old.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
        for (int n = 0; n < 2000 && listener->pause_ms < 20; n++) {
            assert_int_equal(grpc_loop_step(lis.loop, 2), GRPC_OK);
        }
        assert_int_equal(lis.server->connection_count, 0);
        assert_int_equal(listener->pause_ms, 20); // 5, 10 have passed
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
        for (int n = 0; n < 2000 && lis.server->connection_count == 0; n++) {
            assert_int_equal(grpc_loop_step(lis.loop, 2), GRPC_OK);
        }
        assert_int_equal(lis.server->connection_count, 1);
        assert_int_equal(listener->pause_ms, CORE_ACCEPT_PAUSE_MS);
        assert_int_not_equal(listener->source.slot, 0);
        (void)close(fd);
        lis_end(&lis);
    }
}

// The pause doubles up to a second, and stopping in it is no problem.
static void test_listener__pause_grows(void **state)
{
    struct lis lis;
    struct socket_address address;
    int fds[2] = {-1, -1};
    (void)state;
    lis_begin(&lis, NULL, &(grpc_server_options){.max_connections = 1});
    assert_int_equal(grpc_server_listen(lis.server, "127.0.0.1:0", NULL),
                     GRPC_OK);
    assert_true(
        socket_address_ip(&address, "127.0.0.1", grpc_server_port(lis.server)));
    struct listener *listener = lis_first(&lis);
    for (int i = 0; i < 2; i++) {
        int error = socket_connect(&address, &fds[i]);
        assert_true(error == 0 || error == EINPROGRESS);
        kit_turn(lis.loop);
    }
    assert_int_equal(lis.server->connection_count, 1);
    uint32_t pause = 10;
    for (int i = 0; i < 12; i++, pause *= 2) {
        assert_int_equal(listener->pause_ms, pause < 1000 ? pause : 1000);
        assert_int_equal(listener->source.slot, 0);
        assert_true(loop_timer_is_armed(&listener->timer));
        listener_resume(listener);
        assert_false(loop_timer_is_armed(&listener->timer));
        listener_resume(listener); // once is enough
        assert_int_equal(grpc_loop_step(lis.loop, 0), GRPC_OK);
    }
    // A connection that ends makes room at once.
    (void)close(fds[0]);
    for (int i = 0; i < 1000 && listener->pause_ms != CORE_ACCEPT_PAUSE_MS;
         i++) {
        assert_int_equal(grpc_loop_step(lis.loop, 1), GRPC_OK);
    }
    assert_int_equal(lis.server->connection_count, 1);
    grpc_server_stop(lis.server);
    kit_turn(lis.loop);
    assert_true(list_is_empty(&lis.server->listeners));
    (void)close(fds[1]);
    lis_end(&lis);
}

// lis_visit connects and makes two calls that are not answered; the raw peer
// goes at once when it is told to.
static int lis_visit(struct lis *lis)
{
    static struct kit_peer peer;
    struct socket_address address;
    int fd = -1;
    assert_true(socket_address_ip(&address, "127.0.0.1",
                                  grpc_server_port(lis->server)));
    int error = socket_connect(&address, &fd);
    assert_true(error == 0 || error == EINPROGRESS);
    kit_turn(lis->loop);
    kit_peer_init(&peer, fd, false);
    kit_preface(&peer, true);
    for (uint32_t id = 1; id <= 3; id += 2) {
        kit_headers(&peer, id, false, KIT_REQUEST);
        kit_message(&peer, id, true, "Ann");
    }
    kit_turn(lis->loop);
    peer.fd = -1;
    kit_peer_fini(&peer);
    return fd;
}

// Handlers at work for a client that has gone hold its place: coming and going
// is no way around the limits.
static void test_listener__handlers_hold_the_place(void **state)
{
    (void)state;
    struct lis lis;
    lis_begin(&lis, NULL,
              &(grpc_server_options){.max_connections = 1,
                                     .max_concurrent_streams = 2});
    lis.greeter.late = true;
    assert_int_equal(grpc_server_listen(lis.server, "127.0.0.1:0", NULL),
                     GRPC_OK);
    int first = lis_visit(&lis);
    kit_wait(lis.loop, &lis.greeter.handled, 2);
    (void)close(first);
    for (int i = 0; i < 1000 && lis.server->connection_count > 0; i++) {
        assert_int_equal(grpc_loop_step(lis.loop, 1), GRPC_OK);
    }
    assert_int_equal(lis.server->connection_count, 0);
    assert_int_equal(lis.server->orphan_count, 2);
    int second = lis_visit(&lis);
    kit_skip(lis.loop, 2000);
    assert_int_equal(lis.server->connection_count, 0);
    assert_int_equal(lis.greeter.handled, 2);
    // One handler ends: there is a place again, for a connection.
    assert_int_equal(kit_reply(lis.greeter.calls[0], "x"), GRPC_OK);
    assert_int_equal(lis.server->orphan_count, 1);
    kit_skip(lis.loop, 2000);
    kit_wait(lis.loop, &lis.greeter.handled, 4);
    assert_int_equal(lis.server->connection_count, 1);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(kit_reply(lis.greeter.calls[i], "x"), GRPC_OK);
    }
    assert_int_equal(lis.server->orphan_count, 0);
    (void)close(second);
    kit_turn(lis.loop);
    lis_end(&lis);
}

// A crowd that connects at once is taken in several turns.
static void test_listener__crowd(void **state)
{
    enum { LIS_CROWD = 150 };
    struct lis lis;
    struct socket_address address;
    int fds[LIS_CROWD];
    (void)state;
    lis_begin(&lis, NULL, NULL);
    assert_int_equal(grpc_server_listen(lis.server, "127.0.0.1:0", NULL),
                     GRPC_OK);
    assert_true(
        socket_address_ip(&address, "127.0.0.1", grpc_server_port(lis.server)));
    for (int i = 0; i < LIS_CROWD; i++) {
        int error = socket_connect(&address, &fds[i]);
        assert_true(error == 0 || error == EINPROGRESS);
    }
    uint32_t most = 0;
    for (int i = 0; i < 1000 && lis.server->connection_count < LIS_CROWD; i++) {
        uint32_t before = lis.server->connection_count;
        assert_int_equal(grpc_loop_step(lis.loop, 1), GRPC_OK);
        uint32_t taken = lis.server->connection_count - before;
        most = taken > most ? taken : most;
    }
    assert_int_equal(lis.server->connection_count, LIS_CROWD);
    assert_true(most <= CORE_ACCEPTS_PER_TURN);
    for (int i = 0; i < LIS_CROWD; i++) {
        (void)close(fds[i]);
    }
    kit_turn(lis.loop);
    lis_end(&lis);
}

#if defined(__linux__)
// lis_vsock listens on a port that is likely free, and writes its address.
static grpc_result lis_vsock(struct lis *lis, const char *cid, char text[64])
{
    for (unsigned i = 0; i < 3; i++) {
        unsigned port = 0x20000000u + ((unsigned)getpid() & 0xffffffu) * 8 + i;
        (void)snprintf(text, 64, "vsock:%s:%u", cid, port);
        if (grpc_server_listen(lis->server, text, NULL) == GRPC_OK) {
            return GRPC_OK;
        }
    }
    return GRPC_ESYSTEM;
}

// A call to a machine that is not there tells its address.
static void lis_vsock_fails(struct lis *lis)
{
    struct kit_result result = {0};
    grpc_channel *channel = grpc_channel_new(
        "vsock:2147483632:5", &(grpc_channel_options){.loop = lis->loop});
    assert_non_null(kit_call(channel, "me", &result));
    kit_wait(lis->loop, &result.done, 1);
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    assert_non_null(strstr(result.text, "connect to vsock:2147483632:5: "));
    grpc_channel_free(channel);
    kit_turn(lis->loop);
}

static void test_listener__vsock(void **state)
{
    (void)state;
    struct lis lis;
    char address[64];
    lis_begin(&lis, NULL, NULL);
    if (lis_vsock(&lis, "*", address) != GRPC_OK) {
        print_message("this system has no vsock (%s): nothing was tested\n",
                      grpc_server_error(lis.server));
    } else {
        assert_int_equal(grpc_server_port(lis.server), 0);
        lis_vsock_fails(&lis);
        if (lis_vsock(&lis, "1", address) == GRPC_OK) {
            lis_call(&lis, address);
            assert_int_equal(lis.greeter.handled, 1);
        } else {
            assert_non_null(strstr(grpc_server_error(lis.server), address));
            print_message("this system has no vsock loopback (%s): listening, "
                          "and a connect that fails, were tested, and no "
                          "call\n",
                          grpc_server_error(lis.server));
        }
    }
    lis_end(&lis);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listener__port_is_told),
        cmocka_unit_test(test_listener__both_families),
        cmocka_unit_test(test_listener__reuse_port),
        cmocka_unit_test(test_listener__unix),
#if defined(__linux__)
        cmocka_unit_test(test_listener__unix_abstract),
        cmocka_unit_test(test_listener__vsock),
#endif
        cmocka_unit_test(test_listener__descriptor),
        cmocka_unit_test(test_listener__wrong_descriptor),
        cmocka_unit_test(test_listener__out_of_descriptors),
        cmocka_unit_test(test_listener__pause_grows),
        cmocka_unit_test(test_listener__handlers_hold_the_place),
        cmocka_unit_test(test_listener__crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
