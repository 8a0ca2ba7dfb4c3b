// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/connectivity.h"
#include "core/pick_first.h"
#include "tests/core_kit.h"

static void test_connectivity__names(void **state)
{
    (void)state;
    assert_string_equal(grpc_connectivity_name(GRPC_IDLE), "IDLE");
    assert_string_equal(grpc_connectivity_name(GRPC_SHUTDOWN), "SHUTDOWN");
    assert_string_equal(grpc_connectivity_name((grpc_connectivity)5), "STATE");
    assert_int_equal(grpc_channel_state(NULL), GRPC_SHUTDOWN);
    assert_string_equal(grpc_channel_failure(NULL), "no channel");
    assert_int_equal(grpc_channel_connect(NULL), GRPC_EINVAL);
    assert_int_equal(grpc_channel_wait(NULL, GRPC_IDLE, 0), GRPC_EINVAL);
    assert_int_equal(grpc_channel_wait_ready(NULL, 0), GRPC_EINVAL);
    grpc_channel_watch(NULL, NULL, NULL);
    grpc_channel_reset_backoff(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connectivity__names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
