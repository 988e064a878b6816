"""Cohere's Chat API."""

from __future__ import annotations

from types import MappingProxyType

from .finish_reasons import FinishReasons
from .profile import OwnApi, Profile

FINISH_REASONS = FinishReasons(
    complete=MappingProxyType({"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "TOOL_CALL": "tool_calls"}),
    cut=frozenset({"MAX_TOKENS"}),
    filtered=frozenset({"ERROR_TOXIC"}),
    broken=frozenset({"ERROR", "ERROR_LIMIT", "TIMEOUT", "USER_CANCEL"}),
)
"""Source: Cohere API reference, "Chat" (v1 and v2), `finish_reason`."""

COHERE = Profile(
    finish_reasons=FINISH_REASONS,
    key_variables=("COHERE_API_KEY", "CO_API_KEY"),
    own_api=OwnApi.COHERE,
    base_variable="COHERE_API_BASE",
    usual_base="https://api.cohere.com/v2/chat",
)
