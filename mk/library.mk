# SPDX-License-Identifier: MIT
# The two files, and the libraries made from them.

LIBRARY_HEADERS := $(wildcard $(addsuffix /*.h,base hpack codec h2 tls loop core))
SONAME = libcgrpc.so.$(VERSION_MAJOR)
STATIC_LIBRARY = $(BUILD)/libcgrpc.a
SHARED_LIBRARY = $(BUILD)/libcgrpc.so.$(VERSION)

dist: dist/grpc.c dist/grpc.h
.PHONY: dist

# LINES=1: with #line, for a debugger that shows the split tree.
dist/grpc.c: $(LIBRARY_SOURCES) $(LIBRARY_HEADERS) grpc.h mk/sources.mk \
		tools/amalgamate.awk
	@mkdir -p dist
	$(call run,AWK)awk -v version=$(VERSION) -v lines=$(or $(LINES),0) \
		-f tools/amalgamate.awk $(LIBRARY_SOURCES) >$@.new
	@mv $@.new $@
dist/grpc.h: grpc.h
	@mkdir -p dist
	$(call run,CP)cp grpc.h $@

library: $(STATIC_LIBRARY) $(SHARED_LIBRARY)
.PHONY: library

$(BUILD)/grpc.o: dist/grpc.c dist/grpc.h $(BUILD)/target.flags
	$(call run,CC)$(CC) $(LANGUAGE) $(WARNINGS) -fPIC $(VENDOR_CPPFLAGS) $(CPPFLAGS) $(CFLAGS) \
		-c -o $@ dist/grpc.c

$(STATIC_LIBRARY): $(BUILD)/grpc.o
	@rm -f $@
	$(call run,AR)$(AR) rc $@ $(BUILD)/grpc.o
	@$(RANLIB) $@

$(SHARED_LIBRARY): $(BUILD)/grpc.o
	$(call run,LINK)$(CC) -shared -Wl,-soname,$(SONAME) $(CFLAGS) $(LDFLAGS) -o $@ \
		$(BUILD)/grpc.o $(LDLIBS) $(VENDOR_LIBS) -lpthread
	@ln -sf libcgrpc.so.$(VERSION) $(BUILD)/$(SONAME)
	@ln -sf $(SONAME) $(BUILD)/libcgrpc.so
