// SPDX-License-Identifier: MIT

#include "core/conn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "core/limits.h"

enum {
    CONN_VIEWS = 64,        // chunks per write
    CONN_REASON_TEXT = 320, // an address, a phase, an errno in words
};

static bool conn_may_follow(enum conn_state from, enum conn_state to)
{
    static const uint8_t conn_next[] = {
        [CONN_CONNECTING] = 1 << CONN_HANDSHAKE | 1 << CONN_CLOSED,
        [CONN_HANDSHAKE] =
            1 << CONN_READY | 1 << CONN_LINGERING | 1 << CONN_CLOSED,
        [CONN_READY] = 1 << CONN_LINGERING | 1 << CONN_CLOSED,
        [CONN_LINGERING] = 1 << CONN_CLOSED,
        [CONN_CLOSED] = 0,
    };
    return (conn_next[from] >> to & 1) != 0;
}

static void conn_set_state(struct conn *conn, enum conn_state state)
{
    ASSERT(conn_may_follow(conn->state, state));
    conn->state = state;
    (void)conn_may_follow;
}

bool conn_is_over(const struct conn *conn)
{
    return conn->state == CONN_LINGERING || conn->state == CONN_CLOSED;
}

struct conn *conn_new(struct grpc_loop *loop, const struct conn_role *role,
                      void *owner, const struct socket_address *peer)
{
    struct conn *conn = alloc_zeroed(&loop->allocator, sizeof *conn);
    if (conn == NULL) {
        return NULL;
    }
    conn->loop = loop;
    conn->role = role;
    conn->owner = owner;
    conn->state = CONN_CONNECTING;
    conn->source = (struct loop_source){.kind = RUN_CONN, .fd = -1};
    conn->timer.kind = RUN_CONN;
    list_init(&conn->calls);
    list_init(&conn->orphans);
    if (peer != NULL) {
        conn->peer = *peer;
    }
    return conn;
}

void conn_free(struct conn *conn)
{
    ASSERT(conn->state == CONN_CLOSED);
    ASSERT(list_is_empty(&conn->calls));
    struct grpc_loop *loop = conn->loop;
    list_remove(&conn->link_work);
    list_remove(&conn->link_owner);
    alloc_free(&loop->allocator, conn, sizeof *conn);
}

// ---- The end of a connection ------------------------------------------------

// conn_clean leaves printable ASCII alone: a peer's text goes into messages,
// which are UTF-8 and may be printed.
static void conn_clean(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < 0x20 || *text > 0x7e) {
            *text = '?';
        }
    }
}

// conn_keep_farewell remembers why the peer said GOAWAY, for the reason that
// the calls are told when it then closes. Without memory they are told less.
static void conn_keep_farewell(struct conn *conn, const struct h2_event *event)
{
    if (conn->farewell != NULL ||
        (event->code == H2_NO_ERROR && event->debug.size == 0)) {
        return;
    }
    char text[CONN_REASON_TEXT];
    int size =
        snprintf(text, sizeof text, "GOAWAY %s \"%.*s\"",
                 h2_code_name(event->code), (int)event->debug.size,
                 event->debug.size == 0 ? "" : (const char *)event->debug.data);
    if (size < 0 || (size_t)size >= sizeof text) {
        return;
    }
    conn->farewell = alloc_new(&conn->loop->allocator, (size_t)size + 1);
    if (conn->farewell != NULL) {
        conn->farewell_size = (size_t)size + 1;
        memcpy(conn->farewell, text, conn->farewell_size);
        conn_clean(conn->farewell);
    }
}

static void conn_drop_farewell(struct conn *conn)
{
    alloc_free(&conn->loop->allocator, conn->farewell, conn->farewell_size);
    conn->farewell = NULL;
    conn->farewell_size = 0;
}

// conn_tell_closed is the one place that tells the role.
static void conn_tell_closed(struct conn *conn, const char *reason)
{
    char text[2 * CONN_REASON_TEXT];
    if (conn->farewell != NULL) {
        (void)snprintf(text, sizeof text, "%s; the peer had sent %s", reason,
                       conn->farewell);
        reason = text;
    }
    run_log(conn->loop, GRPC_LOG_INFO, "%s", reason);
    conn->role->closed(conn, reason);
    ASSERT(list_is_empty(&conn->calls));
}

static void conn_drop_held(struct conn *conn)
{
    alloc_free(&conn->loop->allocator, conn->held, conn->held_size);
    conn->held = NULL;
    conn->held_size = 0;
}

// conn_shut gives everything back but the struct itself, which reap frees.
static void conn_shut(struct conn *conn)
{
    struct grpc_loop *loop = conn->loop;
    bool has_engine = conn->state != CONN_CONNECTING;
    conn_set_state(conn, CONN_CLOSED);
    loop_timer_stop(&loop->loop, &conn->timer);
    loop_unwatch(&loop->loop, &conn->source);
    if (conn->source.fd >= 0) {
        loop->loop.port->close(loop->loop.port->user, conn->source.fd);
        conn->source.fd = -1;
    }
    if (has_engine) {
        h2_conn_fini(&conn->h2);
    }
    conn_drop_held(conn);
    conn_drop_farewell(conn);
    list_remove(&conn->link_owner);
    list_remove(&conn->link_work);
    list_append(&loop->dead, &conn->link_work);
    conn->role->gone(conn);
}

void conn_close(struct conn *conn, const char *format, ...)
{
    if (conn->state == CONN_CLOSED) {
        return;
    }
    if (!conn_is_over(conn)) {
        char reason[CONN_REASON_TEXT];
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(reason, sizeof reason, format, arguments);
        va_end(arguments);
        conn_tell_closed(conn, reason);
    }
    if (conn->state != CONN_CLOSED) {
        conn_shut(conn);
    }
}

// conn_linger: the calls are over, but the peer should still get what is in
// the output, a GOAWAY above all. Closing a socket with unread input would
// destroy that, so input is read and dropped until the peer has closed.
static void conn_linger(struct conn *conn, const char *reason)
{
    conn_set_state(conn, CONN_LINGERING);
    conn_drop_held(conn);
    loop_timer_start(&conn->loop->loop, &conn->timer,
                     run_due(conn->loop, CORE_LINGER_MS));
    conn_tell_closed(conn, reason);
    conn_wake(conn);
}

// conn_on_closed: the engine has closed the connection.
static void conn_on_closed(struct conn *conn, const struct h2_event *event)
{
    char peer[SOCKET_ADDRESS_TEXT];
    char reason[CONN_REASON_TEXT];
    socket_address_text(&conn->peer, peer);
    if (event->code == H2_NO_ERROR) {
        (void)snprintf(reason, sizeof reason, "connection to %s closed: %s",
                       peer, event->reason);
    } else {
        (void)snprintf(reason, sizeof reason,
                       "connection to %s closed: HTTP/2 %s: %s", peer,
                       h2_code_name(event->code), event->reason);
    }
    conn_linger(conn, reason);
}

// ---- Input ------------------------------------------------------------------

static void conn_on_settings(struct conn *conn)
{
    if (conn->state == CONN_HANDSHAKE) {
        conn_set_state(conn, CONN_READY);
        loop_timer_stop(&conn->loop->loop, &conn->timer);
    }
    conn->role->ready(conn);
}

static void conn_dispatch(struct conn *conn, const struct h2_event *event)
{
    switch (event->type) {
    case H2_EVENT_HEADERS:
        conn->role->headers(conn, event);
        break;
    case H2_EVENT_DATA:
        conn->role->data(conn, event);
        break;
    case H2_EVENT_RESET:
        conn->role->reset(conn, event);
        break;
    case H2_EVENT_WRITABLE:
        conn->role->writable(conn, event);
        break;
    case H2_EVENT_GOAWAY:
        conn_keep_farewell(conn, event);
        conn->role->goaway(conn, event);
        break;
    case H2_EVENT_SETTINGS:
        conn_on_settings(conn);
        break;
    case H2_EVENT_CLOSED:
        conn_on_closed(conn, event);
        break;
    case H2_EVENT_PING_ACK:
    case H2_EVENT_NONE:
        break;
    }
}

// conn_hold keeps input that cannot be answered yet, and stops reading until
// output has been sent.
static void conn_hold(struct conn *conn, struct view input)
{
    if (input.size > 0) {
        uint8_t *held = alloc_new(&conn->loop->allocator, input.size);
        if (held == NULL) {
            conn_close(conn, "out of memory");
            return;
        }
        memcpy(held, input.data, input.size);
        conn->held = held;
        conn->held_size = input.size;
    }
}

// conn_feed is the walk of a byte: input into the engine, its events to the
// role, one at a time.
static void conn_feed(struct conn *conn, struct view input)
{
    while (!conn_is_over(conn)) {
        struct h2_event event;
        size_t used = 0;
        enum h2_result result = h2_recv(&conn->h2, input, &used, &event);
        input = view_skip(input, used);
        if (result == H2_EVENT) {
            conn_dispatch(conn, &event);
        } else if (result == H2_IDLE) {
            break;
        } else {
            conn_hold(conn, input);
            break;
        }
    }
    if (conn->state != CONN_CLOSED && h2_output_size(&conn->h2) > 0) {
        conn_wake(conn);
    }
}

// conn_feed_held goes on with input that was held back.
static void conn_feed_held(struct conn *conn)
{
    uint8_t *held = conn->held;
    size_t size = conn->held_size;
    conn->held = NULL;
    conn->held_size = 0;
    conn_feed(conn, view_of(held, size));
    alloc_free(&conn->loop->allocator, held, size);
}

static void conn_fail_socket(struct conn *conn, const char *phase, int error)
{
    char peer[SOCKET_ADDRESS_TEXT];
    char text[128];
    socket_address_text(&conn->peer, peer);
    socket_error_text(error, text, sizeof text);
    conn_close(conn, "%s %s: %s", phase, peer, text);
}

static void conn_read(struct conn *conn)
{
    size_t size = 0;
    const struct loop_port *port = conn->loop->loop.port;
    int error = port->read(port->user, conn->source.fd, conn->loop->input,
                           CORE_INPUT_BYTES, &size);
    if (error == EAGAIN || error == EINTR) {
        return;
    }
    if (error != 0) {
        conn_fail_socket(conn, "read from", error);
    } else if (conn->state == CONN_LINGERING) {
        if (size == 0) {
            conn_close(conn, "the peer closed the connection");
        }
    } else if (size == 0) {
        h2_close_input(&conn->h2, "the peer closed the connection");
        conn_feed(conn, view_of(NULL, 0));
    } else {
        conn_feed(conn, view_of(conn->loop->input, size));
    }
}

// ---- Output -----------------------------------------------------------------

void conn_wake(struct conn *conn)
{
    if (!list_is_linked(&conn->link_work)) {
        list_append(&conn->loop->dirty, &conn->link_work);
    }
}

// conn_watch sets what the socket is watched for; a connection whose input is
// held back is not read.
static void conn_watch(struct conn *conn, bool writable)
{
    unsigned events = writable ? LOOP_WRITABLE : 0;
    if (conn->held == NULL) {
        events |= LOOP_READABLE;
    }
    if (conn->source.watched != events || conn->source.slot == 0) {
        if (!loop_watch(&conn->loop->loop, &conn->source, events)) {
            conn_fail_socket(conn, "watch", conn->loop->loop.error);
        }
    }
}

// conn_write sends until all is sent or the system takes no more; false when
// the connection has failed.
static bool conn_write(struct conn *conn)
{
    const struct loop_port *port = conn->loop->loop.port;
    while (h2_output_size(&conn->h2) > 0) {
        struct view views[CONN_VIEWS];
        size_t count = h2_output_peek(&conn->h2, views, CONN_VIEWS);
        size_t sent = 0;
        int error =
            port->write(port->user, conn->source.fd, views, count, &sent);
        if (error == EAGAIN) {
            return true;
        }
        if (error != 0 && error != EINTR) {
            conn_fail_socket(conn, "write to", error);
            return false;
        }
        h2_output_consume(&conn->h2, sent);
    }
    return true;
}

// conn_end_when_done closes a connection that was told to finish, or that
// lingers, when nothing is left to do on it.
static void conn_end_when_done(struct conn *conn)
{
    if (h2_output_size(&conn->h2) > 0) {
        return;
    }
    if (conn->state == CONN_LINGERING) {
        if (!conn->write_shut) {
            conn->write_shut = true;
            const struct loop_port *port = conn->loop->loop.port;
            port->close_write(port->user, conn->source.fd);
        }
    } else if (conn->finishing && conn->h2.stream_count == 0) {
        conn_linger(conn, "connection finished");
    }
}

void conn_flush(struct conn *conn)
{
    if (conn->state == CONN_CONNECTING || conn->state == CONN_CLOSED ||
        !conn_write(conn)) {
        return;
    }
    bool stuck = h2_output_size(&conn->h2) > 0;
    if (!stuck && conn->held != NULL) {
        conn_feed_held(conn);
    } else if (!conn_is_over(conn) &&
               (!stuck || conn->h2.state == H2_CONN_CLOSED)) {
        // Room in the output may have made events due, and a send that found
        // no memory has closed the engine.
        conn_feed(conn, view_of(NULL, 0));
    }
    if (conn->state != CONN_CLOSED) {
        conn_end_when_done(conn);
    }
    if (conn->state != CONN_CLOSED) {
        conn_watch(conn, stuck);
    }
}

// ---- Beginning --------------------------------------------------------------

int conn_connect(struct conn *conn, uint32_t timeout_ms)
{
    const struct loop_port *port = conn->loop->loop.port;
    int fd = -1;
    int error = port->connect(port->user, &conn->peer, &fd);
    if (error != 0 && error != EINPROGRESS) {
        return error;
    }
    conn->source.fd = fd;
    if (!loop_watch(&conn->loop->loop, &conn->source, LOOP_WRITABLE)) {
        conn->source.fd = -1;
        port->close(port->user, fd);
        return conn->loop->loop.error;
    }
    loop_timer_start(&conn->loop->loop, &conn->timer,
                     run_due(conn->loop, timeout_ms));
    return 0;
}

int conn_start(struct conn *conn, int fd, const struct h2_options *options,
               uint32_t timeout_ms)
{
    struct grpc_loop *loop = conn->loop;
    if (!h2_conn_init(&conn->h2, &loop->h2, options)) {
        return ENOMEM;
    }
    conn->source.fd = fd;
    if (!loop_watch(&loop->loop, &conn->source, LOOP_READABLE)) {
        conn->source.fd = -1;
        h2_conn_fini(&conn->h2);
        return loop->loop.error;
    }
    conn_set_state(conn, CONN_HANDSHAKE);
    loop_timer_start(&loop->loop, &conn->timer, run_due(loop, timeout_ms));
    conn_wake(conn);
    return 0;
}

// conn_on_connected: a client's socket is connected, or has failed.
static void conn_on_connected(struct conn *conn)
{
    const struct loop_port *port = conn->loop->loop.port;
    int error = port->connected(port->user, conn->source.fd);
    if (error == 0) {
        struct h2_options options = h2_options_default(false);
        if (!h2_conn_init(&conn->h2, &conn->loop->h2, &options)) {
            error = ENOMEM;
        }
    }
    if (error != 0) {
        conn_fail_socket(conn, "connect to", error);
        return;
    }
    conn_set_state(conn, CONN_HANDSHAKE);
    conn_wake(conn);
}

void conn_finish(struct conn *conn, struct view debug)
{
    if (conn_is_over(conn) || conn->finishing) {
        return;
    }
    if (conn->state == CONN_CONNECTING) {
        conn_close(conn, "not needed any more");
        return;
    }
    conn->finishing = true;
    if (!h2_goaway(&conn->h2, conn->h2.last_peer_id, H2_NO_ERROR, debug)) {
        conn_close(conn, "out of memory");
        return;
    }
    conn_wake(conn);
}

// ---- Events of the loop -----------------------------------------------------

void conn_on_source(struct conn *conn, unsigned ready)
{
    if (conn->state == CONN_CONNECTING) {
        conn_on_connected(conn);
        return;
    }
    if ((ready & LOOP_WRITABLE) != 0) {
        conn_wake(conn);
    }
    if ((ready & (LOOP_READABLE | LOOP_FAILED)) != 0 && conn->held == NULL) {
        conn_read(conn);
    } else if ((ready & LOOP_FAILED) != 0) {
        conn_wake(conn); // the next write tells what has failed
    }
}

void conn_on_timer(struct conn *conn)
{
    char peer[SOCKET_ADDRESS_TEXT];
    socket_address_text(&conn->peer, peer);
    if (conn->state == CONN_CONNECTING) {
        conn_close(conn, "connect to %s: timed out", peer);
    } else if (conn->state == CONN_HANDSHAKE) {
        conn_close(conn, "HTTP/2 with %s: no SETTINGS in time", peer);
    } else {
        conn_close(conn, "connection to %s closed", peer);
    }
}

hpack_hint *conn_path_hint(struct conn *conn, const char *path)
{
    size_t slot = ((uintptr_t)path >> 3) % CONN_PATH_HINTS;
    struct conn_path_hint *hint = &conn->path_hints[slot];
    if (hint->path != path) {
        hint->path = path;
        hint->hint = 0;
    }
    return &hint->hint;
}

void conn_check(const struct conn *conn)
{
    ASSERT((conn->state == CONN_CLOSED) == (conn->source.fd < 0) ||
           conn->state == CONN_CONNECTING);
    ASSERT(!conn_is_over(conn) || list_is_empty(&conn->calls));
    (void)conn;
}
