// SPDX-License-Identifier: MIT

#include "core/headers.h"

struct h2_field headers_passing(struct view name, struct view value,
                                uint8_t static_name)
{
    struct h2_field field = headers_field(name, value, static_name, NULL);
    field.mode = HPACK_PLAIN;
    return field;
}

bool headers_is_grpc(struct view content_type)
{
    const size_t size = sizeof "application/grpc" - 1;
    if (!VIEW_STARTS(content_type, "application/grpc")) {
        return false;
    }
    return content_type.size == size || content_type.data[size] == '+' ||
           content_type.data[size] == ';';
}

int headers_clip(struct view text)
{
    return text.size < HEADERS_CLIP ? (int)text.size : HEADERS_CLIP;
}
