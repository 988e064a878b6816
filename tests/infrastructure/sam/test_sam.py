"""What `make sam-invoke` says where something is missing, with a made-up `docker` on the PATH."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.lambda_package import ROOT
from infra.sam import CannotRunError, engine, image, project, running
from infra.sam.__main__ import app
from infra.sam.engine import Engine
from infra.sam.project import Project
from local.simulator import SimulatorControl

TEMPLATE = {
    "Resources": {
        name: {"Properties": {"Environment": {"Variables": {"ROUTER_LOG_LEVEL": "INFO"}}}}
        for name in ("Gateway", "Tool")
    }
}


def made_up_docker(folder: Path, script: str) -> dict[str, str]:
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def stack(folder: Path) -> Project:
    template = folder / "template.json"
    template.write_text(json.dumps(TEMPLATE))
    return Project(folder / "sam", template, "Gateway", "Tool")


def test_without_docker_it_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(CannotRunError, match=r"Docker is not installed; install it: https://docs\.docker\.com"):
        engine.running({"PATH": str(tmp_path)})


def test_an_engine_that_does_not_run_is_to_be_started(tmp_path: Path) -> None:
    environment = made_up_docker(tmp_path, "echo Cannot connect to the Docker daemon >&2; exit 1")
    with pytest.raises(CannotRunError, match=r"is not running; start it .*systemctl start docker.*Cannot connect"):
        engine.running(environment)


def test_an_engine_without_the_default_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotRunError, match="no network 'bridge'"):
        engine.running(made_up_docker(tmp_path, "exit 0"))


@pytest.mark.parametrize(
    ("said", "gateway"), [("172.20.0.0/16 172.20.0.9", "172.20.0.9"), ("10.9.0.0/24 ", "10.9.0.1")]
)
def test_the_gateway_is_the_engines_or_the_first_address_of_its_network(
    said: str, gateway: str, tmp_path: Path
) -> None:
    environment = made_up_docker(tmp_path, f'case "$1" in network) echo "{said}";; esac')
    assert engine.running(environment).gateway == gateway


def test_no_simulator_listens_where_this_machine_has_no_such_address() -> None:
    assert running._simulator_address(Engine({}, "192.0.2.1")) == "127.0.0.1"
    assert running._simulator_address(Engine({}, "127.0.0.2")) == "127.0.0.2"


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        ("exec /var/rapid/aws-lambda-rie: exec format error", "docker rmi public.ecr.aws/lambda/python:3.13-arm64"),
        ("Error: could not pull image public.ecr.aws/lambda/python:3.13-arm64", "python -m infra.sam image"),
        ("line one\nError: something else", "`sam local invoke` failed: Error: something else"),
        ("", "it said nothing"),
    ],
)
def test_what_sam_says_is_told_with_its_fix(said: str, fix: str) -> None:
    assert fix in running._why(said, "arm64")


@pytest.mark.parametrize("content", [None, "no JSON", "[1]", '{"ROUTER_LOG_LEVEL": 1}'])
def test_an_environment_file_of_another_shape_is_named(content: str | None, tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    if content is not None:
        own.write_text(content)
    with pytest.raises(CannotRunError, match=r"ENV=.*own\.json"):
        project.variables(stack(tmp_path), "http://simulator", own)


def test_the_environment_file_comes_last_and_is_declared_for_sam(tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text('{"OPENAI_API_KEY": "k", "ROUTER_SIMULATOR_URL": ""}')
    prepared = stack(tmp_path)
    chosen = project.variables(prepared, "http://simulator", own)
    expected = {"ROUTER_SIMULATOR_URL": "", "ROUTER_STATE_TABLE": "", "OPENAI_API_KEY": "k"}
    assert chosen == {"Gateway": expected, "Tool": expected}
    declared = json.loads(prepared.template.read_text())["Resources"]["Gateway"]["Properties"]["Environment"][
        "Variables"
    ]
    assert declared.keys() == expected.keys() | {"ROUTER_LOG_LEVEL"}
    assert declared["ROUTER_LOG_LEVEL"] == "INFO"


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        setup = running.Setup(Engine({}, ""), stack(tmp_path), "arm64", (), (), {}, {}, SimulatorControl(""))
        with pytest.raises(CannotRunError, match=f"PORT={port}: in use"), running.api(setup, port):
            pass


def test_an_event_that_is_not_there_is_named() -> None:
    done = CliRunner().invoke(app, ["invoke", "no-such.json"])
    assert (done.exit_code, done.stderr) == (
        1,
        "sam: EVENT=no-such.json: there is no such file; tests/events has one for each route\n",
    )


def test_where_no_engine_can_run_the_test_is_skipped_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    done = CliRunner().invoke(app, ["test"])
    assert done.exit_code == 0
    assert done.stderr.splitlines() == [
        "e2e-sam: skipped: Docker is not installed; install it: https://docs.docker.com/get-docker; "
        "only root may start an engine of its own"
    ]


def test_without_mmdebstrap_no_image_is_made(tmp_path: Path) -> None:
    with pytest.raises(CannotRunError, match="apt-get install mmdebstrap"):
        image.build("x86_64", tmp_path, {"PATH": str(tmp_path)})


def test_the_image_is_named_as_sam_looks_for_it() -> None:
    # samcli/local/docker/lambda_image.py of aws-sam-cli 1.170.0: `_INVOKE_REPO_PREFIX` and `get_image_name_tag`.
    assert image.name("arm64") == "public.ecr.aws/lambda/python:3.13-arm64"
    assert "aws-sam-cli==1.170.0" in (ROOT / "scripts" / "requirements-sam.txt").read_text()
