"""Amazon Bedrock's Converse API, in LiteLLM's classes' words.

Sources: AWS, "Converse", "ConverseStream" and "Event stream encoding".
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..routing.turns import after_step
from ..routing.types import Chunk, Deployment, Message, ProviderAnswer
from .aws import Credentials, signed
from .aws_events import EventFrames
from .exchange import Outgoing
from .failures import no_format, unsendable
from .finishing import FinishReader
from .formats import Decoder
from .loading import chat_config, litellm
from .params import ParameterMap
from .plain import object_of
from .prices import Prices
from .translated import Received, TranslatedStream, Translation, WholeAsStream, read_answer, text_answer, translation_of
from .usage import of_bedrock

ROUTE = "bedrock/converse/"
NOVAS = ("nova-2/", "nova/")
"""LiteLLM's marks for custom models of that make; no part of the model's id."""

TOOLS_AT_ONCE = 64
"""Translated in one turn of the event loop."""


def is_conversed(deployment: Deployment) -> bool:
    """True where LiteLLM uses Converse for that deployment, and does not fake its streams."""
    if not deployment.litellm_model.startswith(ROUTE):
        return False
    model = deployment.litellm_model.removeprefix("bedrock/")
    config = chat_config(model, "bedrock")
    return isinstance(config, litellm().AmazonConverseConfig) and not config.should_fake_stream(model, stream=True)


class ConverseFormat:
    """One deployment whose requests go to Converse."""

    def __init__(self, deployment: Deployment) -> None:
        library, extra = litellm(), deployment.extra
        self.deployment = deployment
        self.model = deployment.litellm_model.removeprefix(ROUTE)
        self.config = library.AmazonConverseConfig()
        # Its route belongs to the name by which LiteLLM looks up what a model takes.
        self._params = ParameterMap(deployment, f"converse/{self.model}", self.config)
        self.prices = Prices(deployment)
        self.finish_reasons = deployment.profile.finish_reasons
        aws = library.llms.bedrock.base_aws_llm.BaseAWSLLM()
        named = {} if deployment.region is None else {"aws_region_name": deployment.region}
        self._region = aws.get_aws_region_name(named, self.model, extra.get("model_id"))
        _, endpoint = aws.get_runtime_endpoint(
            api_base=deployment.api_base,
            aws_bedrock_runtime_endpoint=extra.get("aws_bedrock_runtime_endpoint"),
            aws_region_name=self._region,
        )
        self._url = f"{endpoint.rstrip('/')}/model/{aws.encode_model_id(extra.get('model_id') or _bare(self.model))}"
        self._bearer = library.llms.bedrock.base_aws_llm.bedrock_bearer_token
        self._credentials = Credentials(deployment, self._region)

    def takes(self, params: Mapping[str, Any]) -> bool:
        return True

    async def call(
        self, messages: list[Message], params: Mapping[str, Any], key: str | None, *, stream: bool
    ) -> ConverseCall:
        began = time.thread_time()
        one = translation_of(self.deployment, self.config, self._params, messages, params, stream=stream)
        began = await after_step(began)
        streamed = not one.optional.pop("fake_stream", False) and stream
        try:
            headers = litellm().anthropic_beta_headers_manager.update_headers_with_filtered_beta(
                headers=one.headers, provider="bedrock_converse"
            )
            tools = one.optional.get("tools")
            if tools:
                one.optional["tools"] = [_without_schema(tool) for tool in tools]
            said = await self.config._async_transform_request(
                self.model, one.messages, one.optional, one.place, headers
            )
            if tools and "toolConfig" in said:
                began = await after_step(began)
                said["toolConfig"]["tools"] = await self._tools(tools, headers, one.place)
        except Exception as error:
            raise unsendable(error) from error
        began = await after_step(began)
        body = json.dumps({**said, **one.more}).encode()
        await after_step(began)
        outgoing = await self.sent(f"converse{'-stream' if streamed else ''}", headers, body, key)
        return ConverseCall(self, outgoing, one, streamed=streamed)

    async def _tools(
        self, tools: Sequence[Mapping[str, Any]], headers: Mapping[str, str], place: Mapping[str, Any]
    ) -> list[Any]:
        """Tools as Converse has them, by LiteLLM's function."""
        made: list[Any] = []
        began = time.thread_time()
        for start in range(0, len(tools), TOOLS_AT_ONCE):
            some, _ = self.config._process_tools_and_beta(
                list(tools[start : start + TOOLS_AT_ONCE]), self.model, headers, {}, place
            )
            made += some
            began = await after_step(began)
        return made

    async def sent(self, operation: str, headers: Mapping[str, str], body: bytes, key: str | None) -> Outgoing:
        """A request for an operation on the model, signed. Raises ProviderFailure."""
        url = f"{self._url}/{operation}"
        try:
            if token := (self._bearer(key) or "").strip():
                own = {"content-type": "application/json", "authorization": f"Bearer {token}", **headers}
                return Outgoing(url, own, body)
            credentials = await self._credentials.get()
        except Exception as error:
            raise unsendable(error) from error
        return Outgoing(url, signed(credentials, self._region, url, headers, body), body)


@dataclass(frozen=True, slots=True)
class ConverseCall:
    """One request in Converse's format, and how its answer is read."""

    owner: ConverseFormat
    outgoing: Outgoing
    translation: Translation
    streamed: bool

    def answer(self, body: bytes, headers: Mapping[str, str]) -> ProviderAnswer:
        said = object_of(body)
        owner, received, reader = self.owner, Received(said, headers), FinishReader(self.owner.finish_reasons)
        one, reason = self.translation, said.get("stopReason")
        texts, usage = _texts(said.get("output")), of_bedrock(said.get("usage"))
        if texts is not None and usage is not None and not one.json_mode and "serviceTier" not in said:
            return text_answer(texts, reason, usage, prices=owner.prices, reader=reader)
        return read_answer(owner.config, owner.model, one, received, reason=reason, prices=owner.prices, reader=reader)

    def decoder(self) -> Decoder:
        if self.streamed:
            return ConverseDecoder(self.owner, self.translation)
        return WholeAsStream(lambda body: self.answer(body, {}))


class ConverseDecoder(TranslatedStream):
    """A stream of Converse's events, in AWS's binary encoding."""

    def __init__(self, owner: ConverseFormat, one: Translation) -> None:
        super().__init__(owner.prices, FinishReader(owner.finish_reasons))
        self._frames = EventFrames()
        self._parser = litellm().llms.bedrock.chat.invoke_handler.AWSEventStreamDecoder(
            model=owner.model, json_mode=one.json_mode
        )

    def feed(self, data: bytes) -> Iterator[Chunk]:
        for kind, payload in self._frames.feed(data, lambda: self.begun):
            yield from self._event(kind, payload)

    def _event(self, kind: str, payload: bytes) -> Iterator[Chunk]:
        said = object_of(payload, begun=self.begun)
        delta = said.get("delta")
        if kind == "contentBlockDelta" and isinstance(delta, dict) and isinstance(text := delta.get("text"), str):
            yield from self.text(text)
        elif kind != "messageStart":
            yield from self.piece(self._parsed(said), said.get("stopReason") if kind == "messageStop" else None)
            self.ended = kind == "metadata" and self.complete

    def _parsed(self, said: dict[str, Any]) -> Any:
        try:
            return self._parser.converse_chunk_parser(said)
        except Exception as error:
            raise no_format(error, begun=self.begun) from error


def _without_schema(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """The tool without what it is called with. LiteLLM 1.106.2 copies that three times on its way, and drops every null
    of it (`core_helpers.filter_exceptions_from_params`): a value that may be null (`enum`, `const`) may then be none,
    and a default of null is lost."""
    if not isinstance(function := tool.get("function"), Mapping) or "parameters" not in function:
        return tool
    return {**tool, "function": {**function, "parameters": {"type": "object", "properties": {}}}}


def _texts(output: Any) -> list[str] | None:
    """The texts of an answer's blocks; None where there is more to them."""
    message = output.get("message") if isinstance(output, dict) else None
    blocks = message.get("content") if isinstance(message, dict) else None
    if not isinstance(blocks, list):
        return None
    texts = []
    for block in blocks:
        if not isinstance(block, dict) or block.keys() != {"text"} or not isinstance(block["text"], str):
            return None
        texts.append(block["text"])
    return texts


def _bare(model: str) -> str:
    for mark in NOVAS:
        if model.startswith(mark):
            return model.removeprefix(mark)
    return model
