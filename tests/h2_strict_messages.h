// SPDX-License-Identifier: MIT
// RFC 9113 section 8.1: the frames of a message, and content-length (8.1.1).

#ifndef TESTS_H2_STRICT_MESSAGES_H
#define TESTS_H2_STRICT_MESSAGES_H

#include "tests/h2_strict.h"
#include "tests/h2_strict_frames.h"

#define SECOND_HEADERS \
 "RESET 1 PROTOCOL_ERROR: second HEADERS without END_STREAM\n"
#define INFORMATIONAL     "[HEADERS 4 1 08 ('103')]"
#define GOT_INFORMATIONAL "HEADERS 1 informational 103 :status=103\n"

static const struct strict_row strict_request_message_rows[] = {
    {"8.1 a request without content", SERVER, .input = POST_END(1),
     .events = GOT_POST_END(1)},
    {"8.1 a request that ends with DATA", SERVER,
     .input = POST(1) "[DATA 0 1 'a']"
                      "[DATA 1 1 'b']",
     .events = GOT_POST(1) "DATA 1 ab end\n"},
    {"8.1 a request that ends with empty DATA", SERVER,
     .input = POST(1) "[DATA 0 1 'a']"
                      "[DATA 1 1]",
     .events = GOT_POST(1) "DATA 1 a end\n"},
    {"8.1 a request with trailers", SERVER,
     .input = POST(1) "[DATA 0 1 'a']"
                      "[HEADERS 5 1 00 ('b') ('c')]",
     .events = GOT_POST(1) "DATA 1 a\nHEADERS 1 trailers b=c end\n"},
    {"8.1 trailers without content", SERVER,
     .input = POST(1) "[HEADERS 5 1 00 ('b') ('c')]",
     .events = GOT_POST(1) "HEADERS 1 trailers b=c end\n"},
    {"8.1 empty trailers", SERVER, .input = POST(1) "[HEADERS 5 1]",
     .events = GOT_POST(1) "HEADERS 1 trailers end\n"},
    {"8.1 trailers in two frames", SERVER,
     .input = POST(1) "[HEADERS 1 1 00]"
                      "[CONTINUATION 4 1 ('b') ('c')]",
     .events = GOT_POST(1) "HEADERS 1 trailers b=c end\n"},
    {"8.1 a second HEADERS without END_STREAM", SERVER,
     .input = POST(1) "[HEADERS 4 1 00 ('b') ('c')]",
     .events = GOT_POST(1) SECOND_HEADERS, .output = RST(1, 1)},
    {"8.1 a second request on the stream", SERVER, .input = POST(1) POST(1),
     .events = GOT_POST(1) SECOND_HEADERS, .output = RST(1, 1)},
    {"8.1 a second HEADERS without END_STREAM, behind DATA", SERVER,
     .input = POST(1) "[DATA 0 1 'a']"
                      "[HEADERS 4 1 00 ('b') ('c')]"
                      "[DATA 1 1 'd']",
     .events = GOT_POST(1) "DATA 1 a\n" SECOND_HEADERS, .output = RST(1, 1)},
    {"8.1 a second HEADERS keeps the table in step", SERVER,
     .input = POST(1) "[HEADERS 4 1 40 ('a') ('b')]"
                      "[HEADERS 5 3 838684 be]",
     .events = GOT_POST(1) SECOND_HEADERS
     "HEADERS 3 request :method=POST :scheme=http :path=/ a=b end\n",
     .output = RST(1, 1)},
    {"8.1 DATA behind trailers", SERVER,
     .input = POST(1) "[HEADERS 5 1]"
                      "[DATA 1 1 'a']",
     .events = GOT_POST(1) "HEADERS 1 trailers end\n",
     FATAL(STREAM_CLOSED, "DATA after END_STREAM"), .last_id = 1},
    {"8.1 trailers behind trailers", SERVER,
     .input = POST(1) "[HEADERS 5 1]"
                      "[HEADERS 5 1]",
     .events = GOT_POST(1) "HEADERS 1 trailers end\n",
     FATAL(STREAM_CLOSED, "HEADERS after END_STREAM"), .last_id = 1},
    {"8.1 messages may be interleaved", SERVER,
     .input = POST(1) POST(3) "[DATA 0 1 'a']"
                              "[DATA 0 3 'x']"
                              "[DATA 1 3 'y']"
                              "[DATA 1 1 'b']",
     .events = GOT_POST(1) GOT_POST(3) "DATA 1 a\nDATA 3 xy end\n"
                                       "DATA 1 b end\n"},
    {"8.1 we may answer before the request has ended", SERVER,
     .input = POST(1) "<fin 1>"
                      "[DATA 1 1 'a']",
     .events = GOT_POST(1) "DATA 1 a end\n", .output = "HEADERS 5 1 88\n"},
    {"8.1 we may reset behind our answer", SERVER,
     .input = POST(1) "<fin 1> <reset 1>"
                      "[DATA 0 1 'a']"
                      "[DATA 1 1]",
     .events = GOT_POST(1), .output = "HEADERS 5 1 88\n" RST(1, 8)},
    {"8.1 an answer with content and trailers", SERVER,
     .input = POST_END(1) "<head 1> <data 1> <trail 1>",
     .events = GOT_POST_END(1),
     .output = "HEADERS 4 1 88\nDATA 0 1 00000000\nHEADERS 5 1 0001610162\n"},
    {"8.1 an answer that ends with empty DATA", SERVER,
     .input = POST_END(1) "<head 1> <data 1> <end 1>",
     .events = GOT_POST_END(1),
     .output = "HEADERS 4 1 88\nDATA 0 1 00000000\nDATA 1 1\n"},
};

static const struct strict_row strict_response_message_rows[] = {
    {"8.1 a response without content", CLIENT, .opens = 1, .input = OK_END(1),
     .events = GOT_OK_END(1)},
    {"8.1 a response with content and trailers", CLIENT, .opens = 1,
     .input = OK(1) "[DATA 0 1 'a']"
                    "[HEADERS 5 1 00 ('b') ('c')]",
     .events = GOT_OK(1) "DATA 1 a\nHEADERS 1 trailers b=c end\n"},
    {"8.1 a response that ends with empty DATA", CLIENT, .opens = 1,
     .input = OK(1) "[DATA 1 1]", .events = GOT_OK(1) "DATA 1  end\n"},
    {"8.1 trailers of a response without content", CLIENT, .opens = 1,
     .input = OK(1) "[HEADERS 5 1]",
     .events = GOT_OK(1) "HEADERS 1 trailers end\n"},
    {"8.1 an informational response", CLIENT, .opens = 1,
     .input = INFORMATIONAL OK_END(1),
     .events = GOT_INFORMATIONAL GOT_OK_END(1)},
    {"8.1 status 100", CLIENT, .opens = 1,
     .input = "[HEADERS 4 1 08 ('100')]" OK_END(1),
     .events = "HEADERS 1 informational 100 :status=100\n" GOT_OK_END(1)},
    {"8.1 status 199", CLIENT, .opens = 1,
     .input = "[HEADERS 4 1 08 ('199')]" OK_END(1),
     .events = "HEADERS 1 informational 199 :status=199\n" GOT_OK_END(1)},
    {"8.1 several informational responses", CLIENT, .opens = 1,
     .input = INFORMATIONAL INFORMATIONAL OK_END(1),
     .events = GOT_INFORMATIONAL GOT_INFORMATIONAL GOT_OK_END(1)},
    {"8.1 an informational response has no content", CLIENT, .opens = 1,
     .input = "[HEADERS 4 1 08 ('103') 0f0d ('5')]" OK_END(1),
     .events = "HEADERS 1 informational 103 :status=103 "
               "content-length=5\n" GOT_OK_END(1)},
    {"8.1 an informational response with END_STREAM", CLIENT, .opens = 1,
     .input = "[HEADERS 5 1 08 ('103')]",
     .events = "RESET 1 PROTOCOL_ERROR: informational response with "
               "END_STREAM\n",
     .output = RST(1, 1)},
    {"8.1 an informational response behind the final one", CLIENT, .opens = 1,
     .input = OK(1) INFORMATIONAL, .events = GOT_OK(1) SECOND_HEADERS,
     .output = RST(1, 1)},
    {"8.1 an informational response as trailers", CLIENT, .opens = 1,
     .input = OK(1) "[HEADERS 5 1 08 ('103')]",
     .events = GOT_OK(1) "RESET 1 PROTOCOL_ERROR: pseudo-header field that "
                         "does not belong here\n",
     .output = RST(1, 1)},
    {"10.5 nine informational responses", CLIENT, .opens = 1,
     .input = INFORMATIONAL INFORMATIONAL INFORMATIONAL INFORMATIONAL
         INFORMATIONAL INFORMATIONAL INFORMATIONAL INFORMATIONAL INFORMATIONAL,
     .events = GOT_INFORMATIONAL GOT_INFORMATIONAL GOT_INFORMATIONAL
         GOT_INFORMATIONAL GOT_INFORMATIONAL GOT_INFORMATIONAL GOT_INFORMATIONAL
             GOT_INFORMATIONAL
     "RESET 1 ENHANCE_YOUR_CALM: too many informational responses\n",
     .output = RST(1, b)},
    {"8.1 DATA before HEADERS", CLIENT, .opens = 1, .input = "[DATA 0 1 'a']",
     .events = "RESET 1 PROTOCOL_ERROR: DATA before HEADERS\n",
     .output = RST(1, 1)},
    {"8.1 empty DATA before HEADERS", CLIENT, .opens = 1, .input = "[DATA 1 1]",
     .events = "RESET 1 PROTOCOL_ERROR: DATA before HEADERS\n",
     .output = RST(1, 1)},
    {"8.1 DATA behind an informational response", CLIENT, .opens = 1,
     .input = INFORMATIONAL "[DATA 0 1 'a']",
     .events =
         GOT_INFORMATIONAL "RESET 1 PROTOCOL_ERROR: DATA before HEADERS\n",
     .output = RST(1, 1)},
    {"8.1 a second final response", CLIENT, .opens = 1, .input = OK(1) OK(1),
     .events = GOT_OK(1) SECOND_HEADERS, .output = RST(1, 1)},
    {"8.1 DATA behind trailers, to a client", CLIENT, .opens = 1,
     .input = OK(1) "[HEADERS 5 1]"
                    "[DATA 1 1 'a']",
     .events = GOT_OK(1) "HEADERS 1 trailers end\n",
     FATAL(STREAM_CLOSED, "DATA after END_STREAM")},
    {"8.1 a response before our request has ended", CLIENT,
     .input = "<open>" OK_END(1) "<data 1> <end 1>", .events = GOT_OK_END(1),
     .output = "HEADERS 4 1 82\nDATA 0 1 00000000\nDATA 1 1\n"},
    {"8.1 responses may be interleaved", CLIENT, .opens = 2,
     .input = OK(3) OK(1) "[DATA 0 1 'a']"
                          "[DATA 1 3 'x']"
                          "[DATA 1 1 'b']",
     .events = GOT_OK(3) GOT_OK(1) "DATA 1 a\nDATA 3 x end\nDATA 1 b end\n"},
};

// ---- content-length ---------------------------------------------------------

#define POST_5 "[HEADERS 4 1 838684 0f0d ('5')]"
#define GOT_POST_5                                      \
 "HEADERS 1 request :method=POST :scheme=http :path=/ " \
 "content-length=5\n"
#define OK_5     "[HEADERS 4 1 88 0f0d ('5')]"
#define GOT_OK_5 "HEADERS 1 response 200 :status=200 content-length=5\n"
#define OTHER_LENGTH \
 "RESET 1 PROTOCOL_ERROR: content is not as long as content-length\n"
#define SHORTER \
 "RESET 1 PROTOCOL_ERROR: content is shorter than content-length\n"

// What comes behind HEADERS with a content-length of 5, on stream 1.
static const struct {
    const char *name;
    const char *input;
    const char *events;
    bool bad;
} strict_contents[] = {
    {"as long, in one frame", "[DATA 1 1 'abcde']", "DATA 1 abcde end\n",
     false},
    {"as long, in three frames", "[DATA 0 1 'ab'] [DATA 0 1 'cde'] [DATA 1 1]",
     "DATA 1 abcde end\n", false},
    {"as long, padding does not count",
     "[DATA 8 1 03 'ab' 00*3] [DATA 9 1 01 'cde' 00]", "DATA 1 abcde end\n",
     false},
    {"as long, with trailers", "[DATA 0 1 'abcde'] [HEADERS 5 1]",
     "DATA 1 abcde\nHEADERS 1 trailers end\n", false},
    {"longer, in one frame", "[DATA 0 1 'abcdef']", OTHER_LENGTH, true},
    {"longer, in two frames", "[DATA 0 1 'abcd'] [DATA 1 1 'ef']",
     "DATA 1 abcd\n" OTHER_LENGTH, true},
    {"longer, by a byte behind it", "[DATA 0 1 'abcde'] [DATA 0 1 'f']",
     "DATA 1 abcde\n" OTHER_LENGTH, true},
    {"shorter, in one frame", "[DATA 1 1 'abcd']", OTHER_LENGTH, true},
    {"shorter, in two frames", "[DATA 0 1 'ab'] [DATA 1 1 'cd']",
     "DATA 1 ab\n" OTHER_LENGTH, true},
    {"shorter, by empty DATA", "[DATA 0 1 'abcd'] [DATA 1 1]",
     "DATA 1 abcd\n" OTHER_LENGTH, true},
    {"shorter, padding does not count", "[DATA 9 1 01 'abcd' 00]", OTHER_LENGTH,
     true},
    {"shorter, with trailers", "[DATA 0 1 'abcd'] [HEADERS 5 1]",
     "DATA 1 abcd\n" SHORTER, true},
    {"nothing but trailers", "[HEADERS 5 1]", SHORTER, true},
};

static void strict_check_content(struct strict_tally *tally, size_t i,
                                 bool is_server)
{
    char name[120];
    char input[256];
    char events[256];
    strict_print(name, sizeof name, "8.1.1 content of a %s: %s",
                 is_server ? "request" : "response", strict_contents[i].name);
    strict_print(input, sizeof input, "%s %s", is_server ? POST_5 : OK_5,
                 strict_contents[i].input);
    strict_print(events, sizeof events, "%s%s",
                 is_server ? GOT_POST_5 : GOT_OK_5, strict_contents[i].events);
    strict_check(tally, &(struct strict_row){
                            name,
                            is_server ? STRICT_SERVER : STRICT_CLIENT,
                            .opens = 1,
                            .input = input,
                            .events = events,
                            .output = strict_contents[i].bad ? RST(1, 1) : "",
                        });
}

static void strict_check_contents(struct strict_tally *tally)
{
    size_t count = sizeof strict_contents / sizeof strict_contents[0];
    for (size_t i = 0; i < count; i++) {
        strict_check_content(tally, i, true);
        strict_check_content(tally, i, false);
    }
}

static const struct strict_row strict_length_rows[] = {
    {"8.1.1 a request that ends with its HEADERS has no content", SERVER,
     .input = "[HEADERS 5 1 838684 0f0d ('5')]", .output = RST(1, 1)},
    {"8.1.1 a request of length 0", SERVER,
     .input = "[HEADERS 5 1 838684 0f0d ('0')]",
     .events = "HEADERS 1 request :method=POST :scheme=http :path=/ "
               "content-length=0 end\n"},
    {"8.1.1 a request of length 0 with content", SERVER,
     .input = "[HEADERS 4 1 838684 0f0d ('0')]"
              "[DATA 1 1 'a']",
     .events = "HEADERS 1 request :method=POST :scheme=http :path=/ "
               "content-length=0\n" OTHER_LENGTH,
     .output = RST(1, 1)},
    {"8.1.1 the length twice, and the same", SERVER,
     .input = "[HEADERS 4 1 838684 0f0d ('1') 0f0d ('01')]"
              "[DATA 1 1 'a']",
     .events = "HEADERS 1 request :method=POST :scheme=http :path=/ "
               "content-length=1 content-length=01\nDATA 1 a end\n"},
    {"8.1.1 a length beyond all windows", SERVER,
     .input = "[HEADERS 4 1 838684 0f0d ('999999999999999999')]"
              "[DATA 1 1 'a']",
     .events = "HEADERS 1 request :method=POST :scheme=http :path=/ "
               "content-length=999999999999999999\n" OTHER_LENGTH,
     .output = RST(1, 1)},
    {"8.1.1 a length in the trailers means nothing", SERVER,
     .input = POST(1) "[DATA 0 1 'a']"
                      "[HEADERS 5 1 0f0d ('5')]",
     .events = GOT_POST(1) "DATA 1 a\nHEADERS 1 trailers content-length=5 "
                           "end\n"},
    {"8.1.1 a response that ends with its HEADERS has no content", CLIENT,
     .opens = 1, .input = "[HEADERS 5 1 88 0f0d ('5')]", .events = SHORTER,
     .output = RST(1, 1)},
    {"8.1.1 status 304 may name a length that does not come", CLIENT,
     .opens = 1, .input = "[HEADERS 5 1 8b 0f0d ('5')]",
     .events = "HEADERS 1 response 304 :status=304 content-length=5 end\n"},
    {"8.1.1 status 204 may name a length that does not come", CLIENT,
     .opens = 1,
     .input = "[HEADERS 4 1 89 0f0d ('5')]"
              "[DATA 1 1]",
     .events = "HEADERS 1 response 204 :status=204 content-length=5\n"
               "DATA 1  end\n"},
    {"8.1.1 an error response keeps its length", CLIENT, .opens = 1,
     .input = "[HEADERS 4 1 8e 0f0d ('5')]"
              "[DATA 1 1 'a']",
     .events =
         "HEADERS 1 response 500 :status=500 content-length=5\n" OTHER_LENGTH,
     .output = RST(1, 1)},
    {"8.1.1 the length of an informational response is not the final one's",
     CLIENT, .opens = 1,
     .input = "[HEADERS 4 1 08 ('103') 0f0d ('5')]" OK(1) "[DATA 1 1 'a']",
     .events =
         "HEADERS 1 informational 103 :status=103 content-length=5\n" GOT_OK(
             1) "DATA 1 a end\n"},
};

#endif
