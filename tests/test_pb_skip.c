// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "codec/pb_skip.h"
#include "codec/pb_wire.h"

enum { SKIP_FAILED = -1 };

// skip reads a tag and skips its field in an exact copy: how many bytes that
// took, or SKIP_FAILED.
static int skip_field(const uint8_t *bytes, size_t size, size_t depth_max)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    uint32_t tag;
    const uint8_t *p = pb_get_tag(copy, copy + size, &tag);
    if (p != NULL) {
        p = pb_skip(p, copy + size, tag, depth_max);
    }
    int used = p == NULL ? SKIP_FAILED : (int)(p - copy);
    free(copy);
    return used;
}

static int skip_hex(const char *hex, size_t depth_max)
{
    uint8_t bytes[64];
    size_t size = test_unhex(hex, bytes, sizeof bytes);
    return skip_field(bytes, size, depth_max);
}

static void test_skip__every_wire_type_and_no_cut_of_it(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "08 05",
        "08 ff ff ff ff ff ff ff ff ff 01",
        "09 01 02 03 04 05 06 07 08",
        "0a 00",
        "0a 03 01 02 03",
        "0d 01 02 03 04",
        "0b 0c",
        "0b 08 05 11 01 02 03 04 05 06 07 08 1a 01 ff 25 01 02 03 04 0c",
        "0b 0b 0b 0c 13 14 0c 0c",
        "83 7d 08 01 84 7d",
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        uint8_t bytes[64];
        size_t size = test_unhex(fields[i], bytes, sizeof bytes);
        for (size_t cut = 0; cut < size; cut++) {
            assert_int_equal(skip_field(bytes, cut, PB_DEPTH_MAX), SKIP_FAILED);
        }
        assert_int_equal(skip_field(bytes, size, PB_DEPTH_MAX), size);
        bytes[size] = 0x08; // what follows is not touched
        assert_int_equal(skip_field(bytes, size + 1, PB_DEPTH_MAX), size);
    }
}

static void test_skip__malformed_fields_are_refused(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "0c",                                  // an end without a start
        "0e 00",                               // wire types 6 and 7
        "0f 00",                               //
        "0b 0e 0c",                            //
        "0b 0f 0c",                            //
        "0b 14",                               // the end of another group
        "0b 13 0c 14",                         // groups that overlap
        "0b 00 00 0c",                         // field number 0
        "0b 03 04 0c",                         //
        "0b 0a 05 0c",                         // a length past the end
        "08 ff ff ff ff ff ff ff ff ff ff 01", // 11 bytes
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        assert_int_equal(skip_hex(fields[i], PB_DEPTH_MAX), SKIP_FAILED);
    }
}

static void test_skip__groups_nest_up_to_the_depth(void **state)
{
    (void)state;
    uint8_t bytes[2 * PB_DEPTH_MAX + 2];
    for (size_t depth = 1; depth <= PB_DEPTH_MAX + 1; depth++) {
        memset(bytes, 0x0b, depth);
        memset(bytes + depth, 0x0c, depth);
        int expected = depth <= PB_DEPTH_MAX ? (int)(2 * depth) : SKIP_FAILED;
        assert_int_equal(skip_field(bytes, 2 * depth, PB_DEPTH_MAX), expected);
        assert_int_equal(skip_field(bytes, 2 * depth, depth - 1), SKIP_FAILED);
    }
    assert_int_equal(skip_hex("0b 0c", 0), SKIP_FAILED);
    assert_int_equal(skip_hex("08 00", 0), 2);
    // Groups side by side are not deep.
    assert_int_equal(skip_hex("0b 13 14 13 14 13 14 0c", 2), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_skip__every_wire_type_and_no_cut_of_it),
        cmocka_unit_test(test_skip__malformed_fields_are_refused),
        cmocka_unit_test(test_skip__groups_nest_up_to_the_depth),
    };
    return cmocka_run_group_tests_name("pb_skip", tests, NULL, NULL);
}
