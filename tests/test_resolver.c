// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/connectivity.h"
#include "core/pick_first.h"
#include "tests/core_kit.h"

static void test_resolver__constant(void **state)
{
    struct test_heap heap;
    (void)state;
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, NULL);
    grpc_channel *channel =
        grpc_channel_new("127.0.0.1:1", &(grpc_channel_options){.loop = loop});
    struct resolver *resolver = &channel->resolver;
    assert_int_equal(resolver->state, RESOLVER_STOPPED);
    assert_int_equal(grpc_channel_connect(channel), GRPC_OK);
    assert_int_equal(resolver->state, RESOLVER_RESTING);
    resolver_again(resolver); // would be told the same
    assert_int_equal(resolver->state, RESOLVER_RESTING);
    grpc_channel_free(channel);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolver__constant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
