"""Claude Code, not interactive: a loop of tools that edits a file, the primary killed at every place of a stream."""

import base64
import json
from pathlib import Path

from prover import (
    COUNT,
    COUNTED,
    GATEWAY,
    HOME,
    INSTALLED,
    KEY,
    PNG,
    asked,
    edited_once,
    fails_once,
    proves,
    resumed,
    run_program,
    same,
    simulator,
)

SONNET, NOVA = "claude-sonnet-4-6", "us.amazon.nova-2-lite-v1:0"
# The package's own start script needs a step that runs when packages are installed; the program is whole without it.
PROGRAM = next(INSTALLED.glob("node_modules/@anthropic-ai/claude-code-*/claude"))
ENVIRONMENT = {
    "ANTHROPIC_BASE_URL": GATEWAY,
    "ANTHROPIC_API_KEY": KEY,
    "ANTHROPIC_DEFAULT_HAIKU_MODEL": "claude-haiku-4-5",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
}
# Where thoughts are not shown, they have no words in a stream.
OPTIONS = ["--output-format", "json", "--permission-mode", "acceptEdits", "--thinking-display", "summarized"]
# What the primary's stream ends after, and how many requests before it passed unharmed.
KILLED = {
    "at message_start": ({"after_messages": 1}, 0),
    "inside thinking": ({"after_chunks": 5}, 0),
    "inside text": ({"after_chunks": 20}, 2),
    "inside a tool call": ({"after_chunks": 15}, 1),
}
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}


def claude(model: str, prompt: str, folder: Path, *options: str) -> dict[str, object]:
    """What it says at its end. Raises AssertionError with its own words where it fails."""
    command = [str(PROGRAM), "-p", prompt, *OPTIONS, *options]
    done = run_program(command, folder, {**ENVIRONMENT, "ANTHROPIC_MODEL": model})
    if not done.stdout.startswith("{"):
        raise AssertionError(f"it ended with {done.returncode}: {done.stderr.strip()[:300]}")
    told: dict[str, object] = json.loads(done.stdout)
    if done.returncode:
        raise AssertionError(f"it ended with {done.returncode}: {told['result']}")
    return told


def edits_a_file(model: str, name: str) -> None:
    """Read a file and edit it, as the prompt dictates to the simulated model; the file is edited once, rightly."""

    def edit(note: Path) -> None:
        read = {"file_path": str(note)}
        change = {**read, "old_string": "hello,", "new_string": "goodbye,"}
        prompt = f"Please call Read with {json.dumps(read)}, then call Edit with {json.dumps(change)}."
        claude(model, prompt, note.parent)

    edited_once(HOME / f"{model} {name}", edit)


def prove(model: str, following: str) -> None:
    def said(prompt: str) -> str:
        return str(claude(model, prompt, HOME)["result"])

    @proves("chat", model)
    def chat() -> None:
        same(said("What is the capital of France?"), "Paris is the capital of France.")

    @proves("stream", model)
    def stream() -> None:
        same(said(COUNT), COUNTED)

    @proves("tools", model)
    def tools() -> None:
        edits_a_file(model, "tools")
        same(asked(), [model] * 3)

    @proves("structured", model)
    def structured() -> None:
        # It asks for a tool to be called with the answer, and tells the model so in words.
        prompt = f'{COUNT}, then call StructuredOutput with {{"answer": "forty"}}'
        told = claude(model, prompt, HOME, "--json-schema", json.dumps(SCHEMA))
        same(told.get("structured_output"), {"answer": "forty"})

    @proves("images", model)
    def images() -> None:
        picture = HOME / "picture.png"
        picture.write_bytes(base64.b64decode(PNG))
        said(f"Please call Read with {json.dumps({'file_path': str(picture)})}.")
        same('"type": "image"' in json.dumps(simulator("GET", "requests")[-1]["body"]["messages"]), True)

    @proves("thinking", model)
    def thinking() -> None:
        """Thoughts stand in what it streams, and go back to the model that signed them with the tools' results."""
        edits_a_file(model, "thinking")
        bodies = [record["body"] for record in simulator("GET", "requests")]
        same([json.dumps(body["messages"]).count('"signature": ') for body in bodies], [0, 1, 2])

    @proves("count tokens", model)
    def count_tokens() -> None:
        """It has its tools and instructions counted where it shows what fills its context."""
        said("/context")
        counted = [one["status"] for one in simulator("GET", "requests") if one["path"].endswith("/count_tokens")]
        same(set(counted), {200})

    @proves("fallback", model)
    def fallback() -> None:
        """All of a loop, its end, or its middle is another model's."""
        down = {"fault": {"kind": "model_not_found"}, "provider": "anthropic"}
        for place, rule in {"all": {}, "end": {"skip": 1}, "middle": {"skip": 1, "times": 1}}.items():
            simulator("POST", "reset")
            simulator("POST", "faults", {**down, **rule})
            edits_a_file(model, f"fallback, {place}")
            same(following in asked(), True)
            same(asked()[-1], model if place == "middle" else NOVA)

    @proves("resume", model)
    def resume() -> None:
        simulator(
            "POST", "faults", {"fault": {"kind": "cut", "after_chunks": 40}, "provider": "anthropic", "model": model}
        )
        same(said(COUNT), COUNTED)
        resumed(model, following)

    @proves("broken call", model)
    def broken() -> None:
        failed = {}
        for where, (after, before) in KILLED.items():
            simulator("POST", "reset")
            rule = {"fault": {"kind": "cut", **after}, "model": model, "times": 1, "skip": before}
            simulator("POST", "faults", rule)
            try:
                edits_a_file(model, where)
                same([rule["used"] for rule in simulator("GET", "faults")], [1])
            except AssertionError as error:
                failed[where] = str(error)
        if failed:
            raise AssertionError("; ".join(f"{where}: {why}" for where, why in failed.items()))

    @proves("exhausted", model)
    def exhausted() -> None:
        fails_once(lambda: said(COUNT))


prove(SONNET, NOVA)
prove("claude-opus-5-5", SONNET)
