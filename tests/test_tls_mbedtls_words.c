// SPDX-License-Identifier: MIT
// What is said when a handshake fails: for peers that do not speak TLS, for
// garbage in each flight, for every alert.

#include "tests/unit.h"

#if defined(GRPC_WITH_MBEDTLS)

# include "tests/tls_kit.h"

# define WORDS_H2      "the peer sends plain text: HTTP/2 without TLS"
# define WORDS_ANSWER  "the peer sends plain text: an answer of HTTP/1"
# define WORDS_REQUEST "the peer sends plain text: a request of HTTP/1"
# define WORDS_NO_TLS  "the peer does not speak TLS"

static const struct {
    const char *data;
    size_t size;
    const char *words; // NULL: may be TLS
} words_begins[] = {
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24, WORDS_H2},
    // A server's SETTINGS, empty and with 6 and 12 bytes; GOAWAY.
    {"\0\0\0\4\0\0\0\0\0", 9, WORDS_H2},
    {"\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64", 15, WORDS_H2},
    {"\0\0\x0c\4\0\0\0\0\0", 9, WORDS_H2},
    {"\0\0\x08\7\0\0\0\0\0", 9, WORDS_H2},
    {"HTTP/1.1 400 Bad Request\r\n", 26, WORDS_ANSWER},
    {"GET / HTTP/1.1\r\n", 16, WORDS_REQUEST},
    {"POST /a.B/C HTTP/1.1\r\n", 22, WORDS_REQUEST},
    {"HEAD / HTTP/1.1\r\n", 17, WORDS_REQUEST},
    {"PUT / HTTP/1.1\r\n", 16, WORDS_REQUEST},
    {"OPTIONS * HTTP/1.1\r\n", 20, WORDS_REQUEST},
    {"CONNECT a:1 HTTP/1.1\r\n", 22, WORDS_REQUEST},
    {"SSH-2.0-OpenSSH\r\n", 17, "the peer sends plain text: SSH"},
    {"220 smtp.example\r\n", 18, WORDS_NO_TLS},
    {"\x17\3\3\0\1x", 6, WORDS_NO_TLS},
    {"\0\0\0\0", 4, WORDS_NO_TLS},           // DATA
    {"\0\0\0\4\0\0\0\0\1", 9, WORDS_NO_TLS}, // SETTINGS of a stream
    {"G", 1, "wait"},
    {"GET", 3, "wait"},
    {"HTTP", 4, "wait"},
    {"PRI * HTTP/", 11, "wait"},
    {"\0\0\6\4\0\0\0\0", 8, "wait"},
    {"\0", 1, "wait"},
    {"GIT", 3, WORDS_NO_TLS},
    {"\x16", 1, NULL},
    {"\x16\3\1\0\1\1", 6, NULL},
    {"\x15\3\1\0\2\2\x28", 7, NULL},
};

static void test_words__plain_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof words_begins / sizeof *words_begins; i++) {
        bool wait = false;
        const char *words =
            tls_mbedtls_plain_text((const unsigned char *)words_begins[i].data,
                                   words_begins[i].size, &wait);
        if (words_begins[i].words == NULL) {
            assert_null(words);
            assert_false(wait);
        } else if (strcmp(words_begins[i].words, "wait") == 0) {
            assert_true(wait);
        } else {
            assert_false(wait);
            assert_string_equal(words, words_begins[i].words);
        }
    }
}

// A peer that speaks something else, in one piece and byte by byte.
static void test_words__peers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof words_begins / sizeof *words_begins; i++) {
        for (int how = 0; how < 4; how++) {
            struct tk tk;
            tk_options(&tk);
            tk_open(&tk);
            tk_begin(&tk);
            struct tk_end *end = how < 2 ? &tk.client : &tk.server;
            end->piece = how % 2 == 0 ? 0 : 1;
            tk_put(tk_other(&tk, end), words_begins[i].data,
                   words_begins[i].size);
            for (int turns = 0; turns < 1000 && end->result != GRPC_EFORMAT;
                 turns++) {
                // Other than mbedTLS, what is looked at first takes nothing: a
                // byte more comes with the next step.
                (void)tk_step(&tk, end);
                end->piece += end->piece == 0 ? 0 : 1;
            }
            const char *words = words_begins[i].words;
            if (words == NULL || strcmp(words, "wait") == 0) {
                // (An alert, in its own test.)
                assert_true(end->result == GRPC_AGAIN ||
                            words_begins[i].data[0] < 0x17);
            } else {
                assert_int_equal(end->result, GRPC_EFORMAT);
                assert_string_equal(tls_mbedtls.error(end->session), words);
            }
            tk_end(&tk);
        }
    }
}

// ---- Alerts -----------------------------------------------------------------

static const struct {
    unsigned char number;
    const char *words;
} words_alerts[] = {
    {10, "the peer sent alert 10, unexpected_message"},
    {20, "the peer sent alert 20, bad_record_mac"},
    {40, TK_ALERT_40(TK_VERSIONS)},
    {42, "the peer sent alert 42, bad_certificate"},
    {44, "the peer sent alert 44, certificate_revoked"},
    {45, "the peer sent alert 45, certificate_expired"},
    {48, "the peer sent alert 48, unknown_ca"},
    {49, "the peer sent alert 49, access_denied"},
    {70, "the peer sent alert 70, protocol_version: it wants another version "
         "than " TK_VERSIONS},
    {80, "the peer sent alert 80, internal_error"},
    {112, "the peer sent alert 112, unrecognized_name"},
    {116, "the peer sent alert 116, certificate_required"},
    {120, "the peer sent alert 120, no_application_protocol"},
    {99, "the peer sent alert 99, which has no name"},
    {255, "the peer sent alert 255, which has no name"},
};

static void test_words__alerts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof words_alerts / sizeof *words_alerts; i++) {
        unsigned char alert[] = {21, 3, 3, 0, 2, 2, words_alerts[i].number};
        struct tk tk;
        tk_options(&tk);
        tk_open(&tk);
        tk_begin(&tk);
        // A server's answer to the first flight.
        while (tk_step(&tk, &tk.client)) {
        }
        size_t hello = tk.client.out_size;
        tk_put(&tk.server, alert, sizeof alert);
        while (tk_step(&tk, &tk.client)) {
        }
        assert_string_equal(tk_error(&tk.client), words_alerts[i].words);
        // We do not answer that.
        assert_int_equal(tk.client.out_size, hello);
        tk_end(&tk);
    }
}

static void test_words__close_notify_in_the_handshake(void **state)
{
    static const unsigned char close_notify[] = {21, 3, 3, 0, 2, 1, 0};
    (void)state;
    struct tk tk;
    tk_options(&tk);
    tk_open(&tk);
    tk_begin(&tk);
    tk_put(&tk.server, close_notify, sizeof close_notify);
    while (tk_step(&tk, &tk.client)) {
    }
    assert_string_equal(tk_error(&tk.client),
                        "the peer ended the session in the handshake");
    tk_end(&tk);
}

// ---- Garbage ----------------------------------------------------------------

// words_run shakes hands, and changes the byte with this number of all that goes
// from the one end to the other. False: there is no such byte.
static bool words_run(struct tk *tk, struct tk_end *from, size_t at)
{
    bool found = false;
    bool moved = true;
    while (moved) {
        moved = tk_step(tk, from);
        if (!found && from->out_size > at) {
            assert_true(from->out_read <= at);
            from->out[at] ^= 0x55;
            found = true;
        }
        moved = tk_step(tk, tk_other(tk, from)) || moved;
    }
    tk_late(tk, &tk->client);
    tk_late(tk, &tk->server);
    return found;
}

// Whatever byte of the handshake is changed, in either direction: never do both
// ends think that all is well, and who fails says why.
static void words_each_byte(grpc_tls_version version, bool from_client,
                            size_t step)
{
    size_t at = 0;
    size_t failed = 0;
    for (;; at += step) {
        struct tk tk;
        tk_options(&tk);
        tk.server_options.no_resumption = true;
        tk.client_options.no_resumption = true;
        tk.client_options.max_version = version;
        tk_open(&tk);
        tk_begin(&tk);
        bool found = words_run(&tk, from_client ? &tk.client : &tk.server, at);
        bool client = tk.client.is_done && tk.client.result == GRPC_OK;
        bool server = tk.server.is_done && tk.server.result == GRPC_OK;
        if (found) {
            assert_false(client && server);
            const struct tk_end *ends[] = {&tk.client, &tk.server};
            for (size_t i = 0; i < 2; i++) {
                bool has_failed = ends[i]->session->has_failed;
                const char *error = tls_mbedtls.error(ends[i]->session);
                assert_int_equal(*error != '\0', has_failed);
                failed += has_failed ? 1 : 0;
                if (strncmp(error, "TLS failed", 10) == 0) {
                    fail_msg("no words at byte %zu: %s", at, error);
                }
            }
        } else {
            assert_true(client && server);
        }
        tk_end(&tk);
        if (!found) {
            break;
        }
    }
    assert_true(failed * step > 200);
}

static void test_words__garbage_1_2(void **state)
{
    (void)state;
    words_each_byte(GRPC_TLS_1_2, true, 3);
    words_each_byte(GRPC_TLS_1_2, false, 5);
}

# if TLS_MBEDTLS_WITH_1_3
static void test_words__garbage_1_3(void **state)
{
    (void)state;
    words_each_byte(GRPC_TLS_1_3, true, 3);
    words_each_byte(GRPC_TLS_1_3, false, 5);
}
# endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words__plain_text),
        cmocka_unit_test(test_words__peers),
        cmocka_unit_test(test_words__alerts),
        cmocka_unit_test(test_words__close_notify_in_the_handshake),
        cmocka_unit_test(test_words__garbage_1_2),
# if TLS_MBEDTLS_WITH_1_3
        cmocka_unit_test(test_words__garbage_1_3),
# endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
# include "tests/tls_none.h"
#endif
