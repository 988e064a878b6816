"""AWS's event stream: the same events wherever their bytes are cut, in work that grows with the bytes alone."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from collections.abc import Iterator, Sequence

import pytest

from litellm_fallback_router.engine.aws_events import EventFrames
from litellm_fallback_router.routing.failures import ProviderFailure
from local.simulator.bedrock.eventstream import encode, event, with_wrong_checksum

SMALL = [event("contentBlockDelta", {"delta": {"text": "é" * size}}) for size in (1, 0, 40)]
LARGE = encode({":event-type": "chunk", ":message-type": "event"}, b"a" * 200_000)
MANY = event("contentBlockDelta", {"delta": {"text": "Paris"}}) * 2_000


def read(frames: EventFrames, pieces: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    for piece in pieces:
        yield from frames.feed(piece, lambda: False)


def cut(wire: bytes, size: int) -> list[bytes]:
    return [wire[at : at + size] for at in range(0, len(wire), size)]


@pytest.mark.parametrize("size", [1, 11, 12, 13, 100, 1_000])
def test_events_are_the_same_wherever_they_are_cut(size: int) -> None:
    wire = b"".join(SMALL)
    assert list(read(EventFrames(), cut(wire, size))) == list(read(EventFrames(), [wire]))
    assert len(list(read(EventFrames(), cut(wire, size)))) == len(SMALL)


@pytest.mark.parametrize(
    ("wire", "size"),
    [pytest.param(LARGE, 64, id="one large event in small pieces"), pytest.param(MANY, len(MANY), id="many in one")],
)
def test_bytes_are_copied_a_fixed_number_of_times(wire: bytes, size: int) -> None:
    frames, pieces, copied = EventFrames(), cut(wire, size), 0
    list(read(frames, [b""]))  # imports are not counted
    tracemalloc.start()
    try:
        for piece in pieces:
            events = frames.feed(piece, lambda: False)
            going_on = True
            while going_on:
                # What one step allocates at most at once holds each copy that it makes of what is waiting.
                tracemalloc.reset_peak()
                before, _ = tracemalloc.get_traced_memory()
                going_on = next(events, None) is not None
                copied += max(0, tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    assert copied < 20 * len(wire)


@pytest.mark.parametrize("size", [1, 1_000])
def test_a_wrong_checksum_is_no_format(size: int) -> None:
    with pytest.raises(ProviderFailure):
        list(read(EventFrames(), cut(with_wrong_checksum(SMALL[0]), size)))


@pytest.mark.parametrize("wire", [b"<html><body>", LARGE[:8] + b"\0\0\0\0"])
def test_what_is_no_prelude_is_refused_before_its_length_is_waited_for(wire: bytes) -> None:
    with pytest.raises(ProviderFailure):
        list(read(EventFrames(), [wire]))


@pytest.mark.parametrize("length", range(17))
def test_a_length_that_holds_no_event_is_refused(length: int) -> None:
    prelude = struct.pack("!II", length, 0)
    with pytest.raises(ProviderFailure):
        list(read(EventFrames(), [prelude + struct.pack("!I", zlib.crc32(prelude)) + b"\0" * 16]))
