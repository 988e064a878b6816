"""The managed prompts that the simulated account has, as GetPrompt answers."""

from typing import Any

_HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
_NOVA = "us.amazon.nova-2-lite-v1:0"
_WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "inputSchema": {
        "json": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def _capital(version: str, text: str) -> dict[str, Any]:
    variant = {
        "name": "plain",
        "templateType": "TEXT",
        "templateConfiguration": {"text": {"text": text, "inputVariables": [{"name": "country"}]}},
        "modelId": _HAIKU,
        "inferenceConfiguration": {"text": {"temperature": 0.0, "maxTokens": 100}},
    }
    return {"name": "capital", "id": "CAPITALS01", "version": version, "defaultVariant": "plain", "variants": [variant]}


_TRAVEL: dict[str, Any] = {
    "name": "travel",
    "id": "TRAVEL0001",
    "version": "DRAFT",
    "defaultVariant": "chat",
    "variants": [
        {
            "name": "chat",
            "templateType": "CHAT",
            "templateConfiguration": {
                "chat": {
                    "system": [
                        {"text": "Advise travellers, in {{language}}."},
                        {"cachePoint": {"type": "default"}},
                    ],
                    "messages": [
                        {"role": "user", "content": [{"text": "I shall be in {{city}}."}]},
                        {"role": "assistant", "content": [{"text": "What would you like to know about {{city}}?"}]},
                        {"role": "user", "content": [{"text": "What is the weather in {{city}}?"}]},
                    ],
                    "inputVariables": [{"name": "language"}, {"name": "city"}],
                    "toolConfiguration": {"tools": [{"toolSpec": _WEATHER}], "toolChoice": {"auto": {}}},
                }
            },
            "modelId": _NOVA,
            "inferenceConfiguration": {"text": {"temperature": 0.25, "maxTokens": 200, "stopSequences": ["END"]}},
        }
    ],
}

LIBRARY: tuple[dict[str, Any], ...] = (
    _capital("1", "What is the capital of {{country}}?"),
    _capital("DRAFT", "Tell me: what is the capital of {{country}}?"),
    _TRAVEL,
)
