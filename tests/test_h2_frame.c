// SPDX-License-Identifier: MIT
#include "tests/unit.h"

#include "h2/h2.h"
#include "h2/h2_frame.h"

static void test_frame__head_round_trip(void **state)
{
    (void)state;
    static const uint8_t wire[] = {0x12, 0x34, 0x56, 0xab, 0xcd,
                                   0xff, 0xff, 0xff, 0xfe};
    struct h2_frame frame = h2_frame_read(wire);
    assert_int_equal(frame.length, 0x123456);
    assert_int_equal(frame.type, 0xab);
    assert_int_equal(frame.flags, 0xcd);
    assert_int_equal(frame.stream_id, 0x7ffffffe);
    uint8_t out[9];
    h2_frame_write(out, &frame);
    assert_memory_equal(out, wire, 5);
    assert_int_equal(out[5], 0x7f); // the reserved bit is not sent
    assert_memory_equal(out + 6, wire + 6, 3);
}

static uint32_t check(uint8_t type, uint8_t flags, uint32_t id, uint32_t length)
{
    struct h2_fault fault = h2_frame_check(
        &(struct h2_frame){
            .type = type, .flags = flags, .stream_id = id, .length = length},
        16384);
    assert_int_equal(fault.reason == NULL, fault.code == H2_NO_ERROR);
    return fault.code;
}

static void test_frame__rules_of_each_type(void **state)
{
    (void)state;
    // least and most payload, and the code for stream 0 and stream 1.
    static const struct {
        uint32_t least;
        uint32_t most;
        enum h2_code on_0;
        enum h2_code on_1;
    } rows[H2_FRAME_TYPES] = {
        [H2_FRAME_DATA] = {0, 16384, H2_PROTOCOL_ERROR, H2_NO_ERROR},
        [H2_FRAME_HEADERS] = {0, 16384, H2_PROTOCOL_ERROR, H2_NO_ERROR},
        [H2_FRAME_PRIORITY] = {5, 5, H2_PROTOCOL_ERROR, H2_NO_ERROR},
        [H2_FRAME_RST_STREAM] = {4, 4, H2_PROTOCOL_ERROR, H2_NO_ERROR},
        [H2_FRAME_SETTINGS] = {0, 16380, H2_NO_ERROR, H2_PROTOCOL_ERROR},
        [H2_FRAME_PUSH_PROMISE] = {4, 16384, H2_PROTOCOL_ERROR, H2_NO_ERROR},
        [H2_FRAME_PING] = {8, 8, H2_NO_ERROR, H2_PROTOCOL_ERROR},
        [H2_FRAME_GOAWAY] = {8, 16384, H2_NO_ERROR, H2_PROTOCOL_ERROR},
        [H2_FRAME_WINDOW_UPDATE] = {4, 4, H2_NO_ERROR, H2_NO_ERROR},
        [H2_FRAME_CONTINUATION] = {0, 16384, H2_PROTOCOL_ERROR, H2_NO_ERROR},
    };
    for (uint8_t type = 0; type < H2_FRAME_TYPES; type++) {
        assert_int_equal(check(type, 0, 0, rows[type].least), rows[type].on_0);
        assert_int_equal(check(type, 0, 1, rows[type].least), rows[type].on_1);
        uint32_t id = rows[type].on_1 == H2_NO_ERROR ? 1 : 0;
        assert_int_equal(check(type, 0, id, rows[type].most), H2_NO_ERROR);
        assert_int_equal(check(type, 0, id, rows[type].most + 1),
                         H2_FRAME_SIZE_ERROR);
        if (rows[type].least > 0) {
            assert_int_equal(check(type, 0, id, rows[type].least - 1),
                             H2_FRAME_SIZE_ERROR);
        }
    }
    assert_int_equal(check(H2_FRAME_SETTINGS, H2_FLAG_ACK, 0, 6),
                     H2_FRAME_SIZE_ERROR);
    assert_int_equal(check(H2_FRAME_SETTINGS, H2_FLAG_ACK, 0, 0), H2_NO_ERROR);
    assert_int_equal(check(H2_FRAME_TYPES, 0, 0, 16384), H2_NO_ERROR);
    assert_int_equal(check(0xff, 0, 1, 16385), H2_FRAME_SIZE_ERROR);
}

static void test_frame__strips_padding_and_priority(void **state)
{
    (void)state;
    static const uint8_t payload[] = {2, 0x80, 0, 0, 3, 16, 'a', 'b', 0, 0};
    struct view all = view_of(payload, sizeof payload);
    struct h2_frame frame = {.type = H2_FRAME_HEADERS, .stream_id = 1};
    struct view out = {NULL, 0};
    assert_null(h2_frame_strip(&frame, all, &out).reason);
    assert_true(out.data == payload && out.size == 10);
    frame.flags = H2_FLAG_PADDED;
    assert_null(h2_frame_strip(&frame, all, &out).reason);
    assert_true(out.data == payload + 1 && out.size == 7);
    frame.flags = H2_FLAG_PADDED | H2_FLAG_PRIORITY;
    assert_null(h2_frame_strip(&frame, all, &out).reason);
    assert_true(out.data == payload + 6 && out.size == 2);
    // The padding may be all that is left, and no more.
    assert_null(h2_frame_strip(&frame, view_of(payload, 8), &out).reason);
    assert_int_equal(out.size, 0);
    assert_int_equal(h2_frame_strip(&frame, view_of(payload, 7), &out).code,
                     H2_PROTOCOL_ERROR);
    assert_int_equal(h2_frame_strip(&frame, view_of(payload, 5), &out).code,
                     H2_FRAME_SIZE_ERROR);
    assert_int_equal(h2_frame_strip(&frame, view_of(payload, 0), &out).code,
                     H2_FRAME_SIZE_ERROR);
    frame.stream_id = 3;
    assert_int_equal(h2_frame_strip(&frame, all, &out).code, H2_PROTOCOL_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame__head_round_trip),
        cmocka_unit_test(test_frame__rules_of_each_type),
        cmocka_unit_test(test_frame__strips_padding_and_priority),
    };
    return cmocka_run_group_tests_name("h2_frame", tests, NULL, NULL);
}
