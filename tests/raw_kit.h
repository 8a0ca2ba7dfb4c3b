// SPDX-License-Identifier: MIT
// Scripts of bad input, for a raw peer of core_kit.h. Each is sent whole, cut
// in two at every byte, and cut off at every byte. Header only, because the
// functions under test are static in the amalgamation.
//
// A script is a line per frame: type, flags (hex), stream, payload. The
// payload is hex, {name: value} for a header field, and #n for a length that
// is not that of the payload. RAW is bytes without a frame, MAGIC the preface.

#ifndef TESTS_RAW_KIT_H
#define TESTS_RAW_KIT_H

#include "tests/core_kit.h"

enum { RAW_BYTES = 4096 };

enum raw_end {
    RAW_FATAL, // the connection is over
    RAW_LIVES, // the next call on it goes well
    RAW_BARE,  // no preface is sent before the script; the connection is over
};

struct raw_row {
    const char *name;
    enum raw_end end;
    const char *script;
    const char *outcome; // what the peer is sent; a client's status behind it
};

// Header fields that many scripts begin with, and a message {name: "Ann"}.
// The handler of RAW_LATE never answers.
#define RAW_REQUEST                                        \
 "{:method: POST}{:scheme: http}{:path: /kit.Greeter/Say}" \
 "{content-type: application/grpc}"
#define RAW_LATE                                               \
 "{:method: POST}{:scheme: http}{:path: /kit.Greeter/Missing}" \
 "{content-type: application/grpc}"
#define RAW_RESPONSE "{:status: 200}{content-type: application/grpc}"
#define RAW_ANN      "0000000005 0a03416e6e"

// ---- Scripts to bytes -------------------------------------------------------

struct raw_bytes {
    uint8_t data[RAW_BYTES];
    size_t size;
};

static MAYBE_UNUSED const char *const raw_types[] = {
    "DATA",         "HEADERS", "PRIORITY", "RST_STREAM",    "SETTINGS",
    "PUSH_PROMISE", "PING",    "GOAWAY",   "WINDOW_UPDATE", "CONTINUATION",
};

static MAYBE_UNUSED uint8_t raw_type(const char *name)
{
    for (size_t i = 0; i < sizeof raw_types / sizeof raw_types[0]; i++) {
        if (strcmp(raw_types[i], name) == 0) {
            return (uint8_t)i;
        }
    }
    return (uint8_t)strtoul(name, NULL, 10);
}

static MAYBE_UNUSED size_t raw_put_hex(struct raw_bytes *bytes,
                                       const char *text, size_t size)
{
    char hex[512];
    assert_true(size < sizeof hex);
    memcpy(hex, text, size);
    hex[size] = '\0';
    size_t count = test_unhex(hex, bytes->data + bytes->size,
                              sizeof bytes->data - bytes->size);
    bytes->size += count;
    return count;
}

// raw_put_field takes a {name: value} off the text: a literal without indexing.
static MAYBE_UNUSED const char *raw_put_field(struct raw_bytes *bytes,
                                              const char *text)
{
    const char *colon = strstr(text + 2, ": ");
    const char *close = strchr(text, '}');
    assert_true(colon != NULL && close != NULL && colon < close);
    uint8_t *to = bytes->data + bytes->size;
    size_t at = 0;
    to[at++] = 0;
    at += kit_put_string(to + at, text + 1, (size_t)(colon - text - 1));
    at += kit_put_string(to + at, colon + 2, (size_t)(close - colon - 2));
    bytes->size += at;
    return close + 1;
}

// raw_put_payload returns the length that the frame claims.
static MAYBE_UNUSED size_t raw_put_payload(struct raw_bytes *bytes,
                                           const char *text, const char *end)
{
    size_t start = bytes->size;
    size_t claimed = SIZE_MAX;
    while (text < end) {
        if (*text == '{') {
            text = raw_put_field(bytes, text);
        } else if (*text == '#') {
            claimed = strtoul(text + 1, NULL, 10);
            text = end;
        } else {
            size_t size = strcspn(text, "{#\n");
            (void)raw_put_hex(bytes, text, size);
            text += size;
        }
    }
    return claimed != SIZE_MAX ? claimed : bytes->size - start;
}

static MAYBE_UNUSED void raw_put_line(struct raw_bytes *bytes, const char *line,
                                      const char *end)
{
    char type[16];
    unsigned flags;
    unsigned id;
    int used = 0;
    if (strncmp(line, "RAW ", 4) == 0) {
        (void)raw_put_hex(bytes, line + 4, (size_t)(end - line - 4));
        return;
    }
    if (strncmp(line, "MAGIC", 5) == 0) {
        memcpy(bytes->data + bytes->size, kit_magic, 24);
        bytes->size += 24;
        return;
    }
    assert_int_equal(sscanf(line, "%15s %x %u%n", type, &flags, &id, &used), 3);
    uint8_t *head = bytes->data + bytes->size;
    bytes->size += 9;
    size_t length = raw_put_payload(bytes, line + used, end);
    head[0] = (uint8_t)(length >> 16);
    head[1] = (uint8_t)(length >> 8 & 255);
    head[2] = (uint8_t)(length & 255);
    head[3] = raw_type(type);
    head[4] = (uint8_t)flags;
    store_be32(head + 5, id);
}

static MAYBE_UNUSED void raw_put_script(struct raw_bytes *bytes,
                                        const char *script)
{
    bytes->size = 0;
    while (*script != '\0') {
        const char *end = strchr(script, '\n');
        assert_non_null(end);
        raw_put_line(bytes, script, end);
        script = end + 1;
    }
}

// ---- Both sides -------------------------------------------------------------

// raw_watch lets the loop work until nothing more can come.
static MAYBE_UNUSED void raw_watch(struct kit_bench *bench)
{
    struct kit_peer *peer = &bench->peer;
    for (int i = 0; i < 12; i++) {
        assert_int_equal(grpc_loop_step(bench->loop, 0), GRPC_OK);
        kit_read(peer);
        if (peer->text_size >= 4 &&
            strcmp(peer->text + peer->text_size - 4, "EOF\n") == 0) {
            return;
        }
    }
}

static MAYBE_UNUSED void raw_send_cut(struct kit_bench *bench,
                                      const struct raw_bytes *bytes, size_t cut)
{
    if (cut > 0) {
        kit_send(&bench->peer, bytes->data, cut);
        kit_turn(bench->loop);
    }
    kit_send(&bench->peer, bytes->data + cut, bytes->size - cut);
}

static MAYBE_UNUSED void raw_compare(const struct raw_row *row,
                                     const struct kit_peer *peer, size_t cut)
{
    if (strcmp(peer->text, row->outcome) != 0) {
        print_message("script \"%s\", cut at %lu\n", row->name,
                      (unsigned long)cut);
    }
    assert_string_equal(peer->text, row->outcome);
}

// ---- All of it --------------------------------------------------------------

// raw_compare_check runs one script, cut in two; raw_lost_check sends the first
// bytes alone, and then nothing more ever comes.
typedef void raw_compare_check(const struct raw_row *row,
                               const struct raw_bytes *bytes, size_t cut);
typedef void raw_lost_check(const struct raw_row *row,
                            const struct raw_bytes *bytes, size_t size);

static MAYBE_UNUSED void raw_check_rows(const struct raw_row *rows,
                                        size_t count, raw_compare_check *check,
                                        raw_lost_check *lost)
{
    static struct raw_bytes bytes;
    for (size_t i = 0; i < count; i++) {
        raw_put_script(&bytes, rows[i].script);
        for (size_t cut = 0; cut < bytes.size; cut++) {
            check(&rows[i], &bytes, cut);
        }
        for (size_t size = 0; size <= bytes.size; size++) {
            lost(&rows[i], &bytes, size);
        }
    }
}

#endif
