// SPDX-License-Identifier: MIT

#include "tests/unit.h"

#include "base/list.h"

struct list_test_item {
    int value;
    struct list_link link_test;
};

// list_test_expect compares a list, read in both directions, with the digits
// of text.
static void list_test_expect(struct list_link *head, const char *text)
{
    size_t count = strlen(text);
    struct list_link *link = head->next;
    for (size_t i = 0; i < count; i++, link = link->next) {
        assert_ptr_not_equal(link, head);
        assert_ptr_equal(link->next->prev, link);
        assert_ptr_equal(link->prev->next, link);
        assert_int_equal(
            LIST_OWNER(link, struct list_test_item, link_test)->value,
            text[i] - '0');
    }
    assert_ptr_equal(link, head);
    assert_int_equal(list_is_empty(head), count == 0);
    assert_int_equal(list_first(head) == NULL, count == 0);
}

static void list_test_items(struct list_test_item items[10])
{
    for (int i = 0; i < 10; i++) {
        items[i] = (struct list_test_item){.value = i};
    }
}

static void test_list__append_and_prepend_keep_order(void **state)
{
    (void)state;
    struct list_test_item items[10];
    list_test_items(items);
    struct list_link head;
    list_init(&head);
    list_test_expect(&head, "");
    list_append(&head, &items[1].link_test);
    list_append(&head, &items[2].link_test);
    list_prepend(&head, &items[0].link_test);
    list_test_expect(&head, "012");
    list_insert_before(&items[1].link_test, &items[9].link_test);
    list_test_expect(&head, "0912");
    list_insert_before(&head, &items[8].link_test);
    list_test_expect(&head, "09128");
}

static void test_list__remove_leaves_the_link_zero(void **state)
{
    (void)state;
    struct list_test_item items[10];
    list_test_items(items);
    struct list_link head;
    list_init(&head);
    for (int i = 0; i < 4; i++) {
        assert_false(list_is_linked(&items[i].link_test));
        list_append(&head, &items[i].link_test);
        assert_true(list_is_linked(&items[i].link_test));
    }
    list_remove(&items[1].link_test);
    list_test_expect(&head, "023");
    list_remove(&items[0].link_test);
    list_remove(&items[3].link_test);
    list_test_expect(&head, "2");
    list_remove(&items[2].link_test);
    list_test_expect(&head, "");
    for (int i = 0; i < 4; i++) {
        assert_null(items[i].link_test.next);
        assert_null(items[i].link_test.prev);
        list_remove(&items[i].link_test);
    }
    list_append(&head, &items[3].link_test);
    list_test_expect(&head, "3");
}

static void test_list__take_is_first_in_first_out(void **state)
{
    (void)state;
    struct list_test_item items[10];
    list_test_items(items);
    struct list_link head;
    list_init(&head);
    assert_null(list_take(&head));
    for (int i = 0; i < 3; i++) {
        list_append(&head, &items[i].link_test);
    }
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(list_first(&head), &items[i].link_test);
        assert_ptr_equal(list_take(&head), &items[i].link_test);
        assert_false(list_is_linked(&items[i].link_test));
    }
    assert_null(list_take(&head));
}

static void test_list__move_joins_and_empties(void **state)
{
    (void)state;
    struct list_test_item items[10];
    list_test_items(items);
    struct list_link one;
    struct list_link two;
    list_init(&one);
    list_init(&two);
    list_move(&one, &two);
    list_test_expect(&one, "");
    list_append(&two, &items[3].link_test);
    list_append(&two, &items[4].link_test);
    list_move(&one, &two);
    list_test_expect(&one, "34");
    list_test_expect(&two, "");
    list_append(&two, &items[5].link_test);
    list_move(&one, &two);
    list_test_expect(&one, "345");
    list_move(&one, &two);
    list_test_expect(&one, "345");
    list_test_expect(&two, "");
}

static void test_list__foreach_allows_removal(void **state)
{
    (void)state;
    struct list_test_item items[10];
    list_test_items(items);
    struct list_link head;
    list_init(&head);
    int visits = 0;
    LIST_EACH (link, after, &head) {
        (void)link;
        visits++;
    }
    assert_int_equal(visits, 0);
    for (int i = 0; i < 10; i++) {
        list_append(&head, &items[i].link_test);
    }
    LIST_EACH (link, after, &head) {
        struct list_test_item *item =
            LIST_OWNER(link, struct list_test_item, link_test);
        assert_int_equal(item->value, visits);
        visits++;
        if (item->value % 3 != 0) {
            list_remove(link);
        }
    }
    assert_int_equal(visits, 10);
    list_test_expect(&head, "0369");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list__append_and_prepend_keep_order),
        cmocka_unit_test(test_list__remove_leaves_the_link_zero),
        cmocka_unit_test(test_list__take_is_first_in_first_out),
        cmocka_unit_test(test_list__move_joins_and_empties),
        cmocka_unit_test(test_list__foreach_allows_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
