"""The simulator: accepts connections, finds the provider a request is for, draws its fault, answers."""

import asyncio
import sys
import time
import traceback
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, Unpack, cast

from local.simulator import http
from local.simulator.anthropic.api import Anthropic
from local.simulator.bedrock.api import Bedrock
from local.simulator.control import Control
from local.simulator.conversation import Call
from local.simulator.delivery import Exchange, carry_out, deliver
from local.simulator.faults import Fault, FaultBook, Rule, Where
from local.simulator.openai.api import OpenAI
from local.simulator.openai.embeddings import Embeddings
from local.simulator.openai.responses.api import Responses
from local.simulator.provider import ApiError, Operation, Provider, Service
from local.simulator.record import RequestLog, RequestRecord
from local.simulator.settings import Settings
from local.simulator.storage import S3, Objects

_BACKLOG = 1024


class Simulator:
    """OpenAI, Anthropic and Bedrock on one loopback port; an async context manager.

    Runs in the current event loop and starts with `settings` (`reset` goes back to them).
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, settings: Settings | None = None) -> None:
        self._host = host
        self._port = port
        self._at_start = (settings or Settings()).model_copy(deep=True)
        self.settings = self._at_start.model_copy(deep=True)
        self._faults = FaultBook()
        self._log = RequestLog()
        self._objects = Objects()
        self._bedrock = Bedrock(self._objects)
        self._responses = Responses()
        self._services: dict[str, Service] = {
            "openai/v1/responses": self._responses,
            "openai/v1/embeddings": Embeddings(),
            "openai": OpenAI(),
            "anthropic": Anthropic(),
            "bedrock": self._bedrock,
            "s3": S3(self._objects),
        }
        self._control = Control(self)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.in_flight = 0
        """Provider requests that are being served now."""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()

        def protocol() -> asyncio.StreamReaderProtocol:
            reader = http.WatchedReader()
            return asyncio.StreamReaderProtocol(reader, lambda _, writer: self._accept(reader, writer))

        self._server = await loop.create_server(protocol, self._host, self._port, backlog=_BACKLOG)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def url(self) -> str:
        """Where it listens; known once the context is entered."""
        return f"http://{self._host}:{self._port}"

    @property
    def requests(self) -> list[RequestRecord]:
        """The requests to the providers since the last reset, oldest first."""
        return self._log.records()

    @property
    def faults(self) -> FaultBook:
        return self._faults

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    def inject(self, fault: Fault, **where: Unpack[Where]) -> int:
        """Let a fault act on matching requests (see Rule). Returns the rule's id."""
        return self._faults.add(Rule(fault=fault, **where))

    def clear_requests(self) -> None:
        self._log.clear()

    def reset(self) -> None:
        """Drop the faults, the request log, S3's objects, the jobs and the stored responses; settings are again what
        they were at the start."""
        self._faults.clear()
        self._log.clear()
        self._objects.content.clear()
        self._bedrock.evaluations.clear()
        self._responses.store.clear()
        self.settings = self._at_start.model_copy(deep=True)

    def _accept(self, reader: http.WatchedReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: http.WatchedReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, TimeoutError):
            pass  # the client has closed or is too slow: there is no one to answer
        except http.BadRequest as wrong:
            writer.write(http.Reply.json(wrong.status, {"message": wrong.message}, {"connection": "close"}).encode())
        finally:
            writer.close()

    async def _serve_one(self, reader: http.WatchedReader, writer: asyncio.StreamWriter) -> bool:
        """Answer the next request of a connection. Returns whether there can be another."""
        request = await http.read_request(reader, writer)
        if request is None:
            return False
        provider = self._service_of(request.path)
        if provider is None:
            writer.write(self._control.answer(request).encode())
            await writer.drain()
            return True
        record = self._log.open(provider=provider.name, path=request.path, headers=request.headers)
        exchange = Exchange(writer, record)
        try:
            await self._unless_gone(self._answer(provider, request, exchange), reader, record)
        except Exception:  # noqa: BLE001 - a bug here must be loud, not a provider that hangs
            traceback.print_exc(file=sys.stderr)
            await exchange.hang_up(abrupt=True)
        return exchange.reusable and not record.disconnected

    def _service_of(self, path: str) -> Service | None:
        """The service of the longest beginning of a path; None is the simulator itself."""
        found = [one for one in self._services if path.startswith(f"/{one}/") or (path == f"/{one}" and "/" in one)]
        return self._services[max(found, key=len)] if found else None

    async def _unless_gone(
        self, work: Coroutine[Any, Any, None], reader: http.WatchedReader, record: RequestRecord
    ) -> None:
        """Do the work until it is done or the client has closed."""
        answering = asyncio.create_task(work)
        leaving = asyncio.create_task(reader.gone.wait())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
            else:
                record.disconnected = True
        except ConnectionError:
            record.disconnected = True
        finally:
            answering.cancel()
            leaving.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)

    async def _answer(self, provider: Service, request: http.Request, exchange: Exchange) -> None:
        self.in_flight += 1
        try:
            await self._reply(provider, request, exchange)
        finally:
            # Here and not later: a client that has read the last byte may look at the log at once.
            self.in_flight -= 1
            exchange.record.finished = time.monotonic()

    async def _reply(self, provider: Service, request: http.Request, exchange: Exchange) -> None:
        record = exchange.record
        target = provider.target(request)
        record.model, record.region, record.stream = target.model, target.region, target.stream
        record.body = None if request.json is http.NOT_JSON else request.json
        try:
            call = provider.read(request, self.settings)
        except ApiError as refused:
            return await exchange.reply(refused.reply)
        if isinstance(call, http.Reply):
            return await exchange.reply(call)
        stream = isinstance(call, Call) and call.stream
        drawn = self._faults.draw(provider=provider.name, model=target.model or "", region=target.region, stream=stream)
        if drawn:
            record.rule, record.fault = drawn[0], drawn[1].kind
        fault = drawn[1] if drawn else None
        if isinstance(call, Operation):
            return await carry_out(exchange, call, fault, self.settings)
        # Only providers' requests become calls.
        return await deliver(exchange, cast(Provider, provider), call, fault, self.settings)
