"""HTTP: OpenAI's chat completions and a few small doors beside them. Knows the Router, never an adapter."""
