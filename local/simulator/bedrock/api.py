"""Bedrock's APIs as the server sees them."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from local.simulator.anthropic.request import MessagesCall
from local.simulator.bedrock import answer as form
from local.simulator.bedrock import claude, errors, eventstream, guardrails, prompts, sigv4
from local.simulator.bedrock.embeddings import invoke
from local.simulator.bedrock.evaluations import PATH as EVALUATIONS
from local.simulator.bedrock.evaluations import Evaluations
from local.simulator.bedrock.request import to_call
from local.simulator.catalogue import RETIRED_ON_BEDROCK, Model, find_model, reachable_from
from local.simulator.conversation import Answer, Call
from local.simulator.faults import Fault, ProviderName
from local.simulator.http import Reply, Request
from local.simulator.provider import ApiError, Frame, Operation, Target
from local.simulator.settings import Settings
from local.simulator.storage import Objects
from local.simulator.vectors import EmbeddingModel, find_embedder

_OTHERS = {prompts.PATH: prompts.get_prompt, guardrails.PATH: guardrails.apply_guardrail}
"""Operations that are no chat, by path; the path's group `id` is the resource that they are about."""
_PATH = re.compile(
    r"/bedrock/model/(?P<model>[^/]+|arn[^/]+/[^/]+)/"
    r"(?P<operation>converse|converse-stream|invoke|invoke-with-response-stream)"
)


class Bedrock:
    """`/bedrock/model/ID/converse`, `/bedrock/model/ID/converse-stream`, `/bedrock/model/ID/invoke` (Claude and
    embeddings), `/bedrock/model/ID/invoke-with-response-stream` (Claude), `/bedrock/prompts/ID/` and
    `/bedrock/guardrail/ID/version/VERSION/apply`."""

    name: ProviderName = "bedrock"
    stream_type = "application/vnd.amazon.eventstream"

    def __init__(self, objects: Objects | None = None) -> None:
        """`objects`: what S3 holds, for evaluation jobs (`/bedrock/evaluation-jobs`), which read and write there."""
        self.evaluations = Evaluations(objects or Objects())
        self._others = {**_OTHERS, EVALUATIONS: self.evaluations.answer}

    def target(self, request: Request) -> Target:
        region = sigv4.region_of(request)
        for path in self._others:
            if other := path.fullmatch(request.path):
                return Target(unquote(other["id"]), region)
        parsed = _PATH.fullmatch(request.path)
        if parsed is None:
            return Target(region=region)
        return Target(unquote(parsed["model"]), region, parsed["operation"].endswith("-stream"))

    def read(self, request: Request, settings: Settings) -> Call | Operation | Reply:
        target = self.target(request)
        for path, operation in self._others.items():
            if path.fullmatch(request.path):
                sigv4.check(request, settings)
                return operation(request, target, settings)
        if target.model is None or request.method != "POST":
            raise ApiError(errors.error_reply(404, "UnknownOperationException", "The operation is not known."))
        sigv4.check(request, settings)
        if "/invoke" in request.path:
            if claude.is_claude(target.model):
                return claude.to_call(request.json, _find(target.model, target.region), stream=target.stream)
            return invoke(request.json, _find_embedder(target.model, target.region))
        model = _find(target.model, target.region)
        return to_call(request.json, model, region=target.region, stream=target.stream)

    def headers(self) -> Mapping[str, str]:
        return errors.response_headers()

    def whole(self, call: Call, answer: Answer | None) -> Reply:
        said = claude.message(call, answer) if isinstance(call, MessagesCall) else form.response(call, answer)
        return Reply.json(200, said, self.headers())

    def frames(self, call: Call, answer: Answer | None) -> Iterator[Frame]:
        return claude.events(call, answer) if isinstance(call, MessagesCall) else form.events(call, answer)

    def failure(self, fault: Fault, call: Call) -> Reply:
        return errors.failure(fault, call)

    def rejection(self, message: str) -> Reply:
        return errors.error_reply(400, "ValidationException", message)

    def broken_frame(self) -> bytes:
        delta = {"contentBlockIndex": 0, "delta": {"text": "garbled"}}
        return eventstream.with_wrong_checksum(eventstream.event("contentBlockDelta", delta))

    def error_frame(self, call: Call, sent: int) -> bytes:
        text = "The system encountered an unexpected error during processing. Try your request again."
        return eventstream.exception("modelStreamErrorException", text)

    def ping(self) -> bytes:
        return b""


def _find_embedder(name: str, region: str | None) -> EmbeddingModel:
    model = find_embedder("bedrock", name.rpartition("/")[2] if name.startswith("arn:") else name)
    if model is None and find_model("bedrock", name) is not None:
        raise errors.refuse("This simulator invokes embedding models only; chats are asked with Converse.")
    if model is None or (region and not reachable_from(model.name, region)):
        raise errors.refuse("The provided model identifier is invalid.")
    return model


def _find(name: str, region: str | None) -> Model:
    if name in RETIRED_ON_BEDROCK:
        text = "This model version has reached the end of its life. Please refer to the AWS documentation for more "
        text += "details."
        raise ApiError(errors.error_reply(404, "ResourceNotFoundException", text))
    if name.startswith("arn:"):
        name = name.rpartition("/")[2]
    model = find_model("bedrock", name)
    if model is None and find_model("bedrock", f"us.{name}"):
        raise errors.refuse(
            f"Invocation of model ID {name} with on-demand throughput isn\N{RIGHT SINGLE QUOTATION MARK}t supported. "
            "Retry your request with the ID or ARN of an inference profile that contains this model."
        )
    if model is None or (region and not reachable_from(name, region)):
        raise errors.refuse("The provided model identifier is invalid.")
    return model
