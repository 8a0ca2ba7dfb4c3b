# SPDX-License-Identifier: MIT
# Every source file, once. The library's are in the order of the amalgamation:
# the lowest layer first, and last those that include a library's header. `make
# lint` compares the lists with the folders.

BASE_SOURCES = \
	base/alloc.c \
	base/heap.c \
	base/arena.c \
	base/slab.c \
	base/chunk.c

HPACK_SOURCES = \
	hpack/hpack_huffman.c \
	hpack/hpack_table.c \
	hpack/hpack_block.c \
	hpack/hpack_decode.c \
	hpack/hpack_encode.c

CODEC_SOURCES = \
	codec/pb_utf8.c \
	codec/pb_wire.c \
	codec/pb_skip.c \
	codec/pb_buffer.c \
	codec/pb_array.c \
	codec/pb_map.c \
	codec/pb_decode.c \
	codec/pb_encode.c \
	codec/pb_message.c \
	codec/codec_raw.c

H2_SOURCES = \
	h2/h2_limits.c \
	h2/h2_frame.c \
	h2/h2_settings.c \
	h2/h2_fields.c \
	h2/h2_stream.c \
	h2/h2_bdp.c \
	h2/h2_flow.c \
	h2/h2_conn.c \
	h2/h2_send.c \
	h2/h2_handle.c \
	h2/h2_recv.c \
	h2/h2_check.c

TLS_SOURCES = \
	tls/tls_plain.c \
	tls/tls_name.c

LOOP_SOURCES = \
	loop/loop_clock.c \
	loop/loop_timer.c \
	loop/loop_socket.c \
	loop/loop_port.c \
	loop/loop_epoll.c \
	loop/loop_kqueue.c \
	loop/loop_poll.c \
	loop/loop.c \
	loop/loop_lookup.c \
	loop/loop_env.c \
	loop/loop_file.c

CORE_SOURCES = \
	core/limits.c \
	core/values.c \
	core/status.c \
	core/timeout.c \
	core/percent.c \
	core/base64.c \
	core/metadata.c \
	core/compress.c \
	core/target.c \
	core/no_proxy.c \
	core/tunnel.c \
	core/proxy.c \
	core/backoff.c \
	core/deframe.c \
	core/encoded.c \
	core/run.c \
	core/user_io.c \
	core/headers.c \
	core/request.c \
	core/response.c \
	core/flood.c \
	core/credentials.c \
	core/rules.c \
	core/keepalive.c \
	core/conn_life.c \
	core/conn.c \
	core/conn_wire.c \
	core/conn_open.c \
	core/secure.c \
	core/conn_secure.c \
	core/assembly.c \
	core/call_fields.c \
	core/details.c \
	core/intercept.c \
	core/identity.c \
	core/call_credentials.c \
	core/call.c \
	core/receive.c \
	core/send.c \
	core/client_call.c \
	core/server_headers.c \
	core/server_call.c \
	core/client_start.c \
	core/blocking.c \
	core/unary.c \
	core/stream.c \
	core/raw.c \
	core/policy.c \
	core/subchannel.c \
	core/pick_first.c \
	core/resolver.c \
	core/connectivity.c \
	core/channel.c \
	core/listener.c \
	core/server.c \
	core/inproc.c

VENDOR_SOURCES = \
	tls/tls_mbedtls_words.c \
	tls/tls_mbedtls_peer.c \
	tls/tls_mbedtls_sign.c \
	tls/tls_mbedtls_own.c \
	tls/tls_mbedtls_resume.c \
	tls/tls_mbedtls_log.c \
	tls/tls_mbedtls_context.c \
	tls/tls_mbedtls.c \
	core/gzip.c

LIBRARY_SOURCES = $(BASE_SOURCES) $(HPACK_SOURCES) $(CODEC_SOURCES) \
	$(H2_SOURCES) $(TLS_SOURCES) $(LOOP_SOURCES) $(CORE_SOURCES) \
	$(VENDOR_SOURCES)

# The generator is a host program of its own files, base and codec.
GEN_MAIN = gen/gen_main.c
GEN_SOURCES = \
	gen/gen_memory.c \
	gen/gen_text.c \
	gen/gen_lexer.c \
	gen/gen_parser.c \
	gen/gen_parser_options.c \
	gen/gen_parser_field.c \
	gen/gen_resolve.c \
	gen/gen_check.c \
	gen/gen_check_options.c \
	gen/gen_method.c \
	gen/gen_names.c \
	gen/gen_wellknown.c \
	gen/gen_emit_header.c \
	gen/gen_emit_source.c
