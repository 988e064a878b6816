"""The simulator's own HTTP interface, `/_sim`: faults, settings and the request log."""

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from local.simulator.faults import Rule
from local.simulator.http import Reply, Request
from local.simulator.settings import Settings

if TYPE_CHECKING:
    from local.simulator.server import Simulator

PREFIX = "/_sim"
_PATHS = "GET /_sim/health, GET|POST|DELETE /_sim/faults, DELETE /_sim/faults/ID, GET|DELETE /_sim/requests, "
_HELP = (
    f"No such page. There are /openai, /anthropic, /bedrock, /s3 and {_PATHS}GET|POST /_sim/settings, POST /_sim/reset."
)


class Control:
    """Answers requests under `/_sim`, and those to unknown paths."""

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator

    def answer(self, request: Request) -> Reply:
        try:
            return self._route(request)
        except ValidationError as wrong:
            mistakes = [
                {"field": ".".join(str(step) for step in one["loc"]), "problem": one["msg"]}
                for one in wrong.errors(include_url=False, include_input=False, include_context=False)
            ]
            return Reply.json(400, {"message": "the body is not what this page takes", "mistakes": mistakes})

    def _route(self, request: Request) -> Reply:
        page, _, item = request.path.removeprefix(f"{PREFIX}/").partition("/")
        if not request.path.startswith(f"{PREFIX}/") or (item and page != "faults"):
            return Reply.json(404, {"message": _HELP})
        simulator = self._simulator
        status = 200
        answer: Any = {}
        match request.method, page:
            case "GET", "health":
                answer = self._health()
            case (_, "faults"):
                status, answer = self._faults(request, item)
            case "GET", "requests":
                answer = [record.model_dump() for record in simulator.requests]
            case "DELETE", "requests":
                simulator.clear_requests()
            case "GET" | "POST", "settings":
                if request.method == "POST":
                    changed = {**simulator.settings.model_dump(), **_body(request)}
                    simulator.settings = Settings.model_validate(changed)
                answer = simulator.settings.model_dump()
            case "POST", "reset":
                simulator.reset()
            case _:
                status, answer = 404, {"message": _HELP}
        return Reply.json(status, answer)

    def _faults(self, request: Request, rule_id: str) -> tuple[int, Any]:
        book = self._simulator.faults
        match request.method, rule_id:
            case "GET", "":
                return 200, book.rules()
            case "POST", "":
                return 201, {"id": book.add(Rule.model_validate(_body(request)))}
            case "DELETE", "":
                book.clear()
                return 200, {}
            case "DELETE", _ if rule_id.isdigit() and book.remove(int(rule_id)):
                return 200, {}
            case _:
                return 404, {"message": f"there is no fault {rule_id!r}; GET {PREFIX}/faults lists them"}

    def _health(self) -> dict[str, Any]:
        """`connections` includes that of this request; `in_flight` counts provider requests being served."""
        return {
            "status": "ok",
            "connections": self._simulator.open_connections,
            "in_flight": self._simulator.in_flight,
            "requests": len(self._simulator.requests),
        }


def _body(request: Request) -> dict[str, Any]:
    return request.json if isinstance(request.json, dict) else {}
