// SPDX-License-Identifier: MIT
// The policy pick_first: all calls go to the first address that answers
// (gRFC A61, A62; RFC 8305).
//
//          connect            an address is READY
//   IDLE ----------> CONNECTING -----------------> READY
//    ^                   | every address            | ^
//    |                   v has failed               | |
//    |           TRANSIENT_FAILURE -----------------|-+
//    +----------------------------------------------+  lost
//
// In CONNECTING it makes one pass over the addresses, IPv6 and IPv4 in turns: it
// goes to the next when one has failed, and when one has not answered for
// attempt_delay_ms, and then both are under way. The first that answers is
// taken, the others are given up. In TRANSIENT_FAILURE each address is tried
// again as soon as its backoff is over.

#ifndef CORE_PICK_FIRST_H
#define CORE_PICK_FIRST_H

#include "base/linkage.h"
#include "core/policy.h"

INTERNAL_DATA const struct policy_class pick_first_class;

#endif
