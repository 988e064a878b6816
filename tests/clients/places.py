"""The clients: one folder each, with a lock of what is installed and a proof of what it can do."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PROVING = HERE / "proving"
"""What proofs are written with."""
REPOSITORY = HERE.parents[1]
CACHE = REPOSITORY / ".clients"
"""What is installed, and the results; ignored by git."""
TOOLS = REPOSITORY / ".venv" / "bin"


@dataclass(frozen=True)
class Client:
    """One client. Its lock says which kind it is: `package-lock.json` or `requirements.txt`."""

    name: str

    @property
    def folder(self) -> Path:
        return HERE / self.name

    @property
    def installed(self) -> Path:
        return CACHE / self.name

    @property
    def lock(self) -> Path:
        npm = self.folder / "package-lock.json"
        return npm if npm.is_file() else self.folder / "requirements.txt"

    @property
    def of_npm(self) -> bool:
        return self.lock.suffix == ".json"

    @property
    def proof(self) -> Path:
        """In JavaScript for a library of npm's; else in Python."""
        script = self.folder / "proof.mjs"
        return script if script.is_file() else self.folder / "proof.py"

    def versions(self) -> dict[str, str]:
        """The packages that were asked for, each with its locked version."""
        if self.of_npm:
            wanted = json.loads((self.folder / "package.json").read_text(encoding="utf-8"))["dependencies"]
            locked = json.loads(self.lock.read_text(encoding="utf-8"))["packages"]
            return {name: locked[f"node_modules/{name}"]["version"] for name in wanted}
        wanted = re.findall(r"^([\w.-]+)", (self.folder / "requirements.in").read_text(encoding="utf-8"), re.MULTILINE)
        text = self.lock.read_text(encoding="utf-8")
        locked = dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE))
        return {name: locked[name] for name in wanted}


def clients() -> list[Client]:
    """Every client there is, by name."""
    return [Client(folder.name) for folder in sorted(HERE.iterdir()) if (folder / "title").is_file()]
