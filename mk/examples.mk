# SPDX-License-Identifier: MIT
# The programs that a user reads first, a folder for each lesson. They see grpc.h
# and generated code, and are compiled as users would.

E = $(BUILD)/examples
EXAMPLE_WARNINGS = -Wall -Wextra -Wpedantic -Wconversion -Wshadow
EXAMPLE_CC = $(CC) -std=c11 $(EXAMPLE_WARNINGS) -Iexamples -Idist $(CPPFLAGS) \
	$(CFLAGS)
EXAMPLE_PROGRAMS := $(patsubst examples/%.c,$(E)/%,$(wildcard examples/*/*.c))
EXAMPLE_HEADERS := $(wildcard examples/*.h)

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

# $(call example,FOLDER): FOLDER/FOLDER.proto, if there is one, and each .c.
define example
$(1)_CODE := $(if $(wildcard examples/$(1)/$(1).proto),$(E)/$(1)/$(1).pb.c) \
	$(if $(filter $(1),$(EXAMPLES_WITH_GOOGLE)),$(EXAMPLE_GOOGLE_CODE))
$(E)/$(1)/$(1).pb.c: examples/$(1)/$(1).proto $(GENERATOR)
	@mkdir -p $(E)/$(1)
	$$(call run,GEN)$(GENERATOR) -I examples/$(1) -o $(E)/$(1) $(1).proto
$(E)/$(1)/%: examples/$(1)/%.c $$($(1)_CODE) $(EXAMPLE_HEADERS) \
		$(STATIC_LIBRARY)
	@mkdir -p $(E)/$(1)
	$$(call run,LINK)$(EXAMPLE_CC) -I$(E)/$(1) -I$(E)/google $(LDFLAGS) -o $$@ \
		$$< $$($(1)_CODE) $(STATIC_LIBRARY) $(LDLIBS) $(ZLIB_LIBS) -lpthread
endef
$(foreach folder,$(patsubst examples/%/,%,$(wildcard examples/*/)),\
	$(eval $(call example,$(folder))))
