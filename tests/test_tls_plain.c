// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "tls/tls.h"

static void test_tls_plain__has_no_sessions(void **state)
{
    (void)state;
    assert_string_equal(tls_plain.version(), "none");
    assert_null(tls_plain.begin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_plain__has_no_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
