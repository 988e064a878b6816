"""The one family of errors the router raises.

    RouterError                       status
    |- InvalidRequestError            400   the request itself is wrong; `param` names the field
    |  |- UnknownModelError           404   no such model or strategy for this key; lists the known ones
    |  |- ContextWindowExceededError  400   larger than the window of every candidate
    |  |- RequestTooLargeError         413   the body is larger than the gateway reads
    |  `- ContentPolicyError           400   a provider's content filter or the guardrail refused
    |- RateLimitedError               429   every candidate is out of its rate; Retry-After when known
    |  |- TooManyAtOnceError          429   the caller has too many requests under way
    |  `- BudgetExceededError         429   what is left of a budget does not pay for any candidate's answer
    |- ProvidersFailedError           502   every candidate was asked and failed
    |- UnavailableError               503   nothing could be asked (no key, no rate left); Retry-After when known
    |- GatewayBusyError               503   all callers together have too many requests under way
    |- GuardrailUnreachableError      503   the guardrail gave no verdict, and without one nothing is answered
    |- DeadlineExceededError          504   the budget ran out
    |- ServerStoppingError           503   the process ends, and the answer with it
    |- CallerLeftError                499   the caller hung up before the answer
    |- StreamInterruptedError         502   a stream broke and could not be continued honestly
    |- InternalError                  500   a bug of the gateway's own, as it is told to observers; it is never raised
    `- ConfigurationError             500   the mapping is wrong; stops the start, never a request

`str(error)` is fit for a caller: it names deployments and reasons, never prompts, answers or keys.
"""

from __future__ import annotations

from .ledger import Ledger


class RouterError(Exception):
    """Base of everything the router raises.

    Attributes:
        status: HTTP status of the answer.
        type: OpenAI's `type` of the error.
        code: OpenAI's `code` of the error; None: it has none.
        param: The field of the request that is wrong; None: it is no single field.
        detail: What the provider itself said about this request: for the caller only, never for a log.
        retry_after: Seconds after which to ask again; None where unknown.
        ledger: What was attempted and dropped.
    """

    status = 500
    type = "api_error"
    code: str | None = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        retry_after: float | None = None,
        ledger: Ledger | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(message)
        self.param = param
        self.detail = detail
        self.retry_after = retry_after
        self.ledger = ledger or Ledger()


class InvalidRequestError(RouterError):
    """The request is wrong, and `param` names the field; or no candidate can do what it needs."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_request"


class UnknownModelError(InvalidRequestError):
    """No model or strategy has that name, or the caller's key may not ask it; the text lists those that it may.

    One status and code for both, as OpenAI has it: the text of its 404 says that the model does not exist or that the
    caller has no access to it. Source: Aider-AI/aider issue 2030, which quotes an answer of OpenAI's API.
    """

    status = 404
    code = "model_not_found"


class ContextWindowExceededError(InvalidRequestError):
    code = "context_length_exceeded"


class RequestTooLargeError(InvalidRequestError):
    status = 413
    code = "request_too_large"


class ContentPolicyError(InvalidRequestError):
    code = "content_filter"


class RateLimitedError(RouterError):
    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class TooManyAtOnceError(RateLimitedError):
    code = "too_many_requests_at_once"


class BudgetExceededError(RateLimitedError):
    """Retry-After says when the budget is full again, which may be weeks; or, in seconds, that requests under way hold
    what is missing."""

    type = "insufficient_quota"
    code = "budget_exceeded"


class ProvidersFailedError(RouterError):
    status = 502
    code = "providers_failed"


class UnavailableError(RouterError):
    status = 503
    code = "no_deployment_available"


class GatewayBusyError(RouterError):
    status = 503
    code = "gateway_busy"


class GuardrailUnreachableError(RouterError):
    status = 503
    code = "guardrail_unreachable"


class DeadlineExceededError(RouterError):
    status = 504
    type = "timeout_error"
    code = "deadline_exceeded"


class ServerStoppingError(RouterError):
    status = 503
    code = "server_stopping"


class CallerLeftError(RouterError):
    status = 499
    code = "caller_left"


class InternalError(RouterError):
    code = "internal_error"


class StreamInterruptedError(RouterError):
    status = 502
    code = "stream_interrupted"


class ConfigurationError(RouterError):
    """The mapping or an environment variable is wrong. It stops the start, never a request.

    Attributes:
        problems: Every mistake with its path: `fallbacks.openai-gpt4o[1]: unknown model 'x'; known: ...`.
    """

    code = "configuration"

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        listed = "\n".join(f"  - {problem}" for problem in problems)
        count = f"{len(problems)} mistake" + ("" if len(problems) == 1 else "s")
        super().__init__(f"the configuration has {count}:\n{listed}")


_MAX_ECHO = 64
"""Characters of a caller's own field name that an error repeats."""


def invalid(message: str, param: str | None = None, code: str = "invalid_request") -> InvalidRequestError:
    """A 400 about one field; `param` in OpenAI's dotted style: `messages[0].content`."""
    error = InvalidRequestError(message, param=param)
    error.code = code
    return error


def shown(name: str) -> str:
    """A field's name, short and printable, for use in a message."""
    return name.encode("unicode_escape").decode("ascii")[:_MAX_ECHO]
