// SPDX-License-Identifier: MIT
// The key log: its lines have the right form, and both ends write the same.

#include "tests/unit.h"

#if defined(GRPC_WITH_MBEDTLS)

# include "tests/tls_kit.h"

enum { LOG_LINES = 8 };

struct log_of {
    int count;
    char lines[LOG_LINES][TK_TEXT];
};

static void log_take(const char *line, void *log_)
{
    struct log_of *log = log_;
    assert_true(log->count < LOG_LINES);
    (void)snprintf(log->lines[log->count++], TK_TEXT, "%s", line);
}

// log_is_line: LABEL, 32 bytes and so many more, in hex.
static void log_is_line(const char *line, const char *label, size_t secret)
{
    size_t size = strlen(label);
    assert_int_equal(strlen(line), size + 1 + 64 + 1 + 2 * secret);
    assert_memory_equal(line, label, size);
    assert_int_equal(line[size], ' ');
    assert_int_equal(line[size + 65], ' ');
    const char *hex = "0123456789abcdef";
    assert_int_equal(strspn(line + size + 1, hex), 64);
    assert_int_equal(strspn(line + size + 66, hex), 2 * secret);
    // It is not nothing.
    assert_true(strspn(line + size + 66, "0") < 32);
}

static void log_run(grpc_tls_version version, struct log_of *client,
                    struct log_of *server)
{
    struct tk tk;
    tk_options(&tk);
    *client = (struct log_of){.count = 0};
    *server = (struct log_of){.count = 0};
    tk.client_options.key_log = log_take;
    tk.client_options.self = client;
    tk.client_options.max_version = version;
    tk.server_options.key_log = log_take;
    tk.server_options.self = server;
    tk_start(&tk);
    tk_expect(&tk, "", "");
    tk_end(&tk);
}

static void test_log__tls_1_2(void **state)
{
    struct log_of client;
    struct log_of server;
    (void)state;
    log_run(GRPC_TLS_1_2, &client, &server);
    assert_int_equal(client.count, 1);
    assert_int_equal(server.count, 1);
    log_is_line(client.lines[0], "CLIENT_RANDOM", 48);
    assert_string_equal(client.lines[0], server.lines[0]);
}

# if TLS_MBEDTLS_WITH_1_3
static void test_log__tls_1_3(void **state)
{
    static const char *const log_labels[] = {
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    };
    struct log_of client;
    struct log_of server;
    (void)state;
    log_run(GRPC_TLS_1_3, &client, &server);
    assert_int_equal(client.count, 4);
    assert_int_equal(server.count, 4);
    for (int i = 0; i < 4; i++) {
        log_is_line(client.lines[i], log_labels[i], 32);
        assert_string_equal(client.lines[i], server.lines[i]);
    }
}
# endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log__tls_1_2),
# if TLS_MBEDTLS_WITH_1_3
        cmocka_unit_test(test_log__tls_1_3),
# endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else
# include "tests/tls_none.h"
#endif
