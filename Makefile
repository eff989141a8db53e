# Two commands do everything on a Debian machine with Go, Node and make:
#   make run    installs what it needs, builds, serves a living demo city and prints its URLs
#   make test   installs what the tests need and runs all of them

GO      ?= go
PAGES   := dashboards/dist/wall/index.html
SOURCES := $(shell find dashboards/wall dashboards/console dashboards/live -type f -not -path "*/node_modules/*" 2>/dev/null) dashboards/package.json dashboards/package-lock.json
SUDO    := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
FLAGS   ?=

.PHONY: build run test test-go test-pages fuzz bench bench-peers check-deploy torture clean compiler browser broker redis watchers unit postgis

build: $(if $(shell command -v npm),$(PAGES)) compiler
	$(GO) build -trimpath -o bin/banyan ./cmd/banyan
	@[ -e $(PAGES) ] || echo "built without the web pages: npm is not installed"

run: build
	bin/banyan demo $(FLAGS)

test: build browser broker redis watchers unit test-pages test-go

# What has no goroutine has no race, as test/house_test.go sees to; and the tests of whole processes race nobody. Without the
# detector they take a fifth of the time.
CORE := ./dispatch/... ./geo/... ./pkg/alert/... ./pkg/plan/... ./pkg/roster/... ./test/...

test-go:
	$(GO) vet ./...
	cd bench && $(GO) vet -mod=mod ./... # whose go.mod follows this one's
	$(GO) test -race -timeout 14m $$($(GO) list ./... | grep -vxF "$$($(GO) list $(CORE))")
	$(GO) test -timeout 14m $(CORE)

test-pages: dashboards/node_modules/.package-lock.json
	cd dashboards && npm run check && npm test

# Each fuzzer for FUZZTIME; a finding is written to testdata/fuzz and stays as a test.
FUZZTIME ?= 20s
fuzz: compiler
	@for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
		done; \
	done

bench: build
	$(GO) test -run '^$$' -bench . -benchmem ./geo ./dispatch ./pkg/journal ./pkg/push
	bin/banyan bench

# What takes minutes and a quiet machine: 20,000 alerts in a minute from one source, and how the others fare; the time that
# 50 takeovers take; then every fault of two nodes again and again for TORTURE. A failure prints the seed and the faults;
# make torture SEED=… has them once more.
TORTURE ?= 1h
SEED    ?= 0
torture: compiler redis
	BANYAN_TORTURE=1 $(GO) test -count=1 -timeout 10m -run '^TestStorm$$' -v ./pkg/app
	$(GO) test -count=1 -timeout 20m -run '^TestNodes$$' -nodes.kills 50 -v ./test
	$(GO) test -count=1 -timeout 0 -run '^TestNodes' -nodes.for $(TORTURE) -nodes.seed $(SEED) -v ./test

# Peers at the same work as the built server, in a module of their own that the product never needs. A quarter of an
# hour; PEERS="--parts fanout --rounds 1" and the like shorten it, `cd bench && go run . --help` says more.
PEERS   ?=
bench-peers: build broker redis watchers postgis
	cd bench && $(GO) vet -mod=mod ./... && $(GO) run -mod=mod . --banyan ../bin/banyan $(PEERS)

# The chart rendered by Helm's library and read by the types of the Kubernetes API, compose.yaml by Compose's loader: a module of its own, whose
# first build takes minutes.
check-deploy: compiler
	cd deploy/check && $(GO) vet ./... && $(GO) test -count=1 ./...

clean:
	rm -rf bin dashboards/dist/wall dashboards/node_modules

$(PAGES): dashboards/node_modules/.package-lock.json $(SOURCES)
	cd dashboards && npm run build
	@touch $@

dashboards/node_modules/.package-lock.json: dashboards/package.json dashboards/package-lock.json
	cd dashboards && npm ci --no-audit --no-fund
	@touch $@

# H3 is a C library: building needs a C compiler.
compiler:
	@command -v gcc >/dev/null || command -v cc >/dev/null || { $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q gcc libc6-dev; }

# Messages are taken from a real broker, and what is sent is checked by another reader of XML.
broker:
	@command -v mosquitto_passwd >/dev/null && command -v xmllint >/dev/null || { $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q mosquitto mosquitto-clients libxml2-utils; }

# The pages are tested in a real browser.
browser:
	@command -v chromium >/dev/null || { $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q chromium fonts-noto-cjk; }

# The mirror and the nodes are tested with a real Redis.
redis:
	@command -v redis-server >/dev/null && command -v redis-sentinel >/dev/null && command -v prlimit >/dev/null || { $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q redis-server redis-sentinel util-linux; }

# Whose answers about places ours are compared with.
postgis:
	@ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1 || { $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q --no-install-recommends postgresql postgresql-postgis; }

# What watches the centre is tested with a real Prometheus and a real Alertmanager.
watchers:
	@command -v promtool >/dev/null && command -v amtool >/dev/null || { $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q --no-install-recommends prometheus prometheus-alertmanager; }

# The unit of deploy/systemd is judged by systemd itself.
unit:
	@command -v systemd-analyze >/dev/null || { $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q --no-install-recommends systemd; }
