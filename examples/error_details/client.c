// Lesson: act on the details of a status: here, wait as long as the server says
// and try again. client [target]
#include <poll.h>
#include <string.h>

#include "error_details.pb.h"
#include "google/protobuf/duration.pb.h"
#include "google/rpc/error_details.pb.h"
#include "lesson.h"

// retry_after_ms is what the server wants us to wait; -1: not to try again.
static int retry_after_ms(const grpc_status *status, grpc_arena *arena)
{
    google_rpc_RetryInfo retry;
    if (grpc_status_detail(status, &google_rpc_RetryInfo_message, 0, arena,
                           &retry) != GRPC_OK ||
        retry.retry_delay == NULL || retry.retry_delay->seconds > 60) {
        return -1;
    }
    return (int)retry.retry_delay->seconds * 1000 +
           (int)retry.retry_delay->nanos / 1000000;
}

// The reason is what a program compares.
static void show_reason(const grpc_status *status, grpc_arena *arena)
{
    google_rpc_ErrorInfo info;
    if (grpc_status_detail(status, &google_rpc_ErrorInfo_message, 0, arena,
                           &info) != GRPC_OK) {
        return;
    }
    printf("%s of %s", info.reason.data, info.domain.data);
    for (size_t i = 0; i < info.metadata.count; i++) {
        printf(", %s=%s", info.metadata.data[i].key.data,
               info.metadata.data[i].value.data);
    }
    printf("\n");
}

// draw returns whether there was water, in the end.
static int draw(grpc_channel *channel)
{
    grpc_arena arena = {0};
    grpc_status status;
    for (int tries = 0; tries < 3; tries++) {
        error_details_Bucket bucket = {.owner = GRPC_STR("Ann")};
        error_details_Water water;
        grpc_arena_reset(&arena);
        status =
            error_details_Well_Draw(channel, &arena, &bucket, &water, NULL);
        if (status.code == GRPC_OK) {
            printf("water, %d more\n", (int)water.buckets_left);
            break;
        }
        printf("%s: %s\n", grpc_code_name(status.code), status.message);
        show_reason(&status, &arena);
        int wait_ms = retry_after_ms(&status, &arena);
        if (wait_ms < 0) {
            break;
        }
        poll(NULL, 0, wait_ms + 1);
    }
    grpc_arena_free(&arena);
    return status.code == GRPC_OK;
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    grpc_channel *channel = grpc_channel_new(target, NULL);
    int buckets = 0;
    while (buckets < 3 && draw(channel)) {
        buckets++;
    }
    grpc_channel_free(channel);
    return buckets == 3 ? 0 : 1;
}
