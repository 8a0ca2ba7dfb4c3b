# SPDX-License-Identifier: MIT
# Every task of a user and of a developer of cgrpc: `make help` lists them.

# ---- What may be set --------------------------------------------------------

# MBEDTLS3=1: with Debian 13's mbedTLS (mk/flags.mk), in a folder of its own.
BUILD ?= build$(if $(filter 1,$(MBEDTLS3)),/mbedtls3)
CC ?= cc
AR ?= ar
RANLIB ?= ranlib
INSTALL ?= install
CFLAGS ?= -O2 -g
CPPFLAGS ?=
LDFLAGS ?=
LDLIBS ?=

# The generator runs on the machine that builds: a cross build sets
# CC=target-gcc and, where cc is not the native compiler, HOSTCC.
HOSTCC ?= cc
HOSTCFLAGS ?= -O2 -g

PREFIX ?= /usr/local
prefix ?= $(PREFIX)
exec_prefix ?= $(prefix)
bindir ?= $(exec_prefix)/bin
libdir ?= $(exec_prefix)/lib
includedir ?= $(prefix)/include
datarootdir ?= $(prefix)/share
datadir ?= $(datarootdir)
mandir ?= $(datarootdir)/man

# ---- The parts --------------------------------------------------------------

all: library generator
.PHONY: all

include mk/sources.mk
include mk/flags.mk
include mk/library.mk
include mk/generator.mk
include mk/install.mk
include mk/examples.mk
include mk/test.mk
include mk/fuzz.mk

help:
	@echo 'make                 libcgrpc.a, libcgrpc.so and cgrpc-gen in $(BUILD)/'
	@echo 'make hello           runs the helloworld server and client'
	@echo 'make examples        the programs of examples/, which docs/guide.md teaches'
	@echo 'make dist            dist/grpc.c and dist/grpc.h: the library in two files'
	@echo 'make install         into PREFIX ($(PREFIX)), below DESTDIR'
	@echo 'make uninstall       removes what install put there'
	@echo 'make test            every test; TESTS="test_arena ..." for some'
	@echo 'make coverage        lines and branches that the unit tests run; FILES=1'
	@echo 'make mutants         mistakes that the tests have to notice'
	@echo 'make sim SEEDS=2000  simulated calls, each seed a run; FIRST=n; TLS=1: by mbedTLS'
	@echo 'make oom             calls in which the n-th allocation fails'
	@echo 'make lint            style, layers, names'
	@echo 'make format          clang-format on every source file'
	@echo 'make interop         against grpc-go and Google'\''s C core'
	@echo 'make mbedtls4        compiles with the headers of MBEDTLS4_INCLUDE="..."'
	@echo 'make bsd             compiles for the BSDs and macOS; runs nothing'
	@echo 'make peers           faults between us and grpc-go, nginx, haproxy'
	@echo 'make h2spec          h2spec'\''s cases, of a server and of a client'
	@echo 'make attacks         what attacks cost us, with their bounds'
	@echo 'make bench QUICK=1   cost of a call, beside peers'
	@echo 'make bench-loops     two loops in two threads, beside one'
	@echo 'make bench-hpack     cost of header compression, beside nghttp2'
	@echo 'make sizes           bytes of code, with and without TLS'
	@echo 'make fuzz SECONDS=30 each fuzz target for so long'
	@echo 'make nightly         what takes long: valgrind, sim, fuzz, interop, whole bench'
	@echo 'make clean           removes $(BUILD)/ and dist/'
	@echo 'Variables: BUILD CC AR RANLIB CFLAGS CPPFLAGS LDFLAGS HOSTCC HOSTCFLAGS'
	@echo '           ZLIB=0 MBEDTLS=0 MBEDTLS_ROOT=DIR MBEDTLS3=1'
.PHONY: help

clean:
	rm -rf $(BUILD) dist
.PHONY: clean
