"""Sends an answer, or what a fault makes of it, over one connection."""

import asyncio
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import replace

from local.simulator import http
from local.simulator.answers import answer, pieces
from local.simulator.conversation import Answer, Call
from local.simulator.faults import Fault
from local.simulator.json_schema import Unsatisfiable
from local.simulator.provider import Frame, Operation, Provider
from local.simulator.record import RequestRecord
from local.simulator.settings import Settings

_HTML = b"<!DOCTYPE html>\n<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>\n"
_GARBLED_HEAD = b"\x00\xffHTP/one point one 2OO\r\n: \x80\r\n\r\n"
_REFUSAL = "I'm sorry, but I can't help with that."
_PING_EVERY = 0.25
_CUT_GRACE = 0.02
_REFUSALS = frozenset(
    {
        "status",
        "flapping",
        "wrong_key",
        "expired_token",
        "access_denied",
        "model_not_found",
        "context_exceeded",
        "prefill_refused",
        "quota",
        "rejected",
    }
)
_MID_STREAM = frozenset({"cut", "stall", "malformed", "in_band_error"})


class Exchange:
    """One request's side of a connection: sends bytes and keeps the request's record."""

    def __init__(self, writer: asyncio.StreamWriter, record: RequestRecord) -> None:
        self._writer = writer
        self.record = record
        self.reusable = True
        """Whether the connection can carry another request."""

    async def reply(self, reply: http.Reply) -> None:
        self.record.status = reply.status
        await self.send(reply.encode())

    async def start_stream(self, headers: Mapping[str, str]) -> None:
        self.record.status = 200
        await self.send(http.encode_head(200, {**headers, "transfer-encoding": "chunked"}))

    async def chunk(self, data: bytes) -> None:
        await self.send(http.encode_chunk(data))
        await asyncio.sleep(0)  # drain does not give way while the socket takes everything

    async def end_stream(self) -> None:
        await self.send(http.LAST_CHUNK)

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def hang_up(self, *, abrupt: bool = False) -> None:
        """End the connection: in order (FIN), or with a reset."""
        self.reusable = False
        if abrupt:
            await asyncio.sleep(_CUT_GRACE)  # a reset takes unread bytes with it
            sock: socket.socket = self._writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
        else:
            self._writer.close()


async def deliver(exchange: Exchange, provider: Provider, call: Call, fault: Fault | None, settings: Settings) -> None:
    """Answer one accepted call. Returns when everything was sent; is cancelled when the client goes."""
    if await _broken_off(exchange, fault):
        return None
    await asyncio.sleep(settings.latency)
    if fault and (refusal := _refusal(provider, call, fault)):
        return await exchange.reply(refusal)
    try:
        said = _bent(answer(call, settings.continuation), call, fault)
    except Unsatisfiable as wrong:
        return await exchange.reply(provider.rejection(f"Invalid schema: {wrong}"))
    if call.stream:
        await _Stream(exchange, provider, call, fault, settings).send(provider.frames(call, said))
    else:
        await _send_whole(exchange, provider.whole(call, said), fault)
    return None


async def carry_out(exchange: Exchange, operation: Operation, fault: Fault | None, settings: Settings) -> None:
    """Answer one accepted request that is no chat. Faults of streams do nothing to it."""
    if await _broken_off(exchange, fault):
        return None
    await asyncio.sleep(settings.latency)
    if fault and (refusal := _refusal_of(operation, fault)):
        return await exchange.reply(refusal)
    return await _send_whole(exchange, operation.reply, fault)


def _refusal_of(operation: Operation, fault: Fault) -> http.Reply | None:
    """The whole reply of a fault that lets an operation come to nothing."""
    if fault.kind in _REFUSALS:
        return operation.failure(fault)
    if fault.kind == "html":
        return _html({})
    if fault.kind in {"error_object", "in_band_error"}:
        return _in_disguise(operation.failure(Fault(kind="status", status=500)), {})
    return operation.empty if fault.kind == "empty" else None


async def _broken_off(exchange: Exchange, fault: Fault | None) -> bool:
    """Do a fault that lets no answer begin. Returns whether the connection is over."""
    match fault.kind if fault else None:
        case "reset":
            await exchange.hang_up(abrupt=True)
        case "silence":
            await _pause(fault)
            await exchange.hang_up()
        case "garbled_headers":
            await exchange.send(_GARBLED_HEAD)
            await exchange.hang_up()
        case _:
            return False
    return True


def _html(headers: Mapping[str, str]) -> http.Reply:
    return http.Reply(200, _HTML, headers, content_type="text/html; charset=utf-8")


def _in_disguise(broken: http.Reply, headers: Mapping[str, str]) -> http.Reply:
    """An error's body with a status of 200."""
    return http.Reply(200, broken.body, headers)


def _refusal(provider: Provider, call: Call, fault: Fault) -> http.Reply | None:
    """The whole reply of a fault that lets no answer come about."""
    if fault.kind in _REFUSALS or (fault.kind == "content_filter" and not fault.as_finish):
        return provider.failure(fault, call)
    if fault.kind == "html":
        return _html(provider.headers())
    if fault.kind == "error_object" or (fault.kind == "in_band_error" and not call.stream):
        return _in_disguise(provider.failure(Fault(kind="status", status=500), call), provider.headers())
    return None


def _bent(said: Answer, call: Call, fault: Fault | None) -> Answer | None:
    """The answer as the fault lets the provider give it."""
    match fault.kind if fault else None:
        case "empty":
            return None
        case "content_filter":
            return Answer(said.prompt_tokens, text="".join(pieces(said.text)[:2]), finish="content_filter")
        case "pause":
            return Answer(said.prompt_tokens, text="".join(pieces(said.text)[:2]), finish="paused")
        case "refusal":
            return Answer(said.prompt_tokens, text=_REFUSAL, refused=True)
        case "no_terminator" if not call.stream:
            return replace(said, finish=None)
        case _:
            return said


async def _send_whole(exchange: Exchange, reply: http.Reply, fault: Fault | None) -> None:
    half = len(reply.body) // 2
    match fault.kind if fault else None:
        case "slow_first_token" | "pings":
            await _pause(fault)
        case "cut" | "stall":
            exchange.record.status = reply.status
            await exchange.send(reply.head(len(reply.body)) + reply.body[:half])
            if fault and fault.kind == "stall":
                await _pause(fault)
            return await exchange.hang_up(abrupt=bool(fault and fault.abrupt))
        case "malformed":
            reply = replace(reply, body=reply.body[:half])
    return await exchange.reply(reply)


class _Stream:
    """Sends the frames of one stream with its delays and, at the right place, its fault."""

    def __init__(
        self, exchange: Exchange, provider: Provider, call: Call, fault: Fault | None, settings: Settings
    ) -> None:
        self._exchange = exchange
        self._provider = provider
        self._call = call
        self._sent = 0
        self._fault = fault
        self._delay = settings.chunk_delay
        self._pending = fault if fault and fault.kind in _MID_STREAM else None
        """A mid-stream fault that has yet to strike."""

    async def send(self, frames: Iterator[Frame]) -> None:
        exchange, record = self._exchange, self._exchange.record
        await exchange.start_stream({"content-type": self._provider.stream_type, **self._provider.headers()})
        for frame in frames:
            if self._fault and self._fault.kind == "no_terminator" and frame.part == "finish":
                break
            if self._is_due(frame):
                if await self._strike():
                    return
                continue
            if frame.part == "content":
                await self._wait_for_content(record.chunks)
                record.chunks += 1
            await exchange.chunk(frame.data)
            self._sent += 1
        await exchange.end_stream()

    async def _wait_for_content(self, sent: int) -> None:
        if sent:
            return await asyncio.sleep(self._delay)
        match self._fault.kind if self._fault else None:
            case "slow_first_token":
                await _pause(self._fault)
            case "pings":
                await self._ping(self._fault.seconds if self._fault and self._fault.seconds else 0.0)
        return None

    def _is_due(self, frame: Frame) -> bool:
        """Whether the fault strikes in place of this frame; in a short answer, in place of the finish."""
        if self._pending is None:
            return False
        if self._pending.after_messages is not None:
            return self._sent >= self._pending.after_messages or frame.part == "finish"
        if frame.part in {"opening", "closing"}:
            return False
        return self._exchange.record.chunks >= self._pending.after_chunks or frame.part == "finish"

    async def _strike(self) -> bool:
        """Do the mid-stream fault once. Returns whether the stream is over."""
        fault, self._pending = self._pending, None
        exchange = self._exchange
        match fault.kind if fault else None:
            case "malformed":
                await exchange.chunk(self._provider.broken_frame())
                return False
            case "in_band_error":
                await exchange.chunk(self._provider.error_frame(self._call, self._sent))
                await exchange.end_stream()
            case "stall":
                await _pause(fault)
                await exchange.hang_up()
            case "cut":
                await exchange.hang_up(abrupt=bool(fault and fault.abrupt))
        return True

    async def _ping(self, seconds: float) -> None:
        clock = asyncio.get_running_loop()
        until = clock.time() + seconds
        while (left := until - clock.time()) > 0:
            if data := self._provider.ping():
                await self._exchange.chunk(data)
            await asyncio.sleep(min(_PING_EVERY, left))


async def _pause(fault: Fault | None) -> None:
    """Wait as long as the fault lasts; without an end it lasts until the client goes."""
    if fault is None or fault.seconds is None:
        await asyncio.Event().wait()
    else:
        await asyncio.sleep(fault.seconds)
