"""Anything that two kernels may do to a ledger, in any order, against what must always hold."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_clips import Clock, make_clip

from hailuo_nb.errors import BudgetExceeded, LedgerError
from hailuo_nb.ledger.faults import FenceLost, TransitionRefused
from hailuo_nb.ledger.rows import NewBatch, Reserved
from hailuo_nb.ledger.status import COUNTED_SQL, STATUSES, is_allowed
from hailuo_nb.ledger.store import Ledger

BUDGET = Decimal("2.00")
KERNELS = st.integers(0, 1)
TEXTS = ("fox", "owl", "elk", "bee")
CLIPS = st.tuples(st.sampled_from(TEXTS), st.integers(1, 2), st.sampled_from(["0.19", "0.49", "0.70"]))
STEPS = st.sampled_from(STATUSES)
# How each status is reached most often, so that long lives are as likely as short ones.
NEXT = {
    "planned": "submitting",
    "submitting": "submitted",
    "unconfirmed": "submitted",
    "submitted": "processing",
    "processing": "downloading",
    "downloading": "completed",
}


class LedgerLife(RuleBasedStateMachine):
    """Two kernels reserve, own, move, die and come back on one ledger with one budget."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "hailuo" / "ledger.db"
        self.clock = Clock()
        self.ledgers: list[Ledger] = []
        # What each kernel believes it may write, and every fence that ever was.
        self.fences: list[dict[str, int]] = [{}, {}]
        self.statuses: dict[str, str] = {}
        self.sent: dict[str, int] = {}
        self.is_surprised = False

    @initialize()
    def open_both(self) -> None:
        """Start with two kernels on a new ledger."""
        self.ledgers = [self._open(), self._open()]

    def _open(self) -> Ledger:
        return Ledger.open(self.path, clock=self.clock)

    def _row_ids(self) -> list[str]:
        return sorted(self.statuses)

    @rule(at=KERNELS, wanted=st.lists(CLIPS, max_size=4))
    def reserve(self, at: int, wanted: list[tuple[str, int, str]]) -> None:
        """Run a cell."""
        cell = [make_clip(text, take=take, quote_usd=Decimal(usd)) for text, take, usd in wanted]
        before = self.ledgers[at].committed_usd("simulator")
        try:
            got = self.ledgers[at].reserve(NewBatch(), cell, budget_usd=BUDGET)
        except BudgetExceeded:
            assert before == self.ledgers[at].committed_usd("simulator")
            return
        self._learn(at, got)

    @precondition(lambda self: self.statuses)
    @rule(at=KERNELS, data=st.data())
    def again(self, at: int, data: st.DataObject) -> None:
        """Press the button of a clip that failed."""
        clip_id = data.draw(st.sampled_from(self._row_ids()))
        try:
            self._learn(at, [self.ledgers[at].again(clip_id, quote_usd=Decimal("0.49"), budget_usd=BUDGET)])
        except (BudgetExceeded, LedgerError):
            assert self.statuses[clip_id] == self.ledgers[at].row(clip_id).status

    def _learn(self, at: int, got: list[Reserved]) -> None:
        for each in got:
            if each.is_new:
                old = self.statuses.get(each.row.id)
                assert old in (None, "planned", "cancelled", "failed")
                # A row for which something was sent and maybe accepted is never this cell's to send.
                assert self.sent.get(each.row.id, 0) == 0
                assert each.row.status == "planned"
                assert each.fence is not None
                self.fences[at][each.row.id] = each.fence
            assert not (each.is_cached and each.row.status != "completed")
            self.statuses[each.row.id] = each.row.status

    @precondition(lambda self: self.statuses)
    @rule(at=KERNELS)
    def own(self, at: int) -> None:
        """Take what nobody living has."""
        got = self.ledgers[at].own(self._row_ids())
        for clip_id, fence in got.items():
            if fence != self.fences[at].get(clip_id):
                assert all(fence > known.get(clip_id, 0) for known in self.fences)
                if self.statuses[clip_id] == "submitting":
                    self.statuses[clip_id] = "unconfirmed"
            self.fences[at][clip_id] = fence

    @precondition(lambda self: any(self.fences))
    @rule(at=KERNELS, data=st.data(), step=STEPS, is_usual=st.booleans())
    def move(self, at: int, data: st.DataObject, step: str, is_usual: bool) -> None:
        """Write with a token that may be old, to a status that may be wrong."""
        if not self.fences[at]:
            return
        clip_id = data.draw(st.sampled_from(sorted(self.fences[at])))
        old = self.statuses[clip_id]
        to = NEXT.get(old, step) if is_usual else step
        ledger, before = self.ledgers[at], self.ledgers[at].row(clip_id)
        allowed = is_allowed(old, to, was_accepted=before.was_accepted)
        is_mine = before.owner == ledger.kernel and before.fence == self.fences[at][clip_id]
        if not (allowed and is_mine):
            with pytest.raises(TransitionRefused if is_mine else FenceLost):
                ledger.move(clip_id, fence=self.fences[at][clip_id], to=to)
            assert before == ledger.row(clip_id)
            return
        row = ledger.move(clip_id, fence=self.fences[at][clip_id], to=to)
        self._count(clip_id, old, row.status)
        # What was given up and turned up after all is a fact that no budget can undo.
        self.is_surprised |= old == "abandoned" and to == "submitted"
        self.statuses[clip_id] = row.status

    def _count(self, clip_id: str, old: str, new: str) -> None:
        """Keep count of submits that may have been accepted: there may be one for each row."""
        if new == "submitting" and old != new:
            self.sent[clip_id] = self.sent.get(clip_id, 0) + 1
            assert self.sent[clip_id] == 1
        if old == "submitting" and new in ("planned", "failed"):
            self.sent[clip_id] -= 1

    @precondition(lambda self: self.statuses)
    @rule(at=KERNELS, data=st.data(), percent=st.integers(0, 100))
    def settle(self, at: int, data: st.DataObject, percent: int) -> None:
        """Read a bill that is no higher than the quote."""
        clip_id = data.draw(st.sampled_from(self._row_ids()))
        row = self.ledgers[at].row(clip_id)
        if row.status in ("completed", "failed") and row.quote_usd is not None and row.was_accepted:
            self.ledgers[at].set_cost(clip_id, row.quote_usd * percent / 100)

    @precondition(lambda self: self.statuses)
    @rule(at=KERNELS, data=st.data(), usd=st.sampled_from(["0.10", "0.50", "1.50"]))
    def requote(self, at: int, data: st.DataObject, usd: str) -> None:
        """Learn the live price of what is planned."""
        clip_id = data.draw(st.sampled_from(self._row_ids()))
        before = self.ledgers[at].row(clip_id)
        try:
            self.ledgers[at].requote({clip_id: Decimal(usd)}, budget_usd=BUDGET)
        except BudgetExceeded:
            assert before == self.ledgers[at].row(clip_id)

    @rule(at=KERNELS, is_killed=st.booleans())
    def reopen(self, at: int, is_killed: bool) -> None:
        """Let a kernel end, well or badly, and start another; old tokens are kept to be tried."""
        if is_killed:
            self.ledgers[at]._locks._mine.release()  # what the system does
            self.ledgers[at]._database.close()
        else:
            self.ledgers[at].close()
        self.clock.now += 1
        self.ledgers[at] = self._open()

    @invariant()
    def holds(self) -> None:
        """One row for each attempt at a clip, none lost, every sum right, the budget kept."""
        if not self.ledgers:
            return
        with closing(sqlite3.connect(self.path)) as file:
            rows = file.execute(
                "SELECT id, service, request_hash, take, attempt, status FROM clips"
            ).fetchall()
            assert set(self.statuses) == {row[0] for row in rows}
            assert len(rows) == len({row[1:5] for row in rows})
            assert self.statuses == {row[0]: row[5] for row in rows}
            (counted,) = file.execute(f"SELECT coalesce(sum({COUNTED_SQL}), 0) FROM clips").fetchone()
            (kept,) = file.execute("SELECT coalesce(sum(micros), 0) FROM spent").fetchone()
            assert counted == kept
            for clip_id in self.statuses:
                told = file.execute(
                    "SELECT status FROM events WHERE clip_id = ? AND event = 'status' ORDER BY seq",
                    (clip_id,),
                ).fetchall()
                assert self.statuses[clip_id] == told[-1][0]
        assert self.is_surprised or self.ledgers[0].committed_usd("simulator") <= BUDGET

    def teardown(self) -> None:
        """Close what is open."""
        for ledger in self.ledgers:
            ledger.close()
        shutil.rmtree(self.folder)


TestLedgerLife = pytest.mark.timeout(170)(LedgerLife.TestCase)
LedgerLife.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None, database=None)
