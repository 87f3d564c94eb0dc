"""When to ask the service next.

In come how long a prediction has been out, how long this variant took before (the ledger knows) and its typical time;
out comes the pause before the next poll. A running prediction is never given up.

With a past of its own this is inspection scheduling (Barlow, Hunter, Proschan 1963): a look costs `LOOK_S`, the time
from done to noticed costs itself, and the plan with the least expected cost is found once, backwards over a grid of
moments. It is a table from any age to the next look, so that each look is placed by what can still be, given that the
prediction was not done at the last one: close together where many end, far apart where few do, heavy tails and two
humps included. Without a past the catalogue's typical time is hearsay, and gaps follow the design's rule.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

FIRST_GAP_S = 0.5
GROWTH = 1.3
LONGEST_GAP_S = 5.0
NEAR_GAP_S = 1.0
SHORTEST_GAP_S = 0.05
FEWEST_PAST = 3
# What one look is worth, in seconds of lateness; less where clips take only seconds.
LOOK_S = 0.05
LOOK_SHARE = 0.01
# Where one request asks after several clips, a look costs each of them a part of it; and the last few of many are worth
# more looks than others, since whoever waits for all of them waits for these.
SHARED, LAST = 0.5, 0.25
# The weight of a run halves with every so many newer ones: a service that changes is followed, a burst forgotten.
HALF_LIFE = 15
# The next run is like one of the past ones, give or take a share of their spread: a few samples do not say more.
LIKENESS = (-1.0, -1 / 3, 1 / 3, 1.0)
LIKENESS_SHARE, LEAST_LIKENESS = 0.4, 0.05
# Some run ends sooner than any before: then a look in between lets the past grow shorter.
SOONER, SOONER_FROM = 0.005, 0.25
# The chance of one longer than any before is that of a new record, and falls off as slowly as this power says.
LATER_TO, LATER_POWER = 4.0, 2.0
# With a past, gaps beyond the expected moment may grow with the age.
LONGEST_SHARE = 0.1
GRID = 250


@dataclass(frozen=True)
class Expectation:
    """When a prediction is likely to be ready, in seconds after its submit.

    Attributes
    ----------
    early_s, late_s : float
        Nearly none is ready before, and most are ready after.
    near_gap_s : float
        The pause between polls from `early_s` to `late_s`, where nothing was planned.
    moments, looks : tuple of float
        The plan: whoever is not done at a moment is looked at again at the look beside it; empty where there is no
        past to make one of.
    """

    early_s: float
    late_s: float
    near_gap_s: float = NEAR_GAP_S
    moments: tuple[float, ...] = ()
    looks: tuple[float, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether the ledger's own past says so; else it is the catalogue's typical time."""
        return bool(self.moments)


def expect(
    past_s: Sequence[float],
    typical_s: tuple[float, float] | None,
    speed: float = 1.0,
    *,
    share: float = 1.0,
) -> Expectation | None:
    """Tell when a prediction is likely to be ready.

    Parameters
    ----------
    past_s : Sequence[float]
        What the same variant took before at the same service, in seconds, newest first.
    typical_s : tuple of float, optional
        The catalogue's typical time in seconds, from and to.
    speed : float
        How many times faster than the catalogue says the service works (the simulator's speed).
    share : float
        How much of a look's cost is this clip's: `SHARED`, `LAST`, or all of it.

    Returns
    -------
    Expectation or None
        None when nothing at all is known.
    """
    past = tuple(max(each, SHORTEST_GAP_S) for each in past_s)
    if len(past) >= FEWEST_PAST:
        return _planned(past, share)
    if typical_s is None:
        return None
    low, high = typical_s[0] / speed, typical_s[1] / speed
    return Expectation(low, high, _between(0.25, (high - low) / 20, NEAR_GAP_S * 2))


def gap_s(elapsed_s: float, polls: int, expectation: Expectation | None) -> float:
    """Give the pause before the next poll, in seconds.

    Parameters
    ----------
    elapsed_s : float
        Seconds since the prediction was sent.
    polls : int
        How many polls it has had.
    expectation : Expectation or None
        When it is likely to be ready.
    """
    growing = min(FIRST_GAP_S * float(GROWTH) ** min(polls, 50), LONGEST_GAP_S)
    early_s = 0.0 if expectation is None else expectation.early_s
    if polls == 0 and elapsed_s > max(growing, early_s):
        # Taken up again: it may have been ready for days.
        return 0.0
    if expectation is None:
        return growing
    if expectation.is_known:
        return _planned_gap_s(elapsed_s, expectation)
    if elapsed_s < early_s:
        # Look now and then while waiting for it.
        return min(growing, max(early_s - elapsed_s, SHORTEST_GAP_S))
    if elapsed_s <= expectation.late_s:
        return expectation.near_gap_s
    late_by = elapsed_s - expectation.late_s
    return _between(expectation.near_gap_s, late_by * (GROWTH - 1), LONGEST_GAP_S)


def _planned_gap_s(elapsed_s: float, known: Expectation) -> float:
    """Look the next poll up in the plan; after its end, gaps grow with the age."""
    place = bisect_right(known.moments, elapsed_s) - 1
    look_s = known.looks[place]
    if look_s <= elapsed_s and place + 1 < len(known.looks):
        look_s = known.looks[place + 1]
    longest = max(LONGEST_GAP_S, elapsed_s * LONGEST_SHARE)
    if look_s <= elapsed_s:
        return longest
    gap = max(look_s - elapsed_s, SHORTEST_GAP_S)
    return gap if elapsed_s < known.early_s else min(gap, longest)


@lru_cache(maxsize=64)
def _planned(past_s: tuple[float, ...], share: float = 1.0) -> Expectation:
    """Make the plan for what took so long before, newest first."""
    spread = _Spread(past_s)
    early_s, late_s = spread.quantile_s(0.05), spread.quantile_s(0.9)
    cost_s = share * min(LOOK_S, LOOK_SHARE * spread.quantile_s(0.5))
    moments = spread.moments()
    return Expectation(early_s, late_s, NEAR_GAP_S, moments, _looks(spread, moments, cost_s))


def _looks(spread: _Spread, moments: tuple[float, ...], cost_s: float) -> tuple[float, ...]:
    """Give the best next look after each moment, by going backwards.

    With the chance `done` of having ended by a moment and the mean time `spent` of those that have, the lateness of
    all that end between two looks is the later look times their chance, less their mean time; so each choice is one
    line. The rest of the plan after a look costs what was found for that moment.
    """
    done = [spread.done(moment) for moment in moments]
    spent = [0.0]
    for (was, now), (before, after) in zip(
        itertools.pairwise(moments), itertools.pairwise(done), strict=True
    ):
        spent.append(spent[-1] + (was + now) / 2 * (after - before))
    last = len(moments) - 1
    looks, rest = [moments[last]] * (last + 1), [0.0] * (last + 1)
    best = last
    for now in range(last - 1, -1, -1):
        # The best look of an earlier moment is never later than that of a later one.
        costs = [
            (moments[then] * (done[then] - done[now]) - (spent[then] - spent[now]) + rest[then], then)
            for then in range(now + 1, best + 1)
        ]
        found, best = min(costs)
        rest[now] = found + cost_s * (1 - done[now])
        looks[now] = moments[best]
    return tuple(looks)


class _Spread:
    """The chances of how long the next run takes: a line through the past ones, and its two ends."""

    def __init__(self, past_s: Sequence[float]) -> None:
        weights = [math.pow(0.5, number / HALF_LIFE) for number in range(len(past_s))]
        total = sum(weights)
        record = 1 / (total + 1)
        logs = [math.log(each) for each in past_s]
        middle = sum(logs) / len(logs)
        spread = math.sqrt(sum((each - middle) ** 2 for each in logs) / len(logs))
        reach = max(LEAST_LIKENESS, LIKENESS_SHARE * spread)
        pieces = sorted(
            (past * math.exp(like * reach), weight / len(LIKENESS))
            for past, weight in zip(past_s, weights, strict=True)
            for like in LIKENESS
        )
        self._times = [time for time, _ in pieces]
        running = itertools.accumulate((weight for _, weight in pieces), initial=0.0)
        share = (1 - record - SOONER) / total
        # In the middle of each piece half of it has ended.
        self._shares = [
            SOONER + share * (before + weight / 2)
            for before, (_, weight) in zip(running, pieces, strict=False)
        ]
        self._later = 1 - self._shares[-1]

    def done(self, seconds: float) -> float:
        """Give the chance that a run has ended by then."""
        times, shares = self._times, self._shares
        if seconds <= times[0]:
            ahead = math.log(times[0] / seconds) / -math.log(SOONER_FROM) if seconds > 0 else 1.0
            return shares[0] * max(0.0, 1 - ahead)
        if seconds >= times[-1]:
            return 1 - self._later * math.pow(times[-1] / seconds, LATER_POWER)
        place = bisect_left(times, seconds)
        low, high = times[place - 1], times[place]
        along = (seconds - low) / (high - low) if high > low else 1.0
        return shares[place - 1] + along * (shares[place] - shares[place - 1])

    def quantile_s(self, share: float) -> float:
        """Give the time by which that share of the runs has ended, within those seen."""
        place = min(bisect_left(self._shares, share), len(self._times) - 1)
        return self._times[place]

    def moments(self) -> tuple[float, ...]:
        """Give the moments to plan with: evenly far apart in proportion, from the soonest end to the latest."""
        first, last = self._times[0] * SOONER_FROM, self._times[-1] * LATER_TO
        ratio = math.pow(last / first, 1 / GRID)
        return (0.0, *(first * math.pow(ratio, number) for number in range(GRID + 1)))


def back_off_s(failures: int, retry_after_s: float | None = None, longest_s: float = 60.0) -> float:
    """Give the pause after `failures` failed attempts in a row, or what the service asked for if that is longer."""
    growing = min(0.5 * 2.0 ** min(failures, 10), longest_s)
    return max(growing, retry_after_s or 0.0)


def schedule(expectation: Expectation | None, until_s: float) -> list[float]:
    """List the moments at which a prediction would be polled up to `until_s`, for tests and benchmarks."""
    moments: list[float] = []
    elapsed = 0.0
    for polls in itertools.count():
        elapsed += gap_s(elapsed, polls, expectation)
        if elapsed > until_s:
            return moments
        moments.append(elapsed)
    raise AssertionError("unreachable")


def _between(low: float, value: float, high: float) -> float:
    return max(low, min(value, high))
