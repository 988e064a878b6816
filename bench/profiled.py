"""Runs a module as `python -m` does, and profiles it from SIGUSR1 to its end.

python -m bench.profiled OUTPUT MODULE [ARGUMENT ...]
"""

from __future__ import annotations

import cProfile
import runpy
import signal
import sys


def main() -> None:
    output, module, *arguments = sys.argv[1:]
    profiler = cProfile.Profile()
    signal.signal(signal.SIGUSR1, lambda *_: profiler.enable())
    # uvicorn raises the signal again once it has stopped: by default that would end us before anything is written.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        profiler.disable()
        profiler.dump_stats(output)


if __name__ == "__main__":
    main()
