// SPDX-License-Identifier: MIT
#include "tests/unit.h"

#include "h2/h2.h"
#include "h2/h2_limits.h"

static void test_h2_limits__zero_is_the_default(void **state)
{
    (void)state;
    const grpc_limits users = {0};
    grpc_limits out;
    struct h2_limits_fault fault;
    assert_true(h2_limits_resolve(&users, &out, &fault));
    assert_memory_equal(&out, h2_limits_default(), sizeof out);
    // None of them is 0.
    for (size_t i = 0; i < sizeof out / sizeof(uint32_t); i++) {
        uint32_t value;
        memcpy(&value, (const uint8_t *)&out + i * sizeof value, sizeof value);
        assert_int_not_equal(value, 0);
    }
}

// Every member has a row: its least value is taken, one that is too large or
// too small is refused by name.
static void test_h2_limits__every_member(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(grpc_limits) / sizeof(uint32_t); i++) {
        grpc_limits users = {0};
        grpc_limits out;
        struct h2_limits_fault fault = {.name = NULL};
        const uint32_t huge = UINT32_MAX;
        memcpy((uint8_t *)&users + i * sizeof huge, &huge, sizeof huge);
        assert_false(h2_limits_resolve(&users, &out, &fault));
        assert_non_null(fault.name);
        assert_true(fault.value == UINT32_MAX);
        assert_true(fault.least >= 1 && fault.least <= fault.most);
        const uint32_t bounds[] = {fault.least, fault.most};
        for (size_t b = 0; b < 2; b++) {
            memcpy((uint8_t *)&users + i * sizeof huge, &bounds[b],
                   sizeof huge);
            assert_true(h2_limits_resolve(&users, &out, &fault));
            uint32_t value;
            memcpy(&value, (const uint8_t *)&out + i * sizeof value,
                   sizeof value);
            assert_int_equal(value, bounds[b]);
        }
        if (fault.least > 1) {
            const uint32_t low = fault.least - 1;
            memcpy((uint8_t *)&users + i * sizeof low, &low, sizeof low);
            assert_false(h2_limits_resolve(&users, &out, &fault));
            assert_int_equal(fault.value, low);
        }
    }
}

// A soft limit alone moves the hard one up; a hard one alone the soft one down.
static void test_h2_limits__soft_and_hard(void **state)
{
    (void)state;
    grpc_limits out;
    struct h2_limits_fault fault;
    grpc_limits users = {.header_bytes = 1 << 20, .header_fields = 1000};
    assert_true(h2_limits_resolve(&users, &out, &fault));
    assert_int_equal(out.header_bytes_hard, 1 << 20);
    assert_int_equal(out.header_fields_hard, 1000);
    users = (grpc_limits){.header_bytes_hard = 2000, .header_fields_hard = 20};
    assert_true(h2_limits_resolve(&users, &out, &fault));
    assert_int_equal(out.header_bytes, 2000);
    assert_int_equal(out.header_fields, 20);
}

static void test_h2_limits__make_options(void **state)
{
    (void)state;
    const grpc_limits users = {.stream_window_bytes = 1000,
                               .connection_window_bytes = 100000,
                               .frame_bytes = 20000,
                               .header_bytes = 3000,
                               .header_fields = 30,
                               .header_table_bytes = 512};
    grpc_limits limits;
    struct h2_limits_fault fault;
    assert_true(h2_limits_resolve(&users, &limits, &fault));
    struct h2_options options = h2_options_make(true, &limits);
    assert_true(options.is_server);
    assert_ptr_equal(options.limits, &limits);
    assert_int_equal(options.local.initial_window_size, 1000);
    assert_int_equal(options.local.max_frame_size, 20000);
    assert_int_equal(options.local.max_header_list_size, 3000);
    assert_int_equal(options.local.header_table_size, 512);
    assert_int_equal(options.connection_window, 100000);
    assert_int_equal(options.header_limits.list_bytes, 3000);
    assert_int_equal(options.header_limits.list_fields, 30);
    assert_int_equal(options.header_limits.hard_fields,
                     H2_LIMIT_HEADER_FIELDS_HARD);
    options = h2_options_default(false);
    assert_false(options.is_server);
    assert_int_equal(options.local.enable_push, 0);
    assert_ptr_equal(options.limits, h2_limits_default());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h2_limits__zero_is_the_default),
        cmocka_unit_test(test_h2_limits__every_member),
        cmocka_unit_test(test_h2_limits__soft_and_hard),
        cmocka_unit_test(test_h2_limits__make_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
