// SPDX-License-Identifier: MIT

#include "tests/hpack_kit.h"

#include "hpack/hpack_table.h"

// ---- Static table -----------------------------------------------------------

static void test_static_table__finds_every_row(void **state)
{
    (void)state;
    size_t text_size = 0;
    for (uint8_t index = 1; index <= HPACK_STATIC_COUNT; index++) {
        const struct hpack_static_field *row = hpack_static_field(index);
        text_size += row->name.size + row->value.size;
        uint8_t first = hpack_static_find_name(row->name);
        assert_int_equal(first, row->first_name);
        assert_true(first <= index);
        assert_true(view_equal(hpack_static_field(first)->name, row->name));
        assert_int_equal(hpack_static_find_value(first, row->value), index);
        // Rows of one name stand together, the first being the lowest.
        bool follows =
            index > 1 &&
            view_equal(hpack_static_field(index - 1U)->name, row->name);
        assert_int_equal(first < index, follows);
    }
    // The bytes of all names and values in RFC 7541 appendix A.
    assert_int_equal(text_size, 684);
}

static void test_static_table__constants_name_their_rows(void **state)
{
    (void)state;
    static const struct {
        uint8_t index;
        const char *name;
        const char *value;
    } rows[] = {
        {HPACK_STATIC_AUTHORITY, ":authority", ""},
        {HPACK_STATIC_METHOD, ":method", "GET"},
        {HPACK_STATIC_METHOD_POST, ":method", "POST"},
        {HPACK_STATIC_PATH, ":path", "/"},
        {HPACK_STATIC_SCHEME, ":scheme", "http"},
        {HPACK_STATIC_SCHEME_HTTPS, ":scheme", "https"},
        {HPACK_STATIC_STATUS, ":status", "200"},
        {14, ":status", "500"},
        {HPACK_STATIC_ACCEPT_ENCODING, "accept-encoding", "gzip, deflate"},
        {HPACK_STATIC_AUTHORIZATION, "authorization", ""},
        {HPACK_STATIC_CONTENT_LENGTH, "content-length", ""},
        {HPACK_STATIC_CONTENT_TYPE, "content-type", ""},
        {HPACK_STATIC_COOKIE, "cookie", ""},
        {HPACK_STATIC_HOST, "host", ""},
        {HPACK_STATIC_TRANSFER_ENCODING, "transfer-encoding", ""},
        {HPACK_STATIC_USER_AGENT, "user-agent", ""},
        {61, "www-authenticate", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct hpack_static_field *row =
            hpack_static_field(rows[i].index);
        assert_true(view_equal(row->name, kit_view(rows[i].name)));
        assert_true(view_equal(row->value, kit_view(rows[i].value)));
    }
}

static void test_static_table__finds_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(hpack_static_find_name(VIEW("")), 0);
    assert_int_equal(hpack_static_find_name(VIEW("te")), 0);
    assert_int_equal(hpack_static_find_name(VIEW("grpc-timeout")), 0);
    assert_int_equal(hpack_static_find_name(VIEW("Host")), 0);
    assert_int_equal(hpack_static_find_value(8, VIEW("201")), 0);
    assert_int_equal(hpack_static_find_value(8, VIEW("")), 0);
    assert_int_equal(hpack_static_find_value(2, VIEW("http")), 0);
    for (uint32_t index = 1; index <= HPACK_STATIC_COUNT; index++) {
        struct view name = hpack_static_field(index)->name;
        uint8_t other[32];
        for (size_t i = 0; i < name.size; i++) {
            memcpy(other, name.data, name.size);
            other[i] ^= 1;
            assert_int_equal(hpack_static_find_name(view_of(other, name.size)),
                             0);
        }
        assert_int_equal(
            hpack_static_find_name(view_of(name.data, name.size - 1)), 0);
    }
}

// ---- Dynamic table ----------------------------------------------------------

// insert does what the decoder and the encoder do; false without memory.
static bool insert(struct hpack_table *table, struct view name,
                   struct view value)
{
    struct hpack_field field = {.name = name,
                                .value = value,
                                .static_name = hpack_static_find_name(name)};
    struct hpack_table old = {.entries = NULL};
    size_t size = hpack_field_size(&field);
    assert_int_equal(size, name.size + value.size + 32);
    hpack_table_evict(table, hpack_table_excess(table, size));
    if (size > table->limit) {
        assert_int_equal(table->count, 0);
        return true;
    }
    if (!hpack_table_has_room(table, &field) &&
        !hpack_table_grow(table, &field, &old)) {
        return false;
    }
    struct hpack_entry *entry = hpack_table_insert(table, &field);
    hpack_table_free_storage(&old);
    assert_ptr_equal(entry, hpack_table_entry(table, 0));
    assert_true(entry->memo == 0);
    entry->memo = (uintptr_t)table->inserted;
    hpack_table_check(table);
    return true;
}

static void check_table(const struct hpack_table *table, const char *expected)
{
    struct kit_text text;
    kit_dump_table(table, &text);
    assert_string_equal(text.text, expected);
}

static void test_table__holds_no_memory_before_use(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_table table;
    hpack_table_init(&table, &heap.allocator, 4096, false);
    assert_int_equal(heap.calls, 0);
    assert_true(insert(&table, VIEW("te"), VIEW("trailers")));
    assert_int_equal(heap.calls, 1);
    assert_int_equal(heap.live_bytes, 2 * sizeof(struct hpack_entry) + 32);
    assert_true(heap.live_bytes <= 64);
    assert_true(sizeof table <= 48);
    check_table(&table, "te: trailers\n42");
    hpack_table_fini(&table);
    assert_true(test_heap_is_clean(&heap));
}

static void test_table__evicts_the_oldest(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_table table;
    hpack_table_init(&table, &heap.allocator, 34 * 3 + 33, false);
    assert_true(insert(&table, VIEW("a"), VIEW("1")));
    assert_true(insert(&table, VIEW("b"), VIEW("2")));
    assert_true(insert(&table, VIEW("c"), VIEW("3")));
    check_table(&table, "c: 3\nb: 2\na: 1\n102");
    // One byte less would have fitted.
    assert_int_equal(hpack_table_excess(&table, 33), 0);
    assert_int_equal(hpack_table_excess(&table, 34), 1);
    assert_int_equal(hpack_table_excess(&table, 67), 1);
    assert_int_equal(hpack_table_excess(&table, 68), 2);
    assert_int_equal(hpack_table_excess(&table, 135), 3);
    assert_int_equal(hpack_table_excess(&table, 136), 3);
    assert_true(insert(&table, VIEW("d"), VIEW("4")));
    check_table(&table, "d: 4\nc: 3\nb: 2\n102");
    assert_true(table.inserted == 4);
    assert_true(hpack_table_entry(&table, 2)->memo == 2);
    hpack_table_fini(&table);
    assert_true(test_heap_is_clean(&heap));
}

static void test_table__name_of_the_evicted_entry(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_table table;
    hpack_table_init(&table, &heap.allocator, 100, false);
    assert_true(insert(&table, VIEW("first-name"), VIEW("value")));
    for (unsigned i = 0; i < 200; i++) {
        // Each evicts the entry whose name it takes, in place or from the
        // storage before.
        struct view name = kit_entry(&table, 0).name;
        uint8_t value[58];
        memset(value, 'a' + (int)(i % 26), sizeof value);
        size_t size = 40 + i % 19;
        assert_true(insert(&table, name, view_of(value, size)));
        assert_int_equal(table.count, 1);
        struct hpack_field entry = kit_entry(&table, 0);
        assert_true(view_equal(entry.name, VIEW("first-name")));
        assert_true(view_equal(entry.value, view_of(value, size)));
    }
    hpack_table_fini(&table);
    assert_true(test_heap_is_clean(&heap));
}

// An empty text behind a ring that another has filled to the last byte must
// not make it look like one that has not wrapped.
static void test_table__empty_text_in_a_full_ring(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_table table;
    uint8_t text[6][150];
    hpack_table_init(&table, &heap.allocator, 450, false);
    // In a ring of 256: three in a row, the next wraps and evicts the first,
    // then 50 bytes are left before the second.
    static const size_t sizes[] = {150, 50, 50, 100, 50, 0};
    for (size_t i = 0; i < 6; i++) {
        memset(text[i], 'a' + (int)i, sizeof text[i]);
        assert_true(insert(&table, VIEW(""), view_of(text[i], sizes[i])));
    }
    assert_true(insert(&table, VIEW(""), VIEW("12345")));
    assert_int_equal(table.count, 6);
    for (uint32_t age = 1; age < 6; age++) {
        struct view value = kit_entry(&table, age).value;
        assert_true(view_equal(value, view_of(text[6 - age], sizes[6 - age])));
    }
    hpack_table_fini(&table);
    assert_true(test_heap_is_clean(&heap));
}

static void test_table_set_limit__evicts_and_releases(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_table table;
    hpack_table_init(&table, &heap.allocator, 4096, false);
    assert_true(insert(&table, VIEW("a"), VIEW("1")));
    assert_true(insert(&table, VIEW("b"), VIEW("22")));
    hpack_table_set_limit(&table, 69);
    check_table(&table, "b: 22\na: 1\n69");
    hpack_table_set_limit(&table, 68);
    check_table(&table, "b: 22\n35");
    assert_true(heap.live_blocks == 1);
    hpack_table_set_limit(&table, 0);
    check_table(&table, "0");
    assert_int_equal(heap.live_blocks, 0);
    hpack_table_set_limit(&table, 4096);
    assert_true(insert(&table, VIEW("c"), VIEW("3")));
    check_table(&table, "c: 3\n34");
    assert_true(table.inserted == 3);
    hpack_table_fini(&table);
    assert_true(test_heap_is_clean(&heap));
}

static void test_table_grow__without_memory_changes_nothing(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_table table;
    hpack_table_init(&table, &heap.allocator, 4096, false);
    heap.fail_at = 1;
    assert_false(insert(&table, VIEW("a"), VIEW("1")));
    check_table(&table, "0");
    for (int i = 0; i < 9; i++) {
        assert_true(insert(&table, VIEW("a"), VIEW("1")));
    }
    heap.fail_at = heap.calls + 1;
    assert_false(insert(&table, VIEW("b"), VIEW("1")));
    assert_int_equal(table.size, 9 * 34);
    assert_true(insert(&table, VIEW("b"), VIEW("1")));
    assert_int_equal(table.size, 10 * 34);
    hpack_table_fini(&table);
    assert_true(test_heap_is_clean(&heap));
}

// ---- Against a model that is plainly right ----------------------------------

enum { MODEL_ENTRIES = 400, MODEL_TEXT = 700 };

struct model_entry {
    uint8_t text[MODEL_TEXT];
    size_t name_size;
    size_t size; // of name and value
};

struct model {
    struct model_entry entries[MODEL_ENTRIES]; // the newest first
    size_t count;
    size_t limit;
};

static void model_fit(struct model *model, size_t extra)
{
    for (;;) {
        size_t size = extra;
        for (size_t i = 0; i < model->count; i++) {
            size += model->entries[i].size + 32;
        }
        if (size <= model->limit || model->count == 0) {
            return;
        }
        model->count--;
    }
}

static void model_insert(struct model *model, const struct model_entry *entry)
{
    model_fit(model, entry->size + 32);
    if (entry->size + 32 > model->limit) {
        return;
    }
    assert_true(model->count < MODEL_ENTRIES);
    memmove(&model->entries[1], &model->entries[0],
            model->count * sizeof *entry);
    model->entries[0] = *entry;
    model->count++;
}

static void model_compare(const struct model *model,
                          const struct hpack_table *table)
{
    assert_int_equal(table->count, model->count);
    for (uint32_t age = 0; age < table->count; age++) {
        const struct model_entry *expected = &model->entries[age];
        struct hpack_field entry = kit_entry(table, age);
        struct view text = view_of(expected->text, expected->size);
        assert_true(
            view_equal(entry.name, view_of(text.data, expected->name_size)));
        assert_true(
            view_equal(entry.value, view_skip(text, expected->name_size)));
        assert_true(*entry.memo == table->inserted - age);
    }
}

// model_find does what hpack_table_find does.
static struct hpack_match model_find(const struct model *model,
                                     const struct hpack_field *field)
{
    struct hpack_match match = {.whole = 0};
    for (uint32_t i = 0; i < model->count && match.whole == 0; i++) {
        const struct model_entry *entry = &model->entries[i];
        struct view text = view_of(entry->text, entry->size);
        if (!view_equal(field->name, view_of(text.data, entry->name_size))) {
            continue;
        }
        match.name = match.name != 0 ? match.name : i + HPACK_DYNAMIC_FIRST;
        if (view_equal(field->value, view_skip(text, entry->name_size))) {
            match.whole = i + HPACK_DYNAMIC_FIRST;
        }
    }
    return match;
}

static void model_look_up(const struct model *model,
                          const struct hpack_table *table,
                          const struct model_entry *entry)
{
    struct view text = view_of(entry->text, entry->size);
    struct hpack_field field = {.name = view_of(text.data, entry->name_size),
                                .value = view_skip(text, entry->name_size)};
    field.static_name = hpack_static_find_name(field.name);
    struct hpack_match found = hpack_table_find(table, &field);
    struct hpack_match expected = model_find(model, &field);
    assert_int_equal(found.whole, expected.whole);
    assert_int_equal(found.name, expected.name);
}

static void model_random_entry(struct model_entry *entry, uint64_t *seed)
{
    static const uint32_t spans[4] = {3, 20, 80, MODEL_TEXT};
    static const char *const names[8] = {
        "", ":path", "via", "a", "ab", "www-authenticate", "x-request-id", "b"};
    entry->size = test_random(seed) % spans[test_random(seed) % 4];
    entry->name_size = entry->size == 0 ? 0 : test_random(seed) % entry->size;
    for (size_t i = 0; i < entry->size; i++) {
        entry->text[i] = (uint8_t)test_random(seed);
    }
    if (test_random(seed) % 2 == 0) {
        struct view name = kit_view(names[test_random(seed) % 8]);
        memcpy(entry->text, name.data, name.size);
        entry->name_size = name.size;
        entry->size = name.size + test_random(seed) % 2;
        entry->text[name.size] = (uint8_t)('0' + test_random(seed) % 3);
    }
}

static void model_run(struct model *model, uint32_t limit, bool is_indexed,
                      uint64_t *seed)
{
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_table table;
    model->count = 0;
    model->limit = limit;
    hpack_table_init(&table, &heap.allocator, limit, is_indexed);
    for (int step = 0; step < 400; step++) {
        struct model_entry entry;
        model_random_entry(&entry, seed);
        if (test_random(seed) % 50 == 0) {
            model->limit = test_random(seed) % 5000;
            model_fit(model, 0);
            hpack_table_set_limit(&table, (uint32_t)model->limit);
        }
        if (is_indexed) {
            model_look_up(model, &table, &entry);
        }
        model_insert(model, &entry);
        uint8_t *text = kit_copy(view_of(entry.text, entry.size));
        assert_true(insert(
            &table, view_of(text, entry.name_size),
            view_of(text + entry.name_size, entry.size - entry.name_size)));
        free(text);
        model_compare(model, &table);
    }
    hpack_table_fini(&table);
    assert_true(test_heap_is_clean(&heap));
}

static void test_table__agrees_with_the_model(void **state)
{
    (void)state;
    static struct model model;
    static const uint32_t limits[6] = {0, 40, 64, 300, 1024, 4096};
    uint64_t seed = 62;
    for (int run = 0; run < 60; run++) {
        model_run(&model, limits[run % 6], run / 6 % 2 == 0, &seed);
    }
}

// Links have 16 bits: where one stands by chance for another entry, older or
// newer, nothing is found that is not there, and nothing lost.
static void test_table_find__after_many_insertions(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_table table;
    hpack_table_init(&table, &heap.allocator, 34 * 8, true);
    uint32_t last = 0;
    uint32_t next = 10;
    for (uint32_t i = 0; i < 400000; i++) {
        bool is_seldom = i == next;
        if (is_seldom) {
            last = i;
            next += 65536 - 3 + test_random(&(uint64_t){i}) % 7;
        }
        struct hpack_field often = {.name = VIEW("b"), .value = VIEW("1")};
        struct hpack_field seldom = {.name = VIEW("a"), .value = VIEW("1")};
        const struct hpack_field *field = is_seldom ? &seldom : &often;
        assert_true(insert(&table, field->name, field->value));
        struct hpack_match match = hpack_table_find(&table, &seldom);
        uint32_t age = i - last;
        bool is_there = last != 0 && age < 8;
        assert_int_equal(match.whole, is_there ? HPACK_DYNAMIC_FIRST + age : 0);
        assert_int_equal(match.name, match.whole);
        seldom.value = VIEW("2");
        match = hpack_table_find(&table, &seldom);
        assert_int_equal(match.whole, 0);
        assert_int_equal(match.name, is_there ? HPACK_DYNAMIC_FIRST + age : 0);
        match = hpack_table_find(&table, &often);
        assert_int_equal(match.whole,
                         HPACK_DYNAMIC_FIRST + (is_seldom ? 1 : 0));
    }
    hpack_table_fini(&table);
    assert_true(test_heap_is_clean(&heap));
}

// ---- Memory -----------------------------------------------------------------

// Of each kind of entry the rings are no larger than the limit allows.
static void test_table__rings_end_at_the_limit(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    static const uint8_t text[1000];
    for (size_t size = 0; size < sizeof text; size += 1 + size / 4) {
        struct hpack_table table;
        hpack_table_init(&table, &heap.allocator, 4096, false);
        for (int step = 0; step < 200; step++) {
            assert_true(insert(&table, VIEW(""), view_of(text, size)));
        }
        assert_int_equal(table.count, 4096 / (size + 32));
        assert_true(table.entry_capacity <= 4096 / 32);
        assert_true(table.byte_capacity <= 4096 - 32);
        hpack_table_fini(&table);
    }
    assert_true(test_heap_is_clean(&heap));
}

// A table of any content costs no more than half its limit in slots, and its
// limit in text.
static void test_table__memory_is_bounded(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    uint64_t seed = 5;
    struct hpack_table table;
    hpack_table_init(&table, &heap.allocator, 4096, true);
    for (int step = 0; step < 20000; step++) {
        static const uint32_t spans[4] = {1, 3, 50, 2000};
        uint8_t text[2000] = {0};
        assert_true(
            insert(&table, VIEW(""),
                   view_of(text, test_random(&seed) % spans[step / 1000 % 4])));
        assert_true(heap.live_bytes <=
                    128 * sizeof(struct hpack_entry) + 32 * 2 + 4096 - 32);
        // What was grown for long texts is left again for many short ones.
        assert_true(table.count < 120 || table.byte_capacity < 2000);
    }
    hpack_table_fini(&table);
    assert_true(test_heap_is_clean(&heap));
}

// moved inserts so many entries with texts of two lengths in an order that the
// seed gives, and returns how many bytes of text were moved to other storage
// per byte that the entries count.
static double moved(uint32_t limit, const uint32_t lengths[2], uint64_t seed)
{
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_table table;
    static const uint8_t text[4096];
    double bytes = 0;
    double counted = 0;
    hpack_table_init(&table, &heap.allocator, limit, false);
    for (int step = 0; step < 2000; step++) {
        size_t calls = heap.calls;
        uint32_t length = lengths[test_random(&seed) % 2];
        assert_true(insert(&table, VIEW(""), view_of(text, length)));
        counted += length + HPACK_ENTRY_OVERHEAD;
        bytes += heap.calls > calls ? table.live : 0;
    }
    hpack_table_fini(&table);
    return bytes / counted;
}

// Whatever the entries are, packing the ring costs no more than a few moves of
// each byte that was inserted.
static void test_table__moves_are_paid_for(void **state)
{
    (void)state;
    uint64_t seed = 17;
    double worst = 0;
    for (int run = 0; run < 400; run++) {
        const uint32_t spans[2] = {1 + test_random(&seed) % 2000,
                                   1 + test_random(&seed) % 2000};
        const uint32_t lengths[2] = {test_random(&seed) % spans[0],
                                     test_random(&seed) % spans[1]};
        double now = moved(run % 2 == 0 ? 4096 : 1000, lengths, seed);
        worst = now > worst ? now : worst;
    }
    print_message("at most %.2f moves of a byte\n", worst);
    assert_true(worst < 4);
}

// A table that is full of what a call sends takes about what the RFC counts.
static void test_table__full_of_entries_of_calls(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *start;
        int digits;
    } kinds[] = {
        {"grpc-timeout", "", 5},
        {"x-request-id", "", 8},
        {"x-request-id", "4c1b-9d2f-a1b2-c3d4e5f60718-", 8},
        {"traceparent", "00-00f067aa0ba902b7-01-", 32},
        {"user-agent", "grpc-go/1.77.", 4},
        {"authorization", "Bearer ", 300},
        {"cookie", "", 900},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct test_heap heap;
        test_heap_init(&heap);
        struct hpack_table table;
        hpack_table_init(&table, &heap.allocator, 4096, false);
        for (int step = 0; step < 1000; step++) {
            char value[1024];
            snprintf(value, sizeof value, "%s%0*d", kinds[i].start,
                     kinds[i].digits, 1000 + step * 7);
            assert_true(
                insert(&table, kit_view(kinds[i].name), kit_view(value)));
        }
        print_message("full of %s: %d entries, %lu bytes of memory\n",
                      kinds[i].name, table.count,
                      (unsigned long)heap.live_bytes);
        assert_true(table.size > 3000);
        assert_true(heap.live_bytes <= 4500);
        hpack_table_fini(&table);
        assert_true(test_heap_is_clean(&heap));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_static_table__finds_every_row),
        cmocka_unit_test(test_static_table__constants_name_their_rows),
        cmocka_unit_test(test_static_table__finds_nothing_else),
        cmocka_unit_test(test_table__holds_no_memory_before_use),
        cmocka_unit_test(test_table__evicts_the_oldest),
        cmocka_unit_test(test_table__name_of_the_evicted_entry),
        cmocka_unit_test(test_table__empty_text_in_a_full_ring),
        cmocka_unit_test(test_table_set_limit__evicts_and_releases),
        cmocka_unit_test(test_table_grow__without_memory_changes_nothing),
        cmocka_unit_test(test_table__agrees_with_the_model),
        cmocka_unit_test(test_table_find__after_many_insertions),
        cmocka_unit_test(test_table__rings_end_at_the_limit),
        cmocka_unit_test(test_table__memory_is_bounded),
        cmocka_unit_test(test_table__moves_are_paid_for),
        cmocka_unit_test(test_table__full_of_entries_of_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
