"""The pinned CDK command line, as `make deploy` runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.ministack import ACCOUNT, REGION, ROOT, MiniStack

CLI = "aws-cdk@2.1148.1"
LONGEST = 240.0
"""Seconds that one command may take."""


class Cdk:
    """Runs CDK against a local AWS. `context`: settings of the stage."""

    def __init__(self, aws: MiniStack, folder: Path, context: Mapping[str, str]) -> None:
        self._aws = aws
        self._folder = folder
        self._context = context

    def bootstrap(self) -> None:
        # Outside the repository there is no cdk.json, so nothing is synthesized for it.
        self._call(["bootstrap", f"aws://{ACCOUNT}/{REGION}", "--no-notices"], self._folder)

    def deploy(self, **more: str) -> dict[str, str]:
        """Outputs of the stack. `more`: further settings of the stage, this time."""
        outputs = self._folder / "outputs.json"
        further = [f"--context={name}={value}" for name, value in more.items()]
        self._run("deploy", "--require-approval", "never", "--outputs-file", str(outputs), *further)
        (found,) = json.loads(outputs.read_text()).values()
        result: dict[str, str] = found
        return result

    def diff(self) -> str:
        return self._run("diff", "--fail")

    def destroy(self) -> None:
        self._run("destroy", "--force")

    def _run(self, command: str, *arguments: str) -> str:
        context = [f"--context={name}={value}" for name, value in self._context.items()]
        out = ["--output", str(self._folder / "cdk.out"), "--no-notices", "--ci"]
        return self._call([command, *arguments, *context, *out], ROOT)

    def _call(self, arguments: list[str], where: Path) -> str:
        node = Path(sys.executable).parent
        environment = {
            **os.environ,
            "PATH": f"{node}{os.pathsep}{os.environ['PATH']}",
            "CDK_DISABLE_CLI_TELEMETRY": "1",
            **self._aws.credentials,
        }
        done = subprocess.run(
            [str(node / "npx"), "--yes", CLI, *arguments],
            cwd=where,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"cdk {arguments[0]}:\n{said[-6000:]}\n{self._aws.log.read_text()[-3000:]}"
        return said
