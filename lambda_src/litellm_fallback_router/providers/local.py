"""Servers that people run themselves, and providers whose sign-in LiteLLM does without a key."""

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
    base_variable="OLLAMA_API_BASE",
    usual_base="http://localhost:11434",
)
_OPENAI_SERVER = replace(KEYLESS, openai_server=True, placeholder_key=True)
_KEYLESS_NAMES = """
    vllm llamafile xinference docker_model_runner lemonade oobabooga petals triton infinity custom oci
    github_copilot chatgpt auto_router gdc
"""
LOCAL = {
    **dict.fromkeys(_KEYLESS_NAMES.split(), KEYLESS),
    "hosted_vllm": _OPENAI_SERVER,
    "lm_studio": _OPENAI_SERVER,
    "ollama": replace(_OLLAMA, tools_in_prompt=True),
    "ollama_chat": _OLLAMA,
}
