"""Joins a continuation to the text the caller already has."""

from __future__ import annotations

from collections.abc import Sequence

FEW_WORDS = 3
"""An overlap of more words than this is a repetition; a shorter one may be what the text really says."""
OVERLAP_CHARACTERS = 400
"""Longest repetition of the end that is recognised, short of a whole restart."""


class Splice:
    """Holds back a continuation's first characters until it is known how they meet what was sent.

    A model asked to go on may go on exactly, start again from the top, or repeat the last words first. An exact
    restart and an overlap of more than a few words are dropped; anything else is appended as it is. So is what
    stands more than once at the end of what was sent (the rows of a table, a line of code): there an exact
    continuation looks the same, and text said twice does less harm than text that is lost.
    """

    def __init__(self, sent: str, *, trimmed: str = "") -> None:
        """`trimmed`: white space at the end of `sent` that the model was not shown and may say again."""
        self._sent = sent
        self._trimmed = trimmed
        self._held = ""
        self._decided = False

    def feed(self, text: str) -> str:
        """The part of `text`, and of what was held before it, that may now go to the caller."""
        if self._decided:
            return text
        self._held += text
        if self._could_still_repeat():
            return ""
        return self.finish()

    def finish(self) -> str:
        """What is still held, once nothing more will come."""
        if self._decided:
            return ""
        self._decided = True
        held, self._held = self._held, ""
        return held[self._repeated(held) :]

    def _could_still_repeat(self) -> bool:
        """True while all that is held is the beginning of a repetition."""
        if self._sent.startswith(self._held):
            return True
        tail = self._sent[-OVERLAP_CHARACTERS:]
        return any(tail.startswith(self._held, at) for at in range(len(tail)))

    def _repeated(self, held: str) -> int:
        """How many characters at the start of `held` the caller already has."""
        if held.startswith(self._sent) and not _is_cyclic(self._sent):
            return len(self._sent)
        for size in range(min(OVERLAP_CHARACTERS, len(self._sent), len(held)), 0, -1):
            overlap = held[:size]
            if self._sent.endswith(overlap) and len(overlap.split()) > FEW_WORDS:
                told_apart = not (_is_cyclic(overlap) or overlap in self._sent[:-1])
                return size if told_apart else 0
        return len(_common_prefix(self._trimmed, held))


def _is_cyclic(text: str) -> bool:
    """True where the text is one piece at least twice over, the last time perhaps in part."""
    half = len(text) // 2
    head = text[: len(text) - half]
    at = text.find(head, 1)
    while 0 < at <= half:
        if text.startswith(text[at:]):
            return True
        at = text.find(head, at + 1)
    return False


def _common_prefix(one: str, other: str) -> str:
    size = 0
    while size < min(len(one), len(other)) and one[size] == other[size]:
        size += 1
    return one[:size]


class StopAcrossSeam:
    """Finds a stop string that began in the text sent before the seam and ends after it.

    The provider that continues sees only its own text, so it cannot. What was sent stays sent; the stop string's
    remainder and all behind it are cut off.
    """

    def __init__(self, sent: str, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._reach = max((len(stop) for stop in self._stops), default=1) - 1
        self._before = sent[-self._reach :] if self._reach else ""
        self._after = 0
        """Characters of the continuation seen so far; past `reach` no stop string can span the seam."""

    def feed(self, text: str) -> tuple[str, bool]:
        """The text to send, and whether a stop string ended it."""
        if not self._stops or self._after >= self._reach:
            return text, False
        window = self._before + text
        for stop in self._stops:
            at = window.find(stop)
            if at >= 0 and at + len(stop) > len(self._before):
                return window[len(self._before) : max(at, len(self._before))], True
        self._after += len(text)
        self._before = window[-self._reach :]
        return text, False
