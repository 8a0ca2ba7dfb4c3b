// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/secure.h"
#include "tests/core_kit.h"
#include "tests/toy_tls.h"

static void test_secure__keeps_bytes_in_order(void **state)
{
    (void)state;
    struct test_heap heap;
    struct toy toy = {0};
    test_heap_init(&heap);
    grpc_credentials *credentials = toy_client(&toy);
    struct secure *secure =
        secure_new(&heap.allocator, credentials, "localhost");
    assert_non_null(secure);
    assert_int_equal(secure_waits(&secure->output).size, 0);
    assert_true(secure_keep(secure, &secure->output, VIEW("abc")));
    secure_take(secure, &secure->output, 1);
    assert_true(secure_keep(secure, &secure->output, VIEW("de")));
    assert_true(view_equal(secure_waits(&secure->output), VIEW("bcde")));
    secure_take(secure, &secure->output, 4);
    assert_null(secure->output.data);
    assert_true(secure_keep(secure, &secure->input, VIEW("left")));
    secure_free(secure);
    secure_free(NULL);
    grpc_credentials_free(credentials);
    assert_true(test_heap_is_clean(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secure__keeps_bytes_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
