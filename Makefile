# Everything that is run by hand or by CI. Needed: Rust, and Go for the programs that tests talk to
# (without Go those tests are counted as skipped, by name).

.PHONY: help test lint bench dist

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' Makefile

test: ## Install the programs that tests talk to, then run every test
	tests/peers/install
	cargo test --features full --no-fail-fast
	cargo test --no-default-features --test compile_fail

lint: ## Formatting, clippy and documentation, with warnings denied
	git ls-files '*.rs' | xargs rustfmt --check --edition 2024
	cargo clippy --all-targets --features full -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --document-private-items --features full

bench: ## Measure
	cargo bench

dist: ## Make what a release carries, in dist/
	.ci/dist
