// SPDX-License-Identifier: MIT
// What the tests of the protobuf codec share: hex in, hex out, every cut of
// an input, and random messages made from tables.

#ifndef TESTS_PB_KIT_H
#define TESTS_PB_KIT_H

#include <stdlib.h>
#include <string.h>

#include "codec/pb_buffer.h"
#include "codec/pb_decode.h"
#include "codec/pb_encode.h"
#include "codec/pb_field.h"
#include "codec/pb_skip.h"
#include "codec/pb_wire.h"
#include "tests/pb_samples.h"
#include "tests/support.h"

// kit_decode decodes a copy of exactly size bytes, which is gone before the
// message is looked at.
static inline grpc_result kit_decode(const grpc_message *type, void *message,
                                     grpc_arena *arena, const void *bytes,
                                     size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    const char *reason = NULL;
    grpc_str data = {.data = copy, .size = size};
    grpc_result result = pb_decode(type, message, arena, data, &reason);
    assert_true((reason == NULL) == (result == GRPC_OK));
    memset(copy, 0xdd, size);
    free(copy);
    return result;
}

// kit_is_whole: the bytes end where a field of the outermost message ends.
static inline bool kit_is_whole(const uint8_t *p, size_t size)
{
    const uint8_t *end = p + size;
    while (p != NULL && p < end) {
        uint32_t tag;
        p = pb_get_tag(p, end, &tag);
        p = p == NULL ? NULL : pb_skip(p, end, tag, PB_DEPTH_MAX);
    }
    return p != NULL;
}

// kit_cut decodes every beginning of a valid message: it is valid where a
// field ends.
static inline void kit_cut(const grpc_message *type, const uint8_t *bytes,
                           size_t size)
{
    void *message = malloc(type->size);
    assert_non_null(message);
    for (size_t cut = 0; cut < size; cut++) {
        grpc_arena arena = {.cursor = NULL};
        grpc_result expected =
            kit_is_whole(bytes, cut) ? GRPC_OK : GRPC_EFORMAT;
        assert_int_equal(kit_decode(type, message, &arena, bytes, cut),
                         expected);
        grpc_arena_free(&arena);
    }
    free(message);
}

// kit_read decodes hex that is valid, and every cut of it.
static inline void kit_read(const grpc_message *type, void *message,
                            grpc_arena *arena, const char *hex)
{
    uint8_t bytes[1024];
    size_t size = test_unhex(hex, bytes, sizeof bytes);
    kit_cut(type, bytes, size);
    assert_int_equal(kit_decode(type, message, arena, bytes, size), GRPC_OK);
}

// kit_refuse decodes hex that is not valid.
static inline void kit_refuse(const grpc_message *type, const char *hex)
{
    uint8_t bytes[1024];
    size_t size = test_unhex(hex, bytes, sizeof bytes);
    void *message = malloc(type->size);
    assert_non_null(message);
    grpc_arena arena = {.cursor = NULL};
    assert_int_equal(kit_decode(type, message, &arena, bytes, size),
                     GRPC_EFORMAT);
    grpc_arena_free(&arena);
    free(message);
}

// kit_write encodes a message and compares with hex.
static inline void kit_write(const grpc_message *type, const void *message,
                             const char *hex)
{
    uint8_t expected[1024];
    size_t size = test_unhex(hex, expected, sizeof expected);
    const char *reason = NULL;
    grpc_buffer buffer = {.base = NULL};
    assert_int_equal(pb_encode(type, message, &buffer, &reason), GRPC_OK);
    assert_null(reason);
    assert_int_equal(pb_buffer_size(&buffer), size);
    assert_memory_equal(buffer.first, expected, size);
    assert_true(pb_buffer_room(&buffer) >= GRPC_BUFFER_HEADROOM);
    pb_buffer_check(&buffer);
    pb_buffer_fini(&buffer);
}

// kit_both: hex decodes, and encodes to the same again.
static inline void kit_both(const grpc_message *type, void *message,
                            grpc_arena *arena, const char *hex)
{
    kit_read(type, message, arena, hex);
    kit_write(type, message, hex);
}

static inline bool kit_is(grpc_str text, const char *expected, size_t size)
{
    return text.data != NULL && text.size == size &&
           memcmp(text.data, expected, size) == 0 && text.data[size] == '\0';
}
#define KIT_IS(text, literal) kit_is((text), "" literal, sizeof(literal) - 1)

// ---- random messages ----

struct kit_random {
    uint64_t seed;
    grpc_arena *arena;
    int depth_left;
};

static inline void *kit_alloc(struct kit_random *random, size_t size)
{
    void *memory = grpc_arena_alloc(random->arena, size + 1);
    assert_non_null(memory);
    memset(memory, 0, size + 1);
    return memory;
}

static inline uint32_t kit_below(struct kit_random *random, uint32_t bound)
{
    return test_random(&random->seed) % bound;
}

static inline grpc_str kit_random_text(struct kit_random *random, bool is_utf8)
{
    static const char *const pieces[] = {
        "a", "Zz",      "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        "",  "12345678"};
    size_t max = kit_below(random, 8) == 0 ? 300 : 20;
    size_t size = kit_below(random, (uint32_t)max);
    char *text = kit_alloc(random, size + 16);
    size_t used = 0;
    while (used < size) {
        const char *piece = pieces[kit_below(random, 7)];
        memcpy(text + used, piece, strlen(piece));
        used += strlen(piece);
    }
    if (!is_utf8 && used > 0) {
        text[kit_below(random, (uint32_t)used)] = (char)0xff;
    }
    text[used] = '\0';
    return (grpc_str){.data = text, .size = used};
}

static inline void kit_random_message(struct kit_random *random,
                                      const grpc_message *type, void *message);

static inline void *kit_random_new(struct kit_random *random,
                                   const grpc_message *type)
{
    void *message = kit_alloc(random, type->size);
    random->depth_left--;
    kit_random_message(random, type, message);
    random->depth_left++;
    return message;
}

// kit_random_value writes one value; an index that is not 0 makes keys differ.
static inline void kit_random_value(struct kit_random *random,
                                    const grpc_message *type,
                                    const grpc_field *field,
                                    unsigned char *slot)
{
    uint8_t form = pb_types[field->type].form;
    if (form == PB_FORM_MESSAGE) {
        void *child = kit_random_new(random, type->messages[field->message]);
        memcpy(slot, &child, sizeof child);
        return;
    }
    if (!pb_is_scalar(form)) {
        grpc_str text = kit_random_text(random, form == PB_FORM_STRING);
        memcpy(slot, &text, sizeof text);
        return;
    }
    uint64_t bits = (uint64_t)test_random(&random->seed) << 32;
    bits |= test_random(&random->seed);
    bits = kit_below(random, 4) == 0 ? bits : bits >> kit_below(random, 64);
    if (kit_below(random, 8) == 0) {
        bits = ~bits;
    }
    if (pb_types[field->type].size == 8) {
        memcpy(slot, &bits, 8);
    } else if (form == PB_FORM_BOOL) {
        *slot = bits & 1;
    } else {
        uint32_t low = (uint32_t)bits;
        memcpy(slot, &low, 4);
    }
}

// kit_random_key writes the i-th key of a map: all are different.
static inline void kit_random_key(struct kit_random *random,
                                  const grpc_field *field, size_t i,
                                  unsigned char *slot)
{
    const struct pb_type *of = &pb_types[field->type];
    if (of->form == PB_FORM_STRING) {
        char *text = kit_alloc(random, 16);
        int size =
            snprintf(text, 16, "%u-%u", kit_below(random, 100), (unsigned)i);
        grpc_str key = {.data = text, .size = (size_t)size};
        memcpy(slot, &key, sizeof key);
        return;
    }
    uint64_t bits = (uint64_t)kit_below(random, 1000) << 16 | i;
    if (of->size == 8) {
        memcpy(slot, &bits, 8);
    } else if (of->form == PB_FORM_BOOL) {
        *slot = i & 1;
    } else {
        uint32_t low = (uint32_t)bits;
        memcpy(slot, &low, 4);
    }
}

static inline void kit_random_array(struct kit_random *random,
                                    const grpc_message *type,
                                    const grpc_field *field,
                                    unsigned char *slot)
{
    const grpc_message *inner = NULL;
    size_t size = pb_types[field->type].size;
    size_t count = kit_below(random, kit_below(random, 10) == 0 ? 60 : 5);
    if (field->type == GRPC_TYPE_MESSAGE) {
        inner = type->messages[field->message];
        size = inner->size;
        count = random->depth_left > 0 ? count % 20 : 0;
    }
    if (field->kind == GRPC_FIELD_MAP &&
        inner->fields[0].type == GRPC_TYPE_BOOL) {
        count %= 3;
    }
    unsigned char *data = kit_alloc(random, count * size);
    for (size_t i = 0; i < count; i++) {
        unsigned char *element = data + i * size;
        if (field->kind == GRPC_FIELD_MAP) {
            const grpc_field *value = &inner->fields[1];
            kit_random_key(random, &inner->fields[0], i,
                           element + inner->fields[0].offset);
            random->depth_left--;
            kit_random_value(random, inner, value, element + value->offset);
            random->depth_left++;
        } else if (inner != NULL) {
            random->depth_left--;
            kit_random_message(random, inner, element);
            random->depth_left++;
        } else {
            kit_random_value(random, type, field, element);
        }
    }
    struct pb_array array = {.data = data, .count = count};
    memcpy(slot, &array, sizeof array);
}

static inline void kit_random_unknown(struct kit_random *random, void *slot)
{
    static const char fields[] =
        "\xc8\xbb\x01\x05"                 // 3001, a varint
        "\xd3\xbb\x01\x08\x01\xd4\xbb\x01" // 3002, a group
        "\xda\xbb\x01\x02hi";              // 3003, bytes
    static const size_t starts[] = {0, 4, 12, 18};
    size_t first = kit_below(random, 4);
    size_t last = first + kit_below(random, (uint32_t)(4 - first));
    grpc_str unknown = {.data = fields + starts[first],
                        .size = starts[last] - starts[first]};
    memcpy(slot, &unknown, sizeof unknown);
}

// kit_random_message fills a message that is all zero.
static inline void kit_random_message(struct kit_random *random,
                                      const grpc_message *type, void *message)
{
    unsigned char *bytes = message;
    for (size_t i = 0; i < type->field_count; i++) {
        const grpc_field *field = &type->fields[i];
        unsigned char *slot = bytes + field->offset;
        bool is_message = field->type == GRPC_TYPE_MESSAGE;
        if (kit_below(random, 3) == 0 ||
            (is_message && random->depth_left <= 0)) {
            continue;
        }
        if (pb_is_repeated(field)) {
            kit_random_array(random, type, field, slot);
            continue;
        }
        if (field->kind == GRPC_FIELD_ONEOF) {
            if (kit_below(random, 4) != 0) {
                continue;
            }
            memcpy(bytes + field->presence, &field->number, 4);
        } else if (field->kind == GRPC_FIELD_OPTIONAL) {
            bytes[field->presence] = 1;
            if (kit_below(random, 4) == 0) {
                continue; // present, with the default
            }
        }
        kit_random_value(random, type, field, slot);
    }
    if (kit_below(random, 4) == 0) {
        kit_random_unknown(random, bytes + type->unknown);
    }
}

// ---- equality ----

static inline bool kit_equal(const grpc_message *type, const void *a,
                             const void *b);

static inline bool kit_equal_text(grpc_str a, grpc_str b)
{
    return a.size == b.size &&
           (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool kit_equal_value(const grpc_message *type,
                                   const grpc_field *field, const void *a,
                                   const void *b)
{
    const struct pb_type *of = &pb_types[field->type];
    if (of->form == PB_FORM_MESSAGE) {
        const void *x = pb_load_pointer(a);
        const void *y = pb_load_pointer(b);
        return (x == NULL) == (y == NULL) &&
               (x == NULL || kit_equal(type->messages[field->message], x, y));
    }
    if (pb_is_scalar(of->form)) {
        return memcmp(a, b, of->size) == 0;
    }
    return kit_equal_text(pb_load_str(a), pb_load_str(b));
}

static inline bool kit_equal_array(const grpc_message *type,
                                   const grpc_field *field, const void *a,
                                   const void *b)
{
    struct pb_array x = pb_load_array(a);
    struct pb_array y = pb_load_array(b);
    bool is_message = field->type == GRPC_TYPE_MESSAGE;
    const grpc_message *inner =
        is_message ? type->messages[field->message] : NULL;
    size_t size = is_message ? inner->size : pb_types[field->type].size;
    if (x.count != y.count) {
        return false;
    }
    for (size_t i = 0; i < x.count; i++) {
        const unsigned char *m = (const unsigned char *)x.data + i * size;
        const unsigned char *n = (const unsigned char *)y.data + i * size;
        if (is_message ? !kit_equal(inner, m, n)
                       : !kit_equal_value(type, field, m, n)) {
            return false;
        }
    }
    return true;
}

static inline bool kit_is_entry(const grpc_message *type)
{
    return type->field_count == 2 && type->unknown == 0;
}

// kit_equal compares all that is present, by value.
static inline bool kit_equal(const grpc_message *type, const void *a,
                             const void *b)
{
    const unsigned char *x = a;
    const unsigned char *y = b;
    for (size_t i = 0; i < type->field_count; i++) {
        const grpc_field *field = &type->fields[i];
        const unsigned char *m = x + field->offset;
        const unsigned char *n = y + field->offset;
        if (field->kind == GRPC_FIELD_ONEOF) {
            if (pb_case_is(x, field) != pb_case_is(y, field)) {
                return false;
            }
            if (!pb_case_is(x, field)) {
                continue;
            }
        }
        if (field->kind == GRPC_FIELD_OPTIONAL &&
            x[field->presence] != y[field->presence]) {
            return false;
        }
        if (pb_is_repeated(field) ? !kit_equal_array(type, field, m, n)
                                  : !kit_equal_value(type, field, m, n)) {
            return false;
        }
    }
    return kit_is_entry(type) || kit_equal_text(pb_load_str(x + type->unknown),
                                                pb_load_str(y + type->unknown));
}

#endif
