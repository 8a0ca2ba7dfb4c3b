// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/connectivity.h"
#include "core/pick_first.h"
#include "tests/core_kit.h"

static void test_policy__no_memory(void **state)
{
    struct test_heap heap;
    (void)state;
    test_heap_init(&heap);
    grpc_loop *loop = kit_loop(&heap, NULL);
    grpc_channel *channel =
        grpc_channel_new("127.0.0.1:1", &(grpc_channel_options){.loop = loop});
    heap.fail_at = heap.calls + 1;
    assert_null(policy_new(channel, &pick_first_class));
    struct policy *policy = policy_new(channel, &pick_first_class);
    assert_non_null(policy);
    assert_int_equal(policy->state, GRPC_IDLE);
    assert_int_equal(policy->timer.kind, RUN_POLICY);
    policy_free(policy);
    grpc_channel_free(channel);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
