# The steps of .ci/run, each by itself. "make help" lists them.

BIN := $(CURDIR)/bin
export PATH := $(BIN):$(PATH)

# Versions are pinned, so that the same tree gets the same verdict tomorrow.
GOLANGCI_LINT := v2.15.0
GOFUMPT := v0.12.0
GOVULNCHECK := v1.9.0
ACTIONLINT := v1.7.12

# The race detector looks at what runs in production. Only package caddymodule
# has tests that -short skips and that run a whole Caddy in the test's own
# process.
RACE = $(shell go list ./flowclient/... ./proxy/... ./caddymodule/... ./examples/... | grep -v '/caddymodule$$')

.DEFAULT_GOAL := help
.PHONY: help tools build format format-check validate tidy vet lint workflows test short race fuzz bench vulnerabilities ci

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

tools: ## install the linters, at their pinned versions, into bin
	GOBIN=$(BIN) GOFLAGS= go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT)
	GOBIN=$(BIN) GOFLAGS= go install mvdan.cc/gofumpt@$(GOFUMPT)
	GOBIN=$(BIN) GOFLAGS= go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK)
	GOBIN=$(BIN) GOFLAGS= go install github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT)

build: ## build a Caddy with the gate into bin
	go build -o $(BIN)/caddy ./cmd/caddy
	caddy version

format: ## format all Go files and the example Caddyfile
	git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 ls -d 2>/dev/null | xargs gofumpt -w
	caddy fmt --overwrite Caddyfile.example

format-check: build ## fail if a Go file or the example Caddyfile is not formatted
	@list=$$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 ls -d 2>/dev/null | xargs gofumpt -l) || exit; \
	[ -z "$$list" ] || { printf 'not formatted by gofumpt:\n%s\n' "$$list"; exit 1; }
	caddy fmt - <Caddyfile.example | diff -u Caddyfile.example -

validate: build ## have Caddy validate the example Caddyfile
	dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	XDG_DATA_HOME="$$dir" XDG_CONFIG_HOME="$$dir" caddy validate --adapter caddyfile --config Caddyfile.example

tidy: ## fail if a go.mod or go.sum is not tidy
	failed=0; for module in $$(git ls-files 'go.mod' '*/go.mod'); do \
		(cd "$$(dirname "$$module")" && go mod tidy -diff) || failed=1; \
	done; exit $$failed

vet: ## go vet
	go vet ./...

lint: ## golangci-lint
	golangci-lint run --allow-parallel-runners ./...

workflows: ## actionlint, and shellcheck for the scripts of workflows if it is there
	actionlint .github/workflows/*.yml

test: ## all tests; needs what CONTRIBUTING.md lists
	go test ./...

short: ## the tests that start no browser and build no program
	go test -short ./...

race: ## the tests of one process under the race detector
	go test -vet=off -race -short $(RACE)
	go test -vet=off -race ./caddymodule

fuzz: ## every fuzz test for a short while
	.ci/fuzz

bench: build ## the gate's benchmarks once, with few sessions, and a short load test of Caddy
	go test -vet=off -short -run '^$$' -bench . -benchtime 1x ./proxy ./proxy/internal/seal
	for mode in requests pages sign-ins reloads streams; do \
		go run ./bench/load -caddy $(BIN)/caddy -mode $$mode -rounds 1 -round 300ms -sites 20 -streams 100 || exit; \
	done

vulnerabilities: ## known vulnerabilities of what is linked
	.ci/vulnerabilities

ci: ## everything, as in CI
	.ci/run
