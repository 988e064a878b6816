"""What a request needs from a model, and why a deployment cannot give it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...providers import Dialect, Feature
from ..adaptation import MOVED
from ..errors import InvalidRequestError
from ..ledger import Dropped
from ..request import MessageFeatures
from ..types import Deployment

PARAMS = {
    "tools": "tools",
    "functions": "functions",
    "images": "messages",
    "content": "messages",
    "json_schema": "response_format",
    "n": "n",
    "logprobs": "logprobs",
    "stop": "stop",
    "audio": "modalities",
    "web_search": "web_search_options",
    "moderation": "moderation",
}
"""Code of a drop -> the field that asks for it."""
CHARS_PER_TOKEN = 4
"""A common rule of thumb for English (OpenAI's "What are tokens"); used for estimates only."""
CHARS_PER_TOKEN_AT_MOST = 8
"""No real text packs more: a prompt longer than this many characters a token of the window cannot fit."""
NO_URLS = ("images", "takes no image by this URL; send it as a data URL (or an operator sets `fetch_images`)")
MAX_ECHO = 32
"""Characters of a content part's kind that a reason repeats: it comes from the caller."""


def estimate_tokens(characters: int) -> int:
    """Tokens in so many characters, rounded up; an estimate."""
    return (characters + CHARS_PER_TOKEN - 1) // CHARS_PER_TOKEN


@dataclass(frozen=True, slots=True)
class Requirements:
    """Without these the answer would not be what was asked for. Found once per request."""

    features: MessageFeatures
    tools: bool
    forced_tool: bool
    images: bool
    json_schema: bool
    api_features: tuple[Feature, ...]

    @classmethod
    def of(cls, features: MessageFeatures, params: Mapping[str, Any]) -> Requirements:
        return cls(
            features,
            tools=bool(params.get("tools")) or "calls" in features.marks,
            forced_tool=_choice(params) not in ("auto", "none"),
            images=any(kind == "image_url" for _, kind in features.parts),
            json_schema=_format(params) == "json_schema",
            api_features=tuple(_api_features(params, features)),
        )

    def unmet_by(self, deployment: Deployment, *, fetch_images: bool = False, native: bool = False) -> Dropped | None:
        """Why `deployment` cannot do this; None: it can, or nothing says it cannot. `fetch_images`: those by URL reach
        it as data. `native`: it is asked in the caller's format, which has a place for all of it."""
        unmet = self._unmet_by_model(deployment) or (None if native else self._unmet_by_api(deployment))
        if not (unmet or fetch_images or native) and self.features.image_schemes and self.unfetched_by(deployment):
            unmet = NO_URLS
        if unmet:
            code, reason = unmet
            return Dropped(deployment.id, code, f"{deployment.label} {reason}", param=PARAMS.get(code))
        return None

    def unfetched_by(self, deployment: Deployment) -> frozenset[str]:
        """Schemes of the request's images by URL that the provider does not fetch itself."""
        return self.features.image_schemes - deployment.profile.dialect.image_urls

    def _unmet_by_model(self, deployment: Deployment) -> tuple[str, str] | None:
        info = deployment.info
        window = info.max_input_tokens
        if self.tools and info.tools is False:
            return "tools", "does not take tools"
        if self.forced_tool and info.tool_choice is False:
            return "tools", "cannot be made to call a tool"
        if self.images and info.images is False:
            return "images", "does not take images"
        if self.json_schema and info.json_schema is False:
            return "json_schema", "does not keep to a response_format"
        if (
            window is not None
            and deployment.space is None
            and self.features.characters > window * CHARS_PER_TOKEN_AT_MOST
        ):
            return "context", f"takes at most {window} tokens"
        return None

    def _unmet_by_api(self, deployment: Deployment) -> tuple[str, str] | None:
        dialect = deployment.profile.dialect
        for feature in self.api_features:
            if feature in dialect.cannot:
                return feature.code, feature.reason
        if (stranger := self._stranger(dialect)) is not None:
            role, kind = stranger
            shown = kind.encode("unicode_escape").decode("ascii")[:MAX_ECHO]
            return "content", f"takes no '{shown}' content in {role} messages"
        return None

    def _stranger(self, dialect: Dialect) -> tuple[str, str] | None:
        if (parts := dialect.parts) is None:
            return None
        unknown = (part for part in self.features.parts if part[1] not in parts.get(_speaker(part, dialect), ()))
        return min(unknown, default=None)


def _speaker(part: tuple[str, str], dialect: Dialect) -> str:
    """In whose message a part arrives."""
    role, kind = part
    return "user" if role == "tool" and dialect.text_results and kind in MOVED else role


def _api_features(params: Mapping[str, Any], features: MessageFeatures) -> Iterator[Feature]:
    if (params.get("n") or 1) > 1:
        yield Feature.MANY_CHOICES
    if params.get("logprobs") or params.get("top_logprobs") is not None:
        yield Feature.LOGPROBS
    if _format(params) == "json_schema" and not (params["response_format"].get("json_schema") or {}).get("schema"):
        yield Feature.OPEN_SCHEMA
    if "functions" in features.marks or params.get("functions") or params.get("function_call") is not None:
        yield Feature.FUNCTIONS
    if features.spoken or any(modality != "text" for modality in params.get("modalities") or ()):
        yield Feature.AUDIO
    if params.get("web_search_options") is not None:
        yield Feature.WEB_SEARCH
    if params.get("moderation") is not None:
        yield Feature.MODERATION
    yield from _stop_features(params.get("stop"))
    if _choice(params) == "other":
        yield Feature.CHOICE_OF_TOOLS


def _stop_features(stop: Any) -> Iterator[Feature]:
    sequences = [stop] if isinstance(stop, str) else stop or ()
    if sequences:
        yield Feature.STOP
    if not all(sequence.strip() for sequence in sequences):
        yield Feature.BLANK_STOP


def _choice(params: Mapping[str, Any]) -> str:
    """`tool_choice` in a word: auto, none, required, one (tool), or other."""
    choice = params.get("tool_choice") or "auto"
    if isinstance(choice, str):
        return choice
    if not isinstance(choice, Mapping) or choice.get("type") not in ("function", "custom"):
        return "other"
    tool = choice.get(choice["type"])
    return "one" if isinstance(tool, Mapping) and isinstance(tool.get("name"), str) else "other"


def _format(params: Mapping[str, Any]) -> str | None:
    kind = (params.get("response_format") or {}).get("type")
    return kind if isinstance(kind, str) else None


def check_choice(params: Mapping[str, Any]) -> None:
    """Raises InvalidRequestError where a tool must be called and there is none."""
    if not params.get("tools") and _choice(params) not in ("auto", "none"):
        raise InvalidRequestError("'tool_choice' is only allowed when 'tools' are specified.", param="tool_choice")


def needed_params(params: Mapping[str, Any]) -> list[str]:
    """The parameters without which the answer would be wrong, as far as they ask for more than the default."""
    needed = [name for name in ("tools", "functions", "stop", "logprobs", "top_logprobs") if params.get(name)]
    if params.get("web_search_options") is not None:
        needed.append("web_search_options")
    if params.get("tools") and _choice(params) != "auto":
        needed.append("tool_choice")
    if params.get("tools") and params.get("parallel_tool_calls") is False:
        needed.append("parallel_tool_calls")
    if _format(params) not in (None, "text"):
        needed.append("response_format")
    if (params.get("n") or 1) > 1:
        needed.append("n")
    if any(modality != "text" for modality in params.get("modalities") or ()):
        needed.append("modalities")
    return needed
