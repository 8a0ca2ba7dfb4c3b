// SPDX-License-Identifier: MIT
// Handshakes take turns, and a server has only so many at a time.

#include "tests/unit.h"

#include "tests/secure_kit.h"

#include "core/conn_secure.h"

// ---- The gate, and turns ----------------------------------------------------

static struct secure_kit *gate_begin(uint32_t most)
{
    struct secure_kit *kit = secure_init();
    secure_serve(
        kit, &(struct secure_how){.server_options = {.max_handshakes = most}});
    return kit;
}

static const uint8_t gate_hello[] = {TOY_HELLO, 0, 1, 'x' ^ 0x5a};
static const uint8_t gate_done[] = {TOY_DONE, 0, 0};

// gate_greeted: that client has had its server's HELLO.
static bool gate_greeted(int fd)
{
    uint8_t bytes[64];
    ssize_t size = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    return size >= 5 && bytes[0] == TOY_HELLO;
}

static void gate_send(int fd, const uint8_t *bytes, size_t size)
{
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

// gate_turn is kit_turn of the server, whose invariants then hold.
static void gate_turn(struct secure_kit *kit)
{
    kit_turn(kit->server_side.loop);
    LIST_EACH (link, after, &kit->server->conns) {
        conn_check(LIST_OWNER(link, struct conn, link_owner));
    }
}

enum { GATE_CLIENTS = 12, GATE_MOST = 3 };

static void test_secure_gate__the_gate(void **state)
{
    (void)state;
    struct secure_kit *kit = gate_begin(GATE_MOST);
    struct secure_side *side = &kit->server_side;
    int fds[GATE_CLIENTS];
    for (int i = 0; i < GATE_CLIENTS; i++) {
        fds[i] = secure_accept(kit);
    }
    gate_turn(kit);
    assert_int_equal(side->toy.open_sessions, 0); // nobody has said anything
    assert_int_equal(kit->server->gate.inside, 0);
    for (int i = 0; i < GATE_CLIENTS; i++) {
        gate_send(fds[i], gate_hello, sizeof gate_hello);
        gate_turn(kit);
    }
    assert_int_equal(side->toy.open_sessions, GATE_MOST);
    assert_int_equal(kit->server->gate.inside, GATE_MOST);
    for (int i = 0; i < GATE_CLIENTS; i++) {
        assert_int_equal(gate_greeted(fds[i]), i < GATE_MOST);
    }
    assert_int_not_equal(grpc_loop_timeout(side->loop), 0);
    // One that leaves while it waits, one that leaves inside, and one that is
    // done, each let in who is first.
    (void)close(fds[3]);
    (void)close(fds[0]);
    gate_send(fds[1], gate_done, sizeof gate_done);
    gate_turn(kit);
    assert_int_equal(kit->server->gate.inside, GATE_MOST);
    assert_true(gate_greeted(fds[4]));
    assert_true(gate_greeted(fds[5]));
    assert_false(gate_greeted(fds[6]));
    assert_int_equal(side->toy.open_sessions, GATE_MOST + 1); // fds[1] is open
    // One fails.
    gate_send(fds[2], gate_hello, sizeof gate_hello);
    gate_turn(kit);
    assert_true(gate_greeted(fds[6]));
    assert_int_equal(side->toy.open_sessions, GATE_MOST + 1);
    // Those inside are too slow, and those that wait as well.
    kit_skip(side->loop, kit->server->rules.limits.handshake_ms + 2);
    assert_int_equal(kit->server->gate.inside, 0);
    assert_true(list_is_empty(&kit->server->gate.waiting));
    assert_int_equal(side->toy.open_sessions, 0);
    assert_string_equal(
        side->log,
        "the peer closed the connection before TLS\n"
        "TLS with unix:: the peer closed the connection in the handshake\n"
        "TLS with unix:: that is no handshake\n"
        "TLS with unix:: no turn for a handshake in time\n"
        "TLS with unix:: no turn for a handshake in time\n"
        "TLS with unix:: no turn for a handshake in time\n"
        "TLS with unix:: no turn for a handshake in time\n"
        "TLS with unix:: no turn for a handshake in time\n"
        "HTTP/2 with unix:: no SETTINGS in time\n"
        "TLS with unix:: no handshake in time\n"
        "TLS with unix:: no handshake in time\n"
        "TLS with unix:: no handshake in time\n");
    for (int i = 0; i < GATE_CLIENTS; i++) {
        if (i != 0 && i != 3) {
            (void)close(fds[i]);
        }
    }
    secure_end_kit(kit);
}

// Who has come first, and speaks last, may have no turn in its time.
static void test_secure_gate__no_turn(void **state)
{
    (void)state;
    struct secure_kit *kit = gate_begin(1);
    int first = secure_accept(kit);
    kit_skip(kit->server_side.loop,
             kit->server->rules.limits.handshake_ms - 500);
    int second = secure_accept(kit);
    gate_send(second, gate_hello, sizeof gate_hello);
    gate_turn(kit);
    gate_send(first, gate_hello, sizeof gate_hello);
    gate_turn(kit);
    kit_skip(kit->server_side.loop, 1000);
    assert_string_equal(kit->server_side.log,
                        "TLS with unix:: no turn for a handshake in time\n");
    assert_int_equal(kit->server->gate.inside, 1);
    kit_skip(kit->server_side.loop, kit->server->rules.limits.handshake_ms);
    assert_int_equal(kit->server->gate.inside, 0);
    (void)close(first);
    (void)close(second);
    secure_end_kit(kit);
}

// Who says a byte and then nothing does not shut others out for long: those that
// are inside for 2 s make room for those that wait, the first for the first.
static void test_secure_gate__who_is_slow_makes_room(void **state)
{
    (void)state;
    struct secure_kit *kit = gate_begin(2);
    grpc_loop *loop = kit->server_side.loop;
    int fds[6];
    *kit_clock_is_frozen() = true;
    gate_turn(kit);
    for (int i = 0; i < 4; i++) {
        fds[i] = secure_accept(kit);
        gate_send(fds[i], gate_hello, i < 2 ? 1 : sizeof gate_hello);
        gate_turn(kit);
    }
    assert_int_equal(kit->server->gate.inside, 2);
    kit_skip(loop, CORE_HANDSHAKE_PATIENCE_MS - 1);
    assert_string_equal(kit->server_side.log, "");
    kit_skip(loop, 2);
    assert_string_equal(
        kit->server_side.log,
        "TLS with unix:: it takes too long while others wait\n"
        "TLS with unix:: it takes too long while others wait\n");
    assert_true(gate_greeted(fds[2]));
    assert_true(gate_greeted(fds[3]));
    // Nobody waits: those have all the time that there is. Then one comes.
    kit->server_side.log[0] = '\0';
    kit_skip(loop, CORE_HANDSHAKE_PATIENCE_MS + 1);
    assert_string_equal(kit->server_side.log, "");
    fds[4] = secure_accept(kit);
    gate_send(fds[4], gate_hello, sizeof gate_hello);
    gate_turn(kit);
    assert_true(gate_greeted(fds[4]));
    assert_string_equal(
        kit->server_side.log,
        "TLS with unix:: it takes too long while others wait\n");
    assert_int_equal(kit->server->gate.inside, 2);
    // A byte now and then is no progress.
    fds[5] = secure_accept(kit);
    gate_send(fds[3], gate_done, 1);
    gate_turn(kit);
    gate_send(fds[5], gate_hello, sizeof gate_hello);
    gate_turn(kit);
    assert_true(gate_greeted(fds[5]));
    *kit_clock_is_frozen() = false;
    for (int i = 0; i < 6; i++) {
        (void)close(fds[i]);
    }
    secure_end_kit(kit);
}

// A server that is stopped or freed with all of that under way.
static void test_secure_gate__stops_at_the_gate(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct secure_kit *kit = gate_begin(2);
        int fds[6];
        for (int i = 0; i < 6; i++) {
            fds[i] = secure_accept(kit);
            if (i < 5) {
                gate_send(fds[i], gate_hello, sizeof gate_hello);
            }
        }
        for (int i = 0; i < how; i++) {
            assert_int_equal(grpc_loop_step(kit->server_side.loop, 0), GRPC_OK);
        }
        if (how > 0) {
            // Handshakes may come to their end, as long as there is time.
            assert_int_equal(grpc_server_drain(kit->server, GRPC_NEVER),
                             GRPC_OK);
            gate_turn(kit);
            assert_false(grpc_server_is_stopped(kit->server));
            assert_int_equal(grpc_server_drain(kit->server, 0), GRPC_OK);
            gate_turn(kit);
            assert_int_equal(kit->server->gate.inside, 0);
            assert_true(list_is_empty(&kit->server->gate.waiting));
            assert_true(list_is_empty(&kit->server_side.loop->securing));
            assert_true(grpc_server_is_stopped(kit->server));
        }
        secure_end_kit(kit);
        for (int i = 0; i < 6; i++) {
            (void)close(fds[i]);
        }
    }
}

// One step of one handshake in a step of the loop; who is open is served in each.
static void test_secure_gate__turns(void **state)
{
    (void)state;
    enum { CLIENTS = 8 };
    struct secure_kit *kit = secure_begin_kit(NULL);
    secure_call_ok(kit);
    struct toy *toy = &kit->server_side.toy;
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = secure_accept(kit);
        gate_send(fds[i], gate_hello, sizeof gate_hello);
        gate_send(fds[i], gate_done, sizeof gate_done);
    }
    secure_call(kit);
    int begin = toy->steps;
    int steps = 0;
    int handled_at = -1;
    while (!list_is_empty(&kit->server_side.loop->securing) || steps == 0) {
        assert_int_equal(grpc_loop_step(kit->client_side.loop, 0), GRPC_OK);
        (void)secure_carry(kit, true, SIZE_MAX);
        assert_int_equal(grpc_loop_step(kit->server_side.loop, -1), GRPC_OK);
        steps++;
        assert_true(toy->steps - begin <= steps);
        if (handled_at < 0 && kit->greeter.handled == 2) {
            handled_at = steps;
        }
    }
    assert_int_equal(toy->steps - begin, 2 * CLIENTS);
    assert_true(handled_at > 0 && handled_at < 4);
    secure_expect(kit, GRPC_OK, "");
    for (int i = 0; i < CLIENTS; i++) {
        (void)close(fds[i]);
    }
    secure_end_kit(kit);
}

// A client has its time, too.
static void test_secure_gate__a_server_says_nothing(void **state)
{
    (void)state;
    struct secure_kit *kit = secure_begin_kit(NULL);
    secure_call(kit);
    secure_rest(kit);
    kit_skip(kit->client_side.loop, CORE_CONNECT_MS + 2);
    assert_int_equal(kit->result.done, 1);
    assert_string_equal(kit->result.text,
                        "TLS with unix:: no handshake in time");
    secure_end_kit(kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secure_gate__the_gate),
        cmocka_unit_test(test_secure_gate__no_turn),
        cmocka_unit_test(test_secure_gate__who_is_slow_makes_room),
        cmocka_unit_test(test_secure_gate__stops_at_the_gate),
        cmocka_unit_test(test_secure_gate__turns),
        cmocka_unit_test(test_secure_gate__a_server_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
