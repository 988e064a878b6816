"""Anthropic's Messages API, for callers of that API, of Claude on Amazon Bedrock: InvokeModel.

Sources: AWS, "Anthropic Claude Messages API", "InvokeModel" and "InvokeModelWithResponseStream".
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..routing.types import Chunk, NativeRequest
from .anthropic import AnthropicFormat, reading_of
from .anthropic_native import BETA, MessagesCaller, NativeDecoder, NativeMessagesCall, untranslated
from .aws_events import EventFrames
from .converse import ConverseFormat
from .failures import no_format
from .formats import Format, NativeCaller
from .plain import object_of


def messages_caller(known: Format | None) -> NativeCaller:
    """For a deployment with this format of its own."""
    if isinstance(known, ConverseFormat):
        return InvokeCaller(known)
    return anthropics_caller(known)


def anthropics_caller(known: Format | None) -> MessagesCaller:
    if not isinstance(known, AnthropicFormat):
        raise TypeError(f"{type(known).__name__} has no Messages API")
    return MessagesCaller(known)


VERSION = "bedrock-2023-05-31"
"""Source: AWS, "Anthropic Claude Messages API"."""


@dataclass(frozen=True, slots=True)
class InvokeCaller:
    """One deployment of Claude on Bedrock, asked natively by InvokeModel."""

    owner: ConverseFormat

    async def call(self, native: NativeRequest, key: str | None, *, stream: bool) -> InvokeCall:
        betas = [beta for beta in native.headers.get(BETA, "").split(",") if beta]
        body = {"anthropic_version": VERSION, **native.body, **({"anthropic_beta": betas} if betas else {})}
        operation = "invoke-with-response-stream" if stream else "invoke"
        outgoing = await self.owner.sent(operation, {}, json.dumps(body).encode(), key)
        reading = reading_of(self.owner.deployment, self.owner.model)
        return InvokeCall(reading, outgoing, untranslated({}, {}))


class InvokeCall(NativeMessagesCall):
    """One request to Bedrock as its caller wrote it. Whole answers are Anthropic's, streams are in AWS's encoding."""

    def decoder(self) -> InvokeDecoder:
        return InvokeDecoder(self.reading, self.translation)


class InvokeDecoder(NativeDecoder):
    """Anthropic's events, each in one of AWS's. Source: AWS, "InvokeModelWithResponseStream"."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._frames = EventFrames()

    def feed(self, data: bytes) -> Iterator[Chunk]:
        for _, payload in self._frames.feed(data, lambda: self.begun):
            coded = object_of(payload, begun=self.begun).get("bytes")
            try:
                event = base64.b64decode(coded or "", validate=True)
            except (binascii.Error, ValueError, TypeError) as error:
                raise no_format(error, begun=self.begun) from error
            yield from self._read(event)
