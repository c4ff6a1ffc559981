# Two commands do everything: `make report` and `make test`. VENV is where the environment goes,
# CONSTRAINTS the exact versions in it.
PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin
# where the environments with other libraries and with the lowest versions go
PEERS ?= .venv-peers
LOWEST ?= .venv-lowest
OUT ?= results/report
# commits that `make asv` measures, as git names a range
COMMITS ?= HEAD~2..HEAD

# processes of `make test` and `make mutants`
WORKERS ?= 2

# suites on right estimators that `make self-test` runs
RUNS ?= 1000

# methods that `make zoo` trains
METHODS ?= spatial_bp,bptt,feedback_alignment,sign_symmetric,dfa,dkp,zo_single_point,zo_two_point,spsa,forward_gradient,pzo_two_point,opzo,localzo,local_learning,intermediate_global,opzo+0.01*local_learning,spatial_bp+0.01*local_learning,dfa+0.01*local_learning,opzo+0.01*local_learning+0.1*intermediate_global

.DEFAULT_GOAL := help
.PHONY: help report test test-lowest test-peers check lint campaign coverage properties self-test mutants asv asv-check fashion zoo conv docs dist audit clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

report: $(VENV)/.installed ## verify, measure, train on the embedded data; ends with the page's path
	$(BIN)/gradassay run --out $(OUT) --overwrite

test: $(VENV)/.installed-dev ## run all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile

test-lowest: ## run them with the lowest versions that pyproject.toml admits, in an environment of its own
	$(MAKE) test VENV=$(LOWEST) CONSTRAINTS=constraints-lowest.txt

test-peers: ## cross-check other libraries, in an environment of its own; writes docs/conformance.md and docs/nir_roundtrip.md
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[nir]' pytest hypothesis
	$(PEERS)/bin/python -m pip install -q --disable-pip-version-check --no-deps -r peers.txt
	$(PEERS)/bin/python -m pytest -q -m peers tests/crosscheck tests/bench
	$(PEERS)/bin/gradassay crosscheck snntorch spikingjelly norse sinabs --page docs/conformance.md --overwrite
	$(PEERS)/bin/gradassay nir roundtrip --page docs/nir_roundtrip.md --overwrite

check: lint test ## linters, type checkers, import rules and the tests

lint: $(VENV)/.installed-dev ## linters, type checkers and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

campaign: $(VENV)/.installed-dev ## longer statistical campaigns (minutes)
	$(BIN)/python -m pytest -q -s -m campaign

properties: $(VENV)/.installed-dev ## property tests with a hundred times their examples (a quarter of an hour)
	OMP_NUM_THREADS=1 EXAMPLES_TIMES=100 $(BIN)/python -m pytest -q -n $(WORKERS) -m hypothesis tests

coverage: $(VENV)/.installed-dev ## branch coverage of all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m coverage run -m pytest -q -n $(WORKERS) --dist loadfile
	$(BIN)/python -m coverage combine -q
	$(BIN)/python -m coverage report

self-test: $(VENV)/.installed ## verify the verifier: planted faults, false alarms; writes docs/self_test.md (an hour)
	$(BIN)/gradassay verify --self-test --runs $(RUNS) --workers 2 > docs/self_test.md.new
	mv docs/self_test.md.new docs/self_test.md

fashion: $(VENV)/.installed ## the main job on the whole of Fashion-MNIST (minutes)
	$(BIN)/gradassay run --dataset fashion-mnist --out results/fashion-mnist --overwrite

zoo: $(VENV)/.installed ## train every method on the whole of Fashion-MNIST, three seeds (half an hour)
	$(BIN)/gradassay bench-train --datasets fashion-mnist --estimators '$(METHODS)' \
		--out results/zoo --overwrite
	$(BIN)/gradassay bench-train --datasets fashion-mnist --estimators zo_single_point \
		--set zo_single_point.baseline=0.9 --learning-rate 1e-3 --out results/zoo-baseline --overwrite
	$(BIN)/gradassay bench-train --datasets fashion-mnist --estimators forward_gradient \
		--set forward_gradient.space=weight --learning-rate 1e-4 --out results/zoo-in-weights --overwrite

conv: $(VENV)/.installed ## train a convolutional network on it, three seeds (a quarter of an hour)
	$(BIN)/gradassay bench-train --datasets fashion-mnist --network AP2-32C3-AP2-64C3-FC \
		--estimators 'spatial_bp,dfa,opzo,opzo+0.01*local_learning' --out results/conv --overwrite

mutants: $(VENV)/.installed-dev ## mutate the rooms that a verdict rests on, count what their tests kill (hours)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[mutation]'
	mkdir -p mutants
	OMP_NUM_THREADS=1 PYTHONPATH="$(CURDIR)/mutants" $(BIN)/mutmut run --max-children $(WORKERS)
	$(BIN)/mutmut results --all true | $(BIN)/python -m tests.mutants

asv: $(VENV)/.installed-dev ## benchmark the last two commits and publish the pages
	$(BIN)/asv machine --yes
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/asv run --show-stderr $(COMMITS)
	$(BIN)/asv publish
	@echo "pages: .asv/html/index.html (serve them with: $(BIN)/asv preview)"

asv-check: measure_ratios = PATH="$(abspath $(BIN)):$$PATH" $(BIN)/asv run --bench bench_ratios HEAD~2..HEAD
asv-check: judge = $(BIN)/python -m gradassay.bench.history HEAD~1 HEAD
asv-check: $(VENV)/.installed-dev ## judge HEAD's ratios by its parent's: regressed (twice), noise, or not measured
	$(BIN)/asv machine --yes
	$(measure_ratios)
	$(judge) || { code=$$?; [ $$code -eq 1 ] || exit $$code; $(measure_ratios) && $(judge); }

docs: $(VENV)/.installed ## build the documentation site, warnings as errors; ends with its page's path
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/python -m sphinx -W --keep-going -q -b html -c docs . build/site
	@echo "build/site/index.html"

dist: $(VENV)/.installed-dev ## build wheel and sdist
	$(BIN)/python -m build

audit: ## look the pinned versions up among known vulnerabilities (asks PyPI)
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install -q --disable-pip-version-check pip-audit
	build/audit/bin/pip-audit --strict --disable-pip --no-deps -r constraints.txt

clean: ## remove the environments and everything that was built
	rm -rf $(VENV) $(PEERS) $(LOWEST) .asv build dist mutants results

$(VENV)/.installed: pyproject.toml $(CONSTRAINTS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c $(CONSTRAINTS) -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install -q --disable-pip-version-check -c $(CONSTRAINTS) -e '.[dev]'
	touch $@
