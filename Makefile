# Everything a person does with this repository, by name. `make` alone lists it.
#
# CI runs `make check` (see .ci/run); nothing here needs the network but fetching packages the first time.

SWIFT ?= swift
PREFIX ?= /usr/local
SECONDS_TO_FUZZ ?= 60

# The suites that run under the sanitizers: those with sockets, threads and buffers, and of what these use.
SANITIZED := DataPlane,ApusControl,ApusAdminClient,Apus
# The suites whose tests wait in tasks: they run apart from those that block the threads they run on.
WAITING := '^(ApusControlTests|ApusTests|ApusAdminClientTests|TLSPlaneTests)[.]'
RELEASE := -c release --static-swift-stdlib --product apus

.DEFAULT_GOAL := help
.PHONY: help prepare build run test check lint fuzz bench bench-parse bench-pick asan tsan format manual install clean newer-tls

help: ## list these targets
	@echo "Apus: make TARGET"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

prepare: ## install the system packages that are missing
	@scripts/prepare

build: prepare ## build apus in release mode, the Swift runtime linked in
	@echo "build: apus in release mode (the first time fetches packages and takes some minutes)"
	@$(SWIFT) build $(RELEASE)
	@echo "build: $$($(SWIFT) build $(RELEASE) --show-bin-path)/apus"

run: build ## build and start the demo: three origins and a balancer in front of them
	@echo "run: starting the demo; Ctrl-C ends it"
	@scripts/foreground "$$($(SWIFT) build $(RELEASE) --show-bin-path)/apus" demo

test: prepare ## run every test
	@echo "test: building every Swift suite"
	@$(SWIFT) build --build-tests
	@echo "test: running every Swift suite"
	@scripts/suites --apart $(WAITING) $(SWIFT) test --skip-build
	@scripts/test-scripts
	@echo "test: all passed"

check: lint prepare ## what CI runs: format lint, a build with warnings as errors, every test
	@echo "check: building with warnings as errors and every import declared"
	@APUS_STRICT=1 $(SWIFT) build --build-tests --explicit-target-dependency-import-check error
	@echo "check: running every Swift suite"
	@APUS_STRICT=1 scripts/suites --apart $(WAITING) $(SWIFT) test --skip-build
	@echo "check: looking at the manual page and the completions"
	@scripts/manual --check
	@scripts/test-scripts
	@echo "check: all is well"

lint: ## look at the format without changing it
	@echo "lint: looking at the format"
	@$(SWIFT) format lint -s -r -p Package.swift Sources Tests Bench/micro Fuzz
	@echo "lint: clean"

fuzz: prepare ## run the fuzzers, SECONDS_TO_FUZZ (60) each
	@echo "fuzz: building and running each fuzzer for $(SECONDS_TO_FUZZ) s"
	@Fuzz/run $(SECONDS_TO_FUZZ)

bench: ## measure Apus against its peers and print the tables
	@echo "bench: installing peers, building, measuring"
	@Bench/run

bench-parse: ## count the instructions and allocations of parsing one head
	@Bench/parse

bench-pick: ## measure what picking an endpoint costs, and put the table into docs/benchmarks.md
	@Bench/pick --write

asan: prepare ## run the suites with sockets under AddressSanitizer
	@echo "asan: building and running under AddressSanitizer"
	@# Leaks are left out: Foundation has some of its own. Bench/soak watches memory instead.
	@APUS_ONLY=$(SANITIZED) $(SWIFT) build --build-tests --sanitize=address --scratch-path .build-asan
	@ASAN_OPTIONS=detect_leaks=0 APUS_ONLY=$(SANITIZED) scripts/suites --limit 3600 --apart $(WAITING) \
		$(SWIFT) test --skip-build --sanitize=address --scratch-path .build-asan
	@echo "asan: clean"

tsan: prepare ## run the suites with threads under ThreadSanitizer
	@echo "tsan: building and running under ThreadSanitizer"
	@APUS_ONLY=$(SANITIZED) $(SWIFT) build --build-tests --sanitize=thread --scratch-path .build-tsan
	@clang -O1 -Wall -shared -fPIC scripts/tsan-mutex.c -o .build-tsan/tsan-mutex.so
	@APUS_ONLY=$(SANITIZED) scripts/suites --limit 3600 --apart $(WAITING) \
		env LD_PRELOAD=$(CURDIR)/.build-tsan/tsan-mutex.so $(SWIFT) test --skip-build --sanitize=thread --scratch-path .build-tsan
	@echo "tsan: clean"

format: ## format the sources in place
	@echo "format: rewriting Package.swift, Sources, Tests, Bench/micro, Fuzz"
	@$(SWIFT) format -i -r -p Package.swift Sources Tests Bench/micro Fuzz

newer-tls: ## ask whether the library of TLS has a newer version than the pinned one (needs the network)
	@scripts/newer-tls

manual: ## write the manual page anew from what a debug build says of itself
	@$(SWIFT) build --product apus
	@scripts/manual

install: build ## copy the binary and its manual page to PREFIX (/usr/local)
	@install -D -m 755 "$$($(SWIFT) build $(RELEASE) --show-bin-path)/apus" "$(DESTDIR)$(PREFIX)/bin/apus"
	@install -D -m 644 docs/man/apus.1 "$(DESTDIR)$(PREFIX)/share/man/man1/apus.1"
	@echo "install: $(DESTDIR)$(PREFIX)/bin/apus"

clean: ## remove what was built
	@echo "clean: removing .build and the sanitizers' builds"
	@rm -rf .build .build-asan .build-tsan
