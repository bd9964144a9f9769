# make demo   the whole graph on the phantom corpus, then one customised talking face
# make test   style and tests
# make dev    the Dagster UI over the same home
# make weights  the weights that come with the package, anew (two hours on one core; resumable)
#
# Each does all of its own set-up. Settings: PYTHON=python3.12  HOME_DIR=/where/data/live  PORT=3000  PROCESSES=1

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help demo test dev weights

BIN := .venv/bin
READY := .venv/.ready
HOME_DIR ?= $(or $(SWAPTALK_HOME),$(CURDIR)/data)
PORT ?= 3000
PROCESSES ?= auto

help:
	@sed -n '1,6s/^# \{0,1\}//p' Makefile

demo: $(READY)
	@$(BIN)/swaptalk demo --home "$(HOME_DIR)"

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadscope --no-loadscope-reorder --max-worker-restart=0 \
	  --durations=25 $(ARGS)

dev: $(READY)
	@$(BIN)/swaptalk dev --home "$(HOME_DIR)" --port "$(PORT)"

weights: $(READY)
	@$(BIN)/swaptalk weights --home "$(CURDIR)/data/weights"

# Made anew when what we depend on changes.
$(READY): pyproject.toml constraints.txt
	@PYTHON="$(PYTHON)" .ci/venv
	@touch $(READY)
