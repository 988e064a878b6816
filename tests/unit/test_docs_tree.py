"""The pages are short, linked and in the index; the trees and pictures of the folders are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.documents import REPOSITORY, between_markers

README = REPOSITORY / "README.md"
DOCS = REPOSITORY / "docs"
INDEX = DOCS / "README.md"
ARCHITECTURE = DOCS / "architecture.md"
FILES = DOCS / "files.md"
PAGES = [*sorted(REPOSITORY.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
LONGEST_README = 250
PACKAGE = REPOSITORY / "lambda_src" / "litellm_fallback_router"


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LONGEST_README


def test_every_page_is_in_the_index() -> None:
    linked = {(DOCS / target).resolve() for target in re.findall(r"\]\(([^)#]+)\)", INDEX.read_text(encoding="utf-8"))}
    elsewhere = {INDEX, REPOSITORY / "CHANGELOG.md"}

    assert not [page.name for page in PAGES if page not in linked | elsewhere]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.is_file(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), flags=re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{page.name} links to {target}"


def test_changelog_keeps_to_its_format() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    kinds = set(re.findall(r"^### (.*)$", text, flags=re.MULTILINE))

    assert releases[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", release) for release in releases[1:])
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def tree(page: Path = FILES, name: str = "tree") -> dict[str, bool]:
    """The paths of the tree in a page; True for folders."""
    found: dict[str, bool] = {}
    parents: list[str] = []
    for line in between_markers(page, name).strip("`").removeprefix("text").splitlines():
        if not line.strip():
            continue
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        parents[depth:] = [name.rstrip("/")]
        found["/".join(parents)] = name.endswith("/")
    return found


def test_everything_in_the_tree_exists() -> None:
    written = tree()
    folders = {path for path, is_folder in written.items() if is_folder}

    assert folders == {path for path in written if (REPOSITORY / path).is_dir()}
    assert not [path for path in written.keys() - folders if not (REPOSITORY / path).is_file()]


def test_the_picture_of_the_folders_is_true_and_whole() -> None:
    drawn = tree(ARCHITECTURE, "folders")
    top = "lambda_src/litellm_fallback_router"
    packages = {path.parent for path in PACKAGE.rglob("__init__.py")} - {PACKAGE}
    first_level = {path for path in packages if path.parent in (PACKAGE, PACKAGE / "routing")}

    assert all((REPOSITORY / path).is_dir() for path in drawn)
    assert {str(path.relative_to(REPOSITORY)) for path in first_level} <= {
        path for path in drawn if path.startswith(top)
    }
    assert len(ARCHITECTURE.read_text().splitlines()) <= 100, "two screens"


def test_every_module_of_the_package_is_in_the_tree() -> None:
    written = tree()
    modules = {str(path.relative_to(REPOSITORY)) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"}
    modules.add("lambda_src/litellm_fallback_router/__init__.py")
    for extra in REPOSITORY.glob("fallback_router_*"):
        modules |= {str(path.relative_to(REPOSITORY)) for path in extra.rglob("*.py") if path.name != "__init__.py"}
    missing = sorted(modules - written.keys())

    assert not missing, f"docs/files.md: add to the tree: {', '.join(missing)}"


@pytest.mark.parametrize("name", ["docs/where-to-change.md", "docs/decisions.md", "CONTRIBUTING.md"])
def test_files_that_a_page_names_exist(name: str) -> None:
    """A path is the repository's or the package's; a bare name is that of some file."""
    named = re.findall(r"`([\w./-]+\.(?:py|json|yaml|toml|md))`", (REPOSITORY / name).read_text(encoding="utf-8"))
    sources = [
        path
        for folder in (
            "lambda_src",
            "fallback_router_agentcore",
            "fallback_router_evaluation",
            "infra",
            "local",
            "tests",
        )
        for path in (REPOSITORY / folder).rglob("*.*")
    ]
    known = {path.name for path in sources}

    assert named
    assert not [one for one in named if not ((REPOSITORY / one).is_file() or (PACKAGE / one).is_file() or one in known)]
