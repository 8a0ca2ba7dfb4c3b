// SPDX-License-Identifier: MIT

#include "h2/h2_frame.h"

#include "base/endian.h"
#include "h2/h2.h"

enum frame_stream_rule { FRAME_ON_CONNECTION, FRAME_ON_STREAM, FRAME_ON_ANY };

struct frame_rule {
    uint32_t least; // bytes of payload
    uint32_t most;
    uint32_t multiple;
    enum frame_stream_rule on;
    const char *size_reason;
    const char *stream_reason;
};

static const struct frame_rule frame_rules[H2_FRAME_TYPES] = {
    [H2_FRAME_DATA] = {0, UINT32_MAX, 1, FRAME_ON_STREAM, "",
                       "DATA on stream 0"},
    [H2_FRAME_HEADERS] = {0, UINT32_MAX, 1, FRAME_ON_STREAM, "",
                          "HEADERS on stream 0"},
    [H2_FRAME_PRIORITY] = {5, 5, 1, FRAME_ON_STREAM, "PRIORITY is not 5 bytes",
                           "PRIORITY on stream 0"},
    [H2_FRAME_RST_STREAM] = {4, 4, 1, FRAME_ON_STREAM,
                             "RST_STREAM is not 4 bytes",
                             "RST_STREAM on stream 0"},
    [H2_FRAME_SETTINGS] = {0, UINT32_MAX, 6, FRAME_ON_CONNECTION,
                           "SETTINGS is not a multiple of 6 bytes",
                           "SETTINGS on a stream"},
    [H2_FRAME_PUSH_PROMISE] = {4, UINT32_MAX, 1, FRAME_ON_STREAM,
                               "PUSH_PROMISE is too short",
                               "PUSH_PROMISE on stream 0"},
    [H2_FRAME_PING] = {8, 8, 1, FRAME_ON_CONNECTION, "PING is not 8 bytes",
                       "PING on a stream"},
    [H2_FRAME_GOAWAY] = {8, UINT32_MAX, 1, FRAME_ON_CONNECTION,
                         "GOAWAY is too short", "GOAWAY on a stream"},
    [H2_FRAME_WINDOW_UPDATE] = {4, 4, 1, FRAME_ON_ANY,
                                "WINDOW_UPDATE is not 4 bytes", ""},
    [H2_FRAME_CONTINUATION] = {0, UINT32_MAX, 1, FRAME_ON_STREAM, "",
                               "CONTINUATION on stream 0"},
};

static struct h2_fault frame_fault(enum h2_code code, const char *reason)
{
    return (struct h2_fault){.code = code, .reason = reason};
}

struct h2_fault h2_frame_check(const struct h2_frame *frame,
                               uint32_t max_frame_size)
{
    if (frame->length > max_frame_size) {
        return frame_fault(H2_FRAME_SIZE_ERROR,
                           "frame is longer than SETTINGS_MAX_FRAME_SIZE");
    }
    if (frame->type >= H2_FRAME_TYPES) {
        return frame_fault(H2_NO_ERROR, NULL);
    }
    const struct frame_rule *rule = &frame_rules[frame->type];
    if ((rule->on == FRAME_ON_CONNECTION && frame->stream_id != 0) ||
        (rule->on == FRAME_ON_STREAM && frame->stream_id == 0)) {
        return frame_fault(H2_PROTOCOL_ERROR, rule->stream_reason);
    }
    if (frame->length < rule->least || frame->length > rule->most ||
        (rule->multiple != 1 && frame->length % rule->multiple != 0)) {
        return frame_fault(H2_FRAME_SIZE_ERROR, rule->size_reason);
    }
    if (frame->type == H2_FRAME_SETTINGS && (frame->flags & H2_FLAG_ACK) != 0 &&
        frame->length != 0) {
        return frame_fault(H2_FRAME_SIZE_ERROR,
                           "SETTINGS acknowledgement with a payload");
    }
    return frame_fault(H2_NO_ERROR, NULL);
}

struct h2_fault h2_frame_strip(const struct h2_frame *frame,
                               struct view payload, struct view *out)
{
    size_t padding = 0;
    bool padded = (frame->flags & H2_FLAG_PADDED) != 0;
    bool priority = (frame->flags & H2_FLAG_PRIORITY) != 0;
    if (payload.size < (size_t)(padded ? 1 : 0) + (size_t)(priority ? 5 : 0)) {
        return frame_fault(H2_FRAME_SIZE_ERROR, "HEADERS is too short");
    }
    if (padded) {
        padding = payload.data[0];
        payload = view_skip(payload, 1);
    }
    if (priority) {
        if (h2_frame_depends_on(payload.data) == frame->stream_id) {
            return frame_fault(H2_PROTOCOL_ERROR, "stream depends on itself");
        }
        payload = view_skip(payload, 5);
    }
    if (padding > payload.size) {
        return frame_fault(H2_PROTOCOL_ERROR, "padding is longer than HEADERS");
    }
    *out = view_of(payload.data, payload.size - padding);
    return frame_fault(H2_NO_ERROR, NULL);
}

uint32_t h2_frame_depends_on(const uint8_t *priority)
{
    return load_be32(priority) & H2_STREAM_ID_MAX;
}
