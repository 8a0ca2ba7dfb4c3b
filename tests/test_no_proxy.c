// SPDX-License-Identifier: MIT
// The answers are those of Go's package httpproxy, which grpc-go asks.

#include "tests/unit.h"

#include "core/no_proxy.h"

struct no_proxy_row {
    const char *list;
    const char *host;
    const char *port;
    bool direct;
};

static void no_proxy_expect(const struct no_proxy_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (no_proxy_covers(rows[i].list, rows[i].host, rows[i].port) !=
            rows[i].direct) {
            fail_msg("\"%s\" with %s:%s", rows[i].list, rows[i].host,
                     rows[i].port);
        }
    }
}

static void test_no_proxy__this_machine_is_always_direct(void **state)
{
    static const struct no_proxy_row rows[] = {
        {NULL, "localhost", "80", true},      {"", "127.0.0.1", "80", true},
        {"", "127.255.3.4", "80", true},      {"", "::1", "80", true},
        {"", "::ffff:127.0.0.1", "80", true}, {"", "Localhost", "80", false},
        {"", "sub.localhost", "80", false},   {"", "0.0.0.0", "80", false},
        {"", "128.0.0.1", "80", false},       {"", "::2", "80", false},
        {NULL, "example.com", "80", false},
    };
    (void)state;
    no_proxy_expect(rows, sizeof rows / sizeof rows[0]);
}

static void test_no_proxy__names(void **state)
{
    static const struct no_proxy_row rows[] = {
        {"*", "example.com", "80", true},
        {"x, * ,y", "10.0.0.1", "80", true},
        {"**", "example.com", "80", false},
        {"example.com", "example.com", "80", true},
        {"example.com", "EXAMPLE.com", "80", true},
        {"EXAMPLE.COM", "example.com", "80", true},
        {"example.com", "a.b.example.com", "80", true},
        {"example.com", "xexample.com", "80", false},
        {"example.com", "com", "80", false},
        {".example.com", "example.com", "80", false},
        {".example.com", "www.example.com", "80", true},
        {"*.example.com", "example.com", "80", false},
        {"*.example.com", "www.example.com", "80", true},
        {"*example.com", "www.example.com", "80", false},
        {"com", "example.com", "80", true},
        {"example.com.", "example.com", "80", false},
        {".", "example.com.", "80", true},
        {".", "example.com", "80", false},
        {" example.com ,foo", "example.com", "80", true},
        {"bar,\texample.com", "example.com", "80", true},
        {",,", "example.com", "80", false},
        {"  ", "example.com", "80", false},
        {"a b", "a", "80", false},
        {"\xc3\xa4.de", "example.com", "80", false},
    };
    (void)state;
    no_proxy_expect(rows, sizeof rows / sizeof rows[0]);
}

static void test_no_proxy__ports(void **state)
{
    static const struct no_proxy_row rows[] = {
        {"example.com:443", "example.com", "443", true},
        {"example.com:443", "www.example.com", "443", true},
        {"example.com:443", "example.com", "80", false},
        {"example.com:", "example.com", "80", true},
        {"example.com:080", "example.com", "80", false},
        {"*:443", "example.com", "443", false},
        {":443", "example.com", "443", false},
        {"[example.com]:443", "example.com", "443", true},
        {"10.0.0.1:80", "10.0.0.1", "80", true},
        {"10.0.0.1:80", "10.0.0.1", "443", false},
        {"[fe80::1]:80", "fe80::1", "80", true},
        {"[fe80::1]:80", "fe80::1", "81", false},
        {"fe80::1:80", "fe80::1", "80", false},
        {"fe80::1:80", "fe80::1:80", "443", true},
        {"[]:80", "example.com", "80", false},
        {"example.com:80:80", "example.com", "80", false},
    };
    (void)state;
    no_proxy_expect(rows, sizeof rows / sizeof rows[0]);
}

static void test_no_proxy__addresses(void **state)
{
    static const struct no_proxy_row rows[] = {
        {"10.0.0.1", "10.0.0.1", "80", true},
        {"10.0.0.1", "10.0.0.2", "80", false},
        {"10.0.0.1", "::ffff:10.0.0.1", "80", true},
        {"::ffff:10.0.0.1", "10.0.0.1", "80", true},
        {"::10.0.0.1", "10.0.0.1", "80", false},
        {"FE80::1", "fe80::1", "80", true},
        {"fe80::1%1", "fe80::1", "80", false},
        {"[fe80::1]", "fe80::1", "80", false},
        {"0.0.1", "10.0.0.1", "80", false},
        {"1.2.3", "1.2.3", "80", true},
        {"10.0.0.1", "a.10.0.0.1", "80", false},
    };
    (void)state;
    no_proxy_expect(rows, sizeof rows / sizeof rows[0]);
}

static void test_no_proxy__networks(void **state)
{
    static const struct no_proxy_row rows[] = {
        {"10.0.0.0/8", "10.255.1.2", "80", true},
        {"10.0.0.0/8", "11.0.0.1", "80", false},
        {"10.9.9.9/8", "10.0.0.1", "80", true},
        {"8.8.8.8/31", "8.8.8.9", "80", true},
        {"8.8.8.8/31", "8.8.8.10", "80", false},
        {"10.0.0.1/32", "10.0.0.1", "80", true},
        {"10.0.0.1/32", "10.0.0.2", "80", false},
        {"10.0.0.1/33", "10.0.0.1", "80", false},
        {"10.0.0.0/08", "10.0.0.1", "80", true},
        {"0.0.0.0/0", "8.8.8.8", "80", true},
        {"0.0.0.0/0", "fe80::1", "80", false},
        {"0.0.0.0/0", "example.com", "80", false},
        {"::/0", "fe80::1", "80", true},
        {"::/0", "8.8.8.8", "80", false},
        {"fe80::/10", "febf::1", "80", true},
        {"fe80::/10", "fec0::1", "80", false},
        {"2001:db8::/129", "2001:db8::1", "80", false},
        {"::ffff:10.0.0.0/104", "10.1.2.3", "80", true},
        {"::ffff:10.0.0.0/104", "11.1.2.3", "80", false},
        {"::ffff:0:0/95", "10.1.2.3", "80", false},
        {"10.0.0.0/8:80", "10.0.0.1", "80", false},
        {"10.0.0.0/", "10.0.0.1", "80", false},
        {"10.0.0.0/8x", "10.0.0.1", "80", false},
        {"10.0.0.0/99999999999", "10.0.0.1", "80", false},
        {"/8", "10.0.0.1", "80", false},
        {"fe80::1%1/64", "fe80::1", "80", false},
    };
    (void)state;
    no_proxy_expect(rows, sizeof rows / sizeof rows[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_proxy__this_machine_is_always_direct),
        cmocka_unit_test(test_no_proxy__names),
        cmocka_unit_test(test_no_proxy__ports),
        cmocka_unit_test(test_no_proxy__addresses),
        cmocka_unit_test(test_no_proxy__networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
