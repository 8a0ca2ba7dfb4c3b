// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "tests/core_kit.h"

// ---- Compressors of a test's own --------------------------------------------

// "twice" writes every byte twice; its state counts what it did.
struct twice_state {
    int opened;
    size_t messages;
};

static grpc_result twice_pack(void *state, grpc_str message, grpc_write *write,
                              void *sink)
{
    struct twice_state *twice = state;
    twice->messages++;
    for (size_t i = 0; i < message.size; i++) {
        char pair[2] = {message.data[i], message.data[i]};
        grpc_result result = write(sink, pair, 2);
        if (result != GRPC_OK) {
            return result;
        }
    }
    return GRPC_OK;
}

static grpc_result twice_unpack(void *state, grpc_str message,
                                grpc_write *write, void *sink)
{
    struct twice_state *twice = state;
    twice->messages++;
    for (size_t i = 0; i < message.size; i += 2) {
        if (i + 1 == message.size || message.data[i] != message.data[i + 1]) {
            return GRPC_EFORMAT;
        }
        grpc_result result = write(sink, message.data + i, 1);
        if (result != GRPC_OK) {
            return result;
        }
    }
    return GRPC_OK;
}

static void *twice_open(const grpc_allocator *allocator)
{
    return allocator->allocate(allocator->user, NULL, 0,
                               sizeof(struct twice_state));
}

static void twice_close(void *state, const grpc_allocator *allocator)
{
    (void)allocator->allocate(allocator->user, state,
                              sizeof(struct twice_state), 0);
}

static const grpc_compressor twice = {"twice", twice_open, twice_close,
                                      twice_pack, twice_unpack};

// "deaf" overlooks what write says, and says that all is well.
static grpc_result deaf_pack(void *state, grpc_str message, grpc_write *write,
                             void *sink)
{
    (void)state;
    for (size_t i = 0; i < message.size; i++) {
        (void)write(sink, message.data + i, 1);
    }
    (void)write(sink, NULL, 0);
    return GRPC_OK;
}

static const grpc_compressor deaf = {"deaf", NULL, NULL, deaf_pack, deaf_pack};

// "nosy" uses the registry from inside.
static struct compress_registry *nosy_registry;
static grpc_result nosy_result;

static grpc_result nosy_pack(void *state, grpc_str message, grpc_write *write,
                             void *sink)
{
    struct view out;
    const char *reason = "";
    (void)state;
    (void)write;
    (void)sink;
    nosy_result =
        compress_message(nosy_registry, 0, view_of(message.data, message.size),
                         0, &out, &reason);
    return nosy_result;
}

static const grpc_compressor nosy = {"nosy", NULL, NULL, nosy_pack, nosy_pack};

struct compress_rig {
    struct test_heap heap;
    struct compress_registry registry;
    size_t first; // place of the first that a test adds
};

static void compress_up(struct compress_rig *rig)
{
    test_heap_init(&rig->heap);
    compress_init(&rig->registry, &rig->heap.allocator);
    rig->first = (grpc_features() & GRPC_FEATURE_GZIP) != 0;
    assert_int_equal(rig->registry.count, rig->first);
    assert_int_equal(rig->heap.calls, 0);
}

static void compress_down(struct compress_rig *rig)
{
    compress_fini(&rig->registry);
    assert_true(test_heap_is_clean(&rig->heap));
}

static size_t compress_put(struct compress_rig *rig,
                           const grpc_compressor *compressor)
{
    const char *reason = "";
    assert_int_equal(compress_add(&rig->registry, compressor, &reason),
                     GRPC_OK);
    return rig->registry.count - 1u;
}

static void compress_refuses(struct compress_rig *rig,
                             const grpc_compressor *compressor,
                             grpc_result expected)
{
    const char *reason = NULL;
    size_t size = rig->registry.accepted_size;
    size_t count = rig->registry.count;
    assert_int_equal(compress_add(&rig->registry, compressor, &reason),
                     expected);
    assert_non_null(reason);
    assert_int_equal(rig->registry.count, count);
    assert_int_equal(rig->registry.accepted_size, size);
}

// ---- The registry -----------------------------------------------------------

static void test_compress__names(void **state)
{
    struct compress_rig rig;
    (void)state;
    compress_up(&rig);
    struct view accepted = compress_accepted(&rig.registry);
    assert_true(rig.first == 0 ? accepted.size == 0
                               : VIEW_IS(accepted, "gzip"));
    assert_int_equal(compress_find(&rig.registry, VIEW("gzip")),
                     rig.first == 0 ? -1 : 0);
    assert_int_equal(compress_find(&rig.registry, VIEW("twice")), -1);
    size_t place = compress_put(&rig, &twice);
    assert_int_equal(place, rig.first);
    assert_int_equal(compress_put(&rig, &deaf), rig.first + 1);
    assert_int_equal(compress_find(&rig.registry, VIEW("twice")), place);
    assert_int_equal(compress_find(&rig.registry, VIEW("Twice")), -1);
    assert_int_equal(compress_find(&rig.registry, VIEW("twic")), -1);
    assert_int_equal(compress_find(&rig.registry, VIEW("")), -1);
    assert_true(VIEW_IS(compress_name(&rig.registry, place), "twice"));
    accepted = compress_accepted(&rig.registry);
    assert_true(rig.first == 0 ? VIEW_IS(accepted, "twice,deaf")
                               : VIEW_IS(accepted, "gzip,twice,deaf"));
    assert_int_equal(rig.heap.calls, 0);
    compress_down(&rig);
}

static void test_compress__refusals(void **state)
{
    static const char *const names[] = {
        "", "identity", "a b", "a,b", "a\tb", "\xc3\xa9", "a/b", "twice", "(a)",
    };
    struct compress_rig rig;
    (void)state;
    compress_up(&rig);
    (void)compress_put(&rig, &twice);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        grpc_compressor named = deaf;
        named.name = names[i];
        compress_refuses(&rig, &named, GRPC_EINVAL);
    }
    grpc_compressor broken = deaf;
    compress_refuses(&rig, NULL, GRPC_EINVAL);
    broken.name = NULL;
    compress_refuses(&rig, &broken, GRPC_EINVAL);
    broken = deaf;
    broken.compress = NULL;
    compress_refuses(&rig, &broken, GRPC_EINVAL);
    broken = deaf;
    broken.decompress = NULL;
    compress_refuses(&rig, &broken, GRPC_EINVAL);
    broken = twice;
    broken.name = "half";
    broken.close = NULL;
    compress_refuses(&rig, &broken, GRPC_EINVAL);
    compress_refuses(&rig, &grpc_gzip,
                     rig.first == 0 ? GRPC_ESTATE : GRPC_EINVAL);
    compress_down(&rig);
}

static void test_compress__how_many(void **state)
{
    static char names[COMPRESS_MOST + 1][4];
    static grpc_compressor many[COMPRESS_MOST + 1];
    struct compress_rig rig;
    (void)state;
    compress_up(&rig);
    for (size_t i = rig.first; i <= COMPRESS_MOST; i++) {
        (void)snprintf(names[i], sizeof names[i], "c%u", (unsigned)i % 100);
        many[i] = deaf;
        many[i].name = names[i];
        if (i < COMPRESS_MOST) {
            assert_int_equal(compress_put(&rig, &many[i]), i);
        }
    }
    compress_refuses(&rig, &many[COMPRESS_MOST], GRPC_ELIMIT);
    assert_true(compress_parse_accepted(&rig.registry, VIEW("c30,c1")) ==
                ((UINT32_C(1) << 30) | 2));
    compress_down(&rig);
}

static void test_compress__long_names(void **state)
{
    static char long_name[COMPRESS_ACCEPTED_TEXT + 1];
    struct compress_rig rig;
    (void)state;
    compress_up(&rig);
    size_t room = COMPRESS_ACCEPTED_TEXT - 1 - (rig.first == 0 ? 0 : 5);
    grpc_compressor named = deaf;
    named.name = long_name;
    memset(long_name, 'x', room + 1);
    compress_refuses(&rig, &named, GRPC_ELIMIT);
    long_name[room] = '\0';
    (void)compress_put(&rig, &named);
    assert_int_equal(compress_accepted(&rig.registry).size,
                     COMPRESS_ACCEPTED_TEXT - 1);
    compress_refuses(&rig, &twice, GRPC_ELIMIT);
    compress_down(&rig);
}

static void test_compress__accepted(void **state)
{
    struct compress_rig rig;
    (void)state;
    compress_up(&rig);
    uint32_t bit = UINT32_C(1) << compress_put(&rig, &twice);
    uint32_t next = UINT32_C(1) << compress_put(&rig, &deaf);
    const struct {
        struct view list;
        uint32_t mask;
    } lists[] = {
        {VIEW(""), 0},
        {VIEW(","), 0},
        {VIEW("identity"), 0},
        {VIEW("twice"), bit},
        {VIEW("identity,twice,snappy"), bit},
        {VIEW(" \ttwice , deaf\t"), bit | next},
        {VIEW("deaf,deaf,deaf"), next},
        {VIEW("tw ice,deafer,twic"), 0},
        {VIEW("twice;q=0"), 0},
        {VIEW(",,twice,,"), bit},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        assert_int_equal(compress_parse_accepted(&rig.registry, lists[i].list),
                         lists[i].mask);
    }
    // So many names are looked at and no more.
    char list[COMPRESS_PIECES + 8];
    memset(list, ',', sizeof list);
    memcpy(list + COMPRESS_PIECES - 1, "twice,", 6);
    struct view text = view_of(list, COMPRESS_PIECES + 6);
    assert_int_equal(compress_parse_accepted(&rig.registry, text), bit);
    memmove(list + COMPRESS_PIECES, list + COMPRESS_PIECES - 1, 6);
    list[COMPRESS_PIECES - 1] = ',';
    assert_int_equal(compress_parse_accepted(&rig.registry, text), 0);
    compress_down(&rig);
}

static void test_compress__why_not(void **state)
{
    (void)state;
    const char *unknown = compress_why_not(VIEW("snappy"));
    assert_non_null(strstr(unknown, "grpc_loop_add_compressor"));
    bool has_gzip = (grpc_features() & GRPC_FEATURE_GZIP) != 0;
    const char *gzip = compress_why_not(VIEW("gzip"));
    assert_int_equal(
        strstr(gzip, "built without zlib (GRPC_WITH_ZLIB)") == NULL, has_gzip);
}

// ---- Messages ---------------------------------------------------------------

static void test_compress__message(void **state)
{
    struct compress_rig rig;
    struct view packed;
    struct view plain;
    const char *reason = NULL;
    (void)state;
    compress_up(&rig);
    size_t place = compress_put(&rig, &twice);
    assert_int_equal(rig.heap.calls, 0);
    assert_int_equal(compress_message(&rig.registry, place, VIEW("abc"), 5,
                                      &packed, &reason),
                     GRPC_OK);
    assert_true(VIEW_IS(packed, "aabbcc"));
    memset((uint8_t *)(uintptr_t)packed.data - 5, '#', 5);
    // Each may be the input of the other.
    assert_int_equal(
        compress_decompress(&rig.registry, place, packed, 3, &plain, &reason),
        GRPC_OK);
    assert_true(VIEW_IS(plain, "abc"));
    assert_true(VIEW_IS(packed, "aabbcc"));
    assert_int_equal(
        compress_message(&rig.registry, place, plain, 0, &packed, &reason),
        GRPC_OK);
    assert_true(VIEW_IS(plain, "abc"));
    assert_true(VIEW_IS(packed, "aabbcc"));
    // Nothing becomes nothing.
    assert_int_equal(compress_message(&rig.registry, place, view_of(NULL, 0), 5,
                                      &packed, &reason),
                     GRPC_OK);
    assert_int_equal(packed.size, 0);
    assert_int_equal(compress_decompress(&rig.registry, place, view_of(NULL, 0),
                                         0, &plain, &reason),
                     GRPC_OK);
    assert_int_equal(plain.size, 0);
    assert_null(reason);
    assert_int_equal(
        ((struct twice_state *)rig.registry.entries[place].state)->messages !=
            0,
        1);
    compress_down(&rig);
}

static void test_compress__failures(void **state)
{
    struct compress_rig rig;
    struct view out = view_of("before", 6);
    const char *reason = "";
    (void)state;
    compress_up(&rig);
    size_t place = compress_put(&rig, &twice);
    size_t deafs = compress_put(&rig, &deaf);
    assert_int_equal(compress_decompress(&rig.registry, place, VIEW("aab"), 100,
                                         &out, &reason),
                     GRPC_EFORMAT);
    assert_string_equal(reason, "the bytes are not of that encoding");
    assert_int_equal(compress_decompress(&rig.registry, place, VIEW("aabb"), 1,
                                         &out, &reason),
                     GRPC_ELIMIT);
    assert_string_equal(reason, "what comes out is too large");
    assert_int_equal(compress_decompress(&rig.registry, deafs, VIEW("aabb"), 3,
                                         &out, &reason),
                     GRPC_ELIMIT);
    assert_true(VIEW_IS(out, "before"));
    // One failure leaves nothing behind.
    assert_int_equal(compress_decompress(&rig.registry, place, VIEW("aabb"), 2,
                                         &out, &reason),
                     GRPC_OK);
    assert_true(VIEW_IS(out, "ab"));
    compress_down(&rig);
}

static void test_compress__from_inside(void **state)
{
    struct compress_rig rig;
    struct view out;
    const char *reason = "";
    (void)state;
    compress_up(&rig);
    (void)compress_put(&rig, &twice);
    size_t place = compress_put(&rig, &nosy);
    nosy_registry = &rig.registry;
    assert_int_equal(
        compress_message(&rig.registry, place, VIEW("a"), 0, &out, &reason),
        GRPC_ESTATE);
    assert_int_equal(nosy_result, GRPC_ESTATE);
    assert_false(rig.registry.busy);
    compress_down(&rig);
}

// A buffer grows with what comes out, not over the limit.
static void test_compress__bounds(void **state)
{
    static uint8_t many[40000];
    struct compress_rig rig;
    struct view out;
    const char *reason = "";
    (void)state;
    memset(many, 'z', sizeof many);
    compress_up(&rig);
    size_t place = compress_put(&rig, &deaf);
    assert_int_equal(compress_decompress(&rig.registry, place,
                                         view_of(many, sizeof many), 10000,
                                         &out, &reason),
                     GRPC_ELIMIT);
    assert_int_equal(rig.registry.plain.capacity, 10000);
    assert_int_equal(rig.heap.live_bytes, 10000);
    assert_int_equal(compress_decompress(&rig.registry, place, VIEW("small"),
                                         4194304, &out, &reason),
                     GRPC_OK);
    assert_int_equal(rig.heap.live_bytes, 10000);
    assert_int_equal(compress_message(&rig.registry, place,
                                      view_of(many, sizeof many), 5, &out,
                                      &reason),
                     GRPC_OK);
    assert_true(rig.registry.packed.capacity < 2 * sizeof many);
    compress_trim(&rig.registry, 20000);
    assert_int_equal(rig.registry.plain.capacity, 10000);
    assert_int_equal(rig.registry.packed.capacity, 0);
    compress_trim(&rig.registry, 0);
    assert_int_equal(rig.heap.live_bytes, 0);
    compress_down(&rig);
}

// Once warm, a message costs no allocation, with every compressor.
static void test_compress__no_allocation(void **state)
{
    static uint8_t text[100000];
    struct compress_rig rig;
    struct view packed;
    struct view plain;
    const char *reason = "";
    uint64_t random = 3;
    (void)state;
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (uint8_t)(i % 5 == 0 ? test_random(&random) : 'a' + i % 20);
    }
    compress_up(&rig);
    (void)compress_put(&rig, &twice);
    size_t warm = 0;
    for (size_t i = 0; i < 50; i++) {
        // The largest comes first.
        struct view in = view_of(text, i == 0 ? sizeof text : 1 + i * 1999);
        for (size_t place = 0; place < rig.registry.count; place++) {
            assert_int_equal(
                compress_message(&rig.registry, place, in, 5, &packed, &reason),
                GRPC_OK);
            assert_int_equal(compress_decompress(&rig.registry, place, packed,
                                                 in.size, &plain, &reason),
                             GRPC_OK);
            assert_true(view_equal(plain, in));
        }
        warm = i == 0 ? rig.heap.calls : warm;
    }
    assert_true(warm > 0);
    assert_int_equal(rig.heap.calls, warm);
    compress_down(&rig);
}

static void test_compress__no_memory(void **state)
{
    (void)state;
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        struct compress_rig rig;
        struct view out;
        const char *reason = "";
        compress_up(&rig);
        size_t place = compress_put(&rig, &twice);
        rig.heap.fail_at = n;
        failed = false;
        for (int i = 0; i < 3; i++) {
            grpc_result result = compress_message(&rig.registry, place,
                                                  VIEW("ab"), 5, &out, &reason);
            if (result != GRPC_OK) {
                failed = true;
                assert_int_equal(result, GRPC_ENOMEM);
                assert_string_equal(reason, "out of memory");
            }
        }
        assert_true(VIEW_IS(out, "aabb"));
        assert_true(failed || n > 2);
        compress_down(&rig);
    }
}

// ---- A loop's ---------------------------------------------------------------

static void test_compress__loop(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_loop *loop =
        grpc_loop_new(&(grpc_loop_options){.allocator = heap.allocator});
    assert_non_null(loop);
    assert_int_equal(grpc_loop_add_compressor(NULL, &twice), GRPC_EINVAL);
    loop->h2.block_memo = 1;
    assert_int_equal(grpc_loop_add_compressor(loop, &twice), GRPC_OK);
    assert_int_equal(loop->h2.block_memo, 0);
    assert_int_equal(grpc_loop_add_compressor(loop, &twice), GRPC_EINVAL);
    assert_string_equal(
        grpc_loop_error(loop),
        "add a compressor: a compressor of that name is there already");
    if ((grpc_features() & GRPC_FEATURE_GZIP) == 0) {
        assert_int_equal(grpc_loop_add_compressor(loop, &grpc_gzip),
                         GRPC_ESTATE);
        assert_non_null(strstr(grpc_loop_error(loop),
                               "built without zlib (GRPC_WITH_ZLIB)"));
    }
    // What a large message leaves is given back when no call is open.
    static uint8_t many[2 * CORE_ENCODED_KEEP_BYTES];
    struct view out;
    const char *reason = "";
    int place = compress_find(&loop->compress, VIEW("twice"));
    assert_int_equal(compress_message(&loop->compress, (size_t)place,
                                      view_of(many, sizeof many), 5, &out,
                                      &reason),
                     GRPC_OK);
    assert_true(loop->compress.packed.capacity > sizeof many);
    assert_int_equal(grpc_loop_step(loop, 0), GRPC_OK);
    assert_int_equal(loop->compress.packed.capacity, 0);
    assert_int_equal(grpc_loop_free(loop), GRPC_OK);
    assert_true(test_heap_is_clean(&heap));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compress__names),
        cmocka_unit_test(test_compress__refusals),
        cmocka_unit_test(test_compress__how_many),
        cmocka_unit_test(test_compress__long_names),
        cmocka_unit_test(test_compress__accepted),
        cmocka_unit_test(test_compress__why_not),
        cmocka_unit_test(test_compress__message),
        cmocka_unit_test(test_compress__failures),
        cmocka_unit_test(test_compress__from_inside),
        cmocka_unit_test(test_compress__bounds),
        cmocka_unit_test(test_compress__no_allocation),
        cmocka_unit_test(test_compress__no_memory),
        cmocka_unit_test(test_compress__loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
