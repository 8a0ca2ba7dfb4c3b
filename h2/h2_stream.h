// SPDX-License-Identifier: MIT
// Stream states (RFC 9113 section 5.1), lookup by id, and what is remembered
// of streams that are gone.

#ifndef H2_H2_STREAM_H
#define H2_H2_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "h2/h2.h"

// What a stream id stands for when a frame names it.
enum h2_stream_kind {
    H2_STREAM_KIND_IDLE,    // nobody has opened it, or nobody ever can
    H2_STREAM_KIND_LIVE,    // has an object that is not closed
    H2_STREAM_KIND_SKIPPED, // passed over by its opener: closed, never used
    H2_STREAM_KIND_ENDED,   // we ended it, or it was long ago: late frames on
                            // it are no fault of the peer
    H2_STREAM_KIND_CLOSED,  // the peer knew that it was closed
};

// h2_stream_find is NULL when there is no object with that id.
INTERNAL struct h2_stream *h2_stream_find(const struct h2_conn *conn,
                                          uint32_t id);

// h2_stream_is_idle: nobody has opened that id yet, or nobody ever can.
static inline bool h2_stream_is_idle(const struct h2_conn *conn, uint32_t id)
{
    uint32_t next =
        conn->is_server ? conn->last_peer_id + 1 : conn->next_local_id;
    return id >= next || id % 2 == 0;
}

// h2_stream_kind_of classifies an id; *out_stream is the object when LIVE.
INTERNAL enum h2_stream_kind h2_stream_kind_of(const struct h2_conn *conn,
                                               uint32_t id,
                                               struct h2_stream **out_stream);

// h2_stream_new makes an idle stream without an id; NULL without memory.
INTERNAL MUST_CHECK struct h2_stream *h2_stream_new(struct h2_conn *conn);

// h2_stream_opened notes that id, above all earlier ones, has been opened.
INTERNAL void h2_stream_opened(struct h2_conn *conn, uint32_t id);

// h2_stream_name gives the stream the id that was just opened.
INTERNAL void h2_stream_name(struct h2_stream *stream, uint32_t id);

// h2_stream_ended notes that we ended it: late frames on it are ignored.
INTERNAL void h2_stream_ended(struct h2_conn *conn, uint32_t id);

// h2_stream_set_state is the one place where stream->state changes.
INTERNAL void h2_stream_set_state(struct h2_stream *stream,
                                  enum h2_stream_state state);

// h2_stream_end_local and _end_remote: END_STREAM was sent or received.
INTERNAL void h2_stream_end_local(struct h2_stream *stream);
INTERNAL void h2_stream_end_remote(struct h2_stream *stream);

// h2_stream_can_send: we have not ended it; _can_receive: the peer has not.
static inline bool h2_stream_can_send(const struct h2_stream *stream)
{
    return stream->state == H2_STATE_OPEN ||
           stream->state == H2_STATE_HALF_CLOSED_REMOTE;
}

static inline bool h2_stream_can_receive(const struct h2_stream *stream)
{
    return stream->state == H2_STATE_OPEN ||
           stream->state == H2_STATE_HALF_CLOSED_LOCAL;
}

// h2_stream_free takes the object out of all lists and gives it back.
INTERNAL void h2_stream_free(struct h2_stream *stream);

#endif
