// SPDX-License-Identifier: MIT
// Bytes of HTTP/2 written as text, so that a table of tests can be read:
//
//   [TYPE flags stream payload]  a frame, its length counted: TYPE as in the
//                                output of h2_script.h or a number, flags in
//                                hex, stream in decimal (or 0x...)
//   00 c3 61*300                 bytes in hex; one of them 300 times
//   'text'                       as it is
//   (...)                        a string of HPACK, its length in front
//   <words>                      a PING acknowledgement with these words, which
//                                tells a test to act (h2_strict.h)

#ifndef TESTS_H2_ASSEMBLE_H
#define TESTS_H2_ASSEMBLE_H

#include "base/endian.h"
#include "h2/h2.h"

enum { ASSEMBLY_MAX = 400000, ASSEMBLY_WORDS = 8 };

struct assembly {
    uint8_t bytes[ASSEMBLY_MAX];
    size_t size;
    size_t frame;  // where the open frame begins
    size_t string; // likewise
    const char *text;
};

static MAYBE_UNUSED const char *const assembly_types[H2_FRAME_TYPES] = {
    "DATA", "HEADERS", "PRIORITY", "RST_STREAM",    "SETTINGS",
    "PUSH", "PING",    "GOAWAY",   "WINDOW_UPDATE", "CONTINUATION",
};

static MAYBE_UNUSED void assembly_add(struct assembly *to, uint8_t byte)
{
    if (to->size == sizeof to->bytes) {
        fail_msg("too long: %.60s", to->text);
    }
    to->bytes[to->size++] = byte;
}

static MAYBE_UNUSED const char *assembly_hex(struct assembly *to,
                                             const char *at)
{
    uint8_t byte;
    char pair[3] = {at[0], at[0] == '\0' ? '\0' : at[1], '\0'};
    if (test_unhex(pair, &byte, 1) != 1) {
        fail_msg("not hex: %s", at);
    }
    at += 2;
    unsigned long count = 1;
    if (*at == '*') {
        char *end;
        count = strtoul(at + 1, &end, 10);
        at = end;
    }
    for (; count > 0; count--) {
        assembly_add(to, byte);
    }
    return at;
}

static MAYBE_UNUSED uint8_t assembly_type(const char *name, size_t size)
{
    for (size_t i = 0; i < H2_FRAME_TYPES; i++) {
        if (strlen(assembly_types[i]) == size &&
            memcmp(assembly_types[i], name, size) == 0) {
            return (uint8_t)i;
        }
    }
    return (uint8_t)strtoul(name, NULL, 0);
}

static MAYBE_UNUSED const char *assembly_frame(struct assembly *to,
                                               const char *at)
{
    char *end;
    uint8_t head[9] = {0};
    size_t size = strcspn(at, " ");
    to->frame = to->size;
    head[3] = assembly_type(at, size);
    head[4] = (uint8_t)strtoul(at + size, &end, 16);
    store_be32(head + 5, (uint32_t)strtoul(end, &end, 0));
    for (size_t i = 0; i < sizeof head; i++) {
        assembly_add(to, head[i]);
    }
    return end;
}

static MAYBE_UNUSED void assembly_frame_end(struct assembly *to)
{
    size_t length = to->size - to->frame - H2_HEAD_SIZE;
    for (size_t i = 0; i < 3; i++) {
        to->bytes[to->frame + i] = (uint8_t)(length >> (16 - 8 * i));
    }
}

// assembly_string_end puts the length, an integer with a prefix of 7 bits, in
// front of the string.
static MAYBE_UNUSED void assembly_string_end(struct assembly *to)
{
    size_t length = to->size - to->string;
    uint8_t prefix[6];
    size_t n = 0;
    prefix[n++] = (uint8_t)(length < 127 ? length : 127);
    if (length >= 127) {
        size_t rest = length - 127;
        for (; rest >= 128; rest >>= 7) {
            prefix[n++] = (uint8_t)(rest | 128);
        }
        prefix[n++] = (uint8_t)rest;
    }
    for (size_t i = 0; i < n; i++) {
        assembly_add(to, 0);
    }
    memmove(to->bytes + to->string + n, to->bytes + to->string, length);
    memcpy(to->bytes + to->string, prefix, n);
}

// assembly_quoted adds text up to a closing mark and returns what is behind.
static MAYBE_UNUSED const char *assembly_quoted(struct assembly *to,
                                                const char *at, char mark)
{
    for (; *at != mark; at++) {
        if (*at == '\0') {
            fail_msg("not closed: %s", to->text);
        }
        assembly_add(to, (uint8_t)*at);
    }
    return at + 1;
}

static MAYBE_UNUSED const char *assembly_words(struct assembly *to,
                                               const char *at)
{
    assembly_frame(to, "PING 1 0");
    at = assembly_quoted(to, at, '>');
    while (to->size < to->frame + H2_HEAD_SIZE + ASSEMBLY_WORDS) {
        assembly_add(to, 0);
    }
    assembly_frame_end(to);
    return at;
}

// assembly_append appends the bytes of text.
static MAYBE_UNUSED void assembly_append(struct assembly *to, const char *text)
{
    to->text = text;
    for (const char *at = text; *at != '\0';) {
        switch (*at) {
        case ' ':
        case '\n':
            at++;
            break;
        case '[':
            at = assembly_frame(to, at + 1);
            break;
        case ']':
            assembly_frame_end(to);
            at++;
            break;
        case '(':
            to->string = to->size;
            at++;
            break;
        case ')':
            assembly_string_end(to);
            at++;
            break;
        case '\'':
            at = assembly_quoted(to, at + 1, '\'');
            break;
        case '<':
            at = assembly_words(to, at + 1);
            break;
        default:
            at = assembly_hex(to, at);
            break;
        }
    }
}

#endif
