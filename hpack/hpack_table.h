// SPDX-License-Identifier: MIT
// The two tables of HPACK (RFC 7541 sections 2.3 and 4, appendix A).
//
// The dynamic table is a queue of entries in a ring of slots, and their text
// in a ring of bytes; the text of an entry is one run, its name and then its
// value. Both rings lie in one block of memory, which is not there before the
// first insertion, begins small, and doubles up to what the limit asks for.
//
// Entries are named by age: 0 is the newest, index 62 of the address space.
// The number of an entry, table->inserted when it was the newest, never
// changes: hints are made of it.
//
// Invariants (hpack_table_check):
//   1. size is the sum of name + value + 32 over all entries, and at most
//      limit.
//   2. count <= entry_capacity, a power of two or 0; the entry with number n
//      is in slot n % entry_capacity.
//   3. From the oldest entry to the newest the text goes upwards in the ring,
//      wraps at most once, and then ends before the oldest begins.

#ifndef HPACK_HPACK_TABLE_H
#define HPACK_HPACK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/linkage.h"
#include "base/view.h"
#include "grpc.h"

enum {
    HPACK_ENTRY_OVERHEAD = 32,  // bytes counted per entry (4.1)
    HPACK_TABLE_INITIAL = 4096, // limit before any SETTINGS
    HPACK_TABLE_MAX = 1 << 30,  // no limit is set above this
    HPACK_STATIC_COUNT = 61,    // entries of the static table
    HPACK_DYNAMIC_FIRST = HPACK_STATIC_COUNT + 1, // index of the newest entry
};

// ---- Static table -----------------------------------------------------------

// Static indices that have a use by name. For a name with several rows the
// first one stands for the name (struct hpack_field.static_name).
enum hpack_static {
    HPACK_STATIC_AUTHORITY = 1,
    HPACK_STATIC_METHOD = 2, // with value GET
    HPACK_STATIC_METHOD_POST = 3,
    HPACK_STATIC_PATH = 4,   // with value /
    HPACK_STATIC_SCHEME = 6, // with value http
    HPACK_STATIC_SCHEME_HTTPS = 7,
    HPACK_STATIC_STATUS = 8, // with value 200
    HPACK_STATIC_ACCEPT_ENCODING = 16,
    HPACK_STATIC_AUTHORIZATION = 23,
    HPACK_STATIC_CONTENT_LENGTH = 28,
    HPACK_STATIC_CONTENT_TYPE = 31,
    HPACK_STATIC_COOKIE = 32,
    HPACK_STATIC_HOST = 38,
    HPACK_STATIC_TRANSFER_ENCODING = 57,
    HPACK_STATIC_USER_AGENT = 58,
};

struct hpack_static_field {
    struct view name;
    struct view value;
    uint8_t first_name; // index of the first row with this name
};

// hpack_static_field: index is 1 to 61. The views are of static text.
INTERNAL const struct hpack_static_field *hpack_static_field(uint32_t index);

// hpack_static_find_name returns the first row with that name, 0 if none.
INTERNAL uint8_t hpack_static_find_name(struct view name);

// hpack_static_find_value returns the row with that value among those with
// the name of row first, 0 if none.
INTERNAL uint8_t hpack_static_find_value(uint8_t first, struct view value);

// ---- Dynamic table ----------------------------------------------------------

struct hpack_entry {
    uintptr_t memo;      // decoder: hpack_field.memo points here
    uint32_t offset;     // of the name in hpack_table.bytes
    uint32_t name_size;  // bytes
    uint32_t value_size; // bytes
    // Decoder: 1 + the position in the block of the latest field that refers
    // to this entry; it holds only if that field's memo agrees. Encoder: number
    // (low 32 bits) of the next older entry in the same hash bucket.
    uint32_t link;
    uint8_t static_name; // decoder: as in struct hpack_field
};

struct hpack_table {
    const grpc_allocator *allocator; // borrowed
    struct hpack_entry *entries;     // ring of slots; NULL before first use
    uint8_t *bytes;                  // ring of text, behind the entries
    uint64_t inserted;               // number of the newest entry
    uint32_t count;                  // entries
    uint32_t entry_capacity;         // slots
    uint32_t byte_capacity;
    uint32_t size;  // bytes as RFC 7541 section 4.1 counts them
    uint32_t limit; // bytes, likewise: the maximum size now in force
};

// hpack_table_init allocates nothing.
INTERNAL void hpack_table_init(struct hpack_table *table,
                               const grpc_allocator *allocator, uint32_t limit);
INTERNAL void hpack_table_fini(struct hpack_table *table);

// hpack_table_entry: age is less than count. The pointer holds until the next
// insertion.
static inline struct hpack_entry *hpack_table_entry(
    const struct hpack_table *table, uint32_t age)
{
    ASSERT(age < table->count);
    uint32_t number = (uint32_t)table->inserted - age;
    return &table->entries[number & (table->entry_capacity - 1)];
}

static inline struct view hpack_table_name(const struct hpack_table *table,
                                           const struct hpack_entry *entry)
{
    return view_of(table->bytes + entry->offset, entry->name_size);
}

static inline struct view hpack_table_value(const struct hpack_table *table,
                                            const struct hpack_entry *entry)
{
    return view_of(table->bytes + entry->offset + entry->name_size,
                   entry->value_size);
}

// Insertion is in steps, so that the decoder can save what its block still
// refers to: excess, evict, grow if there is no room, insert.

// hpack_table_excess is how many of the oldest entries have to go before one
// of the given size (name + value + 32) fits; all, when it never does.
INTERNAL uint32_t hpack_table_excess(const struct hpack_table *table,
                                     size_t size);

// hpack_table_evict drops the oldest entries; their text stays readable until
// the next insertion.
INTERNAL void hpack_table_evict(struct hpack_table *table, uint32_t count);

// hpack_table_has_room: an entry with text_size bytes of name and value can
// be inserted without growing.
INTERNAL bool hpack_table_has_room(const struct hpack_table *table,
                                   size_t text_size);

// hpack_table_grow makes that room; false without memory, and then the table
// is as it was. *out_old is the table with its former storage, which the
// caller releases with hpack_table_free_storage when nothing points into it.
INTERNAL MUST_CHECK bool hpack_table_grow(struct hpack_table *table,
                                          size_t text_size,
                                          struct hpack_table *out_old);
INTERNAL void hpack_table_free_storage(const struct hpack_table *table);

// hpack_table_insert copies the text in. There is room, and the limit allows
// the entry. name may be that of an entry that was just evicted.
INTERNAL struct hpack_entry *hpack_table_insert(struct hpack_table *table,
                                                struct view name,
                                                struct view value);

// hpack_table_set_limit evicts what is over the new limit.
INTERNAL void hpack_table_set_limit(struct hpack_table *table, uint32_t limit);

INTERNAL void hpack_table_check(const struct hpack_table *table);

#endif
