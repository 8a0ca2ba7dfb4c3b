// SPDX-License-Identifier: MIT
// RFC 9113 sections 5.2 and 6.9: flow control, both ways.

#ifndef TESTS_H2_STRICT_FLOW_H
#define TESTS_H2_STRICT_FLOW_H

#include "tests/h2_strict.h"
#include "tests/h2_strict_frames.h"

// The PING of a measurement, behind an update for what was read.
#define MEASURES "PING 0 0 6264700000000000\n"

#define NO_INCREMENT FATAL(PROTOCOL_ERROR, "WINDOW_UPDATE of 0")
#define NOT_4_BYTES  FATAL(FRAME_SIZE_ERROR, "WINDOW_UPDATE is not 4 bytes")
#define OVER_CONNECTION \
 FATAL(FLOW_CONTROL_ERROR, "connection window is over 2^31-1")
#define OVER_INITIAL       \
 FATAL(FLOW_CONTROL_ERROR, \
       "SETTINGS_INITIAL_WINDOW_SIZE takes a stream's window over 2^31-1")
#define OVER_OURS \
 FATAL(FLOW_CONTROL_ERROR, "DATA is over the connection's window")
#define RESET_OVER_STREAM \
 "RESET 1 FLOW_CONTROL_ERROR: stream window is over 2^31-1\n"
#define RESET_OVER_OURS \
 "RESET 1 FLOW_CONTROL_ERROR: DATA is over the stream's window\n"

static void strict_window_10(struct h2_options *options)
{
    options->local.initial_window_size = 10;
}

// Streams may send more than the connection.
static void strict_connection_65535(struct h2_options *options)
{
    options->connection_window = 65535;
    options->local.initial_window_size = 1000000;
}

// ---- What the peer lets us send ---------------------------------------------

static const struct strict_row strict_send_flow_rows[] = {
    {"6.9 an increment of 0 on the connection", BOTH,
     .input = "[WINDOW_UPDATE 0 0 00000000]", NO_INCREMENT},
    {"6.9 an increment of 0 and the reserved bit", BOTH,
     .input = "[WINDOW_UPDATE 0 0 80000000]", NO_INCREMENT},
    {"6.9 an increment of 0 on a stream", SERVER,
     .input = POST(1) "[WINDOW_UPDATE 0 1 00000000]", .events = GOT_POST(1),
     NO_INCREMENT, .last_id = 1},
    {"6.9 an increment of 0 on a stream, to a client", CLIENT, .opens = 1,
     .input = "[WINDOW_UPDATE 0 1 00000000]", NO_INCREMENT},
    {"6.9 an increment of 0 on an idle stream", BOTH,
     .input = "[WINDOW_UPDATE 0 9 00000000]", NO_INCREMENT},
    {"6.9 an increment of 0 on a closed stream", SERVER,
     .input = POST(1) "<reset 1>"
                      "[WINDOW_UPDATE 0 1 00000000]",
     .events = GOT_POST(1), .output = RST(1, 8), NO_INCREMENT, .last_id = 1},
    {"6.9 an increment on an even stream", BOTH,
     .input = "[WINDOW_UPDATE 0 2 00000001]",
     FATAL(PROTOCOL_ERROR, "WINDOW_UPDATE on an idle stream")},
    {"6.9 WINDOW_UPDATE of 3 bytes", BOTH,
     .input = "[WINDOW_UPDATE 0 0 000001]", NOT_4_BYTES},
    {"6.9 WINDOW_UPDATE of 5 bytes", BOTH, .input = "[WINDOW_UPDATE 0 0 00*5]",
     NOT_4_BYTES},
    {"6.9 WINDOW_UPDATE of 1 byte", BOTH, .input = "[WINDOW_UPDATE 0 0 01]",
     NOT_4_BYTES},
    {"6.9 empty WINDOW_UPDATE", BOTH, .input = "[WINDOW_UPDATE 0 0]",
     NOT_4_BYTES},
    {"6.9 WINDOW_UPDATE of 2 bytes on a stream", SERVER,
     .input = POST(1) "[WINDOW_UPDATE 0 1 0001]", .events = GOT_POST(1),
     NOT_4_BYTES, .last_id = 1},
    {"6.9 WINDOW_UPDATE behind the end of the request", SERVER,
     .input = POST_END(1) "[WINDOW_UPDATE 0 1 00000001]",
     .events = GOT_POST_END(1)},
    {"6.9.1 the connection's window at 2^31-1", BOTH,
     .input = "[WINDOW_UPDATE 0 0 7fff0000]"},
    {"6.9.1 the connection's window over 2^31-1", BOTH,
     .input = "[WINDOW_UPDATE 0 0 7fff0000]"
              "[WINDOW_UPDATE 0 0 00000001]",
     OVER_CONNECTION},
    {"6.9.1 the connection's window over 2^31-1 at once", BOTH,
     .input = "[WINDOW_UPDATE 0 0 7fffffff]", OVER_CONNECTION},
    {"6.9.1 a stream's window at 2^31-1", SERVER,
     .input = POST(1) "[WINDOW_UPDATE 0 1 7fff0000]", .events = GOT_POST(1)},
    {"6.9.1 a stream's window over 2^31-1", SERVER,
     .input = POST(1) "[WINDOW_UPDATE 0 1 7fff0000]"
                      "[WINDOW_UPDATE 0 1 00000001]"
                      "[DATA 1 1 'a']",
     .events = GOT_POST(1) RESET_OVER_STREAM, .output = RST(1, 3)},
    {"6.9.1 a stream's window over 2^31-1, to a client", CLIENT, .opens = 1,
     .input = "[WINDOW_UPDATE 0 1 7fffffff]" OK_END(1),
     .events = RESET_OVER_STREAM, .output = RST(1, 3)},
    {"6.9.1 a stream's window over 2^31-1 behind its end", SERVER,
     .input = POST_END(1) "[WINDOW_UPDATE 0 1 7fffffff]",
     .events = GOT_POST_END(1) RESET_OVER_STREAM, .output = RST(1, 3)},
    {"6.9.1 what we have sent makes room for increments", SERVER,
     .input = POST_END(1) "<head 1> <data 1>"
                          "[WINDOW_UPDATE 0 1 7fff0004]"
                          "[WINDOW_UPDATE 0 0 7fff0004]",
     .events = GOT_POST_END(1),
     .output = "HEADERS 4 1 88\nDATA 0 1 00000000\n"},
    {"6.9.1 we send no more than the stream's window", SERVER,
     .input = "[SETTINGS 0 0 0004 00000001]" POST_END(
         1) "<head 1> <data 1>"
            "[WINDOW_UPDATE 0 1 00000002]"
            "[WINDOW_UPDATE 0 1 00000009]",
     .events = "SETTINGS\n" GOT_POST_END(1),
     .output = "SETTINGS 1 0\nHEADERS 4 1 88\nDATA 0 1 00\nDATA 0 1 0000\n"
               "DATA 0 1 00\n"},
    {"6.9.1 we send no more than the connection's window", SERVER,
     .input = "[SETTINGS 0 0 0004 00ffffff]" POST_END(
         1) "<head 1> <large 1> <large 1> <large 1> <large 1>"
            "[WINDOW_UPDATE 0 1 00000005]"
            "[WINDOW_UPDATE 0 0 00000002]"
            "[WINDOW_UPDATE 0 0 00000005]",
     .events = "SETTINGS\n" GOT_POST_END(1),
     .output = "SETTINGS 1 0\nHEADERS 4 1 88\nDATA 0 1 00*16384 \nDATA 0 1 00\n"
               "DATA 0 1 00*16384 \nDATA 0 1 00\nDATA 0 1 00*16384 \n"
               "DATA 0 1 00\nDATA 0 1 00*16380 \nDATA 0 1 0000\n"
               "DATA 0 1 000000\n"},
    {"6.9.1 we send no more than what is left of it", SERVER,
     .input = "[SETTINGS 0 0 0004 00ffffff]" POST_END(1)
         POST_END(3) "<head 1> <large 1> <large 1> <large 1> <most 1> <head 3>"
                     "<data 3>"
                     "[WINDOW_UPDATE 0 0 00000001]"
                     "[WINDOW_UPDATE 0 0 00000001]",
     .events = "SETTINGS\n" GOT_POST_END(1) GOT_POST_END(3),
     .output = "SETTINGS 1 0\nHEADERS 4 1 88\nDATA 0 1 00*16384 \nDATA 0 1 00\n"
               "DATA 0 1 00*16384 \nDATA 0 1 00\nDATA 0 1 00*16384 \n"
               "DATA 0 1 00\nDATA 0 1 00*16378 \nHEADERS 4 3 88\n"
               "DATA 0 3 0000\nDATA 0 3 00\nDATA 0 3 00\n"},
    {"6.9.1 an empty frame needs no window", SERVER,
     .input = "[SETTINGS 0 0 0004 00000000]" POST_END(1) "<head 1> <end 1>",
     .events = "SETTINGS\n" GOT_POST_END(1),
     .output = "SETTINGS 1 0\nHEADERS 4 1 88\nDATA 1 1\n"},
    {"5.2.1 only DATA needs a window", SERVER,
     .input = "[SETTINGS 0 0 0004 00000000]" POST_END(1) "<head 1> <trail 1>",
     .events = "SETTINGS\n" GOT_POST_END(1),
     .output = "SETTINGS 1 0\nHEADERS 4 1 88\nHEADERS 5 1 0001610162\n"},
    {"5.2.1 a stream without a window holds no other", SERVER,
     .input = "[SETTINGS 0 0 0004 00000002]" POST_END(1)
         POST_END(3) "<head 1> <data 1> <head 3>"
                     "[WINDOW_UPDATE 0 3 00000004]"
                     "<data 3>",
     .events = "SETTINGS\n" GOT_POST_END(1) GOT_POST_END(3),
     .output = "SETTINGS 1 0\nHEADERS 4 1 88\nDATA 0 1 0000\nHEADERS 4 3 88\n"
               "DATA 0 3 00000000\n"},
    {"6.9.2 a smaller initial window holds for open streams", SERVER,
     .input = POST_END(1) "<head 1>"
                          "[SETTINGS 0 0 0004 00000001]"
                          "<data 1>",
     .events = GOT_POST_END(1) "SETTINGS\n",
     .output = "HEADERS 4 1 88\nSETTINGS 1 0\nDATA 0 1 00\n"},
    {"6.9.2 a window below zero, and up again", SERVER,
     .input = "[SETTINGS 0 0 0004 0000000a]" POST_END(
         1) "<head 1> <data 1>"
            "[SETTINGS 0 0 0004 00000002]"
            "<data 1>"
            "[WINDOW_UPDATE 0 1 00000002]"
            "[WINDOW_UPDATE 0 1 00000001]",
     .events = "SETTINGS\n" GOT_POST_END(1) "SETTINGS\n",
     .output = "SETTINGS 1 0\nHEADERS 4 1 88\nDATA 0 1 00000000\n"
               "SETTINGS 1 0\nDATA 0 1 00\n"},
    {"6.9.2 a larger initial window lets waiting DATA go", SERVER,
     .input = "[SETTINGS 0 0 0004 00000000]" POST_END(
         1) "<head 1> <data 1>"
            "[SETTINGS 0 0 0004 00000003]",
     .events = "SETTINGS\n" GOT_POST_END(1) "SETTINGS\n",
     .output = "SETTINGS 1 0\nHEADERS 4 1 88\nSETTINGS 1 0\nDATA 0 1 000000\n"},
    {"6.9.2 the initial window on top of increments", SERVER,
     .input = "[SETTINGS 0 0 0004 00000000]" POST_END(
         1) "[WINDOW_UPDATE 0 1 00000002]"
            "[SETTINGS 0 0 0004 00000001]"
            "<head 1> <data 1>",
     .events = "SETTINGS\n" GOT_POST_END(1) "SETTINGS\n",
     .output = "SETTINGS 1 0\nSETTINGS 1 0\nHEADERS 4 1 88\nDATA 0 1 000000\n"},
    {"6.9.2 the initial window is not the connection's", SERVER,
     .input = "[SETTINGS 0 0 0004 00000000]"
              "[WINDOW_UPDATE 0 0 7fff0000]"
              "[SETTINGS 0 0 0004 7fffffff]",
     .events = "SETTINGS\nSETTINGS\n",
     .output = "SETTINGS 1 0\nSETTINGS 1 0\n"},
    {"6.9.1 as a client we send no more than the stream's window", CLIENT,
     .input = "[SETTINGS 0 0 0004 00000001]"
              "<open> <data 1>"
              "[WINDOW_UPDATE 0 1 00000002]"
              "[WINDOW_UPDATE 0 1 00000009]",
     .events = "SETTINGS\n",
     .output = "SETTINGS 1 0\nHEADERS 4 1 82\nDATA 0 1 00\nDATA 0 1 0000\n"
               "DATA 0 1 00\n"},
    {"6.9.1 as a client we send no more than the connection's window", CLIENT,
     .input = "[SETTINGS 0 0 0004 00ffffff]"
              "<open> <open> <large 1> <large 1>"
              "<large 1> <most 1> <data 3>"
              "[WINDOW_UPDATE 0 3 00000009]"
              "[WINDOW_UPDATE 0 0 00000001]",
     .events = "SETTINGS\n",
     .output = "SETTINGS 1 0\nHEADERS 4 1 82\nHEADERS 4 3 82\n"
               "DATA 0 1 00*16384 \nDATA 0 1 00\nDATA 0 1 00*16384 \n"
               "DATA 0 1 00\nDATA 0 1 00*16384 \nDATA 0 1 00\n"
               "DATA 0 1 00*16378 \nDATA 0 3 0000\nDATA 0 3 00\n"},
    {"6.9.1 before the server's SETTINGS the default window holds", RAW_CLIENT,
     .opens = 1,
     .input = "[SETTINGS 0 0 0004 00000002]"
              "<data 1>",
     .events = "SETTINGS\n", .output = "SETTINGS 1 0\nDATA 0 1 0000\n"},
    {"6.9.2 as a client, a window below zero, and up again", CLIENT,
     .input = "[SETTINGS 0 0 0004 0000000a]"
              "<open> <data 1>"
              "[SETTINGS 0 0 0004 00000002]"
              "<data 1>"
              "[WINDOW_UPDATE 0 1 00000002]"
              "[WINDOW_UPDATE 0 1 00000001]",
     .events = "SETTINGS\nSETTINGS\n",
     .output = "SETTINGS 1 0\nHEADERS 4 1 82\nDATA 0 1 00000000\n"
               "SETTINGS 1 0\nDATA 0 1 00\n"},
    {"6.9.2 as a client, a larger initial window lets waiting DATA go", CLIENT,
     .input = "[SETTINGS 0 0 0004 00000000]"
              "<open> <data 1>"
              "[SETTINGS 0 0 0004 00000003]",
     .events = "SETTINGS\nSETTINGS\n",
     .output = "SETTINGS 1 0\nHEADERS 4 1 82\nSETTINGS 1 0\n"
               "DATA 0 1 000000\n"},
    {"6.9.2 an initial window that takes a stream to 2^31-1", SERVER,
     .input = POST(1) "[WINDOW_UPDATE 0 1 7fff0000]"
                      "[SETTINGS 0 0 0004 0000ffff]",
     .events = GOT_POST(1) "SETTINGS\n", .output = "SETTINGS 1 0\n"},
    {"6.9.2 an initial window that takes a stream over 2^31-1", SERVER,
     .input = POST(1) "[WINDOW_UPDATE 0 1 7fff0000]"
                      "[SETTINGS 0 0 0004 00010000]",
     .events = GOT_POST(1), OVER_INITIAL, .last_id = 1},
    {"6.9.2 an initial window that takes a stream over 2^31-1, to a client",
     CLIENT, .opens = 2,
     .input = "[WINDOW_UPDATE 0 3 00000001]"
              "[SETTINGS 0 0 0004 7fffffff]",
     OVER_INITIAL},
    {"6.9.2 an initial window that would take a closed one over 2^31-1", SERVER,
     .input = POST(1) POST(3) "[WINDOW_UPDATE 0 1 7ffe0000]"
                              "[WINDOW_UPDATE 0 3 7fff0000]"
                              "<reset 3>"
                              "[SETTINGS 0 0 0004 0001ffff]",
     .events = GOT_POST(1) GOT_POST(3) "SETTINGS\n",
     .output = RST(3, 8) "SETTINGS 1 0\n"},
    {"6.9.2 a closed stream has no window to go over", SERVER,
     .input = POST(1) "[WINDOW_UPDATE 0 1 7fff0000]"
                      "<reset 1>"
                      "[SETTINGS 0 0 0004 7fffffff]",
     .events = GOT_POST(1) "SETTINGS\n", .output = RST(1, 8) "SETTINGS 1 0\n"},
    {"6.9.2 between two values of one frame, too", SERVER,
     .input = POST(1) "[WINDOW_UPDATE 0 1 7fff0000]"
                      "[SETTINGS 0 0 0004 7fffffff 0004 00000001]",
     .events = GOT_POST(1), OVER_INITIAL, .last_id = 1},
};

// ---- What we let the peer send ----------------------------------------------

static const struct strict_row strict_receive_flow_rows[] = {
    {"6.9.1 DATA as large as the stream's window", SERVER,
     .options = strict_window_10, .input = POST(1) "[DATA 1 1 'abcdefghij']",
     .events = GOT_POST(1) "DATA 1 abcdefghij end\n"},
    {"6.9.1 DATA over the stream's window", SERVER, .options = strict_window_10,
     .input = POST(1) "[DATA 1 1 'abcdefghijk']",
     .events = GOT_POST(1) RESET_OVER_OURS, .output = RST(1, 3)},
    {"6.9.1 DATA over the stream's window in sum", SERVER,
     .options = strict_window_10,
     .input = POST(1) "[DATA 0 1 'abcdef']"
                      "[DATA 0 1 'ghijk']"
                      "[DATA 0 1 'more']" POST_END(3),
     .events = GOT_POST(1) "DATA 1 abcdef\n" RESET_OVER_OURS GOT_POST_END(3),
     .output = RST(1, 3)},
    {"6.9.1 DATA over the stream's window, to a client", CLIENT, .opens = 1,
     .options = strict_window_10, .input = OK(1) "[DATA 0 1 'abcdefghijk']",
     .events = GOT_OK(1) RESET_OVER_OURS, .output = RST(1, 3)},
    {"6.9.1 padding counts", SERVER, .options = strict_window_10,
     .input = POST(1) "[DATA 9 1 04 'abcde' 00*4]" POST(
         3) "[DATA 9 3 05 'abcde' 00*5]",
     .events = GOT_POST(1) "DATA 1 abcde end\n" GOT_POST(
         3) "RESET 3 FLOW_CONTROL_ERROR: DATA is over the stream's window\n",
     .output = RST(3, 3)},
    {"6.9.1 an empty frame fits into a window of 0", SERVER,
     .options = strict_window_10,
     .input = POST(1) "[DATA 0 1 'abcdefghij']"
                      "[DATA 0 1]"
                      "[DATA 1 1]",
     .events = GOT_POST(1) "DATA 1 abcdefghij end\n"},
    {"6.9.1 DATA over the connection's window", SERVER,
     .options = strict_connection_65535,
     .input = POST(1) "[DATA 0 1 00*16384]"
                      "[DATA 0 1 00*16384]" POST(3) "[DATA 0 3 00*16384]"
                                                    "[DATA 0 3 00*16384]",
     .events = GOT_POST(1) "DATA 1 \n" GOT_POST(3) "DATA 3 \n", OVER_OURS,
     .last_id = 3},
    {"6.9.1 DATA as large as the connection's window", SERVER,
     .options = strict_connection_65535,
     .input = POST(1) "[DATA 0 1 00*16384]"
                      "[DATA 0 1 00*16384]"
                      "[DATA 0 1 00*16384]"
                      "[DATA 1 1 00*16383]",
     .events = GOT_POST(1) "DATA 1  end\n"},
    {"6.9.1 DATA over the connection's window, to a client", CLIENT,
     .options = strict_connection_65535, .opens = 1,
     .input = OK(1) "[DATA 0 1 00*16384]"
                    "[DATA 0 1 00*16384]"
                    "[DATA 0 1 00*16384]"
                    "[DATA 0 1 00*16384]",
     .events = GOT_OK(1) "DATA 1 \n", OVER_OURS},
    {"6.9.1 padding counts for the connection", SERVER,
     .options = strict_connection_65535,
     .input = POST(1) "[DATA 0 1 00*16384]"
                      "[DATA 0 1 00*16384]"
                      "[DATA 0 1 00*16384]"
                      "[DATA 9 1 01 00*16383]",
     .events = GOT_POST(1) "DATA 1 \n", OVER_OURS, .last_id = 1},
    {"6.9.3 our smaller window, acknowledged, to a client", CLIENT, .opens = 1,
     .input = "<ini 2>" OK(1) "[DATA 0 1 'abc']"
                              "[SETTINGS 1 0]"
                              "[DATA 0 1 'd']",
     .events = GOT_OK(1) "DATA 1 abc\n" RESET_OVER_OURS,
     .output = "SETTINGS 0 0 000400000002\n" RST(1, 3)},
    {"6.9.3 our smaller window, not yet acknowledged", SERVER,
     .input = POST(1) "<ini 2>"
                      "[DATA 1 1 'abc']",
     .events = GOT_POST(1) "DATA 1 abc end\n",
     .output = "SETTINGS 0 0 000400000002\n"},
    {"6.9.3 our smaller window, acknowledged", SERVER,
     .input = POST(1) "<ini 2>"
                      "[SETTINGS 1 0]"
                      "[DATA 1 1 'abc']",
     .events = GOT_POST(1) RESET_OVER_OURS,
     .output = "SETTINGS 0 0 000400000002\n" RST(1, 3)},
    {"6.9.2 our window below zero takes an empty frame alone", SERVER,
     .input = POST(1) "[DATA 0 1 'abc']"
                      "<ini 2>"
                      "[SETTINGS 1 0]"
                      "<window 1>"
                      "[DATA 0 1]"
                      "[DATA 1 1]" POST(3) "[DATA 0 3 'ab']"
                                           "[DATA 0 3 'c']",
     .events =
         GOT_POST(1) "DATA 1 abc\nWINDOW 1 -1 of -1\nDATA 1  end\n" GOT_POST(
             3) "DATA 3 ab\n"
                "RESET 3 FLOW_CONTROL_ERROR: DATA is over the stream's "
                "window\n",
     .output = "SETTINGS 0 0 000400000002\n" RST(3, 3)},
    {"6.9.2 our larger window, not yet acknowledged", SERVER,
     .options = strict_window_10,
     .input = POST(1) "<ini 100>"
                      "[DATA 1 1 'abcdefghijk']",
     .events = GOT_POST(1) RESET_OVER_OURS,
     .output = "SETTINGS 0 0 000400000064\n" RST(1, 3)},
    {"6.9.2 our larger window, acknowledged", SERVER,
     .options = strict_window_10,
     .input = POST(1) "<ini 100>"
                      "[SETTINGS 1 0]"
                      "[DATA 1 1 'abcdefghijk']",
     .events = GOT_POST(1) "DATA 1 abcdefghijk end\n",
     .output = "SETTINGS 0 0 000400000064\n"},
};

// ---- What we give back ------------------------------------------------------

#define TWO_LATE(id)         \
 "[DATA 0 " #id " 00*16384]" \
 "[DATA 0 " #id " 00*16384]"
#define GIVEN_BACK "WINDOW_UPDATE 0 0 00008000\n"

static const struct strict_row strict_credit_rows[] = {
    {"6.9 DATA counts for the stream and for the connection", SERVER,
     .input = POST(1) "[DATA 0 1 'abcd']"
                      "<window 1> <window 0>",
     .events = GOT_POST(1) "DATA 1 abcd\nWINDOW 1 65531 of 65531\n"
                           "WINDOW 1048572 of 1048572\n"},
    {"6.9 padding is given back", SERVER,
     .input = POST(1) "[DATA 8 1 03 'ab' 000000]"
                      "<window 1> <window 0>",
     .events = GOT_POST(1) "DATA 1 ab\nWINDOW 1 65529 of 65533\n"
                           "WINDOW 1048570 of 1048574\n"},
    {"6.9 a frame of padding is given back", SERVER,
     .input = POST(1) "[DATA 8 1 ff 00*255]"
                      "<window 1> <window 0>",
     .events = GOT_POST(1) "WINDOW 1 65279 of 65535\n"
                           "WINDOW 1048320 of 1048576\n"},
    {"6.9 padding is given back, to a client", CLIENT, .opens = 1,
     .input = OK(1) "[DATA 8 1 03 'ab' 000000]"
                    "<window 1> <window 0>",
     .events = GOT_OK(1) "DATA 1 ab\nWINDOW 1 65529 of 65533\n"
                         "WINDOW 1048570 of 1048574\n"},
    {"6.9 padding behind the end of a stream is given back", SERVER,
     .input = POST(1) "[DATA 9 1 03 'ab' 000000]"
                      "<credit 1> <window 0>",
     .events = GOT_POST(1) "DATA 1 ab end\nWINDOW 1048570 of 1048576\n"},
    {"6.9 what the application takes is given back", SERVER,
     .input = POST(1) "[DATA 0 1 'abcd']"
                      "<credit 1> <window 1> <window 0>",
     .events = GOT_POST(1) "DATA 1 abcd\nWINDOW 1 65531 of 65535\n"
                           "WINDOW 1048572 of 1048576\n"},
    {"6.9 what the application takes is given back, to a client", CLIENT,
     .opens = 1, .options = strict_window_10,
     .input = OK(1) "[DATA 0 1 'abcdef']"
                    "<credit 1> <window 1>",
     .events = GOT_OK(1) "DATA 1 abcdef\nWINDOW 1 10 of 10\n",
     .output = "WINDOW_UPDATE 0 1 00000006\n" MEASURES},
    {"6.9 half a window is worth a frame", SERVER, .options = strict_window_10,
     .input = POST(1) "[DATA 0 1 'abcd']"
                      "<credit 1>"
                      "[DATA 0 1 'e']"
                      "<credit 1> <window 1>",
     .events = GOT_POST(1) "DATA 1 abcd\nDATA 1 e\nWINDOW 1 10 of 10\n",
     .output = "WINDOW_UPDATE 0 1 00000005\n" MEASURES},
    {"6.9 what a large message wants is granted ahead", SERVER,
     .input = POST(1) "<want 1> <want 1> <window 1>"
                      "[DATA 1 1 'ab']"
                      "<want 1>",
     .events = GOT_POST(1) "WINDOW 1 100000 of 100000\nDATA 1 ab end\n",
     .output = "WINDOW_UPDATE 0 1 000086a1\n"},
    {"6.9 no WINDOW_UPDATE on a stream that the peer has ended", SERVER,
     .options = strict_window_10,
     .input = POST(1) "[DATA 1 1 'abcdefghij']"
                      "<credit 1>",
     .events = GOT_POST(1) "DATA 1 abcdefghij end\n"},
    {"6.9 late DATA is given back", SERVER,
     .input = POST(1) "<reset 1>"
                      "[DATA 0 1 'abcd']"
                      "[DATA 9 1 01 'a' 00]"
                      "<window 0>",
     .events = GOT_POST(1) "WINDOW 1048569 of 1048576\n", .output = RST(1, 8)},
    {"6.9 late DATA is given back by WINDOW_UPDATE", SERVER,
     .options = strict_connection_65535,
     .input = POST(1) "<reset 1> <free 1>" TWO_LATE(1) "<window 0>",
     .events = GOT_POST(1) "WINDOW 65535 of 65535\n",
     .output = RST(1, 8) GIVEN_BACK},
    {"6.9 late DATA is given back by WINDOW_UPDATE, to a client", CLIENT,
     .options = strict_connection_65535, .opens = 1,
     .input = "<reset 1>" TWO_LATE(1) "<window 0>",
     .events = "WINDOW 65535 of 65535\n", .output = RST(1, 8) GIVEN_BACK},
    {"6.9 late DATA over the connection's window", SERVER,
     .options = strict_connection_65535,
     .input = POST(1) "[DATA 0 1 00*16384]"
                      "[DATA 0 1 00*16384]"
                      "[DATA 0 1 00*16384]" POST(3) "<reset 3>"
                                                    "[DATA 0 3 00*16384]",
     .events = GOT_POST(1) "DATA 1 \n" GOT_POST(3), .output = RST(3, 8),
     OVER_OURS, .last_id = 3},
    {"6.9 DATA of a refused stream is given back", SERVER,
     .options = strict_connection_65535,
     .input = "[HEADERS 4 1 82]" TWO_LATE(1) "<window 0>",
     .events = "WINDOW 65535 of 65535\n", .output = RST(1, 1) GIVEN_BACK},
    {"6.8 DATA of an ignored stream is given back", SERVER,
     .options = strict_connection_65535,
     .input = "<goaway 0>" POST(1) TWO_LATE(1) "<window 0>",
     .events = "WINDOW 65535 of 65535\n",
     .output = "GOAWAY 0 0 0000000000000000\n" GIVEN_BACK},
    {"6.8 DATA of a stream that the peer left out is given back", CLIENT,
     .options = strict_connection_65535, .opens = 1,
     .input = "[GOAWAY 0 0 00000000 00000000]" TWO_LATE(1) "<window 0>",
     .events = "RESET 1 REFUSED_STREAM by peer: GOAWAY left the stream out\n"
               "GOAWAY 0 NO_ERROR \nWINDOW 65535 of 65535\n",
     .output = GIVEN_BACK},
    {"6.9 DATA over the stream's window is given back", SERVER,
     .options = strict_window_10,
     .input = POST(1) "[DATA 0 1 'abcdefghijk']"
                      "<window 0>",
     .events = GOT_POST(1) RESET_OVER_OURS "WINDOW 1048565 of 1048576\n",
     .output = RST(1, 3)},
    {"6.9 DATA over the content-length is given back", SERVER,
     .input = "[HEADERS 4 1 838684 0f0d ('1')]"
              "[DATA 8 1 02 'ab' 0000]"
              "<window 0>",
     .events = "HEADERS 1 request :method=POST :scheme=http :path=/ "
               "content-length=1\n"
               "RESET 1 PROTOCOL_ERROR: content is not as long as "
               "content-length\n"
               "WINDOW 1048571 of 1048576\n",
     .output = RST(1, 1)},
    {"6.9 what is kept is given back to the connection first", SERVER,
     .options = strict_connection_65535,
     .input = POST(1) TWO_LATE(1) "<keep 1> <window 0> <window 1> <let 1>"
                                  "<window 1>",
     .events =
         GOT_POST(1) "DATA 1 \nWINDOW 65535 of 65535\n"
                     "WINDOW 1 967232 of 967232\nWINDOW 1 967232 of 1000000\n",
     .output = GIVEN_BACK},
    {"6.9 what nobody has read is given back with the stream", SERVER,
     .options = strict_connection_65535,
     .input = POST(1) TWO_LATE(1) "<window 0> <free 1> <window 0>",
     .events = GOT_POST(1) "DATA 1 \nWINDOW 32767 of 32767\n"
                           "WINDOW 65535 of 65535\n",
     .output = RST(1, 8) GIVEN_BACK},
    {"6.9 the rest of a frame when the stream has been reset", SERVER,
     .input = POST(1) "[DATA 0 1 'abcd']"
                      "[RST_STREAM 0 1 00000008]"
                      "<free 1> <window 0>",
     .events = GOT_POST(1) "DATA 1 abcd\nRESET 1 CANCEL by peer: RST_STREAM\n"
                           "WINDOW 1048572 of 1048576\n"},
};

#endif
