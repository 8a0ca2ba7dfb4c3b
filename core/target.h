// SPDX-License-Identifier: MIT
// Target and address strings (grpc/doc/naming.md): what a channel connects to
// and what a server listens on. Pure: names are looked up elsewhere.
//
//   channel: host:port  dns:[///]host[:port]  dns://server/... is refused
//            ipv4:a[:port][,a[:port]...]  ipv6:[a][:port][,...]
//   server:  host:port (host: a number, "localhost", "" or "*")
//   both:    unix:path  unix:///path  unix-abstract:name
//            vsock:cid:port (server: cid may be "*" or "-1", any of its own)

#ifndef CORE_TARGET_H
#define CORE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/view.h"
#include "grpc.h"
#include "loop/loop_lookup.h"
#include "loop/loop_socket.h"

enum {
    TARGET_ADDRESS_MAX = 16,    // of one target string
    TARGET_AUTHORITY_MAX = 264, // host, brackets, colon, port
    TARGET_DEFAULT_PORT = 443,
};

struct target {
    struct socket_address addresses[TARGET_ADDRESS_MAX];
    size_t count; // 0: look up host
    char host[LOOKUP_HOST_MAX + 1];
    uint16_t port;
    char authority[TARGET_AUTHORITY_MAX]; // for :authority
};

// target_parse reads a channel's target. False: *reason (static text) says
// what is wrong.
INTERNAL MUST_CHECK bool target_parse(struct target *target, const char *text,
                                      const char **reason);

// target_parse_listen reads a server's address; count is 2 where both IPv4
// and IPv6 are meant. A host that is a name is refused.
INTERNAL MUST_CHECK bool target_parse_listen(struct target *target,
                                             const char *text,
                                             const char **reason);

#endif
