// SPDX-License-Identifier: MIT
// Attacks on a server by frames that are not header blocks: floods that induce
// replies, frames without use, SETTINGS.
#include "tests/unit.h"

#include "tests/attack_kit.h"

// What a flood of one kind of frame costs, and how it ends.
struct frames_row {
    struct attack attack;
    void (*prepare)(struct attack_run *run); // NULL: nothing
    void (*put)(struct attack_run *run, uint32_t i);
    uint32_t count;
};

static void frames_run(const struct frames_row *row)
{
    struct attack_run *run = attack_server(&row->attack);
    if (row->prepare != NULL) {
        row->prepare(run);
        attack_prepare(run);
    }
    for (uint32_t i = 0; i < row->count; i++) {
        row->put(run, i);
    }
    attack_begin(run);
    attack_deliver(run);
    attack_end(run);
}

// ---- Floods that induce replies ---------------------------------------------

static void put_ping(struct attack_run *run, uint32_t i)
{
    uint8_t bytes[8] = {0};
    store_be32(bytes, i);
    attack_frame(run, 6, 0, 0, bytes, sizeof bytes);
}

static void put_ping_ack(struct attack_run *run, uint32_t i)
{
    uint8_t bytes[8] = {0};
    store_be32(bytes, i);
    attack_frame(run, 6, 1, 0, bytes, sizeof bytes);
}

static void put_settings(struct attack_run *run, uint32_t i)
{
    (void)i;
    attack_frame(run, 4, 0, 0, NULL, 0);
}

// put_mixed: whatever makes us answer, in turn.
static void put_mixed(struct attack_run *run, uint32_t i)
{
    uint32_t id = 3 + 2 * (i / 4);
    switch (i % 4) {
    case 0:
        put_ping(run, i);
        break;
    case 1:
        put_settings(run, i);
        break;
    case 2:
        attack_request(run, id, true); // no message: UNIMPLEMENTED
        break;
    default:
        attack_word(run, 8, id, 0x7fffffff);
        break;
    }
}

// fill_the_socket lets nothing through to a peer that does not read.
static void fill_the_socket(struct attack_run *run)
{
    int size = 1;
    assert_int_equal(setsockopt(run->conn->source.fd, SOL_SOCKET, SO_SNDBUF,
                                &size, sizeof size),
                     0);
}

static void test_attack__ping_flood_unread(void **state)
{
    (void)state;
    static const struct frames_row row = {
        {.name = "PING flood, acks not read",
         .class = "5 CVE-2019-9512",
         .memory = ATTACK_HELD + ATTACK_INDUCED,
         .ir = ATTACK_IR_DROPPED,
         .ms = ATTACK_MS_STALL,
         .end = ATTACK_CLOSED,
         .code = H2_ENHANCE_YOUR_CALM,
         .is_deaf = true},
        fill_the_socket,
        put_ping,
        10000,
    };
    frames_run(&row);
}

static void test_attack__ping_flood_read(void **state)
{
    (void)state;
    static const struct frames_row row = {
        {.name = "PING flood, acks read",
         .class = "5 CVE-2019-9512",
         .memory = ATTACK_HELD,
         .ir = ATTACK_IR_DROPPED,
         .ms = ATTACK_MS_LINGER,
         .end = ATTACK_CLOSED,
         .code = H2_ENHANCE_YOUR_CALM,
         .text = "too_many_pings"},
        NULL,
        put_ping,
        24000,
    };
    frames_run(&row);
}

static void test_attack__ping_ack_flood(void **state)
{
    (void)state;
    static const struct frames_row row = {
        {.name = "acks of no PING",
         .class = "21",
         .memory = ATTACK_HELD,
         .ir = ATTACK_IR_DROPPED,
         .ms = ATTACK_MS_DELAYS,
         .end = ATTACK_CLOSED,
         .code = H2_ENHANCE_YOUR_CALM,
         .is_slowed_down = true},
        NULL,
        put_ping_ack,
        24000,
    };
    frames_run(&row);
}

static void test_attack__settings_flood_unread(void **state)
{
    (void)state;
    static const struct frames_row row = {
        {.name = "SETTINGS flood, acks not read",
         .class = "5 CVE-2019-9515",
         .memory = ATTACK_HELD + ATTACK_INDUCED,
         .ir = 2 * ATTACK_IR_DROPPED,
         .ms = ATTACK_MS_STALL,
         .end = ATTACK_CLOSED,
         .code = H2_ENHANCE_YOUR_CALM,
         .is_deaf = true},
        fill_the_socket,
        put_settings,
        20000,
    };
    frames_run(&row);
}

static void test_attack__settings_flood_read(void **state)
{
    (void)state;
    static const struct frames_row row = {
        {.name = "SETTINGS flood, acks read",
         .class = "5 CVE-2019-9515",
         .memory = ATTACK_HELD + ATTACK_INDUCED,
         .ir = 2 * ATTACK_IR_DROPPED,
         .ms = ATTACK_MS_DELAYS,
         .end = ATTACK_CLOSED,
         .code = H2_ENHANCE_YOUR_CALM,
         .is_slowed_down = true},
        NULL,
        put_settings,
        30000,
    };
    frames_run(&row);
}

static void test_attack__mixed_flood_unread(void **state)
{
    (void)state;
    static const struct frames_row row = {
        {.name = "all that induces replies, not read",
         .class = "24",
         .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_FIELDS,
         .ir = ATTACK_IR_HONEST,
         .ms = ATTACK_MS_STALL,
         .end = ATTACK_CLOSED,
         .code = H2_ENHANCE_YOUR_CALM,
         .is_deaf = true},
        fill_the_socket,
        put_mixed,
        16000,
    };
    frames_run(&row);
}

// ---- Frames without use -----------------------------------------------------

static void put_priority(struct attack_run *run, uint32_t i)
{
    static const uint8_t bytes[5] = {0x80, 0, 0, 1, 255};
    attack_frame(run, 2, 0, 3 + 2 * (i % 1000), bytes, sizeof bytes);
}

static void put_unknown(struct attack_run *run, uint32_t i)
{
    attack_frame(run, (uint8_t)(10 + i % 200), 0, i % 7, NULL, 0);
}

// put_connection_window stays below the largest window.
static void put_connection_window(struct attack_run *run, uint32_t i)
{
    (void)i;
    attack_word(run, 8, 0, 1);
}

static void put_stream_window(struct attack_run *run, uint32_t i)
{
    (void)i;
    attack_word(run, 8, 3, 1);
}

static void put_late_reset(struct attack_run *run, uint32_t i)
{
    (void)i;
    attack_word(run, 3, 1, H2_CANCEL);
}

static void put_goaway(struct attack_run *run, uint32_t i)
{
    static const uint8_t bytes[8] = {0x7f, 0xff, 0xff, 0xff};
    (void)i;
    attack_frame(run, 7, 0, 0, bytes, sizeof bytes);
}

static void open_stream(struct attack_run *run)
{
    attack_request(run, 3, false);
}

static void test_attack__useless_frames(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *class;
        void (*prepare)(struct attack_run *run);
        void (*put)(struct attack_run *run, uint32_t i);
        uint32_t count;
    } kinds[] = {
        {"PRIORITY churn", "4 CVE-2019-9513", NULL, put_priority, 24000},
        {"unknown frames", "21", NULL, put_unknown, 30000},
        {"WINDOW_UPDATE noise on the connection", "21", NULL,
         put_connection_window, 24000},
        {"WINDOW_UPDATE noise on a stream", "21", open_stream,
         put_stream_window, 24000},
        {"RST_STREAM of a stream that has ended", "21", NULL, put_late_reset,
         24000},
        {"GOAWAY flood", "21", NULL, put_goaway, 24000},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct frames_row row = {
            {.name = kinds[i].name,
             .class = kinds[i].class,
             .memory = ATTACK_HELD,
             .ir = ATTACK_IR_DROPPED,
             .ms = ATTACK_MS_DELAYS,
             .end = ATTACK_CLOSED,
             .code = H2_ENHANCE_YOUR_CALM,
             .is_slowed_down = true},
            kinds[i].prepare,
            kinds[i].put,
            kinds[i].count,
        };
        frames_run(&row);
    }
}

// ---- DATA -------------------------------------------------------------------

static void put_empty_data(struct attack_run *run, uint32_t i)
{
    (void)i;
    attack_frame(run, 0, 0, 3, NULL, 0);
}

// Padding alone is as empty.
static void put_padding(struct attack_run *run, uint32_t i)
{
    static const uint8_t bytes[16] = {15};
    (void)i;
    attack_frame(run, 0, 8, 3, bytes, sizeof bytes);
}

static void test_attack__empty_data(void **state)
{
    (void)state;
    static const struct frames_row rows[] = {
        {{.name = "empty DATA flood",
          .class = "7 CVE-2019-9518",
          .memory = ATTACK_HELD,
          .ir = ATTACK_IR_DROPPED,
          .ms = ATTACK_MS_DELAYS,
          .end = ATTACK_CLOSED,
          .code = H2_ENHANCE_YOUR_CALM,
          .is_slowed_down = true},
         open_stream,
         put_empty_data,
         8000},
        {{.name = "DATA of padding alone",
          .class = "7 CVE-2019-9518",
          .memory = ATTACK_HELD,
          .ir = ATTACK_IR_DROPPED,
          .ms = ATTACK_MS_DELAYS,
          .end = ATTACK_CLOSED,
          .code = H2_ENHANCE_YOUR_CALM,
          .is_slowed_down = true},
         open_stream,
         put_padding,
         6000},
    };
    frames_run(&rows[0]);
    frames_run(&rows[1]);
}

enum { SMALL_MESSAGE = 16000 };

static void reply_shortly(grpc_call *call, struct kit_greeter *greeter)
{
    (void)greeter;
    assert_int_equal(kit_reply(call, "ok"), GRPC_OK);
}

// open_message begins a message that comes byte by byte.
static void open_message(struct attack_run *run)
{
    uint8_t bytes[9] = {0,
                        0,
                        0,
                        SMALL_MESSAGE >> 8,
                        SMALL_MESSAGE & 255,
                        0x0a,
                        (SMALL_MESSAGE - 3) % 128 + 128,
                        (SMALL_MESSAGE - 3) / 128};
    run->bench->greeter.act = reply_shortly;
    attack_request(run, 3, false);
    attack_frame(run, 0, 0, 3, bytes, 8);
}

static void put_small_data(struct attack_run *run, uint32_t i)
{
    attack_frame(run, 0, i == SMALL_MESSAGE - 4, 3, "x", 1);
}

// Flow control bounds bytes, and not frames. No frame costs memory of its own:
// a message of 16,000 bytes is held as that, whatever it came in.
static void test_attack__small_data(void **state)
{
    (void)state;
    static const struct frames_row row = {
        {.name = "DATA of one byte each",
         .class = "8 h2-rs 0.4.16",
         // gathered, being grown, and decoded
         .memory = 4 * SMALL_MESSAGE + ATTACK_STREAM,
         .ir = 2 * ATTACK_IR_DROPPED,
         .ms = 0,
         .end = ATTACK_BORNE},
        open_message,
        put_small_data,
        SMALL_MESSAGE - 3,
    };
    frames_run(&row);
}

// Streams of which the ids all fall into one bucket: the longest chain is as long
// as there may be streams.
static void open_colliding(struct attack_run *run)
{
    for (uint32_t i = 0; i < H2_LIMIT_CONCURRENT_STREAMS; i++) {
        attack_request(run, 3 + 2 * H2_BUCKETS_MANY * i, false);
    }
    attack_frame(run, 0, 0, 3, "\0\0\0\x0f\xff", 5); // of 4,095 bytes
}

static void put_to_the_last_in_the_chain(struct attack_run *run, uint32_t i)
{
    (void)i;
    attack_frame(run, 0, 0, 3, "x", 1);
}

static void test_attack__colliding_streams(void **state)
{
    (void)state;
    static const struct frames_row row = {
        {.name = "ids of 128 streams that collide",
         .class = "23",
         .memory = ATTACK_STREAM + ATTACK_HELD,
         .ir = ATTACK_IR_HONEST,
         .ms = 0,
         .end = ATTACK_BORNE},
        open_colliding,
        put_to_the_last_in_the_chain,
        4000,
    };
    frames_run(&row);
}

// ---- SETTINGS ---------------------------------------------------------------

static void put_settings_entries(struct attack_run *run, size_t count)
{
    attack_head(run, count * 6, 4, 0, 0);
    for (size_t i = 0; i < count; i++) {
        static const uint8_t entry[6] = {0, 4, 0, 0, 255, 255};
        attack_put(run, entry, sizeof entry);
    }
}

static void put_huge_settings(struct attack_run *run, uint32_t i)
{
    (void)i;
    put_settings_entries(run, 2400);
}

static void put_full_settings(struct attack_run *run, uint32_t i)
{
    (void)i;
    put_settings_entries(run, H2_LIMIT_SETTINGS_ENTRIES);
}

static void test_attack__huge_settings(void **state)
{
    (void)state;
    static const struct frames_row rows[] = {
        {{.name = "SETTINGS of 2,400 entries",
          .class = "9 CVE-2020-11080",
          .memory = ATTACK_SPILL + ATTACK_FAREWELL,
          .ir = ATTACK_IR_SKIPPED,
          .ms = ATTACK_MS_LINGER,
          .end = ATTACK_CLOSED,
          .code = H2_ENHANCE_YOUR_CALM},
         NULL,
         put_huge_settings,
         1},
        {{.name = "SETTINGS of 32 entries, over and over",
          .class = "9 CVE-2020-11080",
          .memory = ATTACK_HELD + ATTACK_INDUCED,
          .ir = ATTACK_IR_DROPPED,
          .ms = 0,
          .end = ATTACK_BORNE},
         NULL,
         put_full_settings,
         1500},
    };
    frames_run(&rows[0]);
    frames_run(&rows[1]);
}

// reply_at_length: 2,000 bytes.
static void reply_at_length(grpc_call *call, struct kit_greeter *greeter)
{
    static char text[2001];
    (void)greeter;
    memset(text, 'x', 2000);
    assert_int_equal(kit_reply(call, text), GRPC_OK);
}

// stall_replies: all streams have DATA that waits for a window of their own.
static void stall_replies(struct attack_run *run)
{
    run->bench->greeter.act = reply_at_length;
    attack_setting(run, 4, 0);
    for (uint32_t i = 0; i < H2_LIMIT_CONCURRENT_STREAMS; i++) {
        attack_request(run, 3 + 2 * i, false);
        attack_message(run, 3 + 2 * i, true);
    }
}

static void put_window_setting(struct attack_run *run, uint32_t i)
{
    attack_setting(run, 4, i % 2);
}

static void put_growing_setting(struct attack_run *run, uint32_t i)
{
    attack_setting(run, 4, i);
}

// Each change might have to be told to each stream; growing, it lets each send
// one byte in a frame of its own. So a change counts as glitches for each of
// them, and the burst that is allowed at once is the whole cost.
enum {
    WINDOW_CHANGES = H2_LIMIT_GLITCH_BURST /
                     (H2_LIMIT_WINDOW_GLITCHES * H2_LIMIT_CONCURRENT_STREAMS),
    WINDOW_ONCE = 2 * WINDOW_CHANGES * H2_LIMIT_CONCURRENT_STREAMS * 500,
};

static void test_attack__window_settings(void **state)
{
    (void)state;
    static const struct frames_row rows[] = {
        {{.name = "initial window 0, 1, 0, 1, with 128 streams",
          .class = "10",
          .memory = ATTACK_HELD + ATTACK_INDUCED,
          .ir = ATTACK_IR_HONEST,
          .once = WINDOW_ONCE,
          .ms = ATTACK_MS_DELAYS,
          .end = ATTACK_CLOSED,
          .code = H2_ENHANCE_YOUR_CALM,
          .is_slowed_down = true},
         stall_replies,
         put_window_setting,
         20000},
        // What goes out is bounded by the output, and not by this.
        {{.name = "initial window 1, 2, 3, with 128 streams",
          .class = "10, 3 CVE-2019-9511",
          .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_OUTPUT,
          .ir = ATTACK_IR_HONEST,
          .once = WINDOW_ONCE,
          .ms = ATTACK_MS_DELAYS,
          .end = ATTACK_CLOSED,
          .code = H2_ENHANCE_YOUR_CALM,
          .is_slowed_down = true},
         stall_replies,
         put_growing_setting,
         20000},
    };
    frames_run(&rows[0]);
    frames_run(&rows[1]);
}

// raise_one_window leaves the bound on all windows at its highest, though the
// stream that had so large a window is gone.
static void raise_one_window(struct attack_run *run)
{
    attack_setting(run, 4, 0);
    for (uint32_t i = 0; i < H2_LIMIT_CONCURRENT_STREAMS; i++) {
        attack_request(run, 3 + 2 * i, false);
    }
    attack_word(run, 8, 5, 0x7fffff00);
    attack_word(run, 3, 5, H2_CANCEL);
}

static void put_large_settings(struct attack_run *run, uint32_t i)
{
    (void)i;
    attack_head(run, 32 * 6, 4, 0, 0);
    for (uint8_t n = 0; n < 32; n++) {
        const uint8_t entry[6] = {0, 4, 0, 1, 0, n == 31 ? 0 : n};
        attack_put(run, entry, sizeof entry);
    }
}

static void test_attack__window_settings_with_a_high_bound(void **state)
{
    (void)state;
    static const struct frames_row row = {
        {.name = "initial window held against 128 streams",
         .class = "10",
         .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_STREAMS,
         .ir = ATTACK_IR_HONEST,
         .ms = 0,
         .end = ATTACK_BORNE},
        raise_one_window,
        put_large_settings,
        1000,
    };
    frames_run(&row);
}

// Each value that may not be stored ends the connection at once: used as the
// size of a piece, it would make a loop endless.
static void test_attack__poisonous_settings(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t which;
        uint32_t value;
        enum h2_code code;
    } rows[] = {
        {"SETTINGS_MAX_FRAME_SIZE 0", 5, 0, H2_PROTOCOL_ERROR},
        {"SETTINGS_MAX_FRAME_SIZE 16,383", 5, 16383, H2_PROTOCOL_ERROR},
        {"SETTINGS_MAX_FRAME_SIZE 2^24", 5, 1 << 24, H2_PROTOCOL_ERROR},
        {"SETTINGS_INITIAL_WINDOW_SIZE 2^31", 4, UINT32_C(1) << 31,
         H2_FLOW_CONTROL_ERROR},
        {"SETTINGS_ENABLE_PUSH 2", 2, 2, H2_PROTOCOL_ERROR},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct attack attack = {
            .name = rows[i].name,
            .class = "20 CVE-2026-33814",
            .memory = ATTACK_FAREWELL,
            .ir = ATTACK_IR_HONEST,
            .ms = ATTACK_MS_LINGER,
            .end = ATTACK_CLOSED,
            .code = rows[i].code,
        };
        struct attack_run *run = attack_server(&attack);
        attack_setting(run, rows[i].which, rows[i].value);
        attack_begin(run);
        attack_deliver(run);
        attack_end(run);
    }
}

// put_encoder_table also asks for replies, which our encoder encodes.
static void put_encoder_table(struct attack_run *run, uint32_t i)
{
    attack_setting(run, 1, i % 2 == 0 ? UINT32_MAX : 0);
    attack_request(run, 3 + 2 * i, false);
    attack_message(run, 3 + 2 * i, true);
}

static void test_attack__encoder_table(void **state)
{
    (void)state;
    static const struct frames_row row = {
        {.name = "table size 2^32-1 and 0 for our encoder",
         .class = "11 h2-rs 0.4.17",
         .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_TABLES +
                   ATTACK_FIELDS + 2 * ATTACK_STREAM,
         .ir = 2 * ATTACK_IR_HONEST,
         .ms = 0,
         .end = ATTACK_BORNE},
        NULL,
        put_encoder_table,
        3000,
    };
    frames_run(&row);
}

// ---- What only a server may do, and what nobody may -------------------------

static void test_attack__forbidden_frames(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *class;
        uint8_t type;
        uint8_t flags;
        uint32_t id;
        uint8_t size;
        enum h2_code code;
    } rows[] = {
        {"PUSH_PROMISE to a server", "18", 5, 4, 1, 8, H2_PROTOCOL_ERROR},
        {"WINDOW_UPDATE on an idle stream", "23", 8, 0, 9, 4,
         H2_PROTOCOL_ERROR},
        {"RST_STREAM on an idle stream", "23", 3, 0, 9, 4, H2_PROTOCOL_ERROR},
        {"DATA on an idle stream", "23", 0, 0, 9, 8, H2_PROTOCOL_ERROR},
        {"CONTINUATION without HEADERS", "17", 9, 4, 1, 8, H2_PROTOCOL_ERROR},
        {"padded DATA without a pad length", "29 CVE-2022-0618", 0, 8, 1, 0,
         H2_FRAME_SIZE_ERROR},
        {"HEADERS with a cut priority", "29 haproxy 2026", 1, 0x24, 3, 4,
         H2_FRAME_SIZE_ERROR},
        {"padded HEADERS without a pad length", "29 CVE-2022-0618", 1, 0xc, 3,
         0, H2_FRAME_SIZE_ERROR},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct attack attack = {
            .name = rows[i].name,
            .class = rows[i].class,
            .memory = ATTACK_FAREWELL,
            .ir = ATTACK_IR_HONEST,
            .ms = ATTACK_MS_LINGER,
            .end = ATTACK_CLOSED,
            .code = rows[i].code,
        };
        static const uint8_t zeros[16] = {0};
        struct attack_run *run = attack_server(&attack);
        attack_frame(run, rows[i].type, rows[i].flags, rows[i].id, zeros,
                     rows[i].size);
        attack_begin(run);
        attack_deliver(run);
        attack_end(run);
    }
}

// The connection is over with the first frame; what follows is not looked at.
static void test_attack__frames_after_the_end(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "frames behind a fatal one",
        .class = "14 CVE-2026-27135",
        .memory = ATTACK_FAREWELL,
        .ir = ATTACK_IR_SKIPPED,
        .ms = ATTACK_MS_LINGER,
        .end = ATTACK_CLOSED,
        .code = H2_PROTOCOL_ERROR,
    };
    struct attack_run *run = attack_server(&attack);
    attack_frame(run, 5, 4, 1, "\0\0\0\2\x82\x86\x84", 7);
    for (uint32_t i = 0; i < 3000; i++) {
        put_mixed(run, i);
    }
    attack_begin(run);
    attack_deliver(run);
    assert_int_equal(run->bench->greeter.handled, 1);
    attack_end(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attack__ping_flood_unread),
        cmocka_unit_test(test_attack__ping_flood_read),
        cmocka_unit_test(test_attack__ping_ack_flood),
        cmocka_unit_test(test_attack__settings_flood_unread),
        cmocka_unit_test(test_attack__settings_flood_read),
        cmocka_unit_test(test_attack__mixed_flood_unread),
        cmocka_unit_test(test_attack__useless_frames),
        cmocka_unit_test(test_attack__empty_data),
        cmocka_unit_test(test_attack__small_data),
        cmocka_unit_test(test_attack__colliding_streams),
        cmocka_unit_test(test_attack__huge_settings),
        cmocka_unit_test(test_attack__window_settings),
        cmocka_unit_test(test_attack__window_settings_with_a_high_bound),
        cmocka_unit_test(test_attack__poisonous_settings),
        cmocka_unit_test(test_attack__encoder_table),
        cmocka_unit_test(test_attack__forbidden_frames),
        cmocka_unit_test(test_attack__frames_after_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
