// SPDX-License-Identifier: MIT
// Channels that reach a server through an HTTP proxy, which the test plays: it
// answers CONNECT and carries the bytes, all on loopback and on one thread.

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/unit.h"

#include "tests/core_kit.h"
#include "tests/toy_tls.h"

enum { RELAY_TUNNELS = 8, RELAY_TEXT = 2048 };

struct relay_tunnel {
    int client;
    int server;            // -1 until it has been asked for
    char text[RELAY_TEXT]; // what was asked, with a NUL
    size_t size;
};

struct relay {
    struct test_heap heap;
    grpc_loop *loop;
    grpc_server *server;
    struct kit_greeter greeter;
    uint16_t server_port;
    int listener;
    char name[64]; // "127.0.0.1:port" of the proxy
    const char *answer;
    const char *bad; // what is refused all the same: "host:port"; NULL: nothing
    struct relay_tunnel tunnels[RELAY_TUNNELS];
    size_t count;
};

static void relay_begin(struct relay *relay)
{
    struct socket_address any;
    struct socket_address bound;
    memset(relay, 0, sizeof *relay);
    test_heap_init(&relay->heap);
    relay->loop = kit_loop(&relay->heap, NULL);
    relay->server =
        grpc_server_new(&(grpc_server_options){.loop = relay->loop});
    kit_serve(relay->server, &relay->greeter);
    assert_int_equal(grpc_server_listen(relay->server, "127.0.0.1:0", NULL),
                     GRPC_OK);
    relay->server_port = grpc_server_port(relay->server);
    assert_true(socket_address_ip(&any, "127.0.0.1", 0));
    assert_int_equal(
        socket_listen(&any, &(struct socket_listen_options){.backlog = 9},
                      &relay->listener, &bound),
        0);
    (void)snprintf(relay->name, sizeof relay->name, "127.0.0.1:%u",
                   (unsigned)socket_address_port(&bound));
    relay->answer = "HTTP/1.1 200 OK\r\n\r\n";
}

static void relay_shut(int *fd)
{
    if (*fd >= 0) {
        socket_close(*fd);
        *fd = -1;
    }
}

static void relay_end(struct relay *relay)
{
    for (size_t i = 0; i < relay->count; i++) {
        relay_shut(&relay->tunnels[i].client);
        relay_shut(&relay->tunnels[i].server);
    }
    socket_close(relay->listener);
    grpc_server_free(relay->server);
    assert_int_equal(grpc_loop_free(relay->loop), GRPC_OK);
    assert_true(test_heap_is_clean(&relay->heap));
}

// relay_answer says what the test wants, and connects if that is good.
static void relay_answer(struct relay *relay, struct relay_tunnel *tunnel)
{
    struct socket_address address;
    const char *answer = relay->answer;
    if (relay->bad != NULL && strstr(tunnel->text, relay->bad) != NULL) {
        answer = "HTTP/1.1 502 Bad Gateway\r\n\r\n";
    }
    assert_int_equal(send(tunnel->client, answer, strlen(answer), MSG_NOSIGNAL),
                     strlen(answer));
    if (strstr(answer, " 200 ") == NULL) {
        relay_shut(&tunnel->client);
        return;
    }
    assert_true(socket_address_ip(&address, "127.0.0.1", relay->server_port));
    int error = socket_connect(&address, &tunnel->server);
    assert_true(error == 0 || error == EINPROGRESS);
}

// relay_ask reads what the client asks for, byte by byte: what follows is the
// server's.
static void relay_ask(struct relay *relay, struct relay_tunnel *tunnel)
{
    char byte;
    while (recv(tunnel->client, &byte, 1, MSG_DONTWAIT) == 1) {
        assert_true(tunnel->size < RELAY_TEXT - 1);
        tunnel->text[tunnel->size++] = byte;
        if (tunnel->size > 3 &&
            memcmp(tunnel->text + tunnel->size - 4, "\r\n\r\n", 4) == 0) {
            relay_answer(relay, tunnel);
            return;
        }
    }
}

static void relay_carry(int *from, int *to)
{
    static uint8_t bytes[65536];
    ssize_t size;
    while (*from >= 0 &&
           (size = recv(*from, bytes, sizeof bytes, MSG_DONTWAIT)) >= 0) {
        if (size == 0) {
            relay_shut(from);
            relay_shut(to);
            return;
        }
        assert_int_equal(send(*to, bytes, (size_t)size, MSG_NOSIGNAL), size);
    }
}

static void relay_turn(struct relay *relay)
{
    struct socket_address peer;
    int fd = -1;
    assert_int_equal(grpc_loop_step(relay->loop, 1), GRPC_OK);
    while (socket_accept(relay->listener, &fd, &peer) == 0) {
        assert_true(relay->count < RELAY_TUNNELS);
        relay->tunnels[relay->count++] =
            (struct relay_tunnel){.client = fd, .server = -1};
    }
    for (size_t i = 0; i < relay->count; i++) {
        struct relay_tunnel *tunnel = &relay->tunnels[i];
        if (tunnel->server >= 0) {
            relay_carry(&tunnel->client, &tunnel->server);
            relay_carry(&tunnel->server, &tunnel->client);
        } else if (tunnel->client >= 0) {
            relay_ask(relay, tunnel);
        }
    }
}

static grpc_channel *relay_channel(struct relay *relay, const char *target,
                                   const char *proxy)
{
    grpc_channel *channel = grpc_channel_new(
        target, &(grpc_channel_options){.loop = relay->loop, .proxy = proxy});
    assert_non_null(channel);
    return channel;
}

static void relay_call_with(struct relay *relay, grpc_channel *channel,
                            const grpc_call_options *options,
                            struct kit_result *result)
{
    *result = (struct kit_result){0};
    assert_non_null(kit_call_with(channel, GRPC_STR("me"), result, options));
    for (int i = 0; i < 5000 && result->done == 0; i++) {
        relay_turn(relay);
    }
    assert_int_equal(result->done, 1);
}

static void relay_call(struct relay *relay, grpc_channel *channel,
                       struct kit_result *result)
{
    relay_call_with(relay, channel, NULL, result);
}

static void relay_expect_hello(struct relay *relay, grpc_channel *channel)
{
    struct kit_result result;
    relay_call(relay, channel, &result);
    if (result.code != GRPC_OK) {
        fail_msg("%s", result.text);
    }
    assert_string_equal(result.reply, "Hello me");
}

// The name is the proxy's to look up: nobody else could.
static void test_proxied__name_goes_to_the_proxy(void **state)
{
    static struct relay relay;
    char proxy[128];
    (void)state;
    relay_begin(&relay);
    (void)snprintf(proxy, sizeof proxy, "http://me:a%%40b@%s", relay.name);
    grpc_channel *channel =
        relay_channel(&relay, "no-such-host.invalid:50051", proxy);
    relay_expect_hello(&relay, channel);
    relay_expect_hello(&relay, channel); // over the same tunnel
    assert_int_equal(relay.count, 1);
    assert_string_equal(relay.tunnels[0].text,
                        "CONNECT no-such-host.invalid:50051 HTTP/1.1\r\n"
                        "Host: no-such-host.invalid:50051\r\n"
                        "User-Agent: grpc-cgrpc/" GRPC_VERSION "\r\n"
                        "Proxy-Authorization: Basic bWU6YUBi\r\n\r\n");
    grpc_channel_free(channel);
    relay_end(&relay);
}

// A tunnel that is lost is opened anew.
static void test_proxied__connects_again(void **state)
{
    static struct relay relay;
    (void)state;
    relay_begin(&relay);
    grpc_channel *channel = relay_channel(&relay, "a.invalid:1", relay.name);
    relay_expect_hello(&relay, channel);
    relay_shut(&relay.tunnels[0].client);
    relay_shut(&relay.tunnels[0].server);
    relay_turn(&relay);
    relay_expect_hello(&relay, channel);
    assert_int_equal(relay.count, 2);
    grpc_channel_free(channel);
    relay_end(&relay);
}

static void test_proxied__refusal_is_told(void **state)
{
    static struct relay relay;
    char expected[256];
    struct kit_result result;
    (void)state;
    relay_begin(&relay);
    relay.answer = "HTTP/1.1 403 Forbidden\r\n\r\n";
    grpc_channel *channel = relay_channel(&relay, "a.invalid:1", relay.name);
    relay_call(&relay, channel, &result);
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    (void)snprintf(expected, sizeof expected,
                   "proxy %s: HTTP/1.1 403 Forbidden", relay.name);
    assert_non_null(strstr(result.text, expected));
    grpc_channel_free(channel);
    relay_end(&relay);
}

static void test_proxied__wrong_urls_are_told(void **state)
{
    static struct relay relay;
    struct kit_result result;
    (void)state;
    relay_begin(&relay);
    grpc_channel *channel =
        relay_channel(&relay, "a.invalid:1", "https://me:secret@p:1");
    relay_call(&relay, channel, &result);
    assert_int_equal(result.code, GRPC_INVALID_ARGUMENT);
    assert_string_equal(result.text,
                        "proxy: only proxies with http:// are supported");
    grpc_channel_free(channel);
    assert_int_equal(setenv("https_proxy", "socks5://p:1", 1), 0);
    channel = relay_channel(&relay, "a.invalid:1", NULL);
    relay_call(&relay, channel, &result);
    assert_int_equal(result.code, GRPC_INVALID_ARGUMENT);
    assert_string_equal(result.text, "HTTPS_PROXY: only proxies with http:// "
                                     "are supported");
    grpc_channel_free(channel);
    assert_int_equal(unsetenv("https_proxy"), 0);
    relay_end(&relay);
}

static void test_proxied__environment(void **state)
{
    static struct relay relay;
    char target[64];
    (void)state;
    relay_begin(&relay);
    assert_int_equal(setenv("HTTPS_PROXY", relay.name, 1), 0);
    assert_int_equal(setenv("NO_PROXY", "127.0.0.0/8", 1), 0);
    grpc_channel *channel = relay_channel(&relay, "a.invalid:1", NULL);
    relay_expect_hello(&relay, channel);
    assert_int_equal(relay.count, 1);
    grpc_channel_free(channel);
    // Not to this machine, and not when the options say none.
    (void)snprintf(target, sizeof target, "127.0.0.1:%u",
                   (unsigned)relay.server_port);
    channel = relay_channel(&relay, target, NULL);
    relay_expect_hello(&relay, channel);
    grpc_channel_free(channel);
    channel = relay_channel(&relay, target, "");
    relay_expect_hello(&relay, channel);
    grpc_channel_free(channel);
    assert_int_equal(relay.count, 1);
    // But where the options say so.
    channel = relay_channel(&relay, target, relay.name);
    relay_expect_hello(&relay, channel);
    assert_int_equal(relay.count, 2);
    grpc_channel_free(channel);
    assert_int_equal(unsetenv("HTTPS_PROXY"), 0);
    assert_int_equal(unsetenv("NO_PROXY"), 0);
    relay_end(&relay);
}

// The addresses of a list are asked for one after the other.
static void test_proxied__lists(void **state)
{
    static struct relay relay;
    struct kit_result result;
    (void)state;
    relay_begin(&relay);
    relay.answer = "HTTP/1.1 502 Bad Gateway\r\n\r\n";
    grpc_channel *channel =
        relay_channel(&relay, "ipv4:10.0.0.1:1,10.0.0.2:2", relay.name);
    relay_call(&relay, channel, &result);
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    assert_memory_equal(relay.tunnels[0].text, "CONNECT 10.0.0.1:1 ", 19);
    relay.answer = "HTTP/1.1 200 OK\r\n\r\n";
    relay_call_with(&relay, channel,
                    &(grpc_call_options){.wait_for_ready = true}, &result);
    assert_int_equal(result.code, GRPC_OK);
    assert_int_equal(relay.count, 2);
    assert_memory_equal(relay.tunnels[1].text, "CONNECT 10.0.0.2:2 ", 19);
    grpc_channel_free(channel);
    relay_end(&relay);
}

// An address of the proxy's at which nobody is costs the list no turn: the other
// one is asked for all of it.
static void test_proxied__lists_and_a_dead_proxy(void **state)
{
    static struct relay relay;
    struct kit_result result;
    char proxy[64];
    (void)state;
    relay_begin(&relay);
    relay.bad = "10.0.0.2:2";
    // (IPv6 comes first, and the relay has IPv4 alone.)
    (void)snprintf(proxy, sizeof proxy, "localhost%s",
                   strrchr(relay.name, ':'));
    grpc_channel *channel =
        relay_channel(&relay, "ipv4:10.0.0.1:1,10.0.0.2:2", proxy);
    relay_call(&relay, channel, &result);
    assert_int_equal(result.code, GRPC_OK);
    assert_int_equal(relay.count, 1);
    // The next is asked for when this one is lost, and the first again.
    relay_shut(&relay.tunnels[0].client);
    relay_shut(&relay.tunnels[0].server);
    relay_turn(&relay);
    relay_call_with(&relay, channel,
                    &(grpc_call_options){.wait_for_ready = true}, &result);
    assert_int_equal(result.code, GRPC_OK);
    assert_int_equal(relay.count, 3);
    assert_memory_equal(relay.tunnels[1].text, "CONNECT 10.0.0.2:2 ", 19);
    assert_memory_equal(relay.tunnels[2].text, "CONNECT 10.0.0.1:1 ", 19);
    grpc_channel_free(channel);
    relay_end(&relay);
}

// TLS is with the server, whose name is the target's; the proxy carries records.
static void test_proxied__tls_through_the_tunnel(void **state)
{
    static struct relay relay;
    (void)state;
    struct toy toy = {.name = "db.example"};
    relay_begin(&relay);
    assert_int_equal(grpc_server_listen(relay.server, "127.0.0.1:0",
                                        &(grpc_listen_options){
                                            .credentials = toy_server(&toy)}),
                     GRPC_OK);
    relay.server_port = grpc_server_port(relay.server);
    grpc_channel *channel = grpc_channel_new(
        "db.example:50051",
        &(grpc_channel_options){.loop = relay.loop,
                                .proxy = relay.name,
                                .credentials = toy_client(&toy)});
    relay_expect_hello(&relay, channel);
    assert_int_equal(relay.count, 1);
    assert_int_equal(toy.open_sessions, 2);
    grpc_channel_free(channel);
    // Another server than that is no good.
    toy.name = "other.example";
    channel = grpc_channel_new(
        "db.example:50051",
        &(grpc_channel_options){.loop = relay.loop,
                                .proxy = relay.name,
                                .credentials = toy_client(&toy)});
    struct kit_result result;
    relay_call(&relay, channel, &result);
    assert_int_equal(result.code, GRPC_UNAVAILABLE);
    char text[256];
    (void)snprintf(text, sizeof text,
                   "TLS with %s: the certificate is for other.example, not for "
                   "db.example; gave up after ",
                   relay.name);
    assert_memory_equal(result.text, text, strlen(text));
    grpc_channel_free(channel);
    relay_end(&relay);
    assert_int_equal(toy.open_sessions + toy.open_contexts, 0);
}

// A proxy that ends its answer with the server's first bytes: they are the
// session's.
static void test_proxied__records_behind_the_answer(void **state)
{
    static struct relay relay;
    (void)state;
    struct toy toy = {.name = "db.example"};
    relay_begin(&relay);
    relay.answer = "HTTP/1.1 200 OK\r\n\r\nno record";
    grpc_channel *channel = grpc_channel_new(
        "db.example:50051",
        &(grpc_channel_options){.loop = relay.loop,
                                .proxy = relay.name,
                                .credentials = toy_client(&toy)});
    struct kit_result result;
    relay_call(&relay, channel, &result);
    char text[256];
    (void)snprintf(text, sizeof text, "TLS with %s: that is no record; gave up",
                   relay.name);
    assert_memory_equal(result.text, text, strlen(text));
    grpc_channel_free(channel);
    relay_end(&relay);
    assert_int_equal(toy.open_sessions + toy.open_contexts, 0);
}

static void test_proxied__local_ones_do_not_go_far(void **state)
{
    static struct relay relay;
    (void)state;
    relay_begin(&relay);
    grpc_channel *channel =
        grpc_channel_new("db.example:50051",
                         &(grpc_channel_options){.loop = relay.loop,
                                                 .proxy = relay.name,
                                                 .credentials = grpc_local()});
    struct kit_result result;
    relay_call(&relay, channel, &result);
    assert_int_equal(result.code, GRPC_INVALID_ARGUMENT);
    assert_string_equal(result.text,
                        "credentials: local ones do not go through a proxy");
    assert_int_equal(relay.count, 0);
    grpc_channel_free(channel);
    relay_end(&relay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proxied__tls_through_the_tunnel),
        cmocka_unit_test(test_proxied__records_behind_the_answer),
        cmocka_unit_test(test_proxied__local_ones_do_not_go_far),
        cmocka_unit_test(test_proxied__name_goes_to_the_proxy),
        cmocka_unit_test(test_proxied__connects_again),
        cmocka_unit_test(test_proxied__refusal_is_told),
        cmocka_unit_test(test_proxied__wrong_urls_are_told),
        cmocka_unit_test(test_proxied__environment),
        cmocka_unit_test(test_proxied__lists),
        cmocka_unit_test(test_proxied__lists_and_a_dead_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
