// SPDX-License-Identifier: MIT

#include "h2/h2_fields.h"

#include "base/assert.h"

// Pseudo-header fields, as bits of a set.
enum {
    FIELDS_AUTHORITY = 1 << 0,
    FIELDS_METHOD = 1 << 1,
    FIELDS_PATH = 1 << 2,
    FIELDS_SCHEME = 1 << 3,
    FIELDS_STATUS = 1 << 4,
    FIELDS_CONNECT = 1 << 5, // not a field: the method is CONNECT
    FIELDS_OF_REQUEST =
        FIELDS_AUTHORITY | FIELDS_METHOD | FIELDS_PATH | FIELDS_SCHEME,
};

enum {
    FIELDS_PSEUDO_ROWS = 15, // rows 1 to 14 of the static table are pseudo
    FIELDS_CONTENT_LENGTH_SIZE = 14,
    FIELDS_LENGTH_DIGITS = 18, // of content-length: fits int64_t
};

// By index of the static table.
static const uint8_t fields_pseudo_row[FIELDS_PSEUDO_ROWS] = {
    0,
    FIELDS_AUTHORITY,
    FIELDS_METHOD,
    FIELDS_METHOD,
    FIELDS_PATH,
    FIELDS_PATH,
    FIELDS_SCHEME,
    FIELDS_SCHEME,
    FIELDS_STATUS,
    FIELDS_STATUS,
    FIELDS_STATUS,
    FIELDS_STATUS,
    FIELDS_STATUS,
    FIELDS_STATUS,
    FIELDS_STATUS,
};

static const uint8_t fields_allowed[] = {
    [H2_FIELDS_REQUEST] = FIELDS_OF_REQUEST,
    [H2_FIELDS_RESPONSE] = FIELDS_STATUS,
    [H2_FIELDS_TRAILERS] = 0,
};

// Characters of a name: those of a token (RFC 9110 section 5.6.2) without
// upper case, one bit each, from 0x00 up.
static const uint32_t fields_name_chars[8] = {
    0, 0x03ff6cfa, 0xc0000000, 0x57ffffff, 0, 0, 0, 0,
};

// What is gathered on the way through a block.
struct fields_scan {
    enum h2_fields_role role;
    uint8_t pseudo; // seen so far
    bool regular;   // a field that is not pseudo was seen
    struct h2_fields *out;
};

static bool fields_name_is_token(struct view name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if ((fields_name_chars[c >> 5] & (uint32_t)1 << (c & 31)) == 0) {
            return false;
        }
    }
    return name.size > 0;
}

static bool fields_is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static bool fields_value_is_clean(struct view value)
{
    if (value.size == 0) {
        return true;
    }
    if (fields_is_space(value.data[0]) ||
        fields_is_space(value.data[value.size - 1])) {
        return false;
    }
    for (size_t i = 0; i < value.size; i++) {
        uint8_t c = value.data[i];
        if (UNLIKELY(c <= '\r') && (c == '\0' || c == '\r' || c == '\n')) {
            return false;
        }
    }
    return true;
}

// ---- Pseudo-header fields (8.3) ---------------------------------------------

static uint8_t fields_pseudo_bit(const struct hpack_field *field)
{
    if (field->static_name != 0) {
        return field->static_name < FIELDS_PSEUDO_ROWS
                   ? fields_pseudo_row[field->static_name]
                   : 0;
    }
    // The peer spelled the name out.
    static const struct {
        const char name[12];
        uint8_t size;
        uint8_t bit;
    } names[] = {
        {":authority", 10, FIELDS_AUTHORITY},
        {":method", 7, FIELDS_METHOD},
        {":path", 5, FIELDS_PATH},
        {":scheme", 7, FIELDS_SCHEME},
        {":status", 7, FIELDS_STATUS},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (view_equal(field->name, view_of(names[i].name, names[i].size))) {
            return names[i].bit;
        }
    }
    return 0;
}

// fields_status reads three digits; 0 if they are not a status of HTTP/2.
static uint16_t fields_status(struct view value)
{
    uint32_t status = 0;
    if (value.size != 3) {
        return 0;
    }
    for (size_t i = 0; i < 3; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') {
            return 0;
        }
        status = status * 10 + value.data[i] - '0';
    }
    // 8.6: there is no switching of protocols.
    return status < 100 || status == 101 ? 0 : (uint16_t)status;
}

static const char *fields_pseudo_value(uint8_t bit, struct view value)
{
    if (!fields_value_is_clean(value)) {
        return "field value with a forbidden character";
    }
    if (value.size == 0 && bit != FIELDS_AUTHORITY) {
        return "empty pseudo-header field";
    }
    if (bit == FIELDS_AUTHORITY && value.size > 0 &&
        memchr(value.data, '@', value.size) != NULL) {
        return ":authority with user information";
    }
    return NULL;
}

static const char *fields_pseudo(struct fields_scan *scan,
                                 const struct hpack_field *field, bool known)
{
    uint8_t bit = fields_pseudo_bit(field);
    if ((bit & fields_allowed[scan->role]) == 0) {
        return "pseudo-header field that does not belong here";
    }
    if (scan->regular) {
        return "pseudo-header field after a regular one";
    }
    if ((scan->pseudo & bit) != 0) {
        return "pseudo-header field given twice";
    }
    scan->pseudo |= bit;
    if (bit == FIELDS_STATUS) {
        scan->out->status = fields_status(field->value);
        return scan->out->status == 0 ? ":status is not a status" : NULL;
    }
    if (bit == FIELDS_METHOD && field->value.size == 7 &&
        view_equal(field->value, VIEW("CONNECT"))) {
        scan->pseudo |= FIELDS_CONNECT;
    }
    return known ? NULL : fields_pseudo_value(bit, field->value);
}

// ---- Regular fields (8.2) ---------------------------------------------------

static const char *fields_content_length(struct fields_scan *scan,
                                         struct view value)
{
    int64_t length = 0;
    if (value.size == 0 || value.size > FIELDS_LENGTH_DIGITS) {
        return "content-length is not a length";
    }
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') {
            return "content-length is not a length";
        }
        length = length * 10 + (value.data[i] - '0');
    }
    if (scan->out->content_length >= 0 && scan->out->content_length != length) {
        return "content-length given twice";
    }
    scan->out->content_length = length;
    return NULL;
}

// fields_of_connection: the field is for one HTTP/1.1 hop (8.2.2).
static bool fields_of_connection(struct view name, struct view value)
{
    switch (name.size) {
    case 2:
        return view_equal(name, VIEW("te")) &&
               !view_equal(value, VIEW("trailers"));
    case 7:
        return view_equal(name, VIEW("upgrade"));
    case 10:
        return view_equal(name, VIEW("connection")) ||
               view_equal(name, VIEW("keep-alive"));
    case 16:
        return view_equal(name, VIEW("proxy-connection"));
    case 17:
        return view_equal(name, VIEW("transfer-encoding"));
    default:
        return false;
    }
}

static const char *fields_regular(struct fields_scan *scan,
                                  const struct hpack_field *field, bool known)
{
    scan->regular = true;
    if (!known) {
        if (field->static_name == 0 && !fields_name_is_token(field->name)) {
            return "field name with a forbidden character";
        }
        if (!fields_value_is_clean(field->value)) {
            return "field value with a forbidden character";
        }
        if (fields_of_connection(field->name, field->value)) {
            return "field that only HTTP/1.1 has";
        }
    }
    if (field->name.size == FIELDS_CONTENT_LENGTH_SIZE &&
        view_equal(field->name, VIEW("content-length"))) {
        return fields_content_length(scan, field->value);
    }
    return NULL;
}

// ---- The whole block --------------------------------------------------------

// fields_is_plain: a field that is known to be valid (so its name is not
// empty) needs no look: it is neither pseudo nor, by its size, content-length.
static bool fields_is_plain(const struct hpack_field *field)
{
    return field->name.data[0] != ':' &&
           field->name.size != FIELDS_CONTENT_LENGTH_SIZE;
}

static const char *fields_one(struct fields_scan *scan,
                              const struct hpack_field *field)
{
    bool known = field->memo != NULL && (*field->memo & H2_MEMO_VALID) != 0;
    if (LIKELY(known && fields_is_plain(field))) {
        scan->regular = true;
        return NULL;
    }
    bool pseudo = field->name.size > 0 && field->name.data[0] == ':';
    const char *fault = pseudo ? fields_pseudo(scan, field, known)
                               : fields_regular(scan, field, known);
    if (fault == NULL && !known && field->memo != NULL) {
        *field->memo |= H2_MEMO_VALID;
    }
    return fault;
}

static const char *fields_missing(const struct fields_scan *scan)
{
    uint8_t needed = 0;
    switch (scan->role) {
    case H2_FIELDS_REQUEST:
        if ((scan->pseudo & FIELDS_CONNECT) != 0) {
            return (scan->pseudo & FIELDS_OF_REQUEST) ==
                           (FIELDS_METHOD | FIELDS_AUTHORITY)
                       ? NULL
                       : "CONNECT takes :authority and neither :scheme nor "
                         ":path";
        }
        needed = FIELDS_METHOD | FIELDS_SCHEME | FIELDS_PATH;
        break;
    case H2_FIELDS_RESPONSE:
        needed = FIELDS_STATUS;
        break;
    case H2_FIELDS_TRAILERS:
        break;
    }
    return (scan->pseudo & needed) == needed
               ? NULL
               : "a required pseudo-header field is missing";
}

struct h2_fields h2_fields_check(const struct hpack_block *block,
                                 enum h2_fields_role role)
{
    struct h2_fields out = {.content_length = -1};
    struct fields_scan scan = {.role = role, .out = &out};
    for (size_t i = 0; i < block->count; i++) {
        out.fault = fields_one(&scan, &block->fields[i]);
        if (out.fault != NULL) {
            return out;
        }
    }
    if (!block->over_limit) {
        out.fault = fields_missing(&scan);
    }
    return out;
}
