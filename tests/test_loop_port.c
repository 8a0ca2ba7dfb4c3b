// SPDX-License-Identifier: MIT
#include "tests/unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop/loop.h"

// The system's port is the functions of loop_socket.h: a byte goes through.
static void test_loop_port__system(void **state)
{
    (void)state;
    const struct loop_port *port = loop_system_port();
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    const struct view sent = VIEW("hello");
    size_t size = 0;
    assert_int_equal(port->write(port->user, fds[0], &sent, 1, &size), 0);
    assert_int_equal(size, 5);
    port->close_write(port->user, fds[0]);
    uint8_t buffer[8];
    assert_int_equal(
        port->read(port->user, fds[1], buffer, sizeof buffer, &size), 0);
    assert_int_equal(size, 5);
    assert_memory_equal(buffer, "hello", 5);
    assert_int_equal(
        port->read(port->user, fds[1], buffer, sizeof buffer, &size), 0);
    assert_int_equal(size, 0);
    port->close(port->user, fds[0]);
    port->close(port->user, fds[1]);
    assert_int_equal(close(fds[0]), -1);
}

static void test_loop_port__connect(void **state)
{
    (void)state;
    const struct loop_port *port = loop_system_port();
    struct socket_address address;
    struct socket_address bound;
    int listener = -1;
    int fd = -1;
    assert_true(socket_address_ip(&address, "127.0.0.1", 0));
    const struct socket_listen_options options = {0, false};
    assert_int_equal(socket_listen(&address, &options, &listener, &bound), 0);
    int error = port->connect(port->user, &bound, &fd);
    assert_true(error == 0 || error == EINPROGRESS);
    struct socket_address peer;
    int accepted = -1;
    assert_int_equal(socket_accept(listener, &accepted, &peer), 0);
    assert_int_equal(port->connected(port->user, fd), 0);
    port->close(port->user, fd);
    port->close(port->user, accepted);
    port->close(port->user, listener);
}

// What is sent on a TCP connection and not acknowledged makes it fail in time.
static void test_loop_port__gives_up(void **state)
{
    (void)state;
    const struct loop_port *port = loop_system_port();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    port->give_up_after(port->user, fd, 20000);
#if defined(TCP_USER_TIMEOUT)
    int value = 0;
    socklen_t size = sizeof value;
    assert_int_equal(
        getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &size), 0);
    assert_int_equal(value, 20000);
#endif
    port->close(port->user, fd);
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    port->give_up_after(port->user, fds[0], UINT32_MAX); // nothing happens
    port->close(port->user, fds[0]);
    port->close(port->user, fds[1]);
}

static uint64_t port_fixed_us(void *user)
{
    return *(const uint64_t *)user;
}

// A loop on another port has the port's time.
static void test_loop_port__own_clock(void **state)
{
    (void)state;
    uint64_t now = 1000000;
    struct loop_port port = *loop_system_port();
    port.user = &now;
    port.now_us = port_fixed_us;
    struct test_heap heap;
    static struct loop loop;
    test_heap_init(&heap);
    assert_true(loop_init(&loop, &heap.allocator, &port, NULL));
    struct loop_timer timer = {.kind = 1};
    struct loop_event event;
    loop_timer_start(&loop, &timer, 1500);
    assert_true(loop_wait(&loop, 0));
    assert_false(loop_next(&loop, &event));
    now = 1500999;
    assert_true(loop_wait(&loop, 0));
    assert_true(loop_next(&loop, &event));
    assert_int_equal(event.type, LOOP_EVENT_TIMER);
    assert_int_equal(loop.now_ms, 1500);
    assert_int_equal(loop.now_us, 1500999);
    loop_fini(&loop);
    assert_true(test_heap_is_clean(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop_port__system),
        cmocka_unit_test(test_loop_port__connect),
        cmocka_unit_test(test_loop_port__gives_up),
        cmocka_unit_test(test_loop_port__own_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
