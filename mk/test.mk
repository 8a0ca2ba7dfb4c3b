# SPDX-License-Identifier: MIT
# Tests and checks. Each unit test is built four times: on the split tree and
# on the amalgamation, each plain and sanitized (sanitized on the amalgamation:
# those that walk through the whole library; all, in the nightly run); and on the
# split tree for other machines: 32 bit, musl, and a big-endian one that is
# emulated. Some are built once more, over kqueue.
#
#   make test                      everything
#   make test TESTS="test_arena"   some of tests/test_*.c and tests/test_*.sh
#   make test TEST_CC=clang        with another compiler

T = $(BUILD)/test
TEST_CC ?= $(CC)
TEST_CFLAGS = $(LANGUAGE) $(WARNINGS) -Werror -DGRPC_DEBUG -g $(DEPENDENCIES)
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer

UNIT_TESTS := $(patsubst tests/%.c,%,$(wildcard tests/test_*.c))
SHELL_TESTS := $(wildcard tests/test_*.sh)
ifdef TESTS
UNIT_TESTS := $(filter $(TESTS),$(UNIT_TESTS))
SHELL_TESTS := $(filter $(patsubst %,tests/%.sh,$(TESTS:.sh=)),$(SHELL_TESTS))
endif
# The generator is no part of the amalgamation, and the simulated network of
# tests/sim, which these tests run on, is linked with the split tree.
SIM_TESTS = test_sim_net test_channel_mess test_connectivity \
	test_connectivity_life test_pick_first test_resolver \
	test_secure_channel test_secure_life test_send_moved test_storms \
	test_subchannel test_unsent
ONE_FILE_TESTS = $(filter-out test_gen_% $(SIM_TESTS),$(UNIT_TESTS))
# Each of them compiles the one file anew, which takes seconds, and its code is that
# of the split tree, where all are sanitized.
SAN_ONE_TESTS ?= $(if $(TESTS),%,test_attack_frames test_blocking \
	test_channel test_compression test_conn test_conn_secure \
	test_credentials test_inproc test_listener test_raw test_secure_gate \
	test_send_again test_server test_stream test_stream_ends \
	test_tls_ends test_tls_mbedtls test_unary_pair)
MACHINES := $(if $(filter x86_64,$(shell uname -m)),m32) musl s390x
UNIT_PROGRAMS = \
	$(UNIT_TESTS:%=$(T)/plain/split/%) $(ONE_FILE_TESTS:%=$(T)/plain/one/%) \
	$(UNIT_TESTS:%=$(T)/san/split/%) $(patsubst %,$(T)/san/one/%,\
		$(filter $(SAN_ONE_TESTS),$(ONE_FILE_TESTS))) \
	$(foreach machine,$(MACHINES),$(UNIT_TESTS:%=$(T)/$(machine)/split/%))

# Code that the generator makes of tests/proto and the example, for tests.
PROTO_STEMS := helloworld $(patsubst tests/proto/%.proto,%,\
	$(wildcard tests/proto/*.proto))
PROTO_CODE = $(PROTO_STEMS:%=$(T)/proto/%.pb.c)
$(T)/proto/%.pb.c: tests/proto/%.proto $(GENERATOR)
	@mkdir -p $(@D)
	$(call run,GEN)$(GENERATOR) -I tests/proto -o $(@D) $*.proto
$(T)/proto/helloworld.pb.c: examples/helloworld/helloworld.proto $(GENERATOR)
	@mkdir -p $(@D)
	$(call run,GEN)$(GENERATOR) -I examples/helloworld -o $(@D) helloworld.proto

# Keys and certificates (tests/certs.sh lists them), made anew for each build. To
# the tests, test_cert() of tests/support.h is where they are.
TEST_CERTS = $(abspath $(T))/certs
export TEST_CERTS
$(T)/certs/.done: tests/certs.sh
	@rm -rf $(T)/certs
	$(call run,CERTS)tests/certs.sh $(T)/certs
	@touch $@

$(T)/test.flags: FORCE
	@mkdir -p $(T)
	@printf '%s\n' '$(TEST_CC) $(TEST_CFLAGS) $(VENDOR_CPPFLAGS) $(CPPFLAGS)' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# $(call flavour,NAME,COMPILER AND FLAGS,FLAGS OF THE ONE FILE,LIBRARIES,WHAT IS
# NEEDED FIRST)
define flavour
$(T)/$(1)/obj/%.o: %.c $(T)/test.flags | $(5)
	@mkdir -p $$(@D)
	$$(call run,CC)$(2) -I. -c -o $$@ $$<
$(T)/$(1)/libsplit.a: $(LIBRARY_SOURCES:%.c=$(T)/$(1)/obj/%.o)
	@mkdir -p $$(@D) && rm -f $$@
	@$(AR) rc $$@ $$^
$(T)/$(1)/libgen.a: $(GEN_SOURCES:%.c=$(T)/$(1)/obj/%.o)
	@mkdir -p $$(@D) && rm -f $$@
	@$(AR) rc $$@ $$^
$(T)/$(1)/proto/%.o: $(T)/proto/%.pb.c $(T)/test.flags | $(PROTO_CODE)
	@mkdir -p $$(@D)
	$$(call run,CC)$(2) -I. -I$(T)/proto -c -o $$@ $$<
$(T)/$(1)/libproto.a: $(PROTO_STEMS:%=$(T)/$(1)/proto/%.o)
	@mkdir -p $$(@D) && rm -f $$@
	@$(AR) rc $$@ $$^
$(T)/$(1)/split/test_gen_%: tests/test_gen_%.c $(T)/$(1)/obj/tests/support.o \
		$(T)/$(1)/libgen.a $(T)/$(1)/libproto.a $(T)/$(1)/libsplit.a \
		| $(T)/certs/.done
	@mkdir -p $$(@D)
	$$(call run,LINK)$(2) -I. -I$(T)/proto -o $$@ $$< $$(filter %.o %.a,$$^) $(4)
$(SIM_TESTS:%=$(T)/$(1)/split/%): $(T)/$(1)/split/%: tests/%.c \
		$(T)/$(1)/obj/tests/support.o $(T)/$(1)/obj/tests/sim/sim_net.o \
		$(T)/$(1)/obj/tests/sim/sim_ring.o \
		$(T)/$(1)/obj/tests/sim/sim_ways.o \
		$(T)/$(1)/obj/tests/sim/sim_lookup.o $(T)/$(1)/libsplit.a \
		| $(T)/certs/.done
	@mkdir -p $$(@D)
	$$(call run,LINK)$(2) -I. -o $$@ $$< $$(filter %.o %.a,$$^) $(4)
$(T)/$(1)/split/%: tests/%.c $(T)/$(1)/obj/tests/support.o \
		$(T)/$(1)/libproto.a $(T)/$(1)/libsplit.a | $(T)/certs/.done
	@mkdir -p $$(@D)
	$$(call run,LINK)$(2) -I. -I$(T)/proto -o $$@ $$< $$(filter %.o %.a,$$^) $(4)
$(T)/$(1)/one/%: tests/%.c $(T)/$(1)/obj/tests/support.o dist/grpc.c \
		dist/grpc.h $(T)/$(1)/libproto.a | $(T)/certs/.done
	@mkdir -p $$(@D)
	$$(call run,LINK)$(2) $(3) -DTEST_AMALGAMATION -Idist -I. -I$(T)/proto \
		-o $$@ $$< $$(filter %.o %.a,$$^) $(4)
-include $(wildcard $(T)/$(1)/*/*.d $(T)/$(1)/obj/*/*.d \
	$(T)/$(1)/obj/*/*/*.d)
endef
$(eval $(call flavour,plain,$(TEST_CC) $(TEST_CFLAGS) -O1 $(VENDOR_CPPFLAGS) $(CPPFLAGS),\
	-O0,-lcmocka $(VENDOR_LIBS) -lpthread))
$(eval $(call flavour,san,$(TEST_CC) $(TEST_CFLAGS) -O1 $(SANITIZE) \
	$(VENDOR_CPPFLAGS) $(CPPFLAGS),-O0,-lcmocka $(VENDOR_LIBS) -lpthread))
# Machines that Debian has no cmocka for: the split tree, with a stand-in. They
# have neither zlib nor mbedTLS, so these are also the builds without features.
# (The kernel's headers for 32 bit are those for 64; only gcc-multilib, which
# cannot stand beside a cross compiler, puts them where gcc -m32 looks.)
M32 = gcc -m32 -idirafter /usr/include/x86_64-linux-gnu
PORTABLE = $(TEST_CFLAGS) -O1 -isystem tests/portable
$(eval $(call flavour,m32,$(M32) $(PORTABLE),,-lpthread))
$(eval $(call flavour,musl,musl-gcc $(PORTABLE),,-static -lpthread))
$(eval $(call flavour,s390x,s390x-linux-gnu-gcc $(PORTABLE),,-static -lpthread))
# The kqueue back end, which Linux has no use for: on a shim that gives Linux
# kqueue(), and as the default, so that tests of the library run over it. The one
# file is compiled with the types of an older NetBSD.
KQUEUE = -DLOOP_HAS_KQUEUE -Itests/kqueue_shim
KQUEUE_TESTS = test_loop test_loop_backend test_loop_kqueue test_loop_lookup \
	test_values test_run test_user_io test_conn test_channel test_server \
	test_listener test_blocking test_idle test_stream test_stream_ends \
	test_unary_pair test_attack_client test_attack_slow test_tunnel \
	test_proxied test_conn_secure test_secure_gate
$(eval $(call flavour,kqueue,$(TEST_CC) $(TEST_CFLAGS) -O1 $(SANITIZE) $(KQUEUE) \
	$(VENDOR_CPPFLAGS) $(CPPFLAGS),-O0 -DKQUEUE_SHIM_NETBSD,\
	-lcmocka $(VENDOR_LIBS) -lpthread))
KQUEUE_SPLIT = $(if $(TESTS),,$(T)/kqueue/split/kqueue_shim/test_shim) \
	$(patsubst %,$(T)/kqueue/split/%,$(filter $(KQUEUE_TESTS),$(UNIT_TESTS)))
KQUEUE_ONE = $(patsubst %,$(T)/kqueue/one/%,\
	$(filter test_loop test_loop_kqueue,$(UNIT_TESTS)))
$(KQUEUE_SPLIT): $(T)/kqueue/obj/tests/kqueue_shim/kqueue_shim.o
$(KQUEUE_ONE): $(T)/kqueue/netbsd/kqueue_shim.o
$(T)/kqueue/netbsd/%.o: tests/kqueue_shim/%.c $(T)/test.flags
	@mkdir -p $(@D)
	$(call run,CC)$(TEST_CC) $(TEST_CFLAGS) $(SANITIZE) $(KQUEUE) \
		-DKQUEUE_SHIM_NETBSD -I. -c -o $@ $<
UNIT_PROGRAMS += $(KQUEUE_SPLIT) $(KQUEUE_ONE)
# With mbedTLS 3.6, where the system's is older, what has to do with TLS: on the
# split tree, sanitized. (MBEDTLS3_TESTS= leaves it out, without a network.)
MBEDTLS3_TESTS ?= test_values test_tls_% test_credentials test_identity
MBEDTLS3_FOUND = $(T)/mbedtls3/root/include/mbedtls/ssl.h
$(MBEDTLS3_FOUND):
	@mkdir -p $(T)/mbedtls3
	$(call run,FIND)root=$$(MBEDTLS3_ROOT='$(MBEDTLS3_ROOT)' tests/mbedtls3.sh) && \
		ln -sfn "$$root" $(T)/mbedtls3/root
mbedtls3_LIBS = $(call mbedtls_libs,$(abspath $(T)/mbedtls3/root)) $(ZLIB_LIBS)
$(eval $(call flavour,mbedtls3,$(TEST_CC) $(TEST_CFLAGS) -O1 $(SANITIZE) \
	$(call mbedtls_flags,$(T)/mbedtls3/root) $(ZLIB_CPPFLAGS) $(CPPFLAGS),-O0,\
	-lcmocka $(mbedtls3_LIBS) -lpthread,$(MBEDTLS3_FOUND)))
MBEDTLS3_PROGRAMS = $(patsubst %,$(T)/mbedtls3/split/%,\
	$(filter $(MBEDTLS3_TESTS),$(UNIT_TESTS)))
UNIT_PROGRAMS += $(MBEDTLS3_PROGRAMS)

# Which mbedTLS the tests ran with.
plain_LIBS = $(VENDOR_LIBS)
$(T)/%/tls_version: $(T)/%/obj/tests/tls_version.o
	$(call run,LINK)$(TEST_CC) $(if $(filter mbedtls3,$*),$(SANITIZE)) -o $@ $< \
		$($*_LIBS)
TLS_VERSIONS = $(T)/plain/tls_version \
	$(if $(MBEDTLS3_PROGRAMS),$(T)/mbedtls3/tls_version)
# Nothing that was built is deleted for being built on the way.
.SECONDARY:

test-programs: $(UNIT_PROGRAMS) $(TLS_VERSIONS)
.PHONY: test-programs

# What the tests that are scripts may use.
export CC AR RANLIB CFLAGS CPPFLAGS LDFLAGS HOSTCC HOSTCFLAGS BUILD VERSION M32
export MBEDTLS_ROOT
# Public test data stands beside the tree where developers have it; tests that
# could use it say so and take a small set of their own.
DATA := $(wildcard ../shared/data)
ifneq ($(wildcard ../shared/data/hpack.tar.xz),)
STORIES = $(T)/stories
$(STORIES)/.done: tests/hpack_stories.py ../shared/data/hpack.tar.xz
	@mkdir -p $(STORIES)
	python3 tests/hpack_stories.py ../shared/data/hpack.tar.xz $(STORIES)
	@touch $@
endif

# mbedTLS 4 is not tested, for no suite of Debian has it; but what is ours compiles
# with its headers, in MBEDTLS4_INCLUDE (of the sources of mbedTLS 4.1 these are
# include, tf-psa-crypto/include and tf-psa-crypto/drivers/builtin/include).
MBEDTLS4_CC = $(CC) -std=c11 $(WARNINGS) -Werror -DGRPC_WITH_MBEDTLS -I. \
	$(addprefix -isystem ,$(MBEDTLS4_INCLUDE)) -fsyntax-only
mbedtls4: dist
	@mkdir -p $(BUILD)
	@$(if $(MBEDTLS4_INCLUDE),,echo 'mbedTLS 4: not tried; Debian has none:' \
		'make mbedtls4 MBEDTLS4_INCLUDE="FOLDER ..." names its headers' && exit 1)
	@printf '\043include <mbedtls/build_info.h>\n\043if %s\n\043error not mbedTLS 4\n\043endif\n' \
		'MBEDTLS_VERSION_MAJOR != 4' >$(BUILD)/mbedtls4.h
	@for file in $(BUILD)/mbedtls4.h \
		$(filter tls/tls_mbedtls%,$(VENDOR_SOURCES)) dist/grpc.c; do \
		$(MBEDTLS4_CC) $$file || exit 1; \
	done
	@echo 'mbedTLS 4: compiles'
.PHONY: mbedtls4

test:
	@tests/deps test
	+@$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) --no-print-directory \
		all examples test-programs $(if $(STORIES),$(STORIES)/.done)
	@$(foreach program,$(TLS_VERSIONS),$(program) &&) true
	@$(if $(MBEDTLS4_INCLUDE),$(MAKE) -s mbedtls4,echo 'mbedTLS 4: not tried;' \
		'Debian has none (make mbedtls4)')
	@$(if $(STORIES),HPACK_STORIES=$(STORIES)) $(if $(DATA),TEST_DATA=$(DATA)) \
		tests/run $(JOBS) $(T)/log $(UNIT_PROGRAMS) $(SHELL_TESTS)
.PHONY: test

interop: all examples
	@tests/deps interop
	tests/interop/run
.PHONY: interop

bench: all examples
	@tests/deps bench
	bench/run $(if $(QUICK),quick)
.PHONY: bench

# (make is asked again when zlib and mbedTLS are there.)
lint:
	@tests/deps lint
	+@$(MAKE) --no-print-directory lint-all
lint-all:
	@CC='$(CC)' WARNINGS='$(WARNINGS) $(VENDOR_CPPFLAGS)' tools/lint $(LIBRARY_SOURCES) -- $(GEN_SOURCES) $(GEN_MAIN)
.PHONY: lint lint-all

# What clang-format is held to: all C files but those that tools write.
format:
	@tests/deps lint
	tools/list-c | xargs clang-format-14 -i
.PHONY: format

# Everything that takes too long for each change.
nightly:
	@tests/deps nightly
	+$(MAKE) test TEST_LONG=1 SAN_ONE_TESTS=%
	+$(MAKE) valgrind TEST_LONG=1
	+$(MAKE) sim SEEDS=30000
	+$(MAKE) sim TLS=1 SEEDS=2000
	+$(MAKE) sim-machines
	+$(MAKE) oom ALL=1
	+$(MAKE) interop
	+$(MAKE) bsd
	+$(MAKE) peers LONG=1
	+$(MAKE) soak SECONDS=600
	+$(MAKE) chaos SECONDS=3600
	+$(MAKE) fuzz SECONDS=600
	+$(MAKE) fuzz-replay TEST_WRAPPER='$(VALGRIND)'
	+$(MAKE) fuzz-replay REPLAY=s390x
	+$(MAKE) bench
	+$(MAKE) bench-loops
.PHONY: nightly
export TEST_LONG

VALGRIND = valgrind -q --error-exitcode=99 --leak-check=full \
	--errors-for-leak-kinds=definite,indirect
VALGRIND_PROGRAMS = $(filter $(T)/plain/split/%,$(UNIT_PROGRAMS))
valgrind-programs: $(VALGRIND_PROGRAMS)
valgrind:
	@tests/deps nightly
	+@$(MAKE) -j$(JOBS) --no-print-directory all valgrind-programs
	@TEST_WRAPPER='$(VALGRIND)' tests/run $(JOBS) $(T)/valgrind \
		$(VALGRIND_PROGRAMS)
.PHONY: valgrind valgrind-programs

# h2spec, and h2specd for the client, against programs on the engine alone that
# are sanitized and check its invariants after every event.
H2SPEC_PROGRAMS = $(T)/san/h2spec_server $(T)/san/h2spec_client
$(T)/san/h2spec_%: $(T)/san/obj/tests/h2spec/%.o \
		$(T)/san/obj/tests/h2spec/wire.o $(T)/san/libsplit.a
	$(call run,LINK)$(TEST_CC) $(SANITIZE) -o $@ $^ $(VENDOR_LIBS)
-include $(wildcard $(T)/san/obj/tests/h2spec/*.d)
h2spec:
	@tests/deps h2spec
	+@$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) --no-print-directory \
		$(H2SPEC_PROGRAMS)
	@tests/h2spec/run $(H2SPEC_PROGRAMS)
.PHONY: h2spec

# Coverage counts the conditions of the source, as clang does, not the jumps of
# the machine; and without GRPC_DEBUG, so that assertions are no conditions.
# FILES=1 for every file, TESTS= for some tests. (-w: other flavours warn.)
$(eval $(call flavour,cov,clang $(filter-out -DGRPC_DEBUG,$(TEST_CFLAGS)) -O1 \
	-w -fprofile-instr-generate -fcoverage-mapping $(VENDOR_CPPFLAGS) $(CPPFLAGS),,\
	-lcmocka $(VENDOR_LIBS) -lpthread))
COVERAGE_PROGRAMS = $(patsubst %,$(T)/cov/split/%,\
	$(filter-out test_gen_%,$(UNIT_TESTS)))
coverage-programs: $(COVERAGE_PROGRAMS)
coverage:
	@tests/deps coverage
	+@$(MAKE) -j$(JOBS) --no-print-directory coverage-programs
	@rm -rf $(T)/cov/profiles
	@LLVM_PROFILE_FILE=$(abspath $(T))/cov/profiles/%p.profraw \
		tests/run $(JOBS) $(T)/cov/log $(COVERAGE_PROGRAMS)
	@tests/coverage.py $(if $(FILES),--files) $(T)/cov/profiles \
		$(COVERAGE_PROGRAMS)
.PHONY: coverage coverage-programs

# The systems that have kqueue: compiled and linked for, not run.
bsd: dist generator
	@tests/deps bsd
	@mkdir -p $(BUILD)/bsd
	@$(GENERATOR) -I examples/helloworld -o $(BUILD)/bsd helloworld.proto
	@WARNINGS='$(WARNINGS)' tests/bsd/run $(BUILD)/bsd
.PHONY: bsd

# Mistakes that the tests have to notice; MUTANT="name ..." for some.
mutants:
	@tests/deps mutants
	@tests/mutants/run $(BUILD)/mutants $(JOBS) $(MUTANT)
.PHONY: mutants

sizes: dist generator
	@tests/deps sizes
	@bench/sizes
.PHONY: sizes

bench-hpack:
	@tests/deps bench-hpack
	bench/hpack/run
.PHONY: bench-hpack

bench-loops:
	@tests/deps bench-loops
	bench/run loops $(if $(QUICK),quick)
.PHONY: bench-loops

# The simulation (tests/sim), on the split tree, optimized and with assertions;
# some of its seeds with sanitizers too.
#   make sim SEEDS=2000 FIRST=1
$(eval $(call flavour,sim,$(TEST_CC) $(TEST_CFLAGS) -O2 $(VENDOR_CPPFLAGS) \
	$(CPPFLAGS),,$(VENDOR_LIBS) -lpthread))

# The machines that are not this one have neither zlib nor mbedTLS.
vendor_of = $(if $(filter $(MACHINES),$(1)),,$(VENDOR_LIBS))

# $(call simulation,FLAVOUR,COMPILER AND FLAGS,LIBRARIES)
define simulation
$(T)/$(1)/sim: $(SIM_OBJECTS:%=$(T)/$(1)/obj/tests/%.o) $(T)/$(1)/libsplit.a
	$$(call run,LINK)$(2) -o $$@ $$^ $(or $(3),$(call vendor_of,$(1))) -lpthread
$(T)/$(1)/oom: $(OOM_OBJECTS:%=$(T)/$(1)/obj/tests/%.o) $(T)/$(1)/libsplit.a
	$$(call run,LINK)$(2) -o $$@ $$^ $(or $(3),$(call vendor_of,$(1))) -lpthread
endef
SIM_OBJECTS = support sim/sim_ring sim/sim_net sim/sim_ways sim/sim_report \
	sim/sim_wire sim/sim_service sim/sim_core sim/sim_calls sim/sim_talk sim/sim_meta \
	sim/sim_pass sim/sim_acts sim/sim_links sim/sim_tls sim/sim_safe \
	sim/sim_engine sim/sim
OOM_OBJECTS = support sim/sim_ring sim/sim_net sim/sim_ways sim/sim_report \
	sim/sim_service sim/oom_vendor sim/oom_safe sim/oom_streams \
	sim/oom_scenarios sim/oom
$(eval $(call simulation,sim,$(TEST_CC)))
$(eval $(call simulation,san,$(TEST_CC) $(SANITIZE)))
$(eval $(call simulation,mbedtls3,$(TEST_CC) $(SANITIZE),$(mbedtls3_LIBS)))

# Mixed calls over real sockets for a long time, half of it against a server of
# ours in another process, half against grpc-go; with assertions.
#   make soak SECONDS=600
SOAK_SECONDS = $(if $(findstring command,$(origin SECONDS)),$(SECONDS),600)
$(T)/sim/soak: $(T)/sim/obj/tests/soak/soak.o $(T)/sim/obj/tests/support.o \
		$(T)/sim/libsplit.a
	$(call run,LINK)$(TEST_CC) -o $@ $^ $(call vendor_of,sim) -lpthread
soak:
	@tests/deps interop
	+@$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) --no-print-directory \
		$(T)/sim/soak
	@tests/soak/run $(T)/sim/soak $(SOAK_SECONDS)
.PHONY: soak

# Faults between real peers (tests/peers): servers that are killed and drained,
# networks that go silent, proxies; sanitized, for that is where memory is lost.
#   make peers CASES='*/drain/*'    LONG=1 for those of the night too
PEERS_PROTO = grpc/testing/empty grpc/testing/messages grpc/testing/test
PEERS_CODE = $(PEERS_PROTO:%=$(T)/peers/%.pb.c)
$(T)/peers/.done: $(PEERS_PROTO:%=tests/interop/proto/%.proto) $(GENERATOR)
	@mkdir -p $(T)/peers
	$(call run,GEN)$(GENERATOR) -I tests/interop/proto -o $(T)/peers \
		$(PEERS_PROTO:%=%.proto)
	@touch $@
$(T)/san/peers_%: tests/peers/c/peers_%.c tests/peers/c/peers.c \
		tests/peers/c/peers.h $(T)/peers/.done $(T)/san/libsplit.a
	$(call run,LINK)$(TEST_CC) $(TEST_CFLAGS) -O1 $(SANITIZE) -I. -I$(T)/peers \
		-o $@ $(filter %.c,$^) $(PEERS_CODE) $(T)/san/libsplit.a \
		$(VENDOR_LIBS) -lpthread
peers:
	@tests/deps peers
	+@$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) --no-print-directory \
		$(T)/san/peers_client $(T)/san/peers_server
	@tests/peers/run $(if $(LONG),--long) $(T)/san '$(or $(CASES),*)'
.PHONY: peers

# Real processes on loopback, and what befalls them: servers that are killed,
# drained and paused, connections that are cut or swallow what is sent.
#   make chaos SECONDS=3600
CHAOS_SECONDS = $(if $(findstring command,$(origin SECONDS)),$(SECONDS),60)
CHAOS_OBJECTS = support chaos/chaos_board chaos/chaos_causes \
	chaos/chaos_server chaos/chaos_client chaos/chaos_proxy chaos/chaos
$(T)/sim/chaos: $(CHAOS_OBJECTS:%=$(T)/sim/obj/tests/%.o) $(T)/sim/libsplit.a
	$(call run,LINK)$(TEST_CC) -o $@ $^ $(call vendor_of,sim) -lpthread
chaos:
	@tests/deps interop
	+@$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) --no-print-directory \
		$(T)/sim/chaos
	@tests/chaos/run $(T)/sim/chaos $(CHAOS_SECONDS) $(SEED)
.PHONY: chaos

SEEDS ?= $(if $(TLS),200,2000)
FIRST ?= 1
SIM_MBEDTLS3 = $(if $(MBEDTLS3_TESTS),$(T)/mbedtls3/sim)
SIM_RUN = --first $(FIRST) --jobs $(JOBS)
sim: $(if $(TLS),sim-tls,sim-plain)
.PHONY: sim
sim-plain:
	@tests/deps sim
	+@$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) --no-print-directory \
		$(T)/san/sim $(T)/sim/sim
	@echo 'with sanitizers:'
	@$(T)/san/sim $(SIM_RUN) --seeds $$(($(SEEDS) / 10 + 1)) --short
	@$(T)/sim/sim $(SIM_RUN) --seeds $(SEEDS)
.PHONY: sim-plain

# The same with TLS by mbedTLS in the middle, and by 3.6 with sanitizers. (Some
# seeds of the others have the toy of tests/toy_tls.h there.)
#   make sim TLS=1 SEEDS=200
sim-tls:
	@tests/deps sim
	+@$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) --no-print-directory \
		$(T)/certs/.done $(T)/sim/sim $(SIM_MBEDTLS3)
	@$(T)/sim/sim --tls $(SIM_RUN) --seeds $(SEEDS)
ifneq ($(SIM_MBEDTLS3),)
	@echo 'mbedTLS 3.6, with sanitizers:'
	@$(T)/mbedtls3/sim --tls --short $(SIM_RUN) --seeds $$(($(SEEDS) / 2))
endif
.PHONY: sim-tls

# Another machine with words of 64 bits does exactly the same: the digest is that
# of the traces. (With 32 bits chunks hold more, and writes are larger.)
SIM_MACHINES := $(filter-out musl,$(MACHINES))
$(eval $(call simulation,m32,$(M32)))
$(eval $(call simulation,s390x,s390x-linux-gnu-gcc -static))
sim-machines:
	@tests/deps test
	+@$(MAKE) -j$(JOBS) --no-print-directory $(T)/sim/sim \
		$(SIM_MACHINES:%=$(T)/%/sim)
	@set -e; for program in $(T)/sim/sim $(SIM_MACHINES:%=$(T)/%/sim); do \
		case $$program in */s390x/*) qemu=qemu-s390x-static ;; *) qemu= ;; esac; \
		$$qemu $$program --jobs $(JOBS) --seeds 200 --short | tee $(T)/sim.log; \
		digest=$$(sed -n 's/.*digest \([0-9a-f]*\).*/\1/p' $(T)/sim.log); \
		case $$program in */m32/*) ;; *) \
			test "$${first:=$$digest}" = "$$digest" ;; esac; \
		tail -n 1 $(T)/sim.log | grep -q ' 0 failed'; \
	done
.PHONY: sim-machines

# Whole calls in which the n-th allocation fails, for every n. ALL=1: and by every
# way through mbedTLS, not only some.
oom:
	@tests/deps sim
	+@$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) --no-print-directory \
		$(T)/certs/.done $(T)/sim/oom $(T)/san/oom
	@$(T)/sim/oom $(if $(ALL),--all)
	@echo 'with sanitizers:'
	@$(T)/san/oom --short
.PHONY: oom

# Attacks: the tests of attacks once more, as users build the library, with
# their instructions counted.
$(eval $(call flavour,attacks,$(TEST_CC) $(filter-out -DGRPC_DEBUG,\
	$(TEST_CFLAGS)) -O2 -DATTACK_CALLGRIND $(VENDOR_CPPFLAGS) $(CPPFLAGS),\
	-O2,-lcmocka $(VENDOR_LIBS) -lpthread))
ATTACK_PROGRAMS = $(patsubst tests/%.c,$(T)/attacks/split/%,\
	$(filter-out %_random.c,$(wildcard tests/test_attack_*.c)))
attack-programs: $(ATTACK_PROGRAMS)
attacks:
	@tests/deps attacks
	+@$(MAKE) -j$(JOBS) --no-print-directory attack-programs
	@tests/attack/run $(JOBS) $(T)/attacks/log $(ATTACK_PROGRAMS)
.PHONY: attacks attack-programs
