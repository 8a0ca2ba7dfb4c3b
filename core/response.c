// SPDX-License-Identifier: MIT

#include "core/response.h"

#include "core/call_fields.h"
#include "core/headers.h"
#include "core/metadata.h"

enum { RESPONSE_STATUS = 8, RESPONSE_CONTENT_TYPE = 31 }; // RFC 7541 appendix A

static void response_take(struct response *response,
                          const struct hpack_field *field)
{
    if (field->static_name == 0 && !metadata_has_known_size(field->name)) {
        response->has_metadata = true;
        return;
    }
    if (field->static_name == RESPONSE_CONTENT_TYPE ||
        VIEW_IS(field->name, "content-type")) {
        response->content_type = field->value;
        response->is_grpc = headers_is_grpc(field->value);
    } else if (VIEW_IS(field->name, "grpc-status")) {
        response->status = field->value;
    } else if (VIEW_IS(field->name, "grpc-message")) {
        response->message = field->value;
    } else if (VIEW_IS(field->name, "grpc-status-details-bin")) {
        response->details = field->value;
    } else if (VIEW_IS(field->name, "grpc-encoding")) {
        response->encoding = field->value;
    } else if (field->static_name != RESPONSE_STATUS) {
        response->has_metadata =
            response->has_metadata || call_fields_is_users(field);
    }
}

void response_parse(struct response *response, const struct hpack_block *block)
{
    const struct view none = view_of("", 0);
    *response = (struct response){
        .content_type = none,
        .status = none,
        .message = none,
        .details = none,
        .encoding = none,
    };
    for (size_t i = 0; i < block->count; i++) {
        response_take(response, &block->fields[i]);
    }
}
