// SPDX-License-Identifier: MIT
// Streams that a server has not processed and that go to another connection:
// what happens to them in between, on the simulated network.

#include "tests/unit.h"

#include "core/limits.h"
#include "tests/channel_kit.h"

struct moved {
    struct chan *chan;
    grpc_call *call;
    int ended;
    grpc_code code;
    char text[256];
};

static void moved_end(grpc_call *call, const grpc_status *status, void *self)
{
    struct moved *moved = self;
    (void)call;
    moved->ended++;
    moved->code = status->code;
    moved->call = NULL;
    (void)snprintf(moved->text, sizeof moved->text, "%s", status->message);
}

static void moved_send(struct moved *moved, const char *text)
{
    assert_int_equal(
        grpc_call_send_bytes(moved->call, grpc_str_z(text), NULL, NULL),
        GRPC_OK);
}

// moved_data is the DATA of a stream in what has come to a raw end: a letter for
// each message of one letter, and '.' for its end.
static const char *moved_data(struct moved *moved, uint32_t id)
{
    static char text[64];
    static uint8_t bytes[1 << 16];
    struct chan *chan = moved->chan;
    size_t size = sim_raw_read(chan->world, chan_fd(chan), bytes, sizeof bytes);
    size_t used = 0;
    size_t at = size >= 24 && memcmp(bytes, kit_magic, 24) == 0 ? 24 : 0;
    while (size - at >= 9) {
        const uint8_t *head = bytes + at;
        size_t length = (size_t)head[1] << 8 | (size_t)head[2];
        bool is_data = head[3] == 0 && load_be32(head + 5) == id;
        for (size_t i = 9; is_data && i < 9 + length; i += 6) {
            assert_true(used < sizeof text - 2);
            text[used++] = (char)head[i + 5];
        }
        if (is_data && (head[4] & 1) != 0) {
            text[used++] = '.';
        }
        at += 9 + length;
    }
    text[used] = '\0';
    return text;
}

// moved_begin starts a stream that sends "a" and "b", and has it refused with
// its connection; the next connection is not there yet.
static void moved_begin(struct moved *moved, const grpc_call_options *options)
{
    static const grpc_raw_events events = {.end = moved_end};
    *moved = (struct moved){.chan = chan_begin("127.0.0.1:1", NULL)};
    struct chan *chan = moved->chan;
    chan->quiet = true;
    (void)chan_door(chan, 1, CHAN_SETTINGS);
    moved->call =
        grpc_raw_start(chan->channel, "/a.B/C", &events, moved, options);
    assert_non_null(moved->call);
    chan_settle(chan);
    moved_send(moved, "a");
    moved_send(moved, "b");
    chan_settle(chan);
    assert_string_equal(moved_data(moved, 1), "ab");
    sim_slow(chan->world, 1, 1000000);
    chan_goaway(chan, chan_fd(chan), 0, H2_NO_ERROR, "go");
    chan_to(chan, 100);
    assert_int_equal(grpc_channel_state(chan->channel), GRPC_CONNECTING);
}

static void moved_finish(struct moved *moved, grpc_code code)
{
    assert_int_equal(moved->ended, 1);
    assert_int_equal(moved->code, code);
    assert_true(moved->chan->fd_count <= 2);
    chan_end(moved->chan);
}

// It is sent to and half closed while it waits for the next connection.
static void test_send_moved__grows_in_between(void **state)
{
    struct moved moved;
    (void)state;
    moved_begin(&moved, NULL);
    struct chan *chan = moved.chan;
    moved_send(&moved, "c");
    assert_true(grpc_call_has_room(moved.call));
    assert_int_equal(grpc_call_half_close(moved.call), GRPC_OK);
    assert_int_equal(grpc_call_half_close(moved.call), GRPC_ESTATE);
    chan_to(chan, 1500);
    assert_string_equal(moved_data(&moved, 1), "abc.");
    chan_reply(chan, chan_fd(chan), 1);
    chan_settle(chan);
    moved_finish(&moved, GRPC_OK);
}

static void test_send_moved__cancelled_in_between(void **state)
{
    struct moved moved;
    (void)state;
    moved_begin(&moved, NULL);
    struct chan *chan = moved.chan;
    chan_to(chan, 500);
    grpc_cancel(moved.call);
    chan_to(chan, 1500);
    assert_string_equal(chan_heard(chan, chan_fd(chan)), "");
    moved_finish(&moved, GRPC_CANCELLED);
}

static void test_send_moved__deadline_in_between(void **state)
{
    struct moved moved;
    (void)state;
    moved_begin(&moved, &(grpc_call_options){.timeout_ms = 300});
    struct chan *chan = moved.chan;
    chan_to(chan, 1500);
    assert_string_equal(chan_heard(chan, chan_fd(chan)), "");
    assert_string_equal(moved.text,
                        "deadline exceeded while waiting for a connection: "
                        "connect to 127.0.0.1:1: no answer yet");
    moved_finish(&moved, GRPC_DEADLINE_EXCEEDED);
}

// The channel is freed in between.
static void test_send_moved__freed_in_between(void **state)
{
    struct moved moved;
    (void)state;
    moved_begin(&moved, NULL);
    chan_free(moved.chan);
    moved_finish(&moved, GRPC_CANCELLED);
}

// What waits for the next connection is no less bounded than before it: room is
// found again when that takes it.
static void test_send_moved__room_in_between(void **state)
{
    static const char much[CORE_SEND_ROOM_BYTES];
    struct moved moved;
    (void)state;
    moved_begin(&moved, NULL);
    struct chan *chan = moved.chan;
    assert_int_equal(grpc_call_send_bytes(
                         moved.call, (grpc_str){much, sizeof much}, NULL, NULL),
                     GRPC_OK);
    assert_int_equal(
        grpc_call_send_bytes(moved.call, (grpc_str){much, 1}, NULL, NULL),
        GRPC_AGAIN);
    chan_to(chan, 1500);
    assert_int_equal(moved.call->outbox.size, 0);
    assert_int_equal(moved.ended, 0);
    chan_reply(chan, chan_fd(chan), 1);
    chan_settle(chan);
    moved_finish(&moved, GRPC_OK);
}

// All connections go away: a stream is sent twice, and then ends.
static void test_send_moved__refused_twice(void **state)
{
    struct moved moved;
    (void)state;
    moved_begin(&moved, &(grpc_call_options){.wait_for_ready = true});
    struct chan *chan = moved.chan;
    chan_to(chan, 1500);
    assert_string_equal(moved_data(&moved, 1), "ab");
    chan_goaway(chan, chan_fd(chan), 0, H2_NO_ERROR, "go");
    chan_settle(chan);
    assert_string_equal(
        moved.text,
        "the server, 127.0.0.1:1, did not process the call, and went away");
    moved_finish(&moved, GRPC_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_send_moved__grows_in_between),
        cmocka_unit_test(test_send_moved__cancelled_in_between),
        cmocka_unit_test(test_send_moved__deadline_in_between),
        cmocka_unit_test(test_send_moved__freed_in_between),
        cmocka_unit_test(test_send_moved__room_in_between),
        cmocka_unit_test(test_send_moved__refused_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
