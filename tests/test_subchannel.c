// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/connectivity.h"
#include "core/pick_first.h"
#include "tests/core_kit.h"

static void test_subchannel__rest(void **state)
{
    struct test_heap heap;
    struct socket_address address;
    (void)state;
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, NULL);
    grpc_channel *channel =
        grpc_channel_new("127.0.0.1:1", &(grpc_channel_options){.loop = loop});
    assert_true(socket_address_ip(&address, "127.0.0.1", 1));
    struct subchannel *subchannel = subchannel_new(channel, &address);
    assert_non_null(subchannel);
    assert_int_equal(subchannel->state, GRPC_IDLE);
    assert_true(subchannel_connect(subchannel));
    assert_int_equal(subchannel->state, GRPC_CONNECTING);
    assert_int_equal(subchannel->backoff.base_ms, 1000);
    subchannel_rest(subchannel);
    assert_int_equal(subchannel->state, GRPC_IDLE);
    assert_int_equal(subchannel->backoff.base_ms, 0);
    assert_null(subchannel->conn);
    subchannel_free(subchannel);
    grpc_channel_free(channel);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subchannel__rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
