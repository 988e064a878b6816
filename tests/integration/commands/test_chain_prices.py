"""`fallback-router chains --price`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER_DRILLS", str(tmp_path))


def test_each_hop_is_priced_beside_the_first_with_what_is_lost_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "drill", "--chain", "openai-gpt4o") == 0
    capsys.readouterr()
    assert run(monkeypatch, "chains", "--price", "--model", "openai-gpt4o", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    first, second, *_, last = told["chains"]["openai-gpt4o"]
    # gpt-4o at 2.5 and 10 USD, claude-sonnet-4-6 at 3 and 15 USD a million tokens; gpt-4o's cache at 1.25.
    assert first["usd_per_1000_requests"] == pytest.approx(1000 * (1000 * 2.5 + 300 * 10) / 1e6)
    assert second["usd_per_1000_requests"] == pytest.approx(1000 * (1000 * 3 + 300 * 15) / 1e6)
    assert second["times_the_first"] == pytest.approx(7.5 / 5.5, abs=0.01)
    assert second["cache_lost_usd_per_million"] == pytest.approx(3 - 1.25)
    assert last["cache_lost_usd_per_million"] == 0, "its uncached prompt is cheaper than the first hop's cache"
    assert first["cache_lost_usd_per_million"] is None
    assert {"images", "JSON schema"} <= set(last["lost"])
    assert first["whole_seconds"] > 0
    assert first["first_token_seconds"] > 0
    assert {one["last_proven"] for one in told["chains"]["openai-gpt4o"]} == {"0 h ago"}


def test_the_table_says_so_where_nothing_was_proven(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "chains", "--price") == 0
    said = capsys.readouterr().out
    assert "never" in said
    assert "- / -" in said
    assert said.count("USD: for 1,000 requests") == 1


@pytest.mark.parametrize(
    "options", [("--price", "--explain", "openai-gpt4o"), ("--model", "openai-gpt4o")], ids=["both", "alone"]
)
def test_options_that_do_not_belong_together_are_refused(
    options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "chains", *options) == 2
    capsys.readouterr()
