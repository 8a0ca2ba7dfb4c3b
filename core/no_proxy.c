// SPDX-License-Identifier: MIT

#include "core/no_proxy.h"

#include <string.h>

#include "base/view.h"
#include "loop/loop_socket.h"

enum {
    NO_PROXY_IP = 16,      // bytes of an address; IPv4 is mapped into IPv6
    NO_PROXY_IP_TEXT = 64, // no address that is written longer is one
    NO_PROXY_MAPPED = 12,  // bytes before an IPv4 address
};

// What is asked for.
struct no_proxy_host {
    struct view name;
    bool is_ip;
    uint8_t ip[NO_PROXY_IP];
    struct view port;
};

static bool no_proxy_is_ip4(const uint8_t ip[NO_PROXY_IP])
{
    static const uint8_t no_proxy_mapped[NO_PROXY_MAPPED] = {
        [10] = 0xff,
        [11] = 0xff,
    };
    return memcmp(ip, no_proxy_mapped, NO_PROXY_MAPPED) == 0;
}

static bool no_proxy_is_loopback(const uint8_t ip[NO_PROXY_IP])
{
    static const uint8_t no_proxy_loopback[NO_PROXY_IP] = {[15] = 1};
    return no_proxy_is_ip4(ip)
               ? ip[NO_PROXY_MAPPED] == 127
               : memcmp(ip, no_proxy_loopback, NO_PROXY_IP) == 0;
}

// no_proxy_parse_ip reads an address without a zone.
static bool no_proxy_parse_ip(struct view text, uint8_t ip[NO_PROXY_IP])
{
    char copy[NO_PROXY_IP_TEXT];
    struct socket_address address;
    if (text.size == 0 || text.size >= sizeof copy ||
        memchr(text.data, '%', text.size) != NULL ||
        memchr(text.data, '\0', text.size) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return socket_address_ip(&address, copy, 0) &&
           socket_address_bytes(&address, ip);
}

// no_proxy_digits reads the number of bits behind a slash.
static bool no_proxy_digits(struct view text, uint32_t *out_number)
{
    uint32_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || number > 128) {
            return false;
        }
        number = number * 10 + (uint32_t)(text.data[i] - '0');
    }
    *out_number = number;
    return text.size > 0;
}

// no_proxy_mask clears all but the first bits of an address.
static void no_proxy_mask(uint8_t ip[NO_PROXY_IP], uint32_t bits)
{
    for (uint32_t i = 0; i < NO_PROXY_IP; i++, bits -= bits < 8 ? bits : 8) {
        uint32_t kept = bits < 8 ? bits : 8;
        ip[i] &= (uint8_t)(0xff00u >> kept);
    }
}

// no_proxy_in_network is false too when the entry is no network.
static bool no_proxy_in_network(const struct no_proxy_host *host,
                                struct view entry, bool *out_is_network)
{
    const uint8_t *slash = memchr(entry.data, '/', entry.size);
    uint8_t network[NO_PROXY_IP];
    uint8_t ip[NO_PROXY_IP];
    uint32_t bits = 0;
    *out_is_network = false;
    if (slash == NULL) {
        return false;
    }
    size_t cut = (size_t)(slash - entry.data);
    struct view address = view_of(entry.data, cut);
    if (!no_proxy_parse_ip(address, network) ||
        !no_proxy_digits(view_skip(entry, cut + 1), &bits)) {
        return false;
    }
    // An IPv4 address counts its own bits, and one that is written as IPv6 all.
    bool is_short = memchr(address.data, ':', address.size) == NULL;
    if (bits > (is_short ? 32u : 128u)) {
        return false;
    }
    *out_is_network = true;
    if (!host->is_ip) {
        return false;
    }
    bits += is_short ? 8 * NO_PROXY_MAPPED : 0;
    memcpy(ip, host->ip, sizeof ip);
    no_proxy_mask(ip, bits);
    no_proxy_mask(network, bits);
    // No IPv4 address is in a network of IPv6, be it that of all addresses.
    return no_proxy_is_ip4(host->ip) == no_proxy_is_ip4(network) &&
           memcmp(ip, network, sizeof ip) == 0;
}

// no_proxy_split takes the port off an entry "host:port" or "[host]:port". What
// is neither stays as it is: it may be an IPv6 address.
static struct view no_proxy_split(struct view entry, struct view *out_port)
{
    struct view host = entry;
    size_t colon = entry.size;
    while (colon > 0 && entry.data[colon - 1] != ':') {
        colon--;
    }
    *out_port = view_of(NULL, 0);
    if (colon == 0) {
        return entry;
    }
    host.size = colon - 1;
    if (host.size > 0 && host.data[0] == '[') {
        if (host.data[host.size - 1] != ']') {
            return entry;
        }
        host = view_of(host.data + 1, host.size - 2);
    } else if (memchr(host.data, ':', host.size) != NULL) {
        return entry;
    }
    *out_port = view_skip(entry, colon);
    // (Brackets elsewhere are in no name and in no address.)
    return host;
}

static bool no_proxy_ends_with(struct view name, struct view end)
{
    return name.size >= end.size &&
           view_equal_names(view_skip(name, name.size - end.size), end);
}

// no_proxy_below: the host is below that domain, or is it, where it has no dot
// in front.
static bool no_proxy_below(struct view name, struct view domain)
{
    if (VIEW_STARTS(domain, "*.")) {
        domain = view_skip(domain, 1);
    }
    if (!no_proxy_ends_with(name, domain)) {
        return false;
    }
    size_t before = name.size - domain.size;
    return domain.data[0] == '.' || before == 0 || name.data[before - 1] == '.';
}

static bool no_proxy_entry_covers(struct view entry,
                                  const struct no_proxy_host *host)
{
    bool is_network = false;
    struct view port;
    uint8_t ip[NO_PROXY_IP];
    if (VIEW_IS(entry, "*") || no_proxy_in_network(host, entry, &is_network)) {
        return true;
    }
    struct view name = no_proxy_split(entry, &port);
    if (is_network || name.size == 0 ||
        (port.size > 0 && !view_equal(port, host->port))) {
        return false;
    }
    if (no_proxy_parse_ip(name, ip)) {
        return host->is_ip && memcmp(ip, host->ip, sizeof ip) == 0;
    }
    return !host->is_ip && no_proxy_below(host->name, name);
}

static bool no_proxy_is_space(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static struct view no_proxy_trim(struct view text)
{
    while (text.size > 0 && no_proxy_is_space(text.data[0])) {
        text = view_skip(text, 1);
    }
    while (text.size > 0 && no_proxy_is_space(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

bool no_proxy_covers(const char *list, const char *host, const char *port)
{
    struct no_proxy_host asked = {
        .name = view_of(host, strlen(host)),
        .port = view_of(port, strlen(port)),
    };
    struct socket_address address;
    asked.is_ip = socket_address_ip(&address, host, 0) &&
                  socket_address_bytes(&address, asked.ip);
    if (VIEW_IS(asked.name, "localhost") ||
        (asked.is_ip && no_proxy_is_loopback(asked.ip))) {
        return true;
    }
    struct view rest = view_of(list, list == NULL ? 0 : strlen(list));
    while (rest.size > 0) {
        const uint8_t *comma = memchr(rest.data, ',', rest.size);
        size_t size = comma == NULL ? rest.size : (size_t)(comma - rest.data);
        struct view entry = no_proxy_trim(view_of(rest.data, size));
        if (entry.size > 0 && no_proxy_entry_covers(entry, &asked)) {
            return true;
        }
        rest = view_skip(rest, comma == NULL ? size : size + 1);
    }
    return false;
}
