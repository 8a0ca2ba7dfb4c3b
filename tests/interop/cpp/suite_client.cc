// SPDX-License-Identifier: MIT
// Google's C core, through grpc++ on its defaults, as the client of the interop
// suite (../README.md).
//
//     suite_client --server_host=H --server_port=P --test_case=CASE
//
// with --use_tls=true, --ca_file, --server_host_override, and --tls_cert_file and
// --tls_key_file for mutual TLS.
//
// Exit status 0 when the case passes.

#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "grpc/testing/test.grpc.pb.h"

#include "suite.h"

using grpc::ClientContext;
using grpc::Status;
using grpc::StatusCode;
using namespace grpc::testing;

namespace
{
constexpr int kLargeRequest = 271828;
constexpr int kLargeResponse = 314159;
const std::vector<int> kRequests = {27182, 8, 1828, 45904};
const std::vector<int> kResponses = {31415, 9, 2653, 58979};

std::shared_ptr<grpc::Channel> channel;
std::unique_ptr<TestService::Stub> stub;

bool Fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

bool Fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return false;
}

// ---- expectations -----------------------------------------------------------

bool ExpectCode(const Status &status, int code)
{
    return status.error_code() == code ||
           Fail("code %d instead of %d: %s", status.error_code(), code,
                status.error_message().c_str());
}

bool ExpectStatus(const Status &status, int code, const std::string &message)
{
    return ExpectCode(status, code) &&
           (status.error_message() == message ||
            Fail("the message is \"%s\"", status.error_message().c_str()));
}

bool ExpectPayload(const Payload &payload, int size)
{
    return (payload.type() == COMPRESSABLE &&
            payload.body() ==
                std::string(static_cast<size_t>(size), '\0')) ||
           Fail("a payload of %zu bytes instead of %d zeros",
                payload.body().size(), size);
}

bool ExpectCompressed(const ClientContext &context, bool want)
{
    return InteropClientContextInspector::WasCompressed(context) == want ||
           Fail("the reply came %s", want ? "uncompressed" : "compressed");
}

// ---- unary ------------------------------------------------------------------

SimpleRequest LargeRequest()
{
    SimpleRequest request;
    request.set_response_size(kLargeResponse);
    suite::Fill(request.mutable_payload(), kLargeRequest);
    return request;
}

bool EmptyUnary()
{
    ClientContext context;
    Empty reply;
    return ExpectCode(stub->EmptyCall(&context, Empty(), &reply), 0) &&
           (reply.ByteSizeLong() == 0 || Fail("the reply is not empty"));
}

bool LargeUnary()
{
    ClientContext context;
    SimpleResponse reply;
    const Status status = stub->UnaryCall(&context, LargeRequest(), &reply);
    suite::Look(context.auth_context().get());
    return ExpectCode(status, 0) &&
           ExpectPayload(reply.payload(), kLargeResponse);
}

bool ClientCompressedUnaryOnce(bool compress, bool expect, int code)
{
    ClientContext context;
    SimpleRequest request = LargeRequest();
    SimpleResponse reply;
    if (compress) {
        context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    }
    request.mutable_expect_compressed()->set_value(expect);
    return ExpectCode(stub->UnaryCall(&context, request, &reply), code) &&
           (code != 0 || ExpectPayload(reply.payload(), kLargeResponse));
}

bool ClientCompressedUnary()
{
    return ClientCompressedUnaryOnce(false, true,
                                     StatusCode::INVALID_ARGUMENT) &&
           ClientCompressedUnaryOnce(true, true, 0) &&
           ClientCompressedUnaryOnce(false, false, 0);
}

bool ServerCompressedUnaryOnce(bool compressed)
{
    ClientContext context;
    SimpleRequest request = LargeRequest();
    SimpleResponse reply;
    request.mutable_response_compressed()->set_value(compressed);
    return ExpectCode(stub->UnaryCall(&context, request, &reply), 0) &&
           ExpectPayload(reply.payload(), kLargeResponse) &&
           ExpectCompressed(context, compressed);
}

bool ServerCompressedUnary()
{
    return ServerCompressedUnaryOnce(true) && ServerCompressedUnaryOnce(false);
}

bool ConcurrentLargeUnary()
{
    struct Call {
        ClientContext context;
        SimpleResponse reply;
        Status status;
        std::unique_ptr<grpc::ClientAsyncResponseReader<SimpleResponse>> reader;
    };
    std::vector<Call> calls(1000);
    grpc::CompletionQueue queue;
    const SimpleRequest request = LargeRequest();
    for (Call &call : calls) {
        call.reader = stub->AsyncUnaryCall(&call.context, request, &queue);
        call.reader->Finish(&call.reply, &call.status, &call);
    }
    bool good = true;
    for (size_t left = calls.size(); left > 0; left--) {
        void *tag;
        bool ok;
        queue.Next(&tag, &ok);
        Call *call = static_cast<Call *>(tag);
        good = good && ExpectCode(call->status, 0) &&
               ExpectPayload(call->reply.payload(), kLargeResponse);
        call->reply.Clear();
    }
    return good;
}

bool PickFirstUnary()
{
    std::string first;
    for (int i = 0; i < 100; i++) {
        ClientContext context;
        SimpleRequest request;
        SimpleResponse reply;
        request.set_fill_server_id(true);
        if (!ExpectCode(stub->UnaryCall(&context, request, &reply), 0)) {
            return false;
        }
        if (i == 0) {
            first = reply.server_id();
        }
        if (first.empty() || reply.server_id() != first) {
            return Fail("the server's id is \"%s\" after \"%s\"",
                        reply.server_id().c_str(), first.c_str());
        }
    }
    return true;
}

// ---- streams ----------------------------------------------------------------

bool ClientStreaming()
{
    ClientContext context;
    StreamingInputCallResponse reply;
    auto writer = stub->StreamingInputCall(&context, &reply);
    for (int size : kRequests) {
        StreamingInputCallRequest request;
        suite::Fill(request.mutable_payload(), size);
        if (!writer->Write(request)) {
            return Fail("the stream broke");
        }
    }
    writer->WritesDone();
    return ExpectCode(writer->Finish(), 0) &&
           (reply.aggregated_payload_size() == 74922 ||
            Fail("a sum of %d", reply.aggregated_payload_size()));
}

bool ClientCompressedProbe()
{
    ClientContext context;
    StreamingInputCallResponse reply;
    auto writer = stub->StreamingInputCall(&context, &reply);
    StreamingInputCallRequest request;
    request.mutable_expect_compressed()->set_value(true);
    suite::Fill(request.mutable_payload(), 27182);
    writer->Write(request);
    writer->WritesDone();
    return ExpectCode(writer->Finish(), StatusCode::INVALID_ARGUMENT);
}

bool ClientCompressedStreaming()
{
    if (!ClientCompressedProbe()) {
        return false;
    }
    ClientContext context;
    StreamingInputCallResponse reply;
    context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    auto writer = stub->StreamingInputCall(&context, &reply);
    StreamingInputCallRequest request;
    request.mutable_expect_compressed()->set_value(true);
    suite::Fill(request.mutable_payload(), 27182);
    bool sent = writer->Write(request);
    request.mutable_expect_compressed()->set_value(false);
    suite::Fill(request.mutable_payload(), 45904);
    grpc::WriteOptions options;
    sent = sent && writer->Write(request, options.set_no_compression());
    writer->WritesDone();
    return (sent || Fail("the stream broke")) &&
           ExpectCode(writer->Finish(), 0) &&
           (reply.aggregated_payload_size() == 73086 ||
            Fail("a sum of %d", reply.aggregated_payload_size()));
}

bool ServerStreaming()
{
    ClientContext context;
    StreamingOutputCallRequest request;
    StreamingOutputCallResponse reply;
    for (int size : kResponses) {
        request.add_response_parameters()->set_size(size);
    }
    auto reader = stub->StreamingOutputCall(&context, request);
    size_t count = 0;
    while (reader->Read(&reply)) {
        if (count == kResponses.size() ||
            !ExpectPayload(reply.payload(), kResponses[count++])) {
            return Fail("at reply %zu", count);
        }
    }
    return ExpectCode(reader->Finish(), 0) &&
           (count == kResponses.size() || Fail("%zu replies", count));
}

bool ServerCompressedStreaming()
{
    static const std::pair<int, bool> wanted[] = {{31415, true},
                                                  {92653, false}};
    ClientContext context;
    StreamingOutputCallRequest request;
    StreamingOutputCallResponse reply;
    for (const auto &[size, compressed] : wanted) {
        auto *one = request.add_response_parameters();
        one->set_size(size);
        one->mutable_compressed()->set_value(compressed);
    }
    auto reader = stub->StreamingOutputCall(&context, request);
    for (const auto &[size, compressed] : wanted) {
        if (!reader->Read(&reply)) {
            return Fail("too few replies: %s",
                        reader->Finish().error_message().c_str());
        }
        if (!ExpectPayload(reply.payload(), size) ||
            !ExpectCompressed(context, compressed)) {
            return false;
        }
    }
    return (!reader->Read(&reply) || Fail("too many replies")) &&
           ExpectCode(reader->Finish(), 0);
}

using Duplex = grpc::ClientReaderWriter<StreamingOutputCallRequest,
                                        StreamingOutputCallResponse>;

bool Exchange(Duplex *stream, int request_size, int response_size)
{
    StreamingOutputCallRequest request;
    StreamingOutputCallResponse reply;
    request.add_response_parameters()->set_size(response_size);
    suite::Fill(request.mutable_payload(), request_size);
    return ((stream->Write(request) && stream->Read(&reply)) ||
            Fail("the stream broke: %s",
                 stream->Finish().error_message().c_str())) &&
           ExpectPayload(reply.payload(), response_size);
}

bool ExpectEnd(Duplex *stream)
{
    StreamingOutputCallResponse reply;
    return (!stream->Read(&reply) || Fail("too many replies")) &&
           ExpectCode(stream->Finish(), 0);
}

bool ExpectDone(Duplex *stream)
{
    stream->WritesDone();
    return ExpectEnd(stream);
}

bool PingPong()
{
    ClientContext context;
    auto stream = stub->FullDuplexCall(&context);
    for (size_t i = 0; i < kRequests.size(); i++) {
        if (!Exchange(stream.get(), kRequests[i], kResponses[i])) {
            return false;
        }
    }
    return ExpectDone(stream.get());
}

bool EmptyStream()
{
    ClientContext context;
    return ExpectDone(stub->FullDuplexCall(&context).get());
}

// Half duplex has no case of the suite; the servers have the method.
bool HalfDuplex()
{
    ClientContext context;
    auto stream = stub->HalfDuplexCall(&context);
    StreamingOutputCallRequest request;
    StreamingOutputCallResponse reply;
    for (int size : kResponses) {
        request.clear_response_parameters();
        request.add_response_parameters()->set_size(size);
        stream->Write(request);
    }
    stream->WritesDone();
    for (int size : kResponses) {
        if (!stream->Read(&reply) || !ExpectPayload(reply.payload(), size)) {
            return Fail("a reply is missing: %s",
                        stream->Finish().error_message().c_str());
        }
    }
    return ExpectEnd(stream.get());
}

// ---- metadata, status -------------------------------------------------------

const std::string kInitial = "test_initial_metadata_value";
const std::string kTrailing = "\xab\xab\xab";

bool ExpectOnce(const std::multimap<grpc::string_ref, grpc::string_ref> &all,
                const char *key, const std::string &value)
{
    auto range = all.equal_range(key);
    return (std::distance(range.first, range.second) == 1 &&
            range.first->second == value) ||
           Fail("%s did not come back", key);
}

bool ExpectEchoed(const ClientContext &context)
{
    return ExpectOnce(context.GetServerInitialMetadata(), suite::kEchoInitial,
                      kInitial) &&
           ExpectOnce(context.GetServerTrailingMetadata(), suite::kEchoTrailing,
                      kTrailing);
}

void AddMetadata(ClientContext *context)
{
    context->AddMetadata(suite::kEchoInitial, kInitial);
    context->AddMetadata(suite::kEchoTrailing, kTrailing);
}

bool CustomMetadata()
{
    ClientContext unary;
    SimpleRequest request;
    SimpleResponse reply;
    AddMetadata(&unary);
    request.set_response_size(1);
    suite::Fill(request.mutable_payload(), 1);
    if (!ExpectCode(stub->UnaryCall(&unary, request, &reply), 0) ||
        !ExpectEchoed(unary)) {
        return false;
    }
    ClientContext context;
    AddMetadata(&context);
    auto stream = stub->FullDuplexCall(&context);
    return Exchange(stream.get(), 1, 1) && ExpectDone(stream.get()) &&
           ExpectEchoed(context);
}

bool UnaryStatus(const std::string &message)
{
    ClientContext context;
    SimpleRequest request;
    SimpleResponse reply;
    request.mutable_response_status()->set_code(2);
    request.mutable_response_status()->set_message(message);
    return ExpectStatus(stub->UnaryCall(&context, request, &reply), 2, message);
}

bool StatusCodeAndMessage()
{
    const std::string message = "test status message";
    ClientContext context;
    StreamingOutputCallRequest request;
    StreamingOutputCallResponse reply;
    request.mutable_response_status()->set_code(2);
    request.mutable_response_status()->set_message(message);
    auto stream = stub->FullDuplexCall(&context);
    stream->Write(request);
    stream->WritesDone();
    return (!stream->Read(&reply) || Fail("a reply instead of the status")) &&
           ExpectStatus(stream->Finish(), 2, message) && UnaryStatus(message);
}

bool SpecialStatusMessage()
{
    return UnaryStatus("\t\ntest with whitespace\r\nand Unicode BMP "
                       "\xE2\x98\xBA and non-BMP \xF0\x9F\x98\x88\t\n");
}

bool UnimplementedMethod()
{
    ClientContext context;
    Empty reply;
    return ExpectCode(stub->UnimplementedCall(&context, Empty(), &reply),
                      StatusCode::UNIMPLEMENTED);
}

bool UnimplementedService_()
{
    ClientContext context;
    Empty reply;
    auto other = UnimplementedService::NewStub(channel);
    return ExpectCode(other->UnimplementedCall(&context, Empty(), &reply),
                      StatusCode::UNIMPLEMENTED);
}

// ---- cancellation, deadlines ------------------------------------------------

bool CancelAfterBegin()
{
    ClientContext context;
    StreamingInputCallResponse reply;
    auto writer = stub->StreamingInputCall(&context, &reply);
    context.TryCancel();
    return ExpectCode(writer->Finish(), StatusCode::CANCELLED);
}

bool CancelAfterFirstResponse()
{
    ClientContext context;
    auto stream = stub->FullDuplexCall(&context);
    if (!Exchange(stream.get(), 27182, 31415)) {
        return false;
    }
    context.TryCancel();
    return ExpectCode(stream->Finish(), StatusCode::CANCELLED);
}

bool TimeoutOnSleepingServer()
{
    ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::milliseconds(1));
    auto stream = stub->FullDuplexCall(&context);
    StreamingOutputCallRequest request;
    suite::Fill(request.mutable_payload(), 27182);
    stream->Write(request);
    return ExpectCode(stream->Finish(), StatusCode::DEADLINE_EXCEEDED);
}

// ---- soaks ------------------------------------------------------------------

bool RpcSoak()
{
    for (int i = 0; i < 10; i++) {
        if (!LargeUnary()) {
            return false;
        }
    }
    return true;
}

std::map<std::string, std::string> flags = {{"server_host", "localhost"},
                                            {"server_port", "10000"},
                                            {"test_case", "large_unary"}};
std::string target;

std::shared_ptr<grpc::ChannelCredentials> Credentials()
{
    if (flags["use_tls"] != "true") {
        return grpc::InsecureChannelCredentials();
    }
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = suite::Content(flags["ca_file"]);
    if (flags.count("tls_cert_file")) {
        options.pem_cert_chain = suite::Content(flags["tls_cert_file"]);
        options.pem_private_key = suite::Content(flags["tls_key_file"]);
    }
    return grpc::SslCredentials(options);
}

void Connect()
{
    grpc::ChannelArguments arguments;
    // A channel of its own connection, which channel_soak is about.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    if (flags.count("server_host_override")) {
        arguments.SetSslTargetNameOverride(flags["server_host_override"]);
    }
    channel = grpc::CreateCustomChannel(target, Credentials(), arguments);
    stub = TestService::NewStub(channel);
}

bool ChannelSoak()
{
    for (int i = 0; i < 10; i++) {
        Connect();
        if (!LargeUnary()) {
            return false;
        }
    }
    return true;
}

// ---- a server that misbehaves -----------------------------------------------

bool Goaway()
{
    if (!LargeUnary()) {
        return false;
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
    return LargeUnary();
}

bool FailedByReset(bool may_have_reply)
{
    ClientContext context;
    SimpleResponse reply;
    const Status status = stub->UnaryCall(&context, LargeRequest(), &reply);
    return (!status.ok() || Fail("the call did not fail")) &&
           (may_have_reply || !reply.has_payload() ||
            Fail("a reply was delivered"));
}

bool RstBeforeReply()
{
    return FailedByReset(false);
}

bool RstAfterData()
{
    return FailedByReset(true);
}

bool MaxStreams()
{
    if (!LargeUnary()) {
        return false;
    }
    bool good[10] = {};
    std::vector<std::thread> threads;
    for (bool &one : good) {
        threads.emplace_back([&one] { one = LargeUnary(); });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    for (bool one : good) {
        if (!one) {
            return false;
        }
    }
    return true;
}

const std::map<std::string, std::function<bool()>> cases = {
    {"empty_unary", EmptyUnary},
    {"large_unary", LargeUnary},
    {"client_compressed_unary", ClientCompressedUnary},
    {"server_compressed_unary", ServerCompressedUnary},
    {"concurrent_large_unary", ConcurrentLargeUnary},
    {"pick_first_unary", PickFirstUnary},
    {"client_streaming", ClientStreaming},
    {"client_compressed_streaming", ClientCompressedStreaming},
    {"server_streaming", ServerStreaming},
    {"server_compressed_streaming", ServerCompressedStreaming},
    {"ping_pong", PingPong},
    {"half_duplex", HalfDuplex},
    {"empty_stream", EmptyStream},
    {"custom_metadata", CustomMetadata},
    {"status_code_and_message", StatusCodeAndMessage},
    {"special_status_message", SpecialStatusMessage},
    {"unimplemented_method", UnimplementedMethod},
    {"unimplemented_service", UnimplementedService_},
    {"cancel_after_begin", CancelAfterBegin},
    {"cancel_after_first_response", CancelAfterFirstResponse},
    {"timeout_on_sleeping_server", TimeoutOnSleepingServer},
    {"rpc_soak", RpcSoak},
    {"channel_soak", ChannelSoak},
    {"goaway", Goaway},
    {"rst_after_header", RstBeforeReply},
    {"rst_during_data", RstBeforeReply},
    {"rst_after_data", RstAfterData},
    {"ping", LargeUnary},
    {"max_streams", MaxStreams},
    {"data_frame_padding", LargeUnary},
    {"no_df_padding_sanity_test", LargeUnary},
};
} // namespace

int main(int argc, char **argv)
{
    if (!suite::ReadFlags(argc, argv, &flags)) {
        return 2;
    }
    const auto found = cases.find(flags["test_case"]);
    if (found == cases.end()) {
        fprintf(stderr, "no case %s\n", flags["test_case"].c_str());
        return 2;
    }
    target = flags["server_host"] + ":" + flags["server_port"];
    Connect();
    return found->second() ? 0 : 1;
}
