"""Rows of somebody else: taken in whole, marked, and in no sum; and the one file that is whole at rest."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ledger_clips import make_clip, planned

from hailuo_nb.errors import BudgetExceeded, LedgerError
from hailuo_nb.ledger.importing import ForeignBallot, ForeignClip, ForeignVote, TakenIn
from hailuo_nb.ledger.rows import ClipRow, NewBatch
from hailuo_nb.ledger.store import Ledger

Open = Callable[..., Ledger]
THEN = datetime(2026, 11, 1, tzinfo=UTC)


def foreign(text: str, attempt: int = 1, **columns: Any) -> ForeignClip:
    """Make a clip of somebody else, at $0.49."""
    told = {"cost_usd": Decimal("0.49"), "created_utc": THEN, "finished_utc": THEN, "sha256": f"{text:0<64}"}
    return ForeignClip(text, make_clip(text), attempt, {**told, "bytes": 7, **columns})


def take_in(ledger: Ledger, *clips: ForeignClip, ballots: tuple[ForeignBallot, ...] = ()) -> TakenIn:
    """Take clips in; their files are only said to be there."""

    def place(key: str, row: ClipRow, is_claimed: Callable[[str], bool]) -> str:
        assert (row.status, row.sha256 is not None) == ("completed", True)
        path = f"hailuo/clips/{key}.mp4"
        return path if not is_claimed(path) else path.replace(".mp4", "-2.mp4")

    return ledger.import_clips(NewBatch(name="pack"), clips, ballots, place)


def test_imported_rows_count_in_no_sum(open_ledger: Open, ledger_path: Path) -> None:
    """Neither when they come, nor when they are marked, nor in the audit when the ledger is opened again."""
    ledger = open_ledger()
    taken = take_in(ledger, foreign("a"), foreign("b"))
    assert (taken.new, taken.here, taken.other) == (["a", "b"], [], [])
    row = taken.rows["a"]
    assert (row.cost_usd, row.owner, row.prediction_id) == (Decimal("0.49"), None, None)
    assert row.imported_utc is not None
    assert row.created_utc == THEN
    ledger.rate(row.id, rating=5)
    assert ledger.committed_usd("simulator") == 0
    ledger.reserve(NewBatch(), [make_clip("mine")], budget_usd=Decimal("0.50"))
    with pytest.raises(BudgetExceeded):
        ledger.reserve(NewBatch(), [make_clip("more")], budget_usd=Decimal("0.50"))
    ledger.close()
    with closing(sqlite3.connect(ledger_path)) as file:
        file.execute("UPDATE spent SET micros = 5")
        file.execute("INSERT OR REPLACE INTO spent VALUES ('simulator', 990000)")
        file.commit()
    again = open_ledger()
    assert again.committed_usd("simulator") == 0
    assert [got.is_cached for got in again.reserve(NewBatch(), [make_clip("a")], budget_usd=Decimal(0))] == [
        True
    ]


def test_what_is_here_is_left_as_it_is(ledger: Ledger) -> None:
    """The same file is here already; another one of the same request stays out; what failed is followed."""
    take_in(ledger, foreign("a"))
    ledger.rate(ledger.rows()[0].id, note="mine")
    clip_id, fence = planned(ledger, make_clip("failed"))
    ledger.move(clip_id, fence=fence, to="submitting")
    ledger.move(clip_id, fence=fence, to="failed")
    before = ledger.rows()
    taken = take_in(ledger, foreign("a", note="theirs"), foreign("failed"))
    assert (taken.new, taken.here) == (["failed"], ["a"])
    assert ledger.rows()[:2] == before
    assert (taken.rows["failed"].attempt, taken.rows["failed"].status) == (2, "completed")
    other = take_in(ledger, foreign("a", sha256="f" * 64), foreign("failed", attempt=7, sha256="e" * 64))
    assert (other.other, other.rows) == (["a", "failed"], {})
    assert len(ledger.rows()) == 3


def test_votes_come_once_and_between_clips_that_are_here(ledger: Ledger) -> None:
    """A ballot that is here already keeps what was added to it."""
    votes = (ForeignVote("a", "b", "left", THEN, "ana", 900), ForeignVote("a", "gone", "tie", THEN))
    ballot = ForeignBallot("v0123456789", 3, "clip", False, ("a", "b", "gone"), THEN, votes)
    taken = take_in(ledger, foreign("a"), foreign("b"), ballots=(ballot,))
    assert taken.votes == 1
    ids = [taken.rows[key].id for key in "ab"]
    assert ledger.ballot(ballot.id).compared == {"by": "clip", "across": False, "clips": sorted(ids)}
    ledger.vote(ballot.id, number=2, left=ids[1], right=ids[0], answer="left")
    assert take_in(ledger, foreign("a"), foreign("b"), ballots=(ballot,)).votes == 0
    assert [(vote.answer, vote.voter) for vote in ledger.votes()] == [("left", "ana"), ("left", None)]
    alone = replace(ballot, id="v9876543210", votes=votes[1:])
    assert take_in(ledger, foreign("a"), ballots=(alone,)).votes == 0
    assert len(ledger.ballots()) == 1


def test_all_or_nothing(ledger: Ledger) -> None:
    """Whatever the placing of a file raises, no row is there."""

    def breaks(key: str, row: ClipRow, is_claimed: Callable[[str], bool]) -> str:
        if key == "b":
            raise OSError("full")
        return f"{key}.mp4"

    with pytest.raises(OSError, match="full"):
        ledger.import_clips(NewBatch(), [foreign("a"), foreign("b")], (), breaks)
    assert ledger.rows() == []
    claimed = []
    take_in(ledger, foreign("a"))
    ledger.import_clips(
        NewBatch(),
        [foreign("c")],
        (),
        lambda _key, _row, is_claimed: claimed.append(is_claimed("hailuo/clips/a.mp4")) or "c",
    )
    assert claimed == [True]


def test_the_file_alone_is_whole_after_a_checkpoint(
    ledger: Ledger, ledger_path: Path, tmp_path: Path
) -> None:
    """While the ledger is open: a copy of that one file, as a commit makes it, has every row."""
    written = []
    ledger.on_write = lambda: written.append(1)
    for number in range(20):
        take_in(ledger, foreign(f"clip{number}"))
    assert len(written) == 20
    ledger.checkpoint()
    (tmp_path / "clone").mkdir()
    shutil.copy(ledger_path, tmp_path / "clone" / "ledger.db")
    with Ledger.open(tmp_path / "clone" / "ledger.db") as clone:
        assert len(clone.rows()) == 20


def test_a_copy_shows_and_promises_nothing(ledger: Ledger, ledger_path: Path, tmp_path: Path) -> None:
    """What would be sent, or is to last, is refused; what is here is shown."""
    take_in(ledger, foreign("a"))
    ledger.close()
    (tmp_path / "copy").mkdir()
    shutil.copy(ledger_path, tmp_path / "copy" / "ledger.db")
    with Ledger.open(tmp_path / "copy" / "ledger.db", is_copy=True) as copy:
        assert copy.reserve(NewBatch(), [make_clip("a")])[0].is_cached
        with pytest.raises(
            LedgerError, match=r"1 clip is not here \(t2v-pro 'b', \$0\.49\), and nothing was sent"
        ):
            copy.reserve(NewBatch(), [make_clip("b")])
        for change in (
            lambda: copy.rate(copy.rows()[0].id, rating=1),
            lambda: copy.open_ballot(1, {}),
            lambda: take_in(copy, foreign("c")),
            lambda: copy.again(copy.rows()[0].id, quote_usd=None),
        ):
            with pytest.raises(LedgerError, match="cannot be written, so it is only shown"):
                change()
        assert len(copy.rows()) == 1
