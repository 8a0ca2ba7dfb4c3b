// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "base/slab.h"

struct slab_test_object {
    uint64_t word;
    void *held; // counted by slab_test_fini when it is set
};

static void slab_test_fini(void *object)
{
    struct slab_test_object *self = object;
    if (self->held != NULL) {
        ++*(int *)self->held;
    }
}

static void test_slab__new_objects_are_zero_and_aligned(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct slab slab;
    slab_init(&slab, &heap.allocator, 33, 4, NULL);
    assert_int_equal(heap.calls, 0);
    unsigned char *object = slab_take(&slab);
    assert_non_null(object);
    assert_int_equal((uintptr_t)object % sizeof(void *), 0);
    for (size_t i = 0; i < 33; i++) {
        assert_int_equal(object[i], 0);
    }
    assert_int_equal(slab.taken, 1);
    slab_give(&slab, object);
    assert_int_equal(slab.taken, 0);
    assert_int_equal(slab.spare_count, 1);
    slab_fini(&slab);
    assert_true(test_heap_is_clean(&heap));
}

// slab_test_dirty hands out memory that is not zero.
static void *slab_test_dirty(void *user, void *pointer, size_t old_size,
                             size_t new_size)
{
    const grpc_allocator *heap = user;
    void *block = heap->allocate(heap->user, pointer, old_size, new_size);
    if (block != NULL && pointer == NULL) {
        memset(block, 0xee, new_size);
    }
    return block;
}

static void test_slab__new_objects_are_zero_as_far_as_is_asked(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    grpc_allocator dirty = {slab_test_dirty, &heap.allocator};
    struct slab slab;
    slab_init(&slab, &dirty, 64, 4, NULL);
    unsigned char *whole = slab_take(&slab);
    assert_non_null(whole);
    slab.zero_size = 20;
    unsigned char *part = slab_take(&slab);
    assert_non_null(part);
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(whole[i], 0);
        assert_int_equal(part[i], i < 20 ? 0 : 0xee);
    }
    slab_give(&slab, whole);
    slab_give(&slab, part);
    slab_fini(&slab);
    assert_true(test_heap_is_clean(&heap));
}

static void test_slab__given_objects_come_back_as_they_were(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct slab slab;
    slab_init(&slab, &heap.allocator, sizeof(struct slab_test_object), 4, NULL);
    struct slab_test_object *a = slab_take(&slab);
    struct slab_test_object *b = slab_take(&slab);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    a->word = 11;
    b->word = 22;
    slab_give(&slab, a);
    slab_give(&slab, b);
    // The one given last is taken first: it is warm in the cache.
    assert_ptr_equal(slab_take(&slab), b);
    assert_ptr_equal(slab_take(&slab), a);
    assert_int_equal(b->word, 22);
    assert_int_equal(a->word, 11);
    assert_int_equal(heap.calls, 2);
    slab_give(&slab, a);
    slab_give(&slab, b);
    slab_fini(&slab);
    assert_true(test_heap_is_clean(&heap));
}

static void test_slab__steady_work_allocates_nothing(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    struct slab slab;
    slab_init(&slab, &heap.allocator, 64, 8, NULL);
    void *objects[8];
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 8; i++) {
            objects[i] = slab_take(&slab);
            assert_non_null(objects[i]);
        }
        for (int i = 0; i < 8; i++) {
            slab_give(&slab, objects[i]);
        }
    }
    assert_int_equal(heap.calls, 8);
    slab_fini(&slab);
    assert_true(test_heap_is_clean(&heap));
}

static void test_slab__more_than_spare_max_are_freed_at_once(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    int finished = 0;
    struct slab slab;
    slab_init(&slab, &heap.allocator, sizeof(struct slab_test_object), 2,
              slab_test_fini);
    struct slab_test_object *objects[5];
    for (int i = 0; i < 5; i++) {
        objects[i] = slab_take(&slab);
        assert_non_null(objects[i]);
        objects[i]->held = &finished;
    }
    for (int i = 0; i < 5; i++) {
        slab_give(&slab, objects[i]);
    }
    assert_int_equal(slab.spare_count, 2);
    assert_int_equal(heap.live_blocks, 2);
    assert_int_equal(finished, 3);
    slab_fini(&slab);
    assert_int_equal(finished, 5);
    assert_true(test_heap_is_clean(&heap));
}

static void test_slab__trim_frees_down_to_a_count(void **state)
{
    (void)state;
    struct test_heap heap;
    test_heap_init(&heap);
    int finished = 0;
    struct slab slab;
    slab_init(&slab, &heap.allocator, sizeof(struct slab_test_object), 10,
              slab_test_fini);
    struct slab_test_object *objects[6];
    for (int i = 0; i < 6; i++) {
        objects[i] = slab_take(&slab);
        assert_non_null(objects[i]);
        objects[i]->held = &finished;
    }
    for (int i = 0; i < 6; i++) {
        slab_give(&slab, objects[i]);
    }
    slab_trim(&slab, 9);
    assert_int_equal(finished, 0);
    slab_trim(&slab, 1);
    assert_int_equal(slab.spare_count, 1);
    assert_int_equal(heap.live_blocks, 1);
    assert_int_equal(finished, 5);
    slab_fini(&slab);
    assert_int_equal(finished, 6);
    assert_true(test_heap_is_clean(&heap));
}

static void test_slab__failures_take_nothing(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 4; n++) {
        struct test_heap heap;
        test_heap_init(&heap);
        heap.fail_at = n;
        struct slab slab;
        slab_init(&slab, &heap.allocator, 16, 4, NULL);
        void *objects[4];
        size_t got = 0;
        for (int i = 0; i < 4; i++) {
            void *object = slab_take(&slab);
            if (object != NULL) {
                objects[got++] = object;
            }
        }
        assert_int_equal(got, 3);
        assert_int_equal(slab.taken, 3);
        while (got > 0) {
            slab_give(&slab, objects[--got]);
        }
        slab_fini(&slab);
        assert_true(test_heap_is_clean(&heap));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slab__new_objects_are_zero_and_aligned),
        cmocka_unit_test(test_slab__new_objects_are_zero_as_far_as_is_asked),
        cmocka_unit_test(test_slab__given_objects_come_back_as_they_were),
        cmocka_unit_test(test_slab__steady_work_allocates_nothing),
        cmocka_unit_test(test_slab__more_than_spare_max_are_freed_at_once),
        cmocka_unit_test(test_slab__trim_frees_down_to_a_count),
        cmocka_unit_test(test_slab__failures_take_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
