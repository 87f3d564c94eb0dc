"""What polls placed by the past gain over fixed and growing intervals, at equal requests.

Each spread of generation times is gone through run by run, as a ledger grows; our polls are those of the package, one
job by itself. Then every fixed interval, and intervals growing by 1.15, 1.3, 1.5 and 2, are stretched until they take
as many polls as ours did, and their lateness is compared. The recorded spread is 120 runs of the simulator as a ledger
noted them; the others are drawn, with fixed seeds: what the catalogue says of each variant, long tails, two humps, a
service that drifts, and one with bursts.

Tried: polls at quantiles of the past (a third more polls where there are two humps, and nothing for the tail); the
density of Keller (1974), a look each time the square root of the hazard has grown by a step (as good where polls are
many, worse where two or three are all there are); kernel estimates of the spread (slower, no better). Kept is the exact
plan over a grid, found backwards, which is 15 lines.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from hailuo_nb.catalog.variants import all_variants
from hailuo_nb.jobs.pace import expect, gap_s
from tests.benchmarks.frame.row import Row
from tests.benchmarks.made.recorded import SIMULATOR_S

RUNS = 300
LEARNING = 20
KEPT = 50
GROWTHS = (1.0, 1.15, 1.3, 1.5, 2.0)
Gaps = Callable[[int], float]


def spreads() -> dict[str, list[float]]:
    """Give generation times in seconds, in the order in which they came."""
    dice = random.Random(7)

    def drawn(middle_s: Callable[[int], float], sigma: float) -> list[float]:
        return [middle_s(number) * math.exp(dice.gauss(0, sigma)) for number in range(RUNS)]

    found = {"recorded": list(SIMULATOR_S)}
    for variant in all_variants():
        if variant.typical_s is not None:
            low, high = variant.typical_s
            # The typical range holds about four fifths of the runs.
            sigma = math.log(high / low) / 2.56
            found[variant.name] = drawn(lambda _, low=low, high=high: math.sqrt(low * high), sigma)
    found["long tail"] = drawn(lambda _: 52.0, 0.8)
    found["very long tail"] = [20 * dice.paretovariate(1.5) for _ in range(RUNS)]
    found["seconds"] = drawn(lambda _: 2.4, 0.25)
    found["two humps"] = drawn(lambda _: 30.0 if dice.random() < 0.6 else 95.0, 0.08)
    found["drift"] = drawn(lambda number: 40 + number / 5, 0.1)
    found["bursts"] = drawn(lambda number: 135.0 if number // 15 % 5 == 4 else 45.0, 0.12)
    found["steady"] = drawn(lambda _: 60.0, 0.02)
    return found


def ours(times: Sequence[float], typical_s: tuple[float, float] | None = (30.0, 90.0)) -> tuple[float, float]:
    """Go through the runs as a ledger does; gives polls a run and mean lateness, after the first few runs."""
    past: list[float] = []
    polls: list[int] = []
    late: list[float] = []
    for time_s in times:
        expectation = expect(past[:KEPT], typical_s)
        at = 0.0
        count = 0
        while at < time_s:
            at += gap_s(at, count, expectation)
            count += 1
        polls.append(count)
        late.append(at - time_s)
        past.insert(0, time_s)
    return statistics.fmean(polls[LEARNING:]), statistics.fmean(late[LEARNING:])


def walked(times: Sequence[float], gap: Gaps) -> tuple[float, float]:
    """Poll every run at the same intervals; gives polls a run and mean lateness."""
    polls = 0
    late = 0.0
    for time_s in times:
        at = 0.0
        count = 0
        while at < time_s:
            at += gap(count)
            count += 1
        polls += count
        late += at - time_s
    return polls / len(times), late / len(times)


def at_equal_polls(times: Sequence[float], growth: float, polls: float) -> float:
    """Give the mean lateness of intervals that grow so and take as many polls, between the two nearest."""
    short, long = 0.001, max(times) * 4
    for _ in range(50):
        middle = math.sqrt(short * long)
        if walked(times, _growing(middle, growth))[0] > polls:
            short = middle
        else:
            long = middle
    (more, late_more), (fewer, late_fewer) = (
        walked(times, _growing(short, growth)),
        walked(times, _growing(long, growth)),
    )
    if more == fewer:
        return late_more
    return late_more + (late_fewer - late_more) * (more - polls) / (more - fewer)


def _growing(first_s: float, growth: float) -> Gaps:
    return lambda count: first_s * math.pow(growth, min(count, 200))


@cache
def ratios() -> Mapping[str, float]:
    """Give for each spread our lateness beside that of the best of the others at equal polls."""
    found = {}
    for name, times in spreads().items():
        polls, late_s = ours(times)
        rest = times[LEARNING:]
        found[name] = late_s / min(at_equal_polls(rest, growth, polls) for growth in GROWTHS)
    return found


def rows() -> list[Row]:
    """Compare our lateness with that of the best fixed or growing interval that asks as often."""
    return [
        _row("recorded", "recorded runs"),
        _row("very long tail", "a very long tail (Pareto, 1.5)"),
        _row(max(ratios(), key=lambda name: ratios()[name]), "the worst of all spreads"),
    ]


def _row(name: str, what: str) -> Row:
    times = spreads()[name]
    polls, late_s = ours(times)
    fixed = [
        (interval_s, *walked(times[LEARNING:], lambda _, gap=interval_s: gap))
        for interval_s in (1.0, 2.0, 5.0)
    ]
    told = ", ".join(f"every {each:.0f} s {polled:.0f} and {late:.2f} s" for each, polled, late in fixed)
    return Row(
        f"polls of {what}: lateness",
        late_s,
        "s",
        peer=late_s / ratios()[name],
        beside="the best interval at as many polls",
        ratio_at_most=1.1,
        note=f"{what}: {polls:.1f} polls a clip; {told}",
    )
