# `make demo` and `make test` are all that a new user needs; everything they install stays inside this folder.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules

NPM := npm --no-audit --no-fund --no-update-notifier
# Where REPORTS names a folder, each suite also leaves a report there that programs can read (tests/report).
# A test that hangs fails, and the others are run.
NODE_TEST = node --test --test-timeout=300000 --test-reporter=spec --test-reporter-destination=stdout \
  $(if $(REPORTS),--test-reporter=junit --test-reporter-destination=$(REPORTS)/$@.xml)
PYTEST = .venv/bin/pytest --timeout=300 $(if $(REPORTS),--junitxml=$(REPORTS)/$@.xml)
CARGO_TEST := tests/report/cargo-test.sh
SUITE := PYTHONPATH=tests/report python3

# A stamp lives in the folder whose state it describes, so that removing the folder removes the stamp.
NPM_INSTALLED := npm/node_modules/.installed
NPM_BUILT := npm/dist/.built
BROWSER_INSTALLED := tests/browser/node_modules/.installed
RUNTIMES_INSTALLED := tests/runtimes/node_modules/.installed
FRAMEWORKS_INSTALLED := tests/frameworks/node_modules/.installed
DROP_IN_INSTALLED := tests/drop-in/node_modules/.installed
DOCS_INSTALLED := docs/node_modules/.installed
DOCS_PYTHON_INSTALLED := docs/.python/.installed
BENCH_INSTALLED := tests/bench/node_modules/.installed
BENCH_PYTHON_INSTALLED := tests/bench/python/.venv/.installed
PYTHON := python/.venv/bin
PYTHON_INSTALLED := python/.venv/.installed
PACKAGING_INSTALLED := packaging/.venv/.installed
PYTHON_BUILT := python/.venv/.built

# Where cargo builds.
BUILT := $(or $(CARGO_TARGET_DIR),target)
# Where it puts what is built for release: for a target that was asked for, in a folder of its name.
RELEASE := $(BUILT)$(addprefix /,$(CARGO_BUILD_TARGET))/release

RUST_SOURCES := Cargo.toml Cargo.lock $(shell find crates bindings/node -name '*.rs' -o -name Cargo.toml)
PYTHON_SOURCES := Cargo.toml Cargo.lock python/pyproject.toml \
  $(shell find crates bindings/python -name '*.rs' -o -name Cargo.toml)
NPM_SOURCES := npm/package.json npm/build.mjs $(wildcard npm/tsconfig*.json) $(wildcard npm/*.mjs npm/index.*) $(shell find npm/src -type f)

.PHONY: help
help:
	@echo 'make demo        build, then serve the demo page (PORT=3000 chooses its port)'
	@echo 'make demo-python the same page in front of a FastAPI server'
	@echo 'make test        every suite: Rust, loom, Node, Python, README, runtimes, drop-in, frameworks, browser, C, C++, Go, Java, ctypes, stores'
	@echo 'make chaos       processes killed, clients cut, Redis restarted, at random (SECONDS_EACH=60 SEED=...)'
	@echo 'make tsan        the engine under ThreadSanitizer (needs a nightly Rust)'
	@echo 'make test-c-valgrind  the C tests, each of them under valgrind too (two minutes)'
	@echo 'make lint        formatting, clippy, documentation, types, versions, generated files'
	@echo 'make build       the npm package, ready to be required or imported from npm/'
	@echo 'make dist        every artefact of a release, in dist/ (PLATFORMS=host: those for this machine)'
	@echo 'make test-dist   tries every artefact that is in dist/, as a user would install it'
	@echo 'make package-crates  the crates, as cargo would publish them'
	@echo 'make check-msrv  the workspace with the oldest Rust that it promises'
	@echo 'make check-musl  the workspace for musl; make test-musl: the tests of hub, engine and crate there'
	@echo 'make check-docs-rs  the documentation of the crates, as docs.rs builds it (needs a nightly Rust)'
	@echo 'make check-semver  the crates beside the published ones: nothing breaks that the version does not say'
	@echo 'make lint-workflows  the workflows of GitHub (needs Go)'
	@echo 'make docs        the documentation site with the API references, to docs/.vitepress/dist (make docs-site: the pages alone)'
	@echo 'make install-c   the C library, its header, and files for pkg-config and CMake, to PREFIX=...'
	@echo 'make header abi  write include/ssecast.h and bindings/c/abi.txt anew from what the source says now'
	@echo 'make bench       fan-out and parsing beside others (QUICK=1: in a minute and a half)'
	@echo 'make bench-parse the parsers of Rust, Node and Python beside others (QUICK=1: in two minutes)'
	@echo 'make bench-client the clients of JavaScript, Python and Rust beside others (QUICK=1: in two minutes)'
	@echo 'make bench-native  the bindings of Go and Java beside r3labs/sse, tmaxmax/go-sse and SseEmitter (QUICK=1)'
	@echo 'make bench-curves  fan-out against clients and rate, as pictures for the docs (QUICK=1)'
	@echo 'make bench-profile what a delivery costs beside send, counted (valgrind, strace); bench-footprint: memory of idle clients'
	@echo 'make fuzz        looks for streams that break a rule (needs a nightly Rust; SECONDS_EACH=600)'
	@echo 'make clean       remove everything that was built or installed here'

.PHONY: tools
tools:
	@sh tests/lint/tools.sh

$(NPM_INSTALLED): npm/package.json npm/package-lock.json | tools
	cd npm && $(NPM) ci
	@touch $@

$(NPM_BUILT): $(NPM_INSTALLED) $(RUST_SOURCES) $(NPM_SOURCES) | tools
	cd npm && $(NPM) run build
	@mkdir -p $(@D) && touch $@

$(BROWSER_INSTALLED): tests/browser/package.json tests/browser/package-lock.json | tools
	cd tests/browser && $(NPM) ci
	@touch $@

$(RUNTIMES_INSTALLED): tests/runtimes/package.json tests/runtimes/package-lock.json | tools
	cd tests/runtimes && $(NPM) ci
	@touch $@

$(FRAMEWORKS_INSTALLED): tests/frameworks/package.json tests/frameworks/package-lock.json | tools
	cd tests/frameworks && $(NPM) ci
	@touch $@

$(DROP_IN_INSTALLED): tests/drop-in/package.json tests/drop-in/package-lock.json | tools
	cd tests/drop-in && $(NPM) ci
	@touch $@

$(DOCS_INSTALLED): docs/package.json docs/package-lock.json | tools
	cd docs && $(NPM) ci
	@touch $@

$(DOCS_PYTHON_INSTALLED): docs/requirements.txt $(PYTHON_INSTALLED)
	$(PYTHON)/pip install --quiet --disable-pip-version-check --target docs/.python --requirement $<
	@touch $@

$(BENCH_INSTALLED): tests/bench/package.json tests/bench/package-lock.json | tools
	cd tests/bench && $(NPM) ci
	@touch $@

$(BENCH_PYTHON_INSTALLED): tests/bench/python/requirements.txt | tools
	python3 -m venv tests/bench/python/.venv
	tests/bench/python/.venv/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(PYTHON_INSTALLED): python/requirements.txt | tools
	python3 -m venv python/.venv
	$(PYTHON)/pip install --quiet --disable-pip-version-check --requirement python/requirements.txt
	@touch $@

$(PACKAGING_INSTALLED): packaging/requirements.txt | tools
	python3 -m venv packaging/.venv
	packaging/.venv/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# The parsers are measured on a newer Python too, where there is one. (A name on the PATH may be a stub that can't run.)
NEWEST_PYTHON ?= $(shell for version in 15 14 13 12; do python3.$$version -c '' 2>/dev/null && echo python3.$$version && break; done)
BENCH_NEWEST_PYTHON_INSTALLED := tests/bench/python/.venv-newest/.installed
$(BENCH_NEWEST_PYTHON_INSTALLED): tests/bench/python/requirements.txt | tools
	$(if $(NEWEST_PYTHON),$(NEWEST_PYTHON) -m venv $(@D))
	$(if $(NEWEST_PYTHON),$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $<)
	@mkdir -p $(@D) && touch $@

# The package is installed in place: its Python files are used where they are.
$(PYTHON_BUILT): $(PYTHON_INSTALLED) $(PYTHON_SOURCES) | tools
	cd python && VIRTUAL_ENV=.venv .venv/bin/maturin develop --release --locked
	@touch $@

.PHONY: build
build: $(NPM_BUILT)

.PHONY: build-python
build-python: $(PYTHON_BUILT)

.PHONY: demo
demo: $(NPM_BUILT)
	@node npm/examples/demo/server.mjs

.PHONY: demo-python
demo-python: $(PYTHON_BUILT)
	@$(PYTHON)/python python/examples/demo/server.py

.PHONY: test test-rust test-loom test-node test-python test-python-package test-readme test-runtimes test-drop-in test-frameworks test-browser test-c test-consumers test-store test-chaos test-dist-host
test: test-rust test-loom test-node test-python test-python-package test-readme test-runtimes test-drop-in test-frameworks test-browser test-c test-consumers test-store test-chaos test-dist-host

test-rust: | tools
	@sh tests/redis/provide.sh >/dev/null || { test -z "$$CI" && echo 'skipped: the tests of the Redis store'; }
	$(CARGO_TEST) --workspace --locked --no-fail-fast

# What there is on systems without Unix sockets: no delivery by the engine, and no wheel.
.PHONY: test-pull
test-pull: $(NPM_BUILT)
	cargo test --package ssecast-codec --package ssecast-hub --package ssecast-client --locked
	node --test npm/test/parser.test.mjs

# Every order in which threads can meet at the hub's lock and at the engine's inbox, up to three preemptions.
test-loom: export RUSTFLAGS = --cfg loom
test-loom: export CARGO_TARGET_DIR = target/loom
test-loom: export LOOM_MAX_PREEMPTIONS = 3
# What ships is built with more care; here, that takes longer than it saves.
test-loom: export CARGO_PROFILE_RELEASE_LTO = off
test-loom: export CARGO_PROFILE_RELEASE_CODEGEN_UNITS = 16
test-loom: export CARGO_PROFILE_RELEASE_DEBUG = false
test-loom: | tools
	$(CARGO_TEST) --release --locked --package ssecast-hub --test loom
	$(CARGO_TEST) --release --locked --package ssecast-engine --lib models

# Needs a nightly Rust, which nothing else here does.
.PHONY: tsan
tsan: export RUSTFLAGS = -Zsanitizer=thread
tsan: export CARGO_TARGET_DIR = target/tsan
tsan: | tools
	@source=$$(rustup run nightly rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust; test -d "$$source" || \
	  { echo 'make tsan: rustup toolchain install nightly --component rust-src' >&2; exit 1; }
	cargo +nightly test -Zbuild-std --target $(shell rustc -vV | sed -n 's/^host: //p') --package ssecast-engine \
	  --lib --test loop_connections --test sockets --test leaks

test-node: $(NPM_BUILT)
	cd npm && $(NODE_TEST) --test-concurrency=2 test/*.test.mjs test/*.test.cjs

test-python: $(PYTHON_BUILT)
	cd python && $(PYTEST) --numprocesses=2 --dist=loadfile

# The wheel and the sdist, each in an environment that has nothing else.
test-python-package: $(PYTHON_BUILT)
	cd python && $(PYTEST) packaging

test-readme: $(NPM_BUILT)
	$(NODE_TEST) tests/readme/*.test.mjs

# The parser and the client in Node 20 to 26, Deno and Bun.
test-runtimes: $(NPM_BUILT) $(RUNTIMES_INSTALLED)
	$(NODE_TEST) --test-concurrency=1 tests/runtimes/*.test.mjs

# The adapters in Fastify, Hono, h3, Nest and Next.
test-frameworks: $(NPM_BUILT) $(FRAMEWORKS_INSTALLED)
	$(NODE_TEST) tests/frameworks/*.test.mjs

# Other people's clients, over our parser instead of eventsource-parser.
test-drop-in: $(NPM_BUILT) $(DROP_IN_INSTALLED)
	$(NODE_TEST) tests/drop-in/*.test.mjs

test-browser: $(NPM_BUILT) $(PYTHON_BUILT) $(BROWSER_INSTALLED)
	node tests/browser/chromium/provide.mjs
	$(NODE_TEST) --test-concurrency=1 tests/browser/*.test.mjs

# With LTO, libssecast.a would define symbols of Rust's own library again, and could not stand beside another library of Rust.
.PHONY: build-c
build-c: export CARGO_PROFILE_RELEASE_LTO = off
build-c: | tools
	cargo build --release --locked --package ssecast-c

# The installed library is what the programs are built against.
.PHONY: prefix-c
prefix-c: build-c
	rm -rf $(BUILT)/c/prefix
	DESTDIR= LIBDIR= bindings/c/install/install.sh $(RELEASE) $(BUILT)/c/prefix

test-c: prefix-c
	python3 bindings/c/tests/abi.py $(BUILT)/c/prefix $(BUILT)/c/abi
	$(SUITE) bindings/c/tests/install.py $(RELEASE) $(BUILT)/c/prefix $(BUILT)/c/install
	$(SUITE) bindings/c/tests/examples.py $(BUILT)/c/prefix $(BUILT)/c/examples
	$(SUITE) bindings/c/tests/run.py $(BUILT)/c/prefix $(BUILT)/c/tests

# Every program of the C tests under valgrind, the slow ones too.
.PHONY: test-c-valgrind
test-c-valgrind: prefix-c
	$(SUITE) bindings/c/tests/run.py $(BUILT)/c/prefix $(BUILT)/c/tests --whole

# Other languages on top of the C library: their tests, and their example servers.
CONSUMERS := test-cpp test-go test-java test-ctypes
.PHONY: $(CONSUMERS)
test-consumers: $(CONSUMERS)

$(CONSUMERS): test-%: prefix-c
	$(SUITE) tests/consumers/run.py $* $(BUILT)/c/prefix $(BUILT)/consumers

# One hub in programs of every language, on one store.
test-store: prefix-c $(NPM_BUILT) $(PYTHON_BUILT)
	PYTHONPATH=tests/report:tests/consumers python3 tests/store/run.py $(BUILT)/c/prefix $(BUILT)/consumers

# A short run at random; `make chaos` is a long one.
test-chaos: $(NPM_BUILT) $(PYTHON_BUILT)
	$(NODE_TEST) tests/chaos/chaos.test.mjs

.PHONY: chaos
chaos: $(NPM_BUILT) $(PYTHON_BUILT)
	node tests/chaos/main.mjs $(or $(SECONDS_EACH),60) $(SEED)

# The C library: header, shared and static library, and what pkg-config and CMake find it by.
.PHONY: install-c
install-c: $(if $(PREFIX),build-c)
	@test -n '$(PREFIX)' || { echo 'make install-c PREFIX=/usr/local (DESTDIR is put in front of it; LIBDIR=lib64 names another folder)' >&2; exit 1; }
	DESTDIR='$(DESTDIR)' LIBDIR='$(LIBDIR)' bindings/c/install/install.sh $(RELEASE) '$(PREFIX)'

# Crates that are parts of other packages.
NOT_PUBLISHED := ssecast-c ssecast-c-header ssecast-node ssecast-python

# Every artefact of a release, in dist/. PLATFORMS: all, host, or names with commas between them; ONLY: the kinds.
# What this machine lacks a tool for is left out, which the table says; with COMPLETE=1 that is an error.
.PHONY: dist
dist: $(NPM_INSTALLED) $(PACKAGING_INSTALLED)
	python3 packaging/dist.py --platforms '$(or $(PLATFORMS),all)' $(if $(ONLY),--only '$(ONLY)') $(if $(QUICK),--quick) $(if $(COMPLETE),--complete)

# What is in dist/, each artefact as a user would install it: without Rust, in a fresh folder.
.PHONY: test-dist
test-dist: $(PACKAGING_INSTALLED)
	$(SUITE) packaging/test_dist.py --platforms '$(or $(PLATFORMS),all)' $(if $(ONLY),--only '$(ONLY)')

# The same for this machine, by libraries that are built quickly and run slowly.
TRIED := npm,library
test-dist-host: $(NPM_INSTALLED) $(PACKAGING_INSTALLED)
	python3 packaging/dist.py --quick --platforms host --only $(TRIED) --out $(BUILT)/dist/trial
	$(SUITE) packaging/test_dist.py --platforms host --only $(TRIED) --dist $(BUILT)/dist/trial

# The crates as they would be published, each built from nothing but what is in it.
.PHONY: package-crates
package-crates: | tools
	cargo package --workspace $(NOT_PUBLISHED:%=--exclude %) --locked

# Whether each crate is only what its version says, beside the one that crates.io has, or beside a commit: BASELINE=v0.1.0.
SEMVER_CHECKS := 0.51.0
.PHONY: check-semver
check-semver: | tools
	cargo install --locked --quiet --root $(BUILT)/tools cargo-semver-checks --version $(SEMVER_CHECKS)
	$(BUILT)/tools/bin/cargo-semver-checks semver-checks --workspace $(NOT_PUBLISHED:%=--exclude %) $(if $(BASELINE),--baseline-rev $(BASELINE))

# To the registries, from dist/. The release workflow calls them on a tag; each registry lets that workflow in.
.PHONY: publish-npm publish-crates publish-maven publish-github
publish-npm:
	@# The packages of the platforms come first: the package itself asks for them.
	for package in $$(ls dist/npm/*.tgz | grep -v '/ssecast-[0-9]') dist/npm/ssecast-[0-9]*.tgz; do \
	  $(NPM) publish --provenance --access public "$$package" || exit 1; done

publish-crates: | tools
	cargo publish --workspace $(NOT_PUBLISHED:%=--exclude %) --locked

# Maven Central takes a zip with signatures and sums. MAVEN_TOKEN is a user token of it, as user:password in base64.
MAVEN_FOLDER := $(BUILT)/dist/central/io/github/ssecast/ssecast
publish-maven: VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
publish-maven:
	rm -rf $(BUILT)/dist/central && mkdir -p $(MAVEN_FOLDER)/$(VERSION) && cp dist/java/* $(MAVEN_FOLDER)/$(VERSION)
	cd $(MAVEN_FOLDER)/$(VERSION) && for file in *; do gpg --batch --armor --detach-sign $$file && \
	  sha1sum < $$file | cut -d' ' -f1 > $$file.sha1 && md5sum < $$file | cut -d' ' -f1 > $$file.md5 || exit 1; done
	cd $(BUILT)/dist/central && jar --create --no-manifest --file bundle.zip io
	curl --fail-with-body --header "Authorization: Bearer $$MAVEN_TOKEN" --form bundle=@$(BUILT)/dist/central/bundle.zip \
	  'https://central.sonatype.com/api/v1/publisher/upload?publishingType=AUTOMATIC'

# Go finds the module in bindings/go by a tag of that name, on a commit that has its libraries.
publish-github: VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
publish-github:
	gh release create v$(VERSION) --verify-tag --title v$(VERSION) --notes-file dist/ARTEFACTS.md \
	  $$(cut -c67- dist/SHA256SUMS | sed 's,^,dist/,') dist/SHA256SUMS
	python3 packaging/golang.py tag dist
	git push origin bindings/go/v$(VERSION)

# The workflows, read as GitHub reads them. (Go fetches the program itself.)
ACTIONLINT := 1.7.12
.PHONY: lint-workflows
lint-workflows:
	go run github.com/rhysd/actionlint/cmd/actionlint@v$(ACTIONLINT)

# The oldest Rust that the manifest promises.
.PHONY: check-msrv
check-msrv: OLDEST = $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
check-msrv: | tools
	@rustup run $(OLDEST) rustc --version || { echo 'make check-msrv: rustup toolchain install $(OLDEST) --profile minimal' >&2; exit 1; }
	cargo +$(OLDEST) check --workspace --all-features --locked

# The documentation as docs.rs builds it: by a nightly Rust, with every feature, each item with the features that it needs.
.PHONY: check-docs-rs
check-docs-rs: export RUSTDOCFLAGS = --cfg docsrs -D warnings
check-docs-rs: export CARGO_TARGET_DIR = target/docs-rs
check-docs-rs: | tools
	@rustup run nightly rustc --version || { echo 'make check-docs-rs: rustup toolchain install nightly --profile minimal' >&2; exit 1; }
	cargo +nightly doc --workspace $(NOT_PUBLISHED:%=--exclude %) --all-features --no-deps --locked

# What those checks need; they install nothing themselves.
.PHONY: provide-msrv provide-musl provide-nightly
provide-msrv: OLDEST = $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
provide-msrv:
	rustup toolchain install $(OLDEST) --profile minimal

provide-nightly:
	rustup toolchain install nightly --profile minimal

provide-musl: $(PACKAGING_INSTALLED)
	rustup target add $(MUSL)

# musl, where the hub, the engine and the crate run their own tests: they are linked statically, so they run on glibc too.
# zig compiles LMDB's C.
MUSL := x86_64-unknown-linux-musl
.PHONY: check-musl test-musl
check-musl test-musl: export PATH := $(CURDIR)/packaging/.venv/bin:$(PATH)
check-musl: | tools
	cargo-zigbuild check --workspace --locked --target $(MUSL)

test-musl: | tools
	cargo-zigbuild test --package ssecast-hub --package ssecast-engine --package ssecast --locked --target $(MUSL) --no-fail-fast

# The generated files are compared before `build` writes them anew.
.PHONY: lint lint-rust lint-generated lint-node lint-python lint-c
lint: lint-rust lint-generated lint-node lint-python lint-c lint-docs

# The extension modules have no tests of their own in Rust, and as a test they would lack what exports them.
lint-rust: | tools
	cargo fmt --all --check
	cargo clippy --workspace --exclude ssecast-node --exclude ssecast-python --all-targets --locked -- -D warnings
	cargo clippy --package ssecast-node --package ssecast-python --locked -- -D warnings
	cargo clippy --package ssecast-codec --no-default-features --locked -- -D warnings
	node tests/lint/crates.mjs
	cargo package --workspace $(NOT_PUBLISHED:%=--exclude %) --no-verify --allow-dirty --locked --quiet
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked

lint-generated: $(NPM_INSTALLED) | tools
	node tests/lint/version.mjs
	node tests/lint/rules.mjs
	node tests/lint/generated.mjs
	cargo run --quiet --locked --package ssecast-c-header -- --check

lint-node: $(NPM_BUILT)
	npm/node_modules/.bin/tsc --noEmit -p npm/tsconfig.json
	node tests/lint/exports.mjs
	node tests/lint/modules.mjs

# The pages. A link or an anchor that leads nowhere fails.
.PHONY: docs docs-site lint-docs
docs-site: $(DOCS_INSTALLED)
	docs/node_modules/.bin/vitepress build docs
	node docs/check.mjs

lint-docs: docs-site

# The pages, and the references of the languages, from the comments in the code.
SITE := docs/.vitepress/dist
docs: docs-site $(NPM_INSTALLED) $(PYTHON_BUILT) $(DOCS_PYTHON_INSTALLED)
	docs/node_modules/.bin/typedoc --options docs/typedoc.json
	PYTHONPATH=docs/.python $(PYTHON)/python -m pdoc --docformat restructuredtext --output-directory $(SITE)/api/python \
	  ssecast ssecast.asgi ssecast.wsgi ssecast.django ssecast.aiohttp ssecast.litestar
	cargo doc --package ssecast --all-features --no-deps --locked
	rm -rf $(SITE)/api/rust && cp -r $(BUILT)/doc $(SITE)/api/rust
	docs/doxygen.sh
	PYTHONPATH=tests/consumers python3 docs/javadoc.py $(SITE)/api/java $(BUILT)/consumers
	node docs/check.mjs --with-references

# Written for C readers, and so read as strictly as they may.
lint-c:
	cc -x c -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only include/ssecast.h
	@if command -v c++ >/dev/null; then set -x; \
	  c++ -x c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only include/ssecast.h; \
	else echo 'skipped: there is no C++ compiler, so the header was not read as C++17'; fi
	@if command -v doxygen >/dev/null; then set -x; \
	  printf '%s\n' INPUT=include/ssecast.h OUTPUT_DIRECTORY=$(BUILT)/c/doxygen GENERATE_LATEX=NO OPTIMIZE_OUTPUT_FOR_C=YES \
	    QUIET=YES HAVE_DOT=NO WARN_AS_ERROR=YES | { mkdir -p $(BUILT)/c && doxygen -; } >/dev/null; \
	else echo 'skipped: there is no Doxygen, so the header was not read by it'; fi

.PHONY: header abi
header: | tools
	cargo run --locked --package ssecast-c-header

abi: prefix-c
	python3 bindings/c/tests/abi.py $(BUILT)/c/prefix $(BUILT)/c/abi --write

# The rules of the package are those of the Python that belongs to no package too.
lint-python: PYTHON_ELSEWHERE = ../tests/bench/python ../tests/bench/parse ../tests/bench/client ../packaging --config pyproject.toml
lint-python: $(PYTHON_BUILT)
	cd python && .venv/bin/ruff check . $(PYTHON_ELSEWHERE) && .venv/bin/ruff format --check . $(PYTHON_ELSEWHERE)
	cd python && .venv/bin/mypy && .venv/bin/stubtest ssecast._native && .venv/bin/lint-imports

.PHONY: bench
bench: $(NPM_BUILT) $(BENCH_INSTALLED) $(RUNTIMES_INSTALLED) $(PYTHON_BUILT) $(BENCH_PYTHON_INSTALLED) $(BENCH_NEWEST_PYTHON_INSTALLED)
	cargo build --release --locked --manifest-path tests/bench/load/Cargo.toml
	@mkdir -p tests/bench/results
	$(if $(QUICK),,node tests/bench/parse/run.mjs)
	$(if $(QUICK),,$(MAKE) bench-client)
	node tests/bench/run.mjs $(if $(QUICK),quick)
	$(if $(QUICK),,$(MAKE) bench-curves)

# Needs valgrind, strace and perf.
.PHONY: bench-profile
bench-profile:
	CARGO_PROFILE_RELEASE_DEBUG=1 cargo build --release --locked --manifest-path tests/bench/load/Cargo.toml
	node tests/bench/profile.mjs

.PHONY: bench-footprint
bench-footprint:
	cargo build --release --locked --manifest-path tests/bench/load/Cargo.toml
	node tests/bench/footprint.mjs

.PHONY: bench-curves
bench-curves: $(NPM_BUILT) $(BENCH_INSTALLED)
	cargo build --release --locked --manifest-path tests/bench/load/Cargo.toml
	$(if $(QUICK),QUICK=1) node tests/bench/curves.mjs

.PHONY: bench-parse
bench-parse: $(NPM_BUILT) $(BENCH_INSTALLED) $(RUNTIMES_INSTALLED) $(PYTHON_BUILT) $(BENCH_PYTHON_INSTALLED) $(BENCH_NEWEST_PYTHON_INSTALLED)
	$(if $(QUICK),QUICK=1) node tests/bench/parse/run.mjs

.PHONY: bench-client
bench-client: $(NPM_BUILT) $(BENCH_INSTALLED) $(BROWSER_INSTALLED) $(PYTHON_BUILT) $(BENCH_PYTHON_INSTALLED)
	node tests/browser/chromium/provide.mjs
	cargo build --release --locked --manifest-path tests/bench/client/Cargo.toml
	$(if $(QUICK),QUICK=1) node tests/bench/client/run.mjs

# The bindings of Go and Java beside what people use there. Java's needs Maven, and is left out without it.
BENCH_NATIVE := $(BUILT)/bench-native
.PHONY: bench-native
bench-native: prefix-c
	cargo build --release --locked --manifest-path tests/bench/load/Cargo.toml
	@mkdir -p $(BENCH_NATIVE) && rm -rf $(BENCH_NATIVE)/java && ln -sfn $(abspath $(BUILT)/c/prefix/lib) $(BENCH_NATIVE)/lib
	@# Go's cache does not look into the header: a flag tells it of changes.
	header=$$(cksum < $(BUILT)/c/prefix/include/ssecast.h | cut -d' ' -f1) && cd tests/bench/go && \
	  CGO_CFLAGS="-O2 -I$(abspath $(BUILT)/c/prefix/include) -DSSECAST_HEADER_$$header" \
	  CGO_LDFLAGS='-L$(abspath $(BUILT)/c/prefix/lib) -Wl,-rpath,$(abspath $(BUILT)/c/prefix/lib)' go build -o $(abspath $(BENCH_NATIVE))/go .
	@if command -v mvn >/dev/null; then set -ex; \
	  mvn -q -B -ntp -f bindings/java/examples/spring/pom.xml package -DbuildDirectory=$(abspath $(BENCH_NATIVE))/java; \
	else echo 'skipped: Java beside SseEmitter needs Maven'; fi
	$(if $(QUICK),QUICK=1) node tests/bench/native.mjs $(abspath $(BENCH_NATIVE))

# What is found is added to the corpus, and then only what is needed of it stays. `cargo test` replays it.
SECONDS_EACH ?= 600
FUZZ := cargo +nightly fuzz
.PHONY: fuzz
fuzz: | tools
	@$(FUZZ) --version >/dev/null 2>&1 || \
	  { echo 'make fuzz: rustup toolchain install nightly; cargo install cargo-fuzz' >&2; exit 1; }
	for target in reference chunks round_trip; do \
	  python3 fuzz/corpus.py unpack $$target || exit 1; \
	  $(FUZZ) run $$target -- -dict=fuzz/words.dict -max_len=3000 -timeout=5 -max_total_time=$(SECONDS_EACH) || exit 1; \
	  $(FUZZ) cmin $$target || exit 1; \
	  python3 fuzz/corpus.py pack $$target || exit 1; \
	done

.PHONY: clean
clean:
	rm -rf target npm/dist npm/alias/dist npm/node_modules npm/*.node python/.venv python/ssecast/*.so
	rm -rf tests/bench/node_modules tests/bench/python/.venv* tests/bench/results tests/bench/*/target
	rm -rf tests/runtimes/node_modules tests/drop-in/node_modules docs/node_modules docs/.python docs/.vitepress/dist docs/.vitepress/cache
	rm -rf tests/frameworks/node_modules tests/frameworks/next/.next tests/frameworks/next/node_modules
	rm -rf tests/browser/node_modules tests/browser/chromium/node_modules tests/browser/screenshots
	rm -rf dist packaging/.venv packaging/.tools
	rm -rf tests/redis/server tests/redis/.partial.*
