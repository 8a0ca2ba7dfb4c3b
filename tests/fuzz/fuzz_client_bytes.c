// SPDX-License-Identifier: MIT
// The bytes that a server sends, to a client: see fuzz_peer.h.

#include "tests/fuzz/fuzz_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    peer_fuzz(false, data, size);
    return 0;
}
