// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/headers.h"

static void test_headers__content_types(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_grpc;
    } rows[] = {
        {"application/grpc", true},     {"application/grpc+proto", true},
        {"application/grpc;v=1", true}, {"application/grpc-web", false},
        {"application/grpcx", false},   {"application/grp", false},
        {"Application/grpc", false},    {"text/html", false},
        {"application/grpc+", true},    {"", false},
        {" application/grpc", false},   {"application/json", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct view text = view_of(rows[i].text, strlen(rows[i].text));
        assert_int_equal(headers_is_grpc(text), rows[i].is_grpc);
    }
}

static void test_headers__clip(void **state)
{
    (void)state;
    const char text[1000] = {0};
    assert_int_equal(headers_clip(view_of(text, 0)), 0);
    assert_int_equal(headers_clip(view_of(text, 255)), 255);
    assert_int_equal(headers_clip(view_of(text, 256)), 256);
    assert_int_equal(headers_clip(view_of(text, 1000)), 256);
}

static void test_headers__fields(void **state)
{
    (void)state;
    hpack_hint hint = 0;
    struct h2_field kept =
        headers_field(VIEW("te"), VIEW("trailers"), 0, &hint);
    assert_int_equal(kept.mode, HPACK_INDEX);
    assert_ptr_equal(kept.hint, &hint);
    assert_true(VIEW_IS(kept.field.name, "te"));
    assert_true(VIEW_IS(kept.field.value, "trailers"));
    struct h2_field passing = headers_passing(VIEW(":status"), VIEW("415"), 8);
    assert_int_equal(passing.mode, HPACK_PLAIN);
    assert_null(passing.hint);
    assert_int_equal(passing.field.static_name, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers__content_types),
        cmocka_unit_test(test_headers__clip),
        cmocka_unit_test(test_headers__fields),
    };
    return cmocka_run_group_tests_name("headers", tests, NULL, NULL);
}
