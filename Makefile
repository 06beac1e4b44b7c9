# provision: GNU make. Targets: all check check-live check-long lint bench install clean.
# SANITIZE=1 builds with ASan and UBSan into build/sanitize.

PREFIX ?= /usr/local
DESTDIR ?=
CC ?= gcc
PKG_CONFIG ?= pkg-config

ifeq ($(SANITIZE),1)
BUILD := build/sanitize
SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT ?= -O1
else
BUILD := build
SAN :=
OPT ?= -O2
endif

VERSION := 0.1.0
PACKAGES := glib-2.0 yaml-0.1 jansson sqlite3
PACKAGES_kvm := libssh jansson
PACKAGES_sdk := glib-2.0 yaml-0.1 jansson

CFLAGS ?= $(OPT) -g -D_FORTIFY_SOURCE=2
ifeq ($(SANITIZE),1)
CFLAGS := $(OPT) -g
endif
WARN := -Wall -Wextra -Werror -Wshadow -Wvla -Wpointer-arith -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wformat=2 -Wundef
BASE := -std=gnu17 -D_GNU_SOURCE -DPROVISION_VERSION='"$(VERSION)"' \
	-DPROVISION_LIBEXEC='"$(PREFIX)/libexec/provision"' -fPIE $(SAN) $(WARN)
ALLFLAGS = $(BASE) $(shell $(PKG_CONFIG) --cflags $(PACKAGES)) $(CFLAGS) $(CPPFLAGS)
LINK := -pie $(SAN) -Wl,-z,relro,-z,now -Wl,--as-needed

SDK_DIRS := base document provider
ENGINE_DIRS := base document fleet provider plan run
SDK_SRC := $(foreach d,$(SDK_DIRS),$(wildcard engine/$(d)/*.c))
ENGINE_SRC := $(foreach d,$(ENGINE_DIRS),$(wildcard engine/$(d)/*.c))
CLI_SRC := $(wildcard engine/cli/*.c)
COMMON_SRC := $(wildcard providers/common/*.c)
PROVIDERS := $(patsubst providers/%/,%,$(dir $(wildcard providers/*/provider_*.c)))
UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c tests/unit/tool_*.c))

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
PROGRAMS := $(BUILD)/provision $(PROVIDERS:%=$(BUILD)/providers/provider-%)
TESTS := $(UNIT:%=$(BUILD)/tests/%)

all: $(PROGRAMS)
tests: $(TESTS)

# Providers see base/, document/ and provider/ and nothing else of the engine.
SDK_INCLUDE := $(BUILD)/sdk/.made
$(SDK_INCLUDE):
	@mkdir -p $(@D)
	@for d in $(SDK_DIRS); do ln -sfn $(CURDIR)/engine/$$d $(@D)/$$d; done
	@touch $@

$(BUILD)/obj/engine/%.o: engine/%.c
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -Iengine -MMD -MP -c -o $@ $<

$(BUILD)/obj/tests/%.o: tests/%.c $(SDK_INCLUDE)
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -Iengine -Iproviders -I. -MMD -MP -c -o $@ $<

$(BUILD)/obj/providers/%.o: providers/%.c $(SDK_INCLUDE)
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -I$(BUILD)/sdk -Iproviders -MMD -MP -c -o $@ $<

$(BUILD)/libsdk.a: $(call obj,$(SDK_SRC))
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/libengine.a: $(call obj,$(ENGINE_SRC))
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/libcommon.a: $(call obj,$(COMMON_SRC))
	@rm -f $@
	ar rcs $@ $^

# All of the command line but its start, so that tests can link it.
$(BUILD)/libcli.a: $(call obj,$(filter-out engine/cli/main.c,$(CLI_SRC)))
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/provision: $(call obj,engine/cli/main.c) $(BUILD)/libcli.a $(BUILD)/libengine.a
	$(CC) $(LINK) $(LDFLAGS) -o $@ $^ $(shell $(PKG_CONFIG) --libs $(PACKAGES))

define provider_rule
$(BUILD)/providers/provider-$(1): $(call obj,$(wildcard providers/$(1)/*.c)) $(BUILD)/libcommon.a $(BUILD)/libsdk.a
	@mkdir -p $$(@D)
	$$(CC) $$(LINK) $$(LDFLAGS) -o $$@ $$^ $$(shell $$(PKG_CONFIG) --libs $$(PACKAGES_sdk) $$(PACKAGES_$(1)))
endef
$(foreach p,$(PROVIDERS),$(eval $(call provider_rule,$(p))))

# The files of kvm without its main, for tests.
$(BUILD)/libkvm.a: $(call obj,$(filter-out providers/kvm/provider_kvm.c,$(wildcard providers/kvm/*.c)))
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/tests/test_kvm_%: $(BUILD)/obj/tests/unit/test_kvm_%.o $(BUILD)/libkvm.a $(BUILD)/libengine.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(LINK) $(LDFLAGS) -o $@ $< $(BUILD)/libkvm.a $(BUILD)/libcommon.a \
		$(BUILD)/libengine.a $(shell $(PKG_CONFIG) --libs $(PACKAGES) $(PACKAGES_kvm))

# The init program of built images: it runs alone, before there are libraries.
$(BUILD)/image/init: providers/image/initrd/init.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -Os $(WARN) -static -s -o $@ $<

$(BUILD)/obj/providers/image/embed.o: $(BUILD)/image/init
$(BUILD)/obj/providers/image/embed.o: CPPFLAGS += -DINIT_PROGRAM='"$(BUILD)/image/init"'

# A unit test of another provider's own files names them by #include.
$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/libcli.a $(BUILD)/libengine.a $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(LINK) $(LDFLAGS) -o $@ $< $(BUILD)/libcommon.a $(BUILD)/libcli.a $(BUILD)/libengine.a \
		$(shell $(PKG_CONFIG) --libs $(PACKAGES) $(PACKAGES_kvm))

check:
	+@$(MAKE) --no-print-directory SANITIZE=1 all tests
	@tests/run.sh check build/sanitize

check-live: all
	@tests/run.sh live build

check-long: all tests
	@tests/run.sh long build

lint:
	@tests/lint/lint.sh

bench: all
	@tests/bench/run.sh

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/provision
	install -m 755 $(BUILD)/provision $(DESTDIR)$(PREFIX)/bin/provision
	install -m 755 $(PROVIDERS:%=$(BUILD)/providers/provider-%) $(DESTDIR)$(PREFIX)/libexec/provision/

clean:
	rm -rf build

.PHONY: all tests check check-live check-long lint bench install clean
.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
