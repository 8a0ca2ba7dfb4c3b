// SPDX-License-Identifier: MIT

#include "core/tunnel.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "core/limits.h"

// ---- The head of an answer --------------------------------------------------

static const char tunnel_version[] = "HTTP/1.";

enum { TUNNEL_VERSION_SIZE = sizeof tunnel_version - 1 };

static bool tunnel_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

// tunnel_is_good: "HTTP/1.1 200", and a space and words or nothing.
static bool tunnel_is_good(const struct tunnel_head *head)
{
    const char *line = head->line + TUNNEL_VERSION_SIZE;
    return head->line_size >= TUNNEL_VERSION_SIZE + 5 &&
           (line[0] == '0' || line[0] == '1') && line[1] == ' ' &&
           line[2] == '2' && tunnel_is_digit(line[3]) &&
           tunnel_is_digit(line[4]) && (line[5] == ' ' || line[5] == '\0');
}

// tunnel_end_line: the first line has ended.
static enum tunnel_answer tunnel_end_line(struct tunnel_head *head)
{
    if (head->line_size < TUNNEL_VERSION_SIZE) {
        return TUNNEL_FOREIGN;
    }
    if (head->line[head->line_size - 1] == '\r') {
        head->line_size--;
    }
    head->line[head->line_size] = '\0';
    for (char *at = head->line; *at != '\0'; at++) {
        *at = *at == '\r' ? '?' : *at;
    }
    head->in_fields = true;
    return tunnel_is_good(head) ? TUNNEL_MORE : TUNNEL_REFUSED;
}

// tunnel_take_first takes one byte of the first line.
static enum tunnel_answer tunnel_take_first(struct tunnel_head *head,
                                            uint8_t byte)
{
    if (byte == '\n') {
        return tunnel_end_line(head);
    }
    if (head->line_size < TUNNEL_VERSION_SIZE &&
        byte != (uint8_t)tunnel_version[head->line_size]) {
        return TUNNEL_FOREIGN;
    }
    if (head->line_size < TUNNEL_LINE_MAX) {
        bool is_shown = (byte >= 0x20 && byte <= 0x7e) || byte == '\r';
        head->line[head->line_size++] = is_shown ? (char)byte : '?';
    }
    return TUNNEL_MORE;
}

// tunnel_take_field takes one byte of what follows: of interest is only where
// the empty line is. (A 2xx answer to CONNECT has no content, whatever its
// fields say.)
static enum tunnel_answer tunnel_take_field(struct tunnel_head *head,
                                            uint8_t byte)
{
    if (byte == '\n') {
        bool is_empty = !head->line_begun;
        head->line_begun = false;
        head->line_has_cr = false;
        return is_empty ? TUNNEL_OPEN : TUNNEL_MORE;
    }
    if (byte == '\r' && !head->line_begun && !head->line_has_cr) {
        head->line_has_cr = true;
    } else {
        head->line_begun = true;
    }
    return TUNNEL_MORE;
}

enum tunnel_answer tunnel_head_feed(struct tunnel_head *head, struct view input,
                                    size_t *out_used)
{
    enum tunnel_answer answer = TUNNEL_MORE;
    size_t i = 0;
    while (i < input.size && answer == TUNNEL_MORE) {
        uint8_t byte = input.data[i++];
        answer = head->in_fields ? tunnel_take_field(head, byte)
                                 : tunnel_take_first(head, byte);
        head->size++;
        if (answer == TUNNEL_MORE && head->size == CORE_PROXY_HEAD_BYTES) {
            answer = TUNNEL_ENDLESS;
        }
    }
    *out_used = answer == TUNNEL_OPEN ? i : input.size;
    return answer;
}

// ---- The conversation -------------------------------------------------------

static enum tunnel_result tunnel_fail(char reason[TUNNEL_REASON],
                                      const char *what, const char *detail)
{
    (void)snprintf(reason, TUNNEL_REASON, "%s%s", what, detail);
    return TUNNEL_FAILED;
}

static enum tunnel_result tunnel_fail_io(char reason[TUNNEL_REASON],
                                         const char *what, int error)
{
    char text[128];
    socket_error_text(error, text, sizeof text);
    return tunnel_fail(reason, what, text);
}

// tunnel_send sends what is left of the request.
static enum tunnel_result tunnel_send(struct tunnel *tunnel,
                                      const struct tunnel_io *io,
                                      char reason[TUNNEL_REASON])
{
    struct view whole =
        view_of(tunnel->request->request, tunnel->request->size);
    while (tunnel->sent < whole.size) {
        struct view left = view_skip(whole, tunnel->sent);
        size_t size = 0;
        int error = io->port->write(io->port->user, io->fd, &left, 1, &size);
        if (error == EAGAIN) {
            return TUNNEL_SENDS;
        }
        if (error != 0 && error != EINTR) {
            return tunnel_fail_io(reason, "write: ", error);
        }
        tunnel->sent += size;
    }
    return TUNNEL_READS;
}

static enum tunnel_result tunnel_judge(const struct tunnel_head *head,
                                       enum tunnel_answer answer,
                                       char reason[TUNNEL_REASON])
{
    switch (answer) {
    case TUNNEL_MORE:
        return TUNNEL_READS;
    case TUNNEL_OPEN:
        return TUNNEL_READY;
    case TUNNEL_REFUSED:
        return tunnel_fail(reason, head->line, "");
    case TUNNEL_FOREIGN:
        return tunnel_fail(reason, "it does not answer in HTTP/1", "");
    case TUNNEL_ENDLESS:
        break;
    }
    return tunnel_fail(reason, "the head of its answer is larger than 8 KiB",
                       "");
}

static enum tunnel_result tunnel_read(struct tunnel *tunnel,
                                      const struct tunnel_io *io,
                                      struct view *out_rest,
                                      char reason[TUNNEL_REASON])
{
    size_t size = 0;
    int error = io->port->read(io->port->user, io->fd, io->buffer,
                               io->buffer_size, &size);
    if (error == EAGAIN || error == EINTR) {
        return TUNNEL_READS;
    }
    if (error != 0) {
        return tunnel_fail_io(reason, "read: ", error);
    }
    if (size == 0) {
        return tunnel_fail(reason, "it closed the connection ",
                           tunnel->head.size == 0 ? "without an answer"
                                                  : "within its answer");
    }
    struct view input = view_of(io->buffer, size);
    size_t used = 0;
    enum tunnel_answer answer = tunnel_head_feed(&tunnel->head, input, &used);
    *out_rest = view_skip(input, used);
    return tunnel_judge(&tunnel->head, answer, reason);
}

struct tunnel *tunnel_new(const struct proxy_tunnel *request,
                          const grpc_allocator *allocator)
{
    struct tunnel *tunnel = alloc_zeroed(allocator, sizeof *tunnel);
    if (tunnel != NULL) {
        tunnel->request = request;
    }
    return tunnel;
}

void tunnel_free(struct tunnel *tunnel, const grpc_allocator *allocator)
{
    alloc_free(allocator, tunnel, sizeof *tunnel);
}

enum tunnel_result tunnel_step(struct tunnel *tunnel,
                               const struct tunnel_io *io,
                               struct view *out_rest,
                               char reason[TUNNEL_REASON])
{
    *out_rest = view_of(NULL, 0);
    if (tunnel->sent < tunnel->request->size) {
        return tunnel_send(tunnel, io, reason);
    }
    return tunnel_read(tunnel, io, out_rest, reason);
}
