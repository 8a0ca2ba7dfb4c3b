// SPDX-License-Identifier: MIT

#include "tests/sim/sim_cast.h"

enum {
    LINKS_PATIENCE_US = 3000000, // longer than all stalls and pauses
    LINKS_CALM_US = 9000000,     // than all timers of handlers and callers
    // Two timers, and each is due when its last millisecond has gone by.
    LINKS_ROUNDED_US = 2000,
};

// ---- Troubles ---------------------------------------------------------------

void core_trouble_all(struct core *core)
{
    for (size_t i = 0; i < core->channel_count; i++) {
        core->channels[i].troubles++;
    }
}

void core_trouble(struct core *core, struct core_link *link)
{
    link->doomed = true;
    if (link->channel >= 0) {
        core->channels[link->channel].troubles++;
    } else {
        core_trouble_all(core);
    }
}

// core_note_refusals: connections that are refused or lost are troubles as well.
void core_note_refusals(struct core *core)
{
    if (core->world->refused > 0) {
        core->world->refused = 0;
        core_trouble_all(core);
        sim_met(SIM_REFUSED_CONNECT);
    }
}

// core_is_doomed: some connection of that channel has met with trouble and is
// not yet gone.
bool core_is_doomed(const struct core *core, int channel)
{
    for (size_t i = 0; i < CORE_LINKS; i++) {
        const struct core_link *link = &core->links[i];
        if (link->used && (link->doomed || link->wire.punished) &&
            (link->channel == channel || link->channel < 0)) {
            return true;
        }
    }
    return false;
}

// ---- Silence ----------------------------------------------------------------

void core_swallow(struct core *core, struct core_link *link, int side)
{
    core_trouble(core, link);
    link->swallows[side] = true;
    sim_silence(core->world, link->fds[side]);
    sim_met(link->swallows[1 - side] ? SIM_SWALLOWED_BOTH : SIM_SWALLOWED);
    sim_note("connection %lld: nothing comes to side %lld any more",
             (long long)(link - core->links), side, 0, 0);
}

void core_note_stall(struct core *core, size_t loop, uint64_t us)
{
    for (size_t i = 0; i < CORE_LINKS; i++) {
        struct core_link *link = &core->links[i];
        bool is_client =
            link->channel >= 0 &&
            core->channels[link->channel].loop == core->loops[loop];
        link->stalled_us[WIRE_CLIENT] += is_client ? us : 0;
        link->stalled_us[WIRE_SERVER] += loop == 0 ? us : 0;
    }
}

static void links_hear(const struct core *core, struct core_link *link,
                       int side)
{
    link->heard_us[side] = core->world->now_us;
    link->stalled_us[side] = 0;
}

// links_asks: silence is of interest to that side now.
static bool links_asks(const struct core *core, const struct core_link *link,
                       int side)
{
    const struct conn *conn = link->conns[side];
    return conn->state == CONN_READY && conn->held == NULL &&
           (conn->waits & 1u << CONN_DUE_PAUSE) == 0 &&
           (side == WIRE_SERVER || core->times.without_calls ||
            !list_is_empty(&conn->calls));
}

// links_follow_calls: what is no silence, or nobody's who listens, begins anew.
static void links_follow_calls(const struct core *core, struct core_link *link)
{
    for (int side = 0; side < 2; side++) {
        if (link->conns[side] != NULL && !links_asks(core, link, side)) {
            links_hear(core, link, side);
        }
    }
}

// links_check_silence: it is found within keepalive and its timeout.
static void links_check_silence(const struct core *core,
                                const struct core_link *link, int side)
{
    const struct core_times *times = &core->times;
    if (link->conns[side] == NULL || times->keepalive_ms[side] == GRPC_NEVER ||
        !links_asks(core, link, side)) {
        return;
    }
    uint64_t most_ms = times->keepalive_ms[side] + times->timeout_ms[side];
    uint64_t due_us = link->heard_us[side] + link->stalled_us[side] +
                      most_ms * 1000 + LINKS_ROUNDED_US;
    SIM_CHECK(core->world->now_us <= due_us,
              "connection %d: side %d has heard nothing for %llu us, and does "
              "not know",
              (int)(link - core->links), side,
              (unsigned long long)(core->world->now_us - link->heard_us[side]));
}

static void links_count_silence(const struct core_link *link, int side)
{
    if (link->swallows[side]) {
        sim_met(side == WIRE_CLIENT ? SIM_SILENCE_CLIENT : SIM_SILENCE_SERVER);
    }
}

// ---- The oracle of the wire -------------------------------------------------

static struct core_link *core_link_of(struct core *core, int fd, int *out_side)
{
    struct core_link *link = sim_end(core->world, fd)->user;
    if (link != NULL) {
        *out_side = link->fds[1] == fd;
    }
    return link;
}

static void core_opened(void *user, int client_fd, int server_fd)
{
    struct core *core = user;
    size_t i = 0;
    while (i < CORE_LINKS && core->links[i].used) {
        i++;
    }
    SIM_CHECK(i < CORE_LINKS, "too many connections");
    struct core_link *link = &core->links[i];
    link->used = true;
    core->links_used = core->links_used > i ? core->links_used : i + 1;
    link->fds[0] = client_fd;
    link->fds[1] = server_fd;
    for (int side = 0; side < 2; side++) {
        link->conns[side] = NULL;
        link->over[side] = false;
        link->read[side] = 0;
        link->moved_us[side] = core->world->now_us;
        link->swallows[side] = false;
        links_hear(core, link, side);
        sim_end(core->world, link->fds[side])->user = link;
    }
    link->channel = -1;
    link->doomed = false;
    link->has_flooded = false;
    link->pings = 0;
    link->is_spoiled = false;
    wire_init(&link->wire);
    link->wire.all_refusals = &core->refusals;
    link->wire.now_us = &core->world->now_us;
    link->wire.drains = core->calm;
    link->wire.hungry = core->hungry;
    link->wire.strict = core->times.is_strict;
    sim_note("connection %lld opens", (long long)i, 0, 0, 0);
}

// core_was_taken_back: a client that leaves takes back what begins calls, and may
// say GOAWAY instead. The oracle has read that output already, and looks no more.
static bool core_was_taken_back(const struct core_link *link, int side)
{
    const struct conn *conn = link->conns[side];
    const struct wire_side *own = &link->wire.sides[side];
    bool is_over = link->over[side] || (conn != NULL && conn_is_over(conn));
    return side == WIRE_CLIENT && is_over && own->seen > own->left;
}

static void core_look_no_more(struct core_link *link)
{
    link->wire.sides[WIRE_CLIENT].blind = true;
    for (int side = 0; side < 2; side++) {
        link->conns[side] = NULL;
        link->over[side] = true;
        link->wire.sides[side].over = true;
    }
}

// core_wrote_plain: so many bytes of that side's engine have left it.
static void core_wrote_plain(struct core_link *link, int side,
                             const uint8_t *bytes, size_t size)
{
    if (core_was_taken_back(link, side)) {
        core_look_no_more(link);
    }
    wire_wrote(&link->wire, side, bytes, size);
}

static void core_took_plain(struct core_link *link, int side, size_t size)
{
    link->read[side] += size;
    wire_cut(&link->wire, 1 - side, link->read[side]);
}

static void core_wrote(void *user, int fd, const uint8_t *bytes, size_t size)
{
    int side;
    struct core *core = user;
    struct core_link *link = core_link_of(core, fd, &side);
    if (link != NULL) {
        const struct conn *conn = link->conns[side];
        link->moved_us[side] = core->world->now_us;
        if (conn != NULL && (conn->waits & 1u << CONN_DUE_WRITE) != 0) {
            links_hear(core, link, side); // what was stuck has been taken
        }
        if (!core->is_safe) {
            core_wrote_plain(link, side, bytes, size);
        }
    }
}

static void core_delivered(void *user, int fd, size_t size)
{
    int side;
    struct core *core = user;
    const struct sim_end *end = sim_end(core->world, fd);
    struct core_link *link = core_link_of(core, fd, &side);
    core->moved_us = core->world->now_us;
    if (link != NULL && end->in.delivered - end->in.taken == size) {
        link->moved_us[side] = core->world->now_us;
    }
}

static void core_took(void *user, int fd, size_t size)
{
    int side;
    struct core *core = user;
    struct core_link *link = core_link_of(core, fd, &side);
    if (link != NULL) {
        link->moved_us[side] = core->world->now_us;
        links_hear(core, link, side);
        if (!core->is_safe) {
            core_took_plain(link, side, size);
        }
    }
}

static struct conn *core_find_among(const struct list_link *conns,
                                    const void *secure)
{
    LIST_EACH (cursor, after, conns) {
        struct conn *conn = LIST_OWNER(cursor, struct conn, link_owner);
        if (conn->secure != NULL && conn->secure->session == secure) {
            return conn;
        }
    }
    return NULL;
}

// core_find is the connection of a session that begins.
static struct conn *core_find(void *user, const void *secure)
{
    const struct core *core = user;
    struct conn *found = NULL;
    for (size_t i = 0; i < core->client_loops + 1 && found == NULL; i++) {
        const grpc_loop *loop = core->loops[i];
        LIST_EACH (server, server_after, &loop->servers) {
            found = found != NULL
                        ? found
                        : core_find_among(&LIST_OWNER(server,
                                                      const struct grpc_server,
                                                      link_loop)
                                               ->conns,
                                          secure);
        }
        LIST_EACH (channel, channel_after, &loop->channels) {
            found = found != NULL
                        ? found
                        : core_find_among(&LIST_OWNER(channel,
                                                      const struct grpc_channel,
                                                      link_loop)
                                               ->conns,
                                          secure);
        }
    }
    return found;
}

static void core_wrote_safe(void *user, const struct conn *conn,
                            const uint8_t *bytes, size_t size)
{
    int side;
    struct core_link *link = core_link_of(user, conn->source.fd, &side);
    if (link != NULL) {
        core_wrote_plain(link, side, bytes, size);
    }
}

static void core_took_safe(void *user, const struct conn *conn, size_t size)
{
    int side;
    struct core_link *link = core_link_of(user, conn->source.fd, &side);
    if (link != NULL) {
        core_took_plain(link, side, size);
    }
}

struct sim_tls_tap core_tap(struct core *core)
{
    return (struct sim_tls_tap){
        .user = core,
        .find = core_find,
        .wrote = core_wrote_safe,
        .took = core_took_safe,
    };
}

static bool core_credit_under_way(const struct wire_link *wire)
{
    return wire->sides[0].credit_sent != wire->sides[0].credit_taken ||
           wire->sides[1].credit_sent != wire->sides[1].credit_taken;
}

static void core_closed(void *user, int fd)
{
    int side;
    struct core *core = user;
    struct core_link *link = core_link_of(core, fd, &side);
    if (link == NULL) {
        return;
    }
    if (!link->over[0] && !link->over[1] &&
        core_credit_under_way(&link->wire)) {
        sim_met(SIM_WINDOW_LOST);
    }
    links_count_silence(link, side);
    link->conns[side] = NULL;
    link->over[side] = true;
    link->wire.sides[side].over = true;
    if (core->times.is_hasty || link->wire.punished) {
        core_trouble(core,
                     link); // by keepalive, perhaps, or the end of a grace
    }
    if (link->doomed) {
        core_trouble(core, link);
    }
    sim_end(core->world, fd)->user = NULL;
    if (sim_end(core->world, link->fds[1 - side])->user != link) {
        link->used = false;
    }
    sim_note("connection %lld: side %lld is closed",
             (long long)(link - core->links), side, 0, 0);
}

// core_is_mute: what an end does that can write no more, the wire does not show.
static bool core_is_mute(const struct conn *conn)
{
    return conn_is_over(conn) || conn->h2.state == H2_CONN_CLOSED ||
           conn->write_error != 0 ||
           (conn->secure != NULL && conn->secure->session->state > SECURE_OPEN);
}

// core_meet finds out which connection of the library belongs to a link.
static struct core_link *core_meet(struct core *core, struct conn *conn,
                                   int channel)
{
    if (conn->source.fd < 0 || conn_is_opening(conn)) {
        return NULL;
    }
    int side;
    struct core_link *link = core_link_of(core, conn->source.fd, &side);
    if (link == NULL) {
        return NULL;
    }
    if (channel >= 0) {
        if (link->channel < 0 && core->channels[channel].connected++ > 0) {
            sim_met(SIM_RECONNECT);
        }
        link->channel = channel;
    }
    if (core_is_mute(conn)) {
        link->over[side] = true;
        link->wire.sides[side].over = true;
    }
    link->conns[side] = link->over[side] ? NULL : conn;
    return link->conns[side] == NULL ? NULL : link;
}

static void core_check_link(struct core *core, struct core_link *link)
{
    bool deep = core->thorough || core_random(core, 16) == 0;
    links_follow_calls(core, link);
    const struct h2_conn *engines[2] = {NULL, NULL};
    for (int side = 0; side < 2; side++) {
        const struct conn *conn = link->conns[side];
        if (conn != NULL) {
            engines[side] = &conn->h2;
            wire_scan(&link->wire, side, &conn->h2);
        }
    }
    for (int side = 0; side < 2; side++) {
        const struct conn *conn = link->conns[side];
        if (conn == NULL) {
            continue;
        }
        if (conn->held != NULL) {
            sim_met(SIM_BLOCKED);
        }
        if (conn->assembly_waits > 0) {
            sim_met(SIM_ASSEMBLY);
        }
        size_t held =
            conn->held != NULL ? conn->held->size - conn->held->used : 0;
        wire_take(&link->wire, 1 - side, link->read[side] - held);
        if (deep) {
            h2_check(&conn->h2);
            conn_check(conn);
        }
    }
    wire_check(&link->wire, engines[0], engines[1], deep);
}

// Of a loop's connections; which ends are over is found out on the way.
typedef void core_visit(struct core *core, struct core_link *link);

static void core_visit_server(struct core *core, core_visit *visit)
{
    for (size_t i = 0; i < CORE_SERVERS; i++) {
        grpc_server *server = core->servers[i].server;
        if (server == NULL) {
            continue;
        }
        safe_look(core, server);
        LIST_EACH (cursor, after, &server->conns) {
            struct core_link *link = core_meet(
                core, LIST_OWNER(cursor, struct conn, link_owner), -1);
            if (link != NULL) {
                visit(core, link);
            }
        }
    }
}

static void core_visit_clients(struct core *core, const grpc_loop *loop,
                               core_visit *visit)
{
    for (size_t i = 0; i < core->channel_count; i++) {
        grpc_channel *channel = core->channels[i].channel;
        if (channel == NULL || core->channels[i].loop != loop) {
            continue;
        }
        LIST_EACH (cursor, after, &channel->conns) {
            struct core_link *link = core_meet(
                core, LIST_OWNER(cursor, struct conn, link_owner), (int)i);
            if (link != NULL) {
                visit(core, link);
            }
        }
    }
}

static void core_pass_by(struct core *core, struct core_link *link)
{
    (void)core;
    (void)link;
}

static void core_stepped(void *user, grpc_loop *loop)
{
    struct core *core = user;
    core->steps++;
    // Both ends of a connection may be on the server's loop: all are met before
    // one is looked at.
    bool is_servers = loop == core->loops[0];
    if (is_servers && core->inner >= 0) {
        core_visit_server(core, core_pass_by);
        core_visit_clients(core, loop, core_pass_by);
    }
    if (is_servers) {
        core_visit_server(core, core_check_link);
    }
    core_visit_clients(core, loop, core_check_link);
}

// ---- Where nobody speaks ----------------------------------------------------

void core_hear_mute(void *user, int fd)
{
    struct core *core = user;
    size_t i = 0;
    while (i < CORE_MUTES && core->mutes[i] != 0) {
        i++;
    }
    SIM_CHECK(i < CORE_MUTES, "too many connections to where nobody speaks");
    core->mutes[i] = fd;
    sim_met(SIM_MUTE);
}

void core_sweep_mutes(struct core *core)
{
    for (size_t i = 0; i < CORE_MUTES; i++) {
        int fd = core->mutes[i];
        if (fd != 0 &&
            sim_end(core->world, sim_end(core->world, fd)->peer)->state ==
                SIM_CLOSED) {
            core->mutes[i] = 0;
            sim_raw_close(core->world, fd);
        }
    }
}

struct core_link *core_some_link(struct core *core)
{
    uint32_t first = core_random(core, CORE_LINKS);
    for (uint32_t i = 0; i < CORE_LINKS; i++) {
        struct core_link *link = &core->links[(first + i) % CORE_LINKS];
        if (link->used && link->conns[0] != NULL && link->conns[1] != NULL) {
            return link;
        }
    }
    return NULL;
}

struct core_link *core_some_opening(struct core *core)
{
    uint32_t first = core_random(core, CORE_LINKS);
    for (uint32_t i = 0; i < CORE_LINKS; i++) {
        struct core_link *link = &core->links[(first + i) % CORE_LINKS];
        if (link->used && link->conns[0] == NULL && link->conns[1] == NULL &&
            !link->over[0] && !link->over[1]) {
            return link;
        }
    }
    return NULL;
}

void core_watch(struct core *core)
{
    core->world->tap = (struct sim_tap){
        .user = core,
        .opened = core_opened,
        .wrote = core_wrote,
        .delivered = core_delivered,
        .took = core_took,
        .closed = core_closed,
        .stepped = core_stepped,
    };
}

// links_is_stuck: bytes lie unread at that side, and it neither reads nor writes,
// though what it writes would come.
static bool links_is_stuck(const struct core *core,
                           const struct core_link *link, int side)
{
    if (link->conns[side] == NULL || link->swallows[1 - side] ||
        core->world->now_us - link->moved_us[side] < LINKS_PATIENCE_US) {
        return false;
    }
    const struct sim_pipe *pipe = &sim_end(core->world, link->fds[side])->in;
    return pipe->delivered > pipe->taken;
}

void core_check_progress(const struct core *core)
{
    for (size_t i = 0; i < core->links_used; i++) {
        const struct core_link *link = &core->links[i];
        for (int side = 0; side < 2 && link->used; side++) {
            SIM_CHECK(!links_is_stuck(core, link, side),
                      "connection %zu: side %d does not read what has come", i,
                      side);
            if (link->swallows[side]) {
                links_check_silence(core, link, side);
            }
        }
    }
    SIM_CHECK(!core->calm ||
                  core->world->now_us - core->moved_us < LINKS_CALM_US,
              "nothing moves");
}

void core_check_rest(const struct core *core)
{
    for (size_t i = 0; i < core->client_loops + 1; i++) {
        SIM_CHECK(core->loops[i]->calls.taken == 0 &&
                      core->loops[i]->h2.streams.taken == 0,
                  "loop %zu: calls or streams are not given back", i);
    }
    for (size_t i = 0; i < CORE_LINKS; i++) {
        const struct core_link *link = &core->links[i];
        if (!link->used || link->conns[0] == NULL || link->conns[1] == NULL ||
            link->swallows[0] || link->swallows[1] || link->is_spoiled) {
            continue;
        }
        const struct h2_conn *client = &link->conns[0]->h2;
        const struct h2_conn *server = &link->conns[1]->h2;
        SIM_CHECK(client->stream_count == 0 && server->stream_count == 0,
                  "connection %zu: streams are left", i);
        for (int side = 0; side < 2; side++) {
            const struct conn *conn = link->conns[side];
            SIM_CHECK(list_is_empty(&conn->calls) && conn->orphan_count == 0 &&
                          conn->assembling == 0,
                      "connection %zu: calls are left", i);
        }
        wire_check_quiet(client, server);
    }
}
