"""How good an answer is: by a reference answer, here, or by what Bedrock's judge said."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from litellm_fallback_router.routing.errors import ConfigurationError

EXACT, SIMILARITY = "exact match", "similarity"
LOWER_IS_BETTER = frozenset({"Builtin.Harmfulness", "Builtin.Stereotyping", "Builtin.Refusal"})
"""Bedrock's metrics of which 0 is the best."""

Scores = Mapping[str, float]
"""Of one answer: metric -> 0 to 1."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One answer's scores."""

    model: str
    """Its identifier."""
    scores: Scores


def exact_match(answer: str, reference: str) -> float:
    """1 where they are the same but for case, punctuation and space."""
    return float(_words(answer) == _words(reference))


def similarity(answer: str, reference: str) -> float:
    """Token F1, as SQuAD's: the harmonic mean of the share of the answer's words that the reference has and the share
    of the reference's words that the answer has. Word order does not count."""
    ours, wanted = Counter(_words(answer)), Counter(_words(reference))
    if not ours or not wanted:
        return float(ours == wanted)
    common = sum((ours & wanted).values())
    return 2 * common / (sum(ours.values()) + sum(wanted.values()))


def local_scores(lines: Iterable[str], name: str) -> Iterator[Scored]:
    """Scores of the file `name` of responses; its lines without a reference answer have none.

    Raises ConfigurationError for a line that is no response.
    """
    for number, line in enumerate(lines, start=1):
        try:
            found = _local_score(line)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            problem = f"{name}, line {number}: no response; the same `evaluate run` again writes the file anew"
            raise ConfigurationError([problem]) from error
        if found is not None:
            yield found


def _local_score(line: str) -> Scored | None:
    value = json.loads(line)
    (said,) = value["modelResponses"]
    reference = value.get("referenceResponse")
    if reference is None:
        return None
    response = said["response"]
    found = {SIMILARITY: similarity(response, reference), EXACT: exact_match(response, reference)}
    return Scored(said["modelIdentifier"], found)


def judged_scores(lines: Iterable[str], model: str) -> Iterator[Scored]:
    """Scores of a file that the evaluation job of one model wrote; `model`: its identifier.

    A metric without a number (the judge gave none) is left out, and so is a line without any.
    """
    for line in lines:
        found = {str(name): float(result) for name, result in _results(line) if _is_number(result)}
        if found:
            yield Scored(model, found)


def _results(line: str) -> Iterator[tuple[Any, Any]]:
    """Metric and result, as the service wrote them."""
    try:
        value = json.loads(line)
        for one in value["automatedEvaluationResult"]["scores"]:
            yield one["metricName"], one["result"]
    except (ValueError, TypeError, KeyError):
        return  # an error in the place of a result: that answer has no score, which the report says


def goodness(scores: Scores) -> float:
    """One number of several: their mean, those of which less is better turned round. A similarity stands alone, as
    an exact match is part of it."""
    if SIMILARITY in scores:
        return scores[SIMILARITY]
    return sum(1 - value if name in LOWER_IS_BETTER else value for name, value in scores.items()) / len(scores)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
