// Lesson: say what is wrong with a request so that a program understands it.
// server [address]
#include <string.h>

#include "google/rpc/error_details.pb.h"
#include "lesson.h"
#include "order.pb.h"

struct article {
    const char *name;
    int64_t cents;
};

static const struct article articles[] = {
    {"tea", 450},
    {"bread", 320},
    {"honey", 780},
};

struct shop {
    unsigned orders;
};

// All that is wrong is told at once: nobody likes to correct a form field by
// field. A form with more mistakes than this is not read to its end.
enum { MISTAKES_MAX = 16 };

struct mistakes {
    google_rpc_BadRequest_FieldViolation list[MISTAKES_MAX];
    size_t count;
};

static void mistake(struct mistakes *mistakes, grpc_str field,
                    const char *description)
{
    if (mistakes->count < MISTAKES_MAX) {
        mistakes->list[mistakes->count++] =
            (google_rpc_BadRequest_FieldViolation){
                .field = field,
                .description = grpc_str_z(description),
            };
    }
}

static const struct article *find_article(grpc_str name)
{
    for (size_t i = 0; i < sizeof articles / sizeof articles[0]; i++) {
        // Received text has a NUL behind it.
        if (strcmp(articles[i].name, name.data) == 0) {
            return &articles[i];
        }
    }
    return NULL;
}

// total is the price of all lines; what is wrong with them is noted.
static int64_t total(grpc_call *call, const order_Order *order,
                     struct mistakes *mistakes)
{
    int64_t cents = 0;
    for (size_t i = 0; i < order->lines.count; i++) {
        const order_Line *line = &order->lines.data[i];
        const struct article *article = find_article(line->article);
        if (article == NULL) {
            // The call owns this text; nobody frees it.
            mistake(mistakes, grpc_call_printf(call, "lines[%zu].article", i),
                    "we do not sell that");
        } else if (line->count < 1 || line->count > 100) {
            mistake(mistakes, grpc_call_printf(call, "lines[%zu].count", i),
                    "from 1 to 100");
        } else {
            cents += article->cents * line->count;
        }
    }
    return cents;
}

static void place(grpc_call *call, const order_Order *order, void *self)
{
    struct shop *shop = self;
    struct mistakes mistakes = {.count = 0};
    if (order->customer.size == 0) {
        mistake(&mistakes, GRPC_STR("customer"), "whose order is it?");
    }
    if (strchr(order->email.data, '@') == NULL) {
        mistake(&mistakes, GRPC_STR("email"), "not an address");
    }
    if (order->lines.count == 0) {
        mistake(&mistakes, GRPC_STR("lines"), "an order of nothing");
    }
    int64_t cents = total(call, order, &mistakes);
    if (mistakes.count > 0) {
        google_rpc_BadRequest bad = {
            .field_violations = {mistakes.list, mistakes.count},
        };
        grpc_call_fail_with(
            call, GRPC_INVALID_ARGUMENT, "the order has mistakes",
            GRPC_DETAILS(GRPC_DETAIL(google_rpc_BadRequest, &bad)));
        return;
    }
    order_Receipt receipt = {
        .number = grpc_call_printf(call, "R-%04u", ++shop->orders),
        .total_cents = cents,
    };
    order_Orders_Place_reply(call, &receipt);
}

int main(int argc, char **argv)
{
    struct shop shop = {.orders = 0}; // handlers get it as self
    grpc_server *server = grpc_server_new(NULL);
    grpc_result added =
        order_Orders_serve(server, &(order_Orders){.Place = place}, &shop);
    return serve(server, added, argc > 1 ? argv[1] : "localhost:50051");
}
