"""A LiteLLM config that asks callers for a key is not served without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from litellm_fallback_router.bootstrap import with_callers_keys
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.settings import Settings, load_settings
from tests.support.gateway import gateway_process

LIMIT = 60
KEY = "sk-master-4711"


def config(**general: Any) -> dict[str, Any]:
    model = {"model_name": "a", "litellm_params": {"model": "openai/gpt-4o", "api_key": "key"}}
    return {"model_list": [model], "general_settings": general}


def keys_of(folder: Path, mapping: dict[str, Any], **environment: str) -> list[str]:
    file = folder / "config.json"
    file.write_text(json.dumps(mapping))
    settings = with_callers_keys(load_settings({"ROUTER_CONFIG": str(file), **environment}))
    return [key.get_secret_value() for key in settings.api_keys]


def test_a_master_key_is_a_key_that_callers_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_MASTER_KEY", f" {KEY}\n")
    assert keys_of(tmp_path, config(master_key=KEY)) == [KEY]
    assert keys_of(tmp_path, config(master_key="os.environ/LITELLM_MASTER_KEY")) == [KEY]
    assert keys_of(tmp_path, config(master_key=KEY), GATEWAY_API_KEYS="mine") == ["mine", KEY]
    assert keys_of(tmp_path, config()) == [KEY], "LiteLLM looks there too"
    assert keys_of(tmp_path, {"model_list": config()["model_list"]}) == [KEY]
    monkeypatch.delenv("LITELLM_MASTER_KEY")
    assert keys_of(tmp_path, config()) == []


@pytest.mark.parametrize("key", ["", " ", "\t", "two words"])
def test_a_usual_one_that_is_none_stops_the_start(tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_MASTER_KEY", key)
    with pytest.raises(ConfigurationError, match="LITELLM_MASTER_KEY: "):
        keys_of(tmp_path, config())
    assert keys_of(tmp_path, config(master_key=KEY)) == [KEY], "the config's own counts"


@pytest.mark.parametrize("settings", [["master_key"], [{"master_key": KEY}], KEY])
def test_settings_in_another_shape_stop_the_start(tmp_path: Path, settings: Any) -> None:
    with pytest.raises(ConfigurationError, match="general_settings: must be an object") as refused:
        keys_of(tmp_path, {**config(), "general_settings": settings})
    assert KEY not in str(refused.value)


def test_files_that_may_name_a_key_stop_the_start(tmp_path: Path) -> None:
    including = {**config(), "include": ["general.yaml"]}
    with pytest.raises(ConfigurationError, match=r"include: .*set GATEWAY_API_KEYS"):
        keys_of(tmp_path, including)
    assert keys_of(tmp_path, including, GATEWAY_API_KEYS="mine") == ["mine"]


@pytest.mark.parametrize(
    "key", [None, "", " ", "\t", "two words", 5, ["sk"], "\u200b", "os.environ/NO_SUCH_KEY_ANYWHERE"]
)
def test_one_that_is_none_stops_the_start(tmp_path: Path, key: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"general_settings\.master_key: "):
        keys_of(tmp_path, config(master_key=key), GATEWAY_API_KEYS="mine")


def test_another_way_of_asking_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"general_settings\.custom_auth: .*set GATEWAY_API_KEYS"):
        keys_of(tmp_path, config(custom_auth="auth.check"))
    assert keys_of(tmp_path, config(custom_auth="auth.check"), GATEWAY_API_KEYS="mine") == ["mine"]


def test_a_key_is_never_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        keys_of(tmp_path, config(master_key=f"{KEY} x"))
    assert KEY not in str(refused.value)


def test_on_aws_the_authorizer_asks(tmp_path: Path) -> None:
    assert keys_of(tmp_path, config(master_key=KEY), AWS_LAMBDA_FUNCTION_NAME="gateway") == []


def test_a_mapping_of_ours_has_no_master_key() -> None:
    assert with_callers_keys(Settings()).api_keys == ()


def test_the_gateway_asks_for_it(tmp_path: Path) -> None:
    with gateway_process(tmp_path, config(master_key=KEY)) as running, httpx.Client(base_url=running.url) as http:
        refused = http.get("/v1/models")
        let_in = http.get("/v1/models", headers={"authorization": f"Bearer {KEY}"})
        assert (refused.status_code, let_in.status_code) == (401, 200)
        assert KEY not in running.log.read_text() + running.out.read_text()


@pytest.mark.parametrize("command", ["litellm_fallback_router.cli serve --port 0", "uvicorn {app} --port 0"])
@pytest.mark.parametrize("blank", ["", " ", "\t", ","])
def test_a_blank_variable_starts_no_gateway(tmp_path: Path, command: str, blank: str) -> None:
    app = "litellm_fallback_router.entrypoints.http:app"
    done = subprocess.run(
        [sys.executable, "-m", *command.format(app=app).split()],
        env={**os.environ, "GATEWAY_API_KEYS": blank},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode != 0
    assert "GATEWAY_API_KEYS: holds no key; write key1,key2 or unset it" in done.stderr + done.stdout
