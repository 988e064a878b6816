"""What can go wrong, and which request it goes wrong for."""

import random
from dataclasses import dataclass, field
from typing import Literal, Self, TypedDict

from pydantic import BaseModel, ConfigDict, Field, model_validator

FaultKind = Literal[
    "status",
    "reset",
    "silence",
    "slow_first_token",
    "cut",
    "stall",
    "malformed",
    "no_terminator",
    "wrong_key",
    "expired_token",
    "access_denied",
    "model_not_found",
    "context_exceeded",
    "content_filter",
    "refusal",
    "pause",
    "prefill_refused",
    "quota",
    "html",
    "error_object",
    "empty",
    "in_band_error",
    "rejected",
    "flapping",
    "pings",
    "garbled_headers",
]

ProviderName = Literal["openai", "anthropic", "bedrock", "s3"]

# The fields each kind reads; a kind that is not listed reads none.
_FIELDS: dict[str, set[str]] = {
    "status": {"status", "retry_after", "code", "type", "message", "body"},
    "silence": {"seconds"},
    "slow_first_token": {"seconds"},
    "cut": {"after_chunks", "after_messages", "abrupt"},
    "stall": {"after_chunks", "seconds"},
    "malformed": {"after_chunks"},
    "content_filter": {"as_finish"},
    "quota": {"retry_after"},
    "in_band_error": {"after_chunks"},
    "flapping": {"status", "retry_after", "down", "up"},
    "pings": {"seconds"},
}
_REQUIRED: dict[str, set[str]] = {
    "status": {"status"},
    "slow_first_token": {"seconds"},
    "flapping": {"down", "up"},
    "pings": {"seconds"},
}


class Fault(BaseModel):
    """One way for a provider to misbehave. A field that its kind does not read is refused.

    Streams count content chunks: `after_chunks=3` lets three pieces of text (or of tool arguments) through.
    Whole answers have no chunks: `cut` and `stall` send half of the body, `malformed` sends broken JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind
    status: int | None = Field(default=None, ge=400, le=599)
    """HTTP status of `status` and `flapping` (which answers 503 by default)."""
    retry_after: str | None = None
    """Retry-After header, sent as it is: seconds, an HTTP date, or nonsense."""
    code: str | None = None
    """OpenAI's `error.code`; on Bedrock the exception's name. The provider's own for the status unless given."""
    type: str | None = None
    """`error.type` of OpenAI and Anthropic. The provider's own for the status unless given."""
    message: str | None = None
    """The error's text. The provider's own for the status unless given."""
    body: str | None = None
    """A raw body in place of the provider's error object."""
    seconds: float | None = Field(default=None, ge=0, le=3600)
    """How long it lasts. `silence` and `stall` without it last until the client goes."""
    after_chunks: int = Field(default=3, ge=0)
    """Content chunks that pass before the fault."""
    after_messages: int | None = Field(default=None, ge=0)
    """In place of `after_chunks`: messages of the stream of any kind, those before the first content too."""
    abrupt: bool = False
    """`cut` with a TCP reset instead of an orderly close."""
    as_finish: bool = False
    """`content_filter` as the finish reason of an answer instead of a 400."""
    down: int | None = Field(default=None, ge=1)
    """`flapping`: calls that fail before some succeed."""
    up: int | None = Field(default=None, ge=1)
    """`flapping`: calls that succeed before some fail again."""

    @model_validator(mode="after")
    def _fields_belong_to_kind(self) -> Self:
        given = self.model_fields_set - {"kind"}
        allowed = _FIELDS.get(self.kind, set())
        if surplus := sorted(given - allowed):
            takes = ", ".join(sorted(allowed)) or "nothing"
            raise ValueError(f"a {self.kind!r} fault does not read {', '.join(surplus)}; it takes {takes}")
        if missing := sorted(name for name in _REQUIRED.get(self.kind, set()) if getattr(self, name) is None):
            raise ValueError(f"a {self.kind!r} fault needs {', '.join(missing)}")
        return self


class Rule(BaseModel):
    """A fault and the generation requests it is for. Left out (None) matches everything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fault: Fault
    provider: ProviderName | None = None
    model: str | None = None
    """The model's name as the client sent it (percent-decoded)."""
    region: str | None = None
    """AWS Region the request was signed for."""
    stream: bool | None = None
    times: int | None = Field(default=None, ge=1)
    """Matching requests it acts on before it is used up; None is until reset."""
    skip: int = Field(default=0, ge=0)
    """Matching requests that pass unharmed first."""
    every: int = Field(default=1, ge=1)
    """Of those, it acts on the last of each so many."""
    probability: float = Field(default=1.0, ge=0, le=1)
    seed: int = 0
    """Seeds the dice of `probability`, so that a run can be repeated."""


class Where(TypedDict, total=False):
    """What a Rule may say besides its fault, where it is given by keywords."""

    provider: ProviderName | None
    model: str | None
    region: str | None
    stream: bool | None
    times: int | None
    skip: int
    every: int
    probability: float
    seed: int


@dataclass
class _ActiveRule:
    rule: Rule
    skipped: int = 0
    seen: int = 0
    used: int = 0
    dice: random.Random = field(default_factory=random.Random)

    def matches(self, **target: str | bool | None) -> bool:
        return all(getattr(self.rule, name) in (None, value) for name, value in target.items())

    def fires(self) -> bool:
        """Count one matching request; whether the fault acts on it."""
        rule = self.rule
        if rule.times is not None and self.used >= rule.times:
            return False
        if self.skipped < rule.skip:
            self.skipped += 1
            return False
        self.seen += 1
        if self.seen % rule.every:
            return False
        if self.dice.random() >= rule.probability:
            return False
        turn = self.used
        self.used += 1
        fault = rule.fault
        if fault.kind == "flapping" and fault.down and fault.up:
            return turn % (fault.down + fault.up) < fault.down
        return True


class FaultBook:
    """The rules in force, in the order in which they were added."""

    def __init__(self) -> None:
        self._active: dict[int, _ActiveRule] = {}
        self._last_id = 0

    def add(self, rule: Rule) -> int:
        """Returns the id by which the rule can be removed."""
        self._last_id += 1
        # Repeatable on purpose: these dice decide which test request fails, they guard nothing.
        self._active[self._last_id] = _ActiveRule(rule, dice=random.Random(rule.seed))  # noqa: S311 - see above
        return self._last_id

    def remove(self, rule_id: int) -> bool:
        return self._active.pop(rule_id, None) is not None

    def clear(self) -> None:
        self._active.clear()

    def rules(self) -> list[dict[str, object]]:
        """Each rule as JSON, with its `id` and how often it was `used`."""
        return [
            {"id": rule_id, "used": active.used, **active.rule.model_dump(exclude_defaults=True)}
            for rule_id, active in self._active.items()
        ]

    def draw(self, *, provider: str, model: str, region: str | None, stream: bool) -> tuple[int, Fault] | None:
        """The first rule that acts on this request, counted as used; at most one fault a request."""
        for rule_id, active in self._active.items():
            if active.matches(provider=provider, model=model, region=region, stream=stream) and active.fires():
                return rule_id, active.rule.fault
        return None
