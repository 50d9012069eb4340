# What goes beyond `make check`, and what `make check` plays of it.
#
# make fuzz T=60       each fuzz target for T seconds (clang's libFuzzer, ASan and UBSan)
#
# The corpora of tests/fuzz/corpus are played by `make check` too, by targets built without libFuzzer.

T ?=
FUZZ_SRC := $(filter-out tests/fuzz/replay.c,$(sort $(wildcard tests/fuzz/*.c)))
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/fuzz/%)

.PHONY: fuzz fuzz-targets

$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/libpostcoded.a
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

ifeq ($(SAN),fuzz)
$(FUZZ_BIN): LDFLAGS += -fsanitize=fuzzer
else
$(FUZZ_BIN): $(BUILD)/obj/tests/fuzz/replay.o
tests: $(FUZZ_BIN)
endif

fuzz-targets: $(FUZZ_BIN)

fuzz:
	tests/deps $(DEPS_BUILD) clang libclang-rt-14-dev
	$(MAKE) SAN=fuzz fuzz-targets
	tests/fuzz/run build/fuzz $(or $(T),60)

# make faults          each allocation and system call on a lookup's way, failing in turn
$(BUILD)/faults/shim.so: tests/faults/shim.c
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CC) -std=gnu11 -Wall -Wextra -O1 -g -fPIC -shared -o $@ $< -ldl

.PHONY: faults
faults: all $(BUILD)/faults/shim.so $(DRIVER_BIN)
	tests/faults/run $(BUILD)

# make memcheck        the unit tests under valgrind
.PHONY: memcheck
memcheck: $(UNIT_BIN)
	tests/memcheck $(BUILD)

# make soak T=600      lookups under mixed faults for T seconds; memory and descriptors must not grow
.PHONY: soak
soak: all $(DRIVER_BIN)
	tests/soak $(BUILD) $(or $(T),600)

# make coverage        which lines of src no test reaches (gcov)
.PHONY: coverage
coverage:
	$(MAKE) SAN=coverage tests
	-tests/run build/coverage
	tests/coverage build/coverage
