"""Codex, not interactive: a loop of tools that edits a file, with the whole chain behind it."""

import base64
import json
from pathlib import Path
from typing import Any

from prover import (
    COUNT,
    COUNTED,
    GATEWAY,
    HOME,
    INSTALLED,
    PNG,
    asked,
    edited_once,
    fails_once,
    fault,
    proves,
    resumed,
    run_program,
    same,
    simulator,
)

PRIMARY, SECOND, LAST = "gpt-5.4-mini", "claude-sonnet-4-6", "us.amazon.nova-2-lite-v1:0"
PROGRAM = next(INSTALLED.glob("node_modules/@openai/codex-*/vendor/*/bin/codex"))
# It searches the web unless told not to, and only OpenAI has that: a chain would be OpenAI's models alone.
CONFIG = f"""
model = "{PRIMARY}"
model_provider = "gateway"
model_reasoning_effort = "low"
approval_policy = "never"
sandbox_mode = "danger-full-access"
web_search = "disabled"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.gateway]
name = "gateway"
base_url = "{GATEWAY}/v1"
env_key = "GATEWAY_KEY"
wire_api = "responses"
request_max_retries = 0
"""
(HOME / ".codex").mkdir()
(HOME / ".codex" / "config.toml").write_text(CONFIG)


def codex(prompt: str, folder: Path, *options: str) -> list[dict[str, Any]]:
    """Its events. Raises AssertionError with its own words where it fails."""
    command = [str(PROGRAM), "exec", "--skip-git-repo-check", "--json", *options, prompt]
    done = run_program(command, folder, {"GATEWAY_KEY": "any"})
    if done.returncode:
        raise AssertionError(f"it ended with {done.returncode}: {(done.stdout or done.stderr).strip()[-300:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def said(prompt: str, *options: str) -> str:
    items = [event["item"] for event in codex(prompt, HOME, *options) if event["type"] == "item.completed"]
    return str([item["text"] for item in items if item["type"] == "agent_message"][-1])


def edits_a_file(name: str) -> None:
    """Edit a file by a command and look at it, as the prompt dictates to the simulated model."""
    edit, look = {"cmd": "sed -i s/hello,/goodbye,/ note.txt"}, {"cmd": "cat note.txt"}
    prompt = f"Please call exec_command with {json.dumps(edit)}, then call exec_command with {json.dumps(look)}."
    edited_once(HOME / name, lambda note: codex(prompt, note.parent))


@proves("chat")
def chat() -> None:
    same(said("What is the capital of France?"), "Paris is the capital of France.")
    same(asked(), [PRIMARY])


@proves("stream")
def stream() -> None:
    same(said(COUNT), COUNTED)


@proves("tools")
def tools() -> None:
    edits_a_file("tools")
    same(asked(), [PRIMARY] * 3)


@proves("structured")
def structured() -> None:
    schema = HOME / "schema.json"
    form = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
    schema.write_text(json.dumps({**form, "additionalProperties": False}))
    same(list(json.loads(said(COUNT, "--output-schema", str(schema)))), ["answer"])


@proves("images")
def images() -> None:
    picture = HOME / "picture.png"
    picture.write_bytes(base64.b64decode(PNG))
    same(said(COUNT, f"--image={picture}"), COUNTED)
    same('"type": "input_image"' in json.dumps(simulator("GET", "requests")[-1]["body"]["input"]), True)


@proves("thinking")
def thinking() -> None:
    edits_a_file("thinking")
    inputs = [record["body"]["input"] for record in simulator("GET", "requests")]
    thoughts = [sum(item.get("type") == "reasoning" for item in items) for items in inputs]
    same(thoughts, [0, 1, 2])


@proves("fallback")
def fallback() -> None:
    """All of a loop, its end, or its middle is another model's, that only chats."""
    fault = {"kind": "model_not_found"}
    for place, rule in {"all": {}, "end": {"skip": 1}, "middle": {"skip": 1, "times": 1}}.items():
        simulator("POST", "reset")
        for provider in ("openai", "anthropic"):
            skipped = rule if provider == "openai" else {}
            simulator("POST", "faults", {"fault": fault, "provider": provider, **skipped})
        edits_a_file(f"fallback, {place}")
        same(LAST in asked(), True)
        same(asked()[-1], PRIMARY if place == "middle" else LAST)


@proves("resume")
def resume() -> None:
    fault("cut", "openai", after_chunks=30)
    same(said(COUNT), COUNTED)
    resumed(PRIMARY, SECOND)


KILLED = {"in the first call": (3, 0), "in the second call": (3, 1), "in the text": (8, 2)}


@proves("broken call")
def broken() -> None:
    for where, (chunks, before) in KILLED.items():
        simulator("POST", "reset")
        rule = {"fault": {"kind": "cut", "after_chunks": chunks}, "provider": "openai", "times": 1, "skip": before}
        simulator("POST", "faults", rule)
        edits_a_file(where)
        same([rule["used"] for rule in simulator("GET", "faults")], [1])


@proves("exhausted")
def exhausted() -> None:
    fails_once(lambda: said(COUNT))
