// SPDX-License-Identifier: MIT
// What the text of an UNAVAILABLE says must be what the driver has done. Such a
// text is one or more clauses with "; " between them, each with an address.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/chaos/chaos_board.h"

enum {
    // A connection that breaks is seen at once, and servers that were paused close
    // what they find silent then.
    CHAOS_SOON_MS = 7000,
    // Silence is found by keepalive, and told until there is a newer cause.
    CHAOS_LONG_MS = 25000,
    CHAOS_SILENT = 1 << CHAOS_SWALLOW | 1 << CHAOS_PAUSE,
    // (Not DRAIN, and not DOWN, which is what a drained server is, too.)
    CHAOS_BROKEN = 1 << CHAOS_KILL | 1 << CHAOS_END | 1 << CHAOS_CUT |
                   1 << CHAOS_IDLE | CHAOS_SILENT,
};

struct chaos_pattern {
    const char *text;
    unsigned kinds;
    uint64_t window_ms;
};

// Why connections are lost, in the order in which it is looked for.
static const struct chaos_pattern chaos_lost[] = {
    {"keepalive", CHAOS_SILENT, CHAOS_LONG_MS},
    {"timed out", CHAOS_SILENT, CHAOS_LONG_MS},
    {"acknowledged in time", CHAOS_SILENT, CHAOS_LONG_MS},
    {"the peer closed the connection", CHAOS_BROKEN, CHAOS_SOON_MS},
    {"reset by peer", CHAOS_BROKEN, CHAOS_SOON_MS},
    {"Broken pipe", CHAOS_BROKEN, CHAOS_SOON_MS},
    {NULL, 0, 0},
};

// Why there is none. A proxy closes what it cannot reach.
static const struct chaos_pattern chaos_connect[] = {
    {"refused", 1 << CHAOS_DOWN, CHAOS_LONG_MS},
    {"timed out", CHAOS_SILENT, CHAOS_LONG_MS},
    {"in time", CHAOS_SILENT, CHAOS_LONG_MS},
    {"the peer closed", CHAOS_BROKEN | 1 << CHAOS_DOWN, CHAOS_LONG_MS},
    {"reset by peer", CHAOS_BROKEN | 1 << CHAOS_DOWN, CHAOS_LONG_MS},
    {"Broken pipe", CHAOS_BROKEN | 1 << CHAOS_DOWN, CHAOS_LONG_MS},
    {NULL, 0, 0},
};

static bool chaos_has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static bool chaos_matches(const struct chaos_endpoint *endpoint,
                          const struct chaos_pattern *pattern,
                          const char *clause)
{
    while (pattern->text != NULL && !chaos_has(clause, pattern->text)) {
        pattern++;
    }
    return pattern->text != NULL &&
           chaos_was(endpoint, pattern->kinds, pattern->window_ms);
}

// chaos_is_aside: the clause adds something to the one before.
static bool chaos_is_aside(const char *clause)
{
    return strncmp(clause, "gave up after", 13) == 0 ||
           strncmp(clause, "the peer had sent GOAWAY", 24) == 0;
}

static bool chaos_is_calm(const struct chaos_board *board,
                          const struct chaos_endpoint *endpoint,
                          const char *text)
{
    const struct chaos_server_board *server = &board->servers[endpoint->server];
    return chaos_has(text, "too_many_pings") &&
           (server->is_go || server->is_strict);
}

// Of a call: what its status says, and what is known besides.
struct chaos_story {
    struct chaos_board *board;
    const char *text;
    bool was_sent;
    bool is_connect; // some clause is about connecting
};

static const struct chaos_endpoint *chaos_place(struct chaos_board *board,
                                                const char *clause)
{
    static const char address[] = "127.0.0.1:";
    const char *found = strstr(clause, address);
    return found == NULL
               ? NULL
               : chaos_endpoint_of(
                     board,
                     (unsigned)strtoul(found + sizeof address - 1, NULL, 10));
}

static bool chaos_clause(struct chaos_story *story, const char *clause)
{
    const struct chaos_endpoint *endpoint = chaos_place(story->board, clause);
    if (chaos_is_aside(clause)) {
        return true;
    }
    if (endpoint == NULL) {
        return false;
    }
    bool is_connect = strncmp(clause, "connect to", 10) == 0 ||
                      strncmp(clause, "HTTP/2 with", 11) == 0;
    story->is_connect = story->is_connect || is_connect;
    // A call that was sent has lost that connection. Another one is told of the
    // last one that was lost, or that did not even begin well.
    return chaos_is_calm(story->board, endpoint, story->text) ||
           (!is_connect && chaos_matches(endpoint, chaos_lost, clause)) ||
           ((is_connect || !story->was_sent) &&
            chaos_matches(endpoint, chaos_connect, clause));
}

const char *chaos_causes(struct chaos_board *board, const char *text,
                         bool was_sent, bool *is_connect)
{
    static char clause[1024];
    const char *rest = text;
    struct chaos_story story = {board, text, was_sent,
                                chaos_has(text, "gave up after")};
    const char *bad = *text == '\0' ? "no text" : NULL;
    while (*rest != '\0') {
        const char *end = strstr(rest, "; ");
        size_t size = end == NULL ? strlen(rest) : (size_t)(end - rest);
        if (size >= sizeof clause) {
            size = sizeof clause - 1;
        }
        memcpy(clause, rest, size);
        clause[size] = '\0';
        rest = end == NULL ? rest + strlen(rest) : end + 2;
        if (!chaos_clause(&story, clause)) {
            bad = clause;
            break;
        }
    }
    *is_connect = story.is_connect;
    return bad;
}
