// SPDX-License-Identifier: MIT
// Sockets: addresses, listening, connecting, reading and writing. All sockets
// are non-blocking and close on exec; nothing here raises SIGPIPE.

#ifndef LOOP_SOCKET_H
#define LOOP_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/view.h"

// An address of a socket, opaque above this folder. Large enough for a
// sockaddr_un.
struct socket_address {
    uint32_t size;
    union {
        uint64_t align;
        uint8_t bytes[112];
    } storage;
};

enum { SOCKET_ADDRESS_TEXT = 128 }; // longest text of an address, with its NUL

// socket_address_ip parses a numeric IPv4 or IPv6 host ("127.0.0.1", "::1",
// "fe80::1%eth0"; no brackets); false when it is neither. Port in host order.
INTERNAL MUST_CHECK bool socket_address_ip(struct socket_address *address,
                                           const char *host, uint16_t port);

// socket_address_unix is a path; abstract ones have no file (Linux alone).
// False when the name is too long or the system has no such sockets.
INTERNAL MUST_CHECK bool socket_address_unix(struct socket_address *address,
                                             struct view path, bool abstract);

// socket_address_inproc is no socket's: the other end is in this process.
INTERNAL void socket_address_inproc(struct socket_address *address);
INTERNAL bool socket_address_is_inproc(const struct socket_address *address);

// socket_address_vsock is a port of a virtual machine or its host (Linux alone:
// false elsewhere). A server may listen with SOCKET_CID_ANY.
#define SOCKET_CID_ANY UINT32_C(0xffffffff)
INTERNAL MUST_CHECK bool socket_address_vsock(struct socket_address *address,
                                              uint32_t cid, uint32_t port);

// socket_address_text writes "127.0.0.1:80", "[::1]:80", "unix:/path",
// "unix-abstract:name", "vsock:3:80" or "inproc" with a NUL.
INTERNAL void socket_address_text(const struct socket_address *address,
                                  char text[SOCKET_ADDRESS_TEXT]);

// socket_address_port: 0 for unix and vsock addresses. set_port changes it.
INTERNAL uint16_t socket_address_port(const struct socket_address *address);
INTERNAL void socket_address_set_port(struct socket_address *address,
                                      uint16_t port);
INTERNAL bool socket_address_is_ip(const struct socket_address *address);
INTERNAL bool socket_address_is_unix(const struct socket_address *address);
// socket_address_is_loopback: 127.0.0.0/8, also as IPv6 has it, and ::1.
INTERNAL bool socket_address_is_loopback(const struct socket_address *address);

// socket_address_family tells addresses of different families apart.
INTERNAL int socket_address_family(const struct socket_address *address);

// socket_address_bytes writes an IP address in network order, IPv4 as it is
// mapped into IPv6 (::ffff:1.2.3.4). False for all others.
INTERNAL MUST_CHECK bool socket_address_bytes(
    const struct socket_address *address, uint8_t bytes[16]);

// All below return 0 or an errno.

// socket_listen binds and listens; an IPv6 address takes IPv6 alone. A path
// that a dead server left behind is removed first; one that answers, or is no
// socket, is EADDRINUSE. *bound has the real port.
struct socket_listen_options {
    int backlog;     // 0: the system's largest
    bool reuse_port; // of effect on IP alone
};
INTERNAL MUST_CHECK int socket_listen(
    const struct socket_address *address,
    const struct socket_listen_options *options, int *out_fd,
    struct socket_address *bound);

// socket_adopt makes a descriptor that the user hands over ready for us:
// non-blocking, close on exec, TCP_NODELAY. ENOTSOCK when it is no stream
// socket of IP, unix or vsock. *out_listening tells what it is.
INTERNAL MUST_CHECK int socket_adopt(int fd, bool *out_listening);

// socket_accept: EAGAIN when nobody waits; EMFILE and ENFILE when descriptors
// are used up; ECONNABORTED stands for all that concerns one peer alone.
INTERNAL MUST_CHECK int socket_accept(int listener, int *out_fd,
                                      struct socket_address *peer);

// socket_connect begins; EINPROGRESS is normal: wait until it is writable and
// ask socket_connected.
INTERNAL MUST_CHECK int socket_connect(const struct socket_address *address,
                                       int *out_fd);
INTERNAL MUST_CHECK int socket_connected(int fd);

INTERNAL MUST_CHECK int socket_local(int fd, struct socket_address *address);
INTERNAL MUST_CHECK int socket_peer(int fd, struct socket_address *address);

// socket_peer_process: who was at the other end of a unix socket when it was
// connected, as this process sees it; the kernel says so, not the peer. *pid 0:
// not known. False for all other sockets, without a peer, and on systems that
// cannot tell.
INTERNAL MUST_CHECK bool socket_peer_process(int fd, uint32_t *uid,
                                             uint32_t *gid, int32_t *pid);

// socket_read: *out_size 0 with result 0 is the end of the stream.
INTERNAL MUST_CHECK int socket_read(int fd, uint8_t *buffer, size_t size,
                                    size_t *out_size);

// socket_write sends what the system takes of up to 64 views.
INTERNAL MUST_CHECK int socket_write(int fd, const struct view *views,
                                     size_t count, size_t *out_size);

// socket_give_up_after lets a TCP connection fail (ETIMEDOUT) when what was sent
// is not acknowledged for so long (gRFC A18), where the system can (Linux). Its
// own limit is some 15 minutes.
INTERNAL void socket_give_up_after(int fd, uint32_t ms);

// socket_close_write tells the peer that we send no more (shutdown).
INTERNAL void socket_close_write(int fd);
INTERNAL void socket_close(int fd);

// socket_remove_path removes the file of a unix address that we listened on.
INTERNAL void socket_remove_path(const struct socket_address *address);

// socket_error_text writes what the errno means ("Connection refused"), without
// touching global state, NUL-terminated.
INTERNAL void socket_error_text(int error, char *text, size_t size);

#endif
