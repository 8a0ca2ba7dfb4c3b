// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "core/target.h"

// target_text tells a parsed target in one line: the addresses, or the name
// that is to be looked up; then the authority.
static void target_text(const struct target *target, char *out, size_t max)
{
    size_t at = 0;
    for (size_t i = 0; i < target->count; i++) {
        char text[SOCKET_ADDRESS_TEXT];
        socket_address_text(&target->addresses[i], text);
        at += (size_t)snprintf(out + at, max - at, "%s ", text);
    }
    if (target->count == 0) {
        at += (size_t)snprintf(out + at, max - at, "name %s %u ", target->host,
                               (unsigned)target->port);
    }
    (void)snprintf(out + at, max - at, "| %s", target->authority);
}

struct target_row {
    const char *text;
    const char *expected;
};

static void target_expect(bool listen, const struct target_row *row)
{
    static struct target target;
    const char *reason = "none";
    bool good = listen ? target_parse_listen(&target, row->text, &reason)
                       : target_parse(&target, row->text, &reason);
    if (!good) {
        fail_msg("%s: %s", row->text, reason);
    }
    char text[1024];
    target_text(&target, text, sizeof text);
    assert_string_equal(text, row->expected);
}

static void target_expect_bad(bool listen, const struct target_row *row)
{
    static struct target target;
    const char *reason = "none";
    assert_false(listen ? target_parse_listen(&target, row->text, &reason)
                        : target_parse(&target, row->text, &reason));
    assert_string_equal(reason, row->expected);
}

static void test_target__channel(void **state)
{
    static const struct target_row rows[] = {
        {"localhost:50051", "[::1]:50051 127.0.0.1:50051 | localhost:50051"},
        {"localhost", "[::1]:443 127.0.0.1:443 | localhost"},
        {"127.0.0.1:80", "127.0.0.1:80 | 127.0.0.1:80"},
        {"127.0.0.1", "127.0.0.1:443 | 127.0.0.1"},
        {"[::1]:80", "[::1]:80 | [::1]:80"},
        {"[::1]", "[::1]:443 | [::1]"},
        {"::1", "[::1]:443 | ::1"},
        {"example.com:80", "name example.com 80 | example.com:80"},
        {"my_host-1", "name my_host-1 443 | my_host-1"},
        {"dns:example.com:0", "name example.com 0 | example.com:0"},
        {"dns:///example.com:65535",
         "name example.com 65535 | example.com:65535"},
        {"dns:///localhost:1", "[::1]:1 127.0.0.1:1 | localhost:1"},
        {"dns:///127.0.0.1", "127.0.0.1:443 | 127.0.0.1"},
        {"ipv4:127.0.0.1:80", "127.0.0.1:80 | 127.0.0.1:80"},
        {"ipv4:10.0.0.1", "10.0.0.1:443 | 10.0.0.1"},
        {"ipv4:10.0.0.1:1,10.0.0.2,10.0.0.3:3",
         "10.0.0.1:1 10.0.0.2:443 10.0.0.3:3 | 10.0.0.1:1"},
        {"ipv6:[::1]:80", "[::1]:80 | [::1]:80"},
        {"ipv6:[::1]:80,[2001:db8::2],[::3]:1",
         "[::1]:80 [2001:db8::2]:443 [::3]:1 | [::1]:80"},
        {"unix:relative/path", "unix:relative/path | localhost"},
        {"unix:/absolute", "unix:/absolute | localhost"},
        {"unix:///absolute/too", "unix:/absolute/too | localhost"},
        {"unix-abstract:name", "unix-abstract:name | localhost"},
#if defined(__linux__)
        {"vsock:3:50051", "vsock:3:50051 | 3:50051"},
        {"vsock:0:1", "vsock:0:1 | 0:1"},
        {"vsock:4294967294:4294967294",
         "vsock:4294967294:4294967294 | 4294967294:4294967294"},
#endif
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        target_expect(false, &rows[i]);
    }
}

static const char target_no_cid[] = "vsock wants cid:port, and the cid is no "
                                    "number that a machine can have";
static const char target_no_vsock_port[] =
    "vsock wants cid:port, and the port is not a number from 1 to 4294967294";

static void test_target__channel_refuses(void **state)
{
    static const char no_host[] = "neither a host name nor an address";
    static const char no_port[] = "the port is not a number up to 65535";
    static const char no_unix[] =
        "the unix socket's name is empty, too long, or not known to this "
        "system";
    static const struct target_row rows[] = {
        {"", "the target is empty"},
        {NULL, "the target is empty"},
        {"host:", no_port},
        {"host:65536", no_port},
        {"host:123456", no_port},
        {"host:-1", no_port},
        {"host:80x", no_port},
        {"host: 80", no_port},
        {"[::1", "'[' without ']'"},
        {"[::1]80", no_port},
        {"[::1]:", no_port},
        {"[host]:80", no_host},
        {"[]:80", no_host},
        {":80", no_host},
        {"ho st:80", no_host},
        {"host/path", no_host},
        {"user@host:80", no_host},
        {"dns://8.8.8.8/host", "dns:// with a name server of its own is not "
                               "supported; write dns:///host"},
        {"dns://", "dns:// with a name server of its own is not "
                   "supported; write dns:///host"},
        {"dns:", no_host},
        {"dns:///", no_host},
        {"http://host", no_port},
        {"ipv4:", "not a numeric address"},
        {"ipv4:host:80", "not a numeric address"},
        {"ipv4:127.0.0.1:80,", "not a numeric address"},
        {"ipv4:[::1]:80", "not an IPv4 address"},
        {"ipv6:127.0.0.1:80", "not an IPv6 address"},
        {"ipv6:", "not an IPv6 address"},
        {"ipv4:127.0.0.1:80:90", "not an IPv4 address"},
        {"ipv4:1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,1.1.1.7,"
         "1.1.1.8,1.1.1.9,1.1.1.10,1.1.1.11,1.1.1.12,1.1.1.13,1.1.1.14,"
         "1.1.1.15,1.1.1.16,1.1.1.17",
         "more than 16 addresses"},
        {"unix:", no_unix},
        {"unix://host/path", "unix:// wants an absolute path"},
        {"unix://", "unix:// wants an absolute path"},
        {"unix-abstract:", no_unix},
        {"vsock:", target_no_cid},
        {"vsock:3", target_no_cid},
        {"vsock::50051", target_no_cid},
        {"vsock:*:50051", target_no_cid},
        {"vsock:-1:50051", target_no_cid},
        {"vsock:4294967295:50051", target_no_cid},
        {"vsock:10000000000:50051", target_no_cid},
        {"vsock://3:50051", target_no_cid},
        {"vsock:3:", target_no_vsock_port},
        {"vsock:3:0", target_no_vsock_port},
        {"vsock:3:-1", target_no_vsock_port},
        {"vsock:3:4294967295", target_no_vsock_port},
        {"vsock:3:4294967296", target_no_vsock_port},
        {"vsock:3:99999999999", target_no_vsock_port},
        {"vsock:3:5x", target_no_vsock_port},
        {"vsock:3:5:6", target_no_vsock_port},
#if !defined(__linux__)
        {"vsock:3:50051", "this system has no vsock"},
#endif
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        target_expect_bad(false, &rows[i]);
    }
}

static void test_target__long(void **state)
{
    static struct target target;
    static char text[512];
    const char *reason = "none";
    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text + 255, ":80", 4);
    assert_true(target_parse(&target, text, &reason));
    assert_int_equal(strlen(target.host), 255);
    assert_int_equal(strlen(target.authority), 258);
    assert_int_equal(target.port, 80);
    memset(text, 'a', sizeof text);
    memcpy(text + 256, ":80", 4);
    assert_false(target_parse(&target, text, &reason));
    assert_string_equal(reason, "the host is longer than 255 bytes");
    // A unix socket's path has 107 bytes and a NUL.
    memset(text, 'p', sizeof text);
    memcpy(text, "unix:", 5);
    text[5 + 107] = '\0';
    assert_true(target_parse(&target, text, &reason));
    text[5 + 107] = 'p';
    text[5 + 108] = '\0';
    assert_false(target_parse(&target, text, &reason));
    assert_string_equal(reason,
                        "the unix socket's name is empty, too long, or not "
                        "known to this system");
}

static void test_target__listen(void **state)
{
    static const struct target_row rows[] = {
        {"localhost:50051", "[::1]:50051 127.0.0.1:50051 | "},
        {"localhost:0", "[::1]:0 127.0.0.1:0 | "},
        {"127.0.0.1:50051", "127.0.0.1:50051 | "},
        {"[::1]:50051", "[::1]:50051 | "},
        {"ipv4:127.0.0.1:80", "127.0.0.1:80 | "},
        {"ipv6:[::1]:80", "[::1]:80 | "},
        {":50051", "[::]:50051 0.0.0.0:50051 | "},
        {"*:50051", "[::]:50051 0.0.0.0:50051 | "},
        {"0.0.0.0:1", "0.0.0.0:1 | "},
        {"[::]:1", "[::]:1 | "},
        {"unix:path", "unix:path | localhost"},
        {"unix:///absolute/path", "unix:/absolute/path | localhost"},
        {"unix-abstract:name", "unix-abstract:name | localhost"},
#if defined(__linux__)
        {"vsock:*:50051", "vsock:*:50051 | "},
        {"vsock:-1:50051", "vsock:*:50051 | "},
        {"vsock:3:4294967294", "vsock:3:4294967294 | "},
#endif
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        target_expect(true, &rows[i]);
    }
}

static void test_target__listen_refuses(void **state)
{
    static const char no_number[] =
        "a server listens on a numeric address, \"localhost\" or \"*\"";
    static const struct target_row rows[] = {
        {"", "the address is empty"},
        {NULL, "the address is empty"},
        {"localhost", "the port is missing"},
        {"127.0.0.1", "the port is missing"},
        {"[::1]", "the port is missing"},
        {"::1", "neither host:port nor [address]:port"},
        {"::1:50051", "neither host:port nor [address]:port"},
        {"http://localhost:5", "neither host:port nor [address]:port"},
        {"example.com:80", no_number},
        {"127.0.0.1:65536", "the port is not a number up to 65535"},
        {":", "the port is not a number up to 65535"},
        {"[::1:80", "'[' without ']'"},
        {"unix:", "the unix socket's name is empty, too long, or not known to "
                  "this system"},
        {"vsock:*", target_no_cid},
        {"vsock:-2:1", target_no_cid},
        {"vsock:**:1", target_no_cid},
        {"vsock:4294967295:1", target_no_cid},
        {"vsock:*:0", target_no_vsock_port},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        target_expect_bad(true, &rows[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target__channel),
        cmocka_unit_test(test_target__channel_refuses),
        cmocka_unit_test(test_target__long),
        cmocka_unit_test(test_target__listen),
        cmocka_unit_test(test_target__listen_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
