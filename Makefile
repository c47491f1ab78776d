# Souk's front door: installs what is missing, then lets meson and ninja do the work.
#   make         build                      make run     build, then show the main job
#   make test    all tests                  make bench   benchmarks
#   make asan    tests with sanitizers      make fuzz    fuzzers
#   make install [PREFIX=/usr/local] [DESTDIR=]
PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build
MESON_FLAGS ?=

.PHONY: all deps run test bench fuzz asan install clean
all: deps
	@if [ ! -f $(BUILD)/build.ninja ]; then \
	  meson setup $(BUILD) --prefix=$(PREFIX) -Dbuildtype=release -Db_lto=true -Dtests=false -Dbench=true $(MESON_FLAGS); \
	elif [ "$$(cat $(BUILD)/.prefix 2>/dev/null)" != "$(PREFIX)" ]; then meson configure $(BUILD) -Dprefix=$(PREFIX); fi
	@echo $(PREFIX) >$(BUILD)/.prefix
	@ninja -C $(BUILD)

deps:
	@scripts/deps build

run: all
	@scripts/deps run
	@scripts/demo $(BUILD)

test:
	@scripts/deps build run test
	@tests/run

bench: all
	@scripts/deps run bench
	@tests/bench/run.sh $(BUILD)

fuzz:
	@scripts/deps build test
	@tests/run fuzz

asan:
	@scripts/deps build test
	@tests/run asan

install: all
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

clean:
	@rm -rf build build-test build-asan build-fuzz
