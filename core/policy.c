// SPDX-License-Identifier: MIT

#include "core/policy.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "core/channel.h"
#include "core/connectivity.h"
#include "core/run.h"

struct policy *policy_new(struct grpc_channel *channel,
                          const struct policy_class *class)
{
    struct policy *policy =
        alloc_zeroed(&channel->loop->allocator, class->size);
    if (policy != NULL) {
        policy->class = class;
        policy->channel = channel;
        policy->state = GRPC_IDLE;
        policy->timer.kind = RUN_POLICY;
    }
    return policy;
}

void policy_free(struct policy *policy)
{
    ASSERT(policy->state == GRPC_IDLE);
    alloc_free(&policy->channel->loop->allocator, policy, policy->class->size);
}

void policy_set_state(struct policy *policy, enum grpc_connectivity state)
{
    policy->state = state;
    channel_on_policy(policy->channel);
}
