"""What a request and its answer pass around their execution: hooks in one declared order."""

from .budget import money_accounts, tagged
from .guardrail import GuardrailInterceptor
from .order import RouterDependencies, interceptors
from .prompts import PromptTemplate
from .protocol import InPlace, Interceptor
from .run import Run

__all__ = [
    "GuardrailInterceptor",
    "InPlace",
    "Interceptor",
    "PromptTemplate",
    "RouterDependencies",
    "Run",
    "interceptors",
    "money_accounts",
    "tagged",
]
