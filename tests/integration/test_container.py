"""The container's recipe and manifests. No builder is needed: what the recipe runs is run here, in a folder."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
import yaml

from infra.bytecode import PYTHON
from litellm_fallback_router import cli
from litellm_fallback_router.commands.server import DRAIN_SECONDS, LAST_WORDS_SECONDS
from tests.support.dockerfile import Step, of, stages
from tests.support.documents import REPOSITORY
from tests.support.gateway import free_port

FOLDER = REPOSITORY / "container"
RECIPE = FOLDER / "Dockerfile"
PORT = 4000
DOCKER_WAITS, FARGATE_WAITS = 10, 120
"""Seconds from SIGTERM to SIGKILL: `docker stop`, and what Fargate allows at most."""


@pytest.fixture(scope="module")
def build() -> list[Step]:
    return stages(RECIPE)[0]


@pytest.fixture(scope="module")
def image() -> list[Step]:
    return stages(RECIPE)[1]


def test_python_is_that_of_the_lambda() -> None:
    assert f"ARG PYTHON_IMAGE=python:{PYTHON}-slim\n" in RECIPE.read_text(encoding="utf-8")
    assert [steps[0].rest.split(" AS ")[0] for steps in stages(RECIPE)] == ["${PYTHON_IMAGE}"] * 2


def test_everything_is_installed_by_hash_and_from_the_gateways_own_lock(build: list[Step], image: list[Step]) -> None:
    installs = [step.rest for step in of(build, "RUN") if re.search(r"pip install|uv build", step.rest)]
    loose = [line for line in installs if "--require-hashes" not in line]
    assert [re.sub(r".*(--no-deps.*)", r"\1", line) for line in loose] == ["--no-deps dist/*.whl"]
    assert len([line for line in installs if "-r lambda_src/requirements.txt" in line]) == 1
    assert "setuptools==" in (REPOSITORY / "requirements.txt").read_text(encoding="utf-8")
    assert of(image, "RUN") == of(image, "ADD") == []


def test_what_is_copied_is_in_the_repository_and_sent_to_the_builder(build: list[Step], image: list[Step]) -> None:
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line[1:] for line in ignored if line.startswith("!")}
    copied = {source for step in of(build, "COPY") for source in step.words[:-1]}
    assert "*" in ignored
    assert all((REPOSITORY / source).exists() for source in copied)
    assert {source.partition("/")[0] for source in copied} == sent
    assert not [one for one in (".git", ".venv", "keys.json") if any(fnmatch.fnmatch(one, each) for each in sent)]
    assert [step.rest for step in of(image, "COPY")] == ["--from=build /opt/gateway /opt/gateway"]


def test_it_runs_as_nobody(image: list[Step]) -> None:
    (user,) = of(image, "USER")
    assert all(int(number) > 0 for number in user.rest.split(":"))
    assert image.index(user) < image.index(of(image, "CMD")[0])


def test_it_starts_the_gateway_where_its_health_is_looked_for(image: list[Step]) -> None:
    (entry,), (command,), (health,) = of(image, "ENTRYPOINT"), of(image, "CMD"), of(image, "HEALTHCHECK")
    assert entry.words == ["fallback-router"]  # as a list: SIGTERM would reach a shell, and no further
    assert f'{entry.words[0]} = "litellm_fallback_router.cli:main"' in (REPOSITORY / "pyproject.toml").read_text()
    assert command.words == ["serve", "--host", "0.0.0.0", "--port", str(PORT)]  # noqa: S104 - inside a container
    assert [step.rest for step in of(image, "EXPOSE")] == [str(PORT)]
    assert f"http://127.0.0.1:{PORT}/health" in health.rest
    assert DRAIN_SECONDS + 2 * LAST_WORDS_SECONDS < DOCKER_WAITS


def serve_options(words: list[str]) -> dict[str, str]:
    """The options of `serve`, each of which there must be."""
    command = getattr(typer.main.get_command(cli.app), "commands", {})[words[0]]
    known = {option for parameter in command.params for option in parameter.opts}
    given = dict(zip(words[1::2], words[2::2], strict=True))
    assert given.keys() <= known
    return given


def test_kubernetes_looks_where_the_gateway_listens_and_waits_for_its_answers() -> None:
    documents = list(yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text(encoding="utf-8")))
    kinds: Mapping[str, Any] = {one["kind"]: one for one in documents}
    assert set(kinds) == {"Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler"}
    pod = kinds["Deployment"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    options = serve_options(container["args"])
    assert container["ports"] == [{"name": "http", "containerPort": int(options["--port"])}]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/health", "port": "http"}
    (pause,) = container["lifecycle"]["preStop"]["exec"]["command"][1:]
    needed = float(pause) + float(options["--drain"]) + 2 * LAST_WORDS_SECONDS
    assert needed < pod["spec"]["terminationGracePeriodSeconds"]
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    labels = pod["metadata"]["labels"]
    assert kinds["Service"]["spec"]["selector"] == labels
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert kinds[kind]["spec"]["selector"]["matchLabels"] == labels
    target = kinds["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", kinds["Deployment"]["metadata"]["name"])
    assert "cpu" in container["resources"]["requests"]  # without it there is no utilization to scale by


def test_fargate_template_is_one_and_waits_for_the_gateways_answers() -> None:
    linter = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([linter, FOLDER / "fargate.yaml"], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = (FOLDER / "fargate.yaml").read_text(encoding="utf-8")
    loader: Any = type("Loader", (yaml.SafeLoader,), {})
    loader.add_multi_constructor("!", lambda _loader, suffix, _node: suffix)
    (container,) = yaml.load(text, loader)["Resources"]["Task"]["Properties"]["ContainerDefinitions"]  # noqa: S506 - safe
    options = serve_options(container["Command"])
    assert container["PortMappings"][0]["ContainerPort"] == int(options["--port"])
    assert float(options["--drain"]) + 2 * LAST_WORDS_SECONDS < container["StopTimeout"] <= FARGATE_WAITS
    (health,) = of(stages(RECIPE)[1], "HEALTHCHECK")
    assert container["HealthCheck"]["Command"] == ["CMD", *json.loads(health.rest[health.rest.index("[") :])]


@pytest.fixture(scope="module")
def built(build: list[Step], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """/opt/gateway of the image, made by the recipe's own steps in a folder: another Python, the same commands."""
    root = tmp_path_factory.mktemp("image")
    environment, work = dict(os.environ), root / "build"
    for step in build:
        if step.keyword == "ENV":
            environment |= dict(pair.split("=", 1) for pair in step.words)
        elif step.keyword == "COPY":
            *sources, target = step.words
            for source in sources:
                _copy(REPOSITORY / source, work / target / (source if target.startswith(".") else ""))
        elif step.keyword == "RUN":
            line = step.rest.replace("/opt/", f"{root}/opt/").replace("python -m venv", f"{sys.executable} -m venv")
            line = line.replace("--python python ", f"--python {sys.executable} ")
            done = subprocess.run(
                ["/bin/sh", "-c", line],
                cwd=work,
                env=environment,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, f"{step.rest}:\n{done.stdout}{done.stderr}"
    return root / "opt" / "gateway"


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"), dirs_exist_ok=True)
    else:
        place = target / source.name if target.is_dir() or target.suffix == "" else target
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)


def run(built: Path, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [str(built / "bin" / words[0]), *words[1:]]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.timeout(400)
def test_the_installed_wheel_answers_in_an_environment_with_nothing_else(built: Path, tmp_path: Path) -> None:
    done = run(built, "fallback-router", "ask", "What is the capital of France?", "--simulate", cwd=tmp_path)
    assert (done.returncode, "Paris" in done.stdout) == (0, True), done.stderr
    where = run(built, "python", "-c", "import litellm_fallback_router as r; print(r.__file__)", cwd=tmp_path)
    assert where.stdout.startswith(str(built))
    version = re.search(r'^version = "(.*)"$', (REPOSITORY / "pyproject.toml").read_text(), flags=re.MULTILINE)
    assert version is not None
    assert run(built, "fallback-router", "--version", cwd=tmp_path).stdout == f"fallback-router {version[1]}\n"


@pytest.mark.timeout(400)
def test_what_the_wheel_asks_for_is_what_the_lock_has(built: Path) -> None:
    check = [str(built.parent / "tools/bin/uv"), "pip", "check", "--python", str(built / "bin/python")]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(400)
def test_the_command_serves_is_healthy_by_its_own_check_and_ends_well_at_sigterm(
    built: Path, image: list[Step], tmp_path: Path
) -> None:
    port = free_port()
    environment = {name: text for name, text in os.environ.items() if name in {"LANG", "TMPDIR"}}
    for pair in of(image, "ENV")[0].words:
        name, _, text = pair.partition("=")
        environment[name] = text.replace("/opt/gateway", str(built)).replace("$PATH", os.environ["PATH"])
    environment |= {"GATEWAY_API_KEYS": "a-key", "OPENAI_API_KEY": "sk-none"}
    (entry,), (command,), (health,) = of(image, "ENTRYPOINT"), of(image, "CMD"), of(image, "HEALTHCHECK")
    words = [*entry.words, *(word.replace("0.0.0.0", "127.0.0.1") for word in command.words)]  # noqa: S104
    words[words.index(str(PORT))] = str(port)
    check = json.loads(health.rest[health.rest.index("[") :].replace(f":{PORT}/", f":{port}/"))
    program = str(built / "bin" / words[0])
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([program, *words[1:]], cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 60
        while subprocess.run(check, env=environment, capture_output=True, timeout=30, check=False).returncode:
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < until
        assert httpx.get(f"http://127.0.0.1:{port}/v1/models", timeout=10).status_code == 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(DOCKER_WAITS) == 0
    finally:
        process.kill()
        process.wait()
