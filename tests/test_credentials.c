// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/credentials.h"
#include "tests/core_kit.h"
#include "tests/toy_tls.h"

static void test_credentials__are_kept_and_freed(void **state)
{
    (void)state;
    struct toy toy = {0};
    grpc_credentials *credentials = toy_server(&toy);
    assert_string_equal(grpc_credentials_error(credentials), "");
    assert_int_equal(toy.open_contexts, 1);
    assert_ptr_equal(grpc_credentials_keep(credentials), credentials);
    grpc_credentials_free(credentials);
    assert_int_equal(toy.open_contexts, 1);
    grpc_credentials_free(credentials);
    assert_int_equal(toy.open_contexts, 0);
    grpc_credentials_free(NULL);
    assert_null(grpc_credentials_keep(NULL));
    assert_string_equal(grpc_credentials_error(NULL), "no credentials");
    assert_int_equal(grpc_credentials_reload(NULL, NULL), GRPC_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_credentials__are_kept_and_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
