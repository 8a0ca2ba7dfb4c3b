// SPDX-License-Identifier: MIT
//
// Writers take p, the first byte that was written so far, and return the new
// one, or NULL when writing has failed; why stands in the state.
//
// Invariants
//   1. floor is GRPC_BUFFER_HEADROOM bytes behind the buffer's base, and
//      floor <= p <= end: whoever writes has asked encode_room() before.
//   2. Growing moves all that was written, so that positions are remembered as
//      distances from the end.

#include "codec/pb_encode.h"

#include "base/endian.h"
#include "codec/pb_buffer.h"
#include "codec/pb_field.h"
#include "codec/pb_utf8.h"

struct encode_state {
    grpc_buffer *buffer;
    const unsigned char *floor; // nothing is written in front of this
    size_t behind;      // bytes in the buffer that are not of this message
    size_t depth_left;  // messages that may still be opened
    grpc_result result; // of a failure
    const char *reason;
};

static unsigned char *encode_message(struct encode_state *state,
                                     unsigned char *p, const grpc_message *type,
                                     const void *message);

static unsigned char *encode_fail(struct encode_state *state,
                                  grpc_result result, const char *reason)
{
    state->result = result;
    state->reason = reason;
    return NULL;
}

// encode_size is the number of bytes from p to the end of the buffer.
static inline size_t encode_size(const struct encode_state *state,
                                 const unsigned char *p)
{
    return (size_t)(state->buffer->end - p);
}

static unsigned char *encode_grow(struct encode_state *state, unsigned char *p,
                                  size_t size)
{
    const size_t max = (size_t)PB_SIZE_MAX + PB_HEAD_ROOM;
    size_t written = encode_size(state, p) - state->behind;
    if (size > max || written > max - size) {
        return encode_fail(state, GRPC_ELIMIT,
                           "the message is larger than 2 GiB");
    }
    grpc_buffer *buffer = state->buffer;
    buffer->first = p;
    grpc_result result = pb_buffer_reserve(buffer, size + GRPC_BUFFER_HEADROOM);
    if (result != GRPC_OK) {
        return encode_fail(state, result,
                           result == GRPC_ELIMIT
                               ? "the message is larger than allowed"
                               : "out of memory");
    }
    state->floor = buffer->base + GRPC_BUFFER_HEADROOM;
    return buffer->first;
}

// encode_room makes sure that size bytes may be written in front of p.
static inline unsigned char *encode_room(struct encode_state *state,
                                         unsigned char *p, size_t size)
{
    if (LIKELY((size_t)(p - state->floor) >= size)) {
        return p;
    }
    return encode_grow(state, p, size);
}

// ---- heads ----

// encode_tag writes into room that was made with PB_HEAD_ROOM.
static inline unsigned char *encode_tag(unsigned char *p, uint32_t number,
                                        uint32_t wire)
{
    return pb_put_varint(p, pb_tag(number, wire));
}

// encode_length_and_tag measures from p to where the value ends, which is
// `tail` bytes before the end of the buffer, and makes its own room.
static unsigned char *encode_length_and_tag(struct encode_state *state,
                                            unsigned char *p, size_t tail,
                                            uint32_t number)
{
    size_t size = encode_size(state, p) - tail;
    p = encode_room(state, p, PB_HEAD_ROOM);
    if (UNLIKELY(p == NULL)) {
        return NULL;
    }
    p = pb_put_varint(p, size);
    return encode_tag(p, number, PB_WIRE_LENGTH);
}

// ---- values ----

// encode_number is what a varint of a form says for the bits in memory.
static inline uint64_t encode_number(uint8_t form, uint64_t bits)
{
    switch (form) {
    case PB_FORM_INT32:
        return bits | (0 - (bits >> 31)) << 31;
    case PB_FORM_SINT32:
        return pb_zigzag32((uint32_t)bits);
    case PB_FORM_BOOL:
        return bits != 0;
    case PB_FORM_SINT64:
        return pb_zigzag64(bits);
    default:
        return bits;
    }
}

// encode_scalar writes a scalar with its tag into room that was made.
static inline unsigned char *encode_scalar(unsigned char *p,
                                           const grpc_field *field,
                                           const struct pb_type *of,
                                           uint64_t bits)
{
    if (of->form == PB_FORM_FIXED32) {
        p -= 4;
        store_le32(p, (uint32_t)bits);
    } else if (of->form == PB_FORM_FIXED64) {
        p -= 8;
        store_le64(p, bits);
    } else {
        p = pb_put_varint(p, encode_number(of->form, bits));
    }
    return encode_tag(p, field->number, of->wire);
}

// encode_text writes a string or bytes with their head.
static unsigned char *encode_text(struct encode_state *state, unsigned char *p,
                                  const grpc_field *field, grpc_str text)
{
    if (UNLIKELY(text.size > PB_SIZE_MAX)) {
        return encode_fail(state, GRPC_ELIMIT,
                           "the message is larger than 2 GiB");
    }
    p = encode_room(state, p, text.size + PB_HEAD_ROOM);
    if (UNLIKELY(p == NULL)) {
        return NULL;
    }
    if (text.size > 0) {
        if (UNLIKELY(text.data == NULL)) {
            return encode_fail(state, GRPC_EINVAL,
                               "a string has a size but no data");
        }
        if (field->type == GRPC_TYPE_STRING &&
            UNLIKELY(!pb_utf8_is_valid(text.data, text.size))) {
            return encode_fail(state, GRPC_EINVAL, "a string is not UTF-8");
        }
        p -= text.size;
        memcpy(p, text.data, text.size);
    }
    p = pb_put_varint(p, text.size);
    return encode_tag(p, field->number, PB_WIRE_LENGTH);
}

// encode_child writes a message with its head; NULL is an empty one.
static unsigned char *encode_child(struct encode_state *state, unsigned char *p,
                                   const grpc_field *field,
                                   const grpc_message *type,
                                   const void *message)
{
    size_t tail = encode_size(state, p);
    if (UNLIKELY(state->depth_left == 0)) {
        return encode_fail(state, GRPC_ELIMIT, "messages are nested too deep");
    }
    if (LIKELY(message != NULL)) {
        state->depth_left--;
        p = encode_message(state, p, type, message);
        state->depth_left++;
        if (UNLIKELY(p == NULL)) {
            return NULL;
        }
    }
    return encode_length_and_tag(state, p, tail, field->number);
}

// encode_value writes one value with its head, present or not.
static unsigned char *encode_value(struct encode_state *state, unsigned char *p,
                                   const grpc_message *type,
                                   const grpc_field *field,
                                   const unsigned char *slot)
{
    const struct pb_type *of = &pb_types[field->type];
    if (pb_is_scalar(of->form)) {
        p = encode_room(state, p, PB_HEAD_ROOM);
        if (UNLIKELY(p == NULL)) {
            return NULL;
        }
        return encode_scalar(p, field, of, pb_load_bits(slot, of->size));
    }
    if (of->form == PB_FORM_MESSAGE) {
        return encode_child(state, p, field, pb_field_message(type, field),
                            pb_load_pointer(slot));
    }
    return encode_text(state, p, field, pb_load_str(slot));
}

// ---- repeated fields ----

static inline unsigned char *encode_varints(struct encode_state *state,
                                            unsigned char *p, uint8_t form,
                                            const struct pb_array *array,
                                            uint8_t size)
{
    const unsigned char *data = array->data;
    for (size_t i = array->count; i-- > 0;) {
        p = encode_room(state, p, PB_HEAD_ROOM);
        if (UNLIKELY(p == NULL)) {
            return NULL;
        }
        p = pb_put_varint(
            p, encode_number(form, pb_load_bits(data + i * size, size)));
    }
    return p;
}

static unsigned char *encode_packed_varints(struct encode_state *state,
                                            unsigned char *p, uint8_t form,
                                            const struct pb_array *array)
{
    switch (form) {
    case PB_FORM_INT32:
        return encode_varints(state, p, PB_FORM_INT32, array, 4);
    case PB_FORM_UINT32:
        return encode_varints(state, p, PB_FORM_UINT32, array, 4);
    case PB_FORM_SINT32:
        return encode_varints(state, p, PB_FORM_SINT32, array, 4);
    case PB_FORM_SINT64:
        return encode_varints(state, p, PB_FORM_SINT64, array, 8);
    case PB_FORM_BOOL:
        return encode_varints(state, p, PB_FORM_BOOL, array, 1);
    default:
        return encode_varints(state, p, PB_FORM_64, array, 8);
    }
}

static unsigned char *encode_packed_fixed(struct encode_state *state,
                                          unsigned char *p, size_t size,
                                          const struct pb_array *array)
{
    const unsigned char *data = array->data;
    if (array->count > PB_SIZE_MAX / size) {
        return encode_fail(state, GRPC_ELIMIT,
                           "the message is larger than 2 GiB");
    }
    p = encode_room(state, p, array->count * size);
    if (UNLIKELY(p == NULL)) {
        return NULL;
    }
    p -= array->count * size;
    for (size_t i = 0; i < array->count && size == 4; i++) {
        store_le32(p + 4 * i, pb_load32(data + 4 * i));
    }
    for (size_t i = 0; i < array->count && size == 8; i++) {
        store_le64(p + 8 * i, pb_load64(data + 8 * i));
    }
    return p;
}

static unsigned char *encode_packed(struct encode_state *state,
                                    unsigned char *p, const grpc_field *field,
                                    const struct pb_array *array)
{
    const struct pb_type *of = &pb_types[field->type];
    size_t tail = encode_size(state, p);
    p = of->form >= PB_FORM_FIXED32
            ? encode_packed_fixed(state, p, of->size, array)
            : encode_packed_varints(state, p, of->form, array);
    if (UNLIKELY(p == NULL)) {
        return NULL;
    }
    return encode_length_and_tag(state, p, tail, field->number);
}

// encode_entry writes an entry of a map: always its key and its value.
static unsigned char *encode_entry(struct encode_state *state, unsigned char *p,
                                   const grpc_field *field,
                                   const grpc_message *type,
                                   const unsigned char *entry)
{
    size_t tail = encode_size(state, p);
    if (UNLIKELY(state->depth_left == 0)) {
        return encode_fail(state, GRPC_ELIMIT, "messages are nested too deep");
    }
    state->depth_left--;
    for (size_t i = 2; i-- > 0;) {
        const grpc_field *part = &type->fields[i];
        p = encode_value(state, p, type, part, entry + part->offset);
        if (UNLIKELY(p == NULL)) {
            return NULL;
        }
    }
    state->depth_left++;
    return encode_length_and_tag(state, p, tail, field->number);
}

static unsigned char *encode_elements(struct encode_state *state,
                                      unsigned char *p,
                                      const grpc_message *type,
                                      const grpc_field *field,
                                      const struct pb_array *array)
{
    const unsigned char *data = array->data;
    const grpc_message *inner = NULL;
    size_t size = pb_types[field->type].size;
    if (field->type == GRPC_TYPE_MESSAGE) {
        inner = pb_field_message(type, field);
        size = inner->size;
    }
    for (size_t i = array->count; i-- > 0 && p != NULL;) {
        const unsigned char *element = data + i * size;
        if (inner == NULL) {
            p = encode_value(state, p, type, field, element);
        } else if (field->kind == GRPC_FIELD_MAP) {
            p = encode_entry(state, p, field, inner, element);
        } else {
            p = encode_child(state, p, field, inner, element);
        }
    }
    return p;
}

static unsigned char *encode_repeated(struct encode_state *state,
                                      unsigned char *p,
                                      const grpc_message *type,
                                      const grpc_field *field,
                                      const unsigned char *slot)
{
    struct pb_array array = pb_load_array(slot);
    if (array.count == 0) {
        return p;
    }
    if (UNLIKELY(array.data == NULL)) {
        return encode_fail(state, GRPC_EINVAL,
                           "a repeated field has a count but no data");
    }
    if (field->kind == GRPC_FIELD_PACKED) {
        return encode_packed(state, p, field, &array);
    }
    return encode_elements(state, p, type, field, &array);
}

// ---- messages ----

// encode_has: a field with presence is present.
static inline bool encode_has(const unsigned char *message,
                              const grpc_field *field)
{
    if (field->kind == GRPC_FIELD_OPTIONAL) {
        return message[field->presence] != 0;
    }
    return pb_case_is(message, field);
}

// encode_number_field writes a scalar that is not repeated, if it is present.
static inline unsigned char *encode_number_field(struct encode_state *state,
                                                 unsigned char *p,
                                                 const grpc_field *field,
                                                 const struct pb_type *of,
                                                 const unsigned char *message)
{
    uint64_t bits = pb_load_bits(message + field->offset, of->size);
    if (field->kind == GRPC_FIELD_IMPLICIT ? bits == 0
                                           : !encode_has(message, field)) {
        return p;
    }
    p = encode_room(state, p, PB_HEAD_ROOM);
    return LIKELY(p != NULL) ? encode_scalar(p, field, of, bits) : NULL;
}

// encode_other_field does the same with strings, bytes and messages.
static inline unsigned char *encode_other_field(struct encode_state *state,
                                                unsigned char *p,
                                                const grpc_message *type,
                                                const grpc_field *field,
                                                const unsigned char *message)
{
    const unsigned char *slot = message + field->offset;
    bool is_message = field->type == GRPC_TYPE_MESSAGE;
    bool is_present = is_message ? pb_load_pointer(slot) != NULL
                                 : pb_load_str(slot).size != 0;
    if (field->kind != GRPC_FIELD_IMPLICIT) {
        is_present = encode_has(message, field);
    }
    if (!is_present) {
        return p;
    }
    if (is_message) {
        return encode_child(state, p, field, pb_field_message(type, field),
                            pb_load_pointer(slot));
    }
    return encode_text(state, p, field, pb_load_str(slot));
}

static unsigned char *encode_unknown(struct encode_state *state,
                                     unsigned char *p, grpc_str unknown)
{
    if (UNLIKELY(unknown.data == NULL)) {
        return encode_fail(state, GRPC_EINVAL,
                           "unknown fields have a size but no data");
    }
    p = encode_room(state, p, unknown.size);
    if (p != NULL) {
        p -= unknown.size;
        memcpy(p, unknown.data, unknown.size);
    }
    return p;
}

static unsigned char *encode_message(struct encode_state *state,
                                     unsigned char *p, const grpc_message *type,
                                     const void *message)
{
    const unsigned char *bytes = message;
    grpc_str unknown = pb_load_str(bytes + type->unknown);
    if (UNLIKELY(unknown.size > 0)) {
        p = encode_unknown(state, p, unknown);
    }
    for (size_t i = type->field_count; i-- > 0 && LIKELY(p != NULL);) {
        const grpc_field *field = &type->fields[i];
        const struct pb_type *of = &pb_types[field->type];
        if (pb_is_repeated(field)) {
            p = encode_repeated(state, p, type, field, bytes + field->offset);
        } else if (pb_is_scalar(of->form)) {
            p = encode_number_field(state, p, field, of, bytes);
        } else {
            p = encode_other_field(state, p, type, field, bytes);
        }
    }
    return p;
}

grpc_result pb_encode(const void *type, const void *message,
                      grpc_buffer *buffer, const char **reason)
{
    struct encode_state state = {
        .buffer = buffer,
        .behind = pb_buffer_size(buffer),
        .depth_left = PB_DEPTH_MAX,
    };
    grpc_result result = pb_buffer_reserve(buffer, GRPC_BUFFER_HEADROOM);
    if (UNLIKELY(result != GRPC_OK)) {
        *reason = result == GRPC_ELIMIT ? "the message is larger than allowed"
                                        : "out of memory";
        return result;
    }
    state.floor = buffer->base + GRPC_BUFFER_HEADROOM;
    unsigned char *p = encode_message(&state, buffer->first, type, message);
    if (p != NULL && encode_size(&state, p) - state.behind > PB_SIZE_MAX) {
        p = encode_fail(&state, GRPC_ELIMIT,
                        "the message is larger than 2 GiB");
    }
    if (UNLIKELY(p == NULL)) {
        buffer->first = buffer->end - state.behind;
        *reason = state.reason;
        return state.result;
    }
    buffer->first = p;
    return GRPC_OK;
}
