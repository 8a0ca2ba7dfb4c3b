// SPDX-License-Identifier: MIT
// The .proto files that come with cgrpc-gen: google/protobuf/... and
// google/rpc/... of messages for the details of a status.

#ifndef GEN_WELLKNOWN_H
#define GEN_WELLKNOWN_H

#include "gen/gen_memory.h"

// gen_wellknown_file returns the file that defines a well-known type, such as
// "google.protobuf.Timestamp"; NULL for other names.
INTERNAL const char *gen_wellknown_file(const char *type);

// gen_wellknown_directory returns the directory of the installed files. The
// first one counts that is set: option, the environment's CGRPC_PROTO_PATH, the
// directory share/cgrpc/proto beside the one that the program is in (if it
// exists), and the one that was compiled in. NULL when there is none.
INTERNAL const char *gen_wellknown_directory(struct gen_memory *memory,
                                             const char *option,
                                             const char *program);

#endif
