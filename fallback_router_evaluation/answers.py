"""What the models said, and what it took: the log of an evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields

from .folder import Folder


@dataclass(frozen=True, slots=True)
class Answer:
    """One model's answer to one prompt, or why there is none."""

    prompt_id: str
    response: str | None
    """None: it failed."""
    error: str
    """Why; empty where it answered."""
    seconds: float
    """From sending to the whole answer, without waits and earlier tries; of a failure: the last try."""
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """Of every try, the most it may have been where nobody knows; None where the price is unknown."""


_NAMES = {field.name for field in fields(Answer)}


_LOGS, _ENDING = "answers/", ".jsonl"


def log_of(model: str) -> str:
    """Name of a model's log. `model`: its identifier."""
    return f"{_LOGS}{model}{_ENDING}"


def logged_models(folder: Folder) -> set[str]:
    """The identifiers of the models that have a log, whichever run asked them."""
    # In S3 a log is a folder of lines.
    logs = {name.removeprefix(_LOGS).partition("/")[0] for name in folder.names(_LOGS)}
    return {log.removesuffix(_ENDING) for log in logs if log.endswith(_ENDING)}


def record(folder: Folder, model: str, answer: Answer) -> None:
    folder.append(log_of(model), json.dumps(asdict(answer), ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class Answers:
    """A model's log, read."""

    latest: dict[str, Answer]
    """By prompt id; an answer outdoes a later failure."""
    spent_usd: float
    """On all of the log, with what was asked twice."""

    def missing(self, prompt_ids: Iterable[str]) -> list[str]:
        """The prompts without an answer: failures are asked again."""
        return [one for one in prompt_ids if one not in self.latest or self.latest[one].response is None]


def read_answers(folder: Folder, model: str) -> Answers:
    latest: dict[str, Answer] = {}
    spent = 0.0
    for answer in _parse(folder.lines(log_of(model))):
        spent += answer.cost_usd or 0.0
        before = latest.get(answer.prompt_id)
        if before is None or before.response is None or answer.response is not None:
            latest[answer.prompt_id] = answer
    return Answers(latest, spent)


def _parse(lines: Iterable[str]) -> Iterator[Answer]:
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue  # half a line, of a process that was killed while it wrote
        if isinstance(value, dict) and value.keys() == _NAMES:
            yield Answer(**value)
