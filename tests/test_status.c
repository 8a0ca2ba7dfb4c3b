// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/status.h"
#include "h2/h2.h"

static void test_status__names(void **state)
{
    static const char *const names[] = {
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    };
    (void)state;
    for (unsigned i = 0; i < 17; i++) {
        assert_string_equal(grpc_code_name((grpc_code)i), names[i]);
    }
    assert_string_equal(grpc_code_name((grpc_code)17), "CODE");
    assert_string_equal(grpc_code_name((grpc_code)999999999), "CODE");
}

static void test_status__result_names(void **state)
{
    (void)state;
    assert_string_equal(grpc_result_name(GRPC_OK), "GRPC_OK");
    assert_string_equal(grpc_result_name(GRPC_AGAIN), "GRPC_AGAIN");
    assert_string_equal(grpc_result_name(GRPC_EINVAL), "GRPC_EINVAL");
    assert_string_equal(grpc_result_name(GRPC_ESTATE), "GRPC_ESTATE");
    assert_string_equal(grpc_result_name(GRPC_ENOMEM), "GRPC_ENOMEM");
    assert_string_equal(grpc_result_name(GRPC_ELIMIT), "GRPC_ELIMIT");
    assert_string_equal(grpc_result_name(GRPC_ESYSTEM), "GRPC_ESYSTEM");
    assert_string_equal(grpc_result_name(GRPC_EFORMAT), "GRPC_EFORMAT");
    assert_string_equal(grpc_result_name(-8), "unknown result");
    assert_string_equal(grpc_result_name(1), "unknown result");
    assert_string_equal(grpc_result_name(INT32_MIN), "unknown result");
    assert_string_equal(grpc_result_name(INT32_MAX), "unknown result");
}

static void test_status__of_http(void **state)
{
    static const struct {
        unsigned http;
        grpc_code code;
        const char *name;
    } rows[] = {
        {400, GRPC_INTERNAL, "Bad Request"},
        {401, GRPC_UNAUTHENTICATED, "Unauthorized"},
        {403, GRPC_PERMISSION_DENIED, "Forbidden"},
        {404, GRPC_UNIMPLEMENTED, "Not Found"},
        {429, GRPC_UNAVAILABLE, "Too Many Requests"},
        {431, GRPC_INTERNAL, "Request Header Fields Too Large"},
        {502, GRPC_UNAVAILABLE, "Bad Gateway"},
        {503, GRPC_UNAVAILABLE, "Service Unavailable"},
        {504, GRPC_UNAVAILABLE, "Gateway Timeout"},
        {200, GRPC_UNKNOWN, "OK"},
        {500, GRPC_UNKNOWN, "Internal Server Error"},
        {418, GRPC_UNKNOWN, ""},
        {0, GRPC_UNKNOWN, ""},
        {999, GRPC_UNKNOWN, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(status_of_http(rows[i].http), rows[i].code);
        assert_string_equal(status_http_name(rows[i].http), rows[i].name);
    }
}

static void test_status__of_reset(void **state)
{
    static const grpc_code codes[] = {
        [H2_NO_ERROR] = GRPC_INTERNAL,
        [H2_PROTOCOL_ERROR] = GRPC_INTERNAL,
        [H2_INTERNAL_ERROR] = GRPC_INTERNAL,
        [H2_FLOW_CONTROL_ERROR] = GRPC_INTERNAL,
        [H2_SETTINGS_TIMEOUT] = GRPC_INTERNAL,
        [H2_STREAM_CLOSED] = GRPC_INTERNAL,
        [H2_FRAME_SIZE_ERROR] = GRPC_INTERNAL,
        [H2_REFUSED_STREAM] = GRPC_UNAVAILABLE,
        [H2_CANCEL] = GRPC_CANCELLED,
        [H2_COMPRESSION_ERROR] = GRPC_INTERNAL,
        [H2_CONNECT_ERROR] = GRPC_INTERNAL,
        [H2_ENHANCE_YOUR_CALM] = GRPC_RESOURCE_EXHAUSTED,
        [H2_INADEQUATE_SECURITY] = GRPC_PERMISSION_DENIED,
        [H2_HTTP_1_1_REQUIRED] = GRPC_INTERNAL,
    };
    (void)state;
    for (uint32_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        assert_int_equal(status_of_reset(i), codes[i]);
    }
    assert_int_equal(status_of_reset(14), GRPC_UNKNOWN);
    assert_int_equal(status_of_reset(UINT32_MAX), GRPC_UNKNOWN);
}

static void test_status__parse(void **state)
{
    static const struct {
        const char *text;
        unsigned code;
    } good[] = {
        {"0", 0},   {"1", 1},     {"9", 9},
        {"10", 10}, {"16", 16},   {"17", 17},
        {"42", 42}, {"100", 100}, {"999999999", 999999999},
    };
    static const char *const bad[] = {
        "",  "00",         "01",  "+1",  "-1", " 1",  "1 ",  "1a",
        "a", "1234567890", "0x1", "1.0", "/",  "\"1", "1\t", ":",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        grpc_code code = (grpc_code)77;
        assert_true(
            status_parse(view_of(good[i].text, strlen(good[i].text)), &code));
        assert_int_equal((unsigned)code, good[i].code);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        grpc_code code = (grpc_code)77;
        assert_false(status_parse(view_of(bad[i], strlen(bad[i])), &code));
        assert_int_equal((unsigned)code, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status__names),
        cmocka_unit_test(test_status__result_names),
        cmocka_unit_test(test_status__of_http),
        cmocka_unit_test(test_status__of_reset),
        cmocka_unit_test(test_status__parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
