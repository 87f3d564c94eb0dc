"""How strong each of several things is, from who won against whom: Bradley-Terry with ties, as Davidson has it.

In come counts for pairs; out come scores on the scale of log odds, their bootstrap intervals, and which of two is
surely the stronger. Pure numbers: `hailuo_nb.analysis.ranking` makes a table of them, `hailuo_nb.analysis.ballot` asks
which comparison would tell most.

The model (Davidson 1970): of i and j, i wins in proportion to ``exp(s_i)``, j to ``exp(s_j)``, and they tie in
proportion to ``v * exp((s_i + s_j) / 2)``. The scores are fitted by evalica, with Newman's algorithm for this model.
What it does not have is added here: a bootstrap of all replicates at once, hundreds of times quicker than one fit after
the other, and a small prior, so that what won every time has a score that is not infinite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Whole = npt.NDArray[np.int64]

__all__ = ["PRIOR", "Bouts", "Strengths", "components", "fit", "gains", "strengths"]

PRIOR = 0.2
"""Wins, and as many losses, that everything is taken to have against something average."""

REPLICATES = 400
MOST_AT_ONCE = 60
"""Beyond so many things each replicate takes long, and a third of them has to do."""

_MOST_CELLS = 4_000_000
_MOST_ROUNDS = 20_000
_STEPS = 60
# Each step is about the square of the one before, so what is left after this one is nothing.
_SMALL_STEP = 1e-4
_LONGEST_STEP = 2.0
_LEAST_TIE = -8.0
# For choosing pairs, where little is known yet: strengths apart by more than a few times are not expected.
_OPEN_PRIOR = 0.5
_RIDGE = 1e-9


@dataclass(frozen=True)
class Bouts:
    """What happened between pairs of things, which are counted from 0.

    Attributes
    ----------
    count : int
        How many things there are.
    first, second : numpy.ndarray
        The two of each pair; a pair stands here once.
    results : numpy.ndarray
        A row for each pair: wins of the first, wins of the second, ties.
    """

    count: int
    first: Whole
    second: Whole
    results: Floats

    @classmethod
    def of(cls, count: int, outcomes: Sequence[tuple[int, int, int]]) -> Bouts:
        """Count outcomes, each ``(one, other, 0 where one won, 1 where the other did, 2 for a tie)``."""
        import numpy as np

        pairs: dict[tuple[int, int], list[float]] = {}
        for one, other, result in outcomes:
            is_turned = one > other and result != 2
            pair = pairs.setdefault((min(one, other), max(one, other)), [0.0, 0.0, 0.0])
            pair[1 - result if is_turned else result] += 1
        keys = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
        results = np.array([pairs[key] for key in sorted(pairs)], dtype=np.float64).reshape(-1, 3)
        return cls(count, keys[:, 0], keys[:, 1], results)

    def with_average(self, prior: float) -> Bouts:
        """Add something average, against which everything won and lost `prior` times."""
        import numpy as np

        everything = np.arange(self.count, dtype=np.int64)
        average = np.full(self.count, self.count, dtype=np.int64)
        results = np.tile([prior, prior, 0.0], (self.count, 1))
        return Bouts(
            self.count + 1,
            np.concatenate([self.first, everything]),
            np.concatenate([self.second, average]),
            np.concatenate([self.results, results]),
        )


@dataclass(frozen=True)
class Strengths:
    """Scores and what is known of them.

    Attributes
    ----------
    scores : numpy.ndarray
        Log odds around 0, their mean: a difference of 1 means that the stronger wins 2.7 times as often as it loses.
    low, high : numpy.ndarray
        The interval that holds the true score in 95 of 100 cases.
    is_above : numpy.ndarray
        ``is_above[i, j]``: i is stronger than j in all but 2.5 of 100 replicates.
    tie : float
        Davidson's v: how readily equals tie; 1 means in one of three cases.
    """

    scores: Floats
    low: Floats
    high: Floats
    is_above: npt.NDArray[np.bool_]
    tie: float


def fit(bouts: Bouts, prior: float = PRIOR) -> tuple[Floats, float]:
    """Give scores with a mean of 0, and Davidson's v.

    Parameters
    ----------
    bouts : Bouts
        Every two things must be connected by comparisons, or by the prior.
    prior : float
        Wins and losses against something average; 0 gives the maximum of the likelihood, which exists only where
        every two things are joined by a chain of wins in both directions.
    """
    import evalica
    import numpy as np
    import pandas as pd

    told = bouts.with_average(prior) if prior else bouts
    at, kind = np.nonzero(told.results)
    words = (evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw)
    found = evalica.newman(
        told.first[at].tolist(),
        told.second[at].tolist(),
        [words[each] for each in kind],
        index=pd.Index(range(told.count)),
        weights=told.results[at, kind].tolist(),
        tolerance=1e-10,
        limit=_MOST_ROUNDS,
    )
    scores = np.log(found.scores.sort_index().to_numpy(dtype=np.float64))[: bouts.count]
    scores -= scores.mean()
    if prior:
        # With few votes, none of them a tie, evalica's steps can go in a circle, or stop far from the maximum.
        near, ties = _newton(bouts, bouts.results[None], np.zeros(bouts.count), 0.5, prior)
        highest = near[0] - near[0].mean()
        if np.abs(highest - scores).max() > _SMALL_STEP:
            return highest, float(np.exp(ties[0]))
    return scores, 2 * float(found.v) if bouts.results[:, 2].any() else 0.0


def strengths(
    bouts: Bouts, *, prior: float = PRIOR, replicates: int = REPLICATES, seed: int = 0
) -> Strengths:
    """Fit scores, and find by drawing the votes again and again how far they can be trusted.

    Parameters
    ----------
    bouts : Bouts
        Connected by comparisons.
    prior : float
        As for `fit`.
    replicates : int
        How often the votes are drawn again; with more than `MOST_AT_ONCE` things a third as often.
    seed : int
        The same seed gives the same intervals.
    """
    import numpy as np

    scores, tie = fit(bouts, prior)
    votes = int(bouts.results.sum())
    # One vote less for each thing, as for any spread around what the same votes have fitted: with few votes the
    # intervals would be too narrow.
    size = max(1, votes - bouts.count)
    chance = np.random.default_rng(seed)
    shares = bouts.results.ravel() / votes
    step = max(1, _MOST_CELLS // max((bouts.count + 1) ** 2, shares.size))
    wanted = replicates if bouts.count <= MOST_AT_ONCE else -(-replicates // 3)
    parts = []
    for start in range(0, wanted, step):
        drawn = chance.multinomial(size, shares, size=min(step, wanted - start))
        counts = drawn.reshape(len(drawn), -1, 3).astype(np.float64)
        parts.append(_newton(bouts, counts, scores, tie, prior)[0])
    found = np.concatenate(parts)
    found -= found.mean(axis=1, keepdims=True)
    low, high = np.quantile(found, (0.025, 0.975), axis=0)
    above = [(found[:, [one]] > found).mean(axis=0) >= 0.975 for one in range(bouts.count)]
    return Strengths(scores, low, high, np.array(above), tie)


def gains(bouts: Bouts, first: Whole, second: Whole) -> Floats:
    """Tell how much one more vote on each pair would narrow what is known, in natural units of information.

    Parameters
    ----------
    bouts : Bouts
        The votes so far; there may be none.
    first, second : numpy.ndarray
        The pairs in question, by their things.
    """
    import numpy as np

    counts = bouts.results[None]
    start, tie = np.zeros(bouts.count), 0.5
    scores, ties = _newton(bouts, counts, start, tie, _OPEN_PRIOR)
    told = bouts.with_average(_OPEN_PRIOR)
    whole = np.concatenate([counts, np.tile([_OPEN_PRIOR, _OPEN_PRIOR, 0.0], (1, bouts.count, 1))], axis=1)
    average = np.concatenate([scores, np.zeros((1, 1))], axis=1)
    _, curvature = _slopes(told, whole, average, ties)
    # Without v, whose place is the last.
    unknown = np.linalg.inv(curvature[0, :-1, :-1])
    spread = unknown[first, first] + unknown[second, second] - 2 * unknown[first, second]
    one, _, tied = _chances(scores[0, first], scores[0, second], ties[:1])
    bend: Floats = one + tied / 4 - (one + tied / 2) ** 2
    told_most: Floats = np.log1p(bend * np.maximum(spread, 0.0)) / 2
    return told_most


def components(bouts: Bouts) -> list[int]:
    """Give each thing the number of its part; no comparison, nor any chain of them, joins two parts."""
    part = list(range(bouts.count))

    def root(thing: int) -> int:
        while part[thing] != thing:
            part[thing] = part[part[thing]]
            thing = part[thing]
        return thing

    for one, other in zip(bouts.first.tolist(), bouts.second.tolist(), strict=True):
        part[root(one)] = root(other)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(thing), len(numbers)) for thing in range(bouts.count)]


def _newton(bouts: Bouts, results: Floats, start: Floats, tie: float, prior: float) -> tuple[Floats, Floats]:
    """Fit many sets of results over the same pairs at once, by Newton's method.

    It finds what `fit` finds: the likelihood has one maximum. Each of `results` is a set, `start` is where to begin.
    Gives the scores of each set, relative to something average, and the logarithm of its v.
    """
    import numpy as np

    told = bouts.with_average(prior)
    sets, count = len(results), bouts.count
    priors = np.broadcast_to(told.results[len(bouts.first) :], (sets, count, 3))
    counts = np.concatenate([results, priors], axis=1)
    has_ties = bool(bouts.results[:, 2].any())
    scores = np.zeros((sets, count + 1))
    scores[:, :count] = start
    ties = np.full(sets, np.log(tie) if has_ties else -np.inf)
    for _ in range(_STEPS):
        gradient, curvature = _slopes(told, counts, scores, ties)
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        step = np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        # The last score is that of something average, which stays where it is.
        scores[:, :count] += step[:, :count]
        if has_ties:
            # A set without any tie has its best v at 0, which no step reaches.
            ties = np.maximum(ties + step[:, count], _LEAST_TIE)
        if np.abs(step[:, :count]).max() < _SMALL_STEP:
            break
    return scores[:, :count], ties


def _slopes(told: Bouts, counts: Floats, scores: Floats, ties: Floats) -> tuple[Floats, Floats]:
    """Give the slope of each set's likelihood and how it bends, by score and then by the logarithm of v."""
    import numpy as np

    one, _, tied = _chances(scores[:, told.first], scores[:, told.second], ties[:, None])
    votes = counts.sum(axis=2)
    # What the first of a pair scores: 1 for a win, a half for a tie; the second has the rest.
    expected = one + tied / 2
    rest = counts[..., 0] + counts[..., 2] / 2 - votes * expected
    bend = votes * (one + tied / 4 - expected**2)
    with_tie = votes * tied * (0.5 - expected)
    size = told.count
    rows = np.arange(len(told.first))
    sides = np.zeros((len(rows), size))
    sides[rows, told.first], sides[rows, told.second] = 1.0, -1.0
    gradient = rest @ sides
    curvature = np.zeros((len(counts), size, size))
    curvature[:, told.first, told.second] = curvature[:, told.second, told.first] = -bend
    diagonal = np.arange(size)
    curvature[:, diagonal, diagonal] = bend @ np.abs(sides)
    # In the place of what is average, whose score is fixed, stands v.
    curvature[:, -1, :] = curvature[:, :, -1] = with_tie @ sides
    gradient[:, -1] = (counts[..., 2] - votes * tied).sum(axis=1)
    curvature[:, -1, -1] = (votes * tied * (1 - tied)).sum(axis=1) + _RIDGE
    return gradient, curvature


def _chances(first: Floats, second: Floats, tie: Floats) -> tuple[Floats, Floats, Floats]:
    """Give the chances that the first wins, that the second does, and that they tie; `tie` is the logarithm of v."""
    import numpy as np

    half = (first - second) / 2
    # Relative to the likelier of the two, so that nothing overflows.
    high = np.abs(half)
    one, other, tied = np.exp(half - high), np.exp(-half - high), np.exp(tie - high)
    whole = one + other + tied
    return one / whole, other / whole, tied / whole
