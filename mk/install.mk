# SPDX-License-Identifier: MIT
# install and uninstall. What is installed finds its parts relative to itself,
# so that the tree below PREFIX can be moved.

pkgconfigdir ?= $(libdir)/pkgconfig
cmakedir ?= $(libdir)/cmake/cgrpc
protodir = $(datadir)/cgrpc/proto
INCLUDE_CGRPC = $(includedir)/cgrpc
PROTOS = $(patsubst gen/proto/%,%,$(shell find gen/proto -name '*.proto' | sort))

# $(call below,DIR): DIR relative to prefix, or DIR where it lies elsewhere.
below = $(patsubst $(prefix)/%,%,$(1))
# $(call up,DIR): the way from DIR, a folder below prefix, up to prefix.
space := $(subst ,, )
up = $(subst $(space),/,$(patsubst %,..,$(subst /, ,$(call below,$(1)))))
# $(call place,ROOT,DIR): DIR as seen from prefix, which is written as ROOT.
place = $(if $(filter $(prefix)/%,$(2)),$(1)/$(call below,$(2)),$(2))
# $(call root,VARIABLE,DIR): prefix as seen from DIR, which is VARIABLE.
root = $(if $(filter $(prefix)/%,$(2)),$(1)/$(call up,$(2)),$(prefix))

PC_SUBSTITUTE = sed -e 's|@version@|$(VERSION)|g' \
	-e 's|@vendor_libs@|$(if $(strip $(VENDOR_LIBS)),$(strip $(VENDOR_LIBS)) )|g' \
	-e 's|@prefix@|$(call root,$${pcfiledir},$(pkgconfigdir))|g' \
	-e 's|@libdir@|$(call place,$${prefix},$(libdir))|g' \
	-e 's|@includedir@|$(call place,$${prefix},$(includedir))|g' \
	-e 's|@bindir@|$(call place,$${prefix},$(bindir))|g' \
	-e 's|@protodir@|$(call place,$${prefix},$(protodir))|g'
# $(call cmake_list,WORDS): each behind a semicolon. (mbedTLS goes by the names of
# its libraries, which are also those of its targets where it is built along.)
cmake_list = $(subst $(space);,;,$(addprefix ;,$(1)))
CMAKE_SUBSTITUTE = sed -e 's|@version@|$(VERSION)|g' \
	-e 's|@zlib@|$(ZLIB)|g' \
	-e 's|@vendor_cmake@|$(call cmake_list,$(MBEDTLS_LIBS:-l%=%) $(if $(ZLIB_LIBS),ZLIB::ZLIB))|g' \
	-e 's|@major@|$(VERSION_MAJOR)|g' \
	-e 's|@soname@|$(SONAME)|g' \
	-e 's|@prefix@|$(call root,$${CMAKE_CURRENT_LIST_DIR},$(cmakedir))|g' \
	-e 's|@libdir@|$(call place,$${cgrpc_prefix},$(libdir))|g' \
	-e 's|@includedir@|$(call place,$${cgrpc_prefix},$(includedir))|g' \
	-e 's|@bindir@|$(call place,$${cgrpc_prefix},$(bindir))|g'

D = $(DESTDIR)

install: all
	$(INSTALL) -d '$(D)$(INCLUDE_CGRPC)' '$(D)$(libdir)' '$(D)$(bindir)' \
		'$(D)$(pkgconfigdir)' '$(D)$(cmakedir)' '$(D)$(mandir)/man1'
	$(INSTALL) -m 644 dist/grpc.h '$(D)$(INCLUDE_CGRPC)/grpc.h'
	$(INSTALL) -m 644 $(STATIC_LIBRARY) '$(D)$(libdir)/libcgrpc.a'
	$(INSTALL) -m 755 $(SHARED_LIBRARY) '$(D)$(libdir)/libcgrpc.so.$(VERSION)'
	ln -sf libcgrpc.so.$(VERSION) '$(D)$(libdir)/$(SONAME)'
	ln -sf $(SONAME) '$(D)$(libdir)/libcgrpc.so'
	$(INSTALL) -m 755 $(GENERATOR) '$(D)$(bindir)/cgrpc-gen'
	sed 's|@version@|$(VERSION)|' docs/cgrpc-gen.1 \
		>'$(D)$(mandir)/man1/cgrpc-gen.1'
	$(PC_SUBSTITUTE) mk/cgrpc.pc.in >'$(D)$(pkgconfigdir)/cgrpc.pc'
	$(CMAKE_SUBSTITUTE) mk/cgrpcConfig.cmake.in \
		>'$(D)$(cmakedir)/cgrpcConfig.cmake'
	$(CMAKE_SUBSTITUTE) mk/cgrpcConfigVersion.cmake.in \
		>'$(D)$(cmakedir)/cgrpcConfigVersion.cmake'
	set -e; for proto in $(PROTOS); do \
		$(INSTALL) -d "$(D)$(protodir)/$$(dirname $$proto)"; \
		$(INSTALL) -m 644 gen/proto/$$proto "$(D)$(protodir)/$$proto"; \
	done
.PHONY: install

# Folders go only when they are left empty, and only those that are ours.
uninstall:
	rm -f '$(D)$(INCLUDE_CGRPC)/grpc.h' '$(D)$(libdir)/libcgrpc.a' \
		'$(D)$(libdir)/libcgrpc.so.$(VERSION)' '$(D)$(libdir)/$(SONAME)' \
		'$(D)$(libdir)/libcgrpc.so' '$(D)$(bindir)/cgrpc-gen' \
		'$(D)$(mandir)/man1/cgrpc-gen.1' '$(D)$(pkgconfigdir)/cgrpc.pc' \
		'$(D)$(cmakedir)/cgrpcConfig.cmake' \
		'$(D)$(cmakedir)/cgrpcConfigVersion.cmake'
	for proto in $(PROTOS); do rm -f "$(D)$(protodir)/$$proto"; done
	if [ -d '$(D)$(protodir)' ]; then \
		find '$(D)$(protodir)' -depth -type d -empty -exec rmdir {} \; ; \
	fi
	for folder in '$(D)$(INCLUDE_CGRPC)' '$(D)$(cmakedir)' \
		'$(D)$(datadir)/cgrpc'; do \
		[ ! -d "$$folder" ] || rmdir "$$folder" 2>/dev/null || true; \
	done
.PHONY: uninstall
