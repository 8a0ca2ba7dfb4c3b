// SPDX-License-Identifier: MIT
#include "tests/unit.h"

#include "h2/h2_limits.h"
#include "h2/h2_send.h"
#include "h2/h2_stream.h"
#include "tests/h2_script.h"

static struct script_run run;

static void feed(const char *hex)
{
    static uint8_t bytes[4096];
    size_t size = test_unhex(hex, bytes, sizeof bytes);
    assert_int_equal(script_feed(&run, NULL, bytes, size), 0);
}

// begin makes a client; settings are entries of the server's SETTINGS.
static void begin(const char *settings)
{
    char hex[256];
    const struct h2_script script = {.is_server = false};
    test_heap_init(&run.heap);
    script_begin(&run, &script);
    assert_true(run.ready);
    snprintf(hex, sizeof hex, "0000%02x 04 00 00000000 %s",
             (unsigned)strlen(settings) / 2, settings);
    feed(hex);
    script_drain(&run);
    run.output_size = 0;
    script_forget(&run);
}

static void expect_output(const char *frames)
{
    static struct script_text text;
    text.size = 0;
    text.text[0] = '\0';
    script_drain(&run);
    script_frames(&text, run.output, run.output_size);
    run.output_size = 0;
    assert_string_equal(text.text, frames);
}

static const struct h2_field get_fields[] = {
    {.field = {.name = {(const uint8_t *)":method", 7},
               .value = {(const uint8_t *)"GET", 3}},
     .mode = HPACK_PLAIN},
};

static struct h2_stream *open_stream(void)
{
    assert_true(h2_can_open(&run.conn));
    struct h2_stream *stream = h2_open(&run.conn, &run);
    assert_non_null(stream);
    assert_ptr_equal(stream->owner, &run);
    assert_int_equal(stream->id, 0);
    assert_true(h2_send_headers(&run.conn, stream, get_fields, 1, false));
    return stream;
}

static struct view payload(size_t size)
{
    static uint8_t bytes[400000];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)i;
    }
    return view_of(bytes, size);
}

static void test_send__a_small_call(void **state)
{
    (void)state;
    begin("");
    struct h2_stream *stream = open_stream();
    assert_true(h2_send_data(&run.conn, stream, payload(3), false));
    assert_true(h2_send_data(&run.conn, stream, payload(0), false));
    assert_true(h2_send_data(&run.conn, stream, payload(0), true));
    expect_output("HEADERS 4 1 82\nDATA 0 1 000102\nDATA 1 1\n");
    assert_int_equal(stream->state, H2_STATE_HALF_CLOSED_LOCAL);
    assert_int_equal(run.conn.send_window, 65532);
    script_end(&run);
}

static void test_send__bounds_concurrent_streams(void **state)
{
    (void)state;
    begin("000300000002");
    struct h2_stream *idle = h2_open(&run.conn, NULL);
    struct h2_stream *stream = open_stream();
    assert_false(h2_can_open(&run.conn));
    h2_reset(&run.conn, stream, H2_CANCEL);
    assert_true(h2_can_open(&run.conn));
    // One that never left idle takes no id and sends nothing.
    h2_release(&run.conn, idle);
    expect_output("HEADERS 4 1 82\nRST_STREAM 0 1 00000008\n");
    assert_int_equal(open_stream()->id, 3);
    script_end(&run);
}

static void test_send__when_a_stream_can_be_opened(void **state)
{
    (void)state;
    begin("");
    run.conn.next_local_id = H2_STREAM_ID_MAX - 2;
    // Two ids are left, and those that are asked for count.
    struct h2_stream *idle = h2_open(&run.conn, NULL);
    assert_non_null(idle);
    assert_true(h2_can_open(&run.conn));
    struct h2_stream *stream = open_stream();
    assert_false(h2_can_open(&run.conn));
    h2_release(&run.conn, idle);
    assert_int_equal(stream->id, H2_STREAM_ID_MAX - 2);
    h2_release(&run.conn, stream);
    assert_int_equal(open_stream()->id, H2_STREAM_ID_MAX);
    assert_false(h2_can_open(&run.conn));
    script_end(&run);
    begin("");
    assert_int_equal(h2_queued_in_all(&run.conn), 0); // no stream at all
    h2_close_input(&run.conn, "gone");
    assert_false(h2_can_open(&run.conn));
    script_end(&run);
    test_heap_init(&run.heap);
    script_begin(&run, &(struct h2_script){.is_server = true});
    assert_false(h2_can_open(&run.conn));
    script_end(&run);
}

static void test_send__nothing_on_a_closed_connection(void **state)
{
    (void)state;
    begin("");
    struct h2_stream *stream = open_stream();
    expect_output("HEADERS 4 1 82\n");
    h2_close_input(&run.conn, "gone");
    assert_true(h2_send_headers(&run.conn, stream, get_fields, 1, true));
    assert_true(h2_send_data(&run.conn, stream, payload(10), true));
    h2_reset(&run.conn, stream, H2_CANCEL);
    expect_output("");
    script_end(&run);
}

static void test_send__cuts_data_to_the_windows(void **state)
{
    (void)state;
    begin("000400000004");
    struct h2_stream *stream = open_stream();
    assert_true(h2_send_data(&run.conn, stream, payload(10), true));
    expect_output("HEADERS 4 1 82\nDATA 0 1 00010203\n");
    assert_int_equal(h2_queued_bytes(stream), 6);
    h2_want_writable(stream);
    feed("000004 08 00 00000001 00000001");
    expect_output("DATA 0 1 04\n");
    // The window goes below zero and comes back.
    feed("000006 04 00 00000000 000400000001 000004 08 00 00000001 00000003");
    expect_output("SETTINGS 1 0\n");
    script_forget(&run);
    feed("000006 04 00 00000000 000400000009");
    expect_output("SETTINGS 1 0\nDATA 1 1 0506070809\n");
    assert_string_equal(run.events.text, "SETTINGS\nWRITABLE 1\n");
    script_end(&run);
}

static void test_send__takes_turns(void **state)
{
    (void)state;
    begin("0004000f0000");
    struct h2_stream *streams[2] = {open_stream(), open_stream()};
    expect_output("HEADERS 4 1 82\nHEADERS 4 3 82\n");
    // Nothing fits but 65535 bytes of the first one.
    assert_true(h2_send_data(&run.conn, streams[0], payload(100000), false));
    assert_true(h2_send_data(&run.conn, streams[1], payload(100000), false));
    assert_int_equal(h2_output_size(&run.conn), 65535 + 4 * 9);
    script_drain(&run);
    run.output_size = 0;
    feed("000004 08 00 00000000 0000c000");
    script_drain(&run);
    uint32_t ids[3];
    size_t at = 0;
    for (size_t i = 0; i < 3; i++) {
        struct h2_frame frame = h2_frame_read(run.output + at);
        assert_int_equal(frame.length, 16384);
        ids[i] = frame.stream_id;
        at += H2_HEAD_SIZE + frame.length;
    }
    assert_int_equal(at, run.output_size);
    assert_int_equal(ids[0], ids[2]);
    assert_int_not_equal(ids[0], ids[1]);
    script_end(&run);
}

static void test_send__keeps_room(void **state)
{
    (void)state;
    begin("00047fffffff");
    feed("000004 08 00 00000000 70000000");
    struct h2_stream *stream = open_stream();
    struct h2_stream *other = open_stream();
    script_drain(&run);
    run.output_size = 0;
    assert_true(h2_send_data(&run.conn, stream, payload(400000), true));
    size_t out = h2_output_size(&run.conn);
    assert_in_range(out, H2_LIMIT_OUTPUT_BYTES,
                    H2_LIMIT_OUTPUT_BYTES + 16384 + 9);
    h2_check(&run.conn);
    // A stream that has a window waits for room too.
    assert_true(h2_send_data(&run.conn, other, payload(1), false));
    assert_int_equal(h2_queued_bytes(other), 1);
    assert_int_equal(h2_queued_in_all(&run.conn), h2_queued_bytes(stream) + 1);
    // Each byte that leaves makes room; all arrives in order.
    script_drain(&run);
    assert_int_equal(h2_queued_bytes(other), 0);
    size_t offset = 0;
    for (size_t at = 0; at < run.output_size;) {
        struct h2_frame frame = h2_frame_read(run.output + at);
        at += H2_HEAD_SIZE;
        if (frame.stream_id == other->id) {
            at += frame.length;
            continue;
        }
        for (size_t i = 0; i < frame.length; i++) {
            assert_int_equal(run.output[at + i], (uint8_t)(offset + i));
        }
        offset += frame.length;
        at += frame.length;
        assert_int_equal(frame.flags, offset == 400000 ? 1 : 0);
    }
    assert_int_equal(offset, 400000);
    script_end(&run);
}

static void test_send__cuts_long_blocks(void **state)
{
    (void)state;
    static char value[40000];
    memset(value, '~', sizeof value); // longer in Huffman code
    begin("");
    struct h2_field fields[] = {
        get_fields[0],
        {.field = {.name = VIEW("x"), .value = view_of(value, sizeof value)},
         .mode = HPACK_PLAIN},
    };
    struct h2_stream *stream = h2_open(&run.conn, NULL);
    assert_true(h2_send_headers(&run.conn, stream, fields, 2, true));
    script_drain(&run);
    // 82, literal, 1 'x', length in 4 bytes, value.
    size_t block = 1 + 1 + 2 + 4 + sizeof value;
    size_t at = 0;
    for (int i = 0; i < 3; i++) {
        struct h2_frame frame = h2_frame_read(run.output + at);
        assert_int_equal(frame.type,
                         i == 0 ? H2_FRAME_HEADERS : H2_FRAME_CONTINUATION);
        assert_int_equal(frame.flags, i == 0   ? H2_FLAG_END_STREAM
                                      : i == 2 ? H2_FLAG_END_HEADERS
                                               : 0);
        assert_int_equal(frame.length, i < 2 ? 16384 : block - 2 * 16384);
        at += H2_HEAD_SIZE + frame.length;
    }
    assert_int_equal(at, run.output_size);
    script_end(&run);
}

static void test_send__reset_drops_the_queue(void **state)
{
    (void)state;
    begin("000400000004");
    struct h2_stream *stream = open_stream();
    assert_true(h2_send_data(&run.conn, stream, payload(10), true));
    h2_want_writable(stream);
    assert_int_equal(h2_queued_in_all(&run.conn), 6);
    h2_reset(&run.conn, stream, H2_INTERNAL_ERROR);
    h2_reset(&run.conn, stream, H2_CANCEL);
    assert_int_equal(h2_queued_in_all(&run.conn), 0);
    expect_output("HEADERS 4 1 82\nDATA 0 1 00010203\n"
                  "RST_STREAM 0 1 00000002\n");
    assert_int_equal(h2_queued_bytes(stream), 0);
    // On a closed stream sending is in vain, and no failure.
    assert_true(h2_send_data(&run.conn, stream, payload(10), true));
    assert_true(h2_send_headers(&run.conn, stream, get_fields, 1, true));
    h2_want_writable(stream);
    feed("000004 08 00 00000001 00000100");
    expect_output("");
    assert_string_equal(run.events.text, "");
    script_end(&run);
}

static void test_send__writable_is_due_at_once_or_later(void **state)
{
    (void)state;
    begin("");
    struct h2_stream *stream = open_stream();
    h2_want_writable(stream);
    h2_want_writable(stream);
    assert_int_equal(script_feed(&run, NULL, NULL, 0), 0);
    assert_string_equal(run.events.text, "WRITABLE 1\n");
    script_forget(&run);
    assert_true(h2_send_data(&run.conn, stream, payload(65536), false));
    h2_want_writable(stream);
    assert_int_equal(script_feed(&run, NULL, NULL, 0), 0);
    assert_int_equal(run.events.size, 0);
    feed("000004 08 00 00000000 00000001 000004 08 00 00000001 00000001");
    assert_string_equal(run.events.text, "WRITABLE 1\n");
    // Released before its turn.
    h2_want_writable(stream);
    h2_release(&run.conn, stream);
    script_forget(&run);
    assert_int_equal(script_feed(&run, NULL, NULL, 0), 0);
    assert_int_equal(run.events.size, 0);
    script_end(&run);
}

// send_some does a bit of everything; false as soon as something failed.
static bool send_some(size_t size)
{
    static char value[20000];
    memset(value, '~', sizeof value);
    const struct h2_field fields[] = {
        get_fields[0],
        {.field = {.name = VIEW("name"), .value = VIEW("value")},
         .mode = HPACK_INDEX},
        {.field = {.name = VIEW("x"), .value = view_of(value, sizeof value)},
         .mode = HPACK_PLAIN},
    };
    for (size_t i = 0; i < 2; i++) {
        struct h2_stream *stream =
            h2_can_open(&run.conn) ? h2_open(&run.conn, NULL) : NULL;
        if (stream == NULL ||
            !h2_send_headers(&run.conn, stream, fields, 2 + i, false)) {
            return false;
        }
        size_t before = h2_queued_bytes(stream) + h2_output_size(&run.conn);
        if (!h2_send_data(&run.conn, stream, payload(size), true)) {
            // Nothing was taken but perhaps an empty frame.
            assert_in_range(h2_output_size(&run.conn), before, before + 9);
            assert_int_equal(h2_queued_bytes(stream), 0);
            assert_int_equal(stream->state, H2_STATE_OPEN);
            return false;
        }
    }
    return true;
}

// leave_room fills the output with one frame, so that its last chunk takes
// only room bytes more.
static void leave_room(size_t room)
{
    size_t size = CHUNK_CAPACITY - room;
    uint8_t *head = chunk_queue_reserve(&run.conn.out, size);
    assert_non_null(head);
    memset(head, 0, size);
    h2_frame_write(
        head, &(struct h2_frame){.type = H2_FRAME_VOID,
                                 .length = (uint32_t)(size - H2_HEAD_SIZE)});
    chunk_queue_commit(&run.conn.out, size);
}

static void expect_whole_frames(void)
{
    script_drain(&run);
    for (size_t at = 0; at < run.output_size;) {
        struct h2_frame frame = h2_frame_read(run.output + at);
        assert_true(frame.type < H2_FRAME_TYPES || frame.type == H2_FRAME_VOID);
        at += H2_HEAD_SIZE + frame.length;
        assert_true(at <= run.output_size);
    }
}

// sweep_some lets each allocation of send_some fail in turn. room is what the
// output takes before the first.
static void sweep_some(size_t size, size_t room)
{
    bool done = false;
    for (size_t n = 1; !done; n++) {
        begin("000100000040"); // a size update is due
        slab_trim(&run.shared.chunks, 0);
        if (room > 0) {
            leave_room(room);
        }
        run.heap.fail_at = run.heap.calls + n / 2 + 1;
        run.heap.fail_on = n % 2 == 1;
        bool sent = send_some(size);
        done = run.heap.calls < run.heap.fail_at;
        h2_check(&run.conn);
        assert_true(sent || !done);
        // What left is whole frames, whatever happened.
        run.heap.fail_at = 0;
        expect_whole_frames();
        script_end(&run);
    }
}

static void test_send__survives_want_of_memory(void **state)
{
    (void)state;
    static const size_t sizes[] = {10, 2000, 5000, 100000};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        sweep_some(sizes[k], 0);
        for (size_t room = 1; room < 64; room++) {
            sweep_some(sizes[k], room);
        }
    }
}

// There is memory for the block, or a part of it, and none for the heads of its
// frames.
static void test_send__long_block_without_memory_for_a_head(void **state)
{
    (void)state;
    static char value[20000];
    enum { MANY = 33 }; // too many to be tried as a short block
    struct h2_field fields[MANY];
    memset(value, '~', sizeof value);
    for (size_t i = 0; i < MANY; i++) {
        fields[i] = get_fields[0];
    }
    fields[0].field = (struct hpack_field){
        .name = VIEW("x"), .value = view_of(value, sizeof value)};
    bool sent = false;
    for (size_t n = 1; !sent; n++) {
        begin("");
        struct h2_stream *stream = h2_open(&run.conn, NULL);
        slab_trim(&run.shared.chunks, 0);
        leave_room(1);
        run.heap.fail_at = run.heap.calls + n;
        run.heap.fail_on = true;
        sent = h2_send_headers(&run.conn, stream, fields, MANY, false);
        // The block's chunks serve the GOAWAY.
        assert_int_equal(run.conn.goaway_sent, !sent && n > 1);
        assert_int_equal(run.conn.close_code, sent ? 0 : H2_INTERNAL_ERROR);
        run.output_size = 0;
        expect_whole_frames();
        script_end(&run);
    }
}

static void test_send__data_without_memory_for_a_head(void **state)
{
    (void)state;
    for (size_t size = 10; size <= 2000; size += 1990) {
        begin("");
        struct h2_stream *stream = open_stream();
        script_drain(&run);
        slab_trim(&run.shared.chunks, 0);
        leave_room(1);
        run.heap.fail_at = run.heap.calls + 1;
        assert_false(h2_send_data(&run.conn, stream, payload(size), true));
        // Nothing was taken, so it can be tried again.
        run.output_size = 0;
        assert_true(h2_send_data(&run.conn, stream, payload(size), true));
        expect_whole_frames();
        assert_int_equal(run.output_size,
                         CHUNK_CAPACITY - 1 + H2_HEAD_SIZE + size);
        assert_int_equal(stream->state, H2_STATE_HALF_CLOSED_LOCAL);
        script_end(&run);
    }
}

// Queued DATA for which there is no memory when its window comes ends the
// connection: the peer has been promised the bytes.
static void test_send__queued_data_without_memory(void **state)
{
    (void)state;
    for (size_t room = 1; room < 20; room += H2_HEAD_SIZE) {
        begin("000400000000");
        struct h2_stream *stream = open_stream();
        assert_true(h2_send_data(&run.conn, stream, payload(5000), true));
        script_drain(&run);
        run.output_size = 0;
        slab_trim(&run.shared.chunks, 0);
        leave_room(room);
        run.heap.fail_at = run.heap.calls + 1;
        run.heap.fail_on = true;
        feed("000004 08 00 00000001 00000064");
        assert_string_equal(run.events.text,
                            "CLOSED INTERNAL_ERROR: out of memory\n");
        expect_whole_frames();
        script_end(&run);
    }
}

// More fields than a block of one-byte fields may have.
static void test_send__blocks_of_many_fields(void **state)
{
    (void)state;
    enum { MANY = 33 };
    struct h2_field fields[MANY];
    begin("");
    for (size_t i = 0; i < MANY; i++) {
        fields[i] = get_fields[0];
    }
    for (size_t count = MANY - 1; count <= MANY; count++) {
        struct h2_stream *stream = h2_open(&run.conn, NULL);
        assert_non_null(stream);
        assert_true(h2_send_headers(&run.conn, stream, fields, count, false));
    }
    expect_output("HEADERS 4 1 82828282828282828282828282828282"
                  "82828282828282828282828282828282\n"
                  "HEADERS 4 3 82828282828282828282828282828282"
                  "8282828282828282828282828282828282\n");
    script_end(&run);
}

// From the second time on all fields may have a hint: the block is one byte
// for each, with and without memory for more.
static void test_send__blocks_of_hinted_fields(void **state)
{
    (void)state;
    begin("");
    hpack_hint hints[2] = {0, 0};
    struct h2_field fields[2] = {
        {.field = {.name = VIEW(":method"), .value = VIEW("POST")},
         .mode = HPACK_INDEX,
         .hint = &hints[0]},
        {.field = {.name = VIEW("a"), .value = VIEW("1")},
         .mode = HPACK_INDEX,
         .hint = &hints[1]},
    };
    for (int i = 0; i < 3; i++) {
        struct h2_stream *stream = h2_open(&run.conn, NULL);
        assert_non_null(stream);
        if (i == 2) {
            // One that is not hinted keeps the block from being short.
            fields[1].mode = HPACK_NEVER;
        }
        assert_true(h2_send_headers(&run.conn, stream, fields, 2, i == 1));
    }
    expect_output("HEADERS 4 1 834001610131\n"
                  "HEADERS 5 3 83be\n"
                  "HEADERS 4 5 831f2f0131\n");
    // A size update that is due goes first.
    feed("000006 04 00 00000000 000100000040");
    fields[1].mode = HPACK_INDEX;
    struct h2_stream *stream = h2_open(&run.conn, NULL);
    assert_true(h2_send_headers(&run.conn, stream, fields, 2, false));
    expect_output("SETTINGS 1 0\nHEADERS 4 7 3f2183be\n");
    script_end(&run);
}

// ---- DATA that is lent ------------------------------------------------------

enum { LENT_MODEL = 100000, LENT_STREAMS = 3 };

static void count_release(void *argument)
{
    ++*(int *)argument;
}

static void settle(void)
{
    void (*release)(void *) = NULL;
    void *argument = NULL;
    while (h2_take_returned(&run.shared, &release, &argument)) {
        release(argument);
    }
    h2_check(&run.conn);
}

// end_lent is script_end with what is due only then.
static void end_lent(void)
{
    h2_conn_fini(&run.conn);
    run.ready = false;
    void (*release)(void *) = NULL;
    void *argument = NULL;
    while (h2_take_returned(&run.shared, &release, &argument)) {
        release(argument);
    }
    script_end(&run);
}

static bool lend(struct h2_stream *stream, struct view bytes, int *released,
                 bool end)
{
    return h2_send_data_lent(&run.conn, stream, VIEW("12345"), bytes,
                             count_release, released, end);
}

static void test_send__lent_data_is_sent_from_where_it_is(void **state)
{
    (void)state;
    int released = 0;
    struct view views[8];
    begin("");
    struct h2_stream *stream = open_stream();
    script_drain(&run);
    run.output_size = 0;
    struct view bytes = payload(40000);
    assert_true(lend(stream, bytes, &released, true));
    assert_int_equal(stream->state, H2_STATE_HALF_CLOSED_LOCAL);
    assert_int_equal(h2_output_size(&run.conn), 5 + 40000 + 3 * H2_HEAD_SIZE);
    // Three heads, and three parts of the payload.
    assert_int_equal(h2_output_peek(&run.conn, views, 8), 6);
    const uint8_t *at = bytes.data;
    for (size_t i = 0; i < 6; i += 2) {
        assert_int_equal(views[i].size, H2_HEAD_SIZE + (i == 0 ? 5 : 0));
        assert_ptr_equal(views[i + 1].data, at);
        at += views[i + 1].size;
    }
    assert_ptr_equal(at, bytes.data + bytes.size);
    h2_check(&run.conn);
    // The release is due with the last byte, once.
    h2_output_consume(&run.conn, h2_output_size(&run.conn) - 1);
    settle();
    assert_int_equal(released, 0);
    h2_output_consume(&run.conn, 1);
    settle();
    assert_int_equal(released, 1);
    end_lent();
    assert_int_equal(released, 1);
}

static void test_send__short_lent_data_is_copied(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 2, 3};
    int released = 0;
    begin("000400000005");
    struct h2_stream *stream = open_stream();
    // Copied into the output, into the queue, and behind what is queued.
    for (int i = 1; i <= 3; i++) {
        assert_true(
            lend(stream, view_of(bytes, i == 1 ? 0 : 3), &released, i == 3));
        settle();
        assert_int_equal(released, i);
    }
    assert_int_equal(h2_queued_bytes(stream), 16);
    assert_int_equal(h2_queued_in_all(&run.conn), 16);
    feed("000004 08 00 00000001 00000100");
    expect_output("HEADERS 4 1 82\nDATA 0 1 3132333435\n"
                  "DATA 1 1 31323334350102033132333435010203\n");
    // An end alone, and nothing at all.
    stream = open_stream();
    assert_true(h2_send_data_lent(&run.conn, stream, view_of(NULL, 0),
                                  view_of(NULL, 0), count_release, &released,
                                  false));
    assert_true(h2_send_data_lent(&run.conn, stream, view_of(NULL, 0),
                                  view_of(NULL, 0), count_release, &released,
                                  true));
    settle();
    assert_int_equal(released, 5);
    expect_output("HEADERS 4 3 82\nDATA 1 3\n");
    // The longest that is copied, into the queue and beside its head.
    stream = open_stream();
    script_drain(&run);
    assert_true(lend(stream, payload(CHUNK_COPIED), &released, false));
    settle();
    assert_int_equal(released, 6);
    feed("000004 08 00 00000005 00008000");
    script_drain(&run);
    struct view view;
    assert_true(lend(stream, payload(CHUNK_COPIED), &released, true));
    settle();
    assert_int_equal(released, 7);
    assert_int_equal(h2_output_peek(&run.conn, &view, 1), 1);
    assert_int_equal(view.size, H2_HEAD_SIZE + 5 + CHUNK_COPIED);
    end_lent();
    assert_int_equal(released, 7);
}

static void test_send__lent_data_obeys_the_windows(void **state)
{
    (void)state;
    int released = 0;
    begin("000400000000");
    struct h2_stream *stream = open_stream();
    assert_true(lend(stream, payload(5000), &released, true));
    assert_int_equal(h2_queued_bytes(stream), 5005);
    assert_int_equal(h2_queued_in_all(&run.conn), 5005);
    h2_want_writable(stream);
    h2_check(&run.conn);
    expect_output("HEADERS 4 1 82\n");
    feed("000004 08 00 00000001 00000007");
    expect_output("DATA 0 1 31323334350001\n");
    assert_int_equal(h2_queued_in_all(&run.conn), 4998);
    feed("000004 08 00 00000001 00000fa0");
    script_drain(&run);
    settle();
    assert_int_equal(released, 0);
    run.output_size = 0;
    // The last ones are few, and so are copied: the memory is free at once.
    feed("000004 08 00 00000001 00010000");
    settle();
    assert_int_equal(released, 1);
    assert_string_equal(run.events.text, "WRITABLE 1\n");
    assert_int_equal(h2_output_size(&run.conn), H2_HEAD_SIZE + 998);
    assert_int_equal(stream->state, H2_STATE_HALF_CLOSED_LOCAL);
    end_lent();
}

static void test_send__lent_data_that_is_dropped(void **state)
{
    (void)state;
    int released = 0;
    begin("000400001000");
    struct h2_stream *stream = open_stream();
    assert_true(lend(stream, payload(50000), &released, true));
    h2_reset(&run.conn, stream, H2_CANCEL);
    assert_int_equal(h2_queued_in_all(&run.conn), 0);
    // One part is in the output, and has to leave.
    settle();
    assert_int_equal(released, 0);
    script_drain(&run);
    settle();
    assert_int_equal(released, 1);
    // Nothing is taken by a stream that is closed.
    run.output_size = 0;
    for (size_t size = 10; size < 10000; size += 9000) {
        assert_true(lend(stream, payload(size), &released, true));
    }
    settle();
    assert_int_equal(released, 3);
    expect_output("");
    // What is queued goes when its stream does, and so does the output.
    stream = open_stream();
    assert_true(lend(stream, payload(4000), &released, false));
    assert_true(lend(stream, payload(9000), &released, false));
    h2_release(&run.conn, stream);
    settle();
    assert_int_equal(released, 4);
    stream = open_stream();
    assert_true(lend(stream, payload(9000), &released, false));
    h2_close_input(&run.conn, "gone");
    assert_true(lend(stream, payload(9000), &released, false));
    settle();
    assert_int_equal(released, 5);
    end_lent();
    assert_int_equal(released, 7);
}

// sweep_lent lets each allocation of one call fail in turn, and returns how
// many there were.
static size_t sweep_lent(size_t size, size_t room, bool queued)
{
    for (size_t n = 0;; n++) {
        int released = 0;
        begin("");
        struct h2_stream *stream = open_stream();
        script_drain(&run);
        if (queued) {
            assert_true(h2_send_data(&run.conn, stream, payload(65535), false));
            assert_true(h2_send_data(&run.conn, stream, payload(9), false));
        }
        size_t before = h2_queued_bytes(stream);
        script_drain(&run);
        run.output_size = 0;
        slab_trim(&run.shared.chunks, 0);
        leave_room(room);
        run.heap.fail_at = run.heap.calls + n / 2 + 1;
        run.heap.fail_on = n % 2 == 1;
        bool taken = lend(stream, payload(size), &released, true);
        bool done = run.heap.calls < run.heap.fail_at;
        run.heap.fail_at = 0;
        run.heap.fail_on = false;
        if (!taken) {
            assert_false(done);
            assert_int_equal(h2_queued_bytes(stream), before);
            assert_int_equal(stream->state, H2_STATE_OPEN);
            settle();
            assert_int_equal(released, 0);
        } else if (!done) {
            // The bytes were promised: the connection has failed.
            assert_int_equal(run.conn.close_code, H2_INTERNAL_ERROR);
        }
        h2_check(&run.conn);
        expect_whole_frames();
        end_lent();
        assert_int_equal(released, taken ? 1 : 0);
        if (done) {
            return n / 2;
        }
    }
}

static void test_send__lent_data_without_memory(void **state)
{
    (void)state;
    // A loan, for short ones a chunk, for others two pieces, a chunk for the
    // head of each frame, and a piece for each cut.
    assert_int_equal(sweep_lent(10, 1, false), 2);
    assert_int_equal(sweep_lent(10, 100, false), 1);
    assert_int_equal(sweep_lent(10, 1, true), 1);
    assert_int_equal(sweep_lent(4000, 1, false), 4);
    assert_int_equal(sweep_lent(40000, 1, false), 7);
    assert_int_equal(sweep_lent(40000, 20, true), 3);
}

// ---- Lent and copied DATA beside plain bytes --------------------------------

struct lent_model {
    struct h2_stream *stream;
    uint8_t bytes[LENT_MODEL]; // what was sent on it
    size_t size;
    size_t seen; // of them, in the output
    bool ended;
    bool end_seen;
    bool reset;
};

static struct lent_model lent_models[LENT_STREAMS];
static size_t lent_out; // loans that are not over

static void free_lent(void *argument)
{
    assert_true(lent_out > 0);
    lent_out--;
    free(argument); // a second time is found, and so is reading on
}

static struct lent_model *model_of(uint32_t id)
{
    assert_in_range(id, 1, 2 * LENT_STREAMS - 1);
    return &lent_models[id / 2];
}

static void model_send(struct lent_model *model, uint64_t *seed)
{
    static const size_t bounds[] = {5, 100, 3000, 4000, 20000};
    size_t size = test_random(seed) % bounds[test_random(seed) % 5];
    size_t prefix = test_random(seed) % (CHUNK_PREFIX + 1);
    if (model->ended || model->size + prefix + size > LENT_MODEL) {
        return;
    }
    uint8_t *at = model->bytes + model->size;
    for (size_t i = 0; i < prefix + size; i++) {
        at[i] = (uint8_t)test_random(seed);
    }
    bool end = test_random(seed) % 64 == 0;
    if (test_random(seed) % 3 == 0) {
        assert_true(h2_send_data(&run.conn, model->stream,
                                 view_of(at, prefix + size), end));
    } else {
        uint8_t *copy = malloc(size + 1);
        assert_non_null(copy);
        memcpy(copy, at + prefix, size);
        lent_out++;
        assert_true(h2_send_data_lent(&run.conn, model->stream,
                                      view_of(at, prefix), view_of(copy, size),
                                      free_lent, copy, end));
    }
    model->size += model->reset ? 0 : prefix + size;
    model->ended = end;
}

static void model_grow_window(uint32_t id, uint32_t more)
{
    uint8_t frame[H2_HEAD_SIZE + 4];
    h2_frame_write(frame, &(struct h2_frame){.type = H2_FRAME_WINDOW_UPDATE,
                                             .stream_id = id,
                                             .length = 4});
    store_be32(frame + H2_HEAD_SIZE, more);
    assert_int_equal(script_feed(&run, NULL, frame, sizeof frame), 0);
}

// model_read takes some of the output.
static void model_read(size_t most)
{
    struct view view;
    while (most > 0 && h2_output_peek(&run.conn, &view, 1) == 1) {
        size_t n = view.size < most ? view.size : most;
        assert_true(run.output_size + n <= sizeof run.output);
        memcpy(run.output + run.output_size, view.data, n);
        run.output_size += n;
        most -= n;
        h2_output_consume(&run.conn, n);
    }
}

static void model_step(uint64_t *seed)
{
    static const uint32_t windows[] = {1, 50, 3100, 9000};
    struct lent_model *model = &lent_models[test_random(seed) % LENT_STREAMS];
    uint64_t what = test_random(seed) % 256;
    uint32_t more = windows[what % 4];
    if (what < 80) {
        model_send(model, seed);
    } else if (what < 140) {
        model_grow_window(model->stream->id, more);
    } else if (what < 190) {
        model_grow_window(0, more);
    } else if (what < 255) {
        model_read(test_random(seed) % 6000);
    } else {
        h2_reset(&run.conn, model->stream, H2_CANCEL);
        model->reset = true;
    }
    settle();
}

// model_compare reads the frames that have left.
static void model_compare(void)
{
    for (size_t at = 0; at < run.output_size;) {
        struct h2_frame frame = h2_frame_read(run.output + at);
        at += H2_HEAD_SIZE;
        if (frame.type == H2_FRAME_DATA) {
            struct lent_model *model = model_of(frame.stream_id);
            assert_true(model->seen + frame.length <= LENT_MODEL);
            assert_memory_equal(model->bytes + model->seen, run.output + at,
                                frame.length);
            model->seen += frame.length;
            assert_false(model->end_seen);
            model->end_seen = frame.flags == H2_FLAG_END_STREAM;
            assert_true(!model->end_seen || model->seen == model->size);
        }
        at += frame.length;
        assert_true(at <= run.output_size);
    }
}

static void model_run(uint64_t seed)
{
    begin("000400000000");
    for (size_t i = 0; i < LENT_STREAMS; i++) {
        lent_models[i].stream = open_stream();
        lent_models[i].size = 0;
        lent_models[i].seen = 0;
        lent_models[i].ended = false;
        lent_models[i].end_seen = false;
        lent_models[i].reset = false;
    }
    for (int step = 0; step < 600; step++) {
        model_step(&seed);
    }
    if (seed % 2 == 0) {
        model_grow_window(0, 1 << 20);
        for (size_t i = 0; i < LENT_STREAMS; i++) {
            model_grow_window(lent_models[i].stream->id, 1 << 20);
        }
        model_read(SIZE_MAX);
        settle();
        assert_int_equal(lent_out, 0);
        model_compare();
        for (size_t i = 0; i < LENT_STREAMS; i++) {
            const struct lent_model *model = &lent_models[i];
            assert_true(model->reset || model->seen == model->size);
            assert_true(model->reset || model->end_seen == model->ended);
        }
    }
    end_lent();
    assert_int_equal(lent_out, 0);
}

static void test_send__random_lent_and_copied_data(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        model_run(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_send__a_small_call),
        cmocka_unit_test(test_send__bounds_concurrent_streams),
        cmocka_unit_test(test_send__when_a_stream_can_be_opened),
        cmocka_unit_test(test_send__nothing_on_a_closed_connection),
        cmocka_unit_test(test_send__cuts_data_to_the_windows),
        cmocka_unit_test(test_send__takes_turns),
        cmocka_unit_test(test_send__keeps_room),
        cmocka_unit_test(test_send__cuts_long_blocks),
        cmocka_unit_test(test_send__reset_drops_the_queue),
        cmocka_unit_test(test_send__writable_is_due_at_once_or_later),
        cmocka_unit_test(test_send__survives_want_of_memory),
        cmocka_unit_test(test_send__long_block_without_memory_for_a_head),
        cmocka_unit_test(test_send__data_without_memory_for_a_head),
        cmocka_unit_test(test_send__queued_data_without_memory),
        cmocka_unit_test(test_send__blocks_of_many_fields),
        cmocka_unit_test(test_send__blocks_of_hinted_fields),
        cmocka_unit_test(test_send__lent_data_is_sent_from_where_it_is),
        cmocka_unit_test(test_send__short_lent_data_is_copied),
        cmocka_unit_test(test_send__lent_data_obeys_the_windows),
        cmocka_unit_test(test_send__lent_data_that_is_dropped),
        cmocka_unit_test(test_send__lent_data_without_memory),
        cmocka_unit_test(test_send__random_lent_and_copied_data),
    };
    return cmocka_run_group_tests_name("h2_send", tests, NULL, NULL);
}
