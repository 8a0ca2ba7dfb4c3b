# SPDX-License-Identifier: MIT
# Fuzzing with libFuzzer, on the split tree, with assertions and sanitizers.
#
#   make fuzz SECONDS=30            each target replays its corpus, then fuzzes
#   make fuzz FUZZ="fuzz_hpack_pair"   some of tests/fuzz/fuzz_*.c
#   make fuzz SEED=1                the same inputs every time, as far as it gets
#   make fuzz-replay                the corpora alone, without libFuzzer; with
#                                   REPLAY=m32 or s390x, on another machine
#   make fuzz-corpus                what was found becomes part of the corpora

SECONDS ?= 30
FUZZ ?= $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_PROGRAMS = $(FUZZ:%=$(T)/fuzz/target/%)

REPLAY ?= plain
REPLAY_PROGRAMS = $(FUZZ:%=$(T)/$(REPLAY)/replay/%)
REPLAY_LINK_plain = $(TEST_CC) $(CPPFLAGS) $(LDFLAGS)
REPLAY_LINK_m32 = gcc -m32
REPLAY_LINK_s390x = s390x-linux-gnu-gcc -static
REPLAY_RUN_s390x = qemu-s390x-static

$(eval $(call flavour,fuzz,clang $(TEST_CFLAGS) -O1 $(SANITIZE) \
	-fsanitize=fuzzer-no-link \
	-fsanitize-coverage-ignorelist=tests/fuzz/uncovered.txt $(VENDOR_CPPFLAGS) $(CPPFLAGS),,))

$(T)/fuzz/target/%: $(T)/fuzz/obj/tests/fuzz/%.o \
		$(T)/fuzz/obj/tests/support.o $(T)/fuzz/libgen.a $(T)/fuzz/libsplit.a \
		| $(T)/certs/.done
	@mkdir -p $(@D)
	$(call run,LINK)clang $(SANITIZE) -fsanitize=fuzzer -o $@ $^ $(VENDOR_LIBS) -lpthread
$(T)/$(REPLAY)/replay/%: $(T)/$(REPLAY)/obj/tests/fuzz/%.o \
		$(T)/$(REPLAY)/obj/tests/fuzz/replay.o \
		$(T)/$(REPLAY)/obj/tests/support.o \
		$(T)/$(REPLAY)/libgen.a $(T)/$(REPLAY)/libsplit.a \
		| $(T)/certs/.done
	@mkdir -p $(@D)
	$(call run,LINK)$(REPLAY_LINK_$(REPLAY)) -o $@ $^ \
		$(call vendor_of,$(REPLAY)) -lpthread

-include $(wildcard $(T)/fuzz/obj/tests/fuzz/*.d \
	$(T)/$(REPLAY)/obj/tests/fuzz/*.d)

fuzz:
	@tests/deps fuzz
	+@$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) --no-print-directory \
		fuzz-programs
	@FUZZ_SEED='$(SEED)' tests/fuzz/run '$(SECONDS)' $(BUILD)/fuzz \
		$(FUZZ_PROGRAMS)
.PHONY: fuzz

fuzz-programs: $(FUZZ_PROGRAMS)
.PHONY: fuzz-programs

fuzz-replay: $(REPLAY_PROGRAMS)
	@set -e; for target in $(FUZZ); do \
		printf '%s: ' $$target; $(TEST_WRAPPER) $(REPLAY_RUN_$(REPLAY)) \
		$(T)/$(REPLAY)/replay/$$target tests/fuzz/corpus/$$target; \
	done
.PHONY: fuzz-replay

fuzz-corpus: $(FUZZ_PROGRAMS)
	tests/fuzz/grow $(BUILD)/fuzz $(FUZZ_PROGRAMS)
.PHONY: fuzz-corpus
