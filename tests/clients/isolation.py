"""A network of one's own with nothing in it but loopback, so that no client can ask anybody else."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import subprocess
import sys

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_INSIDE = "CLIENTS_INSIDE"
CLOSED = "http://127.0.0.1:9"
"""A proxy that is not there: what would leave the machine all the same is refused."""


def inside() -> bool:
    return _INSIDE in os.environ


def run_inside(arguments: list[str]) -> int:
    """Run this package's module again, in a network of its own where the system allows one; returns its exit code."""
    command = [sys.executable, "-m", "tests.clients", *arguments]
    alone = ["unshare", "--net"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode == 0:
        command = [*alone, *command]
    else:
        print("clients: no network of their own (that takes root on Linux); proxies lead nowhere", flush=True)  # noqa: T201
    return subprocess.run(command, env={**os.environ, _INSIDE: "1"}, check=False).returncode


def start_loopback() -> None:
    """Loopback is down in a new network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        name = b"lo".ljust(16, b"\0")
        said = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, name + bytes(24))
        (flags,) = struct.unpack_from("H", said, 16)
        if not flags & _IFF_UP:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, name + struct.pack("H", flags | _IFF_UP) + bytes(22))
