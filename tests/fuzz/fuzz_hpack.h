// SPDX-License-Identifier: MIT
// Comparing HPACK tables and blocks, by what hpack.h and hpack_table.h give.

#ifndef TESTS_FUZZ_FUZZ_HPACK_H
#define TESTS_FUZZ_FUZZ_HPACK_H

#include "hpack/hpack.h"
#include "tests/fuzz/fuzz_kit.h"

// fuzz_newest_same: all entries of a are the newest of b.
static inline void fuzz_newest_same(const struct hpack_table *a,
                                    const struct hpack_table *b)
{
    hpack_table_check(a);
    hpack_table_check(b);
    FUZZ_CHECK(a->limit == b->limit);
    FUZZ_CHECK(a->count <= b->count);
    for (uint32_t age = 0; age < a->count; age++) {
        struct hpack_field left;
        struct hpack_field right;
        hpack_table_read(a, hpack_table_entry(a, age), &left);
        hpack_table_read(b, hpack_table_entry(b, age), &right);
        FUZZ_CHECK(view_equal(left.name, right.name));
        FUZZ_CHECK(view_equal(left.value, right.value));
    }
}

// fuzz_same_table: the same entries in the same order, and the same limit.
static inline void fuzz_same_table(const struct hpack_table *a,
                                   const struct hpack_table *b)
{
    fuzz_newest_same(a, b);
    FUZZ_CHECK(a->count == b->count);
    FUZZ_CHECK(a->size == b->size);
}

// fuzz_field_mark is a word, never 0, that stands for a field's content.
static inline uintptr_t fuzz_field_mark(const struct hpack_field *field)
{
    uint64_t digest = fuzz_digest(FUZZ_DIGEST, field->name);
    digest = fuzz_digest(fuzz_digest_number(digest, 0), field->value);
    return (uintptr_t)digest | 1;
}

// fuzz_field_check: what the decoder says of a field is true of its content.
// The first visitor leaves a mark in the memo, which every later one finds.
static inline void fuzz_field_check(const struct hpack_field *field)
{
    uint8_t known = hpack_static_find_name(field->name);
    FUZZ_CHECK(field->static_name == known);
    if (field->static_row != 0) {
        const struct hpack_static_field *row =
            hpack_static_field(field->static_row);
        FUZZ_CHECK(view_equal(row->name, field->name));
        FUZZ_CHECK(view_equal(row->value, field->value));
        FUZZ_CHECK(field->memo == NULL && !field->never_index);
    }
    if (field->memo != NULL) {
        uintptr_t mark = fuzz_field_mark(field);
        FUZZ_CHECK(*field->memo == 0 || *field->memo == mark);
        *field->memo = mark;
        FUZZ_CHECK(!field->never_index);
    }
}

static inline void fuzz_same_block(const struct hpack_block *a,
                                   const struct hpack_block *b)
{
    FUZZ_CHECK(a->count == b->count);
    FUZZ_CHECK(a->list_bytes == b->list_bytes);
    FUZZ_CHECK(a->list_fields == b->list_fields);
    FUZZ_CHECK(a->over_limit == b->over_limit);
    for (size_t i = 0; i < a->count; i++) {
        const struct hpack_field *left = &a->fields[i];
        const struct hpack_field *right = &b->fields[i];
        FUZZ_CHECK(view_equal(left->name, right->name));
        FUZZ_CHECK(view_equal(left->value, right->value));
        FUZZ_CHECK((left->memo == NULL) == (right->memo == NULL));
        FUZZ_CHECK(left->static_name == right->static_name);
        FUZZ_CHECK(left->static_row == right->static_row);
        FUZZ_CHECK(left->never_index == right->never_index);
        fuzz_field_check(left);
        fuzz_field_check(right);
    }
}

#endif
