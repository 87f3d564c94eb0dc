"""Several kernels on one ledger, as real processes, killed where it hurts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from hailuo_nb.errors import LedgerError
from hailuo_nb.ledger.faults import FenceLost
from hailuo_nb.ledger.rows import NewBatch, NewClip
from hailuo_nb.ledger.store import Ledger

Open = Callable[..., Ledger]
Make = Callable[..., NewClip]
PROGRAM = Path(__file__).with_name("ledger_process.py")


@contextmanager
def kernel(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Start a process on the ledger, and end it."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", str(PROGRAM), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    with process:
        yield process
        process.kill()


def heard(process: subprocess.Popen[str]) -> str:
    """Wait for a line."""
    assert process.stdout is not None
    return process.stdout.readline()


def told(process: subprocess.Popen[str]) -> None:
    """Let a process go on."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_four_writers_lose_no_row_and_each_clip_has_one_winner(ledger_path: Path) -> None:
    """Eighty clips of their own and ten that all want, written at once."""
    with (
        kernel("write", ledger_path, "a") as a,
        kernel("write", ledger_path, "b") as b,
        kernel("write", ledger_path, "c") as c,
        kernel("write", ledger_path, "d") as d,
    ):
        writers = (a, b, c, d)
        assert [heard(each) for each in writers] == ["ready\n"] * 4
        for each in writers:
            told(each)
        won = sum(json.loads(heard(each)) for each in writers)
        assert [each.wait(60) for each in writers] == [0] * 4
    with Ledger.open(ledger_path) as ledger:
        rows = ledger.rows()
        assert Counter(completed=80, planned=10) == Counter(row.status for row in rows)
        assert len({row.id for row in rows}) == 90
        # Rows that a closed kernel let go are won again by whoever asks next; nobody wins one that is held.
        assert won >= 10
        assert all(len(ledger.events(row.id)) == 6 for row in rows if row.status == "completed")


def test_one_of_two_kernels_sends_a_clip(open_ledger: Open, clip: Make) -> None:
    """The other joins it while the first lives, and leaves its row alone."""
    first, second = open_ledger(), open_ledger()
    mine = first.reserve(NewBatch(), [clip()])[0]
    assert mine.fence is not None
    first.move(mine.row.id, fence=mine.fence, to="submitting")
    assert second.own([mine.row.id]) == {}
    assert {mine.row.id: mine.fence} == first.own([mine.row.id])
    with pytest.raises(FenceLost):
        second.move(mine.row.id, fence=mine.fence, to="submitted")


@pytest.mark.parametrize(
    ("status", "becomes"),
    [("submitting", "unconfirmed"), ("submitted", "submitted"), ("downloading", "downloading")],
)
def test_a_killed_kernel_frees_its_rows_at_once(
    open_ledger: Open, ledger_path: Path, status: str, becomes: str
) -> None:
    """No lease runs out first: the system drops its lock. What was about to be sent may be billed."""
    ledger = open_ledger()
    with kernel("hold", ledger_path, status) as process:
        clip_id, fence, name = json.loads(heard(process))
        assert ledger.own([clip_id]) == {}
        assert (ledger_path.parent / "locks" / f"{name}.lock").exists()
        process.kill()
        process.wait(60)
        assert {clip_id: fence + 1} == ledger.own([clip_id])
    row = ledger.row(clip_id)
    assert (becomes, ledger.kernel) == (row.status, row.owner)
    assert not (ledger_path.parent / "locks" / f"{name}.lock").exists()


def test_a_planned_row_of_a_killed_kernel_is_the_next_cells_to_send(
    open_ledger: Open, ledger_path: Path
) -> None:
    """Owning does not take it, because only a cell looks at the budget; its room is free again."""
    ledger = open_ledger()
    with kernel("hold", ledger_path, "planned") as process:
        clip_id, fence, _ = json.loads(heard(process))
        process.kill()
        process.wait(60)
    assert ledger.own([clip_id]) == {}
    row = ledger.row(clip_id)
    same = NewClip(
        row.service, row.request_hash, row.variant, row.model_id, row.prompt, quote_usd=Decimal("0.49")
    )
    got = ledger.reserve(NewBatch(), [same], budget_usd=Decimal("0.49"))[0]
    assert (True, clip_id) == (got.is_new, got.row.id)
    assert got.row.fence > fence


def test_the_late_write_of_an_old_owner_is_refused(open_ledger: Open, clip: Make) -> None:
    """A kernel that was taken for dead, as after a night asleep, writes nothing any more."""
    old, new = open_ledger(), open_ledger()
    got = old.reserve(NewBatch(), [clip()])[0]
    assert got.fence is not None
    for status in ("submitting", "submitted"):
        old.move(got.row.id, fence=got.fence, to=status)
    old._locks._mine.release()
    fence = new.own([got.row.id])[got.row.id]
    with pytest.raises(FenceLost):
        old.move(got.row.id, fence=got.fence, to="downloading")
    with pytest.raises(FenceLost):
        old.move(got.row.id, fence=fence, to="downloading")
    assert new.move(got.row.id, fence=fence, to="downloading").status == "downloading"


def test_closing_lets_go_of_everything(open_ledger: Open, clip: Make, ledger_path: Path) -> None:
    """The next kernel takes up what is out; no lock file is left behind."""
    first, second = open_ledger(), open_ledger()
    out, planned = first.reserve(NewBatch(), [clip("out"), clip("planned")])
    assert out.fence is not None
    for status in ("submitting", "submitted"):
        first.move(out.row.id, fence=out.fence, to=status)
    first.close()
    assert [out.row.id] == list(second.own([out.row.id, planned.row.id]))
    second.close()
    assert [file.name for file in (ledger_path.parent / "locks").iterdir()] == ["_opening.lock"]


def test_two_living_kernels_cannot_have_one_name(open_ledger: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a name that is no file's is refused."""
    first = open_ledger(kernel="k1")
    for wrong in ("../up", "", " ", "_opening", "a/b"):
        if wrong:
            with pytest.raises(LedgerError, match="cannot name a kernel"):
                open_ledger(kernel=wrong)
    with pytest.raises(LedgerError, match="Another kernel named k1"):
        open_ledger(kernel="k1")
    first.close()
    assert open_ledger(kernel="k1").kernel == "k1"


def test_a_lease_speaks_where_locks_do_not_reach(
    open_ledger: Open, clip: Make, clock: Callable[[], float]
) -> None:
    """On a network drive a lost lock proves nothing until 30 s without a beat have passed."""
    far, near = open_ledger(networked=True), open_ledger(networked=True)
    got = far.reserve(NewBatch(), [clip()])[0]
    assert got.fence is not None
    far.move(got.row.id, fence=got.fence, to="submitting")
    far._locks._mine.release()
    clock.now += 20
    far.beat()
    clock.now += 20
    assert near.own([got.row.id]) == {}
    clock.now += 15
    assert {got.row.id: got.fence + 1} == near.own([got.row.id])


def test_a_beat_writes_nothing_where_locks_reach(open_ledger: Open) -> None:
    """It is called every 10 s, so it costs nothing where it is not needed."""
    ledger = open_ledger()
    before = ledger.path.with_name("ledger.db-wal").stat().st_size
    ledger.beat()
    assert before == ledger.path.with_name("ledger.db-wal").stat().st_size


def test_opening_sweeps_up_after_the_killed(open_ledger: Open, ledger_path: Path) -> None:
    """Neither lock files nor leases pile up over the months."""
    with kernel("hold", ledger_path, "planned") as process:
        _, _, name = json.loads(heard(process))
        process.kill()
        process.wait(60)
    ledger = open_ledger()
    assert not (ledger_path.parent / "locks" / f"{name}.lock").exists()
    with ledger._database.read() as connection:
        assert [ledger.kernel] == list(connection.exec_driver_sql("SELECT kernel FROM kernels").scalars())
