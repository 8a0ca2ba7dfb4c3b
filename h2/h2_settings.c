// SPDX-License-Identifier: MIT

#include "h2/h2_settings.h"

#include "base/assert.h"
#include "base/endian.h"
#include "h2/h2_conn.h"
#include "h2/h2_flow.h"
#include "h2/h2_limits.h"
#include "h2/h2_send.h"

enum { H2SETTINGS_ENTRY_SIZE = 6, H2SETTINGS_COUNT = 6 };

// One setting: where it lives, what it may be, and what it is to break that.
struct h2settings_rule {
    uint16_t offset; // in struct h2_settings
    uint32_t least;
    uint32_t most;
    enum h2_code code;
    const char *reason;
};

#define H2SETTINGS_AT(member) offsetof(struct h2_settings, member)

// By identifier, from 1 (section 6.5.2).
static const struct h2settings_rule h2settings_rules[H2SETTINGS_COUNT] = {
    {H2SETTINGS_AT(header_table_size), 0, UINT32_MAX, H2_NO_ERROR, ""},
    {H2SETTINGS_AT(enable_push), 0, 1, H2_PROTOCOL_ERROR,
     "SETTINGS_ENABLE_PUSH is neither 0 nor 1"},
    {H2SETTINGS_AT(max_concurrent_streams), 0, UINT32_MAX, H2_NO_ERROR, ""},
    {H2SETTINGS_AT(initial_window_size), 0, H2_WINDOW_MAX,
     H2_FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE is over 2^31-1"},
    {H2SETTINGS_AT(max_frame_size), H2_FRAME_SIZE_DEFAULT, H2_FRAME_SIZE_MAX,
     H2_PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE is out of range"},
    {H2SETTINGS_AT(max_header_list_size), 0, UINT32_MAX, H2_NO_ERROR, ""},
};

static uint32_t h2settings_get(const struct h2_settings *settings, size_t which)
{
    uint32_t value;
    memcpy(&value, (const uint8_t *)settings + h2settings_rules[which].offset,
           sizeof value);
    return value;
}

static void h2settings_set(struct h2_settings *settings, size_t which,
                           uint32_t value)
{
    memcpy((uint8_t *)settings + h2settings_rules[which].offset, &value,
           sizeof value);
}

struct h2_settings h2_settings_initial(void)
{
    return (struct h2_settings){
        .header_table_size = 4096,
        .enable_push = 1,
        .max_concurrent_streams = UINT32_MAX,
        .initial_window_size = H2_WINDOW_DEFAULT,
        .max_frame_size = H2_FRAME_SIZE_DEFAULT,
        .max_header_list_size = UINT32_MAX,
    };
}

void h2_settings_take_force(struct h2_conn *conn)
{
    conn->local = (struct h2_settings_local){
        .header_table_size = conn->wanted.header_table_size,
        .initial_window_size = conn->wanted.initial_window_size,
        .max_frame_size = conn->wanted.max_frame_size,
    };
}

bool h2_settings_send(struct h2_conn *conn, const struct h2_settings *settings)
{
    uint8_t entries[H2SETTINGS_COUNT * H2SETTINGS_ENTRY_SIZE];
    uint32_t size = 0;
    ASSERT(settings->header_table_size <= HPACK_TABLE_MAX);
    for (size_t i = 0; i < H2SETTINGS_COUNT; i++) {
        uint32_t value = h2settings_get(settings, i);
        ASSERT(value >= h2settings_rules[i].least);
        ASSERT(value <= h2settings_rules[i].most);
        if (value != h2settings_get(&conn->wanted, i)) {
            store_be16(entries + size, (uint16_t)(i + 1));
            store_be32(entries + size + 2, value);
            size += H2SETTINGS_ENTRY_SIZE;
        }
    }
    uint8_t *payload = h2_conn_frame(
        conn, &(struct h2_frame){.type = H2_FRAME_SETTINGS, .length = size});
    if (payload == NULL) {
        return false;
    }
    memcpy(payload, entries, size);
    conn->wanted = *settings;
    conn->settings_unacked = true;
    return true;
}

bool h2_update_settings(struct h2_conn *conn,
                        const struct h2_settings *settings)
{
    if (conn->state == H2_CONN_CLOSED) {
        return true;
    }
    return !conn->settings_unacked &&
           h2_flow_own_initial_fits(conn, settings->initial_window_size) &&
           h2_settings_send(conn, settings);
}

// h2settings_apply takes one entry of the peer's.
static bool h2settings_apply(struct h2_conn *conn, uint16_t id, uint32_t value)
{
    if (id == 0 || id > H2SETTINGS_COUNT) {
        return true;
    }
    size_t which = (size_t)id - 1;
    const struct h2settings_rule *rule = &h2settings_rules[which];
    if (value < rule->least || value > rule->most) {
        return h2_conn_fail(conn, rule->code, rule->reason);
    }
    if (rule->offset == H2SETTINGS_AT(enable_push) && value == 1 &&
        !conn->is_server) {
        return h2_conn_fail(conn, H2_PROTOCOL_ERROR,
                            "a server sent SETTINGS_ENABLE_PUSH");
    }
    if (rule->offset == H2SETTINGS_AT(initial_window_size) &&
        !h2_flow_initial_fits(conn, value)) {
        return h2_conn_fail(conn, H2_FLOW_CONTROL_ERROR,
                            "SETTINGS_INITIAL_WINDOW_SIZE takes a stream's "
                            "window over 2^31-1");
    }
    h2settings_set(&conn->peer, which, value);
    if (rule->offset == H2SETTINGS_AT(header_table_size)) {
        hpack_encoder_limit(&conn->encoder, value);
    }
    return true;
}

// h2settings_window_glitches is the price of a larger initial window.
static uint32_t h2settings_window_glitches(const struct h2_conn *conn)
{
    uint32_t streams = conn->open_count < H2_LIMIT_CONCURRENT_STREAMS
                           ? conn->open_count
                           : H2_LIMIT_CONCURRENT_STREAMS;
    return streams * H2_LIMIT_WINDOW_GLITCHES;
}

bool h2_settings_received(struct h2_conn *conn, struct view payload)
{
    if (payload.size / H2SETTINGS_ENTRY_SIZE > conn->limits->settings_entries) {
        return h2_conn_fail(conn, H2_ENHANCE_YOUR_CALM,
                            "SETTINGS with too many entries");
    }
    if (!conn->settings_received) {
        // Until now it stood for our own caution.
        conn->peer.max_concurrent_streams = UINT32_MAX;
        conn->settings_received = true;
        h2_conn_set_state(conn,
                          conn->goaway_sent ? H2_CONN_DRAINING : H2_CONN_OPEN);
    }
    uint32_t window_before = conn->peer.initial_window_size;
    for (; payload.size > 0;
         payload = view_skip(payload, H2SETTINGS_ENTRY_SIZE)) {
        if (!h2settings_apply(conn, load_be16(payload.data),
                              load_be32(payload.data + 2))) {
            return false;
        }
    }
    uint8_t *ack = h2_conn_frame(conn, &(struct h2_frame){
                                           .type = H2_FRAME_SETTINGS,
                                           .flags = H2_FLAG_ACK,
                                       });
    if (ack == NULL) {
        return h2_conn_no_memory(conn);
    }
    if (conn->peer.initial_window_size > window_before) {
        // Each stream may send, if only a byte in a frame of its own.
        conn->glitches += h2settings_window_glitches(conn);
        h2_send_unstall(conn);
        h2_send_pump(conn);
    }
    return conn->state != H2_CONN_CLOSED;
}

bool h2_settings_acked(struct h2_conn *conn)
{
    if (!conn->settings_unacked) {
        return h2_conn_fail(conn, H2_PROTOCOL_ERROR,
                            "acknowledgement of no SETTINGS");
    }
    conn->settings_unacked = false;
    if (conn->local.header_table_size != conn->wanted.header_table_size) {
        hpack_decoder_limit(&conn->decoder, conn->wanted.header_table_size);
    }
    bool shrinks =
        conn->wanted.initial_window_size < conn->local.initial_window_size;
    h2_settings_take_force(conn);
    if (shrinks) {
        h2_flow_announce_all(conn);
    }
    return conn->state != H2_CONN_CLOSED;
}

#undef H2SETTINGS_AT
