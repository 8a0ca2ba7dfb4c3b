// SPDX-License-Identifier: MIT
// h2_check has to notice what it is there for: each row breaks one invariant
// and must end in a failed assertion, which runs in a child process.
#include "tests/unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "h2/h2_stream.h"
#include "tests/h2_script.h"

static struct script_run run;

static void begin(void)
{
    static uint8_t bytes[256];
    const struct h2_script script = {.is_server = true};
    test_heap_init(&run.heap);
    script_begin(&run, &script);
    size_t size = test_unhex(SCRIPT_SERVER SCRIPT_POST "000001 00 00 00000001"
                                                       "61",
                             bytes, sizeof bytes);
    assert_int_equal(script_feed(&run, NULL, bytes, size), 0);
    h2_check(&run.conn);
}

static void break_unread(struct h2_conn *conn)
{
    conn->unread_bytes++;
}

static void break_stream_credit(struct h2_conn *conn)
{
    h2_stream_find(conn, 1)->credit_bytes++;
}

static void break_stream_count(struct h2_conn *conn)
{
    conn->stream_count++;
}

static void break_open_count(struct h2_conn *conn)
{
    conn->open_count = 0;
}

static void break_bucket(struct h2_conn *conn)
{
    memset(conn->set->buckets, 0, sizeof conn->set->buckets);
}

static void break_end_queued(struct h2_conn *conn)
{
    h2_stream_find(conn, 1)->end_queued = true;
}

static void break_list(struct h2_conn *conn)
{
    list_append(&conn->set->sendable, &h2_stream_find(conn, 1)->link_sendable);
}

static void break_window(struct h2_conn *conn)
{
    conn->receive_window = -1;
}

static void break_close_reason(struct h2_conn *conn)
{
    conn->close_reason = "no reason";
}

static void break_spill(struct h2_conn *conn)
{
    conn->spill_size = 1;
}

static void break_step(struct h2_conn *conn)
{
    conn->skip_left = 1;
}

static void break_induced(struct h2_conn *conn)
{
    conn->induced_old_end = (uint32_t)conn->out.size + 1;
}

static void break_nothing(struct h2_conn *conn)
{
    (void)conn;
}

// check_in_child is the signal that h2_check ended in, 0 for none.
static int check_in_child(void (*breaking)(struct h2_conn *conn))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        // The assertion's text is not wanted, nor cmocka's handlers.
        (void)close(2);
        (void)signal(SIGABRT, SIG_DFL);
        breaking(&run.conn);
        h2_check(&run.conn);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_check__notices(void **state)
{
    (void)state;
#if !defined(GRPC_DEBUG)
    skip(); // assertions are compiled out
#endif
    static void (*const rows[])(struct h2_conn *) = {
        break_unread,     break_stream_credit, break_stream_count,
        break_open_count, break_bucket,        break_end_queued,
        break_list,       break_window,        break_close_reason,
        break_spill,      break_step,          break_induced,
    };
    begin();
    assert_int_equal(check_in_child(break_nothing), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (check_in_child(rows[i]) != SIGABRT) {
            fail_msg("row %zu was not noticed", i);
        }
    }
    script_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check__notices),
    };
    return cmocka_run_group_tests_name("h2_check", tests, NULL, NULL);
}
