// SPDX-License-Identifier: MIT
// RFC 9113 as tables: each row is bytes in, exact frames and events out, on
// every split (h2_strict.h). docs/rfc9113.md says which rule each row proves.
#include "tests/unit.h"

#include "tests/h2_strict.h"
#include "tests/h2_strict_fields.h"
#include "tests/h2_strict_flow.h"
#include "tests/h2_strict_frames.h"
#include "tests/h2_strict_messages.h"
#include "tests/h2_strict_settings.h"
#include "tests/h2_strict_streams.h"

static struct strict_tally all;

#define RUN(table) strict_run(table, sizeof(table) / sizeof((table)[0]))

static void strict_run(const struct strict_row *rows, size_t count)
{
    size_t failed = all.failed;
    for (size_t i = 0; i < count; i++) {
        strict_check(&all, &rows[i]);
    }
    assert_int_equal(all.failed, failed);
}

static void test_strict__preface(void **state)
{
    (void)state;
    strict_check_prefaces(&all);
    RUN(strict_preface_rows);
    strict_check_prefixes(&all);
    assert_int_equal(all.failed, 0);
}

static void test_strict__frames(void **state)
{
    (void)state;
    RUN(strict_ignore_rows);
    RUN(strict_size_rows);
    RUN(strict_format_rows);
}

static void test_strict__intruders(void **state)
{
    (void)state;
    size_t failed = all.failed;
    strict_check_intruders(&all);
    assert_int_equal(all.failed, failed);
}

static void test_strict__states(void **state)
{
    (void)state;
    size_t failed = all.failed;
    strict_check_matrix(&all);
    assert_int_equal(all.failed, failed);
}

static void test_strict__streams(void **state)
{
    (void)state;
    RUN(strict_stream_rows);
    RUN(strict_error_rows);
    RUN(strict_goaway_rows);
}

static void test_strict__settings(void **state)
{
    (void)state;
    RUN(strict_settings_rows);
}

static void test_strict__hpack(void **state)
{
    (void)state;
    size_t failed = all.failed;
    strict_check_bad_blocks(&all);
    assert_int_equal(all.failed, failed);
    RUN(strict_block_rows);
}

static void test_strict__flow(void **state)
{
    (void)state;
    RUN(strict_send_flow_rows);
    RUN(strict_receive_flow_rows);
    RUN(strict_credit_rows);
}

static void test_strict__fields(void **state)
{
    (void)state;
    size_t failed = all.failed;
    strict_check_bad_fields(&all);
    assert_int_equal(all.failed, failed);
    RUN(strict_request_rows);
    RUN(strict_response_rows);
}

static void test_strict__messages(void **state)
{
    (void)state;
    RUN(strict_request_message_rows);
    RUN(strict_response_message_rows);
    size_t failed = all.failed;
    strict_check_contents(&all);
    assert_int_equal(all.failed, failed);
    RUN(strict_length_rows);
}

static void test_strict__is_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < all.rows; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(all.names[i], all.names[k]) == 0) {
                fail_msg("two rows: %s", all.names[i]);
            }
        }
    }
    print_message("%zu rows, %zu with each role that they are run in\n",
                  all.rows, all.runs);
    assert_in_range(all.rows, 250, STRICT_ROWS);
}

// is_cited: the row's name is the citation, whose asterisks stand for any text.
static bool is_cited(const char *row, struct view name)
{
    const char *retry = NULL; // where the last asterisk has its next chance
    struct view behind = view_of(NULL, 0);
    while (*row != '\0') {
        if (name.size > 0 && *name.data == '*') {
            name = view_skip(name, 1);
            behind = name;
            retry = row;
        } else if (name.size > 0 && *name.data == (uint8_t)*row) {
            name = view_skip(name, 1);
            row++;
        } else if (retry != NULL) {
            name = behind;
            row = ++retry;
        } else {
            return false;
        }
    }
    return name.size == 0 || (name.size == 1 && *name.data == '*');
}

// cite returns how many rows the citation names, and marks them if it proves a
// rule.
static size_t cite(struct view name, bool proves)
{
    size_t found = 0;
    for (size_t i = 0; i < all.rows; i++) {
        if (is_cited(all.names[i], name)) {
            all.cited[i] |= proves;
            found++;
        }
    }
    return found;
}

// The document cites no row that there is not, and its rules cite every row.
static void test_strict__document_is_true(void **state)
{
    (void)state;
    size_t size;
    size_t wrong = 0;
    char *text = test_read_file("docs/rfc9113.md", &size);
    assert_non_null(text);
    const char *lists = strstr(text, "\n## h2spec");
    assert_non_null(lists);
    char *next;
    for (char *at = strchr(text, '`'); at != NULL; at = strchr(next + 1, '`')) {
        next = strchr(at + 1, '`');
        assert_non_null(next);
        struct view name = view_of(at + 1, (size_t)(next - at - 1));
        if (at[1] >= '0' && at[1] <= '9' && cite(name, at < lists) == 0) {
            print_error("no such row: %.*s\n", (int)name.size, at + 1);
            wrong++;
        }
    }
    free(text);
    for (size_t i = 0; i < all.rows; i++) {
        if (!all.cited[i]) {
            print_error("not in the document: %s\n", all.names[i]);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strict__preface),
        cmocka_unit_test(test_strict__frames),
        cmocka_unit_test(test_strict__intruders),
        cmocka_unit_test(test_strict__states),
        cmocka_unit_test(test_strict__streams),
        cmocka_unit_test(test_strict__settings),
        cmocka_unit_test(test_strict__hpack),
        cmocka_unit_test(test_strict__flow),
        cmocka_unit_test(test_strict__fields),
        cmocka_unit_test(test_strict__messages),
        cmocka_unit_test(test_strict__is_complete),
        cmocka_unit_test(test_strict__document_is_true),
    };
    return cmocka_run_group_tests_name("h2_strict", tests, NULL, NULL);
}
