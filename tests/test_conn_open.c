// SPDX-License-Identifier: MIT
// How connections begin through a proxy is in test_tunnel.c; here, what fails
// before anything is sent.

#include "tests/unit.h"

#include "core/conn_open.h"
#include "core/pick_first.h"
#include "tests/core_kit.h"

static void test_conn_open__no_memory(void **state)
{
    struct test_heap heap;
    struct socket_address address;
    const struct proxy_tunnel tunnel = {.request = "x", .size = 1};
    (void)state;
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, NULL);
    grpc_channel *channel = grpc_channel_new(
        "127.0.0.1:1", &(grpc_channel_options){.loop = loop, .proxy = ""});
    assert_true(socket_address_ip(&address, "127.0.0.1", 1));
    int before = kit_open_fds();
    struct conn *conn =
        conn_new(loop, &channel_role, channel, &channel->rules, &address);
    assert_non_null(conn);
    assert_string_equal(conn_open_phase(conn), "connect to");
    heap.fail_at = heap.calls + 1;
    assert_int_equal(conn_connect(conn, 1000, &tunnel), ENOMEM);
    assert_int_equal(kit_open_fds(), before);
    assert_int_equal(conn_connect(conn, 1000, &tunnel), 0);
    assert_string_equal(conn_open_phase(conn), "connect to proxy");
    conn_close(conn, "enough");
    assert_int_equal(kit_open_fds(), before);
    grpc_channel_free(channel);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conn_open__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
