"""A wire format more is one file and one line: `notes_format.py`, and its entry in `FORMATS`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from litellm_fallback_router.api import formats, handler
from litellm_fallback_router.routing.errors import ProvidersFailedError, StreamInterruptedError
from tests.unit.api import notes_format
from tests.unit.api.fakes import CONFIG, FakeRouter, exhausted, gateway

KEY = "note-key"
PATHS = ["/v9/notes", "/notes"]
NOTE = {"to": "openai-gpt4o", "text": "What is the capital of France?"}
LIVE = NOTE | {"live": True}
ENDING = 'event: ended\ndata: {"tokens":3}\n\n'


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FakeRouter, httpx.Client]]:
    """A gateway that speaks it, and a client with a key."""
    monkeypatch.setattr(formats, "FORMATS", [*formats.FORMATS, notes_format.FORMAT])
    router = FakeRouter()
    with (
        gateway(router, api_keys=[KEY]) as url,
        httpx.Client(base_url=url, timeout=20, headers={"x-note-key": KEY}) as http,
    ):
        yield router, http


@pytest.mark.parametrize("path", PATHS)
def test_a_whole_answer_has_its_shape_and_the_headers_of_every_answer(
    notes: tuple[FakeRouter, httpx.Client], path: str
) -> None:
    router, http = notes
    answer = http.post(path, json=NOTE, headers={"x-router-timeout-ms": "1500", "x-request-id": "abc"})
    assert answer.json() == {"note": "Paris.", "by": "gpt-4o", "explained": False}
    assert answer.headers["x-router-provider"] == "openai"
    assert answer.headers["x-router-cost-usd"] == "0.00025000"
    (asked,) = router.asked
    assert (asked.timeout, asked.request_id) == (1.5, "abc")
    assert asked.caller == hashlib.sha256(KEY.encode()).hexdigest()[:8]


def test_a_stream_has_its_events(notes: tuple[FakeRouter, httpx.Client]) -> None:
    answer = notes[1].post("/v9/notes", json=LIVE)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-router-attempts"] == "1"
    written = "".join(f'event: wrote\ndata: {{"note":"{text}"}}\n\n' for text in ("Pa", "ris.", ""))
    assert answer.text == f'event: began\ndata: {{"by":"gpt-4o"}}\n\n{written}{ENDING}'


def test_the_silences_of_a_stream_are_filled_in_its_way(
    notes: tuple[FakeRouter, httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "KEEP_ALIVE_SECONDS", 0.1)
    router, http = notes
    router.pauses = (0.0, 0.8)
    text = http.post("/v9/notes", json=LIVE).text
    assert text.count("event: waiting\ndata: {}\n\n") >= 2
    assert ": keep-alive" not in text


@pytest.mark.parametrize("body", [NOTE, LIVE], ids=["whole", "stream"])
def test_an_exhausted_chain_is_told_in_its_envelope(
    notes: tuple[FakeRouter, httpx.Client], body: dict[str, object]
) -> None:
    router, http = notes
    router.failure = exhausted(ProvidersFailedError, "every candidate failed")
    answer = http.post("/v9/notes", json=body)
    assert answer.status_code == 502
    assert answer.headers["x-should-retry"] == "false"
    assert answer.json() == {"kind": "trouble", "why": "every candidate failed", "status": 502, "tried": True}


@pytest.mark.parametrize(
    ("broken", "status"),
    [(exhausted(StreamInterruptedError, "cut"), 502), (RuntimeError("the secret prompt"), 500)],
    ids=["cut", "bug"],
)
def test_a_stream_that_breaks_off_ends_in_its_error_event(
    notes: tuple[FakeRouter, httpx.Client], broken: Exception, status: int
) -> None:
    router, http = notes
    router.broken = broken
    text = http.post("/v9/notes", json=LIVE).text
    last = text.removesuffix("\n\n").rpartition("\n\n")[2]
    assert last.startswith('event: trouble\ndata: {"kind":"trouble"')
    assert f'"status":{status}' in last
    assert ENDING not in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("method", "content", "status"),
    [("POST", b"{", 400), ("POST", b'{"to": 1}', 400), ("POST", b'{"text": "x", "at": 1}', 400), ("GET", b"", 405)],
)
def test_whatever_is_refused_before_anybody_is_asked_is_told_in_its_envelope(
    *, notes: tuple[FakeRouter, httpx.Client], method: str, content: bytes, status: int
) -> None:
    router, http = notes
    answer = http.request(method, "/v9/notes", content=content)
    assert answer.status_code == status
    assert answer.json().keys() == {"kind", "why", "status", "tried"}
    assert router.asked == []


def test_a_bug_is_told_in_its_envelope(notes: tuple[FakeRouter, httpx.Client]) -> None:
    router, http = notes
    router.failure = RuntimeError("the secret prompt")
    answer = http.post("/v9/notes", json=NOTE)
    assert (answer.status_code, answer.json()["kind"]) == (500, "trouble")
    assert "secret" not in answer.text


def test_its_path_is_known_below_a_prefix_too(notes: tuple[FakeRouter, httpx.Client]) -> None:
    assert formats.format_of({"path": "/prod/notes", "root_path": "/prod"}) is notes_format.FORMAT
    assert formats.format_of({"path": "/prod/notes"}) is not notes_format.FORMAT
    assert notes[1].get("/notes/of/nobody").json()["error"]["code"] == "unknown_url"


def test_too_many_at_once_are_told_in_its_envelope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "FORMATS", [*formats.FORMATS, notes_format.FORMAT])
    full = replace(CONFIG, settings=CONFIG.settings.model_copy(update={"max_concurrent": 0}))
    with gateway(FakeRouter(full)) as url:
        answer = httpx.post(f"{url}/notes", json=NOTE)
    assert (answer.status_code, answer.json()["status"]) == (503, 503)


@pytest.mark.parametrize("headers", [{}, {"x-note-key": "wrong"}, {"authorization": f"Bearer {KEY}"}])
def test_its_key_stands_in_its_own_header_alone(
    notes: tuple[FakeRouter, httpx.Client], headers: dict[str, str]
) -> None:
    answer = httpx.post(f"{notes[1].base_url}/v9/notes", json=NOTE, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["kind"] == "trouble"
    assert "`x-note-key: KEY`" in answer.json()["why"]
    assert answer.headers["www-authenticate"] == "x-note-key"


def test_the_other_formats_do_not_take_its_key(notes: tuple[FakeRouter, httpx.Client]) -> None:
    answer = notes[1].post("/ask", json={"question": "hi"})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"


def test_docs_describe_it(notes: tuple[FakeRouter, httpx.Client]) -> None:
    document = notes[1].get("/openapi.json").json()
    assert "/notes" not in document["paths"]
    operation = document["paths"]["/v9/notes"]["post"]
    body = operation["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/Note"}
    assert body["examples"] == {"a note": {"value": {"to": "openai-gpt4o", "text": "hi"}}}
    answers = operation["responses"]
    assert answers["200"]["content"]["application/json"]["example"]["note"] == "Paris."
    assert answers["502"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Trouble"}
    assert operation["security"] == [{"NoteKey": []}]
    assert (operation["summary"], operation["tags"]) == ("Write Note", ["Notes"])
    components = document["components"]
    assert components["securitySchemes"]["NoteKey"] == {"type": "apiKey", "in": "header", "name": "x-note-key"}
    assert components["schemas"]["Note"]["properties"].keys() == {"to", "text", "live"}
    assert "Trouble" in components["schemas"]
