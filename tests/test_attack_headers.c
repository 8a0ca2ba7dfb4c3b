// SPDX-License-Identifier: MIT
// Attacks on a server by header blocks: bombs, floods, decoders led astray, and
// fields that mean something else to somebody else.
#include "tests/unit.h"

#include "tests/attack_kit.h"

// A flood of requests that differ in their header block alone.
struct headers_row {
    struct attack attack;
    // Writes a block; returns its size.
    size_t (*block)(uint8_t *to, uint32_t i);
    size_t (*first_block)(uint8_t *to, uint32_t i); // in advance; NULL: none
    uint32_t count;
};

enum { BLOCK_BYTES = 16384 };

static uint8_t *headers_buffer(void)
{
    static uint8_t bytes[2 * BLOCK_BYTES];
    return bytes;
}

static struct attack_run *headers_begin(const struct headers_row *row)
{
    struct attack_run *run = attack_server(&row->attack);
    uint8_t *block = headers_buffer();
    if (row->first_block != NULL) {
        size_t size = row->first_block(block, 0);
        attack_frame(run, 1, 5, 3, block, size);
        attack_prepare(run);
    }
    for (uint32_t i = 0; i < row->count; i++) {
        size_t size = row->block(block, i);
        attack_frame(run, 1, 5, 5 + 2 * i, block, size);
    }
    attack_begin(run);
    attack_deliver(run);
    return run;
}

static void headers_run(const struct headers_row *row)
{
    struct attack_run *run = headers_begin(row);
    assert_int_equal(run->bench->greeter.handled, 1);
    attack_end(run);
}

// put_request_fields begins a block; the four fields are in the table, at
// indices that count on from the newest.
static size_t put_request_fields(uint8_t *to, uint8_t newer)
{
    to[0] = 0x83;
    to[1] = 0x86;
    to[2] = (uint8_t)(0xc0 + newer);
    to[3] = (uint8_t)(0xbf + newer);
    to[4] = (uint8_t)(0xbe + newer);
    return 5;
}

// ---- Bombs ------------------------------------------------------------------

enum { BOMB_VALUE = 3000 };

// A large entry is put into the table once...
static size_t insert_large(uint8_t *to, uint32_t i)
{
    static char value[BOMB_VALUE + 1];
    (void)i;
    memset(value, 'v', BOMB_VALUE);
    size_t size = put_request_fields(to, 0);
    return size + attack_literal(to + size, 0x40, "x", value);
}

// ...and named by one byte each: 15,000 bytes decoded of 5.
static size_t refer_to_large(uint8_t *to, uint32_t i)
{
    (void)i;
    size_t size = put_request_fields(to, 1);
    memset(to + size, 0xbe, 5);
    return size + 5;
}

static size_t refer_too_often(uint8_t *to, uint32_t i)
{
    size_t size = refer_to_large(to, i);
    memset(to + size, 0xbe, 1000);
    return size + 1000;
}

static size_t insert_tiny(uint8_t *to, uint32_t i)
{
    (void)i;
    size_t size = put_request_fields(to, 0);
    return size + attack_literal(to + size, 0x40, "x", "");
}

// Fewer bytes than the limit, 245 fields: each costs its bookkeeping.
static size_t refer_to_tiny(uint8_t *to, uint32_t i)
{
    (void)i;
    size_t size = put_request_fields(to, 1);
    memset(to + size, 0xbe, 240);
    return size + 240;
}

// Crumbs of a cookie are fields as well.
static size_t many_cookies(uint8_t *to, uint32_t i)
{
    (void)i;
    size_t size = put_request_fields(to, 0);
    memset(to + size, 0xa0, 240);
    return size + 240;
}

static size_t too_many_cookies(uint8_t *to, uint32_t i)
{
    (void)i;
    size_t size = put_request_fields(to, 0);
    memset(to + size, 0xa0, 16000);
    return size + 16000;
}

// Empty values take bytes on the wire, and 32 of the list.
static size_t empty_values(uint8_t *to, uint32_t i)
{
    (void)i;
    size_t size = put_request_fields(to, 0);
    for (int n = 0; n < 4000; n++) {
        size += attack_literal(to + size, 0x00, "x", "");
    }
    return size;
}

static void test_attack__bombs_below_the_hard_limit(void **state)
{
    (void)state;
    static const struct headers_row rows[] = {
        {{.name = "HPACK bomb, a large value 5 times",
          .class = "1 CVE-2016-1544",
          .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_FIELDS,
          .ir = ATTACK_IR_REFUSED,
          .end = ATTACK_BORNE},
         refer_to_large,
         insert_large,
         3000},
        {{.name = "HTTP/2 bomb, 240 tiny fields a request",
          .class = "2 CVE-2026-49975",
          .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_FIELDS,
          .ir = ATTACK_IR_HONEST,
          .end = ATTACK_BORNE},
         refer_to_tiny,
         insert_tiny,
         2000},
        {{.name = "HTTP/2 bomb, 240 cookies a request",
          .class = "2 CVE-2026-49975",
          .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_FIELDS,
          .ir = ATTACK_IR_HONEST,
          .end = ATTACK_BORNE},
         many_cookies,
         NULL,
         2000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        headers_run(&rows[i]);
    }
}

// Over the hard limit no more is decoded, so the tables are no longer in step:
// the connection ends.
static void test_attack__bombs_over_the_hard_limit(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *class;
        size_t (*block)(uint8_t *to, uint32_t i);
        size_t (*first_block)(uint8_t *to, uint32_t i);
    } kinds[] = {
        {"HPACK bomb, a large value 1,005 times", "1 CVE-2016-6581",
         refer_too_often, insert_large},
        {"HTTP/2 bomb, 16,000 cookies", "2 CVE-2026-47774", too_many_cookies,
         NULL},
        {"4,000 empty fields", "6 CVE-2019-9516", empty_values, NULL},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct headers_row row = {
            {.name = kinds[i].name,
             .class = kinds[i].class,
             .memory = ATTACK_FIELDS + ATTACK_FAREWELL,
             .ir = ATTACK_IR_SKIPPED,
             .once = H2_LIMIT_HEADER_FIELDS_HARD * 300,
             .ms = ATTACK_MS_LINGER,
             .end = ATTACK_CLOSED,
             .code = H2_ENHANCE_YOUR_CALM,
             .text = "over the hard limit"},
            kinds[i].block,
            kinds[i].first_block,
            1,
        };
        headers_run(&row);
    }
}

// ---- Work for the decoder ---------------------------------------------------

// The longest Huffman strings of all that are refused only at the end.
static size_t huffman_text(uint8_t *to, uint32_t i)
{
    (void)i;
    size_t size = put_request_fields(to, 0);
    to[size++] = 0x00;
    to[size++] = 1;
    to[size++] = 'x';
    to[size++] = 0xff; // 4,000 bytes, Huffman-coded
    to[size++] = (4000 - 127) % 128 + 128;
    to[size++] = (4000 - 127) / 128;
    memset(to + size, 0x00, 4000); // '0' is 00000: 6,400 of them
    return size + 4000;
}

// Every block fills the table with entries of its own.
static size_t new_entries(uint8_t *to, uint32_t i)
{
    size_t size = attack_literal(to, 0x00, ":method", "POST");
    size += attack_literal(to + size, 0x00, ":scheme", "http");
    size += attack_literal(to + size, 0x00, ":path", "/a/b");
    for (uint32_t n = 0; n < 80; n++) {
        char value[3] = {(char)('a' + i % 26), (char)('a' + n % 26), '\0'};
        size += attack_literal(to + size, 0x40, "x", value);
    }
    return size;
}

// The table is emptied and made large again by each block.
static size_t size_updates(uint8_t *to, uint32_t i)
{
    static const uint8_t updates[] = {0x20, 0x3f, 0xe1, 0x1f};
    (void)i;
    memcpy(to, updates, sizeof updates);
    size_t size = sizeof updates;
    size += attack_literal(to + size, 0x40, ":method", "POST");
    size += attack_literal(to + size, 0x40, ":scheme", "http");
    return size + attack_literal(to + size, 0x40, ":path", "/a/b");
}

static void test_attack__work_for_the_decoder(void **state)
{
    (void)state;
    static const struct headers_row rows[] = {
        {{.name = "Huffman-coded text",
          .class = "12 CVE-2022-41723",
          .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_FIELDS,
          .ir = 2 * ATTACK_IR_DROPPED,
          .end = ATTACK_BORNE},
         huffman_text,
         NULL,
         100},
        {{.name = "80 new table entries a request",
          .class = "12",
          .memory =
              ATTACK_HELD + ATTACK_INDUCED + ATTACK_FIELDS + ATTACK_TABLES,
          .ir = ATTACK_IR_HONEST,
          .end = ATTACK_BORNE},
         new_entries,
         NULL,
         500},
        {{.name = "table emptied by each request",
          .class = "12",
          .memory =
              ATTACK_HELD + ATTACK_INDUCED + ATTACK_FIELDS + ATTACK_TABLES,
          .ir = 2 * ATTACK_IR_HONEST,
          .end = ATTACK_BORNE},
         size_updates,
         NULL,
         2000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        headers_run(&rows[i]);
    }
}

// ---- Blocks that no decoder can read ----------------------------------------

static size_t long_integer(uint8_t *to, uint32_t i)
{
    (void)i;
    size_t size = put_request_fields(to, 0);
    to[size++] = 0x7f;
    memset(to + size, 0x80, 16000);
    return size + 16000;
}

static size_t huge_string(uint8_t *to, uint32_t i)
{
    static const uint8_t field[] = {0x00, 0x7f, 0x80, 0xff, 0xff, 0xff, 0x07};
    (void)i;
    size_t size = put_request_fields(to, 0);
    memcpy(to + size, field, sizeof field);
    memset(to + size + sizeof field, 'x', 16000);
    return size + sizeof field + 16000;
}

static size_t long_huffman_padding(uint8_t *to, uint32_t i)
{
    static const uint8_t field[] = {0x00, 0x01, 'x', 0x84, 255, 255, 255, 255};
    (void)i;
    size_t size = put_request_fields(to, 0);
    memcpy(to + size, field, sizeof field);
    return size + sizeof field;
}

static size_t wrong_index(uint8_t *to, uint32_t i)
{
    (void)i;
    size_t size = put_request_fields(to, 0);
    to[size] = 0xfe;
    return size + 1;
}

static void test_attack__unreadable_blocks(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *class;
        size_t (*block)(uint8_t *to, uint32_t i);
        enum h2_code code;
    } kinds[] = {
        {"integer of 16,000 bytes", "12 CVE-2023-33953", long_integer,
         H2_COMPRESSION_ERROR},
        {"string of 2 GiB", "12 CVE-2023-33953", huge_string,
         H2_ENHANCE_YOUR_CALM},
        {"Huffman code for the end of the string", "12", long_huffman_padding,
         H2_COMPRESSION_ERROR},
        {"index that is in no table", "12", wrong_index, H2_COMPRESSION_ERROR},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct headers_row row = {
            {.name = kinds[i].name,
             .class = kinds[i].class,
             .memory = ATTACK_FIELDS + ATTACK_FAREWELL,
             .ir = ATTACK_IR_HONEST,
             .ms = ATTACK_MS_LINGER,
             .end = ATTACK_CLOSED,
             .code = kinds[i].code},
            kinds[i].block,
            NULL,
            1,
        };
        headers_run(&row);
    }
}

// ---- CONTINUATION -----------------------------------------------------------

static void test_attack__continuation_floods(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *class;
        size_t size; // of each CONTINUATION
        const char *text;
    } kinds[] = {
        {"CONTINUATION of one byte each", "17 VU#421664", 1,
         "in too many frames"},
        {"CONTINUATION without a payload", "17 CVE-2026-33871", 0,
         "in too many frames"},
        {"CONTINUATION of 16 KiB each", "17 CVE-2024-27316", 16384,
         "is too large"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct attack attack = {
            .name = kinds[i].name,
            .class = kinds[i].class,
            .memory = ATTACK_SPILL + ATTACK_FAREWELL,
            .ir = ATTACK_IR_DROPPED,
            .ms = ATTACK_MS_LINGER,
            .end = ATTACK_CLOSED,
            .code = H2_ENHANCE_YOUR_CALM,
            .text = kinds[i].text,
        };
        struct attack_run *run = attack_server(&attack);
        uint8_t *bytes = headers_buffer();
        memset(bytes, 'x', BLOCK_BYTES);
        attack_frame(run, 1, 0, 3, ATTACK_REQUEST, ATTACK_REQUEST_SIZE);
        for (uint32_t n = 0; run->size < 60000; n++) {
            attack_frame(run, 9, 0, 3, bytes, kinds[i].size);
        }
        attack_begin(run);
        attack_deliver(run);
        attack_end(run);
    }
}

// A block may be spread over time, byte by byte: a step each, and no memory
// beyond the block. (The cost of a byte is that of a system call.)
static void test_attack__block_byte_by_byte(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "header block sent byte by byte",
        .class = "12, 22",
        .memory = ATTACK_SPILL,
        .ir = 2500,
        .end = ATTACK_BORNE,
    };
    struct attack_run *run = attack_server(&attack);
    uint8_t *block = headers_buffer();
    size_t size = put_request_fields(block, 0);
    size += attack_literal(block + size, 0x00, "x",
                           "0123456789012345678901234567890123456789");
    for (uint32_t i = 0; i < 20; i++) {
        attack_head(run, size, 1, 4, 3 + 2 * i);
        attack_put(run, block, size);
        attack_message(run, 3 + 2 * i, true);
    }
    run->burst = 1;
    attack_begin(run);
    attack_deliver(run);
    assert_int_equal(run->bench->greeter.handled, 21);
    attack_end(run);
}

// ---- Tables out of step -----------------------------------------------------

// A block over the soft limit is decoded to its end: what it put into the table
// is there for the next request, and nothing of it leaks into that.
static size_t insert_behind_the_limit(uint8_t *to, uint32_t i)
{
    size_t size = put_request_fields(to, 0);
    (void)i;
    memset(to + size, 0xa0, 150); // cookies
    size += 150;
    return size + attack_literal(to + size, 0x40, "te", "trailers");
}

static void test_attack__tables_stay_in_step(void **state)
{
    (void)state;
    static const struct attack attack = {
        .name = "table entry behind the soft limit",
        .class = "13 CVE-2023-32731",
        .memory =
            ATTACK_FIELDS + ATTACK_TABLES + 2 * ATTACK_STREAM + ATTACK_INDUCED,
        .ir = ATTACK_IR_HONEST,
        .once = 20000, // two steps for two requests
        .end = ATTACK_BORNE,
    };
    struct attack_run *run = attack_server(&attack);
    uint8_t *block = headers_buffer();
    size_t size = insert_behind_the_limit(block, 0);
    attack_frame(run, 1, 5, 3, block, size);
    size = put_request_fields(block, 1);
    block[size++] = 0xbe;
    attack_frame(run, 1, 4, 5, block, size);
    attack_message(run, 5, true);
    attack_begin(run);
    attack_deliver(run);
    assert_int_equal(run->bench->greeter.handled, 2);
    assert_int_equal(run->seen.frames[3], 0);
    attack_end(run);
}

// ---- Malformed and misleading requests --------------------------------------

static size_t put_plain_request(uint8_t *to, const char *path)
{
    size_t size = attack_literal(to, 0x00, ":method", "POST");
    size += attack_literal(to + size, 0x00, ":scheme", "http");
    return size + attack_literal(to + size, 0x00, ":path", path);
}

// malformed: in turn, all that smuggling lives on.
static size_t malformed(uint8_t *to, uint32_t i)
{
    static const char *const fields[][2] = {
        {"x", "a\r\nb: c"},
        {"x", "a\nb"},
        {"X-Upper", "a"},
        {"x y", "a"},
        {"", "a"},
        {":path", "/second"},
        {":status", "200"},
        {":unknown", "a"},
        {"connection", "close"},
        {"transfer-encoding", "chunked"},
        {"te", "gzip"},
        {"content-length", "1x"},
        {":authority", "user@host"},
        {"x", " a"},
    };
    size_t size = put_plain_request(to, "/kit.Greeter/Say");
    const char *const *field = fields[i % (sizeof fields / sizeof fields[0])];
    return size + attack_literal(to + size, 0x00, field[0], field[1]);
}

static void test_attack__malformed_requests(void **state)
{
    (void)state;
    static const struct headers_row row = {
        {.name = "malformed fields of every kind",
         .class = "26 CVE-2021-21295",
         .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_FIELDS,
         .ir = ATTACK_IR_HONEST,
         .ms = ATTACK_MS_DELAYS,
         .end = ATTACK_CLOSED,
         .code = H2_ENHANCE_YOUR_CALM},
        malformed,
        NULL,
        3000,
    };
    headers_run(&row);
}

static size_t path_without_slash(uint8_t *to, uint32_t i)
{
    (void)i;
    size_t size = put_plain_request(to, "kit.Greeter/Say");
    return size +
           attack_literal(to + size, 0x00, "content-type", "application/grpc");
}

// Indexed, so that a refusal costs the attacker as little as can be.
static size_t insert_unknown(uint8_t *to, uint32_t i)
{
    (void)i;
    size_t size = put_request_fields(to, 0);
    return size + attack_literal(to + size, 0x40, ":path", "/kit.Nobody/Say");
}

static size_t unknown_method(uint8_t *to, uint32_t i)
{
    static const uint8_t block[] = {0x83, 0x86, 0xbe, 0xc0, 0xbf};
    (void)i;
    memcpy(to, block, sizeof block);
    return sizeof block;
}

static size_t no_message(uint8_t *to, uint32_t i)
{
    (void)i;
    return put_request_fields(to, 0);
}

static size_t not_grpc(uint8_t *to, uint32_t i)
{
    (void)i;
    memcpy(to, "\x83\x86\xc0", 3);
    return 3;
}

static size_t get_request(uint8_t *to, uint32_t i)
{
    (void)i;
    memcpy(to, "\x82\x86\x84", 3);
    return 3;
}

// What the older ones of Google's C core ended on.
static size_t huge_te(uint8_t *to, uint32_t i)
{
    static char value[9001];
    (void)i;
    memset(value, 't', 9000);
    size_t size = put_request_fields(to, 0);
    return size + attack_literal(to + size, 0x00, "scheme", value);
}

static size_t bad_base64(uint8_t *to, uint32_t i)
{
    (void)i;
    size_t size = put_request_fields(to, 0);
    return size + attack_literal(to + size, 0x00, "trace-bin", "!!!=%%%");
}

static void test_attack__requests_to_be_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *class;
        size_t (*block)(uint8_t *to, uint32_t i);
        size_t (*first_block)(uint8_t *to, uint32_t i);
    } kinds[] = {
        {"path without a slash", "27 CVE-2026-33186", path_without_slash, NULL},
        {"unknown method", "answers that cost more", unknown_method,
         insert_unknown},
        {"request without a message", "answers that cost more", no_message,
         NULL},
        {"request that is not gRPC", "answers that cost more", not_grpc, NULL},
        {"GET", "answers that cost more", get_request, NULL},
        {"field of 9,000 bytes", "14 CVE-2023-1428", huge_te, NULL},
        {"-bin that is not base64", "14 CVE-2023-32732", bad_base64, NULL},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct headers_row row = {
            {.name = kinds[i].name,
             .class = kinds[i].class,
             .memory = ATTACK_HELD + ATTACK_INDUCED + ATTACK_FIELDS,
             .ir = ATTACK_IR_REFUSED,
             .end = ATTACK_BORNE},
            kinds[i].block,
            kinds[i].first_block,
            i == 5 ? 50 : 2000,
        };
        headers_run(&row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attack__bombs_below_the_hard_limit),
        cmocka_unit_test(test_attack__bombs_over_the_hard_limit),
        cmocka_unit_test(test_attack__work_for_the_decoder),
        cmocka_unit_test(test_attack__unreadable_blocks),
        cmocka_unit_test(test_attack__continuation_floods),
        cmocka_unit_test(test_attack__block_byte_by_byte),
        cmocka_unit_test(test_attack__tables_stay_in_step),
        cmocka_unit_test(test_attack__malformed_requests),
        cmocka_unit_test(test_attack__requests_to_be_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
