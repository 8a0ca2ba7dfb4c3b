// SPDX-License-Identifier: MIT
// Attacks on a server with TLS, by peers that have not shown who they are: silence,
// handshakes that are begun and left, records that carry nothing. mbedTLS is on
// either side, so what is counted is what it costs.

#include "tests/unit.h"

#if defined(GRPC_WITH_MBEDTLS)

# include "tests/attack_kit.h"
# include "tests/tls_kit.h"

# if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#  include <malloc.h>
# endif

enum {
    TLS_PEERS = 200,
    TLS_GATE = 8, // handshakes at a time
    TLS_HELLO = 2048,
    TLS_WIRE = 1 << 18,
    // A connection that has said nothing: its struct, what is put by for the
    // engine, and its timer.
    TLS_SILENT_BYTES = 1500,
    // mbedTLS: two buffers of a record, and a handshake.
    TLS_SESSION_BYTES = 64 * 1024,
};

struct tls_run {
    const struct attack *attack;
    struct test_heap heap;
    grpc_loop *loop;
    grpc_server *server;
    struct kit_greeter greeter;
    int fds[TLS_PEERS];
    int count;
    size_t taken;
    uint64_t began_ms;
    size_t memory_before;
    size_t memory; // at the worst moment that was looked at
};

// tls_process_bytes: mbedTLS's memory is the process's. (0: not known.)
static size_t tls_process_bytes(void)
{
# if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
# else
    return 0;
# endif
}

static struct tls_run *tls_begin(const struct attack *attack)
{
    static struct tls_run run;
    run = (struct tls_run){.attack = attack};
    test_heap_init(&run.heap);
    *kit_clock_is_frozen() = true;
    run.loop = kit_loop(&run.heap, NULL);
    run.server = grpc_server_new(&(grpc_server_options){
        .loop = run.loop,
        .max_handshakes = TLS_GATE,
        .credentials = grpc_tls_server(&(grpc_tls_options){
            .identity = {.certificate_file = test_cert("server.crt"),
                         .key_file = test_cert("server.key")}}),
    });
    kit_serve(run.server, &run.greeter);
    return &run;
}

static int tls_connect(struct tls_run *run)
{
    int fds[2];
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(run->server, fds[0]), GRPC_OK);
    assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    return fds[1];
}

static void tls_look(struct tls_run *run)
{
    size_t now = tls_process_bytes();
    if (now > run->memory_before && now - run->memory_before > run->memory) {
        run->memory = now - run->memory_before;
    }
}

static void tls_step(struct tls_run *run)
{
    CALLGRIND_TOGGLE_COLLECT;
    grpc_result result = grpc_loop_step(run->loop, 0);
    CALLGRIND_TOGGLE_COLLECT;
    assert_int_equal(result, GRPC_OK);
}

static void tls_steps(struct tls_run *run, int count)
{
    while (count-- > 0) {
        tls_step(run);
        tls_look(run);
    }
}

// tls_sit lets time pass.
static void tls_sit(struct tls_run *run, uint64_t ms)
{
    for (uint64_t past = 0; past < ms; past += 100) {
        *kit_skipped_ms() += 100;
        tls_steps(run, 4);
    }
}

static void tls_count(struct tls_run *run)
{
    run->began_ms = kit_now_ms(kit_skipped_ms());
    run->memory_before = tls_process_bytes();
    run->memory = 0;
    run->taken = 0;
    CALLGRIND_ZERO_STATS;
}

static void tls_print(struct tls_run *run)
{
    const struct attack *attack = run->attack;
    uint64_t ms = kit_now_ms(kit_skipped_ms()) - run->began_ms;
    CALLGRIND_DUMP_STATS_AT(attack->name);
    print_message("attack|%s|%s|%lu|%lu|%lu|%lu|%lu|%lu|%s\n", attack->name,
                  attack->class, (unsigned long)run->taken,
                  (unsigned long)run->memory, (unsigned long)attack->memory,
                  (unsigned long)attack->ir, (unsigned long)ms,
                  (unsigned long)attack->ms,
                  attack->end == ATTACK_CLOSED ? "closed" : "borne");
    assert_true(run->memory <= attack->memory);
    assert_true(ms <= attack->ms);
}

// tls_call is an honest client on that connection; how often the loop is stepped
// until its call has ended.
struct tls_client {
    grpc_channel *channel;
    struct kit_result result;
};

static void tls_client_begin(struct tls_run *run, struct tls_client *client)
{
    int fds[2];
    *client = (struct tls_client){.channel = NULL};
    kit_pair_of_sockets(fds);
    assert_int_equal(grpc_server_serve_fd(run->server, fds[0]), GRPC_OK);
    client->channel = grpc_channel_new_fd(
        fds[1],
        &(grpc_channel_options){
            .loop = run->loop,
            .credentials = grpc_tls_client(&(grpc_tls_options){
                .roots_file = test_cert("ca.crt"), .server_name = "localhost"}),
        });
    assert_non_null(kit_call(client->channel, "Ann", &client->result));
}

// tls_client_wait returns how many steps the call has taken.
static int tls_client_wait(struct tls_run *run, struct tls_client *client)
{
    int steps = 0;
    while (client->result.done == 0 && steps < 10000) {
        tls_step(run);
        steps++;
    }
    assert_int_equal(client->result.code, GRPC_OK);
    assert_string_equal(client->result.reply, "Hello Ann");
    return steps;
}

static void tls_end(struct tls_run *run)
{
    struct tls_client client;
    tls_client_begin(run, &client); // the server is well
    (void)tls_client_wait(run, &client);
    grpc_channel_free(client.channel);
    for (int i = 0; i < run->count; i++) {
        (void)close(run->fds[i]);
    }
    grpc_server_free(run->server);
    assert_int_equal(grpc_loop_free(run->loop), GRPC_OK);
    assert_true(test_heap_is_clean(&run->heap));
    *kit_clock_is_frozen() = false;
}

static size_t tls_open_count(const struct tls_run *run)
{
    size_t count = 0;
    LIST_EACH (link, after, &run->server->conns) {
        count++;
    }
    return count;
}

// ---- A peer that has mbedTLS ------------------------------------------------

struct tls_peer {
    struct tk_end end;
    grpc_tls_io io;
    int fd;
    uint8_t output[TLS_WIRE];
    uint8_t input[TLS_WIRE];
};

static grpc_result tls_accept_all(void *self, const grpc_identity *identity)
{
    (void)self;
    (void)identity;
    return GRPC_OK;
}

static struct tls_peer *tls_peer_new(int fd)
{
    static struct tls_peer peer;
    char reason[256] = "";
    size_t size = 0;
    char *roots = test_read_file(test_cert("ca.crt"), &size);
    memset(&peer.end, 0, sizeof peer.end);
    peer.fd = fd;
    const grpc_tls_options options = {.roots = {roots, size},
                                      .no_resumption = true,
                                      .max_version = GRPC_TLS_1_2};
    assert_int_equal(tls_mbedtls.open(&options, false, &peer.end.context,
                                      reason, sizeof reason),
                     GRPC_OK);
    free(roots);
    peer.end.peer = (grpc_tls_peer){"localhost", tls_accept_all, NULL};
    peer.end.session = tls_mbedtls.begin(peer.end.context, &peer.end.peer);
    assert_non_null(peer.end.session);
    peer.io =
        (grpc_tls_io){.output = peer.output, .output_room = sizeof peer.output};
    peer.end.session->io = &peer.io;
    return &peer;
}

static void tls_peer_free(struct tls_peer *peer)
{
    tls_mbedtls.end(peer->end.session);
    tls_mbedtls.close(peer->end.context);
}

// tls_peer_hello is its first flight.
static size_t tls_peer_hello(struct tls_peer *peer)
{
    grpc_result result = GRPC_MORE;
    while (result == GRPC_MORE) {
        result = tls_mbedtls.handshake(peer->end.session, &peer->io);
    }
    assert_int_equal(result, GRPC_AGAIN);
    return peer->io.output_size;
}

static void tls_peer_flush(struct tls_run *run, struct tls_peer *peer)
{
    size_t sent = 0;
    int idle = 0;
    while (sent < peer->io.output_size && idle < 4) {
        ssize_t n = send(peer->fd, peer->output + sent,
                         peer->io.output_size - sent, MSG_NOSIGNAL);
        idle = n > 0 ? 0 : idle + 1;
        sent += n > 0 ? (size_t)n : 0;
        tls_steps(run, 2);
    }
    run->taken += sent;
    peer->io.output_size = 0;
    tls_steps(run, 4);
}

static void tls_peer_fill(struct tls_peer *peer)
{
    ssize_t n = recv(peer->fd, peer->input, sizeof peer->input, 0);
    peer->io.input = peer->input;
    peer->io.input_size = n > 0 ? (size_t)n : 0;
}

static void tls_peer_shake(struct tls_run *run, struct tls_peer *peer)
{
    grpc_result result = GRPC_AGAIN;
    for (int i = 0; i < 100 && result != GRPC_OK; i++) {
        if (result == GRPC_AGAIN) {
            tls_peer_flush(run, peer);
            tls_peer_fill(peer);
        }
        result = tls_mbedtls.handshake(peer->end.session, &peer->io);
        assert_true(result == GRPC_OK || result == GRPC_AGAIN ||
                    result == GRPC_MORE);
    }
    assert_int_equal(result, GRPC_OK);
}

static void tls_peer_write(struct tls_peer *peer, const void *bytes,
                           size_t size)
{
    size_t used = size;
    assert_int_equal(
        tls_mbedtls.write(peer->end.session, &peer->io, bytes, &used), GRPC_OK);
    assert_int_equal(used, size);
}

// tls_peer_speak begins HTTP/2.
static struct tls_peer *tls_peer_speak(struct tls_run *run)
{
    run->fds[run->count] = tls_connect(run);
    struct tls_peer *peer = tls_peer_new(run->fds[run->count++]);
    tls_peer_shake(run, peer);
    tls_peer_write(peer,
                   "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
                   "\0\0\0\4\1\0\0\0\0",
                   42);
    tls_peer_flush(run, peer);
    assert_int_equal(tls_open_count(run), 1);
    return peer;
}

// ---- Silence ----------------------------------------------------------------

static void test_attack_tls__silence(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "TLS: connections that say nothing",
        .class = "memory before a byte",
        .memory = TLS_PEERS * TLS_SILENT_BYTES,
        .ms = H2_LIMIT_HANDSHAKE_MS + 200,
        .end = ATTACK_CLOSED,
    };
    struct tls_run *run = tls_begin(&attack);
    tls_count(run);
    for (int i = 0; i < TLS_PEERS; i++) {
        run->fds[run->count++] = tls_connect(run);
    }
    tls_steps(run, 8);
    // (Ours alone, where the process's memory is not known.)
    assert_true(run->heap.live_bytes / TLS_PEERS < TLS_SILENT_BYTES + 1000);
    assert_int_equal(tls_open_count(run), TLS_PEERS);
    tls_sit(run, H2_LIMIT_HANDSHAKE_MS + 100);
    assert_int_equal(tls_open_count(run), 0);
    tls_print(run);
    tls_end(run);
}

// Half a ClientHello each: so many have a session, and the others wait without. An
// honest client gets its turn when their time is over.
static void test_attack_tls__half_handshakes(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "TLS: handshakes that are begun, and left",
        .class = "max_handshakes",
        .memory = TLS_GATE * TLS_SESSION_BYTES + TLS_PEERS * TLS_SILENT_BYTES +
                  CORE_SECURE_BYTES,
        .ir = 12000,
        .ms = H2_LIMIT_HANDSHAKE_MS + 1000,
        .end = ATTACK_CLOSED,
    };
    struct tls_run *run = tls_begin(&attack);
    struct tls_client client;
    struct tls_peer *peer = tls_peer_new(-1);
    size_t size = tls_peer_hello(peer) / 2;
    tls_count(run);
    for (int i = 0; i < TLS_PEERS; i++) {
        int fd = tls_connect(run);
        run->fds[run->count++] = fd;
        assert_int_equal(send(fd, peer->output, size, MSG_NOSIGNAL), size);
        run->taken += size;
        tls_steps(run, 2);
    }
    tls_steps(run, 20);
    assert_int_equal(run->server->gate.inside, TLS_GATE);
    tls_sit(run, 5000);
    tls_client_begin(run, &client);
    tls_sit(run, 1000);
    assert_int_equal(client.result.done, 0);
    tls_sit(run, H2_LIMIT_HANDSHAKE_MS - 6000 + 100);
    (void)tls_client_wait(run, &client);
    grpc_channel_free(client.channel);
    tls_sit(run, 200);
    assert_int_equal(tls_open_count(run), 0);
    tls_print(run);
    tls_peer_free(peer);
    tls_end(run);
}

// A byte of a ClientHello now and then.
static void test_attack_tls__drip(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "TLS: a handshake byte by byte",
        .class = "slow handshake",
        .memory = TLS_SESSION_BYTES + TLS_SILENT_BYTES + CORE_SECURE_BYTES,
        .ir = 8000, // a step of the loop for each
        .ms = H2_LIMIT_HANDSHAKE_MS + 200,
        .end = ATTACK_CLOSED,
    };
    struct tls_run *run = tls_begin(&attack);
    int fd = tls_connect(run);
    struct tls_peer *peer = tls_peer_new(fd);
    size_t size = tls_peer_hello(peer);
    tls_count(run);
    run->fds[run->count++] = fd;
    size_t sent = 0;
    while (sent < size && tls_open_count(run) > 0) {
        run->taken += send(fd, peer->output + sent, 1, MSG_NOSIGNAL) == 1;
        sent++;
        tls_sit(run, 100);
    }
    assert_int_equal(tls_open_count(run), 0);
    tls_print(run);
    tls_peer_free(peer);
    tls_end(run);
}

// ---- Handshakes -------------------------------------------------------------

// A ClientHello, and gone: no key is made for who does not wait for the answer.
static void test_attack_tls__hello_and_gone(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "TLS: ClientHello, and gone",
        .class = "CPU of a handshake",
        .memory = 2 * TLS_SESSION_BYTES + CORE_SECURE_BYTES + 65536,
        .ir = 100,
        .ms = 1000,
        .end = ATTACK_CLOSED,
    };
    struct tls_run *run = tls_begin(&attack);
    struct tls_peer *peer = tls_peer_new(-1);
    size_t size = tls_peer_hello(peer);
    tls_count(run);
    for (int i = 0; i < 100; i++) {
        int fd = tls_connect(run);
        assert_int_equal(send(fd, peer->output, size, MSG_NOSIGNAL), size);
        (void)close(fd);
        run->taken += size;
        tls_steps(run, 4);
    }
    tls_steps(run, 8);
    assert_int_equal(tls_open_count(run), 0);
    tls_print(run);
    tls_peer_free(peer);
    tls_end(run);
}

// Who stays has the server work, for some milliseconds each. In a step of the loop
// one handshake does one step, so calls of others go on between them. Each hello
// of some 130 bytes has its turn at the gate within 10 s and costs a key and a
// signature: 4 million instructions of mbedTLS 2.28's, and no more.
static void test_attack_tls__hello_flood(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "TLS: ClientHellos while others call",
        .class = "latency in steps",
        .memory = (TLS_GATE + 2) * TLS_SESSION_BYTES +
                  TLS_PEERS * TLS_SILENT_BYTES + CORE_SECURE_BYTES + 131072,
        .ir = 40000,
        .ms = H2_LIMIT_HANDSHAKE_MS + 1000,
        .end = ATTACK_CLOSED,
    };
    struct tls_run *run = tls_begin(&attack);
    struct tls_client client;
    tls_client_begin(run, &client);
    (void)tls_client_wait(run, &client);
    client.result = (struct kit_result){0};
    assert_non_null(kit_call(client.channel, "Ann", &client.result));
    int alone = tls_client_wait(run, &client);
    struct tls_peer *peer = tls_peer_new(-1);
    size_t size = tls_peer_hello(peer);
    tls_count(run);
    for (int i = 0; i < TLS_PEERS; i++) {
        int fd = tls_connect(run);
        run->fds[run->count++] = fd;
        assert_int_equal(send(fd, peer->output, size, MSG_NOSIGNAL), size);
        run->taken += size;
        if (i % 20 == 0) {
            client.result = (struct kit_result){0};
            assert_non_null(kit_call(client.channel, "Ann", &client.result));
            int beside = tls_client_wait(run, &client);
            assert_in_range(beside, 1, (uintmax_t)alone + 2);
        }
    }
    tls_steps(run, 200);
    tls_look(run);
    assert_int_equal(run->server->gate.inside, TLS_GATE);
    grpc_channel_free(client.channel);
    tls_sit(run, H2_LIMIT_HANDSHAKE_MS + 200);
    assert_int_equal(tls_open_count(run), 0);
    tls_print(run);
    tls_peer_free(peer);
    tls_end(run);
}

// ---- Records ----------------------------------------------------------------

// Frames a byte a record: each byte is 30 on the wire.
static void test_attack_tls__one_byte_records(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "TLS: records of one byte",
        .class = "CPU per byte",
        .memory = 65536,
        .ir = 80,
        .ms = 1000,
        .end = ATTACK_BORNE,
    };
    static const uint8_t ping[17] = {0, 0, 8, 6};
    struct tls_run *run = tls_begin(&attack);
    struct tls_peer *peer = tls_peer_speak(run);
    tls_count(run);
    for (int i = 0; i < 50; i++) {
        for (size_t k = 0; k < sizeof ping; k++) {
            tls_peer_write(peer, ping + k, 1);
        }
        tls_peer_flush(run, peer);
    }
    assert_int_equal(tls_open_count(run), 1);
    tls_print(run);
    tls_peer_free(peer);
    tls_end(run);
}

// tls_peer_dies sends what is put out, which is not borne.
static void tls_peer_dies(struct tls_run *run, struct tls_peer *peer)
{
    tls_peer_flush(run, peer);
    tls_sit(run, CORE_LINGER_MS + 100);
    assert_int_equal(tls_open_count(run), 0);
    tls_print(run);
    tls_peer_free(peer);
    tls_end(run);
}

// Records without any byte: mbedTLS bears three in a row.
static void test_attack_tls__empty_records(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "TLS: empty records",
        .class = "CPU per byte",
        .memory = 65536,
        .ir = 40,
        .ms = CORE_LINGER_MS + 200,
        .end = ATTACK_CLOSED,
    };
    struct tls_run *run = tls_begin(&attack);
    struct tls_peer *peer = tls_peer_speak(run);
    tls_count(run);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(mbedtls_ssl_write(&peer->end.session->ssl,
                                           (const unsigned char *)"", 0),
                         0);
    }
    tls_peer_dies(run, peer);
}

# if defined(MBEDTLS_SSL_RENEGOTIATION)
// A new handshake in the old one: HTTP/2 forbids it (RFC 9113 section 9.2.1).
static void test_attack_tls__renegotiation(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "TLS: renegotiation",
        .class = "CVE-2011-1473",
        .memory = 65536,
        .ir = 1000,
        .ms = CORE_LINGER_MS + 200,
        .end = ATTACK_CLOSED,
    };
    struct tls_run *run = tls_begin(&attack);
    struct tls_peer *peer = tls_peer_speak(run);
    struct tls_mbedtls_context *context = peer->end.context;
    mbedtls_ssl_conf_renegotiation(&context->config,
                                   MBEDTLS_SSL_RENEGOTIATION_ENABLED);
    tls_count(run);
    peer->io.input_size = 0;
    (void)mbedtls_ssl_renegotiate(&peer->end.session->ssl);
    assert_true(peer->io.output_size > 0);
    tls_peer_dies(run, peer);
}
# endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attack_tls__silence),
        cmocka_unit_test(test_attack_tls__half_handshakes),
        cmocka_unit_test(test_attack_tls__drip),
        cmocka_unit_test(test_attack_tls__hello_and_gone),
        cmocka_unit_test(test_attack_tls__hello_flood),
        cmocka_unit_test(test_attack_tls__one_byte_records),
        cmocka_unit_test(test_attack_tls__empty_records),
# if defined(MBEDTLS_SSL_RENEGOTIATION)
        cmocka_unit_test(test_attack_tls__renegotiation),
# endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
# include "tests/tls_none.h"
#endif
