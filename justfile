# Commands for development; each runs in the virtual environment .venv (see CONTRIBUTING.md).

bin := ".venv/bin"
parallel := "-n auto --dist worksteal"

# List the commands.
default:
    @just --list

# Install lback with everything that development needs.
setup:
    python3 -m venv .venv
    {{bin}}/pip install -e '.[test,lint,docs]'

# Check style, types, import rules and prose.
lint:
    {{bin}}/ruff check .
    {{bin}}/ruff format --check .
    {{bin}}/mypy
    {{bin}}/lint-imports
    {{bin}}/python -m tools.check_prose

# Run the tests that need no server.
test *args:
    {{bin}}/pytest {{parallel}} {{args}}

# Run all tests but the slow ones, with servers on this machine.
test-servers servers="all" *args:
    {{bin}}/pytest {{parallel}} --servers {{servers}} {{args}}

# Run the slow tests.
test-slow servers="all" *args:
    {{bin}}/pytest -m slow -o faulthandler_timeout=0 --servers {{servers}} {{args}}

# Run a benchmark: startup, events, imports, paging or signals.
bench name *args:
    {{bin}}/python tests/benchmarks/{{name}}.py {{args}}

# Regenerate generated files, and build the documentation site in build/docs.
docs:
    {{bin}}/python tools/generate_signal_docs.py
    {{bin}}/python tools/generate_config_example.py
    {{bin}}/python -m tools.generate_man_pages
    {{bin}}/python -m sphinx -W docs build/docs
