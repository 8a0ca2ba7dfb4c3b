// SPDX-License-Identifier: MIT
// Watches the bytes that an engine of ours sends, whatever it was fed, and
// holds them against the rules of RFC 9113 that need no other knowledge.

#ifndef TESTS_FUZZ_FUZZ_WIRE_H
#define TESTS_FUZZ_FUZZ_WIRE_H

#include "h2/h2.h"
#include "tests/fuzz/fuzz_kit.h"

enum {
    WIRE_STREAMS = 1024, // those with higher ids are not watched
    WIRE_MAGIC = 24,
    WIRE_ENDED = 1, // END_STREAM was sent
    WIRE_RESET = 2, // RST_STREAM was sent
};

struct wire {
    bool is_server;
    bool lenient; // without memory a block of headers may stay unfinished
    uint64_t digest;
    size_t magic_seen;
    size_t size; // bytes of frame
    uint8_t frame[H2_HEAD_SIZE + H2_FRAME_SIZE_DEFAULT];
    uint32_t frames;
    uint32_t acks;     // of SETTINGS and PING
    uint32_t block_id; // a header block is not complete
    uint8_t block_flags;
    uint32_t goaway_id;
    int64_t window; // of the connection, without what was received
    uint8_t streams[WIRE_STREAMS];
};

static inline void wire_init(struct wire *wire, bool is_server)
{
    memset(wire, 0, sizeof *wire);
    wire->is_server = is_server;
    wire->digest = FUZZ_DIGEST;
    wire->magic_seen = is_server ? WIRE_MAGIC : 0;
    wire->goaway_id = H2_STREAM_ID_MAX;
}

static inline uint8_t *wire_stream(struct wire *wire, uint32_t id)
{
    static uint8_t nobody;
    nobody = 0;
    FUZZ_CHECK(id % 2 == 1);
    return id / 2 < WIRE_STREAMS ? &wire->streams[id / 2] : &nobody;
}

// wire_block follows what a header block begins or goes on with.
static inline void wire_block(struct wire *wire, const struct h2_frame *frame)
{
    bool begins = frame->type == H2_FRAME_HEADERS;
    if (begins) {
        FUZZ_CHECK(wire->block_id == 0);
        FUZZ_CHECK(
            (frame->flags & ~(H2_FLAG_END_STREAM | H2_FLAG_END_HEADERS)) == 0);
        FUZZ_CHECK(*wire_stream(wire, frame->stream_id) == 0);
        wire->block_flags = frame->flags;
        wire->block_id = frame->stream_id;
    }
    FUZZ_CHECK(frame->stream_id == wire->block_id);
    if ((frame->flags & H2_FLAG_END_HEADERS) != 0) {
        wire->block_id = 0;
        if ((wire->block_flags & H2_FLAG_END_STREAM) != 0) {
            *wire_stream(wire, frame->stream_id) |= WIRE_ENDED;
        }
    }
}

static inline void wire_data(struct wire *wire, const struct h2_frame *frame)
{
    uint8_t *stream = wire_stream(wire, frame->stream_id);
    FUZZ_CHECK(*stream == 0);
    FUZZ_CHECK((frame->flags & ~H2_FLAG_END_STREAM) == 0);
    FUZZ_CHECK(frame->length > 0 || frame->flags != 0);
    if (frame->flags != 0) {
        *stream |= WIRE_ENDED;
    }
}

static inline void wire_window_update(struct wire *wire,
                                      const struct h2_frame *frame,
                                      uint32_t increment)
{
    FUZZ_CHECK(frame->length == 4);
    FUZZ_CHECK(increment > 0 && increment <= H2_WINDOW_MAX);
    if (frame->stream_id == 0) {
        wire->window += increment;
    } else {
        FUZZ_CHECK((*wire_stream(wire, frame->stream_id) & WIRE_RESET) == 0);
    }
}

static inline void wire_goaway(struct wire *wire, const struct h2_frame *frame,
                               uint32_t last_id)
{
    FUZZ_CHECK(frame->length >= 8 && frame->stream_id == 0);
    FUZZ_CHECK(last_id <= wire->goaway_id);
    wire->goaway_id = last_id;
}

// wire_frame checks one whole frame.
static inline void wire_frame(struct wire *wire, const struct h2_frame *frame,
                              const uint8_t *payload)
{
    if (fuzz_trace()) {
        (void)fprintf(stderr, "  sent: type %u flags %u stream %lu size %lu\n",
                      frame->type, frame->flags,
                      (unsigned long)frame->stream_id,
                      (unsigned long)frame->length);
    }
    bool is_ack =
        frame->type == H2_FRAME_SETTINGS || frame->type == H2_FRAME_PING;
    wire->acks += is_ack && (frame->flags & H2_FLAG_ACK) != 0;
    if (wire->frames++ == 0) {
        FUZZ_CHECK(frame->type == H2_FRAME_SETTINGS && frame->flags == 0);
    }
    bool continues = frame->type == H2_FRAME_CONTINUATION;
    FUZZ_CHECK(continues == (wire->block_id != 0) || wire->lenient);
    switch (frame->type) {
    case H2_FRAME_DATA:
        wire_data(wire, frame);
        break;
    case H2_FRAME_HEADERS:
    case H2_FRAME_CONTINUATION:
        wire_block(wire, frame);
        break;
    case H2_FRAME_RST_STREAM:
        FUZZ_CHECK(frame->length == 4);
        FUZZ_CHECK((*wire_stream(wire, frame->stream_id) & WIRE_RESET) == 0);
        *wire_stream(wire, frame->stream_id) |= WIRE_RESET;
        break;
    case H2_FRAME_SETTINGS:
        FUZZ_CHECK(frame->stream_id == 0 && frame->length % 6 == 0);
        FUZZ_CHECK(frame->flags == 0 || frame->length == 0);
        break;
    case H2_FRAME_PING:
        FUZZ_CHECK(frame->stream_id == 0 && frame->length == 8);
        break;
    case H2_FRAME_GOAWAY:
        wire_goaway(wire, frame, load_be32(payload));
        break;
    case H2_FRAME_WINDOW_UPDATE:
        wire_window_update(wire, frame, load_be32(payload));
        break;
    default:
        FUZZ_CHECK(frame->type == H2_FRAME_VOID && wire->lenient);
        break;
    }
}

// wire_gather takes bytes until *size is whole; true when it is.
static inline bool wire_gather(uint8_t *to, size_t *size, size_t whole,
                               struct view *bytes)
{
    struct view part = fuzz_take(bytes, whole - *size);
    if (part.size > 0) {
        memcpy(to + *size, part.data, part.size);
    }
    *size += part.size;
    return *size == whole;
}

static inline void wire_magic(struct wire *wire, struct view *bytes)
{
    static const char magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    while (wire->magic_seen < WIRE_MAGIC && bytes->size > 0) {
        FUZZ_CHECK(fuzz_byte(bytes) == (uint8_t)magic[wire->magic_seen]);
        wire->magic_seen++;
    }
}

static inline void wire_watch(struct wire *wire, struct view bytes)
{
    wire_magic(wire, &bytes);
    while (bytes.size > 0) {
        if (wire->size < H2_HEAD_SIZE &&
            !wire_gather(wire->frame, &wire->size, H2_HEAD_SIZE, &bytes)) {
            return;
        }
        struct h2_frame frame = h2_frame_read(wire->frame);
        size_t whole = H2_HEAD_SIZE + (size_t)frame.length;
        FUZZ_CHECK(whole <= sizeof wire->frame);
        if (wire_gather(wire->frame, &wire->size, whole, &bytes)) {
            wire->digest =
                fuzz_digest(wire->digest, view_of(wire->frame, wire->size));
            wire_frame(wire, &frame, wire->frame + H2_HEAD_SIZE);
            wire->size = 0;
        }
    }
}

#endif
