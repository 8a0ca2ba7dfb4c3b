// SPDX-License-Identifier: MIT
// RFC 9113 sections 8.2 and 8.3: what makes a field block malformed.

#ifndef TESTS_H2_STRICT_FIELDS_H
#define TESTS_H2_STRICT_FIELDS_H

#include "tests/h2_strict.h"
#include "tests/h2_strict_frames.h"

// ---- Fields that no block may have ------------------------------------------

struct strict_bad_field {
    const char *name; // begins with the section
    const char *field;
    const char *reason;
};

#define BAD_NAME   "field name with a forbidden character"
#define BAD_VALUE  "field value with a forbidden character"
#define BAD_HOP    "field that only HTTP/1.1 has"
#define BAD_PLACE  "pseudo-header field that does not belong here"
#define BAD_LENGTH "content-length is not a length"

static const struct strict_bad_field strict_bad_fields[] = {
    {"8.2.1 a name in upper case", "00 ('A') ('x')", BAD_NAME},
    {"8.2.1 a name with one capital", "00 ('contenT') ('x')", BAD_NAME},
    {"8.2.1 a name with a capital, by Huffman", "00 82 87 7f ('x')", BAD_NAME},
    {"8.2.1 a name with a capital, indexed", "40 ('Z') ('x')", BAD_NAME},
    {"8.2.1 a name with a capital, never indexed", "10 ('Z') ('x')", BAD_NAME},
    {"8.2.1 an empty name", "00 () ('x')", BAD_NAME},
    {"8.2.1 a name with a space", "00 ('a b') ('x')", BAD_NAME},
    {"8.2.1 a name that begins with a space", "00 (' a') ('x')", BAD_NAME},
    {"8.2.1 a name that ends with a space", "00 ('a ') ('x')", BAD_NAME},
    {"8.2.1 a name with a tab", "00 ('a' 09) ('x')", BAD_NAME},
    {"8.2.1 a name with NUL", "00 ('a' 00) ('x')", BAD_NAME},
    {"8.2.1 a name with CR", "00 ('a' 0d) ('x')", BAD_NAME},
    {"8.2.1 a name with LF", "00 ('a' 0a 'b') ('x')", BAD_NAME},
    {"8.2.1 a name with 0x1f", "00 ('a' 1f) ('x')", BAD_NAME},
    {"8.2.1 a name with DEL", "00 ('a' 7f) ('x')", BAD_NAME},
    {"8.2.1 a name with 0x80", "00 ('a' 80) ('x')", BAD_NAME},
    {"8.2.1 a name with 0xff", "00 (ff 'a') ('x')", BAD_NAME},
    {"8.2.1 a name with a colon inside", "00 ('a:b') ('x')", BAD_NAME},
    {"8.2.1 a name with a colon at its end", "00 ('a:') ('x')", BAD_NAME},
    {"8.2.1 a name with a quotation mark", "00 ('a\"b') ('x')", BAD_NAME},
    {"8.2.1 a name with a parenthesis", "00 ('a' 28) ('x')", BAD_NAME},
    {"8.2.1 a name with a slash", "00 ('a/b') ('x')", BAD_NAME},
    {"8.2.1 a name with a comma", "00 ('a,b') ('x')", BAD_NAME},
    {"8.2.1 a value that is NUL", "00 ('a') (00)", BAD_VALUE},
    {"8.2.1 a value with NUL", "00 ('a') ('x' 00 'y')", BAD_VALUE},
    {"8.2.1 a value with NUL, by Huffman", "00 ('a') 82 ffc7", BAD_VALUE},
    {"8.2.1 a value with LF", "00 ('a') ('x' 0a 'y')", BAD_VALUE},
    {"8.2.1 a value with CR", "00 ('a') ('x' 0d 'y')", BAD_VALUE},
    {"8.2.1 a value that ends with CR and LF", "00 ('a') ('x' 0d0a)",
     BAD_VALUE},
    {"8.2.1 a value that begins with LF", "00 ('a') (0a 'x')", BAD_VALUE},
    {"8.2.1 a long value with LF",
     "00 ('a') ('a value of many characters' 0a 'and more')", BAD_VALUE},
    {"8.2.1 a long value with NUL at its end", "00 ('a') (78*40 00)",
     BAD_VALUE},
    {"8.2.1 a long value with CR, indexed", "40 ('a') (78*16 0d 78*16)",
     BAD_VALUE},
    {"8.2.1 a value with LF, name by index", "0f2b ('x' 0a)", BAD_VALUE},
    {"8.2.1 a value of HTTP's that begins with a space", "0f10 (' x')",
     BAD_VALUE},
    {"8.2.1 a value of HTTP's that ends with a space", "0f10 ('x ')",
     BAD_VALUE},
    {"8.2.1 a value of HTTP's that is a space", "00 ('host') (' ')", BAD_VALUE},
    {"8.2.1 a value of HTTP's with a space, te", "00 ('te') ('trailers ')",
     BAD_VALUE},
    {"8.2.1 a value that begins with a tab", "00 ('a') (09 'x')", BAD_VALUE},
    {"8.2.1 a value that ends with a tab", "00 ('a') ('x' 09)", BAD_VALUE},
    {"8.2.1 a long value that ends with a tab", "00 ('a') (78*20 09)",
     BAD_VALUE},
    {"8.2.2 connection", "00 ('connection') ('close')", BAD_HOP},
    {"8.2.2 connection, indexed", "40 ('connection') ('keep-alive')", BAD_HOP},
    {"8.2.2 empty connection", "00 ('connection') ()", BAD_HOP},
    {"8.2.2 proxy-connection", "00 ('proxy-connection') ('keep-alive')",
     BAD_HOP},
    {"8.2.2 keep-alive", "00 ('keep-alive') ('timeout=5')", BAD_HOP},
    {"8.2.2 transfer-encoding", "00 ('transfer-encoding') ('chunked')",
     BAD_HOP},
    {"8.2.2 transfer-encoding by index", "0f2a ('chunked')", BAD_HOP},
    {"8.2.2 transfer-encoding, a field of the static table", "b9", BAD_HOP},
    {"8.2.2 upgrade", "00 ('upgrade') ('h2c')", BAD_HOP},
    {"8.2.2 te: gzip", "00 ('te') ('gzip')", BAD_HOP},
    {"8.2.2 te: trailers and more", "00 ('te') ('trailers, gzip')", BAD_HOP},
    {"8.2.2 te: trailers with a weight", "00 ('te') ('trailers;q=0.5')",
     BAD_HOP},
    {"8.2.2 empty te", "00 ('te') ()", BAD_HOP},
    {"8.3 an unknown pseudo-header field", "00 (':foo') ('x')", BAD_PLACE},
    {"8.3 a colon alone", "00 (':') ('x')", BAD_PLACE},
    {"8.3 a pseudo-header field in upper case", "00 (':Path') ('/')",
     BAD_PLACE},
    {"8.3 :protocol, which we have not enabled", "00 (':protocol') ('x')",
     BAD_PLACE},
    {"8.1.1 content-length with a letter", "0f0d ('1a')", BAD_LENGTH},
    {"8.1.1 content-length with a sign", "0f0d ('+1')", BAD_LENGTH},
    {"8.1.1 content-length below zero", "0f0d ('-1')", BAD_LENGTH},
    {"8.1.1 content-length, empty", "0f0d ()", BAD_LENGTH},
    {"8.1.1 content-length with a space", "0f0d ('1 ')", BAD_LENGTH},
    {"8.1.1 content-length in hex", "0f0d ('0x1')", BAD_LENGTH},
    {"8.1.1 content-length that is a list", "0f0d ('0, 0')", BAD_LENGTH},
    {"8.1.1 content-length of 19 digits", "0f0d ('1000000000000000000')",
     BAD_LENGTH},
    {"8.1.1 content-length, literal name", "00 ('content-length') ('x')",
     BAD_LENGTH},
    {"8.1.1 content-length of 0, and another", "0f0d ('0') 0f0d ('1')",
     "content-length given twice"},
    {"8.1.1 content-length with two values", "0f0d ('1') 0f0d ('2')",
     "content-length given twice"},
};

struct strict_place {
    const char *name;
    bool is_server;
    const char *before; // frames, and the start of the block
    const char *after;
    const char *events;
};

static const struct strict_place strict_places[] = {
    {"a request", true, "[HEADERS 5 1 838684", "]", NULL},
    {"trailers of a request", true, POST(1) "[HEADERS 5 1", "]", GOT_POST(1)},
    {"a response", false, "[HEADERS 4 1 88", "]", ""},
    {"an informational response", false, "[HEADERS 4 1 08 03 313030", "]", ""},
    {"trailers of a response", false, OK(1) "[HEADERS 5 1", "]", GOT_OK(1)},
};

static void strict_check_bad_field(struct strict_tally *tally,
                                   const struct strict_bad_field *bad,
                                   const struct strict_place *place)
{
    char name[160];
    char input[256];
    char events[256] = "";
    strict_print(name, sizeof name, "%s, in %s", bad->name, place->name);
    strict_print(input, sizeof input, "%s %s %s [DATA 0 1 'late']",
                 place->before, bad->field, place->after);
    if (place->events != NULL) { // the owner knows the stream
        strict_print(events, sizeof events, "%sRESET 1 PROTOCOL_ERROR: %s\n",
                     place->events, bad->reason);
    }
    strict_check(tally, &(struct strict_row){
                            name,
                            place->is_server ? STRICT_SERVER : STRICT_CLIENT,
                            .opens = 1,
                            .input = input,
                            .events = events,
                            .output = RST(1, 1),
                        });
}

static void strict_check_bad_fields(struct strict_tally *tally)
{
    size_t count = sizeof strict_bad_fields / sizeof strict_bad_fields[0];
    size_t places = sizeof strict_places / sizeof strict_places[0];
    for (size_t i = 0; i < count * places; i++) {
        strict_check_bad_field(tally, &strict_bad_fields[i / places],
                               &strict_places[i % places]);
    }
}

// ---- Requests and responses -------------------------------------------------

// A row of a request that is malformed: no event, the stream is reset.
#define BAD_REQUEST(fields) \
 SERVER, .input = "[HEADERS 5 1 " fields "]", .output = RST(1, 1)
#define GOOD_REQUEST(fields, text)            \
 SERVER, .input = "[HEADERS 5 1 " fields "]", \
         .events = "HEADERS 1 request " text " end\n"
#define BAD_RESPONSE(fields, why)                         \
 CLIENT, .opens = 1, .input = "[HEADERS 5 1 " fields "]", \
         .events = "RESET 1 PROTOCOL_ERROR: " why "\n", .output = RST(1, 1)
#define GOOD_RESPONSE(fields, text)                       \
 CLIENT, .opens = 1, .input = "[HEADERS 5 1 " fields "]", \
         .events = "HEADERS 1 response " text " end\n"
#define BAD_TRAILERS(fields, why)                                   \
 SERVER, .input = POST(1) "[HEADERS 5 1 " fields "]",               \
         .events = GOT_POST(1) "RESET 1 PROTOCOL_ERROR: " why "\n", \
         .output = RST(1, 1)
#define BAD_CLIENT_TRAILERS(fields, why)                          \
 CLIENT, .opens = 1, .input = OK(1) "[HEADERS 5 1 " fields "]",   \
         .events = GOT_OK(1) "RESET 1 PROTOCOL_ERROR: " why "\n", \
         .output = RST(1, 1)

static const struct strict_row strict_request_rows[] = {
    {"8.3.1 GET", GOOD_REQUEST("828684", ":method=GET :scheme=http :path=/")},
    {"8.3.1 HEAD",
     GOOD_REQUEST("02 ('HEAD') 8684", ":method=HEAD :scheme=http :path=/")},
    {"8.3.1 a method of our own making",
     GOOD_REQUEST("02 ('x-Y.1') 8684", ":method=x-Y.1 :scheme=http :path=/")},
    {"8.3.1 https, a path and an authority",
     GOOD_REQUEST("8387 04 ('/a?b=c') 01 ('example.org:443')",
                  ":method=POST :scheme=https :path=/a?b=c "
                  ":authority=example.org:443")},
    {"8.3.1 pseudo-header fields in any order",
     GOOD_REQUEST("84 01 ('a') 86 83",
                  ":path=/ :authority=a :scheme=http :method=POST")},
    {"8.3.1 all of them literal",
     GOOD_REQUEST("00 (':method') ('POST') 00 (':scheme') ('http')"
                  "10 (':path') ('/')",
                  ":method=POST :scheme=http :path=/")},
    {"8.3.1 a scheme that is neither",
     GOOD_REQUEST("83 06 ('a1+-.') 84", ":method=POST :scheme=a1+-. :path=/")},
    {"8.3.1 host instead of :authority",
     GOOD_REQUEST("838684 0f17 ('a')",
                  ":method=POST :scheme=http :path=/ host=a")},
    {"8.3.1 OPTIONS of the server as a whole",
     GOOD_REQUEST("02 ('OPTIONS') 86 04 ('*')",
                  ":method=OPTIONS :scheme=http :path=*")},
    {"8.3.1 a path without a slash is left to the layer above",
     GOOD_REQUEST("8386 04 ('a/b')", ":method=POST :scheme=http :path=a/b")},
    {"8.3.1 an empty :authority is none",
     GOOD_REQUEST("838684 81", ":method=POST :scheme=http :path=/ "
                               ":authority=")},
    {"8.3.1 without :method", BAD_REQUEST("8684")},
    {"8.3.1 without :scheme", BAD_REQUEST("8384")},
    {"8.3.1 without :path", BAD_REQUEST("8386")},
    {"8.3.1 without any field", BAD_REQUEST("")},
    {"8.3.1 without any pseudo-header field", BAD_REQUEST("00 ('a') ('b')")},
    {"8.3.1 two :method", BAD_REQUEST("83 82 8684")},
    {"8.3.1 two :method that agree", BAD_REQUEST("83 83 8684")},
    {"8.3.1 two :scheme", BAD_REQUEST("83 86 87 84")},
    {"8.3.1 two :path", BAD_REQUEST("8386 84 85")},
    {"8.3.1 two :path that agree", BAD_REQUEST("8386 84 04 ('/')")},
    {"8.3.1 two :authority", BAD_REQUEST("838684 01 ('a') 01 ('b')")},
    {"8.3.1 two :authority that agree",
     BAD_REQUEST("838684 01 ('a') 01 ('a')")},
    {"8.3.1 empty :path", BAD_REQUEST("8386 04 ()")},
    {"8.3.1 empty :path, literal", BAD_REQUEST("8386 00 (':path') ()")},
    {"8.3.1 empty :method", BAD_REQUEST("02 () 8684")},
    {"8.3.1 empty :scheme", BAD_REQUEST("83 06 () 84")},
    {"8.3.1 a :method that is no token", BAD_REQUEST("02 ('P OST') 8684")},
    {"8.3.1 a :method with a slash", BAD_REQUEST("02 ('GET/') 8684")},
    {"8.3.1 a :method with a byte above ASCII",
     BAD_REQUEST("02 ('GET' c3) 8684")},
    {"8.3.1 a :scheme with a colon", BAD_REQUEST("83 06 ('http:') 84")},
    {"8.3.1 a :scheme that begins with a digit",
     BAD_REQUEST("83 06 ('1http') 84")},
    {"8.3.1 a :scheme with a space", BAD_REQUEST("83 06 ('ht tp') 84")},
    {"8.3.1 a :path with LF", BAD_REQUEST("8386 04 ('/a' 0a 'b')")},
    {"8.3.1 a :path with NUL", BAD_REQUEST("8386 04 ('/' 00)")},
    {"8.3.1 a :path with a space", BAD_REQUEST("8386 04 ('/a b')")},
    {"8.3.1 a :path with a tab", BAD_REQUEST("8386 04 ('/a' 09)")},
    {"8.3.1 a :path with DEL", BAD_REQUEST("8386 04 ('/' 7f)")},
    {"8.3.1 an :authority with a space", BAD_REQUEST("838684 01 ('a b')")},
    {"8.3.1 a :path that begins with a space", BAD_REQUEST("8386 04 (' /')")},
    {"8.3.1 a :path that ends with a space", BAD_REQUEST("8386 04 ('/ ')")},
    {"8.3.1 an :authority with CR", BAD_REQUEST("838684 01 ('a' 0d)")},
    {"8.3.1 an :authority with user information",
     BAD_REQUEST("838684 01 ('me@a')")},
    {"8.3.1 an :authority with empty user information",
     BAD_REQUEST("838684 01 ('@a')")},
    {"8.3.1 :status in a request", BAD_REQUEST("838684 88")},
    {"8.3.1 :status instead of :path", BAD_REQUEST("8386 88")},
    {"8.3 a pseudo-header field behind a field",
     BAD_REQUEST("8386 00 ('a') ('b') 84")},
    {"8.3 :authority behind a field",
     BAD_REQUEST("838684 00 ('a') ('b') 01 ('c')")},
    {"8.3 trailers with :path", BAD_TRAILERS("84", BAD_PLACE)},
    {"8.3 trailers with :method", BAD_TRAILERS("83", BAD_PLACE)},
    {"8.3 trailers with :authority", BAD_TRAILERS("01 ('a')", BAD_PLACE)},
    {"8.3 trailers with :status", BAD_TRAILERS("88", BAD_PLACE)},
    {"8.3 trailers with :path behind a field",
     BAD_TRAILERS("00 ('a') ('b') 84", BAD_PLACE)},
    {"8.3 trailers with a field that was :path in the request", SERVER,
     .input = "[HEADERS 4 1 8386 44 ('/a')]"
              "[HEADERS 5 1 be]",
     .events = "HEADERS 1 request :method=POST :scheme=http :path=/a\n"
               "RESET 1 PROTOCOL_ERROR: " BAD_PLACE "\n",
     .output = RST(1, 1)},
    {"8.5 CONNECT", GOOD_REQUEST("02 ('CONNECT') 01 ('a:1')",
                                 ":method=CONNECT :authority=a:1")},
    {"8.5 CONNECT without :authority", BAD_REQUEST("02 ('CONNECT')")},
    {"8.5 CONNECT with an empty :authority", BAD_REQUEST("02 ('CONNECT') 81")},
    {"8.5 CONNECT with :scheme", BAD_REQUEST("02 ('CONNECT') 01 ('a:1') 86")},
    {"8.5 CONNECT with :path", BAD_REQUEST("02 ('CONNECT') 01 ('a:1') 84")},
    {"8.5 CONNECT like another request",
     BAD_REQUEST("02 ('CONNECT') 01 ('a:1') 8684")},
    {"8.5 connect in lower case is another method",
     GOOD_REQUEST("02 ('connect') 8684",
                  ":method=connect :scheme=http :path=/")},
    {"8.5 CONNECT with :protocol (RFC 8441), which we have not enabled",
     BAD_REQUEST("02 ('CONNECT') 8684 01 ('a:1') 00 (':protocol') ('x')")},
    {"8.2.1 every character that a name may have",
     GOOD_REQUEST("838684 00 (21 '#$%&' 27 '*+-.^_`|~09az') ('x')",
                  ":method=POST :scheme=http :path=/ "
                  "!#$%&'*+-.^_`|~09az=x")},
    {"8.2.1 spaces and tabs within a value",
     GOOD_REQUEST("838684 00 ('a') ('x y' 09 'z')",
                  ":method=POST :scheme=http :path=/ a=x y\tz")},
    {"8.2.1 spaces around a value that HTTP does not act on",
     GOOD_REQUEST("838684 00 ('a') (' x ') 00 ('b') (' ')",
                  ":method=POST :scheme=http :path=/ a= x  b= ")},
    {"8.2.1 an empty value",
     GOOD_REQUEST("838684 00 ('a') ()",
                  ":method=POST :scheme=http :path=/ a=")},
    {"8.2.1 other bytes in a value",
     GOOD_REQUEST("838684 00 ('a') (01 0b 7f 80 ff)",
                  ":method=POST :scheme=http :path=/ "
                  "a=\001\013\177\200\377")},
    {"8.2.2 te: trailers", GOOD_REQUEST("838684 00 ('te') ('trailers')",
                                        ":method=POST :scheme=http :path=/ "
                                        "te=trailers")},
    {"8.2.2 fields whose names are alike",
     GOOD_REQUEST("838684 00 ('tea') ('x') 00 ('upgrades') ('y')",
                  ":method=POST :scheme=http :path=/ tea=x upgrades=y")},
    {"8.2.3 cookies in several fields",
     GOOD_REQUEST("838684 0f11 ('a=b') 0f11 ('c=d')",
                  ":method=POST :scheme=http :path=/ cookie=a=b cookie=c=d")},
    {"8.2.1 an indexed bad field is bad every time", SERVER,
     .input = "[HEADERS 5 1 838684 40 ('A') ('b')]"
              "[HEADERS 5 3 838684 be]" POST_END(5),
     .events = GOT_POST_END(5), .output = RST(1, 1) RST(3, 1)},
    {"8.1.1 a malformed request leaves the connection alone", SERVER,
     .input = "[HEADERS 4 1 8684 40 ('a') ('b')]"
              "[DATA 0 1 'x']"
              "[HEADERS 5 1]"
              "[WINDOW_UPDATE 0 1 00000001]"
              "[RST_STREAM 0 1 00000008]"
              "[HEADERS 5 3 838684 be]",
     .events = "HEADERS 3 request :method=POST :scheme=http :path=/ a=b end\n",
     .output = RST(1, 1)},
};

static const struct strict_row strict_response_rows[] = {
    {"8.3.2 a status of the static table",
     GOOD_RESPONSE("8d", "404 :status=404")},
    {"8.3.2 a literal status", GOOD_RESPONSE("08 ('418')", "418 :status=418")},
    {"8.3.2 a status of a class that is unknown",
     GOOD_RESPONSE("08 ('999')", "999 :status=999")},
    {"8.3.2 without :status",
     BAD_RESPONSE("00 ('a') ('b')",
                  "a required pseudo-header field is missing")},
    {"8.3.2 without any field",
     BAD_RESPONSE("", "a required pseudo-header field is missing")},
    {"8.3.2 two :status",
     BAD_RESPONSE("88 89", "pseudo-header field given twice")},
    {"8.3.2 two :status that agree",
     BAD_RESPONSE("88 88", "pseudo-header field given twice")},
    {"8.3.2 empty :status", BAD_RESPONSE("08 ()", ":status is not a status")},
    {"8.3.2 a status of two digits",
     BAD_RESPONSE("08 ('20')", ":status is not a status")},
    {"8.3.2 a status of four digits",
     BAD_RESPONSE("08 ('2000')", ":status is not a status")},
    {"8.3.2 a status with a letter",
     BAD_RESPONSE("08 ('20x')", ":status is not a status")},
    {"8.3.2 a status with a sign",
     BAD_RESPONSE("08 ('+20')", ":status is not a status")},
    {"8.3.2 a status with a space",
     BAD_RESPONSE("08 (' 20')", ":status is not a status")},
    {"8.3.2 a status with a reason",
     BAD_RESPONSE("08 ('200 OK')", ":status is not a status")},
    {"8.3.2 a status below 100",
     BAD_RESPONSE("08 ('099')", ":status is not a status")},
    {"8.6 status 101", BAD_RESPONSE("08 ('101')", ":status is not a status")},
    {"8.6 status 101 as an informational response", CLIENT, .opens = 1,
     .input = "[HEADERS 4 1 08 ('101')]",
     .events = "RESET 1 PROTOCOL_ERROR: :status is not a status\n",
     .output = RST(1, 1)},
    {"8.2.2 te: trailers in a response",
     BAD_RESPONSE("88 00 ('te') ('trailers')", BAD_HOP)},
    {"8.2.2 te: trailers in the trailers of a response",
     BAD_CLIENT_TRAILERS("40 ('te') ('trailers')", BAD_HOP)},
    {"8.3.2 :method in a response", BAD_RESPONSE("88 82", BAD_PLACE)},
    {"8.3.2 :path instead of :status", BAD_RESPONSE("84", BAD_PLACE)},
    {"8.3.2 :authority in a response", BAD_RESPONSE("88 01 ('a')", BAD_PLACE)},
    {"8.3 :status behind a field",
     BAD_RESPONSE("00 ('a') ('b') 88",
                  "pseudo-header field after a regular one")},
    {"8.3 trailers of a response with :status",
     BAD_CLIENT_TRAILERS("88", BAD_PLACE)},
    {"8.3 trailers of a response with :path",
     BAD_CLIENT_TRAILERS("84", BAD_PLACE)},
    {"8.3 trailers of a response with :status behind a field",
     BAD_CLIENT_TRAILERS("00 ('a') ('b') 88", BAD_PLACE)},
    {"8.1.1 a malformed response leaves the connection alone", CLIENT,
     .opens = 2,
     .input = "[HEADERS 4 1 40 ('a') ('b')]"
              "[DATA 0 1 'x']"
              "[HEADERS 5 1 88]"
              "[RST_STREAM 0 1 00000008]"
              "[HEADERS 5 3 88 be]",
     .events = "RESET 1 PROTOCOL_ERROR: a required pseudo-header field is "
               "missing\n"
               "HEADERS 3 response 200 :status=200 a=b end\n",
     .output = RST(1, 1)},
};

#endif
