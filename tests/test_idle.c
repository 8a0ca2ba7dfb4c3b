// SPDX-License-Identifier: MIT
// What connections at rest cost: one after a call is in test_server.c and
// test_unary_pair.c; here one that has seen much, and very many of them.
#include "tests/unit.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/core_kit.h"

// ---- After many calls -------------------------------------------------------

enum { IDLE_CALLS = 1000, IDLE_BYTES_LATER = 6144 };

static struct h2_field idle_field(const char *name, const char *value)
{
    return (struct h2_field){
        .field = {.name = view_of(name, strlen(name)),
                  .value = view_of(value, strlen(value))},
        .mode = HPACK_INDEX,
    };
}

// idle_request sends a request with a deadline and metadata of its own, all of
// which enters the table, as some clients have it.
static void idle_request(struct kit_peer *peer, struct hpack_encoder *encoder,
                         struct slab *chunks, int i)
{
    char timeout[16];
    char request_id[40];
    char trace[64];
    (void)snprintf(timeout, sizeof timeout, "%dm", 100000 + i);
    (void)snprintf(request_id, sizeof request_id, "%08x-%04x", i * 7919, i);
    (void)snprintf(trace, sizeof trace, "00-%032x-%016x-01", i, i);
    const struct h2_field fields[] = {
        idle_field(":method", "POST"),
        idle_field(":scheme", "http"),
        idle_field(":path", "/kit.Greeter/Say"),
        idle_field(":authority", "127.0.0.1:50051"),
        idle_field("content-type", "application/grpc"),
        idle_field("user-agent", "grpc-cgrpc/0.1.0"),
        idle_field("te", "trailers"),
        idle_field("grpc-timeout", timeout),
        idle_field("x-request-id", request_id),
        idle_field(i % 2 == 0 ? "traceparent" : "t", i % 2 == 0 ? trace : "1"),
    };
    struct chunk_queue out;
    uint8_t block[1024];
    size_t size = 0;
    chunk_queue_init(&out, chunks);
    assert_true(hpack_encode_begin(encoder, &out));
    for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
        assert_true(
            hpack_encode(encoder, &out, &fields[f].field, HPACK_INDEX, NULL));
    }
    struct view views[2];
    size_t count = chunk_queue_peek(&out, views, 2);
    for (size_t v = 0; v < count; v++) {
        memcpy(block + size, views[v].data, views[v].size);
        size += views[v].size;
    }
    chunk_queue_clear(&out);
    uint32_t id = 2 * (uint32_t)i + 1;
    kit_frame(peer, 1, 4, id, view_of(block, size));
    kit_message(peer, id, true, "x");
}

static void test_idle__after_many_calls(void **state)
{
    (void)state;
    struct kit_bench *bench = kit_bench_server(NULL, NULL);
    struct test_heap heap;
    struct slab chunks;
    struct hpack_encoder encoder;
    test_heap_init(&heap);
    chunk_pool_init(&chunks, &heap.allocator, 4);
    hpack_encoder_init(&encoder, &heap.allocator, 4096);
    idle_request(&bench->peer, &encoder, &chunks, 0);
    kit_turn(bench->loop);
    const struct conn *conn =
        LIST_OWNER(list_first(&bench->server->conns), struct conn, link_owner);
    for (int i = 1; i < IDLE_CALLS; i++) {
        idle_request(&bench->peer, &encoder, &chunks, i);
        assert_int_equal(grpc_loop_step(bench->loop, 0), GRPC_OK);
        assert_int_equal(grpc_loop_step(bench->loop, 0), GRPC_OK);
        kit_forget(&bench->peer);
    }
    kit_turn(bench->loop);
    assert_int_equal(bench->greeter.handled, IDLE_CALLS);
    unsigned entries = conn->h2.decoder.table.count;
    size_t later = bench->heap.live_bytes;
    (void)close(bench->peer.fd);
    bench->peer.fd = -1;
    kit_turn(bench->loop);
    assert_true(list_is_empty(&bench->server->conns));
    later -= bench->heap.live_bytes;
    print_message("a connection after %d calls with deadlines and metadata of "
                  "their own: %lu bytes, %u entries in the table\n",
                  IDLE_CALLS, (unsigned long)later, entries);
    assert_true(entries > 40);
    assert_true(later < IDLE_BYTES_LATER);
    hpack_encoder_fini(&encoder);
    slab_fini(&chunks);
    assert_true(test_heap_is_clean(&heap));
    kit_bench_end(bench);
}

// ---- Very many --------------------------------------------------------------

enum {
#if defined(__s390x__)
    IDLE_MANY = 1000, // emulated
#else
    IDLE_MANY = 10000,
#endif
    IDLE_BYTES = 1024,
};

// idle_connect waits for the server if it must.
static int idle_connect(const struct sockaddr_un *address, socklen_t size)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    while (connect(fd, (const struct sockaddr *)address, size) != 0) {
        if (errno != EAGAIN && errno != ECONNREFUSED && errno != EINTR) {
            return -1;
        }
        (void)poll(NULL, 0, 1);
    }
    return fd;
}

// idle_is_answered reads until the trailers have come: HEADERS with END_STREAM.
static bool idle_is_answered(int fd)
{
    static uint8_t bytes[4096];
    size_t size = 0;
    for (;;) {
        ssize_t part = read(fd, bytes + size, sizeof bytes - size);
        if (part <= 0) {
            return false;
        }
        size += (size_t)part;
        size_t at = 0;
        while (size - at >= 9) {
            size_t length = (size_t)bytes[at + 1] << 8 | bytes[at + 2];
            if (bytes[at + 3] == 1 && (bytes[at + 4] & 1) != 0) {
                return true;
            }
            if (size - at - 9 < length) {
                break;
            }
            at += 9 + length;
        }
    }
}

// idle_clients is the other process: one call on each of many connections, a
// byte to say so, and then nothing until it is told to end.
static void idle_clients(const struct sockaddr_un *address, socklen_t size,
                         int say, int listen_to)
{
    static uint8_t bytes[512];
    memcpy(bytes, kit_magic, 24);
    size_t used = 24;
    used += test_unhex("000000 04 00 00000000 000000 04 01 00000000"
                       "000050 01 04 00000001"
                       "83 86 44 10 2f6b69742e477265657465722f536179"
                       "41 09 6c6f63616c686f7374"
                       "5f 10 6170706c69636174696f6e2f67727063"
                       "7a 10 677270632d63677270632f302e312e30"
                       "40 02 7465 08 747261696c657273"
                       "00000a 00 01 00000001 0000000005 0a03626f62",
                       bytes + used, sizeof bytes - used);
    for (int i = 0; i < IDLE_MANY; i++) {
        int fd = idle_connect(address, size);
        if (fd < 0 || write(fd, bytes, used) != (ssize_t)used ||
            !idle_is_answered(fd)) {
            _exit(1);
        }
    }
    if (write(say, "", 1) != 1 || read(listen_to, bytes, 1) != 0) {
        _exit(2);
    }
    _exit(0);
}

static bool idle_may_open(unsigned count)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return false;
    }
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur >= count + 64;
}

static unsigned long idle_resident_kib(void)
{
    unsigned long pages = 0;
    size_t size = 0;
    char *text = test_read_file("/proc/self/statm", &size);
    if (text != NULL) {
        const char *second = strchr(text, ' ');
        pages = second == NULL ? 0 : strtoul(second, NULL, 10);
        free(text);
    }
    return pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

static void idle_begin(struct test_heap *heap, struct kit_greeter *greeter,
                       const char *name, grpc_server **out_server)
{
    char target[128];
    (void)snprintf(target, sizeof target, "unix-abstract:%s", name);
    test_heap_init(heap);
    grpc_loop *loop = kit_loop(heap, NULL);
    *out_server = grpc_server_new(&(grpc_server_options){.loop = loop});
    kit_serve(*out_server, greeter);
    assert_int_equal(grpc_server_listen(*out_server, target, NULL), GRPC_OK);
}

static void test_idle__ten_thousand(void **state)
{
    (void)state;
    if (!idle_may_open(IDLE_MANY)) {
        print_message("not so many descriptors are allowed here\n");
        skip();
    }
    int said[2];
    int told[2];
    assert_int_equal(pipe(said), 0);
    assert_int_equal(pipe(told), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char *name = address.sun_path + 1;
    (void)snprintf(name, sizeof address.sun_path - 1, "cgrpc-idle-%ld",
                   (long)getpid());
    socklen_t size =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(told[1]);
        idle_clients(&address, size, said[1], told[0]);
    }
    (void)close(said[1]);
    struct test_heap heap;
    struct kit_greeter greeter = {.late = false};
    grpc_server *server;
    idle_begin(&heap, &greeter, name, &server);
    grpc_loop *loop = grpc_server_loop(server);
    size_t before = heap.live_bytes;
    unsigned long resident = idle_resident_kib();
    assert_int_equal(fcntl(said[0], F_SETFL, O_NONBLOCK), 0);
    char byte;
    ssize_t got;
    while ((got = read(said[0], &byte, 1)) < 0 && errno == EAGAIN) {
        assert_int_equal(grpc_loop_step(loop, 10), GRPC_OK);
    }
    assert_int_equal(got, 1); // 0: the other process has failed
    assert_int_equal(greeter.handled, IDLE_MANY);
    assert_int_equal(server->connection_count, IDLE_MANY);
    size_t each = (heap.live_bytes - before) / IDLE_MANY;
    print_message("%d idle connections: %lu bytes of ours for each, %lu KiB "
                  "resident in all\n",
                  (int)IDLE_MANY, (unsigned long)each,
                  idle_resident_kib() - resident);
    assert_true(each < IDLE_BYTES);
    (void)close(told[1]);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)close(told[0]);
    (void)close(said[0]);
    grpc_server_free(server);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle__after_many_calls),
        cmocka_unit_test(test_idle__ten_thousand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
