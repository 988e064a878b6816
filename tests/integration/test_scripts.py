"""The library in programs of every kind: they print their answer, nothing else, and end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from litellm_fallback_router import ChatRequest, build_router
from litellm_fallback_router.settings import Settings
from local.simulator import Simulator, SimulatorControl

ANSWER = "Paris is the capital of France."
BEGINNING = """
import asyncio, multiprocessing, threading
from litellm_fallback_router import AIAssistant, ChatRequest, build_router

QUESTION = "What is the capital of France?"
REQUEST = ChatRequest("openai-gpt4o", [{"role": "user", "content": QUESTION}])

def ask(_=None):
    return AIAssistant(QUESTION)[1]

def tell(*answers):
    print(len(answers), *set(answers))
"""
PROGRAMS = {
    "asyncio.run without aclose": (1, "tell(asyncio.run(build_router().complete(REQUEST)).text)"),
    "async with": (
        1,
        """
        async def main():
            async with build_router() as router:
                tell((await router.complete(REQUEST)).text)
        asyncio.run(main())
        """,
    ),
    "one event loop after another": (
        20,
        """
        router = build_router()
        tell(*[asyncio.run(router.complete(REQUEST)).text for _ in range(20)])
        """,
    ),
    "async and sync in turns": (
        6,
        """
        router, answers = build_router(), []
        async def main():
            answers.append(router.complete_sync(REQUEST).text)
            answers.append((await router.complete(REQUEST)).text)
            answers.append(router.complete_sync(REQUEST).text)
        asyncio.run(main())
        asyncio.run(main())
        tell(*answers)
        """,
    ),
    "the assistant inside async code, and after a router was closed": (
        4,
        """
        async def main():
            first, second = ask(), await asyncio.to_thread(ask)
            async with build_router() as router:
                third = (await router.complete(REQUEST)).text
            return first, second, third
        tell(*asyncio.run(main()), ask())
        """,
    ),
    "fifty threads at once": (
        50,
        """
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(ask())) for _ in range(50)]
        for thread in threads: thread.start()
        for thread in threads: thread.join(60)
        tell(*answers)
        """,
    ),
    "two routers": (
        2,
        """
        other = ChatRequest("bedrock-nova", REQUEST.messages)
        tell(build_router().complete_sync(REQUEST).text, build_router().complete_sync(other).text)
        """,
    ),
    "a thread still asking at the end": (
        1,
        """
        tell(ask())
        threading.Thread(target=ask, daemon=True).start()
        """,
    ),
    **{
        f"processes by {method}": (
            5,
            f"""
            first = ask()
            with multiprocessing.get_context("{method}").Pool(2) as pool:
                tell(first, *pool.map(ask, range(4)))
            """,
        )
        for method in ("fork", "spawn")
    },
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_prints_its_answers_and_ends(name: str, simulator: SimulatorControl, tmp_path: Path) -> None:
    simulator.reset()
    count, main = PROGRAMS[name]
    script = tmp_path / "program.py"
    guarded = textwrap.indent(textwrap.dedent(main), "    ")
    script.write_text(f"{BEGINNING}\nif __name__ == '__main__':\n{guarded}\n")
    environment = {**os.environ, "ROUTER_SIMULATOR_URL": simulator.url}

    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=100, check=False, env=environment
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, f"{count} {ANSWER}\n", "")


async def test_closing_one_router_does_not_disturb_another_at_work() -> None:
    async with Simulator() as simulator:
        idle, busy = (build_router(Settings(simulator_url=simulator.url)) for _ in range(2))
        question = [{"role": "user", "content": "Count to 30"}]
        await idle.complete(ChatRequest("openai-gpt4o", question))
        async with busy.stream(ChatRequest("openai-gpt4o", question)) as stream:
            await stream.start()
            await idle.aclose()
            others = [
                busy.complete(ChatRequest(model, question)) for model in ("anthropic-claude-sonnet", "bedrock-nova")
            ]
            answers = await asyncio.gather(*others)
            assert [chunk async for chunk in stream]
        await busy.aclose()

    assert [len(answer.ledger.attempts) for answer in (*answers, stream.result)] == [1, 1, 1]
