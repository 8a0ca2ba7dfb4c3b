# SPDX-License-Identifier: MIT
# Compiler flags and the stamps that rebuild what they change.

WARNINGS = -pedantic-errors -Wall -Wextra -Wshadow -Wconversion \
	-Wsign-conversion -Wundef -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-qual \
	-Wwrite-strings -Wswitch-enum -Wimplicit-fallthrough -Wformat=2

LANGUAGE = -std=c11 -fno-common -fvisibility=hidden
DEPENDENCIES = -MMD -MP

VERSION := $(shell sed -n 's/^.define GRPC_VERSION  *"\(.*\)"$$/\1/p' grpc.h)
VERSION_MAJOR := $(firstword $(subst ., ,$(VERSION)))

# zlib is used where the compiler finds it; ZLIB=0 builds without, ZLIB=1 with.
ZLIB ?= $(shell printf '\043include <zlib.h>\nint main(void) %s\n' \
	'{ return zlibVersion()[0] == 0; }' | \
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -x c - -o /dev/null -lz \
	>/dev/null 2>&1 && echo 1 || echo 0)
ZLIB := $(ZLIB)
ifeq ($(ZLIB),1)
ZLIB_CPPFLAGS = -DGRPC_WITH_ZLIB
ZLIB_LIBS = -lz
endif

# mbedTLS, 2.28 or newer, likewise: MBEDTLS=0, MBEDTLS=1. MBEDTLS_ROOT is where one
# was installed by hand (include/ and lib/); MBEDTLS3=1 takes Debian 13's, which
# is downloaded for tests (tests/mbedtls3.sh): make interop MBEDTLS3=1 and so on.
ifeq ($(MBEDTLS3)$(filter clean help uninstall,$(MAKECMDGOALS)),1)
MBEDTLS_ROOT := $(shell MBEDTLS3_ROOT='$(MBEDTLS3_ROOT)' tests/mbedtls3.sh)
$(if $(MBEDTLS_ROOT),,$(error MBEDTLS3=1: there is no mbedTLS 3.6))
endif
# $(call mbedtls_flags,ROOT), $(call mbedtls_libs,ROOT)
mbedtls_flags = -DGRPC_WITH_MBEDTLS $(addprefix -isystem ,$(1:%=%/include))
mbedtls_libs = $(1:%=-L%/lib) $(1:%=-Wl,-rpath,%/lib) -lmbedtls -lmbedx509 \
	-lmbedcrypto
MBEDTLS ?= $(shell $(CC) $(call mbedtls_flags,$(MBEDTLS_ROOT)) $(CPPFLAGS) \
	$(CFLAGS) $(LDFLAGS) -o /dev/null mk/find_mbedtls.c \
	$(call mbedtls_libs,$(MBEDTLS_ROOT)) >/dev/null 2>&1 && echo 1 || echo 0)
MBEDTLS := $(MBEDTLS)
ifeq ($(MBEDTLS),1)
MBEDTLS_CPPFLAGS = $(call mbedtls_flags,$(MBEDTLS_ROOT))
MBEDTLS_LIBS = $(call mbedtls_libs,$(MBEDTLS_ROOT))
endif

# Of both: what the library is compiled with, and what programs link with.
VENDOR_CPPFLAGS = $(ZLIB_CPPFLAGS) $(MBEDTLS_CPPFLAGS)
VENDOR_LIBS = $(MBEDTLS_LIBS) $(ZLIB_LIBS)

JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)

# $(BUILD)/*.flags change when the command line does.
$(BUILD)/target.flags: FORCE
	@mkdir -p $(BUILD)
	@printf '%s\n' '$(CC) $(AR) $(VENDOR_CPPFLAGS) $(VENDOR_LIBS) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LDLIBS)' \
		>$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(BUILD)/host.flags: FORCE
	@mkdir -p $(BUILD)
	@printf '%s\n' '$(HOSTCC) $(HOSTCFLAGS)' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
FORCE:
.PHONY: FORCE

# $(call run,WORD) in front of a command prints the word and the target instead
# of the command; V=1 prints commands.
run = $(if $(V),,@printf '  %-5s %s\n' $(1) $@;)

# $(call tool,COMMAND): nothing when there is such a command.
tool = $(if $(shell command -v $(firstword $(1))),,\
	$(error $(firstword $(1)) is missing: apt-get install gcc libc6-dev make))
ifeq ($(filter clean help uninstall,$(MAKECMDGOALS)),)
$(call tool,$(CC))
$(call tool,$(HOSTCC))
endif
