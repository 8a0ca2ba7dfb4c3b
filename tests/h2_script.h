// SPDX-License-Identifier: MIT
// Scripts for the tests of h2: bytes in, exact events and exact frames out, on
// every split of the input. Header only, because the functions under test are
// static in the amalgamation.

#ifndef TESTS_H2_SCRIPT_H
#define TESTS_H2_SCRIPT_H

#include "base/endian.h"
#include "h2/h2.h"
#include "h2/h2_conn.h"

enum { SCRIPT_TEXT = 65536, SCRIPT_INPUT = 300000, SCRIPT_RUN = 100 };

#define SCRIPT_MAGIC "505249202a20485454502f322e300d0a0d0a534d0d0a0d0a"
// The peer's SETTINGS (empty) and its acknowledgement of ours.
#define SCRIPT_SETTINGS "000000 04 00 00000000 000000 04 01 00000000"
#define SCRIPT_SERVER   SCRIPT_MAGIC SCRIPT_SETTINGS
#define SCRIPT_CLIENT   SCRIPT_SETTINGS
// POST http /, with END_HEADERS, on stream 1; without and with END_STREAM.
#define SCRIPT_POST     "000003 01 04 00000001 838684"
#define SCRIPT_POST_END "000003 01 05 00000001 838684"

struct script_text {
    char text[SCRIPT_TEXT];
    size_t size;
};

static MAYBE_UNUSED void script_add(struct script_text *to, const char *format,
                                    ...) PRINTF_LIKE(2, 3);

static MAYBE_UNUSED void script_add(struct script_text *to, const char *format,
                                    ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(to->text + to->size, sizeof to->text - to->size, format,
                      arguments);
    va_end(arguments);
    assert_true(n >= 0 && (size_t)n < sizeof to->text - to->size);
    to->size += (size_t)n;
}

struct script_run {
    struct test_heap heap;
    struct h2_shared shared;
    struct h2_conn conn;
    bool ready;                // conn was made
    struct script_text events; // one line each
    uint32_t data_stream;      // the last line is DATA of that stream
    uint8_t output[SCRIPT_TEXT * 8];
    size_t output_size;
    size_t preface_size; // ours, first in output until act is called
    int step;            // for the act function
};

struct h2_script {
    bool is_server;
    const char *input; // hex
    const char *events;
    const char *output; // frames, without our preface
    // act is called with every event, and once before with NULL.
    void (*act)(struct script_run *run, const struct h2_event *event);
    void (*options)(struct h2_options *options);
};

// ---- Events as text ---------------------------------------------------------

static MAYBE_UNUSED void script_add_bytes(struct script_text *to,
                                          struct view bytes)
{
    script_add(to, "%.*s", (int)bytes.size, (const char *)bytes.data);
}

static MAYBE_UNUSED void script_headers(struct script_run *run,
                                        const struct h2_event *event)
{
    static const char *const kinds[] = {
        [H2_HEADERS_REQUEST] = "request",
        [H2_HEADERS_RESPONSE] = "response",
        [H2_HEADERS_INFORMATIONAL] = "informational",
        [H2_HEADERS_TRAILERS] = "trailers",
    };
    struct script_text *to = &run->events;
    script_add(to, "HEADERS %u %s", (unsigned)event->stream->id,
               kinds[event->headers]);
    if (event->headers == H2_HEADERS_RESPONSE ||
        event->headers == H2_HEADERS_INFORMATIONAL) {
        script_add(to, " %u", (unsigned)event->http_status);
    }
    for (size_t i = 0; i < event->block->count; i++) {
        const struct hpack_field *field = &event->block->fields[i];
        script_add(to, " ");
        script_add_bytes(to, field->name);
        script_add(to, "=");
        script_add_bytes(to, field->value);
    }
    script_add(to, "%s%s\n", event->block->over_limit ? " over" : "",
               event->end_stream ? " end" : "");
}

static MAYBE_UNUSED void script_data(struct script_run *run,
                                     const struct h2_event *event)
{
    struct script_text *to = &run->events;
    uint32_t id = event->stream->id;
    if (run->data_stream == id) {
        to->size--; // the line goes on
    } else {
        script_add(to, "DATA %u ", (unsigned)id);
    }
    script_add_bytes(to, event->data);
    script_add(to, "%s\n", event->end_stream ? " end" : "");
    run->data_stream = event->end_stream ? 0 : id;
}

static MAYBE_UNUSED void script_event(struct script_run *run,
                                      const struct h2_event *event)
{
    struct script_text *to = &run->events;
    if (event->type == H2_EVENT_DATA) {
        script_data(run, event);
        return;
    }
    run->data_stream = 0;
    switch (event->type) {
    case H2_EVENT_NONE:
    case H2_EVENT_DATA:
        fail();
        break;
    case H2_EVENT_SETTINGS:
        script_add(to, "SETTINGS\n");
        break;
    case H2_EVENT_HEADERS:
        script_headers(run, event);
        break;
    case H2_EVENT_RESET:
        script_add(to, "RESET %u %s%s: %s\n", (unsigned)event->stream->id,
                   h2_code_name(event->code), event->by_peer ? " by peer" : "",
                   event->reason);
        break;
    case H2_EVENT_GOAWAY:
        script_add(to, "GOAWAY %u %s ", (unsigned)event->last_stream_id,
                   h2_code_name(event->code));
        script_add_bytes(to, event->debug);
        script_add(to, "\n");
        break;
    case H2_EVENT_WRITABLE:
        script_add(to, "WRITABLE %u\n", (unsigned)event->stream->id);
        break;
    case H2_EVENT_PING_ACK:
        script_add(to, "PING_ACK %02x\n", event->ping[0]);
        break;
    case H2_EVENT_PING: // its acknowledgement is seen in the output
        break;
    case H2_EVENT_CLOSED:
        script_add(to, "CLOSED %s: %s\n", h2_code_name(event->code),
                   event->reason);
        break;
    }
}

// ---- Frames as text ---------------------------------------------------------

// script_hex adds bytes in hex; a long run of one byte as 00*16384.
static MAYBE_UNUSED void script_hex(struct script_text *to,
                                    const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t same = 1;
        while (i + same < size && bytes[i + same] == bytes[i]) {
            same++;
        }
        script_add(to, "%02x", bytes[i]);
        if (same >= SCRIPT_RUN) {
            script_add(to, "*%u ", (unsigned)same);
            i += same;
        } else {
            i++;
        }
    }
}

// script_frames turns output into lines: type, flags, stream, payload in hex.
static MAYBE_UNUSED void script_frames(struct script_text *to,
                                       const uint8_t *bytes, size_t size)
{
    static const char *const names[] = {
        "DATA", "HEADERS", "PRIORITY", "RST_STREAM",    "SETTINGS",
        "PUSH", "PING",    "GOAWAY",   "WINDOW_UPDATE", "CONTINUATION",
    };
    while (size > 0) {
        assert_true(size >= H2_HEAD_SIZE);
        struct h2_frame frame = h2_frame_read(bytes);
        assert_true(size - H2_HEAD_SIZE >= frame.length);
        script_add(to, "%s %x %u",
                   frame.type < H2_FRAME_TYPES ? names[frame.type] : "VOID",
                   frame.flags, (unsigned)frame.stream_id);
        if (frame.length > 0) {
            script_add(to, " ");
        }
        script_hex(to, bytes + H2_HEAD_SIZE, frame.length);
        script_add(to, "\n");
        bytes += H2_HEAD_SIZE + frame.length;
        size -= H2_HEAD_SIZE + frame.length;
    }
}

// script_forget drops the events so far.
static MAYBE_UNUSED void script_forget(struct script_run *run)
{
    run->events.size = 0;
    run->events.text[0] = '\0';
    run->data_stream = 0;
}

// script_drain takes all output.
static MAYBE_UNUSED void script_drain(struct script_run *run)
{
    struct view views[8];
    size_t count;
    while ((count = h2_output_peek(&run->conn, views, 8)) > 0) {
        size_t n = 0;
        for (size_t i = 0; i < count; i++) {
            assert_true(run->output_size + views[i].size <= sizeof run->output);
            memcpy(run->output + run->output_size, views[i].data,
                   views[i].size);
            run->output_size += views[i].size;
            n += views[i].size;
        }
        h2_output_consume(&run->conn, n);
    }
    h2_check(&run->conn);
}

// ---- Running ----------------------------------------------------------------

static MAYBE_UNUSED void script_begin(struct script_run *run,
                                      const struct h2_script *script)
{
    struct h2_options options = h2_options_default(script->is_server);
    if (script->options != NULL) {
        script->options(&options);
    }
    h2_shared_init(&run->shared, &run->heap.allocator);
    script_forget(run);
    run->output_size = 0;
    run->step = 0;
    run->ready = h2_conn_init(&run->conn, &run->shared, &options);
    if (!run->ready) {
        return;
    }
    script_drain(run);
    run->preface_size = run->output_size;
    run->output_size = 0;
    if (script->act != NULL) {
        script->act(run, NULL);
    }
}

// script_feed gives input in a buffer of its own, so that reading past it or
// keeping views of it is found. It returns how much was not taken.
static MAYBE_UNUSED size_t script_feed(struct script_run *run,
                                       const struct h2_script *script,
                                       const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    struct view rest = view_of(copy, size);
    for (;;) {
        struct h2_event event;
        size_t used = 0;
        enum h2_result result = h2_recv(&run->conn, rest, &used, &event);
        h2_check(&run->conn);
        assert_true(used <= rest.size);
        rest = view_skip(rest, used);
        if (result != H2_EVENT) {
            assert_int_equal(event.type, H2_EVENT_NONE);
            break;
        }
        script_event(run, &event);
        if (script != NULL && script->act != NULL) {
            script->act(run, &event);
            h2_check(&run->conn);
        }
    }
    free(copy);
    return rest.size;
}

static MAYBE_UNUSED void script_end(struct script_run *run)
{
    if (run->ready) {
        h2_conn_fini(&run->conn);
    }
    h2_shared_fini(&run->shared);
    assert_true(test_heap_is_clean(&run->heap));
}

static MAYBE_UNUSED void script_compare(struct script_run *run,
                                        const struct h2_script *script)
{
    static struct script_text frames;
    script_drain(run);
    frames.size = 0;
    frames.text[0] = '\0';
    script_frames(&frames, run->output, run->output_size);
    assert_string_equal(run->events.text, script->events);
    assert_string_equal(frames.text, script->output);
}

// script_once runs with the input cut into first, then pieces of step bytes.
static MAYBE_UNUSED void script_once(const struct h2_script *script,
                                     struct view input, size_t first,
                                     size_t step)
{
    static struct script_run run;
    test_heap_init(&run.heap);
    script_begin(&run, script);
    assert_true(run.ready);
    size_t size = first;
    while (input.size > 0) {
        size = size < input.size ? size : input.size;
        size_t left = script_feed(&run, script, input.data, size);
        assert_int_equal(left, 0);
        input = view_skip(input, size);
        size = step;
    }
    script_compare(&run, script);
    script_end(&run);
}

// script_check runs it whole, cut in two at every byte, and byte by byte.
static MAYBE_UNUSED void script_check(const struct h2_script *script)
{
    static uint8_t bytes[SCRIPT_INPUT];
    struct view input =
        view_of(bytes, test_unhex(script->input, bytes, sizeof bytes));
    script_once(script, input, input.size, input.size);
    script_once(script, input, 1, 1);
    for (size_t cut = 1; cut < input.size; cut++) {
        script_once(script, input, cut, input.size);
    }
}

// script_sweep fails every allocation in turn, and all from there on. What
// comes out is not compared, but the invariants and the heap are, and that a
// connection that closed says why. run->step is not 0 when act has failed, so
// that the rest of the script makes no sense.
static MAYBE_UNUSED void script_sweep(const struct h2_script *script,
                                      size_t step)
{
    static uint8_t bytes[SCRIPT_INPUT];
    static struct script_run run;
    struct view input =
        view_of(bytes, test_unhex(script->input, bytes, sizeof bytes));
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        test_heap_init(&run.heap);
        run.heap.fail_at = n / 2 + 1;
        run.heap.fail_on = n % 2 == 1;
        script_begin(&run, script);
        for (size_t at = 0; run.ready && at < input.size; at += step) {
            size_t size = input.size - at < step ? input.size - at : step;
            (void)script_feed(&run, script, input.data + at, size);
        }
        failed = run.heap.calls >= run.heap.fail_at;
        bool told = run.ready &&
                    strstr(run.events.text,
                           "CLOSED INTERNAL_ERROR: out of memory\n") != NULL;
        // Either it could not begin, or it said why it ended, or went on.
        if (run.ready && run.conn.state == H2_CONN_CLOSED && !told &&
            run.step == 0) {
            fail_msg("allocation %zu: %s", n, run.events.text);
        }
        script_end(&run);
    }
}

#endif
