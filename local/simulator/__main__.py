"""`python -m local.simulator`: run the simulator until a signal stops it."""

import argparse
import asyncio
import json
import signal
import sys

from pydantic import ValidationError

from local.simulator.server import Simulator
from local.simulator.settings import Settings


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m local.simulator",
        description="OpenAI, Anthropic and Bedrock on loopback, with faults on command.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--chunk-delay", type=float, default=0.0, metavar="S", help="seconds between content chunks")
    parser.add_argument("--latency", type=float, default=0.0, metavar="S", help="seconds before every answer")
    options = parser.parse_args()
    try:
        settings = Settings(chunk_delay=options.chunk_delay, latency=options.latency)
        asyncio.run(_run(options.host, options.port, settings))
    except ValidationError:
        parser.error("--chunk-delay and --latency are seconds between 0 and 60")
    except (OSError, OverflowError) as wrong:
        parser.error(f"cannot listen on {options.host}:{options.port}: {wrong}")


async def _run(host: str, port: int, settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    async with Simulator(host, port, settings) as simulator:
        sys.stdout.write(json.dumps({"url": simulator.url}) + "\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    main()
