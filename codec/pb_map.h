// SPDX-License-Identifier: MIT
// A map arrives as a list of entries in which a key may come again: the last
// one counts.

#ifndef CODEC_PB_MAP_H
#define CODEC_PB_MAP_H

#include "base/linkage.h"
#include "codec/pb_field.h"
#include "grpc.h"

// pb_map_unique drops every entry whose key comes again behind it and keeps
// the others in order. It costs n log n comparisons at most, and memory of the
// arena that is given back. GRPC_ENOMEM, GRPC_ELIMIT: the map is as it was.
INTERNAL MUST_CHECK grpc_result pb_map_unique(grpc_arena *arena,
                                              struct pb_array *map,
                                              const grpc_message *entry);

#endif
