// SPDX-License-Identifier: MIT
// Credentials of the scenarios that have TLS: with the toy, all of whose memory is
// its side's heap, or with mbedTLS.

#include "tests/sim/oom.h"

#include <string.h>

#include "tests/sim/sim_report.h"
#include "tests/toy_tls.h"

// oom_safe_options are those of a side; more: the files are others, with the same
// meaning.
static grpc_tls_options oom_safe_options(struct oom *oom, int side, bool more)
{
    unsigned ways = oom->scenario->ways;
    bool is_server = side == 0;
    bool other_root = (ways & (is_server ? OOM_STRANGER : OOM_IMPOSTOR)) != 0;
    bool is_mutual = (ways & (OOM_MUTUAL | OOM_STRANGER)) != 0;
    grpc_tls_options options = {
        .server_name = is_server ? NULL : "localhost",
        .roots_file = test_cert(other_root ? "other-ca.crt"
                                : more     ? "both-cas.crt"
                                           : "ca.crt"),
    };
    if (is_server) {
        options.clients =
            is_mutual ? GRPC_CLIENTS_REQUIRED : GRPC_CLIENTS_UNKNOWN;
        options.identity.certificate_file =
            test_cert(more ? "server-chain.crt" : "server.crt");
        options.identity.key_file =
            test_cert(more ? "server-chain.key" : "server.key");
        // Who asks nobody for a certificate has no use for roots.
        options.roots_file = is_mutual ? options.roots_file : NULL;
    } else if (is_mutual) {
        options.identity.certificate_file = test_cert("client.crt");
        options.identity.key_file = test_cert("client.key");
    }
    return options;
}

static void oom_safe_choose_library(struct oom *oom, int side,
                                    grpc_tls_options *options)
{
    struct toy *toy = &oom->toys[side];
#if OOM_HAS_VENDOR
    if ((oom->scenario->ways & OOM_VENDOR) != 0) {
        options->library = &oom_vendor_library;
        options->library_data = &oom->vendors[side];
        return;
    }
#endif
    toy->sums = true;
    toy->allocator = &oom->heaps[side].allocator;
    options->allocator = oom->heaps[side].allocator;
    options->library = &toy_tls;
    options->library_data = toy;
}

bool oom_safe_begin(struct oom *oom)
{
    if ((oom->scenario->ways & OOM_SAFE) == 0) {
        return true;
    }
    bool good = true;
    for (int side = 0; side < 2; side++) {
        grpc_tls_options options = oom_safe_options(oom, side, false);
        oom_safe_choose_library(oom, side, &options);
        grpc_credentials *made =
            side == 0 ? grpc_tls_server(&options) : grpc_tls_client(&options);
        oom->credentials[side] = made;
        good = good && grpc_credentials_error(made)[0] == '\0';
    }
    return good;
}

grpc_credentials *oom_safe_credentials(const struct oom *oom, int side)
{
    return grpc_credentials_keep(oom->credentials[side]);
}

void oom_safe_reload(struct oom *oom, int side, bool more)
{
    grpc_tls_options options = oom_safe_options(oom, side, more);
    oom_safe_choose_library(oom, side, &options);
    grpc_result result =
        grpc_credentials_reload(oom->credentials[side], more ? &options : NULL);
    SIM_CHECK((result == GRPC_OK) ==
                  (grpc_credentials_error(oom->credentials[side])[0] == '\0'),
              "reloaded: %s, but \"%s\"", grpc_result_name(result),
              grpc_credentials_error(oom->credentials[side]));
}

void oom_safe_check_identity(struct oom *oom, grpc_call *call)
{
    const grpc_identity *identity = grpc_call_identity(call);
    bool is_mutual = (oom->scenario->ways & OOM_MUTUAL) != 0;
    if (identity == NULL) {
        return; // without memory
    }
    SIM_CHECK(identity->level == GRPC_PRIVATE, "it came by %s",
              identity->protocol);
    SIM_CHECK(!is_mutual || (identity->is_verified &&
                             strstr(identity->subject, "CN=") != NULL),
              "a client that was not verified: %s", identity->subject);
}

void oom_safe_end(struct oom *oom)
{
    for (int side = 0; side < 2; side++) {
        grpc_credentials_free(oom->credentials[side]);
        oom->credentials[side] = NULL;
        SIM_CHECK(oom->toys[side].open_contexts == 0 &&
                      oom->toys[side].open_sessions == 0,
                  "contexts or sessions of TLS are left");
    }
}
