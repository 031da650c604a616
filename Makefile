# Everything a contributor or a CI job runs. `make` alone prints what there is.

GO        ?= go
ARGS      ?=
BENCH     ?= .
FUZZTIME  ?= 30s
CONTAINER ?= docker

# Every go command leaves go.mod alone and asks git for nothing: a source archive builds like a clone does.
override GOFLAGS := $(strip $(GOFLAGS) -mod=readonly -buildvcs=false)
export GOFLAGS

# A build is named after VERSION, and after the commit where there is one. The date is the commit's, so that building
# the same commit twice gives the same binary.
VERSION    := $(shell cat VERSION)
REVISION    = $(shell git describe --always --abbrev=40 --exclude='*' --dirty=-modified 2>/dev/null)
BRANCH      = $(shell git symbolic-ref --quiet --short HEAD 2>/dev/null)
BUILD_DATE  = $(shell TZ=UTC git show --no-patch --format=%cd --date=format-local:%Y%m%d-%H:%M:%S HEAD 2>/dev/null)
version_pkg = github.com/prometheus/common/version
ldflags     = -s -w -X '$(version_pkg).Version=$(VERSION)' -X '$(version_pkg).Revision=$(REVISION)' \
              -X '$(version_pkg).Branch=$(BRANCH)' -X '$(version_pkg).BuildDate=$(BUILD_DATE)'

# The programs that tests run for real, as command=Debian package.
test_deps = prometheus=prometheus promtool=prometheus chromium=chromium redis-server=redis-server
race_deps = $(test_deps) gcc=gcc gcc=libc6-dev

# Linters and generators, pinned by tools/go.mod and built into bin/tools: golangci-lint takes minutes the first time.
tools_dir := bin/tools
tool_mod   = -modfile=tools/go.mod
go_files   = find . \( -name '.?*' -o -name testdata -o -path ./bin \) -prune -o -name '*.go' -print0

.DEFAULT_GOAL := help

.PHONY: help
help: ## Print this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/apgar.
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "$(ldflags)" -o bin/apgar ./cmd/apgar

.PHONY: demo
demo: build ## Build and run the demo; options through ARGS, as in ARGS=--services=600.
	@exec bin/apgar demo $(ARGS)

.PHONY: test
test: test-deps ## Run all tests; installs the programs they run, where missing.
	$(GO) test ./...

.PHONY: race
race: ## Run all tests under the race detector.
	@scripts/test-deps $(race_deps)
	CGO_ENABLED=1 $(GO) test -race ./...

.PHONY: bench
bench: ## Run the benchmarks; BENCH=REGEXP chooses.
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME (30s) each.
	@GO='$(GO)' scripts/fuzz $(FUZZTIME)

.PHONY: lint
lint: $(tools_dir)/gofumpt $(tools_dir)/golangci-lint ## Check formatting, vet and lint.
	@unformatted=$$($(go_files) | xargs -0 -r $(tools_dir)/gofumpt -l) || exit 1; \
	if [ -n "$$unformatted" ]; then \
		printf 'not formatted with gofumpt (run make fmt):\n%s\n' "$$unformatted" >&2; exit 1; \
	fi
	$(GO) vet ./...
	$(tools_dir)/golangci-lint run ./...

.PHONY: fmt
fmt: $(tools_dir)/gofumpt ## Format all Go code.
	@$(go_files) | xargs -0 -r $(tools_dir)/gofumpt -w

.PHONY: gen
gen: $(tools_dir)/gofumpt $(tools_dir)/oapi-codegen ## Regenerate the generated files that are committed.
	PATH="$(CURDIR)/$(tools_dir):$$PATH" $(GO) generate ./...
	@$(MAKE) --no-print-directory fmt

.PHONY: check
check: build lint test ## Build, lint and test: what to run before a push.

.PHONY: image
image: ## Build the container image apgar:VERSION; CONTAINER=podman for another builder than docker.
	$(CONTAINER) build -f deploy/Dockerfile -t apgar:$(VERSION) --build-arg VERSION="$(VERSION)" \
		--build-arg REVISION="$(REVISION)" --build-arg BUILD_DATE="$(BUILD_DATE)" .

.PHONY: clean
clean: ## Remove what was built.
	rm -rf bin

.PHONY: test-deps
test-deps:
	@scripts/test-deps $(test_deps)

$(tools_dir)/gofumpt: tools/go.mod tools/go.sum
	$(GO) build $(tool_mod) -trimpath -o $@ mvdan.cc/gofumpt

$(tools_dir)/golangci-lint: tools/go.mod tools/go.sum
	$(GO) build $(tool_mod) -trimpath -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(tools_dir)/oapi-codegen: tools/go.mod tools/go.sum
	$(GO) build $(tool_mod) -trimpath -o $@ github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen
