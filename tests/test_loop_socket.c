// SPDX-License-Identifier: MIT
// Sockets on the loopback of IPv4 and IPv6, on paths in a directory of the
// test's own, and without a file. Readiness is awaited by poll, not by time.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/loop_socket.h"

static const struct socket_listen_options socket_test_defaults = {0};

static struct socket_address socket_test_ip(const char *host, uint16_t port)
{
    struct socket_address address;
    assert_true(socket_address_ip(&address, host, port));
    return address;
}

static struct socket_address socket_test_unix(const char *path)
{
    struct socket_address address;
    assert_true(
        socket_address_unix(&address, view_of(path, strlen(path)), false));
    return address;
}

static void socket_test_text(const struct socket_address *address,
                             const char *expected)
{
    char text[SOCKET_ADDRESS_TEXT];
    memset(text, 'x', sizeof text);
    socket_address_text(address, text);
    assert_string_equal(text, expected);
}

static void socket_test_await(int fd, short events)
{
    struct pollfd watched = {.fd = fd, .events = events};
    assert_int_equal(poll(&watched, 1, -1), 1);
}

static int socket_test_option(int fd, int level, int option)
{
    int value = -1;
    socklen_t size = sizeof value;
    assert_int_equal(getsockopt(fd, level, option, &value, &size), 0);
    return value;
}

static void socket_test_flags(int fd)
{
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

// Addresses.

static void test_socket__numeric_hosts_are_parsed(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        const char *text;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1:50051"},
        {"0.0.0.0", "0.0.0.0:50051"},
        {"255.255.255.255", "255.255.255.255:50051"},
        {"::1", "[::1]:50051"},
        {"::", "[::]:50051"},
        {"2001:DB8:0:0:0:0:0:1", "[2001:db8::1]:50051"},
        {"::ffff:1.2.3.4", "[::ffff:1.2.3.4]:50051"},
        {"1111:2222:3333:4444:5555:6666:7777:8888",
         "[1111:2222:3333:4444:5555:6666:7777:8888]:50051"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct socket_address address = socket_test_ip(cases[i].host, 50051);
        socket_test_text(&address, cases[i].text);
        assert_int_equal(socket_address_port(&address), 50051);
        assert_true(socket_address_is_ip(&address));
    }
}

static void test_socket__other_hosts_are_refused(void **state)
{
    (void)state;
    static const char *const hosts[] = {
        "",
        "localhost",
        "127.0.0.1:80",
        "127.0.1",
        "1.2.3.4.5",
        "256.0.0.1",
        " 127.0.0.1",
        "[::1]",
        ":::",
        "1:2:3:4:5:6:7:8:9",
        "fe80::1%",
        "fe80::1%no-such-interface",
        "fe80::1%lo:", // Linux knows it as lo
        "fe80::1%lo:\xa9 x",
        "fe80::1%0",
        "fe80::1%99999999999",
        "127.0.0.1%1",
        "%1",
        "1111:2222:3333:4444:5555:6666:7777:8888:1111:2222:3333:4444:5555",
    };
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct socket_address address;
        assert_false(socket_address_ip(&address, hosts[i], 80));
    }
}

static void test_socket__scopes_are_names_or_numbers(void **state)
{
    (void)state;
    struct socket_address address = socket_test_ip("fe80::1%4000000", 80);
    socket_test_text(&address, "[fe80::1%4000000]:80");
    char name[IF_NAMESIZE];
    if (if_indextoname(1, name) == NULL) {
        print_message("no interface 1: its name as a scope is left out\n");
        return;
    }
    char host[64];
    char text[64];
    (void)snprintf(host, sizeof host, "fe80::2%%%s", name);
    (void)snprintf(text, sizeof text, "[fe80::2%%%s]:80", name);
    address = socket_test_ip(host, 80);
    socket_test_text(&address, text);
    address = socket_test_ip("fe80::2%1", 80);
    socket_test_text(&address, text);
}

static void test_socket__port_can_be_changed(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "::1"};
    for (int i = 0; i < 2; i++) {
        struct socket_address address = socket_test_ip(hosts[i], 1);
        const struct socket_address expected = socket_test_ip(hosts[i], 65535);
        socket_address_set_port(&address, 65535);
        assert_int_equal(socket_address_port(&address), 65535);
        assert_memory_equal(&address, &expected, sizeof address);
    }
    struct socket_address path = socket_test_unix("/a");
    socket_address_set_port(&path, 99);
    assert_int_equal(socket_address_port(&path), 0);
    assert_false(socket_address_is_ip(&path));
    socket_test_text(&path, "unix:/a");
}

static void test_socket__paths_have_a_longest(void **state)
{
    (void)state;
    struct socket_address address;
    char path[200];
    memset(path, 'p', sizeof path);
    size_t longest = 0;
    for (size_t size = 0; size < sizeof path; size++) {
        if (socket_address_unix(&address, view_of(path, size), false)) {
            longest = size;
            char text[200];
            (void)snprintf(text, sizeof text, "unix:%.*s", (int)size, path);
            socket_test_text(&address, text);
        }
    }
    assert_in_range(longest, 91, 108); // POSIX has at least 92 with the NUL
    assert_false(socket_address_unix(&address, VIEW(""), false));
    assert_false(socket_address_unix(&address, VIEW("a\0b"), false));
}

static void test_socket__abstract_names_may_have_any_byte(void **state)
{
    (void)state;
    struct socket_address address;
#if defined(__linux__)
    assert_true(socket_address_unix(&address, VIEW("name"), true));
    socket_test_text(&address, "unix-abstract:name");
    assert_true(socket_address_unix(&address, VIEW("a\0b\n"), true));
    socket_test_text(&address, "unix-abstract:a?b?");
    char name[108];
    memset(name, 'n', sizeof name);
    assert_true(socket_address_unix(&address, view_of(name, 107), true));
    char text[SOCKET_ADDRESS_TEXT];
    socket_address_text(&address, text);
    assert_int_equal(strlen(text), 14 + 107);
    assert_false(socket_address_unix(&address, view_of(name, 108), true));
    assert_false(socket_address_unix(&address, VIEW(""), true));
#else
    assert_false(socket_address_unix(&address, VIEW("name"), true));
#endif
}

static void test_socket__inproc_is_no_address_of_a_socket(void **state)
{
    (void)state;
    struct socket_address address;
    socket_address_inproc(&address);
    assert_true(socket_address_is_inproc(&address));
    socket_test_text(&address, "inproc");
    assert_int_equal(socket_address_port(&address), 0);
    assert_false(socket_address_is_ip(&address));
    int fd = -1;
    assert_int_not_equal(socket_connect(&address, &fd), 0);
    assert_int_equal(fd, -1);
    assert_true(socket_address_ip(&address, "127.0.0.1", 80));
    assert_false(socket_address_is_inproc(&address));
    memset(&address, 0, sizeof address);
    assert_false(socket_address_is_inproc(&address));
}

static void test_socket__no_address_has_a_text(void **state)
{
    (void)state;
    struct socket_address address;
    memset(&address, 0, sizeof address);
    socket_test_text(&address, "unknown address");
    assert_int_equal(socket_address_port(&address), 0);
    assert_false(socket_address_is_ip(&address));
}

static void test_socket__vsock_has_two_numbers(void **state)
{
    (void)state;
    struct socket_address address;
#if defined(__linux__)
    assert_true(socket_address_vsock(&address, 3, 50051));
    socket_test_text(&address, "vsock:3:50051");
    assert_true(socket_address_vsock(&address, SOCKET_CID_ANY, 4294967294));
    socket_test_text(&address, "vsock:*:4294967294");
    assert_true(socket_address_vsock(&address, 4294967294, 1));
    socket_test_text(&address, "vsock:4294967294:1");
    assert_false(socket_address_is_ip(&address));
    assert_int_equal(socket_address_port(&address), 0);
    socket_address_set_port(&address, 99);
    socket_test_text(&address, "vsock:4294967294:1");
#else
    assert_false(socket_address_vsock(&address, 3, 50051));
#endif
}

// Connections. socket_test_talk is what all families share.

static void socket_test_connect(const struct socket_address *bound,
                                int listener, int *out_client, int *out_server)
{
    struct socket_address peer;
    int client;
    int error = socket_connect(bound, &client);
    assert_true(error == 0 || error == EINPROGRESS);
    socket_test_await(listener, POLLIN);
    assert_int_equal(socket_accept(listener, out_server, &peer), 0);
    socket_test_await(client, POLLOUT);
    assert_int_equal(socket_connected(client), 0);
    socket_test_flags(client);
    socket_test_flags(*out_server);
    if (socket_address_is_ip(bound)) {
        assert_true(socket_test_option(client, IPPROTO_TCP, TCP_NODELAY) != 0);
        assert_true(socket_test_option(client, SOL_SOCKET, SO_KEEPALIVE) != 0);
        assert_true(socket_test_option(*out_server, SOL_SOCKET, SO_KEEPALIVE) !=
                    0);
        assert_true(socket_test_option(*out_server, IPPROTO_TCP, TCP_NODELAY) !=
                    0);
        struct socket_address local;
        assert_int_equal(socket_local(client, &local), 0);
        assert_int_equal(socket_address_port(&local),
                         socket_address_port(&peer));
    }
    struct socket_address reached;
    assert_int_equal(socket_peer(client, &reached), 0);
    char text[2][SOCKET_ADDRESS_TEXT];
    socket_address_text(&reached, text[0]);
    socket_address_text(bound, text[1]);
    assert_string_equal(text[0], text[1]);
    *out_client = client;
}

static void socket_test_say(int from, int to)
{
    const struct view views[] = {VIEW("one "), VIEW(""), VIEW("two "),
                                 VIEW("three")};
    uint8_t buffer[64];
    size_t size = 99;
    assert_int_equal(socket_read(to, buffer, sizeof buffer, &size), EAGAIN);
    assert_int_equal(size, 99);
    assert_int_equal(socket_write(from, views, 4, &size), 0);
    assert_int_equal(size, 13);
    socket_test_await(to, POLLIN);
    assert_int_equal(socket_read(to, buffer, sizeof buffer, &size), 0);
    assert_int_equal(size, 13);
    assert_memory_equal(buffer, "one two three", 13);
}

static void socket_test_talk(const struct socket_address *address,
                             struct socket_address *bound)
{
    int listener;
    int client;
    int server;
    struct socket_address peer;
    assert_int_equal(
        socket_listen(address, &socket_test_defaults, &listener, bound), 0);
    socket_test_flags(listener);
    assert_int_equal(socket_accept(listener, &server, &peer), EAGAIN);
    socket_test_connect(bound, listener, &client, &server);
    socket_test_say(client, server);
    socket_test_say(server, client);
    // The end of one direction leaves the other open.
    uint8_t byte;
    size_t size = 99;
    socket_close_write(client);
    socket_test_await(server, POLLIN);
    assert_int_equal(socket_read(server, &byte, 1, &size), 0);
    assert_int_equal(size, 0);
    socket_test_say(server, client);
    socket_close(server);
    socket_test_await(client, POLLIN);
    assert_int_equal(socket_read(client, &byte, 1, &size), 0);
    assert_int_equal(size, 0);
    socket_close(client);
    socket_close(listener);
}

static void test_socket__talk_over_ip4(void **state)
{
    (void)state;
    const struct socket_address address = socket_test_ip("127.0.0.1", 0);
    struct socket_address bound;
    socket_test_talk(&address, &bound);
    assert_int_not_equal(socket_address_port(&bound), 0);
}

#if defined(__linux__)
enum { SOCKET_TEST_CID_LOCAL = 1 };
# define SOCKET_TEST_PORT_ANY UINT32_C(0xffffffff)

// socket_test_vsock_fails: a system with vsock and without a loopback can
// listen, and tells that nobody is there.
static void socket_test_vsock_fails(void)
{
    struct socket_address address;
    struct socket_address bound;
    int listener;
    int client;
    assert_true(
        socket_address_vsock(&address, SOCKET_CID_ANY, SOCKET_TEST_PORT_ANY));
    int error =
        socket_listen(&address, &socket_test_defaults, &listener, &bound);
    if (error != 0) {
        char text[128];
        socket_error_text(error, text, sizeof text);
        print_message("this system has no vsock (%s): only the text of its "
                      "addresses was tested\n",
                      text);
        return;
    }
    socket_test_flags(listener);
    char text[SOCKET_ADDRESS_TEXT];
    socket_address_text(&bound, text);
    assert_memory_equal(text, "vsock:*:", 8);
    assert_string_not_equal(text, "vsock:*:4294967295");
    bool is_listening = false;
    assert_int_equal(socket_adopt(listener, &is_listening), 0);
    assert_true(is_listening);
    struct socket_address peer;
    assert_int_equal(socket_accept(listener, &client, &peer), EAGAIN);
    socket_close(listener);
    // No machine has this number.
    assert_true(socket_address_vsock(&address, 0x7ffffff0, 50051));
    error = socket_connect(&address, &client);
    assert_int_not_equal(error, 0);
    if (error == EINPROGRESS) {
        socket_test_await(client, POLLOUT);
        assert_int_not_equal(socket_connected(client), 0);
        socket_close(client);
    }
    print_message("this system has no vsock loopback: listening, and a "
                  "connect that fails, were tested, and no bytes sent\n");
}

static void test_socket__talk_over_vsock(void **state)
{
    (void)state;
    struct socket_address address;
    struct socket_address bound;
    int listener;
    assert_true(socket_address_vsock(&address, SOCKET_TEST_CID_LOCAL,
                                     SOCKET_TEST_PORT_ANY));
    if (socket_listen(&address, &socket_test_defaults, &listener, &bound) !=
        0) {
        socket_test_vsock_fails();
        return;
    }
    bool is_listening = false;
    assert_int_equal(socket_adopt(listener, &is_listening), 0);
    assert_true(is_listening);
    socket_close(listener);
    socket_test_talk(&address, &bound);
    char text[SOCKET_ADDRESS_TEXT];
    socket_address_text(&bound, text);
    assert_memory_equal(text, "vsock:1:", 8);
}
#endif

// socket_test_has_ip6 says so when the machine has no IPv6 loopback.
static bool socket_test_has_ip6(void)
{
    const struct socket_address address = socket_test_ip("::1", 0);
    struct socket_address bound;
    int listener;
    if (socket_listen(&address, &socket_test_defaults, &listener, &bound) !=
        0) {
        print_message("no IPv6 loopback: this case is left out\n");
        return false;
    }
    socket_close(listener);
    return true;
}

static void test_socket__talk_over_ip6(void **state)
{
    (void)state;
    const struct socket_address address = socket_test_ip("::1", 0);
    struct socket_address bound;
    if (socket_test_has_ip6()) {
        socket_test_talk(&address, &bound);
        assert_int_not_equal(socket_address_port(&bound), 0);
    }
}

static void test_socket__both_families_share_a_port(void **state)
{
    (void)state;
    const struct socket_address any4 = socket_test_ip("0.0.0.0", 0);
    struct socket_address any6 = socket_test_ip("::", 0);
    struct socket_address bound4;
    struct socket_address bound6;
    int listeners[2];
    if (!socket_test_has_ip6()) {
        return;
    }
    int error = EADDRINUSE;
    // Another program may have the port of the second family: try some more.
    for (int i = 0; i < 20 && error == EADDRINUSE; i++) {
        if (i > 0) {
            socket_close(listeners[0]);
        }
        assert_int_equal(
            socket_listen(&any4, &socket_test_defaults, &listeners[0], &bound4),
            0);
        socket_address_set_port(&any6, socket_address_port(&bound4));
        error =
            socket_listen(&any6, &socket_test_defaults, &listeners[1], &bound6);
    }
    assert_int_equal(error, 0);
    assert_int_equal(
        socket_test_option(listeners[1], IPPROTO_IPV6, IPV6_V6ONLY), 1);
    assert_true(socket_test_option(listeners[0], SOL_SOCKET, SO_REUSEADDR) !=
                0);
    socket_close(listeners[0]);
    socket_close(listeners[1]);
}

static void test_socket__taken_port_is_told(void **state)
{
    (void)state;
    const struct socket_address address = socket_test_ip("127.0.0.1", 0);
    struct socket_address bound;
    struct socket_address again = {0};
    int listener;
    int other = -7;
    assert_int_equal(
        socket_listen(&address, &socket_test_defaults, &listener, &bound), 0);
    assert_int_equal(
        socket_listen(&bound, &socket_test_defaults, &other, &again),
        EADDRINUSE);
    assert_int_equal(other, -7);
    socket_close(listener);
}

static void test_socket__reused_port_is_shared(void **state)
{
    (void)state;
    const struct socket_listen_options shared = {
        .backlog = 5,
        .reuse_port = true,
    };
    const struct socket_address address = socket_test_ip("127.0.0.1", 0);
    struct socket_address bound;
    struct socket_address again;
    int listeners[2];
    assert_int_equal(socket_listen(&address, &shared, &listeners[0], &bound),
                     0);
    assert_int_equal(socket_listen(&bound, &shared, &listeners[1], &again), 0);
    assert_memory_equal(&bound, &again, sizeof bound);
    socket_close(listeners[0]);
    socket_close(listeners[1]);
}

static void test_socket__nobody_there_is_refused(void **state)
{
    (void)state;
    const struct socket_address address = socket_test_ip("127.0.0.1", 0);
    struct socket_address bound;
    int listener;
    assert_int_equal(
        socket_listen(&address, &socket_test_defaults, &listener, &bound), 0);
    socket_close(listener);
    int client;
    int error = socket_connect(&bound, &client);
    if (error == EINPROGRESS) {
        socket_test_await(client, POLLOUT);
        error = socket_connected(client);
        socket_close(client);
    }
    assert_int_equal(error, ECONNREFUSED);
}

static void test_socket__write_to_a_closed_peer_is_an_error(void **state)
{
    (void)state;
    int fds[2];
    bool listening = true;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(socket_adopt(fds[0], &listening), 0);
    assert_false(listening);
    close(fds[1]);
    // And no signal ends the program.
    const struct view bytes = VIEW("x");
    size_t size = 99;
    assert_int_equal(socket_write(fds[0], &bytes, 1, &size), EPIPE);
    assert_int_equal(size, 99);
    socket_close(fds[0]);
}

static void test_socket__full_peer_takes_part_then_nothing(void **state)
{
    (void)state;
    static uint8_t bytes[65536];
    struct view views[70];
    int fds[2];
    bool listening;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(socket_adopt(fds[0], &listening), 0);
    for (int i = 0; i < 70; i++) {
        views[i] = view_of(bytes, sizeof bytes);
    }
    size_t size = 0;
    assert_int_equal(socket_write(fds[0], views, 70, &size), 0);
    assert_true(size > 0 && size <= 64 * sizeof bytes);
    int error = 0;
    for (int i = 0; i < 1000 && error == 0; i++) {
        error = socket_write(fds[0], views, 70, &size);
    }
    assert_int_equal(error, EAGAIN);
    socket_close(fds[0]);
    socket_close(fds[1]);
}

static void test_socket__more_views_than_one_write_takes(void **state)
{
    (void)state;
    struct view views[100];
    int fds[2];
    bool listening;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(socket_adopt(fds[0], &listening), 0);
    for (int i = 0; i < 100; i++) {
        views[i] = VIEW("ab");
    }
    size_t size = 0;
    assert_int_equal(socket_write(fds[0], views, 100, &size), 0);
    assert_int_equal(size, 128);
    assert_int_equal(socket_write(fds[0], views, 0, &size), 0);
    assert_int_equal(size, 0);
    socket_close(fds[0]);
    socket_close(fds[1]);
}

// Adopted descriptors.

static void test_socket__adopted_ones_are_made_ready(void **state)
{
    (void)state;
    struct sockaddr_in any = {.sin_family = AF_INET};
    bool listening = true;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(socket_adopt(fd, &listening), 0);
    assert_false(listening);
    socket_test_flags(fd);
    assert_true(socket_test_option(fd, IPPROTO_TCP, TCP_NODELAY) != 0);
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(
        bind(fd, (const struct sockaddr *)(const void *)&any, sizeof any), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(socket_adopt(fd, &listening), 0);
    assert_true(listening);
    socket_close(fd);
}

static void test_socket__other_descriptors_are_not_adopted(void **state)
{
    (void)state;
    bool listening;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(socket_adopt(fds[0], &listening), ENOTSOCK);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(socket_adopt(-1, &listening), EBADF);
    int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(socket_adopt(datagrams, &listening), ENOTSOCK);
    close(datagrams);
}

// Unix sockets.

struct socket_test_dir {
    char dir[32];
    char path[64];
};

static void socket_test_dir_make(struct socket_test_dir *place)
{
    (void)snprintf(place->dir, sizeof place->dir, "/tmp/cgrpc.XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    (void)snprintf(place->path, sizeof place->path, "%s/socket", place->dir);
}

static void socket_test_dir_remove(const struct socket_test_dir *place)
{
    (void)unlink(place->path);
    assert_int_equal(rmdir(place->dir), 0);
}

static bool socket_test_exists(const char *path)
{
    struct stat found;
    return lstat(path, &found) == 0;
}

static void test_socket__talk_over_a_path(void **state)
{
    (void)state;
    struct socket_test_dir place;
    struct socket_address bound;
    socket_test_dir_make(&place);
    const struct socket_address address = socket_test_unix(place.path);
    socket_test_talk(&address, &bound);
    assert_true(socket_test_exists(place.path));
    socket_remove_path(&bound);
    assert_false(socket_test_exists(place.path));
    socket_test_dir_remove(&place);
}

static void test_socket__talk_over_an_abstract_name(void **state)
{
    (void)state;
#if defined(__linux__)
    struct socket_address address;
    struct socket_address bound;
    char name[64];
    (void)snprintf(name, sizeof name, "cgrpc-test-%ld", (long)getpid());
    assert_true(
        socket_address_unix(&address, view_of(name, strlen(name)), true));
    socket_test_talk(&address, &bound);
    assert_memory_equal(&address, &bound, sizeof bound);
    socket_remove_path(&bound);
#else
    print_message("no abstract names: this case is left out\n");
#endif
}

static void test_socket__path_left_behind_is_taken_over(void **state)
{
    (void)state;
    struct socket_test_dir place;
    struct socket_address bound;
    int listener;
    socket_test_dir_make(&place);
    const struct socket_address address = socket_test_unix(place.path);
    assert_int_equal(
        socket_listen(&address, &socket_test_defaults, &listener, &bound), 0);
    socket_close(listener);
    assert_true(socket_test_exists(place.path));
    assert_int_equal(
        socket_listen(&address, &socket_test_defaults, &listener, &bound), 0);
    int client;
    assert_int_equal(socket_connect(&address, &client), 0);
    socket_close(client);
    socket_close(listener);
    socket_test_dir_remove(&place);
}

static void test_socket__path_that_answers_is_taken(void **state)
{
    (void)state;
    struct socket_test_dir place;
    struct socket_address bound;
    int listener;
    int other = -7;
    socket_test_dir_make(&place);
    const struct socket_address address = socket_test_unix(place.path);
    assert_int_equal(
        socket_listen(&address, &socket_test_defaults, &listener, &bound), 0);
    assert_int_equal(
        socket_listen(&address, &socket_test_defaults, &other, &bound),
        EADDRINUSE);
    assert_int_equal(other, -7);
    int client;
    assert_int_equal(socket_connect(&address, &client), 0);
    socket_close(client);
    socket_close(listener);
    socket_test_dir_remove(&place);
}

static void test_socket__file_that_is_no_socket_is_kept(void **state)
{
    (void)state;
    struct socket_test_dir place;
    struct socket_address bound;
    int listener;
    socket_test_dir_make(&place);
    int file = open(place.path, O_CREAT | O_WRONLY, 0600);
    assert_true(file >= 0);
    close(file);
    const struct socket_address address = socket_test_unix(place.path);
    assert_int_equal(
        socket_listen(&address, &socket_test_defaults, &listener, &bound),
        EADDRINUSE);
    socket_remove_path(&address);
    assert_true(socket_test_exists(place.path));
    socket_test_dir_remove(&place);
}

static void test_socket__missing_folder_is_told(void **state)
{
    (void)state;
    struct socket_test_dir place;
    struct socket_address bound;
    int listener;
    socket_test_dir_make(&place);
    socket_test_dir_remove(&place);
    const struct socket_address address = socket_test_unix(place.path);
    assert_int_equal(
        socket_listen(&address, &socket_test_defaults, &listener, &bound),
        ENOENT);
    assert_int_equal(socket_connect(&address, &listener), ENOENT);
}

static void test_socket__peer_without_a_name_has_a_text(void **state)
{
    (void)state;
    int fds[2];
    struct socket_address peer;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(socket_peer(fds[0], &peer), 0);
    socket_test_text(&peer, "unix:");
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(socket_peer(-1, &peer), EBADF);
    assert_int_equal(socket_local(-1, &peer), EBADF);
}

// Processes.

static void socket_test_no_process(int fd)
{
    uint32_t uid = 7;
    uint32_t gid = 7;
    int32_t pid = 7;
    assert_false(socket_peer_process(fd, &uid, &gid, &pid));
}

// socket_test_process: where the system tells no process, pid is 0.
static void socket_test_process(int fd, uint32_t uid, uint32_t gid, pid_t pid)
{
    uint32_t found_uid = UINT32_MAX;
    uint32_t found_gid = UINT32_MAX;
    int32_t found_pid = -1;
    assert_true(socket_peer_process(fd, &found_uid, &found_gid, &found_pid));
    assert_int_equal(found_uid, uid);
    assert_int_equal(found_gid, gid);
#if defined(__linux__)
    assert_int_equal(found_pid, pid);
#else
    (void)pid;
    assert_int_equal(found_pid, 0);
#endif
}

static void test_socket__pair_is_of_one_process(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    socket_test_process(fds[0], geteuid(), getegid(), getpid());
    socket_test_process(fds[1], geteuid(), getegid(), getpid());
    socket_close(fds[0]);
    socket_close(fds[1]);
}

// socket_test_visitor connects as another process, of another user if it may,
// and stays until the other end of the pipe is closed.
static pid_t socket_test_visitor(const struct socket_address *address,
                                 uint32_t user, int stay, int other_end)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int fd;
        char byte;
        close(other_end);
        bool fine = (geteuid() != 0 ||
                     (setgid((gid_t)user) == 0 && setuid((uid_t)user) == 0)) &&
                    socket_connect(address, &fd) == 0;
        _exit(fine && read(stay, &byte, 1) == 0 ? 0 : 1);
    }
    close(stay);
    return pid;
}

static void test_socket__kernel_tells_the_process_of_a_path(void **state)
{
    (void)state;
    struct socket_test_dir place;
    struct socket_address bound;
    struct socket_address peer;
    int listener;
    int server;
    int stay[2];
    socket_test_dir_make(&place);
    assert_int_equal(chmod(place.dir, 0755), 0);
    const struct socket_address address = socket_test_unix(place.path);
    assert_int_equal(
        socket_listen(&address, &socket_test_defaults, &listener, &bound), 0);
    assert_int_equal(chmod(place.path, 0666), 0);
    // It listens: there is no peer, although the system would name us.
    socket_test_no_process(listener);
    assert_int_equal(pipe(stay), 0);
    uint32_t user = geteuid() == 0 ? 12345 : geteuid();
    uint32_t group = geteuid() == 0 ? 12345 : getegid();
    pid_t visitor = socket_test_visitor(&address, user, stay[0], stay[1]);
    socket_test_await(listener, POLLIN);
    assert_int_equal(socket_accept(listener, &server, &peer), 0);
    socket_test_process(server, user, group, visitor);
    // It is who connected, also when that one has gone.
    close(stay[1]);
    int status;
    assert_int_equal(waitpid(visitor, &status, 0), visitor);
    assert_int_equal(status, 0);
#if defined(__linux__)
    socket_test_process(server, user, group, visitor);
#endif
    socket_close(server);
    socket_close(listener);
    socket_test_dir_remove(&place);
}

// The client, which has no name, learns whose server it has reached.
static void test_socket__client_is_told_the_server(void **state)
{
    (void)state;
    struct socket_test_dir place;
    struct socket_address bound;
    int listener;
    int client;
    int server;
    socket_test_dir_make(&place);
    const struct socket_address address = socket_test_unix(place.path);
    assert_int_equal(
        socket_listen(&address, &socket_test_defaults, &listener, &bound), 0);
    socket_test_connect(&bound, listener, &client, &server);
    socket_test_process(client, geteuid(), getegid(), getpid());
    socket_close(client);
    socket_close(server);
    socket_close(listener);
    socket_test_dir_remove(&place);
}

static void test_socket__other_sockets_have_no_process(void **state)
{
    (void)state;
    const struct socket_address any = socket_test_ip("127.0.0.1", 0);
    struct socket_address bound;
    int listener;
    int client;
    int server;
    int fds[2];
    assert_int_equal(
        socket_listen(&any, &socket_test_defaults, &listener, &bound), 0);
    socket_test_connect(&bound, listener, &client, &server);
    socket_test_no_process(client);
    socket_test_no_process(server);
    socket_test_no_process(listener);
    socket_close(client);
    socket_close(server);
    socket_close(listener);
    assert_int_equal(pipe(fds), 0);
    socket_test_no_process(fds[0]);
    close(fds[0]);
    close(fds[1]);
    socket_test_no_process(fds[0]);
    socket_test_no_process(-1);
    int unconnected = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(unconnected >= 0);
    socket_test_no_process(unconnected);
    socket_close(unconnected);
}

// Errors.

static void test_socket__errors_have_words(void **state)
{
    (void)state;
    char text[128];
    socket_error_text(ECONNREFUSED, text, sizeof text);
    assert_string_equal(text, strerror(ECONNREFUSED));
    socket_error_text(ENOENT, text, sizeof text);
    assert_string_equal(text, strerror(ENOENT));
    errno = 5;
    socket_error_text(123456, text, sizeof text);
    assert_true(strlen(text) > 0);
    memset(text, 'x', sizeof text);
    socket_error_text(ECONNREFUSED, text, 5);
    assert_int_equal(strlen(text), 4);
    assert_memory_equal(text, strerror(ECONNREFUSED), 4);
    socket_error_text(ECONNREFUSED, text, 1);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_socket__numeric_hosts_are_parsed),
        cmocka_unit_test(test_socket__other_hosts_are_refused),
        cmocka_unit_test(test_socket__scopes_are_names_or_numbers),
        cmocka_unit_test(test_socket__port_can_be_changed),
        cmocka_unit_test(test_socket__paths_have_a_longest),
        cmocka_unit_test(test_socket__abstract_names_may_have_any_byte),
        cmocka_unit_test(test_socket__inproc_is_no_address_of_a_socket),
        cmocka_unit_test(test_socket__vsock_has_two_numbers),
        cmocka_unit_test(test_socket__no_address_has_a_text),
        cmocka_unit_test(test_socket__talk_over_ip4),
        cmocka_unit_test(test_socket__talk_over_ip6),
#if defined(__linux__)
        cmocka_unit_test(test_socket__talk_over_vsock),
#endif
        cmocka_unit_test(test_socket__both_families_share_a_port),
        cmocka_unit_test(test_socket__taken_port_is_told),
        cmocka_unit_test(test_socket__reused_port_is_shared),
        cmocka_unit_test(test_socket__nobody_there_is_refused),
        cmocka_unit_test(test_socket__write_to_a_closed_peer_is_an_error),
        cmocka_unit_test(test_socket__full_peer_takes_part_then_nothing),
        cmocka_unit_test(test_socket__more_views_than_one_write_takes),
        cmocka_unit_test(test_socket__adopted_ones_are_made_ready),
        cmocka_unit_test(test_socket__other_descriptors_are_not_adopted),
        cmocka_unit_test(test_socket__talk_over_a_path),
        cmocka_unit_test(test_socket__talk_over_an_abstract_name),
        cmocka_unit_test(test_socket__path_left_behind_is_taken_over),
        cmocka_unit_test(test_socket__path_that_answers_is_taken),
        cmocka_unit_test(test_socket__file_that_is_no_socket_is_kept),
        cmocka_unit_test(test_socket__missing_folder_is_told),
        cmocka_unit_test(test_socket__peer_without_a_name_has_a_text),
        cmocka_unit_test(test_socket__pair_is_of_one_process),
        cmocka_unit_test(test_socket__kernel_tells_the_process_of_a_path),
        cmocka_unit_test(test_socket__client_is_told_the_server),
        cmocka_unit_test(test_socket__other_sockets_have_no_process),
        cmocka_unit_test(test_socket__errors_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
