"""The windows in which a text that comes in pieces is checked. Pure.

A window is released up to `overlap` characters before its end; those are checked again at the head of the next. So
whatever is no longer than the overlap stands whole inside one window before any of it is released: nothing hides in
a seam. A window begins and ends between words, lest half a word be taken for another (`666` of `1666`). Where the
guardrail masked a part, a window is parted only where both texts are certain to correspond.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_CHARACTERS = 20_000
"""Most text sent to the guardrail at once: 20 text units (of 1,000 characters), below Bedrock's default quota of 25 a
second for each policy (AWS General Reference, "Amazon Bedrock endpoints and quotas")."""
_MASK = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]")
"""What stands in the place of masked text: `{EMAIL}`, or `[EMAIL-1]` as in the Bedrock user guide, "Remove PII". Text
that merely looks like it is taken for a mask too: that costs certainty, never safety."""


class UncertainMaskError(Exception):
    """A long text was masked so thickly that no place to part it is certain."""


class Windows:
    """One text that comes in pieces. `feed` it, check what is `due`, and `release` what the verdict allows."""

    def __init__(self, size: int | None) -> None:
        """`size`: characters of a window; None: nothing is due before the end."""
        self._size = size
        self._overlap = (size or 0) // 4
        self._reach = size or 0
        self.pending = ""
        """What was not released yet, as it came. At the end it is checked whole."""

    def feed(self, text: str) -> None:
        self.pending += text

    @property
    def due(self) -> str | None:
        """The window to check now; None: not enough has come."""
        if self._size is None or len(self.pending) < self._reach:
            return None
        # No shorter than half: it stays longer than the overlap, and than the one before where it had to grow.
        return self.pending[: _word_end(self.pending, self._reach // 2, self._reach) or self._reach]

    def release(self, window: str, checked: str) -> str:
        """What may go on of a `window` that the guardrail gave back as `checked`.

        Raises UncertainMaskError where even the largest window cannot be parted.
        """
        at, at_checked = part(window, checked, len(window) - self._overlap)
        if at == 0 and self._size is not None:
            if self._reach >= MAX_CHARACTERS:
                raise UncertainMaskError
            self._reach = min(2 * self._reach, MAX_CHARACTERS)
            return ""
        self._reach = self._size or 0
        self.pending = self.pending[at:]
        return checked[:at_checked]


def part(text: str, checked: str, at_most: int) -> tuple[int, int]:
    """The last place, at most `at_most` in `text`, that is certain to be the same in `checked`: where it is in each.

    One after a space goes before one that is not.
    """
    within_word = between_words = (0, 0)
    for at, at_checked, length in _certain(text, checked):
        if at > at_most:
            break
        end = min(at_most, at + length)
        within_word = (end, at_checked + end - at)
        if space := _word_end(text, at, end):
            between_words = (space, at_checked + space - at)
    return between_words if between_words[0] else within_word


def _word_end(text: str, low: int, high: int) -> int:
    """The last place after a space, above `low` and at most `high`; 0: there is none."""
    return next((at for at in range(high, low, -1) if text[at - 1].isspace()), 0)


def _certain(text: str, checked: str) -> Iterator[tuple[int, int, int]]:
    """The stretches that masking left alone and whose place in `text` is beyond doubt: place in `text`, in `checked`,
    length. In order."""
    if text == checked:
        yield 0, 0, len(text)
        return
    kept = list(_between_masks(checked))
    (_, first), *middle, (last_at, last) = kept if len(kept) > 1 else [(0, ""), (0, "")]
    low, high = len(first), len(text) - len(last)
    if len(kept) < 2 or low > high or not (text.startswith(first) and text.endswith(last)):
        return
    middle = [(at, stretch) for at, stretch in middle if stretch]
    leftmost, rightmost = _leftmost(text, middle, low, high), _rightmost(text, middle, low, high)
    yield 0, 0, low
    if leftmost is None or rightmost is None:
        return
    for (at_checked, stretch), left, right in zip(middle, leftmost, rightmost, strict=True):
        if left == right:
            yield left, at_checked, len(stretch)
    yield high, last_at, len(last)


def _between_masks(checked: str) -> Iterator[tuple[int, str]]:
    start = 0
    for mask in _MASK.finditer(checked):
        yield start, checked[start : mask.start()]
        start = mask.end()
    yield start, checked[start:]


def _leftmost(text: str, stretches: list[tuple[int, str]], low: int, high: int) -> list[int] | None:
    """Where each stretch would be if all stood as far to the left as their order allows."""
    places = []
    for _, stretch in stretches:
        if (at := text.find(stretch, low, high)) < 0:
            return None
        places.append(at)
        low = at + len(stretch)
    return places


def _rightmost(text: str, stretches: list[tuple[int, str]], low: int, high: int) -> list[int] | None:
    places = []
    for _, stretch in reversed(stretches):
        if (at := text.rfind(stretch, low, high)) < 0:
            return None
        places.append(at)
        high = at
    return places[::-1]
