// SPDX-License-Identifier: MIT
// Each limit at its least and at its most, in whole calls: short messages and
// long ones, one after the other and at once. The clock stands still, so that
// limits of time are not met.
#include "tests/unit.h"

#include "tests/pair_kit.h"

enum { ENDS_SHORT = 20, ENDS_LONG = 300000, ENDS_AT_ONCE = 3 };

enum { ENDS_LIMITS = sizeof(grpc_limits) / sizeof(uint32_t) };

static void ends_set(grpc_limits *limits, size_t which, uint32_t value)
{
    memcpy((uint8_t *)limits + which * sizeof value, &value, sizeof value);
}

// ends_range is what a limit may be.
static struct h2_limits_fault ends_range(size_t which)
{
    grpc_limits users = {0};
    grpc_limits out;
    struct h2_limits_fault fault = {.name = NULL};
    ends_set(&users, which, UINT32_MAX);
    assert_false(h2_limits_resolve(&users, &out, &fault));
    return fault;
}

static void ends_join(struct pair *pair, const grpc_limits *server,
                      const grpc_limits *client)
{
    int fds[2];
    pair_init(pair);
    pair->server = grpc_server_new(
        &(grpc_server_options){.loop = pair->server_loop, .limits = *server});
    assert_non_null(pair->server);
    pair_serve(pair, pair_echo_say);
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(pair->server, fds[0]), GRPC_OK);
    pair->channel = grpc_channel_new_fd(
        fds[1],
        &(grpc_channel_options){.loop = pair->client_loop, .limits = *client});
    assert_non_null(pair->channel);
}

// ends_call makes so many calls at once; none may be refused or lost.
static void ends_call(struct pair *pair, const char *text, size_t size,
                      size_t count)
{
    struct pair_echo echoes[ENDS_AT_ONCE];
    for (size_t i = 0; i < count; i++) {
        echoes[i] = (struct pair_echo){.sent = text, .size = size};
        assert_non_null(pair_start(pair->channel, &echoes[i], NULL));
    }
    for (size_t i = 0; i < count; i++) {
        for (int n = 0; n < 20000 && echoes[i].done == 0; n++) {
            pair_step(pair, 0);
        }
        assert_int_equal(echoes[i].done, 1);
        assert_int_equal(echoes[i].code, GRPC_OK);
        assert_true(echoes[i].same);
    }
}

static void ends_run(const char *text, const grpc_limits *server,
                     const grpc_limits *client)
{
    static struct pair pair;
    ends_join(&pair, server, client);
    for (int round = 0; round < 2; round++) {
        ends_call(&pair, text, ENDS_SHORT, 1);
        ends_call(&pair, text, ENDS_SHORT, ENDS_AT_ONCE);
        ends_call(&pair, text, ENDS_LONG, 1);
        ends_call(&pair, text, ENDS_LONG, ENDS_AT_ONCE);
    }
    // A healthy peer is neither counted out nor made to wait.
    const struct conn *conn =
        LIST_OWNER(list_first(&pair.server->conns), struct conn, link_owner);
    assert_int_equal(conn->flood.delays, 0);
    assert_int_equal(channel_ready_conn(pair.channel)->flood.delays, 0);
    conn_check(conn);
    pair_end(&pair);
}

// Each of them alone, on a server and on a client.
static void test_limits_ends__each(void **state)
{
    (void)state;
    const grpc_limits none = {0};
    char *text = pair_text(ENDS_LONG);
    *kit_clock_is_frozen() = true;
    for (size_t i = 0; i < ENDS_LIMITS; i++) {
        struct h2_limits_fault range = ends_range(i);
        const uint32_t ends[] = {range.least, range.most};
        for (size_t end = 0; end < 2; end++) {
            grpc_limits limits = {0};
            print_message("%s %lu\n", range.name, (unsigned long)ends[end]);
            ends_set(&limits, i, ends[end]);
            ends_run(text, &limits, &none);
            ends_run(text, &none, &limits);
        }
    }
    free(text);
}

// All of them, on either side.
static void test_limits_ends__all(void **state)
{
    (void)state;
    grpc_limits ends[2] = {{0}, {0}};
    char *text = pair_text(ENDS_LONG);
    *kit_clock_is_frozen() = true;
    for (size_t i = 0; i < ENDS_LIMITS; i++) {
        struct h2_limits_fault range = ends_range(i);
        ends_set(&ends[0], i, range.least);
        ends_set(&ends[1], i, range.most);
    }
    for (size_t i = 0; i < 4; i++) {
        print_message("server %s, client %s\n", i & 1 ? "most" : "least",
                      i & 2 ? "most" : "least");
        ends_run(text, &ends[i & 1], &ends[i >> 1]);
    }
    free(text);
}

static struct conn *ends_server_conn(struct pair *pair)
{
    return LIST_OWNER(list_first(&pair->server->conns), struct conn,
                      link_owner);
}

// A call that comes while replies wait for the client begins when they do not
// any more; it is not refused.
static void test_limits_ends__replies_wait(void **state)
{
    (void)state;
    static struct pair pair;
    char *text = pair_text(ENDS_LONG);
    struct pair_echo first = {.sent = text, .size = ENDS_LONG};
    struct pair_echo second = {.sent = text, .size = ENDS_SHORT};
    bool has_waited = false;
    *kit_clock_is_frozen() = true;
    ends_join(&pair, &(grpc_limits){.queued_bytes = 1},
              &(grpc_limits){.connection_window_bytes = 65535});
    assert_non_null(pair_start(pair.channel, &first, NULL));
    for (int n = 0;
         n < 20000 && (list_is_empty(&pair.server->conns) ||
                       h2_queued_in_all(&ends_server_conn(&pair)->h2) == 0);
         n++) {
        assert_int_equal(first.done, 0);
        pair_step(&pair, 0);
    }
    assert_non_null(pair_start(pair.channel, &second, NULL));
    for (int n = 0; n < 20000 && second.done + first.done < 2; n++) {
        pair_step(&pair, 0);
        has_waited |= ends_server_conn(&pair)->has_waiting;
    }
    assert_int_equal(first.code, GRPC_OK);
    assert_int_equal(second.code, GRPC_OK);
    assert_true(second.same);
    assert_true(has_waited);
    pair_end(&pair);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_ends__each),
        cmocka_unit_test(test_limits_ends__all),
        cmocka_unit_test(test_limits_ends__replies_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
