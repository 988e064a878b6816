"""The table of docs/clients.md, which `make clients` writes, and the locks of what it runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.clients import table
from tests.clients.places import HERE, Client, clients
from tests.clients.running import Shown

CLIENTS = clients()
SHOWN = [Shown("codex", "", "chat"), Shown("codex", "", "resume", "it | broke\nat http://127.0.0.1:4711/x")]


def folders() -> set[str]:
    """Those with something that is to be installed."""
    return {path.parent.name for kind in ("package.json", "requirements.in") for path in HERE.glob(f"*/{kind}")}


def test_every_folder_is_a_client() -> None:
    assert {client.name for client in CLIENTS} == folders()


def test_committed_table_is_well_formed_and_names_every_client() -> None:
    written = table.rows(table.on_the_page())

    for cells in written.values():
        assert tuple(cells) == table.CAPABILITIES
        assert set(cells.values()) <= set(table.WORDS)
    for client in CLIENTS:
        title = (client.folder / "title").read_text(encoding="utf-8").strip()
        assert any(row == title or row.startswith(f"{title}: ") for row in written), title


def test_committed_table_says_why_something_is_not_there() -> None:
    page = table.on_the_page()
    rows = table.rows(page)
    assert rows
    for row, cells in rows.items():
        for capability, cell in cells.items():
            if cell == table.NO:
                assert f"- {row}, {capability}: " in page
        if table.NOT_RUN in cells.values():
            assert f"- {row}, not run: " in page


def test_committed_table_is_of_the_locked_versions() -> None:
    page = table.on_the_page()
    for client in CLIENTS:
        versions = client.versions()
        assert versions, client.name
        for name, version in versions.items():
            assert f"`{name}` {version}" in page


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_lock_is_whole_and_names_no_registry(client: Client) -> None:
    text = client.lock.read_text(encoding="utf-8")
    if client.of_npm:
        packages = {name: one for name, one in json.loads(text)["packages"].items() if name}
        assert packages
        assert [name for name, one in packages.items() if "integrity" not in one or "resolved" in one] == []
    else:
        lines = re.findall(r"^[\w.-]+(?:\[[^\]]+\])?==.*", text, re.MULTILINE)
        assert lines
        assert [line for line in lines if not line.endswith("\\")] == [], "each is followed by its hashes"
    assert "://" not in re.sub(r'"url": "[^"]*"', "", text)


def test_a_table_holds_what_was_shown_and_why_not() -> None:
    text = table.written([Client("codex"), Client("claude-code")], SHOWN)
    written = table.rows(text)

    assert (written["Codex"]["chat"], written["Codex"]["resume"], written["Codex"]["images"]) == ("yes", "**no**", "-")
    assert set(written["Claude Code"].values()) == {"-"}
    assert "- Codex, resume: it / broke at http://127.0.0.1/x" in text


def test_a_client_that_cannot_be_had_is_in_the_table() -> None:
    text = table.written([Client("codex")], [Shown("codex", "", "not run", "no such package")])

    assert set(table.rows(text)["Codex"].values()) == {"not run"}
    assert "- Codex, not run: no such package" in text


def test_what_is_lost_is_told() -> None:
    before = table.written([Client("codex")], SHOWN[:1])
    after = table.written([Client("codex")], [Shown("codex", "", "chat", "broken")])

    assert table.lost(before, after) == [("Codex", "chat")]
    assert table.is_of(Client("codex"), "Codex")
    assert table.is_of(Client("openai-python"), "OpenAI, Python: responses")
    assert not table.is_of(Client("codex"), "Claude Code: claude-opus-5-5")
    assert table.lost(after, before) == []


def test_writing_the_table_leaves_the_page_around_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}\n\nold\n\n{table.END}\nafter\n", encoding="utf-8")

    table.write("| new |", page)
    table.write("| newer |", page)

    assert page.read_text(encoding="utf-8") == f"before\n{table.BEGIN}\n\n| newer |\n\n{table.END}\nafter\n"
