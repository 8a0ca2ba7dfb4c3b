// SPDX-License-Identifier: MIT
// Arrays that grow in an arena. A repeated member has a pointer and a count
// and no capacity; that stands in front of the first element, so that a field
// which comes in many pieces is copied a bounded number of times. Only arrays
// that were made here may be extended here.

#ifndef CODEC_PB_ARRAY_H
#define CODEC_PB_ARRAY_H

#include <stddef.h>
#include <string.h>

#include "base/linkage.h"
#include "codec/pb_field.h"
#include "grpc.h"

enum { PB_ARRAY_HEAD = 8 }; // bytes; keeps elements aligned

// pb_array_shortage tells why the arena has just refused size bytes:
// GRPC_ELIMIT when its limit does not allow them, else GRPC_ENOMEM.
INTERNAL grpc_result pb_array_shortage(const grpc_arena *arena, size_t size);

INTERNAL MUST_CHECK grpc_result pb_array_grow(grpc_arena *arena,
                                              struct pb_array *array,
                                              size_t element_size, size_t more);

static inline size_t pb_array_capacity(const struct pb_array *array)
{
    size_t capacity = 0;
    if (array->data != NULL) {
        memcpy(&capacity, (const char *)array->data - PB_ARRAY_HEAD,
               sizeof capacity);
    }
    return capacity;
}

// pb_array_extend makes room for more elements behind the last one; the count
// stays as it is. An array that is not empty at least doubles. GRPC_ENOMEM,
// GRPC_ELIMIT: nothing has changed.
static inline MUST_CHECK grpc_result pb_array_extend(grpc_arena *arena,
                                                     struct pb_array *array,
                                                     size_t element_size,
                                                     size_t more)
{
    if (pb_array_capacity(array) - array->count >= more) {
        return GRPC_OK;
    }
    return pb_array_grow(arena, array, element_size, more);
}

#endif
