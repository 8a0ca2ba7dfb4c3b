// SPDX-License-Identifier: MIT
// The oracle of one connection between two engines of ours. It reads what each
// side sends, frame by frame, knows how far the other side has taken it, and
// holds both engines against that:
//
//   windows   each side's windows are what the frames that were sent and taken
//             make of the settings that are in force
//   HPACK     the decoder's table behind block k is the encoder's behind block
//             k, entry by entry
//   answers   every SETTINGS and PING that was taken is acknowledged
//   order     no frame that its sender may not send in the stream's state, no
//             error code that only a broken peer deserves
//
// A frame is known as soon as it stands in its sender's output, so all that
// is under way is known.

#ifndef TESTS_SIM_SIM_WIRE_H
#define TESTS_SIM_SIM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "h2/h2.h"

enum {
    WIRE_CLIENT = 0,
    WIRE_SERVER = 1,
    WIRE_CAPTURE = 48, // bytes of a payload that are looked at
    WIRE_LOG = 1024,   // table entries remembered, by their number
    WIRE_SNAPS = 256,  // a power of two, as all of these
};

// A frame as it was sent; end is the offset behind it in its sender's stream.
struct wire_frame {
    uint64_t start;
    uint64_t end;
    uint32_t id;
    uint32_t value; // WINDOW_UPDATE: increment. RST_STREAM, GOAWAY: code
    uint8_t type;
    uint8_t flags;
    bool whole; // its payload has been seen
};

// SETTINGS as far as the oracle follows them; -1: not in the frame.
struct wire_settings {
    int64_t table;
    int64_t initial;
};

// What a side's encoder was when it had sent so many blocks.
struct wire_snap {
    uint64_t blocks;
    uint64_t inserted;
    uint32_t count;
    uint32_t size;
};

// One stream; [side] is what that side has sent, and of that what the other
// has taken.
struct wire_stream {
    int64_t data_sent[2];
    int64_t data_taken[2];
    int64_t credit_sent[2];
    int64_t credit_taken[2];
    bool known;
    bool end_sent[2];
    bool end_taken[2];
    bool reset_sent[2];
    bool reset_taken[2];
};

// All that one side has sent.
struct wire_side {
    // Parsing. seen counts bytes; those before left are out of the engine.
    uint64_t seen;
    uint64_t left;
    uint64_t taken; // by the other side
    uint32_t magic_left;
    uint32_t head_size;
    uint8_t head[9];
    uint32_t payload_left;
    uint32_t capture_size;
    uint8_t capture[WIRE_CAPTURE];
    uint32_t block_id; // a header block is open
    uint8_t block_flags;
    uint32_t data_id; // of the last DATA

    struct wire_frame *frames; // a ring of those not yet taken
    uint64_t frames_put;
    uint64_t frames_got;
    size_t frames_size;

    int64_t data_sent;
    int64_t data_taken;
    int64_t credit_sent;
    int64_t credit_taken;
    uint64_t settings_taken; // by the other side
    uint64_t acks_sent;
    uint64_t pings_taken;
    uint64_t pongs_sent;
    struct wire_settings sent; // values as sent last,
    struct wire_settings peer; // as the other side has taken them,
    struct wire_settings own;  // and as that has acknowledged
    struct wire_settings pending[4];
    uint64_t settings_sent;
    uint64_t acked; // acknowledgements that this side has taken

    // HPACK: this side's encoder, the other one's decoder.
    uint64_t blocks_sent;
    uint64_t blocks_taken;
    uint64_t logged; // number of the newest entry in the log
    uint64_t log[WIRE_LOG];
    struct wire_snap snaps[WIRE_SNAPS];
    uint64_t snaps_put;
    uint64_t snaps_got;
    uint64_t compared; // the decoder's newest entry that was compared
    uint64_t evicted;
    bool over;  // its engine is closed, or the oracle has lost track
    bool blind; // what it writes is not read any more
};

struct wire_link {
    struct wire_side sides[2];
    struct wire_stream *streams; // by (id - 1) / 2
    size_t stream_count;
    uint32_t newest_id;
    uint32_t open;
    uint32_t left_out; // the server takes no stream from this one on; 0: all
    // The way of a server that drains: GOAWAY for no stream and a PING, which
    // comes back, GOAWAY for those behind the last one.
    bool was_warned;        // the first has been taken
    bool was_answered;      // its PING's answer has been taken
    bool has_parted;        // the second has been sent
    bool was_asked;         // and was_answered before
    uint64_t refusals;      // streams that the server has refused or left out
    uint64_t *all_refusals; // over all links, or NULL; the owner's
    const uint64_t *now_us; // likewise
    uint64_t warned_us;     // when the first GOAWAY was sent
    bool drains;            // the server leaves in two steps alone
    bool hungry;            // a connection may end for want of memory
    bool strict;            // or for too many PINGs,
    bool punished;          // and does
};

// wire_init begins anew, and keeps what memory a link that is zero or was used
// before has.
void wire_init(struct wire_link *link);

// wire_wrote: bytes of that side have left its engine.
void wire_wrote(struct wire_link *link, int side, const uint8_t *bytes,
                size_t size);

// wire_cut counts what a read has cut: at is the offset of its end in what that
// side has sent.
void wire_cut(const struct wire_link *link, int side, uint64_t at);

// wire_scan reads what stands in that engine's output, and what its encoder
// has become; of use between two blocks. conn is open.
void wire_scan(struct wire_link *link, int side, const struct h2_conn *conn);

// wire_take: the other side's engine has taken so many bytes of that side's in
// all.
void wire_take(struct wire_link *link, int side, uint64_t taken);

// wire_check holds the engines against what went over the wire. A side that is
// closed is NULL. deep: all streams too.
void wire_check(struct wire_link *link, const struct h2_conn *client,
                const struct h2_conn *server, bool deep);

// wire_check_quiet: nothing is on the way, so both ends agree.
void wire_check_quiet(const struct h2_conn *client,
                      const struct h2_conn *server);

#endif
