"""The console in a real browser: Debian's Chromium, driven by Playwright. `make browser` runs it.

It also draws docs/console.png, the picture of the page in the docs, where `UPDATE_PICTURES` is set.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from litellm_fallback_router.adapters.keys_file import write_keys
from litellm_fallback_router.mapping import ROUTER_STYLE_MAPPING
from litellm_fallback_router.routing.callers import CallerKey, KeyEntry
from local.processes import terminate
from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway, gateway_process
from tests.support.key_hashes import hash_of

CHROMIUM = Path("/usr/bin/chromium")
PICTURE = Path(__file__).parents[2] / "docs" / "console.png"
SECONDS = 15_000.0
"""Milliseconds that the page has for anything."""


@pytest.fixture(scope="module")
def gateway(simulator: SimulatorControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_process(
        tmp_path_factory.mktemp("browser"), ROUTER_STYLE_MAPPING, simulator_url=simulator.url
    ) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@contextmanager
def page_of(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """A page in a profile of its own, which has reported no error at the end."""
    context = browser.new_context(viewport={"width": 1280, "height": 1250}, **options)
    page, wrong = context.new_page(), []
    page.set_default_timeout(SECONDS)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.goto(f"{url}/console")
    yield page
    context.close()
    assert [text for text in wrong if "401" not in text] == []


def ask(gateway: Gateway, model: str = "openai-gpt4o") -> None:
    question: Any = [{"role": "user", "content": "What is the capital of France?"}]
    with gateway.client() as client:
        client.chat.completions.create(model=model, messages=question)


def test_requests_flow_in_fall_over_and_show_their_ledger_by_keyboard(
    browser: Browser, gateway: Gateway, simulator: SimulatorControl
) -> None:
    with page_of(browser, gateway.url) as page:
        expect(page.locator("#connection")).to_have_text("live")
        expect(page.locator(".deployment[data-id='openai-gpt4o']").first).to_have_class("deployment ready")
        expect(page.locator("#trouble")).to_contain_text("deployments are ready")
        ask(gateway)
        expect(page.locator("#requests li")).to_have_count(1)
        rule = simulator.inject(Fault(kind="status", status=503), provider="openai")
        for _ in range(4):
            ask(gateway)
        expect(page.locator("#requests li")).to_have_count(5)
        expect(page.locator(".deployment.waiting[data-id='openai-gpt4o']").first).to_contain_text("circuit open")
        expect(page.locator("#trouble")).to_contain_text("not ready: openai-gpt4o (circuit open, failed")
        page.locator("#requests").focus()
        page.keyboard.press("End")
        page.keyboard.press("ArrowUp")
        chosen = page.locator("#requests li[aria-selected='true']")
        expect(chosen).to_contain_text("anthropic")
        expect(chosen).to_contain_text("failed")
        attempts = page.locator("#ledger .attempt")
        expect(attempts.first).to_contain_text("1. openai-gpt4o")
        expect(attempts.last).to_contain_text("answered")
        assert page.locator("#requests").get_attribute("aria-activedescendant") == chosen.get_attribute("id")
        if os.environ.get("UPDATE_PICTURES"):
            page.screenshot(path=PICTURE)
        simulator.remove(rule)


def test_a_flood_of_requests_is_drawn_in_steps_and_keeps_the_page_small(browser: Browser, gateway: Gateway) -> None:
    with page_of(browser, gateway.url) as page:
        expect(page.locator("#connection")).to_have_text("live")
        ask(gateway)
        expect(page.locator("#requests li").first).to_be_visible()
        page.evaluate(
            """() => { const one = [...requests.values()][0];
            for (let n = 0; n < 20000; n++) ON.request({ ...one, request_id: `flood-${n}` }); }"""
        )
        expect(page.locator("#requests li").first).to_have_id("request-flood-19999")
        assert page.locator("#requests li").count() == 200
        assert page.evaluate("[requests.size, waiting.requests.size]") == [200, 0]


def test_many_chains_leave_the_requests_on_the_screen(
    browser: Browser, simulator: SimulatorControl, tmp_path: Path
) -> None:
    models = [{"model_name": f"m{n}" * 40, "params": {"model": "openai/gpt-4o", "api_key": "k"}} for n in range(50)]
    with (
        gateway_process(tmp_path, {"model_list": models}, simulator_url=simulator.url) as many,
        page_of(browser, many.url) as page,
    ):
        expect(page.locator(".deployment")).to_have_count(50)
        expect(page.locator("#requests-title")).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_gateway_that_is_gone_and_comes_back_is_told(
    browser: Browser, simulator: SimulatorControl, tmp_path: Path
) -> None:
    with gateway_process(tmp_path, ROUTER_STYLE_MAPPING, simulator_url=simulator.url) as running:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{running.url}/console")
        expect(page.locator("#connection")).to_have_text("live", timeout=SECONDS)
        running.process.terminate()
        expect(page.locator("#connection")).to_have_text("not connected; trying again", timeout=SECONDS)
        expect(page.locator("body")).to_have_class("stale")
    port = running.url.rpartition(":")[2]
    command = [sys.executable, "-m", "litellm_fallback_router.cli", "serve", "--port", port]
    environment = {**os.environ, "ROUTER_SIMULATOR_URL": simulator.url}
    again = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        expect(page.locator("#connection")).to_have_text("live", timeout=4 * SECONDS)
        expect(page.locator("body")).to_have_class("")
    finally:
        context.close()
        assert terminate(again, 20)


def test_it_is_dark_where_the_reader_wants_it_dark(browser: Browser, gateway: Gateway) -> None:
    backs = []
    for scheme in ("light", "dark"):
        with page_of(browser, gateway.url, color_scheme=scheme) as page:
            expect(page.locator("#connection")).to_have_text("live")
            backs.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert backs == ["rgb(251, 251, 249)", "rgb(20, 23, 27)"]


def test_a_text_of_a_providers_is_shown_as_text(
    browser: Browser, gateway: Gateway, simulator: SimulatorControl
) -> None:
    """A caller names the model, and providers write the reasons: neither becomes a part of the page."""
    name = "<img src=x onerror=alert(1)>"
    with page_of(browser, gateway.url) as page:
        expect(page.locator("#connection")).to_have_text("live")
        with gateway.client() as client, pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model=name, messages=[{"role": "user", "content": "hi"}])
        expect(page.locator("#requests li").first).to_contain_text(name)
        assert page.locator("#requests img").count() == 0


def test_a_gateway_with_keys_is_looked_at_with_one(
    browser: Browser, simulator: SimulatorControl, tmp_path: Path
) -> None:
    write_keys(tmp_path / "keys.json", [KeyEntry(CallerKey("boss", operator=True), hash_of("a-key"), created_at=1)])
    env = {"GATEWAY_KEYS_FILE": str(tmp_path / "keys.json"), "ROUTER_CONSOLE": "on"}
    with (
        gateway_process(tmp_path, ROUTER_STYLE_MAPPING, simulator_url=simulator.url, env=env) as guarded,
        page_of(browser, guarded.url) as page,
    ):
        page.get_by_label("API key").fill("a-key")
        page.keyboard.press("Enter")
        expect(page.locator("#connection")).to_have_text("live")
        expect(page.locator(".deployment").first).to_be_visible()
