"""Work that takes long, such as hashing a password, done in a thread of its own; the result comes back to the loop.

It does not know what the work is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from net.loop import Loop

if TYPE_CHECKING:
    from queue import SimpleQueue


class Swamped(Exception):
    """More work waits than will be done in reasonable time."""


class Aside:
    """One worker thread, and before it a queue of at most `most` jobs; both begin with the first one."""

    _jobs: SimpleQueue[tuple[Callable[[], Any], Callable[[Any], None]] | None]

    def __init__(self, loop: Loop) -> None:
        self.most = 64
        self._loop = loop
        self._thread: threading.Thread | None = None
        self._waiting = 0

    def run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Call `work` in the worker, then `then` with its result in the loop; not where `work` fails: that is logged.

        Raises Swamped when too much waits.
        """
        if self._waiting >= self.most:
            raise Swamped
        self._waiting += 1
        if self._thread is None:
            self._begin()
        self._jobs.put((work, then))

    @property
    def busy(self) -> int:
        """Return how many jobs are not done."""
        return self._waiting

    def close(self) -> None:
        """Wait for the job at hand; those that wait are dropped."""
        if self._thread is not None:
            while self._drop():
                continue
            self._jobs.put(None)
            self._thread.join()

    def _begin(self) -> None:
        from queue import SimpleQueue  # the start does not wait for it

        self._jobs = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="aside", daemon=True)
        self._thread.start()

    def _drop(self) -> bool:
        from queue import Empty

        try:
            self._jobs.get_nowait()
        except Empty:
            return False
        return True

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._do(*job)

    def _do(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        try:
            result = work()
        except Exception:
            from logging import getLogger  # as in net.loop

            getLogger("chat.aside").exception("fault in work aside")
            self._loop.call_soon(self._done)
            return
        self._loop.call_soon(lambda: self._finish(then, result))

    def _done(self) -> None:
        self._waiting -= 1

    def _finish(self, then: Callable[[Any], None], result: Any) -> None:
        self._done()
        then(result)
