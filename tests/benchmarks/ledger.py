"""What a cell waits for in a ledger of 1,000,000 clips, beside the same in one of 1,000.

A new clip is `Ledger.reserve` under a budget and `Ledger.start_submit`: two transactions on disk before the POST may
leave. Resuming is the one query of ``%load_ext`` and then the rows themselves, 200 of which are out in both ledgers.
The cache is `Ledger.find`, by service, request hash and take. Every query seeks by an index, which
``tests/ledger/test_ledger_plans.py`` holds; what grows is the depth of its trees.

Opening a ledger is a line of its own, with no limit: it adds up an index over all rows, because a stranger's file may
claim that less was spent than its rows say. That is once a kernel, off the event loop.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from hailuo_nb.ledger.peek import count_out
from hailuo_nb.ledger.rows import NewBatch, NewClip
from hailuo_nb.ledger.store import Ledger
from tests.benchmarks.frame.row import Row
from tests.benchmarks.frame.timing import in_turn, median, seconds
from tests.benchmarks.made.ledger import SERVICE, STILL_OUT, make, wanted

MANY, FEW = 1_000_000, 1_000
TIMES = 31
BUDGET = Decimal(100_000_000)


def rows() -> list[Row]:
    """Measure each of the four in both ledgers."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / str(size) / "ledger.db" for size in (MANY, FEW)]
        for path, size in zip(paths, (MANY, FEW), strict=True):
            path.parent.mkdir()
            make(path, size)
        return [_opening(paths), *_at_work(paths)]


def _at_work(paths: list[Path]) -> list[Row]:
    """Measure what is done in a ledger that is open."""
    with Ledger.open(paths[0]) as many, Ledger.open(paths[1]) as few:
        assert len(_resume(many)) == len(_resume(few)) == STILL_OUT
        return [
            _row("a new clip, durable and in submitting", many, few, _submit()),
            _row("what is still out, at load", many, few, _resume),
            _row("10 look-ups of the cache", many, few, _look_up(many)),
        ]


def _submit() -> Callable[[Ledger], object]:
    """Give what writes one more clip, another each time."""
    numbers = itertools.count()

    def submit(ledger: Ledger) -> None:
        clip = wanted(next(numbers), is_new=True)
        priced = NewClip(**vars(clip) | {"quote_usd": Decimal("0.28"), "quote_source": "table"})
        got = ledger.reserve(NewBatch(notebook="a.ipynb", cell_id="c"), [priced], budget_usd=BUDGET)[0]
        assert got.is_new
        assert got.fence is not None
        assert ledger.start_submit(got.row.id, fence=got.fence, per_minute=3000, at_once=3000)[1] is not None

    return submit


def _resume(ledger: Ledger) -> list[object]:
    """Do what ``%load_ext`` does: count, then read what is out."""
    assert sum(count_out(ledger.path).values())
    return [row for row in ledger.out(SERVICE) if row.status == "processing"]


def _look_up(many: Ledger) -> Callable[[Ledger], object]:
    """Give what looks ten clips up, one after the other, here and there in the whole ledger."""
    numbers = itertools.count()

    def look_up(ledger: Ledger) -> None:
        size = MANY if ledger is many else FEW
        for _ in range(10):
            number = next(numbers) * 611_953 % size
            assert ledger.find([wanted(number).identity])[0] is not None

    return look_up


def _opening(paths: list[Path]) -> Row:
    many, few = in_turn(
        *(lambda path=path: seconds(lambda: Ledger.open(path).close()) * 1000 for path in paths)
    )
    return Row(
        f"opening a ledger of {MANY:,} clips",
        median(many),
        "ms",
        peer=median(few),
        beside=f"one of {FEW:,}",
        note="adds up what every row cost; once a kernel",
        raw={"ours": many, "peer": few},
    )


def _row(what: str, many: Ledger, few: Ledger, work: Callable[[Ledger], object]) -> Row:
    for ledger in (many, few):  # both warm: what is compared is the size, not who came first
        for _ in range(3):
            work(ledger)
    ours, theirs = in_turn(
        lambda: seconds(lambda: work(many)) * 1000, lambda: seconds(lambda: work(few)) * 1000, TIMES
    )
    return Row(
        f"{what}, of {MANY:,} clips",
        median(ours),
        "ms",
        peer=median(theirs),
        beside=f"of {FEW:,}",
        ratio_at_most=2.0,
        raw={"ours": ours, "peer": theirs},
    )
