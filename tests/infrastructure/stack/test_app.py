"""`python -m infra.app`, as the CDK command line starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.infrastructure.stack.templates import ROOT


def test_wrong_settings_end_the_synthesis_with_all_of_them_and_no_traceback() -> None:
    context = {"CDK_CONTEXT_JSON": json.dumps({"stage": "staging", "waff": "true"})}
    done = subprocess.run(
        [sys.executable, "-m", "infra.app"],
        cwd=ROOT,
        env={**os.environ, **context},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "-c stage: must be 'dev' or 'prod'" in done.stderr
    assert "-c waff: unknown setting; did you mean 'waf'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert "end-of-life" not in done.stderr  # CDK's engine runs on the Node that is installed beside it
