// SPDX-License-Identifier: MIT

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/unit.h"

#include "core/limits.h"
#include "core/proxy.h"

// ---- URLs -------------------------------------------------------------------

struct proxy_row {
    const char *text;
    const char *expected;
};

// proxy_url_text tells a parsed URL in one line: user, host and port or
// addresses.
static void proxy_url_text(const struct proxy_url *url, char *out, size_t max)
{
    size_t at = 0;
    if (url->has_user) {
        at += (size_t)snprintf(
            out, max, "%.*s@ ", (int)url->user.size,
            url->user.size == 0 ? "" : (const char *)url->user.data);
    }
    for (size_t i = 0; i < url->via.count; i++) {
        char text[SOCKET_ADDRESS_TEXT];
        socket_address_text(&url->via.addresses[i], text);
        at += (size_t)snprintf(out + at, max - at, "%s ", text);
    }
    if (url->via.count == 0) {
        (void)snprintf(out + at, max - at, "%s %u", url->via.host,
                       (unsigned)url->via.port);
    }
}

static void test_proxy__urls(void **state)
{
    static const struct proxy_row rows[] = {
        {"http://proxy:3128", "proxy 3128"},
        {"HtTp://proxy:3128", "proxy 3128"},
        {"http://proxy", "proxy 80"},
        {"proxy:3128", "proxy 3128"},
        {"proxy", "proxy 80"},
        {"http", "http 80"},
        {"dns:3128", "dns 3128"},
        {"unix:3128", "unix 3128"},
        {"http://proxy.example.com:65535/", "proxy.example.com 65535"},
        {"http://proxy:1/path?query#fragment", "proxy 1"},
        {"http://proxy:1?query@x", "proxy 1"},
        {"http://proxy#:99", "proxy 80"},
        {"proxy:1/x", "proxy 1"},
        {"http://10.0.0.1:3128", "10.0.0.1:3128 "},
        {"10.0.0.1", "10.0.0.1:80 "},
        {"http://[2001:db8::1]:3128", "[2001:db8::1]:3128 "},
        {"http://[2001:db8::1]", "[2001:db8::1]:80 "},
        {"http://localhost:3128", "[::1]:3128 127.0.0.1:3128 "},
        {"http://user@proxy:1", "user@ proxy 1"},
        {"http://user:password@proxy:1", "user:password@ proxy 1"},
        {"user:password@proxy:1", "user:password@ proxy 1"},
        {"http://@proxy:1", "@ proxy 1"},
        {"http://:@proxy:1", ":@ proxy 1"},
        {"http://a@b:c@d@proxy:1", "a@b:c@d@ proxy 1"},
        {"http://%41%3a:%40@[::1]:1", "%41%3a:%40@ [::1]:1 "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct proxy_url url;
        const char *reason = "none";
        if (!proxy_parse(&url, rows[i].text, &reason)) {
            fail_msg("%s: %s", rows[i].text, reason);
        }
        char text[512];
        proxy_url_text(&url, text, sizeof text);
        assert_string_equal(text, rows[i].expected);
    }
}

static void test_proxy__urls_that_are_wrong(void **state)
{
    static const char only[] = "only proxies with http:// are supported";
    static const char missing[] = "the host is missing";
    static const char escape[] = "user or password has a byte that must be "
                                 "escaped, or a % that is no escape";
    static const char no_host[] = "neither a host name nor an address";
    static const char no_port[] = "the port is not a number up to 65535";
    static const char brackets[] = "an IPv6 address wants brackets";
    static const struct proxy_row rows[] = {
        {"https://proxy:3128", only},
        {"socks5://proxy:1080", only},
        {"httpx://proxy", only},
        {"://proxy", only},
        {"", missing},
        {"http://", missing},
        {"http:///path", missing},
        {"http://user@", missing},
        {"http://user:%4@proxy", escape},
        {"http://user:%@proxy", escape},
        {"http://user:%4g@proxy", escape},
        {"http://us er@proxy", escape},
        {"http://us\ter@proxy", escape},
        {"http://us\x7f@proxy", escape},
        {"http://\xc3\xa4@proxy", escape},
        {"http://pro xy:1", no_host},
        {" http://proxy:1", only},
        {"proxy:1 ", no_host},
        {"http://pro%78y:1", no_host},
        {"http://proxy:", no_port},
        {"http://proxy:65536", no_port},
        {"http://proxy:x", no_port},
        {"http://:3128", no_host},
        {"http://::1", brackets},
        {"http://::1:3128", brackets},
        {"http://[::1", brackets},
        {"http://[]:1", no_host},
        {"http://[proxy]:1", no_host},
        {"http://proxy:1:2", brackets},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct proxy_url url;
        const char *reason = "none";
        assert_false(proxy_parse(&url, rows[i].text, &reason));
        if (strcmp(reason, rows[i].expected) != 0) {
            fail_msg("%s: %s", rows[i].text, reason);
        }
    }
}

static void test_proxy__urls_that_are_long(void **state)
{
    static char text[2 * CORE_PROXY_TEXT_BYTES];
    struct proxy_url url;
    const char *reason = "none";
    (void)state;
    memset(text, 'a', sizeof text);
    text[255] = '\0';
    assert_true(proxy_parse(&url, text, &reason));
    assert_int_equal(strlen(url.via.host), 255);
    text[255] = 'a';
    text[256] = '\0';
    assert_false(proxy_parse(&url, text, &reason));
    assert_string_equal(reason, "the host is longer than 255 bytes");
    text[256] = 'a';
    text[1000] = '\0';
    assert_false(proxy_parse(&url, text, &reason));
    assert_string_equal(reason, "the host is longer than 255 bytes");
    text[1000] = 'a';
    memcpy(text + CORE_PROXY_TEXT_BYTES - 8, "@proxy:1", 9);
    assert_true(proxy_parse(&url, text, &reason));
    assert_int_equal(url.user.size, CORE_PROXY_TEXT_BYTES - 8);
    memcpy(text + CORE_PROXY_TEXT_BYTES - 7, "@proxy:1", 9);
    assert_false(proxy_parse(&url, text, &reason));
    assert_string_equal(reason, "the URL is longer than 4 KiB");
}

// ---- Plans ------------------------------------------------------------------

struct proxy_case {
    const char *target;
    const char *proxy; // of the options
    const char *https_proxy;
    const char *no_proxy;
    const char *expected; // for each address what is asked for, or "-"
};

static struct proxy_plan *proxy_plan_of(struct test_heap *heap,
                                        const struct proxy_case *row)
{
    struct target target;
    struct proxy_plan *plan = NULL;
    const char *reason = "none";
    char variables[2][128];
    struct loop_env env = {0};
    assert_true(target_parse(&target, row->target, &reason));
    if (row->https_proxy != NULL) {
        (void)snprintf(variables[0], 128, "%s", row->https_proxy);
        env.https_proxy = variables[0];
    }
    if (row->no_proxy != NULL) {
        (void)snprintf(variables[1], 128, "%s", row->no_proxy);
        env.no_proxy = variables[1];
    }
    const struct proxy_question question = {
        .allocator = &heap->allocator,
        .proxy = row->proxy,
        .target = &target,
        .user_agent = "agent/1 x",
    };
    assert_int_equal(proxy_decide(&question, &env, &plan, &reason), GRPC_OK);
    return plan;
}

// proxy_plan_text tells what is asked for: the word behind CONNECT.
static void proxy_plan_text(const struct proxy_plan *plan, char *out,
                            size_t max)
{
    size_t at = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct proxy_tunnel *tunnel = &plan->tunnels[i];
        size_t size = 1;
        const char *word = "-";
        if (tunnel->request != NULL) {
            assert_memory_equal(tunnel->request, "CONNECT ", 8);
            word = tunnel->request + 8;
            size = strcspn(word, " ");
        } else {
            assert_int_equal(tunnel->size, 0);
        }
        at += (size_t)snprintf(out + at, max - at, "%.*s ", (int)size, word);
    }
}

static void test_proxy__who_is_asked_for(void **state)
{
    static const char some[] = "http://proxy:3128";
    static const struct proxy_case rows[] = {
        // The options' proxy is for every name and address.
        {"example.com:80", some, NULL, NULL, "example.com:80 "},
        {"example.com", some, NULL, "*", "example.com:443 "},
        {"dns:///example.com:5", some, NULL, NULL, "example.com:5 "},
        {"localhost:50051", some, NULL, NULL, "localhost:50051 "},
        {"localhost", some, NULL, NULL, "localhost:443 "},
        {"127.0.0.1:80", some, NULL, NULL, "127.0.0.1:80 "},
        {"::1", some, NULL, NULL, "[::1]:443 "},
        {"ipv4:10.0.0.1:1,10.0.0.2", some, NULL, NULL,
         "10.0.0.1:1 10.0.0.2:443 "},
        {"ipv6:[fe80::1]:1", some, NULL, NULL, "[fe80::1]:1 "},
        // The environment's is not.
        {"example.com:80", NULL, some, NULL, "example.com:80 "},
        {"example.com:80", NULL, some, "example.com", NULL},
        {"example.com:80", NULL, some, "example.com:80", NULL},
        {"example.com:80", NULL, some, "example.com:81", "example.com:80 "},
        {"example.com", NULL, some, "example.com:443", NULL},
        {"a.example.com", NULL, some, "b,.example.com", NULL},
        {"localhost:80", NULL, some, NULL, NULL},
        {"127.0.0.1:80", NULL, some, NULL, NULL},
        {"[::1]:80", NULL, some, NULL, NULL},
        {"10.0.0.1:80", NULL, some, NULL, "10.0.0.1:80 "},
        {"10.0.0.1:80", NULL, some, "10.0.0.0/8", NULL},
        {"[fe80::1]:80", NULL, some, "fe80::/10", NULL},
        {"[fe80::1]:80", NULL, some, "[fe80::1]:80", NULL},
        {"[fe80::1]:80", NULL, some, "[fe80::1]:81", "[fe80::1]:80 "},
        {"ipv4:10.0.0.1:1,11.0.0.1:2,127.0.0.1:3,12.0.0.1:4", NULL, some,
         "11.0.0.0/8", "10.0.0.1:1 - - 12.0.0.1:4 "},
        {"ipv4:10.0.0.1:1,10.0.0.2:1", NULL, some, "10.0.0.0/8", NULL},
        // None.
        {"example.com", NULL, NULL, NULL, NULL},
        {"example.com", "", some, NULL, NULL},
        {"unix:/path", some, some, NULL, NULL},
#if defined(__linux__)
        {"unix-abstract:name", some, some, NULL, NULL},
        {"vsock:3:50051", some, some, NULL, NULL},
#endif
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct test_heap heap;
        test_heap_init(&heap);
        struct proxy_plan *plan = proxy_plan_of(&heap, &rows[i]);
        if ((plan == NULL) != (rows[i].expected == NULL)) {
            fail_msg("%s: proxy or none", rows[i].target);
        }
        if (plan != NULL) {
            char text[512];
            proxy_plan_text(plan, text, sizeof text);
            assert_string_equal(text, rows[i].expected);
            assert_string_equal(plan->via.host, "proxy");
            assert_int_equal(plan->via.port, 3128);
            assert_int_equal(plan->via.count, 0);
        }
        proxy_plan_free(plan, &heap.allocator);
        assert_true(test_heap_is_clean(&heap));
    }
}

static void proxy_expect_request(const char *target, const char *proxy,
                                 size_t i, const char *expected)
{
    struct test_heap heap;
    test_heap_init(&heap);
    struct proxy_plan *plan = proxy_plan_of(
        &heap, &(struct proxy_case){.target = target, .proxy = proxy});
    assert_non_null(plan);
    assert_int_equal(plan->tunnels[i].size, strlen(expected));
    assert_memory_equal(plan->tunnels[i].request, expected, strlen(expected));
    proxy_plan_free(plan, &heap.allocator);
    assert_true(test_heap_is_clean(&heap));
}

static void test_proxy__requests(void **state)
{
#define PROXY_REQUEST(host, more) \
 "CONNECT " host " HTTP/1.1\r\n"  \
 "Host: " host "\r\n"             \
 "User-Agent: agent/1 x\r\n" more "\r\n"
    (void)state;
    proxy_expect_request("example.com:80", "proxy", 0,
                         PROXY_REQUEST("example.com:80", ""));
    proxy_expect_request("ipv6:[::1]:1,[::2]", "proxy", 1,
                         PROXY_REQUEST("[::2]:443", ""));
    static const struct proxy_row users[] = {
        {"user:password", "dXNlcjpwYXNzd29yZA=="},
        {"user", "dXNlcjo="},
        {"", "Og=="},
        {":", "Og=="},
        {"a:b", "YTpi"},
        {"a%3a%20:%25%41", "YTogOiVB"},
        {"a%00:%ff", "YQA6/w=="},
        {"a:b:c", "YTpiOmM="},
    };
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        char proxy[64];
        char expected[256];
        (void)snprintf(proxy, sizeof proxy, "http://%s@proxy", users[i].text);
        (void)snprintf(expected, sizeof expected,
                       PROXY_REQUEST("example.com:80",
                                     "Proxy-Authorization: Basic %s\r\n"),
                       users[i].expected);
        proxy_expect_request("example.com:80", proxy, 0, expected);
    }
#undef PROXY_REQUEST
}

static void test_proxy__longest(void **state)
{
    static char proxy[CORE_PROXY_TEXT_BYTES + 1];
    static char agent[CORE_PROXY_TEXT_BYTES + 2];
    struct test_heap heap;
    struct target target;
    const struct loop_env env = {0};
    struct proxy_plan *plan = NULL;
    const char *reason = "none";
    (void)state;
    test_heap_init(&heap);
    memset(proxy, 'u', sizeof proxy);
    memcpy(proxy + CORE_PROXY_TEXT_BYTES - 8, "@proxy:1", 9);
    memset(agent, 'g', CORE_PROXY_TEXT_BYTES);
    assert_true(target_parse(&target, "example.com", &reason));
    const struct proxy_question question = {
        .allocator = &heap.allocator,
        .proxy = proxy,
        .target = &target,
        .user_agent = agent,
    };
    assert_int_equal(proxy_decide(&question, &env, &plan, &reason), GRPC_OK);
    size_t encoded = ((size_t)CORE_PROXY_TEXT_BYTES - 8 + 1 + 2) / 3 * 4;
    static const char rest[] = "CONNECT example.com:443 HTTP/1.1\r\n"
                               "Host: example.com:443\r\nUser-Agent: \r\n"
                               "Proxy-Authorization: Basic \r\n\r\n";
    assert_int_equal(plan->tunnels[0].size,
                     sizeof rest - 1 + CORE_PROXY_TEXT_BYTES + encoded);
    proxy_plan_free(plan, &heap.allocator);
    agent[CORE_PROXY_TEXT_BYTES] = 'g';
    assert_int_equal(proxy_decide(&question, &env, &plan, &reason),
                     GRPC_EINVAL);
    assert_string_equal(reason, "user_agent is longer than 4 KiB");
    assert_null(plan);
    assert_true(test_heap_is_clean(&heap));
}

// ---- With the environment ---------------------------------------------------

static grpc_result proxy_ask(struct test_heap *heap, const char *text,
                             const char *proxy, struct proxy_plan **plan,
                             const char **reason)
{
    struct target target;
    assert_true(target_parse(&target, text, reason));
    const struct proxy_question question = {
        .allocator = &heap->allocator,
        .proxy = proxy,
        .target = &target,
        .user_agent = "agent",
    };
    return proxy_for_target(&question, plan, reason);
}

static void test_proxy__environment(void **state)
{
    struct test_heap heap;
    struct proxy_plan *plan = NULL;
    const char *reason = "none";
    (void)state;
    test_heap_init(&heap);
    assert_int_equal(setenv("HTTPS_PROXY", "me:secret@10.0.0.1:3128", 1), 0);
    assert_int_equal(setenv("NO_PROXY", "direct.example.com", 1), 0);
    assert_int_equal(proxy_ask(&heap, "example.com", NULL, &plan, &reason),
                     GRPC_OK);
    assert_non_null(plan);
    char text[SOCKET_ADDRESS_TEXT];
    socket_address_text(&plan->via.addresses[0], text);
    assert_string_equal(text, "10.0.0.1:3128");
    proxy_plan_free(plan, &heap.allocator);
    assert_int_equal(
        proxy_ask(&heap, "direct.example.com", NULL, &plan, &reason), GRPC_OK);
    assert_null(plan);
    // The options' proxy, and none, go before the environment.
    assert_int_equal(
        proxy_ask(&heap, "direct.example.com", "other:1", &plan, &reason),
        GRPC_OK);
    assert_string_equal(plan->via.host, "other");
    proxy_plan_free(plan, &heap.allocator);
    assert_int_equal(proxy_ask(&heap, "example.com", "", &plan, &reason),
                     GRPC_OK);
    assert_null(plan);
    // What is wrong is told, but no password.
    assert_int_equal(setenv("HTTPS_PROXY", "https://me:secret@p:1", 1), 0);
    assert_int_equal(proxy_ask(&heap, "example.com", NULL, &plan, &reason),
                     GRPC_EINVAL);
    assert_string_equal(reason, "only proxies with http:// are supported");
    assert_null(plan);
    // It is of no matter to what is reached directly.
    static const char *const direct[] = {"localhost:1",
                                         "127.0.0.1:1",
                                         "[::1]:1",
                                         "ipv4:127.0.0.1:1,127.9.9.9:2",
                                         "direct.example.com",
                                         "unix:path"};
    for (size_t i = 0; i < sizeof direct / sizeof direct[0]; i++) {
        assert_int_equal(proxy_ask(&heap, direct[i], NULL, &plan, &reason),
                         GRPC_OK);
        assert_null(plan);
    }
    assert_int_equal(unsetenv("HTTPS_PROXY"), 0);
    assert_int_equal(unsetenv("NO_PROXY"), 0);
    assert_true(test_heap_is_clean(&heap));
}

static void test_proxy__no_memory(void **state)
{
    (void)state;
    assert_int_equal(setenv("HTTPS_PROXY", "proxy", 1), 0);
    assert_int_equal(setenv("NO_PROXY", "x", 1), 0);
    assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
    for (size_t fail_at = 1;; fail_at++) {
        struct test_heap heap;
        struct proxy_plan *plan = NULL;
        const char *reason = "none";
        test_heap_init(&heap);
        heap.fail_at = fail_at;
        grpc_result result =
            proxy_ask(&heap, "example.com", NULL, &plan, &reason);
        if (result == GRPC_OK) {
            assert_int_equal(fail_at, 4); // two variables and the plan
            proxy_plan_free(plan, &heap.allocator);
            assert_true(test_heap_is_clean(&heap));
            break;
        }
        assert_int_equal(result, GRPC_ENOMEM);
        assert_null(plan);
        assert_true(test_heap_is_clean(&heap));
    }
    assert_int_equal(unsetenv("HTTPS_PROXY"), 0);
    assert_int_equal(unsetenv("NO_PROXY"), 0);
    proxy_plan_free(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proxy__urls),
        cmocka_unit_test(test_proxy__urls_that_are_wrong),
        cmocka_unit_test(test_proxy__urls_that_are_long),
        cmocka_unit_test(test_proxy__who_is_asked_for),
        cmocka_unit_test(test_proxy__requests),
        cmocka_unit_test(test_proxy__longest),
        cmocka_unit_test(test_proxy__environment),
        cmocka_unit_test(test_proxy__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
