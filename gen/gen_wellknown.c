// SPDX-License-Identifier: MIT

#define _POSIX_C_SOURCE 200809L

#include "gen/gen_wellknown.h"

#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#define WELLKNOWN_MAX_PATH 4096

static const struct {
    const char *type; // behind "google."
    const char *file;
} wellknown_types[] = {
    {"protobuf.Any", "google/protobuf/any.proto"},
    {"protobuf.Api", "google/protobuf/api.proto"},
    {"protobuf.BoolValue", "google/protobuf/wrappers.proto"},
    {"protobuf.BytesValue", "google/protobuf/wrappers.proto"},
    {"protobuf.DoubleValue", "google/protobuf/wrappers.proto"},
    {"protobuf.Duration", "google/protobuf/duration.proto"},
    {"protobuf.Empty", "google/protobuf/empty.proto"},
    {"protobuf.EnumOptions", "google/protobuf/descriptor.proto"},
    {"protobuf.EnumValueOptions", "google/protobuf/descriptor.proto"},
    {"protobuf.FieldMask", "google/protobuf/field_mask.proto"},
    {"protobuf.FieldOptions", "google/protobuf/descriptor.proto"},
    {"protobuf.FileOptions", "google/protobuf/descriptor.proto"},
    {"protobuf.FloatValue", "google/protobuf/wrappers.proto"},
    {"protobuf.Int32Value", "google/protobuf/wrappers.proto"},
    {"protobuf.Int64Value", "google/protobuf/wrappers.proto"},
    {"protobuf.ListValue", "google/protobuf/struct.proto"},
    {"protobuf.MessageOptions", "google/protobuf/descriptor.proto"},
    {"protobuf.MethodOptions", "google/protobuf/descriptor.proto"},
    {"protobuf.NullValue", "google/protobuf/struct.proto"},
    {"protobuf.OneofOptions", "google/protobuf/descriptor.proto"},
    {"protobuf.ServiceOptions", "google/protobuf/descriptor.proto"},
    {"protobuf.SourceContext", "google/protobuf/source_context.proto"},
    {"protobuf.StringValue", "google/protobuf/wrappers.proto"},
    {"protobuf.Struct", "google/protobuf/struct.proto"},
    {"protobuf.Timestamp", "google/protobuf/timestamp.proto"},
    {"protobuf.Type", "google/protobuf/type.proto"},
    {"protobuf.UInt32Value", "google/protobuf/wrappers.proto"},
    {"protobuf.UInt64Value", "google/protobuf/wrappers.proto"},
    {"protobuf.Value", "google/protobuf/struct.proto"},
    {"rpc.BadRequest", "google/rpc/error_details.proto"},
    {"rpc.Code", "google/rpc/code.proto"},
    {"rpc.DebugInfo", "google/rpc/error_details.proto"},
    {"rpc.ErrorInfo", "google/rpc/error_details.proto"},
    {"rpc.Help", "google/rpc/error_details.proto"},
    {"rpc.LocalizedMessage", "google/rpc/error_details.proto"},
    {"rpc.PreconditionFailure", "google/rpc/error_details.proto"},
    {"rpc.QuotaFailure", "google/rpc/error_details.proto"},
    {"rpc.RequestInfo", "google/rpc/error_details.proto"},
    {"rpc.ResourceInfo", "google/rpc/error_details.proto"},
    {"rpc.RetryInfo", "google/rpc/error_details.proto"},
    {"rpc.Status", "google/rpc/status.proto"},
};

const char *gen_wellknown_file(const char *type)
{
    size_t count = sizeof wellknown_types / sizeof wellknown_types[0];
    if (strncmp(type, "google.", 7) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(type + 7, wellknown_types[i].type) == 0) {
            return wellknown_types[i].file;
        }
    }
    return NULL;
}

static bool wellknown_is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

// Where the shell found a program that was called without a slash.
static const char *wellknown_search(struct gen_memory *memory,
                                    const char *program)
{
    const char *path = getenv("PATH");
    while (path != NULL && *path != '\0') {
        size_t size = strcspn(path, ":");
        const char *file =
            gen_print(memory, "%.*s/%s", (int)size, path, program);
        if (size > 0 && access(file, X_OK) == 0) {
            return file;
        }
        path += size + (path[size] == ':');
    }
    return NULL;
}

// The path of the running program; NULL when it cannot be known.
static const char *wellknown_program(struct gen_memory *memory,
                                     const char *program)
{
    char path[WELLKNOWN_MAX_PATH];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path);
    if (size > 0 && (size_t)size < sizeof path) {
        return gen_copy(memory, path, (size_t)size);
    }
    if (program == NULL || strchr(program, '/') != NULL) {
        return program;
    }
    return wellknown_search(memory, program);
}

const char *gen_wellknown_directory(struct gen_memory *memory,
                                    const char *option, const char *program)
{
    const char *variable = getenv("CGRPC_PROTO_PATH");
    if (option != NULL) {
        return option;
    }
    if (variable != NULL && *variable != '\0') {
        return variable;
    }
    const char *path = wellknown_program(memory, program);
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    if (slash != NULL) {
        path = gen_print(memory, "%.*s/../share/cgrpc/proto",
                         (int)(slash - path), path);
        if (wellknown_is_directory(path)) {
            return path;
        }
    }
#if defined(GEN_PROTO_DIR)
    return GEN_PROTO_DIR;
#else
    return NULL;
#endif
}

#undef WELLKNOWN_MAX_PATH
