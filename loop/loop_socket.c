// SPDX-License-Identifier: MIT

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "loop/loop_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"

_Static_assert(sizeof(struct sockaddr_un) <=
                   sizeof(((struct socket_address *)0)->storage),
               "the largest address fits");
_Static_assert(sizeof(struct sockaddr_in6) <=
                   sizeof(((struct socket_address *)0)->storage),
               "the largest address fits");

enum {
    SOCKET_VIEWS_MAX = 64, // of one write; every system takes that many
    SOCKET_PATH_OFFSET = offsetof(struct sockaddr_un, sun_path),
    SOCKET_PATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
    SOCKET_INPROC_SIZE = 1, // shorter than any family, longer than no address
};

// What the kernel takes as the address of a vsock: its own header, which has
// the same as struct sockaddr_vm, does not stand beside every libc.
#if defined(__linux__) && defined(AF_VSOCK)
# define SOCKET_HAS_VSOCK 1
struct socket_vsock {
    sa_family_t family;
    uint16_t reserved;
    uint32_t port; // these two in the byte order of the machine
    uint32_t cid;
    uint8_t zero[4];
};
_Static_assert(sizeof(struct socket_vsock) == sizeof(struct sockaddr),
               "the kernel's size");
#else
# define SOCKET_HAS_VSOCK 0
#endif

// Systems without MSG_NOSIGNAL have SO_NOSIGPIPE. macOS has both of late, and a
// program may run on a system that is older than its headers.
#if defined(MSG_NOSIGNAL)
# define SOCKET_SEND_FLAGS MSG_NOSIGNAL
#else
# define SOCKET_SEND_FLAGS 0
#endif

// Addresses.

static int socket_family(const struct socket_address *address)
{
    struct sockaddr head;
    size_t end = offsetof(struct sockaddr, sa_family) + sizeof head.sa_family;
    if (address->size < end) {
        return AF_UNSPEC;
    }
    memcpy(&head, address->storage.bytes, end);
    return head.sa_family;
}

static const struct sockaddr *socket_address_system(
    const struct socket_address *address)
{
    return (const struct sockaddr *)(const void *)&address->storage;
}

static void socket_address_set(struct socket_address *address,
                               const void *system, size_t size)
{
    memset(address, 0, sizeof *address);
    memcpy(address->storage.bytes, system, size);
    address->size = (uint32_t)size;
}

// socket_is_interface: letters, digits, '-', '.', '_'. Linux takes "lo:" with
// anything behind it for the interface lo, and the text of an address goes into
// header fields.
static bool socket_is_interface(const char *text)
{
    for (; *text != '\0'; text++) {
        bool is_letter =
            (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');
        bool is_digit = *text >= '0' && *text <= '9';
        if (!is_letter && !is_digit && strchr("-._", *text) == NULL) {
            return false;
        }
    }
    return true;
}

// socket_scope is the number of an interface that is given by name or number;
// 0 when there is no such interface.
static uint32_t socket_scope(const char *text)
{
    uint32_t scope = 0;
    const char *at = text;
    while (*at >= '0' && *at <= '9' && scope < UINT32_MAX / 10) {
        scope = scope * 10 + (uint32_t)(*at - '0');
        at++;
    }
    if (at != text && *at == '\0') {
        return scope;
    }
    return socket_is_interface(text) ? if_nametoindex(text) : 0;
}

static bool socket_address_ip6(struct socket_address *address, const char *host,
                               uint16_t port)
{
    char digits[INET6_ADDRSTRLEN];
    const char *percent = strchr(host, '%');
    size_t size = percent == NULL ? strlen(host) : (size_t)(percent - host);
    if (size >= sizeof digits) {
        return false;
    }
    memcpy(digits, host, size);
    digits[size] = '\0';
    struct sockaddr_in6 system = {
        .sin6_family = AF_INET6,
        .sin6_port = htons(port),
    };
    if (inet_pton(AF_INET6, digits, &system.sin6_addr) != 1) {
        return false;
    }
    if (percent != NULL) {
        system.sin6_scope_id = socket_scope(percent + 1);
        if (system.sin6_scope_id == 0) {
            return false;
        }
    }
    socket_address_set(address, &system, sizeof system);
    return true;
}

bool socket_address_ip(struct socket_address *address, const char *host,
                       uint16_t port)
{
    struct sockaddr_in system = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
    };
    if (inet_pton(AF_INET, host, &system.sin_addr) == 1) {
        socket_address_set(address, &system, sizeof system);
        return true;
    }
    return socket_address_ip6(address, host, port);
}

bool socket_address_unix(struct socket_address *address, struct view path,
                         bool abstract)
{
#if !defined(__linux__)
    if (abstract) {
        return false;
    }
#endif
    if (path.size == 0 || path.size > SOCKET_PATH_MAX) {
        return false;
    }
    if (!abstract && memchr(path.data, '\0', path.size) != NULL) {
        return false;
    }
    struct sockaddr_un system = {.sun_family = AF_UNIX};
    // An abstract name begins with a NUL, a path ends with one.
    memcpy(system.sun_path + (abstract ? 1 : 0), path.data, path.size);
    socket_address_set(address, &system, SOCKET_PATH_OFFSET + path.size + 1);
    return true;
}

void socket_address_inproc(struct socket_address *address)
{
    socket_address_set(address, "", SOCKET_INPROC_SIZE);
}

bool socket_address_is_inproc(const struct socket_address *address)
{
    return address->size == SOCKET_INPROC_SIZE;
}

bool socket_address_vsock(struct socket_address *address, uint32_t cid,
                          uint32_t port)
{
#if SOCKET_HAS_VSOCK
    struct socket_vsock system = {
        .family = AF_VSOCK,
        .port = port,
        .cid = cid,
    };
    socket_address_set(address, &system, sizeof system);
    return true;
#else
    (void)address;
    (void)cid;
    (void)port;
    return false;
#endif
}

static bool socket_address_is_vsock(const struct socket_address *address)
{
#if SOCKET_HAS_VSOCK
    return socket_family(address) == AF_VSOCK;
#else
    (void)address;
    return false;
#endif
}

// The text of an address is built piece by piece; what does not fit is cut.
struct socket_text {
    char *at;
    char *end; // where the NUL must be at the latest
};

static void socket_text_add(struct socket_text *text, const char *piece)
{
    while (*piece != '\0' && text->at < text->end) {
        *text->at++ = *piece++;
    }
    *text->at = '\0';
}

static void socket_text_add_number(struct socket_text *text, uint32_t number)
{
    char digits[16];
    (void)snprintf(digits, sizeof digits, "%lu", (unsigned long)number);
    socket_text_add(text, digits);
}

static void socket_text_ip4(struct socket_text *text,
                            const struct socket_address *address)
{
    struct sockaddr_in system;
    memcpy(&system, address->storage.bytes, sizeof system);
    char digits[INET_ADDRSTRLEN] = "";
    (void)inet_ntop(AF_INET, &system.sin_addr, digits, sizeof digits);
    socket_text_add(text, digits);
    socket_text_add(text, ":");
    socket_text_add_number(text, ntohs(system.sin_port));
}

static void socket_text_ip6(struct socket_text *text,
                            const struct socket_address *address)
{
    struct sockaddr_in6 system;
    memcpy(&system, address->storage.bytes, sizeof system);
    char digits[INET6_ADDRSTRLEN] = "";
    (void)inet_ntop(AF_INET6, &system.sin6_addr, digits, sizeof digits);
    socket_text_add(text, "[");
    socket_text_add(text, digits);
    if (system.sin6_scope_id != 0) {
        char name[IF_NAMESIZE];
        socket_text_add(text, "%");
        if (if_indextoname(system.sin6_scope_id, name) != NULL) {
            socket_text_add(text, name);
        } else {
            socket_text_add_number(text, system.sin6_scope_id);
        }
    }
    socket_text_add(text, "]:");
    socket_text_add_number(text, ntohs(system.sin6_port));
}

static bool socket_is_abstract(const struct socket_address *address)
{
    return socket_family(address) == AF_UNIX &&
           address->size > SOCKET_PATH_OFFSET &&
           address->storage.bytes[SOCKET_PATH_OFFSET] == 0;
}

static void socket_text_unix(struct socket_text *text,
                             const struct socket_address *address)
{
    bool abstract = socket_is_abstract(address);
    socket_text_add(text, abstract ? "unix-abstract:" : "unix:");
    size_t i = SOCKET_PATH_OFFSET + (abstract ? 1 : 0);
    for (; i < address->size; i++) {
        uint8_t byte = address->storage.bytes[i];
        if (byte == 0 && !abstract) {
            return;
        }
        char shown = byte < 0x20 || byte == 0x7f ? '?' : (char)byte;
        socket_text_add(text, (const char[]){shown, '\0'});
    }
}

#if SOCKET_HAS_VSOCK
static void socket_text_vsock(struct socket_text *text,
                              const struct socket_address *address)
{
    struct socket_vsock system;
    memcpy(&system, address->storage.bytes, sizeof system);
    socket_text_add(text, "vsock:");
    if (system.cid == SOCKET_CID_ANY) {
        socket_text_add(text, "*");
    } else {
        socket_text_add_number(text, system.cid);
    }
    socket_text_add(text, ":");
    socket_text_add_number(text, system.port);
}
#endif

void socket_address_text(const struct socket_address *address,
                         char text[SOCKET_ADDRESS_TEXT])
{
    struct socket_text builder = {
        .at = text,
        .end = text + SOCKET_ADDRESS_TEXT - 1,
    };
    *text = '\0';
    switch (socket_family(address)) {
    case AF_INET:
        socket_text_ip4(&builder, address);
        break;
    case AF_INET6:
        socket_text_ip6(&builder, address);
        break;
    case AF_UNIX:
        socket_text_unix(&builder, address);
        break;
#if SOCKET_HAS_VSOCK
    case AF_VSOCK:
        socket_text_vsock(&builder, address);
        break;
#endif
    default:
        socket_text_add(&builder, socket_address_is_inproc(address)
                                      ? "inproc"
                                      : "unknown address");
        break;
    }
}

bool socket_address_is_ip(const struct socket_address *address)
{
    int family = socket_family(address);
    return family == AF_INET || family == AF_INET6;
}

bool socket_address_is_unix(const struct socket_address *address)
{
    return socket_family(address) == AF_UNIX;
}

bool socket_address_is_loopback(const struct socket_address *address)
{
    static const uint8_t socket_mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t socket_loopback[16] = {[15] = 1};
    if (socket_family(address) == AF_INET) {
        struct sockaddr_in system;
        memcpy(&system, &address->storage, sizeof system);
        return ntohl(system.sin_addr.s_addr) >> 24 == 127;
    }
    if (socket_family(address) != AF_INET6) {
        return false;
    }
    struct sockaddr_in6 system;
    memcpy(&system, &address->storage, sizeof system);
    const uint8_t *ip = system.sin6_addr.s6_addr;
    return memcmp(ip, socket_loopback, sizeof socket_loopback) == 0 ||
           (memcmp(ip, socket_mapped, sizeof socket_mapped) == 0 &&
            ip[12] == 127);
}

int socket_address_family(const struct socket_address *address)
{
    return socket_family(address);
}

bool socket_address_bytes(const struct socket_address *address,
                          uint8_t bytes[16])
{
    static const uint8_t socket_mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (socket_family(address) == AF_INET) {
        struct sockaddr_in system;
        memcpy(&system, address->storage.bytes, sizeof system);
        memcpy(bytes, socket_mapped, sizeof socket_mapped);
        memcpy(bytes + sizeof socket_mapped, &system.sin_addr, 4);
        return true;
    }
    if (socket_family(address) == AF_INET6) {
        struct sockaddr_in6 system;
        memcpy(&system, address->storage.bytes, sizeof system);
        memcpy(bytes, &system.sin6_addr, 16);
        return true;
    }
    return false;
}

// socket_port_offset: the port has the same size in both families, at an
// offset of its own in each.
static size_t socket_port_offset(const struct socket_address *address)
{
    return socket_family(address) == AF_INET
               ? offsetof(struct sockaddr_in, sin_port)
               : offsetof(struct sockaddr_in6, sin6_port);
}

uint16_t socket_address_port(const struct socket_address *address)
{
    if (!socket_address_is_ip(address)) {
        return 0;
    }
    uint16_t port;
    memcpy(&port, address->storage.bytes + socket_port_offset(address),
           sizeof port);
    return ntohs(port);
}

void socket_address_set_port(struct socket_address *address, uint16_t port)
{
    if (socket_address_is_ip(address)) {
        uint16_t network = htons(port);
        memcpy(address->storage.bytes + socket_port_offset(address), &network,
               sizeof network);
    }
}

// Options.

// socket_error is errno with one word for "would block".
static int socket_error(void)
{
    return errno == EWOULDBLOCK ? EAGAIN : errno;
}

static int socket_set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0 ? 0 : errno;
}

static int socket_set_flags(int fd)
{
    int status = fcntl(fd, F_GETFL);
    int descriptor = fcntl(fd, F_GETFD);
    if (status == -1 || descriptor == -1 ||
        fcntl(fd, F_SETFL, status | O_NONBLOCK) == -1 ||
        fcntl(fd, F_SETFD, descriptor | FD_CLOEXEC) == -1) {
        return errno;
    }
    return 0;
}

// socket_tune sets what every stream of ours has. A failure is no reason to
// give up a connection: some systems refuse when the peer has gone already,
// which the next read tells better.
static void socket_tune(int fd, bool is_ip)
{
#if defined(SO_NOSIGPIPE) && (defined(__APPLE__) || !defined(MSG_NOSIGNAL))
    (void)socket_set_option(fd, SOL_SOCKET, SO_NOSIGPIPE, 1);
#endif
    if (is_ip) {
        (void)socket_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        // At the system's own times: for connections that ask nothing themselves.
        (void)socket_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    }
}

// socket_open makes a socket of the address's family, ready for use.
static int socket_open(const struct socket_address *address, int *out_fd)
{
    int family = socket_family(address);
#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC)
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return errno;
    }
#else
    int fd = socket(family, SOCK_STREAM, 0);
    if (fd == -1) {
        return errno;
    }
    int error = socket_set_flags(fd);
    if (error != 0) {
        socket_close(fd);
        return error;
    }
#endif
    socket_tune(fd, socket_address_is_ip(address));
    *out_fd = fd;
    return 0;
}

// Listening.

// socket_listen_tune sets what must be set before bind.
static int socket_listen_tune(int fd, const struct socket_address *address,
                              const struct socket_listen_options *options)
{
    if (!socket_address_is_ip(address)) {
        return 0;
    }
    int error = socket_set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (error == 0 && socket_family(address) == AF_INET6) {
        error = socket_set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    if (error == 0 && options->reuse_port) {
#if defined(SO_REUSEPORT)
        error = socket_set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
#else
        error = EOPNOTSUPP;
#endif
    }
    return error;
}

// socket_path copies the path of a unix address; false for all others.
static bool socket_path(const struct socket_address *address,
                        char path[SOCKET_PATH_MAX + 1])
{
    if (socket_family(address) != AF_UNIX || socket_is_abstract(address) ||
        address->size <= SOCKET_PATH_OFFSET) {
        return false;
    }
    size_t size = address->size - SOCKET_PATH_OFFSET;
    size = size < SOCKET_PATH_MAX ? size : SOCKET_PATH_MAX;
    memcpy(path, address->storage.bytes + SOCKET_PATH_OFFSET, size);
    path[size] = '\0';
    return true;
}

void socket_remove_path(const struct socket_address *address)
{
    char path[SOCKET_PATH_MAX + 1];
    struct stat found;
    if (socket_path(address, path) && lstat(path, &found) == 0 &&
        S_ISSOCK(found.st_mode)) {
        (void)unlink(path);
    }
}

// socket_is_stale: the path is a socket that nobody listens on any more.
static bool socket_is_stale(const struct socket_address *address)
{
    char path[SOCKET_PATH_MAX + 1];
    struct stat found;
    if (!socket_path(address, path) || lstat(path, &found) != 0 ||
        !S_ISSOCK(found.st_mode)) {
        return false;
    }
    int fd = -1;
    int error = socket_connect(address, &fd);
    if (error == 0 || error == EINPROGRESS) {
        socket_close(fd);
    }
    return error == ECONNREFUSED;
}

static int socket_bind(int fd, const struct socket_address *address)
{
    const struct sockaddr *system = socket_address_system(address);
    socklen_t size = (socklen_t)address->size;
    if (bind(fd, system, size) == 0) {
        return 0;
    }
    int error = errno;
    if (error != EADDRINUSE || !socket_is_stale(address)) {
        return error;
    }
    socket_remove_path(address);
    return bind(fd, system, size) == 0 ? 0 : errno;
}

int socket_listen(const struct socket_address *address,
                  const struct socket_listen_options *options, int *out_fd,
                  struct socket_address *bound)
{
    int fd = -1;
    int error = socket_open(address, &fd);
    if (error != 0) {
        return error;
    }
    // Every system lowers a backlog that is larger than it allows; the
    // constant of the headers is often far less than that.
    int backlog = options->backlog > 0 ? options->backlog : INT_MAX;
    error = socket_listen_tune(fd, address, options);
    if (error == 0) {
        error = socket_bind(fd, address);
    }
    if (error != 0) {
        socket_close(fd);
        return error;
    }
    error = listen(fd, backlog) == 0 ? socket_local(fd, bound) : errno;
    if (error != 0) {
        socket_close(fd);
        socket_remove_path(address);
        return error;
    }
    *out_fd = fd;
    return 0;
}

int socket_adopt(int fd, bool *out_listening)
{
    int type = 0;
    int listening = 0;
    socklen_t size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
        return errno;
    }
    struct socket_address local;
    int error = socket_local(fd, &local);
    if (error != 0) {
        return error;
    }
    bool is_ip = socket_address_is_ip(&local);
    bool is_known = is_ip || socket_family(&local) == AF_UNIX ||
                    socket_address_is_vsock(&local);
    if (type != SOCK_STREAM || !is_known) {
        return ENOTSOCK;
    }
    size = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0) {
        return errno;
    }
    error = socket_set_flags(fd);
    if (error != 0) {
        return error;
    }
    socket_tune(fd, is_ip);
    *out_listening = listening != 0;
    return 0;
}

// Connections.

// socket_accept_error: what concerns the peer that was about to be accepted,
// and nobody else, is one error. Linux gives pending errors of the network
// here.
static int socket_accept_error(int error)
{
    switch (error) {
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case ETIMEDOUT:
    case ECONNRESET:
    case EPERM:
#if defined(EHOSTDOWN)
    case EHOSTDOWN:
#endif
#if defined(ENONET)
    case ENONET:
#endif
        return ECONNABORTED;
    default:
        return error;
    }
}

static int socket_accept_once(int listener, struct sockaddr *system,
                              socklen_t *size)
{
#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC)
    return accept4(listener, system, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
    int fd = accept(listener, system, size);
    if (fd != -1) {
        int error = socket_set_flags(fd);
        if (error != 0) {
            socket_close(fd);
            errno = error;
            return -1;
        }
    }
    return fd;
#endif
}

// socket_address_get takes over an address that the system wrote. Where a
// unix socket has no name, some systems give a size of 0.
static void socket_address_get(struct socket_address *address, socklen_t size)
{
    if ((size_t)size > sizeof address->storage) {
        size = sizeof address->storage;
    }
    address->size = (uint32_t)size;
}

int socket_accept(int listener, int *out_fd, struct socket_address *peer)
{
    memset(peer, 0, sizeof *peer);
    socklen_t size;
    int fd = -1;
    do {
        size = sizeof peer->storage;
        fd = socket_accept_once(
            listener, (struct sockaddr *)(void *)&peer->storage, &size);
    } while (fd == -1 && errno == EINTR);
    if (fd == -1) {
        return socket_accept_error(socket_error());
    }
    socket_address_get(peer, size);
    socket_tune(fd, socket_address_is_ip(peer));
    *out_fd = fd;
    return 0;
}

int socket_connect(const struct socket_address *address, int *out_fd)
{
    int fd = -1;
    int error = socket_open(address, &fd);
    if (error != 0) {
        return error;
    }
    if (connect(fd, socket_address_system(address), (socklen_t)address->size) !=
        0) {
        // Interrupted, it goes on all the same.
        error = errno == EINTR ? EINPROGRESS : socket_error();
        if (error != EINPROGRESS) {
            socket_close(fd);
            return error;
        }
    }
    *out_fd = fd;
    return error;
}

int socket_connected(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        return errno;
    }
    return error;
}

int socket_local(int fd, struct socket_address *address)
{
    memset(address, 0, sizeof *address);
    socklen_t size = sizeof address->storage;
    if (getsockname(fd, (struct sockaddr *)(void *)&address->storage, &size) !=
        0) {
        return errno;
    }
    socket_address_get(address, size);
    return 0;
}

int socket_peer(int fd, struct socket_address *address)
{
    memset(address, 0, sizeof *address);
    socklen_t size = sizeof address->storage;
    if (getpeername(fd, (struct sockaddr *)(void *)&address->storage, &size) !=
        0) {
        return errno;
    }
    socket_address_get(address, size);
    return 0;
}

// socket_process asks the system about the peer of a unix socket.
#if defined(__linux__)
static bool socket_process(int fd, uint32_t *uid, uint32_t *gid, int32_t *pid)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
        size != sizeof peer) {
        return false;
    }
    *uid = peer.uid;
    *gid = peer.gid;
    *pid = peer.pid;
    return true;
}
#elif defined(__APPLE__) || defined(__DragonFly__) || defined(__FreeBSD__) || \
    defined(__NetBSD__) || defined(__OpenBSD__)
static bool socket_process(int fd, uint32_t *uid, uint32_t *gid, int32_t *pid)
{
    uid_t user;
    gid_t group;
    if (getpeereid(fd, &user, &group) != 0) {
        return false;
    }
    *uid = (uint32_t)user;
    *gid = (uint32_t)group;
    *pid = 0; // each of them has its own way to tell
    return true;
}
#else
static bool socket_process(int fd, uint32_t *uid, uint32_t *gid, int32_t *pid)
{
    (void)fd;
    (void)uid;
    (void)gid;
    (void)pid;
    return false;
}
#endif

// socket_has_unix_peer: the options above have other meanings for other sockets,
// and for one that listens the process is our own. Nameless unix sockets have an
// address of size 0 on some systems; no other sockets have.
static bool socket_has_unix_peer(int fd)
{
    struct socket_address local;
    struct socket_address peer;
    if (socket_local(fd, &local) != 0 || socket_peer(fd, &peer) != 0) {
        return false;
    }
    int family = socket_family(&local);
    return family == AF_UNIX || family == AF_UNSPEC;
}

bool socket_peer_process(int fd, uint32_t *uid, uint32_t *gid, int32_t *pid)
{
    return socket_has_unix_peer(fd) && socket_process(fd, uid, gid, pid);
}

int socket_read(int fd, uint8_t *buffer, size_t size, size_t *out_size)
{
    ASSERT(size > 0);
    ssize_t got;
    do {
        got = recv(fd, buffer, size, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return socket_error();
    }
    *out_size = (size_t)got;
    return 0;
}

int socket_write(int fd, const struct view *views, size_t count,
                 size_t *out_size)
{
    struct iovec parts[SOCKET_VIEWS_MAX];
    count = count < SOCKET_VIEWS_MAX ? count : SOCKET_VIEWS_MAX;
    for (size_t i = 0; i < count; i++) {
        // The system reads these bytes; its type just has no const.
        parts[i].iov_base = (void *)(uintptr_t)views[i].data;
        parts[i].iov_len = views[i].size;
    }
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = parts;
    // int or size_t, as the system likes; the cast is right for both.
    message.msg_iovlen = (unsigned char)count;
    ssize_t sent;
    do {
        sent = sendmsg(fd, &message, SOCKET_SEND_FLAGS);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        return socket_error();
    }
    *out_size = (size_t)sent;
    return 0;
}

void socket_give_up_after(int fd, uint32_t ms)
{
#if defined(TCP_USER_TIMEOUT)
    int value = ms < INT_MAX ? (int)ms : INT_MAX;
    // (A socket that is not TCP's has no such option, and no need of it.)
    (void)socket_set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, value);
#else
    (void)fd;
    (void)ms;
#endif
}

void socket_close_write(int fd)
{
    (void)shutdown(fd, SHUT_WR);
}

void socket_close(int fd)
{
    (void)close(fd);
}

// Errors in words. strerror_r comes in two forms that differ in what they
// return; the type of the call picks the reader for the one that is there.

MAYBE_UNUSED static const char *socket_error_xsi(int result, const char *text)
{
    return result == 0 ? text : NULL;
}

MAYBE_UNUSED static const char *socket_error_gnu(const char *result,
                                                 const char *text)
{
    (void)text;
    return result;
}

void socket_error_text(int error, char *text, size_t size)
{
    char buffer[128] = "";
    const char *words = _Generic(strerror_r(error, buffer, sizeof buffer), int
                                 : socket_error_xsi, default
                                 : socket_error_gnu)(
        strerror_r(error, buffer, sizeof buffer), buffer);
    if (words != NULL && *words != '\0') {
        (void)snprintf(text, size, "%s", words);
    } else {
        (void)snprintf(text, size, "error %d", error);
    }
}

#undef SOCKET_SEND_FLAGS
#undef SOCKET_HAS_VSOCK
