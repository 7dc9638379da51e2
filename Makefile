# Two commands: `make run` and `make test`. Each sets up what is missing first.
.PHONY: run setup test check bad-audio schemathesis soak
export DEMO

# Sets up what is missing, starts everything in the foreground, plays a short demonstration
# (DEMO=0 leaves it out). Ctrl-C ends every process.
run: setup
	@.venv/bin/hotline run

# Only what is missing; says nothing when nothing is.
setup:
	@setup/main.sh run

# Format, lint, types, walls between the rooms.
check:
	@setup/main.sh check
	@.venv/bin/python -m ruff format --check --quiet .
	@.venv/bin/python -m ruff check --quiet .
	@.venv/bin/python -m mypy
	@.venv/bin/python -c 'from importlinter.cli import lint_imports_command as c; c()'

# All tests on real parts; the last line is pytest's own summary (all on one stream, so that make's
# own word about a failure stays apart).
test:
	@setup/main.sh test 2>&1
	@.venv/bin/python -m compileall -q -x '/\.|/var/' . 2>&1
	@.venv/bin/python -m tests.rewriting 2>&1
	@tests/in_memory.sh .venv/bin/python -m pytest -n 6 --dist loadfile --no-loadscope-reorder 2>&1

# The twenty ways in which audio is bad: what becomes of a spoken request then, as a table.
bad-audio:
	@setup/main.sh test 2>&1
	@.venv/bin/python -m tests.bad_audio 2>&1

# Asks the API a hundred times for each operation of its own OpenAPI document, on both stores.
schemathesis:
	@setup/main.sh test 2>&1
	@.venv/bin/python -m tests.console.against_document 100 2>&1

# Calls keep coming while Redis, SQL, both, the disk, the engine, AMI are away a minute each, as a
# table; one part or shorter: .venv/bin/python -m tests.soak --only redis --seconds 20
soak:
	@setup/main.sh test 2>&1
	@.venv/bin/python -m tests.soak 2>&1
