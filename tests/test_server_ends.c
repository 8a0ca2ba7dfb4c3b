// SPDX-License-Identifier: MIT
// A server is stopped, drained, freed and left by its clients in any order, from
// handlers, from callbacks, from tasks and from outside, with connections in all
// states. Whatever happens, calls up to the last GOAWAY's id are served and those
// behind it are not, a drain ends in its time, and nothing is left.
#include "tests/unit.h"

#include "tests/core_kit.h"

enum {
    ENDS_PEERS = 3,
    ENDS_CHANNELS = 2,
    ENDS_IDS = 64,
    ENDS_CALLS = 64,
    ENDS_STEPS = 60,
    ENDS_SEEDS = 300,
};

struct ends_peer {
    struct kit_peer kit;
    bool is_open;
    bool has_preface;
    uint32_t next_id;
    bool was_reset[ENDS_IDS];
    bool was_sent[ENDS_IDS]; // whole
    bool was_handled[ENDS_IDS];
};

struct ends {
    struct test_heap heap;
    grpc_loop *loop;
    grpc_server *server; // NULL: freed
    bool is_stopping;
    bool is_violent; // something was cut off
    bool is_ending;  // handlers answer at once
    uint64_t random;
    struct ends_peer peers[ENDS_PEERS];
    grpc_channel *channels[ENDS_CHANNELS];
    struct kit_result results[ENDS_CALLS];
    int started;
    grpc_call *kept[ENDS_CALLS]; // by handlers that answer later
    bool kept_listens[ENDS_CALLS];
    int kept_count;
    unsigned depth; // of user code
};

static struct ends ends;

static uint32_t ends_random(uint32_t below)
{
    return test_random(&ends.random) % below;
}

static void ends_noise(void *argument)
{
    (void)argument;
}

// ends_fill leaves no room in the loop's pipe.
static void ends_fill(void)
{
    while (grpc_loop_post(ends.loop, ends_noise, NULL) == GRPC_OK) {
    }
}

static void ends_stop(void)
{
    if (ends_random(8) == 0) {
        ends_fill();
    }
    ends.is_violent = ends.is_violent || ends.is_stopping;
    ends.is_stopping = true;
    grpc_server_stop(ends.server);
}

static void ends_drain(void)
{
    static const uint32_t graces[] = {0, 1, 500, 5000, 5001, 20000, GRPC_NEVER};
    uint32_t grace_ms = graces[ends_random(7)];
    ends.is_stopping = true;
    ends.is_violent = ends.is_violent || grace_ms != GRPC_NEVER;
    assert_int_equal(grpc_server_drain(ends.server, grace_ms), GRPC_OK);
}

static void ends_drop_kept(int which)
{
    ends.kept_count--;
    ends.kept[which] = ends.kept[ends.kept_count];
    ends.kept_listens[which] = ends.kept_listens[ends.kept_count];
}

// Calls of whose end nobody asked to be told are gone with their server.
static void ends_free_server(void)
{
    ends.is_violent = true;
    for (int i = ends.kept_count - 1; i >= 0; i--) {
        if (!ends.kept_listens[i]) {
            ends_drop_kept(i);
        }
    }
    grpc_server *server = ends.server;
    ends.server = NULL;
    grpc_server_free(server);
}

static void ends_free_channel(void)
{
    uint32_t which = ends_random(ENDS_CHANNELS);
    grpc_channel *channel = ends.channels[which];
    ends.channels[which] = NULL;
    grpc_channel_free(channel);
}

static void ends_call(void);
static void ends_answer(void);

// ends_meddle is what user code may do anywhere.
static void ends_meddle(uint32_t odds)
{
    if (ends.depth > 3 || ends_random(odds) != 0) {
        return;
    }
    ends.depth++;
    switch (ends_random(ends.server == NULL ? 3 : 7)) {
    case 0:
        ends_call();
        break;
    case 1:
        ends_free_channel();
        break;
    case 2:
        ends_answer();
        break;
    case 3:
    case 4:
        ends_stop();
        break;
    case 5:
        ends_drain();
        break;
    case 6:
        if (ends_random(4) == 0) {
            ends_free_server();
        }
        break;
    }
    ends.depth--;
}

static void ends_done(struct kit_result *result)
{
    (void)result;
    ends_meddle(6);
}

static void ends_call(void)
{
    grpc_channel *channel = ends.channels[ends_random(ENDS_CHANNELS)];
    if (channel == NULL || ends.started == ENDS_CALLS) {
        return;
    }
    struct kit_result *result = &ends.results[ends.started++];
    result->act = ends_done;
    if (kit_call(channel, "c", result) == NULL) {
        result->done++;
    }
}

// A call that is kept is over: its memory is the handler's no more.
static void ends_told(void *argument)
{
    grpc_call *call = argument;
    for (int i = 0; i < ends.kept_count; i++) {
        if (ends.kept[i] == call) {
            ends_drop_kept(i);
            break;
        }
    }
    ends_meddle(6);
}

static void ends_answer(void)
{
    if (ends.kept_count > 0) {
        int which = (int)ends_random((uint32_t)ends.kept_count);
        grpc_call *call = ends.kept[which];
        ends_drop_kept(which);
        grpc_call_on_end(call, NULL, NULL);
        assert_int_equal(kit_reply(call, "z"), GRPC_OK);
    }
}

static void ends_handle(grpc_call *call, struct kit_greeter *greeter)
{
    unsigned peer = 0;
    unsigned id = 0;
    if (sscanf(greeter->name, "p%u i%u", &peer, &id) == 2) {
        assert_false(ends.peers[peer].was_handled[id]);
        ends.peers[peer].was_handled[id] = true;
    }
    if (!ends.is_ending && ends.kept_count < ENDS_CALLS &&
        ends_random(2) == 0) {
        bool listens = ends.server == NULL || ends_random(3) != 0;
        ends.kept[ends.kept_count] = call;
        ends.kept_listens[ends.kept_count++] = listens;
        if (listens) {
            grpc_call_on_end(call, ends_told, call);
        }
        ends_meddle(8); // and may answer this very call
        return;
    }
    if (ends_random(2) == 0) {
        assert_int_equal(kit_reply(call, "y"), GRPC_OK);
        ends_meddle(8);
    } else {
        grpc_call_fail(call, GRPC_ABORTED, "no");
    }
}

// ---- Raw clients ------------------------------------------------------------

static void ends_connect(struct ends_peer *peer)
{
    int fds[2];
    if (peer->is_open || ends.server == NULL || peer->next_id != 0) {
        return;
    }
    kit_pair_of_sockets(fds);
    if (grpc_server_serve_fd(ends.server, fds[0]) != GRPC_OK) {
        (void)close(fds[0]);
        (void)close(fds[1]);
        return;
    }
    memset(peer->was_reset, 0, sizeof peer->was_reset);
    kit_peer_init(&peer->kit, fds[1], false);
    peer->is_open = true;
    peer->next_id = 1;
    peer->has_preface = false;
}

// ends_last_id is that of the last GOAWAY.
static uint32_t ends_last_id(const struct ends_peer *peer)
{
    unsigned last = UINT32_MAX;
    const char *text = peer->kit.text;
    while ((text = strstr(text, "GOAWAY ")) != NULL) {
        assert_int_equal(sscanf(text, "GOAWAY %u", &last), 1);
        text++;
    }
    return last;
}

// ends_look reads what has come; false when there is nobody any more.
static bool ends_look(struct ends_peer *peer)
{
    if (!peer->is_open) {
        return false;
    }
    kit_read(&peer->kit);
    if (strstr(peer->kit.text, "EOF\n") == NULL &&
        strstr(peer->kit.text, "LOST\n") == NULL) {
        return true;
    }
    uint32_t last = ends_last_id(peer);
    for (uint32_t id = 1; id < ENDS_IDS; id += 2) {
        if (id > last) {
            assert_false(peer->was_handled[id]);
        } else if (!ends.is_violent && peer->was_sent[id] &&
                   !peer->was_reset[id]) {
            assert_true(peer->was_handled[id]);
        }
    }
    kit_peer_fini(&peer->kit);
    peer->is_open = false;
    return false;
}

static void ends_request(struct ends_peer *peer, unsigned index)
{
    char name[64];
    uint32_t id = peer->next_id;
    if (id >= ENDS_IDS) {
        return;
    }
    peer->next_id += 2;
    kit_headers(&peer->kit, id, false, KIT_REQUEST);
    if (ends_random(6) != 0) {
        (void)snprintf(name, sizeof name, "p%u i%u", index, (unsigned)id);
        kit_message(&peer->kit, id, true, name);
        peer->was_sent[id] = true;
    }
}

static void ends_act(unsigned index)
{
    struct ends_peer *peer = &ends.peers[index];
    if (!peer->is_open) {
        ends_connect(peer);
        return;
    }
    if (!ends_look(peer)) {
        return;
    }
    if (!peer->has_preface) {
        if (ends_random(2) == 0) {
            kit_preface(&peer->kit, true);
            peer->has_preface = true;
        }
        return;
    }
    uint32_t id = 1 + 2 * ends_random(peer->next_id / 2 + 1);
    switch (ends_random(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        ends_request(peer, index);
        break;
    case 4:
        if (id < peer->next_id) {
            kit_rst(&peer->kit, id, 8);
            peer->was_reset[id] = true;
        }
        break;
    case 5:
    case 6:
        kit_frame(&peer->kit, 6, 1, 0, VIEW("graceful"));
        break;
    case 7:
        kit_frame(&peer->kit, 6, 1, 0, VIEW("keepaliv"));
        break;
    case 8:
        kit_goaway(&peer->kit, 0, 0, "");
        break;
    case 9:
        if (ends_random(6) == 0) {
            kit_frame(&peer->kit, 6, 0, 0, VIEW("hello 12"));
        }
        break;
    case 10:
        if (ends_random(4) == 0) {
            (void)shutdown(peer->kit.fd, SHUT_WR);
            kit_peer_fini(&peer->kit);
            peer->is_open = false;
        }
        break;
    case 11:
        kit_window(&peer->kit, 0, 1);
        break;
    }
}

// ---- All of it --------------------------------------------------------------

static void ends_check(void)
{
    loop_wheel_check(&ends.loop->loop.wheel);
    LIST_EACH (link, after, &ends.loop->servers) {
        struct grpc_server *server =
            LIST_OWNER(link, struct grpc_server, link_loop);
        LIST_EACH (conn_link, conn_after, &server->conns) {
            conn_check(LIST_OWNER(conn_link, struct conn, link_owner));
        }
    }
}

static void ends_step(uint64_t ms)
{
    *kit_skipped_ms() += ms;
    assert_int_equal(grpc_loop_step(ends.loop, 0), GRPC_OK);
    ends_check();
}

static void ends_begin(uint64_t seed, struct kit_greeter *greeter)
{
    memset(&ends, 0, sizeof ends);
    ends.random = seed;
    test_heap_init(&ends.heap);
    ends.loop = kit_loop(&ends.heap, kit_backends[seed % KIT_BACKENDS]);
    grpc_server_options options = {.loop = ends.loop};
    options.max_concurrent_streams = ends_random(2) == 0 ? 3 : 0;
    options.max_connection_idle_ms = ends_random(2) == 0 ? 3000 : 0;
    options.max_connection_age_ms = ends_random(2) == 0 ? 8000 : 0;
    options.max_connection_age_grace_ms = ends_random(2) == 0 ? 2000 : 0;
    options.keepalive_ms = ends_random(2) == 0 ? 4000 : 0;
    options.keepalive_timeout_ms = ends_random(2) == 0 ? 1000 : 0;
    // Connections that are cut off for their age, silence or PINGs.
    ends.is_violent =
        options.max_connection_age_grace_ms != 0 || options.keepalive_ms != 0;
    ends.server = grpc_server_new(&options);
    assert_non_null(ends.server);
    kit_serve(ends.server, greeter);
    for (int i = 0; i < ENDS_CHANNELS; i++) {
        ends.channels[i] = grpc_channel_new_inproc(ends.server, NULL);
        assert_non_null(ends.channels[i]);
    }
}

static void ends_run(void)
{
    for (int i = 0; i < ENDS_STEPS; i++) {
        uint32_t what = ends_random(16);
        if (what < 8) {
            ends_act(ends_random(ENDS_PEERS));
        } else if (what < 10) {
            ends_call();
        } else if (what < 12) {
            ends_answer();
        } else if (what == 12) {
            ends_meddle(3);
        } else {
            ends_step(ends_random(3) == 0 ? ends_random(4000) : 0);
        }
    }
}

// ends_drained: a drain keeps its time, whatever else is going on.
static void ends_drained(void)
{
    ends.is_violent = true;
    assert_int_equal(grpc_server_drain(ends.server, 1000), GRPC_OK);
    for (int i = 0; i < 4; i++) {
        ends_step(0);
    }
    ends_step(1001);
}

static void ends_close_peers(void)
{
    for (int i = 0; i < ENDS_PEERS; i++) {
        if (ends_look(&ends.peers[i])) {
            kit_peer_fini(&ends.peers[i].kit);
            ends.peers[i].is_open = false;
        }
    }
}

// ends_stopped: one stop is enough when all calls have ended.
static void ends_stopped(void)
{
    ends.depth = 9; // nobody meddles any more
    ends.is_ending = true;
    if (!ends.is_stopping) {
        ends_stop();
    }
    for (int i = 0; i < 200; i++) { // whose pipe may be full
        ends_step(0);
    }
    ends_close_peers();
    while (ends.kept_count > 0) {
        ends_answer();
    }
    for (int i = 0; i < 20; i++) {
        ends_step(i == 10 ? 5001 : 0);
    }
    ends_step(1001);
}

static void ends_finish(void)
{
    if (ends.server != NULL && ends_random(2) == 0) {
        ends_drained();
    } else if (ends.server != NULL) {
        ends_stopped();
    }
    assert_true(ends.server == NULL || grpc_server_is_stopped(ends.server));
    while (ends.kept_count > 0) {
        ends_answer();
    }
    ends_close_peers();
    ends.depth = 9;
    for (int i = 0; i < ENDS_CHANNELS; i++) {
        grpc_channel_free(ends.channels[i]);
    }
    grpc_server_free(ends.server);
    for (int i = 0; i < ends.started; i++) {
        assert_int_equal(ends.results[i].done, 1);
    }
    assert_int_equal(grpc_loop_free(ends.loop), GRPC_OK);
    assert_true(test_heap_is_clean(&ends.heap));
}

static uint64_t ends_seed;

static void test_server_ends__in_any_order(void **state)
{
    (void)state;
    *kit_clock_is_frozen() = true;
    const char *wanted = getenv("ENDS_SEED"); // one, to look at
    uint64_t first = wanted == NULL ? 1 : strtoull(wanted, NULL, 10);
    uint64_t last = wanted == NULL ? ENDS_SEEDS : first;
    for (uint64_t seed = first; seed <= last; seed++) {
        static struct kit_greeter greeter;
        greeter = (struct kit_greeter){.act = ends_handle};
        ends_seed = seed;
        ends_begin(seed, &greeter);
        ends_run();
        ends_finish();
    }
    *kit_clock_is_frozen() = false;
}

static int ends_tell_seed(void **state)
{
    (void)state;
    print_message("# the last seed was %lu\n", (unsigned long)ends_seed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_server_ends__in_any_order,
                                  ends_tell_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
