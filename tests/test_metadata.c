// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/metadata.h"

static struct view metadata_z(const char *text)
{
    return view_of(text, strlen(text));
}

static void test_metadata__keys(void **state)
{
    (void)state;
    assert_true(metadata_check_key(VIEW("a")));
    assert_true(metadata_check_key(VIEW("x-user_id.9-bin")));
    assert_false(metadata_check_key(VIEW("")));
    assert_false(metadata_check_key(VIEW("Upper")));
    assert_false(metadata_check_key(VIEW("a b")));
    assert_false(metadata_check_key(VIEW(":path")));
    assert_false(metadata_check_key(VIEW("a\0b")));
    int good = 0;
    for (int byte = 0; byte < 256; byte++) {
        uint8_t key[2] = {'k', (uint8_t)byte};
        good += metadata_check_key(view_of(key, 2));
    }
    assert_int_equal(good, 26 + 10 + 3);
}

static void test_metadata__binary(void **state)
{
    (void)state;
    assert_true(metadata_is_binary(VIEW("trace-bin")));
    assert_true(metadata_is_binary(VIEW("-bin")));
    assert_false(metadata_is_binary(VIEW("bin")));
    assert_false(metadata_is_binary(VIEW("")));
    assert_false(metadata_is_binary(VIEW("trace-bin2")));
    assert_false(metadata_is_binary(VIEW("trace_bin")));
}

static void test_metadata__values(void **state)
{
    (void)state;
    assert_true(metadata_check_value(VIEW("")));
    assert_true(metadata_check_value(VIEW(" any text ~")));
    int good = 0;
    for (int byte = 0; byte < 256; byte++) {
        uint8_t value[3] = {'v', (uint8_t)byte, 'v'};
        good += metadata_check_value(view_of(value, 3));
    }
    assert_int_equal(good, 0x7e - 0x20 + 1);
}

static void test_metadata__reserved(void **state)
{
    static const char *const reserved[] = {
        ":path",
        ":",
        ":authority",
        "te",
        "host",
        "content-type",
        "content-length",
        "user-agent",
        "grpc-timeout",
        "grpc-status",
        "grpc-message",
        "grpc-encoding",
        "grpc-accept-encoding",
        "grpc-message-type",
        "grpc-status-details-bin",
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
    };
    static const char *const free_[] = {
        "",
        "t",
        "tea",
        "hosts",
        "grpc-",
        "grpc-timeou",
        "grpc-timeouts",
        "grpc-previous-rpc-attempts",
        "grpc-retry-pushback-ms",
        "grpc-trace-bin",
        "grpc-tags-bin",
        "authorization",
        "x-host",
        "content-type2",
        "upgradf",
    };
    (void)state;
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        assert_true(metadata_is_reserved(metadata_z(reserved[i])));
    }
    for (size_t i = 0; i < sizeof free_ / sizeof free_[0]; i++) {
        assert_false(metadata_is_reserved(metadata_z(free_[i])));
    }
}

static void metadata_trims(const char *text, const char *trimmed)
{
    struct view out = metadata_trim(metadata_z(text));
    assert_int_equal(out.size, strlen(trimmed));
    assert_memory_equal(out.data, trimmed, out.size);
}

static void test_metadata__trim(void **state)
{
    (void)state;
    metadata_trims("", "");
    metadata_trims("   ", "");
    metadata_trims("a", "a");
    metadata_trims("  a b ", "a b");
    metadata_trims("\ta", "\ta");
    assert_int_equal(metadata_trim(view_of(NULL, 0)).size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata__keys),
        cmocka_unit_test(test_metadata__binary),
        cmocka_unit_test(test_metadata__values),
        cmocka_unit_test(test_metadata__reserved),
        cmocka_unit_test(test_metadata__trim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
