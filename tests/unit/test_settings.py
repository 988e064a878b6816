"""The environment, read in one place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from litellm_fallback_router import settings as settings_module
from litellm_fallback_router.commands.chain_prices import newest_report
from litellm_fallback_router.routing.errors import ConfigurationError
from litellm_fallback_router.settings import load_settings, lookup

PACKAGE = Path(settings_module.__file__).parent


def test_nothing_set_gives_the_defaults() -> None:
    settings = load_settings({"PATH": "/bin"})

    assert (settings.config_file, settings.simulator_url) == (None, None)
    assert settings.api_keys == ()
    assert settings.log_level == "INFO"


def test_every_variable_is_read() -> None:
    settings = load_settings(
        {
            "ROUTER_CONFIG": " mapping.yaml ",
            "GATEWAY_API_KEYS": "key-1, key-2,,",
            "GATEWAY_KEYS_FILE": "keys.json",
            "ROUTER_SIMULATOR_URL": "http://127.0.0.1:9/",
            "ROUTER_LOG_LEVEL": "debug",
            "ROUTER_PROMPTS": "ABCDEFGHIJ, 0123456789",
            "ROUTER_STATE_TABLE": "gateway-state",
            "ROUTER_SECRETS_PREFIX": "gateway-dev",
            "ROUTER_SERVICE": "gateway-dev",
            "AWS_LAMBDA_FUNCTION_NAME": "gateway",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        }
    )

    assert settings.config_file == Path("mapping.yaml")
    assert settings.prompts == ("ABCDEFGHIJ", "0123456789")
    assert [key.get_secret_value() for key in settings.api_keys] == ["key-1", "key-2"]
    assert settings.simulator_url == "http://127.0.0.1:9"
    assert settings.log_level == "DEBUG"
    assert "key-1" not in repr(settings)
    assert settings.keys_file == Path("keys.json")
    assert (settings.state_table, settings.secrets_prefix) == ("gateway-state", "gateway-dev")
    assert settings.service == "gateway-dev"
    assert (settings.lambda_function, settings.initialization) == ("gateway", "snap-start")


def test_empty_variable_counts_as_not_set() -> None:
    names = ["ROUTER_CONFIG", "ROUTER_SIMULATOR_URL", "ROUTER_LOG_LEVEL"]

    assert load_settings(dict.fromkeys(names, " ")) == load_settings({})


def test_processs_own_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER_LOG_LEVEL", "ERROR")

    assert load_settings().log_level == "ERROR"
    assert lookup("ROUTER_LOG_LEVEL") == "ERROR"
    assert lookup("NO_SUCH_VARIABLE_ANYWHERE") is None


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        *(
            ("GATEWAY_API_KEYS", blank, "GATEWAY_API_KEYS: holds no key; write key1,key2 or unset it")
            for blank in ("", " ", "\t", "\n", ",", " , \t,", "\u00a0", "\u3000")
        ),
        ("GATEWAY_API_KEYS", "\u200b", "GATEWAY_API_KEYS: a key must be printable ASCII without spaces"),
        ("GATEWAY_KEYS_FILE", " ", "GATEWAY_KEYS_FILE: names no file; write keys.json or unset it"),
        ("GATEWAY_API_KEYS", " , ,", "GATEWAY_API_KEYS: holds no key; write key1,key2 or unset it"),
        ("GATEWAY_API_KEYS", "sk-secret one", "GATEWAY_API_KEYS: a key must be printable ASCII without spaces"),
        ("ROUTER_SIMULATOR_URL", "127.0.0.1:9", "ROUTER_SIMULATOR_URL: must be a URL without a path"),
        ("ROUTER_SIMULATOR_URL", "http://127.0.0.1:9/v1", "ROUTER_SIMULATOR_URL: must be a URL without a path"),
        ("ROUTER_LOG_LEVEL", "loud", "ROUTER_LOG_LEVEL: must be 'DEBUG', 'INFO'"),
    ],
)
def test_bad_value_names_the_variable_and_the_fix(name: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({name: value})

    assert problem in str(caught.value)
    assert "sk-secret" not in str(caught.value)


def test_every_bad_value_is_listed() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"GATEWAY_API_KEYS": ",", "ROUTER_LOG_LEVEL": "x", "ROUTER_SIMULATOR_URL": "y"})

    assert len(caught.value.problems) == 3


def test_environment_is_read_in_settings_alone() -> None:
    # A reference in a mapping is written os.environ/NAME; LiteLLM's own switches are written, not read.
    reads = re.compile(r"os\.environ(?![/\"]|\.setdefault\(|\[[^\]]+\] = )|getenv|from os import")
    readers = {
        str(file.relative_to(PACKAGE))
        for file in PACKAGE.rglob("*.py")
        if reads.search(re.sub(r'""".*?"""', "", file.read_text(encoding="utf-8"), flags=re.DOTALL))
    }

    assert readers == {"settings.py"}


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_the_folder_of_drills_has_to_be_named() -> None:
    with pytest.raises(ConfigurationError, match="ROUTER_DRILLS"):
        _ = load_settings({}).drill_folder
    assert load_settings({"ROUTER_DRILLS": "/reports"}).drill_folder == Path("/reports")


@pytest.mark.usefixtures("homeless")
def test_without_a_home_chains_are_shown_with_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    assert newest_report(load_settings({}), None) is None
    assert "ROUTER_DRILLS" in capsys.readouterr().err
