// SPDX-License-Identifier: MIT
// SETTINGS (RFC 9113 section 6.5), the peer's and ours.

#ifndef H2_H2_SETTINGS_H
#define H2_H2_SETTINGS_H

#include <stdbool.h>

#include "h2/h2.h"

// h2_settings_initial is what holds before any SETTINGS (section 6.5.2).
INTERNAL struct h2_settings h2_settings_initial(void);

// h2_settings_take_force makes conn->wanted, as far as it has to wait for that,
// hold.
INTERNAL void h2_settings_take_force(struct h2_conn *conn);

// h2_settings_send queues SETTINGS with all of settings that differs from
// what was sent before. False without memory.
INTERNAL MUST_CHECK bool h2_settings_send(struct h2_conn *conn,
                                          const struct h2_settings *settings);

// h2_settings_received validates, applies and acknowledges the peer's. False:
// the connection has failed.
INTERNAL MUST_CHECK bool h2_settings_received(struct h2_conn *conn,
                                              struct view payload);

// h2_settings_acked puts ours in force. False: the connection has failed.
INTERNAL MUST_CHECK bool h2_settings_acked(struct h2_conn *conn);

#endif
