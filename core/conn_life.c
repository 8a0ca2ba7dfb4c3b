// SPDX-License-Identifier: MIT

#include "core/conn_life.h"

#include "base/assert.h"
#include "core/limits.h"

// ---- Whether the peer is there ----------------------------------------------

// What our PINGs hold; those of h2_bdp.c begin with another word.
static const uint8_t conn_life_alive[8] = {'k', 'e', 'e', 'p',
                                           'a', 'l', 'i', 'v'};
static const uint8_t conn_life_goodbye[8] = {'g', 'r', 'a', 'c',
                                             'e', 'f', 'u', 'l'};

// conn_life_require closes the engine, which tells it later, when there was no
// memory for what has to be sent.
static void conn_life_require(struct conn *conn, bool sent)
{
    if (!sent) {
        h2_close(&conn->h2, H2_INTERNAL_ERROR, "out of memory");
    }
    conn_wake(conn);
}

static void conn_life_lose_peer(struct conn *conn)
{
    char peer[SOCKET_ADDRESS_TEXT];
    conn_peer_text(conn, peer);
    conn_close(conn,
               "connection to %s closed: keepalive: nothing came back within "
               "%lu ms",
               peer, (unsigned long)conn_rules_of(conn)->keepalive_timeout_ms);
}

static void conn_life_follow(struct conn *conn, enum keepalive_answer answer,
                             uint32_t due_ms)
{
    switch (answer) {
    case KEEPALIVE_ASK:
        conn_life_require(conn, h2_ping(&conn->h2, conn_life_alive));
        conn_wait_until(conn, CONN_DUE_ASK, due_ms);
        break;
    case KEEPALIVE_WAIT:
        conn_wait_until(conn, CONN_DUE_ASK, due_ms);
        break;
    case KEEPALIVE_GONE:
        conn_life_lose_peer(conn);
        break;
    case KEEPALIVE_REST:
        break;
    }
}

void conn_ask_again(struct conn *conn)
{
    uint32_t due_ms = 0;
    enum keepalive_answer answer =
        keepalive_wake(&conn->keepalive, conn_rules_of(conn),
                       (uint32_t)run_now(conn->loop), &due_ms);
    conn_life_follow(conn, answer, due_ms);
}

// conn_life_may_rest: a client without calls has no use for the connection now.
static bool conn_life_may_rest(const struct conn *conn)
{
    return !conn->h2.is_server && list_is_empty(&conn->calls) &&
           !conn_rules_of(conn)->keepalive_without_calls;
}

void conn_life_begin(struct conn *conn)
{
    const struct conn_rules *rules = conn_rules_of(conn);
    if (rules->keepalive_ms != GRPC_NEVER && conn_life_may_rest(conn)) {
        conn->keepalive.dormant = true;
    } else if (rules->keepalive_ms != GRPC_NEVER) {
        conn_ask_again(conn);
    }
    if (rules->max_idle_ms != GRPC_NEVER && conn->drain == CONN_DRAIN_NONE) {
        conn->h2.rest_ms = conn_now_ms(conn);
        conn_wait_for(conn, CONN_DUE_LEAVE, rules->max_idle_ms);
    }
    if (rules->max_age_ms != GRPC_NEVER) {
        uint32_t jitter_ms = rules->max_age_ms / 100 * CORE_AGE_JITTER_PERCENT;
        uint32_t more_ms = run_random(conn->loop) % (2 * jitter_ms + 1);
        conn_wait_for(conn, CONN_DUE_AGE,
                      rules->max_age_ms - jitter_ms + more_ms);
    }
}

void conn_life_on_ask_due(struct conn *conn)
{
    uint32_t due_ms = conn->due_ms[CONN_DUE_ASK];
    enum keepalive_answer answer = keepalive_due(
        &conn->keepalive, conn_rules_of(conn), conn_life_may_rest(conn), due_ms,
        conn_now_ms(conn), &due_ms);
    conn_life_follow(conn, answer, due_ms);
}

void conn_life_on_ping(struct conn *conn)
{
    if (keepalive_pinged(&conn->keepalive, conn_rules_of(conn),
                         h2_spoke(&conn->h2), conn->h2.stream_count > 0,
                         conn_now_ms(conn))) {
        h2_close(&conn->h2, H2_ENHANCE_YOUR_CALM, "too_many_pings");
    }
}

// ---- A server leaves --------------------------------------------------------

static const char *const conn_life_words[] = {
    [CONN_DRAIN_NONE] = "",
    [CONN_DRAIN_STOP] = "graceful_stop",
    [CONN_DRAIN_AGE] = "max_age",
    [CONN_DRAIN_IDLE] = "max_idle",
};

static void conn_life_say(struct conn *conn, uint32_t last_id)
{
    const char *words = conn_life_words[conn->drain];
    conn_life_require(conn, h2_goaway(&conn->h2, last_id, H2_NO_ERROR,
                                      view_of(words, strlen(words))));
}

// conn_life_drain_later: who is in a handshake of TLS is told when that is done.
// It may take no longer than the answer to a PING.
static void conn_life_drain_later(struct conn *conn)
{
    uint32_t left_ms = conn->due_ms[CONN_DUE_STATE] - conn_now_ms(conn);
    if (left_ms > CORE_DRAIN_MS) {
        conn_wait_for(conn, CONN_DUE_STATE, CORE_DRAIN_MS);
    }
}

void conn_drain_now(struct conn *conn)
{
    enum conn_drain why = (enum conn_drain)conn->drain;
    conn->drain = CONN_DRAIN_NONE;
    conn_drain(conn, why);
}

void conn_drain(struct conn *conn, enum conn_drain why)
{
    if (conn_is_over(conn) || conn->finishing ||
        conn->drain != CONN_DRAIN_NONE) {
        return;
    }
    conn->drain = (uint8_t)why & 3u;
    if (conn_is_opening(conn)) {
        conn_life_drain_later(conn);
        return;
    }
    conn_life_say(conn, H2_STREAM_ID_MAX);
    conn_life_require(conn, h2_ping(&conn->h2, conn_life_goodbye));
    conn_wait_for(conn, CONN_DUE_LEAVE, CORE_DRAIN_MS);
}

// conn_life_drain_on: the client knows that it is to send no more calls.
static void conn_life_drain_on(struct conn *conn)
{
    conn_wait_no_more(conn, CONN_DUE_LEAVE);
    conn->finishing = true;
    conn_life_say(conn, conn->h2.last_peer_id);
}

void conn_life_on_ping_ack(struct conn *conn, const struct h2_event *event)
{
    if (conn->keepalive.asked &&
        memcmp(event->ping, conn_life_alive, sizeof conn_life_alive) == 0) {
        conn_ask_again(conn);
    }
    if (conn->drain != CONN_DRAIN_NONE && !conn->finishing &&
        memcmp(event->ping, conn_life_goodbye, sizeof conn_life_goodbye) == 0) {
        conn_life_drain_on(conn);
    }
}

// ---- Idle, and old ----------------------------------------------------------

// Idle is counted from the end of the last stream. With one that is open it
// cannot be over sooner than when it is looked at again.
void conn_life_on_leave_due(struct conn *conn)
{
    uint32_t max_ms = conn_rules_of(conn)->max_idle_ms;
    uint32_t idle_ms = conn_now_ms(conn) - conn->h2.rest_ms;
    if (conn->drain != CONN_DRAIN_NONE) {
        conn_life_drain_on(conn);
    } else if (conn->h2.stream_count > 0) {
        conn_wait_for(conn, CONN_DUE_LEAVE, max_ms);
    } else if (idle_ms > max_ms) {
        conn_drain(conn, CONN_DRAIN_IDLE);
    } else {
        conn_wait_until(conn, CONN_DUE_LEAVE, conn->h2.rest_ms + max_ms + 1);
    }
}

void conn_life_on_age_due(struct conn *conn)
{
    uint32_t grace_ms = conn_rules_of(conn)->max_age_grace_ms;
    if (conn->has_aged) {
        char peer[SOCKET_ADDRESS_TEXT];
        conn_peer_text(conn, peer);
        conn_close(conn, "connection to %s closed: max_age, and its grace",
                   peer);
        return;
    }
    conn->has_aged = true;
    conn_drain(conn, CONN_DRAIN_AGE);
    if (grace_ms != GRPC_NEVER && !conn_is_over(conn)) {
        conn_wait_for(conn, CONN_DUE_AGE, grace_ms);
    }
}
