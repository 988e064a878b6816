"""The interceptors of a request, in their order."""

from __future__ import annotations

from dataclasses import dataclass

from ..accounts import Accounts, Spending
from ..execution import ExecutionDependencies, may_be_cached
from ..mapping import RouterConfig
from ..observe import LiveObserver
from ..ports import Guard, Prompts, ResponseCache, Samples
from ..types import ChatRequest
from .affinity import AffinityInterceptor
from .budget import BudgetInterceptor, paying
from .cache import CacheInterceptor
from .guardrail import GuardrailInterceptor
from .prompts import PromptInterceptor
from .protocol import Interceptor
from .rates import RatesInterceptor, has_rates
from .samples import SampleInterceptor


@dataclass(frozen=True, slots=True)
class RouterDependencies(ExecutionDependencies):
    """Everything a Router uses beyond its mapping."""

    samples: Samples | None = None
    """None: no answer is kept."""
    prompts: Prompts | None = None
    """None: the mapping allows no managed prompts."""
    guard: Guard | None = None
    """None: the mapping has no guardrail."""
    cache: ResponseCache | None = None
    """Where answers are kept for equal requests; None: nowhere."""
    accounts: Accounts | None = None
    """What keys, tags and the stage may use; None: nothing is limited."""
    spending: Spending | None = None
    """None: what is spent is not written anywhere."""
    live: LiveObserver | None = None
    """The observer, where what happens can be looked at."""


def interceptors(request: ChatRequest, config: RouterConfig, dependencies: RouterDependencies) -> list[Interceptor]:
    """List the interceptors of one request: the request and its answer pass from the first to the last.

    The rates of the key come first: a request that is over them costs no read of a prompt and no call of the guardrail.
    The guardrail sees the request with its managed prompt in it; a sample is what the guardrail lets the caller have.
    What answers in place of the chain, such as a cache, stands behind what replaces or checks the request, and before
    the budget, since it costs nothing.

    Args:
        request: The validated request.
        config: The mapping, which says whether there is a guardrail.
        dependencies: What reads prompts, asks the guardrail and keeps samples.

    Returns:
        New interceptors, for this request alone.
    """
    passed: list[Interceptor] = []
    accounts = dependencies.accounts
    if accounts is not None and request.key is not None and has_rates(request.key):
        passed.append(RatesInterceptor(request.key, accounts))
    if request.prompt is not None:
        passed.append(PromptInterceptor(request.prompt, config, dependencies.prompts))
    if config.settings.cache_affinity and may_be_cached(request):
        passed.append(AffinityInterceptor(request, config, dependencies.caches))
    if config.guardrail is not None and dependencies.guard is not None:
        passed.append(GuardrailInterceptor(config.guardrail, dependencies.guard))
    if request.constraints.cache:
        passed.append(CacheInterceptor(config, dependencies.cache))
    if accounts is not None and (money := paying(request, config)):
        passed.append(BudgetInterceptor(money, accounts, dependencies.provider))
    if dependencies.samples is not None:
        passed.append(SampleInterceptor(dependencies.samples))
    return passed
