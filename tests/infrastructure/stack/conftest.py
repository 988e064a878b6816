"""Synthesized stacks. `infra` comes before `aws_cdk`: it chooses the Node that CDK's engine runs on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.chain import load_chain
from infra.gateway_stack import GatewayStack
from infra.stage import load_stage
from tests.infrastructure.stack.templates import EVERYTHING, REGION, ROOT, Synthesized

# isort: split
import aws_cdk as cdk


def warnings_of(out: Path, stack: str) -> list[str]:
    """The warnings of a synthesis, as CDK's command line reads them.

    Read from its files: two of CDK's distributions install a `cloud_assembly_schema` into one place, and which of them
    is there is chance; with the other one `stack.messages` is a ValueError.
    """
    artifact = json.loads((out / "manifest.json").read_text())["artifacts"][stack]
    metadata = dict(artifact.get("metadata", {}))
    if more := artifact.get("additionalMetadataFile"):
        metadata |= json.loads((out / more).read_text())
    return [str(one["data"]) for entries in metadata.values() for one in entries if one["type"] == "aws:cdk:warning"]


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Synthesized]:
    """Context -> the synthesized stack. The package is a stub: synthesizing must not build one."""
    folder = tmp_path_factory.mktemp("synth")
    (folder / "package").mkdir()
    (folder / "package" / "run.sh").write_text("#!/bin/sh\n")
    (folder / "tools").mkdir()
    (folder / "tools" / "tools.py").write_text("")
    (folder / "authorizer").mkdir()
    (folder / "authorizer" / "authorizer.py").write_text("")

    def synthesized(
        *plugins: Callable[[cdk.App], cdk.IPolicyValidationPlugin], region: str | None = REGION, **context: str
    ) -> Synthesized:
        out = folder / f"out{len(list(folder.iterdir()))}"
        flags = json.loads((ROOT / "cdk.json").read_text())["context"]
        app = cdk.App(outdir=str(out), context=flags | context)
        cdk.Validations.of(app).add_plugins(*(plugin(app) for plugin in plugins))
        stage = load_stage(app.node.get_all_context())
        config = load_chain(stage.mapping, stage.prompts_named, stage.guardrail_named)
        GatewayStack(
            app,
            stage.stack_name,
            stage=stage,
            config=config,
            package=folder / "package",
            authorizer=folder / "authorizer" / "authorizer.py",
            tools=folder / "tools" if stage.agentcore else None,
            region=region,
        )
        app.synth()
        return Synthesized(stage, config, out / f"{stage.stack_name}.template.json", warnings_of(out, stage.stack_name))

    return synthesized


@pytest.fixture(scope="session")
def dev(synthesize: Callable[..., Synthesized]) -> Synthesized:
    """The smallest stage: every default."""
    return synthesize(stage="dev")


@pytest.fixture(scope="session")
def prod(synthesize: Callable[..., Synthesized]) -> Synthesized:
    """The largest: everything optional is on."""
    return synthesize(**EVERYTHING)


@pytest.fixture(scope="session")
def buffered(synthesize: Callable[..., Synthesized]) -> Synthesized:
    """As emulators take it."""
    return synthesize(response_mode="buffered", arch="x86_64", simulator_url="http://127.0.0.1:9")


@pytest.fixture
def chain_file(tmp_path: Path) -> Callable[[object], Path]:
    """A mapping in a file of its own."""

    def write(mapping: object) -> Path:
        path = tmp_path / "my-chain.json"
        path.write_text(json.dumps(mapping))
        return path

    return write
