"""Requests that reach a deployment in their caller's own format: which deployments take it, and what must change.

A new format is one file here, and one line in `NATIVE_FORMATS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...types import Deployment, Message, NativeRequest
from ..report import Report, UnfitError
from .base import NativeFormat
from .embeddings import EmbeddingsFormat
from .messages import FOREIGN, MessagesFormat, is_foreign
from .responses import MADE_HERE, ResponsesFormat, marked, origin_of, unmarked

__all__ = [
    "EMBEDDINGS",
    "FOREIGN",
    "MADE_HERE",
    "NATIVE_FORMATS",
    "continued",
    "fitted_native",
    "is_foreign",
    "marked",
    "masked",
    "origin_of",
    "speaks",
    "unmarked",
    "untranslatable",
]

EMBEDDINGS = "embeddings"
"""The name of the format in which texts are embedded. Unlike the others it is no chat's, and is never translated."""
NATIVE_FORMATS: Mapping[str, NativeFormat] = {
    "messages": MessagesFormat(),
    "responses": ResponsesFormat(),
    EMBEDDINGS: EmbeddingsFormat(),
}


def speaks(deployment: Deployment, native: NativeRequest | None) -> bool:
    """True where `deployment` can be sent `native` in the caller's own format."""
    return native is not None and NATIVE_FORMATS[native.format].spoken_by(deployment, native)


def fitted_native(deployment: Deployment, native: NativeRequest, report: Report) -> NativeRequest:
    """Fit a request in its caller's own format to one deployment.

    Args:
        deployment: A deployment for which `speaks` is true.
        native: The caller's request.
        report: Takes a line for each field that is changed or left out.

    Returns:
        The request as the deployment is sent it.

    Raises:
        UnfitError: The deployment cannot be sent the request.
    """
    return NATIVE_FORMATS[native.format].fitted(deployment, native, report)


def continued(native: NativeRequest, text: str, params: Mapping[str, Any], instruction: str | None) -> NativeRequest:
    """The request for the rest of an answer of which the caller has `text`. `params` hold what is left of its limits;
    `instruction` requests the rest where the model does not simply go on."""
    return NATIVE_FORMATS[native.format].continued(native, text, params, instruction)


def masked(native: NativeRequest | None, messages: Sequence[Message]) -> NativeRequest | None:
    """The request with the texts that a guardrail has masked; None: it can only be translated from `messages`."""
    return None if native is None else NATIVE_FORMATS[native.format].masked(native, messages)


def untranslatable(native: NativeRequest) -> UnfitError:
    """Why a deployment without its format is dropped."""
    reason = f"cannot be sent {native.only[0]}: only deployments of its own API have it"
    return UnfitError("native", reason, param=native.param)
