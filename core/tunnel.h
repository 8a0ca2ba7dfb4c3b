// SPDX-License-Identifier: MIT
// A tunnel through an HTTP proxy (CONNECT, RFC 9110 section 9.3.6): the request
// is sent, and the head of the answer read, before HTTP/2 begins on the same
// connection. What the head of a good answer ends with is the server's already.
//
// A proxy is no friend: its head has a bound, and it is told from the first
// bytes that something else than HTTP/1 answers.

#ifndef CORE_TUNNEL_H
#define CORE_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/view.h"
#include "grpc.h"
#include "loop/loop_port.h"

enum {
    TUNNEL_LINE_MAX = 120, // of an answer's first line, bytes that are told
    TUNNEL_REASON = 192,   // why there is no tunnel, in words, with its NUL
};

// ---- The head of an answer --------------------------------------------------

enum tunnel_answer {
    TUNNEL_MORE,    // the head has not ended
    TUNNEL_OPEN,    // 2xx: what follows are the server's bytes
    TUNNEL_REFUSED, // another status: line
    TUNNEL_FOREIGN, // no HTTP/1
    TUNNEL_ENDLESS, // longer than CORE_PROXY_HEAD_BYTES
};

// Zero: nothing has been read.
struct tunnel_head {
    uint16_t size;    // bytes read
    bool in_fields;   // the first line was good
    bool line_begun;  // of the fields
    bool line_has_cr; // and nothing else
    uint8_t line_size;
    char
        line[TUNNEL_LINE_MAX + 1]; // the first, printable, with a NUL when read
};

// tunnel_head_feed reads on. *out_used is how much of input is of the head: all
// of it unless the answer is TUNNEL_OPEN. Any other than TUNNEL_MORE is the
// last.
INTERNAL MUST_CHECK enum tunnel_answer tunnel_head_feed(
    struct tunnel_head *head, struct view input, size_t *out_used);

// ---- The conversation -------------------------------------------------------

// What a proxy is sent; borrowed from the channel for the life of the tunnel.
// NULL: no proxy.
struct proxy_tunnel {
    const char *request;
    size_t size;
};

enum tunnel_result {
    TUNNEL_SENDS, // waits to be writable
    TUNNEL_READS, // waits to be readable
    TUNNEL_READY,
    TUNNEL_FAILED,
};

struct tunnel {
    const struct proxy_tunnel *request;
    size_t sent;
    struct tunnel_head head;
};

// tunnel_new is NULL without memory. tunnel_free accepts NULL.
INTERNAL MUST_CHECK struct tunnel *tunnel_new(
    const struct proxy_tunnel *request, const grpc_allocator *allocator);
INTERNAL void tunnel_free(struct tunnel *tunnel,
                          const grpc_allocator *allocator);

struct tunnel_io {
    const struct loop_port *port;
    int fd;
    uint8_t *buffer;
    size_t buffer_size;
};

// tunnel_step goes on as far as it can without waiting. TUNNEL_READY: out_rest,
// in io's buffer, has come behind the head. TUNNEL_FAILED: reason tells why.
INTERNAL MUST_CHECK enum tunnel_result tunnel_step(struct tunnel *tunnel,
                                                   const struct tunnel_io *io,
                                                   struct view *out_rest,
                                                   char reason[TUNNEL_REASON]);

#endif
