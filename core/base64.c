// SPDX-License-Identifier: MIT

#include "core/base64.h"

#include <stdint.h>

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char base64_digit(uint32_t bits)
{
    return base64_digits[bits & 63];
}

void base64_encode(struct view bytes, char *out)
{
    const uint8_t *in = bytes.data;
    size_t left = bytes.size;
    for (; left >= 3; left -= 3, in += 3) {
        uint32_t bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        *out++ = base64_digit(bits >> 18);
        *out++ = base64_digit(bits >> 12);
        *out++ = base64_digit(bits >> 6);
        *out++ = base64_digit(bits);
    }
    if (left > 0) {
        uint32_t second = left > 1 ? in[1] : 0;
        uint32_t bits = (uint32_t)in[0] << 16 | second << 8;
        *out++ = base64_digit(bits >> 18);
        *out++ = base64_digit(bits >> 12);
        if (left > 1) {
            *out = base64_digit(bits >> 6);
        }
    }
}

// base64_value is the six bits of a character; 64 when it is none.
static uint32_t base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return (uint32_t)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (uint32_t)(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return (uint32_t)(c - '0') + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

// base64_unpad takes the padding off, which only whole groups have.
static struct view base64_unpad(struct view text)
{
    if (text.size % 4 != 0) {
        return text;
    }
    for (int i = 0; i < 2 && text.size > 0; i++) {
        text.size -= text.data[text.size - 1] == '=';
    }
    return text;
}

bool base64_decode(struct view text, char *out, size_t *out_size)
{
    text = base64_unpad(text);
    if (text.size % 4 == 1) {
        return false;
    }
    char *next = out;
    uint32_t bits = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint32_t value = base64_value(text.data[i]);
        if (value > 63) {
            return false;
        }
        bits = bits << 6 | value;
        if (i % 4 != 0) {
            // 2, 4 or 0 bits are for the next byte.
            *next++ = (char)(bits >> (6 - 2 * (i % 4)) & 0xff);
        }
    }
    *out_size = (size_t)(next - out);
    return true;
}
