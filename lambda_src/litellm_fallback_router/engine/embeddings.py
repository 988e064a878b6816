"""Embeddings: in OpenAI's format, and Titan's and Cohere's on Bedrock.

Titan takes one text a request, and Cohere 96, so an array may become several requests. They are sent side by side, and
the first that fails ends them all. Vectors travel packed where the provider can do so: to read three million numbers
from JSON takes a second, in which the event loop does nothing else.

Sources: OpenAI, "Create embeddings"; Amazon Bedrock User Guide, "Amazon Titan Embeddings Text", "Cohere Embed v3",
"Cohere Embed v4" and "InvokeModel".
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import struct
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from ..routing.failures import ProviderFailure
from ..routing.ledger import Usage
from ..routing.types import NativeRequest, ProviderAnswer
from .converse import ConverseFormat
from .exchange import Outgoing
from .failures import error_in_band, no_format
from .fields import arguments_of
from .formats import Format
from .openai import CHAT, OpenAIFormat
from .plain import object_of
from .prices import Prices
from .usage import of_openai

PATH = "/embeddings"
INVOKE = "invoke"
TEXTS_OF_COHERE = 96
"""In one request. Source: Amazon Bedrock User Guide, "Cohere Embed v3", "Texts per call"."""
IN_A_ROW = 200
"""Vectors that are looked at before others get their turn."""
AT_ONCE = 8
"""Requests of one array that are under way together."""
TOKENS = "x-amzn-bedrock-input-token-count"
"""Bedrock's header with the number of tokens, which Cohere's bodies lack."""
NOTHING_SAID = {"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "stop", "logprobs": None}
"""What stands in the place of a chat's answer."""
Vector = Sequence[float] | str
"""Numbers, or packed: little-endian 32-bit floats in base64 (`embeddings.py` of OpenAI's Python client)."""
Received = tuple[bytes, Mapping[str, str]]
Ask = Callable[[Outgoing], Awaitable[Received]]
"""Sends a request, and reads the whole answer. Raises ProviderFailure."""


class Embedder(Protocol):
    """How one deployment embeds texts."""

    @property
    def prices(self) -> Prices: ...

    def bodies(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Those of as many requests as it takes, in the order of the texts."""
        ...

    async def outgoing(self, said: Mapping[str, Any], key: str | None) -> Outgoing:
        """The request with one of them. Raises ProviderFailure for what cannot be sent."""
        ...

    def read(self, said: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[list[Any], int | None]:
        """The vectors of one answer, in order, and the tokens of its texts; None: not reported. Raises
        ProviderFailure for what is no answer."""
        ...


def embedder_of(known: Format | None) -> Embedder:
    """How the deployment with this format embeds texts."""
    if isinstance(known, OpenAIFormat):
        return OpenAIEmbedder(known)
    if isinstance(known, ConverseFormat):
        return CohereEmbedder(known) if "cohere." in known.model else TitanEmbedder(known)
    raise TypeError(f"{type(known).__name__} has no embeddings")


async def embedded(embedder: Embedder, native: NativeRequest, key: str | None, ask: Ask) -> ProviderAnswer:
    """Its `native` holds the vectors, under `embeddings`, packed where the caller asked for that. Raises
    ProviderFailure."""
    vectors: list[Any] = []
    counts: list[int | None] = []
    for body, headers in await _all(embedder, embedder.bodies(native.body), key, ask):
        said = object_of(body)
        if said.get("error"):
            raise error_in_band(said["error"])
        found, tokens = embedder.read(said, headers)
        vectors += found
        counts.append(tokens)
    packs = native.body.get("encoding_format") == "base64"
    texts, length = len(_inputs(native.body["input"])), native.body.get("dimensions")
    told: list[Vector] = []
    try:
        for index, vector in enumerate(vectors):
            told.append(_told(vector, length, packed=packs))
            if index % IN_A_ROW == IN_A_ROW - 1:
                await asyncio.sleep(0)  # to unpack them all may take 200 ms
    except (TypeError, ValueError, OverflowError, struct.error) as error:
        raise no_format(error) from error
    if len(told) != texts:
        raise no_format()
    usage = _usage(counts)
    cost = None if usage.estimated else embedder.prices.usd_of_tokens(usage)
    return ProviderAnswer([NOTHING_SAID], usage, cost, native={"embeddings": told})


async def _all(embedder: Embedder, bodies: Iterable[Mapping[str, Any]], key: str | None, ask: Ask) -> list[Received]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(said: Mapping[str, Any]) -> Received:
        async with slots:
            # Signed when its turn comes: two thousand signatures in a row take half a second.
            return await ask(await embedder.outgoing(said, key))

    asking = [asyncio.ensure_future(one(said)) for said in bodies]
    try:
        return await asyncio.gather(*asking)
    except ProviderFailure as failure:
        failure.billed = await _billed(embedder, await _ended(asking))
        raise
    finally:
        await _ended(asking)


async def _ended(asking: Sequence[asyncio.Future[Received]]) -> list[Received]:
    """The answers that are there already; what is under way is cancelled."""
    for task in asking:
        task.cancel()
    ends = await asyncio.gather(*asking, return_exceptions=True)
    return [end for end in ends if not isinstance(end, BaseException)]


async def _billed(embedder: Embedder, answers: Iterable[Received]) -> tuple[Usage, float | None] | None:
    """What these answers cost. None: nothing that is known."""
    tokens = 0
    for body, headers in answers:
        with suppress(ProviderFailure):
            tokens += embedder.read(object_of(body), headers)[1] or 0
        await asyncio.sleep(0)
    usage = Usage(tokens, 0)
    return (usage, embedder.prices.usd_of_tokens(usage)) if tokens else None


def _usage(counts: Sequence[int | None]) -> Usage:
    known = [count for count in counts if count is not None]
    return Usage(sum(known), 0) if len(known) == len(counts) else Usage(estimated=True)


def _inputs(given: Any) -> Sequence[Any]:
    return [given] if isinstance(given, str) or (given and isinstance(given[0], int)) else given


def _told(vector: Any, length: int | None, *, packed: bool) -> Vector:
    """The vector in the caller's encoding. Raises ValueError, or what conversions raise, for what is none."""
    if isinstance(vector, str):
        raw = base64.b64decode(vector, validate=True)
        found, left = divmod(len(raw), 4)
        if left:
            raise ValueError("a packed vector has 4 bytes a number")
        told: Vector = vector if packed else struct.unpack(f"<{found}f", raw)
    elif isinstance(vector, list):
        found = len(vector)
        raw = struct.pack(f"<{found}f", *vector)
        told = base64.b64encode(raw).decode() if packed else vector
    else:
        raise TypeError("a vector is a list of numbers, or packed")
    if not isinstance(told, str) and not math.isfinite(sum(told)):
        raise ValueError("a number is none")
    if not found or (length is not None and found != length):
        raise ValueError("the vector has another length than was asked for")
    return told


@dataclass(frozen=True, slots=True)
class OpenAIEmbedder:
    """Implements `Embedder` in OpenAI's format."""

    owner: OpenAIFormat

    @property
    def prices(self) -> Prices:
        return self.owner.prices

    def bodies(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        said = {name: value for name, value in body.items() if name != "encoding_format"}
        if not self.owner.deployment.openai_compatible:
            said["encoding_format"] = "base64"  # many other servers have no such field
        return [{"model": self.owner.model, **said}]

    async def outgoing(self, said: Mapping[str, Any], key: str | None) -> Outgoing:
        operators = arguments_of(self.owner.deployment, {})
        headers = self.owner.signed(key) | operators.get("extra_headers", {})
        body = json.dumps({**said, **operators.get("extra_body", {})}).encode()
        return Outgoing(self.owner.url.replace(CHAT, PATH, 1), headers, body)

    def read(self, said: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[list[Any], int | None]:
        data, reported = said.get("data"), said.get("usage")
        if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
            raise no_format()
        if all(type(one.get("index")) is int for one in data):
            data = sorted(data, key=lambda one: int(one["index"]))
        usage = of_openai(reported) if isinstance(reported, dict) else None
        return [one.get("embedding") for one in data], None if usage is None else usage.prompt_tokens


@dataclass(frozen=True, slots=True)
class BedrockEmbedder:
    """What Titan and Cohere have in common: a model of Bedrock's, invoked."""

    owner: ConverseFormat

    @property
    def prices(self) -> Prices:
        return self.owner.prices

    async def outgoing(self, said: Mapping[str, Any], key: str | None) -> Outgoing:
        operators = arguments_of(self.owner.deployment, {})
        body = json.dumps({**said, **operators.get("extra_body", {})}).encode()
        return await self.owner.sent(INVOKE, operators.get("extra_headers", {}), body, key)


class TitanEmbedder(BedrockEmbedder):
    """Implements `Embedder` for Amazon's Titan: a request for each text."""

    def bodies(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        more = {"dimensions": body["dimensions"]} if "dimensions" in body else {}
        return [{"inputText": text, **more} for text in _inputs(body["input"])]

    def read(self, said: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[list[Any], int | None]:
        count = said.get("inputTextTokenCount")
        return [said.get("embedding")], count if type(count) is int and count >= 0 else None


class CohereEmbedder(BedrockEmbedder):
    """Implements `Embedder` for Cohere on Bedrock."""

    def bodies(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        # A text that is too long is refused, and not cut.
        shared = {"input_type": body["input_type"], "truncate": "NONE"}
        if "dimensions" in body:
            shared["output_dimension"] = body["dimensions"]
        texts = _inputs(body["input"])
        starts = range(0, len(texts), TEXTS_OF_COHERE)
        return [{"texts": texts[start : start + TEXTS_OF_COHERE], **shared} for start in starts]

    def read(self, said: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[list[Any], int | None]:
        found = said.get("embeddings")
        vectors = found.get("float") if isinstance(found, dict) else found
        if not isinstance(vectors, list):
            raise no_format()
        count = headers.get(TOKENS, "")
        return vectors, int(count) if count.isascii() and count.isdigit() else None
