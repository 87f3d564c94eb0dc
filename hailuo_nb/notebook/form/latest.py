"""Does something a moment after the last change, away from the kernel's thread.

In come requests from any thread, as often as somebody types; out goes one call for the newest of them. Next: the form
looks at itself and asks for prices this way, so that no handler holds up the kernel.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable

__all__ = ["Latest"]

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())


class Latest:
    """Calls a function on a thread of its own.

    Parameters
    ----------
    job : callable
        What to do.
    gap_s : float
        Seconds without a further request after which it is done.
    name : str
        Of the thread.
    """

    def __init__(self, job: Callable[[], None], gap_s: float, name: str) -> None:
        self._job = job
        self._gap_s = gap_s
        self._name = name
        self._bell = threading.Condition()
        self._due: float | None = None
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def ask(self, *, at_once: bool = False) -> None:
        """Ask for the job; of many requests in quick succession the last one counts."""
        with self._bell:
            if self._is_closed:
                return
            self._due = time.monotonic() + (0.0 if at_once else self._gap_s)
            if self._thread is None:
                # In an empty context: a cell's own would tie every later display to that cell.
                self._thread = threading.Thread(
                    target=contextvars.Context().run, args=(self._run,), name=self._name, daemon=True
                )
                self._thread.start()
            self._bell.notify()

    def close(self) -> None:
        """Do nothing more; a job that is being done ends by itself."""
        with self._bell:
            self._is_closed = True
            self._bell.notify()

    def _run(self) -> None:
        while self._is_due():
            try:
                self._job()
            except Exception:
                # Nobody called: the next change tries again.
                logger.exception("%s failed", self._name)

    def _is_due(self) -> bool:
        """Wait until the job is due; False at the end."""
        with self._bell:
            while not self._is_closed:
                wait_s = None if self._due is None else self._due - time.monotonic()
                if wait_s is not None and wait_s <= 0:
                    self._due = None
                    return True
                self._bell.wait(wait_s)
            return False
