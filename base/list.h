// SPDX-License-Identifier: MIT
// An intrusive, circular, doubly linked list. The link lives inside the
// object, so that adding and removing never allocate and never fail.
//
// A link that is all zero is unlinked; a list head points at itself when it
// is empty. A member that is a link is named link_<list>.

#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/assert.h"

struct list_link {
    struct list_link *next; // NULL: in no list
    struct list_link *prev;
};

// LIST_OWNER is the object of the given type whose member is *link.
#define LIST_OWNER(link, type, member) \
 ((type *)(void *)((char *)(link)-offsetof(type, member)))

// LIST_EACH visits each link; the body may remove the one it is given.
#define LIST_EACH(cursor, after, head)                                \
 for (struct list_link *cursor = (head)->next, *after = cursor->next; \
      cursor != (head); cursor = after, after = cursor->next)

static inline void list_init(struct list_link *head)
{
    head->next = head;
    head->prev = head;
}

static inline bool list_is_empty(const struct list_link *head)
{
    return head->next == head;
}

static inline bool list_is_linked(const struct list_link *link)
{
    return link->next != NULL;
}

static inline void list_insert_before(struct list_link *at,
                                      struct list_link *link)
{
    ASSERT(!list_is_linked(link));
    link->next = at;
    link->prev = at->prev;
    at->prev->next = link;
    at->prev = link;
}

static inline void list_append(struct list_link *head, struct list_link *link)
{
    list_insert_before(head, link);
}

static inline void list_prepend(struct list_link *head, struct list_link *link)
{
    list_insert_before(head->next, link);
}

// list_remove leaves the link zero; a link in no list is left as it is.
static inline void list_remove(struct list_link *link)
{
    if (link->next == NULL) {
        return;
    }
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->next = NULL;
    link->prev = NULL;
}

// list_first is NULL when the list is empty.
static inline struct list_link *list_first(const struct list_link *head)
{
    return head->next == head ? NULL : head->next;
}

// list_take removes and returns the first link, NULL when there is none.
static inline struct list_link *list_take(struct list_link *head)
{
    struct list_link *link = list_first(head);
    if (link != NULL) {
        list_remove(link);
    }
    return link;
}

// list_move appends all of from to head, in order, and leaves from empty.
static inline void list_move(struct list_link *head, struct list_link *from)
{
    if (list_is_empty(from)) {
        return;
    }
    from->next->prev = head->prev;
    head->prev->next = from->next;
    from->prev->next = head;
    head->prev = from->prev;
    list_init(from);
}

#endif
