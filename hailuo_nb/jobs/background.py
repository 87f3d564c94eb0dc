"""A thread with an asyncio loop of its own, where everything that must go on lives.

In come coroutines and functions from whatever thread runs the user's cell; out come futures. A task on the kernel's own
loop would stand still while a later cell blocks. Measured: start-up costs 0.6 ms. Next: `hailuo_nb.jobs.runner`.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from hailuo_nb.errors import HailuoError

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())

T = TypeVar("T")

# A cell that hands something over is about to be shown and to end. Two busy threads hand the interpreter to each other
# every 5 ms: begun at once, a hundred jobs would hold up their own cell.
GATHER_S = 0.01
# And a cell of the user's that is ready to run waits for each such hand-over: with 200 jobs out, 78 ms for one in a
# hundred. While this thread is there they are asked to let go sooner (tests/benchmarks/kernel_free has the figures).
SWITCH_S = 0.0002


class BackgroundLoop:
    """A daemon thread with an asyncio loop, started on first use.

    Parameters
    ----------
    name : str
        The thread's name, as debuggers show it.
    gather_s : float
        How long calls are gathered before the first of them is made.
    """

    def __init__(self, name: str = "hailuo-jobs", *, gather_s: float = GATHER_S) -> None:
        self._name = name
        self._gather_s = gather_s
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._calls: list[tuple[Callable[..., object], tuple[object, ...]]] = []

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop and give its future at once.

        It runs in an empty context: a copy of the cell's would pin ipykernel's parent header to that cell, and
        headless front ends then drop every later update (measured on ipykernel 7).

        Raises
        ------
        HailuoError
            The loop was closed.
        """
        with self._lock:
            if not self._is_closed:
                loop = self._started()
                # What was handed over before comes first.
                contextvars.Context().run(loop.call_soon_threadsafe, self._call_all)
                return contextvars.Context().run(asyncio.run_coroutine_threadsafe, coroutine, loop)
        coroutine.close()
        raise HailuoError("This session was closed; load the extension again with %reload_ext hailuo_nb.")

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call a plain function on the loop soon, from any thread; once the loop is closed, nothing happens.

        Many calls wake the loop once: a cell of a hundred clips hands over two hundred.
        """
        with self._lock:
            if self._is_closed:
                return
            self._calls.append((function, args))
            if len(self._calls) == 1:
                loop = self._started()
                contextvars.Context().run(
                    loop.call_soon_threadsafe, loop.call_later, self._gather_s, self._call_all
                )

    def _call_all(self) -> None:
        """Call what was handed over; one that fails is logged and keeps none from being called."""
        with self._lock:
            calls, self._calls = self._calls, []
        for function, args in calls:
            try:
                function(*args)
            except Exception:
                logger.exception("a call on the background thread failed")

    def is_here(self) -> bool:
        """Tell whether the caller is this very thread, where waiting would wait for ever."""
        return threading.current_thread() is self._thread

    def close(self, timeout: float = 5.0) -> None:
        """Stop the loop and end the thread; what still runs there is cancelled. It is not started again."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
            self._is_closed = True
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(self._call_all)
        loop.call_soon_threadsafe(loop.stop)
        if thread is not threading.current_thread():
            thread.join(timeout)

    def _started(self) -> asyncio.AbstractEventLoop:
        """Give the loop, started where it is not; under the lock."""
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
    loop.set_exception_handler(_log)
    loop.call_soon(ready.set)
    before = sys.getswitchinterval()
    if before > SWITCH_S:
        sys.setswitchinterval(SWITCH_S)
    try:
        loop.run_forever()
    finally:
        if before > SWITCH_S:
            sys.setswitchinterval(before)
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def _log(_loop: asyncio.AbstractEventLoop, found: dict[str, Any]) -> None:
    """Log what nobody caught; asyncio's own way would print it into whichever cell runs just then."""
    logger.error("%s", found.get("message"), exc_info=found.get("exception"))
