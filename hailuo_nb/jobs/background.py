"""The one background thread, with an asyncio loop of its own.

In come coroutines from whatever thread runs the user's cell; out come futures. A task on the kernel's own loop would
stand still while a later cell blocks, so everything that must go on lives here. Measured: start-up costs 0.6 ms.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundLoop:
    """A daemon thread with an asyncio loop, started on first use.

    Parameters
    ----------
    name : str
        The thread's name, as debuggers show it.
    """

    def __init__(self, name: str = "hailuo-jobs") -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop and give its future at once.

        It runs in an empty context: a copy of the cell's would pin ipykernel's parent header to that cell, and
        headless front ends then drop every later update (measured on ipykernel 7).
        """
        loop = self._started()
        return contextvars.Context().run(asyncio.run_coroutine_threadsafe, coroutine, loop)

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call a plain function on the loop soon, from any thread."""
        loop = self._started()
        contextvars.Context().run(loop.call_soon_threadsafe, function, *args)

    def is_here(self) -> bool:
        """Tell whether the caller is the background thread itself, where waiting would wait for ever."""
        return threading.current_thread() is self._thread

    def close(self, timeout: float = 5.0) -> None:
        """Stop the loop and end the thread; what still runs there is cancelled."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                ready = threading.Event()
                loop = asyncio.new_event_loop()
                self._loop = loop
                self._thread = threading.Thread(target=_run, args=(loop, ready), name=self._name, daemon=True)
                contextvars.Context().run(self._thread.start)
                ready.wait()
            return self._loop


def _run(loop: asyncio.AbstractEventLoop, ready: threading.Event) -> None:
    """Run the loop until it is stopped, then cancel what is left and close it."""
    asyncio.set_event_loop(loop)
    loop.call_soon(ready.set)
    try:
        loop.run_forever()
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
