"""What an evaluation is about: which prompts, which models, and the files with the models' responses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.routing.observe import MAX_LINES, as_prompt, response_line

from .answers import read_answers
from .dataset import Prompt
from .folder import Folder

FILE = "evaluation.json"


@dataclass(frozen=True, slots=True)
class Model:
    """One model that was asked."""

    identifier: str
    """Its name in files and jobs."""
    deployment: str
    """Its id in the mapping."""
    model_name: str
    """What chains call it."""
    label: str
    """`provider:model`."""
    files: tuple[str, ...] = ()
    """Its responses, in Bedrock's format."""


@dataclass(frozen=True, slots=True)
class Manifest:
    max_tokens: int
    prompt_ids: tuple[str, ...]
    models: tuple[Model, ...]

    @property
    def prompts(self) -> int:
        return len(self.prompt_ids)


def read_manifest(folder: Folder) -> Manifest | None:
    """None where nothing was asked yet. Raises ConfigurationError for a file that is not ours."""
    text = folder.read(FILE)
    if text is None:
        return None
    try:
        value: Mapping[str, Any] = json.loads(text)
        models = tuple(Model(**{**one, "files": tuple(one["files"])}) for one in value["models"])
        return Manifest(int(value["max_tokens"]), tuple(value["prompt_ids"]), models)
    except (ValueError, TypeError, KeyError) as error:
        problem = f"{folder.location(FILE)}: not written by `evaluate run`; name another --out"
        raise ConfigurationError([problem]) from error


def finished_manifest(folder: Folder) -> Manifest:
    """The manifest. Raises ConfigurationError where nothing was asked yet."""
    manifest = read_manifest(folder)
    if manifest is None:
        raise ConfigurationError([f"{folder.location(FILE)}: not there; start with `fallback-router evaluate run`"])
    return manifest


def write_responses(folder: Folder, prompts: Sequence[Prompt], max_tokens: int, models: Sequence[Model]) -> Manifest:
    """One file per model and `MAX_LINES` answers, in the prompts' order, and the manifest.

    Models of an earlier run are kept, and written anew: a judge must see the same prompts for each.
    """
    before = read_manifest(folder)
    known = {one.identifier: one for one in (*(before.models if before else ()), *models)}
    ids = tuple(prompt.id(max_tokens) for prompt in prompts)
    written = []
    for model in known.values():
        answers = read_answers(folder, model.identifier).latest
        lines = [
            response_line(
                as_prompt(prompt.messages),
                answers[prompt_id].response or "",
                model.identifier,
                reference=prompt.reference,
                category=prompt.category,
            )
            for prompt_id, prompt in zip(ids, prompts, strict=True)
            if prompt_id in answers and answers[prompt_id].response is not None
        ]
        files = []
        for start in range(0, len(lines), MAX_LINES):
            name = f"responses/{model.identifier}-{start // MAX_LINES + 1:03}.jsonl"
            folder.write(name, "".join(f"{line}\n" for line in lines[start : start + MAX_LINES]))
            files.append(name)
        written.append(Model(model.identifier, model.deployment, model.model_name, model.label, tuple(files)))
    manifest = Manifest(max_tokens, ids, tuple(written))
    folder.write(FILE, _to_json(manifest))
    return manifest


def _to_json(manifest: Manifest) -> str:
    models = [
        {
            "identifier": one.identifier,
            "deployment": one.deployment,
            "model_name": one.model_name,
            "label": one.label,
            "files": list(one.files),
        }
        for one in manifest.models
    ]
    value = {"max_tokens": manifest.max_tokens, "prompt_ids": list(manifest.prompt_ids), "models": models}
    return json.dumps(value, indent=1) + "\n"
