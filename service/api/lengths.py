"""Bodies are as long as they need to be: what is read whole, often before it is known who sends it, has a limit.

Documents are read as they come, and their doors have limits of their own.
"""

import re
from typing import Final

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Five hundred steps with reasons, or the longest advisory that anybody has published, are a fraction of this.
MOST_BYTES: Final = 16 * 2**20
_DOCUMENTS: Final = re.compile(r"/sboms$|^/v1/vex$|^/api/v1/bom$|^/osv/v1/query(batch)?$")


class Lengths:
    """ASGI middleware that reads no more of a body than it may have."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its body up to the limit."""
        if scope["type"] != "http" or _DOCUMENTS.search(scope["path"]):
            await self._app(scope, receive, send)
            return
        read = 0

        async def receive_some() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                raise HTTPException(413, f"This body is {MOST_BYTES:,} bytes at most.")
            return message

        await self._app(scope, receive_some, send)
