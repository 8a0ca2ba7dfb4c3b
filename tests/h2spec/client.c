// SPDX-License-Identifier: MIT
// A plain HTTP/2 client on the engine alone, for h2specd, which runs it once
// for each case with the address of a server that misbehaves.
//
//     client LOG http://127.0.0.1:PORT/
//
// It makes one request, and stays until the server closes or says GOAWAY. To
// LOG it adds all that it has to say, a line beginning with "ended" last: h2specd
// shows nothing of it and does not look at how it ends.

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/heap.h"
#include "base/view.h"
#include "loop/loop_socket.h"
#include "tests/h2spec/wire.h"

enum {
    CLIENT_LIMIT_MS = 5000, // h2specd gives a case less
    CLIENT_STEP_MS = 20,
    // When a case has passed with our GOAWAY, h2specd closes a second later;
    // there is nothing to wait for.
    CLIENT_LINGER_MS = 100,
};

static void send_request(struct h2_conn *conn)
{
    const struct h2_field fields[] = {
        {.field = {.name = VIEW(":method"), .value = VIEW("POST")}},
        {.field = {.name = VIEW(":scheme"), .value = VIEW("http")}},
        {.field = {.name = VIEW(":path"), .value = VIEW("/")}},
        {.field = {.name = VIEW(":authority"), .value = VIEW("127.0.0.1")}},
    };
    struct h2_stream *stream = h2_open(conn, NULL);
    if (stream != NULL && h2_send_headers(conn, stream, fields, 4, false) &&
        h2_send_data(conn, stream, VIEW("hello"), true)) {
        return;
    }
    fprintf(stderr, "out of memory\n");
    exit(1);
}

static void on_event(struct wire *wire, const struct h2_event *event)
{
    struct h2_conn *conn = &wire->h2;
    if (event->type == H2_EVENT_DATA) {
        h2_credit(conn, event->stream, event->data.size);
    }
    if (event->type == H2_EVENT_RESET ||
        (event->stream != NULL && event->end_stream)) {
        h2_release(conn, event->stream);
    }
}

// is_dismissed: the server has said goodbye, and nothing of ours is left.
static bool is_dismissed(const struct h2_conn *conn)
{
    return conn->goaway_received && conn->stream_count == 0 &&
           h2_output_size(conn) == 0;
}

static int dial(const char *url)
{
    unsigned port = 0;
    int fd = -1;
    struct socket_address address;
    if (sscanf(url, "http://127.0.0.1:%5u/", &port) != 1 || port > 65535 ||
        !socket_address_ip(&address, "127.0.0.1", (uint16_t)port)) {
        return -1;
    }
    int error = socket_connect(&address, &fd);
    return error == 0 || error == EINPROGRESS ? fd : -1;
}

static void stay(struct wire *wire)
{
    int64_t limit = wire_now() + CLIENT_LIMIT_MS;
    while (wire->state != WIRE_OVER && !is_dismissed(&wire->h2)) {
        struct pollfd polled = {
            .fd = wire->fd,
            .events = wire_interest(wire),
        };
        if (poll(&polled, 1, CLIENT_STEP_MS) > 0) {
            wire_turn(wire, polled.revents);
        }
        int64_t now = wire_now();
        wire_check_time(wire, now);
        if (now >= limit) {
            fprintf(stderr, "out of time\n");
            return;
        }
    }
}

static int run(const char *url)
{
    static struct wire wire = {
        .handler = on_event,
        .linger_ms = CLIENT_LINGER_MS,
    };
    grpc_allocator allocator = heap_allocator();
    struct h2_options options = h2_options_default(false);
    struct h2_shared shared;
    int fd = dial(url);
    h2_shared_init(&shared, &allocator);
    if (fd < 0 || !wire_start(&wire, fd, &shared, &options)) {
        fprintf(stderr, "cannot connect to %s\n", url);
        return 1;
    }
    send_request(&wire.h2);
    stay(&wire);
    fprintf(stderr, "ended: %s: %s\n", url,
            wire.reason != NULL ? wire.reason : "GOAWAY");
    wire_stop(&wire);
    h2_shared_fini(&shared);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 3 || freopen(argv[1], "a", stderr) == NULL) {
        fprintf(stderr, "usage: client LOG http://127.0.0.1:PORT/\n");
        return 2;
    }
    return run(argv[2]);
}
