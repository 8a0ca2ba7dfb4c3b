// SPDX-License-Identifier: MIT
// A call's metadata as header fields: what the user wants sent, and what the
// peer has sent (PROTOCOL-HTTP2.md, Custom-Metadata).

#ifndef CORE_CALL_FIELDS_H
#define CORE_CALL_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/linkage.h"
#include "base/view.h"
#include "grpc.h"
#include "h2/h2.h"

// Fields to send; zero is none. All memory is the arena's.
struct call_fields {
    struct h2_field *data;
    uint16_t count;
    uint16_t capacity;
    uint32_t list_bytes; // as SETTINGS_MAX_HEADER_LIST_SIZE counts them
};

// call_fields_add copies one piece of metadata, a "-bin" value as base64. One
// with a reserved key is left out without a word. GRPC_EINVAL: not a key or a
// value that may be sent; GRPC_ELIMIT: too much; GRPC_ENOMEM.
INTERNAL MUST_CHECK grpc_result call_fields_add(struct call_fields *fields,
                                                grpc_arena *arena,
                                                const char *key,
                                                struct view value);

// call_fields_add_all adds a list of the user's; *out_key is the first key that
// was refused.
INTERNAL MUST_CHECK grpc_result call_fields_add_all(struct call_fields *fields,
                                                    grpc_arena *arena,
                                                    grpc_metadata metadata,
                                                    const char **out_key);

// call_fields_append puts them behind count fields of the caller's array, which
// has room for them; it returns how many there are then.
INTERNAL size_t call_fields_append(const struct call_fields *fields,
                                   struct h2_field *to, size_t count);

// call_fields_is_users: a field that is the user's metadata, and not gRPC's or
// HTTP/2's own.
INTERNAL bool call_fields_is_users(const struct hpack_field *field);

enum call_fields_result {
    CALL_FIELDS_DONE,
    CALL_FIELDS_NO_MEMORY,
    CALL_FIELDS_BAD_BASE64, // of a "-bin" value
    CALL_FIELDS_TOO_MANY,   // pieces, joined with commas
};

// call_fields_collect copies the metadata of a block into the arena.
INTERNAL MUST_CHECK enum call_fields_result call_fields_collect(
    grpc_arena *arena, const struct hpack_block *block, grpc_metadata *out);

// ":authority" and "user-agent" of a request, which a handler may ask for. They
// are the same from call to call, so the calls of a connection share one copy.
struct call_names {
    uint32_t count; // of those that share it
    uint16_t authority_size;
    uint16_t user_agent_size;
    char text[]; // both, each with a NUL behind it
};

// call_names_take is one with those texts: *cached, or a new one, which replaces
// *cached. NULL without memory.
INTERNAL MUST_CHECK struct call_names *call_names_take(
    const grpc_allocator *allocator, struct call_names **cached,
    struct view authority, struct view user_agent);

// call_names_drop gives a share back; NULL is accepted.
INTERNAL void call_names_drop(const grpc_allocator *allocator,
                              struct call_names *names);

// call_names_get finds one by key.
INTERNAL bool call_names_get(const struct call_names *names, const char *key,
                             grpc_str *value);

// call_names_list copies them and puts others behind; count is 0 without memory.
INTERNAL grpc_metadata call_names_list(const struct call_names *names,
                                       grpc_arena *arena, grpc_metadata others);

#endif
