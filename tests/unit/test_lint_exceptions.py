"""Where a rule of the linters does not hold in what surrounds the product, the line says why."""

from __future__ import annotations

import re

import pytest

from tests.support.documents import REPOSITORY

EXCEPTION = re.compile(r"# noqa\b.*|# type: ignore\b.*")
WITH_REASON = re.compile(r"# noqa: [A-Z0-9]+(?:, [A-Z0-9]+)* - \w.*|# type: ignore\[[\w, -]+\] # \w.*")


@pytest.mark.parametrize("folder", ["bench", "infra", "local"])
def test_every_exception_has_a_reason_beside_it(folder: str) -> None:
    files = sorted((REPOSITORY / folder).rglob("*.py"))
    lines = [
        (file.relative_to(REPOSITORY), number, found[0])
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if (found := EXCEPTION.search(line))
    ]
    assert lines
    assert [one for one in lines if not WITH_REASON.fullmatch(one[2])] == []
