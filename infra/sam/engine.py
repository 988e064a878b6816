"""The Docker engine that runs the containers: the one that is there, else one of our own for as long as it is used."""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from . import CannotRunError

PACKAGES = ("docker.io", "containerd", "runc", "iproute2", "mmdebstrap")
"""Debian's packages with everything that an engine of our own and its image take."""
START_SECONDS = 60.0
STOP_SECONDS = 30.0
INSTALL_DOCKER = "install it: https://docs.docker.com/get-docker"


@dataclass(frozen=True, slots=True)
class Engine:
    """A Docker engine that answers."""

    environment: Mapping[str, str]
    """What a command needs to reach it."""
    gateway: str
    """The host's address as a container on the engine's default network sees it."""


def running(environment: Mapping[str, str] = os.environ) -> Engine:
    """The engine that `docker` reaches with `environment`.

    Raises CannotRunError where there is no Docker, or where its engine does not run.
    """
    if shutil.which("docker", path=environment.get("PATH")) is None:
        raise CannotRunError(f"Docker is not installed; {INSTALL_DOCKER}")
    try:
        asked = docker(environment, "version", "--format", "{{.Server.Os}}", timeout=20)
    except subprocess.TimeoutExpired as error:
        raise CannotRunError("the Docker engine does not answer; restart it (`docker version` hangs)") from error
    if asked.returncode != 0:
        last = (asked.stderr.strip() or "no reason given").splitlines()[-1]
        raise CannotRunError(f"the Docker engine is not running; start it (on Linux: systemctl start docker): {last}")
    return Engine(dict(environment), _gateway(environment))


def _gateway(environment: Mapping[str, str]) -> str:
    form = "{{range .IPAM.Config}}{{.Subnet}} {{.Gateway}}\n{{end}}"
    network = docker(environment, "network", "inspect", "bridge", "--format", form, timeout=20)
    for line in network.stdout.splitlines():
        subnet, _, gateway = line.partition(" ")
        if "." in subnet:
            # A new engine does not say it before its second start; then it is the subnet's first address.
            return gateway or str(next(ipaddress.ip_network(subnet).hosts()))
    raise CannotRunError("the Docker engine has no network 'bridge'; start it without --bridge=none")


def docker(environment: Mapping[str, str], *words: str, timeout: float) -> subprocess.CompletedProcess[str]:
    """Run `docker WORDS`, `timeout` seconds at most."""
    program = shutil.which("docker", path=environment.get("PATH")) or "docker"
    command = [program, *words]
    return subprocess.run(  # noqa: S603 - our own command
        command, env=dict(environment), check=False, capture_output=True, text=True, timeout=timeout
    )


def obstacle_to_own() -> str | None:
    """Why an engine of our own cannot be started here; None: nothing is known against it."""
    if os.geteuid() != 0:
        return "only root may start an engine of its own"
    if not Path("/etc/debian_version").exists() or shutil.which("apt-get") is None:
        return "an engine of its own is made of Debian's packages, and this is no Debian"
    if shutil.which("unshare") is None:
        return "an engine of its own needs unshare (apt-get install util-linux)"
    return None


def unpack_packages(folder: Path) -> Mapping[str, str]:
    """Unpack Debian's packages of an engine into `folder`, so that nothing is installed on this machine.

    Gives the environment to run them with. Raises CannotRunError where they cannot be had.
    """
    tree, archives = folder / "tree", folder / "archives"
    done = folder / "done"
    if not done.exists() or done.read_text() != " ".join(PACKAGES):
        shutil.rmtree(folder, ignore_errors=True)
        (archives / "partial").mkdir(parents=True)
        _apt("update", "-qq")
        get = ("install", "-qq", "--yes", "--no-install-recommends", "--download-only", "--reinstall")
        _apt(*get, "-o", f"Dir::Cache::archives={archives}", *PACKAGES)
        for package in sorted(archives.glob("*.deb")):
            unpacked = subprocess.run(  # noqa: S603 - our own command
                ["dpkg-deb", "--extract", str(package), str(tree)],  # noqa: S607 - Debian's own, wherever it is
                check=False,
                capture_output=True,
                text=True,
                timeout=120,
            )
            if unpacked.returncode != 0:
                raise CannotRunError(f"{package.name} cannot be unpacked: {unpacked.stderr.strip()}")
        done.write_text(" ".join(PACKAGES))
    programs = [str(tree / place) for place in ("usr/bin", "usr/sbin", "bin", "sbin")]
    libraries = [str(path) for place in ("usr/lib", "lib") for path in sorted((tree / place).glob("*-linux-gnu"))]
    return {
        **os.environ,
        "PATH": os.pathsep.join([*programs, os.environ["PATH"]]),
        "LD_LIBRARY_PATH": os.pathsep.join(libraries),
    }


def _apt(*words: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            ["apt-get", *words],  # noqa: S607 - Debian's own, wherever it is
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
    except subprocess.TimeoutExpired as error:
        raise CannotRunError("Debian's packages could not be fetched within 300 s") from error
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise CannotRunError(f"Debian's packages could not be fetched: {last}")


@contextmanager
def own(environment: Mapping[str, str]) -> Iterator[Engine]:
    """Start an engine on a private socket, with all its data in a temporary folder, and end it by its pid.

    `environment` is what `unpack_packages` gave. To be used in a network namespace of its own: the engine then neither
    sees nor changes this machine's network. Raises CannotRunError where it does not start.
    """
    up = subprocess.run(
        ["ip", "link", "set", "lo", "up"],  # noqa: S607 - iproute2, wherever it is
        env=dict(environment),
        check=False,
        timeout=20,
    )
    if up.returncode != 0:
        raise CannotRunError("the loopback interface of a network namespace cannot be set up here")
    with TemporaryDirectory(prefix="engine-") as name:
        folder = Path(name)
        reached = {**environment, "DOCKER_HOST": f"unix://{folder}/docker.sock"}
        with (folder / "log").open("w") as log:
            daemon = subprocess.Popen(_daemon(folder), env=reached, stdout=log, stderr=log)  # noqa: S603 - our own
        try:
            yield _started(daemon, reached, folder / "log")
        finally:
            daemon.terminate()
            try:
                daemon.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait(STOP_SECONDS)


def _daemon(folder: Path) -> list[str]:
    places = {"data-root": folder / "data", "exec-root": folder / "exec", "pidfile": folder / "pid"}
    return [
        "dockerd",
        *("--host", f"unix://{folder}/docker.sock", "--group", "root"),
        *(word for option, place in places.items() for word in (f"--{option}", str(place))),
        # Ports are published by docker's own proxy; the kernel's tables stay as they are.
        *("--iptables=false", "--ip6tables=false", "--ip-masq=false", "--ip-forward=false"),
    ]


def _started(daemon: subprocess.Popen[bytes], environment: Mapping[str, str], log: Path) -> Engine:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and daemon.poll() is None:
        try:
            return running(environment)
        except CannotRunError:
            time.sleep(0.3)
    said = log.read_text(errors="replace").strip() or "it said nothing"
    raise CannotRunError(f"an engine of our own does not start: {said.splitlines()[-1]}")
