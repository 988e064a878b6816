"""What a request and its answer pass where the mapping names a guardrail."""

from .answers import guarded_answer, guarded_chunks
from .session import GuardrailSession

__all__ = ["GuardrailSession", "guarded_answer", "guarded_chunks"]
