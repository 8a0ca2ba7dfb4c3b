// SPDX-License-Identifier: MIT

#include "hpack/hpack_table.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/endian.h"

enum {
    // A table begins this small: what a server sends again and again are two
    // short fields, and many connections do no more than a few calls.
    HTABLE_ENTRIES_MIN = 2,
    HTABLE_BYTES_MIN = 32,
    HTABLE_NAME_SLOTS = 128,
};

// ---- Static table (RFC 7541 appendix A) -------------------------------------

struct htable_row {
    struct hpack_static_field field;
    uint8_t last_name; // index of the last row with this name
};

#define HTABLE_VIEW(text)                   \
 {                                          \
  (const uint8_t *)(text), sizeof(text) - 1 \
 }
#define HTABLE_ROW(name, value, first, last)           \
 {                                                     \
  {HTABLE_VIEW(name), HTABLE_VIEW(value), first}, last \
 }

static const struct htable_row htable_rows[HPACK_STATIC_COUNT + 1] = {
    [1] = HTABLE_ROW(":authority", "", 1, 1),
    [2] = HTABLE_ROW(":method", "GET", 2, 3),
    [3] = HTABLE_ROW(":method", "POST", 2, 3),
    [4] = HTABLE_ROW(":path", "/", 4, 5),
    [5] = HTABLE_ROW(":path", "/index.html", 4, 5),
    [6] = HTABLE_ROW(":scheme", "http", 6, 7),
    [7] = HTABLE_ROW(":scheme", "https", 6, 7),
    [8] = HTABLE_ROW(":status", "200", 8, 14),
    [9] = HTABLE_ROW(":status", "204", 8, 14),
    [10] = HTABLE_ROW(":status", "206", 8, 14),
    [11] = HTABLE_ROW(":status", "304", 8, 14),
    [12] = HTABLE_ROW(":status", "400", 8, 14),
    [13] = HTABLE_ROW(":status", "404", 8, 14),
    [14] = HTABLE_ROW(":status", "500", 8, 14),
    [15] = HTABLE_ROW("accept-charset", "", 15, 15),
    [16] = HTABLE_ROW("accept-encoding", "gzip, deflate", 16, 16),
    [17] = HTABLE_ROW("accept-language", "", 17, 17),
    [18] = HTABLE_ROW("accept-ranges", "", 18, 18),
    [19] = HTABLE_ROW("accept", "", 19, 19),
    [20] = HTABLE_ROW("access-control-allow-origin", "", 20, 20),
    [21] = HTABLE_ROW("age", "", 21, 21),
    [22] = HTABLE_ROW("allow", "", 22, 22),
    [23] = HTABLE_ROW("authorization", "", 23, 23),
    [24] = HTABLE_ROW("cache-control", "", 24, 24),
    [25] = HTABLE_ROW("content-disposition", "", 25, 25),
    [26] = HTABLE_ROW("content-encoding", "", 26, 26),
    [27] = HTABLE_ROW("content-language", "", 27, 27),
    [28] = HTABLE_ROW("content-length", "", 28, 28),
    [29] = HTABLE_ROW("content-location", "", 29, 29),
    [30] = HTABLE_ROW("content-range", "", 30, 30),
    [31] = HTABLE_ROW("content-type", "", 31, 31),
    [32] = HTABLE_ROW("cookie", "", 32, 32),
    [33] = HTABLE_ROW("date", "", 33, 33),
    [34] = HTABLE_ROW("etag", "", 34, 34),
    [35] = HTABLE_ROW("expect", "", 35, 35),
    [36] = HTABLE_ROW("expires", "", 36, 36),
    [37] = HTABLE_ROW("from", "", 37, 37),
    [38] = HTABLE_ROW("host", "", 38, 38),
    [39] = HTABLE_ROW("if-match", "", 39, 39),
    [40] = HTABLE_ROW("if-modified-since", "", 40, 40),
    [41] = HTABLE_ROW("if-none-match", "", 41, 41),
    [42] = HTABLE_ROW("if-range", "", 42, 42),
    [43] = HTABLE_ROW("if-unmodified-since", "", 43, 43),
    [44] = HTABLE_ROW("last-modified", "", 44, 44),
    [45] = HTABLE_ROW("link", "", 45, 45),
    [46] = HTABLE_ROW("location", "", 46, 46),
    [47] = HTABLE_ROW("max-forwards", "", 47, 47),
    [48] = HTABLE_ROW("proxy-authenticate", "", 48, 48),
    [49] = HTABLE_ROW("proxy-authorization", "", 49, 49),
    [50] = HTABLE_ROW("range", "", 50, 50),
    [51] = HTABLE_ROW("referer", "", 51, 51),
    [52] = HTABLE_ROW("refresh", "", 52, 52),
    [53] = HTABLE_ROW("retry-after", "", 53, 53),
    [54] = HTABLE_ROW("server", "", 54, 54),
    [55] = HTABLE_ROW("set-cookie", "", 55, 55),
    [56] = HTABLE_ROW("strict-transport-security", "", 56, 56),
    [57] = HTABLE_ROW("transfer-encoding", "", 57, 57),
    [58] = HTABLE_ROW("user-agent", "", 58, 58),
    [59] = HTABLE_ROW("vary", "", 59, 59),
    [60] = HTABLE_ROW("via", "", 60, 60),
    [61] = HTABLE_ROW("www-authenticate", "", 61, 61),
};

#undef HTABLE_ROW
#undef HTABLE_VIEW

// A perfect hash of the 52 names: by htable_name_slot, the first row that may
// have the name.
static const uint8_t htable_names[HTABLE_NAME_SLOTS] = {
    0,  0,  0,  24, 60, 0,  19, 0, 46, 0, 0,  2,  8,  0,  44, 0,  56, 0,  48,
    23, 34, 0,  0,  1,  0,  0,  0, 0,  0, 0,  26, 0,  0,  36, 35, 0,  57, 47,
    43, 0,  33, 16, 58, 6,  0,  0, 0,  0, 0,  0,  0,  18, 0,  0,  0,  0,  20,
    31, 0,  0,  15, 0,  0,  41, 0, 52, 0, 0,  28, 49, 32, 0,  0,  0,  0,  25,
    0,  27, 0,  0,  53, 37, 61, 0, 59, 0, 55, 38, 17, 29, 4,  40, 0,  0,  0,
    0,  30, 0,  45, 0,  0,  0,  0, 0,  0, 0,  22, 50, 51, 0,  0,  0,  0,  0,
    0,  0,  42, 0,  0,  0,  39, 0, 0,  0, 0,  54, 0,  21,
};

static size_t htable_name_slot(struct view name)
{
    size_t sum = name.size * 39 + name.data[0] * (size_t)39 +
                 name.data[name.size - 1] * (size_t)44 +
                 name.data[name.size / 2];
    return sum % HTABLE_NAME_SLOTS;
}

const struct hpack_static_field *hpack_static_field(uint32_t index)
{
    ASSERT(index >= 1);
    ASSERT(index <= HPACK_STATIC_COUNT);
    return &htable_rows[index].field;
}

uint8_t hpack_static_find_name(struct view name)
{
    if (name.size == 0) {
        return 0;
    }
    uint8_t first = htable_names[htable_name_slot(name)];
    return view_equal(htable_rows[first].field.name, name) ? first : 0;
}

uint8_t hpack_static_find_value(uint8_t first, struct view value)
{
    ASSERT(first >= 1);
    ASSERT(first <= HPACK_STATIC_COUNT);
    uint8_t last = htable_rows[first].last_name;
    for (uint8_t index = first; index <= last; index++) {
        if (view_equal(htable_rows[index].field.value, value)) {
            return index;
        }
    }
    return 0;
}

// ---- Dynamic table ----------------------------------------------------------

void hpack_table_init(struct hpack_table *table,
                      const grpc_allocator *allocator, uint32_t limit,
                      bool is_indexed)
{
    ASSERT(limit <= HPACK_TABLE_MAX);
    *table = (struct hpack_table){
        .allocator = allocator,
        .limit = (uint16_t)limit,
        .is_indexed = is_indexed,
    };
}

// htable_bucket_count: chains are of a few entries.
static size_t htable_bucket_count(const struct hpack_table *table)
{
    return table->is_indexed ? (table->entry_capacity + 3U) / 4 : 0;
}

// The storage: entries, buckets, text.
static uint16_t *htable_buckets(const struct hpack_table *table)
{
    return (uint16_t *)(table->entries + table->entry_capacity);
}

static size_t htable_storage_size(const struct hpack_table *table)
{
    return table->entry_capacity * sizeof(struct hpack_entry) +
           htable_bucket_count(table) * sizeof(uint16_t) + table->byte_capacity;
}

void hpack_table_free_storage(const struct hpack_table *table)
{
    if (table->entries != NULL) {
        alloc_free(table->allocator, table->entries,
                   htable_storage_size(table));
    }
}

void hpack_table_fini(struct hpack_table *table)
{
    hpack_table_free_storage(table);
    hpack_table_init(table, table->allocator, 0, table->is_indexed);
}

// htable_text_size is how many bytes an entry takes in the ring of text.
static uint32_t htable_text_size(const struct hpack_entry *entry)
{
    bool is_static = (entry->name & HPACK_NAME_STATIC) != 0;
    return (is_static ? 0U : entry->name) + entry->value_size;
}

static uint32_t htable_end(const struct hpack_entry *entry)
{
    return entry->offset + htable_text_size(entry);
}

// htable_field_text_size: likewise, of a field that may become an entry.
static size_t htable_field_text_size(const struct hpack_field *field)
{
    return (field->static_name != 0 ? 0 : field->name.size) + field->value.size;
}

// htable_size is what an entry counts by the RFC.
static uint32_t htable_size(const struct hpack_entry *entry)
{
    uint8_t static_name = hpack_entry_static_name(entry);
    size_t name_size = static_name != 0
                           ? htable_rows[static_name].field.name.size
                           : entry->name;
    return (uint32_t)name_size + entry->value_size + HPACK_ENTRY_OVERHEAD;
}

uint32_t hpack_table_excess(const struct hpack_table *table, size_t size)
{
    uint32_t excess = 0;
    uint32_t left = table->size;
    while (excess < table->count &&
           (size > table->limit || left > table->limit - size)) {
        excess++;
        left -= htable_size(hpack_table_entry(table, table->count - excess));
    }
    return excess;
}

void hpack_table_evict(struct hpack_table *table, uint32_t count)
{
    ASSERT(count <= table->count);
    for (; count > 0; count--) {
        const struct hpack_entry *oldest =
            hpack_table_entry(table, table->count - 1U);
        table->size = (uint16_t)(table->size - htable_size(oldest));
        table->live = (uint16_t)(table->live - htable_text_size(oldest));
        table->count--;
    }
}

// htable_place finds room in the ring for the text of one entry. The text of
// an entry is never split: what is left at the end of the ring is skipped.
static bool htable_place(const struct hpack_table *table, size_t text_size,
                         uint32_t *out_offset)
{
    uint32_t head = 0; // of the oldest text
    uint32_t tail = 0; // behind the newest
    if (table->count > 0) {
        head = hpack_table_entry(table, table->count - 1U)->offset;
        tail = htable_end(hpack_table_entry(table, 0));
    }
    // Where the two meet the ring is full, or there is no text at all.
    bool wrapped = tail <= head && table->live > 0;
    if (wrapped) {
        *out_offset = tail;
        return text_size <= head - tail;
    }
    if (text_size <= (size_t)table->byte_capacity - tail) {
        *out_offset = tail;
        return true;
    }
    *out_offset = 0;
    return text_size <= head;
}

bool hpack_table_has_room(const struct hpack_table *table,
                          const struct hpack_field *field)
{
    uint32_t offset;
    return table->count < table->entry_capacity &&
           htable_place(table, htable_field_text_size(field), &offset);
}

// ---- Index ------------------------------------------------------------------

// htable_hash mixes the size and both ends of a name.
static uint32_t htable_hash(struct view name)
{
    uint64_t mixed = name.size;
    if (name.size >= 8) {
        mixed += load_le64(name.data);
        mixed ^=
            load_le64(name.data + name.size - 8) * UINT64_C(0xd6e8feb86659fd93);
    } else {
        for (size_t i = 0; i < name.size; i++) {
            mixed = mixed << 8 | name.data[i];
        }
    }
    return (uint32_t)(mixed * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static uint16_t *htable_bucket(const struct hpack_table *table,
                               struct view name, uint8_t static_name)
{
    uint64_t count = htable_bucket_count(table);
    uint16_t *buckets = htable_buckets(table);
    if (count > 1) {
        uint32_t hash = static_name != 0 ? static_name * UINT32_C(0x9e3779b1)
                                         : htable_hash(name);
        buckets += hash * count >> 32;
    }
    return buckets;
}

// htable_link puts an entry at the front of its chain.
static void htable_link(struct hpack_table *table, uint32_t age)
{
    struct hpack_entry *entry = hpack_table_entry(table, age);
    struct hpack_field field;
    (void)hpack_table_read(table, entry, &field);
    uint16_t *bucket = htable_bucket(table, field.name, field.static_name);
    entry->link = *bucket;
    *bucket = (uint16_t)(table->inserted - age);
}

static void htable_link_all(struct hpack_table *table)
{
    memset(htable_buckets(table), 0,
           htable_bucket_count(table) * sizeof(uint16_t));
    for (uint32_t age = table->count; age-- > 0;) {
        htable_link(table, age);
    }
}

struct hpack_match hpack_table_find(const struct hpack_table *table,
                                    const struct hpack_field *field)
{
    struct hpack_match match = {.whole = 0};
    ASSERT(table->is_indexed);
    if (table->count == 0) {
        return match;
    }
    uint32_t number = *htable_bucket(table, field->name, field->static_name);
    uint32_t least_age = 0;
    for (;;) {
        uint32_t age = (table->inserted - number) & UINT16_MAX;
        if (age >= table->count || age < least_age) {
            return match;
        }
        struct hpack_entry *entry = hpack_table_entry(table, age);
        struct hpack_field found;
        (void)hpack_table_read(table, entry, &found);
        if (view_equal(found.name, field->name)) {
            uint32_t index = HPACK_DYNAMIC_FIRST + age;
            match.name = match.name != 0 ? match.name : index;
            if (view_equal(found.value, field->value)) {
                match.whole = index;
                return match;
            }
        }
        least_age = age + 1;
        number = entry->link;
    }
}

// ---- Inserting --------------------------------------------------------------

// htable_fit is the new capacity of a ring for what it needs: grown by half at
// least, or shrunk if it is far too large. most is enough for any need.
static uint32_t htable_fit(uint32_t capacity, uint32_t need, uint32_t least,
                           uint32_t most)
{
    uint32_t fit = capacity;
    if (need > capacity) {
        fit = capacity + capacity / 2;
        fit = fit > need ? fit : need;
        fit = fit > least ? fit : least;
    } else if (capacity / 2 > need) {
        fit = need + need / 2;
    }
    return fit < most ? fit : most;
}

// htable_fit_rings sets the capacities for one more field. The rings of slots
// and of text are also left by what no longer needs them.
static void htable_fit_rings(struct hpack_table *table, uint32_t text_size)
{
    uint32_t entries = table->count + 1U;
    // With an eighth to spare the text need not be packed too often; at the
    // limit the overhead of the entries is to spare.
    uint32_t bytes = table->live + text_size;
    bytes += bytes / 8;
    table->entry_capacity =
        (uint16_t)htable_fit(table->entry_capacity, entries, HTABLE_ENTRIES_MIN,
                             table->limit / HPACK_ENTRY_OVERHEAD);
    table->byte_capacity =
        (uint16_t)htable_fit(table->byte_capacity, bytes, HTABLE_BYTES_MIN,
                             table->limit - HPACK_ENTRY_OVERHEAD);
}

// htable_copy_entries moves the live entries of old into the empty storage of
// table, their text packed from offset 0 on.
static void htable_copy_entries(struct hpack_table *table,
                                const struct hpack_table *old)
{
    uint32_t offset = 0;
    for (uint32_t age = old->count; age-- > 0;) {
        const struct hpack_entry *from = hpack_table_entry(old, age);
        struct hpack_entry *to = hpack_table_entry(table, age);
        uint32_t text_size = htable_text_size(from);
        *to = *from;
        to->offset = (uint16_t)offset;
        memcpy(table->bytes + offset, old->bytes + from->offset, text_size);
        offset += text_size;
    }
}

bool hpack_table_grow(struct hpack_table *table,
                      const struct hpack_field *field,
                      struct hpack_table *out_old)
{
    ASSERT(hpack_field_size(field) <= (size_t)table->limit - table->size);
    struct hpack_table grown = *table;
    htable_fit_rings(&grown, (uint32_t)htable_field_text_size(field));
    grown.entries = alloc_new(table->allocator, htable_storage_size(&grown));
    if (grown.entries == NULL) {
        return false;
    }
    grown.bytes =
        (uint8_t *)(htable_buckets(&grown) + htable_bucket_count(&grown));
    grown.newest = 0;
    htable_copy_entries(&grown, table);
    if (grown.is_indexed) {
        htable_link_all(&grown);
    }
    *out_old = *table;
    *table = grown;
    ASSERT(hpack_table_has_room(table, field));
    return true;
}

struct hpack_entry *hpack_table_insert(struct hpack_table *table,
                                       const struct hpack_field *field)
{
    uint32_t offset = 0;
    size_t text_size = htable_field_text_size(field);
    size_t name_size = text_size - field->value.size;
    bool placed = htable_place(table, text_size, &offset);
    ASSERT(placed);
    ASSERT(table->count < table->entry_capacity);
    (void)placed;
    table->inserted++;
    table->count++;
    table->newest++;
    if (table->newest >= table->entry_capacity) {
        table->newest = 0;
    }
    table->size = (uint16_t)(table->size + hpack_field_size(field));
    table->live = (uint16_t)(table->live + text_size);
    struct hpack_entry *entry = hpack_table_entry(table, 0);
    *entry = (struct hpack_entry){
        .offset = (uint16_t)offset,
        .name = (uint16_t)(field->static_name != 0
                               ? HPACK_NAME_STATIC | field->static_name
                               : name_size),
        .value_size = (uint16_t)field->value.size,
    };
    // The name may be that of an entry that has just been evicted, right
    // where the new one goes.
    if (name_size > 0) {
        memmove(table->bytes + offset, field->name.data, name_size);
    }
    if (field->value.size > 0) {
        memcpy(table->bytes + offset + name_size, field->value.data,
               field->value.size);
    }
    if (table->is_indexed) {
        htable_link(table, 0);
    }
    return entry;
}

void hpack_table_set_limit(struct hpack_table *table, uint32_t limit)
{
    ASSERT(limit <= HPACK_TABLE_MAX);
    table->limit = (uint16_t)limit;
    hpack_table_evict(table, hpack_table_excess(table, 0));
    if (table->count == 0 && table->byte_capacity > limit) {
        hpack_table_free_storage(table);
        table->entries = NULL;
        table->bytes = NULL;
        table->entry_capacity = 0;
        table->byte_capacity = 0;
    }
}

void hpack_table_check(const struct hpack_table *table)
{
    ASSERT(table->size <= table->limit);
    ASSERT(table->count <= table->entry_capacity);
    ASSERT(table->count <= table->inserted);
    ASSERT((table->entries == NULL) == (table->entry_capacity == 0));
    ASSERT(table->entries == NULL || table->newest < table->entry_capacity);
    uint32_t size = 0;
    uint32_t live = 0;
    uint32_t turns = 0;
    for (uint32_t age = 0; age < table->count; age++) {
        const struct hpack_entry *entry = hpack_table_entry(table, age);
        uint32_t text_size = htable_text_size(entry);
        ASSERT(text_size <= table->byte_capacity);
        ASSERT(entry->offset <= table->byte_capacity - text_size);
        size += htable_size(entry);
        live += text_size;
        if (age > 0) {
            const struct hpack_entry *newer = hpack_table_entry(table, age - 1);
            turns += newer->offset < entry->offset;
            ASSERT(newer->offset < entry->offset ||
                   newer->offset >= htable_end(entry));
        }
    }
    ASSERT(size == table->size);
    ASSERT(live == table->live);
    ASSERT(turns <= 1);
    ASSERT(turns == 0 ||
           htable_end(hpack_table_entry(table, 0)) <=
               hpack_table_entry(table, table->count - 1U)->offset);
    (void)size;
    (void)live;
    (void)turns;
}
