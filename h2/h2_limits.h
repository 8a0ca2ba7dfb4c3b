// SPDX-License-Identifier: MIT
// Every bound on what a peer may cost us, with its reason. Those of grpc_limits
// are defaults; h2_limits.c has the table with the range of each. The rest are
// constants.
//
// Two currencies: stock (bytes, fields, frames, streams that are held) and rate
// (resets, glitches). A bound of stock holds at every moment. One of rate slows
// a peer down, and only one that goes on is sent away.

#ifndef H2_LIMITS_H
#define H2_LIMITS_H

#include <stdbool.h>

#include "base/linkage.h"
#include "grpc.h"

enum {
    // ---- Defaults of grpc_limits ----

    // Unread bytes of one stream before its owner asks for a large message:
    // what the protocol begins with, so nothing has to be announced.
    H2_LIMIT_STREAM_WINDOW = 65535,
    // The largest payload that we accept; the RFC's least and default.
    H2_LIMIT_FRAME_BYTES = 16384,
    // Decoded size of a header block: what gRPC peers take (Google's C core).
    H2_LIMIT_HEADER_BYTES = 8192,
    // The protocol's default for the decoder's table; calls repeat few fields.
    H2_LIMIT_HEADER_TABLE = 4096,
    // Where we give up: between soft and hard limit fields are decoded and
    // dropped, so that the tables stay in step (CVE-2023-32731).
    H2_LIMIT_HEADER_BYTES_HARD = 16384,
    // Fields cost memory whatever their size: one byte on the wire can name an
    // entry (CVE-2026-49975, "HTTP/2 bomb").
    H2_LIMIT_HEADER_FIELDS = 100,
    H2_LIMIT_HEADER_FIELDS_HARD = 256,
    // A block that is spread over many small frames costs more than its size
    // (VU#421664). One of them may be empty.
    H2_LIMIT_CONTINUATIONS = 8,
    H2_LIMIT_EMPTY_CONTINUATIONS = 1,
    // Unread bytes over all streams of a connection.
    H2_LIMIT_CONNECTION_WINDOW = 1048576,
    // To which one window grows with the bandwidth-delay product: enough for
    // 160 Mbit/s over a round trip of 100 ms, as half of it is under way while
    // the other half is acknowledged. grpc-go's is 16 MiB.
    H2_LIMIT_WINDOW_MAX = 4194304,
    // By which all windows of a connection grow together: streams that were
    // read fast and then no longer hold so much. Four of the largest.
    H2_LIMIT_WINDOW_GROWTH = 16777216,
    // Our encoder's table, whatever size the peer allows: it is our memory.
    H2_LIMIT_ENCODER_TABLE = 4096,
    // DATA waits in its stream's queue while this much output is unsent, so
    // that control frames and other streams are not behind a megabyte.
    H2_LIMIT_OUTPUT_BYTES = 262144,
    // Replies that a client asks for and does not take (CVE-2019-9517): two of
    // the largest messages. New streams are refused above it, which a client
    // may try again.
    H2_LIMIT_QUEUED_BYTES = 8388608,
    // Messages over the window of their stream that are gathered at once: four
    // of the largest. One is always allowed, or it would never arrive.
    H2_LIMIT_ASSEMBLY_BYTES = 16777216,
    // Output that the peer induces (acknowledgements, resets, window updates,
    // responses without content): above it we stop reading, so that a flood
    // stalls itself (CVE-2019-9512, -9514, -9515). Bytes and not frames: the
    // smallest of them is 9 bytes.
    H2_LIMIT_INDUCED_BYTES = 65536,
    // Entries of one SETTINGS frame: five times what is defined
    // (CVE-2020-11080).
    H2_LIMIT_SETTINGS_ENTRIES = 32,
    // Informational (1xx) responses before the final one.
    H2_LIMIT_INFORMATIONAL = 8,
    // New streams of one connection before others have their turn: as many as
    // may be open, so that a burst within the limit is not cut.
    H2_LIMIT_STREAMS_PER_TURN = 128,
    // Streams that end before their handler began, or that we had to reset, in
    // excess of those that ended well: as many as may be open at once. One
    // that is reset after its handler began costs its place until the handler
    // ends, and so no budget: a client may cancel as much as it likes.
    H2_LIMIT_RESET_BUDGET = 128,
    // That many times the budget below zero ends the connection.
    H2_LIMIT_RESET_DEBT = 4,
    // Frames without use, at 9 bytes each: nghttp2's figures, which it had to
    // raise tenfold in practice. Healthy peers stay far below.
    H2_LIMIT_GLITCH_BURST = 10000,
    H2_LIMIT_GLITCH_RATE = 330,
    // So many delays without a pause as long as all of them end the connection:
    // a flood that has lasted for ten seconds is one.
    H2_LIMIT_DELAYS = 100,
    H2_LIMIT_DELAY_MS = 100,
    // A client has this long from accept to its first SETTINGS.
    H2_LIMIT_HANDSHAKE_MS = 10000,
    // SETTINGS are acknowledged at once by every peer that reads.
    H2_LIMIT_SETTINGS_ACK_MS = 60000,
    // A peer that takes less of what is waiting for it holds our memory on
    // purpose, or is gone.
    H2_LIMIT_WRITE_STALL_MS = 60000,
    H2_LIMIT_WRITE_RATE = 1024,
    // A reply may wait longer for its stream's window: the client may have it
    // closed for reasons of its own.
    H2_LIMIT_ANSWER_STALL_MS = 300000,
    // What has begun to arrive holds memory, and a message of 4 MiB a quarter
    // of what may be gathered.
    H2_LIMIT_REQUEST_STALL_MS = 60000,

    // ---- Constants ----

    // Streams a peer may have open at once. Enough for one busy connection,
    // and the bound on call memory per connection. (An option of servers.)
    H2_LIMIT_CONCURRENT_STREAMS = 128,
    // Streams a client opens before it has seen the server's SETTINGS.
    H2_LIMIT_STREAMS_BEFORE_SETTINGS = 100,
    // The peer's text of a GOAWAY that is shown.
    H2_LIMIT_GOAWAY_TEXT = 256,
    // An empty DATA frame that ends nothing counts as so many glitches: a
    // hundred at once, three a second (CVE-2019-9518).
    H2_LIMIT_EMPTY_DATA_GLITCHES = 100,
    // A larger SETTINGS_INITIAL_WINDOW_SIZE counts as so many glitches for each
    // open stream: one small frame can make each of them send. A client that
    // measures the bandwidth doubles it some ten times. Streams above the
    // default limit cost no more, or a server that allows thousands would take
    // such a client for a flood.
    H2_LIMIT_WINDOW_GLITCHES = 4,
    // WINDOW_UPDATE, PING, SETTINGS and GOAWAY frames for each DATA frame that
    // we send and each stream that is opened; more are glitches
    // (CVE-2019-9511, -9512, -9515). A client that measures the bandwidth sends
    // a PING and two WINDOW_UPDATEs for a DATA frame; those for many DATA
    // frames may come at once, so they are saved up. Late frames on a stream
    // that we have ended count among them: an honest client's call to a method
    // that is not there has its message under way.
    H2_LIMIT_IDLE_FRAMES = 10,
    H2_LIMIT_IDLE_SAVED = 10000,
    // Chunks and streams without use that a loop keeps for the next taker.
    H2_LIMIT_SPARE_CHUNKS = 64,
    H2_LIMIT_SPARE_STREAMS = 128,
    // Sets of streams kept for connections that get busy, and tables of
    // buckets for those with many streams, 2 KiB each.
    H2_LIMIT_SPARE_SETS = 64,
    // Loans, and pieces of them, some 100 bytes each: as many as outputs that
    // are full of long messages take.
    H2_LIMIT_SPARE_LOANS = 64,
    H2_LIMIT_SPARE_TABLES = 16,
};

// h2_limits_default has every limit at its default.
INTERNAL const grpc_limits *h2_limits_default(void);

// h2_limits_resolve writes *users to *out with defaults for what is 0. False:
// *fault is a limit that is out of range.
struct h2_limits_fault {
    const char *name; // static text
    uint32_t value;
    uint32_t least;
    uint32_t most;
};
INTERNAL MUST_CHECK bool h2_limits_resolve(const grpc_limits *users,
                                           grpc_limits *out,
                                           struct h2_limits_fault *fault);

#endif
