"""Embeddings: what has to change in a request on its way to a model, and which deployments cannot take it.

Sources: OpenAI, "Create embeddings"; Amazon Bedrock User Guide, "Amazon Titan Embeddings Text", "Cohere Embed v3" and
"Cohere Embed v4".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...types import Deployment, Message, NativeRequest
from ..report import Report, UnfitError

CHARACTERS_PER_TOKEN = 8
"""No real text packs more: a longer one cannot fit."""
USUAL_INPUT_TYPE = "search_document"
"""The `input_type` for Cohere where the caller sets none."""
_SIZES: Mapping[str, tuple[int, ...]] = {
    "text-embedding-ada-": (),
    "amazon.titan-embed-text-v1": (),
    "amazon.titan-embed-g1-": (),
    "amazon.titan-embed-text-v2": (256, 512, 1024),
    "cohere.embed-english-v3": (),
    "cohere.embed-multilingual-v3": (),
    "cohere.embed-v4": (256, 512, 1024, 1536),
}
"""Of models, by how they begin: the numbers of dimensions that they take. Others take any, or answer an error."""


class EmbeddingsFormat:
    """Implements `NativeFormat`, for a body as OpenAI has it, with `input_type` beside its fields."""

    def spoken_by(self, deployment: Deployment, native: NativeRequest) -> bool:
        # Tokens are those of OpenAI's models: to others they are other words.
        return deployment.space is not None and not (native.only and deployment.profile.bedrock)

    def fitted(self, deployment: Deployment, native: NativeRequest, report: Report) -> NativeRequest:
        body = dict(native.body)
        _fit_dimensions(deployment, body)
        _check_lengths(deployment, body["input"])
        if not _is_coheres(deployment):
            if body.pop("input_type", None) is not None:
                report.say("input_type dropped")
        elif body.get("input_type") is None:
            body["input_type"] = USUAL_INPUT_TYPE
            report.say(f"input_type set to {USUAL_INPUT_TYPE}")
        if deployment.profile.bedrock and body.pop("user", None) is not None:
            report.say("user dropped")
        return replace(native, body=body)

    def continued(
        self, native: NativeRequest, text: str, params: Mapping[str, Any], instruction: str | None
    ) -> NativeRequest:
        return native  # vectors do not break off halfway

    def masked(self, native: NativeRequest, messages: Sequence[Message]) -> NativeRequest | None:
        return replace(native, body={**native.body, "input": [message["content"] for message in messages]})


def _fit_dimensions(deployment: Deployment, body: dict[str, Any]) -> None:
    wanted = body.pop("dimensions", None) or deployment.dimensions
    if wanted is None:
        return
    model = "" if deployment.space is None else deployment.space.model
    sizes = next((sizes for begins, sizes in _SIZES.items() if model.startswith(begins)), None)
    own = deployment.info.dimensions
    if sizes is not None and wanted != own and wanted not in sizes:
        raise UnfitError("content", f"has no vectors of {wanted} dimensions", param="dimensions")
    if own is not None and wanted > own:
        raise UnfitError("content", f"has vectors of at most {own} dimensions", param="dimensions")
    if sizes != ():
        body["dimensions"] = wanted


def _check_lengths(deployment: Deployment, given: str | Sequence[Any]) -> None:
    most = deployment.info.max_input_tokens
    texts = [given] if isinstance(given, str) else [text for text in given if isinstance(text, str)]
    if most is not None and any(len(text) > most * CHARACTERS_PER_TOKEN for text in texts):
        raise UnfitError("context", f"takes at most {most} tokens in a text", param="input")


def _is_coheres(deployment: Deployment) -> bool:
    return deployment.space is not None and deployment.space.model.startswith("cohere.")
