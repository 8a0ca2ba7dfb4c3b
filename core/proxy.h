// SPDX-License-Identifier: MIT
// Whether a channel goes through an HTTP proxy, through which one, and what it
// is asked for. The proxy is of the channel's options or of the environment
// (HTTPS_PROXY, unless NO_PROXY has the target), as with grpc-go. It is given
// the target's name as it is: only the proxy looks that up. Targets that are no
// IP address and no name are never reached through a proxy.
//
// The password of a proxy's URL is in no message.

#ifndef CORE_PROXY_H
#define CORE_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/view.h"
#include "core/target.h"
#include "core/tunnel.h"
#include "grpc.h"
#include "loop/loop_env.h"

// A proxy's URL: [http://][user[:password]@]host[:port], port 80 if none; what
// follows behind a slash counts for nothing.
struct proxy_url {
    struct view user; // "user:password" with escapes; of the text
    bool has_user;
    struct target via; // the proxy: what is looked up and connected to
};

// proxy_parse: false, and *reason (static text) says what is wrong.
INTERNAL MUST_CHECK bool proxy_parse(struct proxy_url *url, const char *text,
                                     const char **reason);

// What a channel that goes through a proxy does. via stands in for its target:
// it is looked up if that is a name, and its addresses connected to. There is
// one request when the target is a name (localhost too); otherwise one for each
// of its addresses, in their order; those whose request is NULL are left out.
struct proxy_plan {
    size_t size; // of this, with its texts
    struct target via;
    size_t count;
    struct proxy_tunnel tunnels[TARGET_ADDRESS_MAX];
    char text[];
};

struct proxy_question {
    const grpc_allocator *allocator;
    const char *proxy; // of the options: NULL, "" or a URL
    const struct target *target;
    const char *user_agent; // printable
};

// proxy_decide: GRPC_OK with *out_plan, which is NULL when no proxy is used;
// GRPC_EINVAL, and *reason (static text) says why: the URL is wrong; or
// GRPC_ENOMEM.
INTERNAL MUST_CHECK grpc_result
proxy_decide(const struct proxy_question *question, const struct loop_env *env,
             struct proxy_plan **out_plan, const char **reason);

// proxy_for_target is proxy_decide with the environment of the process.
INTERNAL MUST_CHECK grpc_result
proxy_for_target(const struct proxy_question *question,
                 struct proxy_plan **out_plan, const char **reason);

// proxy_plan_free accepts NULL.
INTERNAL void proxy_plan_free(struct proxy_plan *plan,
                              const grpc_allocator *allocator);

#endif
