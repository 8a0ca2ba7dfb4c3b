// SPDX-License-Identifier: MIT
// The examples of RFC 7541 appendix C, byte for byte, with the dynamic table
// behind each step, in both directions. (C.1 is in test_hpack_integer.c.)

#include "tests/hpack_kit.h"

// One header list of an example.
struct vector {
    const char *hex;
    const char *fields; // "name: value\n" for each
    const char *table;  // as kit_dump_table writes it
};

struct example {
    uint32_t table_limit;
    bool huffman;
    struct vector vectors[3];
};

#define REQUEST_1 \
 ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n"
#define REQUEST_2 REQUEST_1 "cache-control: no-cache\n"
#define REQUEST_3                                     \
 ":method: GET\n:scheme: https\n:path: /index.html\n" \
 ":authority: www.example.com\ncustom-key: custom-value\n"
#define REQUEST_TABLE_1 ":authority: www.example.com\n57"
#define REQUEST_TABLE_2 \
 "cache-control: no-cache\n:authority: www.example.com\n110"
#define REQUEST_TABLE_3                                \
 "custom-key: custom-value\ncache-control: no-cache\n" \
 ":authority: www.example.com\n164"

#define RESPONSE_TAIL_21                                         \
 "cache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\n" \
 "location: https://www.example.com\n"
#define RESPONSE_1 ":status: 302\n" RESPONSE_TAIL_21
#define RESPONSE_2 ":status: 307\n" RESPONSE_TAIL_21
#define RESPONSE_3                                             \
 ":status: 200\ncache-control: private\n"                      \
 "date: Mon, 21 Oct 2013 20:13:22 GMT\n"                       \
 "location: https://www.example.com\ncontent-encoding: gzip\n" \
 "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"
#define RESPONSE_TABLE_1                                         \
 "location: https://www.example.com\n"                           \
 "date: Mon, 21 Oct 2013 20:13:21 GMT\ncache-control: private\n" \
 ":status: 302\n222"
#define RESPONSE_TABLE_2                             \
 ":status: 307\nlocation: https://www.example.com\n" \
 "date: Mon, 21 Oct 2013 20:13:21 GMT\ncache-control: private\n222"
#define RESPONSE_TABLE_3                                                  \
 "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n" \
 "content-encoding: gzip\ndate: Mon, 21 Oct 2013 20:13:22 GMT\n215"

static const struct example example_c3 = {
    4096,
    false,
    {{"828684410f7777772e6578616d706c652e636f6d", REQUEST_1, REQUEST_TABLE_1},
     {"828684be58086e6f2d6361636865", REQUEST_2, REQUEST_TABLE_2},
     {"828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", REQUEST_3,
      REQUEST_TABLE_3}}};

static const struct example example_c4 = {
    4096,
    true,
    {{"828684418cf1e3c2e5f23a6ba0ab90f4ff", REQUEST_1, REQUEST_TABLE_1},
     {"828684be5886a8eb10649cbf", REQUEST_2, REQUEST_TABLE_2},
     {"828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", REQUEST_3,
      REQUEST_TABLE_3}}};

static const struct example example_c5 = {
    256,
    false,
    {{"4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a"
      "31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
      RESPONSE_1, RESPONSE_TABLE_1},
     {"4803333037c1c0bf", RESPONSE_2, RESPONSE_TABLE_2},
     {"88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04"
      "677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49"
      "553b206d61782d6167653d333630303b2076657273696f6e3d31",
      RESPONSE_3, RESPONSE_TABLE_3}}};

static const struct example example_c6 = {
    256,
    true,
    {{"488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e"
      "919d29ad171863c78f0b97c8e9ae82ae43d3",
      RESPONSE_1, RESPONSE_TABLE_1},
     {"4883640effc1c0bf", RESPONSE_2, RESPONSE_TABLE_2},
     {"88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7"
      "821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed"
      "4ee5b1063d5007",
      RESPONSE_3, RESPONSE_TABLE_3}}};

static void dump_plain(const struct hpack_block *block, struct kit_text *out)
{
    out->size = 0;
    for (size_t i = 0; i < block->count; i++) {
        kit_add(out, block->fields[i].name);
        kit_add(out, VIEW(": "));
        kit_add(out, block->fields[i].value);
        kit_add(out, VIEW("\n"));
    }
}

static void check_decode(const struct example *example, size_t cut)
{
    struct test_heap heap;
    test_heap_init(&heap);
    struct hpack_limits limits = kit_no_limits();
    struct hpack_decoder decoder;
    struct hpack_block block;
    hpack_decoder_init(&decoder, &heap.allocator, 4096, &limits);
    hpack_table_set_limit(&decoder.table, example->table_limit);
    hpack_block_init(&block, &heap.allocator);
    for (size_t i = 0; i < 3; i++) {
        const struct vector *vector = &example->vectors[i];
        uint8_t bytes[256];
        uint8_t *last = NULL;
        struct kit_text text;
        size_t size = test_unhex(vector->hex, bytes, sizeof bytes);
        assert_int_equal(
            kit_decode(&decoder, &block, view_of(bytes, size), cut, &last),
            HPACK_OK);
        dump_plain(&block, &text);
        assert_string_equal(text.text, vector->fields);
        kit_dump_table(&decoder.table, &text);
        assert_string_equal(text.text, vector->table);
        free(last);
    }
    hpack_decoder_fini(&decoder);
    hpack_block_fini(&block);
    assert_true(test_heap_is_clean(&heap));
}

// encode_lines encodes "name: value\n" lines, all of them to be indexed.
static void encode_lines(struct hpack_encoder *encoder,
                         struct chunk_queue *queue, const char *lines)
{
    assert_true(hpack_encode_begin(encoder, queue));
    while (*lines != '\0') {
        const char *colon = strstr(lines + 1, ": ");
        const char *end = strchr(lines, '\n');
        struct hpack_field field = {
            .name = view_of(lines, (size_t)(colon - lines)),
            .value = view_of(colon + 2, (size_t)(end - colon - 2)),
        };
        assert_true(hpack_encode(encoder, queue, &field, HPACK_INDEX, NULL));
        lines = end + 1;
    }
}

static void check_encode(const struct example *example)
{
    struct test_heap heap;
    test_heap_init(&heap);
    struct slab pool;
    struct chunk_queue queue;
    chunk_pool_init(&pool, &heap.allocator, 1);
    chunk_queue_init(&queue, &pool);
    struct hpack_encoder encoder;
    hpack_encoder_init(&encoder, &heap.allocator, 4096);
    encoder.huffman = example->huffman;
    hpack_table_set_limit(&encoder.table, example->table_limit);
    for (size_t i = 0; i < 3; i++) {
        const struct vector *vector = &example->vectors[i];
        uint8_t expected[256];
        uint8_t bytes[256];
        struct kit_text text;
        // C.6.2 codes "307" although that saves no byte. We do not.
        const char *hex = vector->hex;
        if (strcmp(hex, "4883640effc1c0bf") == 0) {
            hex = "4803333037c1c0bf";
        }
        size_t expected_size = test_unhex(hex, expected, sizeof expected);
        encode_lines(&encoder, &queue, vector->fields);
        size_t size = kit_take(&queue, bytes, sizeof bytes);
        assert_int_equal(size, expected_size);
        assert_memory_equal(bytes, expected, size);
        kit_dump_table(&encoder.table, &text);
        assert_string_equal(text.text, vector->table);
    }
    hpack_encoder_fini(&encoder);
    slab_fini(&pool);
    assert_true(test_heap_is_clean(&heap));
}

static void check_example(const struct example *example)
{
    check_decode(example, kit_whole);
    check_decode(example, kit_single);
    check_decode(example, kit_bytewise);
    for (size_t cut = 0; cut < 110; cut++) {
        check_decode(example, cut);
    }
    check_encode(example);
}

static void test_vectors__c2_single_fields(void **state)
{
    (void)state;
    const struct kit_case insert = {
        .hex = {"400a637573746f6d2d6b65790d637573746f6d2d686561646572"},
        .fields = {"custom-key: custom-header [0M]\n"},
        .table = "custom-key: custom-header\n55"};
    const struct kit_case plain = {.hex = {"040c2f73616d706c652f70617468"},
                                   .fields = {":path: /sample/path [4]\n"},
                                   .table = "0"};
    const struct kit_case never = {
        .hex = {"100870617373776f726406736563726574"},
        .fields = {"password: secret [0N]\n"},
        .table = "0"};
    const struct kit_case indexed = {
        .hex = {"82"}, .fields = {":method: GET [2]\n"}, .table = "0"};
    kit_check(&insert);
    kit_check(&plain);
    kit_check(&never);
    kit_check(&indexed);
}

static void test_vectors__c3_requests(void **state)
{
    (void)state;
    check_example(&example_c3);
}

static void test_vectors__c4_requests_with_huffman(void **state)
{
    (void)state;
    check_example(&example_c4);
}

static void test_vectors__c5_responses(void **state)
{
    (void)state;
    check_example(&example_c5);
}

static void test_vectors__c6_responses_with_huffman(void **state)
{
    (void)state;
    check_example(&example_c6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors__c2_single_fields),
        cmocka_unit_test(test_vectors__c3_requests),
        cmocka_unit_test(test_vectors__c4_requests_with_huffman),
        cmocka_unit_test(test_vectors__c5_responses),
        cmocka_unit_test(test_vectors__c6_responses_with_huffman),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
