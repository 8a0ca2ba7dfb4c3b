// SPDX-License-Identifier: MIT
// The two workloads of the simulation. A seed is one run of either.

#ifndef TESTS_SIM_SIM_CORE_H
#define TESTS_SIM_SIM_CORE_H

#include <stdint.h>

#include "tests/sim/sim_report.h"

// sim_core_run: a server and channels, at least 50 calls through the API. Some
// seeds have TLS; all of them, with mbedTLS, if real.
void sim_core_run(uint64_t seed, struct sim_tally *tally, bool real);

// sim_engine_run: two engines, at least 50 streams with DATA both ways.
void sim_engine_run(uint64_t seed, struct sim_tally *tally);

#endif
