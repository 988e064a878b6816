"""Secrets Manager on loopback, as far as the gateway asks it: `GetSecretValue`.

Source: the Secrets Manager API reference, "GetSecretValue" and "Common errors" (JSON 1.1: the operation is in the
header `X-Amz-Target`).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local.simulator import SimulatorControl

PREFIX = "fallback-router-test"
SECRET = f"{PREFIX}/openai"
KEY = "sk-only-in-the-secret"


def keyed_function(folder: Path, simulator: SimulatorControl, initialization: str) -> dict[str, str]:
    """What Lambda sets for a function whose one model, `gpt`, takes only the key in the secret; `folder` takes its
    mapping. The secret is in a store, whose URL is still to be added."""
    simulator.settings(openai_keys=[KEY])
    parameters = {
        "model": "openai/gpt-4o-mini",
        "api_base": f"{simulator.url}/openai/v1",
        "api_key": "os.environ/OPENAI_API_KEY",
    }
    mapping = folder / "mapping.json"
    mapping.write_text(json.dumps({"model_list": [{"model_name": "gpt", "litellm_params": parameters}]}))
    return {
        "AWS_LAMBDA_FUNCTION_NAME": "gateway",
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "ROUTER_SECRETS_PREFIX": PREFIX,
        "ROUTER_CONFIG": str(mapping),
    }


@dataclass
class SecretStore:
    url: str
    secrets: Mapping[str, str]
    """Name -> text."""
    reads: list[str] = field(default_factory=list)
    """The name of every secret that was asked for, in order."""
    refusal: str | None = None
    """Set: every reading is refused with this error code."""

    def answer(self, name: str) -> tuple[int, dict[str, Any]]:
        self.reads.append(name)
        if self.refusal is not None:
            return 400, {"__type": self.refusal, "Message": "refused"}
        if name not in self.secrets:
            return 400, {"__type": "ResourceNotFoundException", "Message": "not found"}
        return 200, {"Name": name, "SecretString": self.secrets[name], "VersionStages": ["AWSCURRENT"]}


@contextmanager
def secret_store(secrets: Mapping[str, str]) -> Iterator[SecretStore]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    store = SecretStore(f"http://127.0.0.1:{server.server_port}", secrets)
    server.store = store  # type: ignore[attr-defined] # how http.server hands things to its handlers
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests say what went wrong."""

    def do_POST(self) -> None:
        assert self.headers["X-Amz-Target"] == "secretsmanager.GetSecretValue"
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, body = self.server.store.answer(asked["SecretId"])  # type: ignore[attr-defined]
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)
