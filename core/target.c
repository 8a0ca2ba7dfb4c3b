// SPDX-License-Identifier: MIT

#include "core/target.h"

#include <string.h>

static bool target_fail(const char **reason, const char *text)
{
    *reason = text;
    return false;
}

// target_add takes one more address.
static bool target_add(struct target *target,
                       const struct socket_address *address,
                       const char **reason)
{
    if (target->count == TARGET_ADDRESS_MAX) {
        return target_fail(reason, "more than 16 addresses");
    }
    target->addresses[target->count++] = *address;
    return true;
}

// target_parse_number reads decimal digits, and no more of them than most has.
static bool target_parse_number(struct view text, uint32_t most,
                                uint32_t *out_number)
{
    size_t digits = most > 65535 ? 10 : 5;
    if (text.size == 0 || text.size > digits) {
        return false;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (number > most) {
        return false;
    }
    *out_number = (uint32_t)number;
    return true;
}

static bool target_parse_port(struct view text, uint16_t *out_port)
{
    uint32_t port = 0;
    if (!target_parse_number(text, 65535, &port)) {
        return false;
    }
    *out_port = (uint16_t)port;
    return true;
}

// A host and a port as they stand in a string.
struct target_host {
    char text[LOOKUP_HOST_MAX + 1]; // without brackets
    bool bracketed;
    bool has_port;
    uint16_t port;
};

// target_cut is where the host of "host:port" or "[host]:port" ends; SIZE_MAX
// when the brackets do not match.
static size_t target_cut(struct view text, bool bracketed)
{
    if (bracketed) {
        const uint8_t *close = memchr(text.data, ']', text.size);
        return close == NULL ? SIZE_MAX : (size_t)(close - text.data) + 1;
    }
    const uint8_t *colon =
        text.size == 0 ? NULL : memchr(text.data, ':', text.size);
    return colon == NULL ? text.size : (size_t)(colon - text.data);
}

static bool target_split(struct view text, struct target_host *host,
                         const char **reason)
{
    memset(host, 0, sizeof *host);
    host->bracketed = text.size > 0 && text.data[0] == '[';
    size_t cut = target_cut(text, host->bracketed);
    if (cut == SIZE_MAX) {
        return target_fail(reason, "'[' without ']'");
    }
    struct view name = view_of(text.data, cut);
    struct view rest = view_skip(text, cut);
    if (host->bracketed) {
        name = view_of(name.data + 1, name.size - 2);
    } else if (rest.size > 1 && memchr(rest.data + 1, ':', rest.size - 1)) {
        // More than one colon and no brackets: an IPv6 address alone.
        name = text;
        rest = view_skip(text, text.size);
    }
    if (name.size > LOOKUP_HOST_MAX) {
        return target_fail(reason, "the host is longer than 255 bytes");
    }
    memcpy(host->text, name.data, name.size);
    if (rest.size == 0) {
        return true;
    }
    host->has_port = true;
    if (rest.data[0] != ':' ||
        !target_parse_port(view_skip(rest, 1), &host->port)) {
        return target_fail(reason, "the port is not a number up to 65535");
    }
    return true;
}

// target_is_name: letters, digits, '-', '.', '_': what a resolver may be asked.
static bool target_is_name(const char *host)
{
    for (const char *p = host; *p != '\0'; p++) {
        bool is_letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
        bool is_digit = *p >= '0' && *p <= '9';
        if (!is_letter && !is_digit && *p != '-' && *p != '.' && *p != '_') {
            return false;
        }
    }
    return host[0] != '\0';
}

static bool target_add_ip(struct target *target, const char *host,
                          uint16_t port, const char **reason)
{
    struct socket_address address;
    if (!socket_address_ip(&address, host, port)) {
        return target_fail(reason, "not a numeric address");
    }
    return target_add(target, &address, reason);
}

// target_add_both takes the IPv6 and the IPv4 form of localhost or of "every
// address". IPv6 first, as resolvers order them.
static bool target_add_both(struct target *target, const char *ipv6,
                            const char *ipv4, uint16_t port,
                            const char **reason)
{
    return target_add_ip(target, ipv6, port, reason) &&
           target_add_ip(target, ipv4, port, reason);
}

static bool target_parse_unix(struct target *target, struct view path,
                              bool abstract, const char **reason)
{
    if (!abstract && view_starts_with(path, VIEW("//"))) {
        // unix:///path has an empty authority; no other is known.
        path = view_skip(path, 2);
        if (path.size == 0 || path.data[0] != '/') {
            return target_fail(reason, "unix:// wants an absolute path");
        }
    }
    struct socket_address address;
    if (path.size == 0 || !socket_address_unix(&address, path, abstract)) {
        return target_fail(reason, "the unix socket's name is empty, too long,"
                                   " or not known to this system");
    }
    memcpy(target->authority, "localhost", sizeof "localhost");
    return target_add(target, &address, reason);
}

// target_parse_cid: the number that is no machine's stands for any of the own
// ones of a server, and is written "*" or, as the number is in 32 bits, "-1".
static bool target_parse_cid(struct view text, bool listen, uint32_t *out_cid)
{
    if (listen && (VIEW_IS(text, "*") || VIEW_IS(text, "-1"))) {
        *out_cid = SOCKET_CID_ANY;
        return true;
    }
    return target_parse_number(text, SOCKET_CID_ANY - 1, out_cid);
}

// target_parse_vsock takes no port that lets the system choose: nobody could be
// told which it was, for it has 32 bits.
static bool target_parse_vsock(struct target *target, struct view text,
                               bool listen, const char **reason)
{
    const uint8_t *colon =
        text.size == 0 ? NULL : memchr(text.data, ':', text.size);
    size_t cut = colon == NULL ? text.size : (size_t)(colon - text.data);
    uint32_t cid = 0;
    uint32_t port = 0;
    if (colon == NULL ||
        !target_parse_cid(view_of(text.data, cut), listen, &cid)) {
        return target_fail(reason, "vsock wants cid:port, and the cid is no "
                                   "number that a machine can have");
    }
    if (!target_parse_number(view_skip(text, cut + 1), UINT32_MAX - 1, &port) ||
        port == 0) {
        return target_fail(reason, "vsock wants cid:port, and the port is not "
                                   "a number from 1 to 4294967294");
    }
    struct socket_address address;
    if (!socket_address_vsock(&address, cid, port)) {
        return target_fail(reason, "this system has no vsock");
    }
    return target_add(target, &address, reason);
}

// target_set_authority copies what a client sends as :authority.
static bool target_set_authority(struct target *target, struct view text,
                                 const char **reason)
{
    if (text.size >= TARGET_AUTHORITY_MAX) {
        return target_fail(reason, "the host is longer than 255 bytes");
    }
    memcpy(target->authority, text.data, text.size);
    target->authority[text.size] = '\0';
    return true;
}

static bool target_parse_list(struct target *target, struct view list,
                              bool ipv6, const char **reason)
{
    if (!target_set_authority(target, view_of(list.data, 0), reason)) {
        return false;
    }
    for (;;) {
        const uint8_t *comma =
            list.size == 0 ? NULL : memchr(list.data, ',', list.size);
        size_t size = comma == NULL ? list.size : (size_t)(comma - list.data);
        struct view item = view_of(list.data, size);
        struct target_host host;
        if (!target_split(item, &host, reason)) {
            return false;
        }
        if (ipv6 != (strchr(host.text, ':') != NULL)) {
            return target_fail(reason, ipv6 ? "not an IPv6 address"
                                            : "not an IPv4 address");
        }
        uint16_t port = host.has_port ? host.port : TARGET_DEFAULT_PORT;
        if (!target_add_ip(target, host.text, port, reason)) {
            return false;
        }
        if (target->count == 1 && !target_set_authority(target, item, reason)) {
            return false;
        }
        if (comma == NULL) {
            return true;
        }
        list = view_skip(list, size + 1);
    }
}

static bool target_parse_host(struct target *target, struct view text,
                              const char **reason)
{
    struct target_host host;
    if (!target_split(text, &host, reason)) {
        return false;
    }
    uint16_t port = host.has_port ? host.port : TARGET_DEFAULT_PORT;
    target->port = port;
    if (!target_set_authority(target, text, reason)) {
        return false;
    }
    if (strcmp(host.text, "localhost") == 0) {
        return target_add_both(target, "::1", "127.0.0.1", port, reason);
    }
    struct socket_address address;
    if (socket_address_ip(&address, host.text, port)) {
        return target_add(target, &address, reason);
    }
    if (host.bracketed || !target_is_name(host.text)) {
        return target_fail(reason, "neither a host name nor an address");
    }
    memcpy(target->host, host.text, sizeof target->host);
    return true;
}

// What stands before the first colon, when that is a scheme.
enum target_scheme {
    TARGET_PLAIN,
    TARGET_DNS,
    TARGET_IPV4,
    TARGET_IPV6,
    TARGET_UNIX,
    TARGET_ABSTRACT,
    TARGET_VSOCK,
};

static const struct {
    const char *prefix;
    enum target_scheme scheme;
} target_schemes[] = {
    {"dns:", TARGET_DNS},   {"ipv4:", TARGET_IPV4},
    {"ipv6:", TARGET_IPV6}, {"unix-abstract:", TARGET_ABSTRACT},
    {"unix:", TARGET_UNIX}, {"vsock:", TARGET_VSOCK},
};

static enum target_scheme target_take_scheme(struct view *text)
{
    size_t count = sizeof target_schemes / sizeof target_schemes[0];
    for (size_t i = 0; i < count; i++) {
        struct view prefix =
            view_of(target_schemes[i].prefix, strlen(target_schemes[i].prefix));
        if (view_starts_with(*text, prefix)) {
            *text = view_skip(*text, prefix.size);
            return target_schemes[i].scheme;
        }
    }
    return TARGET_PLAIN;
}

static bool target_parse_dns(struct target *target, struct view text,
                             const char **reason)
{
    if (view_starts_with(text, VIEW("//"))) {
        text = view_skip(text, 2);
        if (text.size == 0 || text.data[0] != '/') {
            return target_fail(reason, "dns:// with a name server of its own "
                                       "is not supported; write dns:///host");
        }
        text = view_skip(text, 1);
    }
    return target_parse_host(target, text, reason);
}

bool target_parse(struct target *target, const char *text, const char **reason)
{
    memset(target, 0, sizeof *target);
    if (text == NULL || text[0] == '\0') {
        return target_fail(reason, "the target is empty");
    }
    struct view rest = view_of(text, strlen(text));
    switch (target_take_scheme(&rest)) {
    case TARGET_IPV4:
        return target_parse_list(target, rest, false, reason);
    case TARGET_IPV6:
        return target_parse_list(target, rest, true, reason);
    case TARGET_UNIX:
        return target_parse_unix(target, rest, false, reason);
    case TARGET_ABSTRACT:
        return target_parse_unix(target, rest, true, reason);
    case TARGET_VSOCK: // (as Google's C core has it)
        return target_set_authority(target, rest, reason) &&
               target_parse_vsock(target, rest, false, reason);
    case TARGET_DNS:
        return target_parse_dns(target, rest, reason);
    case TARGET_PLAIN:
        break;
    }
    return target_parse_host(target, rest, reason);
}

static bool target_parse_listen_host(struct target *target, struct view text,
                                     const char **reason)
{
    struct target_host host;
    if (!target_split(text, &host, reason)) {
        return false;
    }
    if (!host.has_port && !host.bracketed && strchr(host.text, ':') != NULL) {
        return target_fail(reason, "neither host:port nor [address]:port");
    }
    if (!host.has_port) {
        return target_fail(reason, "the port is missing");
    }
    target->port = host.port;
    if (host.text[0] == '\0' || strcmp(host.text, "*") == 0) {
        return target_add_both(target, "::", "0.0.0.0", host.port, reason);
    }
    if (strcmp(host.text, "localhost") == 0) {
        return target_add_both(target, "::1", "127.0.0.1", host.port, reason);
    }
    if (!target_add_ip(target, host.text, host.port, reason)) {
        return target_fail(reason, "a server listens on a numeric address, "
                                   "\"localhost\" or \"*\"");
    }
    return true;
}

bool target_parse_listen(struct target *target, const char *text,
                         const char **reason)
{
    memset(target, 0, sizeof *target);
    if (text == NULL || text[0] == '\0') {
        return target_fail(reason, "the address is empty");
    }
    struct view rest = view_of(text, strlen(text));
    switch (target_take_scheme(&rest)) {
    case TARGET_UNIX:
        return target_parse_unix(target, rest, false, reason);
    case TARGET_ABSTRACT:
        return target_parse_unix(target, rest, true, reason);
    case TARGET_VSOCK:
        return target_parse_vsock(target, rest, true, reason);
    case TARGET_IPV4:
    case TARGET_IPV6:
    case TARGET_DNS:
    case TARGET_PLAIN:
        break;
    }
    return target_parse_listen_host(target, rest, reason);
}
