"""Servers that an operator runs, and providers whose sign-in LiteLLM does without a key."""

from __future__ import annotations

from dataclasses import replace

from .claude import CLAUDE_BY_DATA, claude_families
from .google import BY_DATA
from .profile import OwnApi, Profile, SignIn

KEYLESS = Profile(sign_in=SignIn.NONE)
_OLLAMA = replace(
    KEYLESS,
    dialect=BY_DATA,
    families=claude_families(CLAUDE_BY_DATA),
    own_api=OwnApi.OLLAMA,
    json_lines=True,
    base_variable="OLLAMA_API_BASE",
    usual_base="http://localhost:11434",
)
_OPENAI_SERVER = replace(KEYLESS, openai_server=True, placeholder_key=True)
_KEYLESS_NAMES = """
    llamafile xinference lemonade oobabooga petals triton infinity oci auto_router gdc
"""
_ELSEWHERE_NAMES = "vllm docker_model_runner custom github_copilot chatgpt"
LOCAL = {
    **dict.fromkeys(_KEYLESS_NAMES.split(), KEYLESS),
    **dict.fromkeys(_ELSEWHERE_NAMES.split(), replace(KEYLESS, asked_elsewhere=True)),
    "hosted_vllm": _OPENAI_SERVER,
    "lm_studio": _OPENAI_SERVER,
    "ollama": replace(_OLLAMA, tools_in_prompt=True),
    "ollama_chat": _OLLAMA,
}
