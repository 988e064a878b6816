"""The table of docs/clients.md: client by capability, as the last run found it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.clients.places import REPOSITORY, Client
from tests.clients.running import Shown

PAGE = REPOSITORY / "docs" / "clients.md"
BEGIN, END = "<!-- clients -->", "<!-- /clients -->"
CAPABILITIES = (
    *("chat", "stream", "tools", "structured", "images", "thinking", "count tokens", "embeddings"),
    *("fallback", "resume", "broken call", "exhausted", "own suite"),
)
YES, NO, NONE, NOT_RUN = "yes", "**no**", "-", "not run"
WORDS = (YES, NO, NONE, NOT_RUN)
_LONGEST_PROBLEM = 160
Row = tuple[str, str]
"""A client's folder, and the side of it."""


def written(clients: Sequence[Client], shown: Iterable[Shown]) -> str:
    """The table, and below it why something is not as it should be."""
    by_row: dict[Row, dict[str, Shown]] = {}
    for one in shown:
        by_row.setdefault((one.client, one.face), {})[one.capability] = one
    lines = [_line("client", CAPABILITIES), "|---|" + "---|" * len(CAPABILITIES)]
    told = []
    for client in clients:
        for row in [row for row in by_row if row[0] == client.name] or [(client.name, "")]:
            cells = by_row.get(row, {})
            lines.append(_line(_name(client, row[1]), [_cell(cells, name) for name in CAPABILITIES]))
            told += [_told(client, row[1], one) for one in cells.values() if one.problem or one.note]
    versions = [f"`{name}` {version}" for client in clients for name, version in client.versions().items()]
    shown_with = "Shown with " + ", ".join(dict.fromkeys(versions)) + "."
    return "\n".join([*lines, "", *told, *([""] if told else []), shown_with])


def _name(client: Client, face: str) -> str:
    title = (client.folder / "title").read_text(encoding="utf-8").strip()
    return f"{title}: {face}" if face else title


def _line(first: str, cells: Iterable[str]) -> str:
    return f"| {first} | {' | '.join(cells)} |"


def _cell(cells: Mapping[str, Shown], capability: str) -> str:
    if "not run" in cells:
        return NOT_RUN
    if (one := cells.get(capability)) is None:
        return NONE
    return NO if one.problem else YES


def _told(client: Client, face: str, one: Shown) -> str:
    said = " ".join((one.problem or one.note or "").split()).replace("|", "/")
    # Numbers of ports and ids of requests differ from run to run.
    said = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1", re.sub(r"\b[0-9a-f]{32}\b", "ID", said))
    return f"- {_name(client, face)}, {one.capability}: {said[:_LONGEST_PROBLEM]}"


def rows(text: str) -> dict[str, dict[str, str]]:
    """A written table read back: client -> capability -> cell; nothing of an empty one.

    Raises ValueError where it is no such table.
    """
    lines = [line for line in text.strip().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    if len(cells) < 2:
        return {}
    head, _, *body = cells
    if any(len(row) != len(head) for row in body):
        raise ValueError("the rows of the table are not of one length")
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in body}


def on_the_page(page: Path = PAGE) -> str:
    text = page.read_text(encoding="utf-8")
    return text.partition(BEGIN)[2].partition(END)[0].strip()


def write(table: str, page: Path = PAGE) -> None:
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def lost(before: str, after: str) -> list[tuple[str, str]]:
    """What was there and is not any more: row and capability."""
    then, now = rows(before), rows(after)
    return [
        (row, capability)
        for row, cells in then.items()
        for capability, cell in cells.items()
        if cell == YES and now.get(row, {}).get(capability) != YES
    ]


def is_of(client: Client, row: str) -> bool:
    title = _name(client, "")
    return row == title or row.startswith(f"{title}: ")
