# The same commands here, in CI and in CONTRIBUTING.md. `make check` says whether a change may go in.
PYTHON := .venv/bin/python
OURS := src tests benchmarks docs requirements tapeline

.PHONY: check test format lock bench environment

check: environment
	$(PYTHON) -m ruff format --check $(OURS)
	$(PYTHON) -m ruff check $(OURS)
	$(PYTHON) -m mypy
	$(PYTHON) -m mypy --strict requirements/install.py
	$(PYTHON) -c "from importlinter.cli import lint_imports_command as lint; lint(['--no-logo'])"

test:
	./tapeline test

format: environment
	$(PYTHON) -m ruff check --fix $(OURS)
	$(PYTHON) -m ruff format $(OURS)

# Resolve the requirements of pyproject.toml anew: `make lock` changes as little as possible, UPGRADE=1 takes the newest.
lock: environment
	requirements/update $(if $(UPGRADE),--upgrade)

# Needs PEERS_ENVS, the folder with the peers' environments: see benchmarks/README.md.
bench: environment
	$(PYTHON) benchmarks/compare.py

environment:
	@./tapeline test --version >/dev/null
