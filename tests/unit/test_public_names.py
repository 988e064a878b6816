"""What the package offers: every public name is listed, and documented in the conventional form."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import litellm_fallback_router
from litellm_fallback_router.routing.mapping import RouterConfig, RouterSettings, load_config

PUBLIC = {name: getattr(litellm_fallback_router, name) for name in litellm_fallback_router.__all__}
PUBLIC |= {"RouterConfig": RouterConfig, "RouterSettings": RouterSettings, "load_config": load_config}
DOCUMENTED = [name for name, value in PUBLIC.items() if inspect.isclass(value) or inspect.isfunction(value)]


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public functions, and the public methods that the public classes define themselves."""
    for name, value in PUBLIC.items():
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value):
            for method, defined in vars(value).items():
                if inspect.isfunction(defined) and not method.startswith("_"):
                    yield f"{name}.{method}", defined


FUNCTIONS = dict(functions())


def section(function: Callable[..., Any], title: str) -> str:
    """The text below that title of the docstring; empty where there is none."""
    found = re.search(rf"^{title}:\n((?:    .*\n?|\n)*)", inspect.getdoc(function) or "", flags=re.MULTILINE)
    return found[1] if found else ""


def raised(function: Callable[..., Any]) -> set[str]:
    """Names of the exceptions that the function's own body makes and raises."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    made = {
        node.exc.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name)
    }
    return {name for name in made if name.endswith("Error")}


def test_the_public_functions_are_found() -> None:
    assert {"AIAssistant", "build_router", "load_config", "Router.complete", "ChatStream.start"} <= FUNCTIONS.keys()


@pytest.mark.parametrize("name", DOCUMENTED)
def test_public_name_says_what_it_is(name: str) -> None:
    docstring = PUBLIC[name].__doc__
    assert docstring, "no docstring of its own"
    assert re.match(r"\S.*[.:]$", docstring.splitlines()[0]), "its first line is one sentence"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_function_documents_its_arguments(name: str) -> None:
    parameters = [one for one in inspect.signature(FUNCTIONS[name]).parameters if one != "self"]
    documented = re.findall(r"^    (\w+): \S", section(FUNCTIONS[name], "Args"), flags=re.MULTILINE)

    assert documented == parameters


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_function_documents_what_it_returns(name: str) -> None:
    returns = inspect.signature(FUNCTIONS[name]).return_annotation

    assert bool(section(FUNCTIONS[name], "Returns")) is (returns not in (None, "None"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_function_documents_the_errors_that_it_raises(name: str) -> None:
    documented = set(re.findall(r"^    (\w+): \S", section(FUNCTIONS[name], "Raises"), flags=re.MULTILINE))

    assert raised(FUNCTIONS[name]) <= documented


def test_names_that_are_loaded_on_first_use_are_listed_before() -> None:
    script = "import litellm_fallback_router as package; print('AIAssistant' in vars(package), *dir(package))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    loaded, *listed = done.stdout.split()

    assert loaded == "False"
    assert set(litellm_fallback_router.__all__) <= set(listed)
