// SPDX-License-Identifier: MIT
// Every bound on what a peer may cost us in the HTTP/2 engine, with its
// reason. Bounds on HPACK blocks are part of struct hpack_limits and have
// their defaults here too.

#ifndef H2_LIMITS_H
#define H2_LIMITS_H

enum {
    // Streams a peer may have open at once. Enough for one busy connection,
    // and the bound on call memory per connection.
    H2_LIMIT_CONCURRENT_STREAMS = 128,
    // Streams a client opens before it has seen the server's SETTINGS.
    H2_LIMIT_STREAMS_BEFORE_SETTINGS = 100,
    // The largest payload that we accept; the RFC's least and default.
    H2_LIMIT_FRAME_SIZE = 16384,
    // Unread bytes over all streams of a connection.
    H2_LIMIT_CONNECTION_WINDOW = 1048576,
    // Unread bytes of one stream before its owner asks for a large message.
    H2_LIMIT_STREAM_WINDOW = 65535,
    // Decoded size of a header block: what we announce, and where we give up.
    H2_LIMIT_HEADER_BYTES = 8192,
    H2_LIMIT_HEADER_BYTES_HARD = 16384,
    H2_LIMIT_HEADER_FIELDS = 100,
    H2_LIMIT_HEADER_FIELDS_HARD = 256,
    // A block that is spread over many small frames costs more than its size.
    H2_LIMIT_CONTINUATIONS = 8,
    // Informational (1xx) responses before the final one.
    H2_LIMIT_INFORMATIONAL = 8,
    // The peer's text of a GOAWAY that is shown.
    H2_LIMIT_GOAWAY_TEXT = 256,
    // Our encoder's table, whatever size the peer allows.
    H2_LIMIT_ENCODER_TABLE = 4096,
    // Chunks and streams without use that a loop keeps for the next taker.
    H2_LIMIT_SPARE_CHUNKS = 64,
    H2_LIMIT_SPARE_STREAMS = 128,
    // Tables of buckets kept for connections with many streams, 2 KiB each.
    H2_LIMIT_SPARE_TABLES = 16,
    // Entries of one SETTINGS frame.
    H2_LIMIT_SETTINGS_ENTRIES = 32,
    // Output that the peer induces (acknowledgements, resets, window updates):
    // above it we stop reading, so a flood stalls itself.
    H2_LIMIT_INDUCED_BYTES = 65536,
    // DATA waits in its stream's queue while this much output is unsent, so
    // that control frames and other streams are not behind a megabyte.
    H2_LIMIT_OUTPUT_BYTES = 262144,
};

#endif
