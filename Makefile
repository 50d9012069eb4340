# make            builds build/postcoded and build/location-standin
# make run        builds, starts both on loopback, prints curl lines, stays; Ctrl-C ends both;
#                 PORT=18080 for other ports than 8080, 8081 and 8090: PORT, PORT + 1, PORT + 10
# make check      every test; SAN=address or SAN=thread for a sanitizer build in build/$(SAN)
#                 CC=clang builds with clang, in build/clang
# make check-on   DISTRO=bookworm, trixie, noble or sid: the README's two commands in a fresh tree
# make deps       installs what is missing (Debian, Ubuntu); does nothing when all is there
# make install    DESTDIR= PREFIX=/usr: binary, units, default configuration, manual pages; uninstall
# make deb        a Debian package in build/deb; check-deb tries it in a fresh tree
# make check-systemd   the operator's page under a systemd of its own: see tests/systemd.mk
# make bench      the daemon beside nginx, HAProxy and Go; deps-bench installs those
# make cache-cost   nanoseconds and bytes of the cache's table
# make cache-rates  how many lookups a cache saves; RATES="--rate 100" and the like
# make lint       order of floors, circles, format, names, documents; clang-tidy over src
# make documents  brings conf/postcoded.ini and postcoded.ini(5) up to date with the table of keys
# make cache-conformance   writes docs/cache-conformance.md, from tests/httpcache/expectations.json
# make compile_commands.json

VERSION := 0.1.0
CC := gcc
SAN ?=
# Each compiler and each sanitizer has a tree of its own: build, build/clang, build/address.
BUILD := build$(if $(filter-out gcc,$(notdir $(CC))),/$(notdir $(CC)))$(if $(SAN),/$(SAN))
PREFIX ?= /usr
DESTDIR ?=

PKGS := libmicrohttpd gnutls libcurl libuv jansson uuid libsystemd libssl libcrypto hiredis
DEPS_BUILD := gcc make pkg-config libc6-dev libmicrohttpd-dev libgnutls28-dev libcurl4-openssl-dev libuv1-dev \
	libjansson-dev uuid-dev uthash-dev libsystemd-dev libssl-dev libhiredis-dev \
	libllhttp-dev,node-llhttp
DEPS_RUN := curl ca-certificates
DEPS_CHECK := check varnish,vinyl-cache redis-server,valkey-server slowhttptest clang-format openssl procps \
	util-linux systemd prometheus groff-base man-db
# The compiler asked for, where it is not the usual one.
DEPS_COMPILER := $(filter clang,$(notdir $(CC)))
DEPS_BENCH := python3 nginx-light libnginx-mod-http-lua haproxy golang-go wrk openssl valgrind strace \
	util-linux

# WERROR= builds with a compiler that warns of more than ours. EXTRA_LDFLAGS are a package's own.
WERROR := -Werror
EXTRA_LDFLAGS :=
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wformat=2 -Wundef -Wpointer-arith -Wcast-qual $(WERROR)
OPT := -O2 -g
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
ifeq ($(SAN),address)
OPT := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
HARDEN := -fPIE -DPOSTCODED_COSTLY_CHECKS
else ifeq ($(SAN),thread)
OPT := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
HARDEN := -fPIE -DPOSTCODED_COSTLY_CHECKS
else ifeq ($(SAN),fuzz)
CC := clang
WARN := -Wall
OPT := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
HARDEN := -fPIE -DPOSTCODED_COSTLY_CHECKS
else ifeq ($(SAN),coverage)
OPT := -O0 -g --coverage -fprofile-update=atomic
HARDEN := -fPIE
else ifneq ($(SAN),)
$(error SAN is address, thread, fuzz or coverage, not "$(SAN)")
endif

# llhttp is a library where the distribution has libllhttp-dev. Where it has not (Debian 12, Ubuntu
# 24.04), node-llhttp ships the C sources; they are compiled unchanged into our library.
ifeq ($(shell pkg-config --exists libllhttp 2>/dev/null && echo yes),yes)
PKGS += libllhttp
else
LLHTTP_SRC := /usr/share/llhttp
LLHTTP_CPPFLAGS := -isystem /usr/share/include/llhttp
LLHTTP_OBJ := $(patsubst %,$(BUILD)/obj/llhttp/%.o,llhttp api http)
endif

# The packages are asked for when they are first needed, so that `make deps` works without them.
pkg_config = $(shell pkg-config $(1) $(PKGS))$(if $(filter 0,$(.SHELLSTATUS)),,$(error a library \
	is missing (see above); install it with: make deps))
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(call pkg_config,--cflags))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $$(call pkg_config,--libs))$(PKG_LIBS)
CPPFLAGS = -Iinclude $(LLHTTP_CPPFLAGS) -D_GNU_SOURCE -DPOSTCODED_VERSION='"$(VERSION)"' -MMD -MP
CFLAGS = -std=c11 $(WARN) $(OPT) $(HARDEN)
LDFLAGS = -pie -Wl,-z,relro,-z,now $(OPT) $(EXTRA_LDFLAGS)
LDLIBS = $(PKG_LIBS) -lpthread -lm

LIB_SRC := $(filter-out src/main.c,$(sort $(wildcard src/*/*.c)))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
STANDIN_SRC := $(sort $(wildcard tests/standin/*.c))
DRIVER_SRC := $(sort $(wildcard tests/driver/*.c))
DRIVER_BIN := $(DRIVER_SRC:tests/driver/%.c=$(BUILD)/driver/%) $(BUILD)/driver/emulator
EMULATOR_SRC := $(sort $(wildcard tests/emulator/*.c)) tests/standin/form.c
ALL_C := $(sort $(shell find src include tests -name '*.[ch]' 2>/dev/null))

# One line a step; V=1 shows the commands.
Q := $(if $(V),,@)
SAY = @echo "  $(1) $@"

.PHONY: all run check check-on bench browser-deps deps deps-run deps-bench lint documents cache-conformance format install uninstall clean tests
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/postcoded $(BUILD)/location-standin

$(BUILD)/postcoded: $(BUILD)/obj/src/main.o $(BUILD)/libpostcoded.a
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libpostcoded.a: $(LIB_OBJ) $(LLHTTP_OBJ)
	$(call SAY,AR)
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/location-standin: $(STANDIN_SRC:%.c=$(BUILD)/obj/%.o)
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/driver/emulator: $(EMULATOR_SRC:%.c=$(BUILD)/obj/%.o)
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/driver/%: $(BUILD)/obj/tests/driver/%.o
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/libpostcoded.a
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $$(pkg-config --libs check) $(LDLIBS)

$(BUILD)/obj/llhttp/%.o: $(LLHTTP_SRC)/%.c Makefile
	@mkdir -p $(@D)
	$(call SAY,CC)
	$(Q)$(CC) $(LLHTTP_CPPFLAGS) -std=c11 $(OPT) $(HARDEN) -c -o $@ $<

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call SAY,CC)
	$(Q)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/lint/gen-conf: $(BUILD)/obj/tests/lint/gen-conf.o $(BUILD)/libpostcoded.a
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

tests: all $(UNIT_BIN) $(DRIVER_BIN) $(BUILD)/lint/gen-conf

check: deps
	$(MAKE) tests
	tests/run $(BUILD)

run: deps-run
	$(MAKE) all
	tests/standin/run $(BUILD) $(PORT)

# Only what is missing is installed. No package starts a service, now or after a reboot.
deps:
	@tests/deps $(DEPS_BUILD) $(DEPS_RUN) $(DEPS_CHECK) $(DEPS_COMPILER)

# What building and running need, without the tests' peers.
deps-run:
	@tests/deps $(DEPS_BUILD) $(DEPS_RUN) $(DEPS_COMPILER)

deps-bench:
	@tests/deps $(DEPS_BENCH)

# What the browser tests of the status page take besides Debian's chromium, from npm. Without either
# they are skipped.
browser-deps:
	@tests/npm-install tests/browser

# BENCH="--rounds 3 --quick" and the like: see tests/bench/run --help.
bench: all $(BUILD)/bench/load $(BUILD)/bench/handshakes $(BUILD)/bench/identity
	tests/bench/run $(BUILD) $(BENCH)
	$(BUILD)/bench/identity

$(BUILD)/bench/load: $(BUILD)/obj/tests/bench/load.o
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/bench/handshakes: $(BUILD)/obj/tests/bench/handshakes.o
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# What the cache's table costs, and how many lookups it saves by size and lifetime.
.PHONY: cache-cost cache-rates
cache-cost: $(BUILD)/bench/cache_cost
	$(BUILD)/bench/cache_cost
cache-rates: $(BUILD)/bench/cache_rates
	$(BUILD)/bench/cache_rates $(RATES)

$(addprefix $(BUILD)/bench/,identity cache_cost cache_rates): $(BUILD)/bench/%: \
		$(BUILD)/obj/tests/bench/%.o $(BUILD)/libpostcoded.a
	@mkdir -p $(@D)
	$(call SAY,LD)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# MAKE_ARGS="CC=clang" and the like go to both commands.
check-on:
	@tests/platform/check-on $(or $(DISTRO),$(error name one: make check-on DISTRO=trixie \
		(bookworm, trixie, noble, sid))) $(MAKE_ARGS)

include tests/hardening.mk
include tests/fleet.mk
include tests/package.mk
include tests/systemd.mk

lint: $(BUILD)/lint/gen-conf compile_commands.json
	BUILD=$(BUILD) tests/lint/run
	tests/lint/tidy || [ $$? -eq 77 ]

# conf/postcoded.ini and the keys of postcoded.ini(5), from the table of keys.
documents: $(BUILD)/lint/gen-conf
	BUILD=$(BUILD) tests/lint/documents --write

# Needs node and npm; the scenario cache_http_tests tells when it is not current.
cache-conformance:
	cd "$$(tests/npm-install tests/httpcache)" && node $(CURDIR)/tests/httpcache/table.mjs >$(CURDIR)/docs/cache-conformance.md

format:
	clang-format -i $(ALL_C)

# Nothing is started or enabled, and what an operator has configured is left as it is: the default
# configuration goes to /etc only where there is none, and always to the documentation.
CONFIG := $(DESTDIR)/etc/postcoded
UNITS := $(DESTDIR)$(PREFIX)/lib/systemd/system
SYSUSERS := $(DESTDIR)$(PREFIX)/lib/sysusers.d
MAN := $(DESTDIR)$(PREFIX)/share/man
DOC := $(DESTDIR)$(PREFIX)/share/doc/postcoded
EXAMPLES := $(sort $(wildcard conf/examples/*.ini))
# For Prometheus and Grafana, each in a folder of the examples.
WATCHING := prometheus/alerts.yml grafana/postcoded.json

# The delay that grows needs systemd 254, where other versions would warn of unknown keys.
SYSTEMD_VERSION ?= $(shell pkg-config --modversion libsystemd)
GROWING = $(shell [ "$(firstword $(subst ., ,$(SYSTEMD_VERSION)))" -ge 254 ] 2>/dev/null && echo yes)

install: $(BUILD)/postcoded
	install -D -m 0755 $(BUILD)/postcoded $(DESTDIR)$(PREFIX)/sbin/postcoded
	install -d -m 0755 $(UNITS) $(SYSUSERS) $(MAN)/man5 $(MAN)/man8 $(DOC) $(DOC)/examples \
		$(addprefix $(DOC)/examples/,$(dir $(WATCHING)))
	sed 's|/usr/sbin/postcoded|$(PREFIX)/sbin/postcoded|' systemd/postcoded.service \
		>$(UNITS)/postcoded.service
	chmod 0644 $(UNITS)/postcoded.service
	$(if $(GROWING),install -d -m 0755 $(UNITS)/postcoded.service.d && \
		install -m 0644 -t $(UNITS)/postcoded.service.d systemd/postcoded.service.d/restart.conf)
	install -m 0644 systemd/postcoded.socket $(UNITS)/postcoded.socket
	install -m 0644 systemd/sysusers.d/postcoded.conf $(SYSUSERS)/postcoded.conf
	install -m 0644 conf/man/postcoded.8 $(MAN)/man8/postcoded.8
	install -m 0644 conf/man/postcoded.ini.5 $(MAN)/man5/postcoded.ini.5
	install -m 0644 conf/postcoded.ini $(DOC)/postcoded.ini
	install -m 0644 -t $(DOC)/examples $(EXAMPLES)
	for file in $(WATCHING); do install -m 0644 conf/$$file $(DOC)/examples/$$file || exit; done
	install -d -m 0750 $(CONFIG)
	[ -e $(CONFIG)/postcoded.ini ] || install -m 0640 conf/postcoded.ini $(CONFIG)/postcoded.ini
	$(if $(DESTDIR),,! getent group postcoded >/dev/null || chgrp -R postcoded $(CONFIG))

# /etc/postcoded stays: there are secrets in it, and they are not ours.
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/postcoded $(UNITS)/postcoded.service $(UNITS)/postcoded.socket \
		$(SYSUSERS)/postcoded.conf $(MAN)/man8/postcoded.8 $(MAN)/man5/postcoded.ini.5 \
		$(DOC)/postcoded.ini $(EXAMPLES:conf/%=$(DOC)/%) $(WATCHING:%=$(DOC)/examples/%) \
		$(UNITS)/postcoded.service.d/restart.conf
	for folder in $(addprefix $(DOC)/examples/,$(dir $(WATCHING))); do \
		! [ -d $$folder ] || rmdir --ignore-fail-on-non-empty $$folder; done
	! [ -d $(DOC)/examples ] || rmdir --ignore-fail-on-non-empty $(DOC)/examples
	! [ -d $(DOC) ] || rmdir --ignore-fail-on-non-empty $(DOC)
	! [ -d $(UNITS)/postcoded.service.d ] || \
		rmdir --ignore-fail-on-non-empty $(UNITS)/postcoded.service.d

compile_commands.json: Makefile $(ALL_C)
	$(Q)tests/lint/compile-commands '$(subst ','\'',$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS))' \
		$(filter %.c,$(ALL_C)) > $@

clean:
	rm -rf build compile_commands.json

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
