"""When to ask the service next.

In come how long a prediction has been out, how long this variant took before (the ledger knows) and its typical time;
out comes the pause before the next poll. Polls are sparse while nothing can be ready and close around the moment it
is expected; a running prediction is never given up.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

FIRST_GAP_S = 0.5
GROWTH = 1.3
LONGEST_GAP_S = 5.0
NEAR_GAP_S = 1.0
SHORTEST_GAP_S = 0.05
# In a long wait there is one look before the expected moment, at this share of the time until then.
LONG_S = 10.0
EARLY_LOOK = 0.6
FEWEST_PAST = 3


@dataclass(frozen=True)
class Expectation:
    """When a prediction is likely to be ready, in seconds after its submit.

    Attributes
    ----------
    early_s, late_s : float
        Nearly none is ready before, and most are ready after.
    near_gap_s : float
        The pause between polls from `early_s` to `late_s`.
    is_known : bool
        Whether the ledger's own past says so; else it is the catalogue's typical time.
    """

    early_s: float
    late_s: float
    near_gap_s: float
    is_known: bool


def expect(
    past_s: Sequence[float], typical_s: tuple[float, float] | None, speed: float = 1.0
) -> Expectation | None:
    """Tell when a prediction is likely to be ready.

    Parameters
    ----------
    past_s : Sequence[float]
        What the same variant took before at the same service, in seconds.
    typical_s : tuple of float, optional
        The catalogue's typical time in seconds, from and to.
    speed : float
        How many times faster than the catalogue says the service works (the simulator's speed).

    Returns
    -------
    Expectation or None
        None when nothing at all is known.
    """
    if len(past_s) >= FEWEST_PAST:
        ordered = sorted(past_s)
        early = ordered[int(0.1 * (len(ordered) - 1))] * 0.95
        late = ordered[round(0.9 * (len(ordered) - 1))]
        return Expectation(early, late, _between(0.25, (late - early) / 8, 2.0), is_known=True)
    if typical_s is None:
        return None
    low, high = typical_s[0] / speed, typical_s[1] / speed
    return Expectation(low, high, _between(0.25, (high - low) / 20, NEAR_GAP_S * 2), is_known=False)


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
    if elapsed_s < early_s:
        until_early = max(early_s - elapsed_s, SHORTEST_GAP_S)
        if not expectation.is_known:
            # Without a past of our own the typical time is hearsay: look now and then while waiting for it.
            return min(growing, until_early)
        # What is seen done is never earlier than the first look, so one early look lets the past grow shorter.
        look_s = early_s * EARLY_LOOK - elapsed_s
        return look_s if early_s >= LONG_S and look_s >= SHORTEST_GAP_S else until_early
    if elapsed_s <= expectation.late_s:
        return expectation.near_gap_s
    late_by = elapsed_s - expectation.late_s
    return _between(expectation.near_gap_s, late_by * (GROWTH - 1), LONGEST_GAP_S)


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
