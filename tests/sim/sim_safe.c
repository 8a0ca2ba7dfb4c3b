// SPDX-License-Identifier: MIT

#include "tests/sim/sim_cast.h"

#include <string.h>

enum { SAFE_PERCENT = 40, SAFE_NARROW_PERCENT = 40 };

static grpc_credentials *safe_make(struct core *core, int side)
{
    grpc_tls_options options;
    bool is_server = side == CORE_SERVER;
    sim_tls_options(&core->tls, is_server, 0, false, &core->safe_heap.allocator,
                    &options);
    grpc_credentials *made =
        is_server ? grpc_tls_server(&options) : grpc_tls_client(&options);
    SIM_CHECK(grpc_credentials_error(made)[0] == '\0', "no credentials: %s",
              grpc_credentials_error(made));
    return made;
}

void safe_choose(struct core *core, bool real)
{
    core->is_safe = core_chance(core, SAFE_PERCENT) || real;
    if (!core->is_safe) {
        return;
    }
    struct sim_tls_tap tap = core_tap(core);
    core->is_narrow = core_chance(core, SAFE_NARROW_PERCENT);
    test_heap_init(&core->safe_heap);
    sim_tls_init(&core->tls, real, &tap);
    for (int side = 0; side < CORE_SIDES; side++) {
        core->credentials[side] = safe_make(core, side);
    }
}

grpc_credentials *safe_credentials(const struct core *core, int side)
{
    return grpc_credentials_keep(core->credentials[side]);
}

void safe_look(const struct core *core, const grpc_server *server)
{
    if (core->is_safe && !list_is_empty(&server->gate.waiting)) {
        SIM_CHECK(server->gate.inside == server->gate.most,
                  "a connection waits, and %u of %u are inside",
                  (unsigned)server->gate.inside, (unsigned)server->gate.most);
        sim_met(SIM_GATE);
    }
}

void safe_check_identity(const struct core_call *call, grpc_call *handle)
{
    const struct core *core = call->core;
    if (call->salt % 4 != 0) {
        return;
    }
    const grpc_identity *identity = grpc_call_identity(handle);
    SIM_CHECK(identity != NULL || core->hungry, "call %u: of nobody",
              call->index);
    if (identity == NULL) {
        return;
    }
    const char *protocol = !core->is_safe  ? "none"
                           : core->is_real ? "TLS 1."
                                           : "toy";
    SIM_CHECK(strncmp(identity->protocol, protocol, strlen(protocol)) == 0,
              "call %u: came by %s", call->index, identity->protocol);
    SIM_CHECK(identity->level == (core->is_safe ? GRPC_PRIVATE : GRPC_INSECURE),
              "call %u: of level %d", call->index, (int)identity->level);
    if (core->is_safe) {
        sim_met(SIM_IDENTIFIED);
    }
}

// ---- Acts -------------------------------------------------------------------

void safe_reload(struct core *core)
{
    grpc_tls_options options;
    int side = (int)core_random(core, CORE_SIDES);
    bool bad = core_chance(core, 30);
    sim_tls_options(&core->tls, side == CORE_SERVER, ++core->reloads, bad,
                    &core->safe_heap.allocator, &options);
    grpc_result result =
        grpc_credentials_reload(core->credentials[side], &options);
    SIM_CHECK((result == GRPC_OK) == !bad || core->hungry,
              "side %d: %s credentials are reloaded: %s", side,
              bad ? "bad" : "good", grpc_result_name(result));
    SIM_CHECK(result == GRPC_OK ||
                  grpc_credentials_error(core->credentials[side])[0] != '\0',
              "no reason");
    sim_met(result == GRPC_OK ? SIM_RELOADED : SIM_RELOAD_REFUSED);
    sim_note("side %lld: credentials are reloaded, bad: %lld", side, bad, 0, 0);
}

// safe_change changes a byte of a connection; what that is, its receiver finds,
// or else waits for what does not come.
static bool safe_change(struct core *core, struct core_link *link, int side,
                        enum sim_event event)
{
    if (!sim_spoil(core->world, link->fds[side])) {
        return false;
    }
    core_trouble(core, link);
    link->is_spoiled = true;
    sim_met(event);
    sim_note("connection %lld: a byte for side %lld is changed",
             (long long)(link - core->links), side, 0, 0);
    return true;
}

// safe_spoil: a length that is changed is silence, so somebody has to listen.
void safe_spoil(struct core *core)
{
    struct core_link *link = core_some_link(core);
    bool changed = link == NULL;
    for (int side = 0; side < 2 && !changed; side++) {
        changed = core->times.keepalive_ms[side] != GRPC_NEVER &&
                  safe_change(core, link, side, SIM_SPOILED);
    }
}

void safe_disturb(struct core *core)
{
    struct core_link *link = core_some_opening(core);
    int side = (int)core_random(core, 2);
    if (link == NULL) {
        return;
    }
    switch (core_random(core, 6)) {
    case 1:
        core_trouble(core, link);
        sim_cut_off(core->world, link->fds[side]);
        break;
    case 2:
        core_trouble(core, link);
        sim_tear(core->world, link->fds[0], core_chance(core, 50));
        break;
    case 3:
        if (core->times.keepalive_ms[side] != GRPC_NEVER) {
            core_swallow(core, link, side);
        }
        break;
    default:
        if (!safe_change(core, link, side, SIM_SPOILED_EARLY)) {
            (void)safe_change(core, link, 1 - side, SIM_SPOILED_EARLY);
        }
        break;
    }
    sim_note("connection %lld is disturbed before it is open",
             (long long)(link - core->links), 0, 0, 0);
}

void safe_end(struct core *core)
{
    if (!core->is_safe) {
        return;
    }
    for (int side = 0; side < CORE_SIDES; side++) {
        grpc_credentials_free(core->credentials[side]);
    }
    SIM_CHECK(test_heap_is_clean(&core->safe_heap),
              "credentials leak %zu blocks", core->safe_heap.live_blocks);
    sim_tls_check_rest(&core->tls);
}
