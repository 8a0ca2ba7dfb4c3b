// SPDX-License-Identifier: MIT
// Attacks on a client by the server that it calls.
#include "tests/unit.h"

#include "tests/attack_kit.h"

enum { CLIENT_CALLS = 100 };

static struct kit_result results[CLIENT_CALLS];

// client_begin is a channel with count calls under way, on streams 1, 3...
static struct attack_run *client_begin(const struct attack *attack,
                                       uint32_t count, const char *name)
{
    struct attack_run *run = attack_channel(attack);
    memset(results, 0, sizeof results);
    for (uint32_t i = 0; i < count; i++) {
        assert_non_null(kit_call(run->bench->channel, name, &results[i]));
    }
    kit_turn(run->bench->loop);
    (void)attack_read(run);
    assert_int_equal(run->conn->h2.open_count, count);
    return run;
}

// client_expect: those calls have ended so.
static void client_expect(uint32_t first, uint32_t count, grpc_code code,
                          const char *text)
{
    for (uint32_t i = first; i < first + count; i++) {
        assert_int_equal(results[i].done, 1);
        assert_int_equal(results[i].code, code);
        if (strstr(results[i].text, text) == NULL) {
            fail_msg("%s", results[i].text);
        }
    }
}

// put_response: the response headers, a field each, in no table.
static void put_response(struct attack_run *run, uint32_t id)
{
    uint8_t block[64] = {0x88};
    size_t size =
        1 + attack_literal(block + 1, 0x00, "content-type", "application/grpc");
    attack_frame(run, 1, 4, id, block, size);
}

static void put_trailers(struct attack_run *run, uint32_t id)
{
    uint8_t block[32];
    size_t size = attack_literal(block, 0x00, "grpc-status", "0");
    attack_frame(run, 1, 5, id, block, size);
}

// ---- Frames -----------------------------------------------------------------

static void put_ping(struct attack_run *run, uint32_t i)
{
    uint8_t bytes[8] = {0};
    store_be32(bytes, i);
    attack_frame(run, 6, 0, 0, bytes, sizeof bytes);
}

static void put_settings(struct attack_run *run, uint32_t i)
{
    (void)i;
    attack_frame(run, 4, 0, 0, NULL, 0);
}

static void put_priority(struct attack_run *run, uint32_t i)
{
    static const uint8_t bytes[5] = {0x80, 0, 0, 0, 255};
    attack_frame(run, 2, 0, 1 + 2 * (i % 1000), bytes, sizeof bytes);
}

static void put_unknown(struct attack_run *run, uint32_t i)
{
    attack_frame(run, (uint8_t)(10 + i % 200), 0, i % 7, NULL, 0);
}

static void put_window(struct attack_run *run, uint32_t i)
{
    attack_word(run, 8, i % 2, 1);
}

static void put_reset(struct attack_run *run, uint32_t i)
{
    (void)i;
    attack_word(run, 3, 1, H2_CANCEL);
}

static void put_empty_data(struct attack_run *run, uint32_t i)
{
    (void)i;
    attack_frame(run, 0, 0, 1, NULL, 0);
}

static void put_goaway(struct attack_run *run, uint32_t i)
{
    static const uint8_t bytes[8] = {0x7f, 0xff, 0xff, 0xff};
    (void)i;
    attack_frame(run, 7, 0, 0, bytes, sizeof bytes);
}

static void put_trailers_again(struct attack_run *run, uint32_t i)
{
    (void)i;
    put_trailers(run, 1);
}

static void put_informational(struct attack_run *run, uint32_t i)
{
    static const uint8_t block[] = {0x48, 3, '1', '0', '3'};
    (void)i;
    attack_frame(run, 1, 4, 1, block, sizeof block);
}

// Each is slowed down, then the connection is closed, and the call with it.
static void test_attack__client_floods(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *class;
        void (*put)(struct attack_run *run, uint32_t i);
        uint32_t ir;
        bool reply; // response headers come first
    } kinds[] = {
        {"client: PING flood", "5 CVE-2019-9512", put_ping, ATTACK_IR_DROPPED,
         false},
        {"client: SETTINGS flood", "5 CVE-2019-9515", put_settings,
         2 * ATTACK_IR_DROPPED, false},
        {"client: PRIORITY churn", "4 CVE-2019-9513", put_priority,
         ATTACK_IR_DROPPED, false},
        {"client: unknown frames", "21", put_unknown, ATTACK_IR_DROPPED, false},
        {"client: WINDOW_UPDATE noise", "21", put_window, ATTACK_IR_DROPPED,
         false},
        {"client: RST_STREAM over and over", "21", put_reset, ATTACK_IR_DROPPED,
         false},
        {"client: empty DATA", "7 CVE-2019-9518", put_empty_data,
         ATTACK_IR_DROPPED, true},
        {"client: informational responses", "19 Go 2024", put_informational,
         ATTACK_IR_HONEST, false},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct attack attack = {
            .name = kinds[i].name,
            .class = kinds[i].class,
            .memory =
                ATTACK_HELD + ATTACK_INDUCED + ATTACK_FIELDS + ATTACK_TABLES,
            .ir = kinds[i].ir,
            .ms = ATTACK_MS_DELAYS,
            .end = ATTACK_CLOSED,
            .code = H2_ENHANCE_YOUR_CALM,
            .is_slowed_down = true,
        };
        struct attack_run *run = client_begin(&attack, 1, "Ann");
        if (kinds[i].reply) {
            put_response(run, 1);
            attack_prepare(run);
        }
        for (uint32_t n = 0; n < 24000; n++) {
            kinds[i].put(run, n);
        }
        attack_begin(run);
        attack_deliver(run);
        assert_int_equal(results[0].done, 1);
        assert_int_not_equal(results[0].code, GRPC_OK);
        attack_end(run);
    }
}

// A GOAWAY alone ends the connection when the calls have ended; a call that does
// not is not disturbed by a thousand of them, and ends with the flood.
static void test_attack__client_goaway_flood(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "client: GOAWAY flood",
        .class = "21",
        .memory = ATTACK_HELD + ATTACK_INDUCED,
        .ir = ATTACK_IR_DROPPED,
        .ms = ATTACK_MS_DELAYS,
        .end = ATTACK_CLOSED,
        .code = H2_ENHANCE_YOUR_CALM,
        .is_slowed_down = true,
        .goaways = 2, // the first says that no more calls are made
    };
    struct attack_run *run = client_begin(&attack, 1, "Ann");
    for (uint32_t n = 0; n < 24000; n++) {
        put_goaway(run, n);
    }
    attack_begin(run);
    attack_deliver(run);
    client_expect(0, 1, GRPC_UNAVAILABLE, "ENHANCE_YOUR_CALM");
    attack_end(run);
}

// Trailers come once; what comes behind them is nobody's.
static void test_attack__client_frames_behind_the_end(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "client: trailers over and over",
        .class = "21",
        .memory = ATTACK_FAREWELL + ATTACK_FIELDS,
        .ir = ATTACK_IR_SKIPPED,
        .once = 20000,
        .ms = ATTACK_MS_LINGER,
        .end = ATTACK_CLOSED,
        .code = H2_STREAM_CLOSED,
    };
    struct attack_run *run = client_begin(&attack, 1, "Ann");
    put_response(run, 1);
    attack_message(run, 1, false);
    for (uint32_t n = 0; n < 2000; n++) {
        put_trailers_again(run, n);
    }
    attack_begin(run);
    attack_deliver(run);
    assert_int_equal(results[0].code, GRPC_OK);
    attack_end(run);
}

static void test_attack__client_forbidden_frames(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *class;
        const char *bytes;
        size_t size;
        enum h2_code code;
    } rows[] = {
        {"client: PUSH_PROMISE", "18", "\0\0\5\5\4\0\0\0\1\0\0\0\2\x82", 14,
         H2_PROTOCOL_ERROR},
        {"client: request", "18", "\0\0\3\1\5\0\0\0\2\x82\x86\x84", 12,
         H2_PROTOCOL_ERROR},
        {"client: SETTINGS_ENABLE_PUSH", "18, 20",
         "\0\0\6\4\0\0\0\0\0\0\2\0\0\0\1", 15, H2_PROTOCOL_ERROR},
        {"client: SETTINGS_MAX_FRAME_SIZE 0", "20 CVE-2026-33814",
         "\0\0\6\4\0\0\0\0\0\0\5\0\0\0\0", 15, H2_PROTOCOL_ERROR},
        {"client: window over 2^31-1", "20",
         "\0\0\4\x8\0\0\0\0\0\x7f\xff\xff\xff", 13, H2_FLOW_CONTROL_ERROR},
        {"client: response of another protocol", "22",
         "HTTP/1.1 400 Bad Request\r\n\r\n", 28, H2_FRAME_SIZE_ERROR},
        {"client: DATA on a stream not opened", "23", "\0\0\1\0\0\0\0\0\x09x",
         10, H2_PROTOCOL_ERROR},
        {"client: headers cut short", "29", "\0\0\4\1\x24\0\0\0\1\0\0\0\0", 13,
         H2_FRAME_SIZE_ERROR},
        {"client: GOAWAY that takes back", "21",
         "\0\0\x8\7\0\0\0\0\0\0\0\0\1\0\0\0\0"
         "\0\0\x8\7\0\0\0\0\0\0\0\0\3\0\0\0\0",
         34, H2_PROTOCOL_ERROR},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct attack attack = {
            .name = rows[i].name,
            .class = rows[i].class,
            .memory = ATTACK_FAREWELL + ATTACK_TABLES,
            .ir = ATTACK_IR_HONEST,
            .once = 15000, // the call's end as well
            .ms = ATTACK_MS_LINGER,
            .end = ATTACK_CLOSED,
            .code = rows[i].code,
            .goaways = i == 8 ? 2 : 1,
        };
        struct attack_run *run = client_begin(&attack, 1, "Ann");
        attack_put(run, rows[i].bytes, rows[i].size);
        attack_begin(run);
        attack_deliver(run);
        client_expect(0, 1, GRPC_UNAVAILABLE, "HTTP/2");
        attack_end(run);
    }
}

// ---- Header blocks ----------------------------------------------------------

static size_t many_bytes(uint8_t *to)
{
    static char value[15001];
    memset(value, 'v', sizeof value - 1);
    to[0] = 0x88;
    size_t size = 1;
    size += attack_literal(to + size, 0x00, "content-type", "application/grpc");
    return size + attack_literal(to + size, 0x00, "x", value);
}

static size_t many_fields(uint8_t *to)
{
    to[0] = 0x88;
    memset(to + 1, 0x90, 250); // accept-encoding: gzip, deflate
    return 251;
}

static size_t bomb(uint8_t *to)
{
    static char value[4001];
    memset(value, 'v', sizeof value - 1);
    to[0] = 0x88;
    size_t size = 1 + attack_literal(to + 1, 0x40, "x", value);
    memset(to + size, 0xbe, 10000);
    return size + 10000;
}

static size_t fields_without_end(uint8_t *to)
{
    to[0] = 0x88;
    memset(to + 1, 0xa0, 16000);
    return 16001;
}

// Between the limits one call ends; over the hard one the connection does.
static void test_attack__client_large_headers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *class;
        size_t (*block)(uint8_t *to);
        enum attack_end end;
    } rows[] = {
        {"client: headers of 15,000 bytes", "1", many_bytes, ATTACK_BORNE},
        {"client: 250 header fields", "2 CVE-2026-49975", many_fields,
         ATTACK_BORNE},
        {"client: HPACK bomb", "1 CVE-2016-1544", bomb, ATTACK_CLOSED},
        {"client: 16,000 header fields", "2 CVE-2026-49975", fields_without_end,
         ATTACK_CLOSED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct attack attack = {
            .name = rows[i].name,
            .class = rows[i].class,
            .memory = ATTACK_FAREWELL + ATTACK_FIELDS + ATTACK_TABLES,
            .ir = ATTACK_IR_HONEST,
            .once = 15000,
            .ms = ATTACK_MS_LINGER,
            .end = rows[i].end,
            .code = H2_ENHANCE_YOUR_CALM,
        };
        static uint8_t block[2 * 16384];
        struct attack_run *run = client_begin(&attack, 1, "Ann");
        attack_frame(run, 1, 4, 1, block, rows[i].block(block));
        attack_begin(run);
        attack_deliver(run);
        if (rows[i].end == ATTACK_BORNE) {
            client_expect(0, 1, GRPC_RESOURCE_EXHAUSTED, "limit");
        } else {
            client_expect(0, 1, GRPC_UNAVAILABLE, "hard limit");
        }
        attack_end(run);
    }
}

static void test_attack__client_continuation_flood(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "client: CONTINUATION without end",
        .class = "17 VU#421664",
        .memory = ATTACK_SPILL + ATTACK_FAREWELL,
        .ir = ATTACK_IR_DROPPED,
        .ms = ATTACK_MS_LINGER,
        .end = ATTACK_CLOSED,
        .code = H2_ENHANCE_YOUR_CALM,
    };
    struct attack_run *run = client_begin(&attack, 1, "Ann");
    attack_frame(run, 1, 0, 1, "\x88", 1);
    for (uint32_t n = 0; n < 5000; n++) {
        attack_frame(run, 9, 0, 1, "\x90", 1);
    }
    attack_begin(run);
    attack_deliver(run);
    client_expect(0, 1, GRPC_UNAVAILABLE, "too many frames");
    attack_end(run);
}

// Malformed responses end one call each, and are counted.
static void test_attack__client_malformed_responses(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "client: malformed responses to 100 calls",
        .class = "26",
        .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_FIELDS + ATTACK_TABLES,
        .ir = 3 * ATTACK_IR_HONEST, // 13 bytes end a call
        .ms = 0,
        .end = ATTACK_BORNE,
    };
    struct attack_run *run = client_begin(&attack, CLIENT_CALLS, "Ann");
    for (uint32_t n = 0; n < CLIENT_CALLS; n++) {
        attack_frame(run, 1, 4, 1 + 2 * n, "\x88\x88", 2);
    }
    attack_begin(run);
    attack_deliver(run);
    client_expect(0, CLIENT_CALLS, GRPC_INTERNAL, "broke the protocol");
    assert_int_equal(run->conn->flood.budget,
                     H2_LIMIT_RESET_BUDGET - CLIENT_CALLS);
    attack_end(run);
}

// ---- Content ----------------------------------------------------------------

// The reply was read long ago; the server sends on, whatever it is told.
static void test_attack__client_endless_data(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "client: DATA without end",
        .class = "25, 28",
        .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_FIELDS + ATTACK_STREAM,
        .ir = ATTACK_IR_SKIPPED,
        .once = 50000,
        .ms = 0,
        .end = ATTACK_BORNE,
    };
    static uint8_t part[16384];
    struct attack_run *run = client_begin(&attack, 1, "Ann");
    put_response(run, 1);
    attack_message(run, 1, false);
    for (uint32_t n = 0; n < 50; n++) {
        attack_frame(run, 0, 0, 1, part, sizeof part);
    }
    attack_begin(run);
    attack_deliver(run);
    client_expect(0, 1, GRPC_UNIMPLEMENTED, "second message");
    assert_int_equal(run->seen.resets[H2_CANCEL], 1);
    assert_int_equal(run->conn->h2.unread_bytes, 0);
    attack_end(run);
}

static void test_attack__client_message_prefixes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *bytes;
        size_t size;
        grpc_code code;
    } rows[] = {
        {"client: reply of 4 GiB", "\0\xff\xff\xff\xff", 5,
         GRPC_RESOURCE_EXHAUSTED},
        {"client: compressed reply", "\1\0\0\0\1x", 6, GRPC_INTERNAL},
        {"client: reply that is not protobuf", "\0\0\0\0\2\xff\xff", 7,
         GRPC_INTERNAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct attack attack = {
            .name = rows[i].name,
            .class = "28 CVE-2024-37168",
            .memory = ATTACK_INDUCED + ATTACK_FIELDS + ATTACK_TABLES,
            .ir = ATTACK_IR_HONEST,
            .once = 20000,
            .ms = 0,
            .end = ATTACK_BORNE,
        };
        struct attack_run *run = client_begin(&attack, 1, "Ann");
        put_response(run, 1);
        attack_frame(run, 0, 0, 1, rows[i].bytes, rows[i].size);
        attack_begin(run);
        attack_deliver(run);
        client_expect(0, 1, rows[i].code, "grpc:");
        attack_end(run);
    }
}

// Replies of 4 MiB begun on all streams: their lengths are not believed.
static void test_attack__client_replies_begun(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "client: 100 replies of 4 MiB begun",
        .class = "28 CVE-2024-37168",
        .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_FIELDS + ATTACK_TABLES +
                  CLIENT_CALLS * (2 * CORE_GATHER_BYTES + ATTACK_STREAM),
        .ir = ATTACK_IR_SKIPPED,
        .once = CLIENT_CALLS * 5000,
        .ms = 0,
        .end = ATTACK_BORNE,
    };
    static uint8_t part[7000] = {0, 0, 0x40, 0, 0, 0x0a, 0xfa, 0xff, 0xff, 1};
    struct attack_run *run = client_begin(&attack, CLIENT_CALLS, "Ann");
    for (uint32_t n = 0; n < CLIENT_CALLS; n++) {
        put_response(run, 1 + 2 * n);
        attack_frame(run, 0, 0, 1 + 2 * n, part, sizeof part);
    }
    attack_begin(run);
    attack_deliver(run);
    assert_int_equal(run->conn->assembling, 4 * 4194304);
    assert_int_equal(run->conn->assembly_waits, CLIENT_CALLS - 4);
    attack_end(run);
}

static void put_growing_window(struct attack_run *run, uint32_t i)
{
    attack_setting(run, 4, i);
}

// Requests that wait for windows: let out a byte at a time, for each stream.
static void test_attack__client_window_games(void **state)
{
    (void)state;
    static char name[2001];
    static const struct attack attack = {
        .name = "client: initial window 1, 2, 3, with 100 calls",
        .class = "10, 3 CVE-2019-9511",
        .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_OUTPUT,
        .ir = ATTACK_IR_HONEST,
        .once = H2_LIMIT_GLITCH_BURST / H2_LIMIT_WINDOW_GLITCHES * 1000,
        .ms = ATTACK_MS_DELAYS,
        .end = ATTACK_CLOSED,
        .code = H2_ENHANCE_YOUR_CALM,
        .is_slowed_down = true,
    };
    struct attack_run *run = attack_channel(&attack);
    memset(name, 'n', sizeof name - 1);
    memset(results, 0, sizeof results);
    attack_setting(run, 4, 0);
    attack_prepare(run);
    for (uint32_t i = 0; i < CLIENT_CALLS; i++) {
        assert_non_null(kit_call(run->bench->channel, name, &results[i]));
    }
    kit_turn(run->bench->loop);
    (void)attack_read(run);
    for (uint32_t n = 0; n < 4000; n++) {
        put_growing_window(run, n);
    }
    attack_begin(run);
    attack_deliver(run);
    client_expect(0, CLIENT_CALLS, GRPC_UNAVAILABLE, "ENHANCE_YOUR_CALM");
    attack_end(run);
}

// ---- Servers that do not serve ----------------------------------------------

// A server that answers nothing costs a call its deadline, and no more.
static void test_attack__client_silence(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "client: no answer to 100 calls",
        .class = "22, 3",
        .memory = ATTACK_INDUCED,
        .ir = 0,
        .ms = 5000 + 1,
        .end = ATTACK_BORNE,
    };
    struct attack_run *run = attack_channel(&attack);
    memset(results, 0, sizeof results);
    for (uint32_t i = 0; i < CLIENT_CALLS; i++) {
        assert_non_null(
            kit_call_with(run->bench->channel, grpc_str_z("Ann"), &results[i],
                          &(grpc_call_options){.timeout_ms = 5000}));
    }
    kit_turn(run->bench->loop);
    attack_begin(run);
    attack_sit(run, 5001);
    client_expect(0, CLIENT_CALLS, GRPC_DEADLINE_EXCEEDED, "no answer from");
    attack_end(run);
}

// A network of one server that accepts every connection, and does with it what
// it likes.
struct door {
    struct loop_port port;
    int fds[64]; // the server's ends
    int count;
};

static int door_connect(void *user, const struct socket_address *address,
                        int *out_fd)
{
    (void)address;
    struct door *door = user;
    int fds[2];
    kit_pair_of_sockets(fds);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    assert_true(door->count < 64);
    door->fds[door->count++] = fds[1];
    *out_fd = fds[0];
    return EINPROGRESS;
}

static uint64_t door_now_us(void *user)
{
    (void)user;
    return kit_now_us(kit_skipped_ms());
}

// What the server does with each new connection.
enum door_kind {
    DOOR_CLOSES,      // says nothing
    DOOR_SETTINGS,    // SETTINGS that allow no stream, then it closes
    DOOR_GOAWAY,      // the same, then GOAWAY
    DOOR_GOAWAY_LATE, // SETTINGS; GOAWAY that takes no call once it has some
};

static void door_say(int fd, const char *bytes, size_t size)
{
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void door_answer(grpc_loop *loop, int fd, enum door_kind kind)
{
    static const char settings[] = "\0\0\6\4\0\0\0\0\0\0\3\0\0\0";
    static const char goaway[] = "\0\0\x8\7\0\0\0\0\0\0\0\0\0\0\0\0";
    if (kind != DOOR_CLOSES) {
        door_say(fd, settings, sizeof settings - 1);
        door_say(fd, kind == DOOR_GOAWAY_LATE ? "\x9" : "", 1);
        kit_turn(loop);
    }
    if (kind >= DOOR_GOAWAY) {
        door_say(fd, goaway, sizeof goaway);
        kit_turn(loop);
    }
    (void)close(fd);
}

// For a minute, calls that wait for ready keep the channel connecting.
static int door_minute(enum door_kind kind)
{
    static struct door door;
    static struct kit_result waiting[4];
    struct test_heap heap;
    test_heap_init(&heap);
    memset(waiting, 0, sizeof waiting);
    door = (struct door){.port = *loop_system_port()};
    door.port.user = &door;
    door.port.now_us = door_now_us;
    door.port.connect = door_connect;
    *kit_clock_is_frozen() = true;
    grpc_loop *loop =
        run_new(&(grpc_loop_options){.allocator = heap.allocator}, &door.port);
    grpc_channel *channel = grpc_channel_new(
        "192.0.2.1:50051", &(grpc_channel_options){.loop = loop});
    for (int i = 0; i < 4; i++) {
        assert_non_null(
            kit_call_with(channel, grpc_str_z("Ann"), &waiting[i],
                          &(grpc_call_options){.wait_for_ready = true}));
    }
    for (int ms = 0, answered = 0; ms < 60000; ms += 10) {
        kit_skip(loop, 10);
        for (; answered < door.count; answered++) {
            door_answer(loop, door.fds[answered], kind);
        }
    }
    int count = door.count;
    print_message("a server of kind %d: %d connections in a minute\n",
                  (int)kind, count);
    grpc_channel_free(channel);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
    *kit_clock_is_frozen() = false;
    return count;
}

// A server that takes connections and no calls is not connected to as fast as
// we can.
static void test_attack__client_reconnects_slowly(void **state)
{
    (void)state;
    // Backoff: 1 s, then 1.6 times as much each time.
    assert_in_range(door_minute(DOOR_CLOSES), 3, 12);
    // It had begun well, so the backoff begins anew: one in a second.
    assert_in_range(door_minute(DOOR_SETTINGS), 3, 90);
    assert_in_range(door_minute(DOOR_GOAWAY), 3, 90);
    // Each call is sent once more, and then ends.
    assert_in_range(door_minute(DOOR_GOAWAY_LATE), 2, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attack__client_floods),
        cmocka_unit_test(test_attack__client_goaway_flood),
        cmocka_unit_test(test_attack__client_frames_behind_the_end),
        cmocka_unit_test(test_attack__client_forbidden_frames),
        cmocka_unit_test(test_attack__client_large_headers),
        cmocka_unit_test(test_attack__client_continuation_flood),
        cmocka_unit_test(test_attack__client_malformed_responses),
        cmocka_unit_test(test_attack__client_endless_data),
        cmocka_unit_test(test_attack__client_message_prefixes),
        cmocka_unit_test(test_attack__client_replies_begun),
        cmocka_unit_test(test_attack__client_window_games),
        cmocka_unit_test(test_attack__client_silence),
        cmocka_unit_test(test_attack__client_reconnects_slowly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
