// SPDX-License-Identifier: MIT
// What the simulation tells: the trace of the run, the rare events that it has
// met, and the violation that ends it. One run at a time in a process.

#ifndef TESTS_SIM_SIM_REPORT_H
#define TESTS_SIM_SIM_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Each is counted; one that is never met in a whole run of many seeds fails it:
// then the simulation no longer goes where the bugs are.
#define SIM_EVENTS(X)                                           \
 X(CUT_HEAD, "a read ends within a frame head")                 \
 X(CUT_BLOCK, "a read ends within a header block")              \
 X(CUT_DATA, "a read ends within DATA")                         \
 X(CUT_CONTROL, "a read ends within another frame")             \
 X(CONTINUATION, "CONTINUATION")                                \
 X(EVICTION, "HPACK table entry evicted")                       \
 X(SIZE_UPDATE, "HPACK table size update")                      \
 X(TABLES, "HPACK tables compared, block by block")             \
 X(SETTINGS, "SETTINGS changed in flight")                      \
 X(BELOW_ZERO, "send window below zero")                        \
 X(CONN_FULL, "connection's send window used up")               \
 X(RST_END, "RST_STREAM crosses END_STREAM")                    \
 X(RST_RST, "RST_STREAM crosses RST_STREAM")                    \
 X(WINDOW_LOST, "WINDOW_UPDATE in flight at the close")         \
 X(GOAWAY_BUSY, "GOAWAY with streams open")                     \
 X(GOAWAY_LEFT, "GOAWAY leaves a stream out")                   \
 X(REFUSED, "stream refused")                                   \
 X(RETRY, "transparent retry")                                  \
 X(BLOCKED, "input held until output has left")                 \
 X(PING, "PING answered")                                       \
 X(TORN, "connection torn")                                     \
 X(TORN_MESSAGE, "connection torn within a message")            \
 X(CUT_OFF, "one direction of a connection ended")              \
 X(REFUSED_CONNECT, "connection refused")                       \
 X(RECONNECT, "connected again")                                \
 X(FORSAKEN, "address where nobody is")                         \
 X(MUTE, "address that accepts and says nothing")               \
 X(SWALLOWED, "connection that swallows what is sent")          \
 X(SWALLOWED_BOTH, "connection that swallows both ways")        \
 X(SILENCE_CLIENT, "silence found by the client's keepalive")   \
 X(SILENCE_SERVER, "silence found by the server's keepalive")   \
 X(ASKED, "PING of keepalive")                                  \
 X(STRIKES, "too many PINGs")                                   \
 X(DRAIN_STOP, "connection of a server that stops drained")     \
 X(DRAIN_AGE, "connection drained for its age")                 \
 X(DRAIN_IDLE, "connection drained for being idle")             \
 X(DRAIN_ON, "second GOAWAY, when the first is known")          \
 X(DRAIN_BUSY, "calls go on while a connection is drained")     \
 X(RESTARTED, "server replaced with calls open")                \
 X(GRACE_KEPT, "server drained before its grace was over")      \
 X(GRACE_OVER, "server drained by the end of its grace")        \
 X(IDLED, "channel without calls is idle")                      \
 X(GAVE_UP, "channel could not connect")                        \
 X(STOPPED, "server stopped with calls open")                   \
 X(STALLED, "process stalled")                                  \
 X(PAUSED, "network paused")                                    \
 X(CANCEL_EARLY, "cancelled before the request was sent")       \
 X(CANCEL_LATE, "cancelled while the server was at work")       \
 X(DEADLINE_CLIENT, "deadline expired at the client")           \
 X(DEADLINE_SERVER, "deadline expired at the server first")     \
 X(TOLD, "handler told of the end")                             \
 X(ORPHAN, "answer to a call that is over")                     \
 X(TOO_LARGE, "message over the limit")                         \
 X(LARGE, "message larger than the windows")                    \
 X(ASSEMBLY, "large message waits for others")                  \
 X(HUNGER, "memory runs out")                                   \
 X(OK, "call answered with OK")                                 \
 X(OK_MANY, "replies streamed")                                 \
 X(OK_COLLECT, "requests streamed")                             \
 X(OK_TALK, "both streamed")                                    \
 X(OK_RAW, "raw messages streamed")                             \
 X(OK_UNKNOWN, "call of a method that nobody knows")            \
 X(META_BINARY, "binary metadata")                              \
 X(META_TRAILERS, "metadata in trailers")                       \
 X(AGAIN_CLIENT, "no room for a request")                       \
 X(AGAIN_SERVER, "no room for a reply")                         \
 X(WRITABLE, "room again")                                      \
 X(HELD_BACK, "messages held back")                             \
 X(INBOX, "messages have waited for their reader")              \
 X(ASKED_LATE, "requests asked for late")                       \
 X(GOES_ON, "replies behind the end of the requests")           \
 X(ENDED_EARLY, "stream ended before its requests have")        \
 X(BROKEN_OFF, "stream ended by the server in the midst")       \
 X(SENT_TOO_LATE, "message for a call that is over")            \
 X(LOAN, "lent bytes given back")                               \
 X(LOAN_OUTLIVES, "lent bytes that outlive their call")         \
 X(STRUCK, "call ended by an interceptor")                      \
 X(PLACED, "reply of an interceptor")                           \
 X(HELD, "call held by an interceptor")                         \
 X(HELD_OVER, "call ended while it was held")                   \
 X(HELD_TOO_LONG, "call let go on after its end")               \
 X(REPLACED, "message changed by an interceptor")               \
 X(RAW, "raw call")                                             \
 X(CAUGHT, "call of the handler for all methods")               \
 X(CHILD, "call made for another")                              \
 X(CHILD_ENDED, "call ended with the one that it was made for") \
 X(COMPRESSED, "message compressed")                            \
 X(UNAVAILABLE, "call lost with its connection")                \
 X(HALF_CLOSED, "DATA both ways after a half-close")            \
 X(INTERLEAVED, "DATA of several streams interleaved")          \
 X(STALE, "DATA for a stream that is gone")                     \
 X(GROWN, "look at a stream whose window has grown")            \
 SIM_TLS_EVENTS(X)

// Those of runs with TLS, which stand last.
#define SIM_TLS_EVENTS(X)                                      \
 X(HANDSHAKE, "TLS: handshake done, at one end")               \
 X(HANDSHAKE_FAILED, "TLS: handshake failed")                  \
 X(HANDSHAKE_CUT, "TLS: connection ends in the handshake")     \
 X(HANDSHAKE_LATE, "TLS: no handshake in time")                \
 X(GATE, "TLS: connection waits for the handshake of another") \
 X(CUT_RECORD, "TLS: a read ends within a record")             \
 X(CLOSE_NOTIFY, "TLS: session ended by close_notify")         \
 X(TRUNCATED, "TLS: session ended without close_notify")       \
 X(SPOILED, "TLS: byte changed on its way")                    \
 X(SPOILED_EARLY, "TLS: byte of a handshake changed")          \
 X(SPOILED_FOUND, "TLS: session of a changed record fails")    \
 X(IDENTIFIED, "TLS: handler asks who the client is")          \
 X(RELOADED, "TLS: credentials reloaded")                      \
 X(RELOAD_REFUSED, "TLS: bad credentials refused")             \
 X(OUTLIVES, "TLS: session older than its credentials")

enum sim_event {
#define SIM_EVENT_ID(id, text) SIM_##id,
    SIM_EVENTS(SIM_EVENT_ID)
#undef SIM_EVENT_ID
        SIM_EVENT_COUNT,
    SIM_TLS_FIRST = SIM_HANDSHAKE
};

// What one process has met; in memory shared with its parent.
struct sim_tally {
    uint64_t events[SIM_EVENT_COUNT];
    uint64_t calls;   // of core runs
    uint64_t streams; // of engine runs
    uint64_t checks;
    uint64_t passed;
    uint64_t digest;    // sum over the traces of the seeds that have passed
    uint64_t next_seed; // the one that runs
};

const char *sim_event_text(enum sim_event event);

// sim_begin begins a run, which has a name (static text) and a number; loud
// prints the trace as it grows. sim_clock: the time is there from now on, NULL:
// nowhere.
void sim_begin(struct sim_tally *tally, const char *name, uint64_t number,
               bool loud);
void sim_clock(const uint64_t *now_us);

void sim_met(enum sim_event event);
void sim_met_many(enum sim_event event, uint64_t count);

// sim_note adds a line to the trace: a format with up to four %lld, and %s for
// static text in text's place.
void sim_note(const char *format, long long a, long long b, long long c,
              long long d);

// sim_digest is a number for the whole trace: equal in every run of the seed.
uint64_t sim_digest(void);

// sim_fail prints the run, the violation and the end of the trace, and ends
// the process with status 1.
_Noreturn void sim_fail(const char *format, ...)
    __attribute__((__format__(__printf__, 1, 2)));

// sim_watch_crashes has assertions and signals end like sim_fail.
void sim_watch_crashes(void);

#define SIM_CHECK(condition, ...) \
 do {                             \
  if (!(condition)) {             \
   sim_fail(__VA_ARGS__);         \
  }                               \
 } while (0)

#endif
