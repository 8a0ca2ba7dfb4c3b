// SPDX-License-Identifier: MIT

#include "core/conn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "core/call.h"
#include "core/conn_life.h"
#include "core/conn_open.h"
#include "core/conn_secure.h"
#include "core/conn_wire.h"
#include "core/inproc.h"
#include "core/limits.h"

enum {
    CONN_DELAY_MAX_MS = INT32_MAX - 2, // 24 days
};

static bool conn_may_follow(enum conn_state from, enum conn_state to)
{
    static const uint8_t conn_next[] = {
        [CONN_CONNECTING] = 1 << CONN_TUNNEL | 1 << CONN_SECURING |
                            1 << CONN_HANDSHAKE | 1 << CONN_CLOSED,
        [CONN_TUNNEL] =
            1 << CONN_SECURING | 1 << CONN_HANDSHAKE | 1 << CONN_CLOSED,
        [CONN_SECURING] =
            1 << CONN_HANDSHAKE | 1 << CONN_LINGERING | 1 << CONN_CLOSED,
        [CONN_HANDSHAKE] =
            1 << CONN_READY | 1 << CONN_LINGERING | 1 << CONN_CLOSED,
        [CONN_READY] = 1 << CONN_LINGERING | 1 << CONN_CLOSED,
        [CONN_LINGERING] = 1 << CONN_CLOSED,
        [CONN_CLOSED] = 0,
    };
    return (conn_next[from] >> to & 1) != 0;
}

void conn_set_state(struct conn *conn, enum conn_state state)
{
    bool was_securing = conn->state == CONN_SECURING;
    ASSERT(conn_may_follow((enum conn_state)conn->state, state));
    conn->state = (uint8_t)state;
    (void)conn_may_follow;
    if (was_securing) {
        conn_secure_leave(conn);
    }
}

// conn_has_engine: HTTP/2 has begun.
static bool conn_has_engine(const struct conn *conn)
{
    return conn->h2.shared != NULL;
}

bool conn_is_over(const struct conn *conn)
{
    return conn->state >= CONN_LINGERING;
}

static size_t conn_size(const struct conn *conn)
{
    return offsetof(struct conn, peer_bytes) + conn->peer_size +
           (conn->in_process ? sizeof(struct conn *) : 0);
}

struct conn *conn_new(struct grpc_loop *loop, const struct conn_role *role,
                      void *owner, const struct conn_rules *rules,
                      const struct socket_address *peer)
{
    ASSERT(peer->size <= sizeof peer->storage);
    bool in_process = socket_address_is_inproc(peer);
    size_t partner_size = in_process ? sizeof(struct conn *) : 0;
    struct conn *conn =
        alloc_zeroed(&loop->allocator, offsetof(struct conn, peer_bytes) +
                                           peer->size + partner_size);
    if (conn == NULL) {
        return NULL;
    }
    conn->loop = loop;
    conn->role = role;
    conn->owner = owner;
    conn->h2.limits = &rules->limits; // and keeps them
    conn->state = CONN_CONNECTING;
    conn->source = (struct loop_source){.kind = RUN_CONN, .fd = -1};
    conn->timer.kind = RUN_CONN;
    conn->in_process = in_process;
    list_init(&conn->calls);
    list_init(&conn->orphans);
    conn->peer_size = (uint8_t)peer->size;
    memcpy(conn->peer_bytes, &peer->storage, peer->size);
    return conn;
}

void conn_peer(const struct conn *conn, struct socket_address *out)
{
    out->size = conn->peer_size;
    memcpy(&out->storage, conn->peer_bytes, conn->peer_size);
}

void conn_peer_text(const struct conn *conn, char text[SOCKET_ADDRESS_TEXT])
{
    struct socket_address peer;
    conn_peer(conn, &peer);
    socket_address_text(&peer, text);
}

void conn_drop_tunnel(struct conn *conn)
{
    tunnel_free(conn->tunnel, &conn->loop->allocator);
    conn->tunnel = NULL;
}

void conn_discard(struct conn *conn)
{
    // (What belongs to HTTP/2 is gone with its engine.)
    conn_drop_tunnel(conn);
    conn_secure_drop(conn);
    if (conn->client_hints != NULL) {
        alloc_free(&conn->loop->allocator, conn->client_hints,
                   sizeof *conn->client_hints);
    }
    alloc_free(&conn->loop->allocator, conn, conn_size(conn));
}

void conn_free(struct conn *conn)
{
    ASSERT(conn->state == CONN_CLOSED);
    ASSERT(list_is_empty(&conn->calls));
    list_remove(&conn->link_work);
    list_remove(&conn->link_owner);
    conn_discard(conn);
}

// ---- Time limits ------------------------------------------------------------

// conn_arm sets the timer for the first of the time limits.
static void conn_arm(struct conn *conn)
{
    struct loop *loop = &conn->loop->loop;
    uint64_t now_ms = run_now(conn->loop);
    uint64_t first_ms = UINT64_MAX;
    for (size_t i = 0; i < CONN_DUES; i++) {
        if ((conn->waits & 1u << i) != 0) {
            // The low bits are enough: no limit is half of their range away.
            int32_t left_ms = (int32_t)(conn->due_ms[i] - (uint32_t)now_ms);
            uint64_t due_ms = left_ms > 0 ? now_ms + (uint32_t)left_ms : now_ms;
            first_ms = due_ms < first_ms ? due_ms : first_ms;
        }
    }
    if (conn->waits == 0) {
        loop_timer_stop(loop, &conn->timer);
    } else {
        loop_timer_start(loop, &conn->timer, first_ms);
    }
}

bool conn_waits_for(const struct conn *conn, enum conn_due which)
{
    return (conn->waits & 1u << which) != 0;
}

void conn_wait_until(struct conn *conn, enum conn_due which, uint32_t due_ms)
{
    conn->due_ms[which] = due_ms;
    conn->waits |= (uint8_t)(1u << which);
    conn_arm(conn);
}

void conn_wait_for(struct conn *conn, enum conn_due which, uint32_t delay_ms)
{
    uint32_t delay =
        delay_ms < CONN_DELAY_MAX_MS ? delay_ms : CONN_DELAY_MAX_MS;
    conn_wait_until(conn, which, (uint32_t)run_due(conn->loop, delay));
}

void conn_wait_no_more(struct conn *conn, enum conn_due which)
{
    if (conn_waits_for(conn, which)) {
        conn->waits &= (uint8_t) ~(1u << which);
        conn_arm(conn);
    }
}

// conn_is_due: that time limit has passed.
static bool conn_is_due(const struct conn *conn, enum conn_due which)
{
    return conn_waits_for(conn, which) &&
           (int32_t)(conn->due_ms[which] - conn_now_ms(conn)) <= 0;
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

// conn_goaway_text is a GOAWAY in words, with as much of its debug data as there
// is room for.
static void conn_goaway_text(const struct h2_event *event,
                             char text[CONN_REASON_TEXT])
{
    (void)snprintf(text, CONN_REASON_TEXT, "GOAWAY %s \"%.*s\"",
                   h2_code_name(event->code), (int)event->debug.size,
                   event->debug.size == 0 ? ""
                                          : (const char *)event->debug.data);
    conn_clean(text);
}

static void conn_drop_farewell(struct conn *conn)
{
    char *farewell = conn->client_hints->farewell;
    if (farewell != NULL) {
        alloc_free(&conn->loop->allocator, farewell, strlen(farewell) + 1);
        conn->client_hints->farewell = NULL;
    }
}

// conn_keep_farewell remembers why the peer said GOAWAY, for the reason that
// the calls are told when it then closes: the first error, or else what it said
// first; more of either costs nothing. Without memory they are told less.
static void conn_keep_farewell(struct conn *conn, const struct h2_event *event)
{
    struct conn_client_hints *hints = conn->client_hints;
    bool is_error = event->code != H2_NO_ERROR;
    if (conn->h2.is_server || hints->farewell_is_error ||
        (!is_error && (event->debug.size == 0 || hints->farewell != NULL))) {
        return;
    }
    char text[CONN_REASON_TEXT];
    conn_goaway_text(event, text);
    char *farewell = alloc_new(&conn->loop->allocator, strlen(text) + 1);
    if (farewell != NULL) {
        memcpy(farewell, text, strlen(text) + 1);
        conn_drop_farewell(conn);
        hints->farewell = farewell;
        hints->farewell_is_error = is_error;
    }
}

// conn_log_goaway: a peer that goes away because of an error says which, and is
// heard once. That of a server is about this program; clients are many.
static void conn_log_goaway(struct conn *conn, const struct h2_event *event)
{
    if (event->code == H2_NO_ERROR || conn->finishing || conn->has_complained) {
        return;
    }
    conn->has_complained = true;
    char peer[SOCKET_ADDRESS_TEXT];
    char text[CONN_REASON_TEXT];
    conn_peer_text(conn, peer);
    conn_goaway_text(event, text);
    run_log(conn->loop, conn->h2.is_server ? GRPC_LOG_INFO : GRPC_LOG_WARNING,
            "the %s, %s, sent %s", conn->h2.is_server ? "client" : "server",
            peer, text);
}

const char *conn_farewell(const struct conn *conn)
{
    return conn_has_engine(conn) && !conn->h2.is_server
               ? conn->client_hints->farewell
               : NULL;
}

// conn_tell_closed is the one place that tells the role.
static void conn_tell_closed(struct conn *conn, const char *reason)
{
    char text[2 * CONN_REASON_TEXT];
    const char *farewell = conn_farewell(conn);
    if (farewell != NULL) {
        (void)snprintf(text, sizeof text, "%s; the peer had sent %s", reason,
                       farewell);
        reason = text;
    }
    run_log(conn->loop, GRPC_LOG_INFO, "%s", reason);
    conn->role->closed(conn, reason);
    ASSERT(list_is_empty(&conn->calls));
}

static void conn_free_held(struct conn *conn, struct conn_held *held)
{
    if (held != NULL) {
        alloc_free(&conn->loop->allocator, held,
                   sizeof(struct conn_held) + held->size);
    }
}

static void conn_drop_held(struct conn *conn)
{
    conn_free_held(conn, conn->held);
    conn->held = NULL;
}

// conn_shut gives everything back but the struct itself, which reap frees.
static void conn_shut(struct conn *conn)
{
    struct grpc_loop *loop = conn->loop;
    bool has_engine = conn_has_engine(conn);
    conn_set_state(conn, CONN_CLOSED);
    for (size_t i = 0; i < CONN_DUES; i++) {
        conn_wait_no_more(conn, (enum conn_due)i);
    }
    conn_wire_close(conn);
    conn_secure_drop(conn);
    if (has_engine) {
        h2_conn_fini(&conn->h2);
        conn_drop_held(conn);
    } else {
        conn_drop_tunnel(conn);
    }
    if (has_engine && conn->h2.is_server) {
        call_names_drop(&loop->allocator, conn->names);
        conn->names = NULL;
    } else if (has_engine) {
        conn_drop_farewell(conn);
    }
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
    list_remove(&conn->link_work);
    conn_drop_held(conn);
    conn->waits = 0;
    conn_wait_for(conn, CONN_DUE_STATE, CORE_LINGER_MS);
    conn_tell_closed(conn, reason);
    conn_wake(conn);
}

void conn_leave(struct conn *conn, const char *reason)
{
    if (conn->write_error != 0) {
        conn_close(conn, "%s", reason);
    } else {
        conn_linger(conn, reason);
    }
}

// conn_on_closed: the engine has closed the connection.
static void conn_on_closed(struct conn *conn, const struct h2_event *event)
{
    char peer[SOCKET_ADDRESS_TEXT];
    char reason[CONN_REASON_TEXT];
    conn_peer_text(conn, peer);
    if (event->code == H2_NO_ERROR && conn->write_error != 0) {
        conn_wire_say(conn, "write to", conn->write_error, reason);
    } else if (event->code == H2_NO_ERROR) {
        (void)snprintf(reason, sizeof reason, "connection to %s closed: %s",
                       peer, event->reason);
    } else {
        (void)snprintf(reason, sizeof reason,
                       "connection to %s closed: HTTP/2 %s: %s", peer,
                       h2_code_name(event->code), event->reason);
    }
    conn_leave(conn, reason);
}

// ---- Input ------------------------------------------------------------------

static void conn_on_settings(struct conn *conn)
{
    if (conn->state == CONN_HANDSHAKE) {
        conn_set_state(conn, CONN_READY);
        conn_wait_no_more(conn, CONN_DUE_STATE);
        conn_life_begin(conn);
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
        conn_log_goaway(conn, event);
        conn->role->goaway(conn, event);
        break;
    case H2_EVENT_SETTINGS:
        conn_on_settings(conn);
        break;
    case H2_EVENT_CLOSED:
        conn_on_closed(conn, event);
        break;
    case H2_EVENT_PING:
        conn_life_on_ping(conn);
        break;
    case H2_EVENT_PING_ACK:
        conn_life_on_ping_ack(conn, event);
        break;
    case H2_EVENT_NONE:
        break;
    }
}

// conn_hold keeps input that is not dealt with now, behind what is kept, and
// stops reading until it has been.
static void conn_hold(struct conn *conn, struct view input)
{
    const struct conn_held *old = conn->held;
    size_t left = old == NULL ? 0 : old->size - old->used;
    struct conn_held *held = alloc_new(
        &conn->loop->allocator, sizeof(struct conn_held) + left + input.size);
    if (held == NULL) {
        conn_close(conn, "out of memory");
        return;
    }
    held->size = left + input.size;
    held->used = 0;
    if (left > 0) {
        memcpy(held->bytes, old->bytes + old->used, left);
    }
    memcpy(held->bytes + left, input.data, input.size);
    conn_drop_held(conn);
    conn->held = held;
}

// conn_obey does what the peer's rates call for; false when no more of its
// input is to be dealt with now.
static bool conn_obey(struct conn *conn, enum flood_answer answer)
{
    switch (answer) {
    case FLOOD_FINE:
        return true;
    case FLOOD_DELAY:
        conn_wait_for(conn, CONN_DUE_PAUSE, conn->h2.limits->delay_ms);
        conn_wake(conn); // to watch the socket no more
        return false;
    case FLOOD_END:
        h2_close(&conn->h2, H2_ENHANCE_YOUR_CALM,
                 "too many useless frames or early resets");
        break;
    }
    return true;
}

// conn_count takes what the engine has counted since the last time.
static bool conn_count(struct conn *conn)
{
    struct h2_conn *h2 = &conn->h2;
    if (LIKELY((h2->glitches | h2->resets) == 0)) {
        return true;
    }
    enum flood_answer answer =
        flood_count(&conn->flood, conn->h2.limits, h2->glitches, h2->resets,
                    conn->loop->loop.now_ms);
    h2->glitches = 0;
    h2->resets = 0;
    return h2->state == H2_CONN_CLOSED || conn_obey(conn, answer);
}

// conn_has_turn counts new calls; false when others have their turn now.
static inline bool conn_has_turn(struct conn *conn, uint32_t *streams)
{
    if (LIKELY(++*streams < conn->h2.limits->streams_per_turn)) {
        return true;
    }
    conn_wake(conn); // the rest is for the next flush
    return false;
}

// conn_is_counted: the event may be one of a flood, that is dealt with before
// the rest of the input is.
static inline bool conn_is_counted(const struct h2_event *event)
{
    return event->type == H2_EVENT_RESET || event->type == H2_EVENT_SETTINGS;
}

// conn_goes_on: the next event is to be asked for.
static inline bool conn_goes_on(struct conn *conn, enum h2_result result,
                                const struct h2_event *event, uint32_t *streams)
{
    if (LIKELY(result == H2_EVENT)) {
        if (event->type == H2_EVENT_HEADERS) {
            return event->headers != H2_HEADERS_REQUEST ||
                   conn_has_turn(conn, streams);
        }
        return !conn_is_counted(event) || conn_count(conn);
    }
    // Counting may close the engine, which then has one more event.
    bool was_open = conn->h2.state != H2_CONN_CLOSED;
    bool may_go_on = conn_count(conn);
    return may_go_on && was_open && conn->h2.state == H2_CONN_CLOSED;
}

// conn_settle_settings follows the acknowledgement of our SETTINGS.
static void conn_settle_settings(struct conn *conn)
{
    bool waits = conn_waits_for(conn, CONN_DUE_STATE);
    if (conn->state != CONN_READY || waits == conn->h2.settings_unacked) {
        return;
    }
    if (waits) {
        conn_wait_no_more(conn, CONN_DUE_STATE);
    } else {
        conn_wait_for(conn, CONN_DUE_STATE, conn->h2.limits->settings_ack_ms);
    }
}

// conn_watch_reading has somebody look, some time later, whether what has begun
// to arrive does. The time is not taken back when it has: that is found out
// then, and costs a busy connection nothing.
static inline void conn_watch_reading(struct conn *conn)
{
    bool begun = !list_is_empty(&conn->calls) || conn->h2.spill_size > 0;
    if (UNLIKELY(begun) && conn->h2.is_server && conn->state == CONN_READY &&
        !conn_waits_for(conn, CONN_DUE_READ)) {
        conn_wait_for(conn, CONN_DUE_READ, conn->h2.limits->request_stall_ms);
    }
}

// conn_feed is the walk of a byte: input into the engine, its events to the
// role, one at a time. It returns the input that is for later.
static struct view conn_feed(struct conn *conn, struct view input)
{
    uint32_t streams = 0;
    bool more = !conn_is_over(conn);
    while (more) {
        struct h2_event event;
        size_t used = 0;
        enum h2_result result = h2_recv(&conn->h2, input, &used, &event);
        input = view_skip(input, used);
        if (LIKELY(result == H2_EVENT)) {
            conn_dispatch(conn, &event);
        }
        if (UNLIKELY(conn_is_over(conn))) {
            break;
        }
        more = conn_goes_on(conn, result, &event, &streams);
    }
    if (conn->state != CONN_CLOSED) {
        conn_settle_settings(conn);
        conn_watch_reading(conn);
        if (h2_output_size(&conn->h2) > 0) {
            conn_wake(conn);
        }
    }
    return UNLIKELY(conn_is_over(conn)) ? view_of(NULL, 0) : input;
}

// conn_feed_none has the events given that are due without any input.
static void conn_feed_none(struct conn *conn)
{
    struct view left = conn_feed(conn, view_of(NULL, 0));
    ASSERT(left.size == 0);
    (void)left;
}

// conn_feed_held goes on with input that was held back. What is left of it
// stays where it is: a flood that is slowed down costs no copies.
static void conn_feed_held(struct conn *conn)
{
    struct conn_held *held = conn->held;
    struct view input = view_of(held->bytes, held->size);
    conn->held = NULL;
    struct view left = conn_feed(conn, view_skip(input, held->used));
    if (left.size == 0) {
        conn_free_held(conn, held);
        return;
    }
    held->used = held->size - left.size;
    conn->held = held;
}

void conn_take(struct conn *conn, struct view input)
{
    conn->received = conn_add(conn->received, input.size);
    conn->keepalive.read_ms = conn_now_ms(conn);
    conn->behind = input.size == CORE_INPUT_BYTES;
    struct view left = input;
    if (LIKELY(conn->held == NULL)) {
        left = conn_feed(conn, input);
    }
    if (UNLIKELY(left.size > 0)) {
        conn_hold(conn, left);
    }
}

// conn_end_input: the peer's bytes have ended, or are not waited for any more.
static void conn_end_input(struct conn *conn)
{
    h2_close_input(&conn->h2, conn_wire_end_reason(conn));
    conn_feed_none(conn);
}

// conn_follow_secure: records have been read. The end of their session is read,
// too, though the socket has nothing more.
static void conn_follow_secure(struct conn *conn)
{
    conn->behind = conn->secure->behind;
    if (conn_secure_is_due(conn)) {
        conn_wake(conn);
    }
}

// conn_read_none is conn_read when nothing came that is of use: size bytes, or an
// errno.
static bool conn_read_none(struct conn *conn, int error, size_t size)
{
    if (error == EAGAIN || error == ECANCELED) {
        return false;
    }
    if (error == EINTR) {
        if (conn->secure != NULL) {
            conn_follow_secure(conn);
        }
        return true; // there may be something
    }
    if (error == EPROTO && conn->secure != NULL) {
        conn_secure_fail_read(conn);
    } else if (error != 0 && conn->write_error == 0) {
        conn_wire_fail(conn, "read from", error);
    } else if (conn->state != CONN_LINGERING) {
        conn_end_input(conn);
    } else if (size == 0) {
        conn_close(conn, "the peer closed the connection");
    }
    return true;
}

bool conn_read(struct conn *conn)
{
    size_t size = 0;
    int error = conn_wire_read(conn, &size);
    if (error != 0 || size == 0 || conn->state == CONN_LINGERING) {
        return conn_read_none(conn, error, size);
    }
    conn_take(conn, view_of(conn->loop->input, size));
    if (UNLIKELY(conn->secure != NULL)) {
        conn_follow_secure(conn);
    }
    return true;
}

// ---- Output -----------------------------------------------------------------

void conn_wake(struct conn *conn)
{
    if (!list_is_linked(&conn->link_work)) {
        list_append(&conn->loop->dirty, &conn->link_work);
    }
}

// conn_is_open_to_input: a connection whose input is held back, or that has to
// wait, is not read. (Inline, as every turn asks for that.)
static inline bool conn_is_open_to_input(const struct conn *conn)
{
    return conn->held == NULL && !conn_waits_for(conn, CONN_DUE_PAUSE) &&
           (LIKELY(conn->secure == NULL) || !conn_secure_is_full(conn));
}

bool conn_may_read(const struct conn *conn)
{
    return conn_is_open_to_input(conn);
}

// conn_end_when_done closes a connection that was told to finish, or that
// lingers, when nothing is left to do on it.
static void conn_end_when_done(struct conn *conn)
{
    if (conn_wire_has_output(conn)) {
        return;
    }
    if (conn->state == CONN_LINGERING) {
        if (!conn->write_shut) {
            conn->write_shut = true;
            conn_wire_close_write(conn);
        }
    } else if (conn->finishing && conn->h2.stream_count == 0) {
        conn_leave(conn, "connection finished");
    }
}

// conn_watch_writing begins or ends to measure how fast the peer takes what
// waits for it.
static void conn_watch_writing(struct conn *conn, bool stuck)
{
    if (conn_is_over(conn) || stuck == conn_waits_for(conn, CONN_DUE_WRITE)) {
        return;
    }
    if (stuck) {
        conn->written = 0;
        conn_wait_for(conn, CONN_DUE_WRITE, conn->h2.limits->write_stall_ms);
    } else if (conn->write_error == 0) {
        conn_wait_no_more(conn, CONN_DUE_WRITE);
    }
}

void conn_flush(struct conn *conn)
{
    if (conn_is_opening(conn) || conn->state == CONN_CLOSED ||
        !conn_wire_write(conn)) {
        return;
    }
    bool stuck = conn_wire_has_output(conn);
    bool paused = conn_waits_for(conn, CONN_DUE_PAUSE);
    if (!stuck && !paused && conn->held != NULL) {
        conn_feed_held(conn);
    } else if (!conn_is_over(conn) &&
               (!stuck || conn->h2.state == H2_CONN_CLOSED)) {
        // Room in the output may have made events due, and a send that found
        // no memory has closed the engine.
        conn_feed_none(conn);
    }
    if (conn->state != CONN_CLOSED) {
        conn_end_when_done(conn);
    }
    if (conn->state != CONN_CLOSED) {
        conn_watch_writing(conn, stuck);
        conn_wire_watch(conn,
                        (stuck ? LOOP_WRITABLE : 0u) |
                            (conn_is_open_to_input(conn) ? LOOP_READABLE : 0u));
    }
    if (UNLIKELY(conn->secure != NULL) && conn_secure_is_due(conn) &&
        conn_is_open_to_input(conn)) {
        (void)conn_read(conn);
    }
    if (UNLIKELY(conn->has_waiting) && conn->state != CONN_CLOSED) {
        conn->role->flushed(conn);
    }
}

// ---- Leaving ----------------------------------------------------------------

void conn_finish(struct conn *conn, struct view debug)
{
    if (conn_is_over(conn) || conn->finishing) {
        return;
    }
    if (conn_is_opening(conn)) {
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

// conn_on_failure: it would be reported again and again, so what is left is read
// now, whatever it waits for.
static void conn_on_failure(struct conn *conn)
{
    conn_wait_no_more(conn, CONN_DUE_PAUSE);
    if (!conn_is_open_to_input(conn)) {
        conn_wake(conn); // the next write tells what has failed
    } else if (!conn_read(conn) && conn->write_error != 0) {
        conn_end_input(conn); // there is no more
    }
}

void conn_on_source(struct conn *conn, unsigned ready)
{
    if (conn_is_opening(conn)) {
        conn_open_on_source(conn, ready);
        return;
    }
    if ((ready & LOOP_WRITABLE) != 0) {
        conn_wake(conn);
    }
    if (UNLIKELY((ready & LOOP_FAILED) != 0)) {
        conn_on_failure(conn);
    } else if ((ready & LOOP_READABLE) != 0 && conn_is_open_to_input(conn)) {
        (void)conn_read(conn);
    }
}

// conn_end_by closes the connection for what the peer has not done in time.
static void conn_end_by(struct conn *conn, enum h2_code code,
                        const char *reason)
{
    h2_close(&conn->h2, code, reason);
    conn_feed_none(conn);
}

static void conn_on_state_due(struct conn *conn)
{
    char peer[SOCKET_ADDRESS_TEXT];
    conn_peer_text(conn, peer);
    switch ((enum conn_state)conn->state) {
    case CONN_CONNECTING:
        conn_close(conn, "%s %s: timed out", conn_open_phase(conn), peer);
        break;
    case CONN_TUNNEL:
        conn_close(conn, "proxy %s: no answer in time", peer);
        break;
    case CONN_SECURING:
        conn_close(conn, "TLS with %s: %s", peer, conn_secure_late_words(conn));
        break;
    case CONN_HANDSHAKE:
        conn_close(conn, "HTTP/2 with %s: no SETTINGS in time", peer);
        break;
    case CONN_READY:
        if (conn_is_open_to_input(conn)) {
            conn_end_by(conn, H2_SETTINGS_TIMEOUT,
                        "SETTINGS are not acknowledged in time");
        } else { // or they are, in what waits to be read
            conn_wait_for(conn, CONN_DUE_STATE,
                          conn->h2.limits->settings_ack_ms);
        }
        break;
    case CONN_LINGERING:
        conn_close(conn, "connection to %s closed", peer);
        break;
    case CONN_CLOSED:
        break;
    }
}

static void conn_on_pause_due(struct conn *conn)
{
    enum flood_answer answer =
        flood_resume(&conn->flood, conn->h2.limits, conn->loop->loop.now_ms);
    if (conn_obey(conn, answer)) {
        conn_wake(conn); // held input, and then reading, go on
    }
}

// conn_on_read_due: a frame or header block that had begun to arrive a time ago
// and still is not there, though hardly anything else was sent meanwhile, holds
// memory. What we do not read ourselves, or not yet, is not the peer's fault.
static void conn_on_read_due(struct conn *conn)
{
    if (conn->state == CONN_SECURING) {
        conn_secure_on_wait_due(conn);
        return;
    }
    const grpc_limits *limits = conn->h2.limits;
    uint64_t least = limits_least_bytes(limits, limits->request_stall_ms);
    bool is_slow = conn->received < least;
    bool was_cut = conn->frame_was_cut;
    conn->received = 0;
    conn->frame_was_cut = conn->h2.spill_size > 0;
    if (!conn_is_open_to_input(conn) || conn->behind) {
        conn->frame_was_cut = false;
        conn->behind = false; // until the next read
    } else if (was_cut && conn->frame_was_cut && is_slow) {
        conn_end_by(conn, H2_ENHANCE_YOUR_CALM,
                    "a frame does not arrive in time");
        return;
    } else {
        conn->role->overdue(conn);
    }
    conn_watch_reading(conn);
}

static void conn_on_write_due(struct conn *conn)
{
    const grpc_limits *limits = conn->h2.limits;
    uint64_t least = limits_least_bytes(limits, limits->write_stall_ms);
    if (conn->write_error != 0) {
        conn_end_input(conn);
        return;
    }
    // If it was we who have slept, the system takes more now.
    if (!conn_wire_write(conn)) {
        return;
    }
    conn_wake(conn); // for what follows a write
    if (!conn_wire_has_output(conn)) {
        return;
    }
    if (conn->written < least) {
        conn_end_by(conn, H2_ENHANCE_YOUR_CALM,
                    "the peer does not take what it asked for");
        return;
    }
    conn->written = 0;
    conn_wait_for(conn, CONN_DUE_WRITE, limits->write_stall_ms);
}

// conn_on_ask_due: what we do not read ourselves is no silence of the peer's, and
// what it has sent may wait behind the timer.
static void conn_on_ask_due(struct conn *conn)
{
    if (!conn_is_open_to_input(conn)) {
        conn->keepalive.read_ms = conn_now_ms(conn);
    } else if (conn->keepalive.asked) {
        (void)conn_read(conn);
    }
    if (!conn_is_over(conn)) {
        conn_life_on_ask_due(conn);
    }
}

void conn_on_timer(struct conn *conn)
{
    static void (*const conn_on_due[CONN_DUES])(struct conn * conn) = {
        [CONN_DUE_STATE] = conn_on_state_due,
        [CONN_DUE_PAUSE] = conn_on_pause_due,
        [CONN_DUE_WRITE] = conn_on_write_due,
        [CONN_DUE_READ] = conn_on_read_due,
        [CONN_DUE_ASK] = conn_on_ask_due,
        [CONN_DUE_LEAVE] = conn_life_on_leave_due,
        [CONN_DUE_AGE] = conn_life_on_age_due,
    };
    for (size_t i = 0; i < CONN_DUES && conn->state != CONN_CLOSED; i++) {
        if (conn_is_due(conn, (enum conn_due)i)) {
            conn_wait_no_more(conn, (enum conn_due)i);
            conn_on_due[i](conn);
        }
    }
    if (conn->waits != 0) {
        conn_arm(conn); // it may be so late that the low bits tell nothing
    }
}

hpack_hint *conn_path_hint(struct conn *conn, const char *path)
{
    size_t slot = ((uintptr_t)path >> 3) % CONN_PATH_HINTS;
    struct conn_path_hint *hint = &conn->client_hints->paths[slot];
    if (hint->path != path) {
        hint->path = path;
        hint->hint = 0;
    }
    return &hint->hint;
}

void conn_check(const struct conn *conn)
{
    ASSERT((conn->state == CONN_CLOSED) == (conn->source.fd < 0) ||
           conn->state == CONN_CONNECTING || conn->in_process);
    if (conn->in_process) {
        inproc_check(conn);
    }
    if (conn->secure != NULL) {
        conn_secure_check(conn);
    }
    ASSERT(!conn_is_over(conn) || list_is_empty(&conn->calls));
    uint64_t assembling = 0;
    uint32_t waits = 0;
    LIST_EACH (link, after, &conn->calls) {
        const struct grpc_call *call = LIST_OWNER(link, struct grpc_call, link);
        ASSERT(!call->assembly_waits || call->assembling == 0);
        assembling += call->assembling;
        waits += call->assembly_waits ? 1 : 0;
    }
    ASSERT(assembling == conn->assembling);
    ASSERT(waits == conn->assembly_waits);
    (void)conn;
    (void)assembling;
    (void)waits;
}
