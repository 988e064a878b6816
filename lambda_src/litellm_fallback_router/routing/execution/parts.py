"""How one attempt is consumed: a whole answer, or one deployment's part of a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from ..adaptation import Chunks, processed
from ..continuation import Seam, SentAnswer, is_structured, length_chunk
from ..deadline import OutOfTimeError, in_words
from ..failures import FailureKind, ProviderFailure, no_answer, unfit, withheld
from ..finish_reasons import incomplete
from ..mapping import RouterSettings
from ..types import Chunk, Deployment, ProviderAnswer
from .attempt import Attempt
from .recorder import Recorder, seconds_since
from .schedule import AttemptSchedule

T = TypeVar("T")


class Part(Protocol[T]):
    """One attempt's share of an answer. `ChainExecution` waits for what comes next from `source()` for at most
    `limit()` seconds, passes it to `take`, and delivers what that returns, until `done`."""

    done: bool

    @property
    def begun(self) -> bool:
        """True once there is something of an answer that is not withheld."""
        ...

    def source(self) -> AsyncGenerator[Sequence[T], None]:
        """What the provider sends; each time, the items that have come together."""
        ...

    def limit(self) -> float:
        """Seconds to wait for the next items."""
        ...

    def late(self) -> Exception:
        """The exception where nothing arrives within `limit()` seconds."""
        ...

    def take(self, items: Sequence[T] | None) -> Sequence[T]:
        """What the caller gets of the next items; None: the source has ended. Raises ProviderFailure."""
        ...

    def closing(self) -> Sequence[T] | None:
        """What ends the answer although the attempt failed; None: the next attempt gives or continues it."""
        ...


class WholePart:
    """A whole answer within the attempt's budget."""

    def __init__(self, execution: AttemptSchedule, attempt: Attempt, recorder: Recorder) -> None:
        self.done = False
        self._provider = execution.dependencies.provider
        self._settings = execution.settings
        self._candidate, self._recorder = attempt.candidate, recorder
        self._asked_for = execution.request.params.get("n") or 1
        """Choices."""
        self._own_limit = attempt.deployment.answer_timeout or self._settings.answer_timeout
        self._limit = min(attempt.budget, self._own_limit)

    @property
    def begun(self) -> bool:
        return self.done

    async def source(self) -> AsyncGenerator[Sequence[ProviderAnswer], None]:
        one = self._candidate
        yield (await self._provider.complete(one.deployment, one.messages, one.params, one.native),)

    def limit(self) -> float:
        return self._limit

    def late(self) -> Exception:
        reason = f"no answer within {in_words(self._limit)}"
        return ProviderFailure(FailureKind.TIMEOUT, reason, caller_timeout=self._limit < self._own_limit)

    def take(self, items: Sequence[ProviderAnswer] | None) -> Sequence[ProviderAnswer]:
        if items is None:
            raise no_answer()
        (item,) = items
        self._recorder.record_answer(item)
        if not item.choices:
            raise no_answer()
        if item.broken is not None:
            raise incomplete(item.broken)
        if (given := len(item.choices)) < self._asked_for:
            raise unfit(f"{given} choice{'s' if given > 1 else ''} where {self._asked_for} were asked for")
        if self._settings.content_policy_fallback and all(
            choice.get("finish_reason") == "content_filter" for choice in item.choices
        ):
            raise withheld()
        self.done = True
        return [processed(item, self._candidate.postprocessors)]

    def closing(self) -> Sequence[ProviderAnswer] | None:
        return None


class StreamPart:
    """One deployment's part of a stream, joined to what was sent before it. The first token must arrive within the
    attempt's budget, each further chunk within the stall timeout."""

    def __init__(self, execution: AttemptSchedule, attempt: Attempt, recorder: Recorder, sent: SentAnswer) -> None:
        self.done = False
        self._execution, self._attempt, self._recorder, self._sent = execution, attempt, recorder, sent
        candidate, settings = attempt.candidate, execution.settings
        self._seam = Seam(sent, candidate) if sent.anything else None
        self._content = self._seam or candidate
        if self._seam:
            recorder.continues(self._seam.messages, self._seam.params, self._seam.adjusted)
        self._own_limit = _first_token_limit(attempt.deployment, self._content.params, settings)
        self._stall_limit = attempt.deployment.stall_timeout or settings.stall_timeout
        native = self._content.native
        if native is not None and (native.only or native.body.get("reasoning")):
            # While the provider runs tools of its own, or its model thinks, it may send nothing.
            self._own_limit = max(self._own_limit, settings.reasoning_first_token_timeout)
            self._stall_limit = max(self._stall_limit, settings.reasoning_first_token_timeout)
        self._first_limit = min(attempt.budget, self._own_limit)
        self._begun = self._ending = self._filtered = False
        self._after = Chunks(candidate.postprocessors)
        self._held: list[Chunk] = []
        self._given = sent.anything
        """True once the caller has something of the answer, or gets it."""

    @property
    def begun(self) -> bool:
        return self._begun and not self._filtered

    def source(self) -> AsyncGenerator[Sequence[Chunk], None]:
        provider, sent = self._execution.dependencies.provider, self._content
        return provider.stream(self._attempt.deployment, sent.messages, sent.params, sent.native)

    def limit(self) -> float:
        if not self._begun:
            return max(0.0, self._first_limit - seconds_since(self._attempt))
        left = self._execution.end.left
        self._ending = left < self._stall_limit
        return min(self._stall_limit, left)

    def late(self) -> Exception:
        if self._ending:
            return OutOfTimeError()
        if self._begun:
            reason = f"the stream stalled for {in_words(self._stall_limit)}"
            return ProviderFailure(FailureKind.STREAM_BROKEN, reason)
        reason = f"no first token within {in_words(self._first_limit)}"
        return ProviderFailure(FailureKind.TIMEOUT, reason, caller_timeout=self._first_limit < self._own_limit)

    def take(self, items: Sequence[Chunk] | None) -> Sequence[Chunk]:
        if items is None:
            return self._end()
        taken: list[Chunk] = []
        for item in items:
            if self.done:
                break
            taken += self._taken(item)
        return taken

    def closing(self) -> Sequence[Chunk] | None:
        return [length_chunk()] if self._sent.used_up else None

    def _taken(self, item: Chunk) -> Sequence[Chunk]:
        if item.usage is None and not _has_token(item):
            return ()
        self._begun = self._begun or item.usage is None
        self._recorder.record_chunk(item)
        chunk = self._after.processed(item)
        if not chunk.choices:
            return ()
        self._filtered = self._filtered or self._is_filtered(chunk)
        if self._filtered:
            return ()  # read to its end, where its usage is
        if self._held or self._is_held(chunk):
            self._held.append(chunk)
            return ()
        return self._joined(chunk)

    def _end(self) -> Sequence[Chunk]:
        if self._filtered:
            raise withheld()
        held = [joined for chunk in self._held for joined in self._joined(chunk)]
        self.done = True
        return held

    def _joined(self, chunk: Chunk) -> Sequence[Chunk]:
        self._given = True
        if self._seam is None:
            return (chunk,)
        joined = self._seam.feed(chunk)
        self.done = self._seam.stopped
        return joined

    def _is_held(self, chunk: Chunk) -> bool:
        return self._execution.settings.hold_structured and (
            is_structured(self._execution.request) or any("tool_calls" in c["delta"] for c in chunk.choices)
        )

    def _is_filtered(self, chunk: Chunk) -> bool:
        """With `content_policy_fallback`, a filtered answer of which nothing was sent goes to the next candidate."""
        if self._given or not self._execution.settings.content_policy_fallback:
            return False
        return any(choice.get("finish_reason") == "content_filter" for choice in chunk.choices)


def _first_token_limit(deployment: Deployment, params: Mapping[str, Any], settings: RouterSettings) -> float:
    if deployment.first_token_timeout is not None:
        return deployment.first_token_timeout
    thinking = params.get("thinking") or {}
    effort = params.get("reasoning_effort")
    if thinking.get("type") not in (None, "disabled") or effort not in (None, "none", "minimal"):
        return max(settings.first_token_timeout, settings.reasoning_first_token_timeout)
    return settings.first_token_timeout


def _has_token(chunk: Chunk) -> bool:
    for choice in chunk.choices:
        if choice.get("finish_reason"):
            return True
        for name, value in choice["delta"].items():
            if value and name != "role":
                return True
    return False
