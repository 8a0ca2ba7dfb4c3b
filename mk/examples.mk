# SPDX-License-Identifier: MIT
# The programs that a user reads first. They see grpc.h and generated code.

HELLO = $(BUILD)/examples/helloworld
HELLO_CC = $(CC) -std=c11 $(WARNINGS) -I$(HELLO) -Idist $(CPPFLAGS) $(CFLAGS)

hello: examples
	tools/hello $(HELLO)/server $(HELLO)/client
.PHONY: hello

examples: $(HELLO)/server $(HELLO)/client
.PHONY: examples

$(HELLO)/helloworld.pb.c: examples/helloworld/helloworld.proto $(GENERATOR)
	@mkdir -p $(HELLO)
	$(call run,GEN)$(GENERATOR) -I examples/helloworld -o $(HELLO) helloworld.proto
$(HELLO)/helloworld.pb.h: $(HELLO)/helloworld.pb.c ;

$(HELLO)/%: examples/helloworld/%.c $(HELLO)/helloworld.pb.c $(STATIC_LIBRARY)
	$(call run,LINK)$(HELLO_CC) $(LDFLAGS) -o $@ $< $(HELLO)/helloworld.pb.c \
		$(STATIC_LIBRARY) $(LDLIBS) $(ZLIB_LIBS) -lpthread
