"""What httpx and httpcore may log about our requests.

In come the records of their loggers; out they go with our keys masked and, for our own requests, without the
query of any address, where signatures stand. Other people's requests in the same kernel are logged as ever.
httpcore logs the answers' headers at DEBUG, and a server may echo anything there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from weakref import WeakSet

from hailuo_nb.wavespeed.key import Key

LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)
_OURS: ContextVar[bool] = ContextVar("hailuo_nb_request", default=False)
_QUERY = re.compile(r"\?[^\s\"'<>()]+")


class _Guard(logging.Filter):
    """Rewrites a record that shows what it must not; drops none."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: WeakSet[Key] = WeakSet()

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record's text in place."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            return True
        clean = text
        for key in list(self.keys):
            clean = key.masked(clean)
        if _OURS.get():
            clean = _QUERY.sub("?...", clean)
        if clean != text:
            record.msg, record.args = clean, ()
        return True


_GUARD = _Guard()


def guard(key: Key) -> None:
    """Keep `key` out of the log from now on, for as long as it lives."""
    _GUARD.keys.add(key)
    quieten()


def quieten() -> None:
    """Put the guard on the loggers; adding it twice changes nothing."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_GUARD)


@contextmanager
def our_request() -> Iterator[None]:
    """Mark what is logged inside as about a request of ours."""
    token = _OURS.set(True)
    try:
        yield
    finally:
        _OURS.reset(token)
