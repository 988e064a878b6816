"""The vocabulary of a tokenizer, which LiteLLM reads when it is imported, and a request never uses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

FOLDER, FILE = "litellm.litellm_core_utils.tokenizers", "anthropic_tokenizer.json"
TEXT = "claude_json_str"
"""The name in `litellm.utils` under which LiteLLM keeps the file's text."""


@contextmanager
def unread() -> Iterator[None]:
    """For LiteLLM's import: inside, the file is read as empty. Its import makes 10 MB of objects and a text of 2 MB of
    it, and little of that would go back to the machine once it is dropped."""
    load = json.load

    def load_others(file: Any, **options: Any) -> Any:
        return {} if Path(str(getattr(file, "name", ""))).name == FILE else load(file, **options)

    json.load = load_others  # type: ignore[assignment] # its other arguments pass as they are
    try:
        yield
    finally:
        json.load = load


def read_on_demand(library: Any) -> None:
    """The text is there for other code that counts with that tokenizer: read when it is asked for."""
    others = library.utils.__getattr__

    def get(name: str) -> Any:
        return resources.files(FOLDER).joinpath(FILE).read_text("utf-8") if name == TEXT else others(name)

    library.utils.__getattr__ = get
    for name in (TEXT, "json_data"):
        vars(library.utils).pop(name, None)
