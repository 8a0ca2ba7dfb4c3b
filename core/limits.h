// SPDX-License-Identifier: MIT
// Every bound and every constant of time in core that is no member of
// grpc_limits, with its reason. Those, and the HTTP/2 engine's, are in
// h2/h2_limits.h.

#ifndef CORE_LIMITS_H
#define CORE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "h2/h2_limits.h"

enum {
    // One message, where the user sets nothing: grpc-go's and Google's default.
    CORE_MESSAGE_BYTES = 4194304,
    // The shared input buffer of a loop: large enough that a busy connection
    // costs few system calls, small enough for a small machine.
    CORE_INPUT_BYTES = 65536,
    // And that in which a loop deals with cipher text: a read that gives no more
    // plain text than fits there, or three records.
    CORE_SECURE_BYTES = 71695,
    // Handshakes of TLS that a server has at the same time: each holds some 40 KiB
    // and takes its turn of one CPU, so that more would only make each last longer.
    CORE_HANDSHAKES = 64,
    // One that waits for its client may keep others waiting for so long: two
    // round trips over a satellite, with a packet lost. Without that whoever opens
    // so many connections, and says a byte on each, would shut everybody out.
    CORE_HANDSHAKE_PATIENCE_MS = 2000,
    // Memory that a decoded message may take for each byte of the longest
    // message allowed: empty submessages are 2 bytes on the wire and a struct
    // in memory.
    CORE_ARENA_FACTOR = 16,
    // A message that is cut by the input is gathered in the call's arena up to
    // this size, and in memory of its own that grows with what has really
    // arrived above it: a length alone costs us nothing.
    CORE_GATHER_BYTES = 8192,
    // Memory that a large message was gathered in, and that messages of streams
    // were decoded in, which a loop keeps while calls are open: for one of the
    // largest that is allowed by default.
    CORE_GATHER_KEEP_BYTES = 4194304,
    CORE_SCRATCH_KEEP_BYTES = 4456448,
    // Chunks without use that a loop keeps while calls are open and their
    // messages are large: 2 MiB, so that a stream of messages of 1 MiB allocates
    // nothing.
    CORE_CHUNKS_SPARE = 512,
    // A stream with so much waiting takes no more messages (grpc-go: 64 KiB).
    CORE_SEND_ROOM_BYTES = 65536,
    // What a client's stream has sent is kept, to be sent again if the server has
    // not processed it, until the response begins or it is more than this.
    // (grpc-go: 256 KiB. Ours is what a window takes before the server answers.)
    CORE_RESEND_BYTES = 65536,
    // A message that was encoded is sent from where it is when it has so many
    // bytes, and at least one of so many parts of its buffer. As many bytes of
    // such buffers are kept for the next while calls are open.
    CORE_LENT_BYTES = 32768,
    CORE_LENT_SHARE = 4,
    CORE_LENT_SPARE_BYTES = 8388608,
    // Of the header list that a peer takes, what gRPC's own fields may need: a
    // grpc-message may be longer, and is not counted.
    CORE_HEADER_RESERVE_BYTES = 512,
    // What the buffer that messages are encoded in keeps when no call is open.
    CORE_ENCODED_KEEP_BYTES = 65536,
    // What a call that is given back keeps for the next one.
    CORE_CALL_KEEP_BYTES = 4096,
    CORE_CALLS_SPARE = 128,
    // grpc-message that we send: the rest is cut off, since a peer takes some
    // 8 KiB of headers in all.
    CORE_MESSAGE_TEXT_BYTES = 2048,
    // Connections accepted per turn, so that a flood of them does not starve
    // those that are open.
    CORE_ACCEPTS_PER_TURN = 64,
    // Without descriptors accepting pauses: 5 ms, doubled up to 1 s (grpc-go).
    CORE_ACCEPT_PAUSE_MS = 5,
    CORE_ACCEPT_PAUSE_MAX_MS = 1000,
    // One address may take this long to connect and send SETTINGS.
    CORE_CONNECT_MS = 20000,
    // The head of a proxy's answer: what servers of HTTP/1 take as a head. And a
    // proxy's URL, and the user agent that it is told, which are not a peer's.
    CORE_PROXY_HEAD_BYTES = 8192,
    CORE_PROXY_TEXT_BYTES = 4096,
    // Backoff between rounds of connecting (connection-backoff.md).
    CORE_BACKOFF_MS = 1000,
    CORE_BACKOFF_MAX_MS = 120000,
    CORE_BACKOFF_PERCENT = 160,
    CORE_BACKOFF_JITTER_PERCENT = 20,
    // The next address is tried beside one that has not answered for so long
    // (RFC 8305 section 5, which also has the bounds).
    CORE_ATTEMPT_DELAY_MS = 250,
    CORE_ATTEMPT_DELAY_LEAST_MS = 100,
    CORE_ATTEMPT_DELAY_MOST_MS = 2000,
    // A name that was looked up is not looked up again sooner (grpc-go).
    CORE_RESOLVE_MS = 30000,
    // A channel without calls for so long closes its connection (grpc-go).
    CORE_IDLE_TIMEOUT_MS = 1800000,
    // A connection that we close flushes its output for this long.
    CORE_LINGER_MS = 1000,
    // Keepalive (gRFC A8, A9): how long a PING may go unanswered; after what
    // silence a server asks; and the least of that for either side.
    CORE_KEEPALIVE_TIMEOUT_MS = 20000,
    CORE_KEEPALIVE_SERVER_MS = 7200000,
    CORE_KEEPALIVE_SERVER_LEAST_MS = 1000,
    CORE_KEEPALIVE_CHANNEL_LEAST_MS = 10000,
    // A client's PINGs have so much time between them, and more without calls.
    // So many that come earlier are borne.
    CORE_PING_GAP_MS = 300000,
    CORE_PING_GAP_IDLE_MS = 7200000,
    CORE_PING_STRIKES = 2,
    // That part of the time may be missing: a clock that is being set right runs
    // up to 1/2000 too fast or too slow, and a client that asks just as often as
    // it may is not to be sent away by one. (grpc-go sends it away.)
    CORE_PING_GAP_SLACK = 1000,
    // Between the two GOAWAYs of a server a client answers a PING, or is taken
    // to have heard the first (grpc-go: 5 s).
    CORE_DRAIN_MS = 5000,
    // The age of a connection is so much more or less than max_connection_age_ms:
    // those that began together do not all come again at once.
    CORE_AGE_JITTER_PERCENT = 10,
    // The longest time of a connection that is no "never", 11 days: the low bits
    // of times, and sums of two, are enough to tell before from after.
    CORE_TIME_MAX_MS = 1000000000,
};

// limits_least_bytes is what a peer has to move in that time so as not to be
// stalled: a byte at least, or low limits would be none, and 4 GiB - 1 at most, to
// which what is moved is counted.
INTERNAL uint64_t limits_least_bytes(const grpc_limits *limits, uint32_t ms);

// limits_say tells in words which limit is out of range.
INTERNAL void limits_say(const struct h2_limits_fault *fault, char *text,
                         size_t size);

#endif
