// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "tls/tls_name.h"

// ---- Addresses --------------------------------------------------------------

static const struct {
    const char *host;
    size_t size; // 0: no address
    const char *hex;
    bool looks; // like one
} name_addresses[] = {
    {"127.0.0.1", 4, "7f000001", true},
    {"0.0.0.0", 4, "00000000", true},
    {"255.255.255.255", 4, "ffffffff", true},
    {"::", 16, "00000000000000000000000000000000", true},
    {"::1", 16, "00000000000000000000000000000001", true},
    {"[::1]", 16, "00000000000000000000000000000001", true},
    {"1::", 16, "00010000000000000000000000000000", true},
    {"2001:db8::Ff00:42", 16, "20010db80000000000000000ff000042", true},
    {"1:2:3:4:5:6:7:8", 16, "00010002000300040005000600070008", true},
    {"1::3:4:5:6:7:8", 16, "00010000000300040005000600070008", true},
    {"::ffff:1.2.3.4", 16, "00000000000000000000ffff01020304", true},
    {"1:2:3:4:5:6:1.2.3.4", 16, "00010002000300040005000601020304", true},
    {"", 0, "", false},
    {"1.2.3", 0, "", false},
    {"1.2.3.4.5", 0, "", false},
    {"1.2.3.256", 0, "", false},
    {"1.2.3.04", 0, "", false},
    {"1.2.3.1234", 0, "", false},
    {"1.2.3.", 0, "", false},
    {".1.2.3.4", 0, "", false},
    {"[1.2.3.4]", 0, "", false},
    {"localhost", 0, "", false},
    {":", 0, "", true},
    {":1", 0, "", true},
    {"1:", 0, "", true},
    {":::", 0, "", true},
    {"1::2::3", 0, "", true},
    {"1:2:3:4:5:6:7", 0, "", true},
    {"1:2:3:4:5:6:7:8:9", 0, "", true},
    {"1:2:3:4:5:6:7:8::", 0, "", true},
    {"1:2:3:4::5:6:7:8", 0, "", true},
    {"12345::", 0, "", true},
    {"g::", 0, "", true},
    {"1.2.3.4::", 0, "", true},
    {"::1.2.3.4:5", 0, "", true},
    {"::1%eth0", 0, "", true},
    {"[::1", 0, "", true},
};

static void test_name__addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof name_addresses / sizeof *name_addresses;
         i++) {
        uint8_t address[TLS_NAME_ADDRESS_BYTES];
        uint8_t expected[TLS_NAME_ADDRESS_BYTES];
        const char *host = name_addresses[i].host;
        size_t size = tls_name_address(host, address);
        if (size != name_addresses[i].size ||
            tls_name_is_address(host) != name_addresses[i].looks) {
            fail_msg("%s: %zu", host, size);
        }
        assert_int_equal(
            test_unhex(name_addresses[i].hex, expected, sizeof expected), size);
        assert_memory_equal(address, expected, size);
    }
}

// ---- Hosts ------------------------------------------------------------------

#define NAME_63 \
 "a23456789012345678901234567890123456789012345678901234567890123"

static const struct {
    const char *name; // of the certificate
    const char *host;
    tls_name_fit fit;
} name_fits[] = {
    {"localhost", "localhost", TLS_NAME_WHOLE},
    {"localhost", "LocalHost", TLS_NAME_WHOLE},
    {"LOCALHOST", "localhost.", TLS_NAME_WHOLE},
    {"localhost.", "localhost", TLS_NAME_WHOLE},
    {"a.example", "a.example", TLS_NAME_WHOLE},
    {"_a-b.example", "_A-b.example", TLS_NAME_WHOLE},
    {"a.example", "b.example", TLS_NAME_OTHER},
    {"a.example", "a.example.com", TLS_NAME_OTHER},
    {"example", "a.example", TLS_NAME_OTHER},
    {NAME_63 ".example", NAME_63 ".example", TLS_NAME_WHOLE},
    {NAME_63 "x.example", NAME_63 "x.example", TLS_NAME_OTHER},
    {"*.b.example", "a.b.example", TLS_NAME_WILDCARD},
    {"*.B.example", "a.b.EXAMPLE.", TLS_NAME_WILDCARD},
    {"*.b.example", "b.example", TLS_NAME_OTHER},
    {"*.b.example", ".b.example", TLS_NAME_OTHER},
    {"*.b.example", "a.a.b.example", TLS_NAME_OTHER},
    // Not below a top level, not within a label, not elsewhere.
    {"*.example", "a.example", TLS_NAME_OTHER},
    {"*", "localhost", TLS_NAME_OTHER},
    {"*.", "localhost", TLS_NAME_OTHER},
    {"a*.b.example", "ab.b.example", TLS_NAME_OTHER},
    {"*a.b.example", "ba.b.example", TLS_NAME_OTHER},
    {"a.*.example", "a.b.example", TLS_NAME_OTHER},
    {"*.*.example", "a.b.example", TLS_NAME_OTHER},
    {"*.b.example", "*.b.example", TLS_NAME_OTHER},
    {"a..example", "a..example", TLS_NAME_OTHER},
    {"", "", TLS_NAME_OTHER},
    {"", ".", TLS_NAME_OTHER},
    {"a b", "a b", TLS_NAME_OTHER},
    // An address is no DNS name, whatever stands there.
    {"127.0.0.1", "127.0.0.1", TLS_NAME_OTHER},
    {"::1", "::1", TLS_NAME_OTHER},
};

static grpc_tls_name name_of(grpc_tls_name_type type, const char *value)
{
    return (grpc_tls_name){
        .type = type,
        .value = {.data = value, .size = strlen(value)},
    };
}

static void test_name__hosts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof name_fits / sizeof *name_fits; i++) {
        const char *host = name_fits[i].host;
        grpc_tls_name name = name_of(GRPC_NAME_DNS, name_fits[i].name);
        if (tls_name_fits(&name, 1, host) != name_fits[i].fit) {
            fail_msg("%s, %s", name_fits[i].name, host);
        }
        assert_int_equal(tls_name_matches(&name, 1, host),
                         name_fits[i].fit != TLS_NAME_OTHER);
        // Names of other kinds are none of hosts.
        name.type = GRPC_NAME_URI;
        assert_false(tls_name_matches(&name, 1, host));
        name.type = GRPC_NAME_EMAIL;
        assert_false(tls_name_matches(&name, 1, host));
    }
}

static void test_name__of_several(void **state)
{
    (void)state;
    const grpc_tls_name names[] = {
        name_of(GRPC_NAME_URI, "c.b.example"),
        name_of(GRPC_NAME_DNS, "*.b.example"),
        name_of(GRPC_NAME_DNS, "a.b.example"),
        {.type = GRPC_NAME_ADDRESS, .value = {.data = "\1\2\3\4", .size = 4}},
        {.type = GRPC_NAME_ADDRESS,
         .value = {.data = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", .size = 16}},
    };
    assert_int_equal(tls_name_fits(names, 5, "a.b.example"), TLS_NAME_WHOLE);
    assert_int_equal(tls_name_fits(names, 5, "c.b.example"), TLS_NAME_WILDCARD);
    assert_int_equal(tls_name_fits(names, 5, "1.2.3.4"), TLS_NAME_WHOLE);
    assert_int_equal(tls_name_fits(names, 5, "[::1]"), TLS_NAME_WHOLE);
    assert_int_equal(tls_name_fits(names, 5, "1.2.3.5"), TLS_NAME_OTHER);
    assert_int_equal(tls_name_fits(names, 5, "::"), TLS_NAME_OTHER);
    // ::ffff:1.2.3.4 is another one than 1.2.3.4, and a zone is no part of any.
    assert_int_equal(tls_name_fits(names, 5, "::ffff:1.2.3.4"), TLS_NAME_OTHER);
    assert_int_equal(tls_name_fits(names, 5, "::1%lo"), TLS_NAME_OTHER);
    assert_int_equal(tls_name_fits(names, 0, "a.b.example"), TLS_NAME_OTHER);
}

// A NUL ends no name of a certificate.
static void test_name__nul(void **state)
{
    (void)state;
    const grpc_tls_name name = {
        .type = GRPC_NAME_DNS,
        .value = {.data = "a.example\0.b.example", .size = 20},
    };
    assert_false(tls_name_matches(&name, 1, "a.example"));
}

// ---- SPIFFE -----------------------------------------------------------------

static const struct {
    const char *uri;
    bool good;
} name_uris[] = {
    {"spiffe://trust.example/a/b", true},
    {"spiffe://trust.example", true},
    {"SPIFFE://trust.example/A", true},
    {"spiffe://t/a-b_c.d", true},
    {"spiffe://a_b-c.1/x", true},
    {"spiffe://", false},
    {"spiffe:///a", false},
    {"spiffe://Trust.example/a", false},
    {"spiffe://trust.example/", false},
    {"spiffe://trust.example/a/", false},
    {"spiffe://trust.example//a", false},
    {"spiffe://trust.example/.", false},
    {"spiffe://trust.example/..", false},
    {"spiffe://trust.example/a/../b", false},
    {"spiffe://trust.example/...", true},
    {"spiffe://trust.example:80/a", false},
    {"spiffe://me@trust.example/a", false},
    {"spiffe://trust.example/a?b", false},
    {"spiffe://trust.example/a#b", false},
    {"spiffe://trust.example/%61", false},
    {"spiffe://trust.example/\xc3\xa4", false},
    {"https://trust.example/a", false},
    {"spiffe:/trust.example/a", false},
    {"", false},
};

static void test_name__spiffe(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof name_uris / sizeof *name_uris; i++) {
        const grpc_tls_name names[] = {
            name_of(GRPC_NAME_DNS, "a.example"),
            name_of(GRPC_NAME_URI, name_uris[i].uri),
        };
        grpc_str id = {.data = NULL};
        if (tls_name_spiffe(names, 2, &id) != name_uris[i].good) {
            fail_msg("%s", name_uris[i].uri);
        }
        if (name_uris[i].good) {
            assert_string_equal(id.data, name_uris[i].uri);
            assert_int_equal(id.size, strlen(name_uris[i].uri));
        }
    }
}

static void test_name__spiffe_is_one(void **state)
{
    (void)state;
    const grpc_tls_name names[] = {
        name_of(GRPC_NAME_URI, "spiffe://trust.example/a"),
        name_of(GRPC_NAME_URI, "https://trust.example/"),
        name_of(GRPC_NAME_DNS, "spiffe://trust.example/a"),
    };
    grpc_str id;
    assert_true(tls_name_spiffe(names, 1, &id));
    assert_false(tls_name_spiffe(names, 2, &id));
    assert_false(tls_name_spiffe(names + 2, 1, &id));
    assert_false(tls_name_spiffe(names, 0, &id));
}

static void test_name__spiffe_is_bounded(void **state)
{
    (void)state;
    enum { MOST = TLS_NAME_SPIFFE_BYTES, DOMAIN = 255 };
    char uri[MOST + 2];
    memset(uri, 'a', sizeof uri);
    memcpy(uri, "spiffe://t/", 11);
    grpc_tls_name name = {
        .type = GRPC_NAME_URI,
        .value = {.data = uri, .size = MOST},
    };
    grpc_str id;
    assert_true(tls_name_spiffe(&name, 1, &id));
    name.value.size = MOST + 1;
    assert_false(tls_name_spiffe(&name, 1, &id));
    memset(uri, 'a', sizeof uri);
    memcpy(uri, "spiffe://", 9);
    name.value.size = 9 + DOMAIN;
    assert_true(tls_name_spiffe(&name, 1, &id));
    name.value.size++;
    assert_false(tls_name_spiffe(&name, 1, &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name__addresses),
        cmocka_unit_test(test_name__hosts),
        cmocka_unit_test(test_name__of_several),
        cmocka_unit_test(test_name__nul),
        cmocka_unit_test(test_name__spiffe),
        cmocka_unit_test(test_name__spiffe_is_one),
        cmocka_unit_test(test_name__spiffe_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
