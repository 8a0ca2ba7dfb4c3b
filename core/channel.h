// SPDX-License-Identifier: MIT
// A channel: the calls of a client, and the parts that find them a connection.
//
//   connectivity.{c,h}  what the channel does as a whole: calls that wait, IDLE
//   resolver.{c,h}      target -> addresses
//   policy.{c,h}        addresses -> connections -> the one for a call
//   pick_first.{c,h}    a policy
//   subchannel.{c,h}    one address: its connection, its backoff

#ifndef CORE_CHANNEL_H
#define CORE_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/list.h"
#include "core/backoff.h"
#include "core/conn.h"
#include "core/intercept.h"
#include "core/policy.h"
#include "core/proxy.h"
#include "core/resolver.h"
#include "core/rules.h"
#include "core/run.h"
#include "core/target.h"
#include "grpc.h"

// How a channel gets a connection to conn's peer: an errno, or 0 when that is
// under way.
typedef int channel_dial(struct grpc_channel *channel, struct conn *conn,
                         uint32_t timeout_ms);

// What a channel_dial returns when nothing is to be added to what the channel
// has noted of why it fails.
enum { CHANNEL_DIAL_NOTED = -1 };

struct grpc_channel {
    struct grpc_loop *loop;
    bool owns_loop;
    bool freed;        // by the user, while the loop was being stepped
    bool bad_target;   // or limits; cause tells why
    bool pumping;      // channel_pump is at work, or may not begin now
    uint32_t blocking; // blocking calls on the stack
    uint32_t max_receive_bytes;
    uint32_t max_send_bytes;
    uint32_t connect_timeout_ms;
    uint32_t attempt_delay_ms;
    uint32_t idle_timeout_ms;      // GRPC_NEVER: never
    grpc_backoff backoff;          // resolved
    grpc_credentials *credentials; // owned; NULL: none
    grpc_security security;        // of every connection, at least
    bool is_tls;
    char *server_name; // that a certificate must have; owned
    struct intercept_chain interceptors;
    struct conn_rules rules;
    struct list_link link_loop;
    struct list_link conns;       // all, those that drain included
    struct list_link held;        // calls that wait for an interceptor, and
                                  // those that outlive their connection
    struct list_link waiting;     // calls that wait for a connection
    struct list_link subchannels; // the policy's

    // connectivity.c:
    enum grpc_connectivity state;
    struct loop_timer timer; // out of IDLE: to go there
    uint64_t used_ms;        // when the last call, or wait, has ended
    bool is_awaited;         // by grpc_channel_wait_ready
    uint64_t attempt_ms;     // when this pass over the addresses began
    void (*watch)(grpc_channel *channel, grpc_connectivity state, void *self);
    void *watch_self;
    enum grpc_connectivity told;   // to watch
    struct list_link link_changed; // in loop->changed: watch is to be called

    struct resolver resolver;
    struct policy *policy;
    channel_dial *dial;
    int fd;                     // for channel_dial_fd, until it has used it; -1
    struct grpc_server *server; // for inproc_dial; NULL: it was stopped
    struct list_link link_server; // in server->channels
    struct proxy_plan *proxy;     // owned; NULL: none
    size_t proxy_next;            // of its tunnels, for channel_dial_proxy

    struct target target;
    char *user_agent; // whole header value; owned
    size_t user_agent_size;
    char *authority; // owned
    size_t authority_size;
    char cause[RUN_ERROR_TEXT];  // why connecting failed last
    char causes[RUN_ERROR_TEXT]; // and those of this pass, so far
    char error[RUN_ERROR_TEXT];  // why a function failed last
};

// channel_dial_socket connects, channel_dial_proxy through a proxy: where the
// target is a list, to one of its addresses until channel_next_tunnel. (Those of
// a list that NO_PROXY has are left out, unless it has them all.)
// channel_dial_fd takes a socket that the user has connected, once.
INTERNAL int channel_dial_socket(struct grpc_channel *channel,
                                 struct conn *conn, uint32_t timeout_ms);
INTERNAL int channel_dial_proxy(struct grpc_channel *channel, struct conn *conn,
                                uint32_t timeout_ms);
INTERNAL int channel_dial_fd(struct grpc_channel *channel, struct conn *conn,
                             uint32_t timeout_ms);

// channel_next_tunnel: the proxy was reached, and the address behind it did not
// do, or does no more. An address of the proxy's at which nobody is says nothing
// of those behind it.
INTERNAL void channel_next_tunnel(struct grpc_channel *channel);

// channel_may_redial: there is another connection to hope for when one is lost
// or cannot be had.
INTERNAL bool channel_may_redial(const struct grpc_channel *channel);

// channel_host is the host of an authority, without port and brackets.
INTERNAL struct view channel_host(const char *authority);

// channel_check_text: what the user wants in a header may stand in one. An
// authority has no spaces, and no value begins with one. NULL is right.
INTERNAL bool channel_check_text(const char *text, bool has_spaces);

// channel_reap frees a channel that was freed within a step.
INTERNAL void channel_reap(struct grpc_channel *channel);

#endif
