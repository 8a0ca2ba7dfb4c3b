// SPDX-License-Identifier: MIT
// What the tests of attacks share. An attack is bytes that a hostile peer sends
// over a socketpair, to a server or to a channel; it has bounds on
//
//   - memory: what the library holds at the worst moment, above what it held
//     before, for the one connection that is attacked;
//   - instructions per byte that the library has taken, in grpc_loop_step()
//     alone: `make attacks` counts them (tests/attack/run), any other build only
//     prints the bound;
//   - time until the connection is closed, under a clock that moves only when
//     nothing else does.
//
// After each, a call on a new connection is made, and nothing may leak. Header
// only, because the functions under test are static in the amalgamation.

#ifndef TESTS_ATTACK_KIT_H
#define TESTS_ATTACK_KIT_H

#include <sys/ioctl.h>

#include "h2/h2_stream.h"
#include "tests/core_kit.h"

#if defined(ATTACK_CALLGRIND)
# include <valgrind/callgrind.h>
#else
# define CALLGRIND_TOGGLE_COLLECT   ((void)0)
# define CALLGRIND_ZERO_STATS       ((void)0)
# define CALLGRIND_DUMP_STATS_AT(s) ((void)(s))
#endif

// ---- Bounds -----------------------------------------------------------------

enum {
    // Output and queues are made of chunks; the last is rarely full.
    ATTACK_CHUNK = 4096 + 64,
    // Input that is put off: one read.
    ATTACK_HELD = CORE_INPUT_BYTES + 64,
    // A frame or header block that is gathered: a block below the hard limit,
    // a frame behind it, rounded up to a power of two, and the half of it that
    // is copied on growth.
    ATTACK_SPILL = 2 * H2_LIMIT_HEADER_BYTES_HARD * 3 / 2,
    // What the peer induces: the limit, one reply above it.
    ATTACK_INDUCED = H2_LIMIT_INDUCED_BYTES / 4096 * ATTACK_CHUNK + //
                     2 * ATTACK_CHUNK,
    // DATA in the output: the limit, a frame above it.
    ATTACK_OUTPUT = (H2_LIMIT_OUTPUT_BYTES + 16384) / 4096 * ATTACK_CHUNK,
    // Fields of the block that is decoded, with their texts. They belong to
    // the loop, and not to each connection.
    ATTACK_FIELDS = H2_LIMIT_HEADER_FIELDS * 2 * 64 + //
                    2 * H2_LIMIT_HEADER_BYTES + 4096,
    // Both HPACK tables at their largest: text, and entries of 32 bytes.
    ATTACK_TABLES = 2 * (H2_LIMIT_HEADER_TABLE + 8192),
    // What a connection that is told to end needs: a GOAWAY.
    ATTACK_FAREWELL = 2 * ATTACK_CHUNK,

    // As many streams as are allowed: the stream, the call, its arena.
    ATTACK_STREAM = 4096 + (int)sizeof(struct h2_stream) + 1024 +
                    (int)sizeof(struct grpc_call),
    ATTACK_STREAMS = H2_LIMIT_CONCURRENT_STREAMS * ATTACK_STREAM + 4096,

    ATTACK_MEMORY = ATTACK_HELD + ATTACK_SPILL + ATTACK_INDUCED +
                    ATTACK_FIELDS + ATTACK_TABLES + ATTACK_FAREWELL,

    // Instructions per byte. A call with fields that are in the table is 33
    // bytes and some 4,700 instructions, the handler of the tests included
    // (test_attack_resets.c has it as a case of its own): what asks for as much
    // work may cost as much, and a tenth more where it ends a call early.
    ATTACK_IR_HONEST = 160,
    // Metadata that is in the table is a byte; it is checked, and copied for the
    // handler.
    ATTACK_IR_METADATA = 350,
    // A request that is refused in words: some 5,500 for 12 bytes.
    ATTACK_IR_REFUSED = 500,
    // Frames that are counted and dropped: some 300 for 9 bytes and more.
    ATTACK_IR_DROPPED = 40,
    // Bytes that are only copied or skipped.
    ATTACK_IR_SKIPPED = 5,
    // The end of a connection, once, whatever it sent: GOAWAY, a reason in
    // words, closing, timers. (Its beginning costs as much.)
    ATTACK_IR_END = 15000,
    // A flood that is slowed down costs a timer and a step for each delay.
    ATTACK_IR_DELAYS = H2_LIMIT_DELAYS * 6000,

    // A flood that is slowed down: H2_LIMIT_DELAYS delays, and the second that
    // a connection lingers. Each due time is rounded up.
    ATTACK_MS_LINGER = CORE_LINGER_MS + 1,
    ATTACK_MS_DELAYS =
        H2_LIMIT_DELAYS * (H2_LIMIT_DELAY_MS + 1) + ATTACK_MS_LINGER,
    ATTACK_MS_STALL = H2_LIMIT_WRITE_STALL_MS + 1 + ATTACK_MS_LINGER,
};

enum { ATTACK_BYTES = 1 << 20, ATTACK_BURST = 65536, ATTACK_TYPES = 16 };

// ---- An attack --------------------------------------------------------------

enum attack_end {
    // The library ends the connection, with a GOAWAY that says code.
    ATTACK_CLOSED,
    // The connection lives: what was sent cost no more than it may.
    ATTACK_BORNE,
};

struct attack {
    const char *name;  // also of the measurement
    const char *class; // row of the list of attack classes, or what else
    size_t memory;     // bounds; see above
    uint32_t ir;       // instructions per byte, and
    uint32_t once;     // in all, for what does not grow with the bytes
    uint32_t ms;       // until it is closed
    enum attack_end end;
    uint32_t code;       // CLOSED: of the GOAWAY
    const char *text;    // part of the GOAWAY's text; NULL: any
    bool is_slowed_down; // it is made to wait at least once before the end
    bool is_deaf;        // the peer does not read
    uint32_t goaways;    // CLOSED: that were sent; 0: 1
    bool is_silent;      // CLOSED: without a GOAWAY, as HTTP/2 has not begun
};

// What the peer sees of what it is sent.
struct attack_seen {
    uint8_t head[9];
    size_t head_size;
    size_t left;                   // of the payload
    uint32_t frames[ATTACK_TYPES]; // by type
    uint64_t data_bytes;
    uint32_t resets[16]; // RST_STREAM by code
    uint8_t goaway[8 + 256];
    size_t goaway_size;
    uint32_t goaway_at_frame; // how many frames came before it
    uint32_t total;
    bool closed;
};

struct attack_run {
    const struct attack *attack;
    struct kit_bench *bench;
    struct conn *conn;
    uint8_t bytes[ATTACK_BYTES]; // that are to be sent
    size_t size;
    size_t sent;       // of them
    size_t taken;      // of all that was sent in the attack
    size_t taken_base; // by deliveries before this one
    uint64_t began_ms;
    uint64_t paused_ms; // when it was first made to wait, 0: never
    uint64_t told_ms;   // when GOAWAY was sent, 0: never
    uint32_t pauses;
    uint32_t last_peer_id; // of the connection, while it lived
    size_t burst;          // bytes in one piece at most
    bool was_paused;
    bool was_held;
    size_t memory_before;
    struct attack_seen seen;
};

static MAYBE_UNUSED struct attack_run *attack_the_run(void)
{
    static struct attack_run run;
    return &run;
}

static MAYBE_UNUSED uint64_t attack_now_ms(const struct attack_run *run)
{
    (void)run;
    return kit_now_ms(kit_skipped_ms());
}

// ---- Bytes ------------------------------------------------------------------

static MAYBE_UNUSED void attack_put(struct attack_run *run, const void *bytes,
                                    size_t size)
{
    assert_true(size <= ATTACK_BYTES - run->size);
    if (size > 0) {
        memcpy(run->bytes + run->size, bytes, size);
    }
    run->size += size;
}

static MAYBE_UNUSED void attack_head(struct attack_run *run, size_t length,
                                     uint8_t type, uint8_t flags, uint32_t id)
{
    uint8_t head[9] = {(uint8_t)(length >> 16), (uint8_t)(length >> 8 & 255),
                       (uint8_t)(length & 255), type, flags};
    store_be32(head + 5, id);
    attack_put(run, head, sizeof head);
}

static MAYBE_UNUSED void attack_frame(struct attack_run *run, uint8_t type,
                                      uint8_t flags, uint32_t id,
                                      const void *payload, size_t size)
{
    attack_head(run, size, type, flags, id);
    attack_put(run, payload, size);
}

// attack_word is a frame with four bytes: RST_STREAM, WINDOW_UPDATE.
static MAYBE_UNUSED void attack_word(struct attack_run *run, uint8_t type,
                                     uint32_t id, uint32_t word)
{
    uint8_t bytes[4];
    store_be32(bytes, word);
    attack_frame(run, type, 0, id, bytes, sizeof bytes);
}

static MAYBE_UNUSED void attack_setting(struct attack_run *run, uint8_t which,
                                        uint32_t value)
{
    uint8_t bytes[6] = {0, which};
    store_be32(bytes + 2, value);
    attack_frame(run, 4, 0, 0, bytes, sizeof bytes);
}

// What attack_teach has put into the server's table makes this a request.
#define ATTACK_REQUEST "\x83\x86\xc0\xbf\xbe"

enum { ATTACK_REQUEST_SIZE = 5 };

static MAYBE_UNUSED void attack_request(struct attack_run *run, uint32_t id,
                                        bool end)
{
    attack_frame(run, 1, end ? 5 : 4, id, ATTACK_REQUEST, ATTACK_REQUEST_SIZE);
}

// attack_message is DATA with a whole message {name: "Ann"}.
static MAYBE_UNUSED void attack_message(struct attack_run *run, uint32_t id,
                                        bool end)
{
    attack_frame(run, 0, end ? 1 : 0, id, "\0\0\0\0\5\x0a\3Ann", 10);
}

// attack_literal appends a field that is in no table to a block.
static MAYBE_UNUSED size_t attack_literal(uint8_t *to, uint8_t form,
                                          const char *name, const char *value)
{
    size_t at = 0;
    to[at++] = form;
    at += kit_put_string(to + at, name, strlen(name));
    return at + kit_put_string(to + at, value, strlen(value));
}

// ---- What the peer is sent --------------------------------------------------

static MAYBE_UNUSED void attack_see_head(struct attack_seen *seen)
{
    const uint8_t *head = seen->head;
    uint8_t type = head[3];
    seen->left = (size_t)head[0] << 16 | (size_t)head[1] << 8 | (size_t)head[2];
    seen->head_size = 0;
    seen->total++;
    seen->frames[type < ATTACK_TYPES ? type : ATTACK_TYPES - 1]++;
    if (type == 0) {
        seen->data_bytes += seen->left;
    }
    if (type == 7) {
        seen->goaway_size = 0;
        seen->goaway_at_frame = seen->total;
    }
}

// attack_see_payload looks at the first bytes of a payload, which may be cut.
static MAYBE_UNUSED void attack_see_payload(struct attack_seen *seen,
                                            const uint8_t *bytes, size_t size)
{
    if (seen->head[3] == 7 && seen->goaway_size + size <= sizeof seen->goaway) {
        memcpy(seen->goaway + seen->goaway_size, bytes, size);
        seen->goaway_size += size;
    }
    if (seen->head[3] == 3 && size == 4) {
        seen->resets[load_be32(bytes) % 16]++;
    }
}

static MAYBE_UNUSED void attack_see(struct attack_seen *seen,
                                    const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        size_t n = 1;
        if (seen->left > 0) {
            n = size < seen->left ? size : seen->left;
            attack_see_payload(seen, bytes, n);
            seen->left -= n;
        } else {
            seen->head[seen->head_size++] = *bytes;
            if (seen->head_size == sizeof seen->head) {
                attack_see_head(seen);
            }
        }
        bytes += n;
        size -= n;
    }
}

// attack_read takes what has come; true when there was something.
static MAYBE_UNUSED bool attack_read(struct attack_run *run)
{
    static uint8_t bytes[65536];
    bool some = false;
    for (;;) {
        ssize_t size =
            recv(run->bench->peer.fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (size <= 0) {
            run->seen.closed |=
                size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
            return some;
        }
        some = true;
        attack_see(&run->seen, bytes, (size_t)size);
    }
}

// ---- The connection that is attacked ----------------------------------------

static MAYBE_UNUSED struct list_link *attack_conns(struct attack_run *run)
{
    struct kit_bench *bench = run->bench;
    return bench->server != NULL ? &bench->server->conns
                                 : &bench->channel->conns;
}

static MAYBE_UNUSED bool attack_is_alive(struct attack_run *run)
{
    LIST_EACH (link, after, attack_conns(run)) {
        if (LIST_OWNER(link, struct conn, link_owner) == run->conn) {
            return true;
        }
    }
    return false;
}

static MAYBE_UNUSED size_t attack_unread(struct attack_run *run)
{
    int unread = 0;
    assert_int_equal(ioctl(run->conn->source.fd, FIONREAD, &unread), 0);
    return (size_t)unread;
}

// attack_look takes down what the connection is doing; false when it is over.
static MAYBE_UNUSED bool attack_look(struct attack_run *run)
{
    if (!attack_is_alive(run)) {
        return false;
    }
    const struct conn *conn = run->conn;
    conn_check(conn);
    size_t held = conn->held == NULL ? 0 : conn->held->size - conn->held->used;
    size_t taken = run->taken_base + run->sent - attack_unread(run) - held;
    if (conn->state < CONN_LINGERING) {
        h2_check(&conn->h2);
        run->was_held = held > 0;
        run->taken = taken;
    } else if (run->told_ms == 0 && !run->was_held) {
        run->taken = taken; // what was held is dropped without a look
    }
    run->last_peer_id = conn->h2.last_peer_id;
    bool paused = (conn->waits & 1u << CONN_DUE_PAUSE) != 0;
    run->pauses += paused && !run->was_paused;
    run->was_paused = paused;
    if (paused && run->paused_ms == 0) {
        run->paused_ms = attack_now_ms(run);
    }
    if (conn->state == CONN_LINGERING && run->told_ms == 0) {
        run->told_ms = attack_now_ms(run);
    }
    return true;
}

// ---- Delivery ---------------------------------------------------------------

static MAYBE_UNUSED void attack_step(struct attack_run *run)
{
    CALLGRIND_TOGGLE_COLLECT;
    grpc_result result = grpc_loop_step(run->bench->loop, 0);
    CALLGRIND_TOGGLE_COLLECT;
    assert_int_equal(result, GRPC_OK);
}

// attack_push sends a burst, when the last one was read.
static MAYBE_UNUSED bool attack_push(struct attack_run *run)
{
    size_t rest = run->size - run->sent;
    if (rest == 0 || run->conn->state >= CONN_LINGERING ||
        attack_unread(run) >= run->burst) {
        return false;
    }
    ssize_t size = send(run->bench->peer.fd, run->bytes + run->sent,
                        rest < run->burst ? rest : run->burst,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size <= 0) {
        return false;
    }
    run->sent += (size_t)size;
    return true;
}

// attack_wait puts the clock forward to when something is due, but not beyond
// the bound; false when that is met.
static MAYBE_UNUSED bool attack_wait(struct attack_run *run)
{
    uint64_t end_ms = run->began_ms + run->attack->ms + 1;
    uint64_t now_ms = attack_now_ms(run);
    int timeout_ms = grpc_loop_timeout(run->bench->loop);
    if (now_ms >= end_ms || timeout_ms < 0) {
        return false;
    }
    uint64_t step_ms = (uint64_t)timeout_ms;
    *kit_skipped_ms() += step_ms < end_ms - now_ms ? step_ms : end_ms - now_ms;
    return true;
}

// attack_is_taken: all was sent, and nothing is left to do with it.
static MAYBE_UNUSED bool attack_is_taken(struct attack_run *run)
{
    return run->sent == run->size && attack_unread(run) == 0 &&
           run->conn->held == NULL && !run->was_paused;
}

// attack_deliver sends the bytes and lets the library work, until they are
// taken (BORNE) or the connection is over (CLOSED).
static MAYBE_UNUSED void attack_deliver(struct attack_run *run)
{
    bool ends = run->attack->end == ATTACK_CLOSED;
    int idle = 0;
    run->sent = 0;
    run->taken_base = run->taken;
    while (attack_look(run) && (ends || !attack_is_taken(run))) {
        size_t taken_before = run->taken;
        bool moved = attack_push(run);
        attack_step(run);
        if (!run->attack->is_deaf) {
            moved |= attack_read(run);
        }
        (void)attack_look(run);
        moved |= run->taken != taken_before;
        idle = moved ? 0 : idle + 1;
        if (idle > 3) {
            if (!attack_wait(run)) {
                break;
            }
            idle = 0;
        }
    }
    for (int i = 0; i < 3; i++) {
        attack_step(run);
        (void)attack_look(run);
    }
    if (!run->attack->is_deaf) {
        (void)attack_read(run);
    }
    run->size = 0;
}

// attack_sit lets time pass until the connection is over, or until ms have.
static MAYBE_UNUSED void attack_sit(struct attack_run *run, uint64_t ms)
{
    uint64_t end_ms = attack_now_ms(run) + ms;
    while (attack_look(run) && attack_now_ms(run) < end_ms) {
        int due_ms = grpc_loop_timeout(run->bench->loop);
        uint64_t left_ms = end_ms - attack_now_ms(run);
        uint64_t step_ms = due_ms < 0 ? left_ms : (uint64_t)due_ms;
        *kit_skipped_ms() += step_ms < left_ms ? step_ms : left_ms;
        for (int i = 0; i < 4; i++) {
            attack_step(run);
            if (!run->attack->is_deaf) {
                (void)attack_read(run);
            }
        }
    }
}

// ---- Beginning and end ------------------------------------------------------

// attack_prepare sends what is put so far as a well-behaved peer would, before
// anything is counted.
static MAYBE_UNUSED void attack_prepare(struct attack_run *run)
{
    size_t sent = 0;
    while (sent < run->size) {
        size_t part = run->size - sent < 16384 ? run->size - sent : 16384;
        kit_send(&run->bench->peer, run->bytes + sent, part);
        sent += part;
        kit_turn(run->bench->loop);
        (void)attack_read(run);
    }
    run->size = 0;
    assert_true(attack_is_alive(run));
}

static MAYBE_UNUSED struct attack_run *attack_bench(
    const struct attack *attack, bool is_server,
    const grpc_server_options *options)
{
    struct attack_run *run = attack_the_run();
    memset(run, 0, sizeof *run);
    *kit_clock_is_frozen() = true;
    run->attack = attack;
    run->burst = ATTACK_BURST;
    run->bench = is_server ? kit_bench_server(NULL, options)
                           : kit_bench_channel(NULL, NULL);
    run->conn =
        LIST_OWNER(list_first(attack_conns(run)), struct conn, link_owner);
    return run;
}

// attack_server: a server with a peer, which has made one call so that the
// fields of ATTACK_REQUEST are in the table. Its next stream is 3.
static MAYBE_UNUSED struct attack_run *attack_server(
    const struct attack *attack)
{
    static const char block[] = "\x83\x86\x44\x10/kit.Greeter/Say"
                                "\x5f\x10"
                                "application/grpc"
                                "\x40\x02te\x08trailers";
    struct attack_run *run = attack_bench(attack, true, NULL);
    attack_frame(run, 1, 4, 1, block, sizeof block - 1);
    attack_message(run, 1, true);
    attack_prepare(run);
    assert_int_equal(run->bench->greeter.handled, 1);
    assert_int_equal(run->seen.frames[0], 1);
    return run;
}

static MAYBE_UNUSED struct attack_run *attack_channel(
    const struct attack *attack)
{
    return attack_bench(attack, false, NULL);
}

// attack_begin: from here on all is counted.
static MAYBE_UNUSED void attack_begin(struct attack_run *run)
{
    memset(&run->seen, 0, sizeof run->seen);
    run->taken = 0;
    run->began_ms = attack_now_ms(run);
    run->memory_before = run->bench->heap.live_bytes;
    run->bench->heap.peak_bytes = run->bench->heap.live_bytes;
    CALLGRIND_ZERO_STATS;
}

// attack_most_ir is the bound per byte, with its share of the end.
static MAYBE_UNUSED size_t attack_most_ir(const struct attack_run *run)
{
    size_t once = run->attack->once;
    once += run->attack->end == ATTACK_CLOSED ? ATTACK_IR_END : 0;
    once += run->attack->is_slowed_down ? ATTACK_IR_DELAYS : 0;
    return run->attack->ir + (run->taken > 0 ? once / run->taken : 0);
}

static MAYBE_UNUSED void attack_print(const struct attack_run *run,
                                      size_t memory, uint64_t ms)
{
    const struct attack *attack = run->attack;
    print_message("attack|%s|%s|%lu|%lu|%lu|%lu|%lu|%lu|%s\n", attack->name,
                  attack->class, (unsigned long)run->taken,
                  (unsigned long)memory, (unsigned long)attack->memory,
                  (unsigned long)attack_most_ir(run), (unsigned long)ms,
                  (unsigned long)attack->ms,
                  attack->end == ATTACK_CLOSED ? "closed" : "borne");
}

static MAYBE_UNUSED void attack_check_goaway(struct attack_run *run)
{
    const struct attack *attack = run->attack;
    if (attack->is_deaf) {
        (void)attack_read(run);
        return; // it may have lost it
    }
    if (attack->is_silent) {
        assert_int_equal(run->seen.frames[7], 0);
        return;
    }
    char text[257] = "";
    assert_true(run->seen.goaway_size >= 8);
    assert_int_equal(run->seen.frames[7],
                     attack->goaways == 0 ? 1 : attack->goaways);
    assert_int_equal(run->seen.goaway_at_frame, run->seen.total);
    assert_int_equal(load_be32(run->seen.goaway), run->last_peer_id);
    memcpy(text, run->seen.goaway + 8, run->seen.goaway_size - 8);
    assert_string_equal(h2_code_name(load_be32(run->seen.goaway + 4)),
                        h2_code_name(attack->code));
    if (attack->text != NULL && strstr(text, attack->text) == NULL) {
        fail_msg("GOAWAY says \"%s\"", text);
    }
    assert_true(run->seen.closed);
}

// attack_check_end holds the outcome against the bounds.
static MAYBE_UNUSED void attack_check_end(struct attack_run *run)
{
    const struct attack *attack = run->attack;
    size_t memory = run->bench->heap.peak_bytes - run->memory_before;
    uint64_t ms = attack_now_ms(run) - run->began_ms;
    CALLGRIND_DUMP_STATS_AT(attack->name);
    attack_print(run, memory, ms);
    assert_true(memory <= attack->memory);
    assert_true(ms <= attack->ms);
    assert_int_equal(run->pauses > 0, attack->is_slowed_down);
    if (attack->end == ATTACK_CLOSED) {
        assert_false(attack_is_alive(run));
        attack_check_goaway(run);
        // The order of response: wait, then GOAWAY, then the end.
        assert_true(run->paused_ms <= run->told_ms);
    } else {
        assert_true(attack_is_alive(run));
        assert_int_equal(run->seen.frames[7], 0);
    }
}

// attack_healthy makes a call on a new connection: from a client of ours to the
// server that was attacked, or from a new channel to a server of ours.
static MAYBE_UNUSED void attack_healthy(struct attack_run *run)
{
    static struct kit_greeter greeter;
    struct kit_result result = {0};
    struct kit_bench *bench = run->bench;
    greeter = (struct kit_greeter){0};
    grpc_server *server =
        grpc_server_new(&(grpc_server_options){.loop = bench->loop});
    kit_serve(server, &greeter);
    bench->greeter.late = false;
    bench->greeter.act = NULL;
    int fds[2];
    kit_pair_of_sockets(fds);
    assert_int_equal(
        grpc_server_serve_fd(bench->server != NULL ? bench->server : server,
                             fds[0]),
        GRPC_OK);
    grpc_channel *channel = grpc_channel_new_fd(
        fds[1], &(grpc_channel_options){.loop = bench->loop});
    assert_non_null(kit_call(channel, "Ann", &result));
    for (int i = 0; i < 4; i++) {
        kit_turn(bench->loop);
    }
    assert_int_equal(result.done, 1);
    assert_int_equal(result.code, GRPC_OK);
    assert_string_equal(result.reply, "Hello Ann");
    grpc_channel_free(channel);
    grpc_server_free(server);
}

static MAYBE_UNUSED void attack_end(struct attack_run *run)
{
    attack_check_end(run);
    attack_healthy(run);
    kit_bench_end(run->bench);
    *kit_clock_is_frozen() = false;
}

#endif
