// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/base64.h"

// The examples of RFC 4648 section 10, and all digits.
static const struct base64_sample {
    const char *plain;
    const char *padded;
} base64_samples[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xff\xef\xbe\xfb\xf0", "/++++/A="},
};

enum { BASE64_SAMPLES = sizeof base64_samples / sizeof base64_samples[0] };

static void base64_expect(const char *text, size_t size, const char *plain)
{
    char out[64];
    size_t decoded = 1000;
    char *exact = malloc(size + 1); // so that reading behind it is found
    assert_non_null(exact);
    memcpy(exact, text, size);
    assert_true(base64_decoded_max(size) < sizeof out);
    bool good = base64_decode(view_of(exact, size), out, &decoded);
    free(exact);
    assert_int_equal(good, plain != NULL);
    assert_int_equal(decoded, plain != NULL ? strlen(plain) : 1000);
    if (plain != NULL) {
        assert_true(decoded <= base64_decoded_max(size));
        assert_memory_equal(out, plain, decoded);
    }
}

static void test_base64__samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < BASE64_SAMPLES; i++) {
        const struct base64_sample *sample = &base64_samples[i];
        char out[64];
        struct view plain = view_of(sample->plain, strlen(sample->plain));
        size_t size = strcspn(sample->padded, "=");
        assert_int_equal(base64_encoded_size(plain.size), size);
        memset(out, '#', sizeof out);
        base64_encode(plain, out);
        assert_memory_equal(out, sample->padded, size);
        assert_int_equal(out[size], '#');
        base64_expect(sample->padded, size, sample->plain);
        base64_expect(sample->padded, strlen(sample->padded), sample->plain);
    }
}

// Every byte comes through, at every place of a group.
static void test_base64__round_trip(void **state)
{
    (void)state;
    uint8_t bytes[300];
    char text[400];
    char again[300];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    for (size_t size = 0; size <= sizeof bytes; size++) {
        size_t length = base64_encoded_size(size);
        size_t decoded = 0;
        assert_true(length <= sizeof text);
        assert_int_equal(base64_decoded_max(length), size);
        base64_encode(view_of(bytes, size), text);
        assert_true(base64_decode(view_of(text, length), again, &decoded));
        assert_int_equal(decoded, size);
        assert_memory_equal(again, bytes, size);
    }
}

static void test_base64__refuses(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "A",     "AAAAA",    "Zg=",    "Zm8==",    "Z===",     "====",
        "=",     "==",       "Zg==Zg", "Zg==Zg==", "Zm=8",     "=Zm8",
        "Zm9v=", "Zm9v====", "Zm9v==", "Z=g=",     "Zm9v\nYg", "Zm9vY g=",
        " Zg==", "Zg== ",    "Zm9-",   "Zm9_",     "Zm,v",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        base64_expect(wrong[i], strlen(wrong[i]), NULL);
    }
    // Of all bytes, 64 are digits.
    int digits = 0;
    for (int byte = 0; byte < 256; byte++) {
        char text[4] = {'A', 'A', 'A', (char)byte};
        char out[3];
        size_t size = 0;
        bool is_digit = base64_decode(view_of(text, 4), out, &size);
        digits += is_digit && size == 3;
        assert_true(!is_digit || size == 3 || byte == '=');
    }
    assert_int_equal(digits, 64);
}

// As grpc-go, which does not ask for the bits that are left over to be 0.
static void test_base64__bits_left_over(void **state)
{
    (void)state;
    base64_expect("Zh==", 4, "f");
    base64_expect("Zh", 2, "f");
    base64_expect("Zm9=", 4, "fo");
    base64_expect("Zm9", 3, "fo");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64__samples),
        cmocka_unit_test(test_base64__round_trip),
        cmocka_unit_test(test_base64__refuses),
        cmocka_unit_test(test_base64__bits_left_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
