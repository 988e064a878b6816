"""Every name of LiteLLM's that is used, and the version that has them all."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from ..routing.errors import ConfigurationError
from .listeners import LISTENERS

VERSION = "1.106.2"
SETTINGS = (
    "disable_hf_tokenizer_download",
    "drop_params",
    "modify_params",
    "num_retries",
    "suppress_debug_info",
    "turn_off_message_logging",
)
FORMATS = (
    "AZURE_DEFAULT_API_VERSION",
    "AmazonConverseConfig._async_transform_request",
    "AmazonConverseConfig._process_tools_and_beta",
    "AmazonConverseConfig.map_openai_params",
    "AmazonConverseConfig.should_fake_stream",
    "AmazonConverseConfig.transform_response",
    "AmazonConverseConfig.translate_developer_role_to_system_role",
    "AnthropicConfig.async_transform_request",
    "AnthropicConfig.get_api_base",
    "AnthropicConfig.map_openai_params",
    "AnthropicConfig.transform_response",
    "AnthropicConfig.translate_developer_role_to_system_role",
    "AnthropicConfig.validate_environment",
    "BedrockMantleChatConfig.get_openai_compatible_provider_info",
    "CohereV2ChatConfig",
    "LlmProviders",
    "ModelResponse",
    "OpenAIConfig",
    "OpenAIGPTConfig.async_transform_request",
    "OpenAIGPTConfig.get_api_base",
    "OpenAIGPTConfig.get_complete_url",
    "OpenAIGPTConfig.get_model_response_iterator",
    "OpenAIGPTConfig.map_openai_params",
    "OpenAIGPTConfig.sign_request",
    "OpenAIGPTConfig.transform_response",
    "OpenAIGPTConfig.translate_developer_role_to_system_role",
    "OpenAIGPTConfig.validate_environment",
    "OpenAILikeChatConfig.transform_response",
    "REPEATED_STREAMING_CHUNK_LIMIT",
    "Usage",
    "anthropic_beta_headers_manager.update_headers_with_filtered_beta",
    "anthropic_beta_headers_manager.update_request_with_filtered_beta",
    "constants.DEFAULT_CHAT_COMPLETION_PARAM_VALUES",
    "get_llm_provider",
    "get_supported_openai_params",
    "llms.anthropic.chat.handler.ANTHROPIC_TOOL_NAME_REVERSE_MAP_KEY",
    "llms.anthropic.chat.handler.ModelResponseIterator.chunk_parser",
    "llms.bedrock.base_aws_llm.BaseAWSLLM.encode_model_id",
    "llms.bedrock.base_aws_llm.BaseAWSLLM.get_aws_region_name",
    "llms.bedrock.base_aws_llm.BaseAWSLLM.get_credentials",
    "llms.bedrock.base_aws_llm.BaseAWSLLM.get_runtime_endpoint",
    "llms.bedrock.base_aws_llm.bedrock_bearer_token",
    "llms.bedrock.chat.invoke_handler.AWSEventStreamDecoder.converse_chunk_parser",
    "llms.custom_httpx.http_handler.get_ssl_configuration",
    "llms.vertex_ai.gemini.transformation.transform_request_body",
    "llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini.ModelResponseIterator.chunk_parser",
    "llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini.VertexLLM._get_token_and_url",
    "main.responses_api_bridge_check",
    "secret_managers.main.get_secret_str",
    "types.utils.Delta",
    "types.utils.ModelResponseStream",
    "types.utils.StreamingChoices",
    "utils.ProviderConfigManager.get_provider_chat_config",
    "utils.convert_to_model_response_object",
)
PRICES = ("completion_cost", "cost_per_token")
PUBLIC_CALL = (
    "AuthenticationError",
    "BadRequestError",
    "ContentPolicyViolationError",
    "ContextWindowExceededError",
    "ImageFetchError",
    "NotFoundError",
    "Timeout",
    "VertexGeminiConfig._check_finish_reason",
    "acompletion",
    "close_litellm_async_clients",
    "in_memory_llm_clients_cache.cache_dict",
    "in_memory_llm_clients_cache.flush_cache",
    "in_memory_llm_clients_cache.ttl_dict",
    "litellm_core_utils.core_helpers._FINISH_REASON_MAP",
    "litellm_core_utils.core_helpers.map_finish_reason",
    "litellm_core_utils.get_model_cost_map.GetModelCostMap._loaded_catalog",
    "litellm_core_utils.logging_worker.LoggingWorker._ensure_queue",
    "litellm_core_utils.url_utils",
    "llms.anthropic.chat.handler.map_finish_reason",
    "llms.anthropic.chat.transformation.map_finish_reason",
    "llms.base_llm.base_model_iterator.BaseModelResponseIterator._handle_string_chunk",
    "llms.base_llm.base_model_iterator.BaseModelResponseIterator._string_to_dict_parser",
    "llms.base_llm.chat.transformation.BaseLLMException",
    "llms.bedrock.base_aws_llm.BaseAWSLLM._shared_iam_cache",
    "llms.custom_httpx.aiohttp_handler.BaseLLMAIOHTTPHandler._get_async_client_session",
    "llms.custom_httpx.http_handler.AsyncHTTPHandler.create_client",
    "llms.custom_httpx.http_handler.AsyncHTTPHandler.single_connection_post_request",
    "llms.custom_httpx.http_handler.HTTPHandler.create_client",
    "llms.openai.common_utils.BaseOpenAILLM._get_async_http_client",
    "llms.openai.common_utils.BaseOpenAILLM._get_sync_http_client",
    "llms.openai.openai.drop_params_from_unprocessable_entity_error",
    "main._encoding_cache",
    "main._load_default_encoding",
    "main.completion",
    "responses",
    "user_url_validation",
)
"""Names of its public call, and those that are patched in it."""
NAMES = (*SETTINGS, *FORMATS, *PRICES, *PUBLIC_CALL, *LISTENERS)


def check(library: Any) -> None:
    """Raises ConfigurationError where this LiteLLM has not all of them."""
    if missing := [name for name in NAMES if not has(library, name)]:
        names = ", ".join(f"litellm.{name}" for name in missing)
        raise ConfigurationError(
            [f"LiteLLM {_installed()} has no {names}; install the version that has: litellm=={VERSION}"]
        )


def _installed() -> str:
    try:
        return metadata.version("litellm")
    except metadata.PackageNotFoundError:
        return "of an unknown version"


def has(library: Any, name: str) -> bool:
    found = library
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            return False
    return True
