"""AWS's control plane on loopback: says what a test tells it to say, if the real service could say that.

Requests are told apart, and replies and errors checked, by botocore's own models of the services.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import botocore.session
from botocore.model import OperationModel, ServiceModel
from botocore.validate import ParamValidator

from tests.support.threads import QuietHandler, served

SCOPE = re.compile(r"Credential=[^/]+/\d+/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError"})
"""What IAM says at any service, in no service's model."""


@dataclass(frozen=True)
class Refused:
    """An error in place of a reply."""

    code: str
    message: str = "no"
    status: int = 400


Reply = Mapping[str, Any] | Refused


@dataclass
class AwsReplies:
    """`replies`: by operation (`GetAccountSettings`), or by operation and Region (`ListFoundationModels us-west-2`)."""

    url: str = ""
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)
    """Operation, Region and the parameters in the path, in order."""

    def reply_to(self, model: OperationModel, region: str, parameters: Mapping[str, str]) -> Reply:
        self.asked.append((model.name, region, parameters))
        specific = [f"{model.name} {value}" for value in (*parameters.values(), region)]
        known = [self.replies[name] for name in (*specific, model.name) if name in self.replies]
        if not known:
            raise AssertionError(f"nothing was said about {model.name} ({specific})")
        reply = known[0]
        if isinstance(reply, Refused):
            assert reply.code in {shape.name for shape in model.error_shapes} | DENIED
        else:
            assert model.output_shape is not None
            report = ParamValidator().validate(dict(reply), model.output_shape)
            assert not report.has_errors(), report.generate_report()
        return reply


@contextmanager
def aws_replies(replies: Mapping[str, Reply]) -> Iterator[AwsReplies]:
    """Answers on a free port while the context lasts. What no reply fits ends the test that asked."""
    told, faults = AwsReplies(replies=dict(replies)), []

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            try:
                self._answer()
            except Exception as error:  # noqa: BLE001 - it is raised in the test
                faults.append(error)
                self._send(500, b"", "text/plain")

        do_POST = do_GET

        def _answer(self) -> None:
            scope = SCOPE.search(self.headers["Authorization"])
            assert scope is not None
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            service = _service(scope[2])
            model, parameters = _operation(service, self.command, self.path, dict(self.headers), body)
            reply = told.reply_to(model, scope[1], parameters)
            content, kind = _encoded(service, model, reply)
            self._send(reply.status if isinstance(reply, Refused) else 200, content, kind, reply)

        def _send(self, status: int, content: bytes, kind: str, reply: Reply | None = None) -> None:
            self.send_response(status)
            if isinstance(reply, Refused):
                self.send_header("x-amzn-errortype", reply.code)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with served(Handler) as told.url:
        yield told
    if faults:
        raise faults[0]


@cache
def _service(signing_name: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(signing_name)


def _operation(
    service: ServiceModel, method: str, path: str, headers: Mapping[str, str], body: str
) -> tuple[OperationModel, Mapping[str, str]]:
    if service.protocol == "json":
        return service.operation_model(headers["X-Amz-Target"].rpartition(".")[2]), {}
    if service.protocol == "query":
        return service.operation_model(parse_qs(body)["Action"][0]), {}
    for name in service.operation_names:
        model = service.operation_model(name)
        template, _, query = model.http["requestUri"].partition("?")
        wanted = "".join(
            f"(?P<{part[1:-1]}>.+)" if part.startswith("{") else re.escape(part)
            for part in re.split(r"(\{\w+\})", template)
        )
        found = re.fullmatch(wanted, urlsplit(path).path.replace("%3A", ":"))
        if found and model.http["method"] == method and query in urlsplit(path).query:
            return model, found.groupdict()
    raise AssertionError(f"{service.service_name} has no {method} {path}")


def _encoded(service: ServiceModel, model: OperationModel, reply: Reply) -> tuple[bytes, str]:
    if service.protocol != "query":
        content = {"message": reply.message, "__type": reply.code} if isinstance(reply, Refused) else reply
        return json.dumps(content).encode(), "application/json"
    if isinstance(reply, Refused):
        error = f"<Error><Code>{reply.code}</Code><Message>{escape(reply.message)}</Message></Error>"
        return f"<ErrorResponse>{error}</ErrorResponse>".encode(), "text/xml"
    members = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in reply.items())
    result = f"<{model.name}Result>{members}</{model.name}Result>"
    return f"<{model.name}Response>{result}</{model.name}Response>".encode(), "text/xml"
