"""Brings things from other threads to the thread of Tk, a bounded batch at a time.

It does not know what it carries. A putter waits while the box is full, so a flood waits in the network, where it
belongs; between two batches Tk draws and hears the keyboard, so a flood does not freeze the window.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import tkinter
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

CAPACITY = 1000  # things that wait before a putter does
BATCH = 200  # things handed over at once: some 10 ms of work for the pane
GAP = 10  # milliseconds for drawing and keys before the next batch
POLL = 50  # milliseconds between two looks where Tk cannot wait for a pipe

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Calls `take(batch)` in Tk's thread with what other threads put, in order."""

    def __init__(self, root: tkinter.Tk, take: Callable[[list[Item]], None]) -> None:
        self._root = root
        self._take = take
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._open = True
        self._waker: _Pipe | None = None
        if hasattr(root.tk, "createfilehandler"):
            self._waker = _Pipe(root, self._deliver)
        else:
            self._poll()

    def put(self, item: Item) -> None:
        """Add `item`, from any thread but Tk's; waits while the box is full. After `close` it is dropped."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < CAPACITY or not self._open)
            if not self._open:
                return
            self._items.append(item)
            if len(self._items) == 1 and self._waker:
                self._waker.wake()

    def clear(self) -> None:
        """Drop what waits, and let those who wait for room go on."""
        with self._changed:
            self._items.clear()
            self._changed.notify_all()

    def close(self) -> None:
        """Take nothing more and let every putter go; twice is harmless."""
        with self._changed:
            self._open = False
            waker, self._waker = self._waker, None
        self.clear()
        if waker:
            waker.close()

    def _deliver(self) -> None:
        with self._changed:
            batch = [self._items.popleft() for _ in range(min(BATCH, len(self._items)))]
            more = bool(self._items)
            self._changed.notify_all()
        if more and self._waker:
            self._root.after(GAP, self._deliver)
        if batch:
            self._take(batch)

    def _poll(self) -> None:
        if self._open:
            self._root.after(POLL, self._poll)
            self._deliver()


class _Pipe:
    """Wakes Tk's loop from another thread, and for signals, which Tk alone would keep waiting."""

    def __init__(self, root: tkinter.Tk, woken: Callable[[], None]) -> None:
        self._root = root
        self._woken = woken
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        root.tk.createfilehandler(self._read, tkinter.READABLE, self._ready)
        self._signals_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"\0")

    def close(self) -> None:
        signal.set_wakeup_fd(self._signals_before)
        self._root.tk.deletefilehandler(self._read)
        os.close(self._read)
        os.close(self._write)

    def _ready(self, _file: object, _mask: int) -> None:
        os.read(self._read, 4096)
        self._woken()
