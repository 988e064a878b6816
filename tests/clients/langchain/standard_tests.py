"""The standard tests of `langchain-tests` for the three chat models, at the address of the environment's BASE_URL."""

import os
from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests

BASE_URL = os.environ["BASE_URL"]


class TestChats(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[ChatOpenAI]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "gpt-4o", "base_url": BASE_URL, "api_key": "sim-openai-key", "max_retries": 0, "timeout": 30}

    @property
    def supports_image_inputs(self) -> bool:
        return True


class TestResponses(TestChats):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**super().chat_model_params, "use_responses_api": True}


class TestMessages(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[ChatAnthropic]:
        return ChatAnthropic

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": "claude-sonnet-4-6",
            "base_url": BASE_URL,
            "api_key": "sim-anthropic-key",
            "max_retries": 0,
            "timeout": 30,
            "max_tokens": 2000,
        }

    @property
    def supports_image_inputs(self) -> bool:
        return True
