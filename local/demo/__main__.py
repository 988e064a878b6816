"""`python -m local.demo [--providers simulated|real]`. Exits with 1 if something did not end as it should."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from rich.console import Console

from litellm_fallback_router.routing.errors import ConfigurationError
from local.demo import real, simulated

WIDE = 140
"""Columns where the output goes to a file or a pipe."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local.demo",
        description="The fallback chain at work, over HTTP, with the official OpenAI client.",
    )
    parser.add_argument(
        "--providers",
        choices=("simulated", "real"),
        default="simulated",
        help="simulated: break simulated providers and watch the chain; real: ask each configured provider once",
    )
    parser.add_argument(
        "--watch", action="store_true", help="wait for Enter before and after, so that it can be watched in the console"
    )
    asked = parser.parse_args()
    run = real.run if asked.providers == "real" else partial(simulated.run, watch=asked.watch)
    console = Console(width=None if sys.stdout.isatty() else WIDE, markup=False, highlight=False, emoji=False)
    try:
        return run(console)
    except ConfigurationError as error:
        console.print(str(error))
        return 2
    except RuntimeError as error:
        console.print(f"The demo could not start: {error}")
        return 1
    except (KeyboardInterrupt, EOFError):
        return 130


if __name__ == "__main__":
    sys.exit(main())
