// SPDX-License-Identifier: MIT
// Rows of the strictness tables: what the peer sends, and the exact frames and
// events that come of it. Each row runs without a socket, on every split of
// its input (strict_next_cut). tests/test_h2_strict.c runs them all.
//
// Around each row the runner puts, unless the row is raw, the peer's preface,
// its SETTINGS and its acknowledgement of ours in front, and always a PING
// behind: a row that closes the connection ends in that GOAWAY, nothing is
// answered any more, and nothing that our own side tries then leaves; every
// other row has to answer the PING, and nothing else.
//
// In between, <words> make our own side act: see strict_acts below.

#ifndef TESTS_H2_STRICT_H
#define TESTS_H2_STRICT_H

#include "h2/h2_flow.h"
#include "h2/h2_stream.h"
#include "tests/h2_assemble.h"
#include "tests/h2_script.h"

enum { STRICT_SERVER = 1, STRICT_CLIENT = 2, STRICT_BOTH = 3 };

struct strict_row {
    const char *name; // begins with the section of RFC 9113
    unsigned roles;   // who we are
    bool raw;         // input has the peer's preface too
    uint8_t opens;    // streams that a client has opened before
    const char *input;
    const char *events; // NULL: none
    const char *output; // NULL: none
    // How the connection ends; reason is NULL when it does not.
    enum h2_code code;
    const char *reason;
    uint32_t last_id; // in the GOAWAY of a server; a client's has always 0
    void (*options)(struct h2_options *options);
};

// What rows are made of: requests and responses on stream id, and the events
// that they give.
#define FATAL(name, text) .code = H2_##name, .reason = text
#define POST(id)          "[HEADERS 4 " #id " 838684]"
#define POST_END(id)      "[HEADERS 5 " #id " 838684]"
#define GOT_POST(id) \
 "HEADERS " #id " request :method=POST :scheme=http :path=/\n"
#define GOT_POST_END(id) \
 "HEADERS " #id " request :method=POST :scheme=http :path=/ end\n"
#define OK(id)         "[HEADERS 4 " #id " 88]"
#define OK_END(id)     "[HEADERS 5 " #id " 88]"
#define GOT_OK(id)     "HEADERS " #id " response 200 :status=200\n"
#define GOT_OK_END(id) "HEADERS " #id " response 200 :status=200 end\n"
#define RST(id, code)  "RST_STREAM 0 " #id " 0000000" #code "\n"

enum { STRICT_ROWS = 2000, STRICT_NAME = 120 };

struct strict_tally {
    size_t rows;   // by name
    size_t runs;   // by name and role
    size_t failed; // of the runs
    char names[STRICT_ROWS][STRICT_NAME];
    bool cited[STRICT_ROWS]; // by docs/rfc9113.md
};

static MAYBE_UNUSED const struct strict_row *strict_now; // the row being run

// strict_print is snprintf for a text that has to fit.
static MAYBE_UNUSED void strict_print(char *to, size_t size, const char *format,
                                      ...) PRINTF_LIKE(3, 4);

static MAYBE_UNUSED void strict_print(char *to, size_t size, const char *format,
                                      ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(to, size, format, arguments);
    va_end(arguments);
    assert_true(n >= 0 && (size_t)n < size);
}

// ---- What our own side does -------------------------------------------------

static MAYBE_UNUSED struct h2_stream *strict_stream(struct script_run *run,
                                                    uint32_t id)
{
    struct h2_stream *stream = h2_stream_find(&run->conn, id);
    if (stream == NULL) {
        fail_msg("%s: no stream %u", strict_now->name, (unsigned)id);
    }
    return stream;
}

static MAYBE_UNUSED void strict_send(struct script_run *run, uint32_t id,
                                     const char *name, const char *value,
                                     bool end)
{
    struct h2_stream *stream = strict_stream(run, id);
    const struct h2_field field = {
        .field = {.name = view_of(name, strlen(name)),
                  .value = view_of(value, strlen(value))},
        .mode = HPACK_PLAIN,
    };
    assert_true(h2_send_headers(&run->conn, stream, &field, 1, end));
}

static MAYBE_UNUSED void strict_open_with(struct script_run *run, bool end)
{
    const struct h2_field get = {
        .field = {.name = VIEW(":method"), .value = VIEW("GET")},
        .mode = HPACK_PLAIN,
    };
    if (!h2_can_open(&run->conn)) {
        script_add(&run->events, "MAY NOT OPEN\n");
        return;
    }
    struct h2_stream *stream = h2_open(&run->conn, run);
    assert_non_null(stream);
    assert_true(h2_send_headers(&run->conn, stream, &get, 1, end));
}

static MAYBE_UNUSED void strict_open(struct script_run *run, uint32_t id)
{
    (void)id;
    strict_open_with(run, false);
}

static MAYBE_UNUSED void strict_open_end(struct script_run *run, uint32_t id)
{
    (void)id;
    strict_open_with(run, true);
}

static MAYBE_UNUSED void strict_head(struct script_run *run, uint32_t id)
{
    strict_send(run, id, ":status", "200", false);
}

static MAYBE_UNUSED void strict_answer(struct script_run *run, uint32_t id)
{
    strict_send(run, id, ":status", "200", true);
}

// strict_long sends a response whose block takes two frames, END_STREAM first.
static MAYBE_UNUSED void strict_long(struct script_run *run, uint32_t id)
{
    static char value[17001];
    memset(value, '~', sizeof value - 1); // shorter without Huffman coding
    strict_send(run, id, "a", value, true);
}

static MAYBE_UNUSED void strict_trailers(struct script_run *run, uint32_t id)
{
    strict_send(run, id, "a", "b", true);
}

static MAYBE_UNUSED void strict_data_of(struct script_run *run, uint32_t id,
                                        size_t size, bool end)
{
    static const uint8_t bytes[40000];
    struct h2_stream *stream = strict_stream(run, id);
    assert_true(size <= sizeof bytes);
    assert_true(h2_send_data(&run->conn, stream, view_of(bytes, size), end));
}

static MAYBE_UNUSED void strict_data(struct script_run *run, uint32_t id)
{
    strict_data_of(run, id, 4, false);
}

static MAYBE_UNUSED void strict_end(struct script_run *run, uint32_t id)
{
    strict_data_of(run, id, 0, true);
}

static MAYBE_UNUSED void strict_large(struct script_run *run, uint32_t id)
{
    strict_data_of(run, id, 16385, false);
}

// strict_most leaves 2 bytes of a connection's window behind three large ones.
static MAYBE_UNUSED void strict_most(struct script_run *run, uint32_t id)
{
    strict_data_of(run, id, H2_WINDOW_DEFAULT - 3 * 16385 - 2, false);
}

static MAYBE_UNUSED void strict_reset(struct script_run *run, uint32_t id)
{
    struct h2_stream *stream = strict_stream(run, id);
    h2_reset(&run->conn, stream, H2_CANCEL);
}

static MAYBE_UNUSED void strict_free(struct script_run *run, uint32_t id)
{
    struct h2_stream *stream = strict_stream(run, id);
    h2_release(&run->conn, stream);
}

static MAYBE_UNUSED void strict_credit(struct script_run *run, uint32_t id)
{
    struct h2_stream *stream = strict_stream(run, id);
    h2_credit(&run->conn, stream, (size_t)stream->unread_bytes);
}

// What is kept is given back to the connection, and later to the stream.
static MAYBE_UNUSED void strict_keep(struct script_run *run, uint32_t id)
{
    struct h2_stream *stream = strict_stream(run, id);
    h2_credit_connection(&run->conn, stream, (size_t)stream->unread_bytes);
}

static MAYBE_UNUSED void strict_let(struct script_run *run, uint32_t id)
{
    struct h2_stream *stream = strict_stream(run, id);
    h2_credit_stream(&run->conn, stream, (size_t)stream->kept_bytes);
}

static MAYBE_UNUSED void strict_close(struct script_run *run, uint32_t id)
{
    (void)id;
    h2_close(&run->conn, H2_ENHANCE_YOUR_CALM, "enough");
}

static MAYBE_UNUSED void strict_goaway(struct script_run *run, uint32_t id)
{
    assert_true(h2_goaway(&run->conn, id, H2_NO_ERROR, view_of(NULL, 0)));
}

static MAYBE_UNUSED void strict_settings(struct script_run *run,
                                         const struct h2_settings *settings)
{
    if (!h2_update_settings(&run->conn, settings)) {
        script_add(&run->events, "MAY NOT UPDATE\n");
    }
}

static MAYBE_UNUSED void strict_table_size(struct script_run *run,
                                           uint32_t size)
{
    struct h2_settings settings = run->conn.wanted;
    settings.header_table_size = size;
    strict_settings(run, &settings);
}

static MAYBE_UNUSED void strict_initial(struct script_run *run, uint32_t size)
{
    struct h2_settings settings = run->conn.wanted;
    settings.initial_window_size = size;
    strict_settings(run, &settings);
}

static MAYBE_UNUSED void strict_frame_size(struct script_run *run, uint32_t kib)
{
    struct h2_settings settings = run->conn.wanted;
    settings.max_frame_size = kib * 1024;
    strict_settings(run, &settings);
}

static MAYBE_UNUSED void strict_want(struct script_run *run, uint32_t id)
{
    struct h2_stream *stream = strict_stream(run, id);
    h2_want(&run->conn, stream, 100000);
}

// strict_idle makes a stream and gives it up before its HEADERS.
static MAYBE_UNUSED void strict_idle(struct script_run *run, uint32_t id)
{
    (void)id;
    struct h2_stream *stream = h2_open(&run->conn, run);
    assert_non_null(stream);
    h2_release(&run->conn, stream);
}

// strict_last_id leaves a client one id.
static MAYBE_UNUSED void strict_last_id(struct script_run *run, uint32_t id)
{
    (void)id;
    run->conn.next_local_id = H2_STREAM_ID_MAX;
}

// What the peer may still send; bytes that are owed and not announced count.
static MAYBE_UNUSED void strict_window(struct script_run *run, uint32_t id)
{
    const struct h2_conn *conn = &run->conn;
    const struct h2_stream *stream = h2_stream_find(conn, id);
    if (id == 0) {
        script_add(&run->events, "WINDOW %ld of %ld\n",
                   (long)conn->receive_window,
                   (long)conn->connection_window - (long)conn->unread_bytes);
    } else if (stream != NULL) {
        int64_t window = h2_flow_receive_window(stream);
        script_add(&run->events, "WINDOW %u %ld of %ld\n", (unsigned)id,
                   (long)window, (long)(window + stream->credit_bytes));
    }
}

struct strict_verb {
    const char *verb;
    void (*act)(struct script_run *run, uint32_t number);
};

// <verb number>, at most 8 characters in all.
static MAYBE_UNUSED const struct strict_verb strict_verbs[] = {
    {"open", strict_open},     {"openend", strict_open_end},
    {"idle", strict_idle},     {"lastid", strict_last_id},
    {"head", strict_head},     {"fin", strict_answer},
    {"long", strict_long},     {"trail", strict_trailers},
    {"data", strict_data},     {"end", strict_end},
    {"large", strict_large},   {"reset", strict_reset},
    {"free", strict_free},     {"credit", strict_credit},
    {"most", strict_most},     {"want", strict_want},
    {"window", strict_window}, {"goaway", strict_goaway},
    {"keep", strict_keep},     {"let", strict_let},
    {"close", strict_close},   {"tab", strict_table_size},
    {"ini", strict_initial},   {"frm", strict_frame_size},
};

// strict_unsay drops the line of the event that made us act.
static MAYBE_UNUSED void strict_unsay(struct script_text *events)
{
    do {
        events->size--;
    } while (events->size > 0 && events->text[events->size - 1] != '\n');
    events->text[events->size] = '\0';
}

static MAYBE_UNUSED void strict_on_words(struct script_run *run,
                                         const uint8_t *words)
{
    char text[ASSEMBLY_WORDS + 1] = "";
    memcpy(text, words, ASSEMBLY_WORDS);
    size_t size = strcspn(text, " ");
    for (size_t i = 0; i < sizeof strict_verbs / sizeof strict_verbs[0]; i++) {
        if (strlen(strict_verbs[i].verb) == size &&
            memcmp(strict_verbs[i].verb, text, size) == 0) {
            strict_unsay(&run->events);
            strict_verbs[i].act(run, (uint32_t)strtoul(text + size, NULL, 10));
            return;
        }
    }
    if (text[0] >= 'a' && text[0] <= 'z') {
        fail_msg("%s: <%s>?", strict_now->name, text);
    }
}

static MAYBE_UNUSED void strict_on_closed_stream(struct script_run *run,
                                                 struct h2_stream *stream)
{
    struct h2_conn *conn = &run->conn;
    strict_send(run, stream->id, ":status", "200", false);
    strict_data_of(run, stream->id, 4, true);
    h2_want(conn, stream, 100000);
    h2_credit(conn, stream, (size_t)stream->unread_bytes);
    h2_reset(conn, stream, H2_CANCEL);
    h2_release(conn, stream);
}

// strict_on_closed tries everything: nothing leaves a closed connection.
static MAYBE_UNUSED void strict_on_closed(struct script_run *run)
{
    struct h2_conn *conn = &run->conn;
    for (uint32_t id = 1; id < 16; id += 2) {
        struct h2_stream *stream = h2_stream_find(conn, id);
        if (stream != NULL) {
            strict_on_closed_stream(run, stream);
        }
    }
    assert_false(h2_can_open(conn));
    assert_true(h2_ping(conn, (const uint8_t *)"01234567"));
    assert_true(h2_goaway(conn, 0, H2_NO_ERROR, view_of(NULL, 0)));
    assert_true(h2_update_settings(conn, &conn->wanted));
    h2_close(conn, H2_INTERNAL_ERROR, "again");
    h2_close_input(conn, "again");
}

static MAYBE_UNUSED void strict_act(struct script_run *run,
                                    const struct h2_event *event)
{
    if (event != NULL && event->type == H2_EVENT_PING_ACK) {
        strict_on_words(run, event->ping);
    } else if (event != NULL && event->type == H2_EVENT_CLOSED) {
        strict_on_closed(run);
    }
    if (event != NULL) {
        return;
    }
    for (unsigned i = 0; !run->conn.is_server && i < strict_now->opens; i++) {
        strict_open(run, 0);
    }
    script_drain(run);
    run->output_size = 0;
}

// ---- Running ----------------------------------------------------------------

struct strict_case {
    struct h2_script script;
    struct assembly input;
    struct script_text events;
    struct script_text output;
};

static MAYBE_UNUSED void strict_prepare_input(struct strict_case *to,
                                              const struct strict_row *row)
{
    to->input.size = 0;
    if (!row->raw) {
        assembly_append(&to->input,
                        to->script.is_server ? SCRIPT_SERVER : SCRIPT_CLIENT);
    }
    assembly_append(&to->input, row->input);
    assembly_append(&to->input, "[PING 0 0 'the end?']");
}

static MAYBE_UNUSED void strict_prepare(struct strict_case *to,
                                        const struct strict_row *row,
                                        bool is_server)
{
    to->script = (struct h2_script){
        .is_server = is_server, .act = strict_act, .options = row->options};
    strict_prepare_input(to, row);
    to->events.size = 0;
    to->output.size = 0;
    script_add(&to->events, "%s%s", row->raw ? "" : "SETTINGS\n",
               row->events == NULL ? "" : row->events);
    script_add(&to->output, "%s%s", row->raw ? "" : "SETTINGS 1 0\n",
               row->output == NULL ? "" : row->output);
    if (row->reason == NULL) {
        script_add(&to->output, "PING 1 0 74686520656e643f\n");
        return;
    }
    script_add(&to->events, "CLOSED %s: %s\n", h2_code_name(row->code),
               row->reason);
    script_add(&to->output, "GOAWAY 0 0 %08x%08x",
               is_server ? (unsigned)row->last_id : 0, (unsigned)row->code);
    for (const char *c = row->reason; *c != '\0'; c++) {
        script_add(&to->output, "%02x", (unsigned)(unsigned char)*c);
    }
    script_add(&to->output, "\n");
}

// strict_differs compares one run, and says what is wrong.
static MAYBE_UNUSED bool strict_differs(struct script_run *run,
                                        const struct strict_case *wanted)
{
    static struct script_text frames;
    script_drain(run);
    frames.size = 0;
    script_add(&frames, "%s", "");
    script_frames(&frames, run->output, run->output_size);
    bool closed = run->conn.state == H2_CONN_CLOSED;
    if (strcmp(run->events.text, wanted->events.text) == 0 &&
        strcmp(frames.text, wanted->output.text) == 0 &&
        closed == (strict_now->reason != NULL)) {
        return false;
    }
    print_error("%s (%s)\nevents:\n%swanted:\n%sframes:\n%.3000swanted:\n%s",
                strict_now->name, run->conn.is_server ? "server" : "client",
                run->events.text, wanted->events.text, frames.text,
                wanted->output.text);
    return true;
}

// strict_once feeds first bytes, then pieces of step bytes. True: it differs.
static MAYBE_UNUSED bool strict_once(const struct strict_case *wanted,
                                     size_t first, size_t step)
{
    static struct script_run run;
    struct view input = view_of(wanted->input.bytes, wanted->input.size);
    test_heap_init(&run.heap);
    script_begin(&run, &wanted->script);
    assert_true(run.ready);
    size_t size = first;
    while (input.size > 0) {
        size = size < input.size ? size : input.size;
        size_t left = script_feed(&run, &wanted->script, input.data, size);
        assert_int_equal(left, 0);
        input = view_skip(input, size);
        size = step;
    }
    bool differs = strict_differs(&run, wanted);
    script_end(&run);
    return differs;
}

// strict_next_cut: at every byte, but for the middle of a long input.
static MAYBE_UNUSED size_t strict_next_cut(size_t cut, size_t size)
{
    enum { STRICT_HEAD = 600, STRICT_TAIL = 300, STRICT_STRIDE = 997 };
    bool middle =
        cut >= STRICT_HEAD && cut + STRICT_TAIL + STRICT_STRIDE < size;
    return cut + (middle ? STRICT_STRIDE : 1);
}

static MAYBE_UNUSED bool strict_fails(const struct strict_row *row,
                                      bool is_server)
{
    static struct strict_case wanted;
    strict_now = row;
    strict_prepare(&wanted, row, is_server);
    size_t size = wanted.input.size;
    bool failed =
        strict_once(&wanted, size, size) || strict_once(&wanted, 1, 1);
    for (size_t cut = 1; !failed && cut < size;
         cut = strict_next_cut(cut, size)) {
        failed = strict_once(&wanted, cut, size);
    }
    return failed;
}

static MAYBE_UNUSED void strict_note(struct strict_tally *tally,
                                     const char *name)
{
    assert_true(tally->rows < STRICT_ROWS);
    strict_print(tally->names[tally->rows], STRICT_NAME, "%s", name);
    tally->rows++;
}

// strict_check runs one row in all its roles.
static MAYBE_UNUSED void strict_check(struct strict_tally *tally,
                                      const struct strict_row *row)
{
    strict_note(tally, row->name);
    if ((row->roles & STRICT_SERVER) != 0) {
        tally->runs++;
        tally->failed += strict_fails(row, true) ? 1 : 0;
    }
    if ((row->roles & STRICT_CLIENT) != 0) {
        tally->runs++;
        tally->failed += strict_fails(row, false) ? 1 : 0;
    }
}

#endif
