// SPDX-License-Identifier: MIT
// In-process connections that end before a call has passed over them: see
// test_unsent.c.

#include "tests/unit.h"

#include "tests/inproc_kit.h"

static void unsent_see(grpc_call *call, grpc_str *message, void *self)
{
    int *seen = self;
    (void)call;
    (void)message;
    ++*seen;
}

static void unsent_close_server(struct sk *sk)
{
    struct list_link *link = list_first(&sk->server->conns);
    sk->loop->stepping = true;
    if (link != NULL) {
        conn_close(LIST_OWNER(link, struct conn, link_owner), "a test");
    }
    sk->loop->stepping = false;
}

// A stream goes on with all its messages, which interceptors see once.
static void test_inproc_unsent__stream(void **state)
{
    int seen = 0;
    const grpc_interceptor watch = {.sent = unsent_see, .self = &seen};
    struct sk *sk = inproc_new_with(
        &(grpc_server_options){0},
        &(grpc_channel_options){.interceptors = GRPC_INTERCEPTORS(&watch)});
    (void)state;
    inproc_expect_one(sk, GRPC_OK, "");
    seen = 0;
    grpc_call *call = sk_start_talk(sk, NULL);
    assert_int_equal(sk_say(call, "a", 1), GRPC_OK);
    assert_int_equal(sk_say(call, "b", 2), GRPC_OK);
    unsent_close_server(sk);
    assert_int_equal(sk_say(call, "c", 3), GRPC_OK);
    assert_int_equal(grpc_call_half_close(call), GRPC_OK);
    inproc_until(sk, &sk->ended, 2);
    assert_int_equal(sk->code, GRPC_OK);
    assert_int_equal(sk->handled, 2);
    assert_int_equal(sk->received, 3);
    assert_int_equal(sk->messages, 3);
    assert_int_equal(seen, 3);
    sk_free(sk);
}

// unsent_without_memory is that with the n-th allocation failing; false when
// there were not so many.
static bool unsent_without_memory(size_t n)
{
    struct sk *sk = inproc_new();
    inproc_expect_one(sk, GRPC_OK, "");
    sk->handled = 0;
    sk->ended = 0;
    grpc_call *call = sk_start_talk(sk, NULL);
    size_t before = sk->heap.calls;
    sk->heap.fail_at = before + n;
    bool is_said = sk_say(call, "a", 1) == GRPC_OK;
    unsent_close_server(sk);
    is_said = grpc_call_half_close(call) == GRPC_OK && is_said;
    kit_turn(sk->loop);
    bool failed = sk->heap.calls >= before + n;
    sk->heap.fail_at = 0;
    kit_turn(sk->loop);
    assert_int_equal(sk->ended, 1);
    assert_true(sk->handled <= 1);
    assert_true(failed || (is_said && sk->code == GRPC_OK));
    sk_free(sk);
    return failed;
}

static void test_inproc_unsent__no_memory(void **state)
{
    (void)state;
    size_t n = 1;
    while (unsent_without_memory(n)) {
        n++;
    }
    assert_true(n > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inproc_unsent__stream),
        cmocka_unit_test(test_inproc_unsent__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
