// SPDX-License-Identifier: MIT

#define _POSIX_C_SOURCE 200809L

#include "tests/h2spec/wire.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "loop/loop_socket.h"

enum { WIRE_VIEWS = 64 };

int64_t wire_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool wire_start(struct wire *wire, int fd, struct h2_shared *shared,
                const struct h2_options *options)
{
    wire->fd = fd;
    wire->state = WIRE_OPEN;
    wire->reason = NULL;
    wire->rest = view_of(NULL, 0);
    return h2_conn_init(&wire->h2, shared, options);
}

void wire_stop(struct wire *wire)
{
    socket_close(wire->fd);
    h2_conn_fini(&wire->h2);
}

short wire_interest(const struct wire *wire)
{
    bool wants_input = wire->rest.size == 0;
    bool has_output = h2_output_size(&wire->h2) > 0;
    return (short)((wants_input ? POLLIN : 0) | (has_output ? POLLOUT : 0));
}

// ---- The end ----------------------------------------------------------------

static void wire_end(struct wire *wire, const char *reason)
{
    wire->state = WIRE_OVER;
    if (wire->reason == NULL) {
        wire->reason = reason;
    }
}

// wire_linger: closing now, with input that nobody has read, would make the
// system send a reset that overtakes our GOAWAY.
static void wire_linger(struct wire *wire, const char *reason)
{
    wire->state = WIRE_LINGERING;
    wire->reason = reason;
    wire->linger_ends = wire_now() + wire->linger_ms;
}

void wire_check_time(struct wire *wire, int64_t now)
{
    if (wire->state == WIRE_LINGERING && now >= wire->linger_ends) {
        wire_end(wire, NULL);
    }
}

// ---- In and out -------------------------------------------------------------

static void wire_read(struct wire *wire)
{
    size_t size = 0;
    int error = socket_read(wire->fd, wire->input, sizeof wire->input, &size);
    if (error == EAGAIN || error == EINTR) {
        return;
    }
    if (error != 0) {
        wire_end(wire, "the socket failed");
    } else if (size > 0) {
        wire->rest = view_of(wire->input, size);
    } else if (wire->state == WIRE_LINGERING) {
        wire_end(wire, NULL);
    } else {
        h2_close_input(&wire->h2, "the peer closed the connection");
    }
}

// wire_feed gives input to the engine, and its events to the handler, until it
// wants more input or has no room for what it would have to say.
static void wire_feed(struct wire *wire)
{
    enum h2_result result = H2_EVENT;
    while (result == H2_EVENT && wire->state == WIRE_OPEN) {
        struct h2_event event;
        size_t used = 0;
        result = h2_recv(&wire->h2, wire->rest, &used, &event);
        wire->rest = view_skip(wire->rest, used);
        if (event.type == H2_EVENT_CLOSED) {
            wire_linger(wire, event.reason);
        } else if (result == H2_EVENT) {
            wire->handler(wire, &event);
        }
        h2_check(&wire->h2);
    }
    if (wire->state == WIRE_LINGERING) {
        wire->rest = view_of(NULL, 0);
    }
}

// wire_write returns how much it has sent.
static size_t wire_write(struct wire *wire)
{
    struct view views[WIRE_VIEWS];
    size_t total = 0;
    while (wire->state != WIRE_OVER && h2_output_size(&wire->h2) > 0) {
        size_t sent = 0;
        size_t count = h2_output_peek(&wire->h2, views, WIRE_VIEWS);
        int error = socket_write(wire->fd, views, count, &sent);
        if (error == EAGAIN) {
            break;
        }
        if (error != 0 && error != EINTR) {
            wire_end(wire, "the socket failed");
        }
        h2_output_consume(&wire->h2, sent);
        total += sent;
    }
    return total;
}

void wire_turn(struct wire *wire, short ready)
{
    if ((ready & (POLLIN | POLLHUP | POLLERR)) != 0 && wire->rest.size == 0) {
        wire_read(wire);
    }
    // What has been sent makes room: for events that were due, and for input
    // that had to wait.
    do {
        wire_feed(wire);
    } while (wire_write(wire) > 0);
    if (wire->state == WIRE_LINGERING && h2_output_size(&wire->h2) == 0) {
        socket_close_write(wire->fd);
    }
}
