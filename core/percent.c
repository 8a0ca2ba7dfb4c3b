// SPDX-License-Identifier: MIT

#include "core/percent.h"

#include <stdbool.h>
#include <stdint.h>

// percent_character is the length of the UTF-8 character at text, 0 when
// there is none (overlong forms and surrogates are none).
static size_t percent_character(struct view text)
{
    uint8_t first = text.data[0];
    if (first < 0x80) {
        return 1;
    }
    size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size < size) {
        return 0;
    }
    uint8_t second = text.data[1];
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if ((text.data[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return size;
}

static bool percent_is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte <= 0x7e && byte != '%';
}

static size_t percent_escape(uint8_t byte, char *out)
{
    static const char percent_digits[16] = {'0', '1', '2', '3', '4', '5',
                                            '6', '7', '8', '9', 'A', 'B',
                                            'C', 'D', 'E', 'F'};
    out[0] = '%';
    out[1] = percent_digits[byte >> 4];
    out[2] = percent_digits[byte & 15];
    return 3;
}

static size_t percent_put(uint8_t byte, char *out)
{
    if (!percent_is_plain(byte)) {
        return percent_escape(byte, out);
    }
    out[0] = (char)byte;
    return 1;
}

// percent_end has the text end with no space: it is escaped, or dropped with
// what did not fit.
static size_t percent_end(char *out, size_t written, size_t max, bool cut)
{
    while (written > 0 && out[written - 1] == ' ') {
        written--;
        if (!cut && max - written >= 3) {
            return written + percent_escape(' ', out + written);
        }
    }
    return written;
}

// percent_copy copies the plain characters at the start of text: mostly all. (A
// space that leads is none.)
static size_t percent_copy(struct view text, char *out, size_t max)
{
    size_t n = 0;
    size_t most = text.size < max ? text.size : max;
    if (most > 0 && text.data[0] == ' ') {
        return 0;
    }
    for (; n < most && percent_is_plain(text.data[n]); n++) {
        out[n] = (char)text.data[n];
    }
    return n;
}

size_t percent_encode(struct view text, char *out, size_t max)
{
    static const uint8_t percent_wrong[3] = {0xef, 0xbf, 0xbd}; // U+FFFD
    size_t written = percent_copy(text, out, max);
    text = view_skip(text, written);
    while (text.size > 0) {
        size_t size = percent_character(text);
        struct view character =
            size == 0 ? view_of(percent_wrong, 3) : view_of(text.data, size);
        char escaped[12];
        size_t escaped_size = 0;
        for (size_t i = 0; i < character.size; i++) {
            uint8_t byte = character.data[i];
            bool leads = written == 0 && byte == ' ';
            escaped_size += leads ? percent_escape(byte, escaped + escaped_size)
                                  : percent_put(byte, escaped + escaped_size);
        }
        if (escaped_size > max - written) {
            break;
        }
        memcpy(out + written, escaped, escaped_size);
        written += escaped_size;
        text = view_skip(text, size == 0 ? 1 : size);
    }
    return percent_end(out, written, max, text.size > 0);
}

static int percent_nibble(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    return -1;
}

size_t percent_decode(struct view text, char *out)
{
    size_t written = 0;
    for (size_t i = 0; i < text.size; i++) {
        int high = -1;
        int low = -1;
        if (text.data[i] == '%' && text.size - i > 2) {
            high = percent_nibble(text.data[i + 1]);
            low = percent_nibble(text.data[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            out[written++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out[written++] = (char)text.data[i];
        }
    }
    return written;
}
