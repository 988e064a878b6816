"""What is left out of the Lambda package, and why: the one list of it.

Sizes are of litellm 1.106.2 and its dependencies, unzipped. An entry that matches nothing stops the build, so that
the list says what is true after an upgrade too.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from importlib.metadata import Distribution, distributions
from pathlib import Path

DISTRIBUTIONS = {
    # Tokenizers of Hugging Face models (28 MB). LiteLLM imports them on first use, to count the tokens of models
    # this gateway is told the usage of.
    "tokenizers",
    "huggingface-hub",
    "hf-xet",
    "fsspec",
    "filelock",
    "tqdm",
    # The command line (10 MB): a Lambda has none.
    "typer",
    "rich",
    "pygments",
    "markdown-it-py",
    "mdurl",
    "shellingham",
    # A faster event loop (16 MB). A Lambda serves one request at a time, and waits for a provider most of it.
    "uvloop",
}
"""Whole distributions that nothing on the way of a request imports."""

EVERYWHERE = (
    # Metadata for installers; METADATA and entry_points.txt stay, `importlib.metadata` reads them.
    "*.dist-info/RECORD",
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.dist-info/WHEEL",
    "*.dist-info/sboms/*",
    # Types and sources of compiled modules: for people and compilers.
    "*.pyi",
    "*.pyx",
    "*.pxd",
    "*.pxi",
    "*.c",
    "*.h",
    # The libraries' own tests and benchmarks.
    "*/tests/*",
    "jsonschema/benchmarks/*",
    # Commands, and what uv leaves behind.
    "bin/*",
    ".lock",
    # Notes for people who browse the source.
    "*/README.md",
    "*/AGENTS.md",
)

LITELLM = (
    # Half-finished Rust ports of Python code (38 MB), off by default; where the file is missing, the Python runs.
    "litellm/rust_bridge/_native.abi3.so",
    # The admin console of LiteLLM's own proxy server, and what that server serves or is configured with (28 MB).
    "litellm/proxy/_experimental/out/*",
    "litellm/proxy/swagger/*",
    "litellm/proxy/client/*",
    "litellm/proxy/*.jpg",
    "litellm/proxy/*.png",
    "litellm/proxy/*.prisma",
    "litellm/proxy/*.sh",
    "litellm/proxy/_lazy_openapi_snapshot.*",
    "litellm/proxy/common_utils/codex_bundled_models_*.json",
    "litellm/proxy/guardrails/content_filter_data/*",
    # Names of Hugging Face models (1.4 MB), for embeddings; this gateway only chats.
    "litellm/llms/huggingface/huggingface_llms_metadata/*",
)

BOTOCORE_DATA = frozenset(
    {
        # Models; their credentials; assumed roles.
        "bedrock-runtime",
        "sts",
        # Managed prompts.
        "bedrock-agent",
        # Provider keys and shared state.
        "secretsmanager",
        "dynamodb",
        # The mapping, where it changes without a deployment.
        "appconfigdata",
        # Samples of fallbacks' answers, where they are wanted.
        "s3",
    }
)
"""The services a Lambda calls. The other 400 (26 MB) go; the files beside them hold endpoints and retry rules."""

BOTO3_DATA = frozenset({"dynamodb"})
"""The services a Lambda uses through boto3's resources (Powertools' circuit breaker)."""

OPERATOR_MODULES = (
    *("cli.py", "commands/*", "operations.py", "operation_errors.py"),
    *("adapters/api_gateway.py", "adapters/cloudformation.py"),
    *("preflight/*", "checklist.py", "aws_regions.py", "adapters/account.py", "adapters/bedrock_catalog.py"),
    *("adapters/appconfig_rollouts.py", "adapters/gateway_client.py", "adapters/monitoring.py"),
)
"""Our own modules that only operators use, on their machines: they need libraries and services named above."""


class StaleListError(Exception):
    """An entry of a list above, or of one beside it, is not true any more."""


def prune(tree: Path) -> None:
    """Delete what the lists name from the installed dependencies in `tree`. Raises StaleListError."""
    _remove_distributions(tree)
    files = [path for path in tree.rglob("*") if path.is_file()]
    for pattern in (*EVERYWHERE, *LITELLM):
        matching = [path for path in files if path.exists() and fnmatch(path.relative_to(tree).as_posix(), pattern)]
        if not matching:
            raise StaleListError(f"infra/pruning.py: nothing matches {pattern!r}; remove or correct it")
        _remove(matching)
    _keep_services(tree / "botocore" / "data", BOTOCORE_DATA)
    _keep_services(tree / "boto3" / "data", BOTO3_DATA)
    _remove_empty_folders(tree)


def belongs_in_lambda(path: str) -> bool:
    """Whether a module of ours (its path in our package) goes into the Lambda package."""
    return not any(fnmatch(path, pattern) for pattern in OPERATOR_MODULES)


def _remove_distributions(tree: Path) -> None:
    installed: dict[str, Distribution] = {
        dist.name.lower().replace("_", "-"): dist for dist in distributions(path=[str(tree)])
    }
    for name in sorted(DISTRIBUTIONS):
        if name not in installed:
            raise StaleListError(f"infra/pruning.py: {name!r} is not installed; remove it from DISTRIBUTIONS")
        _remove(Path(str(file.locate())) for file in installed[name].files or ())


def _keep_services(data: Path, services: frozenset[str]) -> None:
    present = {path.name for path in data.iterdir() if path.is_dir()}
    if unknown := services - present:
        raise StaleListError(f"infra/pruning.py: {data.parent.name} has no service {', '.join(sorted(unknown))}")
    for name in present - services:
        shutil.rmtree(data / name)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _remove_empty_folders(tree: Path) -> None:
    folders: Iterator[Path] = (path for path in tree.rglob("*") if path.is_dir())
    for folder in sorted(folders, reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
