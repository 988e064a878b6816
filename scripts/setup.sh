#!/bin/sh
# Creates .venv with exactly the locked requirements and this project. Says plainly what is missing.
set -eu

fail() {
    echo "setup: $1" >&2
    exit 1
}

command -v "$PYTHON" >/dev/null 2>&1 || fail "'$PYTHON' is not installed. Install Python 3.11 or newer, or name one: make PYTHON=python3.12"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$PYTHON" --version 2>&1) is too old. Install Python 3.11 or newer, or name one: make PYTHON=python3.12"

if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    rm -rf .venv
    "$PYTHON" -m venv .venv >/dev/null 2>&1 ||
        fail "'$PYTHON -m venv' failed. On Debian and Ubuntu install it with: apt-get install python3-venv"
fi

echo "setup: installing the locked requirements into .venv (once, about a minute)"
network="The package index could not be reached, or a hash did not match; the lines above say which"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt || fail "$network"
.venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes --compile-bytecode requirements.txt || fail "$network"
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --offline --editable . ||
    fail "this project could not be installed; the lines above say why"
