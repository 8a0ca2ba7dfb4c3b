// SPDX-License-Identifier: MIT

#include "gen/gen_method.h"

#include <string.h>

// Kinds of methods: one request or many, one reply or many.
enum {
    METHOD_UNARY = 1,
    METHOD_REPLIES = 2,  // streams its replies
    METHOD_REQUESTS = 4, // streams its requests
    METHOD_BOTH = 8,
    METHOD_ONE_REQUEST = METHOD_UNARY | METHOD_REPLIES,
    METHOD_ONE_REPLY = METHOD_UNARY | METHOD_REQUESTS,
    METHOD_MANY_REQUESTS = METHOD_REQUESTS | METHOD_BOTH,
    METHOD_MANY_REPLIES = METHOD_REPLIES | METHOD_BOTH,
    METHOD_STREAMS = METHOD_REPLIES | METHOD_REQUESTS | METHOD_BOTH
};

static unsigned method_kind(const struct gen_method *method)
{
    static const unsigned kinds[2][2] = {{METHOD_UNARY, METHOD_REPLIES},
                                         {METHOD_REQUESTS, METHOD_BOTH}};
    return kinds[method->streams_requests][method->streams_replies];
}

// ---- Texts that several parts share -----------------------------------------

#define METHOD_HANDLE                                            \
 "static void $M_handle(grpc_call *call, const void *request,\n" \
 "    const void *handlers, void *self)"
#define METHOD_HANDLE_BODY                  \
 "    const $S *table = handlers;\n"        \
 "    if (table->$N == NULL) {\n"           \
 "        grpc_call_unimplemented(call);\n" \
 "        return;\n"                        \
 "    }\n"
#define METHOD_FINISH                                                  \
 "static void $M_finish(grpc_call *call, const grpc_status *status,\n" \
 "    const void *reply, grpc_function *callback, void *self)"
#define METHOD_EVENTS                                 \
 "// Callbacks; each may be NULL. They are copied.\n" \
 "typedef struct $M_events {\n"                       \
 "    void (*headers)(grpc_call *call, void *self);\n"
#define METHOD_EVENTS_WRITABLE \
 "    void (*writable)(grpc_call *call, void *self);\n"
#define METHOD_EVENTS_MESSAGE                              \
 "    void (*message)(grpc_call *call, const $P *reply,\n" \
 "        void *self);\n"
#define METHOD_EVENTS_STATUS \
 "    void (*end)(grpc_call *call, const grpc_status *status,\n"
#define METHOD_START_COPY                         \
 "    grpc_events untyped = {0};\n"               \
 "    if (events != NULL) {\n"                    \
 "        untyped.headers = events->headers;\n"   \
 "        untyped.writable = events->writable;\n" \
 "        untyped.end = (grpc_function *)events->end;\n"
#define METHOD_START_MESSAGE \
 "        untyped.message = (grpc_function *)events->message;\n"
#define METHOD_START_MANY                       \
 "grpc_call *$M_start(grpc_channel *channel,\n" \
 "    const $M_events *events, void *self,\n"   \
 "    const grpc_call_options *options)"
#define METHOD_START_MANY_BODY                       \
 "    }\n"                                           \
 "    return grpc_stream_start(channel, $T, NULL,\n" \
 "        &untyped, self, options);\n"

// ---- The parts --------------------------------------------------------------

static const struct gen_method_part method_parts[] = {
    {METHOD_ONE_REQUEST, GEN_METHOD_STATIC, "_handle", METHOD_HANDLE,
     METHOD_HANDLE_BODY "    table->$N(call, request, self);\n"},
    {METHOD_MANY_REQUESTS, GEN_METHOD_STATIC, "_handle", METHOD_HANDLE,
     METHOD_HANDLE_BODY "    (void)request;\n"
                        "    table->$N(call, self);\n"},
    {METHOD_UNARY, GEN_METHOD_STATIC, "_finish", METHOD_FINISH,
     "    if (callback != NULL) {\n"
     "        (($M_done *)callback)(call, status, reply, self);\n"
     "    }\n"},
    {METHOD_REQUESTS, GEN_METHOD_STATIC, "_finish", METHOD_FINISH,
     "    if (callback != NULL) {\n"
     "        ((void (*)(grpc_call *, const grpc_status *, const $P *,\n"
     "            void *))callback)(call, status, reply, self);\n"
     "    }\n"},
    {METHOD_MANY_REPLIES, GEN_METHOD_STATIC, "_finish", METHOD_FINISH,
     "    (void)reply;\n"
     "    if (callback != NULL) {\n"
     "        ((void (*)(grpc_call *, const grpc_status *,\n"
     "            void *))callback)(call, status, self);\n"
     "    }\n"},
    {METHOD_MANY_REQUESTS, GEN_METHOD_STATIC, "_on_request",
     "static void $M_on_request(grpc_call *call, const void *request,\n"
     "    grpc_function *callback, void *self)",
     "    if (callback != NULL) {\n"
     "        (($M_message *)callback)(call, request, self);\n"
     "    }\n"},
    {METHOD_MANY_REPLIES, GEN_METHOD_STATIC, "_on_reply",
     "static void $M_on_reply(grpc_call *call, const void *reply,\n"
     "    grpc_function *callback, void *self)",
     "    if (callback != NULL) {\n"
     "        ((void (*)(grpc_call *, const $P *,\n"
     "            void *))callback)(call, reply, self);\n"
     "    }\n"},

    // The server.
    {METHOD_MANY_REQUESTS, GEN_METHOD_TYPE, "_message",
     "typedef void $M_message(grpc_call *call,\n"
     "    const $Q *request, void *argument);\n",
     NULL},
    {METHOD_MANY_REQUESTS, GEN_METHOD_FUNCTION, "_receive",
     "grpc_result $M_receive(grpc_call *call,\n"
     "    $M_message *message,\n"
     "    void (*end)(grpc_call *call, void *argument), void *argument)",
     "    return grpc_call_receive(call, (grpc_function *)message, end,\n"
     "        argument);\n"},
    {METHOD_ONE_REPLY, GEN_METHOD_FUNCTION, "_reply",
     "grpc_result $M_reply(grpc_call *call, const $P *reply)",
     "    return grpc_call_reply(call, reply);\n"},
    {METHOD_REPLIES, GEN_METHOD_FUNCTION, "_send",
     "grpc_result $M_send(grpc_call *call, const $P *reply)",
     "    return grpc_call_send(call, reply);\n"},
    {METHOD_BOTH, GEN_METHOD_FUNCTION, "_send_reply",
     "grpc_result $M_send_reply(grpc_call *call, const $P *reply)",
     "    return grpc_call_send(call, reply);\n"},

    // The client, without waiting.
    {METHOD_UNARY, GEN_METHOD_FUNCTION, "",
     "grpc_status $M(grpc_channel *channel, grpc_arena *arena,\n"
     "    const $Q *request, $P *reply,\n"
     "    const grpc_call_options *options)",
     "    return grpc_unary(channel, arena, $T,\n"
     "        request, reply, options);\n"},
    {METHOD_UNARY, GEN_METHOD_TYPE, "_done",
     "typedef void $M_done(grpc_call *call, const grpc_status *status,\n"
     "    const $P *reply, void *self);\n",
     NULL},
    {METHOD_UNARY, GEN_METHOD_FUNCTION, "_start",
     "grpc_call *$M_start(grpc_channel *channel,\n"
     "    const $Q *request, $M_done *done,\n"
     "    void *self, const grpc_call_options *options)",
     "    return grpc_unary_start(channel, $T,\n"
     "        request, (grpc_function *)done, self, options);\n"},
    {METHOD_MANY_REPLIES, GEN_METHOD_TYPE, "_events",
     METHOD_EVENTS METHOD_EVENTS_MESSAGE METHOD_EVENTS_WRITABLE
         METHOD_EVENTS_STATUS "        void *self);\n"
                              "} $M_events;\n",
     NULL},
    {METHOD_REQUESTS, GEN_METHOD_TYPE, "_events",
     METHOD_EVENTS METHOD_EVENTS_WRITABLE METHOD_EVENTS_STATUS
     "        const $P *reply, void *self);\n"
     "} $M_events;\n",
     NULL},
    {METHOD_REPLIES, GEN_METHOD_FUNCTION, "_start",
     "grpc_call *$M_start(grpc_channel *channel,\n"
     "    const $Q *request, const $M_events *events,\n"
     "    void *self, const grpc_call_options *options)",
     METHOD_START_COPY METHOD_START_MESSAGE
     "    }\n"
     "    return grpc_stream_start(channel, $T,\n"
     "        request, &untyped, self, options);\n"},
    {METHOD_REQUESTS, GEN_METHOD_FUNCTION, "_start", METHOD_START_MANY,
     METHOD_START_COPY METHOD_START_MANY_BODY},
    {METHOD_BOTH, GEN_METHOD_FUNCTION, "_start", METHOD_START_MANY,
     METHOD_START_COPY METHOD_START_MESSAGE METHOD_START_MANY_BODY},
    {METHOD_MANY_REQUESTS, GEN_METHOD_FUNCTION, "_send",
     "grpc_result $M_send(grpc_call *call, const $Q *request)",
     "    return grpc_call_send(call, request);\n"},

    // The client, waiting.
    {METHOD_REPLIES, GEN_METHOD_FUNCTION, "_call",
     "grpc_call *$M_call(grpc_channel *channel, grpc_arena *arena,\n"
     "    const $Q *request, const grpc_call_options *options)",
     "    return grpc_stream_call(channel, arena, $T,\n"
     "        request, options);\n"},
    {METHOD_MANY_REQUESTS, GEN_METHOD_FUNCTION, "_call",
     "grpc_call *$M_call(grpc_channel *channel, grpc_arena *arena,\n"
     "    const grpc_call_options *options)",
     "    return grpc_stream_call(channel, arena, $T,\n"
     "        NULL, options);\n"},
    {METHOD_MANY_REPLIES, GEN_METHOD_FUNCTION, "_next",
     "grpc_result $M_next(grpc_call *call, const $P **reply)",
     "    const void *message = NULL;\n"
     "    grpc_result result = grpc_call_next(call, &message);\n"
     "    if (reply != NULL) {\n"
     "        *reply = message;\n"
     "    }\n"
     "    return result;\n"},
    {METHOD_REQUESTS, GEN_METHOD_FUNCTION, "_end",
     "grpc_status $M_end(grpc_call *call, $P *reply)",
     "    return grpc_call_end_with(call, reply);\n"},
};

#undef METHOD_HANDLE
#undef METHOD_HANDLE_BODY
#undef METHOD_FINISH
#undef METHOD_EVENTS
#undef METHOD_EVENTS_WRITABLE
#undef METHOD_EVENTS_MESSAGE
#undef METHOD_EVENTS_STATUS
#undef METHOD_START_COPY
#undef METHOD_START_MESSAGE
#undef METHOD_START_MANY
#undef METHOD_START_MANY_BODY

const struct gen_method_part *gen_method_next(
    const struct gen_method *method, const struct gen_method_part *part)
{
    const struct gen_method_part *end =
        method_parts + sizeof method_parts / sizeof method_parts[0];
    unsigned kind = method_kind(method);
    part = part == NULL ? method_parts : part + 1;
    while (part != end && (part->kinds & kind) == 0) {
        part++;
    }
    return part == end ? NULL : part;
}

const char *gen_method_handler(const struct gen_method *method)
{
    return method->streams_requests
               ? "void (*$N)(grpc_call *call, void *self)"
               : "void (*$N)(grpc_call *call, const $Q *request,\n"
                 "        void *self)";
}

const char *gen_method_comment(const struct gen_method *method)
{
    switch (method_kind(method)) {
    case METHOD_REPLIES:
        return "// $R: the server sends replies, then calls "
               "grpc_call_finish().\n"
               "// The client starts a call; or calls and waits, with _next "
               "until it is not\n"
               "// GRPC_MORE, and grpc_call_end().\n";
    case METHOD_REQUESTS:
        return "// $R: the server receives requests and answers once.\n"
               "// The client starts a call, sends, and calls "
               "grpc_call_half_close(); or calls,\n"
               "// sends, and waits with _end.\n";
    case METHOD_BOTH:
        return "// $R: the server receives requests, sends replies, and "
               "calls\n"
               "// grpc_call_finish(). The client starts a call, or calls and "
               "waits with _next\n"
               "// and grpc_call_end(); after its requests it calls "
               "grpc_call_half_close().\n";
    default:
        return "// $R: the server answers; the client calls and waits,"
               " or starts a call.\n";
    }
}

static void method_name(struct gen_buffer *out,
                        const struct gen_service *service,
                        const struct gen_method *method, char letter)
{
    const char *name = letter == 'M'   ? method->c_name
                       : letter == 'N' ? method->c_member
                       : letter == 'Q' ? method->request->c_name
                       : letter == 'P' ? method->reply->c_name
                       : letter == 'S' ? service->c_name
                                       : method->name;
    if (letter == 'T') {
        gen_buffer_print(out, "&%s_service_methods[%lu]", service->c_name,
                         (unsigned long)method->place);
    } else {
        gen_buffer_add(out, name, strlen(name));
    }
}

void gen_method_print(struct gen_buffer *out, const struct gen_service *service,
                      const struct gen_method *method, const char *text)
{
    for (const char *mark; (mark = strchr(text, '$')) != NULL;
         text = mark + 2) {
        gen_buffer_add(out, text, (size_t)(mark - text));
        method_name(out, service, method, mark[1]);
    }
    gen_buffer_add(out, text, strlen(text));
}
