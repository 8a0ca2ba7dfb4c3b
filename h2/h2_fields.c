// SPDX-License-Identifier: MIT

#include "h2/h2_fields.h"

#include "base/endian.h"
#include "h2/h2.h"

// Pseudo-header fields, as bits of a set.
enum {
    FIELDS_AUTHORITY = 1 << 0,
    FIELDS_METHOD = 1 << 1,
    FIELDS_PATH = 1 << 2,
    FIELDS_SCHEME = 1 << 3,
    FIELDS_STATUS = 1 << 4,
    FIELDS_CONNECT = 1 << 5, // not a field: the method is CONNECT
    FIELDS_FRONT = 1 << 6,   // not a field: no regular field has come yet
    FIELDS_OF_REQUEST =
        FIELDS_AUTHORITY | FIELDS_METHOD | FIELDS_PATH | FIELDS_SCHEME,
};

enum { FIELDS_LENGTH_DIGITS = 18 }; // of content-length: fits int64_t

// Rows 1 to 7 of the static table, one bit each: pseudo-header fields of which
// the value is valid and tells nothing more.
static const uint64_t fields_known_rows = 0xfe;

// By index of the static table: which pseudo-header field has that name.
static const uint8_t fields_pseudo_bits[HPACK_STATIC_COUNT + 1] = {
    [HPACK_STATIC_AUTHORITY] = FIELDS_AUTHORITY,
    [HPACK_STATIC_METHOD] = FIELDS_METHOD,
    [HPACK_STATIC_PATH] = FIELDS_PATH,
    [HPACK_STATIC_SCHEME] = FIELDS_SCHEME,
    [HPACK_STATIC_STATUS] = FIELDS_STATUS,
};

// Likewise: what may still come behind a field of that name.
static const uint8_t fields_leaves_open[HPACK_STATIC_COUNT + 1] = {
    [HPACK_STATIC_AUTHORITY] = 0xff & ~FIELDS_AUTHORITY,
    [HPACK_STATIC_METHOD] = 0xff & ~FIELDS_METHOD,
    [HPACK_STATIC_PATH] = 0xff & ~FIELDS_PATH,
    [HPACK_STATIC_SCHEME] = 0xff & ~FIELDS_SCHEME,
    [HPACK_STATIC_STATUS] = 0xff & ~FIELDS_STATUS,
};

static const uint8_t fields_allowed[] = {
    [H2_FIELDS_REQUEST] = FIELDS_OF_REQUEST,
    [H2_FIELDS_REQUEST_TRAILERS] = 0,
    [H2_FIELDS_RESPONSE] = FIELDS_STATUS,
    [H2_FIELDS_RESPONSE_TRAILERS] = 0,
};

// Characters of a name: those of a token (RFC 9110 section 5.6.2) without
// upper case, one bit each, from 0x00 up.
static const uint32_t fields_name_chars[8] = {
    0, 0x03ff6cfa, 0xc0000000, 0x57ffffff, 0, 0, 0, 0,
};

// What is gathered on the way through a block.
struct fields_scan {
    enum h2_fields_role role;
    uint8_t seen; // pseudo-header fields
    uint8_t open; // those that may still come, and FIELDS_FRONT
    struct h2_fields *out;
};

static inline bool fields_is_name_char(uint8_t c)
{
    return (fields_name_chars[c >> 5] & (uint32_t)1 << (c & 31)) != 0;
}

static bool fields_name_is_token(struct view name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (!fields_is_name_char(name.data[i])) {
            return false;
        }
    }
    return name.size > 0;
}

static bool fields_is_forbidden(uint8_t c)
{
    return c == '\0' || c == '\r' || c == '\n';
}

static bool fields_has_around(struct view value, uint8_t c)
{
    return value.size > 0 &&
           (value.data[0] == c || value.data[value.size - 1] == c);
}

// fields_has_low is not 0 exactly if one of the 8 bytes of word is at most
// '\r': the lowest such byte, and no byte below it, gets a top bit that it did
// not have by the subtraction.
static inline uint64_t fields_has_low(uint64_t word)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    return (word - each * ('\r' + 1)) & ~word & each * 0x80;
}

// fields_may_be_dirty: a byte of the value is at most '\r'. Eight at a time.
static inline bool fields_may_be_dirty(struct view value)
{
    if (value.size < sizeof(uint64_t)) {
        return true; // too short to be worth a look
    }
    const uint8_t *last = value.data + value.size - sizeof(uint64_t);
    uint64_t low = fields_has_low(load_le64(last));
    for (const uint8_t *at = value.data; at < last; at += sizeof(uint64_t)) {
        low |= fields_has_low(load_le64(at));
    }
    return low != 0;
}

static bool fields_value_is_clean(struct view value)
{
    if (LIKELY(!fields_may_be_dirty(value))) {
        return true;
    }
    for (size_t i = 0; i < value.size; i++) {
        if (UNLIKELY(fields_is_forbidden(value.data[i]))) {
            return false;
        }
    }
    return true;
}

// ---- Pseudo-header fields (8.3) ---------------------------------------------

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

static bool fields_is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

// Characters of a method are those of a token.
static bool fields_is_method(struct view value)
{
    for (size_t i = 0; i < value.size; i++) {
        uint8_t c = value.data[i];
        if (!fields_is_name_char(c) && !fields_is_upper(c)) {
            return false;
        }
    }
    return true;
}

// RFC 3986 section 3.1: a letter, then letters, digits and "+-.".
static bool fields_is_scheme(struct view value)
{
    for (size_t i = 0; i < value.size; i++) {
        uint8_t c = value.data[i];
        bool letter = (c >= 'a' && c <= 'z') || fields_is_upper(c);
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!letter && (i == 0 || !other)) {
            return false;
        }
    }
    return true;
}

// Neither a path nor an authority has spaces or controls.
static bool fields_is_visible(struct view value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] <= ' ' || value.data[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool fields_pseudo_is_valid(uint8_t bit, struct view value)
{
    switch (bit) {
    case FIELDS_METHOD:
        return fields_is_method(value);
    case FIELDS_SCHEME:
        return fields_is_scheme(value);
    default:
        return fields_is_visible(value);
    }
}

static const char *fields_pseudo_value(struct fields_scan *scan, uint8_t bit,
                                       struct view value)
{
    if (bit == FIELDS_STATUS) {
        scan->out->status = fields_status(value);
        return scan->out->status == 0 ? ":status is not a status" : NULL;
    }
    if (bit == FIELDS_METHOD && VIEW_IS(value, "CONNECT")) {
        scan->seen |= FIELDS_CONNECT;
    }
    if (!fields_pseudo_is_valid(bit, value)) {
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

// fields_misplaced is why that pseudo-header field may not stand here.
static const char *fields_misplaced(const struct fields_scan *scan, uint8_t bit)
{
    if ((bit & fields_allowed[scan->role]) == 0) {
        return "pseudo-header field that does not belong here";
    }
    return (scan->open & FIELDS_FRONT) == 0
               ? "pseudo-header field after a regular one"
               : "pseudo-header field given twice";
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

static bool fields_is_request(enum h2_fields_role role)
{
    return role == H2_FIELDS_REQUEST || role == H2_FIELDS_REQUEST_TRAILERS;
}

// fields_of_connection: the field is for one HTTP/1.1 hop (8.2.2). A client
// may say that it takes trailers. (A table has the fields of one side alone,
// so what was valid once is so again.)
static bool fields_of_connection(enum h2_fields_role role, struct view name,
                                 struct view value)
{
    switch (name.size) {
    case 2:
        return view_equal(name, VIEW("te")) &&
               !(fields_is_request(role) &&
                 view_equal(value, VIEW("trailers")));
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

// fields_is_strict: HTTP itself acts on the value.
static bool fields_is_strict(struct view name)
{
    return VIEW_IS(name, "te") || VIEW_IS(name, "host") ||
           VIEW_IS(name, "content-type") || VIEW_IS(name, "content-encoding");
}

// fields_is_padded: a value may not begin or end like that (8.2.1). Spaces are
// let pass where they do no harm: grpc-go and Google's C core send metadata and
// the message of a status with those that the user has put there, and to be
// strict would cost the call. Core strips them.
static bool fields_is_padded(const struct hpack_field *field)
{
    return fields_has_around(field->value, '\t') ||
           (UNLIKELY(fields_has_around(field->value, ' ')) &&
            fields_is_strict(field->name));
}

static const char *fields_regular(struct fields_scan *scan,
                                  const struct hpack_field *field)
{
    if (field->static_name == HPACK_STATIC_CONTENT_LENGTH) {
        return fields_content_length(scan, field->value);
    }
    if (field->name.size > 0 && field->name.data[0] == ':') {
        return "pseudo-header field that does not belong here";
    }
    if (field->static_name == 0 && !fields_name_is_token(field->name)) {
        return "field name with a forbidden character";
    }
    if (!fields_value_is_clean(field->value) || fields_is_padded(field)) {
        return "field value with a forbidden character";
    }
    return fields_of_connection(scan->role, field->name, field->value)
               ? "field that only HTTP/1.1 has"
               : NULL;
}

// ---- The whole block --------------------------------------------------------

// fields_keeps: nothing but being valid comes from this field, so that another
// time it need not be looked at.
static bool fields_keeps(const struct hpack_field *field, uint8_t bit)
{
    return bit != FIELDS_STATUS && bit != FIELDS_METHOD &&
           field->static_name != HPACK_STATIC_CONTENT_LENGTH;
}

// fields_value looks at a field that is not known to be valid.
static const char *fields_value(struct fields_scan *scan,
                                const struct hpack_field *field, uint8_t bit)
{
    const char *fault = bit != 0 ? fields_pseudo_value(scan, bit, field->value)
                                 : fields_regular(scan, field);
    if (fault == NULL && field->memo != NULL && fields_keeps(field, bit)) {
        *field->memo |= H2_MEMO_VALID;
    }
    return fault;
}

// fields_is_known: the field is valid, and that is all that it tells.
static inline bool fields_is_known(const struct hpack_field *field)
{
    if (field->memo != NULL) {
        return (*field->memo & H2_MEMO_VALID) != 0;
    }
    return fields_known_rows >> field->static_row & 1;
}

static inline const char *fields_one(struct fields_scan *scan,
                                     const struct hpack_field *field)
{
    uint8_t bit = fields_pseudo_bits[field->static_name];
    if (UNLIKELY((bit & ~scan->open) != 0)) {
        return fields_misplaced(scan, bit);
    }
    scan->seen |= bit;
    scan->open &= fields_leaves_open[field->static_name];
    return LIKELY(fields_is_known(field)) ? NULL
                                          : fields_value(scan, field, bit);
}

// fields_connect is what a CONNECT request lacks, or has too many (8.5).
static const char *fields_connect(const struct fields_scan *scan,
                                  const struct hpack_block *block)
{
    bool whole =
        (scan->seen & FIELDS_OF_REQUEST) == (FIELDS_METHOD | FIELDS_AUTHORITY);
    for (size_t i = 0; i < block->count; i++) {
        const struct hpack_field *field = &block->fields[i];
        if (field->static_name == HPACK_STATIC_AUTHORITY &&
            field->value.size == 0) {
            whole = false;
        }
    }
    return whole ? NULL
                 : "CONNECT takes :authority and neither :scheme nor :path";
}

static const char *fields_missing(const struct fields_scan *scan,
                                  const struct hpack_block *block)
{
    uint8_t needed = 0;
    switch (scan->role) {
    case H2_FIELDS_REQUEST:
        if ((scan->seen & FIELDS_CONNECT) != 0) {
            return fields_connect(scan, block);
        }
        needed = FIELDS_METHOD | FIELDS_SCHEME | FIELDS_PATH;
        break;
    case H2_FIELDS_RESPONSE:
        needed = FIELDS_STATUS;
        break;
    case H2_FIELDS_REQUEST_TRAILERS:
    case H2_FIELDS_RESPONSE_TRAILERS:
        break;
    }
    return (scan->seen & needed) == needed
               ? NULL
               : "a required pseudo-header field is missing";
}

struct h2_fields h2_fields_check(const struct hpack_block *block,
                                 enum h2_fields_role role)
{
    struct h2_fields out = {.content_length = -1};
    struct fields_scan scan = {
        .role = role, .open = fields_allowed[role] | FIELDS_FRONT, .out = &out};
    for (size_t i = 0; i < block->count; i++) {
        out.fault = fields_one(&scan, &block->fields[i]);
        if (out.fault != NULL) {
            return out;
        }
    }
    // What is over the limit may be what is missing; but a status comes first,
    // and no limit is below it.
    if (!block->over_limit || role == H2_FIELDS_RESPONSE) {
        out.fault = fields_missing(&scan, block);
    }
    return out;
}
