// SPDX-License-Identifier: MIT
// The whole of a test of mbedTLS in a build without that: it says so.

#ifndef TESTS_TLS_NONE_H
#define TESTS_TLS_NONE_H

static void test_tls__is_not_in_this_build(void **state)
{
    (void)state;
    assert_int_equal(grpc_features() & GRPC_FEATURE_TLS, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls__is_not_in_this_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
