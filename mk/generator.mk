# SPDX-License-Identifier: MIT
# cgrpc-gen, for the machine that builds. It looks for the well-known types in
# ../share/cgrpc/proto from where it stands, here as well as installed.

GENERATOR = $(BUILD)/cgrpc-gen
GENERATOR_OBJECTS = $(patsubst %.c,$(BUILD)/host/%.o,\
	$(GEN_MAIN) $(GEN_SOURCES) $(BASE_SOURCES) $(CODEC_SOURCES))

generator: $(GENERATOR)
.PHONY: generator

$(GENERATOR): $(BUILD)/bin/cgrpc-gen
	@ln -sf bin/cgrpc-gen $@

$(BUILD)/bin/cgrpc-gen: $(GENERATOR_OBJECTS)
	@mkdir -p $(BUILD)/bin $(BUILD)/share/cgrpc
	@ln -sfn '$(CURDIR)/gen/proto' $(BUILD)/share/cgrpc/proto
	$(call run,LINK)$(HOSTCC) $(HOSTCFLAGS) -o $@ $(GENERATOR_OBJECTS)

$(BUILD)/host/%.o: %.c $(BUILD)/host.flags
	@mkdir -p $(@D)
	$(call run,CC)$(HOSTCC) $(LANGUAGE) $(WARNINGS) $(DEPENDENCIES) -I. \
		$(HOSTCFLAGS) -c -o $@ $<

-include $(GENERATOR_OBJECTS:.o=.d)
