// SPDX-License-Identifier: MIT
// What the C++ client and server of the interop suite share.

#ifndef TESTS_INTEROP_CPP_SUITE_H
#define TESTS_INTEROP_CPP_SUITE_H

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <string>

#include <grpcpp/grpcpp.h>

#include "grpc/testing/messages.pb.h"

// Google's C core has these for its own tests of compression, in its library
// and in no installed header.
uint32_t grpc_call_test_only_get_message_flags(grpc_call *call);

// The classes that grpc++ lets look at a call.
namespace grpc
{
namespace testing
{
constexpr uint32_t kWasCompressed = 0x40000000u;

class InteropServerContextInspector
{
  public:
    static bool WasCompressed(const ServerContextBase &context)
    {
        return (grpc_call_test_only_get_message_flags(context.call_.call) &
                kWasCompressed) != 0;
    }
};

class InteropClientContextInspector
{
  public:
    static bool WasCompressed(const ClientContext &context)
    {
        return (grpc_call_test_only_get_message_flags(context.call()) &
                kWasCompressed) != 0;
    }
};
} // namespace testing
} // namespace grpc

namespace suite
{
inline const char kEchoInitial[] = "x-grpc-test-echo-initial";
inline const char kEchoTrailing[] = "x-grpc-test-echo-trailing-bin";

// Reads --name=value, --name value and --name into the map; false and a message
// for what is none of these.
inline bool ReadFlags(int argc, char **argv,
                      std::map<std::string, std::string> *flags)
{
    for (int i = 1; i < argc; i++) {
        std::string word = argv[i];
        if (word.compare(0, 2, "--") != 0) {
            fprintf(stderr, "not a flag: %s\n", argv[i]);
            return false;
        }
        word.erase(0, 2);
        size_t equals = word.find('=');
        if (equals != std::string::npos) {
            (*flags)[word.substr(0, equals)] = word.substr(equals + 1);
        } else if (i + 1 < argc && strncmp(argv[i + 1], "--", 2) != 0) {
            (*flags)[word] = argv[++i];
        } else {
            (*flags)[word] = "true";
        }
    }
    return true;
}

inline std::string Content(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

// Look prints who the peer of a call is, unless it is that of the call before.
// Which version of TLS it is this library does not tell.
inline void Look(const grpc::AuthContext *identity)
{
    static std::mutex mutex;
    static std::string last;
    const auto ask = [identity](const char *name, const char *none) {
        const auto values = identity->FindPropertyValues(name);
        return values.empty() ? std::string(none)
                              : std::string(values[0].data(), values[0].size());
    };
    if (identity == nullptr || ask("transport_security_type", "") != "ssl") {
        return;
    }
    const bool resumed = ask("ssl_session_reused", "false") == "true";
    const std::string seen =
        "identity ?,?," + ask("x509_common_name", "nobody") + "," +
        (resumed ? "resumed" : "full") + ",?,grpc++ " + grpc::Version();
    std::lock_guard<std::mutex> lock(mutex);
    if (seen != last) {
        fprintf(stderr, "%s\n", seen.c_str());
        last = seen;
    }
}

inline void Fill(grpc::testing::Payload *payload, int size)
{
    payload->set_type(grpc::testing::COMPRESSABLE);
    payload->set_body(std::string(static_cast<size_t>(size), '\0'));
}
} // namespace suite

#endif
