// SPDX-License-Identifier: MIT
// Google's C core, through grpc++ on its defaults, as the server of the interop
// suite (../README.md).
//
//     suite_server --port=P     0: any; prints "listening P"
//
// with --use_tls=true, --tls_cert_file, --tls_key_file, and --client_ca_file for
// mutual TLS.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "grpc/testing/test.grpc.pb.h"

#include "suite.h"

using grpc::ServerContext;
using grpc::Status;
using grpc::StatusCode;
using namespace grpc::testing;

namespace
{
// Outcome is a status for those that ask for one, and OK else.
Status EchoedStatus(const EchoStatus &wanted)
{
    return Status(static_cast<StatusCode>(wanted.code()), wanted.message());
}

bool IsAsExpected(const ServerContext &context, bool has, const BoolValue &want)
{
    return !has ||
           InteropServerContextInspector::WasCompressed(context) ==
               want.value();
}

const Status kNotAsExpected(StatusCode::INVALID_ARGUMENT,
                            "the message is not compressed as expected");

// Begin is done in most calls: it looks at the client, and echoes its metadata.
void Begin(ServerContext *context)
{
    suite::Look(context->auth_context().get());
    const auto &metadata = context->client_metadata();
    auto initial = metadata.find(suite::kEchoInitial);
    if (initial != metadata.end()) {
        context->AddInitialMetadata(
            suite::kEchoInitial,
            std::string(initial->second.data(), initial->second.size()));
    }
    auto trailing = metadata.find(suite::kEchoTrailing);
    if (trailing != metadata.end()) {
        context->AddTrailingMetadata(
            suite::kEchoTrailing,
            std::string(trailing->second.data(), trailing->second.size()));
    }
}

class Service final : public TestService::Service
{
    Status EmptyCall(ServerContext *context, const Empty *, Empty *) override
    {
        Begin(context);
        return Status::OK;
    }

    Status UnaryCall(ServerContext *context, const SimpleRequest *request,
                     SimpleResponse *response) override
    {
        Begin(context);
        if (request->has_response_compressed()) {
            context->set_compression_algorithm(
                request->response_compressed().value() ? GRPC_COMPRESS_GZIP
                                                       : GRPC_COMPRESS_NONE);
        }
        if (!IsAsExpected(*context, request->has_expect_compressed(),
                          request->expect_compressed())) {
            return kNotAsExpected;
        }
        if (request->response_status().code() != 0) {
            return EchoedStatus(request->response_status());
        }
        if (request->response_type() != COMPRESSABLE ||
            request->response_size() < 0) {
            return Status(StatusCode::INVALID_ARGUMENT, "no such payload");
        }
        suite::Fill(response->mutable_payload(), request->response_size());
        if (request->fill_server_id()) {
            response->set_server_id("grpc++");
        }
        return Status::OK;
    }

    Status StreamingInputCall(
        ServerContext *context,
        grpc::ServerReader<StreamingInputCallRequest> *reader,
        StreamingInputCallResponse *response) override
    {
        StreamingInputCallRequest request;
        size_t sum = 0;
        while (reader->Read(&request)) {
            if (!IsAsExpected(*context, request.has_expect_compressed(),
                              request.expect_compressed())) {
                return kNotAsExpected;
            }
            sum += request.payload().body().size();
        }
        response->set_aggregated_payload_size(static_cast<int>(sum));
        return Status::OK;
    }

    Status StreamingOutputCall(
        ServerContext *context, const StreamingOutputCallRequest *request,
        grpc::ServerWriter<StreamingOutputCallResponse> *writer) override
    {
        Begin(context);
        PrepareCompression(context, *request);
        return Answer(*request, writer);
    }

    Status FullDuplexCall(
        ServerContext *context,
        grpc::ServerReaderWriter<StreamingOutputCallResponse,
                                 StreamingOutputCallRequest> *stream) override
    {
        Begin(context);
        StreamingOutputCallRequest request;
        while (stream->Read(&request)) {
            Status status = Answer(request, stream);
            if (!status.ok()) {
                return status;
            }
        }
        return Status::OK;
    }

    Status HalfDuplexCall(
        ServerContext *context,
        grpc::ServerReaderWriter<StreamingOutputCallResponse,
                                 StreamingOutputCallRequest> *stream) override
    {
        Begin(context);
        std::vector<StreamingOutputCallRequest> requests;
        StreamingOutputCallRequest request;
        while (stream->Read(&request)) {
            requests.push_back(request);
        }
        for (const auto &each : requests) {
            Status status = Answer(each, stream);
            if (!status.ok()) {
                return status;
            }
        }
        return Status::OK;
    }

    static void PrepareCompression(ServerContext *context,
                                   const StreamingOutputCallRequest &request)
    {
        for (const auto &one : request.response_parameters()) {
            if (one.compressed().value()) {
                context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
            }
        }
    }

    template <typename Writer>
    static Status Answer(const StreamingOutputCallRequest &request,
                         Writer *writer)
    {
        if (request.response_status().code() != 0) {
            return EchoedStatus(request.response_status());
        }
        for (const auto &one : request.response_parameters()) {
            if (one.size() < 0) {
                return Status(StatusCode::INVALID_ARGUMENT, "no such size");
            }
            StreamingOutputCallResponse response;
            suite::Fill(response.mutable_payload(), one.size());
            grpc::WriteOptions options;
            if (one.has_compressed() && !one.compressed().value()) {
                options.set_no_compression();
            }
            std::this_thread::sleep_for(
                std::chrono::microseconds(one.interval_us()));
            if (!writer->Write(response, options)) {
                return Status(StatusCode::CANCELLED, "the client has gone");
            }
        }
        return Status::OK;
    }
};

std::shared_ptr<grpc::ServerCredentials>
Credentials(std::map<std::string, std::string> &flags)
{
    if (flags["use_tls"] != "true") {
        return grpc::InsecureServerCredentials();
    }
    grpc::SslServerCredentialsOptions options;
    if (flags.count("client_ca_file")) {
        options.pem_root_certs = suite::Content(flags["client_ca_file"]);
        options.client_certificate_request =
            GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
    }
    options.pem_key_cert_pairs.push_back(
        {suite::Content(flags["tls_key_file"]),
         suite::Content(flags["tls_cert_file"])});
    return grpc::SslServerCredentials(options);
}
} // namespace

int main(int argc, char **argv)
{
    std::map<std::string, std::string> flags;
    if (!suite::ReadFlags(argc, argv, &flags)) {
        return 2;
    }
    const std::string port = flags.count("port") ? flags["port"] : "10000";
    int bound = 0;
    Service service;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("[::]:" + port, Credentials(flags), &bound);
    builder.RegisterService(&service);
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (server == nullptr || bound == 0) {
        fprintf(stderr, "cannot listen on port %s\n", port.c_str());
        return 1;
    }
    printf("listening %d\n", bound);
    fflush(stdout);
    server->Wait();
    return 0;
}
