# The only verbs to remember: `make run`, `make test`, `make lint`. Each installs what it needs into .venv first.
PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: run test lint reports

run: .venv/run.stamp
	$(BIN)/python -m lagwise.conformance.main_job --out out

test: .venv/dev.stamp
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

lint: .venv/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	rm -rf build
	$(BIN)/python -m build --wheel --outdir build/wheel . > build.log 2>&1 || { cat build.log; exit 1; }
	rm -f build.log
	$(PIP) install --no-deps --target build/installed build/wheel/lagwise-*.whl
	MYPYPATH=build/installed $(BIN)/mypy --explicit-package-bases -p lagwise.spec -p lagwise.impls -p lagwise.conformance
	$(BIN)/lint-imports

reports: .venv/run.stamp
	rm -rf reports/proofs reports/cpu
	$(BIN)/lagwise prove --certificates reports/proofs > reports/proofs.txt
	-$(BIN)/lagwise run rotary-embedding-torch transformers --level standard --out reports/cpu/others
	$(BIN)/lagwise run backend:numpy --subject numpy:rope --level standard --out reports/cpu/rope-numpy
	$(BIN)/lagwise run backend:torch --subject torch:rope --level standard --out reports/cpu/rope-torch
	set -e; for pair in lrpe:'lrpe[core=unitary,p=dft]' spe:spe-sine flt:flt-gaussian-mixture fastrpb:fastrpb dape:dape; do \
	  $(BIN)/lagwise run backend:numpy backend:torch --encoding "$${pair#*:}" --level standard --out reports/cpu/systems/$${pair%%:*}; \
	done
	for d in others rope-numpy rope-torch systems/lrpe systems/spe systems/flt systems/fastrpb systems/dape; do \
	  $(BIN)/lagwise report reports/cpu/$$d --format html --out reports/cpu/$$d/page.html; \
	  $(BIN)/lagwise report reports/cpu/$$d --format md --out reports/cpu/$$d/report.md; \
	done
	$(BIN)/python tests/benchmarks/speed.py reports/cpu/speed.json
	$(BIN)/python tests/benchmarks/growth.py reports/cpu/growth.json
	$(BIN)/python reports/tables.py

.venv/run.stamp: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install -c constraints.txt -e '.[report,subjects]'
	touch $@

.venv/dev.stamp: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install -c constraints.txt -e '.[dev]'
	touch $@ .venv/run.stamp
