#!/bin/sh
# Creates .venv with exactly the locked requirements and this project. Says plainly what is missing.
# PYTHON is who creates it; with ANEW=yes also where there is one already, of another Python.
set -eu

fail() {
    echo "setup: $1" >&2
    exit 1
}

version_of() {
    "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])'
}

is_new_enough() { # 3.12.1
    minor=${1#*.}
    [ "${1%%.*}" -gt 3 ] || { [ "${1%%.*}" -eq 3 ] && [ "${minor%%.*}" -ge 11 ]; }
}

# Runs what downloads. Its words are many and go into a file; ours are one line.
install() {
    "$@" >.venv/setup.log 2>&1 && return
    if grep -qiE 'do not match the hashes|hash mismatch' .venv/setup.log; then
        fail "a package is not the one that was locked (its hash differs), and was not installed. Look at your package index; the package is named in .venv/setup.log"
    elif grep -qiE 'connection|connect error|dns error|resolve host|name resolution|timed out|proxy|certificate|no matching distribution|failed to fetch' .venv/setup.log; then
        fail "the package index could not be reached. Check the network, HTTPS_PROXY, PIP_INDEX_URL and UV_INDEX_URL, and run it again; details in .venv/setup.log"
    elif grep -qi 'no space left' .venv/setup.log; then
        fail "the disk is full. Make room (about 700 MB) and run it again"
    fi
    fail "the requirements could not be installed: $(tail -n 1 .venv/setup.log) (all of it in .venv/setup.log)"
}

another="Install Python 3.11 or newer, or name one: make PYTHON=python3.12"
command -v "$PYTHON" >/dev/null 2>&1 || fail "'$PYTHON' is not installed. $another"
# A shim of pyenv or asdf is there and executable, and yet no Python.
version=$(version_of "$PYTHON" 2>&1) || fail "'$PYTHON' is there but does not run ($(echo "$version" | head -n 1)). With pyenv choose a version first, as in: pyenv shell 3.12. $another"
is_new_enough "$version" || fail "'$PYTHON' is Python $version, which is too old. $another"
[ -w . ] || fail "this folder cannot be written to, and .venv belongs here. Change its owner or work in a copy of it"

present=$(version_of .venv/bin/python 2>/dev/null) || present=none
if [ "$present" != none ] && [ "${ANEW:-}" = yes ] && [ "$present" != "$version" ]; then
    echo "setup: .venv has Python $present and is built anew with $version, as PYTHON says"
    present=none
fi
if [ "$present" = none ] || ! is_new_enough "$present"; then
    "$PYTHON" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
        fail "'$PYTHON' comes without venv. On Debian and Ubuntu install it with: apt-get install python${version%.*}-venv"
    rm -rf .venv
    said=$("$PYTHON" -m venv .venv 2>&1) || fail "'$PYTHON -m venv .venv' failed: $(echo "$said" | tail -n 1)"
fi

echo "setup: installing the locked requirements into .venv (once, about a minute)"
install .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
install .venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes --compile-bytecode requirements.txt
install .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --offline \
    --editable . --editable ./fallback_router_agentcore --editable ./fallback_router_evaluation
