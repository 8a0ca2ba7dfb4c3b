// SPDX-License-Identifier: MIT

#ifndef _GNU_SOURCE
# define _GNU_SOURCE
#endif

#include "tests/chaos/chaos_proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PROXY_LINKS = 600,
    PROXY_BYTES = 16384,
};

// One direction: from sides[n].fd to the other side.
struct proxy_side {
    int fd;
    bool has_ended; // it sends no more
    bool was_told;  // that the other one sends no more
    size_t used;    // of bytes, waiting for the other side
    char bytes[PROXY_BYTES];
};

struct proxy_link {
    bool is_open;
    int endpoint;
    unsigned loses;
    uint64_t last_ms;           // that something was carried
    struct proxy_side sides[2]; // the client's, the server's
};

struct proxy {
    int fd; // listens
    unsigned loses;
    uint32_t idle_ms;
};

static struct proxy proxies[CHAOS_ENDPOINTS];
static struct proxy_link proxy_links[PROXY_LINKS];

static struct sockaddr_in proxy_address(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    return address;
}

static int proxy_listen(uint16_t port)
{
    struct sockaddr_in address = proxy_address(port);
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, 512) != 0) {
        perror("chaos: a proxy");
        (void)close(fd);
        return -1;
    }
    return fd;
}

bool chaos_proxy_open(struct chaos_board *board)
{
    for (int i = 0; i < CHAOS_ENDPOINTS; i++) {
        proxies[i].fd = -1;
        if (board->endpoints[i].is_proxied) {
            proxies[i].fd = proxy_listen(board->endpoints[i].port);
            if (proxies[i].fd < 0) {
                return false;
            }
        }
    }
    return true;
}

static void proxy_close_link(struct proxy_link *link, bool by_reset)
{
    const struct linger reset = {1, 0};
    for (int i = 0; i < 2; i++) {
        if (by_reset) {
            (void)setsockopt(link->sides[i].fd, SOL_SOCKET, SO_LINGER, &reset,
                             sizeof reset);
        }
        (void)close(link->sides[i].fd);
    }
    link->is_open = false;
}

static struct proxy_link *proxy_unused(void)
{
    for (int i = 0; i < PROXY_LINKS; i++) {
        if (!proxy_links[i].is_open) {
            return &proxy_links[i];
        }
    }
    // The connections that swallow are the ones that stay.
    proxy_close_link(&proxy_links[0], false);
    return &proxy_links[0];
}

// proxy_accept connects to the server; where there is none the next read tells.
static void proxy_accept(struct chaos_board *board, int endpoint)
{
    int client = accept4(proxies[endpoint].fd, NULL, NULL, SOCK_NONBLOCK);
    if (client < 0) {
        return;
    }
    const struct chaos_endpoint *own = &board->endpoints[endpoint];
    struct sockaddr_in address =
        proxy_address(board->servers[own->server].backend_port);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int on = 1;
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)connect(server, (struct sockaddr *)&address, sizeof address);
    struct proxy_link *link = proxy_unused();
    link->is_open = true;
    link->endpoint = endpoint;
    link->loses = proxies[endpoint].loses;
    link->last_ms = chaos_now_ms();
    for (int i = 0; i < 2; i++) {
        link->sides[i].fd = i == 0 ? client : server;
        link->sides[i].has_ended = false;
        link->sides[i].was_told = false;
        link->sides[i].used = 0;
    }
}

static bool proxy_loses(const struct proxy_link *link, int side)
{
    return (link->loses & (side == 0 ? CHAOS_LOSE_UP : CHAOS_LOSE_DOWN)) != 0;
}

static bool proxy_reads(const struct proxy_link *link, int side)
{
    return !link->sides[side].has_ended && link->sides[side].used == 0 &&
           !(proxy_loses(link, side) && (link->loses & CHAOS_LOSE_UNREAD) != 0);
}

// proxy_read: false when that side has failed.
static bool proxy_read(struct proxy_link *link, int n)
{
    struct proxy_side *side = &link->sides[n];
    ssize_t size = read(side->fd, side->bytes, sizeof side->bytes);
    if (size < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    if (size == 0) {
        side->has_ended = true;
    } else if (!proxy_loses(link, n)) {
        side->used = (size_t)size;
        link->last_ms = chaos_now_ms();
    }
    return true;
}

// proxy_write: false when the other side has failed.
static bool proxy_write(struct proxy_link *link, int n)
{
    struct proxy_side *side = &link->sides[n];
    struct proxy_side *other = &link->sides[1 - n];
    if (side->used > 0) {
        ssize_t size = send(other->fd, side->bytes, side->used, MSG_NOSIGNAL);
        if (size < 0) {
            return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
        }
        side->used -= (size_t)size;
        memmove(side->bytes, side->bytes + size, side->used);
    }
    if (side->used == 0 && side->has_ended && !other->was_told &&
        !proxy_loses(link, n)) {
        other->was_told = true;
        (void)shutdown(other->fd, SHUT_WR);
    }
    return true;
}

// proxy_fail: one side is gone. Where the way to the other one loses all, that
// does not learn of it.
static void proxy_fail(struct proxy_link *link, int n)
{
    if (link->loses == 0) {
        proxy_close_link(link, true);
        return;
    }
    link->sides[n].has_ended = true;
    link->sides[n].used = 0;
    link->sides[1 - n].used = 0;
    link->loses |= CHAOS_LOSE_UP | CHAOS_LOSE_DOWN;
}

static void proxy_carry(struct proxy_link *link, int n, short events)
{
    bool good = true;
    if ((events & (POLLRDHUP | POLLHUP | POLLERR)) != 0 &&
        (link->loses & CHAOS_LOSE_UNREAD) != 0) {
        link->sides[n].has_ended = true;
        link->sides[n].used = 0;
    }
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0 && proxy_reads(link, n)) {
        good = proxy_read(link, n);
    }
    if (!good) {
        proxy_fail(link, n);
    } else if (!proxy_write(link, n)) {
        proxy_fail(link, 1 - n);
    }
}

static void proxy_end(struct proxy_link *link, uint64_t now_ms)
{
    uint32_t idle_ms = proxies[link->endpoint].idle_ms;
    if (link->sides[0].has_ended && link->sides[1].has_ended &&
        link->sides[0].used + link->sides[1].used == 0) {
        proxy_close_link(link, false);
    } else if (idle_ms != 0 && link->loses == 0 &&
               now_ms - link->last_ms > idle_ms) {
        proxy_close_link(link, now_ms % 2 == 0);
    }
}

struct proxy_polled {
    struct proxy_link *link; // NULL: a listener
    int n;                   // which side, or which endpoint
};

static struct pollfd proxy_fds[2 * PROXY_LINKS + CHAOS_ENDPOINTS];
static struct proxy_polled proxy_polled[2 * PROXY_LINKS + CHAOS_ENDPOINTS];

static short proxy_events(const struct proxy_link *link, int n)
{
    int events = 0;
    if (proxy_reads(link, n)) {
        events |= POLLIN;
    } else if (!link->sides[n].has_ended && link->sides[n].used == 0) {
        events |= POLLRDHUP;
    }
    if (link->sides[1 - n].used > 0) {
        events |= POLLOUT;
    }
    return (short)events;
}

static nfds_t proxy_prepare(void)
{
    nfds_t count = 0;
    for (int i = 0; i < CHAOS_ENDPOINTS; i++) {
        if (proxies[i].fd >= 0) {
            proxy_fds[count] = (struct pollfd){proxies[i].fd, POLLIN, 0};
            proxy_polled[count++] = (struct proxy_polled){NULL, i};
        }
    }
    for (int i = 0; i < PROXY_LINKS; i++) {
        struct proxy_link *link = &proxy_links[i];
        for (int n = 0; n < 2 && link->is_open; n++) {
            short events = proxy_events(link, n);
            if (events != 0) {
                proxy_fds[count] =
                    (struct pollfd){link->sides[n].fd, events, 0};
                proxy_polled[count++] = (struct proxy_polled){link, n};
            }
        }
    }
    return count;
}

void chaos_proxy_step(struct chaos_board *board, int timeout_ms)
{
    nfds_t count = proxy_prepare();
    if (poll(proxy_fds, count, timeout_ms) <= 0) {
        count = 0;
    }
    for (nfds_t i = 0; i < count; i++) {
        struct proxy_link *link = proxy_polled[i].link;
        short events = proxy_fds[i].revents;
        if (events != 0 && link != NULL && link->is_open) {
            proxy_carry(link, proxy_polled[i].n, events);
            if (link->is_open && (events & POLLOUT) != 0) {
                proxy_carry(link, 1 - proxy_polled[i].n, 0);
            }
        }
    }
    // New ones last: they may take the place of others.
    for (nfds_t i = 0; i < count; i++) {
        if (proxy_fds[i].revents != 0 && proxy_polled[i].link == NULL) {
            proxy_accept(board, proxy_polled[i].n);
        }
    }
    uint64_t now_ms = chaos_now_ms();
    for (int i = 0; i < PROXY_LINKS; i++) {
        if (proxy_links[i].is_open) {
            proxy_end(&proxy_links[i], now_ms);
        }
    }
}

void chaos_proxy_lose(int endpoint, unsigned what)
{
    proxies[endpoint].loses = what;
    for (int i = 0; i < PROXY_LINKS && what != 0; i++) {
        if (proxy_links[i].is_open && proxy_links[i].endpoint == endpoint) {
            proxy_links[i].loses |= what;
        }
    }
}

int chaos_proxy_cut(int endpoint, int percent)
{
    int count = 0;
    for (int i = 0; i < PROXY_LINKS; i++) {
        struct proxy_link *link = &proxy_links[i];
        if (link->is_open && link->endpoint == endpoint && link->loses == 0 &&
            i * 37 % 100 < percent) {
            proxy_close_link(link, true);
            count++;
        }
    }
    return count;
}

void chaos_proxy_set_idle(int endpoint, uint32_t idle_ms)
{
    proxies[endpoint].idle_ms = idle_ms;
}

int chaos_proxy_links(int endpoint, bool lost_only)
{
    int count = 0;
    for (int i = 0; i < PROXY_LINKS; i++) {
        const struct proxy_link *link = &proxy_links[i];
        if (link->is_open && link->endpoint == endpoint &&
            (!lost_only || link->loses != 0)) {
            count++;
        }
    }
    return count;
}

void chaos_proxy_close(void)
{
    for (int i = 0; i < PROXY_LINKS; i++) {
        if (proxy_links[i].is_open) {
            (void)close(proxy_links[i].sides[0].fd);
            (void)close(proxy_links[i].sides[1].fd);
            proxy_links[i].is_open = false;
        }
    }
    for (int i = 0; i < CHAOS_ENDPOINTS; i++) {
        if (proxies[i].fd >= 0) {
            (void)close(proxies[i].fd);
            proxies[i].fd = -1;
        }
    }
}
