// SPDX-License-Identifier: MIT
// The one file that maps the three vocabularies of errors onto each other:
// grpc_result (an API call), grpc_code (a call's outcome), and the codes of
// HTTP and HTTP/2 (the wire).

#ifndef CORE_STATUS_H
#define CORE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/linkage.h"
#include "base/view.h"
#include "grpc.h"

// status_of_http maps the HTTP status of a response that is not gRPC
// (grpc/doc/http-grpc-status-mapping.md).
INTERNAL grpc_code status_of_http(unsigned http_status);

// status_of_reset maps a RST_STREAM code from the server (PROTOCOL-HTTP2.md,
// Errors).
INTERNAL grpc_code status_of_reset(uint32_t h2_code);

// status_parse reads a grpc-status: ASCII decimal without leading zeros. False
// when it is none.
INTERNAL MUST_CHECK bool status_parse(struct view text, grpc_code *out_code);

// status_http_name is "Not Found" for 404 and so on; "" for the less common.
INTERNAL const char *status_http_name(unsigned http_status);

#endif
