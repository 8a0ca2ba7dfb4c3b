// SPDX-License-Identifier: MIT

#include "base/slab.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"

void slab_init(struct slab *slab, const grpc_allocator *allocator,
               size_t object_size, size_t spare_max, void (*fini)(void *object))
{
    ASSERT(object_size > 0);
    *slab = (struct slab){
        .allocator = allocator,
        .fini = fini,
        .object_size = object_size,
        .zero_size = object_size,
        .spare_max = spare_max,
    };
}

void *slab_take_new(struct slab *slab)
{
    struct slab_head *head =
        alloc_new(slab->allocator, SLAB_HEAD + slab->object_size);
    if (head == NULL) {
        return NULL;
    }
    void *object = (char *)head + SLAB_HEAD;
    memset(object, 0, slab->zero_size);
    slab->taken++;
    return object;
}

static void slab_free(struct slab *slab, struct slab_head *head)
{
    if (slab->fini != NULL) {
        slab->fini((char *)head + SLAB_HEAD);
    }
    alloc_free(slab->allocator, head, SLAB_HEAD + slab->object_size);
}

void slab_give(struct slab *slab, void *object)
{
    ASSERT(object != NULL);
    ASSERT(slab->taken > 0);
    struct slab_head *head = (void *)((char *)object - SLAB_HEAD);
    slab->taken--;
    if (slab->spare_count >= slab->spare_max) {
        slab_free(slab, head);
        return;
    }
    head->next = slab->spare;
    slab->spare = head;
    slab->spare_count++;
}

void slab_trim(struct slab *slab, size_t spare_count)
{
    while (slab->spare_count > spare_count) {
        struct slab_head *head = slab->spare;
        slab->spare = head->next;
        slab->spare_count--;
        slab_free(slab, head);
    }
}

void slab_fini(struct slab *slab)
{
    ASSERT(slab->taken == 0);
    slab_trim(slab, 0);
}
