// SPDX-License-Identifier: MIT
// Sessions: handshakes and data, cut at every byte, changed and cut off on the
// way; how they end; ALPN; what they cost.

#include "tests/unit.h"

#if defined(GRPC_WITH_MBEDTLS)

# if defined(__GLIBC__)
#  include <malloc.h>
# endif

# include "tests/tls_kit.h"

// What each test goes through.
static const grpc_tls_version mbedtls_versions[] = {
    GRPC_TLS_1_2,
    GRPC_TLS_1_3,
};

enum { MBEDTLS_VERSIONS = TLS_MBEDTLS_HAS_1_3 ? 2 : 1 };

static void mbedtls_options(struct tk *tk, int version)
{
    tk_options(tk);
    tk->client_options.max_version = mbedtls_versions[version];
}

static void mbedtls_start(struct tk *tk, int version)
{
    mbedtls_options(tk, version);
    tk_start(tk);
    tk_expect(tk, "", "");
}

static void test_mbedtls__version(void **state)
{
    (void)state;
    char version[32];
    mbedtls_version_get_string(version);
    assert_memory_equal(tls_mbedtls.version(), "mbedTLS ", 8);
    assert_string_equal(tls_mbedtls.version() + 8, version);
}

// ---- The handshake ----------------------------------------------------------

static void test_mbedtls__handshake(void **state)
{
    (void)state;
    for (int version = 0; version < MBEDTLS_VERSIONS; version++) {
        struct tk tk;
        mbedtls_start(&tk, version);
        assert_int_equal(tk.client.checks, 1);
        assert_int_equal(tk.server.checks, 1);
        assert_true(tk.client.was_verified);
        assert_string_equal(tk.client.alpn, "h2");
        assert_string_equal(tk.server.alpn, "h2");
        tk_end(&tk);
    }
}

// Others have their turn between the steps: no step of a handshake has more than
// a part of its cryptography.
static void test_mbedtls__handshake_goes_by_steps(void **state)
{
    (void)state;
    struct tk tk;
    mbedtls_options(&tk, 0);
    tk_open(&tk);
    tk_begin(&tk);
    int more[2] = {0, 0};
    bool moved = true;
    while (moved) {
        moved = tk_step(&tk, &tk.client);
        more[0] += tk.client.result == GRPC_MORE ? 1 : 0;
        moved = tk_step(&tk, &tk.server) || moved;
        more[1] += tk.server.result == GRPC_MORE ? 1 : 0;
    }
    tk_expect(&tk, "", "");
    assert_true(more[0] >= 8);
    assert_true(more[1] >= 8);
    tk_end(&tk);
}

// The peer's bytes come in pieces of each size.
static void test_mbedtls__handshake_in_pieces(void **state)
{
    (void)state;
    for (int version = 0; version < MBEDTLS_VERSIONS; version++) {
        static const size_t sizes[] = {1, 2, 3, 5, 6, 7, 100, 1000};
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            struct tk tk;
            mbedtls_options(&tk, version);
            tk.server_options.roots = tk_file("ca.crt");
            tk.server_options.clients = GRPC_CLIENTS_REQUIRED;
            tk.client_options.identity = tk_identity("client");
            tk_open(&tk);
            tk_begin(&tk);
            tk.client.piece = sizes[i];
            tk.server.piece = sizes[i];
            tk_shake(&tk);
            tk_expect(&tk, "", "");
            tk_end(&tk);
        }
    }
}

// mbedtls_cut_at shakes hands while one end gets what the other sends in two
// parts, cut at this byte of all; false: there are not so many.
static bool mbedtls_cut_at(int version, bool to_client, size_t at)
{
    struct tk tk;
    mbedtls_options(&tk, version);
    tk_open(&tk);
    tk_begin(&tk);
    struct tk_end *to = to_client ? &tk.client : &tk.server;
    struct tk_end *from = tk_other(&tk, to);
    bool moved = true;
    while (moved) {
        moved = tk_step(&tk, from);
        to->piece = 0;
        if (from->out_read < at && from->out_size > at) {
            to->piece = at - from->out_read;
        }
        moved = tk_step(&tk, to) || moved;
    }
    to->piece = 0;
    tk_late(&tk, &tk.client);
    tk_late(&tk, &tk.server);
    tk_expect(&tk, "", "");
    bool found = at < from->out_size;
    tk_end(&tk);
    return found;
}

static void test_mbedtls__handshake_cut_at_every_byte(void **state)
{
    (void)state;
    for (int version = 0; version < MBEDTLS_VERSIONS; version++) {
        for (int to_client = 0; to_client < 2; to_client++) {
            size_t at = 1;
            while (mbedtls_cut_at(version, to_client != 0, at)) {
                at++;
            }
            assert_true(at > 200);
        }
    }
}

// One end hears no more: it waits, and does not fail. (That the connection has
// ended is for who reads the socket to say.)
static void test_mbedtls__handshake_cut_off(void **state)
{
    (void)state;
    for (size_t most = 0; most < 300; most += 23) {
        struct tk tk;
        mbedtls_options(&tk, 0);
        tk_open(&tk);
        tk_begin(&tk);
        while (tk_step(&tk, &tk.client)) {
        }
        size_t whole = tk.client.out_size;
        assert_true(whole > 100);
        tk.client.out_size = most < whole ? most : whole - 1;
        while (tk_step(&tk, &tk.server)) {
        }
        assert_int_equal(tk.server.result, GRPC_AGAIN);
        assert_int_equal(tk.server.out_size, 0);
        tk_end(&tk);
    }
}

// ---- ALPN -------------------------------------------------------------------

# define MBEDTLS_NO_H2 "the peer does not agree on HTTP/2 (ALPN \"h2\")"

// mbedtls_alpn gives an end other protocols; NULL: none.
static void mbedtls_alpn(struct tk_end *end, const char *const *protocols)
{
    struct tls_mbedtls_context *context = end->context;
    assert_int_equal(tls_mbedtls_conf_alpn(&context->config, protocols), 0);
}

static void mbedtls_without_alpn(struct tk_end *end)
{
    struct tls_mbedtls_context *context = end->context;
    context->config.TLS_MBEDTLS_FIELD(alpn_list) = NULL;
}

static void test_mbedtls__alpn_is_missing(void **state)
{
    (void)state;
    for (int version = 0; version < MBEDTLS_VERSIONS; version++) {
        for (int side = 0; side < 2; side++) {
            for (int allow = 0; allow < 2; allow++) {
                struct tk tk;
                mbedtls_options(&tk, version);
                // (The one that has none does not miss it.)
                tk.client_options.allow_no_alpn = side == 0 || allow;
                tk.server_options.allow_no_alpn = side == 1 || allow;
                tk_open(&tk);
                struct tk_end *without = side == 0 ? &tk.client : &tk.server;
                mbedtls_without_alpn(without);
                tk_begin(&tk);
                tk_shake(&tk);
                const char *told =
                    "the peer sent alert 120, no_application_protocol";
                tk_expect(&tk,
                          allow       ? ""
                          : side == 0 ? told
                                      : MBEDTLS_NO_H2,
                          allow       ? ""
                          : side == 0 ? MBEDTLS_NO_H2
                                      : told);
                if (allow) {
                    assert_string_equal(tk.client.alpn, "");
                    assert_string_equal(tk.server.alpn, "");
                }
                tk_end(&tk);
            }
        }
    }
}

// Who offers other protocols alone is not to be mistaken for one of old.
static void test_mbedtls__alpn_is_another(void **state)
{
    static const char *const mbedtls_http[] = {"http/1.1", "spdy/3", NULL};
    (void)state;
    for (int version = 0; version < MBEDTLS_VERSIONS; version++) {
        for (int allow = 0; allow < 2; allow++) {
            struct tk tk;
            mbedtls_options(&tk, version);
            tk.client_options.allow_no_alpn = allow;
            tk.server_options.allow_no_alpn = allow;
            tk_open(&tk);
            mbedtls_alpn(&tk.client, mbedtls_http);
            tk_begin(&tk);
            tk_shake(&tk);
            tk_expect(&tk, "the peer sent alert 120, no_application_protocol",
                      MBEDTLS_VERSION_MAJOR < 3
                          ? "the client's hello is malformed, or offers "
                            "nothing that we have"
                          : MBEDTLS_NO_H2);
            tk_end(&tk);
        }
    }
}

static void test_mbedtls__alpn_has_others_too(void **state)
{
    static const char *const mbedtls_both[] = {"http/1.1", "h2", NULL};
    (void)state;
    for (int version = 0; version < MBEDTLS_VERSIONS; version++) {
        struct tk tk;
        mbedtls_options(&tk, version);
        tk_open(&tk);
        mbedtls_alpn(&tk.client, mbedtls_both);
        tk_begin(&tk);
        tk_shake(&tk);
        tk_expect(&tk, "", "");
        assert_string_equal(tk.server.alpn, "h2");
        tk_end(&tk);
    }
}

// ---- Data -------------------------------------------------------------------

enum { MBEDTLS_MOST = 3 * GRPC_TLS_RECORD_BYTES };

static unsigned char mbedtls_sent[MBEDTLS_MOST];
static unsigned char mbedtls_got[MBEDTLS_MOST];

static void mbedtls_fill(void)
{
    uint64_t random = 6;
    for (size_t i = 0; i < sizeof mbedtls_sent; i++) {
        mbedtls_sent[i] = (unsigned char)test_random(&random);
    }
}

// mbedtls_pass writes size bytes and reads them at the other end, room at a time.
// How many records that took.
static int mbedtls_pass(struct tk *tk, struct tk_end *from, size_t size,
                        size_t room)
{
    struct tk_end *to = tk_other(tk, from);
    int records = 0;
    size_t done = 0;
    while (done < size) {
        size_t count = size - done;
        size_t before = from->out_size;
        assert_int_equal(tk_write(tk, from, mbedtls_sent + done, &count),
                         GRPC_OK);
        assert_in_range(count, 1, GRPC_TLS_RECORD_BYTES);
        assert_true(from->out_size - before <= GRPC_TLS_ROOM);
        done += count;
        records++;
    }
    size_t got = 0;
    for (;;) {
        size_t count;
        grpc_result result =
            tk_read(tk, to, mbedtls_got + got,
                    size - got < room ? size - got + 1 : room, &count);
        if (result == GRPC_AGAIN) {
            assert_int_equal(count, 0);
            if (from->out_read == from->out_size) {
                break;
            }
            continue;
        }
        assert_int_equal(result, GRPC_OK);
        assert_true(count > 0);
        got += count;
        assert_true(got <= size);
    }
    assert_int_equal(got, size);
    assert_memory_equal(mbedtls_got, mbedtls_sent, size);
    // (Room on the wire for the next.)
    from->out_size = 0;
    from->out_read = 0;
    return records;
}

static void test_mbedtls__data(void **state)
{
    static const size_t sizes[] = {
        0, 1, 9, 1000, 16383, 16384, 16385, 32768, 32769, 40000,
    };
    (void)state;
    mbedtls_fill();
    for (int version = 0; version < MBEDTLS_VERSIONS; version++) {
        for (int side = 0; side < 2; side++) {
            struct tk tk;
            mbedtls_start(&tk, version);
            struct tk_end *from = side == 0 ? &tk.client : &tk.server;
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                int records = mbedtls_pass(&tk, from, sizes[i], 16384);
                int least = (int)((sizes[i] + 16383) / 16384);
                // (mbedTLS 3.6 puts 16383 bytes into a record of TLS 1.3.)
                assert_in_range(records, least, least + 1);
                (void)mbedtls_pass(&tk, from, sizes[i], 1000);
            }
            (void)mbedtls_pass(&tk, from, 100, 1);
            tk_end(&tk);
        }
    }
}

// The bytes of records come in two parts, cut at every byte, and one by one.
static void test_mbedtls__data_cut_at_every_byte(void **state)
{
    (void)state;
    mbedtls_fill();
    for (int version = 0; version < MBEDTLS_VERSIONS; version++) {
        struct tk tk;
        mbedtls_start(&tk, version);
        tk.client.out_size = 0;
        tk.client.out_read = 0;
        for (size_t at = 1; at < 300; at++) {
            // Two records.
            size_t size = 100;
            assert_int_equal(tk_write(&tk, &tk.client, mbedtls_sent, &size),
                             GRPC_OK);
            assert_int_equal(
                tk_write(&tk, &tk.client, mbedtls_sent + 100, &size), GRPC_OK);
            size_t whole = tk.client.out_size;
            tk.client.out_size = at < whole ? at : whole;
            size_t got = 0;
            for (int part = 0; part < 2; part++) {
                grpc_result result;
                do {
                    size_t count;
                    result = tk_read(&tk, &tk.server, mbedtls_got + got, 1000,
                                     &count);
                    got += count;
                } while (result == GRPC_OK);
                assert_int_equal(result, GRPC_AGAIN);
                assert_int_equal(tk.client.out_read, tk.client.out_size);
                tk.client.out_size = whole;
            }
            assert_int_equal(got, 200);
            assert_memory_equal(mbedtls_got, mbedtls_sent, 200);
            tk.client.out_size = 0;
            tk.client.out_read = 0;
        }
        tk.server.piece = 1;
        (void)mbedtls_pass(&tk, &tk.client, 1000, 1000);
        tk_end(&tk);
    }
}

// Records that hold nothing: some may come, and a flood of them is an error.
static void test_mbedtls__empty_records(void **state)
{
    (void)state;
    for (int version = 0; version < MBEDTLS_VERSIONS; version++) {
        struct tk tk;
        mbedtls_start(&tk, version);
        struct tls_mbedtls_session *session = tk.client.session;
        grpc_tls_io io = tk_io(&tk, &tk.client);
        session->io = &io;
        for (int i = 0; i < 3; i++) {
            assert_int_equal(
                mbedtls_ssl_write(&session->ssl, (const unsigned char *)"", 0),
                0);
        }
        tk_took(&tk, &tk.client, &io);
        assert_true(tk.client.out_size > 3 * 20);
        size_t count;
        assert_int_equal(tk_read(&tk, &tk.server, mbedtls_got, 100, &count),
                         GRPC_AGAIN);
        size_t size = 5;
        assert_int_equal(tk_write(&tk, &tk.client, "hello", &size), GRPC_OK);
        assert_int_equal(tk_read(&tk, &tk.server, mbedtls_got, 100, &count),
                         GRPC_OK);
        assert_int_equal(count, 5);
        io = tk_io(&tk, &tk.client);
        session->io = &io;
        for (int i = 0; i < 4; i++) {
            assert_int_equal(
                mbedtls_ssl_write(&session->ssl, (const unsigned char *)"", 0),
                0);
        }
        tk_took(&tk, &tk.client, &io);
        assert_int_equal(tk_read(&tk, &tk.server, mbedtls_got, 100, &count),
                         GRPC_EFORMAT);
        assert_string_equal(tk_error(&tk.server),
                            "a record of the peer's was changed on the way, or "
                            "is not encrypted with the right key");
        tk_end(&tk);
    }
}

// A record of which any byte is changed is not accepted; its size neither.
static void test_mbedtls__data_changed(void **state)
{
    (void)state;
    for (int version = 0; version < MBEDTLS_VERSIONS; version++) {
        for (size_t at = 0; at < 40; at++) {
            struct tk tk;
            mbedtls_start(&tk, version);
            size_t size = 100;
            size_t begin = tk.client.out_size;
            assert_int_equal(tk_write(&tk, &tk.client, mbedtls_sent, &size),
                             GRPC_OK);
            tk.client.out[begin + at] ^= 1;
            size_t count;
            grpc_result result =
                tk_read(&tk, &tk.server, mbedtls_got, 100, &count);
            assert_int_equal(count, 0);
            // Its lengths may be those of a longer one, of which more is to
            // come.
            if (at != 3 && at != 4) {
                assert_int_equal(result, GRPC_EFORMAT);
            }
            if (at >= 5) {
                assert_string_equal(
                    tk_error(&tk.server),
                    "a record of the peer's was changed on the way, or is not "
                    "encrypted with the right key");
                // The peer is told.
                assert_int_equal(
                    tk_read(&tk, &tk.client, mbedtls_got, 100, &count),
                    GRPC_EFORMAT);
                assert_string_equal(tk_error(&tk.client),
                                    "the peer sent alert 20, bad_record_mac");
            }
            tk_end(&tk);
        }
    }
}

static void test_mbedtls__record_too_large(void **state)
{
    static const unsigned char mbedtls_large[5] = {23, 3, 3, 0x48, 1};
    (void)state;
    for (int version = 0; version < MBEDTLS_VERSIONS; version++) {
        struct tk tk;
        mbedtls_start(&tk, version);
        tk_put(&tk.client, mbedtls_large, sizeof mbedtls_large);
        size_t count;
        assert_int_equal(tk_read(&tk, &tk.server, mbedtls_got, 100, &count),
                         GRPC_EFORMAT);
        assert_string_equal(
            tk_error(&tk.server),
            "a record of the peer's is larger than it may be, or "
            "cannot be read");
        tk_end(&tk);
    }
}

// Plain text behind a handshake.
static void test_mbedtls__plain_data(void **state)
{
    static const unsigned char mbedtls_plain[] = {23,  3,   3,   0,   5,
                                                  'h', 'e', 'l', 'l', 'o'};
    (void)state;
    for (int version = 0; version < MBEDTLS_VERSIONS; version++) {
        struct tk tk;
        mbedtls_start(&tk, version);
        tk_put(&tk.client, mbedtls_plain, sizeof mbedtls_plain);
        size_t count;
        assert_int_equal(tk_read(&tk, &tk.server, mbedtls_got, 100, &count),
                         GRPC_EFORMAT);
        assert_int_equal(count, 0);
        tk_end(&tk);
    }
}

// ---- The end ----------------------------------------------------------------

static void test_mbedtls__close_notify(void **state)
{
    (void)state;
    for (int version = 0; version < MBEDTLS_VERSIONS; version++) {
        for (int side = 0; side < 2; side++) {
            struct tk tk;
            mbedtls_start(&tk, version);
            struct tk_end *from = side == 0 ? &tk.client : &tk.server;
            struct tk_end *to = tk_other(&tk, from);
            size_t size = 5;
            size_t count;
            assert_int_equal(tk_write(&tk, from, "hello", &size), GRPC_OK);
            tk_finish(&tk, from);
            assert_int_equal(tk_read(&tk, to, mbedtls_got, 100, &count),
                             GRPC_OK);
            assert_int_equal(count, 5);
            for (int i = 0; i < 2; i++) {
                assert_int_equal(tk_read(&tk, to, mbedtls_got, 100, &count),
                                 GRPC_ESTATE);
                assert_int_equal(count, 0);
            }
            // The other direction goes on.
            size = 3;
            assert_int_equal(tk_write(&tk, to, "bye", &size), GRPC_OK);
            assert_int_equal(tk_read(&tk, from, mbedtls_got, 100, &count),
                             GRPC_OK);
            assert_int_equal(count, 3);
            tk_finish(&tk, to);
            assert_int_equal(tk_read(&tk, from, mbedtls_got, 100, &count),
                             GRPC_ESTATE);
            assert_string_equal(tls_mbedtls.error(to->session), "");
            tk_end(&tk);
        }
    }
}

// Without it, an end that hears nothing more just waits.
static void test_mbedtls__no_close_notify(void **state)
{
    (void)state;
    for (int version = 0; version < MBEDTLS_VERSIONS; version++) {
        struct tk tk;
        mbedtls_start(&tk, version);
        size_t size = 5;
        size_t count;
        assert_int_equal(tk_write(&tk, &tk.client, "hello", &size), GRPC_OK);
        tk.client.out_size--;
        assert_int_equal(tk_read(&tk, &tk.server, mbedtls_got, 100, &count),
                         GRPC_AGAIN);
        assert_int_equal(count, 0);
        tk_end(&tk);
    }
}

// A session that failed puts out no more, not even close_notify.
static void test_mbedtls__finish_of_one_that_failed(void **state)
{
    (void)state;
    struct tk tk;
    mbedtls_options(&tk, 0);
    tk.server_options.identity = tk_identity("expired");
    tk_start(&tk);
    size_t size = tk.client.out_size;
    tk_finish(&tk, &tk.client);
    assert_int_equal(tk.client.out_size, size);
    tk_end(&tk);
}

# if defined(MBEDTLS_SSL_RENEGOTIATION)
// Either end may want to, with TLS 1.2; HTTP/2 forbids it (RFC 9113 section 9.2.1).
static void test_mbedtls__renegotiation(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct tk tk;
        mbedtls_options(&tk, 0);
        tk_open(&tk);
        struct tk_end *from = side == 0 ? &tk.client : &tk.server;
        struct tk_end *to = tk_other(&tk, from);
        struct tls_mbedtls_context *context = from->context;
        mbedtls_ssl_conf_renegotiation(&context->config,
                                       MBEDTLS_SSL_RENEGOTIATION_ENABLED);
        tk_begin(&tk);
        tk_shake(&tk);
        tk_expect(&tk, "", "");
        size_t before = from->out_size;
        grpc_tls_io io = tk_io(&tk, from);
        from->session->io = &io;
        int error = mbedtls_ssl_renegotiate(&from->session->ssl);
        assert_true(error == 0 || error == MBEDTLS_ERR_SSL_WANT_READ);
        tk_took(&tk, from, &io);
        assert_true(from->out_size > before);
        size_t count;
        assert_int_equal(tk_read(&tk, to, mbedtls_got, 100, &count),
                         GRPC_EFORMAT);
        assert_string_equal(
            tk_error(to),
            "the peer wants to renegotiate, which HTTP/2 forbids");
        tk_end(&tk);
    }
}
# endif

// ---- Memory -----------------------------------------------------------------

static void test_mbedtls__without_memory(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct tk tk;
    mbedtls_options(&tk, 0);
    tk.client_options.allocator = heap.allocator;
    tk_open(&tk);
    heap.fail_at = heap.calls + 1;
    assert_null(tls_mbedtls.begin(tk.client.context, &tk.client.peer));
    // What check is shown, in the handshake, cannot be had: it fails for that.
    tk_begin(&tk);
    heap.fail_at = heap.calls + 1;
    heap.fail_on = true;
    tk_shake(&tk);
    assert_int_equal(tk.client.result, GRPC_ENOMEM);
    assert_int_equal(tk.client.checks, 0);
    heap.fail_at = 0;
    heap.fail_on = false;
    tk_end_sessions(&tk);
    // Without memory for the session to be kept, it is not kept.
    tk_begin(&tk);
    while (!tk.client.is_done) {
        (void)tk_step(&tk, &tk.client);
        (void)tk_step(&tk, &tk.server);
        heap.fail_at = tk.client.checks > 0 ? heap.calls + 1 : 0;
        heap.fail_on = true;
    }
    tk_expect(&tk, "", "");
    heap.fail_at = 0;
    tk_end_sessions(&tk);
    tk_begin(&tk);
    tk_shake(&tk);
    tk_expect(&tk, "", "");
    assert_false(tk.client.was_resumed);
    tk_end(&tk);
    assert_true(test_heap_is_clean(&heap));
}

// ---- Cost -------------------------------------------------------------------

# if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
static size_t mbedtls_used(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

// What a session holds, of the process heap: most is mbedTLS's two buffers.
static void test_mbedtls__memory(void **state)
{
    (void)state;
    for (int version = 0; version < MBEDTLS_VERSIONS; version++) {
        struct tk tk;
        mbedtls_options(&tk, version);
        tk.server_options.no_resumption = true;
        tk.client_options.no_resumption = true;
        tk_open(&tk);
        // (The first handshake leaves what mbedTLS keeps for good.)
        tk_begin(&tk);
        tk_shake(&tk);
        tk_end_sessions(&tk);
        size_t before = mbedtls_used();
        tk_begin(&tk);
        size_t begun = (mbedtls_used() - before) / 2;
        tk_shake(&tk);
        tk_expect(&tk, "", "");
        size_t both = mbedtls_used() - before;
        tls_mbedtls.end(tk.server.session);
        size_t client = mbedtls_used() - before;
        print_message("# %s, TLS 1.%d: a session that has begun holds %zu "
                      "bytes, one at rest %zu (client), %zu (server)\n",
                      tls_mbedtls.version(), version + 2, begun, client,
                      both - client);
        assert_in_range(client, 1000, 50000);
        assert_in_range(both - client, 1000, 50000);
        tls_mbedtls.end(tk.client.session);
        assert_int_equal(mbedtls_used(), before);
        tk_close(&tk);
    }
}
# endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mbedtls__version),
        cmocka_unit_test(test_mbedtls__handshake),
        cmocka_unit_test(test_mbedtls__handshake_goes_by_steps),
        cmocka_unit_test(test_mbedtls__handshake_in_pieces),
        cmocka_unit_test(test_mbedtls__handshake_cut_at_every_byte),
        cmocka_unit_test(test_mbedtls__handshake_cut_off),
        cmocka_unit_test(test_mbedtls__alpn_is_missing),
        cmocka_unit_test(test_mbedtls__alpn_is_another),
        cmocka_unit_test(test_mbedtls__alpn_has_others_too),
        cmocka_unit_test(test_mbedtls__data),
        cmocka_unit_test(test_mbedtls__data_cut_at_every_byte),
        cmocka_unit_test(test_mbedtls__empty_records),
        cmocka_unit_test(test_mbedtls__data_changed),
        cmocka_unit_test(test_mbedtls__record_too_large),
        cmocka_unit_test(test_mbedtls__plain_data),
        cmocka_unit_test(test_mbedtls__close_notify),
        cmocka_unit_test(test_mbedtls__no_close_notify),
        cmocka_unit_test(test_mbedtls__finish_of_one_that_failed),
# if defined(MBEDTLS_SSL_RENEGOTIATION)
        cmocka_unit_test(test_mbedtls__renegotiation),
# endif
        cmocka_unit_test(test_mbedtls__without_memory),
# if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
        cmocka_unit_test(test_mbedtls__memory),
# endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
# include "tests/tls_none.h"
#endif
