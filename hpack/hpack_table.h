// SPDX-License-Identifier: MIT
// The two tables of HPACK (RFC 7541 sections 2.3 and 4, appendix A).
//
// The dynamic table is a queue of entries in a ring of slots, and their text
// in a ring of bytes; the text of an entry is one run, its name and then its
// value. A name of the static table needs no text. Both rings lie in one block
// of memory, which is not there before the first insertion, begins small, and
// grows by halves up to what the limit asks for. It never takes more than 16
// bytes for each 32 of the limit, and the limit.
//
// Entries are named by age: 0 is the newest, index 62 of the address space.
// The number of an entry, table->inserted when it was the newest, never
// changes: hints are made of it.
//
// An encoder's table is indexed: between the rings stand buckets, by the hash
// of the name, from each of which a chain of entries goes from newer to older.
// Links in it are the low 16 bits of a number. One may stand for an entry that
// is gone, or by chance for another one, which only makes the chain longer.
//
// Invariants (hpack_table_check):
//   1. size is the sum of name + value + 32 over all entries, and at most
//      limit; live is the sum of their bytes in the ring of text.
//   2. count <= entry_capacity; the newest entry is in slot newest, the others
//      before it, cyclically.
//   3. From the oldest entry to the newest the text goes upwards in the ring,
//      wraps at most once, and then ends where the oldest begins or before.

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
    // No limit is set above this: offsets and sizes are kept in 16 bits, with
    // one of them to tell the names of the static table.
    HPACK_TABLE_MAX = 1 << 15,
    HPACK_STATIC_COUNT = 61,                      // entries of the static table
    HPACK_DYNAMIC_FIRST = HPACK_STATIC_COUNT + 1, // index of the newest entry
};

// One header field as it leaves the decoder or enters the encoder.
struct hpack_field {
    struct view name;
    struct view value;
    // memo: where the owner of the connection may keep one word with this
    // field's table entry, so that a repeated field need not be parsed again.
    // Zero when the entry was inserted, never read by hpack. NULL when the
    // field is not an entry of the dynamic table. Decoder only.
    uintptr_t *memo;
    // Decoder's own: ties the fields of one table entry together.
    uint16_t link;
    // static_name: index (1..61) of the first entry of the static table that
    // has this name. Decoder: 0 exactly when there is none, however the name
    // was sent. Encoder: a hint, checked in debug builds; 0: not known.
    uint8_t static_name;
    // static_row: index of the entry of the static table that the whole field
    // is; 0 when it was sent in any other way. Decoder only.
    uint8_t static_row;
    // never_index: the sender asked that no hop puts it in a table (6.2.3).
    bool never_index;
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

// Bit of hpack_entry.name.
enum { HPACK_NAME_STATIC = 0x8000 };

struct hpack_entry {
    uintptr_t memo;      // decoder: hpack_field.memo points here
    uint16_t offset;     // of its text in hpack_table.bytes
    uint16_t name;       // HPACK_NAME_STATIC with a static row, or bytes
    uint16_t value_size; // bytes
    // Decoder: 1 + the position in the block of the latest field that refers
    // to this entry; it holds only if that field's memo agrees. Encoder: number
    // (low 16 bits) of the next older entry in the same bucket.
    uint16_t link;
};

struct hpack_table {
    const grpc_allocator *allocator; // borrowed
    struct hpack_entry *entries;     // ring of slots; NULL before first use
    uint8_t *bytes;          // ring of text, behind the entries and the buckets
    uint64_t inserted;       // number of the newest entry
    uint16_t newest;         // slot of the newest entry
    uint16_t count;          // entries
    uint16_t entry_capacity; // slots
    uint16_t byte_capacity;  // of the ring of text
    uint16_t live;           // bytes of it that entries take
    uint16_t size;           // bytes as RFC 7541 section 4.1 counts them
    uint16_t limit;          // bytes, likewise: the maximum size now in force
    bool is_indexed;         // has buckets: an encoder's
};

// hpack_table_init allocates nothing.
INTERNAL void hpack_table_init(struct hpack_table *table,
                               const grpc_allocator *allocator, uint32_t limit,
                               bool is_indexed);
INTERNAL void hpack_table_fini(struct hpack_table *table);

// hpack_table_entry: age is less than count. The pointer holds until the next
// insertion.
static inline struct hpack_entry *hpack_table_entry(
    const struct hpack_table *table, uint32_t age)
{
    ASSERT(age < table->count);
    uint32_t slot = table->newest - age;
    return &table->entries[age <= table->newest ? slot
                                                : slot + table->entry_capacity];
}

// hpack_entry_static_name is the row of the static table, 0 if none.
static inline uint8_t hpack_entry_static_name(const struct hpack_entry *entry)
{
    return (entry->name & HPACK_NAME_STATIC) != 0 ? (uint8_t)entry->name : 0;
}

// hpack_table_read fills in all of *out and returns the size of the entry (4.1).
// The views hold until it is evicted and another inserted, or the table grows.
// (Member by member: a struct that is made whole and then copied costs several
// times as much.)
static inline size_t hpack_table_read(const struct hpack_table *table,
                                      struct hpack_entry *entry,
                                      struct hpack_field *out)
{
    const uint8_t *text = table->bytes + entry->offset;
    uint8_t static_name = hpack_entry_static_name(entry);
    size_t name_size = entry->name;
    if (static_name != 0) {
        const struct view *name = &hpack_static_field(static_name)->name;
        out->name.data = name->data;
        name_size = name->size;
    } else {
        out->name.data = text;
        text += name_size;
    }
    out->name.size = name_size;
    out->value.data = text;
    out->value.size = entry->value_size;
    out->memo = &entry->memo;
    out->link = entry->link;
    out->static_name = static_name;
    out->static_row = 0;
    out->never_index = false;
    return name_size + entry->value_size + HPACK_ENTRY_OVERHEAD;
}

// hpack_field_size is what a field counts in a table and a list (4.1).
static inline size_t hpack_field_size(const struct hpack_field *field)
{
    return field->name.size + field->value.size + HPACK_ENTRY_OVERHEAD;
}

// Insertion is in steps, so that the decoder can save what its block still
// refers to: excess, evict, grow if there is no room, insert. Of a field that
// is inserted, name, value, and static_name count; 0 in that means that the
// static table does not have the name.

// hpack_table_excess is how many of the oldest entries have to go before one
// of the given size (name + value + 32) fits; all, when it never does.
INTERNAL uint32_t hpack_table_excess(const struct hpack_table *table,
                                     size_t size);

// hpack_table_evict drops the oldest entries; their text stays readable until
// the next insertion.
INTERNAL void hpack_table_evict(struct hpack_table *table, uint32_t count);

// hpack_table_has_room: the field can be inserted without growing.
INTERNAL bool hpack_table_has_room(const struct hpack_table *table,
                                   const struct hpack_field *field);

// hpack_table_grow makes that room, where the limit allows the field: it moves
// the table to other storage, of the size that is needed now. False without
// memory, and then the table is as it was. *out_old is the table with its former
// storage, which the caller releases with hpack_table_free_storage when nothing
// points into it.
INTERNAL MUST_CHECK bool hpack_table_grow(struct hpack_table *table,
                                          const struct hpack_field *field,
                                          struct hpack_table *out_old);
INTERNAL void hpack_table_free_storage(const struct hpack_table *table);

// hpack_table_insert copies the text in. There is room, and the limit allows
// the field. Its name may be that of an entry that was just evicted.
INTERNAL struct hpack_entry *hpack_table_insert(
    struct hpack_table *table, const struct hpack_field *field);

// What the dynamic table holds of a field: indices, 0 for nothing.
struct hpack_match {
    uint32_t whole; // of an entry with this name and value
    uint32_t name;  // of an entry with this name
};

// hpack_table_find looks for a field as hpack_table_insert takes it. The table
// is indexed.
INTERNAL struct hpack_match hpack_table_find(const struct hpack_table *table,
                                             const struct hpack_field *field);

// hpack_table_set_limit evicts what is over the new limit.
INTERNAL void hpack_table_set_limit(struct hpack_table *table, uint32_t limit);

INTERNAL void hpack_table_check(const struct hpack_table *table);

#endif
