// SPDX-License-Identifier: MIT

#include "core/details.h"

#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/view.h"

// google.protobuf.Any and google.rpc.Status, for the library alone: a user's
// program may generate its own.
struct details_any {
    grpc_str type_url;
    grpc_str value;
    grpc_str unknown_fields;
};

struct details_status {
    int32_t code;
    grpc_str message;
    struct {
        const struct details_any *data;
        size_t count;
    } details;
    grpc_str unknown_fields;
};

static const grpc_field details_any_fields[] = {
    {1, offsetof(struct details_any, type_url), 0, GRPC_TYPE_STRING,
     GRPC_FIELD_IMPLICIT, 0},
    {2, offsetof(struct details_any, value), 0, GRPC_TYPE_BYTES,
     GRPC_FIELD_IMPLICIT, 0},
};
static const struct details_any details_any_empty = {
    .type_url = {"", 0},
    .value = {"", 0},
};
static const grpc_message details_any_message = {
    .name = "google.protobuf.Any",
    .fields = details_any_fields,
    .empty = &details_any_empty,
    .size = sizeof(struct details_any),
    .field_count = 2,
    .dense_count = 2,
    .unknown = offsetof(struct details_any, unknown_fields),
};

static const grpc_message *const details_status_messages[] = {
    &details_any_message,
};
static const grpc_field details_status_fields[] = {
    {1, offsetof(struct details_status, code), 0, GRPC_TYPE_INT32,
     GRPC_FIELD_IMPLICIT, 0},
    {2, offsetof(struct details_status, message), 0, GRPC_TYPE_STRING,
     GRPC_FIELD_IMPLICIT, 0},
    {3, offsetof(struct details_status, details), 0, GRPC_TYPE_MESSAGE,
     GRPC_FIELD_REPEATED, 0},
};
static const struct details_status details_status_empty = {
    .message = {"", 0},
};
static const grpc_message details_status_message = {
    .name = "google.rpc.Status",
    .fields = details_status_fields,
    .messages = details_status_messages,
    .empty = &details_status_empty,
    .size = sizeof(struct details_status),
    .field_count = 3,
    .dense_count = 3,
    .unknown = offsetof(struct details_status, unknown_fields),
};

// The type of an Any is what follows the last slash of its URL.
static const char details_prefix[] = "type.googleapis.com/";

static bool details_encode_one(grpc_arena *arena, const grpc_detail *detail,
                               struct details_any *out)
{
    out->value = grpc_message_encode(detail->type, detail->message, arena);
    out->type_url =
        grpc_arena_printf(arena, "%s%s", details_prefix, detail->type->name);
    return out->value.data != NULL && out->type_url.data != NULL;
}

grpc_str details_encode(grpc_arena *arena, grpc_code code, grpc_str text,
                        const grpc_detail *list)
{
    const grpc_str none = {NULL, 0};
    size_t count = 0;
    while (list[count].type != NULL) {
        count++;
    }
    struct details_any *encoded =
        arena_alloc_zeroed(arena, count * sizeof *encoded);
    if (encoded == NULL) {
        return none;
    }
    for (size_t i = 0; i < count; i++) {
        if (!details_encode_one(arena, &list[i], &encoded[i])) {
            return none;
        }
    }
    const struct details_status status = {
        .code = (int32_t)code,
        .message = text,
        .details = {encoded, count},
    };
    return grpc_message_encode(&details_status_message, &status, arena);
}

bool details_contradict(grpc_arena *arena, grpc_str details, grpc_code code)
{
    struct details_status decoded;
    return grpc_message_decode(&details_status_message, &decoded, arena,
                               details.data, details.size) == GRPC_OK &&
           decoded.code != 0 && decoded.code != (int32_t)code;
}

// details_is_type compares what follows the last slash with a full name.
static bool details_is_type(grpc_str url, const char *name)
{
    size_t size = strlen(name);
    return url.size > size && url.data[url.size - size - 1] == '/' &&
           memcmp(url.data + url.size - size, name, size) == 0;
}

grpc_result grpc_status_detail(const grpc_status *status,
                               const grpc_message *type, size_t n,
                               grpc_arena *arena, void *message)
{
    if (status == NULL || type == NULL || arena == NULL || message == NULL) {
        return GRPC_EINVAL;
    }
    if (status->details.size == 0) {
        return GRPC_ESTATE;
    }
    struct details_status decoded;
    grpc_result result =
        grpc_message_decode(&details_status_message, &decoded, arena,
                            status->details.data, status->details.size);
    if (result != GRPC_OK) {
        return result;
    }
    for (size_t i = 0; i < decoded.details.count; i++) {
        const struct details_any *any = &decoded.details.data[i];
        if (details_is_type(any->type_url, type->name) && n-- == 0) {
            return grpc_message_decode(type, message, arena, any->value.data,
                                       any->value.size);
        }
    }
    return GRPC_ESTATE;
}
