# The same commands here, in CI and in CONTRIBUTING.md. `make check` says whether a change may go in.
PYTHON := .venv/bin/python
OURS := src tests benchmarks docs requirements tapeline

.PHONY: check test format lock bench mutants environment

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

# Plants small faults into the books of orders and sees whether tests notice: `[tool.mutmut]` in pyproject.toml. Needs
# mutmut 3.8 or newer, `.venv/bin/python -m pip install mutmut`, which is no part of the locked environment.
mutants: environment
	$(PYTHON) -m mutmut run --max-children 2
	$(PYTHON) -m mutmut results

environment:
	@./tapeline test --version >/dev/null
