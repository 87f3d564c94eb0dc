"""Ballots: pairs that are fair, balanced and the same after a kill; tokens that tell nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from vote_world import answer_of, finished

from hailuo_nb.analysis.ballot import Ballot
from hailuo_nb.errors import InvalidRequest, LedgerError
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.ledger.store import Ledger

TASTE = {"t2v-pro": 1.0, "t2v-standard": 0.0, "fast": -1.0}
Shown = list[tuple[str, str]]


@pytest.fixture
def open_ledger(tmp_path: Path) -> Iterator[Callable[[], Ledger]]:
    """Open the test's ledger as often as it wants."""
    opened: list[Ledger] = []

    def open_one() -> Ledger:
        opened.append(Ledger.open(tmp_path / "hailuo" / "ledger.db"))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def ledger(open_ledger: Callable[[], Ledger]) -> Ledger:
    """Give an open ledger."""
    return open_ledger()


@pytest.fixture
def rows(ledger: Ledger) -> list[ClipRow]:
    """Give three prompts in three variants."""
    return [finished(ledger, f"animal {n}", variant) for n in range(3) for variant in TASTE]


def run(ballot: Ballot, rows: list[ClipRow], most: int = 1000) -> Shown:
    """Vote by `TASTE` until the ballot or `most` ends; gives what was shown, left and right."""
    by_id = {row.id: row for row in rows}
    shown: Shown = []
    while len(shown) < most and (pair := ballot.next_pair()) is not None:
        left, right = ballot.clip(pair.left), ballot.clip(pair.right)
        shown.append((left, right))
        chance = np.random.default_rng(ballot.given)
        ballot.answer(pair.right, answer_of(chance, TASTE, by_id[left], by_id[right]))
    return shown


def test_every_clip_appears_about_as_often(ledger: Ledger, rows: list[ClipRow]) -> None:
    """Nothing is left out, nothing is shown much more than the rest, and five times each is the end."""
    ballot = Ballot.open(ledger, rows, by="variant", seed=4)
    assert ballot.left() == 23
    shown = run(ballot, rows)
    assert (ballot.left(), ballot.given, ballot.next_pair()) == (0, 23, None)
    seen = Counter(clip for pair in shown for clip in pair)
    assert len(seen) == 9
    assert max(seen.values()) - min(seen.values()) <= 2
    # Nobody waits while others are shown again: each pair has one of those seen least till then.
    so_far: Counter[str] = Counter()
    for pair in shown:
        assert min(so_far[clip] for clip in pair) == min(so_far[row.id] for row in rows)
        so_far.update(pair)


def test_sides_are_drawn(ledger: Ledger, rows: list[ClipRow]) -> None:
    """Whichever clip is older stands on the left about as often as on the right."""
    age = {row.id: row.seq for row in rows}
    shown = run(Ballot.open(ledger, rows, by="variant", seed=6, votes=60), rows)
    older_is_left = sum(age[left] < age[right] for left, right in shown)
    assert 18 <= older_is_left <= 42


def test_only_clips_of_one_prompt_meet_unless_asked(ledger: Ledger, rows: list[ClipRow]) -> None:
    """And never two of the same variant, when variants compete."""
    by_id = {row.id: row for row in rows}

    def kinds(shown: Shown) -> set[tuple[bool, bool]]:
        both = [(by_id[left], by_id[right]) for left, right in shown]
        return {(a.prompt == b.prompt, a.variant == b.variant) for a, b in both}

    assert kinds(run(Ballot.open(ledger, rows, by="variant", seed=1), rows)) == {(True, False)}
    mixed = kinds(run(Ballot.open(ledger, rows, by="variant", across=True, seed=1), rows))
    assert mixed == {(True, False), (False, False)}


def test_the_same_seed_and_votes_give_the_same_pairs(
    tmp_path: Path, ledger: Ledger, rows: list[ClipRow]
) -> None:
    """In another ledger with the same clips too; another seed gives other ones."""
    with Ledger.open(tmp_path / "other" / "ledger.db") as other:
        same = [finished(other, f"animal {n}", variant) for n in range(3) for variant in TASTE]
        first = run(Ballot.open(ledger, rows, by="clip", seed=11), rows)
        again = run(Ballot.open(other, same, by="clip", seed=11), same)
        differs = run(Ballot.open(other, same, by="clip", seed=12), same)
    assert first == again
    assert first != differs


def test_it_goes_on_at_the_same_place_after_a_kill(
    ledger: Ledger, open_ledger: Callable[[], Ledger], rows: list[ClipRow]
) -> None:
    """A ballot that was stopped shows the very pair that was on show, sides and all."""
    ballot = Ballot.open(ledger, rows, by="variant", seed=5)
    run(ballot, rows, most=7)
    pair = ballot.next_pair()
    assert pair is not None
    on_show = (ballot.clip(pair.left), ballot.clip(pair.right))
    resumed = Ballot.open(open_ledger(), rows[::-1], by="variant")
    assert (resumed.id, resumed.seed, resumed.given) == (ballot.id, 5, 7)
    found = resumed.next_pair()
    assert found is not None
    assert (resumed.clip(found.left), resumed.clip(found.right)) == on_show
    assert {found.left, found.right}.isdisjoint({pair.left, pair.right})


def test_taking_back_shows_the_pair_again(ledger: Ledger, rows: list[ClipRow]) -> None:
    """One after the other, back to the first."""
    ballot = Ballot.open(ledger, rows, by="clip", seed=2)
    shown = run(ballot, rows, most=3)
    for expected in reversed(shown):
        assert ballot.undo()
        pair = ballot.next_pair()
        assert pair is not None
        assert (ballot.clip(pair.left), ballot.clip(pair.right)) == expected
    assert (ballot.undo(), ballot.given) == (False, 0)


def test_tokens_tell_nothing_and_work_once(ledger: Ledger, rows: list[ClipRow]) -> None:
    """They differ each time a clip is shown, hold no part of an id, and an answered pair takes no second answer."""
    ballot = Ballot.open(ledger, rows, by="variant", seed=3)
    tokens: list[str] = []
    for _ in range(6):
        pair = ballot.next_pair()
        assert pair is not None
        assert ballot.next_pair() is pair
        tokens += [pair.left, pair.right]
        ballot.answer(pair.left, "tie")
        with pytest.raises(InvalidRequest, match="not on show"):
            ballot.answer(pair.left, "left")
    assert len(set(tokens)) == 12
    assert not any(row.id in token for row in rows for token in tokens)
    assert ballot.given == 6


def test_an_answer_that_is_none_keeps_the_pair(ledger: Ledger, rows: list[ClipRow]) -> None:
    """Nothing is written, and the pair is still there to be answered."""
    ballot = Ballot.open(ledger, rows)
    pair = ballot.next_pair()
    assert pair is not None
    with pytest.raises(InvalidRequest):
        ballot.answer(pair.left, "maybe")
    assert ballot.next_pair() is pair
    ballot.answer(pair.left, "both_bad", took_ms=1500, voter="Ann")
    (made,) = ledger.votes(ballot_id=ballot.id)
    assert (made.answer, made.took_ms, made.voter) == ("both_bad", 1500, "Ann")


def test_two_windows_on_one_ballot_do_not_mix(ledger: Ledger, rows: list[ClipRow]) -> None:
    """The slower one is told, and nothing is counted twice."""
    one, other = (Ballot.open(ledger, rows, seed=8) for _ in range(2))
    first, second = one.next_pair(), other.next_pair()
    assert first is not None
    assert second is not None
    one.answer(first.left, "left")
    with pytest.raises(LedgerError, match="voted on elsewhere"):
        other.answer(second.left, "right")
    assert len(ledger.votes(ballot_id=one.id)) == 1


def test_what_cannot_be_compared_is_told(ledger: Ledger, rows: list[ClipRow]) -> None:
    """One clip, one variant, or nothing that differs in one thing only."""
    with pytest.raises(InvalidRequest, match="two finished clips"):
        Ballot.open(ledger, rows[:1])
    with pytest.raises(InvalidRequest, match="same variant"):
        Ballot.open(ledger, [rows[0], rows[3]], by="variant")
    with pytest.raises(InvalidRequest, match="across=True"):
        Ballot.open(ledger, [rows[0], rows[4]], by="variant")
    assert ledger.ballots() == []


def test_pairs_go_where_a_vote_tells_most(ledger: Ledger) -> None:
    """After two variants are well known, the third meets people more than they meet each other."""
    rows = [finished(ledger, "one prompt", variant, take=take) for variant in TASTE for take in (1, 2, 3)]
    ballot = Ballot.open(ledger, rows, by="variant", seed=1, votes=60)
    by_id = {row.id: row for row in rows}
    run(ballot, rows)
    met = Counter(
        frozenset((by_id[v.left_clip].variant, by_id[v.right_clip].variant))
        for v in ledger.votes(ballot_id=ballot.id)
    )
    assert len(met) == 3
    assert max(met.values()) < 2.5 * min(met.values())
