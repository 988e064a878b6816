"""`fallback-router replay`, on what the gateway really logs."""

from __future__ import annotations

import asyncio
import codecs
import gzip
import json
import logging
from pathlib import Path

import pytest

from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.commands.serve import JsonFormatter
from litellm_fallback_router.routing.types import ChatRequest
from local.simulator import Fault, SimulatorControl
from tests.support.commands import run


async def asked_twice(simulator: SimulatorControl) -> None:
    request = ChatRequest("openai-gpt4o", [{"role": "user", "content": "What is the capital of France?"}])
    async with build_router() as router:
        await router.complete(request)
        simulator.inject(Fault(kind="model_not_found"), provider="openai")
        await router.complete(request)


@pytest.fixture
def log(tmp_path: Path, simulator: SimulatorControl) -> Path:
    """Of two requests, the second of which fell over."""
    path = tmp_path / "gateway.log"
    handler = logging.FileHandler(path)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("litellm_fallback_router")
    logger.addHandler(handler)
    logger.setLevel("INFO")
    asyncio.run(asked_twice(simulator))
    handler.close()
    return path


def test_the_gateways_own_log_is_replayed_under_the_mapping_and_under_another(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.json"
    model = {"model_name": "openai-gpt4o", "params": {"model": "openai/gpt-4o"}}
    other.write_text(json.dumps({"model_list": [model]}))
    picture = tmp_path / "replay.svg"
    assert run(monkeypatch, "replay", str(log), "--with", str(other), "--picture", str(picture), "--json") == 0
    told = json.loads(capsys.readouterr().out)["summaries"]
    assert [told[name]["failures"] for name in ("recorded", "before", "after")] == [0, 0, 1]
    assert told["before"]["usd"] == pytest.approx(told["recorded"]["usd"])
    assert picture.read_text().startswith("<svg")
    assert "capital" not in log.read_text()
    assert run(monkeypatch, "replay", str(log)) == 0
    assert "p99 seconds" in capsys.readouterr().out


def test_a_log_without_requests_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.log"
    empty.write_text("gateway ready on http://127.0.0.1:4000\n")
    assert run(monkeypatch, "replay", str(empty)) == 2
    assert "holds no request_answered" in capsys.readouterr().err


def test_what_is_no_log_is_refused_with_the_reason(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "gateway.log.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    for wrong, told in ((packed, "is compressed"), (tmp_path, "Is a directory"), (tmp_path / "none", "No such file")):
        assert run(monkeypatch, "replay", str(wrong)) == 2
        assert told in " ".join(capsys.readouterr().err.split())
    assert run(monkeypatch, "replay", str(log), "--picture", str(tmp_path / "none" / "replay.svg")) == 2
    assert "--picture" in capsys.readouterr().err


def test_a_log_that_was_cut_inside_a_character_is_read_up_to_there(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write_bytes(codecs.BOM_UTF8 + log.read_bytes() + b'{"event": "request_answered", "note": "\xc3')
    assert run(monkeypatch, "replay", str(log), "--json") == 0
    assert json.loads(capsys.readouterr().out)["summaries"]["recorded"]["requests"] == 2


def test_a_mapping_that_does_not_know_the_logs_models_is_told_of(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"model_list": [{"model_name": "mine", "params": {"model": "openai/gpt-4o"}}]}))
    assert run(monkeypatch, "replay", str(log), "--with", str(other)) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "compare" not in said
    assert "after: 2 requests fail, since the mapping of --with has no model openai-gpt4o" in said
    assert run(monkeypatch, "replay", str(log), "--config", str(other)) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "2 requests fail in before and 0 in the log, so compare after with before, not with recorded" in said
