// SPDX-License-Identifier: MIT
// Attackers without a plan: frames of every kind in any order, cut anywhere,
// with pauses, from peers that read or do not, against handlers that answer
// now, later, at length or never. Whatever they do, the invariants hold after
// every step, memory has its bound, a call on a new connection succeeds, and
// nothing leaks. A seed names a run: RANDOM_SEED=n repeats one, RANDOM_RUNS=n
// makes more of them.
#include "tests/unit.h"

#include "tests/attack_kit.h"

enum { RANDOM_RUNS = 150, RANDOM_STEPS = 120, RANDOM_LATE = 1024 };

static uint64_t random_state;

static uint32_t below(uint32_t n)
{
    return test_random(&random_state) % n;
}

// one_in is true once in n times.
static bool one_in(uint32_t n)
{
    return below(n) == 0;
}

// ---- Handlers ---------------------------------------------------------------

static grpc_call *late[RANDOM_LATE];
static int late_count;

static void handle_somehow(grpc_call *call, struct kit_greeter *greeter)
{
    static char text[20001];
    switch (below(6)) {
    case 0:
        grpc_call_on_end(call, kit_told, greeter);
        break;
    case 1:
        (void)grpc_call_fail(call, GRPC_ABORTED, "%s", "no");
        break;
    case 2:
        memset(text, 'x', sizeof text - 1);
        (void)kit_reply(call, text);
        break;
    case 3:
        if (late_count < RANDOM_LATE) {
            late[late_count++] = call;
            break;
        }
        (void)kit_reply(call, "ok");
        break;
    default:
        (void)kit_reply(call, "ok");
        break;
    }
}

static void answer_some(uint32_t n)
{
    while (n-- > 0 && late_count > 0) {
        uint32_t i = below((uint32_t)late_count);
        (void)kit_reply(late[i], "late");
        late[i] = late[--late_count];
    }
}

// ---- Frames -----------------------------------------------------------------

// What the peer knows: streams that it has not ended. Only now and then does it
// what ends the connection at once.
static uint32_t next_id;
static uint32_t open_ids[RANDOM_LATE];
static uint32_t open_count;

static void now_open(uint32_t id)
{
    if (open_count < RANDOM_LATE) {
        open_ids[open_count++] = id;
    }
}

static void now_ended(uint32_t id)
{
    for (uint32_t i = 0; i < open_count; i++) {
        if (open_ids[i] == id) {
            open_ids[i] = open_ids[--open_count];
            return;
        }
    }
}

// some_id is mostly a stream that is open, or was.
static uint32_t some_id(void)
{
    if (one_in(10000)) {
        return below(4000);
    }
    uint32_t back = 2 * below(one_in(4) ? 150 : 6);
    return next_id > back + 1 ? next_id - 2 - back : 1;
}

// open_id is one on which the peer may send; 0: there is none.
static uint32_t open_id(void)
{
    return one_in(3000)      ? some_id()
           : open_count == 0 ? 0
                             : open_ids[below(open_count)];
}

static void put_some_request(struct attack_run *run)
{
    uint8_t block[512] = ATTACK_REQUEST;
    size_t size = ATTACK_REQUEST_SIZE;
    if (one_in(5)) {
        size +=
            attack_literal(block + size, 0, one_in(3) ? "grpc-timeout" : "x",
                           one_in(2) ? "100m" : "y");
    }
    if (one_in(10)) {
        size_t more = below(250);
        memset(block + size, 0xa0, more);
        size += more;
    }
    if (one_in(2000)) {
        block[below((uint32_t)size)] = (uint8_t)below(256);
    }
    uint32_t id = next_id;
    next_id += one_in(50) ? 6 : 2;
    uint8_t end = one_in(6) ? 1 : 0;
    if (end == 0) {
        now_open(id);
    }
    if (one_in(10)) {
        size_t cut = below((uint32_t)size + 1);
        attack_frame(run, 1, end, id, block, cut);
        attack_frame(run, 9, 4, id, block + cut, size - cut);
    } else {
        attack_frame(run, 1, 4 | end, id, block, size);
    }
    if (end == 0 && !one_in(4)) {
        bool last = !one_in(5);
        attack_message(run, id, last);
        if (last) {
            now_ended(id);
        }
    }
}

static void put_some_data(struct attack_run *run)
{
    static uint8_t bytes[16384];
    size_t size = one_in(4) ? below(sizeof bytes + 1) : below(20);
    uint32_t id = open_id();
    bool last = one_in(6);
    if (id == 0) {
        return;
    }
    if (last) {
        now_ended(id);
    }
    bool padded = size > 0 && one_in(5);
    memset(bytes, 0, sizeof bytes);
    bytes[0] = padded ? (uint8_t)below((uint32_t)(size < 256 ? size : 256)) : 0;
    if (!padded && size > 5) {
        store_be32(bytes + 1, one_in(2) ? below(1 << 22) : below(100));
    }
    attack_frame(run, 0, (uint8_t)((padded ? 8 : 0) | (last ? 1 : 0)), id,
                 bytes, size);
}

static void put_some_setting(struct attack_run *run)
{
    static const uint32_t windows[] = {0, 1, 100, 65535, 1 << 20, 1 << 24};
    switch (below(4)) {
    case 0:
        attack_setting(run, 1, below(8192));
        break;
    case 1:
        attack_setting(run, 3, below(200));
        break;
    case 2:
        attack_setting(run, 4, one_in(2) ? below(1 << 17) : windows[below(6)]);
        break;
    default:
        attack_setting(run, 5, 16384 + below(1000));
        break;
    }
}

static void put_some_reset(struct attack_run *run)
{
    uint32_t id = one_in(3) ? some_id() : open_id();
    if (id != 0) {
        now_ended(id);
        attack_word(run, 3, id, below(14));
    }
}

static void put_some_control(struct attack_run *run)
{
    static const uint8_t bytes[16] = {0, 0, 0, 1, 9};
    switch (below(12)) {
    case 0:
        attack_frame(run, 6, (uint8_t)below(2), 0, bytes, 8);
        break;
    case 1:
        attack_frame(run, 2, 0, 3 + 2 * below(1000), bytes, 5);
        break;
    case 2:
        attack_frame(run, (uint8_t)(10 + below(200)), (uint8_t)below(256),
                     some_id(), bytes, below(16));
        break;
    case 3:
    case 4:
        attack_word(run, 8, 0, one_in(500) ? 0x7fffffff : 1 + below(1 << 16));
        break;
    case 5:
    case 6:
    case 7:
        attack_word(run, 8, some_id(),
                    one_in(20) ? 0x7fffffff : 1 + below(1 << 14));
        break;
    case 8:
    case 9:
        put_some_reset(run);
        break;
    case 10:
        put_some_setting(run);
        break;
    default:
        if (one_in(30)) {
            attack_frame(run, 7, 0, 0, "\x7f\xff\xff\xff\0\0\0\1bye", 11);
        }
        break;
    }
}

static void put_some_response(struct attack_run *run)
{
    uint8_t block[128] = {0x88};
    size_t size = 1;
    uint32_t id = open_id();
    uint8_t end = one_in(3) ? 1 : 0;
    if (id == 0) {
        return;
    }
    if (end == 1) {
        now_ended(id);
    }
    switch (below(5)) {
    case 0:
        size +=
            attack_literal(block + size, 0, "content-type", "application/grpc");
        break;
    case 1:
        size = attack_literal(block, 0, "grpc-status", one_in(2) ? "0" : "9");
        break;
    case 2:
        size = attack_literal(block, 0x40, ":status", "100");
        break;
    case 3:
        size += attack_literal(block + size, 0x40, "content-type",
                               "application/grpc");
        break;
    default:
        block[0] = (uint8_t)(0x81 + below(one_in(50) ? 80 : 61));
        break;
    }
    attack_frame(run, 1, 4 | end, id, block, size);
}

// ---- A run ------------------------------------------------------------------

static void send_cut(struct attack_run *run)
{
    size_t at = 0;
    while (at < run->size && attack_look(run)) {
        size_t rest = run->size - at;
        size_t part = one_in(3) ? 1 + below((uint32_t)rest) : rest;
        ssize_t size = send(run->bench->peer.fd, run->bytes + at, part,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        at += size > 0 ? (size_t)size : 0;
        attack_step(run);
        if (size <= 0 && !attack_wait(run)) {
            break;
        }
    }
    run->size = 0;
}

static void random_steps(struct attack_run *run, bool is_server)
{
    uint32_t reading = below(4);
    for (int i = 0; i < RANDOM_STEPS && attack_look(run); i++) {
        uint32_t n = 1 + below(one_in(5) ? 200 : 12);
        while (n-- > 0 && run->size < ATTACK_BYTES / 2) {
            uint32_t kind = below(10);
            if (kind < 4) {
                (is_server ? put_some_request : put_some_response)(run);
            } else if (kind < 7) {
                put_some_data(run);
            } else {
                put_some_control(run);
            }
        }
        send_cut(run);
        answer_some(below(8));
        attack_step(run);
        if (reading > 0 || one_in(10)) {
            (void)attack_read(run);
        }
        if (one_in(3) && attack_look(run)) {
            *kit_skipped_ms() += one_in(10) ? below(70000) : below(300);
            attack_step(run);
        }
    }
}

enum {
    RANDOM_MEMORY = ATTACK_MEMORY + ATTACK_STREAMS + ATTACK_OUTPUT +
                    H2_LIMIT_QUEUED_BYTES +
                    H2_LIMIT_CONCURRENT_STREAMS * (65536 + 20000 + 8192),
};

static void random_end(struct attack_run *run)
{
    size_t memory = run->bench->heap.peak_bytes - run->memory_before;
    assert_true(memory <= RANDOM_MEMORY);
    answer_some(RANDOM_LATE);
    attack_healthy(run);
    kit_bench_end(run->bench);
    *kit_clock_is_frozen() = false;
}

static const struct attack random_attack = {
    .name = "random",
    .class = "-",
    .ms = UINT32_MAX,
    .end = ATTACK_BORNE,
};

static void random_server(uint64_t seed)
{
    random_state = seed;
    late_count = 0;
    open_count = 0;
    next_id = 3;
    struct attack_run *run = attack_server(&random_attack);
    run->bench->greeter.act = handle_somehow;
    attack_begin(run);
    random_steps(run, true);
    random_end(run);
}

static void random_client(uint64_t seed)
{
    enum { CALLS = 60 };
    static struct kit_result results[CALLS];
    static char name[3001];
    random_state = seed;
    open_count = 0;
    struct attack_run *run = attack_channel(&random_attack);
    memset(results, 0, sizeof results);
    memset(name, 'n', sizeof name - 1);
    for (uint32_t i = 0; i < CALLS; i++) {
        grpc_str text = {name, below(sizeof name)};
        assert_non_null(kit_call_with(
            run->bench->channel, text, &results[i],
            &(grpc_call_options){.timeout_ms = one_in(4) ? below(5000) : 0}));
        now_open(1 + 2 * i);
    }
    kit_turn(run->bench->loop);
    next_id = 1 + 2 * CALLS;
    attack_begin(run);
    random_steps(run, false);
    random_end(run);
    for (uint32_t i = 0; i < CALLS; i++) {
        assert_int_equal(results[i].done, 1);
    }
}

static uint64_t random_option(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void random_runs(void (*one)(uint64_t seed))
{
    uint64_t first = random_option("RANDOM_SEED", 1);
    uint64_t count = random_option(
        "RANDOM_RUNS", getenv("RANDOM_SEED") != NULL ? 1 : RANDOM_RUNS);
    for (uint64_t seed = first; seed < first + count; seed++) {
        FILE *at = getenv("RANDOM_TRACE") == NULL
                       ? NULL
                       : fopen(getenv("RANDOM_TRACE"), "w");
        if (at != NULL) {
            fprintf(at, "seed %lu\n", (unsigned long)seed);
            fclose(at);
        }
        one(seed);
    }
}

static void test_attack__random_on_a_server(void **state)
{
    (void)state;
    random_runs(random_server);
}

static void test_attack__random_on_a_client(void **state)
{
    (void)state;
    random_runs(random_client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attack__random_on_a_server),
        cmocka_unit_test(test_attack__random_on_a_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
