"""Checks requests, and answers that come from outside, against botocore's own models of Bedrock's services."""

import re
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ServiceModel, StructureShape
from botocore.validate import ParamValidator

from local.simulator.bedrock.errors import refuse
from local.simulator.provider import ApiError


@cache
def _service(name: str) -> ServiceModel:
    return botocore.session.Session().get_service_model(name)


@cache
def input_shape(operation: str, service: str = "bedrock-runtime") -> StructureShape:
    """Shape of what an operation (`Converse`) takes. Read from disk the first time."""
    shape = _service(service).operation_model(operation).input_shape
    if shape is None:
        raise ValueError(f"botocore's model of {operation} takes no input")
    return shape


def check_params(operation: str, params: dict[str, Any], service: str) -> None:
    """Raises ApiError with a ValidationException for `params` that are not the operation's input."""
    shape = input_shape(operation, service)
    _check_limits(shape, params, "")
    report = ParamValidator().validate(params, shape)
    if report.has_errors():
        raise refuse(f"The provided request is not valid: {report.generate_report()}")


def check_answer(operation: str, answer: dict[str, Any], service: str) -> None:
    """Raises ValueError for an answer that the operation could not give: a mistake of the simulator or its user."""
    shape = _service(service).operation_model(operation).output_shape
    if shape is None:
        raise ValueError(f"botocore's model of {operation} gives no answer")
    try:
        _check_limits(shape, answer, "")
    except ApiError as wrong:
        raise ValueError(f"no answer of {operation}: {wrong}") from wrong
    report = ParamValidator().validate(answer, shape)
    if report.has_errors():
        raise ValueError(f"no answer of {operation}: {report.generate_report()}")


def check(operation: str, model_id: str, body: Any) -> None:
    """Raises ApiError with a ValidationException for a body that is not the operation's input."""
    if not isinstance(body, dict):
        raise refuse("The provided request is not valid: the body is not a JSON object.")
    shape = input_shape(operation)
    _check_limits(shape, body, "")
    report = ParamValidator().validate({**body, "modelId": model_id}, shape)
    if report.has_errors():
        raise refuse(f"The provided request is not valid: {report.generate_report()}")


def _check_limits(shape: Any, value: Any, where: str) -> None:
    """What botocore leaves to the service: unknown members, enumerations, upper bounds, patterns."""
    match shape.type_name, value:
        case "structure", dict() if not shape.is_document_type:
            for name, member in value.items():
                if name not in shape.members:
                    raise refuse(
                        f"Malformed input request: #{where.replace('.', '/')}: extraneous key [{name}] is not "
                        "permitted, please reformat your input and try again."
                    )
                _check_limits(shape.members[name], member, f"{where}.{name}")
            if shape.is_tagged_union and len(value) != 1:
                raise refuse(f"Exactly one member of '{where.lstrip('.')}' has to be set, {len(value)} are.")
        case "list", list():
            _check_upper(shape, len(value), where, "length")
            for index, member in enumerate(value, start=1):
                _check_limits(shape.member, member, f"{where}.{index}.member")
        case "map", dict():
            for key, member in value.items():
                _check_limits(shape.value, member, f"{where}.{key}")
        case "string", str():
            _check_upper(shape, len(value), where, "length")
            _check_string(shape, value, where)
        case (("integer" | "float" | "long" | "double"), int() | float()):
            _check_upper(shape, value, where, "value")


def _check_upper(shape: Any, size: float, where: str, what: str) -> None:
    limit = shape.metadata.get("max")
    if limit is not None and size > limit:
        raise _violation(size, where, f"Member must have {what} less than or equal to {limit}")


def _check_string(shape: Any, value: str, where: str) -> None:
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        raise _violation(value, where, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        raise _violation(value, where, f"Member must satisfy regular expression pattern: {pattern}")


def _violation(value: object, where: str, constraint: str) -> ApiError:
    at = where.lstrip(".")
    return refuse(f"1 validation error detected: Value '{value}' at '{at}' failed to satisfy constraint: {constraint}")
