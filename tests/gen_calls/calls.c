// SPDX-License-Identifier: MIT
// Generated code of stream.proto between a library that only writes down what
// it is told, and callbacks that do the same: each thing arrives where it
// belongs, as what it was. Ends with 0, or says what is wrong.

#include "stream.pb.h"

#include <stdio.h>
#include <string.h>

// What was told last.
static struct {
    grpc_call *call;
    const grpc_method *method;
    const void *request;
    const void *reply;
    const grpc_status *status;
    grpc_events events;
    bool has_events;
    void *self;
    grpc_function *callback;
    void (*end)(grpc_call *call, void *argument);
    const grpc_call_options *options;
    const char *name;
} calls_told;
static int calls_failures;

static void calls_clear(void)
{
    memset(&calls_told, 0, sizeof calls_told);
    calls_told.name = "nothing";
}

#define CHECK(condition) calls_check(condition, #condition, __LINE__)
static void calls_check(bool is_good, const char *what, int line)
{
    if (!is_good) {
        printf("%d: %s, after %s\n", line, what, calls_told.name);
        calls_failures++;
    }
}

// ---- The library ------------------------------------------------------------

// Things that are only pointed to.
static char calls_places[8];
#define THE_CALL    ((grpc_call *)(void *)&calls_places[0])
#define THE_CHANNEL ((grpc_channel *)(void *)&calls_places[1])
#define THE_SELF    ((void *)&calls_places[2])
#define NEW_CALL    ((grpc_call *)(void *)&calls_places[3])

static const stream_Text calls_text = {.number = 7};
static const stream_Number calls_number = {.value = 8};
static const grpc_call_options calls_options = {.timeout_ms = 9};

const grpc_codec grpc_protobuf = {"proto", NULL, NULL};

grpc_result grpc_message_decode(const grpc_message *type, void *message,
                                grpc_arena *arena, const void *data,
                                size_t size)
{
    (void)type, (void)message, (void)arena, (void)data, (void)size;
    return GRPC_ENOMEM;
}

grpc_str grpc_message_encode(const grpc_message *type, const void *message,
                             grpc_arena *arena)
{
    grpc_str none = {NULL, 0};
    (void)type, (void)message, (void)arena;
    return none;
}

grpc_result grpc_server_serve(grpc_server *server, const grpc_service *service,
                              const void *handlers, void *self)
{
    (void)server, (void)service, (void)handlers, (void)self;
    return GRPC_ESTATE;
}

void grpc_call_unimplemented(grpc_call *call)
{
    calls_told.name = "unimplemented";
    calls_told.call = call;
}

grpc_result grpc_call_reply(grpc_call *call, const void *reply)
{
    calls_told.name = "reply";
    calls_told.call = call;
    calls_told.reply = reply;
    return GRPC_ENOMEM;
}

grpc_result grpc_call_send(grpc_call *call, const void *message)
{
    calls_told.name = "send";
    calls_told.call = call;
    calls_told.request = message;
    return GRPC_AGAIN;
}

grpc_result grpc_call_receive(grpc_call *call, grpc_function *message,
                              void (*end)(grpc_call *call, void *argument),
                              void *argument)
{
    calls_told.name = "receive";
    calls_told.call = call;
    calls_told.callback = message;
    calls_told.end = end;
    calls_told.self = argument;
    return GRPC_ESTATE;
}

grpc_call *grpc_unary_start(grpc_channel *channel, const grpc_method *method,
                            const void *request, grpc_function *callback,
                            void *self, const grpc_call_options *options)
{
    CHECK(channel == THE_CHANNEL);
    calls_told.name = "unary_start";
    calls_told.method = method;
    calls_told.request = request;
    calls_told.callback = callback;
    calls_told.self = self;
    calls_told.options = options;
    return NEW_CALL;
}

grpc_status grpc_unary(grpc_channel *channel, grpc_arena *arena,
                       const grpc_method *method, const void *request,
                       void *reply, const grpc_call_options *options)
{
    grpc_status status = {GRPC_ABORTED, "", 0, {NULL, 0}};
    CHECK(channel == THE_CHANNEL && arena != NULL);
    calls_told.name = "unary";
    calls_told.method = method;
    calls_told.request = request;
    calls_told.reply = reply;
    calls_told.options = options;
    return status;
}

grpc_call *grpc_stream_start(grpc_channel *channel, const grpc_method *method,
                             const void *request, const grpc_events *events,
                             void *self, const grpc_call_options *options)
{
    CHECK(channel == THE_CHANNEL);
    calls_told.name = "stream_start";
    calls_told.method = method;
    calls_told.request = request;
    calls_told.events = *events;
    calls_told.has_events = true;
    calls_told.self = self;
    calls_told.options = options;
    return NEW_CALL;
}

grpc_call *grpc_stream_call(grpc_channel *channel, grpc_arena *arena,
                            const grpc_method *method, const void *request,
                            const grpc_call_options *options)
{
    CHECK(channel == THE_CHANNEL && arena != NULL);
    calls_told.name = "stream_call";
    calls_told.method = method;
    calls_told.request = request;
    calls_told.options = options;
    return NEW_CALL;
}

grpc_result grpc_call_next(grpc_call *call, const void **message)
{
    calls_told.name = "next";
    calls_told.call = call;
    *message = &calls_text;
    return GRPC_MORE;
}

grpc_status grpc_call_end_with(grpc_call *call, void *reply)
{
    grpc_status status = {GRPC_DATA_LOSS, "", 0, {NULL, 0}};
    calls_told.name = "end_with";
    calls_told.call = call;
    calls_told.reply = reply;
    return status;
}

// ---- The user ---------------------------------------------------------------

static void calls_one(grpc_call *call, const stream_Text *request, void *self)
{
    calls_told.name = "One";
    calls_told.call = call;
    calls_told.request = request;
    calls_told.self = self;
}

static void calls_many(grpc_call *call, const stream_Text *request, void *self)
{
    calls_one(call, request, self);
    calls_told.name = "Many";
}

static void calls_collect(grpc_call *call, void *self)
{
    calls_one(call, NULL, self);
    calls_told.name = "Collect";
}

static void calls_talk(grpc_call *call, void *self)
{
    calls_one(call, NULL, self);
    calls_told.name = "Talk";
}

static void calls_mixed(grpc_call *call, void *self)
{
    calls_one(call, NULL, self);
    calls_told.name = "Mixed";
}

static void calls_text_received(grpc_call *call, const stream_Text *request,
                                void *argument)
{
    calls_one(call, request, argument);
    calls_told.name = "text";
}

static void calls_number_received(grpc_call *call, const stream_Number *request,
                                  void *argument)
{
    calls_one(call, NULL, argument);
    calls_told.request = request;
    calls_told.name = "number";
}

static void calls_received_all(grpc_call *call, void *argument)
{
    (void)call, (void)argument;
}

static void calls_headers(grpc_call *call, void *self)
{
    (void)call, (void)self;
}

static void calls_message(grpc_call *call, const stream_Text *reply, void *self)
{
    calls_one(call, NULL, self);
    calls_told.reply = reply;
    calls_told.name = "message";
}

static void calls_writable(grpc_call *call, void *self)
{
    (void)call, (void)self;
}

static void calls_done(grpc_call *call, const grpc_status *status,
                       const stream_Text *reply, void *self)
{
    calls_message(call, reply, self);
    calls_told.status = status;
    calls_told.name = "done";
}

static void calls_end(grpc_call *call, const grpc_status *status, void *self)
{
    calls_done(call, status, NULL, self);
    calls_told.name = "end";
}

// ---- The tests --------------------------------------------------------------

enum { ONE, MANY, COLLECT, TALK, MIXED, METHODS };
static const char *const calls_names[] = {"One", "Many", "Collect", "Talk",
                                          "Mixed"};

static bool calls_is(const char *name)
{
    return strcmp(calls_told.name, name) == 0;
}

static const grpc_method *calls_method(size_t i)
{
    return &stream_Streams_service.methods[i];
}

static void calls_tables(void)
{
    CHECK(stream_Streams_service.method_count == METHODS);
    for (size_t i = 0; i < METHODS; i++) {
        const grpc_method *method = calls_method(i);
        bool in = i == COLLECT || i == TALK || i == MIXED;
        bool out = i == MANY || i == TALK || i == MIXED;
        CHECK(method->streams_requests == in);
        CHECK(method->streams_replies == out);
        CHECK((method->on_request != NULL) == in);
        CHECK((method->on_reply != NULL) == out);
        CHECK(strcmp(method->path + strlen("/stream.Streams/"),
                     calls_names[i]) == 0);
    }
    CHECK(calls_method(MIXED)->request == &stream_Number_message);
    CHECK(calls_method(MIXED)->reply == &stream_Text_message);
}

static void calls_handlers(void)
{
    const stream_Streams none = {0};
    const stream_Streams handlers = {calls_one, calls_many, calls_collect,
                                     calls_talk, calls_mixed};
    for (size_t i = 0; i < METHODS; i++) {
        const grpc_method *method = calls_method(i);
        const void *request = method->streams_requests ? NULL : &calls_text;
        calls_clear();
        method->handle(THE_CALL, request, &handlers, THE_SELF);
        CHECK(calls_is(calls_names[i]));
        CHECK(calls_told.call == THE_CALL && calls_told.self == THE_SELF);
        CHECK(calls_told.request == request);
        calls_clear();
        method->handle(THE_CALL, request, &none, THE_SELF);
        CHECK(calls_is("unimplemented") && calls_told.call == THE_CALL);
    }
}

static void calls_receives(size_t i, const void *request, const char *name)
{
    CHECK(calls_is("receive") && calls_told.call == THE_CALL);
    CHECK(calls_told.end == calls_received_all);
    CHECK(calls_told.self == THE_SELF);
    grpc_function *callback = calls_told.callback;
    calls_clear();
    calls_method(i)->on_request(THE_CALL, request, callback, THE_SELF);
    CHECK(calls_is(name) && calls_told.call == THE_CALL);
    CHECK(calls_told.request == request && calls_told.self == THE_SELF);
    calls_clear();
    calls_method(i)->on_request(THE_CALL, request, NULL, THE_SELF);
    CHECK(calls_is("nothing"));
}

static void calls_of_the_server(void)
{
    CHECK(stream_Streams_Collect_receive(THE_CALL, calls_text_received,
                                         calls_received_all,
                                         THE_SELF) == GRPC_ESTATE);
    calls_receives(COLLECT, &calls_text, "text");
    CHECK(stream_Streams_Talk_receive(THE_CALL, calls_text_received,
                                      calls_received_all,
                                      THE_SELF) == GRPC_ESTATE);
    calls_receives(TALK, &calls_text, "text");
    CHECK(stream_Streams_Mixed_receive(THE_CALL, calls_number_received,
                                       calls_received_all,
                                       THE_SELF) == GRPC_ESTATE);
    calls_receives(MIXED, &calls_number, "number");
    calls_clear();
    CHECK(stream_Streams_One_reply(THE_CALL, &calls_text) == GRPC_ENOMEM);
    CHECK(calls_is("reply") && calls_told.reply == &calls_text);
    calls_clear();
    CHECK(stream_Streams_Collect_reply(THE_CALL, &calls_text) == GRPC_ENOMEM);
    CHECK(calls_is("reply") && calls_told.reply == &calls_text);
}

static void calls_sends(grpc_result result, const void *message)
{
    CHECK(result == GRPC_AGAIN && calls_is("send"));
    CHECK(calls_told.call == THE_CALL && calls_told.request == message);
    calls_clear();
}

static void calls_of_both(void)
{
    const stream_Text *text = &calls_text;
    calls_clear();
    calls_sends(stream_Streams_Many_send(THE_CALL, text), text);
    calls_sends(stream_Streams_Collect_send(THE_CALL, text), text);
    calls_sends(stream_Streams_Talk_send(THE_CALL, text), text);
    calls_sends(stream_Streams_Talk_send_reply(THE_CALL, text), text);
    calls_sends(stream_Streams_Mixed_send(THE_CALL, &calls_number),
                &calls_number);
    calls_sends(stream_Streams_Mixed_send_reply(THE_CALL, text), text);
}

// A call that was begun: with this method and request, and the options.
static void calls_begun(grpc_call *call, const char *name, size_t i,
                        const void *request)
{
    CHECK(call == NEW_CALL && calls_is(name));
    CHECK(calls_told.method == calls_method(i));
    CHECK(calls_told.request == request);
    CHECK(calls_told.options == &calls_options);
}

// The callbacks of a stream reach the user's.
static void calls_events(size_t i)
{
    const grpc_method *method = calls_method(i);
    const grpc_status status = {GRPC_OK, "", 0, {NULL, 0}};
    const void *reply = method->streams_replies ? NULL : &calls_text;
    grpc_events events = calls_told.events;
    CHECK(calls_told.self == THE_SELF);
    CHECK(events.headers == calls_headers);
    CHECK(events.writable == calls_writable);
    CHECK((events.message != NULL) == method->streams_replies);
    calls_clear();
    method->done(THE_CALL, &status, reply, events.end, THE_SELF);
    CHECK(calls_is(method->streams_replies ? "end" : "done"));
    CHECK(calls_told.call == THE_CALL && calls_told.self == THE_SELF);
    CHECK(calls_told.status == &status && calls_told.reply == reply);
    calls_clear();
    method->done(THE_CALL, &status, reply, NULL, THE_SELF);
    CHECK(calls_is("nothing"));
    if (method->streams_replies) {
        method->on_reply(THE_CALL, &calls_text, NULL, THE_SELF);
        CHECK(calls_is("nothing"));
        method->on_reply(THE_CALL, &calls_text, events.message, THE_SELF);
        CHECK(calls_is("message") && calls_told.reply == &calls_text);
        CHECK(calls_told.call == THE_CALL && calls_told.self == THE_SELF);
    }
    calls_clear();
}

// Without callbacks nothing is read through the pointer.
static void calls_no_events(grpc_call *call, size_t i)
{
    CHECK(call == NEW_CALL && calls_told.method == calls_method(i));
    CHECK(calls_told.has_events);
    CHECK(calls_told.events.headers == NULL);
    CHECK(calls_told.events.message == NULL);
    CHECK(calls_told.events.writable == NULL);
    CHECK(calls_told.events.end == NULL);
    calls_clear();
}

static void calls_started(void)
{
    const stream_Streams_Many_events many = {calls_headers, calls_message,
                                             calls_writable, calls_end};
    const stream_Streams_Collect_events collect = {calls_headers,
                                                   calls_writable, calls_done};
    const stream_Streams_Talk_events talk = {calls_headers, calls_message,
                                             calls_writable, calls_end};
    const stream_Streams_Mixed_events mixed = {calls_headers, calls_message,
                                               calls_writable, calls_end};
    grpc_channel *to = THE_CHANNEL;
    const grpc_call_options *options = &calls_options;
    const stream_Text *text = &calls_text;
    calls_begun(stream_Streams_Many_start(to, text, &many, THE_SELF, options),
                "stream_start", MANY, text);
    calls_events(MANY);
    calls_begun(stream_Streams_Collect_start(to, &collect, THE_SELF, options),
                "stream_start", COLLECT, NULL);
    calls_events(COLLECT);
    calls_begun(stream_Streams_Talk_start(to, &talk, THE_SELF, options),
                "stream_start", TALK, NULL);
    calls_events(TALK);
    calls_begun(stream_Streams_Mixed_start(to, &mixed, THE_SELF, options),
                "stream_start", MIXED, NULL);
    calls_events(MIXED);
    calls_no_events(stream_Streams_Many_start(to, text, NULL, NULL, NULL),
                    MANY);
    calls_no_events(stream_Streams_Collect_start(to, NULL, NULL, NULL),
                    COLLECT);
    calls_no_events(stream_Streams_Talk_start(to, NULL, NULL, NULL), TALK);
}

static void calls_unary(void)
{
    const grpc_status status = {GRPC_OK, "", 0, {NULL, 0}};
    const stream_Text *text = &calls_text;
    stream_Text reply;
    grpc_arena arena = {0};
    calls_begun(stream_Streams_One_start(THE_CHANNEL, text, calls_done,
                                         THE_SELF, &calls_options),
                "unary_start", ONE, text);
    calls_method(ONE)->done(THE_CALL, &status, text, calls_told.callback,
                            THE_SELF);
    CHECK(calls_is("done") && calls_told.status == &status);
    CHECK(calls_told.reply == text && calls_told.self == THE_SELF);
    grpc_status end =
        stream_Streams_One(THE_CHANNEL, &arena, text, &reply, &calls_options);
    CHECK(calls_is("unary") && end.code == GRPC_ABORTED);
    CHECK(calls_told.reply == &reply && calls_told.request == text);
}

static void calls_waited_for(void)
{
    grpc_arena arena = {0};
    grpc_channel *to = THE_CHANNEL;
    const grpc_call_options *options = &calls_options;
    const stream_Text *text = &calls_text;
    const stream_Text *next = NULL;
    stream_Text reply;
    calls_begun(stream_Streams_Many_call(to, &arena, text, options),
                "stream_call", MANY, text);
    calls_begun(stream_Streams_Collect_call(to, &arena, options), "stream_call",
                COLLECT, NULL);
    calls_begun(stream_Streams_Talk_call(to, &arena, options), "stream_call",
                TALK, NULL);
    calls_begun(stream_Streams_Mixed_call(to, &arena, options), "stream_call",
                MIXED, NULL);
    CHECK(stream_Streams_Many_next(THE_CALL, &next) == GRPC_MORE);
    CHECK(next == text && calls_told.call == THE_CALL);
    next = NULL;
    CHECK(stream_Streams_Talk_next(THE_CALL, &next) == GRPC_MORE);
    CHECK(next == text);
    CHECK(stream_Streams_Mixed_next(THE_CALL, NULL) == GRPC_MORE);
    CHECK(stream_Streams_Collect_end(THE_CALL, &reply).code == GRPC_DATA_LOSS);
    CHECK(calls_told.reply == &reply && calls_told.call == THE_CALL);
}

int main(void)
{
    calls_clear();
    calls_tables();
    calls_handlers();
    calls_of_the_server();
    calls_of_both();
    calls_started();
    calls_unary();
    calls_waited_for();
    return calls_failures != 0;
}
