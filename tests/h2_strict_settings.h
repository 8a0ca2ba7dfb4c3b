// SPDX-License-Identifier: MIT
// RFC 9113 section 6.5 (SETTINGS), and section 4.3 with RFC 7541 (HPACK).

#ifndef TESTS_H2_STRICT_SETTINGS_H
#define TESTS_H2_STRICT_SETTINGS_H

#include "tests/h2_strict.h"
#include "tests/h2_strict_frames.h"

#define ACKED  .events = "SETTINGS\n", .output = "SETTINGS 1 0\n"
#define NO_ACK FATAL(PROTOCOL_ERROR, "acknowledgement of no SETTINGS")
#define BAD_FRAME_SIZE \
 FATAL(PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE is out of range")
#define BAD_WINDOW \
 FATAL(FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE is over 2^31-1")
#define BAD_PUSH \
 FATAL(PROTOCOL_ERROR, "SETTINGS_ENABLE_PUSH is neither 0 nor 1")
#define BAD_UPDATE                                                        \
 FATAL(COMPRESSION_ERROR, "header block has a bad or missing table size " \
                          "update")

static void strict_no_table(struct h2_options *options)
{
    options->local.header_table_size = 0;
}

static const struct strict_row strict_settings_rows[] = {
    {"6.5 SETTINGS are acknowledged", BOTH, .input = "[SETTINGS 0 0]", ACKED},
    {"6.5 each SETTINGS is acknowledged", BOTH,
     .input = "[SETTINGS 0 0]"
              "[SETTINGS 0 0 0003 00000064]"
              "[SETTINGS 0 0]",
     .events = "SETTINGS\nSETTINGS\nSETTINGS\n",
     .output = "SETTINGS 1 0\nSETTINGS 1 0\nSETTINGS 1 0\n"},
    {"6.5 SETTINGS on a stream that is open", SERVER,
     .input = POST(1) "[SETTINGS 0 1 0003 00000064]", .events = GOT_POST(1),
     FATAL(PROTOCOL_ERROR, "SETTINGS on a stream"), .last_id = 1},
    {"6.5 an acknowledgement on a stream", BOTH, .input = "[SETTINGS 1 1]",
     FATAL(PROTOCOL_ERROR, "SETTINGS on a stream")},
    {"6.5 SETTINGS of 1 byte", BOTH, .input = "[SETTINGS 0 0 00]",
     FATAL(FRAME_SIZE_ERROR, "SETTINGS is not a multiple of 6 bytes")},
    {"6.5 SETTINGS of 5 bytes", BOTH, .input = "[SETTINGS 0 0 00*5]",
     FATAL(FRAME_SIZE_ERROR, "SETTINGS is not a multiple of 6 bytes")},
    {"6.5 SETTINGS of 8 bytes", BOTH, .input = "[SETTINGS 0 0 00*8]",
     FATAL(FRAME_SIZE_ERROR, "SETTINGS is not a multiple of 6 bytes")},
    {"6.5 an acknowledgement of 1 byte", BOTH, .input = "[SETTINGS 1 0 00]",
     FATAL(FRAME_SIZE_ERROR, "SETTINGS is not a multiple of 6 bytes")},
    {"6.5 an acknowledgement of 6 bytes", BOTH,
     .input = "[SETTINGS 1 0 0003 00000064]",
     FATAL(FRAME_SIZE_ERROR, "SETTINGS acknowledgement with a payload")},
    {"6.5.3 an acknowledgement of nothing", BOTH, .input = "[SETTINGS 1 0]",
     NO_ACK},
    {"6.5.3 an acknowledgement twice", RAW_CLIENT,
     .input = "[SETTINGS 0 0]"
              "[SETTINGS 1 0]"
              "[SETTINGS 1 0]",
     ACKED, NO_ACK},

    // Values.
    {"6.5.2 SETTINGS_HEADER_TABLE_SIZE of 0", BOTH,
     .input = "[SETTINGS 0 0 0001 00000000]", ACKED},
    {"6.5.2 SETTINGS_HEADER_TABLE_SIZE of 2^32-1", BOTH,
     .input = "[SETTINGS 0 0 0001 ffffffff]", ACKED},
    {"6.5.2 SETTINGS_ENABLE_PUSH of 0", BOTH,
     .input = "[SETTINGS 0 0 0002 00000000]", ACKED},
    {"6.5.2 SETTINGS_ENABLE_PUSH of 1, to a server", SERVER,
     .input = "[SETTINGS 0 0 0002 00000001]", ACKED},
    {"6.5.2 SETTINGS_ENABLE_PUSH of 1, to a client", CLIENT,
     .input = "[SETTINGS 0 0 0002 00000001]",
     FATAL(PROTOCOL_ERROR, "a server sent SETTINGS_ENABLE_PUSH")},
    {"6.5.2 SETTINGS_ENABLE_PUSH of 2", BOTH,
     .input = "[SETTINGS 0 0 0002 00000002]", BAD_PUSH},
    {"6.5.2 SETTINGS_ENABLE_PUSH of 2^32-1", BOTH,
     .input = "[SETTINGS 0 0 0002 ffffffff]", BAD_PUSH},
    {"6.5.2 SETTINGS_MAX_CONCURRENT_STREAMS of 0", BOTH,
     .input = "[SETTINGS 0 0 0003 00000000]", ACKED},
    {"6.5.2 SETTINGS_MAX_CONCURRENT_STREAMS of 2^32-1", BOTH,
     .input = "[SETTINGS 0 0 0003 ffffffff]", ACKED},
    {"6.5.2 SETTINGS_INITIAL_WINDOW_SIZE of 0", BOTH,
     .input = "[SETTINGS 0 0 0004 00000000]", ACKED},
    {"6.5.2 SETTINGS_INITIAL_WINDOW_SIZE of 65536", BOTH,
     .input = "[SETTINGS 0 0 0004 00010000]", ACKED},
    {"6.5.2 SETTINGS_INITIAL_WINDOW_SIZE of 2^31-1", BOTH,
     .input = "[SETTINGS 0 0 0004 7fffffff]", ACKED},
    {"6.5.2 SETTINGS_INITIAL_WINDOW_SIZE of 2^31", BOTH,
     .input = "[SETTINGS 0 0 0004 80000000]", BAD_WINDOW},
    {"6.5.2 SETTINGS_INITIAL_WINDOW_SIZE of 2^32-1", BOTH,
     .input = "[SETTINGS 0 0 0004 ffffffff]", BAD_WINDOW},
    {"6.5.2 SETTINGS_MAX_FRAME_SIZE of 0", BOTH,
     .input = "[SETTINGS 0 0 0005 00000000]", BAD_FRAME_SIZE},
    {"6.5.2 SETTINGS_MAX_FRAME_SIZE of 2^14-1", BOTH,
     .input = "[SETTINGS 0 0 0005 00003fff]", BAD_FRAME_SIZE},
    {"6.5.2 SETTINGS_MAX_FRAME_SIZE of 2^14", BOTH,
     .input = "[SETTINGS 0 0 0005 00004000]", ACKED},
    {"6.5.2 SETTINGS_MAX_FRAME_SIZE of 2^24-1", BOTH,
     .input = "[SETTINGS 0 0 0005 00ffffff]", ACKED},
    {"6.5.2 SETTINGS_MAX_FRAME_SIZE of 2^24", BOTH,
     .input = "[SETTINGS 0 0 0005 01000000]", BAD_FRAME_SIZE},
    {"6.5.2 SETTINGS_MAX_HEADER_LIST_SIZE of 0", BOTH,
     .input = "[SETTINGS 0 0 0006 00000000]", ACKED},
    {"6.5.2 SETTINGS_MAX_HEADER_LIST_SIZE of 2^32-1", BOTH,
     .input = "[SETTINGS 0 0 0006 ffffffff]", ACKED},
    {"6.5.2 unknown settings", BOTH,
     .input = "[SETTINGS 0 0 0000 ffffffff 0007 00000001 0008 00000002"
              "0009 ffffffff 0099 00000000 ffff ffffffff]",
     ACKED},
    {"6.5.2 an error behind a good value", BOTH,
     .input = "[SETTINGS 0 0 0003 00000001 0005 00000000]", BAD_FRAME_SIZE},
    {"6.5.2 an error before a good value", BOTH,
     .input = "[SETTINGS 0 0 0002 00000002 0002 00000000]", BAD_PUSH},
    {"10.5 32 entries", BOTH, .input = "0000c0 04 00 00000000 00*192", ACKED},
    {"10.5 33 entries", BOTH, .input = "0000c6 04 00 00000000 00*198",
     FATAL(ENHANCE_YOUR_CALM, "SETTINGS with too many entries")},

    // Order and effect.
    {"6.5.3 the last of two values holds", SERVER,
     .input = "[SETTINGS 0 0 0004 00000064 0004 00000001]" POST_END(
         1) "<head 1> <data 1>",
     .events = "SETTINGS\n" GOT_POST_END(1),
     .output = "SETTINGS 1 0\nHEADERS 4 1 88\nDATA 0 1 00\n"},
    {"6.5.3 values hold in the order of the frame", SERVER,
     .input =
         "[SETTINGS 0 0 0001 00000000 0001 00001000]" POST_END(1) "<fin 1>",
     .events = "SETTINGS\n" GOT_POST_END(1),
     .output = "SETTINGS 1 0\nHEADERS 5 1 203fe11f88\n"},
    {"6.5.3 what is not named keeps its value", SERVER,
     .input = "[SETTINGS 0 0 0004 00000001]"
              "[SETTINGS 0 0 0003 00000064]" POST_END(1) "<head 1> <data 1>",
     .events = "SETTINGS\nSETTINGS\n" GOT_POST_END(1),
     .output = "SETTINGS 1 0\nSETTINGS 1 0\nHEADERS 4 1 88\nDATA 0 1 00\n"},
    {"6.5.3 the acknowledgement goes before what it allows", SERVER,
     .input = "[SETTINGS 0 0 0004 00000000]" POST_END(
         1) "<head 1> <data 1>"
            "[SETTINGS 0 0 0004 00000064]",
     .events = "SETTINGS\n" GOT_POST_END(1) "SETTINGS\n",
     .output = "SETTINGS 1 0\nHEADERS 4 1 88\nSETTINGS 1 0\n"
               "DATA 0 1 00000000\n"},
    {"6.5.3 the last of two values holds, to a client", CLIENT,
     .input = "[SETTINGS 0 0 0003 00000000 0003 00000001]"
              "<open> <open>",
     .events = "SETTINGS\nMAY NOT OPEN\n",
     .output = "SETTINGS 1 0\nHEADERS 4 1 82\n"},
    {"6.5.3 one of ours at a time", BOTH, .input = "<ini 10> <ini 11>",
     .events = "MAY NOT UPDATE\n", .output = "SETTINGS 0 0 00040000000a\n"},
    {"6.5.3 ours again when the peer has acknowledged", BOTH,
     .input = "<ini 10>"
              "[SETTINGS 1 0]"
              "<ini 11>"
              "[SETTINGS 1 0]",
     .output = "SETTINGS 0 0 00040000000a\nSETTINGS 0 0 00040000000b\n"},
    {"4.2 we keep the peer's frame size", SERVER,
     .input = POST_END(1) "<head 1> <large 1>", .events = GOT_POST_END(1),
     .output = "HEADERS 4 1 88\nDATA 0 1 00*16384 \nDATA 0 1 00\n"},
    {"4.2 we use no larger one either", SERVER,
     .input = "[SETTINGS 0 0 0005 00ffffff]" POST_END(1) "<head 1> <large 1>",
     .events = "SETTINGS\n" GOT_POST_END(1),
     .output = "SETTINGS 1 0\nHEADERS 4 1 88\nDATA 0 1 00*16384 \n"
               "DATA 0 1 00\n"},
    {"4.2 as a client we keep the peer's frame size", CLIENT,
     .input = "<open> <large 1>",
     .output = "HEADERS 4 1 82\nDATA 0 1 00*16384 \nDATA 0 1 00\n"},
    {"6.10 we cut a block by the frame size", SERVER,
     .input = POST_END(1) "<long 1>", .events = GOT_POST_END(1),
     .output = "HEADERS 1 1 0001617fe983017e*16377 \n"
               "CONTINUATION 4 1 7e*623 \n"},

    // The compression table of each direction.
    {"4.3.1 a smaller table for our blocks", SERVER,
     .input = "[SETTINGS 0 0 0001 00000000]" POST_END(1) "<fin 1>",
     .events = "SETTINGS\n" GOT_POST_END(1),
     .output = "SETTINGS 1 0\nHEADERS 5 1 2088\n"},
    {"4.3.1 a larger table for our blocks: we keep to 4096", SERVER,
     .input = "[SETTINGS 0 0 0001 00010000]" POST_END(1) "<fin 1>",
     .events = "SETTINGS\n" GOT_POST_END(1),
     .output = "SETTINGS 1 0\nHEADERS 5 1 88\n"},
    {"4.3.1 one size update for each change", CLIENT,
     .input = "[SETTINGS 0 0 0001 00000000]"
              "<openend> <openend>",
     .events = "SETTINGS\n",
     .output = "SETTINGS 1 0\nHEADERS 5 1 2082\nHEADERS 5 3 82\n"},
    {"4.3.1 our smaller table, not yet acknowledged", SERVER,
     .input = "<tab 0>" POST_END(1), .events = GOT_POST_END(1),
     .output = "SETTINGS 0 0 000100000000\n"},
    {"4.3.1 our smaller table, acknowledged: an update is missing", SERVER,
     .input = "<tab 0>"
              "[SETTINGS 1 0]" POST_END(1),
     .output = "SETTINGS 0 0 000100000000\n", BAD_UPDATE},
    {"4.3.1 our smaller table, acknowledged and followed", SERVER,
     .input = "<tab 0>"
              "[SETTINGS 1 0]"
              "[HEADERS 5 1 20 838684]" POST_END(3),
     .events = GOT_POST_END(1) GOT_POST_END(3),
     .output = "SETTINGS 0 0 000100000000\n"},
    {"4.3.1 our smaller table, acknowledged: an update that is too large",
     SERVER,
     .input = "<tab 0>"
              "[SETTINGS 1 0]"
              "[HEADERS 5 1 21 838684]",
     .output = "SETTINGS 0 0 000100000000\n", BAD_UPDATE},
    {"4.3.1 our smaller table drops its entries", SERVER,
     .input = "[HEADERS 5 1 838684 40 ('a') ('b')]"
              "<tab 0>"
              "[SETTINGS 1 0]"
              "[HEADERS 5 3 20 838684 be]",
     .events = "HEADERS 1 request :method=POST :scheme=http :path=/ a=b end\n",
     .output = "SETTINGS 0 0 000100000000\n",
     FATAL(COMPRESSION_ERROR,
           "header block refers to an index that is not in the tables"),
     .last_id = 1},
    {"4.3.1 our smaller table, acknowledged: an update is missing, to a client",
     CLIENT, .opens = 1,
     .input = "<tab 0>"
              "[SETTINGS 1 0]" OK_END(1),
     .output = "SETTINGS 0 0 000100000000\n", BAD_UPDATE},
    {"4.3.1 our smaller table, acknowledged and followed, to a client", CLIENT,
     .opens = 1,
     .input = "<tab 0>"
              "[SETTINGS 1 0]"
              "[HEADERS 5 1 20 88]",
     .events = GOT_OK_END(1), .output = "SETTINGS 0 0 000100000000\n"},
    {"4.3.1 a late block has to follow, too", SERVER,
     .input = POST(1) "<reset 1> <tab 0>"
                      "[SETTINGS 1 0]"
                      "[HEADERS 5 1 00 ('a') ('b')]",
     .events = GOT_POST(1), .output = RST(1, 8) "SETTINGS 0 0 000100000000\n",
     BAD_UPDATE, .last_id = 1},
    {"4.3.1 no table from the first SETTINGS on", SERVER,
     .options = strict_no_table, .input = "[HEADERS 5 1 20 838684]",
     .events = GOT_POST_END(1)},
    {"4.3.1 no table from the first SETTINGS on: an update is missing", SERVER,
     .options = strict_no_table, .input = POST_END(1), BAD_UPDATE},
    {"4.3.1 no table, and not yet acknowledged", RAW_SERVER,
     .options = strict_no_table, .input = MAGIC "[SETTINGS 0 0]" POST_END(1),
     .events = "SETTINGS\n" GOT_POST_END(1), .output = "SETTINGS 1 0\n"},
    {"4.3.1 our larger table, not yet acknowledged", SERVER,
     .input = "<tab 8192>"
              "[HEADERS 5 1 3fe13f 838684]",
     .output = "SETTINGS 0 0 000100002000\n", BAD_UPDATE},
    {"4.3.1 our larger table, acknowledged", SERVER,
     .input = "<tab 8192>"
              "[SETTINGS 1 0]"
              "[HEADERS 5 1 3fe13f 838684]",
     .events = GOT_POST_END(1), .output = "SETTINGS 0 0 000100002000\n"},
};

// ---- 4.3: HPACK -------------------------------------------------------------

// A block that cannot be decoded. It comes behind good fields, unless first.
struct strict_bad_block {
    const char *name; // begins with the section of RFC 7541
    const char *block;
    enum hpack_result result;
    bool first;
};

static const struct strict_bad_block strict_bad_blocks[] = {
    {"6.1: index 0", "80", HPACK_BAD_INDEX, false},
    {"6.1: index 0, in two bytes", "ff 8180 00", HPACK_BAD_INDEX, false},
    {"2.3.3: an index above an empty table", "be", HPACK_BAD_INDEX, false},
    {"2.3.3: an index above the table", "40 ('a') ('b') bf", HPACK_BAD_INDEX,
     false},
    {"2.3.3: index 126", "fe", HPACK_BAD_INDEX, false},
    {"2.3.3: index 128", "ff01", HPACK_BAD_INDEX, false},
    {"2.3.3: index 2^32-1", "ff80ffffff0f", HPACK_BAD_INDEX, false},
    {"2.3.3: an index of a name, to be indexed", "7e ('b')", HPACK_BAD_INDEX,
     false},
    {"2.3.3: an index of a name, to be indexed, far off", "7f7f01 ('b')",
     HPACK_BAD_INDEX, false},
    {"2.3.3: an index of a name", "0f2f ('b')", HPACK_BAD_INDEX, false},
    {"2.3.3: an index of a name, far off", "0f7f01 ('b')", HPACK_BAD_INDEX,
     false},
    {"2.3.3: an index of a name, never indexed", "1f2f ('b')", HPACK_BAD_INDEX,
     false},
    {"2.3.3: an index of a name, never indexed, far off", "1f7f01 ('b')",
     HPACK_BAD_INDEX, false},
    {"4.4: an entry larger than the table empties it",
     "3f e1 1f 40 ('a') ('b') 40 ('c') (78*4096) be", HPACK_BAD_INDEX, true},
    {"5.1: an index of more than 5 bytes", "ff 80*5 00", HPACK_BAD_INTEGER,
     false},
    {"5.1: an index of many bytes", "ff 80*40 00", HPACK_BAD_INTEGER, false},
    {"5.1: an index of 2^32", "ff 81ffffff0f", HPACK_BAD_INTEGER, false},
    {"5.1: an index of 2^35", "ff ff*4 7f", HPACK_BAD_INTEGER, false},
    {"5.1: a length of more than 5 bytes", "00 7f 80*5 00", HPACK_BAD_INTEGER,
     false},
    {"5.1: a length of 2^35", "00 ('a') 7f ff*4 7f", HPACK_BAD_INTEGER, false},
    {"5.1: a size of more than 5 bytes", "3f 80*5 00", HPACK_BAD_INTEGER, true},
    {"5.1: cut in an index", "ff 80", HPACK_TRUNCATED, false},
    {"5.1: cut in the index of a name", "7f", HPACK_TRUNCATED, false},
    {"5.1: cut in the length of a name", "40 7f", HPACK_TRUNCATED, false},
    {"6.2: cut before the name", "40", HPACK_TRUNCATED, false},
    {"6.2: cut in the name", "40 02 61", HPACK_TRUNCATED, false},
    {"6.2: cut before the value", "40 ('a')", HPACK_TRUNCATED, false},
    {"6.2: cut before the value, name by index", "41", HPACK_TRUNCATED, false},
    {"6.2: cut in the value", "40 ('a') 02 62", HPACK_TRUNCATED, false},
    {"6.2: cut in the value, never indexed", "10 ('a') 02 62", HPACK_TRUNCATED,
     false},
    {"6.2: cut in the value, not indexed", "00 ('a') 7e 62", HPACK_TRUNCATED,
     false},
    {"5.2: padding of 8 bits", "00 ('a') 82 1fff", HPACK_BAD_HUFFMAN, false},
    {"5.2: padding of zeros", "00 ('a') 81 18", HPACK_BAD_HUFFMAN, false},
    {"5.2: padding that is not all ones", "00 ('a') 81 1e", HPACK_BAD_HUFFMAN,
     false},
    {"5.2: nothing but padding", "00 ('a') 81 ff", HPACK_BAD_HUFFMAN, false},
    {"5.2: EOS", "00 ('a') 84 ffffffff", HPACK_BAD_HUFFMAN, false},
    {"5.2: EOS within a string", "00 ('a') 85 1ffffffffc", HPACK_BAD_HUFFMAN,
     false},
    {"5.2: EOS in a name", "00 84 fffffffc ('b')", HPACK_BAD_HUFFMAN, false},
    {"4.2: a size update behind a field", "20", HPACK_BAD_UPDATE, false},
    {"4.2: a size update between fields", "20 00 ('a') ('b')", HPACK_BAD_UPDATE,
     false},
    {"4.2: three size updates", "20 20 20", HPACK_BAD_UPDATE, true},
    {"6.3: a size of 4097", "3fe21f", HPACK_BAD_UPDATE, true},
    {"6.3: a size of 4113", "3ff21f", HPACK_BAD_UPDATE, true},
    {"6.3: a size of 4097 behind a good one", "20 3fe21f", HPACK_BAD_UPDATE,
     true},
    {"6.3: a size of 2^32-1", "3fe0ffffff0f", HPACK_BAD_UPDATE, true},
    {"6.3: cut in a size update", "3f", HPACK_TRUNCATED, false},
};

static void strict_check_bad_block(struct strict_tally *tally,
                                   const struct strict_bad_block *bad,
                                   bool is_server)
{
    char name[120];
    char input[200];
    const char *good = is_server ? "838684" : "88";
    strict_print(name, sizeof name, "4.3 HPACK %s, to a %s", bad->name,
                 is_server ? "server" : "client");
    strict_print(input, sizeof input, "[HEADERS 5 1 %s %s]",
                 bad->first ? bad->block : good,
                 bad->first ? good : bad->block);
    strict_check(tally, &(struct strict_row){
                            name,
                            is_server ? STRICT_SERVER : STRICT_CLIENT,
                            .opens = 1,
                            .input = input,
                            .code = H2_COMPRESSION_ERROR,
                            .reason = hpack_result_text(bad->result),
                        });
}

static void strict_check_bad_blocks(struct strict_tally *tally)
{
    size_t count = sizeof strict_bad_blocks / sizeof strict_bad_blocks[0];
    for (size_t i = 0; i < count; i++) {
        strict_check_bad_block(tally, &strict_bad_blocks[i], true);
        strict_check_bad_block(tally, &strict_bad_blocks[i], false);
    }
}

#define A_IS_B(form) "[HEADERS 5 1 838684 " form "]", .events = GOT_A_IS_B
#define GOT_A_IS_B \
 "HEADERS 1 request :method=POST :scheme=http :path=/ a=b end\n"
#define GOT_AUTHORITY \
 "HEADERS 1 request :method=POST :scheme=http :path=/ :authority=b end\n"

static const struct strict_row strict_block_rows[] = {
    {"4.3 HPACK 6.1: a field of the static table", SERVER, .input = POST_END(1),
     .events = GOT_POST_END(1)},
    {"4.3 HPACK 6.1: a field of the dynamic table", SERVER,
     .input = "[HEADERS 5 1 838684 40 ('a') ('b')]"
              "[HEADERS 5 3 838684 be]",
     .events = GOT_A_IS_B
     "HEADERS 3 request :method=POST :scheme=http :path=/ a=b end\n"},
    {"4.3 HPACK 6.2.1: with indexing, new name", SERVER,
     .input = A_IS_B("40 ('a') ('b')")},
    {"4.3 HPACK 6.2.1: with indexing, new name, Huffman", SERVER,
     .input = A_IS_B("40 81 1f 81 8f")},
    {"4.3 HPACK 6.2.1: with indexing, name by index", SERVER,
     .input = "[HEADERS 5 1 838684 41 ('b')]", .events = GOT_AUTHORITY},
    {"4.3 HPACK 6.2.1: with indexing, name by index, Huffman", SERVER,
     .input = "[HEADERS 5 1 838684 41 81 8f]", .events = GOT_AUTHORITY},
    {"4.3 HPACK 6.2.2: without indexing, new name", SERVER,
     .input = A_IS_B("00 ('a') ('b')")},
    {"4.3 HPACK 6.2.2: without indexing, new name, Huffman", SERVER,
     .input = A_IS_B("00 81 1f 81 8f")},
    {"4.3 HPACK 6.2.2: without indexing, name by index", SERVER,
     .input = "[HEADERS 5 1 838684 01 ('b')]", .events = GOT_AUTHORITY},
    {"4.3 HPACK 6.2.2: without indexing, name by index, Huffman", SERVER,
     .input = "[HEADERS 5 1 838684 01 81 8f]", .events = GOT_AUTHORITY},
    {"4.3 HPACK 6.2.3: never indexed, new name", SERVER,
     .input = A_IS_B("10 ('a') ('b')")},
    {"4.3 HPACK 6.2.3: never indexed, new name, Huffman", SERVER,
     .input = A_IS_B("10 81 1f 81 8f")},
    {"4.3 HPACK 6.2.3: never indexed, name by index", SERVER,
     .input = "[HEADERS 5 1 838684 11 ('b')]", .events = GOT_AUTHORITY},
    {"4.3 HPACK 6.2.3: never indexed, name by index, Huffman", SERVER,
     .input = "[HEADERS 5 1 838684 11 81 8f]", .events = GOT_AUTHORITY},
    {"4.3 HPACK 6: each representation in a response", CLIENT, .opens = 1,
     .input = "[HEADERS 5 1 20 3fe11f 48 82 6402 40 81 1f 81 8f 00 ('c') ('d')"
              "10 ('e') ('f') 0f10 ('text') 1f13 ('x') be]",
     .events = "HEADERS 1 response 302 :status=302 a=b c=d e=f "
               "content-type=text etag=x a=b end\n"},
    {"4.3 HPACK 6.3: a size update", SERVER,
     .input = "[HEADERS 5 1 3fe11f 838684]", .events = GOT_POST_END(1)},
    {"4.3 HPACK 6.3: two size updates", SERVER,
     .input = "[HEADERS 5 1 20 3fe11f 838684]", .events = GOT_POST_END(1)},
    {"4.3 HPACK 6.3: two size updates in each block", SERVER,
     .input = "[HEADERS 5 1 20 20 838684]"
              "[HEADERS 5 3 21 3fe11f 838684]",
     .events = GOT_POST_END(1) GOT_POST_END(3)},
    {"4.3 HPACK 5.1: integers padded to 5 bytes", SERVER,
     .input = "[HEADERS 5 1 838684 00 ('a') 7f 80808000 62*127]",
     .events =
         "HEADERS 1 request :method=POST :scheme=http :path=/ a="
         "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
         "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
         " end\n"},
    {"4.3 HPACK 4.4: an entry larger than the table is no error", SERVER,
     .input = "[HEADERS 5 1 20 838684 40 ('a') ('b')]", .events = GOT_A_IS_B},
    {"10.5.1 a block over what we announced is told as such", SERVER,
     .input = "[HEADERS 5 1 838684 00 ('a') (78*8192)]" POST_END(3),
     .events = "HEADERS 1 request :method=POST :scheme=http :path=/ over "
               "end\n" GOT_POST_END(3)},
    {"10.5.1 a block over what we announced keeps the table in step", SERVER,
     .input = "[HEADERS 5 1 838684 00 ('x') (78*8192) 40 ('a') ('b')]"
              "[HEADERS 5 3 838684 be]",
     .events = "HEADERS 1 request :method=POST :scheme=http :path=/ over end\n"
               "HEADERS 3 request :method=POST :scheme=http :path=/ a=b end\n"},
    {"10.5.1 a block over the hard limit", SERVER,
     .input = "[HEADERS 5 1 838684 00 ('a') (78*16340)]",
     FATAL(ENHANCE_YOUR_CALM, "header block is over the hard limit")},
    {"10.5.1 a block over the hard limit, to a client", CLIENT, .opens = 1,
     .input = "[HEADERS 5 1 88 00 ('a') (78*16340)]",
     FATAL(ENHANCE_YOUR_CALM, "header block is over the hard limit")},
    {"10.5.1 a string over the hard limit, before it is there", SERVER,
     .input = "[HEADERS 5 1 838684 00 ('a') 7f 81ff03]",
     FATAL(ENHANCE_YOUR_CALM, "header block is over the hard limit")},
    {"10.5.1 a block of too many bytes", SERVER,
     .input = "[HEADERS 1 1 838684 00 ('a') 7f 81ff00 78*16000]"
              "[CONTINUATION 4 1 78*1000]",
     FATAL(ENHANCE_YOUR_CALM, "header block is too large")},
    {"10.5.1 a block of 16384 bytes is decoded", SERVER,
     .input = "[HEADERS 1 1 838684 00 ('a') 7f 808001 78*16374]"
              "[CONTINUATION 4 1]",
     FATAL(ENHANCE_YOUR_CALM, "header block is over the hard limit")},
    {"10.5.1 a block of 16385 bytes is not", SERVER,
     .input = "[HEADERS 1 1 838684 00 ('a') 7f 808001 78*16374]"
              "[CONTINUATION 4 1 78]",
     FATAL(ENHANCE_YOUR_CALM, "header block is too large")},
    {"10.5.1 a block of too many fields", SERVER,
     .input = "[HEADERS 5 1 838684 90*254]",
     FATAL(ENHANCE_YOUR_CALM, "header block is over the hard limit")},
};

#endif
