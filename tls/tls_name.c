// SPDX-License-Identifier: MIT

#include "tls/tls_name.h"

#include <string.h>

#include "base/view.h"

enum {
    TLS_NAME_HOST_BYTES = 253, // of a DNS name (RFC 1035 section 2.3.4)
    TLS_NAME_LABEL_BYTES = 63,
    TLS_NAME_IP4 = 4,
    TLS_NAME_IP6 = 16,
    TLS_NAME_TRUST_DOMAIN_BYTES = 255,
};

// ---- Addresses --------------------------------------------------------------

// tls_name_ip4 reads four numbers, in decimal and without zeros in front.
static bool tls_name_ip4(struct view text, uint8_t address[TLS_NAME_IP4])
{
    for (size_t i = 0; i < TLS_NAME_IP4; i++) {
        unsigned value = 0;
        size_t digits = 0;
        while (digits < text.size && digits < 3 && text.data[digits] >= '0' &&
               text.data[digits] <= '9') {
            value = value * 10 + (unsigned)(text.data[digits++] - '0');
        }
        if (digits == 0 || value > 255 || (digits > 1 && text.data[0] == '0')) {
            return false;
        }
        address[i] = (uint8_t)value;
        text = view_skip(text, digits);
        if (i + 1 < TLS_NAME_IP4) {
            if (text.size == 0 || text.data[0] != '.') {
                return false;
            }
            text = view_skip(text, 1);
        }
    }
    return text.size == 0;
}

static int tls_name_hex(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// tls_name_group takes one group of an IPv6 address, 1 to 4 digits.
static bool tls_name_group(struct view *text, uint8_t group[2])
{
    unsigned value = 0;
    size_t digits = 0;
    while (digits < text->size && digits < 4 &&
           tls_name_hex(text->data[digits]) >= 0) {
        value = value << 4 | (unsigned)tls_name_hex(text->data[digits++]);
    }
    group[0] = (uint8_t)(value >> 8);
    group[1] = (uint8_t)value;
    *text = view_skip(*text, digits);
    return digits > 0;
}

// What of an IPv6 address has been read.
struct tls_name_groups {
    uint8_t bytes[TLS_NAME_IP6];
    size_t size;
    size_t gap; // where "::" stood
    bool has_gap;
};

// tls_name_take_part takes a group, or the IPv4 address that may stand in the
// place of the last two.
static bool tls_name_take_part(struct tls_name_groups *groups,
                               struct view *text)
{
    if (groups->size + TLS_NAME_IP4 <= TLS_NAME_IP6 &&
        tls_name_ip4(*text, groups->bytes + groups->size)) {
        groups->size += TLS_NAME_IP4;
        *text = view_skip(*text, text->size);
        return true;
    }
    if (groups->size + 2 > TLS_NAME_IP6 ||
        !tls_name_group(text, groups->bytes + groups->size)) {
        return false;
    }
    groups->size += 2;
    return true;
}

// tls_name_take_gap takes "::", once.
static bool tls_name_take_gap(struct tls_name_groups *groups, struct view *text)
{
    if (groups->has_gap || !VIEW_STARTS(*text, "::")) {
        return false;
    }
    groups->has_gap = true;
    groups->gap = groups->size;
    *text = view_skip(*text, 2);
    return true;
}

// tls_name_spread puts zeros where the gap was.
static bool tls_name_spread(const struct tls_name_groups *groups,
                            uint8_t address[TLS_NAME_IP6])
{
    if (groups->has_gap ? groups->size > TLS_NAME_IP6 - 2
                        : groups->size != TLS_NAME_IP6) {
        return false;
    }
    size_t head = groups->has_gap ? groups->gap : groups->size;
    size_t tail = groups->size - head;
    memset(address, 0, TLS_NAME_IP6);
    memcpy(address, groups->bytes, head);
    memcpy(address + TLS_NAME_IP6 - tail, groups->bytes + head, tail);
    return true;
}

static bool tls_name_ip6(struct view text, uint8_t address[TLS_NAME_IP6])
{
    struct tls_name_groups groups = {.size = 0};
    (void)tls_name_take_gap(&groups, &text);
    while (text.size > 0) {
        if (!tls_name_take_part(&groups, &text)) {
            return false;
        }
        if (text.size > 0 && !tls_name_take_gap(&groups, &text)) {
            if (text.data[0] != ':' || text.size == 1) {
                return false;
            }
            text = view_skip(text, 1);
        }
    }
    return tls_name_spread(&groups, address);
}

// tls_name_bare takes brackets away.
static struct view tls_name_bare(const char *host)
{
    struct view text = view_of(host, strlen(host));
    if (text.size >= 2 && text.data[0] == '[' &&
        text.data[text.size - 1] == ']') {
        text = view_of(host + 1, text.size - 2);
    }
    return text;
}

size_t tls_name_address(const char *host,
                        uint8_t address[TLS_NAME_ADDRESS_BYTES])
{
    struct view text = tls_name_bare(host);
    if (text.size == strlen(host) && tls_name_ip4(text, address)) {
        return TLS_NAME_IP4;
    }
    return tls_name_ip6(text, address) ? TLS_NAME_IP6 : 0;
}

bool tls_name_is_address(const char *host)
{
    // No DNS name has a colon.
    uint8_t address[TLS_NAME_ADDRESS_BYTES];
    return tls_name_address(host, address) > 0 || strchr(host, ':') != NULL;
}

// ---- Names of hosts ---------------------------------------------------------

static struct view tls_name_without_dot(struct view name)
{
    bool has_dot = name.size > 0 && name.data[name.size - 1] == '.';
    return view_of(name.data, name.size - (has_dot ? 1 : 0));
}

// tls_name_label is the size of the first label.
static size_t tls_name_label(struct view name)
{
    const uint8_t *dot =
        name.size == 0 ? NULL : memchr(name.data, '.', name.size);
    return dot == NULL ? name.size : (size_t)(dot - name.data);
}

// tls_name_is_host is true for what a host can be called: labels of letters,
// digits, - and _.
static bool tls_name_is_host(struct view name)
{
    if (name.size == 0 || name.size > TLS_NAME_HOST_BYTES) {
        return false;
    }
    for (;;) {
        size_t label = tls_name_label(name);
        if (label == 0 || label > TLS_NAME_LABEL_BYTES) {
            return false;
        }
        for (size_t i = 0; i < label; i++) {
            uint8_t c = view_lower(name.data[i]);
            if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_')) {
                return false;
            }
        }
        if (label == name.size) {
            return true;
        }
        name = view_skip(name, label + 1);
    }
}

// tls_name_behind_label is what stands behind the first label and its dot.
static struct view tls_name_behind_label(struct view name)
{
    size_t label = tls_name_label(name);
    return view_skip(name, label < name.size ? label + 1 : label);
}

// tls_name_dns_fits: a * stands for one label, and behind it there are two at
// least: nobody has every name below "com".
static tls_name_fit tls_name_dns_fits(struct view pattern, struct view host)
{
    pattern = tls_name_without_dot(pattern);
    if (!VIEW_STARTS(pattern, "*.")) {
        return tls_name_is_host(pattern) && view_equal_names(pattern, host)
                   ? TLS_NAME_WHOLE
                   : TLS_NAME_OTHER;
    }
    struct view rest = view_skip(pattern, 2);
    return tls_name_is_host(rest) && tls_name_label(rest) < rest.size &&
                   view_equal_names(rest, tls_name_behind_label(host))
               ? TLS_NAME_WILDCARD
               : TLS_NAME_OTHER;
}

static tls_name_fit tls_name_host_fits(const grpc_tls_name *names, size_t count,
                                       struct view host)
{
    tls_name_fit best = TLS_NAME_OTHER;
    host = tls_name_without_dot(host);
    if (!tls_name_is_host(host)) {
        return TLS_NAME_OTHER;
    }
    for (size_t i = 0; best != TLS_NAME_WHOLE && i < count; i++) {
        if (names[i].type == GRPC_NAME_DNS) {
            tls_name_fit fit = tls_name_dns_fits(
                view_of(names[i].value.data, names[i].value.size), host);
            best = fit > best ? fit : best;
        }
    }
    return best;
}

tls_name_fit tls_name_fits(const grpc_tls_name *names, size_t count,
                           const char *host)
{
    uint8_t address[TLS_NAME_ADDRESS_BYTES];
    size_t size = tls_name_address(host, address);
    if (size == 0) {
        return tls_name_host_fits(names, count, view_of(host, strlen(host)));
    }
    bool found = false;
    for (size_t i = 0; !found && i < count; i++) {
        found = names[i].type == GRPC_NAME_ADDRESS &&
                view_equal(view_of(names[i].value.data, names[i].value.size),
                           view_of(address, size));
    }
    return found ? TLS_NAME_WHOLE : TLS_NAME_OTHER;
}

bool tls_name_matches(const grpc_tls_name *names, size_t count,
                      const char *host)
{
    return tls_name_fits(names, count, host) != TLS_NAME_OTHER;
}

// ---- SPIFFE -----------------------------------------------------------------

// tls_name_all: every byte is a lower-case letter, a digit, or one of more;
// with upper, an upper-case letter too.
static bool tls_name_all(struct view text, const char *more, bool upper)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                    (upper && c >= 'A' && c <= 'Z') ||
                    (c != '\0' && strchr(more, c) != NULL);
        if (!good) {
            return false;
        }
    }
    return true;
}

// tls_name_is_path: segments behind a slash each, none empty, "." or "..".
static bool tls_name_is_path(struct view path)
{
    while (path.size > 0) {
        path = view_skip(path, 1);
        const uint8_t *slash =
            path.size == 0 ? NULL : memchr(path.data, '/', path.size);
        size_t size = slash == NULL ? path.size : (size_t)(slash - path.data);
        struct view segment = view_of(path.data, size);
        if (size == 0 || VIEW_IS(segment, ".") || VIEW_IS(segment, "..") ||
            !tls_name_all(segment, "-._", true)) {
            return false;
        }
        path = view_skip(path, size);
    }
    return true;
}

// tls_name_is_spiffe: only the scheme's letters may be of either case; anything
// that could be user, port, query or fragment has a byte that is not allowed.
static bool tls_name_is_spiffe(struct view uri)
{
    static const char tls_name_scheme[] = "spiffe://";
    enum { SCHEME = sizeof tls_name_scheme - 1 };
    if (uri.size <= SCHEME || uri.size > TLS_NAME_SPIFFE_BYTES ||
        !view_equal_names(view_of(uri.data, SCHEME),
                          view_of(tls_name_scheme, SCHEME))) {
        return false;
    }
    uri = view_skip(uri, SCHEME);
    const uint8_t *slash = memchr(uri.data, '/', uri.size);
    size_t size = slash == NULL ? uri.size : (size_t)(slash - uri.data);
    return size > 0 && size <= TLS_NAME_TRUST_DOMAIN_BYTES &&
           tls_name_all(view_of(uri.data, size), "-._", false) &&
           tls_name_is_path(view_skip(uri, size));
}

bool tls_name_spiffe(const grpc_tls_name *names, size_t count, grpc_str *id)
{
    const grpc_tls_name *uri = NULL;
    size_t uris = 0;
    for (size_t i = 0; i < count; i++) {
        if (names[i].type == GRPC_NAME_URI) {
            uri = &names[i];
            uris++;
        }
    }
    if (uris != 1 ||
        !tls_name_is_spiffe(view_of(uri->value.data, uri->value.size))) {
        return false;
    }
    *id = uri->value;
    return true;
}
