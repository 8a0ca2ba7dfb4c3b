// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/details.h"
#include "stream.pb.h"

static struct test_heap details_heap;

static grpc_arena details_arena(void)
{
    test_heap_init(&details_heap);
    return (grpc_arena){.allocator = details_heap.allocator};
}

static void details_end(grpc_arena *arena)
{
    grpc_arena_free(arena);
    assert_true(test_heap_is_clean(&details_heap));
}

static grpc_status details_status_of(grpc_str details)
{
    return (grpc_status){
        .code = GRPC_NOT_FOUND,
        .message = "",
        .details = details,
    };
}

// google.rpc.Status {code: 5, message: "no", details: Any {type_url, value}}.
static void test_details__bytes(void **state)
{
    (void)state;
    grpc_arena arena = details_arena();
    const stream_Number number = {.value = 7};
    grpc_str encoded =
        details_encode(&arena, GRPC_NOT_FOUND, GRPC_STR("no"),
                       GRPC_DETAILS(GRPC_DETAIL(stream_Number, &number)));
    uint8_t bytes[128];
    size_t size = test_unhex("08 05 12 02 6e6f 1a 27"
                             " 0a 21 747970652e676f6f676c65617069732e636f6d2f"
                             " 73747265616d2e4e756d626572"
                             " 12 02 08 07",
                             bytes, sizeof bytes);
    assert_int_equal(encoded.size, size);
    assert_memory_equal(encoded.data, bytes, size);
    encoded = details_encode(&arena, GRPC_OK, GRPC_STR(""),
                             &(grpc_detail){NULL, NULL});
    assert_int_equal(encoded.size, 0);
    assert_non_null(encoded.data);
    details_end(&arena);
}

static void test_details__several_of_several_types(void **state)
{
    (void)state;
    grpc_arena arena = details_arena();
    const stream_Text text = {.text = GRPC_STR("t")};
    const stream_Number one = {.value = 1};
    const stream_Number two = {.value = 2};
    grpc_status status = details_status_of(
        details_encode(&arena, GRPC_NOT_FOUND, GRPC_STR(""),
                       GRPC_DETAILS(GRPC_DETAIL(stream_Number, &one),
                                    GRPC_DETAIL(stream_Text, &text),
                                    GRPC_DETAIL(stream_Number, &two))));
    stream_Number number;
    stream_Text found;
    assert_int_equal(
        grpc_status_detail(&status, &stream_Number_message, 0, &arena, &number),
        GRPC_OK);
    assert_int_equal(number.value, 1);
    assert_int_equal(
        grpc_status_detail(&status, &stream_Number_message, 1, &arena, &number),
        GRPC_OK);
    assert_int_equal(number.value, 2);
    assert_int_equal(
        grpc_status_detail(&status, &stream_Number_message, 2, &arena, &number),
        GRPC_ESTATE);
    assert_int_equal(
        grpc_status_detail(&status, &stream_Text_message, 0, &arena, &found),
        GRPC_OK);
    assert_string_equal(found.text.data, "t");
    details_end(&arena);
}

// details_one is a Status with one Any in hex.
static grpc_status details_one(const char *any)
{
    static uint8_t bytes[256];
    uint8_t inner[200];
    size_t size = test_unhex(any, inner, sizeof inner);
    assert_true(size < 128);
    bytes[0] = 0x1a;
    bytes[1] = (uint8_t)size;
    memcpy(bytes + 2, inner, size);
    return details_status_of((grpc_str){(const char *)bytes, size + 2});
}

// The type is what follows the last slash, whatever stands before it.
static void test_details__urls_of_types(void **state)
{
    (void)state;
    static const struct {
        const char *any;
        grpc_result result;
    } rows[] = {
        // "x/stream.Number", "/stream.Number"
        {"0a0f 782f73747265616d2e4e756d626572 12020807", GRPC_OK},
        {"0a0e 2f73747265616d2e4e756d626572 12020807", GRPC_OK},
        // no slash; a longer name; a shorter one; a slash behind it; none
        {"0a0d 73747265616d2e4e756d626572 12020807", GRPC_ESTATE},
        {"0a0f 2f7873747265616d2e4e756d626572 12020807", GRPC_ESTATE},
        {"0a0d 2f747265616d2e4e756d626572 12020807", GRPC_ESTATE},
        {"0a0f 2f73747265616d2e4e756d6265722f 12020807", GRPC_ESTATE},
        {"12020807", GRPC_ESTATE},
        // a value that is broken, and one that is missing
        {"0a0e 2f73747265616d2e4e756d626572 120108", GRPC_EFORMAT},
        {"0a0e 2f73747265616d2e4e756d626572", GRPC_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        grpc_arena arena = details_arena();
        grpc_status status = details_one(rows[i].any);
        stream_Number number;
        assert_int_equal(grpc_status_detail(&status, &stream_Number_message, 0,
                                            &arena, &number),
                         rows[i].result);
        details_end(&arena);
    }
}

static void test_details__broken_at_every_byte(void **state)
{
    (void)state;
    grpc_arena arena = details_arena();
    const stream_Text text = {.text = GRPC_STR("some text"), .number = 300};
    grpc_str whole =
        details_encode(&arena, GRPC_NOT_FOUND, GRPC_STR("message"),
                       GRPC_DETAILS(GRPC_DETAIL(stream_Text, &text)));
    for (size_t size = 0; size < whole.size; size++) {
        grpc_status status = details_status_of((grpc_str){whole.data, size});
        stream_Text found;
        grpc_result result = grpc_status_detail(&status, &stream_Text_message,
                                                0, &arena, &found);
        assert_true(result == GRPC_EFORMAT || result == GRPC_ESTATE);
    }
    details_end(&arena);
}

static void test_details__misuse(void **state)
{
    (void)state;
    grpc_arena arena = details_arena();
    stream_Number number;
    grpc_status status = details_status_of((grpc_str){NULL, 0});
    const grpc_message *type = &stream_Number_message;
    assert_int_equal(grpc_status_detail(NULL, type, 0, &arena, &number),
                     GRPC_EINVAL);
    assert_int_equal(grpc_status_detail(&status, NULL, 0, &arena, &number),
                     GRPC_EINVAL);
    assert_int_equal(grpc_status_detail(&status, type, 0, NULL, &number),
                     GRPC_EINVAL);
    assert_int_equal(grpc_status_detail(&status, type, 0, &arena, NULL),
                     GRPC_EINVAL);
    assert_int_equal(grpc_status_detail(&status, type, 0, &arena, &number),
                     GRPC_ESTATE);
    // A detail that cannot be encoded: text that is not UTF-8.
    const stream_Text bad = {.text = GRPC_STR("\xff")};
    grpc_str encoded =
        details_encode(&arena, GRPC_NOT_FOUND, GRPC_STR(""),
                       GRPC_DETAILS(GRPC_DETAIL(stream_Text, &bad)));
    assert_null(encoded.data);
    details_end(&arena);
}

static void test_details__no_memory(void **state)
{
    (void)state;
    static char big[3000];
    memset(big, 'b', sizeof big);
    grpc_str encoded = {NULL, 0};
    for (size_t fail = 1; encoded.data == NULL; fail++) {
        grpc_arena arena = details_arena();
        details_heap.fail_at = fail;
        details_heap.fail_on = true;
        const stream_Text text = {.data = {big, sizeof big}};
        encoded = details_encode(&arena, GRPC_NOT_FOUND, GRPC_STR("m"),
                                 GRPC_DETAILS(GRPC_DETAIL(stream_Text, &text)));
        assert_true(fail < 20);
        details_end(&arena);
    }
}

static void test_details__that_contradict(void **state)
{
    (void)state;
    grpc_arena arena = details_arena();
    assert_false(
        details_contradict(&arena, GRPC_STR("\x08\x05"), GRPC_NOT_FOUND));
    assert_true(details_contradict(&arena, GRPC_STR("\x08\x05"), GRPC_ABORTED));
    assert_false(
        details_contradict(&arena, GRPC_STR("\x12\x01x"), GRPC_ABORTED));
    assert_false(details_contradict(&arena, GRPC_STR("\x08"), GRPC_ABORTED));
    assert_false(details_contradict(&arena, GRPC_STR(""), GRPC_ABORTED));
    details_end(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_details__bytes),
        cmocka_unit_test(test_details__several_of_several_types),
        cmocka_unit_test(test_details__urls_of_types),
        cmocka_unit_test(test_details__broken_at_every_byte),
        cmocka_unit_test(test_details__misuse),
        cmocka_unit_test(test_details__no_memory),
        cmocka_unit_test(test_details__that_contradict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
