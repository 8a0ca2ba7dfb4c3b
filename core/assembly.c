// SPDX-License-Identifier: MIT

#include "core/assembly.h"

#include "base/assert.h"
#include "core/conn.h"

// assembly_grant is false when the connection's bound is used up.
static bool assembly_grant(struct grpc_call *call)
{
    struct conn *conn = call->conn;
    uint64_t sum = (uint64_t)conn->assembling + call->deframe.length;
    if (conn->assembling > 0 && sum > conn->h2.limits->assembly_bytes) {
        return false;
    }
    conn->assembling = (uint32_t)sum;
    call->assembling = call->deframe.length;
    return true;
}

// assembly_open lets the rest of the message come.
static void assembly_open(struct grpc_call *call)
{
    if (call->kept > 0) {
        h2_credit_stream(&call->conn->h2, call->stream, call->kept);
        call->kept = 0;
    }
    h2_want(&call->conn->h2, call->stream, deframe_wanted(&call->deframe));
}

static void assembly_set_waits(struct grpc_call *call, bool waits)
{
    if (call->assembly_waits != waits) {
        call->assembly_waits = waits;
        call->conn->assembly_waits += waits ? 1u : UINT32_MAX;
    }
}

// assembly_grant_next grants those that wait, the oldest call first, up to the
// bound.
static void assembly_grant_next(struct conn *conn)
{
    LIST_EACH (link, after, &conn->calls) {
        struct grpc_call *call = LIST_OWNER(link, struct grpc_call, link);
        if (!call->assembly_waits) {
            continue;
        }
        if (!assembly_grant(call)) {
            break;
        }
        assembly_set_waits(call, false);
        assembly_open(call);
        conn_wake(conn);
    }
}

void assembly_give_back(struct grpc_call *call)
{
    struct conn *conn = call->conn;
    assembly_set_waits(call, false);
    if (call->kept > 0) {
        h2_credit_stream(&conn->h2, call->stream, call->kept);
        call->kept = 0;
    }
    if (call->assembling > 0) {
        ASSERT(conn->assembling >= call->assembling);
        conn->assembling -= call->assembling;
        call->assembling = 0;
        if (conn->assembly_waits > 0) {
            assembly_grant_next(conn);
        }
    }
}

void assembly_drop(struct grpc_call *call, size_t size, bool was_kept)
{
    if (UNLIKELY(was_kept)) {
        h2_credit_stream(&call->conn->h2, call->stream, size);
    } else {
        h2_credit(&call->conn->h2, call->stream, size);
    }
}

void assembly_take(struct grpc_call *call, size_t size, bool was_kept)
{
    bool whole = LIKELY(deframe_wanted(&call->deframe) == 0);
    if (whole || call->assembling > 0) {
        assembly_drop(call, size, was_kept);
        return;
    }
    if (call->conn->assembly_waits == 0 && assembly_grant(call)) {
        assembly_drop(call, size, was_kept);
        assembly_open(call);
        return;
    }
    if (!was_kept) {
        h2_credit_connection(&call->conn->h2, call->stream, size);
    }
    call->kept += size;
    assembly_set_waits(call, true);
}
