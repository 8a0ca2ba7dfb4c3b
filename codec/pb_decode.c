// SPDX-License-Identifier: MIT
//
// One frame per message that is open, on the C stack, at most PB_DEPTH_MAX + 1
// of them. Readers return the byte behind what they read, or NULL when reading
// has failed; why stands in the decoder.
//
// Invariants
//   1. p <= frame->end, and a frame's end lies within the frame above it.
//   2. A message does not move while it is being read: arrays of messages are
//      extended for a whole run of elements before the first one is read.
//   3. Each run of elements is counted once, so that counting is linear.
//   4. Arrays met in messages were made by this decode (pb_array.h).
//
// Maps lose their doubles when the message that cannot be met again is
// complete: the outermost one, an element or an entry. Singular messages can
// come in many pieces, and cleaning up behind each piece would be quadratic.
// Until then maps that need it wait in a list (decode_mark).

#include "codec/pb_decode.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/endian.h"
#include "codec/pb_array.h"
#include "codec/pb_field.h"
#include "codec/pb_map.h"
#include "codec/pb_skip.h"
#include "codec/pb_utf8.h"

// A map with two entries or more, in a message that is still open.
struct decode_mark {
    struct decode_mark *older;
    unsigned char *slot; // its struct pb_array
    const grpc_message *entry;
};

struct decode_state {
    grpc_arena *arena;
    struct decode_mark *marks; // newest first
    size_t depth_left;         // messages and groups that may still be opened
    grpc_result result;        // of a failure
    const char *reason;
};

struct decode_frame {
    struct decode_state *state;
    const grpc_message *type;
    unsigned char *message;
    const uint8_t *end;
    bool is_entry; // of a map

    // The field that is being read.
    const uint8_t *start; // of its tag
    const grpc_field *field;
    uint32_t tag;
    uint32_t next; // index of the field that should follow
};

static const uint8_t *decode_message(struct decode_frame *frame,
                                     const uint8_t *p);

// ---- failing ----

static const uint8_t *decode_bad(struct decode_frame *frame, const char *reason)
{
    frame->state->result = GRPC_EFORMAT;
    frame->state->reason = reason;
    return NULL;
}

static const uint8_t *decode_out_of_memory(struct decode_frame *frame,
                                           grpc_result result)
{
    frame->state->result = result;
    frame->state->reason = result == GRPC_ELIMIT
                               ? "the message needs more memory than allowed"
                               : "out of memory";
    return NULL;
}

// decode_alloc: NULL has failed the decode.
static inline void *decode_alloc(struct decode_frame *frame, size_t size)
{
    grpc_arena *arena = frame->state->arena;
    void *pointer = arena_alloc(arena, size);
    if (UNLIKELY(pointer == NULL)) {
        decode_out_of_memory(frame, pb_array_shortage(arena, size));
    }
    return pointer;
}

// ---- members ----

static unsigned char *decode_slot(const struct decode_frame *frame)
{
    return frame->message + frame->field->offset;
}

static void decode_set_present(const struct decode_frame *frame)
{
    unsigned char *at = frame->message + frame->field->presence;
    if (frame->field->kind == GRPC_FIELD_OPTIONAL) {
        *at = 1;
    } else if (frame->field->kind == GRPC_FIELD_ONEOF) {
        memcpy(at, &frame->field->number, sizeof frame->field->number);
    }
}

static bool decode_extend(struct decode_frame *frame, struct pb_array *array,
                          size_t element_size, size_t more)
{
    grpc_result result =
        pb_array_extend(frame->state->arena, array, element_size, more);
    if (UNLIKELY(result != GRPC_OK)) {
        decode_out_of_memory(frame, result);
    }
    return result == GRPC_OK;
}

static inline const uint8_t *decode_length(struct decode_frame *frame,
                                           const uint8_t *p, size_t *out)
{
    p = pb_get_length(p, frame->end, out);
    return LIKELY(p != NULL)
               ? p
               : decode_bad(frame, "a length reaches past the end");
}

// decode_count_run counts the fields from this one on, whose value starts at
// p, that have the same tag and follow each other. What is malformed ends the
// run and is refused when it is read.
static size_t decode_count_run(const struct decode_frame *frame,
                               const uint8_t *p)
{
    size_t count = 1;
    for (;;) {
        size_t size;
        uint32_t tag;
        p = pb_get_length(p, frame->end, &size);
        if (p == NULL || p + size == frame->end) {
            return count;
        }
        p = pb_get_tag(p + size, frame->end, &tag);
        if (p == NULL || tag != frame->tag) {
            return count;
        }
        count++;
    }
}

// decode_next_of_run steps over the tag of the next field of a run.
static const uint8_t *decode_next_of_run(const struct decode_frame *frame,
                                         const uint8_t *p)
{
    uint32_t tag;
    p = pb_get_tag(p, frame->end, &tag);
    ASSERT(p != NULL);
    ASSERT(tag == frame->tag);
    return p;
}

// ---- scalars ----

static void decode_store_varint(uint8_t form, unsigned char *slot,
                                uint64_t value)
{
    uint32_t low = (uint32_t)value;
    switch (form) {
    case PB_FORM_BOOL:
        *slot = value != 0;
        return;
    case PB_FORM_SINT64:
        value = pb_unzigzag64(value);
        memcpy(slot, &value, sizeof value);
        return;
    case PB_FORM_64:
        memcpy(slot, &value, sizeof value);
        return;
    case PB_FORM_SINT32:
        low = pb_unzigzag32(low);
        memcpy(slot, &low, sizeof low);
        return;
    default:
        memcpy(slot, &low, sizeof low);
        return;
    }
}

// decode_scalar reads one value, not packed.
static inline const uint8_t *decode_scalar(struct decode_frame *frame,
                                           const uint8_t *p, uint8_t form,
                                           unsigned char *slot)
{
    size_t left = (size_t)(frame->end - p);
    if (form == PB_FORM_FIXED32 && left >= 4) {
        uint32_t value = load_le32(p);
        memcpy(slot, &value, sizeof value);
        return p + 4;
    }
    if (form == PB_FORM_FIXED64 && left >= 8) {
        uint64_t value = load_le64(p);
        memcpy(slot, &value, sizeof value);
        return p + 8;
    }
    uint64_t value;
    if (UNLIKELY(form >= PB_FORM_FIXED32) ||
        UNLIKELY((p = pb_get_varint(p, frame->end, &value)) == NULL)) {
        return decode_bad(frame, "a number is cut short or too long");
    }
    decode_store_varint(form, slot, value);
    return p;
}

// decode_append reads one element of a repeated scalar that is not packed.
static const uint8_t *decode_append(struct decode_frame *frame,
                                    const uint8_t *p)
{
    const struct pb_type *type = &pb_types[frame->field->type];
    struct pb_array array = pb_load_array(decode_slot(frame));
    size_t more = array.data == NULL ? PB_ARRAY_MIN : 1;
    if (!decode_extend(frame, &array, type->size, more)) {
        return NULL;
    }
    unsigned char *data = array.data;
    p = decode_scalar(frame, p, type->form, data + array.count * type->size);
    array.count++;
    memcpy(decode_slot(frame), &array, sizeof array);
    return p;
}

// decode_varints reads all numbers up to end, where one ends: so there is a
// byte behind each that goes on. The form is a constant where it is called.
static inline const uint8_t *decode_varints(const uint8_t *p,
                                            const uint8_t *end, uint8_t form,
                                            unsigned char *slot)
{
    size_t size = form == PB_FORM_BOOL                           ? 1
                  : form == PB_FORM_64 || form == PB_FORM_SINT64 ? 8
                                                                 : 4;
    while (p < end) {
        uint64_t value = *p;
        if (value < 0x80) {
            p++;
        } else if (p[1] < 0x80) {
            value = (value & 0x7f) | (uint64_t)p[1] << 7;
            p += 2;
        } else {
            p = pb_get_varint_slow(p, end, &value);
            if (p == NULL) {
                return NULL;
            }
        }
        decode_store_varint(form, slot, value);
        slot += size;
    }
    return p;
}

static const uint8_t *decode_packed_varints(const uint8_t *p,
                                            const uint8_t *end, uint8_t form,
                                            unsigned char *slot)
{
    switch (form) {
    case PB_FORM_BOOL:
        return decode_varints(p, end, PB_FORM_BOOL, slot);
    case PB_FORM_SINT32:
        return decode_varints(p, end, PB_FORM_SINT32, slot);
    case PB_FORM_SINT64:
        return decode_varints(p, end, PB_FORM_SINT64, slot);
    case PB_FORM_64:
        return decode_varints(p, end, PB_FORM_64, slot);
    default:
        return decode_varints(p, end, PB_FORM_INT32, slot);
    }
}

static void decode_packed_fixed(const uint8_t *p, uint8_t size,
                                unsigned char *slot, size_t count)
{
    for (size_t i = 0; i < count && size == 4; i++) {
        uint32_t value = load_le32(p + 4 * i);
        memcpy(slot + 4 * i, &value, sizeof value);
    }
    for (size_t i = 0; i < count && size == 8; i++) {
        uint64_t value = load_le64(p + 8 * i);
        memcpy(slot + 8 * i, &value, sizeof value);
    }
}

// decode_count_varints counts the bytes that end a number, eight at a time.
static size_t decode_count_varints(const uint8_t *p, size_t size)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    size_t count = 0;
    size_t i = 0;
    for (; size - i >= 8; i += 8) {
        uint64_t ends = ~pb_load64(p + i) >> 7 & ones;
        count += (size_t)(ends * ones >> 56);
    }
    for (; i < size; i++) {
        count += p[i] < 0x80;
    }
    return count;
}

static const uint8_t *decode_packed(struct decode_frame *frame,
                                    const uint8_t *p)
{
    const struct pb_type *type = &pb_types[frame->field->type];
    bool is_fixed = type->form >= PB_FORM_FIXED32;
    size_t size;
    p = decode_length(frame, p, &size);
    if (p == NULL || size == 0) {
        return p;
    }
    if (is_fixed ? size % type->size != 0 : p[size - 1] >= 0x80) {
        return decode_bad(frame, "a packed field ends within a number");
    }
    size_t count = is_fixed ? size / type->size : decode_count_varints(p, size);
    struct pb_array array = pb_load_array(decode_slot(frame));
    if (!decode_extend(frame, &array, type->size, count)) {
        return NULL;
    }
    unsigned char *slot =
        (unsigned char *)array.data + array.count * type->size;
    if (is_fixed) {
        decode_packed_fixed(p, type->size, slot, count);
    } else if (decode_packed_varints(p, p + size, type->form, slot) == NULL) {
        return decode_bad(frame, "a number is cut short or too long");
    }
    array.count += count;
    memcpy(decode_slot(frame), &array, sizeof array);
    return p + size;
}

// ---- strings and bytes ----

// decode_text copies a string or bytes into the arena, with a NUL behind.
static const uint8_t *decode_text(struct decode_frame *frame, const uint8_t *p,
                                  unsigned char *slot)
{
    grpc_str text = {.data = "", .size = 0};
    p = decode_length(frame, p, &text.size);
    if (UNLIKELY(p == NULL)) {
        return NULL;
    }
    if (LIKELY(text.size > 0)) {
        if (frame->field->type == GRPC_TYPE_STRING &&
            UNLIKELY(!pb_utf8_is_valid((const char *)p, text.size))) {
            return decode_bad(frame, "a string is not UTF-8");
        }
        char *copy = decode_alloc(frame, text.size + 1);
        if (UNLIKELY(copy == NULL)) {
            return NULL;
        }
        memcpy(copy, p, text.size);
        copy[text.size] = '\0';
        text.data = copy;
    }
    memcpy(slot, &text, sizeof text);
    return p + text.size;
}

static const uint8_t *decode_text_run(struct decode_frame *frame,
                                      const uint8_t *p)
{
    size_t left = decode_count_run(frame, p);
    struct pb_array array = pb_load_array(decode_slot(frame));
    if (!decode_extend(frame, &array, sizeof(grpc_str), left)) {
        return NULL;
    }
    unsigned char *data = array.data;
    for (;;) {
        p = decode_text(frame, p, data + array.count * sizeof(grpc_str));
        if (p == NULL) {
            return NULL;
        }
        array.count++;
        if (--left == 0) {
            break;
        }
        p = decode_next_of_run(frame, p);
    }
    memcpy(decode_slot(frame), &array, sizeof array);
    return p;
}

// ---- messages ----

static void decode_init(const grpc_message *type, void *message)
{
    if (type->empty != NULL) {
        memcpy(message, type->empty, type->size);
    } else {
        memset(message, 0, type->size);
    }
}

static void *decode_new(struct decode_frame *frame, const grpc_message *type)
{
    void *message = decode_alloc(frame, type->size);
    if (LIKELY(message != NULL)) {
        decode_init(type, message);
    }
    return message;
}

// decode_nested reads a length and a message of that length.
static const uint8_t *decode_nested(struct decode_frame *frame,
                                    const uint8_t *p, const grpc_message *type,
                                    void *message)
{
    size_t size;
    p = decode_length(frame, p, &size);
    if (UNLIKELY(p == NULL)) {
        return NULL;
    }
    struct decode_state *state = frame->state;
    if (UNLIKELY(state->depth_left == 0)) {
        return decode_bad(frame, "messages are nested too deep");
    }
    struct decode_frame inner = {
        .state = state,
        .type = type,
        .message = message,
        .end = p + size,
        .is_entry = frame->field->kind == GRPC_FIELD_MAP,
    };
    state->depth_left--;
    p = decode_message(&inner, p);
    state->depth_left++;
    return p;
}

// decode_child reads a message that may have been there before.
static const uint8_t *decode_child(struct decode_frame *frame, const uint8_t *p)
{
    const grpc_field *field = frame->field;
    const grpc_message *type = pb_field_message(frame->type, field);
    void *child = NULL;
    if (field->kind != GRPC_FIELD_ONEOF || pb_case_is(frame->message, field)) {
        child = pb_load_pointer(decode_slot(frame));
    }
    if (child == NULL) {
        child = decode_new(frame, type);
        if (child == NULL) {
            return NULL;
        }
        memcpy(decode_slot(frame), &child, sizeof child);
    }
    return decode_nested(frame, p, type, child);
}

// decode_unique rids maps of doubles: those that were marked since `until`.
static bool decode_unique(struct decode_frame *frame,
                          const struct decode_mark *until)
{
    struct decode_state *state = frame->state;
    while (state->marks != until) {
        struct decode_mark *mark = state->marks;
        struct pb_array map = pb_load_array(mark->slot);
        grpc_result result = pb_map_unique(state->arena, &map, mark->entry);
        if (result != GRPC_OK) {
            decode_out_of_memory(frame, result);
            return false;
        }
        memcpy(mark->slot, &map, sizeof map);
        state->marks = mark->older;
    }
    return true;
}

static bool decode_mark_map(struct decode_frame *frame,
                            const grpc_message *entry)
{
    struct decode_mark *mark = decode_alloc(frame, sizeof *mark);
    if (mark == NULL) {
        return false;
    }
    *mark = (struct decode_mark){.older = frame->state->marks,
                                 .slot = decode_slot(frame),
                                 .entry = entry};
    frame->state->marks = mark;
    return true;
}

// decode_fill_entry gives an entry without a value an empty message.
static bool decode_fill_entry(struct decode_frame *frame,
                              const grpc_message *entry, unsigned char *message)
{
    const grpc_field *value = &entry->fields[1];
    if (value->type != GRPC_TYPE_MESSAGE ||
        pb_load_pointer(message + value->offset) != NULL) {
        return true;
    }
    void *child = decode_new(frame, pb_field_message(entry, value));
    memcpy(message + value->offset, &child, sizeof child);
    return child != NULL;
}

// decode_element reads one element or entry into memory of its own.
static const uint8_t *decode_element(struct decode_frame *frame,
                                     const uint8_t *p, const grpc_message *type,
                                     unsigned char *element)
{
    const struct decode_mark *until = frame->state->marks;
    decode_init(type, element);
    p = decode_nested(frame, p, type, element);
    if (p == NULL ||
        (frame->state->marks != until && !decode_unique(frame, until)) ||
        (frame->field->kind == GRPC_FIELD_MAP &&
         !decode_fill_entry(frame, type, element))) {
        return NULL;
    }
    return p;
}

static const uint8_t *decode_element_run(struct decode_frame *frame,
                                         const uint8_t *p)
{
    const grpc_message *type = pb_field_message(frame->type, frame->field);
    size_t left = decode_count_run(frame, p);
    struct pb_array array = pb_load_array(decode_slot(frame));
    bool is_marked = array.count >= 2;
    if (!decode_extend(frame, &array, type->size, left)) {
        return NULL;
    }
    unsigned char *data = array.data;
    for (;;) {
        p = decode_element(frame, p, type, data + array.count * type->size);
        if (p == NULL) {
            return NULL;
        }
        array.count++;
        if (--left == 0) {
            break;
        }
        p = decode_next_of_run(frame, p);
    }
    memcpy(decode_slot(frame), &array, sizeof array);
    if (frame->field->kind == GRPC_FIELD_MAP && !is_marked &&
        array.count >= 2 && !decode_mark_map(frame, type)) {
        return NULL;
    }
    return p;
}

// ---- fields ----

// decode_keep adds bytes to the unknown fields, with a NUL behind them.
static bool decode_keep(struct decode_frame *frame, const uint8_t *start,
                        size_t size)
{
    unsigned char *slot = frame->message + frame->type->unknown;
    struct pb_array kept = pb_load_array(slot);
    if (kept.count == 0) {
        kept.data = NULL; // an empty one may be text that is not ours
    }
    if (!decode_extend(frame, &kept, 1, size + 1)) {
        return false;
    }
    char *data = kept.data;
    memcpy(data + kept.count, start, size);
    kept.count += size;
    data[kept.count] = '\0';
    grpc_str text = {.data = data, .size = kept.count};
    memcpy(slot, &text, sizeof text);
    return true;
}

static const uint8_t *decode_unknown(struct decode_frame *frame,
                                     const uint8_t *p)
{
    p = pb_skip(p, frame->end, frame->tag, frame->state->depth_left);
    if (p == NULL) {
        return decode_bad(frame, "an unknown field is malformed");
    }
    if (!frame->is_entry &&
        !decode_keep(frame, frame->start, (size_t)(p - frame->start))) {
        return NULL;
    }
    return p;
}

// decode_other_wire takes a field whose wire type is not that of its type.
static const uint8_t *decode_other_wire(struct decode_frame *frame,
                                        const uint8_t *p)
{
    // Only scalars have another wire type than that of a packed field.
    if (pb_is_repeated(frame->field) &&
        pb_tag_wire(frame->tag) == PB_WIRE_LENGTH) {
        return decode_packed(frame, p);
    }
    return decode_unknown(frame, p);
}

static const uint8_t *decode_repeated(struct decode_frame *frame,
                                      const uint8_t *p, uint8_t form)
{
    if (form == PB_FORM_MESSAGE) {
        return decode_element_run(frame, p);
    }
    return pb_is_scalar(form) ? decode_append(frame, p)
                              : decode_text_run(frame, p);
}

// decode_field reads the value of a field that the table knows.
static inline const uint8_t *decode_field(struct decode_frame *frame,
                                          const uint8_t *p)
{
    const grpc_field *field = frame->field;
    const struct pb_type *type = &pb_types[field->type];
    if (UNLIKELY(pb_tag_wire(frame->tag) != type->wire)) {
        return decode_other_wire(frame, p);
    }
    if (pb_is_repeated(field)) {
        return decode_repeated(frame, p, type->form);
    }
    if (pb_is_scalar(type->form)) {
        p = decode_scalar(frame, p, type->form, decode_slot(frame));
    } else if (type->form == PB_FORM_MESSAGE) {
        p = decode_child(frame, p);
    } else {
        p = decode_text(frame, p, decode_slot(frame));
    }
    if (field->kind != GRPC_FIELD_IMPLICIT) {
        decode_set_present(frame);
    }
    return p;
}

// decode_search: the field with this number, which is not in the dense part of
// the table; NULL when there is none.
static const grpc_field *decode_search(struct decode_frame *frame,
                                       uint32_t number)
{
    const grpc_field *fields = frame->type->fields;
    size_t low = frame->type->dense_count;
    size_t high = frame->type->field_count;
    size_t next = frame->next < low ? low : frame->next;
    while (low < high) {
        size_t middle = next < high ? next : low + (high - low) / 2;
        next = high;
        if (fields[middle].number == number) {
            frame->next = (uint32_t)middle + 1;
            return &fields[middle];
        }
        if (fields[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static inline const grpc_field *decode_find(struct decode_frame *frame,
                                            uint32_t number)
{
    if (LIKELY(number - 1 < frame->type->dense_count)) {
        return &frame->type->fields[number - 1];
    }
    return decode_search(frame, number);
}

static const uint8_t *decode_message(struct decode_frame *frame,
                                     const uint8_t *p)
{
    while (p < frame->end) {
        frame->start = p;
        p = pb_get_tag(p, frame->end, &frame->tag);
        if (UNLIKELY(p == NULL)) {
            return decode_bad(frame, "a tag is malformed");
        }
        frame->field = decode_find(frame, pb_tag_number(frame->tag));
        p = LIKELY(frame->field != NULL) ? decode_field(frame, p)
                                         : decode_unknown(frame, p);
        if (UNLIKELY(p == NULL)) {
            return NULL;
        }
    }
    return p;
}

grpc_result pb_decode(const void *type, void *message, grpc_arena *arena,
                      grpc_str data, const char **reason)
{
    decode_init(type, message);
    if (data.size == 0) {
        return GRPC_OK;
    }
    if (UNLIKELY(data.size > PB_SIZE_MAX)) {
        *reason = "the message is larger than 2 GiB";
        return GRPC_EFORMAT;
    }
    struct decode_state state = {.arena = arena, .depth_left = PB_DEPTH_MAX};
    const uint8_t *p = (const uint8_t *)data.data;
    struct decode_frame frame = {
        .state = &state,
        .type = type,
        .message = message,
        .end = p + data.size,
    };
    if (UNLIKELY(decode_message(&frame, p) == NULL) ||
        UNLIKELY(state.marks != NULL && !decode_unique(&frame, NULL))) {
        *reason = state.reason;
        return state.result;
    }
    return GRPC_OK;
}
