"""A Bedrock guardrail on the request and on its answer."""

from .interceptor import GuardrailInterceptor

__all__ = ["GuardrailInterceptor"]
