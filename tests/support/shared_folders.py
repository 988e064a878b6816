"""Which tests go to one of pytest's workers together, so that what they share is made once."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

FOLDERS = {
    "tests/infrastructure/package",
    "tests/integration/messages",
    "tests/integration/responses_native",
    "tests/integration/smoke",
}
"""Each has fixtures for a whole session: a built package, a gateway. Two workers would build and start them twice."""


class FolderScheduling(LoadFileScheduling):  # type: ignore[misc]
    """Deals tests out by file, and by folder where the files share what is slow to make."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = file.rpartition("/")[0]
        return folder if folder in FOLDERS else file
