// Lesson: read what a server says about a request that it does not take.
// client [target]
#include "google/rpc/error_details.pb.h"
#include "lesson.h"
#include "order.pb.h"

// show_mistakes prints each field that the server has named.
static void show_mistakes(const grpc_status *status, grpc_arena *arena)
{
    google_rpc_BadRequest bad;
    if (grpc_status_detail(status, &google_rpc_BadRequest_message, 0, arena,
                           &bad) != GRPC_OK) {
        return; // no such detail: the code and the message are all there is
    }
    for (size_t i = 0; i < bad.field_violations.count; i++) {
        const google_rpc_BadRequest_FieldViolation *mistake =
            &bad.field_violations.data[i];
        printf("  %s: %s\n", mistake->field.data, mistake->description.data);
    }
}

static grpc_code place(grpc_channel *channel, const order_Order *order)
{
    grpc_arena arena = {0}; // what is received lives here
    order_Receipt receipt;
    grpc_status status =
        order_Orders_Place(channel, &arena, order, &receipt,
                           &(grpc_call_options){.timeout_ms = 5000});
    if (status.code == GRPC_OK) {
        printf("receipt %s: %lld cents\n", receipt.number.data,
               (long long)receipt.total_cents);
    } else {
        printf("%s: %s\n", grpc_code_name(status.code), status.message);
        show_mistakes(&status, &arena);
    }
    grpc_arena_free(&arena);
    return status.code;
}

int main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "localhost:50051";
    grpc_channel *channel = grpc_channel_new(target, NULL);
    const order_Line breakfast[] = {
        {.article = GRPC_STR("tea"), .count = 2},
        {.article = GRPC_STR("bread"), .count = 1},
    };
    const order_Order good = {
        .customer = GRPC_STR("Ann"),
        .email = GRPC_STR("ann@example.org"),
        .lines = {breakfast, 2},
    };
    const order_Line strange[] = {
        {.article = GRPC_STR("tea"), .count = 0},
        {.article = GRPC_STR("moon dust"), .count = 1},
    };
    const order_Order bad = {
        .customer = GRPC_STR("Bob"),
        .email = GRPC_STR("bob at home"),
        .lines = {strange, 2},
    };
    int as_expected = place(channel, &good) == GRPC_OK;
    as_expected = place(channel, &bad) == GRPC_INVALID_ARGUMENT && as_expected;
    grpc_channel_free(channel);
    return as_expected ? 0 : 1;
}
