.PHONY: help install build serve demo kafka test watch test-installations test-outages test-clients test-servers test-hostile test-faults test-cluster lint format bench screenshots generate fixture audit clean
.DEFAULT_GOAL := help

help: ## What there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1	/'

# npm ci writes node_modules/.package-lock.json: it is the stamp of a finished installation.
node_modules/.package-lock.json: package.json package-lock.json
	npm ci --no-fund --no-audit
	@touch $@

install: node_modules/.package-lock.json

build: install ## Compile TypeScript into dist/
	npx tsc -p tsconfig.json

serve: build ## Install, build and run everything on this machine
	@exec bin/gatepost serve

demo: build ## Fill ./demo-data with a believable month of 200 sites, and serve it (GATEPOST_DATA_DIR: elsewhere)
	@GATEPOST_DATA_DIR=$${GATEPOST_DATA_DIR:-./demo-data} exec bin/gatepost demo

kafka: ## Run one Kafka broker on 127.0.0.1:9092 (needs Java 17; fetched once)
	@exec deploy/kafka/run

test: build ## Run the test suite; with FILE=… one file or folder of it (docs/contributing.md)
	@node dist/test/suite/main.js $(TEST_FLAGS) $(FILE)

watch: build ## Compile and test whatever is saved; with FILE=… always that file or folder
	@exec node dist/test/suite/watch.js $(FILE)

test-installations: build ## Upgrade earlier versions, run each pairing of log and store with several processes, kill them, walk through pages (25 minutes; needs Java 17 and Maven)
	@node dist/test/suite/main.js $(TEST_FLAGS) $(wildcard test/installations/*.test.ts)

test-outages: build ## Kill and stop workers, brokers and the store one at a time (5 minutes; needs Java 17 and Maven)
	@node dist/test/suite/main.js $(TEST_FLAGS) $(wildcard test/outages/*.test.ts)

test-clients: build ## Query as analysts' programs do: clients in Python, Java and Go, and dbt (test/clients/install installs them)
	@node dist/test/suite/main.js $(TEST_FLAGS) $(or $(FILE),$(wildcard test/clients/*.test.ts))

test-servers: build ## Run against an S3 server, Helm with the schemas of Kubernetes, and Keycloak (test/servers/install installs them)
	@node dist/test/suite/main.js $(TEST_FLAGS) $(or $(FILE),$(wildcard test/servers/*.test.ts))

test-hostile: build ## Attack running instances, with good clients beside, and measure how work grows with its input (5 minutes)
	@node dist/test/suite/main.js $(TEST_FLAGS) --jobs 2 $(wildcard test/hostile/*.test.ts)

test-faults: build ## Break a whole cluster in every way under load, and count (20 minutes; needs Java 17 and Maven)
	@node dist/test/suite/main.js --verbose --timeout 7200 test/faults/faults.test.ts

test-cluster: build ## Break a real ClickHouse cluster of two shards by two replicas under inserts, and count (30 minutes; needs Docker; exit status 2 without)
	@docker compose ls >/dev/null 2>&1 || { echo "make test-cluster needs Docker with its compose plugin, and its daemon. Nothing was tested." >&2; exit 2; }
	@node dist/test/suite/main.js --verbose --timeout 3600 test/cluster/cluster.test.ts

lint: install ## Check types, rules, imports between rooms and formatting
	npx eslint .
	npx depcruise --output-type err-long $$(node -p "require('./tsconfig.json').include.join(' ')")
	npx prettier --check .
	npx tsc -p tsconfig.json --noEmit

format: install ## Format every file
	npx prettier --write .

bench: build ## Run the benches; each prints the limit it compares itself with
	node dist/bench/run.js

screenshots: build ## Make docs/screenshots/ anew, of a demo (two minutes; needs Chromium)
	node dist/reporter/dashboard/test/screenshots.js

generate: build ## After a change of a stream or a table: write schemas/avro/ for other tools, and the columns in docs/tables.md
	node dist/schemas/write-avro.js
	node dist/store/embedded/test/write-tables-page.js
	npx prettier --write schemas/avro

fixture: build ## Before a release: keep its schemas, and a fixture of what it writes (a minute; needs Java 17 and Maven)
	node dist/schemas/release.js
	node dist/test/upgrade/make-fixture.js

audit: build ## Before a release: licences and hashes of what is shipped, the list of its parts (sbom.json), known vulnerabilities
	@node dist/test/release/list-dependencies.js
	npm sbom --sbom-format=cyclonedx --omit=dev > sbom.json
	npm audit --omit=dev

clean: ## Remove what was built
	rm -rf dist .tap
