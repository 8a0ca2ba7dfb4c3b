// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "gen/gen_wellknown.h"

static void test_gen_wellknown_file__knows_types(void **state)
{
    (void)state;
    assert_string_equal(gen_wellknown_file("google.protobuf.Timestamp"),
                        "google/protobuf/timestamp.proto");
    assert_string_equal(gen_wellknown_file("google.rpc.Status"),
                        "google/rpc/status.proto");
    assert_string_equal(gen_wellknown_file("google.rpc.BadRequest"),
                        "google/rpc/error_details.proto");
    assert_null(gen_wellknown_file("google.rpc.Bad"));
    assert_null(gen_wellknown_file("google.protobuf.Time"));
    assert_null(gen_wellknown_file("Timestamp"));
    assert_null(gen_wellknown_file(""));
}

static void test_gen_wellknown_directory__the_option_wins(void **state)
{
    struct gen_memory memory = {0};
    (void)state;
    assert_string_equal(gen_wellknown_directory(&memory, "some/where", "x"),
                        "some/where");
    gen_memory_free(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gen_wellknown_file__knows_types),
        cmocka_unit_test(test_gen_wellknown_directory__the_option_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
