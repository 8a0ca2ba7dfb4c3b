// SPDX-License-Identifier: MIT
// What decoder and encoder both know of a field: its wire type, how it is laid
// out in the struct, and access to that. Members are read and written with
// memcpy, because their C types are the user's.

#ifndef CODEC_PB_FIELD_H
#define CODEC_PB_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "codec/pb_wire.h"
#include "grpc.h"

// How values of a type are stored and written; several types share a form.
// Scalars come first.
enum {
    PB_FORM_INT32, // sign-extended to 64 bits on the wire
    PB_FORM_UINT32,
    PB_FORM_64,
    PB_FORM_BOOL,
    PB_FORM_SINT32,
    PB_FORM_SINT64,
    PB_FORM_FIXED32,
    PB_FORM_FIXED64,
    PB_FORM_STRING,
    PB_FORM_BYTES,
    PB_FORM_MESSAGE
};

struct pb_type {
    uint8_t form;
    uint8_t wire;
    uint8_t size; // of a value in memory; of a message: its table has it
};

enum { PB_TYPE_COUNT = GRPC_TYPE_SINT64 + 1 };

// pb_types is indexed by GRPC_TYPE_...; the two gaps are no types.
static const struct pb_type pb_types[PB_TYPE_COUNT] = {
    [GRPC_TYPE_DOUBLE] = {PB_FORM_FIXED64, PB_WIRE_FIXED64, 8},
    [GRPC_TYPE_FLOAT] = {PB_FORM_FIXED32, PB_WIRE_FIXED32, 4},
    [GRPC_TYPE_INT64] = {PB_FORM_64, PB_WIRE_VARINT, 8},
    [GRPC_TYPE_UINT64] = {PB_FORM_64, PB_WIRE_VARINT, 8},
    [GRPC_TYPE_INT32] = {PB_FORM_INT32, PB_WIRE_VARINT, 4},
    [GRPC_TYPE_FIXED64] = {PB_FORM_FIXED64, PB_WIRE_FIXED64, 8},
    [GRPC_TYPE_FIXED32] = {PB_FORM_FIXED32, PB_WIRE_FIXED32, 4},
    [GRPC_TYPE_BOOL] = {PB_FORM_BOOL, PB_WIRE_VARINT, sizeof(bool)},
    [GRPC_TYPE_STRING] = {PB_FORM_STRING, PB_WIRE_LENGTH, sizeof(grpc_str)},
    [GRPC_TYPE_MESSAGE] = {PB_FORM_MESSAGE, PB_WIRE_LENGTH, sizeof(void *)},
    [GRPC_TYPE_BYTES] = {PB_FORM_BYTES, PB_WIRE_LENGTH, sizeof(grpc_str)},
    [GRPC_TYPE_UINT32] = {PB_FORM_UINT32, PB_WIRE_VARINT, 4},
    [GRPC_TYPE_ENUM] = {PB_FORM_INT32, PB_WIRE_VARINT, 4},
    [GRPC_TYPE_SFIXED32] = {PB_FORM_FIXED32, PB_WIRE_FIXED32, 4},
    [GRPC_TYPE_SFIXED64] = {PB_FORM_FIXED64, PB_WIRE_FIXED64, 8},
    [GRPC_TYPE_SINT32] = {PB_FORM_SINT32, PB_WIRE_VARINT, 4},
    [GRPC_TYPE_SINT64] = {PB_FORM_SINT64, PB_WIRE_VARINT, 8},
};

_Static_assert(sizeof(bool) == 1, "a bool member is read as one byte");
_Static_assert(sizeof(float) == 4, "a float is 32 bits");
_Static_assert(sizeof(double) == 8, "a double is 64 bits");

// The layout of every repeated member: struct { const T *data; size_t count; }.
struct pb_array {
    void *data;
    size_t count;
};

static inline bool pb_is_scalar(uint8_t form)
{
    return form < PB_FORM_STRING;
}

static inline bool pb_is_repeated(const grpc_field *field)
{
    return field->kind >= GRPC_FIELD_REPEATED;
}

// pb_field_message is the type of a message field.
static inline const grpc_message *pb_field_message(const grpc_message *type,
                                                   const grpc_field *field)
{
    return type->messages[field->message];
}

// pb_load32, pb_load64 and pb_load_pointer read a member; a store is memcpy.
static inline uint32_t pb_load32(const void *slot)
{
    uint32_t value;
    memcpy(&value, slot, sizeof value);
    return value;
}

static inline uint64_t pb_load64(const void *slot)
{
    uint64_t value;
    memcpy(&value, slot, sizeof value);
    return value;
}

static inline void *pb_load_pointer(const void *slot)
{
    void *pointer;
    memcpy(&pointer, slot, sizeof pointer);
    return pointer;
}

static inline grpc_str pb_load_str(const void *slot)
{
    grpc_str text;
    memcpy(&text, slot, sizeof text);
    return text;
}

static inline struct pb_array pb_load_array(const void *slot)
{
    struct pb_array array;
    memcpy(&array, slot, sizeof array);
    return array;
}

// pb_load_bits is the stored value of a scalar as a number: 0 exactly when it
// is the default, and different for values that differ.
static inline uint64_t pb_load_bits(const void *slot, uint8_t size)
{
    if (size == 8) {
        return pb_load64(slot);
    }
    if (size == 4) {
        return pb_load32(slot);
    }
    return *(const unsigned char *)slot;
}

// pb_case_is: the oneof that field is in holds that field.
static inline bool pb_case_is(const void *message, const grpc_field *field)
{
    const unsigned char *at = (const unsigned char *)message + field->presence;
    return pb_load32(at) == field->number;
}

#endif
