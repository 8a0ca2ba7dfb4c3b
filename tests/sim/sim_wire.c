// SPDX-License-Identifier: MIT

#include "tests/sim/sim_wire.h"

#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "h2/h2_flow.h"
#include "h2/h2_frame.h"
#include "h2/h2_stream.h"
#include "tests/sim/sim_report.h"

enum {
    WIRE_VIEWS = 4096,
    WIRE_HEAD = 9,
    // Then it is taken to know: 5 s, since the server has been run.
    WIRE_DRAIN_US = 4500000,
    // The beginnings of what PINGs hold: "keep", "grac".
    WIRE_PING_ALIVE = 0x6b656570,
    WIRE_PING_GOODBYE = 0x67726163,
};

// A GOAWAY that leaves out no stream that there can be.
#define WIRE_ALL_TAKEN UINT32_C(0x80000001)

static const char *const wire_names[] = {"client", "server"};

void wire_init(struct wire_link *link)
{
    struct wire_stream *streams = link->streams;
    size_t count = link->stream_count;
    struct wire_frame *frames[2] = {link->sides[0].frames,
                                    link->sides[1].frames};
    size_t sizes[2] = {link->sides[0].frames_size, link->sides[1].frames_size};
    memset(link, 0, sizeof *link);
    link->streams = streams;
    link->stream_count = count;
    if (count > 0) {
        memset(streams, 0, count * sizeof *streams);
    }
    for (int i = 0; i < 2; i++) {
        struct wire_side *side = &link->sides[i];
        const struct wire_settings initial = {.table = 4096, .initial = 65535};
        side->frames = frames[i];
        side->frames_size = sizes[i];
        side->sent = initial;
        side->peer = initial;
        side->own = initial;
    }
    link->sides[WIRE_CLIENT].magic_left = 24;
}

static struct wire_stream *wire_stream(struct wire_link *link, uint32_t id)
{
    size_t i = (id - 1) / 2;
    if (i >= link->stream_count) {
        size_t count = link->stream_count == 0 ? 64 : link->stream_count;
        while (count <= i) {
            count *= 2;
        }
        link->streams = realloc(link->streams, count * sizeof *link->streams);
        SIM_CHECK(link->streams != NULL, "the simulation is out of memory");
        memset(link->streams + link->stream_count, 0,
               (count - link->stream_count) * sizeof *link->streams);
        link->stream_count = count;
    }
    return &link->streams[i];
}

// ---- Frames that are sent ---------------------------------------------------

static struct wire_frame *wire_frame_at(const struct wire_side *side,
                                        uint64_t i)
{
    return &side->frames[i & (side->frames_size - 1)];
}

static struct wire_frame *wire_put_frame(struct wire_side *side)
{
    uint64_t used = side->frames_put - side->frames_got;
    if (used == side->frames_size) {
        size_t size = side->frames_size == 0 ? 64 : side->frames_size * 2;
        struct wire_frame *grown = malloc(size * sizeof *grown);
        SIM_CHECK(grown != NULL, "the simulation is out of memory");
        for (uint64_t i = side->frames_got; i < side->frames_put; i++) {
            grown[i & (size - 1)] = *wire_frame_at(side, i);
        }
        free(side->frames);
        side->frames = grown;
        side->frames_size = size;
    }
    return wire_frame_at(side, side->frames_put++);
}

static bool wire_is_closed(const struct wire_stream *stream)
{
    return (stream->end_sent[0] && stream->end_sent[1]) ||
           stream->reset_sent[0] || stream->reset_sent[1];
}

static void wire_stream_end(struct wire_link *link, int side, uint32_t id)
{
    struct wire_stream *stream = wire_stream(link, id);
    bool was = wire_is_closed(stream);
    stream->end_sent[side] = true;
    link->open -= !was && wire_is_closed(stream) ? 1 : 0;
    if (stream->reset_sent[1 - side] && !stream->reset_taken[1 - side]) {
        sim_met(SIM_RST_END);
    }
}

static void wire_refused(struct wire_link *link)
{
    link->refusals++;
    if (link->all_refusals != NULL) {
        ++*link->all_refusals;
    }
}

static void wire_sent_headers(struct wire_link *link, int side,
                              const struct wire_frame *frame)
{
    struct wire_stream *stream = wire_stream(link, frame->id);
    if (!stream->known) {
        SIM_CHECK(side == WIRE_CLIENT && frame->id > link->newest_id,
                  "the %s opens stream %u, the newest is %u", wire_names[side],
                  (unsigned)frame->id, (unsigned)link->newest_id);
        // (What the same step has sent before is known already.)
        SIM_CHECK(!link->was_warned, "the client opens stream %u behind GOAWAY",
                  (unsigned)frame->id);
        stream->known = true;
        link->newest_id = frame->id;
        link->open++;
        if (link->left_out != 0 && frame->id >= link->left_out) {
            sim_met(SIM_GOAWAY_LEFT);
            wire_refused(link);
        }
    }
}

static void wire_sent_reset(struct wire_link *link, int side,
                            const struct wire_frame *frame)
{
    struct wire_stream *stream = wire_stream(link, frame->id);
    bool was = wire_is_closed(stream);
    SIM_CHECK(frame->value == H2_NO_ERROR || frame->value == H2_CANCEL ||
                  frame->value == H2_REFUSED_STREAM,
              "the %s resets stream %u with %s", wire_names[side],
              (unsigned)frame->id, h2_code_name(frame->value));
    stream->reset_sent[side] = true;
    link->open -= was ? 0 : 1;
    if (stream->end_sent[1 - side] && !stream->end_taken[1 - side]) {
        sim_met(SIM_RST_END);
    }
    if (stream->reset_sent[1 - side] && !stream->reset_taken[1 - side]) {
        sim_met(SIM_RST_RST);
    }
    if (frame->value == H2_REFUSED_STREAM) {
        sim_met(SIM_REFUSED);
        wire_refused(link);
    }
}

// wire_note_goaway counts why a server says GOAWAY, and that it says it twice.
static void wire_note_goaway(const struct wire_link *link,
                             const struct wire_side *from, uint32_t left_out)
{
    static const struct {
        const char *text;
        enum sim_event event;
    } causes[] = {{"graceful_stop", SIM_DRAIN_STOP},
                  {"max_age", SIM_DRAIN_AGE},
                  {"max_idle", SIM_DRAIN_IDLE},
                  {"too_many_pings", SIM_STRIKES}};
    size_t size = from->capture_size - 8;
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        bool is = strlen(causes[i].text) == size &&
                  memcmp(from->capture + 8, causes[i].text, size) == 0;
        if (is && (link->left_out == 0 || causes[i].event == SIM_STRIKES)) {
            sim_met(causes[i].event);
        }
    }
    if (link->left_out == WIRE_ALL_TAKEN && left_out != WIRE_ALL_TAKEN) {
        sim_met(SIM_DRAIN_ON);
    }
    if (left_out == WIRE_ALL_TAKEN && link->open > 0) {
        sim_met(SIM_DRAIN_BUSY);
    }
}

static void wire_sent_goaway(struct wire_link *link, int side,
                             const struct wire_frame *frame)
{
    // From the stream behind the last one on: ids are odd.
    uint32_t left_out = (load_be32(link->sides[side].capture) + 1) | 1;
    bool hungry = link->hungry && frame->value == H2_INTERNAL_ERROR;
    bool punishes = link->strict && side == WIRE_SERVER &&
                    frame->value == H2_ENHANCE_YOUR_CALM;
    link->punished = link->punished || punishes;
    SIM_CHECK(frame->value == H2_NO_ERROR || hungry || punishes,
              "the %s says GOAWAY %s: %.*s", wire_names[side],
              h2_code_name(frame->value),
              (int)link->sides[side].capture_size - 8,
              (const char *)link->sides[side].capture + 8);
    if (link->open > 0) {
        sim_met(SIM_GOAWAY_BUSY);
    }
    if (side == WIRE_CLIENT) {
        return;
    }
    SIM_CHECK(link->left_out == 0 || left_out <= link->left_out,
              "the server's GOAWAY takes more streams than the one before");
    SIM_CHECK(!link->drains || link->left_out != 0 ||
                  left_out == WIRE_ALL_TAKEN,
              "the server leaves streams out without a warning");
    if (left_out == WIRE_ALL_TAKEN && link->now_us != NULL) {
        link->warned_us = *link->now_us;
    }
    wire_note_goaway(link, &link->sides[side], left_out);
    link->left_out = left_out;
    for (uint32_t id = left_out; id <= link->newest_id; id += 2) {
        if (!wire_is_closed(wire_stream(link, id))) {
            sim_met(SIM_GOAWAY_LEFT);
            wire_refused(link);
        }
    }
}

static void wire_sent_settings(struct wire_link *link, int side,
                               const struct wire_frame *frame)
{
    struct wire_side *from = &link->sides[side];
    if ((frame->flags & H2_FLAG_ACK) != 0) {
        from->acks_sent++;
        return;
    }
    for (uint32_t at = 0; at + 6 <= from->capture_size; at += 6) {
        uint32_t value = load_be32(from->capture + at + 2);
        switch (load_be16(from->capture + at)) {
        case 1:
            from->sent.table = value;
            break;
        case 4:
            from->sent.initial = value;
            break;
        default:
            break;
        }
    }
    from->pending[from->settings_sent++ % 4] = from->sent;
    if (from->settings_sent > 1) {
        sim_met(SIM_SETTINGS);
    }
}

// wire_sent_data notes which patterns of DATA come about.
static void wire_sent_data(struct wire_link *link, int side,
                           const struct wire_frame *frame)
{
    struct wire_side *from = &link->sides[side];
    struct wire_stream *stream = wire_stream(link, frame->id);
    int64_t size = (int64_t)(frame->end - frame->start) - WIRE_HEAD;
    from->data_sent += size;
    stream->data_sent[side] += size;
    if (stream->end_taken[1 - side] && size > 0) {
        sim_met(SIM_HALF_CLOSED);
    }
    if (from->data_id != 0 && from->data_id != frame->id) {
        const struct wire_stream *before = wire_stream(link, from->data_id);
        if (!before->end_sent[side] && !wire_is_closed(before)) {
            sim_met(SIM_INTERLEAVED);
        }
    }
    from->data_id = frame->id;
}

// wire_learn: a client that left may still have begun streams in what is not read
// of it; they are known by the server's answers.
static void wire_learn(struct wire_link *link, int side,
                       const struct wire_frame *frame)
{
    struct wire_stream *stream = wire_stream(link, frame->id);
    bool is_later = frame->id > link->newest_id && frame->id % 2 == 1;
    if (side == WIRE_SERVER && link->sides[WIRE_CLIENT].blind &&
        !stream->known && is_later) {
        stream->known = true;
        link->open++;
    }
}

// wire_admit: may the side send this now?
static void wire_admit(struct wire_link *link, int side,
                       const struct wire_frame *frame)
{
    struct wire_side *from = &link->sides[side];
    uint64_t size = frame->end - frame->start - WIRE_HEAD;
    SIM_CHECK(size <= 16384, "the %s sends a frame of %llu bytes",
              wire_names[side], (unsigned long long)size);
    SIM_CHECK(from->block_id == 0 || (frame->type == H2_FRAME_CONTINUATION &&
                                      frame->id == from->block_id),
              "the %s sends a frame of type %u within a header block",
              wire_names[side], (unsigned)frame->type);
    if (frame->id == 0 || frame->type >= H2_FRAME_TYPES) {
        return;
    }
    SIM_CHECK(side != WIRE_SERVER || link->left_out == 0 ||
                  frame->id < link->left_out,
              "the server sends a frame of type %u on stream %u, which it has "
              "left out",
              (unsigned)frame->type, (unsigned)frame->id);
    wire_learn(link, side, frame);
    const struct wire_stream *stream = wire_stream(link, frame->id);
    bool ended = stream->end_sent[side] && frame->type != H2_FRAME_RST_STREAM &&
                 frame->type != H2_FRAME_WINDOW_UPDATE &&
                 frame->type != H2_FRAME_CONTINUATION;
    SIM_CHECK(!stream->reset_sent[side] && !ended,
              "the %s sends a frame of type %u on stream %u, which it has "
              "ended",
              wire_names[side], (unsigned)frame->type, (unsigned)frame->id);
    SIM_CHECK(stream->known || frame->type == H2_FRAME_HEADERS,
              "the %s sends a frame of type %u on stream %u, which is idle",
              wire_names[side], (unsigned)frame->type, (unsigned)frame->id);
}

static void wire_frame_begins(struct wire_link *link, int side)
{
    struct wire_side *from = &link->sides[side];
    const uint8_t *head = from->head;
    struct wire_frame *frame = wire_put_frame(from);
    uint32_t length =
        (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2];
    *frame = (struct wire_frame){
        .start = from->seen - WIRE_HEAD,
        .end = from->seen + length,
        .id = load_be32(head + 5),
        .type = head[3],
        .flags = head[4],
    };
    from->payload_left = length;
    from->capture_size = 0;
    wire_admit(link, side, frame);
}

static void wire_block_frame(struct wire_link *link, int side,
                             const struct wire_frame *frame)
{
    struct wire_side *from = &link->sides[side];
    if (frame->type == H2_FRAME_HEADERS) {
        wire_sent_headers(link, side, frame);
        from->block_id = frame->id;
        from->block_flags = frame->flags;
        if (from->capture_size > 0 && (from->capture[0] & 0xe0) == 0x20) {
            sim_met(SIM_SIZE_UPDATE);
        }
    } else {
        sim_met(SIM_CONTINUATION);
    }
    if ((frame->flags & H2_FLAG_END_HEADERS) != 0) {
        from->block_id = 0;
        from->blocks_sent++;
        if ((from->block_flags & H2_FLAG_END_STREAM) != 0) {
            wire_stream_end(link, side, frame->id);
        }
    }
}

static void wire_frame_ends(struct wire_link *link, int side)
{
    struct wire_side *from = &link->sides[side];
    struct wire_frame *frame = wire_frame_at(from, from->frames_put - 1);
    frame->whole = true;
    switch (frame->type) {
    case H2_FRAME_DATA:
        wire_sent_data(link, side, frame);
        if ((frame->flags & H2_FLAG_END_STREAM) != 0) {
            wire_stream_end(link, side, frame->id);
        }
        break;
    case H2_FRAME_HEADERS:
    case H2_FRAME_CONTINUATION:
        wire_block_frame(link, side, frame);
        break;
    case H2_FRAME_RST_STREAM:
        frame->value = load_be32(from->capture);
        wire_sent_reset(link, side, frame);
        break;
    case H2_FRAME_SETTINGS:
        wire_sent_settings(link, side, frame);
        break;
    case H2_FRAME_PING:
        frame->value = load_be32(from->capture);
        from->pongs_sent += (frame->flags & H2_FLAG_ACK) != 0 ? 1 : 0;
        if ((frame->flags & H2_FLAG_ACK) == 0 &&
            frame->value == WIRE_PING_ALIVE) {
            sim_met(SIM_ASKED);
        }
        break;
    case H2_FRAME_GOAWAY:
        frame->value = load_be32(from->capture + 4);
        wire_sent_goaway(link, side, frame);
        break;
    case H2_FRAME_WINDOW_UPDATE:
        frame->value = load_be32(from->capture);
        if (frame->id == 0) {
            from->credit_sent += frame->value;
        } else {
            wire_stream(link, frame->id)->credit_sent[side] += frame->value;
        }
        break;
    default:
        break;
    }
}

static size_t wire_less(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void wire_feed(struct wire_link *link, int side, const uint8_t *bytes,
                      size_t size)
{
    struct wire_side *from = &link->sides[side];
    while (size > 0) {
        size_t n;
        bool begins = false;
        if (from->magic_left > 0) {
            n = wire_less(size, from->magic_left);
            from->magic_left -= (uint32_t)n;
        } else if (from->head_size < WIRE_HEAD) {
            n = wire_less(size, (size_t)WIRE_HEAD - from->head_size);
            memcpy(from->head + from->head_size, bytes, n);
            from->head_size += (uint32_t)n;
            begins = from->head_size == WIRE_HEAD;
        } else {
            n = wire_less(size, from->payload_left);
            size_t room = WIRE_CAPTURE - from->capture_size;
            size_t keep = wire_less(n, room);
            memcpy(from->capture + from->capture_size, bytes, keep);
            from->capture_size += (uint32_t)keep;
            from->payload_left -= (uint32_t)n;
        }
        from->seen += n;
        bytes += n;
        size -= n;
        if (begins) {
            wire_frame_begins(link, side);
        }
        if (from->head_size == WIRE_HEAD && from->payload_left == 0) {
            wire_frame_ends(link, side);
            from->head_size = 0;
        }
    }
}

void wire_wrote(struct wire_link *link, int side, const uint8_t *bytes,
                size_t size)
{
    struct wire_side *from = &link->sides[side];
    uint64_t end = from->left + size;
    if (end > from->seen && !from->blind) {
        size_t skip = (size_t)(from->seen - from->left);
        wire_feed(link, side, bytes + skip, size - skip);
    }
    from->left = end;
}

// ---- The encoder ------------------------------------------------------------

static uint64_t wire_mix(uint64_t hash, const uint8_t *bytes, size_t size)
{
    hash ^= size * UINT64_C(0x9e3779b97f4a7c15);
    while (size > 0) {
        uint64_t word = 0;
        size_t n = size < 8 ? size : 8;
        memcpy(&word, bytes, n);
        hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
        bytes += n;
        size -= n;
    }
    return hash;
}

static uint64_t wire_hash(const struct hpack_table *table, uint64_t number)
{
    struct hpack_field field;
    hpack_table_read(
        table, hpack_table_entry(table, (uint32_t)(table->inserted - number)),
        &field);
    uint64_t hash = wire_mix(1, field.name.data, field.name.size);
    return wire_mix(hash, field.value.data, field.value.size) | 1;
}

static void wire_log_entries(struct wire_side *from,
                             const struct hpack_table *table)
{
    uint64_t oldest = table->inserted - table->count;
    for (uint64_t n = from->logged + 1; n <= table->inserted; n++) {
        // One that came and went between two looks is not known.
        from->log[n % WIRE_LOG] = n > oldest ? wire_hash(table, n) : 0;
    }
    from->logged = table->inserted;
    if (oldest > from->evicted) {
        sim_met_many(SIM_EVICTION, oldest - from->evicted);
        from->evicted = oldest;
    }
}

static void wire_snap(struct wire_side *from,
                      const struct hpack_encoder *encoder)
{
    const struct wire_snap *last =
        &from->snaps[(from->snaps_put - 1) % WIRE_SNAPS];
    if (encoder->update_pending ||
        (from->snaps_put > 0 && last->blocks == from->blocks_sent)) {
        return;
    }
    if (from->snaps_put - from->snaps_got == WIRE_SNAPS) {
        from->snaps_got++;
    }
    from->snaps[from->snaps_put++ % WIRE_SNAPS] = (struct wire_snap){
        .blocks = from->blocks_sent,
        .inserted = encoder->table.inserted,
        .count = encoder->table.count,
        .size = encoder->table.size,
    };
}

void wire_scan(struct wire_link *link, int side, const struct h2_conn *conn)
{
    struct wire_side *from = &link->sides[side];
    uint64_t total = from->left + h2_output_size(conn);
    if (from->seen < total) {
        static struct view views[WIRE_VIEWS];
        size_t count = h2_output_peek(conn, views, WIRE_VIEWS);
        uint64_t at = from->left;
        for (size_t i = 0; i < count; i++) {
            uint64_t end = at + views[i].size;
            if (end > from->seen) {
                size_t skip = (size_t)(from->seen - at);
                wire_feed(link, side, views[i].data + skip,
                          views[i].size - skip);
            }
            at = end;
        }
        SIM_CHECK(from->seen == total, "the output is in too many pieces");
    }
    wire_log_entries(from, &conn->encoder.table);
    wire_snap(from, &conn->encoder);
}

// ---- Frames that are taken --------------------------------------------------

static void wire_took_end(struct wire_link *link, int side,
                          const struct wire_frame *frame)
{
    if ((frame->flags & H2_FLAG_END_STREAM) != 0) {
        wire_stream(link, frame->id)->end_taken[side] = true;
    }
}

static void wire_took_settings(struct wire_link *link, int side,
                               const struct wire_frame *frame)
{
    struct wire_side *from = &link->sides[side];
    if ((frame->flags & H2_FLAG_ACK) == 0) {
        from->peer = from->pending[from->settings_taken++ % 4];
        return;
    }
    struct wire_side *to = &link->sides[1 - side];
    to->own = to->pending[to->acked++ % 4];
}

static void wire_took_frame(struct wire_link *link, int side,
                            const struct wire_frame *frame)
{
    struct wire_side *from = &link->sides[side];
    switch (frame->type) {
    case H2_FRAME_DATA:
        wire_took_end(link, side, frame);
        if (wire_stream(link, frame->id)->reset_sent[1 - side]) {
            sim_met(SIM_STALE);
        }
        break;
    case H2_FRAME_HEADERS:
        wire_took_end(link, side, frame);
        break;
    case H2_FRAME_RST_STREAM:
        wire_stream(link, frame->id)->reset_taken[side] = true;
        break;
    case H2_FRAME_SETTINGS:
        wire_took_settings(link, side, frame);
        break;
    case H2_FRAME_PING:
        from->pings_taken += (frame->flags & H2_FLAG_ACK) == 0 ? 1 : 0;
        link->was_answered =
            link->was_answered ||
            (side == WIRE_CLIENT && (frame->flags & H2_FLAG_ACK) != 0 &&
             frame->value == WIRE_PING_GOODBYE);
        break;
    case H2_FRAME_GOAWAY:
        link->was_warned = link->was_warned || side == WIRE_SERVER;
        break;
    case H2_FRAME_WINDOW_UPDATE:
        if (frame->id == 0) {
            from->credit_taken += frame->value;
        } else {
            wire_stream(link, frame->id)->credit_taken[side] += frame->value;
        }
        break;
    default:
        break;
    }
    if ((frame->type == H2_FRAME_HEADERS ||
         frame->type == H2_FRAME_CONTINUATION) &&
        (frame->flags & H2_FLAG_END_HEADERS) != 0) {
        from->blocks_taken++;
    }
}

// wire_took_data counts the bytes of DATA before the given offset.
static void wire_took_data(struct wire_link *link, int side,
                           const struct wire_frame *frame, uint64_t until)
{
    struct wire_side *from = &link->sides[side];
    uint64_t first = frame->start + WIRE_HEAD;
    uint64_t last = until < frame->end ? until : frame->end;
    first = first > from->taken ? first : from->taken;
    if (frame->type == H2_FRAME_DATA && last > first) {
        from->data_taken += (int64_t)(last - first);
        wire_stream(link, frame->id)->data_taken[side] +=
            (int64_t)(last - first);
    }
}

void wire_take(struct wire_link *link, int side, uint64_t taken)
{
    struct wire_side *from = &link->sides[side];
    SIM_CHECK(taken >= from->taken && taken <= from->left,
              "%llu bytes of the %s were taken, of %llu",
              (unsigned long long)taken, wire_names[side],
              (unsigned long long)from->left);
    while (from->frames_got < from->frames_put) {
        const struct wire_frame *frame = wire_frame_at(from, from->frames_got);
        wire_took_data(link, side, frame, taken);
        if (frame->end > taken || !frame->whole) {
            break;
        }
        from->frames_got++;
        wire_took_frame(link, side, frame);
    }
    from->taken = taken;
}

void wire_cut(const struct wire_link *link, int side, uint64_t at)
{
    const struct wire_side *from = &link->sides[side];
    for (uint64_t i = from->frames_got; i < from->frames_put; i++) {
        const struct wire_frame *frame = wire_frame_at(from, i);
        if (frame->end <= at) {
            continue;
        }
        if (frame->start >= at) {
            return;
        }
        bool is_block = frame->type == H2_FRAME_HEADERS ||
                        frame->type == H2_FRAME_CONTINUATION;
        sim_met(at - frame->start < WIRE_HEAD  ? SIM_CUT_HEAD
                : frame->type == H2_FRAME_DATA ? SIM_CUT_DATA
                : is_block                     ? SIM_CUT_BLOCK
                                               : SIM_CUT_CONTROL);
        return;
    }
}

// ---- The checks -------------------------------------------------------------

static void wire_check_number(const char *what, int side, uint32_t id,
                              int64_t is, int64_t expected)
{
    SIM_CHECK(is == expected, "%s, %s, stream %u: %lld, the wire says %lld",
              wire_names[side], what, (unsigned)id, (long long)is,
              (long long)expected);
}

// wire_check_size: a table is as large as its entries, and no larger than it may
// be (RFC 7541 section 4.1).
static void wire_check_size(const struct hpack_table *table, int side)
{
    size_t size = 0;
    for (uint32_t age = 0; age < table->count; age++) {
        struct hpack_field field;
        hpack_table_read(table, hpack_table_entry(table, age), &field);
        size += field.name.size + field.value.size + 32;
    }
    SIM_CHECK(size == table->size && size <= table->limit,
              "the %s's table has %zu bytes, counts %u, of %u",
              wire_names[side], size, (unsigned)table->size,
              (unsigned)table->limit);
}

static void wire_check_tables(struct wire_link *link, int side,
                              const struct h2_conn *to, bool deep)
{
    struct wire_side *from = &link->sides[side];
    const struct hpack_table *table = &to->decoder.table;
    uint64_t oldest = table->inserted - table->count;
    uint64_t first = deep ? 0 : from->compared;
    first = first > oldest ? first : oldest;
    if (from->over) {
        return;
    }
    SIM_CHECK(table->inserted <= from->logged,
              "the %s's decoder has more entries than were sent",
              wire_names[1 - side]);
    for (uint64_t n = first + 1; n <= table->inserted; n++) {
        uint64_t expected = from->log[n % WIRE_LOG];
        SIM_CHECK(expected == 0 || from->logged - n >= WIRE_LOG ||
                      expected == wire_hash(table, n),
                  "entry %llu of the %s's decoder is another one",
                  (unsigned long long)n, wire_names[1 - side]);
    }
    from->compared = table->inserted;
    while (from->snaps_got < from->snaps_put) {
        const struct wire_snap *snap =
            &from->snaps[from->snaps_got % WIRE_SNAPS];
        if (snap->blocks > from->blocks_taken) {
            return;
        }
        if (snap->blocks == from->blocks_taken) {
            wire_check_number("table: inserted", 1 - side, 0,
                              (int64_t)table->inserted,
                              (int64_t)snap->inserted);
            // Without memory for a new entry an encoder may have dropped old
            // ones that it will never refer to.
            if (!link->hungry || table->count < snap->count) {
                wire_check_number("table: entries", 1 - side, 0, table->count,
                                  snap->count);
                wire_check_number("table: bytes", 1 - side, 0, table->size,
                                  snap->size);
            }
            sim_met(SIM_TABLES);
        }
        from->snaps_got++;
    }
}

static void wire_check_streams(struct wire_link *link, int side,
                               const struct h2_conn *conn)
{
    const struct wire_side *own = &link->sides[side];
    const struct wire_side *other = &link->sides[1 - side];
    if (conn->set == NULL) {
        return;
    }
    LIST_EACH (cursor, after, &conn->set->streams) {
        const struct h2_stream *stream =
            LIST_OWNER(cursor, const struct h2_stream, link_all);
        if (stream->id == 0 || stream->state == H2_STATE_CLOSED) {
            continue;
        }
        const struct wire_stream *wire = wire_stream(link, stream->id);
        int64_t send = h2_flow_send_window(stream);
        wire_check_number("send window", side, stream->id, send,
                          other->peer.initial + wire->credit_taken[1 - side] -
                              wire->data_sent[side]);
        wire_check_number("receive window", side, stream->id,
                          h2_flow_receive_window(stream),
                          own->own.initial + wire->credit_sent[side] -
                              wire->data_taken[1 - side]);
        if (send < 0) {
            sim_met(SIM_BELOW_ZERO);
        }
    }
}

static void wire_check_side(struct wire_link *link, int side,
                            const struct h2_conn *conn, bool deep)
{
    const struct wire_side *own = &link->sides[side];
    const struct wire_side *other = &link->sides[1 - side];
    wire_check_number("send window", side, 0, conn->send_window,
                      65535 + other->credit_taken - own->data_sent);
    wire_check_number("receive window", side, 0, conn->receive_window,
                      65535 + own->credit_sent - other->data_taken);
    wire_check_number("the peer's initial window", side, 0,
                      conn->peer.initial_window_size, other->peer.initial);
    wire_check_number("initial window", side, 0,
                      conn->local.initial_window_size, own->own.initial);
    wire_check_number("the peer's table", side, 0, conn->peer.header_table_size,
                      other->peer.table);
    wire_check_number("table", side, 0, conn->local.header_table_size,
                      own->own.table);
    wire_check_number("SETTINGS acknowledged", side, 0, (int64_t)own->acks_sent,
                      (int64_t)other->settings_taken);
    wire_check_number("PING answered", side, 0, (int64_t)own->pongs_sent,
                      (int64_t)other->pings_taken);
    if (conn->send_window == 0) {
        sim_met(SIM_CONN_FULL);
    }
    if (deep) {
        wire_check_streams(link, side, conn);
        wire_check_size(&conn->encoder.table, side);
        wire_check_size(&conn->decoder.table, side);
        SIM_CHECK(conn->encoder.update_pending ||
                      conn->encoder.table.limit <= other->peer.table,
                  "the %s's encoder may have a table of %lld bytes, has %u",
                  wire_names[side], (long long)other->peer.table,
                  (unsigned)conn->encoder.table.limit);
    }
}

void wire_check(struct wire_link *link, const struct h2_conn *client,
                const struct h2_conn *server, bool deep)
{
    const struct h2_conn *conns[2] = {client, server};
    if (!link->has_parted && link->left_out != 0 &&
        link->left_out != WIRE_ALL_TAKEN) {
        link->has_parted = true;
        link->was_asked =
            link->was_answered ||
            (link->drains && *link->now_us - link->warned_us < WIRE_DRAIN_US);
    }
    SIM_CHECK(!link->was_asked || link->newest_id < link->left_out,
              "stream %u is left out, though the client was asked",
              (unsigned)link->newest_id);
    for (int side = 0; side < 2; side++) {
        if (conns[side] != NULL) {
            wire_check_side(link, side, conns[side], deep);
            wire_check_tables(link, 1 - side, conns[side], deep);
        }
    }
}

void wire_check_quiet(const struct h2_conn *client,
                      const struct h2_conn *server)
{
    const struct h2_conn *conns[2] = {client, server};
    for (int side = 0; side < 2; side++) {
        const struct h2_conn *conn = conns[side];
        const struct h2_conn *other = conns[1 - side];
        wire_check_number("send window at rest", side, 0, conn->send_window,
                          other->receive_window);
        wire_check_number("unread bytes at rest", side, 0, conn->unread_bytes,
                          0);
        wire_check_number("table entries at rest", side, 0,
                          (int64_t)conn->encoder.table.inserted,
                          (int64_t)other->decoder.table.inserted);
        SIM_CHECK(conn->spill == NULL, "the %s holds input at rest",
                  wire_names[side]);
    }
}
