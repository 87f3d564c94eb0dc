"""Votes: written one after the other, taken back, counted, and there after a kill."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from ledger_clips import make_clip

from hailuo_nb.errors import InvalidRequest, LedgerError
from hailuo_nb.ledger.reading import Wanted
from hailuo_nb.ledger.rows import NewBatch
from hailuo_nb.ledger.store import Ledger

Open = Callable[..., Ledger]


@pytest.fixture
def ids(ledger: Ledger) -> list[str]:
    """Give three clips."""
    return [got.row.id for got in ledger.reserve(NewBatch(), [make_clip(name) for name in "abc"])]


def counts(ledger: Ledger, ids: list[str]) -> list[tuple[int, int, int]]:
    """Give wins, losses and ties of clips, as the history has them."""
    found = ledger.table(Wanted(ids=ids)).stored
    by_id = dict(
        zip(found["id"], zip(found["wins"], found["losses"], found["ties"], strict=True), strict=True)
    )
    return [by_id[clip_id] for clip_id in ids]


def test_votes_count_for_both_clips_and_both_bad_is_a_tie(ledger: Ledger, ids: list[str]) -> None:
    """A win for one is a loss for the other; two bad clips are even."""
    ballot = ledger.open_ballot(7, {"by": "clip"})
    for number, answer in enumerate(("left", "right", "tie", "both_bad"), start=1):
        ledger.vote(ballot.id, number=number, left=ids[0], right=ids[1], answer=answer)
    assert counts(ledger, ids) == [(1, 1, 2), (1, 1, 2), (0, 0, 0)]


def test_a_vote_keeps_all_that_was_said(ledger: Ledger, ids: list[str]) -> None:
    """Sides, number, who and how long."""
    ballot = ledger.open_ballot(7, {"by": "variant"})
    made = ledger.vote(
        ballot.id, number=1, left=ids[1], right=ids[0], answer="left", voter=" Ann ", took_ms=2300
    )
    assert ("Ann", 2300, ids[1], ids[0], 1) == (
        made.voter,
        made.took_ms,
        made.left_clip,
        made.right_clip,
        made.number,
    )
    assert [made] == ledger.votes(ballot_id=ballot.id) == ledger.votes(clip_ids=ids[:2])
    assert ledger.votes(clip_ids=ids[1:]) == []
    assert (ballot.seed, ledger.ballot(ballot.id).compared) == (7, {"by": "variant"})
    assert [ballot] == ledger.ballots()


def test_taking_back_deletes_nothing(ledger: Ledger, ids: list[str], ledger_path: Path) -> None:
    """The last vote no longer counts, the one before it can be taken back next, and all rows stay."""
    ballot = ledger.open_ballot(0, {})
    first = ledger.vote(ballot.id, number=1, left=ids[0], right=ids[1], answer="left")
    second = ledger.vote(ballot.id, number=2, left=ids[1], right=ids[2], answer="tie")
    assert second == ledger.take_back_vote(ballot.id)
    assert [first] == ledger.votes(ballot_id=ballot.id)
    again = ledger.vote(ballot.id, number=2, left=ids[1], right=ids[2], answer="right")
    assert [again, first, None] == [ledger.take_back_vote(ballot.id) for _ in range(3)]
    assert counts(ledger, ids) == [(0, 0, 0)] * 3
    with closing(sqlite3.connect(ledger_path)) as file:
        assert file.execute("SELECT count(*) FROM votes").fetchone() == (6,)


def test_two_windows_cannot_give_the_same_vote(ledger: Ledger, open_ledger: Open, ids: list[str]) -> None:
    """The second is told that somebody was faster, and nothing is written."""
    ballot = ledger.open_ballot(0, {})
    other = open_ledger()
    ledger.vote(ballot.id, number=1, left=ids[0], right=ids[1], answer="left")
    with pytest.raises(LedgerError, match="voted on elsewhere"):
        other.vote(ballot.id, number=1, left=ids[0], right=ids[1], answer="right")
    assert len(other.votes()) == 1


@pytest.mark.parametrize(
    ("left", "right", "answer"), [(0, 1, "up"), (0, 1, "taken_back"), (0, 0, "tie"), (0, None, "left")]
)
def test_what_is_no_vote_is_refused(
    ledger: Ledger, ids: list[str], left: int, right: int | None, answer: str
) -> None:
    """Other answers, one clip twice, and clips that are not here."""
    ballot = ledger.open_ballot(0, {})
    with pytest.raises((InvalidRequest, LedgerError)):
        ledger.vote(
            ballot.id,
            number=1,
            left=ids[left],
            right="nobody" if right is None else ids[right],
            answer=answer,
        )
    assert ledger.votes() == []


def test_an_unknown_ballot_takes_no_vote(ledger: Ledger, ids: list[str]) -> None:
    """One line says what to do."""
    with pytest.raises(LedgerError, match="Start a new one"):
        ledger.vote("vnone", number=1, left=ids[0], right=ids[1], answer="tie")


def test_votes_outlive_their_kernel(open_ledger: Open, ids: list[str]) -> None:
    """They are on disk as soon as they are given."""
    first = open_ledger()
    ballot = first.open_ballot(3, {"by": "clip"})
    first.vote(ballot.id, number=1, left=ids[2], right=ids[0], answer="both_bad")
    # Nobody closes it: a kernel that is killed does not either.
    assert [(ids[2], "both_bad")] == [(v.left_clip, v.answer) for v in open_ledger().votes()]


def test_few_and_many_clips_are_counted_alike(
    ledger: Ledger, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way by the index and the way through everything agree."""
    ballot = ledger.open_ballot(0, {})
    for number, answer in enumerate(("left", "tie", "right", "left"), start=1):
        ledger.vote(
            ballot.id, number=number, left=ids[number % 3], right=ids[(number + 1) % 3], answer=answer
        )
    ledger.take_back_vote(ballot.id)
    few = counts(ledger, ids)
    monkeypatch.setattr("hailuo_nb.ledger.voting._FEW", 0)
    assert few == counts(ledger, ids)
    assert sum(map(sum, few)) == 6


def test_measures_are_kept_once_for_each_version(
    ledger: Ledger, carry: Callable[..., object], ids: list[str]
) -> None:
    """What was measured is not asked for again, until its definitions change; what cannot be is NULL."""
    steps = ("submitting", "submitted", "processing", "downloading", "completed")
    row = carry(ledger, make_clip("done"), *steps, path="hailuo/clips/done.mp4")
    clip_id = row.id  # type: ignore[attr-defined]
    assert [clip_id] == [each.id for each in ledger.unmeasured(1)]
    ledger.set_measures(clip_id, {"motion_px": 2.5, "cuts": 1, "flicker": float("nan")}, version=1)
    assert ledger.unmeasured(1) == []
    assert [clip_id] == [each.id for each in ledger.unmeasured(2, [clip_id])]
    assert ledger.unmeasured(2, ids) == []
    found = ledger.table(Wanted(ids=[clip_id])).stored
    assert [tuple(found[f"m.{name}"]) for name in ("motion_px", "cuts", "flicker")] == [
        (2.5,),
        (1.0,),
        (None,),
    ]
    with pytest.raises(LedgerError, match="no measure"):
        ledger.set_measures(clip_id, {"beauty": 1.0}, version=1)
