// SPDX-License-Identifier: MIT

#include "gen/gen_lexer.h"

#include <string.h>

static bool lexer_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool lexer_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool lexer_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// 0 to 15; 16 for what is no hexadecimal digit.
static unsigned lexer_hex(char c)
{
    if (lexer_is_digit(c)) {
        return (unsigned)(c - '0');
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 : 16;
}

// The character at an offset; NUL behind the end.
static char lexer_at(const struct gen_lexer *lexer, uint32_t offset)
{
    return offset < lexer->source->size ? lexer->source->text[offset] : '\0';
}

static void lexer_fail(struct gen_lexer *lexer, uint32_t offset,
                       const char *what)
{
    struct gen_spot spot = {lexer->source, offset};
    gen_error(lexer->report, spot, "%s", what);
    lexer->token.kind = GEN_TOKEN_ERROR;
    lexer->token.offset = offset;
}

struct gen_spot gen_lexer_spot(const struct gen_lexer *lexer)
{
    struct gen_spot spot = {lexer->source, lexer->token.offset};
    return spot;
}

// ---- Comments ---------------------------------------------------------------

// Passes over the comment at the cursor. The end of a line comment is before
// its newline.
static bool lexer_skip_comment(struct gen_lexer *lexer)
{
    const char *text = lexer->source->text;
    uint32_t size = lexer->source->size;
    uint32_t start = lexer->cursor;
    if (text[start + 1] == '/') {
        while (lexer->cursor < size && text[lexer->cursor] != '\n') {
            lexer->cursor++;
        }
        return true;
    }
    for (uint32_t i = start + 2; i + 1 < size; i++) {
        if (text[i] == '*' && text[i + 1] == '/') {
            lexer->cursor = i + 2;
            return true;
        }
    }
    lexer_fail(lexer, start, "this comment has no end: expected \"*/\"");
    return false;
}

// Passes over blanks and comments. Comments that stand on consecutive lines
// are one piece: it is the leading comment of the next word when no blank line
// follows it. A comment on the line of the word before trails that word.
static bool lexer_skip_blanks(struct gen_lexer *lexer)
{
    const char *text = lexer->source->text;
    struct gen_piece leading = {NULL, 0};
    unsigned newlines = 0;          // since the last piece
    bool on_line = lexer->has_word; // still on the line of the last word
    while (lexer->cursor < lexer->source->size) {
        char c = text[lexer->cursor];
        char second = lexer_at(lexer, lexer->cursor + 1);
        if (lexer_is_space(c)) {
            newlines += c == '\n';
            on_line = on_line && c != '\n';
            leading.text = newlines > 1 ? NULL : leading.text;
            lexer->cursor++;
            continue;
        }
        if (c != '/' || (second != '/' && second != '*')) {
            break;
        }
        uint32_t start = lexer->cursor;
        if (!lexer_skip_comment(lexer)) {
            return false;
        }
        if (on_line) {
            lexer->token.trailing.text = text + start;
            lexer->token.trailing.size = lexer->cursor - start;
        } else {
            leading.text = leading.text == NULL ? text + start : leading.text;
            leading.size = (uint32_t)(text + lexer->cursor - leading.text);
        }
        newlines = 0;
    }
    if (leading.text != NULL) {
        lexer->token.leading = leading;
    }
    return true;
}

// ---- Numbers ----------------------------------------------------------------

static void lexer_digits(struct gen_lexer *lexer, unsigned base)
{
    struct gen_token *token = &lexer->token;
    for (;; lexer->cursor++) {
        unsigned digit = lexer_hex(lexer_at(lexer, lexer->cursor));
        if (digit >= base) {
            return;
        }
        if (token->number > (UINT64_MAX - digit) / base) {
            token->is_huge = true;
        }
        token->number = token->number * base + digit;
    }
}

// The rest of a decimal number that has a point or an exponent.
static bool lexer_fraction(struct gen_lexer *lexer)
{
    if (lexer_at(lexer, lexer->cursor) == '.') {
        lexer->cursor++;
        lexer_digits(lexer, 10);
    }
    if ((lexer_at(lexer, lexer->cursor) | 0x20) != 'e') {
        return true;
    }
    lexer->cursor++;
    char sign = lexer_at(lexer, lexer->cursor);
    lexer->cursor += sign == '-' || sign == '+';
    if (!lexer_is_digit(lexer_at(lexer, lexer->cursor))) {
        lexer_fail(lexer, lexer->cursor,
                   "expected a digit in the exponent of this number");
        return false;
    }
    lexer_digits(lexer, 10);
    return true;
}

static bool lexer_integer(struct gen_lexer *lexer)
{
    uint32_t start = lexer->cursor;
    lexer->token.kind = GEN_TOKEN_INTEGER;
    if (lexer_at(lexer, start) == '0' &&
        (lexer_at(lexer, start + 1) | 0x20) == 'x') {
        lexer->cursor += 2;
        lexer_digits(lexer, 16);
        if (lexer->cursor == start + 2) {
            lexer_fail(lexer, start, "expected hexadecimal digits after 0x");
            return false;
        }
        return true;
    }
    bool is_octal = lexer_at(lexer, start) == '0' &&
                    lexer_is_digit(lexer_at(lexer, start + 1));
    lexer_digits(lexer, is_octal ? 8 : 10);
    if (is_octal && lexer_is_digit(lexer_at(lexer, lexer->cursor))) {
        lexer_fail(lexer, start,
                   "a number that starts with 0 is octal: it cannot have the "
                   "digits 8 and 9");
        return false;
    }
    return true;
}

static void lexer_number(struct gen_lexer *lexer)
{
    uint32_t start = lexer->cursor;
    if (lexer_at(lexer, start) != '.' && !lexer_integer(lexer)) {
        return;
    }
    char c = lexer_at(lexer, lexer->cursor);
    bool is_decimal =
        lexer_at(lexer, start) != '0' || lexer->cursor == start + 1;
    if (is_decimal && (c == '.' || (c | 0x20) == 'e')) {
        lexer->token.kind = GEN_TOKEN_FLOAT;
        if (!lexer_fraction(lexer)) {
            return;
        }
    }
    c = lexer_at(lexer, lexer->cursor);
    if (lexer_is_letter(c) || lexer_is_digit(c)) {
        lexer_fail(lexer, lexer->cursor,
                   "expected a space between a number and a name");
    } else if (c == '.') {
        lexer_fail(lexer, lexer->cursor, "this number has a point too many");
    }
}

// ---- Strings ----------------------------------------------------------------

// Reads up to max digits at *at.
static unsigned lexer_escape_digits(const struct gen_lexer *lexer, uint32_t *at,
                                    unsigned base, unsigned max)
{
    unsigned value = 0;
    for (unsigned i = 0; i < max; i++) {
        unsigned digit = lexer_hex(lexer_at(lexer, *at));
        if (digit >= base) {
            break;
        }
        value = value * base + digit;
        (*at)++;
    }
    return value;
}

static size_t lexer_put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

// Decodes the escape at *at, behind the backslash. The result is never longer
// than the escape. 0: it is none.
static size_t lexer_escape(const struct gen_lexer *lexer, uint32_t *at,
                           char *out)
{
    static const char letters[] = "abfnrtv\\?'\"";
    static const char values[] = "\a\b\f\n\r\t\v\\?'\"";
    char c = lexer_at(lexer, *at);
    const char *letter = c == '\0' ? NULL : strchr(letters, c);
    if (letter != NULL) {
        (*at)++;
        out[0] = values[letter - letters];
        return 1;
    }
    if (c >= '0' && c <= '7') {
        unsigned value = lexer_escape_digits(lexer, at, 8, 3);
        out[0] = (char)(value & 0xff);
        return value <= 0xff ? 1 : 0;
    }
    uint32_t start = *at + 1;
    if (c == 'x' || c == 'X') {
        *at = start;
        out[0] = (char)lexer_escape_digits(lexer, at, 16, 2);
        return *at > start ? 1 : 0;
    }
    if (c == 'u' || c == 'U') {
        unsigned wanted = c == 'u' ? 4 : 8;
        *at = start;
        unsigned code = lexer_escape_digits(lexer, at, 16, wanted);
        if (*at - start != wanted || code > 0x10ffff) {
            return 0;
        }
        return lexer_put_utf8(out, code);
    }
    return 0;
}

static void lexer_string(struct gen_lexer *lexer)
{
    uint32_t start = lexer->cursor;
    uint32_t end = start + 1;
    char quote = lexer_at(lexer, start);
    while (end < lexer->source->size && lexer_at(lexer, end) != quote &&
           lexer_at(lexer, end) != '\n') {
        end += lexer_at(lexer, end) == '\\' ? 2 : 1;
    }
    char *out = gen_alloc(lexer->memory, (size_t)(end - start) + 4);
    size_t size = 0;
    uint32_t at = start + 1;
    for (;;) {
        char c = lexer_at(lexer, at);
        if (at >= lexer->source->size || c == '\n') {
            lexer_fail(lexer, start,
                       "this string does not end on its line: a quote is "
                       "missing");
            return;
        }
        at++;
        if (c == quote) {
            break;
        }
        if (c != '\\') {
            out[size++] = c;
            continue;
        }
        uint32_t escape = at;
        size_t step = lexer_escape(lexer, &at, out + size);
        if (step == 0) {
            lexer_fail(lexer, escape - 1, "this is no escape sequence");
            return;
        }
        size += step;
    }
    out[size] = '\0';
    lexer->cursor = at;
    lexer->token.kind = GEN_TOKEN_STRING;
    lexer->token.string = out;
    lexer->token.string_size = size;
}

// ---- Words ------------------------------------------------------------------

static void lexer_symbol(struct gen_lexer *lexer)
{
    char c = lexer_at(lexer, lexer->cursor);
    if ((unsigned char)c >= 0x80) {
        lexer_fail(lexer, lexer->cursor,
                   "this character is not ASCII: only comments and strings "
                   "may have others");
    } else if ((unsigned char)c < 0x20 || c == 0x7f) {
        lexer_fail(lexer, lexer->cursor, "this is a control character");
    } else {
        lexer->cursor++;
        lexer->token.kind = GEN_TOKEN_SYMBOL;
    }
}

static void lexer_read_word(struct gen_lexer *lexer)
{
    char c = lexer_at(lexer, lexer->cursor);
    char second = lexer_at(lexer, lexer->cursor + 1);
    if (lexer_is_letter(c)) {
        while (lexer_is_letter(lexer_at(lexer, lexer->cursor)) ||
               lexer_is_digit(lexer_at(lexer, lexer->cursor))) {
            lexer->cursor++;
        }
        lexer->token.kind = GEN_TOKEN_NAME;
    } else if (lexer_is_digit(c) || (c == '.' && lexer_is_digit(second))) {
        lexer_number(lexer);
    } else if (c == '"' || c == '\'') {
        lexer_string(lexer);
    } else {
        lexer_symbol(lexer);
    }
}

void gen_lexer_next(struct gen_lexer *lexer)
{
    if (lexer->token.kind == GEN_TOKEN_ERROR) {
        return;
    }
    memset(&lexer->token, 0, sizeof lexer->token);
    if (!lexer_skip_blanks(lexer)) {
        return;
    }
    uint32_t start = lexer->cursor;
    lexer->token.offset = start;
    lexer->token.raw.text = lexer->source->text + start;
    if (start >= lexer->source->size) {
        lexer->token.kind = GEN_TOKEN_END;
        return;
    }
    lexer->has_word = true;
    lexer_read_word(lexer);
    lexer->token.raw.size = lexer->cursor - start;
}

void gen_lexer_init(struct gen_lexer *lexer, const struct gen_source *source,
                    struct gen_memory *memory, struct gen_report *report)
{
    memset(lexer, 0, sizeof *lexer);
    lexer->source = source;
    lexer->memory = memory;
    lexer->report = report;
    if (source->size >= 3 && memcmp(source->text, "\xEF\xBB\xBF", 3) == 0) {
        lexer->cursor = 3;
    }
    gen_lexer_next(lexer);
}
