# Every way into this tree; `make help` lists them. Each installs what it needs first (packages.txt).
# CMake alone works too: cmake --preset release && cmake --build --preset release.

PREFIX ?= /usr/local
DESTDIR ?=
CONFIG ?= sentinel.yaml
FUZZ_SECONDS ?= 60
# Computed when a recipe needs it, not on each call of make.
JOBS = $(shell cmake/setup/jobs)

# What runs and what is installed: the agent, its libraries, its plugins; and the fault injectors, which only run.
SHIPPED = core/all plugins/all sinks/all chaos/all

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

.PHONY: help
help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Build the agent and run it with sentinel.yaml (or CONFIG=file)
	@exec build/sentinel run $(CONFIG)

.PHONY: build
build: packages arrows build/build.ninja ## Build build/sentinel and build/plugins/*.so
	@cmake --build --preset release --parallel $(JOBS) --target $(SHIPPED)

.PHONY: test
test: packages peers kernels check ## Run every test: under ASan and UBSan, under TSan, and plain
	@$(MAKE) --no-print-directory test-asan
	@$(MAKE) --no-print-directory test-tsan
	@$(MAKE) --no-print-directory test-plain

.PHONY: quick
quick: packages peers kernels test-plain ## Run the tests of the plain build alone

.PHONY: test-asan test-tsan
test-asan test-tsan: test-%: build/%/build.ninja
	@cmake --build --preset $* --parallel $(JOBS)
	@cmake/setup/run-tests $*

.PHONY: test-plain
test-plain: build/build.ninja
	@cmake --build --preset release --parallel $(JOBS)
	@cmake/setup/run-tests release

.PHONY: test-vm
test-vm: packages kernels build/build.ninja ## Run the eBPF tests in Debian's stock kernels 6.1 and 6.12
	@cmake --build --preset release --parallel $(JOBS) --target vm_tests
	@cmake/setup/run-tests release --label-regex '^vm$$'

.PHONY: check
check: arrows ## Check the arrows between the parts, and the format (no build needed)
	@cmake/setup/format --check

.PHONY: arrows
arrows:
	@python3 -B tests/arrows/check_arrows.py

.PHONY: install
install: build ## Install program, plugins, SDK and CMake package (PREFIX=… DESTDIR=…)
	@DESTDIR='$(DESTDIR)' cmake --install build --strip --prefix '$(PREFIX)'

.PHONY: format
format: packages ## Format every source file
	@cmake/setup/format

.PHONY: tidy
tidy: packages build/tidy/build.ninja ## Run clang-tidy over every source file
	@cmake/setup/tidy

.PHONY: bench
bench: packages build/build.ninja ## Run the benchmarks
	@cmake --build --preset release --parallel $(JOBS) --target $(SHIPPED) tests/bench/all
	@cmake/setup/bench

.PHONY: bench-peers
bench-peers: build ## Measure the agent beside node_exporter and collectd
	@cmake/peers/fetch
	@tests/bench/peers/run --output build/bench-peers.md

.PHONY: bench-ebpf
bench-ebpf: build ## Measure what the eBPF collectors cost, beside nothing and beside bpftrace
	@cmake --build --preset release --parallel $(JOBS) --target ebpf_traffic
	@tests/bench/ebpf/run --output build/bench-ebpf.md

.PHONY: soak-alerts
soak-alerts: packages build/build.ninja ## Kill the agent 100 times, and fire 10,000 alerts at once
	@cmake --build --preset release --parallel $(JOBS) --target integration_faults
	@SENTINEL_SOAK_KILLS=100 SENTINEL_SOAK_ALERTS=10000 build/tests/integration_faults --gtest_filter='Killed.*:Many.*'

.PHONY: soak-swap
soak-swap: packages build/build.ninja build/asan/build.ninja ## Swap a plugin 10,000 times, plain and under ASan
	@cmake --build --preset release --parallel $(JOBS) --target unit_swap_soak
	@cmake/setup/soak-swap release build
	@cmake --build --preset asan --parallel $(JOBS) --target unit_swap_soak
	@cmake/setup/soak-swap asan build/asan

.PHONY: fuzz
fuzz: packages build/fuzz/build.ninja ## Run each fuzzer for FUZZ_SECONDS
	@cmake --build --preset fuzz --parallel $(JOBS) --target tests/fuzz/all
	@cmake/setup/fuzz $(FUZZ_SECONDS)

.PHONY: packages
packages:
	@cmake/setup/install-packages

.PHONY: peers
peers: packages
	@cmake/peers/fetch

# A machine that can't have them still runs the rest; the tests that need them say why they were skipped.
.PHONY: kernels
kernels: packages
	@cmake/peers/fetch kernels || echo 'kernels: the tests in other kernels will be skipped' >&2

.PHONY: clean
clean: ## Delete all that was built and fetched
	rm -rf build

build/build.ninja: CMakePresets.json
	@cmake --preset release --log-level=WARNING

build/%/build.ninja: CMakePresets.json
	@cmake --preset $* --log-level=WARNING
