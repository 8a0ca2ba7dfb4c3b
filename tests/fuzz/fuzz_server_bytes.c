// SPDX-License-Identifier: MIT
// The bytes that a client sends, to a server: see fuzz_peer.h.

#include "tests/fuzz/fuzz_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    peer_fuzz(true, data, size);
    return 0;
}
