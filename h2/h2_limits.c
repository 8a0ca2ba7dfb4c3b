// SPDX-License-Identifier: MIT

#include "h2/h2_limits.h"

#include <stddef.h>
#include <string.h>

#include "h2/h2_frame.h"
#include "hpack/hpack_table.h"

// One limit of grpc_limits. The least value is what the protocol cannot do
// without, or what makes every peer fail.
struct h2limits_row {
    const char *name;
    size_t offset; // in grpc_limits, of a uint32_t
    uint32_t least;
    uint32_t most;
};

#define H2LIMITS_ROW(name, least, most)             \
 {                                                  \
#  name, offsetof(grpc_limits, name), (least), most \
 }

enum { H2LIMITS_MOST = INT32_MAX };

static const struct h2limits_row h2limits_rows[] = {
    H2LIMITS_ROW(stream_window_bytes, 1, H2_WINDOW_MAX),
    H2LIMITS_ROW(frame_bytes, H2_FRAME_SIZE_DEFAULT, H2_FRAME_SIZE_MAX),
    H2LIMITS_ROW(header_bytes, 1024, 1 << 24),
    H2LIMITS_ROW(header_table_bytes, 1, HPACK_TABLE_MAX),
    H2LIMITS_ROW(header_bytes_hard, 1024, 1 << 24),
    H2LIMITS_ROW(header_fields, 16, 65535),
    H2LIMITS_ROW(header_fields_hard, 16, 65535),
    H2LIMITS_ROW(continuation_frames, 1, 255),
    H2LIMITS_ROW(connection_window_bytes, H2_WINDOW_DEFAULT, H2_WINDOW_MAX),
    H2LIMITS_ROW(window_bytes_max, 1, H2_WINDOW_MAX),
    H2LIMITS_ROW(window_growth_bytes, 1, H2_WINDOW_MAX),
    H2LIMITS_ROW(encoder_table_bytes, 1, HPACK_TABLE_MAX),
    H2LIMITS_ROW(output_bytes, 1, 1 << 30),
    H2LIMITS_ROW(queued_bytes, 1, H2LIMITS_MOST),
    H2LIMITS_ROW(assembly_bytes, 1, H2LIMITS_MOST),
    H2LIMITS_ROW(induced_bytes, 1024, 1 << 30),
    H2LIMITS_ROW(settings_entries, 6, 1 << 20),
    H2LIMITS_ROW(informational_responses, 1, 255),
    H2LIMITS_ROW(streams_per_turn, 1, H2LIMITS_MOST),
    H2LIMITS_ROW(reset_budget, 1, 1 << 24),
    H2LIMITS_ROW(glitch_burst, 100, 1 << 24),
    H2LIMITS_ROW(glitches_per_second, 1, 1 << 24),
    H2LIMITS_ROW(delay_ms, 1, 3600000),
    H2LIMITS_ROW(handshake_ms, 1, H2LIMITS_MOST),
    H2LIMITS_ROW(settings_ack_ms, 1, H2LIMITS_MOST),
    H2LIMITS_ROW(write_stall_ms, 1, H2LIMITS_MOST),
    H2LIMITS_ROW(write_bytes_per_second, 1, 1 << 24),
    H2LIMITS_ROW(answer_stall_ms, 1, H2LIMITS_MOST),
    H2LIMITS_ROW(request_stall_ms, 1, H2LIMITS_MOST),
};

#undef H2LIMITS_ROW

enum { H2LIMITS_ROWS = sizeof h2limits_rows / sizeof h2limits_rows[0] };

_Static_assert(sizeof(grpc_limits) == H2LIMITS_ROWS * sizeof(uint32_t),
               "every limit has a row");

const grpc_limits *h2_limits_default(void)
{
    static const grpc_limits defaults = {
        .stream_window_bytes = H2_LIMIT_STREAM_WINDOW,
        .frame_bytes = H2_LIMIT_FRAME_BYTES,
        .header_bytes = H2_LIMIT_HEADER_BYTES,
        .header_table_bytes = H2_LIMIT_HEADER_TABLE,
        .header_bytes_hard = H2_LIMIT_HEADER_BYTES_HARD,
        .header_fields = H2_LIMIT_HEADER_FIELDS,
        .header_fields_hard = H2_LIMIT_HEADER_FIELDS_HARD,
        .continuation_frames = H2_LIMIT_CONTINUATIONS,
        .connection_window_bytes = H2_LIMIT_CONNECTION_WINDOW,
        .window_bytes_max = H2_LIMIT_WINDOW_MAX,
        .window_growth_bytes = H2_LIMIT_WINDOW_GROWTH,
        .encoder_table_bytes = H2_LIMIT_ENCODER_TABLE,
        .output_bytes = H2_LIMIT_OUTPUT_BYTES,
        .queued_bytes = H2_LIMIT_QUEUED_BYTES,
        .assembly_bytes = H2_LIMIT_ASSEMBLY_BYTES,
        .induced_bytes = H2_LIMIT_INDUCED_BYTES,
        .settings_entries = H2_LIMIT_SETTINGS_ENTRIES,
        .informational_responses = H2_LIMIT_INFORMATIONAL,
        .streams_per_turn = H2_LIMIT_STREAMS_PER_TURN,
        .reset_budget = H2_LIMIT_RESET_BUDGET,
        .glitch_burst = H2_LIMIT_GLITCH_BURST,
        .glitches_per_second = H2_LIMIT_GLITCH_RATE,
        .delay_ms = H2_LIMIT_DELAY_MS,
        .handshake_ms = H2_LIMIT_HANDSHAKE_MS,
        .settings_ack_ms = H2_LIMIT_SETTINGS_ACK_MS,
        .write_stall_ms = H2_LIMIT_WRITE_STALL_MS,
        .write_bytes_per_second = H2_LIMIT_WRITE_RATE,
        .answer_stall_ms = H2_LIMIT_ANSWER_STALL_MS,
        .request_stall_ms = H2_LIMIT_REQUEST_STALL_MS,
    };
    return &defaults;
}

static uint32_t h2limits_get(const grpc_limits *limits, size_t offset)
{
    uint32_t value;
    memcpy(&value, (const uint8_t *)limits + offset, sizeof value);
    return value;
}

// h2limits_order lets a soft limit alone move its hard one, and the reverse.
static void h2limits_order(uint32_t *soft, uint32_t *hard, bool hard_is_users)
{
    if (*soft > *hard) {
        *(hard_is_users ? soft : hard) = hard_is_users ? *hard : *soft;
    }
}

bool h2_limits_resolve(const grpc_limits *users, grpc_limits *out,
                       struct h2_limits_fault *fault)
{
    *out = *h2_limits_default();
    for (size_t i = 0; i < H2LIMITS_ROWS; i++) {
        const struct h2limits_row *row = &h2limits_rows[i];
        uint32_t value = h2limits_get(users, row->offset);
        if (value == 0) {
            continue;
        }
        if (value < row->least || value > row->most) {
            *fault = (struct h2_limits_fault){row->name, value, row->least,
                                              row->most};
            return false;
        }
        memcpy((uint8_t *)out + row->offset, &value, sizeof value);
    }
    h2limits_order(&out->header_bytes, &out->header_bytes_hard,
                   users->header_bytes_hard != 0);
    h2limits_order(&out->header_fields, &out->header_fields_hard,
                   users->header_fields_hard != 0);
    return true;
}
