"""A ledger on a clock that stands still until a test moves it, and clips to put into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger_clips import Clock, make_clip

from hailuo_nb.ledger.rows import ClipRow, NewBatch, NewClip
from hailuo_nb.ledger.store import Ledger


@pytest.fixture
def clock() -> Clock:
    """Give the clock of the test's ledgers."""
    return Clock()


@pytest.fixture
def ledger_path(tmp_path: Path) -> Path:
    """Give the place of the test's ledger."""
    return tmp_path / "hailuo" / "ledger.db"


@pytest.fixture
def open_ledger(ledger_path: Path, clock: Clock) -> Iterator[Callable[..., Ledger]]:
    """Open the test's ledger as often as it wants, and close what is still open at the end."""
    opened: list[Ledger] = []

    def open_one(**options: Any) -> Ledger:
        opened.append(Ledger.open(ledger_path, **{"clock": clock} | options))
        return opened[-1]

    yield open_one
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_ledger: Callable[..., Ledger]) -> Ledger:
    """Give an open ledger."""
    return open_ledger()


@pytest.fixture
def clip() -> Callable[..., NewClip]:
    """Give what makes clips."""
    return make_clip


@pytest.fixture
def carry() -> Callable[..., ClipRow]:
    """Give what reserves a clip and takes it through its statuses."""

    def through(ledger: Ledger, new: NewClip, *statuses: str, **columns: Any) -> ClipRow:
        reserved = ledger.reserve(NewBatch(), [new])[0]
        assert reserved.fence is not None
        row = reserved.row
        for status in statuses:
            last = columns if status == statuses[-1] else {}
            row = ledger.move(row.id, fence=reserved.fence, to=status, **last)
        return row

    return through
