# What one types here. Everything works from a fresh clone on Debian 12; the first run of anything installs what it needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup run build test check lint format bench bench-quick chaos fuzz sanitize clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build everything and start a demo on http://127.0.0.1:8080 (or the next free port)
	@scripts/run

build: ## the program, with the web client inside: build/release/indaba
	@scripts/setup build web
	@scripts/build

test: ## every test: unit and fuzz corpora, behaviour, faults, a slice of chaos, SDK, web, browser
	@scripts/setup
	@scripts/build indaba unit_tests loadtool crontabtool
	@scripts/test

check: ## the quick tests, in under two minutes once it is built
	@scripts/setup build web test
	@scripts/build indaba unit_tests
	@scripts/test --quick

lint: ## formatting, static analysis, warnings, layers
	@scripts/setup build web lint
	@scripts/lint

format: ## lay out every source file
	@scripts/setup build web lint
	@scripts/format

bench: ## Indaba beside its peers and the limit, into bench/RESULTS.md; an hour. BENCH='--only indaba' for less
	@scripts/setup build web bench
	@scripts/build indaba bench_limit bench_sqlite bench_postgres bench_beast micro_bench
	@scripts/bench $(BENCH)

bench-quick: ## the same in short, into build/bench: shows that everything works
	@scripts/setup build web bench
	@scripts/build indaba bench_limit bench_sqlite bench_postgres bench_beast micro_bench
	@scripts/bench --quick --out build/bench $(BENCH)

chaos: ## three nodes under load while all breaks that can, and a checker of every client's log; SECONDS (1800), SEED, CHAOS (options)
	@scripts/setup build web test
	@scripts/build indaba
	@cd tests && INDABA_BINARY=$(CURDIR)/build/release/indaba /usr/bin/python3 -m chaos --seconds $(or $(SECONDS),1800) $(if $(SEED),--seed $(SEED)) $(CHAOS)

fuzz: ## every fuzz target for SECONDS_EACH (60) seconds
	@scripts/setup build lint test
	@scripts/fuzz --seconds $(or $(SECONDS_EACH),60)

sanitize: ## unit tests under AddressSanitizer and UBSan, then under ThreadSanitizer
	@scripts/setup
	@scripts/sanitize

clean: ## remove what was built, and nothing else
	rm -rf build web/dist sdk/js/dist

setup: ## install what building and testing need
	@scripts/setup
