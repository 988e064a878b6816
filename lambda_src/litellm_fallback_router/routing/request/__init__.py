"""A request as the domain knows it: its validation, its bounds, and what it holds."""

from .agent_tools import ASK, CHAT_COMPLETION, MAX_TOKENS, SEPARATOR, TOOLS, Tool
from .bounds import check_bounds, check_values, too_many_values
from .features import THINKING_FIELDS, THINKING_PARTS, Contents, characters_of, prompt_characters
from .images import SCHEMES, Images, ImageUnavailableError, RequestImages, urls_in
from .pictures import MOST_PICTURES, Picture, shown_in
from .schema import ASK_BODY, STRICT, ManagedPrompt, Messages, Name, Params, RouterOptions
from .texts import PROMPTS, is_json, json_in, readable, still_json, texts_in, with_texts, written
from .validation import (
    as_request,
    check_params,
    constraints,
    managed_prompt,
    parse,
    parse_ask,
    prompt_fields,
    require_unless_prompted,
    validated,
)

__all__ = [
    "ASK",
    "ASK_BODY",
    "CHAT_COMPLETION",
    "MAX_TOKENS",
    "MOST_PICTURES",
    "PROMPTS",
    "SCHEMES",
    "SEPARATOR",
    "STRICT",
    "THINKING_FIELDS",
    "THINKING_PARTS",
    "TOOLS",
    "Contents",
    "ImageUnavailableError",
    "Images",
    "ManagedPrompt",
    "Messages",
    "Name",
    "Params",
    "Picture",
    "RequestImages",
    "RouterOptions",
    "Tool",
    "as_request",
    "characters_of",
    "check_bounds",
    "check_params",
    "check_values",
    "constraints",
    "is_json",
    "json_in",
    "managed_prompt",
    "parse",
    "parse_ask",
    "prompt_characters",
    "prompt_fields",
    "readable",
    "require_unless_prompted",
    "shown_in",
    "still_json",
    "texts_in",
    "too_many_values",
    "urls_in",
    "validated",
    "with_texts",
    "written",
]
