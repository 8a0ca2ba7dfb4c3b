// SPDX-License-Identifier: MIT

#include "loop/loop_port.h"

#include "loop/loop_clock.h"

static uint64_t system_port_now_us(void *user)
{
    (void)user;
    return loop_clock_us();
}

static int system_port_connect(void *user, const struct socket_address *address,
                               int *out_fd)
{
    (void)user;
    return socket_connect(address, out_fd);
}

static int system_port_connected(void *user, int fd)
{
    (void)user;
    return socket_connected(fd);
}

static int system_port_read(void *user, int fd, uint8_t *buffer, size_t size,
                            size_t *out_size)
{
    (void)user;
    return socket_read(fd, buffer, size, out_size);
}

static int system_port_write(void *user, int fd, const struct view *views,
                             size_t count, size_t *out_size)
{
    (void)user;
    return socket_write(fd, views, count, out_size);
}

static void system_port_give_up_after(void *user, int fd, uint32_t ms)
{
    (void)user;
    socket_give_up_after(fd, ms);
}

static void system_port_close_write(void *user, int fd)
{
    (void)user;
    socket_close_write(fd);
}

static void system_port_close(void *user, int fd)
{
    (void)user;
    socket_close(fd);
}

const struct loop_port *loop_system_port(void)
{
    static const struct loop_port table = {
        .now_us = system_port_now_us,
        .connect = system_port_connect,
        .connected = system_port_connected,
        .read = system_port_read,
        .write = system_port_write,
        .give_up_after = system_port_give_up_after,
        .close_write = system_port_close_write,
        .close = system_port_close,
    };
    return &table;
}
