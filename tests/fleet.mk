# What the tests of a fleet share (tests/fleet): a model of its store, and the simulation.
#
# make simulate        a fleet of 1,000 in false time: a table; SIMULATE="--help" and the like

FLEET_MAIN := tests/fleet/simulate.c tests/fleet/clock_shim.c
FLEET_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out $(FLEET_MAIN),$(sort $(wildcard tests/fleet/*.c))))
FLEET_UNIT := $(addprefix $(BUILD)/unit/test_fleet_,chaos scripts sequences simulation)

$(FLEET_UNIT): $(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(FLEET_OBJ) $(BUILD)/libpostcoded.a
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $$(pkg-config --libs check) $(LDLIBS)

# A server's, not ours: no sanitizer in it.
$(BUILD)/fleet/clock_shim.so: tests/fleet/clock_shim.c
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CC) -std=gnu11 -Wall -Wextra -O1 -g -fPIC -shared -o $@ $<

tests: $(BUILD)/fleet/clock_shim.so

$(BUILD)/fleet/simulate: $(BUILD)/obj/tests/fleet/simulate.o $(FLEET_OBJ) $(BUILD)/libpostcoded.a
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

tests: $(BUILD)/fleet/simulate

.PHONY: simulate
simulate: $(BUILD)/fleet/simulate
	$(BUILD)/fleet/simulate $(SIMULATE)
