"""What is done to an answer because of how its request was adapted: names that were changed are changed back, an
answer that only an instruction shapes is checked.

A candidate carries its postprocessors; `attempts` applies them, to whole answers and chunk by chunk alike. What a
provider reported and what is counted for an estimate of its tokens is the answer before them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ..types import Chunk, Message, NativeRequest, ProviderAnswer

Choices = list[dict[str, Any]]
"""OpenAI's `choices`: with a `message` in whole answers, with a `delta` in chunks."""


class ChunkPostprocessor(Protocol):
    """One for each stream of each attempt: it may remember what went by."""

    def chunk(self, choices: Choices) -> Choices:
        """A chunk's choices as the caller may have them: changed, fewer, or none yet.

        What is held back goes with a later chunk of the same choice, at the latest with its finish reason. Raises
        ProviderFailure where the answer is of no use.
        """
        ...


class Postprocessor(Protocol):
    """A frozen value: a candidate may be tried more than once. Choices are replaced, never changed in place."""

    def whole(self, choices: Choices) -> Choices:
        """The choices of a whole answer as the caller may have them. Raises ProviderFailure where it is of no use."""
        ...

    def stream(self) -> ChunkPostprocessor: ...


@dataclass(frozen=True, slots=True)
class Adapted:
    """A request as one candidate gets it, what was changed to get there, and what that means for its answer."""

    messages: list[Message]
    params: Mapping[str, Any]
    adjusted: tuple[str, ...] = ()
    postprocessors: tuple[Postprocessor, ...] = ()
    """In the order in which the request was adapted."""
    native: NativeRequest | None = None
    """The body that is sent, in the caller's own format; messages and parameters only describe it."""

    def adapted(
        self,
        *,
        params: Mapping[str, Any],
        adjusted: str,
        postprocessor: Postprocessor | None = None,
        messages: list[Message] | None = None,
    ) -> Adapted:
        """One adaptation further."""
        return Adapted(
            self.messages if messages is None else messages,
            params,
            (*self.adjusted, adjusted),
            self.postprocessors if postprocessor is None else (*self.postprocessors, postprocessor),
        )


def processed(answer: ProviderAnswer, postprocessors: Sequence[Postprocessor]) -> ProviderAnswer:
    """Undo a request's adaptations in its whole answer, the last one first.

    Args:
        answer: The provider's answer.
        postprocessors: In the order in which the request was adapted.

    Returns:
        The answer with the choices that the caller gets.

    Raises:
        ProviderFailure: The answer is not what the adapted request calls for.
    """
    for postprocessor in reversed(postprocessors):
        answer = replace(answer, choices=postprocessor.whole(answer.choices))
    return answer


class Chunks:
    """One stream's chunks, each after all postprocessors."""

    def __init__(self, postprocessors: Sequence[Postprocessor]) -> None:
        self._steps = [postprocessor.stream() for postprocessor in reversed(postprocessors)]

    def processed(self, chunk: Chunk) -> Chunk:
        """Raises ProviderFailure."""
        if not self._steps or not chunk.choices:
            return chunk
        choices = chunk.choices
        for step in self._steps:
            choices = step.chunk(choices)
        return replace(chunk, choices=choices)
