// SPDX-License-Identifier: MIT
// RFC 9113 sections 3.4, 4 and 5.5, and the format of each type of frame
// (6.1 to 6.10).

#ifndef TESTS_H2_STRICT_FRAMES_H
#define TESTS_H2_STRICT_FRAMES_H

#include "tests/h2_strict.h"

#define MAGIC      "'PRI * HTTP/2.0' 0d0a0d0a 'SM' 0d0a0d0a"
#define SETTINGS   "[SETTINGS 0 0]"
#define BOTH       .roles = STRICT_BOTH
#define SERVER     .roles = STRICT_SERVER
#define CLIENT     .roles = STRICT_CLIENT
#define RAW_SERVER .roles = STRICT_SERVER, .raw = true
#define RAW_CLIENT .roles = STRICT_CLIENT, .raw = true
#define NO_PREFACE FATAL(PROTOCOL_ERROR, "not the HTTP/2 client preface")
#define NOT_FIRST  FATAL(PROTOCOL_ERROR, "the first frame is not SETTINGS")
#define TOO_LONG \
 FATAL(FRAME_SIZE_ERROR, "frame is longer than SETTINGS_MAX_FRAME_SIZE")
#define NO_BLOCK FATAL(PROTOCOL_ERROR, "CONTINUATION without a header block")

// ---- 3.4 --------------------------------------------------------------------

static const struct strict_row strict_preface_rows[] = {
    {"3.4 the preface, and SETTINGS that are empty", RAW_SERVER,
     .input = MAGIC "[SETTINGS 0 0]", .events = "SETTINGS\n",
     .output = "SETTINGS 1 0\n"},
    {"3.4 the preface of a server is SETTINGS", RAW_CLIENT,
     .input = "[SETTINGS 0 0]", .events = "SETTINGS\n",
     .output = "SETTINGS 1 0\n"},
    {"3.4 a request before our SETTINGS are acknowledged", RAW_SERVER,
     .input = MAGIC "[SETTINGS 0 0]" POST_END(1),
     .events = "SETTINGS\n" GOT_POST_END(1), .output = "SETTINGS 1 0\n"},
    {"3.4 a request of HTTP/1.1", RAW_SERVER,
     .input = "'GET / HTTP/1.1' 0d0a 'Host: a' 0d0a0d0a", NO_PREFACE},
    {"3.4 a request that begins like the preface", RAW_SERVER,
     .input = "'PRI * HTTP/1.1' 0d0a0d0a 'SM' 0d0a0d0a", NO_PREFACE},
    {"3.4 SETTINGS without the magic", RAW_SERVER, .input = "[SETTINGS 0 0]",
     NO_PREFACE},
    {"3.4 the magic of a client sent by a server", RAW_CLIENT,
     .input = MAGIC "[SETTINGS 0 0]", NOT_FIRST},
    {"3.4 a server that speaks HTTP/1.1", RAW_CLIENT,
     .input = "'HTTP/1.1 400 Bad Request' 0d0a0d0a",
     FATAL(PROTOCOL_ERROR, "the server speaks HTTP/1")},
    {"3.4 first PING, to a server", RAW_SERVER,
     .input = MAGIC "[PING 0 0 00*8]" SETTINGS, NOT_FIRST},
    {"3.4 first PING, to a client", RAW_CLIENT,
     .input = "[PING 0 0 00*8]" SETTINGS, NOT_FIRST},
    {"3.4 first an acknowledgement, to a server", RAW_SERVER,
     .input = MAGIC "[SETTINGS 1 0]" SETTINGS, NOT_FIRST},
    {"3.4 first an acknowledgement, to a client", RAW_CLIENT,
     .input = "[SETTINGS 1 0]" SETTINGS, NOT_FIRST},
    {"3.4 first WINDOW_UPDATE, to a server", RAW_SERVER,
     .input = MAGIC "[WINDOW_UPDATE 0 0 00000001]" SETTINGS, NOT_FIRST},
    {"3.4 first WINDOW_UPDATE, to a client", RAW_CLIENT,
     .input = "[WINDOW_UPDATE 0 0 00000001]" SETTINGS, NOT_FIRST},
    {"3.4 first GOAWAY, to a server", RAW_SERVER,
     .input = MAGIC "[GOAWAY 0 0 00*8]" SETTINGS, NOT_FIRST},
    {"3.4 first GOAWAY, to a client", RAW_CLIENT,
     .input = "[GOAWAY 0 0 00*8]" SETTINGS, NOT_FIRST},
    {"3.4 first PRIORITY, to a server", RAW_SERVER,
     .input = MAGIC "[PRIORITY 0 1 00000000 10]" SETTINGS, NOT_FIRST},
    {"3.4 first HEADERS, to a server", RAW_SERVER,
     .input = MAGIC POST_END(1) SETTINGS, NOT_FIRST},
    {"3.4 first HEADERS, to a client", RAW_CLIENT, .opens = 1,
     .input = OK(1) SETTINGS, NOT_FIRST},
    {"3.4 first an unknown frame, to a server", RAW_SERVER,
     .input = MAGIC "[0xfa 0 0]" SETTINGS, NOT_FIRST},
    {"3.4 first an unknown frame, to a client", RAW_CLIENT,
     .input = "[0xfa 0 0]" SETTINGS, NOT_FIRST},
    {"3.4 first SETTINGS on stream 1, to a server", RAW_SERVER,
     .input = MAGIC "[SETTINGS 0 1]",
     FATAL(PROTOCOL_ERROR, "SETTINGS on a stream")},
    {"3.4 first SETTINGS on stream 2^30, to a server", RAW_SERVER,
     .input = MAGIC "[SETTINGS 0 0x40000000]",
     FATAL(PROTOCOL_ERROR, "SETTINGS on a stream")},
    {"3.4 first SETTINGS of 5 bytes, to a server", RAW_SERVER,
     .input = MAGIC "[SETTINGS 0 0 0003000000]",
     FATAL(FRAME_SIZE_ERROR, "SETTINGS is not a multiple of 6 bytes")},
    {"3.4 first SETTINGS of 1 byte, to a client", RAW_CLIENT,
     .input = "[SETTINGS 0 0 00]",
     FATAL(FRAME_SIZE_ERROR, "SETTINGS is not a multiple of 6 bytes")},
    {"3.4 first SETTINGS over the frame size, to a client", RAW_CLIENT,
     .input = "ffffff 04 00 00000000", TOO_LONG},
    {"3.4 the preface twice", SERVER, .input = MAGIC,
     FATAL(FRAME_SIZE_ERROR, "frame is longer than SETTINGS_MAX_FRAME_SIZE")},
};

// ---- 4.1, 5.5: what is ignored ----------------------------------------------

static const struct strict_row strict_ignore_rows[] = {
    {"4.1 an unknown type on stream 0", BOTH, .input = "[0x0a 0 0 010203]"},
    {"4.1 an unknown type on a stream that is idle", BOTH,
     .input = "[0xff ff 77 010203]"},
    {"4.1 an unknown type on a stream of the peer's parity", BOTH,
     .input = "[0x10 0 2]"},
    {"4.1 an unknown type on a stream that is open, to a server", SERVER,
     .input = POST(1) "[0xbe 5 1 010203]"
                      "[DATA 1 1 'a']",
     .events = GOT_POST(1) "DATA 1 a end\n"},
    {"4.1 an unknown type on a stream that is open, to a client", CLIENT,
     .opens = 1,
     .input = OK(1) "[0xbe 5 1 010203]"
                    "[DATA 1 1 'a']",
     .events = GOT_OK(1) "DATA 1 a end\n"},
    {"4.1 an unknown type of the largest size", BOTH,
     .input = "[0x20 0 0 aa*16384]"},
    {"4.1 undefined flags of DATA", SERVER,
     .input = POST(1) "[DATA f6 1 'a']"
                      "[DATA f7 1 'b']",
     .events = GOT_POST(1) "DATA 1 ab end\n"},
    {"4.1 undefined flags of DATA, one of them END_HEADERS", CLIENT, .opens = 1,
     .input = OK(1) "[DATA 34 1 'a']"
                    "[DATA 3 1 'b']",
     .events = GOT_OK(1) "DATA 1 ab end\n"},
    {"4.1 undefined flags of HEADERS", SERVER, .input = "[HEADERS d7 1 838684]",
     .events = GOT_POST_END(1)},
    {"4.1 undefined flags of HEADERS, to a client", CLIENT, .opens = 1,
     .input = "[HEADERS d7 1 88]", .events = GOT_OK_END(1)},
    {"4.1 undefined flags of PRIORITY", BOTH,
     .input = "[PRIORITY ff 7 00000000 10]"},
    {"4.1 undefined flags of RST_STREAM", SERVER,
     .input = POST(1) "[RST_STREAM ff 1 00000008]",
     .events = GOT_POST(1) "RESET 1 CANCEL by peer: RST_STREAM\n"},
    {"4.1 undefined flags of SETTINGS", BOTH, .input = "[SETTINGS fe 0]",
     .events = "SETTINGS\n", .output = "SETTINGS 1 0\n"},
    {"4.1 undefined flags of PING", BOTH,
     .input = "[PING fe 0 0102030405060708]",
     .output = "PING 1 0 0102030405060708\n"},
    {"4.1 undefined flags of GOAWAY", BOTH,
     .input = "[GOAWAY ff 0 7fffffff 00000000]",
     .events = "GOAWAY 2147483647 NO_ERROR \n"},
    {"4.1 undefined flags of WINDOW_UPDATE", BOTH,
     .input = "[WINDOW_UPDATE ff 0 00000001]"},
    {"4.1 undefined flags of CONTINUATION", SERVER,
     .input = "[HEADERS 1 1 83]"
              "[CONTINUATION ff 1 8684]",
     .events = GOT_POST_END(1)},
    {"4.1 the reserved bit of stream 0", BOTH,
     .input = "[PING 0 0x80000000 0102030405060708]",
     .output = "PING 1 0 0102030405060708\n"},
    {"4.1 the reserved bit of a stream, to a server", SERVER,
     .input = "[HEADERS 4 0x80000001 838684]"
              "[DATA 1 0x80000001 'a']",
     .events = GOT_POST(1) "DATA 1 a end\n"},
    {"4.1 the reserved bit of a stream, to a client", CLIENT, .opens = 1,
     .input = "[HEADERS 5 0x80000001 88]", .events = GOT_OK_END(1)},
    {"4.1 the reserved bit of a block's stream", SERVER,
     .input = "[HEADERS 1 0x80000001 83]"
              "[CONTINUATION 4 1 8684]",
     .events = GOT_POST_END(1)},
    {"4.1 the reserved bit of an increment", BOTH,
     .input = "[WINDOW_UPDATE 0 0 80000001]"},
    {"4.1 the reserved bit of a last stream id", BOTH,
     .input = "[GOAWAY 0 0 80000007 00000000]",
     .events = "GOAWAY 7 NO_ERROR \n"},
    {"5.5 an unknown type behind another", BOTH,
     .input = "[0x16 0 0]"
              "[0x16 ff 1]"
              "[0x17 0 0 00]"},
};

// ---- 4.2 --------------------------------------------------------------------

static void strict_frame_20000(struct h2_options *options)
{
    options->local.max_frame_size = 20000;
}

static const struct strict_row strict_size_rows[] = {
    {"4.2 DATA of 2^14 bytes, to a server", SERVER,
     .input = POST(1) "[DATA 0 1 00*16384]"
                      "[DATA 1 1 'a']",
     .events = GOT_POST(1) "DATA 1 a end\n"},
    {"4.2 DATA of 2^14 bytes, to a client", CLIENT, .opens = 1,
     .input = OK(1) "[DATA 0 1 00*16384]"
                    "[DATA 1 1 'a']",
     .events = GOT_OK(1) "DATA 1 a end\n"},
    {"4.2 DATA over the frame size", SERVER,
     .input = POST(1) "004001 00 00 00000001 00", .events = GOT_POST(1),
     TOO_LONG, .last_id = 1},
    {"4.2 DATA over the frame size, to a client", CLIENT, .opens = 1,
     .input = "004001 00 00 00000001 00", TOO_LONG},
    {"4.2 HEADERS over the frame size", SERVER,
     .input = "004001 01 05 00000001 838684", TOO_LONG},
    {"4.2 HEADERS over the frame size, to a client", CLIENT, .opens = 1,
     .input = "004001 01 05 00000001 88", TOO_LONG},
    {"4.2 PRIORITY over the frame size", BOTH, .input = "004001 02 00 00000001",
     TOO_LONG},
    {"4.2 RST_STREAM over the frame size", BOTH,
     .input = "004001 03 00 00000001", TOO_LONG},
    {"4.2 SETTINGS over the frame size", BOTH, .input = "004001 04 00 00000000",
     TOO_LONG},
    {"4.2 PUSH_PROMISE over the frame size", BOTH,
     .input = "004001 05 00 00000001", TOO_LONG},
    {"4.2 PING over the frame size", BOTH, .input = "004001 06 00 00000000",
     TOO_LONG},
    {"4.2 GOAWAY over the frame size", BOTH, .input = "004001 07 00 00000000",
     TOO_LONG},
    {"4.2 WINDOW_UPDATE over the frame size", BOTH,
     .input = "004001 08 00 00000000", TOO_LONG},
    {"4.2 CONTINUATION over the frame size", SERVER,
     .input = "[HEADERS 0 1 83]"
              "004001 09 04 00000001",
     TOO_LONG},
    {"4.2 an unknown type over the frame size", BOTH,
     .input = "004001 fa 00 00000000", TOO_LONG},
    {"4.2 the largest length that there is", BOTH,
     .input = "ffffff 00 00 00000001", TOO_LONG},
    {"4.2 a larger frame size holds when acknowledged", SERVER,
     .options = strict_frame_20000, .input = POST(1) "[DATA 1 1 00*20000]",
     .events = GOT_POST(1) "DATA 1  end\n"},
    {"4.2 not above the larger one", SERVER, .options = strict_frame_20000,
     .input = "004e21 fa 00 00000000", TOO_LONG},
    {"4.2 a larger frame size, not yet acknowledged", RAW_SERVER,
     .options = strict_frame_20000,
     .input = MAGIC "[SETTINGS 0 0]"
                    "004001 fa 00 00000000",
     .events = "SETTINGS\n", .output = "SETTINGS 1 0\n", TOO_LONG},
    {"4.2 a smaller frame size, not yet acknowledged", SERVER,
     .options = strict_frame_20000,
     .input = "<frm 16>"
              "[0xfa 0 0 00*20000]",
     .output = "SETTINGS 0 0 000500004000\n"},
    {"4.2 a smaller frame size holds when acknowledged", SERVER,
     .options = strict_frame_20000,
     .input = "<frm 16>"
              "[SETTINGS 1 0]"
              "004001 fa 00 00000000",
     .output = "SETTINGS 0 0 000500004000\n", TOO_LONG},
};

// ---- 6.1 to 6.10: the format of each type -----------------------------------

static const struct strict_row strict_format_rows[] = {
    // DATA.
    {"6.1 DATA on stream 0", BOTH, .input = "[DATA 0 0 00]",
     FATAL(PROTOCOL_ERROR, "DATA on stream 0")},
    {"6.1 empty DATA on stream 0", BOTH, .input = "[DATA 1 0]",
     FATAL(PROTOCOL_ERROR, "DATA on stream 0")},
    {"6.1 padding", SERVER,
     .input = POST(1) "[DATA 8 1 03 'ab' 000000]"
                      "[DATA 9 1 00 'c']",
     .events = GOT_POST(1) "DATA 1 abc end\n"},
    {"6.1 padding, to a client", CLIENT, .opens = 1,
     .input = OK(1) "[DATA 8 1 03 'ab' 000000]"
                    "[DATA 9 1 00 'c']",
     .events = GOT_OK(1) "DATA 1 abc end\n"},
    {"6.1 padding that is not zero", SERVER,
     .input = POST(1) "[DATA 9 1 02 'ab' ffff]",
     .events = GOT_POST(1) "DATA 1 ab end\n"},
    {"6.1 nothing but padding", SERVER,
     .input = POST(1) "[DATA 8 1 ff 00*255]"
                      "[DATA 9 1 00]",
     .events = GOT_POST(1) "DATA 1  end\n"},
    {"6.1 padding as long as the payload", SERVER,
     .input = POST(1) "[DATA 8 1 05 00*5]"
                      "[DATA 8 1 06 00*5]",
     .events = GOT_POST(1),
     FATAL(PROTOCOL_ERROR, "padding is longer than DATA"), .last_id = 1},
    {"6.1 padding longer than the payload, to a client", CLIENT, .opens = 1,
     .input = OK(1) "[DATA 9 1 01]", .events = GOT_OK(1),
     FATAL(PROTOCOL_ERROR, "padding is longer than DATA")},
    {"6.1 padded DATA without a payload", SERVER, .input = POST(1) "[DATA 8 1]",
     .events = GOT_POST(1),
     FATAL(FRAME_SIZE_ERROR, "padded DATA without a payload"), .last_id = 1},
    {"6.1 padded DATA without a payload, to a client", CLIENT, .opens = 1,
     .input = OK(1) "[DATA 9 1]", .events = GOT_OK(1),
     FATAL(FRAME_SIZE_ERROR, "padded DATA without a payload")},
    {"6.1 empty DATA", SERVER,
     .input = POST(1) "[DATA 0 1]"
                      "[DATA 0 1]"
                      "[DATA 1 1]",
     .events = GOT_POST(1) "DATA 1  end\n"},

    // HEADERS.
    {"6.2 HEADERS on stream 0", BOTH, .input = "[HEADERS 5 0 838684]",
     FATAL(PROTOCOL_ERROR, "HEADERS on stream 0")},
    {"6.2 padding", SERVER, .input = "[HEADERS d 1 02 838684 0000]",
     .events = GOT_POST_END(1)},
    {"6.2 padding, to a client", CLIENT, .opens = 1,
     .input = "[HEADERS d 1 02 88 0000]", .events = GOT_OK_END(1)},
    {"6.2 padding that is not zero", SERVER,
     .input = "[HEADERS d 1 02 838684 8282]", .events = GOT_POST_END(1)},
    {"6.2 priority", SERVER, .input = "[HEADERS 25 1 80000003 ff 838684]",
     .events = GOT_POST_END(1)},
    {"6.2 priority, to a client", CLIENT, .opens = 1,
     .input = "[HEADERS 25 1 00000000 00 88]", .events = GOT_OK_END(1)},
    {"6.2 padding and priority", SERVER,
     .input = "[HEADERS 2d 1 03 00000000 10 838684 000000]",
     .events = GOT_POST_END(1)},
    {"6.2 padding longer than the block", SERVER,
     .input = "[HEADERS d 1 04 838684]",
     FATAL(PROTOCOL_ERROR, "padding is longer than HEADERS")},
    {"6.2 padding longer than the block, to a client", CLIENT, .opens = 1,
     .input = "[HEADERS d 1 02 88]",
     FATAL(PROTOCOL_ERROR, "padding is longer than HEADERS")},
    {"6.2 padding that reaches into the priority", SERVER,
     .input = "[HEADERS 2d 1 04 00000000 10 838684]",
     FATAL(PROTOCOL_ERROR, "padding is longer than HEADERS")},
    {"6.2 nothing but padding", CLIENT, .opens = 1,
     .input = "[HEADERS d 1 02 0000]",
     .events = "RESET 1 PROTOCOL_ERROR: a required pseudo-header field is "
               "missing\n",
     .output = RST(1, 1)},
    {"6.2 nothing but the length of the padding", SERVER,
     .input = "[HEADERS d 1 00]", .output = RST(1, 1)},
    {"6.2 nothing but priority", SERVER, .input = "[HEADERS 25 1 00*4 10]",
     .output = RST(1, 1)},
    {"6.2 padded HEADERS without a payload", SERVER, .input = "[HEADERS d 1]",
     FATAL(FRAME_SIZE_ERROR, "HEADERS is too short")},
    {"6.2 padded HEADERS without a payload, to a client", CLIENT, .opens = 1,
     .input = "[HEADERS d 1]", FATAL(FRAME_SIZE_ERROR, "HEADERS is too short")},
    {"6.2 priority of 4 bytes", SERVER, .input = "[HEADERS 25 1 00000000]",
     FATAL(FRAME_SIZE_ERROR, "HEADERS is too short")},
    {"6.2 priority of 1 byte", SERVER, .input = "[HEADERS 25 1 00]",
     FATAL(FRAME_SIZE_ERROR, "HEADERS is too short")},
    {"6.2 padding and priority of 5 bytes", SERVER,
     .input = "[HEADERS 2d 1 00 00000000]",
     FATAL(FRAME_SIZE_ERROR, "HEADERS is too short")},
    {"6.2 priority of 4 bytes, to a client", CLIENT, .opens = 1,
     .input = "[HEADERS 25 1 00000000]",
     FATAL(FRAME_SIZE_ERROR, "HEADERS is too short")},
    {"5.3 HEADERS that depend on themselves", SERVER,
     .input = "[HEADERS 25 1 00000001 10 838684]",
     FATAL(PROTOCOL_ERROR, "stream depends on itself")},
    {"5.3 HEADERS that depend on themselves, exclusively", SERVER,
     .input = "[HEADERS 25 1 80000001 10 838684]",
     FATAL(PROTOCOL_ERROR, "stream depends on itself")},
    {"5.3 HEADERS that depend on themselves, to a client", CLIENT, .opens = 1,
     .input = "[HEADERS 25 1 00000001 10 88]",
     FATAL(PROTOCOL_ERROR, "stream depends on itself")},

    // PRIORITY.
    {"6.3 PRIORITY on stream 0", BOTH, .input = "[PRIORITY 0 0 00000001 10]",
     FATAL(PROTOCOL_ERROR, "PRIORITY on stream 0")},
    {"6.3 PRIORITY of 4 bytes", BOTH, .input = "[PRIORITY 0 1 00000000]",
     FATAL(FRAME_SIZE_ERROR, "PRIORITY is not 5 bytes")},
    {"6.3 PRIORITY of 6 bytes", BOTH, .input = "[PRIORITY 0 1 00*6]",
     FATAL(FRAME_SIZE_ERROR, "PRIORITY is not 5 bytes")},
    {"6.3 PRIORITY of 3 bytes", BOTH, .input = "[PRIORITY 0 1 00*3]",
     FATAL(FRAME_SIZE_ERROR, "PRIORITY is not 5 bytes")},
    {"6.3 PRIORITY of 8 bytes", BOTH, .input = "[PRIORITY 0 1 00*8]",
     FATAL(FRAME_SIZE_ERROR, "PRIORITY is not 5 bytes")},
    {"6.3 empty PRIORITY", BOTH, .input = "[PRIORITY 0 1]",
     FATAL(FRAME_SIZE_ERROR, "PRIORITY is not 5 bytes")},
    {"6.3 every weight, and exclusive", BOTH,
     .input = "[PRIORITY 0 1 00000000 00]"
              "[PRIORITY 0 3 80000001 ff]"
              "[PRIORITY 0 2 00000001 10]"},
    {"6.3 PRIORITY opens no stream, nor closes lower ones", SERVER,
     .input = "[PRIORITY 0 9 00000000 10]" POST_END(7),
     .events = GOT_POST_END(7)},
    {"5.3 PRIORITY that depends on itself", BOTH,
     .input = "[PRIORITY 0 5 00000005 10]",
     FATAL(PROTOCOL_ERROR, "stream depends on itself")},
    {"5.3 PRIORITY that depends on itself, exclusively", BOTH,
     .input = "[PRIORITY 0 5 80000005 10]",
     FATAL(PROTOCOL_ERROR, "stream depends on itself")},

    // RST_STREAM.
    {"6.4 RST_STREAM on stream 0", BOTH, .input = "[RST_STREAM 0 0 00000001]",
     FATAL(PROTOCOL_ERROR, "RST_STREAM on stream 0")},
    {"6.4 RST_STREAM of 3 bytes", SERVER,
     .input = POST(1) "[RST_STREAM 0 1 000000]", .events = GOT_POST(1),
     FATAL(FRAME_SIZE_ERROR, "RST_STREAM is not 4 bytes"), .last_id = 1},
    {"6.4 RST_STREAM of 5 bytes", SERVER,
     .input = POST(1) "[RST_STREAM 0 1 00*5]", .events = GOT_POST(1),
     FATAL(FRAME_SIZE_ERROR, "RST_STREAM is not 4 bytes"), .last_id = 1},
    {"6.4 RST_STREAM of 1 byte", SERVER, .input = POST(1) "[RST_STREAM 0 1 00]",
     .events = GOT_POST(1),
     FATAL(FRAME_SIZE_ERROR, "RST_STREAM is not 4 bytes"), .last_id = 1},
    {"6.4 RST_STREAM of 2 bytes", SERVER,
     .input = POST(1) "[RST_STREAM 0 1 0000]", .events = GOT_POST(1),
     FATAL(FRAME_SIZE_ERROR, "RST_STREAM is not 4 bytes"), .last_id = 1},
    {"6.4 RST_STREAM of 8 bytes", SERVER,
     .input = POST(1) "[RST_STREAM 0 1 00*8]", .events = GOT_POST(1),
     FATAL(FRAME_SIZE_ERROR, "RST_STREAM is not 4 bytes"), .last_id = 1},
    {"6.4 empty RST_STREAM, to a client", CLIENT, .opens = 1,
     .input = "[RST_STREAM 0 1]",
     FATAL(FRAME_SIZE_ERROR, "RST_STREAM is not 4 bytes")},
    {"6.4 RST_STREAM of 5 bytes, to a client", CLIENT, .opens = 1,
     .input = "[RST_STREAM 0 1 00*5]",
     FATAL(FRAME_SIZE_ERROR, "RST_STREAM is not 4 bytes")},

    // PUSH_PROMISE.
    {"6.6 PUSH_PROMISE on stream 0", BOTH,
     .input = "[PUSH 4 0 00000002 838684]",
     FATAL(PROTOCOL_ERROR, "PUSH_PROMISE on stream 0")},
    {"6.6 PUSH_PROMISE of 3 bytes", BOTH, .input = "[PUSH 4 1 000000]",
     FATAL(FRAME_SIZE_ERROR, "PUSH_PROMISE is too short")},
    {"6.6 PUSH_PROMISE on an idle stream", BOTH,
     .input = "[PUSH 4 1 00000002 838684]",
     FATAL(PROTOCOL_ERROR, "PUSH_PROMISE, though push is not enabled")},
    {"6.6 PUSH_PROMISE of an odd stream", BOTH,
     .input = "[PUSH 4 1 00000003 838684]",
     FATAL(PROTOCOL_ERROR, "PUSH_PROMISE, though push is not enabled")},
    {"6.6 PUSH_PROMISE of stream 0", BOTH,
     .input = "[PUSH 4 1 00000000 838684]",
     FATAL(PROTOCOL_ERROR, "PUSH_PROMISE, though push is not enabled")},
    {"6.6 PUSH_PROMISE with too much padding", BOTH,
     .input = "[PUSH c 1 ff 00000002 83]",
     FATAL(PROTOCOL_ERROR, "PUSH_PROMISE, though push is not enabled")},
    {"6.6 PUSH_PROMISE before our SETTINGS are acknowledged", RAW_CLIENT,
     .opens = 1,
     .input = "[SETTINGS 0 0]"
              "[PUSH 4 1 00000002 838684]",
     .events = "SETTINGS\n", .output = "SETTINGS 1 0\n",
     FATAL(PROTOCOL_ERROR, "PUSH_PROMISE, though push is not enabled")},
    {"8.4 a server's PUSH_PROMISE on a request of ours", CLIENT, .opens = 1,
     .input = "[PUSH 4 1 00000002 838684]",
     FATAL(PROTOCOL_ERROR, "PUSH_PROMISE, though push is not enabled")},
    {"8.4 a client's PUSH_PROMISE on its request", SERVER,
     .input = POST(1) "[PUSH 4 1 00000002 838684]", .events = GOT_POST(1),
     FATAL(PROTOCOL_ERROR, "PUSH_PROMISE, though push is not enabled"),
     .last_id = 1},

    // PING.
    {"6.7 PING", BOTH, .input = "[PING 0 0 0102030405060708]",
     .output = "PING 1 0 0102030405060708\n"},
    {"6.7 an acknowledgement is not answered", BOTH,
     .input = "[PING 1 0 a102030405060708]", .events = "PING_ACK a1\n"},
    {"6.7 PING on a stream", BOTH, .input = "[PING 0 1 00*8]",
     FATAL(PROTOCOL_ERROR, "PING on a stream")},
    {"6.7 an acknowledgement on a stream", BOTH, .input = "[PING 1 3 00*8]",
     FATAL(PROTOCOL_ERROR, "PING on a stream")},
    {"6.7 PING of 7 bytes", BOTH, .input = "[PING 0 0 00*7]",
     FATAL(FRAME_SIZE_ERROR, "PING is not 8 bytes")},
    {"6.7 PING of 9 bytes", BOTH, .input = "[PING 0 0 00*9]",
     FATAL(FRAME_SIZE_ERROR, "PING is not 8 bytes")},
    {"6.7 PING of 5 bytes", BOTH, .input = "[PING 0 0 00*5]",
     FATAL(FRAME_SIZE_ERROR, "PING is not 8 bytes")},
    {"6.7 an acknowledgement of 4 bytes", BOTH, .input = "[PING 1 0 00*4]",
     FATAL(FRAME_SIZE_ERROR, "PING is not 8 bytes")},
    {"6.7 empty PING", BOTH, .input = "[PING 0 0]",
     FATAL(FRAME_SIZE_ERROR, "PING is not 8 bytes")},

    // CONTINUATION.
    {"6.10 CONTINUATION on stream 0", BOTH,
     .input = "[CONTINUATION 4 0 838684]",
     FATAL(PROTOCOL_ERROR, "CONTINUATION without a header block")},
    {"6.10 CONTINUATION first", BOTH, .input = "[CONTINUATION 4 1 838684]",
     NO_BLOCK},
    {"6.10 CONTINUATION behind HEADERS with END_HEADERS", SERVER,
     .input = POST(1) "[CONTINUATION 4 1 00 ('a') ('b')]",
     .events = GOT_POST(1), NO_BLOCK, .last_id = 1},
    {"6.10 CONTINUATION behind HEADERS with END_HEADERS, to a client", CLIENT,
     .opens = 1, .input = OK(1) "[CONTINUATION 4 1 00 ('a') ('b')]",
     .events = GOT_OK(1), NO_BLOCK},
    {"6.10 CONTINUATION behind CONTINUATION with END_HEADERS", SERVER,
     .input = "[HEADERS 0 1 83]"
              "[CONTINUATION 4 1 8684]"
              "[CONTINUATION 4 1 00 ('a') ('b')]",
     .events = GOT_POST(1), NO_BLOCK, .last_id = 1},
    {"6.10 CONTINUATION behind CONTINUATION with END_HEADERS, to a client",
     CLIENT, .opens = 1,
     .input = "[HEADERS 0 1]"
              "[CONTINUATION 4 1 88]"
              "[CONTINUATION 4 1 00 ('a') ('b')]",
     .events = GOT_OK(1), NO_BLOCK},
    {"6.10 CONTINUATION behind DATA", SERVER,
     .input = POST(1) "[DATA 0 1 'a']"
                      "[CONTINUATION 4 1 00 ('a') ('b')]",
     .events = GOT_POST(1) "DATA 1 a\n", NO_BLOCK, .last_id = 1},
    {"6.10 CONTINUATION behind DATA, to a client", CLIENT, .opens = 1,
     .input = OK(1) "[DATA 0 1 'a']"
                    "[CONTINUATION 4 1 00 ('a') ('b')]",
     .events = GOT_OK(1) "DATA 1 a\n", NO_BLOCK},
    {"6.10 a block in three frames", SERVER,
     .input = "[HEADERS 1 1 83]"
              "[CONTINUATION 0 1 86]"
              "[CONTINUATION 4 1 84]",
     .events = GOT_POST_END(1)},
    {"6.10 a block in three frames, to a client", CLIENT, .opens = 1,
     .input = "[HEADERS 1 1 48]"
              "[CONTINUATION 0 1 03 32]"
              "[CONTINUATION 4 1 3030]",
     .events = GOT_OK_END(1)},
    {"6.10 a block cut within a field", SERVER,
     .input = "[HEADERS 1 1 838684 00 01]"
              "[CONTINUATION 0 1 61 01]"
              "[CONTINUATION 4 1 62]",
     .events = "HEADERS 1 request :method=POST :scheme=http :path=/ a=b end\n"},
    {"6.10 empty fragments", SERVER,
     .input = "[HEADERS 1 1][CONTINUATION 0 1 838684][CONTINUATION 4 1]",
     .events = GOT_POST_END(1)},
    {"6.10 padding and priority of the first frame alone", SERVER,
     .input = "[HEADERS 29 1 02 00000000 10 83 0000]"
              "[CONTINUATION 2c 1 8684]",
     .events = GOT_POST_END(1)},
    {"6.10 all flags of HEADERS but END_HEADERS", SERVER,
     .input = "[HEADERS 39 1 01 00000000 10 83 00]"
              "[CONTINUATION 4 1 8684]",
     .events = GOT_POST_END(1)},
    {"6.10 END_STREAM of CONTINUATION does not count", SERVER,
     .input = "[HEADERS 0 1 83]"
              "[CONTINUATION 5 1 8684]"
              "[DATA 1 1 'a']",
     .events = GOT_POST(1) "DATA 1 a end\n"},
    {"10.5 a block in nine frames", SERVER,
     .input = "[HEADERS 1 1][CONTINUATION 0 1 83][CONTINUATION 0 1 86]"
              "[CONTINUATION 0 1 84][CONTINUATION 0 1 00][CONTINUATION 0 1 01]"
              "[CONTINUATION 0 1 61][CONTINUATION 0 1 01][CONTINUATION 4 1 62]",
     .events = "HEADERS 1 request :method=POST :scheme=http :path=/ a=b end\n"},
    {"10.5 a block in ten frames", SERVER,
     .input = "[HEADERS 1 1][CONTINUATION 0 1 83][CONTINUATION 0 1 86]"
              "[CONTINUATION 0 1 84][CONTINUATION 0 1 00][CONTINUATION 0 1 01]"
              "[CONTINUATION 0 1 61][CONTINUATION 0 1 02][CONTINUATION 0 1 62]"
              "[CONTINUATION 4 1 63]",
     FATAL(ENHANCE_YOUR_CALM, "header block in too many frames")},
    {"10.5 a block with two empty CONTINUATION frames", SERVER,
     .input = "[HEADERS 1 1 8386][CONTINUATION 0 1][CONTINUATION 0 1]"
              "[CONTINUATION 4 1 84]",
     FATAL(ENHANCE_YOUR_CALM, "header block in too many frames")},
};

// ---- 4.3, 6.2, 6.10: nothing may stand within a block ------------------------

// What comes behind HEADERS without END_HEADERS, on stream 1.
static const struct {
    const char *name;
    const char *input;
} strict_intruders[] = {
    {"DATA", "[DATA 0 1 00]"},
    {"HEADERS", "[HEADERS 4 1 84]"},
    {"HEADERS of another stream", "[HEADERS 5 3 838684]"},
    {"PRIORITY", "[PRIORITY 0 1 00000000 10]"},
    {"RST_STREAM", "[RST_STREAM 0 1 00000008]"},
    {"SETTINGS", "[SETTINGS 0 0]"},
    {"an acknowledgement of SETTINGS", "[SETTINGS 1 0]"},
    {"PUSH_PROMISE", "[PUSH 4 1 00000002 84]"},
    {"PING", "[PING 0 0 00*8]"},
    {"GOAWAY", "[GOAWAY 0 0 00*8]"},
    {"WINDOW_UPDATE", "[WINDOW_UPDATE 0 0 00000001]"},
    {"CONTINUATION of another stream", "[CONTINUATION 4 3 84]"},
    {"CONTINUATION of stream 0", "[CONTINUATION 4 0 84]"},
    {"an unknown type", "[0xfa 0 1 00]"},
};

static void strict_check_intruders(struct strict_tally *tally)
{
    static const char *const blocks[][2] = {
        {"HEADERS", "[HEADERS 1 1 83]"},
        {"CONTINUATION", "[HEADERS 1 1 83]"
                         "[CONTINUATION 0 1 86]"},
    };
    size_t count = sizeof strict_intruders / sizeof strict_intruders[0];
    for (size_t i = 0; i < 2 * count; i++) {
        char name[80];
        char input[160];
        strict_print(name, sizeof name, "4.3 %s behind open %s",
                     strict_intruders[i / 2].name, blocks[i % 2][0]);
        strict_print(input, sizeof input, "%s %s", blocks[i % 2][1],
                     strict_intruders[i / 2].input);
        strict_check(tally, &(struct strict_row){
                                name, BOTH, .opens = 1, .input = input,
                                FATAL(PROTOCOL_ERROR,
                                      "a header block is not continued")});
    }
}

// strict_check_preface looks at what we send first.
static void strict_check_preface(struct strict_tally *tally, bool is_server,
                                 const char *name, const char *frames)
{
    static struct script_run run;
    static struct script_text text;
    const struct h2_script script = {.is_server = is_server};
    size_t magic = is_server ? 0 : 24;
    strict_note(tally, name);
    tally->runs++;
    test_heap_init(&run.heap);
    script_begin(&run, &script);
    assert_true(run.ready);
    run.output_size = run.preface_size; // which script_begin puts aside
    text.size = 0;
    script_frames(&text, run.output + magic, run.output_size - magic);
    assert_memory_equal(run.output, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", magic);
    assert_string_equal(text.text, frames);
    script_end(&run);
}

static void strict_check_prefaces(struct strict_tally *tally)
{
    strict_check_preface(tally, true, "3.4 our preface, as a server",
                         "SETTINGS 0 0 000300000080000600002000\n"
                         "WINDOW_UPDATE 0 0 000f0001\n");
    strict_check_preface(tally, false, "3.4 our preface, as a client",
                         "SETTINGS 0 0 000200000000000600002000\n"
                         "WINDOW_UPDATE 0 0 000f0001\n");
}

// strict_check_prefixes: every proper prefix of the magic, then a wrong byte.
static void strict_check_prefixes(struct strict_tally *tally)
{
    struct assembly *magic = malloc(sizeof *magic);
    assert_non_null(magic);
    magic->size = 0;
    assembly_append(magic, MAGIC);
    for (size_t n = 0; n < magic->size; n++) {
        char name[80];
        char input[80] = "";
        for (size_t i = 0; i < n; i++) {
            strict_print(input + 2 * i, sizeof input - 2 * i, "%02x",
                         (unsigned)magic->bytes[i]);
        }
        strict_print(input + 2 * n, sizeof input - 2 * n, "'X'");
        strict_print(name, sizeof name, "3.4 the magic is wrong at byte %u",
                     (unsigned)n);
        strict_check(tally, &(struct strict_row){name, RAW_SERVER,
                                                 .input = input, NO_PREFACE});
    }
    free(magic);
}

#endif
