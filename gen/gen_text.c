// SPDX-License-Identifier: MIT

#include "gen/gen_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct gen_place gen_place_of(struct gen_spot spot)
{
    struct gen_place place = {1, 1};
    for (uint32_t i = 0; i < spot.offset && i < spot.source->size; i++) {
        if (spot.source->text[i] == '\n') {
            place.line++;
            place.column = 1;
        } else {
            place.column++;
        }
    }
    if (place.line == 1 && place.column > 3 &&
        memcmp(spot.source->text, "\xEF\xBB\xBF", 3) == 0) {
        place.column -= 3; // a byte order mark is not seen
    }
    return place;
}

static void text_say(struct gen_report *report, struct gen_spot spot,
                     const char *kind, const char *format, va_list arguments)
    PRINTF_LIKE(4, 0);

static void text_say(struct gen_report *report, struct gen_spot spot,
                     const char *kind, const char *format, va_list arguments)
{
    char message[1024];
    (void)vsnprintf(message, sizeof message, format, arguments);
    if (spot.source == NULL) {
        gen_buffer_print(&report->text, "cgrpc-gen: %s: %s\n", kind, message);
        return;
    }
    struct gen_place place = gen_place_of(spot);
    gen_buffer_print(&report->text, "%s:%u:%u: %s: %s\n", spot.source->path,
                     (unsigned)place.line, (unsigned)place.column, kind,
                     message);
}

void gen_error(struct gen_report *report, struct gen_spot spot,
               const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (report->errors < GEN_MAX_MESSAGES) {
        text_say(report, spot, "error", format, arguments);
    }
    report->errors++;
    va_end(arguments);
}

void gen_warn(struct gen_report *report, struct gen_spot spot,
              const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (report->warnings < GEN_MAX_MESSAGES) {
        text_say(report, spot, "warning", format, arguments);
    }
    report->warnings++;
    va_end(arguments);
}

size_t gen_utf8_size(const char *text, size_t size)
{
    static const struct {
        unsigned char low; // of the first byte
        unsigned char high;
        unsigned char second_low;
        unsigned char second_high;
        unsigned char size;
    } rows[] = {
        {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2},
        {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
        {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const unsigned char *bytes = (const unsigned char *)text;
    for (size_t i = 0; size > 0 && i < sizeof rows / sizeof rows[0]; i++) {
        if (bytes[0] < rows[i].low || bytes[0] > rows[i].high) {
            continue;
        }
        if (rows[i].size == 1) {
            return 1;
        }
        if (size < rows[i].size || bytes[1] < rows[i].second_low ||
            bytes[1] > rows[i].second_high) {
            return 0;
        }
        for (size_t k = 2; k < rows[i].size; k++) {
            if ((bytes[k] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return rows[i].size;
    }
    return 0;
}

bool gen_is_utf8(const char *text, size_t size)
{
    while (size > 0) {
        size_t step = gen_utf8_size(text, size);
        if (step == 0) {
            return false;
        }
        text += step;
        size -= step;
    }
    return true;
}
