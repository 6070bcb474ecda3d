# What people run. On a fresh Debian or Ubuntu machine with a Rust toolchain, `make demo` and `make test` do all the set-up.

CARGO ?= cargo
SETUP := tests/setup/packages

.DEFAULT_GOAL := help
.PHONY: help setup build agents demo test soak lab bench

ARCH := $(shell uname -m)
# Statically linked: runs whatever the libc of the host it is brought to. `--target` keeps the flag from build scripts.
STATIC := RUSTFLAGS="-C target-feature=+crt-static" $(CARGO) build --locked --bin gonogo --target $(ARCH)-unknown-linux-gnu

help: ## Show this text
	@echo "gonogo: says, after each stage of a deployment, whether to go on or to turn back, and why"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install the Debian packages that the demo, the tests and the bench need
	@$(SETUP) demo test bench

build: ## Build the program: target/release/gonogo
	@$(SETUP) build
	$(CARGO) build --release --locked

agents: ## Build what vantages with another libc are brought: target/release/agents/ARCH/gonogo
	@$(SETUP) build
	$(STATIC) --release
	install -D target/$(ARCH)-unknown-linux-gnu/release/gonogo target/release/agents/$(ARCH)/gonogo

demo: ## Run the release night in miniature, on real servers, in under a minute
	@$(SETUP) demo
	$(CARGO) build --release --locked
	target/release/gonogo demo

test: ## Check the format, lint, run every test, build the documentation
	@$(SETUP) test
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(STATIC)
	$(CARGO) test --locked
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check; \
	else echo "skipped: cargo deny check (install it with: cargo install --locked cargo-deny)"; fi

soak: ## Run the slow tests with their full counts (kills, hostile peers, large plans)
	@$(SETUP) test
	GONOGO_SOAK=1 $(CARGO) test --profile soak --locked -- --include-ignored

lab: ## Start the lab of network namespaces (as root), say how to look around in it, and end it at Ctrl-C
	@$(SETUP) test
	GONOGO_LAB=1 $(CARGO) test --locked --test all -- --ignored --exact --nocapture lab::a_lab_with_everything_stays_up_until_it_is_interrupted

bench: ## Measure against prometheus-blackbox-exporter and wrk, and print the table
	@$(SETUP) bench
	$(CARGO) build --release --locked
	tests/bench/run
