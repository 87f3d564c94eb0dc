"""Scores from votes: against published fits, against voters of known taste, and where there is little to go by."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from vote_world import bouts

from hailuo_nb.analysis import strength
from hailuo_nb.analysis.strength import Bouts, components, fit, gains, strengths

# Games within the American League's eastern division in 1987: Agresti, Categorical Data Analysis, 2nd edition (2002),
# page 438. The row's team won so often against the column's.
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
BASEBALL = (
    (0, 7, 9, 7, 7, 9, 11),
    (6, 0, 7, 5, 11, 9, 9),
    (4, 6, 0, 7, 7, 8, 12),
    (6, 8, 6, 0, 6, 7, 10),
    (6, 2, 6, 7, 0, 7, 12),
    (4, 4, 5, 6, 6, 0, 6),
    (2, 4, 1, 3, 1, 7, 0),
)
# Their log-abilities over Baltimore's, as R's BradleyTerry2 gives them: Turner and Firth, Journal of Statistical
# Software 48 (9), 2012.
ABILITIES = {
    "Boston": 1.1077,
    "Cleveland": 0.6839,
    "Detroit": 1.4364,
    "Milwaukee": 1.5814,
    "New York": 1.2476,
    "Toronto": 1.2945,
}
# Chocolate puddings: two brands, how often each was preferred, and how often neither. Davidson, Journal of the American
# Statistical Association 65 (1970), 317-328.
PUDDINGS = (
    (1, 2, 19, 22, 16),
    (1, 3, 16, 19, 12),
    (2, 3, 19, 19, 10),
    (1, 4, 18, 23, 13),
    (2, 4, 23, 19, 9),
    (3, 4, 19, 20, 15),
    (1, 5, 13, 19, 18),
    (2, 5, 16, 20, 12),
    (3, 5, 16, 15, 17),
    (4, 5, 17, 14, 16),
    (1, 6, 18, 21, 12),
    (2, 6, 22, 20, 12),
    (3, 6, 13, 18, 10),
    (4, 6, 14, 19, 18),
    (5, 6, 11, 21, 12),
)
# His maximum-likelihood estimates of the brands' worths, which add up to 1, and of v.
WORTHS = (0.1388005, 0.1729985, 0.1617420, 0.1653930, 0.1586805, 0.2023855)
PUDDING_TIE = 0.7468147


def repeated(pairs: list[tuple[int, int, tuple[int, ...]]], count: int) -> Bouts:
    """Write counts out as single outcomes."""
    return Bouts.of(
        count, [(i, j, kind) for i, j, counts in pairs for kind in range(3) for _ in range(counts[kind])]
    )


def test_scores_are_those_of_the_reference_for_baseball() -> None:
    """To three digits, without ties and without a prior."""
    games = [
        (i, j, (BASEBALL[i][j], BASEBALL[j][i], 0))
        for i in range(len(TEAMS))
        for j in range(i + 1, len(TEAMS))
    ]
    scores, tie = fit(repeated(games, len(TEAMS)), prior=0)
    over = dict(zip(TEAMS, scores - scores[-1], strict=True))
    for team, ability in ABILITIES.items():
        assert over[team] == pytest.approx(ability, abs=5e-4), team
    assert tie == 0


def test_scores_are_those_that_davidson_published_with_ties() -> None:
    """Worths and the readiness to tie, to three digits."""
    tasted = repeated([(i - 1, j - 1, tuple(counts)) for i, j, *counts in PUDDINGS], 6)
    scores, tie = fit(tasted, prior=0)
    worths = np.exp(scores) / np.exp(scores).sum()
    assert worths == pytest.approx(WORTHS, abs=5e-5)
    assert tie == pytest.approx(PUDDING_TIE, abs=5e-4)


@pytest.mark.parametrize(
    ("count", "each", "spread", "tie"),
    [(4, 30, 1.5, 1.0), (6, 20, 1.0, 0.3), (5, 8, 0.7, 0.5), (3, 8, 0.5, 0.5)],
)
def test_intervals_hold_the_truth(count: int, each: int, spread: float, tie: float) -> None:
    """In 90 to 98 of 100 cases, over 200 runs of voters with known strengths; clear ones are put in order."""
    truth = np.linspace(-spread, spread, count)
    holds, is_right, falsely = 0.0, 0, 0
    start = time.process_time()
    for run in range(200):
        found = strengths(bouts(run, truth.tolist(), each, tie), seed=run)
        holds += float(np.mean((found.low <= truth) & (truth <= found.high)))
        is_right += bool(np.all(np.argsort(found.scores) == np.arange(count)))
        falsely += int(np.triu(found.is_above, 1).sum())
    assert 0.90 <= holds / 200 <= 0.98
    # In the first case the voters tell the strengths well apart: there the whole order must be right.
    assert is_right >= (190 if each == 30 else 0)
    # "Surely above" is wrong at most as often as it claims.
    assert falsely <= 0.025 * 200 * count * (count - 1) / 2
    assert time.process_time() - start < 60


def test_the_same_seed_gives_the_same_intervals() -> None:
    """And another one gives others."""
    some = bouts(3, [0.5, 0.0, -0.5], 10)
    first, again, other = (strengths(some, seed=seed) for seed in (1, 1, 2))
    assert first.low.tolist() == again.low.tolist()
    assert first.low.tolist() != other.low.tolist()


VOTES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=40)


def likelihood(some: Bouts, scores: np.ndarray, tie: float) -> float:
    """Give Davidson's log-likelihood of votes and prior, written as in his paper; the average has the score 0."""
    told = some.with_average(strength.PRIOR)
    worth = np.exp(np.append(scores, 0.0))
    one, other = worth[told.first], worth[told.second]
    tied = tie * np.sqrt(one * other)
    chances = np.stack([one, other, tied], axis=1) / (one + other + tied)[:, None]
    return float((told.results * np.log(np.maximum(chances, 1e-300))).sum())


@given(VOTES)
@example([(0, 1, 0), (0, 1, 0), (2, 0, 0)])  # here evalica goes in a circle,
@example([(0, 1, 0), (0, 2, 0), (3, 0, 0)])  # and here it stops too early
def test_scores_are_where_the_likelihood_is_highest(outcomes: list[tuple[int, int, int]]) -> None:
    """Whatever was voted: no score can be moved for the better, and what is shown is what the replicates are around."""
    some = Bouts.of(5, [each for each in outcomes if each[0] != each[1]])
    if not some.results.size:
        return
    found, ties = strength._newton(some, some.results[None], np.zeros(5), 0.5, strength.PRIOR)
    quick, tie = found[0], float(np.exp(ties[0]))
    top = likelihood(some, quick, tie)
    for step in (*np.eye(5) * 0.01, *np.eye(5) * -0.01):
        assert likelihood(some, quick + step, tie) < top
    assert fit(some)[0] == pytest.approx(quick - quick.mean(), abs=2e-4)


def test_what_won_every_time_has_a_finite_score() -> None:
    """One side won all: its score is high, and the interval says so."""
    found = strengths(Bouts.of(2, [(0, 1, 0)] * 12))
    assert np.all(np.isfinite([found.low, found.high, found.scores]))
    assert found.scores[0] > 1
    assert found.is_above.tolist() == [[False, True], [False, False]]


def test_who_is_named_first_does_not_matter() -> None:
    """A win is a win from either side."""
    one = Bouts.of(3, [(0, 1, 0), (1, 2, 1), (0, 2, 2)])
    other = Bouts.of(3, [(1, 0, 1), (2, 1, 0), (2, 0, 2)])
    assert one.results.tolist() == other.results.tolist()
    assert fit(one)[0].tolist() == fit(other)[0].tolist()


def test_parts_that_never_met_are_told_apart() -> None:
    """By chains of comparisons; what nobody compared is a part of its own."""
    assert components(Bouts.of(6, [(0, 1, 0), (1, 2, 2), (3, 4, 1)])) == [0, 0, 0, 1, 1, 2]


def test_a_vote_tells_most_where_least_is_known() -> None:
    """Of what was never seen more than of what was seen a few times, and least of what was seen often."""
    some = Bouts.of(4, [(0, 1, 0), (0, 1, 1)] * 20 + [(0, 2, 0), (0, 2, 1)] * 2)
    often, seldom, never = gains(some, np.array([0, 0, 0]), np.array([1, 2, 3]))
    assert never > seldom > often > 0
