# SPDX-License-Identifier: MIT
# The programs that a user reads first, a folder for each lesson. They see grpc.h
# and generated code, and are compiled as users would.

E = $(BUILD)/examples
EXAMPLE_WARNINGS = -Wall -Wextra -Wpedantic -Wconversion -Wshadow
EXAMPLE_CC = $(CC) -std=c11 $(EXAMPLE_WARNINGS) -Iexamples -Idist $(CPPFLAGS) \
	$(CFLAGS)
EXAMPLE_PROGRAMS := $(patsubst examples/%.c,$(E)/%,$(wildcard examples/*/*.c))
# Files that are parts of each program of their folder.
authentication_PARTS = $(patsubst %,examples/authentication/%.c,\
	authenticator bearer jwt_file)
EXAMPLE_PROGRAMS := $(filter-out \
	$(authentication_PARTS:examples/%.c=$(E)/%),$(EXAMPLE_PROGRAMS))
EXAMPLE_HEADERS := $(wildcard examples/*.h examples/*/*.h)

# One lesson is about libuv; it is built where pkg-config finds that.
LIBUV := $(shell pkg-config --exists libuv 2>/dev/null && echo 1 || echo 0)
ifeq ($(LIBUV),1)
# (uv.h needs more of the system than -std=c11 shows.)
libuv_CFLAGS := -D_POSIX_C_SOURCE=200809L $(shell pkg-config --cflags libuv)
libuv_LIBS := $(shell pkg-config --libs libuv)
else
EXAMPLE_PROGRAMS := $(filter-out $(E)/libuv/%,$(EXAMPLE_PROGRAMS))
endif

# Another has a TLS library of its own, over OpenSSL 3.
LIBSSL := $(shell pkg-config --atleast-version=3 libssl 2>/dev/null && echo 1 || \
	echo 0)
ifeq ($(LIBSSL),1)
tls_library_CFLAGS := $(shell pkg-config --cflags libssl)
tls_library_LIBS := $(shell pkg-config --libs libssl libcrypto)
else
EXAMPLE_PROGRAMS := $(filter-out $(E)/tls_library/%,$(EXAMPLE_PROGRAMS))
endif

# Installed .proto files that examples use. Code is generated for each once.
EXAMPLE_GOOGLE = google/protobuf/duration google/rpc/error_details
EXAMPLES_WITH_GOOGLE = order error_details
EXAMPLE_GOOGLE_CODE = $(EXAMPLE_GOOGLE:%=$(E)/google/%.pb.c)

examples: $(EXAMPLE_PROGRAMS)
.PHONY: examples

hello: $(E)/helloworld/server $(E)/helloworld/client
	tools/hello $(E)/helloworld/server $(E)/helloworld/client
.PHONY: hello

$(EXAMPLE_GOOGLE_CODE): $(E)/google/%.pb.c: gen/proto/%.proto $(GENERATOR)
	@mkdir -p $(E)/google
	$(call run,GEN)$(GENERATOR) -o $(E)/google $*.proto

# $(call example,FOLDER): FOLDER/FOLDER.proto, if there is one, and each .c, with
# FOLDER_PARTS, FOLDER_CFLAGS and FOLDER_LIBS.
define example
$(1)_CODE := $(if $(wildcard examples/$(1)/$(1).proto),$(E)/$(1)/$(1).pb.c) \
	$(if $(filter $(1),$(EXAMPLES_WITH_GOOGLE)),$(EXAMPLE_GOOGLE_CODE)) \
	$($(1)_PARTS)
$(E)/$(1)/$(1).pb.c: examples/$(1)/$(1).proto $(GENERATOR)
	@mkdir -p $(E)/$(1)
	$$(call run,GEN)$(GENERATOR) -I examples/$(1) -o $(E)/$(1) $(1).proto
$(E)/$(1)/%: examples/$(1)/%.c $$($(1)_CODE) $(EXAMPLE_HEADERS) \
		$(STATIC_LIBRARY)
	@mkdir -p $(E)/$(1)
	$$(call run,LINK)$(EXAMPLE_CC) $$($(1)_CFLAGS) -I$(E)/$(1) -I$(E)/google $(LDFLAGS) -o $$@ \
		$$< $$($(1)_CODE) $(STATIC_LIBRARY) $(LDLIBS) $(VENDOR_LIBS) $$($(1)_LIBS) \
		-lpthread
endef
$(foreach folder,$(patsubst examples/%/,%,$(wildcard examples/*/)),\
	$(eval $(call example,$(folder))))
