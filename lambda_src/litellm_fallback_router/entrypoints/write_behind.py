"""What requests have used is written before Lambda freezes the process."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .snapstart import Holder


class WriteBehind:
    """ASGI middleware for Lambda, which may freeze a process once an answer has ended: an answer ends only after what
    its request has used was written. A stream's text is sent before, and only its end waits.
    """

    def __init__(self, app: ASGIApp, holder: Holder) -> None:
        self._app = app
        self._holder = holder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length_known = False

        async def send_flushed(message: Message) -> None:
            nonlocal length_known
            if message["type"] == "http.response.start":
                length_known = any(bytes(name).lower() == b"content-length" for name, _ in message["headers"])
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                # Where its length was told, an answer ends with its last byte, else with an empty message.
                if message.get("body") and not length_known:
                    await send({**message, "more_body": True})
                    message = {"type": "http.response.body", "body": b""}
                await self._holder.router.flush()
            await send(message)

        await self._app(scope, receive, send_flushed)
