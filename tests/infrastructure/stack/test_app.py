"""`python -m infra.app`, as the CDK command line starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

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


def test_two_regions_are_two_stacks_of_one_name_the_second_after_the_first(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "run.sh").write_text("")
    stubbed = (
        f"import pathlib, infra.app as a; a.build_package = lambda *_, **__: pathlib.Path({str(package)!r}); a.main()"
    )
    certificates = [f"arn:aws:acm:{region}:123456789012:certificate/a" for region in ("us-east-1", "eu-west-1")]
    context = {
        "regions": "us-east-1,eu-west-1",
        "domain_name": "llm.example.com",
        "hosted_zone": "Z0123456789",
        "certificate_arn": ",".join(certificates),
    }
    done = subprocess.run(
        [sys.executable, "-c", stubbed],
        cwd=ROOT,
        env={**os.environ, "CDK_CONTEXT_JSON": json.dumps(context), "CDK_OUTDIR": str(tmp_path / "out")},
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    artifacts = json.loads((tmp_path / "out" / "manifest.json").read_text())["artifacts"]
    stacks = {name: one for name, one in artifacts.items() if one["type"] == "aws:cloudformation:stack"}
    assert {name: one["environment"].rpartition("/")[2] for name, one in stacks.items()} == {
        "FallbackRouter-dev": "us-east-1",
        "FallbackRouter-dev-eu-west-1": "eu-west-1",
    }
    second = stacks["FallbackRouter-dev-eu-west-1"]
    assert second["properties"]["stackName"] == "FallbackRouter-dev"
    assert "FallbackRouter-dev" in second["dependencies"]
