// SPDX-License-Identifier: MIT
// Messages written by hand, as cgrpc-gen would write them, that cover every
// type and every kind of field.

#ifndef TESTS_PB_SAMPLES_H
#define TESTS_PB_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc.h"

// SAMPLE_FIELD(struct, number, member, presence, type, kind, message)
#define SAMPLE_FIELD(tag, number_, member, presence_, type_, kind_, message_) \
 {                                                                            \
  .number = (number_), .offset = offsetof(struct tag, member),                \
  .presence = (presence_), .type = GRPC_TYPE_##type_,                         \
  .kind = GRPC_FIELD_##kind_, .message = (message_)                           \
 }

#define SAMPLE_COUNT(array) (sizeof(array) / sizeof((array)[0]))

// SAMPLE_MESSAGE(struct, dense): struct_fields, struct_messages, struct_empty.
#define SAMPLE_MESSAGE(tag, dense)                                          \
 {                                                                          \
  .name = "test." #tag, .fields = tag##_fields, .messages = tag##_messages, \
  .empty = &tag##_empty, .size = sizeof(struct tag),                        \
  .field_count = SAMPLE_COUNT(tag##_fields), .dense_count = (dense),        \
  .unknown = offsetof(struct tag, unknown)                                  \
 }

// Every scalar type: number, GRPC_TYPE_, C type, member.
#define SAMPLE_SCALARS(X)             \
 X(1, DOUBLE, double, f_double)       \
 X(2, FLOAT, float, f_float)          \
 X(3, INT64, int64_t, f_int64)        \
 X(4, UINT64, uint64_t, f_uint64)     \
 X(5, INT32, int32_t, f_int32)        \
 X(6, FIXED64, uint64_t, f_fixed64)   \
 X(7, FIXED32, uint32_t, f_fixed32)   \
 X(8, BOOL, bool, f_bool)             \
 X(9, UINT32, uint32_t, f_uint32)     \
 X(10, ENUM, int32_t, f_enum)         \
 X(11, SFIXED32, int32_t, f_sfixed32) \
 X(12, SFIXED64, int64_t, f_sfixed64) \
 X(13, SINT32, int32_t, f_sint32)     \
 X(14, SINT64, int64_t, f_sint64)

#define SAMPLE_TEXTS(X)            \
 X(15, STRING, grpc_str, f_string) \
 X(16, BYTES, grpc_str, f_bytes)

static const grpc_message *const sample_no_messages[1] = {NULL};

// ---- one string ----

struct sample_hello {
    grpc_str name;
    grpc_str unknown;
};
static const struct sample_hello sample_hello_empty = {
    .name = {"", 0},
};
static const grpc_field sample_hello_fields[] = {
    SAMPLE_FIELD(sample_hello, 1, name, 0, STRING, IMPLICIT, 0),
};
#define sample_hello_messages sample_no_messages
static const grpc_message sample_hello_type = SAMPLE_MESSAGE(sample_hello, 1);

// ---- every type, present when not zero ----

struct sample_plain {
#define X(number, type, ctype, member) ctype member;
    SAMPLE_SCALARS(X)
    SAMPLE_TEXTS(X)
#undef X
    grpc_str unknown;
};
static const struct sample_plain sample_plain_empty = {
    .f_string = {"", 0},
    .f_bytes = {"", 0},
};
static const grpc_field sample_plain_fields[] = {
#define X(number, type, ctype, member) \
 SAMPLE_FIELD(sample_plain, number, member, 0, type, IMPLICIT, 0),
    SAMPLE_SCALARS(X) SAMPLE_TEXTS(X)
#undef X
};
#define sample_plain_messages sample_no_messages
static const grpc_message sample_plain_type = SAMPLE_MESSAGE(sample_plain, 16);

// ---- every type with a bool that tells whether it is there ----

struct sample_optional {
#define X(number, type, ctype, member) \
 ctype member;                         \
 bool has_##member;
    SAMPLE_SCALARS(X)
    SAMPLE_TEXTS(X)
#undef X
    grpc_str unknown;
};
static const struct sample_optional sample_optional_empty = {
    .f_string = {"", 0},
    .f_bytes = {"", 0},
};
static const grpc_field sample_optional_fields[] = {
#define X(number, type, ctype, member)                                        \
 SAMPLE_FIELD(sample_optional, number, member,                                \
              offsetof(struct sample_optional, has_##member), type, OPTIONAL, \
              0),
    SAMPLE_SCALARS(X) SAMPLE_TEXTS(X)
#undef X
};
#define sample_optional_messages sample_no_messages
static const grpc_message sample_optional_type =
    SAMPLE_MESSAGE(sample_optional, 16);

// ---- every type repeated, packed where that can be ----

#define X(number, type, ctype, member) \
 struct {                              \
  const ctype *data;                   \
  size_t count;                        \
 } member;

struct sample_packed {
    SAMPLE_SCALARS(X)
    SAMPLE_TEXTS(X)
    grpc_str unknown;
};

struct sample_expanded {
    SAMPLE_SCALARS(X)
    SAMPLE_TEXTS(X)
    grpc_str unknown;
};
#undef X

static const struct sample_packed sample_packed_empty = {.unknown = {"", 0}};
static const grpc_field sample_packed_fields[] = {
#define X(number, type, ctype, member) \
 SAMPLE_FIELD(sample_packed, number, member, 0, type, PACKED, 0),
    SAMPLE_SCALARS(X)
#undef X
#define X(number, type, ctype, member) \
 SAMPLE_FIELD(sample_packed, number, member, 0, type, REPEATED, 0),
        SAMPLE_TEXTS(X)
#undef X
};
#define sample_packed_messages sample_no_messages
static const grpc_message sample_packed_type =
    SAMPLE_MESSAGE(sample_packed, 16);

static const struct sample_expanded sample_expanded_empty = {
    .unknown = {"", 0},
};
static const grpc_field sample_expanded_fields[] = {
#define X(number, type, ctype, member) \
 SAMPLE_FIELD(sample_expanded, number, member, 0, type, REPEATED, 0),
    SAMPLE_SCALARS(X) SAMPLE_TEXTS(X)
#undef X
};
#define sample_expanded_messages sample_no_messages
static const grpc_message sample_expanded_type =
    SAMPLE_MESSAGE(sample_expanded, 16);

// ---- messages in messages, a oneof, numbers with gaps ----

enum {
    SAMPLE_TREE_TEXT = 10,
    SAMPLE_TREE_NUMBER = 11,
    SAMPLE_TREE_NODE = 12,
    SAMPLE_TREE_HELLO = 13,
    SAMPLE_TREE_REAL = 14,
    SAMPLE_TREE_BLOB = 15
};

struct sample_tree;
struct sample_tree_entry;

struct sample_tree {
    int32_t id;                // = 1
    struct sample_tree *child; // = 2
    struct {
        const struct sample_tree *data;
        size_t count;
    } children; // = 3
    struct {
        const int32_t *data;
        size_t count;
    } numbers; // = 4, packed
    int32_t kind_case;
    union {
        grpc_str text;
        int32_t number;
        struct sample_tree *node;
        struct sample_hello *hello;
        double real;
        grpc_str blob;
    } kind;
    struct {
        const struct sample_tree_entry *data;
        size_t count;
    } places; // = 20, map<string, Tree>
    grpc_str unknown;
};

struct sample_tree_entry {
    grpc_str key;
    struct sample_tree *value;
};

// A oneof whose member is text has no text before one is set.
static const struct sample_tree sample_tree_empty = {.id = 0};

static const struct sample_tree_entry sample_tree_entry_empty = {
    .key = {"", 0},
};
#define SAMPLE_ENTRY(tag, key_type, value_type, message_)             \
 {                                                                    \
  SAMPLE_FIELD(tag, 1, key, 0, key_type, IMPLICIT, 0),                \
      SAMPLE_FIELD(tag, 2, value, 0, value_type, IMPLICIT, message_), \
 }
// Entries have no unknown fields; the offset in their table is not used.
#define SAMPLE_ENTRY_MESSAGE(tag, messages_)                             \
 {                                                                       \
  .name = "test." #tag, .fields = tag##_fields, .messages = (messages_), \
  .empty = &tag##_empty, .size = sizeof(struct tag), .field_count = 2,   \
  .dense_count = 2,                                                      \
 }

static const grpc_message sample_tree_type;
static const grpc_field sample_tree_entry_fields[] =
    SAMPLE_ENTRY(sample_tree_entry, STRING, MESSAGE, 0);
static const grpc_message *const sample_tree_entry_messages[] = {
    &sample_tree_type,
};
static const grpc_message sample_tree_entry_type =
    SAMPLE_ENTRY_MESSAGE(sample_tree_entry, sample_tree_entry_messages);

#define SAMPLE_KIND(number, member, type, message_) \
 SAMPLE_FIELD(sample_tree, number, kind.member,     \
              offsetof(struct sample_tree, kind_case), type, ONEOF, message_)
static const grpc_field sample_tree_fields[] = {
    SAMPLE_FIELD(sample_tree, 1, id, 0, INT32, IMPLICIT, 0),
    SAMPLE_FIELD(sample_tree, 2, child, 0, MESSAGE, IMPLICIT, 0),
    SAMPLE_FIELD(sample_tree, 3, children, 0, MESSAGE, REPEATED, 0),
    SAMPLE_FIELD(sample_tree, 4, numbers, 0, SINT32, PACKED, 0),
    SAMPLE_KIND(SAMPLE_TREE_TEXT, text, STRING, 0),
    SAMPLE_KIND(SAMPLE_TREE_NUMBER, number, INT32, 0),
    SAMPLE_KIND(SAMPLE_TREE_NODE, node, MESSAGE, 0),
    SAMPLE_KIND(SAMPLE_TREE_HELLO, hello, MESSAGE, 1),
    SAMPLE_KIND(SAMPLE_TREE_REAL, real, DOUBLE, 0),
    SAMPLE_KIND(SAMPLE_TREE_BLOB, blob, BYTES, 0),
    SAMPLE_FIELD(sample_tree, 20, places, 0, MESSAGE, MAP, 2),
};
static const grpc_message *const sample_tree_messages[] = {
    &sample_tree_type,
    &sample_hello_type,
    &sample_tree_entry_type,
};
static const grpc_message sample_tree_type = SAMPLE_MESSAGE(sample_tree, 4);

// ---- maps ----

// number, member, key type, C key, value type, C value
#define SAMPLE_MAPS(X)                               \
 X(1, by_int32, INT32, int32_t, INT32, int32_t)      \
 X(2, by_string, STRING, grpc_str, STRING, grpc_str) \
 X(3, by_bool, BOOL, bool, BYTES, grpc_str)          \
 X(4, by_int64, INT64, int64_t, DOUBLE, double)      \
 X(5, by_uint64, UINT64, uint64_t, FLOAT, float)     \
 X(6, by_sint32, SINT32, int32_t, ENUM, int32_t)     \
 X(7, by_fixed64, FIXED64, uint64_t, BOOL, bool)     \
 X(8, by_sfixed32, SFIXED32, int32_t, SINT64, int64_t)

#define X(number, member, ktype, kctype, vtype, vctype) \
 struct sample_##member {                               \
  kctype key;                                           \
  vctype value;                                         \
 };
SAMPLE_MAPS(X)
#undef X

struct sample_maps {
#define X(number, member, ktype, kctype, vtype, vctype) \
 struct {                                               \
  const struct sample_##member *data;                   \
  size_t count;                                         \
 } member;
    SAMPLE_MAPS(X)
#undef X
    grpc_str unknown;
};

static const struct sample_by_string sample_by_string_empty = {
    .key = {"", 0},
    .value = {"", 0},
};
static const struct sample_by_bool sample_by_bool_empty = {.value = {"", 0}};
static const struct sample_by_int32 sample_by_int32_empty = {.key = 0};
static const struct sample_by_int64 sample_by_int64_empty = {.key = 0};
static const struct sample_by_uint64 sample_by_uint64_empty = {.key = 0};
static const struct sample_by_sint32 sample_by_sint32_empty = {.key = 0};
static const struct sample_by_fixed64 sample_by_fixed64_empty = {.key = 0};
static const struct sample_by_sfixed32 sample_by_sfixed32_empty = {.key = 0};

#define X(number, member, ktype, kctype, vtype, vctype) \
 static const grpc_field sample_##member##_fields[] =   \
     SAMPLE_ENTRY(sample_##member, ktype, vtype, 0);    \
 static const grpc_message sample_##member##_type =     \
     SAMPLE_ENTRY_MESSAGE(sample_##member, NULL);
SAMPLE_MAPS(X)
#undef X

static const struct sample_maps sample_maps_empty = {.unknown = {"", 0}};
static const grpc_field sample_maps_fields[] = {
#define X(number, member, ktype, kctype, vtype, vctype) \
 SAMPLE_FIELD(sample_maps, number, member, 0, MESSAGE, MAP, (number)-1),
    SAMPLE_MAPS(X)
#undef X
};
static const grpc_message *const sample_maps_messages[] = {
#define X(number, member, ktype, kctype, vtype, vctype) &sample_##member##_type,
    SAMPLE_MAPS(X)
#undef X
};
static const grpc_message sample_maps_type = SAMPLE_MESSAGE(sample_maps, 8);

// ---- numbers with gaps, of every length of tag; no template ----

struct sample_sparse {
    int32_t a; // = 2
    int32_t b; // = 15
    int32_t c; // = 16
    int32_t d; // = 2047
    int32_t e; // = 2048
    int32_t f; // = 262143
    int32_t g; // = 262144
    int32_t h; // = 33554432
    int32_t i; // = 536870911
    grpc_str unknown;
};
static const grpc_field sample_sparse_fields[] = {
    SAMPLE_FIELD(sample_sparse, 2, a, 0, INT32, IMPLICIT, 0),
    SAMPLE_FIELD(sample_sparse, 15, b, 0, INT32, IMPLICIT, 0),
    SAMPLE_FIELD(sample_sparse, 16, c, 0, INT32, IMPLICIT, 0),
    SAMPLE_FIELD(sample_sparse, 2047, d, 0, INT32, IMPLICIT, 0),
    SAMPLE_FIELD(sample_sparse, 2048, e, 0, INT32, IMPLICIT, 0),
    SAMPLE_FIELD(sample_sparse, 262143, f, 0, INT32, IMPLICIT, 0),
    SAMPLE_FIELD(sample_sparse, 262144, g, 0, INT32, IMPLICIT, 0),
    SAMPLE_FIELD(sample_sparse, 33554432, h, 0, INT32, IMPLICIT, 0),
    SAMPLE_FIELD(sample_sparse, 536870911, i, 0, INT32, IMPLICIT, 0),
};
static const grpc_message sample_sparse_type = {
    .name = "test.sample_sparse",
    .fields = sample_sparse_fields,
    .messages = NULL,
    .empty = NULL,
    .size = sizeof(struct sample_sparse),
    .field_count = SAMPLE_COUNT(sample_sparse_fields),
    .dense_count = 0,
    .unknown = offsetof(struct sample_sparse, unknown),
};

// ---- a message without fields ----

struct sample_nothing {
    grpc_str unknown;
};
static const grpc_message sample_nothing_type = {
    .name = "test.sample_nothing",
    .size = sizeof(struct sample_nothing),
};

enum { SAMPLE_TYPE_COUNT = 9 };
static const grpc_message *const sample_types[SAMPLE_TYPE_COUNT] = {
    &sample_hello_type,  &sample_plain_type,    &sample_optional_type,
    &sample_packed_type, &sample_expanded_type, &sample_tree_type,
    &sample_maps_type,   &sample_sparse_type,   &sample_nothing_type,
};

#endif
