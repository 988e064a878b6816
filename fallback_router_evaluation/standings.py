"""Every model's place: quality, cost and latency over the same prompts."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .answers import Answer, read_answers
from .folder import Folder
from .manifest import Manifest, Model
from .scores import Scored, goodness


@dataclass(frozen=True, slots=True)
class Standing:
    """One model's place."""

    model: Model
    prompts: int
    """Of the whole dataset."""
    answered: int
    failed: int
    quality: float | None
    """0 to 1: the mean over scored answers, in which a failure counts as 0; None where nothing was scored."""
    metrics: Mapping[str, float]
    """Mean of each metric over the answers that have it."""
    scored: int
    """Answers that have scores."""
    usd_per_1000: float | None
    """USD for a thousand answers; None where the price is unknown."""
    p50_seconds: float | None
    p95_seconds: float | None

    @property
    def complete(self) -> bool:
        return self.answered + self.failed == self.prompts


def standings(folder: Folder, manifest: Manifest, scored: Iterable[Scored]) -> list[Standing]:
    """Best quality first."""
    by_model: dict[str, list[Scored]] = {}
    for one in scored:
        by_model.setdefault(one.model, []).append(one)
    found = [_standing(folder, manifest, model, by_model.get(model.identifier, [])) for model in manifest.models]
    return sorted(found, key=lambda one: (-(one.quality if one.quality is not None else -1.0), one.model.identifier))


def _standing(folder: Folder, manifest: Manifest, model: Model, scored: Sequence[Scored]) -> Standing:
    latest = read_answers(folder, model.identifier).latest
    asked = [latest[prompt_id] for prompt_id in manifest.prompt_ids if prompt_id in latest]
    answered = [answer for answer in asked if answer.response is not None]
    failed = len(asked) - len(answered)
    names = dict.fromkeys(name for one in scored for name in one.scores)
    seconds = sorted(answer.seconds for answer in answered)
    return Standing(
        model=model,
        prompts=manifest.prompts,
        answered=len(answered),
        failed=failed,
        quality=_quality(scored, failed, len(answered)),
        metrics={name: statistics.fmean(one.scores[name] for one in scored if name in one.scores) for name in names},
        scored=len(scored),
        usd_per_1000=_usd_per_1000(answered),
        p50_seconds=_share(seconds, 0.5),
        p95_seconds=_share(seconds, 0.95),
    )


def _quality(scored: Sequence[Scored], failed: int, answered: int) -> float | None:
    if not scored:
        return 0.0 if failed and not answered else None
    mean = statistics.fmean(goodness(one.scores) for one in scored)
    return mean * answered / (answered + failed) if answered else mean


def _usd_per_1000(answered: Sequence[Answer]) -> float | None:
    costs = [answer.cost_usd for answer in answered if answer.cost_usd is not None]
    return 1000 * statistics.fmean(costs) if costs and len(costs) == len(answered) else None


def _share(ordered: Sequence[float], share: float) -> float | None:
    """The value that this share of all does not exceed (nearest rank)."""
    if not ordered:
        return None
    return ordered[max(0, -(-int(share * 100) * len(ordered) // 100) - 1)]
