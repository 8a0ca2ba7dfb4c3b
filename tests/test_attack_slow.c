// SPDX-License-Identifier: MIT
// Attacks on a server by being slow, or silent: memory is held as long as the
// server lets it be. And by what would make the server slow: windows that are
// not given back, and lengths that are believed.
#include "tests/unit.h"

#include "tests/attack_kit.h"

enum { SLOW_REPLY = 100000, SLOW_LONG_REPLY = 700000 };

static void reply_at_length(grpc_call *call, struct kit_greeter *greeter)
{
    static char text[SLOW_REPLY + 1];
    (void)greeter;
    memset(text, 'x', SLOW_REPLY);
    assert_int_equal(kit_reply(call, text), GRPC_OK);
}

// ---- Replies that are not taken ---------------------------------------------

// Windows wide open, and a socket that is not read: what is asked for waits in
// our memory, up to a bound. Above it calls wait, and no more of them than may
// be open are.
static void test_attack__replies_not_read(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "replies asked for and not read",
        .class = "3 CVE-2019-9517",
        .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_OUTPUT +
                  H2_LIMIT_QUEUED_BYTES / 4096 * ATTACK_CHUNK + 2 * SLOW_REPLY +
                  ATTACK_STREAMS + H2_LIMIT_CONCURRENT_STREAMS * ATTACK_CHUNK,
        .ir = ATTACK_IR_HONEST,
        .once = H2_LIMIT_QUEUED_BYTES * 8u, // the replies, encoded and copied
        .ms = ATTACK_MS_STALL,
        .end = ATTACK_CLOSED,
        .code = H2_ENHANCE_YOUR_CALM,
        .is_deaf = true,
    };
    struct attack_run *run = attack_server(&attack);
    int size = 1;
    run->bench->greeter.act = reply_at_length;
    attack_setting(run, 4, 0x7fffffff);
    attack_word(run, 8, 0, 0x7fffffff - 65535);
    attack_prepare(run);
    assert_int_equal(setsockopt(run->conn->source.fd, SOL_SOCKET, SO_SNDBUF,
                                &size, sizeof size),
                     0);
    for (uint32_t i = 0; i < 1000; i++) {
        attack_request(run, 3 + 2 * i, false);
        attack_message(run, 3 + 2 * i, true);
    }
    attack_begin(run);
    attack_deliver(run);
    // Each once asked for more than there may be: the rest waits or was refused.
    assert_in_range(run->bench->greeter.handled,
                    H2_LIMIT_QUEUED_BYTES / SLOW_REPLY,
                    H2_LIMIT_QUEUED_BYTES / SLOW_REPLY + 6);
    attack_end(run);
}

// Read by a few bytes a second, it is no better.
static void test_attack__replies_read_drop_by_drop(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "replies read at 100 bytes a second",
        .class = "3 CVE-2016-1546",
        .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_OUTPUT +
                  ATTACK_STREAMS +
                  100 * (SLOW_REPLY / 4096 + 1) * ATTACK_CHUNK + 2 * SLOW_REPLY,
        .ir = ATTACK_IR_HONEST,
        .once = 100u * SLOW_REPLY * 8,
        .ms = ATTACK_MS_STALL + 60000,
        .end = ATTACK_CLOSED,
        .code = H2_ENHANCE_YOUR_CALM,
        .is_deaf = true,
    };
    struct attack_run *run = attack_server(&attack);
    int size = 1;
    run->bench->greeter.act = reply_at_length;
    attack_setting(run, 4, 0x7fffffff);
    attack_word(run, 8, 0, 0x7fffffff - 65535);
    attack_prepare(run);
    assert_int_equal(setsockopt(run->conn->source.fd, SOL_SOCKET, SO_SNDBUF,
                                &size, sizeof size),
                     0);
    for (uint32_t i = 0; i < 100; i++) {
        attack_request(run, 3 + 2 * i, false);
        attack_message(run, 3 + 2 * i, true);
    }
    attack_begin(run);
    run->taken = run->size;
    kit_send(&run->bench->peer, run->bytes, run->size);
    for (int second = 0; second < 130 && attack_is_alive(run); second++) {
        uint8_t drop[100];
        (void)recv(run->bench->peer.fd, drop, sizeof drop, MSG_DONTWAIT);
        attack_sit(run, 1000);
        run->taken = run->size;
    }
    run->taken = run->size;
    attack_end(run);
}

// The bomb's second half: windows of 0 keep what the calls hold, their metadata
// too; the answers have their time limit.
static void test_attack__zero_windows(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "window 0 for 128 replies, 90 fields each",
        .class = "2 CVE-2026-49975, 3",
        .memory = ATTACK_HELD + ATTACK_FIELDS + ATTACK_STREAMS +
                  H2_LIMIT_CONCURRENT_STREAMS * (ATTACK_CHUNK + 1024),
        .ir = ATTACK_IR_METADATA,
        .ms = H2_LIMIT_ANSWER_STALL_MS + 1000,
        .end = ATTACK_BORNE,
    };
    struct attack_run *run = attack_server(&attack);
    uint8_t block[ATTACK_REQUEST_SIZE + 90];
    memcpy(block, ATTACK_REQUEST, ATTACK_REQUEST_SIZE);
    memset(block + ATTACK_REQUEST_SIZE, 0xa0, 90);
    attack_setting(run, 4, 0);
    attack_prepare(run);
    for (uint32_t i = 0; i < H2_LIMIT_CONCURRENT_STREAMS; i++) {
        attack_frame(run, 1, 4, 3 + 2 * i, block, sizeof block);
        attack_message(run, 3 + 2 * i, true);
    }
    attack_begin(run);
    attack_deliver(run);
    assert_int_equal(run->conn->h2.stream_count, H2_LIMIT_CONCURRENT_STREAMS);
    attack_sit(run, H2_LIMIT_ANSWER_STALL_MS + 500);
    assert_int_equal(run->conn->h2.stream_count, 0);
    assert_int_equal(run->seen.resets[H2_CANCEL], H2_LIMIT_CONCURRENT_STREAMS);
    attack_end(run);
}

// A byte of window at a time: each is a frame, and not for ever.
static void test_attack__window_drop_by_drop(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "window of one byte at a time",
        .class = "3 CVE-2019-9511",
        .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_STREAM +
                  (SLOW_REPLY / 4096 + 2) * ATTACK_CHUNK + 2 * SLOW_REPLY,
        .ir = 2 * ATTACK_IR_DROPPED, // a frame for a frame
        .ms = H2_LIMIT_ANSWER_STALL_MS + 1000,
        .end = ATTACK_BORNE,
    };
    struct attack_run *run = attack_server(&attack);
    run->bench->greeter.act = reply_at_length;
    attack_setting(run, 4, 0);
    attack_request(run, 3, false);
    attack_message(run, 3, true);
    attack_prepare(run);
    for (uint32_t i = 0; i < 5000; i++) {
        attack_word(run, 8, 3, 1);
    }
    attack_begin(run);
    attack_deliver(run);
    assert_int_equal(run->seen.data_bytes, 5000);
    // Less than the least rate: the call is over, and its memory free.
    attack_sit(run, H2_LIMIT_ANSWER_STALL_MS + 500);
    assert_int_equal(run->conn->h2.stream_count, 0);
    attack_end(run);
}

static void reply_longer_still(grpc_call *call, struct kit_greeter *greeter)
{
    static char text[SLOW_LONG_REPLY + 1];
    (void)greeter;
    memset(text, 'x', SLOW_LONG_REPLY);
    assert_int_equal(kit_reply(call, text), GRPC_OK);
}

// An honest client on a bad line has its time here too.
static void test_attack__slow_answer_is_taken(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "no attack: 700,000 bytes taken at 2,048 a second",
        .class = "3, a client on a bad line",
        .memory = ATTACK_INDUCED + ATTACK_STREAM + 3 * SLOW_LONG_REPLY,
        .ir = ATTACK_IR_HONEST,
        .once = SLOW_LONG_REPLY * 8 + 345 * 4000, // the bytes, and the waits
        .ms = 350000,
        .end = ATTACK_BORNE,
    };
    struct attack_run *run = attack_server(&attack);
    run->bench->greeter.act = reply_longer_still;
    attack_setting(run, 4, 0);
    attack_word(run, 8, 0, 1 << 20);
    attack_prepare(run);
    attack_begin(run);
    attack_request(run, 3, false);
    attack_message(run, 3, true);
    attack_deliver(run);
    for (int second = 0; second < 345; second++) {
        if (run->conn->h2.stream_count > 0) {
            attack_word(run, 8, 3, 2048);
        }
        attack_deliver(run);
        attack_sit(run, 1000);
    }
    assert_true(run->seen.data_bytes > SLOW_LONG_REPLY);
    assert_int_equal(run->seen.frames[1], 2); // the trailers have come
    assert_int_equal(run->seen.frames[3], 0);
    attack_end(run);
}

// ---- Requests that do not come ----------------------------------------------

// Messages of 4 MiB begun on every stream, and nothing more: the lengths are
// not believed, and what has come is held for a minute or two.
static void test_attack__requests_never_end(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "128 requests of 4 MiB begun and left",
        .class = "22, 28 CVE-2024-37168",
        .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_STREAMS +
                  H2_LIMIT_CONCURRENT_STREAMS * 2 * CORE_GATHER_BYTES,
        .ir = ATTACK_IR_SKIPPED,
        .once = H2_LIMIT_CONCURRENT_STREAMS * 12000,
        .ms = 2 * H2_LIMIT_REQUEST_STALL_MS + 2000,
        .end = ATTACK_BORNE,
    };
    static uint8_t part[7000] = {0, 0, 0x40, 0, 0, 0x0a, 0xfa, 0xff, 0xff, 1};
    struct attack_run *run = attack_server(&attack);
    for (uint32_t i = 0; i < H2_LIMIT_CONCURRENT_STREAMS; i++) {
        attack_request(run, 3 + 2 * i, false);
        attack_frame(run, 0, 0, 3 + 2 * i, part, sizeof part);
    }
    attack_begin(run);
    attack_deliver(run);
    assert_int_equal(run->conn->h2.stream_count, H2_LIMIT_CONCURRENT_STREAMS);
    // Four of the longest may come at once; the others wait for their turn, and
    // have it when those are given up.
    assert_int_equal(run->conn->assembling, 4 * 4194304);
    attack_sit(run, 2 * H2_LIMIT_REQUEST_STALL_MS + 1000);
    assert_in_range(run->conn->h2.stream_count, 0,
                    H2_LIMIT_CONCURRENT_STREAMS - 4);
    attack_end(run);
}

static void test_attack__requests_without_an_end(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "128 requests without END_STREAM",
        .class = "22 slowloris",
        .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_STREAMS,
        .ir = ATTACK_IR_HONEST,
        .once = H2_LIMIT_CONCURRENT_STREAMS * 8000,
        .ms = 2 * H2_LIMIT_REQUEST_STALL_MS + 2000,
        .end = ATTACK_BORNE,
    };
    struct attack_run *run = attack_server(&attack);
    for (uint32_t i = 0; i < H2_LIMIT_CONCURRENT_STREAMS; i++) {
        attack_request(run, 3 + 2 * i, false);
        if (i % 2 == 0) {
            attack_message(run, 3 + 2 * i, false);
        }
    }
    attack_begin(run);
    attack_deliver(run);
    attack_sit(run, 2 * H2_LIMIT_REQUEST_STALL_MS + 1000);
    assert_int_equal(run->conn->h2.stream_count, 0);
    assert_int_equal(run->bench->greeter.handled, 1);
    // Each was answered, and told that nobody listens any more.
    assert_int_equal(run->seen.frames[1], H2_LIMIT_CONCURRENT_STREAMS);
    assert_int_equal(run->seen.resets[H2_NO_ERROR],
                     H2_LIMIT_CONCURRENT_STREAMS);
    attack_end(run);
}

// An honest client on a bad line has its time: two kilobytes a second are
// enough.
static void test_attack__slow_request_is_served(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "no attack: 300,000 bytes at 2,000 a second",
        .class = "22, a client on a bad line",
        .memory = ATTACK_INDUCED + ATTACK_STREAM + 5 * 300000,
        .ir = ATTACK_IR_HONEST,
        .ms = 152000,
        .end = ATTACK_BORNE,
    };
    enum { SLOW_MESSAGE = 300000 };
    static uint8_t part[2000];
    struct attack_run *run = attack_server(&attack);
    uint8_t head[9] = {0,
                       0,
                       SLOW_MESSAGE >> 16,
                       SLOW_MESSAGE >> 8 & 255,
                       SLOW_MESSAGE & 255,
                       0x0a,
                       (SLOW_MESSAGE - 4) % 128 + 128,
                       (SLOW_MESSAGE - 4) / 128 % 128 + 128,
                       (SLOW_MESSAGE - 4) / 16384};
    memset(part, 'x', sizeof part);
    attack_begin(run);
    attack_request(run, 3, false);
    attack_frame(run, 0, 0, 3, head, sizeof head);
    size_t left = SLOW_MESSAGE - 4;
    while (left > 0) {
        size_t n = left < sizeof part ? left : sizeof part;
        left -= n;
        attack_frame(run, 0, left == 0, 3, part, n);
        attack_deliver(run);
        attack_sit(run, 1000);
    }
    assert_int_equal(run->bench->greeter.handled, 2);
    assert_int_equal(run->bench->greeter.name_size, SLOW_MESSAGE - 4);
    attack_end(run);
}

// ---- Frames that do not come ------------------------------------------------

static void test_attack__frames_never_end(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *bytes;
        size_t size;
    } rows[] = {
        {"header block that is never finished",
         "\0\0\5\1\0\0\0\0\3" ATTACK_REQUEST, 14},
        {"HEADERS of which two bytes come", "\0\x40\0\1\4\0\0\0\3\x83\x86", 11},
        {"SETTINGS of which half comes", "\0\0\x0c\4\0\0\0\0\0\0\4\0\0", 13},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct attack attack = {
            .name = rows[i].name,
            .class = "22 slowloris",
            .memory = ATTACK_SPILL + ATTACK_FAREWELL,
            .ir = ATTACK_IR_HONEST,
            .once = 20000,
            .ms = 2 * (H2_LIMIT_REQUEST_STALL_MS + 1) + ATTACK_MS_LINGER,
            .end = ATTACK_CLOSED,
            .code = H2_ENHANCE_YOUR_CALM,
            .text = "a frame does not arrive in time",
        };
        struct attack_run *run = attack_server(&attack);
        attack_put(run, rows[i].bytes, rows[i].size);
        attack_begin(run);
        attack_deliver(run);
        attack_end(run);
    }
}

// ---- Connections that do not begin ------------------------------------------

// slow_bare is a server with a peer that has said nothing yet.
static struct attack_run *slow_bare(const struct attack *attack)
{
    struct attack_run *run = attack_server(attack);
    int fds[2];
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(run->bench->server, fds[0]), GRPC_OK);
    // The first connection goes; the bare one is the one that is attacked.
    kit_peer_fini(&run->bench->peer);
    kit_peer_init(&run->bench->peer, fds[1], false);
    kit_turn(run->bench->loop);
    kit_forget(&run->bench->peer);
    run->conn = LIST_OWNER(list_first(&run->bench->server->conns), struct conn,
                           link_owner);
    assert_int_equal(run->conn->state, CONN_HANDSHAKE);
    return run;
}

static void test_attack__no_preface(void **state)
{
    (void)state;
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    static const struct {
        const char *name;
        size_t size; // of the preface that comes
    } rows[] = {
        {"connection without a byte", 0},
        {"preface of which half comes", 12},
        {"preface without SETTINGS", 24},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct attack attack = {
            .name = rows[i].name,
            .class = "22 slowloris",
            .memory = ATTACK_FAREWELL,
            .ir = ATTACK_IR_HONEST,
            .once = 5000,
            .ms = H2_LIMIT_HANDSHAKE_MS + 1,
            .end = ATTACK_CLOSED,
            .is_silent = true,
        };
        struct attack_run *run = slow_bare(&attack);
        attack_put(run, preface, rows[i].size);
        attack_begin(run);
        attack_deliver(run);
        attack_end(run);
    }
}

// One byte a second does not buy more time.
static void test_attack__preface_drop_by_drop(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "preface of a byte a second",
        .class = "22 slowloris",
        .memory = ATTACK_FAREWELL,
        .ir = 3500, // a step each, and a second of waiting
        .ms = H2_LIMIT_HANDSHAKE_MS + 1000,
        .end = ATTACK_CLOSED,
        .is_silent = true,
    };
    struct attack_run *run = slow_bare(&attack);
    attack_begin(run);
    size_t sent = 0;
    for (; sent < 24 && attack_is_alive(run); sent++) {
        kit_send(&run->bench->peer, kit_magic + sent, 1);
        attack_sit(run, 1000);
    }
    run->taken = sent;
    assert_in_range(sent, 10, 11);
    attack_end(run);
}

static void test_attack__settings_not_acknowledged(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "SETTINGS never acknowledged",
        .class = "22",
        .memory = ATTACK_FAREWELL + ATTACK_INDUCED,
        .ir = ATTACK_IR_HONEST,
        .once = 10000,
        .ms = H2_LIMIT_SETTINGS_ACK_MS + 1 + ATTACK_MS_LINGER,
        .end = ATTACK_CLOSED,
        .code = H2_SETTINGS_TIMEOUT,
    };
    struct attack_run *run = slow_bare(&attack);
    attack_put(run, kit_magic, 24);
    attack_frame(run, 4, 0, 0, NULL, 0);
    attack_begin(run);
    attack_deliver(run);
    attack_end(run);
}

// Connections that come and go leave nothing behind.
static void test_attack__connections_come_and_go(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "300 connections opened and dropped",
        .class = "22",
        .memory = 2 * ATTACK_CHUNK + 4096,
        .ir = 700, // 33 bytes: a connection's beginning and end
        .ms = 0,
        .end = ATTACK_BORNE,
    };
    struct attack_run *run = attack_server(&attack);
    attack_put(run, kit_magic, 24);
    attack_frame(run, 4, 0, 0, NULL, 0);
    attack_begin(run);
    for (int i = 0; i < 300; i++) {
        int fds[2];
        kit_pair_of_sockets(fds);
        assert_int_equal(grpc_server_serve_fd(run->bench->server, fds[0]),
                         GRPC_OK);
        assert_int_equal(send(fds[1], run->bytes, run->size, MSG_NOSIGNAL),
                         (ssize_t)run->size);
        (void)close(fds[1]);
        attack_step(run);
        attack_step(run);
        attack_step(run);
    }
    run->taken = 300 * run->size;
    assert_int_equal(run->bench->server->connection_count, 1);
    attack_end(run);
}

// ---- Windows and lengths ----------------------------------------------------

// Padding, DATA of calls that are over, DATA that nobody takes: all is given
// back to the connection's window, or later calls starve.
static void test_attack__windows_are_given_back(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "DATA that nobody takes",
        .class = "25 h2-rs, Go",
        .memory = ATTACK_HELD + ATTACK_INDUCED + 4 * ATTACK_STREAM,
        .ir = ATTACK_IR_SKIPPED,
        .once = 100000,
        .ms = 0,
        .end = ATTACK_BORNE,
    };
    static uint8_t part[16384] = {255};
    struct attack_run *run = attack_server(&attack);
    attack_begin(run);
    for (uint32_t round = 0; round < 10; round++) {
        uint32_t id = 3 + 8 * round;
        attack_request(run, id, false); // padded, then reset by the client
        attack_frame(run, 0, 8, id, part, 16384);
        attack_word(run, 3, id, H2_CANCEL);
        // A bad prefix: answered at once; the rest comes all the same.
        attack_request(run, id + 2, false);
        attack_frame(run, 0, 0, id + 2, part, 16384);
        attack_frame(run, 0, 0, id + 2, part, 16384);
        attack_frame(run, 0, 1, id + 2, part, 16384);
        // Malformed: reset by us.
        attack_frame(run, 1, 4, id + 4, ATTACK_REQUEST "\x83", 6);
        attack_frame(run, 0, 0, id + 4, part, 16384);
        attack_frame(run, 0, 8, id + 4, part, 16384);
        attack_deliver(run);
    }
    struct h2_conn *h2 = &run->conn->h2;
    assert_int_equal(h2->unread_bytes, 0);
    // What the window lacks is below what is worth an update.
    assert_true(h2->receive_window > H2_LIMIT_CONNECTION_WINDOW / 2);
    assert_true(run->taken > H2_LIMIT_CONNECTION_WINDOW * 9 / 10);
    attack_request(run, 99, false);
    attack_message(run, 99, true);
    attack_deliver(run);
    assert_int_equal(run->bench->greeter.handled, 2);
    attack_end(run);
}

// attack_measure acknowledges the PING of a measurement at once: the peer says
// how far away it is.
static void attack_measure(struct attack_run *run)
{
    const struct h2_conn *h2 = &run->conn->h2;
    if (h2->set != NULL && h2->set->round.state == H2_BDP_PINGED) {
        uint8_t payload[8] = "bdp";
        for (size_t i = 0; i < 5; i++) {
            payload[3 + i] = (uint8_t)(h2->set->round.began_us >> (8 * i));
        }
        attack_frame(run, 6, 1, 0, payload, 8);
    }
}

// Calls whose first message is read, with every measurement answered late, and
// then a message that never ends: the windows grow to their bound, and what may
// come unread with them.
static void test_attack__windows_that_grow(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "a link that seems to be long",
        .class = "25",
        .memory = ATTACK_HELD + ATTACK_INDUCED + 32 * ATTACK_STREAM +
                  H2_LIMIT_ASSEMBLY_BYTES,
        .ir = ATTACK_IR_SKIPPED,
        .once = 100000,
        .ms = 32 * 7 * 50,
        .end = ATTACK_BORNE,
    };
    static uint8_t part[16384];
    struct attack_run *run = attack_server(&attack);
    attack_begin(run);
    const struct h2_conn *h2 = &run->conn->h2;
    for (uint32_t id = 3; id < 67; id += 2) {
        attack_request(run, id, false);
        memcpy(part, "\0\0\2\0\0", 5); // 128 KiB, of which a part comes
        for (int i = 0; i < 7; i++) {
            attack_frame(run, 0, 0, id, part, 16384);
            attack_deliver(run);
            *kit_skipped_ms() += 50;
            attack_measure(run);
            memset(part, 0, 5);
        }
        assert_true(h2->receive_window + h2->unread_bytes <=
                    H2_LIMIT_CONNECTION_WINDOW + H2_LIMIT_WINDOW_GROWTH);
        assert_true(h2->bdp.window <= H2_LIMIT_WINDOW_MAX);
    }
    assert_true(h2->bdp.rtt != UINT16_MAX); // it was measured
    attack_end(run);
}

static void test_attack__message_prefixes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *class;
        const char *prefix;
        size_t size;
    } rows[] = {
        {"messages of 4 GiB", "28 CVE-2024-37168", "\0\xff\xff\xff\xff", 5},
        {"compressed messages", "28", "\1\0\0\0\3abc", 8},
        {"messages with an unknown flag", "28", "\2\0\0\0\3abc", 8},
        {"messages without an end", "28", "\0\0\0\1\0abc", 8},
        {"a message that is not protobuf", "28", "\0\0\0\0\3\xff\xff\xff", 8},
        {"two messages", "28", "\0\0\0\0\0\0\0\0\0\0", 10},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct attack attack = {
            .name = rows[i].name,
            .class = rows[i].class,
            .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_STREAMS,
            .ir = ATTACK_IR_REFUSED,
            .ms = 0,
            .end = ATTACK_BORNE,
        };
        struct attack_run *run = attack_server(&attack);
        for (uint32_t n = 0; n < 1000; n++) {
            attack_request(run, 3 + 2 * n, false);
            attack_frame(run, 0, 1, 3 + 2 * n, rows[i].prefix, rows[i].size);
        }
        attack_begin(run);
        attack_deliver(run);
        assert_int_equal(run->bench->greeter.handled, 1);
        assert_int_equal(run->seen.frames[1], 1000);
        attack_end(run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attack__replies_not_read),
        cmocka_unit_test(test_attack__replies_read_drop_by_drop),
        cmocka_unit_test(test_attack__zero_windows),
        cmocka_unit_test(test_attack__window_drop_by_drop),
        cmocka_unit_test(test_attack__slow_answer_is_taken),
        cmocka_unit_test(test_attack__requests_never_end),
        cmocka_unit_test(test_attack__requests_without_an_end),
        cmocka_unit_test(test_attack__slow_request_is_served),
        cmocka_unit_test(test_attack__frames_never_end),
        cmocka_unit_test(test_attack__no_preface),
        cmocka_unit_test(test_attack__preface_drop_by_drop),
        cmocka_unit_test(test_attack__settings_not_acknowledged),
        cmocka_unit_test(test_attack__connections_come_and_go),
        cmocka_unit_test(test_attack__windows_are_given_back),
        cmocka_unit_test(test_attack__windows_that_grow),
        cmocka_unit_test(test_attack__message_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
