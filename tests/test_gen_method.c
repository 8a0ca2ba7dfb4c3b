// SPDX-License-Identifier: MIT

#include "tests/gen_kit.h"

#include "gen/gen_method.h"

// The suffixes of what the header has for a method, with a blank before each.
static const char *method_suffixes(struct gen_buffer *out,
                                   bool streams_requests, bool streams_replies,
                                   bool is_static)
{
    struct gen_method method = {0};
    method.streams_requests = streams_requests;
    method.streams_replies = streams_replies;
    gen_buffer_free(out);
    gen_buffer_print(out, ":");
    for (const struct gen_method_part *i = gen_method_next(&method, NULL);
         i != NULL; i = gen_method_next(&method, i)) {
        if ((i->sort == GEN_METHOD_STATIC) == is_static) {
            gen_buffer_print(out, " %s", i->suffix);
        }
    }
    return out->data;
}

static void test_gen_method_next__each_kind_has_its_parts(void **state)
{
    struct gen_memory memory = {0};
    struct gen_buffer out = {&memory, NULL, 0, 0};
    (void)state;
    assert_string_equal(method_suffixes(&out, false, false, false),
                        ": _reply  _done _start");
    assert_string_equal(method_suffixes(&out, false, true, false),
                        ": _send _events _start _call _next");
    assert_string_equal(
        method_suffixes(&out, true, false, false),
        ": _message _receive _reply _events _start _send _call _end");
    assert_string_equal(
        method_suffixes(&out, true, true, false),
        ": _message _receive _send_reply _events _start _send _call _next");
    assert_string_equal(method_suffixes(&out, false, false, true),
                        ": _handle _finish");
    assert_string_equal(method_suffixes(&out, false, true, true),
                        ": _handle _finish _on_reply");
    assert_string_equal(method_suffixes(&out, true, false, true),
                        ": _handle _finish _on_request");
    assert_string_equal(method_suffixes(&out, true, true, true),
                        ": _handle _finish _on_request _on_reply");
    gen_buffer_free(&out);
    gen_memory_free(&memory);
}

static void test_gen_method_print__puts_names_in(void **state)
{
    struct gen_kit kit;
    (void)state;
    gen_kit_init(&kit);
    gen_kit_add(
        &kit, "a.proto",
        "syntax = 'proto3'; package p; message A {} message B {} "
        "service S { rpc N (A) returns (B); rpc int (A) returns (B); }");
    struct gen_file *file = gen_kit_run(&kit);
    assert_non_null(file);
    const struct gen_service *service = file->services.first;
    struct gen_buffer out = {&kit.memory, NULL, 0, 0};
    gen_method_print(&out, service, service->methods.last,
                     "$M_x $N($Q,$P) $S $T $R.");
    assert_string_equal(out.data, "p_S_int_x int_(p_A,p_B) p_S "
                                  "&p_S_service_methods[1] int.");
    gen_buffer_free(&out);
    gen_method_print(&out, service, service->methods.first, "$T");
    assert_string_equal(out.data, "&p_S_service_methods[0]");
    gen_buffer_free(&out);
    gen_method_print(&out, service, service->methods.first, "none");
    assert_string_equal(out.data, "none");
    gen_buffer_free(&out);
    gen_kit_free(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gen_method_next__each_kind_has_its_parts),
        cmocka_unit_test(test_gen_method_print__puts_names_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
