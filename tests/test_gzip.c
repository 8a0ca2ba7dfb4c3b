// SPDX-License-Identifier: MIT
// gzip, as a compressor of a loop. In a build without zlib the one thing to
// test is that it says so.

#include "tests/unit.h"

#include "core/compress.h"

#if defined(GRPC_WITH_ZLIB)

// What comes out, in a buffer that may be told to refuse.
struct gzip_out {
    uint8_t data[1 << 20];
    size_t size;
    size_t most;
    size_t writes;
};

static struct gzip_out gzip_first;
static struct gzip_out gzip_second;

static grpc_result gzip_take(void *sink, const void *data, size_t size)
{
    struct gzip_out *out = sink;
    out->writes++;
    assert_true(size > 0);
    if (size > out->most - out->size) {
        return GRPC_ELIMIT;
    }
    memcpy(out->data + out->size, data, size);
    out->size += size;
    return GRPC_OK;
}

static struct gzip_out *gzip_clear(struct gzip_out *out, size_t most)
{
    assert_true(most <= sizeof out->data);
    out->size = 0;
    out->writes = 0;
    out->most = most;
    return out;
}

// A loop's worth of gzip.
struct gzip_rig {
    struct test_heap heap;
    void *state;
};

static void gzip_up(struct gzip_rig *rig)
{
    test_heap_init(&rig->heap);
    rig->state = grpc_gzip.open(&rig->heap.allocator);
    assert_non_null(rig->state);
}

static void gzip_down(struct gzip_rig *rig)
{
    grpc_gzip.close(rig->state, &rig->heap.allocator);
    assert_true(test_heap_is_clean(&rig->heap));
}

static grpc_result gzip_unpack(struct gzip_rig *rig, const void *data,
                               size_t size, size_t most)
{
    uint8_t *exact = malloc(size + (size == 0));
    assert_non_null(exact);
    memcpy(exact, data, size);
    gzip_clear(&gzip_second, most);
    grpc_result result =
        grpc_gzip.decompress(rig->state, (grpc_str){(const char *)exact, size},
                             gzip_take, &gzip_second);
    free(exact);
    return result;
}

static void gzip_pack(struct gzip_rig *rig, struct view plain)
{
    const grpc_str message = {(const char *)plain.data, plain.size};
    gzip_clear(&gzip_first, sizeof gzip_first.data);
    assert_int_equal(
        grpc_gzip.compress(rig->state, message, gzip_take, &gzip_first),
        GRPC_OK);
}

// "hello" as gzip -n wrote it, with a name in the head, and stored.
static const char gzip_hello[] =
    "1f8b0800000000000003cb48cdc9c9070086a6103605000000";
static const char gzip_named[] =
    "1f8b08080000000000036100cb48cdc9c9070086a6103605000000";
static const char gzip_stored[] =
    "1f8b0800000000000003010500faff68656c6c6f86a6103605000000";

static void test_gzip__known_bytes(void **state)
{
    static const char *const forms[] = {gzip_hello, gzip_named, gzip_stored};
    struct gzip_rig rig;
    (void)state;
    gzip_up(&rig);
    for (int i = 0; i < 3; i++) {
        uint8_t bytes[64];
        size_t size = test_unhex(forms[i], bytes, sizeof bytes);
        assert_int_equal(gzip_unpack(&rig, bytes, size, 100), GRPC_OK);
        assert_int_equal(gzip_second.size, 5);
        assert_memory_equal(gzip_second.data, "hello", 5);
        // Cut anywhere, or with something behind it, it is none.
        for (size_t cut = 0; cut < size; cut++) {
            assert_int_equal(gzip_unpack(&rig, bytes, cut, 100), GRPC_EFORMAT);
        }
        bytes[size] = 0;
        assert_int_equal(gzip_unpack(&rig, bytes, size + 1, 100), GRPC_EFORMAT);
        // Of the sum and the length, each byte counts.
        for (size_t at = size - 8; at < size; at++) {
            bytes[at] ^= 1;
            assert_int_equal(gzip_unpack(&rig, bytes, size, 100), GRPC_EFORMAT);
            bytes[at] ^= 1;
        }
        assert_int_equal(gzip_unpack(&rig, bytes, size, 100), GRPC_OK);
    }
    gzip_down(&rig);
}

// Several members are one message: their contents, joined.
static void test_gzip__members(void **state)
{
    struct gzip_rig rig;
    uint8_t bytes[128];
    (void)state;
    gzip_up(&rig);
    size_t size = test_unhex(gzip_hello, bytes, sizeof bytes);
    size += test_unhex(gzip_stored, bytes + size, sizeof bytes - size);
    assert_int_equal(gzip_unpack(&rig, bytes, size, 100), GRPC_OK);
    assert_int_equal(gzip_second.size, 10);
    assert_memory_equal(gzip_second.data, "hellohello", 10);
    for (size_t cut = 0; cut < size; cut++) {
        grpc_result result = gzip_unpack(&rig, bytes, cut, 100);
        assert_int_equal(result, cut == 25 ? GRPC_OK : GRPC_EFORMAT);
    }
    gzip_down(&rig);
}

// zlib's own format and bare deflate are other encodings.
static void test_gzip__other_formats(void **state)
{
    static const char *const forms[] = {
        "789ccb48cdc9c90700062c0215", "cb48cdc9c90700", "68656c6c6f",
        "1f8b0900000000000003cb48cdc9c9070086a6103605000000"};
    struct gzip_rig rig;
    uint8_t bytes[64];
    (void)state;
    gzip_up(&rig);
    for (int i = 0; i < 4; i++) {
        size_t size = test_unhex(forms[i], bytes, sizeof bytes);
        assert_int_equal(gzip_unpack(&rig, bytes, size, 100), GRPC_EFORMAT);
    }
    gzip_down(&rig);
}

static void test_gzip__round_trip(void **state)
{
    static const size_t sizes[] = {0, 1, 100, 8191, 8192, 8193, 70000, 500000};
    static uint8_t plain[500000];
    struct gzip_rig rig;
    uint64_t random = 7;
    (void)state;
    for (size_t i = 0; i < sizeof plain; i++) {
        plain[i] = (uint8_t)(i % 3 == 0 ? test_random(&random) : i / 1000);
    }
    gzip_up(&rig);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        gzip_pack(&rig, view_of(plain, sizes[i]));
        assert_true(sizes[i] < 1000 || gzip_first.size < sizes[i]);
        assert_int_equal(
            gzip_unpack(&rig, gzip_first.data, gzip_first.size, sizes[i]),
            GRPC_OK);
        assert_int_equal(gzip_second.size, sizes[i]);
        assert_memory_equal(gzip_second.data, plain, sizes[i]);
    }
    gzip_down(&rig);
}

// What the sink refuses ends it at once, either way, and the next is fine.
static void test_gzip__stops(void **state)
{
    static const uint8_t zeros[1 << 20];
    struct gzip_rig rig;
    (void)state;
    gzip_up(&rig);
    gzip_pack(&rig, view_of(zeros, sizeof zeros));
    assert_int_equal(gzip_unpack(&rig, gzip_first.data, gzip_first.size, 10000),
                     GRPC_ELIMIT);
    assert_int_equal(gzip_second.writes, 2);
    assert_int_equal(
        gzip_unpack(&rig, gzip_first.data, gzip_first.size, sizeof zeros),
        GRPC_OK);
    assert_int_equal(gzip_second.size, sizeof zeros);
    const grpc_str message = {(const char *)zeros, 1000};
    gzip_clear(&gzip_first, 5);
    assert_int_equal(
        grpc_gzip.compress(rig.state, message, gzip_take, &gzip_first),
        GRPC_ELIMIT);
    assert_int_equal(gzip_first.writes, 1);
    gzip_pack(&rig, VIEW("again"));
    gzip_down(&rig);
}

// Every allocation fails once, then there is memory.
static void test_gzip__no_memory(void **state)
{
    (void)state;
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        struct gzip_rig rig;
        test_heap_init(&rig.heap);
        rig.heap.fail_at = n;
        failed = false;
        rig.state = grpc_gzip.open(&rig.heap.allocator);
        if (rig.state == NULL) {
            failed = true;
            assert_true(test_heap_is_clean(&rig.heap));
            continue;
        }
        for (int i = 0; i < 2; i++) {
            gzip_clear(&gzip_first, sizeof gzip_first.data);
            grpc_result result = grpc_gzip.compress(
                rig.state, GRPC_STR("a text"), gzip_take, &gzip_first);
            failed = failed || result != GRPC_OK;
            assert_true(result == GRPC_OK || (i == 0 && result == GRPC_ENOMEM));
        }
        for (int i = 0; i < 2; i++) {
            grpc_result result =
                gzip_unpack(&rig, gzip_first.data, gzip_first.size, 100);
            failed = failed || result != GRPC_OK;
            assert_true(result == GRPC_OK || (i == 0 && result == GRPC_ENOMEM));
        }
        assert_memory_equal(gzip_second.data, "a text", 6);
        gzip_down(&rig);
        assert_true(failed || n > 4);
    }
}

static void test_gzip__there(void **state)
{
    (void)state;
    assert_string_equal(grpc_gzip.name, "gzip");
    assert_true((grpc_features() & GRPC_FEATURE_GZIP) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gzip__known_bytes),
        cmocka_unit_test(test_gzip__members),
        cmocka_unit_test(test_gzip__other_formats),
        cmocka_unit_test(test_gzip__round_trip),
        cmocka_unit_test(test_gzip__stops),
        cmocka_unit_test(test_gzip__no_memory),
        cmocka_unit_test(test_gzip__there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static grpc_result gzip_never(void *sink, const void *data, size_t size)
{
    (void)sink;
    (void)data;
    (void)size;
    fail();
    return GRPC_OK;
}

static void test_gzip__missing(void **state)
{
    (void)state;
    assert_string_equal(grpc_gzip.name, "gzip");
    assert_int_equal(grpc_features() & GRPC_FEATURE_GZIP, 0);
    assert_int_equal(grpc_gzip.compress(NULL, GRPC_STR("a"), gzip_never, NULL),
                     GRPC_ESTATE);
    assert_int_equal(
        grpc_gzip.decompress(NULL, GRPC_STR("a"), gzip_never, NULL),
        GRPC_ESTATE);
    assert_non_null(strstr(compress_why_not(VIEW("gzip")),
                           "built without zlib (GRPC_WITH_ZLIB)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gzip__missing),
    };
    (void)printf("# built without zlib: gzip is tested to say so\n");
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
