# Every target does its own set-up, by scripts/setup. Statements are checked against .sqlx, whatever DATABASE_URL says.
export SQLX_OFFLINE = true

help: ## what there is to run
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

dev: ## the whole engine on this machine; ARGS='--listen 127.0.0.1:9000' is passed on
	scripts/setup postgres
	cargo run --locked -- dev $(ARGS)

test: ## every test but the long ones
	scripts/test

check: ## format, lints, documentation, dependencies
	scripts/check

fmt: ## formats everything that has a formatter
	scripts/setup lint tests
	cargo fmt
	.venv-lint/bin/taplo fmt
	.venv-lint/bin/sqlfluff fix --quiet migrations core/src/store/sql
	cd clients/python && ../../.venv/bin/ruff format

sqlx: ## describes the store's statements anew, after a change to them or to the schema
	scripts/setup postgres
	scripts/sqlx

soak: ## the tests that take minutes
	scripts/setup postgres mail tests
	cargo test --release --locked --test it -- --ignored --nocapture --test-threads=1 soak_

bench: ## side by side with the peers
	scripts/setup postgres
	benches/run

.PHONY: help dev test check fmt sqlx soak bench
