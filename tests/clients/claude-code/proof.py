"""Claude Code, not interactive: a loop of tools that edits a file, the primary killed at every place of a stream."""

import json
import os
import subprocess
from pathlib import Path

from prover import (
    COUNT,
    COUNTED,
    GATEWAY,
    HOME,
    INSTALLED,
    KEY,
    asked,
    asked_once,
    fault,
    proves,
    resumed,
    same,
    simulator,
)

PRIMARY, NEXT = "claude-sonnet-4-6", "us.amazon.nova-2-lite-v1:0"
# The package's own start script needs a step that runs when packages are installed; the program is whole without it.
PROGRAM = next(INSTALLED.glob("node_modules/@anthropic-ai/claude-code-*/claude"))
SECONDS = 50
ENVIRONMENT = {
    **os.environ,
    "ANTHROPIC_BASE_URL": GATEWAY,
    "ANTHROPIC_API_KEY": KEY,
    "ANTHROPIC_MODEL": PRIMARY,
    "ANTHROPIC_DEFAULT_HAIKU_MODEL": "claude-haiku-4-5",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
}
# Where thoughts are not shown, they have no words in a stream.
OPTIONS = ["--output-format", "json", "--permission-mode", "acceptEdits", "--thinking-display", "summarized"]


def claude(prompt: str, folder: Path) -> dict[str, object]:
    """What it says at its end. Raises AssertionError with its own words where it fails."""
    done = subprocess.run(
        [str(PROGRAM), "-p", prompt, *OPTIONS],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if not done.stdout.startswith("{"):
        raise AssertionError(f"it ended with {done.returncode}: {done.stderr.strip()[:300]}")
    told: dict[str, object] = json.loads(done.stdout)
    if done.returncode:
        raise AssertionError(f"it ended with {done.returncode}: {told['result']}")
    return told


def said(prompt: str) -> str:
    return str(claude(prompt, HOME)["result"])


def edits_a_file(name: str) -> None:
    """Read a file and edit it, as the prompt dictates to the simulated model; the file is edited once, rightly."""
    folder = HOME / name
    folder.mkdir()
    file = folder / "note.txt"
    file.write_text("hello, hello\n")
    change = {"file_path": str(file), "old_string": "hello,", "new_string": "goodbye,"}
    prompt = f"Please call Read with {json.dumps({'file_path': str(file)})}, then call Edit with {json.dumps(change)}."
    claude(prompt, folder)
    same(file.read_text(), "goodbye, hello\n")


@proves("chat")
def chat() -> None:
    same(said("What is the capital of France?"), "Paris is the capital of France.")


@proves("stream")
def stream() -> None:
    same(said(COUNT), COUNTED)


@proves("thinking")
def thinking() -> None:
    """Thoughts stand in what it streams, and go back to the model that signed them with the tools' results."""
    edits_a_file("thinking")
    same([record["status"] for record in simulator("GET", "requests")], [200, 200, 200])
    thoughts = [
        json.dumps(record["body"]["messages"]).count('"signature": ') for record in simulator("GET", "requests")
    ]
    same(thoughts, [0, 1, 2])


@proves("tools")
def tools() -> None:
    edits_a_file("tools")


@proves("fallback")
def fallback() -> None:
    fault("status", "anthropic", status=529)
    edits_a_file("fallback")
    same(set(asked()), {PRIMARY, NEXT})


@proves("resume")
def resume() -> None:
    fault("cut", "anthropic", after_chunks=40)
    same(said(COUNT), COUNTED)
    resumed(PRIMARY, NEXT)


# What the primary's stream ends after, and how many requests before it passed unharmed.
KILLED = {
    "at message_start": ({"after_messages": 1}, 0),
    "inside thinking": ({"after_chunks": 5}, 0),
    "inside text": ({"after_chunks": 20}, 2),
    "inside a tool call": ({"after_chunks": 15}, 1),
}


def killed(where: str) -> None:
    after, before = KILLED[where]
    rule = {"fault": {"kind": "cut", **after}, "provider": "anthropic", "times": 1, "skip": before}
    simulator("POST", "faults", rule)
    edits_a_file(where)
    same([rule["used"] for rule in simulator("GET", "faults")], [1])


@proves("broken call")
def broken() -> None:
    failed = {}
    for where in KILLED:
        simulator("POST", "reset")
        try:
            killed(where)
        except AssertionError as error:
            failed[where] = str(error)
    if failed:
        raise AssertionError("; ".join(f"{where}: {why}" for where, why in failed.items()))


@proves("exhausted")
def exhausted() -> None:
    fault("model_not_found")
    try:
        said(COUNT)
    except AssertionError as error:
        same("ended with" in str(error), True)
    asked_once()
