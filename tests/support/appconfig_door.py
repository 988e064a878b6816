"""AppConfig's validators, on loopback before a local AWS that keeps them and runs none.

Everything else is passed on. Source: AWS AppConfig user guide, "Understanding validators", and API reference,
`ValidateConfiguration`, `BadRequestException`.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jsonschema import Draft4Validator

from tests.support.ministack import MiniStack
from tests.support.threads import QuietHandler, served

TIMEOUT = 60.0
_VALIDATES = re.compile(r"/applications/([^/]+)/configurationprofiles/([^/]+)/validators")


def refusals(aws: MiniStack, application: str, profile: str, version: str) -> list[dict[str, str]]:
    """What the profile's validators say against that version of its configuration."""
    appconfig = aws.client("appconfig")
    where = {"ApplicationId": application, "ConfigurationProfileId": profile}
    hosted = appconfig.get_hosted_configuration_version(**where, VersionNumber=int(version))
    content = hosted["Content"].read()
    found = []
    for one in appconfig.get_configuration_profile(**where)["Validators"]:
        said = (
            _schema_refuses(one["Content"], content)
            if one["Type"] == "JSON_SCHEMA"
            else _function_refuses(aws, one["Content"], content, where, version)
        )
        if said:
            found.append({"Constraint": one["Type"], "Reason": said, "Type": one["Type"]})
    return found


def _schema_refuses(schema: str, content: bytes) -> str:
    # AppConfig reads JSON Schema of version 4.
    return "; ".join(error.message for error in Draft4Validator(json.loads(schema)).iter_errors(json.loads(content)))


def _function_refuses(aws: MiniStack, function: str, content: bytes, where: dict[str, str], version: str) -> str:
    event = {
        "applicationId": where["ApplicationId"],
        "configurationProfileId": where["ConfigurationProfileId"],
        "configurationVersion": version,
        "content": base64.b64encode(content).decode(),
        "uri": "hosted",
    }
    answer = aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    return str(json.loads(answer["Payload"].read())["errorMessage"]) if "FunctionError" in answer else ""


@contextmanager
def appconfig_door(aws: MiniStack) -> Iterator[str]:
    """The address of AppConfig's control plane while the context lasts."""
    target = urlsplit(aws.url).netloc

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            path = urlsplit(self.path)
            if validates := _VALIDATES.fullmatch(path.path):
                (version,) = parse_qs(path.query)["configuration_version"]
                application, profile = validates.groups()
                self._validated(refusals(aws, application, profile, version))
            else:
                self._pass_on(body)

        do_POST = do_DELETE = do_PATCH = do_GET

        def _validated(self, found: list[dict[str, str]]) -> None:
            if not found:
                self._say(204, {}, b"")
                return
            error: dict[str, Any] = {
                "Message": "Error validating configuration",
                "Reason": "InvalidConfiguration",
                "Details": {"InvalidConfiguration": found},
            }
            self._say(400, {"x-amzn-errortype": "BadRequestException"}, json.dumps(error).encode())

        def _pass_on(self, body: bytes) -> None:
            connection = http.client.HTTPConnection(target, timeout=TIMEOUT)
            try:
                connection.request(self.command, self.path, body or None, dict(self.headers))
                response = connection.getresponse()
                kept = {name: value for name, value in response.getheaders() if name.lower() not in _OWN}
                self._say(response.status, kept, response.read())
            finally:
                connection.close()

        def _say(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with served(Handler) as url:
        yield url


_OWN = {"transfer-encoding", "content-length", "connection", "date", "server"}
