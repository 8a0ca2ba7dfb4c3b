// SPDX-License-Identifier: MIT
// The DATA scheduler, for the other files of h2.

#ifndef H2_H2_SEND_H
#define H2_H2_SEND_H

#include "h2/h2.h"

// h2_send_pump moves queued DATA into the output, one frame per stream in
// turn, as far as windows and room allow. Without memory the connection fails.
INTERNAL void h2_send_pump(struct h2_conn *conn);

// h2_send_unstall lets streams that had no window of their own try again.
INTERNAL void h2_send_unstall(struct h2_conn *conn);

// h2_send_reset queues RST_STREAM for an id that may have no object.
INTERNAL void h2_send_reset(struct h2_conn *conn, uint32_t id,
                            enum h2_code code);

#endif
