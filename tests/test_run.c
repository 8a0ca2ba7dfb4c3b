// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include <poll.h>

#include "tests/core_kit.h"

static void test_run__life(void **state)
{
    (void)state;
    int fds = kit_open_fds();
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct test_heap heap;
        test_heap_init(&heap);
        grpc_loop *loop = kit_loop(&heap, kit_backends[i]);
        assert_int_equal(grpc_loop_fd(loop) >= 0,
                         strcmp(kit_backends[i], "poll") != 0);
        assert_int_equal(grpc_loop_timeout(loop), -1);
        assert_int_equal(grpc_loop_step(loop, 0), GRPC_OK);
        assert_int_equal(grpc_loop_free(loop), GRPC_OK);
        assert_true(test_heap_is_clean(&heap));
    }
    assert_int_equal(kit_open_fds(), fds);
    grpc_loop *loop = grpc_loop_new(NULL);
    assert_non_null(loop);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    errno = 0;
    assert_null(grpc_loop_new(&(grpc_loop_options){.backend = "nonsense"}));
    assert_int_equal(kit_open_fds(), fds);
}

static void test_run__null(void **state)
{
    (void)state;
    assert_int_equal(grpc_loop_free(NULL), GRPC_OK);
    assert_int_equal(grpc_loop_step(NULL, 0), GRPC_EINVAL);
    assert_int_equal(grpc_loop_run(NULL), GRPC_EINVAL);
    grpc_loop_stop(NULL);
    assert_int_equal(grpc_loop_fd(NULL), -1);
    assert_int_equal(grpc_loop_timeout(NULL), -1);
    assert_string_equal(grpc_loop_error(NULL), "no loop");
    assert_int_equal(grpc_loop_now(NULL), 0);
    grpc_loop *loop = grpc_loop_new(NULL);
    assert_int_equal(grpc_loop_post(NULL, NULL, NULL), GRPC_EINVAL);
    assert_int_equal(grpc_loop_post(loop, NULL, NULL), GRPC_EINVAL);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
}

static void test_run__no_memory(void **state)
{
    (void)state;
    int fds = kit_open_fds();
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        bool failed = true;
        for (size_t n = 1; failed; n++) {
            struct test_heap heap;
            test_heap_init(&heap);
            heap.fail_at = n;
            grpc_loop *loop = grpc_loop_new(&(grpc_loop_options){
                .allocator = heap.allocator, .backend = kit_backends[i]});
            failed = heap.calls >= n;
            assert_int_equal(loop == NULL, failed);
            assert_int_equal(grpc_loop_free(loop), GRPC_OK);
            assert_true(test_heap_is_clean(&heap));
            assert_int_equal(kit_open_fds(), fds);
        }
    }
}

struct run_probe {
    grpc_loop *loop;
    int runs;
    grpc_result step;
    grpc_result run;
    grpc_result free;
};

static void run_nest(void *argument)
{
    struct run_probe *probe = argument;
    probe->runs++;
    probe->step = grpc_loop_step(probe->loop, 0);
    assert_string_equal(grpc_loop_error(probe->loop),
                        "step: the loop is being stepped already; this is one "
                        "of its callbacks");
    probe->run = grpc_loop_run(probe->loop);
    probe->free = grpc_loop_free(probe->loop);
    assert_string_equal(grpc_loop_error(probe->loop),
                        "free: the loop is being stepped");
    grpc_loop_stop(probe->loop);
}

static void test_run__no_nesting(void **state)
{
    struct run_probe probe = {.loop = grpc_loop_new(NULL)};
    (void)state;
    assert_int_equal(grpc_loop_post(probe.loop, run_nest, &probe), GRPC_OK);
    assert_int_equal(grpc_loop_run(probe.loop), GRPC_OK);
    assert_int_equal(probe.runs, 1);
    assert_int_equal(probe.step, GRPC_ESTATE);
    assert_int_equal(probe.run, GRPC_ESTATE);
    assert_int_equal(probe.free, GRPC_ESTATE);
    // It runs again after a stop.
    assert_int_equal(grpc_loop_post(probe.loop, run_nest, &probe), GRPC_OK);
    assert_int_equal(grpc_loop_run(probe.loop), GRPC_OK);
    assert_int_equal(probe.runs, 2);
    assert_int_equal(grpc_loop_free(probe.loop), GRPC_OK);
}

static void run_count(void *argument)
{
    int *count = argument;
    ++*count;
}

// Posts until there is no room; all that were taken run.
static void test_run__posts(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        grpc_loop *loop =
            grpc_loop_new(&(grpc_loop_options){.backend = kit_backends[i]});
        int posted = 0;
        int count = 0;
        while (posted < 100000 &&
               grpc_loop_post(loop, run_count, &count) == GRPC_OK) {
            posted++;
        }
        assert_in_range(posted, 1000, 99999);
        for (int turn = 0; turn < 100000 && count < posted; turn++) {
            assert_int_equal(grpc_loop_step(loop, 0), GRPC_OK);
        }
        assert_int_equal(count, posted);
        assert_int_equal(grpc_loop_post(loop, run_count, &count), GRPC_OK);
        assert_int_equal(grpc_loop_free(loop), GRPC_OK);
        assert_int_equal(count, posted);
    }
}

// A loop with a server on it is not freed.
static void test_run__not_freed_with_objects(void **state)
{
    grpc_loop *loop = grpc_loop_new(NULL);
    (void)state;
    grpc_server *server = grpc_server_new(&(grpc_server_options){.loop = loop});
    assert_int_equal(grpc_loop_free(loop), GRPC_ESTATE);
    assert_string_equal(grpc_loop_error(loop),
                        "free: servers or channels are left on the loop");
    grpc_server_free(server);
    grpc_channel *channel =
        grpc_channel_new("localhost:1", &(grpc_channel_options){.loop = loop});
    assert_int_equal(grpc_loop_free(loop), GRPC_ESTATE);
    grpc_channel_free(channel);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
}

// A program's own poll() drives the loop: wait for its fd or its timeout, then
// step without waiting.
static void test_run__driven_from_outside(void **state)
{
    struct kit_both *both = kit_both_new(NULL);
    (void)state;
    if (grpc_loop_fd(both->loop) < 0) {
        kit_both_end(both);
        return;
    }
    struct kit_result result = {0};
    assert_non_null(kit_call(both->channel, "x", &result));
    assert_int_equal(grpc_loop_timeout(both->loop), 0); // there is work
    for (int i = 0; i < 100 && result.done == 0; i++) {
        struct pollfd poll_fd = {.fd = grpc_loop_fd(both->loop),
                                 .events = POLLIN};
        int timeout = grpc_loop_timeout(both->loop);
        assert_true(poll(&poll_fd, 1, timeout) >= 0);
        assert_int_equal(grpc_loop_step(both->loop, 0), GRPC_OK);
    }
    assert_int_equal(result.done, 1);
    assert_string_equal(result.reply, "Hello x");
    kit_both_end(both);
}

struct run_logged {
    int lines;
    grpc_log_level level;
    char text[512];
};

static void run_log_line(void *user, grpc_log_level level, const char *text)
{
    struct run_logged *logged = user;
    logged->lines++;
    logged->level = level;
    (void)snprintf(logged->text, sizeof logged->text, "%s", text);
}

static void test_run__log(void **state)
{
    struct run_logged logged = {0};
    (void)state;
    grpc_loop *loop = grpc_loop_new(
        &(grpc_loop_options){.log = run_log_line, .log_user = &logged});
    run_log(loop, GRPC_LOG_INFO, "not by default");
    assert_int_equal(logged.lines, 0);
    run_log(loop, GRPC_LOG_WARNING, "%s %d", "warned", 7);
    assert_int_equal(logged.lines, 1);
    assert_int_equal(logged.level, GRPC_LOG_WARNING);
    assert_string_equal(logged.text, "warned 7");
    // An API's refusal is logged as it is kept.
    grpc_server *server = grpc_server_new(&(grpc_server_options){.loop = loop});
    assert_int_equal(grpc_server_listen(server, "nonsense", NULL), GRPC_EINVAL);
    assert_int_equal(logged.lines, 2);
    assert_int_equal(logged.level, GRPC_LOG_ERROR);
    assert_string_equal(logged.text, grpc_server_error(server));
    grpc_server_free(server);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
}

static void test_run__random(void **state)
{
    grpc_loop *loop = grpc_loop_new(NULL);
    uint32_t all = 0;
    uint32_t none = UINT32_MAX;
    (void)state;
    for (int i = 0; i < 100; i++) {
        uint32_t value = run_random(loop);
        all |= value;
        none &= value;
    }
    assert_int_equal(all, UINT32_MAX);
    assert_int_equal(none, 0);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
}

static uint64_t run_fixed_us(void *user)
{
    return *(const uint64_t *)user;
}

struct run_watch {
    grpc_loop *loop;
    uint64_t seen;
};

static void run_note_time(struct kit_result *result)
{
    struct run_watch *watch = result->extra;
    watch->seen = grpc_loop_now(watch->loop);
}

// A callback finds the time as it is, though the loop was last stepped long ago:
// what it starts has its whole time.
static void test_run__callbacks_have_the_time(void **state)
{
    (void)state;
    uint64_t now = 1000000;
    struct run_watch watch = {0};
    struct loop_port port = *loop_system_port();
    port.user = &now;
    port.now_us = run_fixed_us;
    grpc_loop *loop = run_new(&(grpc_loop_options){.backend = NULL}, &port);
    assert_non_null(loop);
    watch.loop = loop;
    grpc_channel *channel = grpc_channel_new(
        "no such thing://", &(grpc_channel_options){.loop = loop});
    assert_non_null(channel);
    struct kit_result result = {.act = run_note_time, .extra = &watch};
    assert_non_null(kit_call(channel, "Ann", &result));
    now = 5000999;
    assert_int_equal(grpc_loop_step(loop, 0), GRPC_OK);
    assert_int_equal(result.done, 1);
    assert_int_equal(watch.seen, 5000);
    assert_int_equal(loop->h2.now_us, 5000999);
    assert_non_null(kit_call(channel, "Ann", &result));
    now = 9000000;
    grpc_channel_free(channel);
    assert_int_equal(result.done, 2);
    assert_int_equal(watch.seen, 9000);
    assert_int_equal(loop->h2.now_us, 9000000);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
}

static void run_nothing(void *argument)
{
    (void)argument;
}

// A loop that was woken does not sleep, and has nothing else of it; one whose
// pipe is full is awake.
static void test_run__wake(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIT_BACKENDS; i++) {
        struct test_heap heap;
        test_heap_init(&heap);
        grpc_loop *loop = kit_loop(&heap, kit_backends[i]);
        grpc_server *server =
            grpc_server_new(&(grpc_server_options){.loop = loop});
        assert_true(run_wake(loop));
        assert_int_equal(grpc_loop_step(loop, -1), GRPC_OK);
        assert_int_equal(server->state, SERVER_OPEN);
        while (grpc_loop_post(loop, run_nothing, NULL) == GRPC_OK) {
        }
        assert_false(run_wake(loop));
        assert_int_equal(grpc_loop_step(loop, -1), GRPC_OK);
        grpc_server_free(server);
        assert_int_equal(grpc_loop_free(loop), GRPC_OK);
        assert_true(test_heap_is_clean(&heap));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run__wake),
        cmocka_unit_test(test_run__life),
        cmocka_unit_test(test_run__null),
        cmocka_unit_test(test_run__no_memory),
        cmocka_unit_test(test_run__no_nesting),
        cmocka_unit_test(test_run__posts),
        cmocka_unit_test(test_run__not_freed_with_objects),
        cmocka_unit_test(test_run__driven_from_outside),
        cmocka_unit_test(test_run__log),
        cmocka_unit_test(test_run__random),
        cmocka_unit_test(test_run__callbacks_have_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
