"""Gemini's API and Vertex AI, which has Claude too."""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType

from .anthropic import FINISH_REASONS as CLAUDES
from .claude import CLAUDE_BY_DATA, claude_families
from .dialect import UNKNOWN
from .finish_reasons import FinishReasons
from .profile import Family, Override, OwnApi, Profile, SignIn

FINISH_REASONS = FinishReasons(
    complete=MappingProxyType({"STOP": "stop"}),
    cut=frozenset({"MAX_TOKENS"}),
    filtered=frozenset({"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"})
    | {"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"},
    broken=frozenset({"FINISH_REASON_UNSPECIFIED", "OTHER", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"})
    | {"TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE", "MISSING_THOUGHT_SIGNATURE", "NO_IMAGE", "IMAGE_OTHER"},
)
"""Source: Gemini API reference, `Candidate.FinishReason`; Vertex AI has the same."""
BY_DATA = replace(UNKNOWN, image_urls=frozenset())
"""Where LiteLLM would fetch an image to send it on."""

GEMINI_FAMILY = Family(re.compile("gemini"), Override(finish_reasons=FINISH_REASONS))
GEMINI = Profile(
    dialect=BY_DATA,
    finish_reasons=FINISH_REASONS,
    families=claude_families(CLAUDE_BY_DATA),
    key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    caches_by_itself=True,
    own_api=OwnApi.GEMINI,
    telemetry_name="gcp.gemini",
    base_variable="GEMINI_API_BASE",
)
VERTEX = Profile(
    dialect=BY_DATA,
    families=(*claude_families(CLAUDE_BY_DATA, CLAUDES), GEMINI_FAMILY),
    sign_in=SignIn.GOOGLE,
    telemetry_name="gcp.vertex_ai",
    sign_in_params=frozenset({"vertex_credentials", "vertex_project"}),
    sign_in_variables=("GOOGLE_APPLICATION_CREDENTIALS", "VERTEXAI_PROJECT"),
    sign_in_help="GOOGLE_APPLICATION_CREDENTIALS",
)
