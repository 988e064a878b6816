"""LiteLLM Fallback Router."""
