"""Something between a client and a server: a cable that can be pulled, and a front that speaks TLS to the client."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from typing import Self

from tests.support.clients import Address
from tests.support.waiting import PATIENCE

PIECE = 65_536


class Between:
    """A port of 127.0.0.1 that leads to `server`; with a context, by TLS. A thread of its own carries the bytes.

    `stall` lets nothing through any more, and tells nobody; `flow` carries on, and what waited arrives. `cut` ends all
    connections at once, and what waited never arrives.
    """

    def __init__(self, server: Address, context: ssl.SSLContext | None = None) -> None:
        self.host, self.port = "127.0.0.1", 0
        self.visits = 0
        """How many connections were made, by TLS or not."""
        self._server = server
        self._context = context
        self._loop = asyncio.new_event_loop()
        self._there, self._back = asyncio.Event(), asyncio.Event()
        self._set((self._there, self._back))
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="between")
        self._thread.start()
        assert self._ready.wait(PATIENCE)

    def stall(self, *, answers: bool = False) -> None:
        """Let nothing through from now on; or no `answers`, while the server still hears everything."""
        self._call(self._back.clear)
        if not answers:
            self._call(self._there.clear)

    def flow(self) -> None:
        """Let everything through again."""
        self._call(lambda: self._set((self._there, self._back)))

    def cut(self) -> None:
        """End all connections there are, as a reset does."""
        self._call(self._abort)

    def close(self) -> None:
        """End all connections, and the port; twice is harmless."""
        if self._thread.is_alive():
            self._call(self._stop.set)
            self._thread.join(PATIENCE)

    def change(self, context: ssl.SSLContext) -> None:
        """Show another certificate from the next connection on."""
        self._context = context

    def _call(self, action: Callable[[], object]) -> None:
        done = threading.Event()

        def act() -> None:
            action()
            done.set()

        self._loop.call_soon_threadsafe(act)
        assert done.wait(PATIENCE)

    @staticmethod
    def _set(events: tuple[asyncio.Event, ...]) -> None:
        for event in events:
            event.set()

    def _abort(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with await asyncio.start_server(self._accept, self.host, 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()
            await self._stop.wait()
            self._set((self._there, self._back))
            self._abort()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        task = asyncio.ensure_future(self._visit(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = {writer}
        self._writers.add(writer)
        try:
            if self._context:
                await writer.start_tls(self._context)
            behind, onward = await asyncio.open_connection(self._server.host, self._server.port)
            mine.add(onward)
            self._writers.add(onward)
            await asyncio.gather(self._carry(reader, onward, self._there), self._carry(behind, writer, self._back))
        except OSError:
            pass  # one side is gone: the other one goes, too
        finally:
            self._writers -= mine
            for each in mine:
                each.transport.abort()

    @staticmethod
    async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
        while piece := await reader.read(PIECE):
            await flowing.wait()
            writer.write(piece)
            await writer.drain()
        await flowing.wait()
        writer.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
