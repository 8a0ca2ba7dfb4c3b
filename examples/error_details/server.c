// Lesson: several details in one status: why, and what to do about it.
// server [address]
#include "error_details.pb.h"
#include "google/protobuf/duration.pb.h"
#include "google/rpc/error_details.pb.h"
#include "lesson.h"

struct well {
    int32_t buckets;
    uint64_t empty_since_ms; // of the loop's time
};

enum { BUCKETS = 2, FILL_MS = 200 };

static void fail_empty(grpc_call *call, uint64_t wait_ms)
{
    // ErrorInfo is for programs: a reason that never changes, unlike the
    // message, which is for people.
    const google_rpc_ErrorInfo_MetadataEntry facts[] = {
        {GRPC_STR("buckets"), grpc_call_printf(call, "%d", BUCKETS), {0}},
    };
    google_rpc_ErrorInfo info = {
        .reason = GRPC_STR("WELL_EMPTY"),
        .domain = GRPC_STR("well.example.org"),
        .metadata = {facts, 1},
    };
    google_protobuf_Duration wait = {.nanos = (int32_t)wait_ms * 1000000};
    google_rpc_RetryInfo retry = {.retry_delay = &wait};
    grpc_call_fail_with(
        call, GRPC_RESOURCE_EXHAUSTED, "the well is empty",
        GRPC_DETAILS(GRPC_DETAIL(google_rpc_ErrorInfo, &info),
                     GRPC_DETAIL(google_rpc_RetryInfo, &retry)));
}

static void draw(grpc_call *call, const error_details_Bucket *bucket,
                 void *self)
{
    struct well *well = self;
    uint64_t now = grpc_loop_now(grpc_call_loop(call));
    (void)bucket;
    if (well->buckets == 0 && now - well->empty_since_ms < FILL_MS) {
        fail_empty(call, FILL_MS - (now - well->empty_since_ms));
        return;
    }
    if (well->buckets == 0) {
        well->buckets = BUCKETS;
    }
    well->buckets--;
    well->empty_since_ms = now;
    error_details_Well_Draw_reply(
        call, &(error_details_Water){.buckets_left = well->buckets});
}

int main(int argc, char **argv)
{
    struct well well = {.buckets = BUCKETS};
    grpc_server *server = grpc_server_new(NULL);
    grpc_result added = error_details_Well_serve(
        server, &(error_details_Well){.Draw = draw}, &well);
    return serve(server, added, argc > 1 ? argv[1] : "localhost:50051");
}
