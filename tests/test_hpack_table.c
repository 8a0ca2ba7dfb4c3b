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
    size_t text_size = name.size + value.size;
    struct hpack_table old = {.entries = NULL};
    hpack_table_evict(
        table, hpack_table_excess(table, text_size + HPACK_ENTRY_OVERHEAD));
    if (text_size + HPACK_ENTRY_OVERHEAD > table->limit) {
        assert_int_equal(table->count, 0);
        return true;
    }
    if (!hpack_table_has_room(table, text_size) &&
        !hpack_table_grow(table, text_size, &old)) {
        return false;
    }
    struct hpack_entry *entry = hpack_table_insert(table, name, value);
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
    hpack_table_init(&table, &heap.allocator, 4096);
    assert_int_equal(heap.calls, 0);
    assert_true(insert(&table, VIEW("te"), VIEW("trailers")));
    assert_int_equal(heap.calls, 1);
    assert_int_equal(heap.live_bytes, 2 * sizeof(struct hpack_entry) + 64);
    assert_true(heap.live_bytes <= 128);
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
    hpack_table_init(&table, &heap.allocator, 34 * 3 + 33);
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
    hpack_table_init(&table, &heap.allocator, 100);
    assert_true(insert(&table, VIEW("first-name"), VIEW("value")));
    for (unsigned i = 0; i < 200; i++) {
        // Each evicts the entry whose name it takes, in place or from the
        // storage before.
        struct view name =
            hpack_table_name(&table, hpack_table_entry(&table, 0));
        uint8_t value[58];
        memset(value, 'a' + (int)(i % 26), sizeof value);
        size_t size = 40 + i % 19;
        assert_true(insert(&table, name, view_of(value, size)));
        assert_int_equal(table.count, 1);
        const struct hpack_entry *entry = hpack_table_entry(&table, 0);
        assert_true(
            view_equal(hpack_table_name(&table, entry), VIEW("first-name")));
        assert_true(
            view_equal(hpack_table_value(&table, entry), view_of(value, size)));
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
    hpack_table_init(&table, &heap.allocator, 450);
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
        struct view value =
            hpack_table_value(&table, hpack_table_entry(&table, age));
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
    hpack_table_init(&table, &heap.allocator, 4096);
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
    hpack_table_init(&table, &heap.allocator, 4096);
    heap.fail_at = 1;
    assert_false(insert(&table, VIEW("a"), VIEW("1")));
    check_table(&table, "0");
    for (int i = 0; i < 8; i++) {
        assert_true(insert(&table, VIEW("a"), VIEW("1")));
    }
    heap.fail_at = heap.calls + 1;
    assert_false(insert(&table, VIEW("b"), VIEW("1")));
    assert_int_equal(table.size, 8 * 34);
    assert_true(insert(&table, VIEW("b"), VIEW("1")));
    assert_int_equal(table.size, 9 * 34);
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
        const struct hpack_entry *entry = hpack_table_entry(table, age);
        assert_int_equal(entry->name_size, expected->name_size);
        assert_int_equal(entry->name_size + entry->value_size, expected->size);
        assert_true(
            view_equal(view_of(expected->text, expected->size),
                       view_of(table->bytes + entry->offset, expected->size)));
        assert_true(entry->memo == table->inserted - age);
    }
}

static void model_random_entry(struct model_entry *entry, uint64_t *seed)
{
    static const uint32_t spans[4] = {3, 20, 80, MODEL_TEXT};
    entry->size = test_random(seed) % spans[test_random(seed) % 4];
    entry->name_size = entry->size == 0 ? 0 : test_random(seed) % entry->size;
    for (size_t i = 0; i < entry->size; i++) {
        entry->text[i] = (uint8_t)test_random(seed);
    }
}

static void test_table__agrees_with_the_model(void **state)
{
    (void)state;
    static struct model model;
    uint64_t seed = 62;
    for (int run = 0; run < 60; run++) {
        struct test_heap heap;
        test_heap_init(&heap);
        struct hpack_table table;
        static const uint32_t limits[6] = {0, 40, 64, 300, 1024, 4096};
        model.count = 0;
        model.limit = limits[run % 6];
        hpack_table_init(&table, &heap.allocator, limits[run % 6]);
        for (int step = 0; step < 400; step++) {
            struct model_entry entry;
            model_random_entry(&entry, &seed);
            if (test_random(&seed) % 50 == 0) {
                model.limit = test_random(&seed) % 5000;
                model_fit(&model, 0);
                hpack_table_set_limit(&table, (uint32_t)model.limit);
            }
            model_insert(&model, &entry);
            uint8_t *text = kit_copy(view_of(entry.text, entry.size));
            assert_true(insert(
                &table, view_of(text, entry.name_size),
                view_of(text + entry.name_size, entry.size - entry.name_size)));
            free(text);
            model_compare(&model, &table);
        }
        hpack_table_fini(&table);
        assert_true(test_heap_is_clean(&heap));
    }
}

// A full table costs no more than its entries and twice its limit.
static void test_table__memory_is_bounded(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    uint64_t seed = 5;
    struct hpack_table table;
    hpack_table_init(&table, &heap.allocator, 4096);
    for (int step = 0; step < 5000; step++) {
        uint8_t text[2000] = {0};
        assert_true(
            insert(&table, VIEW(""),
                   view_of(text, test_random(&seed) % (step % 3 ? 3 : 2000))));
        assert_true(heap.live_bytes <=
                    128 * sizeof(struct hpack_entry) + 2 * 4096);
    }
    hpack_table_fini(&table);
    assert_true(test_heap_is_clean(&heap));
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
        cmocka_unit_test(test_table__memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
